/**
 * Writing LZO1X instructions: what all compressors of the family share once they have found a match.
 *
 * Each pair of functions belongs together: one says how many bytes an instruction takes, the other writes exactly so many. The caller
 * compares the first with the room it has, and only then calls the second; nothing here checks windows. Nothing is allocated.
 */
import {
  EXTENSION_STEP,
  FIRST_RUN_MARKER,
  M2_MAX_LEN,
  M2_MAX_OFFSET,
  M3_MARKER,
  M3_MAX_LEN,
  M3_MAX_OFFSET,
  M4_MARKER,
  M4_MAX_LEN,
  MAX_FIRST_RUN,
  MAX_SHORT_RUN,
} from './lzo1x-format.js';
import { LZO_E_OUTPUT_OVERRUN } from './results.js';

/** Behind a match, its last byte but one holds the number of literals that follow it, if they are 3 or fewer. */
export const AFTER_MATCH = 2;
/** Behind a run of zeros, the last byte but two does. */
export const AFTER_ZERO_RUN = 3;
/** From this length on, moving bytes with one built-in call is faster than a loop. */
const BULK_BYTES = 64;

/** Bytes an extension of this value takes; 0 when there is nothing to extend. */
function extensionBytes(value: number): number {
  return value <= 0 ? 0 : 1 + (((value - 1) / EXTENSION_STEP) | 0);
}

/**
 * Bytes that {@link emitLiterals} writes for a run.
 *
 * @param count literals of the run, 0 or more
 * @param isFirst whether nothing stands before it in the stream
 * @returns bytes of instruction and literals
 */
export function literalBytes(count: number, isFirst: boolean): number {
  if (count <= 3) {
    return isFirst && count > 0 ? 1 + count : count;
  }
  return 1 + count + (isFirst && count <= MAX_FIRST_RUN ? 0 : extensionBytes(count - MAX_SHORT_RUN));
}

/**
 * Bytes that {@link emitMatch} writes.
 *
 * @param distance of the match in bytes, 1 to `M4_MAX_OFFSET`
 * @param length of the match in bytes, 3 or more
 * @returns bytes of the instruction
 */
export function matchBytes(distance: number, length: number): number {
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

/**
 * Writes a run of literals that stands before a match or, not being the first, at the end.
 *
 * @param input array that holds the literals
 * @param from index of the first of them
 * @param count literals of the run, 1 or more
 * @param output array that holds the stream; the caller has made sure of the room
 * @param at where the stream goes on
 * @param back how far behind `at` the byte lies whose two low bits are still free: {@link AFTER_MATCH} or {@link AFTER_ZERO_RUN}
 * @returns where the stream goes on
 */
export function emitLiterals(
  input: Uint8Array,
  from: number,
  count: number,
  output: Uint8Array,
  at: number,
  back: number,
): number {
  let op = at;
  if (count <= 3) {
    // The two low bits of an operand byte of the instruction before are still free.
    output[op - back] = output[op - back]! | count;
  } else if (count <= MAX_SHORT_RUN) {
    output[op++] = count - 3;
  } else {
    output[op++] = 0;
    op = emitExtension(output, op, count - MAX_SHORT_RUN);
  }
  return copyLiterals(input, from, count, output, op);
}

/**
 * Writes a match.
 *
 * @param output array that holds the stream; the caller has made sure of the room
 * @param at where the stream goes on
 * @param distance in bytes, 1 to `M4_MAX_OFFSET`
 * @param length in bytes, 3 or more
 * @returns where the stream goes on
 */
export function emitMatch(output: Uint8Array, at: number, distance: number, length: number): number {
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
 * Writes the literals that are left when the search is over, and the end marker.
 *
 * @param input array that holds the literals
 * @param from index of the first of them
 * @param count literals left, 0 or more
 * @param output array that holds the stream
 * @param at where the stream goes on
 * @param instructionsEnd index behind the last byte that instructions may take: the end marker must fit behind it
 * @param isFirst whether no instruction stands before them
 * @param back as for {@link emitLiterals}
 * @returns index behind the stream, or `LZO_E_OUTPUT_OVERRUN`
 */
export function emitEnd(
  input: Uint8Array,
  from: number,
  count: number,
  output: Uint8Array,
  at: number,
  instructionsEnd: number,
  isFirst: boolean,
  back: number,
): number {
  if (literalBytes(count, isFirst) > instructionsEnd - at) {
    return LZO_E_OUTPUT_OVERRUN;
  }
  let op = at;
  if (isFirst && count > 0 && count <= MAX_FIRST_RUN) {
    output[op++] = FIRST_RUN_MARKER + count;
    op = copyLiterals(input, from, count, output, op);
  } else if (count > 0) {
    op = emitLiterals(input, from, count, output, op, back);
  }
  output[op++] = M4_MARKER | 1;
  output[op++] = 0;
  output[op++] = 0;
  return op;
}
