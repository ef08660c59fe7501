/**
 * The safe LZO1X decoder: any bytes in, nothing outside the windows touched, always an end.
 *
 * Promise: a well-formed stream gives its original bytes; any other input gives one of the codes of `results.ts` and
 * the count of bytes that were written before the fault was met, both as the decoder of 2.6.34 reports them.
 *
 * The order of the checks is part of the promise, because it decides which of two faults is reported: operands of
 * the instruction, then the start of a match, then room in the output, then literals in the input. Two more rules:
 * - Literals must be followed by at least one more byte, since no stream ends without a marker. When one to three
 *   literals are followed by exactly one byte, that byte is fetched together with them and the stream counts as ended
 *   between instructions: `LZO_E_EOF_NOT_FOUND`.
 * - The old decoder did not check the one or two operand bytes of a match and could read a few bytes past a truncated
 *   stream. This one never does. It answers `LZO_E_INPUT_OVERRUN`; but where the match would start before the output
 *   whatever the missing bytes are, it answers `LZO_E_LOOKBEHIND_OVERRUN`, as the old one did.
 *
 * With `runs` it is the decoder of 2019: a stream of at least five bytes that begins with 17 names its version in the second byte, and in
 * version 1 one M4 match that nobody needs stands for a run of zeros. Streams without a version are decoded as before.
 *
 * Every turn of the loop uses up at least one byte of input, and a copy is never longer than the room in the output,
 * so the time is bounded by both windows. Nothing is allocated.
 *
 * Callers must keep: the windows belong to this call alone while it runs and do not overlap.
 */
import {
  EXTENSION_STEP,
  FIRST_RUN_MARKER,
  LZO_RLE_VERSION,
  M2_MARKER,
  M2_MAX_OFFSET,
  M3_MARKER,
  M3_MAX_LEN,
  M3_MAX_OFFSET,
  M4_MARKER,
  M4_MAX_LEN,
  MAX_SHORT_RUN,
  MIN_ZERO_RUN,
  VERSION_MARKER,
  VERSIONED_BYTES_MIN,
  ZERO_RUN_INSTRUCTION,
} from './lzo1x-format.js';
import { outcome } from './outcome.js';
import {
  LZO_E_EOF_NOT_FOUND,
  LZO_E_INPUT_NOT_CONSUMED,
  LZO_E_INPUT_OVERRUN,
  LZO_E_LOOKBEHIND_OVERRUN,
  LZO_E_OK,
  LZO_E_OUTPUT_OVERRUN,
} from './results.js';
import { assertWindow } from './window.js';

/** From this length on, moving bytes with one built-in call is faster than a loop. */
const BULK_BYTES = 64;
/** What the instruction before copied: 4 stands for "four literals or more". */
const LONG_RUN = 4;

/**
 * The outcome of a match whose operand bytes are not all there.
 *
 * @param nearest the distance with the missing bytes taken as zero: no other value would give a smaller one
 * @param bytesWritten bytes written so far
 */
function truncatedMatch(nearest: number, bytesWritten: number): number {
  return outcome(nearest > bytesWritten ? LZO_E_LOOKBEHIND_OVERRUN : LZO_E_INPUT_OVERRUN, bytesWritten);
}

/** Index of the byte that closes an extension, or `inputEnd` when the input ends before it. */
function extensionEnd(input: Uint8Array, from: number, inputEnd: number): number {
  let at = from;
  while (at < inputEnd && input[at] === 0) {
    at++;
  }
  return at;
}

/** Copies literals; the caller has checked both windows. */
function copyLiterals(input: Uint8Array, from: number, count: number, output: Uint8Array, at: number): void {
  if (count >= BULK_BYTES && input === output) {
    output.copyWithin(at, from, from + count);
    return;
  }
  for (let i = 0; i < count; i++) {
    output[at + i] = input[from + i]!;
  }
}

/** Copies a match in rising order, so that a match may run into the bytes it produces. */
function copyMatch(output: Uint8Array, at: number, distance: number, length: number): void {
  if (length >= BULK_BYTES && distance >= length) {
    output.copyWithin(at, at - distance, at - distance + length);
    return;
  }
  const end = at + length;
  for (let op = at; op < end; op++) {
    output[op] = output[op - distance]!;
  }
}

/** Whether an instruction is the M4 match of the greatest distance there is, which in version 1 is a run of zeros; its operands are all there. */
function isZeroRun(input: Uint8Array, ip: number, inputEnd: number, instruction: number): boolean {
  return (
    (instruction & 0xf8) === ZERO_RUN_INSTRUCTION &&
    inputEnd - ip >= 3 &&
    (input[ip]! & 0xfc) === 0xfc &&
    input[ip + 1] === 0xff
  );
}

/**
 * Decodes an LZO1X stream.
 *
 * @param input array that holds the stream
 * @param inputOffset first byte of the stream
 * @param inputBytes bytes in the stream
 * @param output array that holds the output window; may be the same array as `input`, the windows must not overlap
 * @param outputOffset first byte of the output window
 * @param outputCapacity bytes in the output window
 * @param runs whether the stream may name a version, and have runs of zeros in version 1; false by default
 * @returns a packed outcome: read it with `outcomeCode` and `outcomeBytes`
 * @throws RangeError when a window is not inside its array
 * @kernel lib/lzo/lzo1x_decompress.c lzo1x_decompress_safe, 2.6.34
 */
export function decodeLzo1x(
  input: Uint8Array,
  inputOffset: number,
  inputBytes: number,
  output: Uint8Array,
  outputOffset: number,
  outputCapacity: number,
  runs = false,
): number {
  assertWindow('input', input.length, inputOffset, inputBytes);
  assertWindow('output', output.length, outputOffset, outputCapacity);

  const inputEnd = inputOffset + inputBytes;
  const outputEnd = outputOffset + outputCapacity;
  let ip = inputOffset;
  let op = outputOffset;
  /** Literals copied by the instruction before: 0, 1..3, or `LONG_RUN`. It gives bytes 0..15 their meaning. */
  let state = 0;

  let hasRuns = false;
  if (runs && inputBytes >= VERSIONED_BYTES_MIN && input[ip] === VERSION_MARKER) {
    hasRuns = input[ip + 1] === LZO_RLE_VERSION;
    ip += 2;
  }
  if (ip < inputEnd && input[ip]! > FIRST_RUN_MARKER) {
    const literals = input[ip++]! - FIRST_RUN_MARKER;
    if (literals > outputEnd - op) {
      return outcome(LZO_E_OUTPUT_OVERRUN, op - outputOffset);
    }
    if (literals >= inputEnd - ip) {
      return outcome(LZO_E_INPUT_OVERRUN, op - outputOffset);
    }
    copyLiterals(input, ip, literals, output, op);
    ip += literals;
    op += literals;
    state = Math.min(literals, LONG_RUN);
    if (state < LONG_RUN && inputEnd - ip === 1) {
      return outcome(LZO_E_EOF_NOT_FOUND, op - outputOffset);
    }
  }

  while (ip < inputEnd) {
    const instruction = input[ip++]!;
    let distance: number;
    let length: number;
    let literals: number;

    if (instruction >= M2_MARKER) {
      length = (instruction >> 5) + 1;
      distance = ((instruction >> 2) & 7) + 1;
      if (ip >= inputEnd) {
        return truncatedMatch(distance, op - outputOffset);
      }
      distance += input[ip++]! << 3;
      literals = instruction & 3;
    } else if (hasRuns && isZeroRun(input, ip, inputEnd, instruction)) {
      length = MIN_ZERO_RUN + (instruction & 7) + (input[ip + 2]! << 3);
      literals = input[ip]! & 3;
      ip += 3;
      if (length > outputEnd - op) {
        return outcome(LZO_E_OUTPUT_OVERRUN, op - outputOffset);
      }
      output.fill(0, op, op + length);
      distance = 0;
    } else if (instruction >= M4_MARKER) {
      const isM3 = instruction >= M3_MARKER;
      length = isM3 ? instruction & 31 : instruction & 7;
      if (length === 0) {
        const close = extensionEnd(input, ip, inputEnd);
        if (close === inputEnd) {
          return outcome(LZO_E_INPUT_OVERRUN, op - outputOffset);
        }
        length = (isM3 ? M3_MAX_LEN : M4_MAX_LEN) + (close - ip) * EXTENSION_STEP + input[close]!;
        ip = close + 1;
      } else {
        length += 2;
      }
      distance = isM3 ? 1 : M3_MAX_OFFSET + ((instruction & 8) << 11);
      if (inputEnd - ip < 2) {
        distance += ip < inputEnd ? input[ip]! >> 2 : 0;
        // This one distance is no match but the end marker, so it is not "before the output".
        return truncatedMatch(distance === M3_MAX_OFFSET ? 0 : distance, op - outputOffset);
      }
      literals = input[ip]! & 3;
      distance += (input[ip]! >> 2) + (input[ip + 1]! << 6);
      ip += 2;
      if (!isM3 && distance === M3_MAX_OFFSET) {
        return outcome(ip === inputEnd ? LZO_E_OK : LZO_E_INPUT_NOT_CONSUMED, op - outputOffset);
      }
    } else if (state === 0) {
      literals = instruction + 3;
      if (instruction === 0) {
        const close = extensionEnd(input, ip, inputEnd);
        if (close === inputEnd) {
          return outcome(LZO_E_INPUT_OVERRUN, op - outputOffset);
        }
        literals = MAX_SHORT_RUN + (close - ip) * EXTENSION_STEP + input[close]!;
        ip = close + 1;
      }
      if (literals > outputEnd - op) {
        return outcome(LZO_E_OUTPUT_OVERRUN, op - outputOffset);
      }
      if (literals >= inputEnd - ip) {
        return outcome(LZO_E_INPUT_OVERRUN, op - outputOffset);
      }
      copyLiterals(input, ip, literals, output, op);
      ip += literals;
      op += literals;
      state = LONG_RUN;
      continue;
    } else {
      length = state === LONG_RUN ? 3 : 2;
      distance = (instruction >> 2) + (state === LONG_RUN ? M2_MAX_OFFSET + 1 : 1);
      if (ip >= inputEnd) {
        return truncatedMatch(distance, op - outputOffset);
      }
      distance += input[ip++]! << 2;
      literals = instruction & 3;
    }

    if (distance > op - outputOffset) {
      return outcome(LZO_E_LOOKBEHIND_OVERRUN, op - outputOffset);
    }
    if (length > outputEnd - op) {
      return outcome(LZO_E_OUTPUT_OVERRUN, op - outputOffset);
    }
    // A run of zeros has no distance, and its bytes are there already.
    if (distance !== 0) {
      copyMatch(output, op, distance, length);
    }
    op += length;

    if (literals > 0) {
      if (literals > outputEnd - op) {
        return outcome(LZO_E_OUTPUT_OVERRUN, op - outputOffset);
      }
      if (literals >= inputEnd - ip) {
        return outcome(LZO_E_INPUT_OVERRUN, op - outputOffset);
      }
      for (let i = 0; i < literals; i++) {
        output[op++] = input[ip++]!;
      }
      if (inputEnd - ip === 1) {
        break;
      }
    }
    state = literals;
  }
  return outcome(LZO_E_EOF_NOT_FOUND, op - outputOffset);
}
