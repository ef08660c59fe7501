/**
 * A codec of a stream format in TypeScript: the readable twin of the WASM one, and what runs where there is no WASM.
 *
 * It has no state of its own; the dictionary lies in the caller's work area. Any number of threads may each have one. Which lock protects
 * what: see `contract.ts`.
 */
import type { Codec, CodecName } from './contract.js';
import { outcomeBytes, outcomeCode } from './outcome.js';
import { LZO_E_OK } from './results.js';
import type { StreamFormat } from './stream-format.js';
import { assertWindow } from './window.js';

/** A codec in TypeScript; see `Codec` for what each method promises. */
export class TwinCodec implements Codec {
  /** The name by which `createCodec` makes it. */
  readonly name: CodecName;

  /** False: this one is TypeScript. */
  readonly wasm = false;

  /** Bytes of work area that `compress` needs. */
  readonly workBytes: number;

  private readonly format: StreamFormat;

  /** @param format - what it reads and writes */
  constructor(format: StreamFormat) {
    this.name = format.name;
    this.workBytes = format.workWords * Int32Array.BYTES_PER_ELEMENT;
    this.format = format;
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
    return this.format.compress(
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
    const packed = this.format.decode(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
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
    const packed = this.format.decode(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
    const code = outcomeCode(packed);
    const bytesWritten = outcomeBytes(packed);
    progress[progressIndex] = bytesWritten;
    return code === LZO_E_OK ? bytesWritten : code;
  }
}
