/**
 * A compressor for LZ4 blocks.
 *
 * Promise: blocks that every LZ4 decoder reads; for the same input always the same output, whatever the work area was used for before.
 *
 * A greedy one: a hash of four bytes gives one earlier position; four equal bytes make a match, which is then lengthened in both directions; the
 * longer nothing is found, the bigger the steps.
 *
 * The work area is a header word and a dictionary of 8192 words: see `dictionary.ts`. Callers must keep: the windows of input, output and work
 * area belong to this call alone while it runs. Nothing is allocated.
 */
import { DICTIONARY_HEADER_WORDS, openDictionary } from './dictionary.js';
import {
  LZ4_EXTENSION_STEP,
  LZ4_LAST_LITERALS,
  LZ4_MATCH_LIMIT,
  LZ4_MAX_DISTANCE,
  LZ4_MIN_MATCH,
  LZ4_NIBBLE,
} from './lz4-format.js';
import { LZO_E_OUTPUT_OVERRUN } from './results.js';
import { assertWindow } from './window.js';

/** Bits of an index into the dictionary. */
const HASH_BITS = 13;
/** 32-bit words in the compressor's work area. */
export const LZ4_WORK_WORDS = DICTIONARY_HEADER_WORDS + (1 << HASH_BITS);

/** Multiplier of the hash: 2^32 divided by the golden ratio. */
const HASH_FACTOR = 0x9e3779b1;
/** The step grows by one for each 64 probes in a row that found nothing. */
const STEP_SHIFT = 6;
/** From this length on, moving bytes with one built-in call is faster than a loop. */
const BULK_BYTES = 64;

/** Four bytes as one number, the first one lowest. */
function fourBytes(input: Uint8Array, at: number): number {
  return input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24);
}

/** Index into the dictionary for four bytes. */
function hashOf(four: number): number {
  return Math.imul(four, HASH_FACTOR) >>> (32 - HASH_BITS);
}

/** Extension bytes that a number takes behind its four bits. */
function extensionBytes(value: number): number {
  return value < LZ4_NIBBLE ? 0 : 1 + (((value - LZ4_NIBBLE) / LZ4_EXTENSION_STEP) | 0);
}

/** Writes the extension of a number, if it needs one; returns where the block goes on. */
function emitExtension(output: Uint8Array, at: number, value: number): number {
  if (value < LZ4_NIBBLE) {
    return at;
  }
  let op = at;
  let rest = value - LZ4_NIBBLE;
  while (rest >= LZ4_EXTENSION_STEP) {
    output[op++] = LZ4_EXTENSION_STEP;
    rest -= LZ4_EXTENSION_STEP;
  }
  output[op++] = rest;
  return op;
}

/** Writes a token with its literals; returns where the block goes on. `matchCode` is the length of the match less 4, 0 for none. */
function emitLiterals(
  input: Uint8Array,
  from: number,
  count: number,
  matchCode: number,
  output: Uint8Array,
  at: number,
): number {
  output[at] = (Math.min(count, LZ4_NIBBLE) << 4) | Math.min(matchCode, LZ4_NIBBLE);
  const op = emitExtension(output, at + 1, count);
  if (count >= BULK_BYTES && input === output) {
    output.copyWithin(op, from, from + count);
  } else {
    for (let i = 0; i < count; i++) {
      output[op + i] = input[from + i]!;
    }
  }
  return op + count;
}

/**
 * Compresses a window of bytes into an LZ4 block.
 *
 * @param input array that holds the input window
 * @param inputOffset first byte of the input window
 * @param inputBytes bytes in the input window
 * @param output array that holds the output window; may be the same array as `input`, the windows must not overlap
 * @param outputOffset first byte of the output window
 * @param outputCapacity bytes in the output window; `maxLz4Bytes(inputBytes)` is always enough
 * @param work array that holds the work area of `LZ4_WORK_WORDS` words, all zero before its first use
 * @param workIndex index of the first word of the work area
 * @returns bytes written, or `LZO_E_OUTPUT_OVERRUN` exactly when the block is longer than the capacity
 * @throws RangeError when a window is not inside its array
 */
export function compressLz4(
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
  assertWindow('work', work.length, workIndex, LZ4_WORK_WORDS);

  const inputEnd = inputOffset + inputBytes;
  const outputEnd = outputOffset + outputCapacity;
  const dictionary = workIndex + DICTIONARY_HEADER_WORDS;
  let op = outputOffset;
  /** First byte that is not yet in the output. */
  let pending = inputOffset;

  if (inputBytes > LZ4_MATCH_LIMIT) {
    const lastStart = inputEnd - LZ4_MATCH_LIMIT;
    const matchEnd = inputEnd - LZ4_LAST_LITERALS;
    const stampBias = openDictionary(work, workIndex, LZ4_WORK_WORDS, inputBytes) - inputOffset;
    let ip = inputOffset;
    let probes = 1 << STEP_SHIFT;
    while (ip <= lastStart) {
      const four = fourBytes(input, ip);
      const slot = dictionary + hashOf(four);
      const stamp = ip + stampBias;
      const distance = (stamp - work[slot]!) | 0;
      work[slot] = stamp;
      const farthest = Math.min(ip - inputOffset, LZ4_MAX_DISTANCE);
      if (distance <= 0 || distance > farthest || fourBytes(input, ip - distance) !== four) {
        ip += probes++ >> STEP_SHIFT;
        continue;
      }

      let end = ip + LZ4_MIN_MATCH;
      while (end < matchEnd && input[end] === input[end - distance]) {
        end++;
      }
      let start = ip;
      while (
        start > pending &&
        start - distance > inputOffset &&
        input[start - 1] === input[start - distance - 1]
      ) {
        start--;
      }
      const literals = start - pending;
      const matchCode = end - start - LZ4_MIN_MATCH;
      if (3 + literals + extensionBytes(literals) + extensionBytes(matchCode) > outputEnd - op) {
        return LZO_E_OUTPUT_OVERRUN;
      }
      op = emitLiterals(input, pending, literals, matchCode, output, op);
      output[op++] = distance & 0xff;
      output[op++] = distance >> 8;
      op = emitExtension(output, op, matchCode);
      pending = end;
      // A place inside the match, so that what follows it can be found again.
      work[dictionary + hashOf(fourBytes(input, end - 2))] = end - 2 + stampBias;
      ip = end;
      probes = 1 << STEP_SHIFT;
    }
  }

  const literals = inputEnd - pending;
  if (1 + literals + extensionBytes(literals) > outputEnd - op) {
    return LZO_E_OUTPUT_OVERRUN;
  }
  return emitLiterals(input, pending, literals, 0, output, op) - outputOffset;
}
