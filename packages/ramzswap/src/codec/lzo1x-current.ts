/**
 * The LZO1X-1 compressor of later kernels (2013 on), and its form with runs of zeros, `lzo-rle` (2019).
 *
 * Promise: streams that every LZO1X decoder reads; with `runs`, streams of version 1, which only decoders of 2019 and later read. For the same
 * input always the same output, whatever the work area was used for before.
 *
 * It is about twice as fast as the compressor of 2.6.34 and a little less thorough: one hash of four bytes gives one earlier position; a
 * match begins with four equal bytes; the longer it has found nothing, the bigger its steps. The input is worked on in blocks of about
 * 48 KiB, with an empty dictionary for each; a page is one block. An entry that is empty stands for the first byte of the block.
 *
 * The work area is a dictionary of 8192 positions in the block, two to a word; it is small enough to be cleared for each block. Callers must keep: the windows of input, output and work
 * area belong to this call alone while it runs. Nothing is allocated.
 */
import {
  AFTER_MATCH,
  AFTER_ZERO_RUN,
  emitEnd,
  emitLiterals,
  emitMatch,
  literalBytes,
  matchBytes,
} from './lzo1x-emit.js';
import {
  END_MARKER_BYTES,
  LZO_RLE_VERSION,
  M4_MAX_OFFSET,
  MAX_ZERO_RUN,
  MIN_ZERO_RUN,
  VERSION_MARKER,
  ZERO_RUN_BYTES,
  ZERO_RUN_INSTRUCTION,
} from './lzo1x-format.js';
import { LZO_E_OUTPUT_OVERRUN } from './results.js';
import { assertWindow } from './window.js';

/** Bits of an index into the dictionary. @kernel lib/lzo/lzodefs.h D_BITS, 3.9 */
const D_BITS = 13;
/** 32-bit words in the compressor's work area. */
export const LZO1X_CURRENT_WORK_WORDS = 1 << (D_BITS - 1);

/** The last bytes of a block are never searched. */
const TAIL_BYTES = 20;
/** So many literals at least stand before the first match of a stream. */
const FIRST_LITERALS = 4;
/** Multiplier of the hash. */
const HASH_FACTOR = 0x1824429d;
/** The step grows by one for each 32 literals in a row. */
const STEP_SHIFT = 5;
/** Bytes of a match that are compared between two looks at the end of the search. */
const MATCH_STEP = 8;
/** Version 1 has no matches of the greatest distance, which is the mark of a run of zeros... */
const RLE_MAX_OFFSET = M4_MAX_OFFSET - 1;
/** ...nor far matches of these lengths and distances: their bytes would look like one. */
const AMBIGUOUS_DISTANCE = 0x803f;
const AMBIGUOUS_LENGTH_MIN = 261;
const AMBIGUOUS_LENGTH_MAX = 264;

/** Four bytes as one number, the first one lowest. */
function fourBytes(input: Uint8Array, at: number): number {
  return input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24);
}

/** Puts a position into the dictionary; returns the one that was there, 0 for none. */
function exchangePosition(work: Int32Array, workIndex: number, entry: number, position: number): number {
  const index = workIndex + (entry >> 1);
  const shift = (entry & 1) << 4;
  const word = work[index]!;
  work[index] = (word & ~(0xffff << shift)) | (position << shift);
  return (word >>> shift) & 0xffff;
}

/** Length of the match at `ip`, of which four bytes are known to be equal. It ends soon after the end of the search. */
function matchLength(input: Uint8Array, ip: number, distance: number, searchEnd: number): number {
  let length = FIRST_LITERALS;
  for (;;) {
    const stop = length + MATCH_STEP;
    while (length < stop && input[ip + length] === input[ip + length - distance]) {
      length++;
    }
    if (length < stop || ip + length >= searchEnd) {
      return length;
    }
  }
}

/** End of the run of zeros at `ip`, of which four are known; none is longer than an instruction can say. */
function zerosEnd(input: Uint8Array, ip: number, searchEnd: number): number {
  const limit = Math.min(searchEnd, ip + MAX_ZERO_RUN);
  let end = ip + MIN_ZERO_RUN;
  while (end < limit && input[end] === 0) {
    end++;
  }
  return end;
}

/** Writes a run of zeros; returns where the stream goes on. */
function emitZeroRun(output: Uint8Array, at: number, length: number): number {
  const code = length - MIN_ZERO_RUN;
  output[at] = ZERO_RUN_INSTRUCTION | (code & 7);
  output[at + 1] = 0xfc;
  output[at + 2] = 0xff;
  output[at + 3] = code >> 3;
  return at + ZERO_RUN_BYTES;
}

/** Whether a match of version 1 would look like a run of zeros. */
function isAmbiguous(distance: number, length: number): boolean {
  return (
    (distance & AMBIGUOUS_DISTANCE) === AMBIGUOUS_DISTANCE &&
    length >= AMBIGUOUS_LENGTH_MIN &&
    length <= AMBIGUOUS_LENGTH_MAX
  );
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
 * @param work array that holds the work area of `LZO1X_CURRENT_WORK_WORDS` words, all zero before its first use
 * @param workIndex index of the first word of the work area
 * @param runs whether to write a stream of version 1, with runs of zeros; false by default
 * @returns bytes written, or `LZO_E_OUTPUT_OVERRUN` exactly when the stream is longer than the capacity
 * @throws RangeError when a window is not inside its array
 * @kernel lib/lzo/lzo1x_compress.c lzo1x_1_compress, 3.9; lzorle1x_1_compress, 5.1
 */
export function compressLzo1xCurrent(
  input: Uint8Array,
  inputOffset: number,
  inputBytes: number,
  output: Uint8Array,
  outputOffset: number,
  outputCapacity: number,
  work: Int32Array,
  workIndex: number,
  runs = false,
): number {
  assertWindow('input', input.length, inputOffset, inputBytes);
  assertWindow('output', output.length, outputOffset, outputCapacity);
  assertWindow('work', work.length, workIndex, LZO1X_CURRENT_WORK_WORDS);

  const inputEnd = inputOffset + inputBytes;
  const outputEnd = outputOffset + outputCapacity - END_MARKER_BYTES;
  const blockBytesMax = (runs ? RLE_MAX_OFFSET : M4_MAX_OFFSET) + 1;
  let op = outputOffset;
  if (runs) {
    if (outputEnd - op < 2) {
      return LZO_E_OUTPUT_OVERRUN;
    }
    output[op++] = VERSION_MARKER;
    output[op++] = LZO_RLE_VERSION;
  }
  const firstInstruction = op;
  /** First byte that is not yet in the output. */
  let pending = inputOffset;
  let back = AFTER_MATCH;

  for (let block = inputOffset; inputEnd - block > TAIL_BYTES;) {
    const blockBytes = Math.min(inputEnd - block, blockBytesMax);
    const searchEnd = block + blockBytes - TAIL_BYTES;
    work.fill(0, workIndex, workIndex + LZO1X_CURRENT_WORK_WORDS);
    /** Where the literals began that the step is reckoned from. */
    let missedFrom = block;
    let ip = Math.max(block, pending + FIRST_LITERALS) + 1;
    while (ip < searchEnd) {
      const four = fourBytes(input, ip);
      const isRun = runs && four === 0;
      let distance = 0;
      let length: number;
      if (isRun) {
        length = zerosEnd(input, ip, searchEnd) - ip;
      } else {
        const entry = Math.imul(four, HASH_FACTOR) >>> (32 - D_BITS);
        const match = block + exchangePosition(work, workIndex, entry, ip - block);
        if (fourBytes(input, match) !== four) {
          ip += 1 + ((ip - missedFrom) >> STEP_SHIFT);
          continue;
        }
        distance = ip - match;
        length = matchLength(input, ip, distance, searchEnd);
        if (runs && isAmbiguous(distance, length)) {
          length = AMBIGUOUS_LENGTH_MIN - 1;
        }
      }

      const literals = ip - pending;
      const instructionBytes = isRun ? ZERO_RUN_BYTES : matchBytes(distance, length);
      if (literalBytes(literals, false) + instructionBytes > outputEnd - op) {
        return LZO_E_OUTPUT_OVERRUN;
      }
      if (literals > 0) {
        op = emitLiterals(input, pending, literals, output, op, back);
      }
      op = isRun ? emitZeroRun(output, op, length) : emitMatch(output, op, distance, length);
      back = isRun ? AFTER_ZERO_RUN : AFTER_MATCH;
      ip += length;
      pending = ip;
      missedFrom = ip;
    }
    block += blockBytes;
  }

  const isFirst = op === firstInstruction;
  const end = emitEnd(input, pending, inputEnd - pending, output, op, outputEnd, isFirst, back);
  return end < 0 ? end : end - outputOffset;
}
