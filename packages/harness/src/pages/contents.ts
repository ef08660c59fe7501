/**
 * What each page of each process must contain, so that a lost, stale or swapped page is seen at the next read.
 *
 * The contents of a page are a function of three numbers: its owner (a process), its virtual page number and its
 * version (how many times it was written). A side table therefore keeps one version a page and nothing else. The
 * three numbers choose a page of the corpus, and then:
 *
 * | corpus page | contents |
 * | --- | --- |
 * | all zero | zeros; nothing can be told apart here, but that the page is chosen at all depends on the three numbers |
 * | same-filled | one 32-bit word repeated, which depends on the three numbers and is never zero |
 * | any other | the corpus page with a 16-byte stamp at its start: owner, page, version, check (little-endian words) |
 *
 * Version 0 means never written: such a page reads as zeros.
 *
 * Each thread has a `PageContents` of its own over the same shared corpus. Its methods allocate nothing.
 */
import { Buffer } from 'node:buffer';

import { mix32, UINT32_RANGE } from '../random.js';
import { PAGE_BYTES } from './generate.js';

/** A corpus page that is long enough and varied enough to carry a stamp. */
export const PAGE_STAMPED = 0;
/** A corpus page that is all zero. */
export const PAGE_ZERO = 1;
/** A corpus page that repeats one 32-bit word. */
export const PAGE_SAME_FILLED = 2;

/** Which of the three sorts of contents a page has. */
export type PageKind = typeof PAGE_STAMPED | typeof PAGE_ZERO | typeof PAGE_SAME_FILLED;

/** Bytes of a stamp, at the start of a page. */
export const STAMP_BYTES = 16;

/** Who wrote a page, as its stamp says. */
export interface PageStamp {
  /** The process that wrote it, an unsigned 32-bit integer. */
  readonly owner: number;
  /** Its virtual page number in that process. */
  readonly page: number;
  /** Which write of that page it was, from 1 on. */
  readonly version: number;
}

/**
 * Which page of a corpus a write takes.
 *
 * @param owner - the process, an unsigned 32-bit integer
 * @param page - the virtual page number
 * @param version - which write of that page it is, from 1 on
 * @param corpusPages - how many pages the corpus has
 * @returns an index from 0 to `corpusPages - 1`
 */
export function pageIndexFor(owner: number, page: number, version: number, corpusPages: number): number {
  return Math.floor((hashOf(owner, page, version) * corpusPages) / UINT32_RANGE);
}

/**
 * Reads the stamp at the start of a page.
 *
 * @param bytes - where the page lies
 * @param offset - its first byte there
 * @returns null when there is no valid stamp
 */
export function readStamp(bytes: Uint8Array, offset = 0): PageStamp | null {
  const owner = readWord(bytes, offset);
  const page = readWord(bytes, offset + 4);
  const version = readWord(bytes, offset + 8);
  if (readWord(bytes, offset + 12) !== checkOf(hashOf(owner, page, version))) return null;
  return { owner, page, version };
}

/** The contents that the pages of a run must have; see the head of this file. */
export class PageContents {
  /** How many pages the corpus has. */
  readonly corpusPages: number;

  readonly #pages: readonly Uint8Array[];
  readonly #kinds: Uint8Array;
  readonly #expected = new Uint8Array(PAGE_BYTES);
  readonly #expectedWords = new Int32Array(this.#expected.buffer);

  /**
   * @param corpus - the bytes of the corpus, a whole number of pages, at least one; kept, not copied
   * @throws RangeError when it is not
   */
  constructor(corpus: Uint8Array) {
    if (corpus.length === 0 || corpus.length % PAGE_BYTES !== 0) {
      throw new RangeError(`a corpus of ${String(corpus.length)} bytes is not a whole number of pages`);
    }
    this.corpusPages = corpus.length / PAGE_BYTES;
    // One view a page, made once: `set` with a view is the fastest copy there is, making the view is not.
    const pages: Uint8Array[] = [];
    this.#kinds = new Uint8Array(this.corpusPages);
    for (let index = 0; index < this.corpusPages; index++) {
      const view = corpus.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
      pages.push(view);
      this.#kinds[index] = kindOf(view);
    }
    this.#pages = pages;
  }

  /**
   * Which sort of contents a written page has.
   *
   * @param owner - the process, an unsigned 32-bit integer
   * @param page - the virtual page number
   * @param version - how many times it was written; 0 for never
   */
  kind(owner: number, page: number, version: number): PageKind {
    if (version === 0) return PAGE_ZERO;
    return this.#kinds[pageIndexFor(owner, page, version, this.corpusPages)] as PageKind;
  }

  /**
   * Fills a buffer with what a page must contain.
   *
   * @param owner - the process, an unsigned 32-bit integer
   * @param page - the virtual page number
   * @param version - how many times it was written; 0 for never
   * @param out - a buffer of exactly 4096 bytes
   * @throws RangeError when the buffer has another size
   */
  fill(owner: number, page: number, version: number, out: Uint8Array): void {
    if (out.length !== PAGE_BYTES) {
      throw new RangeError(`a page buffer has ${String(PAGE_BYTES)} bytes, not ${String(out.length)}`);
    }
    this.#expect(owner, page, version);
    out.set(this.#expected);
  }

  /**
   * Compares a page that was read with what it must contain.
   *
   * @param owner - the process, an unsigned 32-bit integer
   * @param page - the virtual page number
   * @param version - how many times it was written; 0 for never
   * @param actual - the 4096 bytes that were read
   * @returns true when all bytes are as they must be
   */
  matches(owner: number, page: number, version: number, actual: Uint8Array): boolean {
    if (actual.length !== PAGE_BYTES) return false;
    this.#expect(owner, page, version);
    return Buffer.compare(this.#expected, actual) === 0;
  }

  /**
   * Says in one sentence what is wrong with a page that does not match. For reports: it allocates.
   *
   * @param owner - the process, an unsigned 32-bit integer
   * @param page - the virtual page number
   * @param version - how many times it was written; 0 for never
   * @param actual - the 4096 bytes that were read
   */
  describeDifference(owner: number, page: number, version: number, actual: Uint8Array): string {
    const where = `page ${String(page)} of process ${String(owner)}, version ${String(version)}`;
    if (actual.length !== PAGE_BYTES)
      return `${where}: read ${String(actual.length)} bytes instead of a page`;
    this.#expect(owner, page, version);
    const first = this.#expected.findIndex((byte, index) => byte !== actual[index]);
    if (first < 0) return `${where}: as it must be`;
    const stamp = readStamp(actual);
    const differing = this.#expected.reduce((sum, byte, at) => sum + (byte === actual[at] ? 0 : 1), 0);
    const kind = kindOf(actual);
    let found = `${String(differing)} of ${String(PAGE_BYTES)} bytes differ, the first at ${String(first)}`;
    if (stamp?.owner === owner && stamp.page === page && stamp.version === version) {
      found = `its own stamp, but ${found}`;
    } else if (stamp?.owner === owner && stamp.page === page) {
      found = `its own version ${String(stamp.version)}`;
    } else if (stamp !== null) {
      found =
        `page ${String(stamp.page)} of process ${String(stamp.owner)}, ` +
        `version ${String(stamp.version)}, in its place`;
    } else if (kind === PAGE_ZERO) {
      found = 'zeros';
    } else if (kind === PAGE_SAME_FILLED) {
      found = `a page filled with the word 0x${readWord(actual, 0).toString(16)}`;
    }
    return `${where}: found ${found}`;
  }

  #expect(owner: number, page: number, version: number): void {
    const expected = this.#expected;
    if (version === 0) {
      expected.fill(0);
      return;
    }
    const hash = hashOf(owner, page, version);
    const index = Math.floor((hash * this.corpusPages) / UINT32_RANGE);
    const kind = this.#kinds[index];
    if (kind === PAGE_ZERO) {
      expected.fill(0);
    } else if (kind === PAGE_SAME_FILLED) {
      this.#expectedWords.fill(mix32(hash ^ 0x2545f491) | 1);
    } else {
      expected.set(this.#pages[index] as Uint8Array);
      writeWord(expected, 0, owner);
      writeWord(expected, 4, page);
      writeWord(expected, 8, version);
      writeWord(expected, 12, checkOf(hash));
    }
  }
}

function hashOf(owner: number, page: number, version: number): number {
  return mix32(mix32(mix32(owner + 0x6a09e667) ^ page) + version);
}

function checkOf(hash: number): number {
  return mix32(hash ^ 0x3c6ef372);
}

function kindOf(page: Uint8Array): PageKind {
  for (let at = 4; at < PAGE_BYTES; at++) {
    if (page[at] !== page[at - 4]) return PAGE_STAMPED;
  }
  return (page[0] ?? 0) === 0 && page[1] === 0 && page[2] === 0 && page[3] === 0
    ? PAGE_ZERO
    : PAGE_SAME_FILLED;
}

function readWord(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24)) >>>
    0
  );
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
