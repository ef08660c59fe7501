/**
 * LZ4 blocks in AssemblyScript: the same blocks, the same results and the same work area as the readable twins `src/codec/lz4-compress.ts` and
 * `src/codec/lz4-decompress.ts`. The rules of `lzo1x.ts` hold here too.
 *
 * Built by `npm run wasm`.
 */
import { copyExact, copyLiterals, copyLiteralsBefore, copyMatch, equalEnd } from './copy';
import { DICTIONARY_HEADER_BYTES, openDictionary } from './dictionary';
import {
  LZO_E_EOF_NOT_FOUND,
  LZO_E_ERROR,
  LZO_E_INPUT_OVERRUN,
  LZO_E_LOOKBEHIND_OVERRUN,
  LZO_E_OK,
  LZO_E_OUTPUT_OVERRUN,
  outcome,
  packed,
  resultOf,
} from './results';

const MIN_MATCH: i32 = 4;
const MAX_DISTANCE: u32 = 0xffff;
const LAST_LITERALS: usize = 5;
const MATCH_LIMIT: i32 = 12;
const NIBBLE: i32 = 15;
const EXTENSION_STEP: i32 = 255;
const HASH_BITS: u32 = 13;
const HASH_FACTOR: u32 = 0x9e3779b1;
const WORK_BYTES: usize = 4 + 0x2000 * 4;
const STEP_SHIFT: usize = 6;
/** Room that the copy of literals may write too much. */
const COPY_SLACK: i32 = 16;
/** Longer than any window. */
const LENGTH_MAX: i32 = 0x7fffffff;

function slotOf(dictionary: usize, four: u32): usize {
  return dictionary + ((<usize>((four * HASH_FACTOR) >> (32 - HASH_BITS))) << 2);
}

function extensionBytes(value: i32): i32 {
  return value < NIBBLE ? 0 : 1 + (value - NIBBLE) / EXTENSION_STEP;
}

function emitExtension(op: usize, value: i32): usize {
  if (value < NIBBLE) return op;
  value -= NIBBLE;
  while (value >= EXTENSION_STEP) {
    store<u8>(op++, EXTENSION_STEP);
    value -= EXTENSION_STEP;
  }
  store<u8>(op++, value);
  return op;
}

/** Writes token and length of a run of literals; the literals themselves follow. */
function emitToken(op: usize, literals: i32, matchCode: i32): usize {
  store<u8>(op, (min(literals, NIBBLE) << 4) | min(matchCode, NIBBLE));
  return emitExtension(op + 1, literals);
}

/** Compresses a window; returns the bytes written or `LZO_E_OUTPUT_OVERRUN`. */
export function compress(
  input: usize,
  inputBytes: i32,
  output: usize,
  outputCapacity: i32,
  work: usize,
): i32 {
  const inputEnd = input + <usize>inputBytes;
  const outputEnd = output + <usize>outputCapacity;
  let op = output;
  let pending = input;

  if (inputBytes > MATCH_LIMIT) {
    const lastStart = inputEnd - <usize>MATCH_LIMIT;
    const matchLimit = inputEnd - LAST_LITERALS;
    const dictionary = work + DICTIONARY_HEADER_BYTES;
    const stampBias = openDictionary(work, WORK_BYTES, inputBytes) - <i32>input;
    let ip = input;
    let probes: usize = 1 << STEP_SHIFT;
    while (ip <= lastStart) {
      const four = load<u32>(ip);
      const slot = slotOf(dictionary, four);
      const stamp = <i32>ip + stampBias;
      const distance = stamp - load<i32>(slot);
      store<i32>(slot, stamp);
      const farthest = min(<u32>(ip - input), MAX_DISTANCE);
      if (<u32>(distance - 1) >= farthest || load<u32>(ip - <usize>distance) != four) {
        ip += probes++ >> STEP_SHIFT;
        continue;
      }

      const end = equalEnd(ip + MIN_MATCH, <usize>distance, matchLimit);
      let start = ip;
      let match = ip - <usize>distance;
      while (start > pending && match > input && load<u8>(start - 1) == load<u8>(match - 1)) {
        start--;
        match--;
      }
      const literals = <i32>(start - pending);
      const matchCode = <i32>(end - start) - MIN_MATCH;
      const needed = 3 + literals + extensionBytes(literals) + extensionBytes(matchCode);
      const room = <i32>(outputEnd - op);
      if (needed > room) return LZO_E_OUTPUT_OVERRUN;
      op = emitToken(op, literals, matchCode);
      // Reads end at most 7 bytes behind `start`, and the last 12 bytes of the input begin no match.
      if (needed + COPY_SLACK <= room) copyLiteralsBefore(op, pending, literals);
      else copyExact(op, pending, literals);
      op += <usize>literals;
      store<u16>(op, distance);
      op = emitExtension(op + 2, matchCode);
      pending = end;
      store<i32>(slotOf(dictionary, load<u32>(end - 2)), <i32>end - 2 + stampBias);
      ip = end;
      probes = 1 << STEP_SHIFT;
    }
  }

  const literals = <i32>(inputEnd - pending);
  if (1 + literals + extensionBytes(literals) > <i32>(outputEnd - op)) return LZO_E_OUTPUT_OVERRUN;
  op = emitToken(op, literals, 0);
  copyExact(op, pending, literals);
  return <i32>(op - output) + literals;
}

function decode(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): i64 {
  const inputEnd = input + <usize>inputBytes;
  const outputEnd = output + <usize>outputCapacity;
  let ip = input;
  let op = output;

  while (ip < inputEnd) {
    const token = <i32>load<u8>(ip++);
    let literals = token >> 4;
    if (literals == NIBBLE) {
      const from = ip;
      while (ip < inputEnd && load<u8>(ip) == EXTENSION_STEP) ip++;
      if (ip == inputEnd) return outcome(LZO_E_INPUT_OVERRUN, op - output);
      literals = extendedLength(literals, <i32>(ip - from), <i32>load<u8>(ip));
      ip++;
    }
    if (literals > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
    if (literals > <i32>(inputEnd - ip)) return outcome(LZO_E_INPUT_OVERRUN, op - output);
    copyLiterals(op, ip, literals, outputEnd, inputEnd);
    ip += <usize>literals;
    op += <usize>literals;
    if (ip == inputEnd) return outcome(LZO_E_OK, op - output);

    if (<i32>(inputEnd - ip) < 2) return outcome(LZO_E_INPUT_OVERRUN, op - output);
    const distance = <i32>load<u16>(ip);
    ip += 2;
    if (distance == 0) return outcome(LZO_E_ERROR, op - output);
    let length = MIN_MATCH + (token & NIBBLE);
    if (length == MIN_MATCH + NIBBLE) {
      const from = ip;
      while (ip < inputEnd && load<u8>(ip) == EXTENSION_STEP) ip++;
      if (ip == inputEnd) return outcome(LZO_E_INPUT_OVERRUN, op - output);
      length = extendedLength(length, <i32>(ip - from), <i32>load<u8>(ip));
      ip++;
    }
    if (distance > <i32>(op - output)) return outcome(LZO_E_LOOKBEHIND_OVERRUN, op - output);
    if (length > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
    copyMatch(op, distance, length, outputEnd);
    op += <usize>length;
  }
  return outcome(LZO_E_EOF_NOT_FOUND, op - output);
}

/** An extended length; one that no window could hold stays just that. */
function extendedLength(base: i32, steps: i32, last: i32): i32 {
  return steps > 0x7fff00 ? LENGTH_MAX : base + steps * EXTENSION_STEP + last;
}

/** Decompresses a window; returns the bytes written or a negative `LZO_E_` code. */
export function decompress(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): i32 {
  return resultOf(decode(input, inputBytes, output, outputCapacity));
}

/** The same, with the code and the bytes written as `bytes * 16 - code`. */
export function decompressOutcome(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): f64 {
  return packed(decode(input, inputBytes, output, outputCapacity));
}
