/**
 * Random numbers from two words of a schedule.
 *
 * Promise: the same seed gives the same numbers in every engine and on every machine; nothing is kept outside of the words. The generator is
 * xoroshiro64** (Blackman and Vigna), seeded by the finaliser of MurmurHash3, so that neighbouring seeds have nothing in common.
 */

const TWO_TO_32 = 4_294_967_296;
const GOLDEN = 0x9e37_79b9;

/** Mixes 32 bits so that every bit of the input changes about half of the output. */
function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

/**
 * The seed of one schedule of many.
 * @param seed - of all of them, 32 bits
 * @param index - which one
 * @returns 32 bits, 0 to 2^32-1
 */
export function scheduleSeed(seed: number, index: number): number {
  return mix(mix(seed) + Math.imul(index + 1, GOLDEN)) >>> 0;
}

/** The generator whose state is at one place of the words. */
export class Random {
  private readonly words: Int32Array;
  private readonly at: number;

  /**
   * @param words - of a schedule
   * @param at - the first of its two words
   */
  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  /**
   * Begins anew.
   * @param seed - 32 bits
   */
  seed(seed: number): void {
    const first = mix((seed | 0) + GOLDEN);
    const second = mix(first + GOLDEN);
    this.words[this.at] = first;
    // The state must not be all zero.
    this.words[this.at + 1] = first === 0 && second === 0 ? 1 : second;
  }

  /** The next 32 bits, as a signed number. */
  bits(): number {
    const { words, at } = this;
    const first = words[at]!;
    const second = words[at + 1]! ^ first;
    const product = Math.imul(first, 0x9e37_79bb);
    words[at] = ((first << 26) | (first >>> 6)) ^ second ^ (second << 9);
    words[at + 1] = (second << 13) | (second >>> 19);
    return Math.imul((product << 5) | (product >>> 27), 5);
  }

  /**
   * A number from 0 to below a limit, each as likely as any other (to one part in 2^32 / limit).
   * @param limit - 1 to 2^31
   */
  below(limit: number): number {
    return (((this.bits() >>> 0) * limit) / TWO_TO_32) | 0;
  }
}
