/**
 * A codec of a stream format in WASM, on a machine's memory.
 *
 * Promise: the same streams, results and counts as `TwinCodec`, its twin in TypeScript, from and to the same work area; threads of one machine
 * may use either. Only the bytes of an output window behind the reported ones may differ.
 *
 * WASM reaches one memory only, that of the machine: where an array is not the machine's own view of it, the twin does the work.
 *
 * Which lock protects what: see `contract.ts`.
 */
import { instantiateOn, type Arena, type WasmBuilds } from '@swaplab/kernel-mm';
import type { Codec, CodecName } from './contract.js';
import { outcomeBytes, outcomeCode } from './outcome.js';
import { LZO_E_OK } from './results.js';
import type { StreamFormat } from './stream-format.js';
import { TwinCodec } from './twin-codec.js';
import { assertWindow } from './window.js';

/** What a codec module exports; all addresses are byte addresses in the machine's memory. `mode` is that of the format. @see assembly/ */
export interface CodecFunctions {
  /** Bytes written, or `LZO_E_OUTPUT_OVERRUN`. */
  compress(
    input: number,
    inputBytes: number,
    output: number,
    outputCapacity: number,
    workAddress: number,
    mode: number,
  ): number;
  /** Bytes written, or a negative `LZO_E_` code. */
  decompress(input: number, inputBytes: number, output: number, outputCapacity: number, mode: number): number;
  /** A packed outcome (`outcome.ts`). */
  decompressOutcome(
    input: number,
    inputBytes: number,
    output: number,
    outputCapacity: number,
    mode: number,
  ): number;
}

/** A codec in WASM; see `Codec` for what each method promises. */
export class WasmCodec implements Codec {
  /** The name by which `createCodec` makes it. */
  readonly name: CodecName;

  /** True: this one is. */
  readonly wasm = true;

  /** Bytes of work area that `compress` needs. */
  readonly workBytes: number;

  private readonly u8: Uint8Array;
  private readonly i32: Int32Array;
  private readonly functions: CodecFunctions;
  private readonly format: StreamFormat;
  private readonly twin: TwinCodec;

  /**
   * @param arena this thread's views of the machine's memory
   * @param functions of the module, instantiated on that memory
   * @param format what it reads and writes
   */
  constructor(arena: Arena, functions: CodecFunctions, format: StreamFormat) {
    this.u8 = arena.u8;
    this.i32 = arena.i32;
    this.functions = functions;
    this.format = format;
    this.twin = new TwinCodec(format);
    this.name = format.name;
    this.workBytes = this.twin.workBytes;
  }

  /** See `Codec.maxCompressedBytes`. */
  maxCompressedBytes(inputBytes: number): number {
    return this.format.maxCompressedBytes(inputBytes);
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
    assertWindow('work', work.length, workIndex, this.format.workWords);
    return this.functions.compress(
      inputOffset,
      inputBytes,
      outputOffset,
      outputCapacity,
      workIndex << 2,
      this.format.mode,
    );
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
    return this.functions.decompress(inputOffset, inputBytes, outputOffset, outputCapacity, this.format.mode);
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
    const packed = this.functions.decompressOutcome(
      inputOffset,
      inputBytes,
      outputOffset,
      outputCapacity,
      this.format.mode,
    );
    const code = outcomeCode(packed);
    const bytesWritten = outcomeBytes(packed);
    progress[progressIndex] = bytesWritten;
    return code === LZO_E_OK ? bytesWritten : code;
  }
}

/**
 * Makes the codec for the calling thread.
 *
 * @param builds of the module that knows the format
 * @param arena this thread's views of the machine's memory
 * @param format what it shall read and write
 * @returns the codec, or null where the platform cannot run it
 */
export function createWasmCodec(builds: WasmBuilds, arena: Arena, format: StreamFormat): WasmCodec | null {
  const functions = instantiateOn(builds, arena);
  return functions === null ? null : new WasmCodec(arena, functions as CodecFunctions, format);
}
