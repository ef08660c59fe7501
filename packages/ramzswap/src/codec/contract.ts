/**
 * What a codec of the driver is.
 *
 * A codec turns the bytes of one window into the bytes of another. Both windows may lie in one and the same array
 * (the arena's, shared or not) and must not overlap each other; if they do, the result is undefined but still stays
 * inside the output window. A codec never waits, takes no lock and reaches no scheduling point: the caller owns both
 * windows and the work area for the length of the call (in the driver: the device's mutex protects all three).
 *
 * Results are numbers, because the driver's paths must not allocate: bytes written, or a negative `LZO_E_` code.
 * Damaged data is an expected failure and never throws; a window outside its array does. What an output window holds behind
 * the bytes written is undefined.
 */

/**
 * The names of the codecs: the compressor of 2.6.34; the faster one of later kernels, with the same streams, and its form with runs of zeros;
 * LZ4 blocks; raw DEFLATE (an independent ratio to compare with); and a plain copy (which takes compression out of a measurement).
 */
export type CodecName = 'lzo1x-2010' | 'lzo1x-current' | 'lzo-rle' | 'lz4' | 'deflate' | 'none';

/** One way to make pages smaller; made by `createCodec`. One thread at a time may call one codec object. */
export interface Codec {
  /** The name by which `createCodec` makes it. */
  readonly name: CodecName;

  /** Whether the work is done in WASM; the results are the same. */
  readonly wasm: boolean;

  /**
   * Bytes of `Int32Array` work area that `compress` needs, a multiple of 4; 0 = none. The area must be all zero before
   * its first use and is only ever written by `compress`.
   */
  readonly workBytes: number;

  /**
   * The most bytes `compress` can write for an input of this length.
   *
   * @param inputBytes bytes to compress
   * @returns an output capacity, in bytes, with which `compress` cannot fail
   */
  maxCompressedBytes(inputBytes: number): number;

  /**
   * Compresses one window into another.
   *
   * @param input array that holds the input window
   * @param inputOffset first byte of the input window
   * @param inputBytes bytes in the input window
   * @param output array that holds the output window; may be the same array as `input`
   * @param outputOffset first byte of the output window
   * @param outputCapacity bytes in the output window
   * @param work array that holds the work area; not looked at when `workBytes` is 0
   * @param workIndex index (in 32-bit words) of the first word of the work area
   * @returns bytes written, or `LZO_E_OUTPUT_OVERRUN` when the result does not fit (the window then holds leftovers)
   * @throws RangeError when a window is not inside its array
   */
  compress(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
    work: Int32Array,
    workIndex: number,
  ): number;

  /**
   * Decompresses one window into another. The stream must use the whole input window.
   *
   * @param input array that holds the stream
   * @param inputOffset first byte of the stream
   * @param inputBytes bytes in the stream
   * @param output array that holds the output window; may be the same array as `input`
   * @param outputOffset first byte of the output window
   * @param outputCapacity bytes in the output window
   * @returns bytes written, or a negative `LZO_E_` code
   * @throws RangeError when a window is not inside its array
   */
  decompress(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
  ): number;

  /**
   * The same as `decompress`, and says on errors too how far it came. (The kernel's decoder has one in-out argument for
   * this: capacity on entry, bytes written on exit.)
   *
   * @param input array that holds the stream
   * @param inputOffset first byte of the stream
   * @param inputBytes bytes in the stream
   * @param output array that holds the output window; may be the same array as `input`
   * @param outputOffset first byte of the output window
   * @param outputCapacity bytes in the output window
   * @param progress array that holds the caller's result cell
   * @param progressIndex index of that cell: it receives the bytes written, also when the result is an error
   * @returns bytes written, or a negative `LZO_E_` code
   * @throws RangeError when a window or the cell is not inside its array
   */
  decompressSafe(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
    progress: Int32Array,
    progressIndex: number,
  ): number;
}
