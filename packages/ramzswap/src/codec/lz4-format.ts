/**
 * The LZ4 block format: the numbers that compressor and decompressor share.
 *
 * A block is a row of sequences. Each is a token, literals, and a match (bytes already produced, named by distance and length):
 *
 *   token        high four bits: number of literals; low four bits: length of the match less 4; 15 means that extension bytes follow
 *   extension    of the literals: bytes that are added as long as they are 255, and one more
 *   literals
 *   distance     two bytes, low one first: 1 to 65535
 *   extension    of the match
 *
 * The last sequence ends behind its literals: a block has no end marker, and its length comes from outside. For the sake of fast decoders the
 * last five bytes are always literals, and the last match begins at least twelve bytes before the end.
 */

/** Shortest match, in bytes. */
export const LZ4_MIN_MATCH = 4;
/** Greatest distance, in bytes. */
export const LZ4_MAX_DISTANCE = 0xffff;
/** So many bytes at the end are always literals. */
export const LZ4_LAST_LITERALS = 5;
/** So many bytes before the end no match begins any more. */
export const LZ4_MATCH_LIMIT = 12;
/** What four bits can say; more goes into extension bytes. */
export const LZ4_NIBBLE = 15;
/** What an extension byte that is not the last one stands for. */
export const LZ4_EXTENSION_STEP = 255;

/**
 * The longest block the compressor can make of an input of this length.
 *
 * @param inputBytes bytes of input, 0 or more
 * @returns bytes of output that are always enough
 */
export function maxLz4Bytes(inputBytes: number): number {
  return inputBytes + Math.floor(inputBytes / LZ4_EXTENSION_STEP) + 16;
}
