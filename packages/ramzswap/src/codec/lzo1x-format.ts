/**
 * The LZO1X stream format: the numbers that compressor and decompressor share.
 *
 * A stream is a row of instructions. Each one copies a match (bytes already produced, named by distance and length)
 * or a run of literals (bytes that follow in the stream). A match instruction carries in two spare bits the count,
 * 0 to 3, of literals that follow it, so short runs cost no byte of their own.
 *
 * | first byte | instruction | distance | length |
 * | --- | --- | --- | --- |
 * | 01LDDDSS, 1LLDDDSS | M2 match | 1..2048 | 3..8 |
 * | 001LLLLL | M3 match | 1..16384 | 2..33, longer by extension bytes |
 * | 0001HLLL | M4 match | 16385..49151 | 2..9, longer by extension bytes |
 * | 0000DDSS after 1..3 literals | M1 match | 1..1024 | 2 |
 * | 0000DDSS after 4 or more literals | M1 match | 2049..3072 | 3 |
 * | 0000LLLL after a match without literals | literal run | - | 4..18, longer by extension bytes |
 *
 * An extension is a row of zero bytes, each worth 255, and one closing byte of 1..255. An M4 match whose distance is
 * exactly 16384 ends the stream.
 *
 * Version 1 of the format (`lzo-rle`, 2019) begins with the bytes 17 and 1. There the M4 match of the greatest distance, 49151, means
 * something else: a run of zeros, 4 to 2051 bytes long, in four bytes: 00011LLL, 111111SS, 255, and the length's higher bits.
 */

/** Largest distance of an M1 match after 1..3 literals, in bytes. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M1_MAX_OFFSET = 0x0400;
/** Largest distance of an M2 match, in bytes. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M2_MAX_OFFSET = 0x0800;
/** Largest distance of an M3 match, in bytes; M4 distances count from here. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M3_MAX_OFFSET = 0x4000;
/** Largest distance of an M4 match, in bytes. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M4_MAX_OFFSET = 0xbfff;

/** Longest M2 match, in bytes. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M2_MAX_LEN = 8;
/** Longest M3 match without extension bytes. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M3_MAX_LEN = 33;
/** Longest M4 match without extension bytes. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M4_MAX_LEN = 9;

/** Smallest first byte of an M2 instruction. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M2_MARKER = 64;
/** Smallest first byte of an M3 instruction. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M3_MARKER = 32;
/** Smallest first byte of an M4 instruction. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const M4_MARKER = 16;

/** Bits of an index into the compressor's dictionary. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const D_BITS = 14;
/** Entries in the compressor's dictionary. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const D_SIZE = 1 << D_BITS;
/** Mask of an index into the dictionary. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const D_MASK = D_SIZE - 1;
/** Highest bit of an index into the dictionary; the second probe flips it. @kernel lib/lzo/lzodefs.h, 2.6.34 */
export const D_HIGH = (D_MASK >> 1) + 1;

/** Longest run of literals a stream can begin with in one byte. */
export const MAX_FIRST_RUN = 238;
/** Longest run of literals in one instruction byte; longer ones have extension bytes. */
export const MAX_SHORT_RUN = 18;
/** A first byte above this value is a run of `byte - 17` literals. */
export const FIRST_RUN_MARKER = 17;
/** What one zero byte in an extension stands for. */
export const EXTENSION_STEP = 255;
/** Bytes of the end marker (11 00 00). */
export const END_MARKER_BYTES = 3;

/** The first byte of a stream that names its version in the second. @kernel lib/lzo/lzo1x_decompress_safe.c, 5.1 */
export const VERSION_MARKER = 17;
/** The version with runs of zeros. @kernel lib/lzo/lzodefs.h LZO_VERSION, 5.1 */
export const LZO_RLE_VERSION = 1;
/** A shorter stream names no version. @kernel lib/lzo/lzo1x_decompress_safe.c, 5.1 */
export const VERSIONED_BYTES_MIN = 5;
/** Instruction of a run of zeros, without the low bits of its length. */
export const ZERO_RUN_INSTRUCTION = 0x18;
/** Shortest run of zeros, in bytes. @kernel lib/lzo/lzodefs.h MIN_ZERO_RUN_LENGTH, 5.1 */
export const MIN_ZERO_RUN = 4;
/** Longest run of zeros, in bytes. @kernel lib/lzo/lzodefs.h MAX_ZERO_RUN_LENGTH, 5.1 */
export const MAX_ZERO_RUN = 2047 + MIN_ZERO_RUN;
/** Bytes of an instruction for a run of zeros. */
export const ZERO_RUN_BYTES = 4;

/**
 * The longest stream the compressor can make of an input of this length.
 *
 * @param inputBytes bytes of input, 0 or more
 * @returns bytes of output that are always enough
 * @kernel include/linux/lzo.h lzo1x_worst_compress, 2.6.34
 */
export function maxCompressedBytes(inputBytes: number): number {
  return inputBytes + Math.floor(inputBytes / 16) + 64 + END_MARKER_BYTES;
}
