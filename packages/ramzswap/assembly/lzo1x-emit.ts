/** Writing LZO1X instructions: see `src/codec/lzo1x-emit.ts`. Copies may write a few bytes too many where the room allows it. */
import { copyExact } from './copy';
import {
  END_MARKER_BYTES,
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
} from './lzo1x-format';
import { LZO_E_OUTPUT_OVERRUN } from './results';

/** Beside the input and a sixteenth of it: the longest stream, a version, and what copies write too much. */
const ROOMY_BYTES: i32 = 64 + 3 + 2 + 32;

function extensionBytes(value: i32): i32 {
  return value <= 0 ? 0 : 1 + (value - 1) / EXTENSION_STEP;
}

export function literalBytes(count: i32, isFirst: bool): i32 {
  if (count <= 3) return isFirst && count > 0 ? 1 + count : count;
  return 1 + count + (isFirst && count <= MAX_FIRST_RUN ? 0 : extensionBytes(count - MAX_SHORT_RUN));
}

export function matchBytes(distance: i32, length: i32): i32 {
  if (length <= M2_MAX_LEN && distance <= M2_MAX_OFFSET) return 2;
  return 3 + extensionBytes(length - (distance <= M3_MAX_OFFSET ? M3_MAX_LEN : M4_MAX_LEN));
}

export function emitExtension(op: usize, value: i32): usize {
  while (value > EXTENSION_STEP) {
    store<u8>(op++, 0);
    value -= EXTENSION_STEP;
  }
  store<u8>(op++, value);
  return op;
}

/** Writes the instruction of a run that is not the first; the literals themselves follow. */
export function emitRun(op: usize, count: i32, back: usize): usize {
  if (count <= 3) {
    store<u8>(op - back, load<u8>(op - back) | count);
  } else if (count <= MAX_SHORT_RUN) {
    store<u8>(op++, count - 3);
  } else {
    store<u8>(op++, 0);
    op = emitExtension(op, count - MAX_SHORT_RUN);
  }
  return op;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function emitMatch(op: usize, distance: i32, length: i32): usize {
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

/** Whether an output has room for the longest stream of an input and for what copies write too much: then nothing has to be reckoned. */
export function isRoomy(inputBytes: i32, outputCapacity: i32): bool {
  return outputCapacity >= inputBytes + (inputBytes >> 4) + ROOMY_BYTES;
}

/** Writes the literals before an instruction of so many bytes; returns where the stream goes on, 0 when there is no room for both. */
export function emitLiteralsExactly(
  op: usize,
  pending: usize,
  literals: i32,
  instructionBytes: i32,
  room: i32,
  back: usize,
): usize {
  if (literalBytes(literals, false) + instructionBytes > room) return 0;
  if (literals == 0) return op;
  op = emitRun(op, literals, back);
  copyExact(op, pending, literals);
  return op + <usize>literals;
}

/** Writes the literals that are left and the end marker; returns the bytes of the whole stream, or `LZO_E_OUTPUT_OVERRUN`. */
export function emitEnd(
  op: usize,
  from: usize,
  literals: i32,
  output: usize,
  outputEnd: usize,
  isFirst: bool,
  back: usize,
): i32 {
  if (literalBytes(literals, isFirst) > <i32>(outputEnd - op)) return LZO_E_OUTPUT_OVERRUN;
  if (literals > 0) {
    if (isFirst && literals <= MAX_FIRST_RUN) store<u8>(op++, FIRST_RUN_MARKER + literals);
    else op = emitRun(op, literals, back);
    copyExact(op, from, literals);
    op += <usize>literals;
  }
  store<u8>(op, M4_MARKER | 1);
  store<u16>(op, 0, 1);
  return <i32>(op - output) + END_MARKER_BYTES;
}
