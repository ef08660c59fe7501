/**
 * The LZO1X-1 compressor of 2.6.34, byte for byte.
 *
 * Promise: for the same input the same output as the kernel of that time makes. It is a greedy one: a hash of four bytes gives one earlier
 * position, at need a second one; the first match that is long enough is taken; positions inside a match are not remembered; no attempt is
 * given up early on random data.
 *
 * **The work area** is a header word and a dictionary of 16384 words, used in one of two ways for its whole life:
 *
 * - *cleared*: every input begins with an empty dictionary, so that its output depends on nothing else. How it is emptied without writing to
 *   it stands in `dictionary.ts`.
 * - *kept*: as the first ramzswap did, nobody ever empties it. It holds the places of bytes in memory, and an input at the place of an
 *   earlier one takes what it finds there for its own: candidates, compared with the bytes that are there now. The output is right, but
 *   may differ by a few bytes. In this mode an entry is the index of a byte in `input`'s array plus one, and the header word is not used.
 *
 * Callers must keep: the windows of input, output and work area belong to this call alone while it runs. Nothing is allocated.
 */
import { DICTIONARY_HEADER_WORDS, openDictionary } from './dictionary.js';
import { AFTER_MATCH, emitEnd, emitLiterals, emitMatch, literalBytes, matchBytes } from './lzo1x-emit.js';
import { D_HIGH, D_MASK, D_SIZE, END_MARKER_BYTES, M2_MAX_OFFSET, M4_MAX_OFFSET } from './lzo1x-format.js';
import { LZO_E_OUTPUT_OVERRUN } from './results.js';
import { assertWindow } from './window.js';

/** 32-bit words in the compressor's work area. */
export const LZO1X_WORK_WORDS = DICTIONARY_HEADER_WORDS + D_SIZE;

/** The last bytes of the input are never searched: a probe and a comparison of nine bytes must not leave the window. */
const TAIL_BYTES = 13;
/** The first position that is searched or remembered. */
const FIRST_POSITION = 4;
/** Multiplier of the hash. */
const HASH_FACTOR = 0x21;
/** Bits of the first index that the second probe keeps. */
const SECOND_PROBE_KEEP = 0x7ff;
/** Bits that the second probe flips. */
const SECOND_PROBE_FLIP = D_HIGH | 0x1f;

/**
 * End of the match at `ip`, of which three bytes are known to be equal. A match may go on to the very end of the
 * input, and into the bytes that it describes itself.
 */
function matchEnd(input: Uint8Array, ip: number, distance: number, inputEnd: number): number {
  let end = ip + 3;
  while (end < inputEnd && input[end - distance] === input[end]) {
    end++;
  }
  return end;
}

/**
 * Compresses a window of bytes into an LZO1X stream.
 *
 * @param input array that holds the input window
 * @param inputOffset first byte of the input window
 * @param inputBytes bytes in the input window
 * @param output array that holds the output window; may be the same array as `input`, the windows must not overlap
 * @param outputOffset first byte of the output window
 * @param outputCapacity bytes in the output window; `maxCompressedBytes(inputBytes)` is always enough
 * @param work array that holds the work area of `LZO1X_WORK_WORDS` words, all zero before its first use
 * @param workIndex index of the first word of the work area
 * @param kept whether the dictionary is kept from call to call; false by default
 * @returns bytes written, or `LZO_E_OUTPUT_OVERRUN` exactly when the stream is longer than the capacity
 * @throws RangeError when a window is not inside its array
 * @kernel lib/lzo/lzo1x_compress.c lzo1x_1_compress, 2.6.34
 */
export function compressLzo1x(
  input: Uint8Array,
  inputOffset: number,
  inputBytes: number,
  output: Uint8Array,
  outputOffset: number,
  outputCapacity: number,
  work: Int32Array,
  workIndex: number,
  kept = false,
): number {
  assertWindow('input', input.length, inputOffset, inputBytes);
  assertWindow('output', output.length, outputOffset, outputCapacity);
  assertWindow('work', work.length, workIndex, LZO1X_WORK_WORDS);

  const inputEnd = inputOffset + inputBytes;
  const outputEnd = outputOffset + outputCapacity - END_MARKER_BYTES;
  let op = outputOffset;
  /** First byte that is not yet in the output. */
  let pending = inputOffset;

  if (inputBytes > TAIL_BYTES) {
    const searchEnd = inputEnd - TAIL_BYTES;
    const dictionary = workIndex + DICTIONARY_HEADER_WORDS;
    const stampBias = kept ? 1 : openDictionary(work, workIndex, LZO1X_WORK_WORDS, inputBytes) - inputOffset;
    let ip = inputOffset + FIRST_POSITION;
    // The end is looked at only after a probe: the first one happens even when it lies at or beyond the end.
    do {
      // Search. This loop has no loop inside and calls nothing: it is where the time goes. The bytes at `ip` are kept
      // in variables and shifted, so that a step loads one new byte.
      let first = input[ip]!;
      let second = input[ip + 1]!;
      let third = input[ip + 2]!;
      let distance: number;
      let found = false;
      do {
        const fourth = input[ip + 3]!;
        const mixed = (((((fourth << 6) ^ third) << 5) ^ second) << 5) ^ first;
        const probe = ((HASH_FACTOR * mixed) >> 5) & D_MASK;
        const stamp = ip + stampBias;
        const position = ip - inputOffset;
        const farthest = position < M4_MAX_OFFSET ? position : M4_MAX_OFFSET;
        let slot = dictionary + probe;
        distance = (stamp - work[slot]!) | 0;
        let candidate = distance > 0 && distance <= farthest;
        if (candidate && distance > M2_MAX_OFFSET && input[ip - distance + 3] !== fourth) {
          // A far match of three bytes saves nothing. Look at the other place where these four bytes may be.
          slot = dictionary + ((probe & SECOND_PROBE_KEEP) ^ SECOND_PROBE_FLIP);
          distance = (stamp - work[slot]!) | 0;
          candidate =
            distance > 0 &&
            distance <= farthest &&
            (distance <= M2_MAX_OFFSET || input[ip - distance + 3] === fourth);
        }
        work[slot] = stamp;
        if (candidate) {
          const match = ip - distance;
          found = input[match] === first && input[match + 1] === second && input[match + 2] === third;
        }
        if (found) {
          break;
        }
        ip++;
        first = second;
        second = third;
        third = fourth;
      } while (ip < searchEnd);
      if (!found) {
        break;
      }

      const end = matchEnd(input, ip, distance, inputEnd);
      const length = end - ip;
      const literals = ip - pending;
      if (literalBytes(literals, false) + matchBytes(distance, length) > outputEnd - op) {
        return LZO_E_OUTPUT_OVERRUN;
      }
      if (literals > 0) {
        op = emitLiterals(input, pending, literals, output, op, AFTER_MATCH);
      }
      op = emitMatch(output, op, distance, length);
      ip = end;
      pending = end;
    } while (ip < searchEnd);
  }

  const isFirst = op === outputOffset;
  const end = emitEnd(input, pending, inputEnd - pending, output, op, outputEnd, isFirst, AFTER_MATCH);
  return end < 0 ? end : end - outputOffset;
}
