/**
 * The search of `lzo1x-current` and `lzo-rle`, in one source for both: see `src/codec/lzo1x-current.ts`. The rules of `lzo1x.ts` hold here too.
 *
 * Everything is inlined where it is used, with constants for `runs` and `roomy`: what a codec does not need is gone from its loop, and what is left
 * has few enough variables to stay in registers.
 */
import { copyLiteralsWide } from './copy';
import { emitEnd, emitExtension, emitLiteralsExactly, emitMatch, isRoomy, matchBytes } from './lzo1x-emit';
import {
  AFTER_MATCH,
  AFTER_ZERO_RUN,
  END_MARKER_BYTES,
  LZO_RLE_VERSION,
  M4_MAX_OFFSET,
  MAX_SHORT_RUN,
  MAX_ZERO_RUN,
  MIN_ZERO_RUN,
  VERSION_MARKER,
  ZERO_RUN_BYTES,
  ZERO_RUN_INSTRUCTION,
} from './lzo1x-format';
import { LZO_E_OUTPUT_OVERRUN } from './results';

const D_BITS: u32 = 13;
const WORK_BYTES: usize = 0x2000 * 2;
/** Bytes at the end of an input that no match begins in: copies of literals may read 15 bytes too many. */
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

/**
 * Where a block ends, in one number: the stream above bit 32, the first byte that no instruction has yet below it, and in the highest bit whether
 * a run of zeros was the last instruction. A memory has at most 2 GiB.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
function progress(op: usize, pending: usize, back: usize): u64 {
  return (<u64>(back - AFTER_MATCH) << 63) | ((<u64>op) << 32) | (<u64>pending);
}

/**
 * Compresses what of a block lies before `searchEnd`, over an emptied dictionary; `op`, `pending` and `back` are how the block before has ended. Returns
 * its progress; 0 when the output has no room.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
function compressBlock(
  block: usize,
  searchEnd: usize,
  work: usize,
  op: usize,
  pending: usize,
  back: usize,
  outputEnd: usize,
  runs: bool,
  roomy: bool,
): u64 {
  let missedFrom = block;
  let ip = max(block, pending + <usize>FIRST_LITERALS) + 1;
  while (true) {
    let four: u32 = 0;
    let match: usize = 0;
    // The search: this loop is where the time goes.
    while (ip < searchEnd) {
      four = load<u32>(ip);
      if (runs && four == 0) break;
      const slot = work + (<usize>((four * HASH_FACTOR) >> (32 - D_BITS)) << 1);
      match = block + <usize>load<u16>(slot);
      store<u16>(slot, <i32>(ip - block));
      if (load<u32>(match) == four) break;
      ip += 1 + ((ip - missedFrom) >> STEP_SHIFT);
    }
    if (ip >= searchEnd) break;

    let distance: i32 = 0;
    let length: i32;
    if (runs && four == 0) {
      length = zeroRun(ip, searchEnd);
    } else {
      distance = <i32>(ip - match);
      length = matchLength(ip, <usize>distance, searchEnd);
      if (runs && isAmbiguous(distance, length)) length = AMBIGUOUS_LENGTH_MIN - 1;
    }

    const literals = <i32>(ip - pending);
    if (roomy) {
      if (literals <= 3) {
        // None is the same as some: nothing is added, and what is copied will be overwritten.
        store<u8>(op - back, load<u8>(op - back) | literals);
        store<u32>(op, load<u32>(pending));
      } else {
        if (literals <= MAX_SHORT_RUN) {
          store<u8>(op++, literals - 3);
        } else {
          store<u8>(op++, 0);
          op = emitExtension(op, literals - MAX_SHORT_RUN);
        }
        copyLiteralsWide(op, pending, literals);
      }
      op += <usize>literals;
    } else {
      const instructionBytes = runs && distance == 0 ? ZERO_RUN_BYTES : matchBytes(distance, length);
      op = emitLiteralsExactly(op, pending, literals, instructionBytes, <i32>(outputEnd - op), back);
      if (op == 0) return 0;
    }
    if (runs && distance == 0) {
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
  return progress(op, pending, back);
}

/**
 * A block of `lzo1x-current` where there is room for any stream. An export of its module, which keeps it a function of its own: inside of
 * `compressInput` the variables of both would fight for registers.
 */
export function compressRoomyBlock(
  block: usize,
  searchEnd: usize,
  work: usize,
  op: usize,
  pending: usize,
): u64 {
  return compressBlock(block, searchEnd, work, op, pending, AFTER_MATCH, 0, false, true);
}

/** A block of `lzo1x-current` where each instruction has to be reckoned before it is written. */
function compressExactBlock(
  block: usize,
  searchEnd: usize,
  work: usize,
  op: usize,
  pending: usize,
  outputEnd: usize,
): u64 {
  return compressBlock(block, searchEnd, work, op, pending, AFTER_MATCH, outputEnd, false, false);
}

/** Compresses a window, with runs of zeros or without; returns the bytes written or `LZO_E_OUTPUT_OVERRUN`. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function compressInput(
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
  let block = input;
  let back = AFTER_MATCH;

  while (<i32>(inputEnd - block) > TAIL_BYTES) {
    const blockBytes = min(<i32>(inputEnd - block), blockBytesMax);
    const searchEnd = block + <usize>(blockBytes - TAIL_BYTES);
    memory.fill(work, 0, WORK_BYTES);
    let ended: u64;
    if (runs) ended = compressBlock(block, searchEnd, work, op, pending, back, outputEnd, true, roomy);
    else if (roomy) ended = compressRoomyBlock(block, searchEnd, work, op, pending);
    else ended = compressExactBlock(block, searchEnd, work, op, pending, outputEnd);
    if (ended == 0) return LZO_E_OUTPUT_OVERRUN;
    op = <usize>((ended >> 32) & 0x7fffffff);
    back = AFTER_MATCH + <usize>(ended >> 63);
    pending = <usize>ended;
    block += <usize>blockBytes;
  }

  const isFirst = op == firstInstruction;
  return emitEnd(op, pending, <i32>(inputEnd - pending), output, outputEnd, isFirst, back);
}
