/**
 * The dictionary of the match finders: where in this input four bytes with a certain hash stood last.
 *
 * A dictionary must be empty when a page begins, or the output would depend on the page before; but to clear tens of KiB of shared memory
 * takes microseconds, a good part of a compression. So it is emptied by counting: it holds *stamps*, not positions. A stamp is
 * `base + position`, where `base` is greater than every stamp of every earlier call; the header word in front keeps the greatest stamp
 * given out so far. An entry below the base of this call is from an earlier page, and so it counts as empty. A work area of zeros is
 * therefore an empty one. Only when the stamps would pass 2^31 - 1 (with pages: once in half a million calls) the dictionary is
 * really cleared and counting starts again.
 *
 * Seen from the current position, distance = current stamp - entry, and "the entry is of this page" is simply distance <= position. The same
 * comparison keeps the reads inside the input window whatever the work area holds: a damaged one may cost compression, never safety.
 */

/** Words in front of a dictionary: the greatest stamp given out so far. */
export const DICTIONARY_HEADER_WORDS = 1;

/** Greatest value of an entry. */
const MAX_STAMP = 0x7fffffff;

/**
 * Empties a dictionary for an input and moves the header word past all stamps the input can give out.
 *
 * @param work array that holds the work area
 * @param workIndex index of its header word
 * @param words of header and dictionary together
 * @param inputBytes bytes of the input
 * @returns base of the input: the stamp of its first byte, 1 or more
 */
export function openDictionary(
  work: Int32Array,
  workIndex: number,
  words: number,
  inputBytes: number,
): number {
  let greatest = work[workIndex]!;
  if (greatest < 0 || greatest > MAX_STAMP - inputBytes) {
    work.fill(0, workIndex, workIndex + words);
    greatest = 0;
  }
  work[workIndex] = greatest + inputBytes;
  return greatest + 1;
}
