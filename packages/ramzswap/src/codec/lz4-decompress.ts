/**
 * A safe decoder for LZ4 blocks: any bytes in, nothing outside the windows touched, always an end.
 *
 * Promise: a well-formed block gives its original bytes; any other input gives one of the codes of `results.ts` and the count of bytes that were
 * written before the fault was met. Checked for each sequence, in this order: room for the literals in the output, then the literals
 * themselves, the distance (0 is `LZO_E_ERROR`), the length, the start of the match, room for the match. A block that ends behind a match
 * is `LZO_E_EOF_NOT_FOUND`. That the last bytes are literals is asked of compressors only.
 *
 * Every turn of the loop uses up at least one byte of input, and a copy is never longer than the room in the output, so the time is
 * bounded by both windows. Nothing is allocated. Callers must keep: the windows belong to this call alone while it runs and do not overlap.
 */
import { LZ4_EXTENSION_STEP, LZ4_MIN_MATCH, LZ4_NIBBLE } from './lz4-format.js';
import { outcome } from './outcome.js';
import {
  LZO_E_EOF_NOT_FOUND,
  LZO_E_ERROR,
  LZO_E_INPUT_OVERRUN,
  LZO_E_LOOKBEHIND_OVERRUN,
  LZO_E_OK,
  LZO_E_OUTPUT_OVERRUN,
} from './results.js';
import { assertWindow } from './window.js';

/** From this length on, moving bytes with one built-in call is faster than a loop. */
const BULK_BYTES = 64;

/** Index of the byte that closes an extension, or `inputEnd` when the input ends before it. */
function extensionEnd(input: Uint8Array, from: number, inputEnd: number): number {
  let at = from;
  while (at < inputEnd && input[at] === LZ4_EXTENSION_STEP) {
    at++;
  }
  return at;
}

/** Copies within the rules of a match: in rising order, so that it may run into the bytes it produces. */
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

/**
 * Decodes an LZ4 block.
 *
 * @param input array that holds the block
 * @param inputOffset first byte of the block
 * @param inputBytes bytes in the block
 * @param output array that holds the output window; may be the same array as `input`, the windows must not overlap
 * @param outputOffset first byte of the output window
 * @param outputCapacity bytes in the output window
 * @returns a packed outcome: read it with `outcomeCode` and `outcomeBytes`
 * @throws RangeError when a window is not inside its array
 */
export function decodeLz4(
  input: Uint8Array,
  inputOffset: number,
  inputBytes: number,
  output: Uint8Array,
  outputOffset: number,
  outputCapacity: number,
): number {
  assertWindow('input', input.length, inputOffset, inputBytes);
  assertWindow('output', output.length, outputOffset, outputCapacity);

  const inputEnd = inputOffset + inputBytes;
  const outputEnd = outputOffset + outputCapacity;
  let ip = inputOffset;
  let op = outputOffset;

  while (ip < inputEnd) {
    const token = input[ip++]!;
    let literals = token >> 4;
    if (literals === LZ4_NIBBLE) {
      const close = extensionEnd(input, ip, inputEnd);
      if (close === inputEnd) {
        return outcome(LZO_E_INPUT_OVERRUN, op - outputOffset);
      }
      literals += (close - ip) * LZ4_EXTENSION_STEP + input[close]!;
      ip = close + 1;
    }
    if (literals > outputEnd - op) {
      return outcome(LZO_E_OUTPUT_OVERRUN, op - outputOffset);
    }
    if (literals > inputEnd - ip) {
      return outcome(LZO_E_INPUT_OVERRUN, op - outputOffset);
    }
    if (literals >= BULK_BYTES && input === output) {
      output.copyWithin(op, ip, ip + literals);
    } else {
      for (let i = 0; i < literals; i++) {
        output[op + i] = input[ip + i]!;
      }
    }
    ip += literals;
    op += literals;
    if (ip === inputEnd) {
      return outcome(LZO_E_OK, op - outputOffset);
    }

    if (inputEnd - ip < 2) {
      return outcome(LZO_E_INPUT_OVERRUN, op - outputOffset);
    }
    const distance = input[ip]! | (input[ip + 1]! << 8);
    ip += 2;
    if (distance === 0) {
      return outcome(LZO_E_ERROR, op - outputOffset);
    }
    let length = LZ4_MIN_MATCH + (token & LZ4_NIBBLE);
    if (length === LZ4_MIN_MATCH + LZ4_NIBBLE) {
      const close = extensionEnd(input, ip, inputEnd);
      if (close === inputEnd) {
        return outcome(LZO_E_INPUT_OVERRUN, op - outputOffset);
      }
      length += (close - ip) * LZ4_EXTENSION_STEP + input[close]!;
      ip = close + 1;
    }
    if (distance > op - outputOffset) {
      return outcome(LZO_E_LOOKBEHIND_OVERRUN, op - outputOffset);
    }
    if (length > outputEnd - op) {
      return outcome(LZO_E_OUTPUT_OVERRUN, op - outputOffset);
    }
    copyMatch(output, op, distance, length);
    op += length;
  }
  return outcome(LZO_E_EOF_NOT_FOUND, op - outputOffset);
}
