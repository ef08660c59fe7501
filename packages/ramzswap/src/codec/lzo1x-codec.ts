/**
 * The codec `lzo1x-2010`: the compressor and the safe decoder of 2.6.34 behind the driver's codec interface.
 *
 * It has no state of its own; the dictionary lies in the caller's work area. Any number of threads may each have
 * one. Which lock protects what: see `contract.ts`.
 */
import type { Codec } from './contract.js';
import { LZO1X_WORK_WORDS, compressLzo1x } from './lzo1x-compress.js';
import { decodeLzo1x, outcomeBytes, outcomeCode } from './lzo1x-decompress.js';
import { maxCompressedBytes } from './lzo1x-format.js';
import { LZO_E_OK } from './results.js';
import { assertWindow } from './window.js';

/** The codec of the driver of 2010; see `Codec` for what each method promises. */
export class Lzo1x2010Codec implements Codec {
  /** The name by which `createCodec` makes it. */
  readonly name = 'lzo1x-2010';

  /** False: this one is TypeScript. */
  readonly wasm = false;

  /** Bytes of the dictionary and its header word: 65,540. */
  readonly workBytes = LZO1X_WORK_WORDS * Int32Array.BYTES_PER_ELEMENT;

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
    return compressLzo1x(
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

  /** See `Codec.decompress`. */
  decompress(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
  ): number {
    const packed = decodeLzo1x(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
    const code = outcomeCode(packed);
    return code === LZO_E_OK ? outcomeBytes(packed) : code;
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
    assertWindow('progress', progress.length, progressIndex, 1);
    const packed = decodeLzo1x(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
    const code = outcomeCode(packed);
    const bytesWritten = outcomeBytes(packed);
    progress[progressIndex] = bytesWritten;
    return code === LZO_E_OK ? bytesWritten : code;
  }
}
