/**
 * The one memory that holds all state of a machine, and the typed views a thread has on it.
 *
 * Promise: full size from the start, never grown, below 2 GiB, so that every byte address is a positive 32-bit integer and WASM and
 * TypeScript work on the same bytes. With `shared: true` the memory can be posted to other threads; with `shared: false` it is private
 * to one thread, and nothing in this package then names `SharedArrayBuffer`.
 */
import { MisuseError } from '../errno.js';

/** Bytes in a page, a page frame and a swap slot. @kernel PAGE_SIZE, x86 */
export const PAGE_SIZE = 4096;
/** log2 of {@link PAGE_SIZE}. @kernel PAGE_SHIFT, x86 */
export const PAGE_SHIFT = 12;
/** Largest arena in bytes: addresses stay positive as int32. */
export const ARENA_BYTES_MAX = 0x7fff_0000;

const WASM_PAGE_BYTES = 65_536;

/** The part of `WebAssembly.Memory` the arena needs; it survives `postMessage` when shared. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}

interface WasmMemoryConstructor {
  new (descriptor: { initial: number; maximum: number; shared: boolean }): WasmMemory;
}

/** A thread's typed views on the memory. All of them cover all of it. */
export interface Arena {
  readonly memory: WasmMemory;
  /** Usable bytes. */
  readonly bytes: number;
  /** Whether other threads may attach, and waiting is possible. */
  readonly shared: boolean;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
}

/**
 * Allocates the memory of a machine, zeroed.
 * @param bytes - size in bytes, rounded up to 64 KiB
 * @param shared - whether other threads may attach
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE` when the size is not in 1..2 GiB, `ERR_NO_SHARED_MEMORY` when the platform offers none
 */
export function createArena(bytes: number, shared: boolean): Arena {
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes > ARENA_BYTES_MAX) {
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `A machine needs between 1 byte and ${ARENA_BYTES_MAX} bytes of memory in all, but this one would need ${bytes}.`,
    );
  }
  const platform = globalThis as {
    WebAssembly?: { Memory: WasmMemoryConstructor };
    SharedArrayBuffer?: unknown;
  };
  if (platform.WebAssembly === undefined) {
    throw new MisuseError(
      'ERR_NO_SHARED_MEMORY',
      'This platform has no WebAssembly.Memory, which holds the machine.',
    );
  }
  if (shared && platform.SharedArrayBuffer === undefined) {
    throw new MisuseError(
      'ERR_NO_SHARED_MEMORY',
      'This platform offers no SharedArrayBuffer; create the machine with shared: false to use it in one thread.',
    );
  }
  const wasmPages = Math.ceil(bytes / WASM_PAGE_BYTES);
  const memory = new platform.WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared });
  return viewArena(memory, shared);
}

/**
 * Makes the views of one thread on an existing memory.
 * @param memory - as created by {@link createArena}, here or in another thread
 * @param shared - as at creation
 */
export function viewArena(memory: WasmMemory, shared: boolean): Arena {
  const buffer = memory.buffer;
  return {
    memory,
    bytes: buffer.byteLength,
    shared,
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    f64: new Float64Array(buffer),
  };
}
