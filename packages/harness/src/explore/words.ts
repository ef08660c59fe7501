/**
 * Names that people type: the most similar one of those that exist, for "did you mean".
 */

/**
 * The most similar name.
 *
 * @param word - as it was typed
 * @param names - those that exist
 * @returns null when none is similar: more than a third of the word would have to change
 */
export function nearestName(word: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    best = name;
  }
  return best;
}

/**
 * The end of a sentence about a name that is not known: the most similar one, then all.
 *
 * @param word - as it was typed
 * @param names - those that exist
 * @returns without a full stop, `did you mean "x"? allowed: x, y`
 */
export function allowedNames(word: string, names: readonly string[]): string {
  const nearest = nearestName(word, names);
  const hint = nearest === null ? '' : `did you mean "${nearest}"? `;
  return `${hint}allowed: ${names.join(', ')}`;
}

/** Letters to insert, remove or replace (Levenshtein 1965). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at++) {
    const next = [at];
    for (let index = 1; index <= other.length; index++) {
      const change = one[at - 1] === other[index - 1] ? 0 : 1;
      const { [index - 1]: diagonal = 0, [index]: above = 0 } = row;
      next.push(Math.min(diagonal + change, above + 1, (next[index - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
