/**
 * `lzo1x-current` in AssemblyScript: the same streams, the same results and the same work area as the readable twins
 * `src/codec/lzo1x-current.ts` and `src/codec/lzo1x-decompress.ts`. The rules of `lzo1x.ts` hold here too.
 *
 * Built by `npm run wasm`.
 */
import { decode } from './lzo1x-decode';
import { compressInput } from './lzo1x-search';
import { packed, resultOf } from './results';

export { compressRoomyBlock } from './lzo1x-search';

/** Compresses a window; returns the bytes written or `LZO_E_OUTPUT_OVERRUN`. */
export function compress(
  input: usize,
  inputBytes: i32,
  output: usize,
  outputCapacity: i32,
  work: usize,
): i32 {
  return compressInput(input, inputBytes, output, outputCapacity, work, false);
}

/** Decompresses a window; returns the bytes written or a negative `LZO_E_` code. */
export function decompress(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): i32 {
  return resultOf(decode(input, inputBytes, output, outputCapacity, false));
}

/** The same, with the code and the bytes written as `bytes * 16 - code`. */
export function decompressOutcome(input: usize, inputBytes: i32, output: usize, outputCapacity: i32): f64 {
  return packed(decode(input, inputBytes, output, outputCapacity, false));
}
