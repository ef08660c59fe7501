// Writes a changed copy of a text, from its beginning to its end, without adding or losing a line.

/** A text that is copied piece by piece, with other pieces between them. */
export class Writer {
  #text;
  #at = 0;
  /** @type {(string | { text: string })[]} */
  #pieces = [];

  /** @param {string} text what is copied */
  constructor(text) {
    this.#text = text;
  }

  /** Copies what is left before a position. */
  copyTo(position) {
    if (position < this.#at) throw new Error(`weave: text at ${position} was written before`);
    if (position > this.#at) this.#pieces.push(this.#text.slice(this.#at, position));
    this.#at = position;
  }

  /** Leaves out what is before a position, but for its line ends. */
  skipTo(position) {
    const skipped = this.#text.slice(this.#at, position);
    if (skipped.includes('\n')) this.#pieces.push(skipped.replace(/[^\n]+/g, ''));
    this.#at = position;
  }

  /** Puts a text of one line between the copied ones. */
  write(text) {
    this.#pieces.push(text);
  }

  /** Keeps a place for a text that is not known yet; set its `text` before {@link finish}. */
  hole() {
    const hole = { text: '' };
    this.#pieces.push(hole);
    return hole;
  }

  /** Copies the rest and returns the whole. */
  finish() {
    this.copyTo(this.#text.length);
    return this.#pieces.map((piece) => (typeof piece === 'string' ? piece : piece.text)).join('');
  }
}
