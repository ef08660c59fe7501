/**
 * The LZO1X-1 compressor of 2.6.34, byte for byte.
 *
 * Promise: for the same input the same output as the kernel of that time makes with an empty dictionary. It is a
 * greedy one: a hash of four bytes gives one earlier position, at need a second one; the first match that is long
 * enough is taken; positions inside a match are not remembered; no attempt is given up early on random data.
 *
 * **The work area** is a header word and a dictionary of 16384 words. Every page must begin with an empty dictionary,
 * or the output would depend on the page before; but to clear 64 KiB of shared memory takes microseconds, a good part
 * of a compression. So the dictionary is emptied by counting instead: it holds *stamps*, not positions. A stamp is
 * `base + position`, where `base` is greater than every stamp of every earlier call; the header word keeps the
 * greatest stamp given out so far. An entry below the base of this call is from an earlier page, and so it counts as
 * empty. A work area of zeros is therefore an empty one. Only when the stamps would pass 2^31 - 1 (with pages: once
 * in half a million calls) the dictionary is really cleared and counting starts again.
 *
 * Seen from the current position, distance = current stamp - entry, and "the entry is of this page" is simply
 * distance <= position. The same comparison keeps the reads inside the input window whatever the work area holds: a
 * damaged one may cost compression, never safety.
 *
 * A driver that never clears its dictionary (as the first ramzswap did) sees old positions at the same address as
 * candidates. In stamps: the base does not move between pages. Such a mode would only have to decide, at the one
 * place where `base` is chosen, to leave the header word alone; the main loop is the same.
 *
 * Callers must keep: the windows of input, output and work area belong to this call alone while it runs. Nothing is
 * allocated.
 */
import {
  D_HIGH,
  D_MASK,
  D_SIZE,
  END_MARKER_BYTES,
  EXTENSION_STEP,
  FIRST_RUN_MARKER,
  M2_MAX_LEN,
  M2_MAX_OFFSET,
  M3_MARKER,
  M3_MAX_LEN,
  M3_MAX_OFFSET,
  M4_MARKER,
  M4_MAX_LEN,
  M4_MAX_OFFSET,
  MAX_FIRST_RUN,
  MAX_SHORT_RUN,
} from './lzo1x-format.js';
import { LZO_E_OUTPUT_OVERRUN } from './results.js';
import { assertWindow } from './window.js';

/** Words in front of the dictionary: the greatest stamp given out so far. */
const WORK_HEADER_WORDS = 1;

/** 32-bit words in the compressor's work area. */
export const LZO1X_WORK_WORDS = WORK_HEADER_WORDS + D_SIZE;

/** The last bytes of the input are never searched: a probe and a comparison of nine bytes must not leave the window. */
const TAIL_BYTES = 13;
/** The first position that is searched or remembered. */
const FIRST_POSITION = 4;
/** Greatest value of an entry of the dictionary. */
const MAX_STAMP = 0x7fffffff;
/** From this length on, moving bytes with one built-in call is faster than a loop. */
const BULK_BYTES = 64;
/** Multiplier of the hash. */
const HASH_FACTOR = 0x21;
/** Bits of the first index that the second probe keeps. */
const SECOND_PROBE_KEEP = 0x7ff;
/** Bits that the second probe flips. */
const SECOND_PROBE_FLIP = D_HIGH | 0x1f;

/** Starts a page: returns its base and moves the header word past all stamps the page can give out. */
function openDictionary(work: Int32Array, workIndex: number, inputBytes: number): number {
  let greatest = work[workIndex]!;
  if (greatest < 0 || greatest > MAX_STAMP - inputBytes) {
    work.fill(0, workIndex, workIndex + LZO1X_WORK_WORDS);
    greatest = 0;
  }
  work[workIndex] = greatest + inputBytes;
  return greatest + 1;
}

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

/** Bytes an extension of this value takes; 0 when there is nothing to extend. */
function extensionBytes(value: number): number {
  return value <= 0 ? 0 : 1 + (((value - 1) / EXTENSION_STEP) | 0);
}

/** Bytes that `emitLiterals` writes. */
function literalBytes(count: number, isFirst: boolean): number {
  if (count <= 3) {
    return isFirst && count > 0 ? 1 + count : count;
  }
  return 1 + count + (isFirst && count <= MAX_FIRST_RUN ? 0 : extensionBytes(count - MAX_SHORT_RUN));
}

/** Bytes that `emitMatch` writes. */
function matchBytes(distance: number, length: number): number {
  if (length <= M2_MAX_LEN && distance <= M2_MAX_OFFSET) {
    return 2;
  }
  return 3 + extensionBytes(length - (distance <= M3_MAX_OFFSET ? M3_MAX_LEN : M4_MAX_LEN));
}

/** Writes an extension; returns the new output position. */
function emitExtension(output: Uint8Array, at: number, value: number): number {
  let op = at;
  let rest = value;
  while (rest > EXTENSION_STEP) {
    output[op++] = 0;
    rest -= EXTENSION_STEP;
  }
  output[op++] = rest;
  return op;
}

/** Copies literals as they are; returns the new output position. */
function copyLiterals(
  input: Uint8Array,
  from: number,
  count: number,
  output: Uint8Array,
  at: number,
): number {
  if (count >= BULK_BYTES && input === output) {
    output.copyWithin(at, from, from + count);
    return at + count;
  }
  for (let i = 0; i < count; i++) {
    output[at + i] = input[from + i]!;
  }
  return at + count;
}

/** Writes a run of literals that stands before a match or, not being the first, at the end. */
function emitLiterals(
  input: Uint8Array,
  from: number,
  count: number,
  output: Uint8Array,
  at: number,
): number {
  let op = at;
  if (count <= 3) {
    // The two low bits of the instruction before are still free. It ends with two bytes of which the first holds them.
    output[op - 2] = output[op - 2]! | count;
  } else if (count <= MAX_SHORT_RUN) {
    output[op++] = count - 3;
  } else {
    output[op++] = 0;
    op = emitExtension(output, op, count - MAX_SHORT_RUN);
  }
  return copyLiterals(input, from, count, output, op);
}

/** Writes a match; returns the new output position. */
function emitMatch(output: Uint8Array, at: number, distance: number, length: number): number {
  let op = at;
  let code = distance - 1;
  if (length <= M2_MAX_LEN && distance <= M2_MAX_OFFSET) {
    output[op++] = ((length - 1) << 5) | ((code & 7) << 2);
    output[op++] = code >> 3;
    return op;
  }
  if (distance <= M3_MAX_OFFSET) {
    if (length <= M3_MAX_LEN) {
      output[op++] = M3_MARKER | (length - 2);
    } else {
      output[op++] = M3_MARKER;
      op = emitExtension(output, op, length - M3_MAX_LEN);
    }
  } else {
    code = distance - M3_MAX_OFFSET;
    const marker = M4_MARKER | ((code & 0x4000) >> 11);
    if (length <= M4_MAX_LEN) {
      output[op++] = marker | (length - 2);
    } else {
      output[op++] = marker;
      op = emitExtension(output, op, length - M4_MAX_LEN);
    }
  }
  output[op++] = (code & 63) << 2;
  output[op++] = (code >> 6) & 0xff;
  return op;
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
    const dictionary = workIndex + WORK_HEADER_WORDS;
    const stampBias = openDictionary(work, workIndex, inputBytes) - inputOffset;
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
        op = emitLiterals(input, pending, literals, output, op);
      }
      op = emitMatch(output, op, distance, length);
      ip = end;
      pending = end;
    } while (ip < searchEnd);
  }

  const literals = inputEnd - pending;
  const isFirst = op === outputOffset;
  if (literalBytes(literals, isFirst) > outputEnd - op) {
    return LZO_E_OUTPUT_OVERRUN;
  }
  if (isFirst && literals > 0 && literals <= MAX_FIRST_RUN) {
    output[op++] = FIRST_RUN_MARKER + literals;
    op = copyLiterals(input, pending, literals, output, op);
  } else if (literals > 0) {
    op = emitLiterals(input, pending, literals, output, op);
  }
  output[op++] = M4_MARKER | 1;
  output[op++] = 0;
  output[op++] = 0;
  return op - outputOffset;
}
