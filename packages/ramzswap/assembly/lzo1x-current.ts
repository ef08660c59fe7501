/**
 * `lzo1x-current` and `lzo-rle` in AssemblyScript: the same streams, the same results and the same work area as the readable twins
 * `src/codec/lzo1x-current.ts` and `src/codec/lzo1x-decompress.ts`. The rules of `lzo1x.ts` hold here too.
 *
 * Built by `npm run wasm`.
 */
import { copyLiteralsBefore } from './copy';
import { decode } from './lzo1x-decode';
import { emitEnd, emitLiteralsExactly, emitMatch, emitRun, isRoomy, matchBytes } from './lzo1x-emit';
import {
  AFTER_MATCH,
  AFTER_ZERO_RUN,
  END_MARKER_BYTES,
  LZO_RLE_VERSION,
  M4_MAX_OFFSET,
  MAX_ZERO_RUN,
  MIN_ZERO_RUN,
  VERSION_MARKER,
  ZERO_RUN_BYTES,
  ZERO_RUN_INSTRUCTION,
} from './lzo1x-format';
import { LZO_E_OUTPUT_OVERRUN, packed, resultOf } from './results';

const D_BITS: u32 = 13;
const WORK_BYTES: usize = 0x2000 * 2;
const TAIL_BYTES: i32 = 20;
const FIRST_LITERALS: i32 = 4;
const HASH_FACTOR: u32 = 0x1824429d;
const STEP_SHIFT: usize = 5;
const AMBIGUOUS_DISTANCE: i32 = 0x803f;
const AMBIGUOUS_LENGTH_MIN: i32 = 261;
const AMBIGUOUS_LENGTH_MAX: i32 = 264;

/** Length of the match at `ip`, of which four bytes are known to be equal. */
function matchLength(ip: usize, distance: usize, searchEnd: usize): i32 {
  let at = ip + 4;
  while (true) {
    const difference = load<u64>(at) ^ load<u64>(at - distance);
    if (difference != 0) return <i32>(at - ip) + (<i32>ctz(difference) >> 3);
    at += 8;
    if (at >= searchEnd) return <i32>(at - ip);
  }
}

/** Length of the run of zeros at `ip`, of which four are known. */
function zeroRun(ip: usize, searchEnd: usize): i32 {
  const limit = min(searchEnd, ip + <usize>MAX_ZERO_RUN);
  let end = ip + 4;
  while (end + 8 <= limit) {
    const bytes = load<u64>(end);
    if (bytes != 0) return <i32>(end - ip) + (<i32>ctz(bytes) >> 3);
    end += 8;
  }
  while (end < limit && load<u8>(end) == 0) end++;
  return <i32>(end - ip);
}

/** Whether a match of version 1 would look like a run of zeros. */
function isAmbiguous(distance: i32, length: i32): bool {
  return (
    (distance & AMBIGUOUS_DISTANCE) == AMBIGUOUS_DISTANCE &&
    length >= AMBIGUOUS_LENGTH_MIN &&
    length <= AMBIGUOUS_LENGTH_MAX
  );
}

/** Compresses a window; returns the bytes written or `LZO_E_OUTPUT_OVERRUN`. */
export function compress(
  input: usize,
  inputBytes: i32,
  output: usize,
  outputCapacity: i32,
  work: usize,
  runs: bool,
): i32 {
  const inputEnd = input + <usize>inputBytes;
  // May lie before the output when that has no room even for the end marker: compare differences, signed.
  const outputEnd = output + <usize>outputCapacity - <usize>END_MARKER_BYTES;
  const roomy = isRoomy(inputBytes, outputCapacity);
  const blockBytesMax = M4_MAX_OFFSET + 1 - (runs ? 1 : 0);
  let op = output;
  if (runs) {
    if (<i32>(outputEnd - op) < 2) return LZO_E_OUTPUT_OVERRUN;
    store<u16>(op, VERSION_MARKER | (LZO_RLE_VERSION << 8));
    op += 2;
  }
  const firstInstruction = op;
  let pending = input;
  let back = AFTER_MATCH;
  let block = input;

  while (<i32>(inputEnd - block) > TAIL_BYTES) {
    const blockBytes = min(<i32>(inputEnd - block), blockBytesMax);
    const searchEnd = block + <usize>(blockBytes - TAIL_BYTES);
    memory.fill(work, 0, WORK_BYTES);
    let missedFrom = block;
    let ip = max(block, pending + <usize>FIRST_LITERALS) + 1;
    while (true) {
      let four: u32 = 0;
      let match: usize = 0;
      // The search: this loop is where the time goes.
      while (ip < searchEnd) {
        four = load<u32>(ip);
        if (four == 0 && runs) break;
        const slot = work + (<usize>((four * HASH_FACTOR) >> (32 - D_BITS)) << 1);
        match = block + <usize>load<u16>(slot);
        store<u16>(slot, <i32>(ip - block));
        if (load<u32>(match) == four) break;
        ip += 1 + ((ip - missedFrom) >> STEP_SHIFT);
      }
      if (ip >= searchEnd) break;

      let distance: i32 = 0;
      let length: i32;
      if (four == 0 && runs) {
        length = zeroRun(ip, searchEnd);
      } else {
        distance = <i32>(ip - match);
        length = matchLength(ip, <usize>distance, searchEnd);
        if (runs && isAmbiguous(distance, length)) length = AMBIGUOUS_LENGTH_MIN - 1;
      }

      const literals = <i32>(ip - pending);
      if (roomy) {
        if (literals > 0) {
          op = emitRun(op, literals, back);
          copyLiteralsBefore(op, pending, literals);
          op += <usize>literals;
        }
      } else {
        const instructionBytes = distance == 0 ? ZERO_RUN_BYTES : matchBytes(distance, length);
        op = emitLiteralsExactly(op, pending, literals, instructionBytes, <i32>(outputEnd - op), back);
        if (op == 0) return LZO_E_OUTPUT_OVERRUN;
      }
      if (distance == 0) {
        const code = length - MIN_ZERO_RUN;
        store<u32>(op, ZERO_RUN_INSTRUCTION | (code & 7) | 0xfffc00 | ((code >> 3) << 24));
        op += 4;
        back = AFTER_ZERO_RUN;
      } else {
        op = emitMatch(op, distance, length);
        back = AFTER_MATCH;
      }
      ip += <usize>length;
      pending = ip;
      missedFrom = ip;
    }
    block += <usize>blockBytes;
  }

  const isFirst = op == firstInstruction;
  return emitEnd(op, pending, <i32>(inputEnd - pending), output, outputEnd, isFirst, back);
}

/** Decompresses a window; returns the bytes written or a negative `LZO_E_` code. */
export function decompress(
  input: usize,
  inputBytes: i32,
  output: usize,
  outputCapacity: i32,
  runs: bool,
): i32 {
  return resultOf(decode(input, inputBytes, output, outputCapacity, runs));
}

/** The same, with the code and the bytes written as `bytes * 16 - code`. */
export function decompressOutcome(
  input: usize,
  inputBytes: i32,
  output: usize,
  outputCapacity: i32,
  runs: bool,
): f64 {
  return packed(decode(input, inputBytes, output, outputCapacity, runs));
}
