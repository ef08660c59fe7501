/**
 * Writers of single generated pages, each like one sort of memory that a machine swaps out.
 *
 * Promises: a page depends on the numbers drawn from the given generator only; exactly `PAGE_BYTES` bytes from
 * `offset` on are written, every one of them, whatever was there before.
 */
import type { Random } from '../random.js';

/** Bytes of a page. */
export const PAGE_BYTES = 4096;

/** Writes one page of `PAGE_BYTES` bytes into `out` from `offset` (bytes) on. */
export type PageWriter = (random: Random, out: Uint8Array, offset: number) => void;

const SYLLABLES = 'ba co di fu ga he in jo ka lu me no or pi qua re so ta un va we xi yo zen'.split(' ');
const WORDS = 512;

/** A page that does not compress: random bytes, as in encrypted or packed data. */
export const writeIncompressiblePage: PageWriter = (random, out, offset) => {
  writeRandomBytes(random, out, offset, PAGE_BYTES);
};

/** A page that repeats one 32-bit word, never zero. */
export const writeSameFilledPage: PageWriter = (random, out, offset) => {
  const word = random.next() | 1;
  for (let at = 0; at < PAGE_BYTES; at += 4) writeWord(out, offset + at, word);
};

/** A page of words separated by blanks; frequent words are much more frequent than rare ones, as in real text. */
export const writeTextPage: PageWriter = (random, out, offset) => {
  const vocabulary = random.fork('vocabulary');
  const words: string[] = [];
  for (let count = 0; count < WORDS; count++) {
    let word = '';
    for (let syllable = vocabulary.below(3); syllable >= 0; syllable--) {
      word += SYLLABLES[vocabulary.below(SYLLABLES.length)] ?? '';
    }
    words.push(word);
  }
  let at = 0;
  while (at < PAGE_BYTES) {
    // The smaller of three draws: a cheap stand-in for the skewed frequencies of words.
    const rank = Math.min(random.below(WORDS), random.below(WORDS), random.below(WORDS));
    const separator = random.chance(1, 9) ? '\n' : ' ';
    const piece = (words[rank] ?? '') + separator;
    for (let index = 0; index < piece.length && at < PAGE_BYTES; index++) {
      out[offset + at++] = piece.charCodeAt(index);
    }
  }
};

/** A page of 64-bit little-endian words: pointers into one region, small numbers and nulls, as in a heap. */
export const writePointerPage: PageWriter = (random, out, offset) => {
  const region = random.below(1 << 16);
  for (let at = 0; at < PAGE_BYTES; at += 8) {
    const sort = random.below(8);
    let low = 0;
    let high = 0;
    if (sort < 4) {
      low = (region << 16) | (random.below(1 << 12) << 4) | 0;
      high = 0x7f3a;
    } else if (sort < 6) {
      low = random.below(256);
    }
    writeWord(out, offset + at, low);
    writeWord(out, offset + at + 4, high);
  }
};

/** A page of zeros with some small records in it, as in tables that were sized for more than they hold. */
export const writeSparsePage: PageWriter = (random, out, offset) => {
  out.fill(0, offset, offset + PAGE_BYTES);
  const records = 4 + random.below(28);
  for (let record = 0; record < records; record++) {
    const bytes = 4 * (1 + random.below(6));
    const at = 4 * random.below((PAGE_BYTES - bytes) / 4);
    writeRandomBytes(random, out, offset + at, bytes);
  }
  // A sparse page is not a zero page: at least one byte is never zero.
  out[offset + PAGE_BYTES - 1] = 1 + random.below(255);
};

const RATIO_BLOCK_BYTES = 256;
/** What a byte-oriented compressor spends on one block beside its random bytes: two tokens and a repeated byte. */
const RATIO_BLOCK_OVERHEAD_BYTES = 6;

/**
 * Writes one page that compresses to about a given share of its size: blocks of random bytes and a repeated byte.
 *
 * @param random - where the numbers come from
 * @param ratio - compressed bytes over bytes, 0.05 to 1
 * @param out - where the page goes
 * @param offset - its first byte there
 */
export function writePageOfRatio(random: Random, ratio: number, out: Uint8Array, offset: number): void {
  const wanted = Math.round(ratio * RATIO_BLOCK_BYTES) - (ratio < 1 ? RATIO_BLOCK_OVERHEAD_BYTES : 0);
  const randomBytes = Math.max(2, wanted);
  for (let block = 0; block < PAGE_BYTES; block += RATIO_BLOCK_BYTES) {
    writeRandomBytes(random, out, offset + block, randomBytes);
    out.fill(random.below(256), offset + block + randomBytes, offset + block + RATIO_BLOCK_BYTES);
  }
}

function writeRandomBytes(random: Random, out: Uint8Array, offset: number, bytes: number): void {
  let bits = 0;
  for (let at = 0; at < bytes; at++) {
    if (at % 4 === 0) bits = random.next();
    out[offset + at] = bits;
    bits >>>= 8;
  }
}

function writeWord(out: Uint8Array, at: number, word: number): void {
  out[at] = word;
  out[at + 1] = word >>> 8;
  out[at + 2] = word >>> 16;
  out[at + 3] = word >>> 24;
}
