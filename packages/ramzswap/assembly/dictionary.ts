/** The dictionary of the match finders: see `src/codec/dictionary.ts`. */

const MAX_STAMP: i32 = 0x7fffffff;

/** Bytes in front of a dictionary. */
export const DICTIONARY_HEADER_BYTES: usize = 4;

/** Empties a dictionary for an input; returns the stamp of its first byte. */
export function openDictionary(work: usize, workBytes: usize, inputBytes: i32): i32 {
  let greatest = load<i32>(work);
  if (greatest < 0 || greatest > MAX_STAMP - inputBytes) {
    memory.fill(work, 0, workBytes);
    greatest = 0;
  }
  store<i32>(work, greatest + inputBytes);
  return greatest + 1;
}
