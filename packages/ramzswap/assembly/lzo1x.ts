/**
 * `lzo1x-2010` in AssemblyScript: the same streams, the same results and the same work area as the readable twins
 * `src/codec/lzo1x-compress.ts` and `src/codec/lzo1x-decompress.ts`, which explain the algorithm. Here stands only what is different.
 *
 * - Windows are byte addresses in the imported memory; the caller has checked that they lie inside it.
 * - Copies go by 8 or 16 bytes and may write a few bytes too many, which the next instruction overwrites. They never leave the output
 *   window and never read outside the input window: near the end of either, copies are exact. What follows the reported bytes inside the
 *   output window is therefore undefined.
 * - No data of its own, no globals, no allocation: the dictionary is the caller's.
 * - Endless loops are written `while (true)`: the compiler makes a trap of a `for (;;)` with a return at its end.
 *
 * Built by `npm run wasm`.
 */

const M2_MAX_OFFSET: i32 = 0x0800;
const M3_MAX_OFFSET: i32 = 0x4000;
const M4_MAX_OFFSET: i32 = 0xbfff;
const M2_MAX_LEN: i32 = 8;
const M3_MAX_LEN: i32 = 33;
const M4_MAX_LEN: i32 = 9;
const M2_MARKER: i32 = 64;
const M3_MARKER: i32 = 32;
const M4_MARKER: i32 = 16;
const MAX_FIRST_RUN: i32 = 238;
const MAX_SHORT_RUN: i32 = 18;
const FIRST_RUN_MARKER: i32 = 17;
const EXTENSION_STEP: i32 = 255;
const END_MARKER_BYTES: i32 = 3;

const D_MASK: u32 = 0x3fff;
const HASH_FACTOR: u32 = 0x21;
const SECOND_PROBE_KEEP: u32 = 0x7ff;
const SECOND_PROBE_FLIP: u32 = 0x201f;
const WORK_BYTES: usize = 4 + 0x4000 * 4;
const DICTIONARY: usize = 4;
const MAX_STAMP: i32 = 0x7fffffff;
const TAIL_BYTES: i32 = 13;
const FIRST_POSITION: i32 = 4;

const LZO_E_OK: i32 = 0;
const LZO_E_INPUT_OVERRUN: i32 = -4;
const LZO_E_OUTPUT_OVERRUN: i32 = -5;
const LZO_E_LOOKBEHIND_OVERRUN: i32 = -6;
const LZO_E_EOF_NOT_FOUND: i32 = -7;
const LZO_E_INPUT_NOT_CONSUMED: i32 = -8;

/** What the instruction before copied: 4 stands for "four literals or more". */
const LONG_RUN: i32 = 4;
/** Above this length `memory.copy` is faster than a loop of 16 bytes a step. */
const BULK_BYTES: i32 = 128;
/** Room that the copies of one literal run and one match may write too much, and more than all their instruction bytes. */
const EMIT_SLACK: i32 = 32;

/** Copies exactly so many bytes; the ranges do not overlap. */
function copyExact(to: usize, from: usize, count: i32): void {
  if (count > BULK_BYTES) {
    memory.copy(to, from, count);
    return;
  }
  while (count >= 8) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
    count -= 8;
  }
  while (count > 0) {
    store<u8>(to, load<u8>(from));
    to++;
    from++;
    count--;
  }
}

// ---- compress ----

function matchEnd(ip: usize, distance: usize, inputEnd: usize): usize {
  let end = ip + 3;
  while (end + 8 <= inputEnd) {
    const difference = load<u64>(end) ^ load<u64>(end - distance);
    if (difference != 0) return end + ((<usize>ctz(difference)) >> 3);
    end += 8;
  }
  while (end < inputEnd && load<u8>(end - distance) == load<u8>(end)) end++;
  return end;
}

function extensionBytes(value: i32): i32 {
  return value <= 0 ? 0 : 1 + (value - 1) / EXTENSION_STEP;
}

function literalBytes(count: i32, isFirst: bool): i32 {
  if (count <= 3) return isFirst && count > 0 ? 1 + count : count;
  return 1 + count + (isFirst && count <= MAX_FIRST_RUN ? 0 : extensionBytes(count - MAX_SHORT_RUN));
}

function matchBytes(distance: i32, length: i32): i32 {
  if (length <= M2_MAX_LEN && distance <= M2_MAX_OFFSET) return 2;
  return 3 + extensionBytes(length - (distance <= M3_MAX_OFFSET ? M3_MAX_LEN : M4_MAX_LEN));
}

function emitExtension(op: usize, value: i32): usize {
  while (value > EXTENSION_STEP) {
    store<u8>(op++, 0);
    value -= EXTENSION_STEP;
  }
  store<u8>(op++, value);
  return op;
}

/** Writes the instruction of a run that is not the first; the literals themselves follow. */
function emitRun(op: usize, count: i32): usize {
  if (count <= 3) {
    store<u8>(op - 2, load<u8>(op - 2) | count);
  } else if (count <= MAX_SHORT_RUN) {
    store<u8>(op++, count - 3);
  } else {
    store<u8>(op++, 0);
    op = emitExtension(op, count - MAX_SHORT_RUN);
  }
  return op;
}

function emitMatch(op: usize, distance: i32, length: i32): usize {
  let code = distance - 1;
  if (distance <= M2_MAX_OFFSET && length <= M2_MAX_LEN) {
    store<u16>(op, ((length - 1) << 5) | ((code & 7) << 2) | ((code >> 3) << 8));
    return op + 2;
  }
  let marker = M3_MARKER;
  let longest = M3_MAX_LEN;
  if (distance > M3_MAX_OFFSET) {
    code = distance - M3_MAX_OFFSET;
    marker = M4_MARKER | ((code & 0x4000) >> 11);
    longest = M4_MAX_LEN;
  }
  if (length <= longest) {
    store<u8>(op++, marker | (length - 2));
  } else {
    store<u8>(op++, marker);
    op = emitExtension(op, length - longest);
  }
  store<u16>(op, ((code & 63) << 2) | (((code >> 6) & 0xff) << 8));
  return op + 2;
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
  // May lie before the output when that has no room even for the end marker: compare differences, signed.
  const outputEnd = output + <usize>outputCapacity - <usize>END_MARKER_BYTES;
  let op = output;
  let pending = input;

  if (inputBytes > TAIL_BYTES) {
    const searchEnd = inputEnd - <usize>TAIL_BYTES;
    const dictionary = work + DICTIONARY;
    let greatest = load<i32>(work);
    if (greatest < 0 || greatest > MAX_STAMP - inputBytes) {
      memory.fill(work, 0, WORK_BYTES);
      greatest = 0;
    }
    store<i32>(work, greatest + inputBytes);
    const stampBias = greatest + 1 - <i32>input;

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

      const end = matchEnd(ip, <usize>distance, inputEnd);
      const length = <i32>(end - ip);
      const literals = <i32>(ip - pending);
      const room = <i32>(outputEnd - op);
      if (literals + (literals >> 7) + (length >> 7) + EMIT_SLACK <= room) {
        if (literals > 0) {
          op = emitRun(op, literals);
          // Reads end at most 7 bytes behind `ip`, and the last 13 bytes of the input are never searched.
          copyLiteralsBefore(op, pending, literals);
          op += <usize>literals;
        }
      } else {
        if (literalBytes(literals, false) + matchBytes(distance, length) > room) return LZO_E_OUTPUT_OVERRUN;
        if (literals > 0) {
          op = emitRun(op, literals);
          copyExact(op, pending, literals);
          op += <usize>literals;
        }
      }
      op = emitMatch(op, distance, length);
      ip = end;
      pending = end;
      if (ip >= searchEnd) break;
    }
  }

  const literals = <i32>(inputEnd - pending);
  const isFirst = op == output;
  if (literalBytes(literals, isFirst) > <i32>(outputEnd - op)) return LZO_E_OUTPUT_OVERRUN;
  if (literals > 0) {
    if (isFirst && literals <= MAX_FIRST_RUN) store<u8>(op++, FIRST_RUN_MARKER + literals);
    else op = emitRun(op, literals);
    copyExact(op, pending, literals);
    op += <usize>literals;
  }
  store<u8>(op, M4_MARKER | 1);
  store<u16>(op, 0, 1);
  return <i32>(op - output) + END_MARKER_BYTES;
}

/** Copies literals that stand before a match: most runs are short. */
function copyLiteralsBefore(op: usize, from: usize, count: i32): void {
  store<u64>(op, load<u64>(from));
  if (count > 8) copyWild8(op + 8, from + 8, count - 8);
}

/** Copies in steps of 8 bytes: reads and writes up to 7 bytes too many. */
function copyWild8(to: usize, from: usize, count: i32): void {
  if (count > BULK_BYTES) {
    memory.copy(to, from, count);
    return;
  }
  while (count > 0) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
    count -= 8;
  }
}

// ---- decompress ----

/** A result code and the bytes written, in one number. */
function outcome(code: i32, bytesWritten: usize): i64 {
  return ((<i64>bytesWritten) << 8) | (<i64>-code);
}

function truncatedMatch(nearest: i32, bytesWritten: usize): i64 {
  return outcome(
    <usize>nearest > bytesWritten ? LZO_E_LOOKBEHIND_OVERRUN : LZO_E_INPUT_OVERRUN,
    bytesWritten,
  );
}

/** Copies a match in rising order; `to + length` is inside the output window. */
function copyMatch(to: usize, distance: i32, length: i32, outputEnd: usize): void {
  let from = to - <usize>distance;
  const end = to + <usize>length;
  if (end + 16 <= outputEnd) {
    if (distance >= 8) {
      // Up to 8 bytes beyond the match are overwritten by what comes next.
      store<u64>(to, load<u64>(from));
      if (length <= 8) return;
      if (distance >= length && length > BULK_BYTES) {
        memory.copy(to, from, length);
        return;
      }
      while (true) {
        to += 8;
        from += 8;
        if (to >= end) return;
        store<u64>(to, load<u64>(from));
      }
    }
    if (length > 8) {
      if (distance == 1 && length > BULK_BYTES) {
        memory.fill(to, load<u8>(from), length);
        return;
      }
      // The first eight bytes one by one; then the pattern repeats at every multiple of the distance, also at one of 8 or more.
      const eight = to + 8;
      while (to < eight) store<u8>(to++, load<u8>(from++));
      const period = <usize>(((7 + distance) / distance) * distance);
      from = to - period;
      while (to < end) {
        store<u64>(to, load<u64>(from));
        to += 8;
        from += 8;
      }
      return;
    }
  }
  while (to < end) store<u8>(to++, load<u8>(from++));
}

/** Copies a run of literals; both windows have room for it. */
function copyLiterals(to: usize, from: usize, count: i32, outputEnd: usize, inputEnd: usize): void {
  if (to + <usize>count + 16 > outputEnd || from + <usize>count + 16 > inputEnd || count > BULK_BYTES) {
    copyExact(to, from, count);
    return;
  }
  v128.store(to, v128.load(from));
  while (count > 16) {
    to += 16;
    from += 16;
    count -= 16;
    v128.store(to, v128.load(from));
  }
}

function decode(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): i64 {
  const inputEnd = input + <usize>inputBytes;
  const outputEnd = output + <usize>outputCapacity;
  let ip = input;
  let op = output;
  let state: i32 = 0;

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
      if (literals > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
      if (literals >= <i32>(inputEnd - ip)) return outcome(LZO_E_INPUT_OVERRUN, op - output);
      if (literals <= 16 && op + 16 <= outputEnd && ip + 16 <= inputEnd) v128.store(op, v128.load(ip));
      else copyLiterals(op, ip, literals, outputEnd, inputEnd);
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
    if (length > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
    copyMatch(op, distance, length, outputEnd);
    op += <usize>length;

    if (literals > 0) {
      if (literals > <i32>(outputEnd - op)) return outcome(LZO_E_OUTPUT_OVERRUN, op - output);
      if (literals >= <i32>(inputEnd - ip)) return outcome(LZO_E_INPUT_OVERRUN, op - output);
      if (op + 4 <= outputEnd && ip + 4 <= inputEnd) {
        store<u32>(op, load<u32>(ip));
        op += <usize>literals;
        ip += <usize>literals;
      } else {
        const end = op + <usize>literals;
        while (op < end) store<u8>(op++, load<u8>(ip++));
      }
      if (inputEnd - ip == 1) break;
    }
    state = literals;
  }
  return outcome(LZO_E_EOF_NOT_FOUND, op - output);
}

/** Length of an extended instruction; one that no window could hold stays just that. */
function extendedLength(base: i32, zeros: i32, last: i32): i32 {
  return zeros > 0x7fff00 ? MAX_STAMP : base + zeros * EXTENSION_STEP + last;
}

/** Decompresses a window; returns the bytes written or a negative `LZO_E_` code. */
export function decompress(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): i32 {
  const result = decode(input, inputBytes, output, outputCapacity);
  const code = <i32>(result & 0xff);
  return code == 0 ? <i32>(result >> 8) : -code;
}

/** The same, with the code and the bytes written as `bytes * 16 - code`. */
export function decompressOutcome(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): f64 {
  const result = decode(input, inputBytes, output, outputCapacity);
  return <f64>(result >> 8) * 16 + <f64>(result & 0xff);
}
