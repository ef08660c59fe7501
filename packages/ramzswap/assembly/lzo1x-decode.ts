/** The safe LZO1X decoder: see `src/codec/lzo1x-decompress.ts`. */
import { copyFarMatch, copyLiterals, copyMatch } from './copy';
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
  VERSIONED_BYTES_MIN,
  VERSION_MARKER,
  ZERO_RUN_INSTRUCTION,
} from './lzo1x-format';
import {
  LZO_E_EOF_NOT_FOUND,
  LZO_E_INPUT_NOT_CONSUMED,
  LZO_E_INPUT_OVERRUN,
  LZO_E_LOOKBEHIND_OVERRUN,
  LZO_E_OK,
  LZO_E_OUTPUT_OVERRUN,
  outcome,
} from './results';

/** What the instruction before copied: 4 stands for "four literals or more". */
const LONG_RUN: i32 = 4;
/** Longer than any window. */
const LENGTH_MAX: i32 = 0x7fffffff;

function truncatedMatch(nearest: i32, bytesWritten: usize): i64 {
  return outcome(
    <usize>nearest > bytesWritten ? LZO_E_LOOKBEHIND_OVERRUN : LZO_E_INPUT_OVERRUN,
    bytesWritten,
  );
}

/** Whether the operands of a far match are those of a run of zeros. */
function isZeroRun(ip: usize, inputEnd: usize): bool {
  return <i32>(inputEnd - ip) >= 3 && ((<i32>load<u16>(ip)) & 0xfffc) == 0xfffc;
}

/** Decodes a stream; `runs`: whether it may name a version, and have runs of zeros. Returns an outcome. */
export function decode(input: usize, inputBytes: i32, output: usize, outputCapacity: i32, runs: bool): i64 {
  const inputEnd = input + <usize>inputBytes;
  const outputEnd = output + <usize>outputCapacity;
  let ip = input;
  let op = output;
  let state: i32 = 0;

  let hasRuns = false;
  if (runs && inputBytes >= VERSIONED_BYTES_MIN && load<u8>(ip) == VERSION_MARKER) {
    hasRuns = load<u8>(ip, 1) == LZO_RLE_VERSION;
    ip += 2;
  }
  if (ip < inputEnd && <i32>load<u8>(ip) > FIRST_RUN_MARKER) {
    const literals = <i32>load<u8>(ip++) - FIRST_RUN_MARKER;
    if (literals > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
    if (literals >= <i32>(inputEnd - ip)) return outcome(LZO_E_INPUT_OVERRUN, op - output);
    copyLiterals(op, ip, literals, outputEnd, inputEnd);
    ip += <usize>literals;
    op += <usize>literals;
    state = min(literals, LONG_RUN);
    if (state < LONG_RUN && inputEnd - ip == 1) return outcome(LZO_E_EOF_NOT_FOUND, op - output);
  }

  while (ip < inputEnd) {
    const instruction = <i32>load<u8>(ip++);
    let distance: i32;
    let length: i32;
    let literals: i32;

    if (instruction >= M2_MARKER) {
      length = (instruction >> 5) + 1;
      distance = ((instruction >> 2) & 7) + 1;
      if (ip >= inputEnd) return truncatedMatch(distance, op - output);
      distance += (<i32>load<u8>(ip++)) << 3;
      literals = instruction & 3;
    } else if (hasRuns && (instruction & 0xf8) == ZERO_RUN_INSTRUCTION && isZeroRun(ip, inputEnd)) {
      length = MIN_ZERO_RUN + (instruction & 7) + ((<i32>load<u8>(ip, 2)) << 3);
      literals = (<i32>load<u8>(ip)) & 3;
      ip += 3;
      if (length > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
      memory.fill(op, 0, length);
      distance = 0;
    } else if (instruction >= M4_MARKER) {
      const isM3 = instruction >= M3_MARKER;
      length = isM3 ? instruction & 31 : instruction & 7;
      if (length == 0) {
        const from = ip;
        while (ip < inputEnd && load<u8>(ip) == 0) ip++;
        if (ip == inputEnd) return outcome(LZO_E_INPUT_OVERRUN, op - output);
        // The longest window is shorter than 2 GiB: a length that wraps would need eight million zero bytes.
        length = extendedLength(isM3 ? M3_MAX_LEN : M4_MAX_LEN, <i32>(ip - from), <i32>load<u8>(ip));
        ip++;
      } else {
        length += 2;
      }
      distance = isM3 ? 1 : M3_MAX_OFFSET + ((instruction & 8) << 11);
      if (<i32>(inputEnd - ip) < 2) {
        if (ip < inputEnd) distance += (<i32>load<u8>(ip)) >> 2;
        return truncatedMatch(distance == M3_MAX_OFFSET ? 0 : distance, op - output);
      }
      const operand = <i32>load<u16>(ip);
      literals = operand & 3;
      distance += operand >> 2;
      ip += 2;
      if (!isM3 && distance == M3_MAX_OFFSET) {
        return outcome(ip == inputEnd ? LZO_E_OK : LZO_E_INPUT_NOT_CONSUMED, op - output);
      }
    } else if (state == 0) {
      literals = instruction + 3;
      if (instruction == 0) {
        const from = ip;
        while (ip < inputEnd && load<u8>(ip) == 0) ip++;
        if (ip == inputEnd) return outcome(LZO_E_INPUT_OVERRUN, op - output);
        literals = extendedLength(MAX_SHORT_RUN, <i32>(ip - from), <i32>load<u8>(ip));
        ip++;
      }
      if (literals <= 16 && op + 16 <= outputEnd && ip + 16 < inputEnd) {
        v128.store(op, v128.load(ip));
      } else {
        if (literals > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
        if (literals >= <i32>(inputEnd - ip)) return outcome(LZO_E_INPUT_OVERRUN, op - output);
        copyLiterals(op, ip, literals, outputEnd, inputEnd);
      }
      ip += <usize>literals;
      op += <usize>literals;
      state = LONG_RUN;
      continue;
    } else {
      length = state == LONG_RUN ? 3 : 2;
      distance = (instruction >> 2) + (state == LONG_RUN ? M2_MAX_OFFSET + 1 : 1);
      if (ip >= inputEnd) return truncatedMatch(distance, op - output);
      distance += (<i32>load<u8>(ip++)) << 2;
      literals = instruction & 3;
    }

    if (distance > <i32>(op - output)) return outcome(LZO_E_LOOKBEHIND_OVERRUN, op - output);
    // Far from the ends of both windows no copy can leave them: there one check does for all.
    if (distance >= 8 && length <= <i32>(outputEnd - op) - 16) {
      copyFarMatch(op, distance, length);
    } else {
      if (length > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
      // A run of zeros has no distance, and its bytes are there already.
      if (distance != 0) copyMatch(op, distance, length, outputEnd);
    }
    op += <usize>length;

    if (op + 4 <= outputEnd && ip + 4 < inputEnd) {
      // Also when there are none, which nobody can foresee: what is copied too much is overwritten.
      store<u32>(op, load<u32>(ip));
      op += <usize>literals;
      ip += <usize>literals;
    } else if (literals > 0) {
      if (literals > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
      if (literals >= <i32>(inputEnd - ip)) return outcome(LZO_E_INPUT_OVERRUN, op - output);
      const end = op + <usize>literals;
      while (op < end) store<u8>(op++, load<u8>(ip++));
      if (inputEnd - ip == 1) break;
    }
    state = literals;
  }
  return outcome(LZO_E_EOF_NOT_FOUND, op - output);
}

/** Length of an extended instruction; one that no window could hold stays just that. */
function extendedLength(base: i32, zeros: i32, last: i32): i32 {
  return zeros > 0x7fff00 ? LENGTH_MAX : base + zeros * EXTENSION_STEP + last;
}
