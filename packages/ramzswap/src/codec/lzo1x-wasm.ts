/**
 * The codec `lzo1x-2010` in WASM, on a machine's memory.
 *
 * Promise: the same streams, results and counts as `Lzo1x2010Codec`, its twin in TypeScript, from and to the same work area; threads of
 * one machine may use either. Only the bytes of an output window behind the reported ones may differ.
 *
 * It compresses two times and decompresses two times as fast. WASM reaches one memory only, that of the machine: where an array is not the
 * machine's own view of it, the twin does the work.
 *
 * Which lock protects what: see `contract.ts`.
 */
import { instantiateOn, type Arena } from '@swaplab/kernel-mm';
import type { Codec } from './contract.js';
import { Lzo1x2010Codec } from './lzo1x-codec.js';
import { LZO1X_WORK_WORDS } from './lzo1x-compress.js';
import { outcomeBytes, outcomeCode } from './lzo1x-decompress.js';
import { maxCompressedBytes } from './lzo1x-format.js';
import { LZO1X_WASM } from './lzo1x-wasm-builds.js';
import { LZO_E_OK } from './results.js';
import { assertWindow } from './window.js';

/** What the module exports; all addresses are byte addresses in the machine's memory. @see assembly/lzo1x.ts */
export interface Lzo1xFunctions {
  /** Bytes written, or `LZO_E_OUTPUT_OVERRUN`. */
  compress(
    input: number,
    inputBytes: number,
    output: number,
    outputCapacity: number,
    workAddress: number,
  ): number;
  /** Bytes written, or a negative `LZO_E_` code. */
  decompress(input: number, inputBytes: number, output: number, outputCapacity: number): number;
  /** A packed outcome, as `decodeLzo1x` returns it. */
  decompressOutcome(input: number, inputBytes: number, output: number, outputCapacity: number): number;
}

/** The codec of the driver of 2010 in WASM; see `Codec` for what each method promises. */
export class Lzo1xWasmCodec implements Codec {
  /** The name by which `createCodec` makes it. */
  readonly name = 'lzo1x-2010';

  /** True: this one is. */
  readonly wasm = true;

  /** Bytes of the dictionary and its header word: 65,540. */
  readonly workBytes = LZO1X_WORK_WORDS * Int32Array.BYTES_PER_ELEMENT;

  private readonly u8: Uint8Array;
  private readonly i32: Int32Array;
  private readonly functions: Lzo1xFunctions;
  private readonly twin: Lzo1x2010Codec;

  /**
   * @param arena this thread's views of the machine's memory
   * @param functions of the module, instantiated on that memory
   */
  constructor(arena: Arena, functions: Lzo1xFunctions) {
    this.u8 = arena.u8;
    this.i32 = arena.i32;
    this.functions = functions;
    this.twin = new Lzo1x2010Codec();
  }

  /** See `Codec.maxCompressedBytes`. */
  maxCompressedBytes(inputBytes: number): number {
    return maxCompressedBytes(inputBytes);
  }

  /** See `Codec.compress`. */
  compress(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
    work: Int32Array,
    workIndex: number,
  ): number {
    if (input !== this.u8 || output !== this.u8 || work !== this.i32) {
      return this.twin.compress(
        input,
        inputOffset,
        inputBytes,
        output,
        outputOffset,
        outputCapacity,
        work,
        workIndex,
      );
    }
    assertWindow('input', input.length, inputOffset, inputBytes);
    assertWindow('output', output.length, outputOffset, outputCapacity);
    assertWindow('work', work.length, workIndex, LZO1X_WORK_WORDS);
    return this.functions.compress(inputOffset, inputBytes, outputOffset, outputCapacity, workIndex << 2);
  }

  /** See `Codec.decompress`. */
  decompress(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
  ): number {
    if (input !== this.u8 || output !== this.u8) {
      return this.twin.decompress(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
    }
    assertWindow('input', input.length, inputOffset, inputBytes);
    assertWindow('output', output.length, outputOffset, outputCapacity);
    return this.functions.decompress(inputOffset, inputBytes, outputOffset, outputCapacity);
  }

  /** See `Codec.decompressSafe`. */
  decompressSafe(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
    progress: Int32Array,
    progressIndex: number,
  ): number {
    if (input !== this.u8 || output !== this.u8) {
      return this.twin.decompressSafe(
        input,
        inputOffset,
        inputBytes,
        output,
        outputOffset,
        outputCapacity,
        progress,
        progressIndex,
      );
    }
    assertWindow('progress', progress.length, progressIndex, 1);
    assertWindow('input', input.length, inputOffset, inputBytes);
    assertWindow('output', output.length, outputOffset, outputCapacity);
    const packed = this.functions.decompressOutcome(inputOffset, inputBytes, outputOffset, outputCapacity);
    const code = outcomeCode(packed);
    const bytesWritten = outcomeBytes(packed);
    progress[progressIndex] = bytesWritten;
    return code === LZO_E_OK ? bytesWritten : code;
  }
}

/**
 * Makes the codec for the calling thread.
 *
 * @param arena this thread's views of the machine's memory
 * @returns the codec, or null where the platform cannot run it
 */
export function createLzo1xWasmCodec(arena: Arena): Lzo1xWasmCodec | null {
  const functions = instantiateOn(LZO1X_WASM, arena);
  return functions === null ? null : new Lzo1xWasmCodec(arena, functions as Lzo1xFunctions);
}
