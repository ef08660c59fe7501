/**
 * `lzo1x-2010` in AssemblyScript: the same streams, the same results and the same work area as the readable twins
 * `src/codec/lzo1x-compress.ts` and `src/codec/lzo1x-decompress.ts`, which explain the algorithm. Here stands only what is different.
 *
 * - Windows are byte addresses in the imported memory; the caller has checked that they lie inside it.
 * - Copies go by 8 or 16 bytes and may write a few bytes too many. What follows the reported bytes inside the output window is therefore
 *   undefined.
 * - No data of its own, no globals, no allocation: the dictionary is the caller's.
 * - Endless loops are written `while (true)`: the compiler makes a trap of a `for (;;)` with a return at its end.
 *
 * Built by `npm run wasm`.
 */
import { copyLiteralsBefore, equalEnd } from './copy';
import { DICTIONARY_HEADER_BYTES, openDictionary } from './dictionary';
import { decode } from './lzo1x-decode';
import { emitEnd, emitLiteralsExactly, emitMatch, emitRun, isRoomy, matchBytes } from './lzo1x-emit';
import { AFTER_MATCH, END_MARKER_BYTES, M2_MAX_OFFSET, M4_MAX_OFFSET } from './lzo1x-format';
import { LZO_E_OUTPUT_OVERRUN, packed, resultOf } from './results';

const D_MASK: u32 = 0x3fff;
const HASH_FACTOR: u32 = 0x21;
const SECOND_PROBE_KEEP: u32 = 0x7ff;
const SECOND_PROBE_FLIP: u32 = 0x201f;
const WORK_BYTES: usize = 4 + 0x4000 * 4;
const TAIL_BYTES: i32 = 13;
const FIRST_POSITION: i32 = 4;

/** Compresses a window; returns the bytes written or `LZO_E_OUTPUT_OVERRUN`. */
export function compress(
  input: usize,
  inputBytes: i32,
  output: usize,
  outputCapacity: i32,
  work: usize,
  kept: bool,
): i32 {
  const inputEnd = input + <usize>inputBytes;
  // May lie before the output when that has no room even for the end marker: compare differences, signed.
  const outputEnd = output + <usize>outputCapacity - <usize>END_MARKER_BYTES;
  const roomy = isRoomy(inputBytes, outputCapacity);
  let op = output;
  let pending = input;

  if (inputBytes > TAIL_BYTES) {
    const searchEnd = inputEnd - <usize>TAIL_BYTES;
    const dictionary = work + DICTIONARY_HEADER_BYTES;
    // A kept dictionary holds addresses plus one.
    const stampBias = kept ? 1 : openDictionary(work, WORK_BYTES, inputBytes) - <i32>input;

    let ip = input + <usize>FIRST_POSITION;
    while (true) {
      let distance: i32 = 0;
      let found = false;
      // The search. The end is looked at only after a probe: the first one happens even when it lies at or beyond the end.
      while (true) {
        const four = load<u32>(ip);
        const mixed =
          ((four >> 8) & 0xff0000) ^ ((four >> 6) & 0x3fc00) ^ ((four >> 3) & 0x1fe0) ^ (four & 0xff);
        const probe = ((HASH_FACTOR * mixed) >> 5) & D_MASK;
        const stamp = <i32>ip + stampBias;
        const position = <u32>(ip - input);
        const farthest = min(position, <u32>M4_MAX_OFFSET);
        let slot = dictionary + ((<usize>probe) << 2);
        distance = stamp - load<i32>(slot);
        if (<u32>(distance - 1) < farthest) {
          let difference = load<u32>(ip - <usize>distance) ^ four;
          if (distance > M2_MAX_OFFSET && difference >> 24 != 0) {
            slot = dictionary + ((<usize>((probe & SECOND_PROBE_KEEP) ^ SECOND_PROBE_FLIP)) << 2);
            distance = stamp - load<i32>(slot);
            if (<u32>(distance - 1) < farthest) {
              difference = load<u32>(ip - <usize>distance) ^ four;
              found = difference << 8 == 0 && (distance <= M2_MAX_OFFSET || difference == 0);
            }
          } else {
            found = difference << 8 == 0;
          }
        }
        store<i32>(slot, stamp);
        if (found) break;
        ip++;
        if (ip >= searchEnd) break;
      }
      if (!found) break;

      const end = equalEnd(ip + 3, <usize>distance, inputEnd);
      const length = <i32>(end - ip);
      const literals = <i32>(ip - pending);
      if (!roomy) {
        const room = <i32>(outputEnd - op);
        op = emitLiteralsExactly(op, pending, literals, matchBytes(distance, length), room, AFTER_MATCH);
        if (op == 0) return LZO_E_OUTPUT_OVERRUN;
      } else if (literals > 0) {
        op = emitRun(op, literals, AFTER_MATCH);
        // Reads end at most 7 bytes behind `ip`, and the last 13 bytes of the input are never searched.
        copyLiteralsBefore(op, pending, literals);
        op += <usize>literals;
      }
      op = emitMatch(op, distance, length);
      ip = end;
      pending = end;
      if (ip >= searchEnd) break;
    }
  }

  return emitEnd(op, pending, <i32>(inputEnd - pending), output, outputEnd, op == output, AFTER_MATCH);
}

/** Decompresses a window; returns the bytes written or a negative `LZO_E_` code. */
export function decompress(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): i32 {
  return resultOf(decode(input, inputBytes, output, outputCapacity, false));
}

/** The same, with the code and the bytes written as `bytes * 16 - code`. */
export function decompressOutcome(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): f64 {
  return packed(decode(input, inputBytes, output, outputCapacity, false));
}
