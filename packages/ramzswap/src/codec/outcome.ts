/**
 * Outcomes of decoders: a result code and the bytes written, packed into one number, so that a call can return both without an object.
 */

/** How many result codes one packed outcome can tell apart. */
const OUTCOME_CODES = 16;

/**
 * Packs an outcome.
 *
 * @param code `LZO_E_OK` or a negative `LZO_E_` code
 * @param bytesWritten bytes at the start of the output window that the stream produced
 * @returns a number of 0 or more
 */
export function outcome(code: number, bytesWritten: number): number {
  return bytesWritten * OUTCOME_CODES - code;
}

/**
 * The result code of a packed outcome.
 *
 * @param packed what a decoder returned
 * @returns `LZO_E_OK` or a negative `LZO_E_` code
 */
export function outcomeCode(packed: number): number {
  // `0 - ` and not `-`: the code of a good outcome is 0, not negative zero.
  return 0 - (packed % OUTCOME_CODES);
}

/**
 * The bytes written of a packed outcome.
 *
 * @param packed what a decoder returned
 * @returns bytes at the start of the output window that the stream produced
 */
export function outcomeBytes(packed: number): number {
  return Math.floor(packed / OUTCOME_CODES);
}
