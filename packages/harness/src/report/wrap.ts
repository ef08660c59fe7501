/**
 * Sentences for a terminal of a given width.
 */

/** Between words that belong together. */
const NBSP = '\u00a0';

/**
 * A text behind a prefix, broken at blanks; further lines are indented like the prefix.
 *
 * @param prefix - of the first line
 * @param text - no-break spaces in it are not broken at, and become blanks
 * @param width - columns of the terminal
 */
export function wrap(prefix: string, text: string, width: number): string[] {
  const lines: string[] = [];
  let line = prefix;
  for (const word of text.split(' ')) {
    if (line.length > prefix.length && line.length + word.length > width) {
      lines.push(line.trimEnd());
      line = ' '.repeat(prefix.length);
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].map((each) => each.replaceAll(NBSP, ' '));
}
