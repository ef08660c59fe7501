/**
 * LZO1X for any bytes: the compressor of Linux 2.6.34, that of later kernels, and the safe decoder of both, as two plain functions.
 *
 * This is the public entry `@swaplab/ramzswap/lzo1x`. It needs nothing of the machine or of the driver:
 *
 * ```ts
 * import { compress, decompress, maxCompressedBytes } from '@swaplab/ramzswap/lzo1x';
 * const packed = new Uint8Array(maxCompressedBytes(page.length));
 * const packedBytes = compress(page, packed);
 * const pageBytes = decompress(packed.subarray(0, packedBytes), page);
 * ```
 *
 * `compress(page, packed, { algorithm: 'current' })` is about twice as fast; its streams are a little longer, and the same decoder reads them. It is all
 * TypeScript and runs wherever JavaScript does; WASM needs the memory of a machine, see `createCodec`.
 *
 * The arrays may be views of shared memory. Input and output must not overlap. Nothing outside them is read or
 * written, whatever the input is. Faults throw an `Lzo1xError`; the driver, which must not throw, uses the codec
 * behind `createCodec('lzo1x-2010')` instead.
 */
import { LZO1X_WORK_WORDS, compressLzo1x } from './lzo1x-compress.js';
import { LZO1X_CURRENT_WORK_WORDS, compressLzo1xCurrent } from './lzo1x-current.js';
import { decodeLzo1x } from './lzo1x-decompress.js';
import { outcomeBytes, outcomeCode } from './outcome.js';
import { LZO_E_OK, LZO_E_OUTPUT_OVERRUN, codecErrorName } from './results.js';

export { maxCompressedBytes } from './lzo1x-format.js';
export {
  LZO_E_EOF_NOT_FOUND,
  LZO_E_ERROR,
  LZO_E_INPUT_NOT_CONSUMED,
  LZO_E_INPUT_OVERRUN,
  LZO_E_LOOKBEHIND_OVERRUN,
  LZO_E_OK,
  LZO_E_OUTPUT_OVERRUN,
} from './results.js';

/** A fault of `compress` or `decompress`. */
export class Lzo1xError extends Error {
  /** What went wrong, by the kernel's name: for example `LZO_E_INPUT_OVERRUN`. */
  readonly code: string;
  /** The same as the kernel's number: for example -4. */
  readonly result: number;
  /** Bytes at the start of the output that were produced before the fault. */
  readonly bytesWritten: number;

  /**
   * @param result a negative `LZO_E_` code
   * @param bytesWritten bytes produced before the fault
   * @param message one sentence that says what was wrong with which value
   */
  constructor(result: number, bytesWritten: number, message: string) {
    super(message);
    this.name = 'Lzo1xError';
    this.code = codecErrorName(result);
    this.result = result;
    this.bytesWritten = bytesWritten;
  }
}

/** What `compress` can be told. */
export interface CompressOptions {
  /** Which compressor: that of 2.6.34 (`'2010'`, the default), or the faster one of later kernels (`'current'`). */
  readonly algorithm?: '2010' | 'current';
  /**
   * Whether the compressor of 2.6.34 forgets each input before the next one (`'cleared'`, the default), or keeps its dictionary in `work`, as the
   * original did (`'kept'`): then the length of a stream depends on the inputs before it, and what comes out of it does not.
   */
  readonly dictionary?: 'cleared' | 'kept';
  /**
   * A work area from `createWorkArea`, to be used again and again by one caller at a time, and always with the same `algorithm` and `dictionary`. Without
   * it each call allocates one of up to 64 KiB.
   */
  readonly work?: Int32Array;
}

/**
 * Makes a work area for `compress`. Unless the dictionary is kept, the result of a compression does not depend on what the area was used for before.
 *
 * @returns an array that `compress` takes as `options.work`
 */
export function createWorkArea(): Int32Array {
  return new Int32Array(LZO1X_WORK_WORDS);
}

function smallWorkArea(): Int32Array {
  return new Int32Array(LZO1X_CURRENT_WORK_WORDS);
}

/**
 * Compresses bytes with an LZO1X-1 compressor, that of 2.6.34 when nothing else is asked for.
 *
 * @param input the bytes to compress, any number of them
 * @param output receives the stream from its first byte on; `maxCompressedBytes(input.length)` bytes are always enough
 * @param options compressor, dictionary, and a work area to use again
 * @returns length of the stream in bytes
 * @throws Lzo1xError with code `LZO_E_OUTPUT_OVERRUN` when the stream is longer than `output`
 * @throws RangeError when `options.work` is too short to be a work area
 */
export function compress(input: Uint8Array, output: Uint8Array, options?: CompressOptions): number {
  const { algorithm, dictionary, work } = options ?? {};
  const [inputBytes, capacity] = [input.length, output.length];
  const result =
    algorithm === 'current'
      ? compressLzo1xCurrent(input, 0, inputBytes, output, 0, capacity, work ?? smallWorkArea(), 0, false)
      : compressLzo1x(
          input,
          0,
          inputBytes,
          output,
          0,
          capacity,
          work ?? createWorkArea(),
          0,
          dictionary === 'kept',
        );
  if (result < 0) {
    throw new Lzo1xError(
      LZO_E_OUTPUT_OVERRUN,
      0,
      `the stream for ${String(input.length)} bytes does not fit in an output of ${String(output.length)} bytes; ` +
        'give maxCompressedBytes(input.length) bytes',
    );
  }
  return result;
}

/**
 * Decompresses an LZO1X stream.
 *
 * @param input the whole stream and nothing after it
 * @param output receives the original bytes from its first byte on; it may be longer than they are
 * @returns count of original bytes
 * @throws Lzo1xError when the input is damaged or `output` is too short; `bytesWritten` says how far it came
 */
export function decompress(input: Uint8Array, output: Uint8Array): number {
  const packed = decodeLzo1x(input, 0, input.length, output, 0, output.length);
  const code = outcomeCode(packed);
  const bytesWritten = outcomeBytes(packed);
  if (code !== LZO_E_OK) {
    throw new Lzo1xError(
      code,
      bytesWritten,
      `a stream of ${String(input.length)} bytes failed with ${codecErrorName(code)} after ${String(bytesWritten)} of ` +
        `at most ${String(output.length)} bytes of output`,
    );
  }
  return bytesWritten;
}
