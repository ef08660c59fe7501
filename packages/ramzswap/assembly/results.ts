/** Result codes and outcomes of the decoders: see `src/codec/results.ts` and `src/codec/outcome.ts`. */

export const LZO_E_OK: i32 = 0;
export const LZO_E_ERROR: i32 = -1;
export const LZO_E_INPUT_OVERRUN: i32 = -4;
export const LZO_E_OUTPUT_OVERRUN: i32 = -5;
export const LZO_E_LOOKBEHIND_OVERRUN: i32 = -6;
export const LZO_E_EOF_NOT_FOUND: i32 = -7;
export const LZO_E_INPUT_NOT_CONSUMED: i32 = -8;

/** A result code and the bytes written, in one number. */
export function outcome(code: i32, bytesWritten: usize): i64 {
  return ((<i64>bytesWritten) << 8) | (<i64>-code);
}

/** What `decompress` returns for an outcome: the bytes written or the negative code. */
export function resultOf(result: i64): i32 {
  const code = <i32>(result & 0xff);
  return code == 0 ? <i32>(result >> 8) : -code;
}

/** What `decompressOutcome` returns for it: `bytes * 16 - code`. */
export function packed(result: i64): f64 {
  return <f64>(result >> 8) * 16 + <f64>(result & 0xff);
}
