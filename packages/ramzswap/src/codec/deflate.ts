/**
 * The codec `deflate`: raw DEFLATE at level 1 (fflate), a stronger and much slower second opinion on how far pages
 * can shrink.
 *
 * fflate makes its tables and its output anew for each call, so this codec allocates; it is not for hot paths. Its
 * decoder does not know the end of our window, hence a scratch buffer of the codec's own: a stream is decoded there,
 * with room for one byte more than allowed, and copied to the output window only when all of it was good. On an error
 * the output window is untouched. Bytes after the last block are not noticed; the driver never makes such streams.
 *
 * Codes: truncated -> `LZO_E_INPUT_OVERRUN`, too long for the window -> `LZO_E_OUTPUT_OVERRUN`, a distance before the
 * start -> `LZO_E_LOOKBEHIND_OVERRUN`, anything else -> `LZO_E_ERROR`. Which lock protects what: see `contract.ts`.
 */
import { FlateErrorCode, deflateSync, inflateSync } from 'fflate';

import type { Codec } from './contract.js';
import {
  LZO_E_ERROR,
  LZO_E_INPUT_OVERRUN,
  LZO_E_LOOKBEHIND_OVERRUN,
  LZO_E_OUTPUT_OVERRUN,
} from './results.js';
import { assertWindow } from './window.js';

/** The fastest level that still searches for matches. */
const LEVEL = 1;
/** Size class of fflate's hash tables: the smallest, 4096 entries, which is one for each byte of a page. */
const TABLES = 0;
/** fflate splits its output into stored blocks of at least this many bytes at the worst, 5 bytes each. */
const STORED_BLOCK_BYTES = 7000;
const STORED_BLOCK_OVERHEAD = 5;

/** Turns what fflate throws into a result code. */
function inflateErrorCode(error: unknown): number {
  if (error instanceof RangeError) {
    // A stored block that does not fit: the copy into the scratch buffer is refused by the array itself.
    return LZO_E_OUTPUT_OVERRUN;
  }
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case FlateErrorCode.UnexpectedEOF:
      return LZO_E_INPUT_OVERRUN;
    case FlateErrorCode.InvalidDistance:
      return LZO_E_LOOKBEHIND_OVERRUN;
    default:
      return LZO_E_ERROR;
  }
}

/** Decodes a stream into a buffer; returns the bytes decoded (at most the buffer's length) or a negative code. */
function inflateInto(stream: Uint8Array, buffer: Uint8Array): number {
  try {
    return inflateSync(stream, { out: buffer }).length;
    // eslint-disable-next-line no-restricted-syntax -- fflate reports damaged data only by throwing; a codec answers with a code
  } catch (error) {
    return inflateErrorCode(error);
  }
}

/** The codec over fflate; see `Codec` for what each method promises. */
export class DeflateCodec implements Codec {
  /** The name by which `createCodec` makes it. */
  readonly name = 'deflate';

  /** False: this one is TypeScript. */
  readonly wasm = false;

  /** fflate has its own memory; it needs no work area. */
  readonly workBytes = 0;

  /** Where streams are decoded before they are known to be good; grows to the largest capacity asked for. */
  private scratch = new Uint8Array(0);

  /** See `Codec.maxCompressedBytes`. */
  maxCompressedBytes(inputBytes: number): number {
    return inputBytes + STORED_BLOCK_OVERHEAD * (1 + Math.ceil(inputBytes / STORED_BLOCK_BYTES));
  }

  /** See `Codec.compress`; the work area is not looked at. On an error nothing has been written. */
  compress(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
  ): number {
    assertWindow('input', input.length, inputOffset, inputBytes);
    assertWindow('output', output.length, outputOffset, outputCapacity);
    const stream = deflateSync(input.subarray(inputOffset, inputOffset + inputBytes), {
      level: LEVEL,
      mem: TABLES,
    });
    if (stream.length > outputCapacity) {
      return LZO_E_OUTPUT_OVERRUN;
    }
    output.set(stream, outputOffset);
    return stream.length;
  }

  /** See `Codec.decompress`. On an error nothing has been written. */
  decompress(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
  ): number {
    assertWindow('input', input.length, inputOffset, inputBytes);
    assertWindow('output', output.length, outputOffset, outputCapacity);
    if (inputBytes === 0) {
      return LZO_E_INPUT_OVERRUN;
    }
    if (this.scratch.length <= outputCapacity) {
      this.scratch = new Uint8Array(outputCapacity + 1);
    }
    // The one byte beyond the capacity tells a stream that fits from a longer one that was cut off.
    const buffer = this.scratch.subarray(0, outputCapacity + 1);
    const result = inflateInto(input.subarray(inputOffset, inputOffset + inputBytes), buffer);
    if (result < 0) {
      return result;
    }
    if (result > outputCapacity) {
      return LZO_E_OUTPUT_OVERRUN;
    }
    output.set(buffer.subarray(0, result), outputOffset);
    return result;
  }

  /** See `Codec.decompressSafe`. On an error nothing has been written. */
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
    const result = this.decompress(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
    progress[progressIndex] = Math.max(result, 0);
    return result;
  }
}
