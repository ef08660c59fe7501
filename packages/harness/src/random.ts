/**
 * Seeded random numbers for everything of the harness that must be repeatable: pages, workloads, tests.
 *
 * Promises: the same seed gives the same numbers on every machine and in every version (a test holds the first
 * numbers of some seeds); only 32-bit integer arithmetic is used, so there is nothing that a platform could round
 * differently. A fork depends on the seed and on its label only, never on how many numbers were drawn before, so
 * that adding one more consumer does not move the numbers of the others.
 *
 * Not for secrets.
 */

/** One more than the largest number that `Random.next` gives: 2^32. */
export const UINT32_RANGE = 0x1_0000_0000;

/**
 * Scrambles 32 bits so that every bit of the input moves about half of the bits of the result. It is a bijection:
 * two different inputs never give the same result.
 *
 * @param value - any integer; only its low 32 bits count
 * @returns an unsigned 32-bit integer
 */
export function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * A small fast generator (sfc32) with 128 bits of state and a period of at least 2^32 numbers.
 */
export class Random {
  /** The seed this generator was made from, an unsigned 32-bit integer. */
  readonly seed: number;

  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  /**
   * @param seed - an unsigned 32-bit integer
   * @throws RangeError when the seed is not one
   */
  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed >= UINT32_RANGE) {
      throw new RangeError(`seed ${String(seed)} is not an integer from 0 to ${String(UINT32_RANGE - 1)}`);
    }
    this.seed = seed;
    this.#a = mix32(seed + 0x9e3779b9);
    this.#b = mix32(seed + 0x3c6ef372);
    this.#c = mix32(seed + 0xdaa66d2b);
    this.#counter = 1;
    // Neighbouring seeds start from related states; a dozen rounds take the relation away.
    for (let round = 0; round < 12; round++) this.next();
  }

  /**
   * The next number of the sequence.
   *
   * @returns an unsigned 32-bit integer, all equally likely
   */
  next(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /**
   * An integer below a bound, without the bias of a plain remainder.
   *
   * @param bound - how many values are possible, 1 to 2^32
   * @returns an integer from 0 to `bound - 1`
   * @throws RangeError when the bound is not an integer in that range
   */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > UINT32_RANGE) {
      throw new RangeError(`bound ${String(bound)} is not an integer from 1 to ${String(UINT32_RANGE)}`);
    }
    const fairEnd = UINT32_RANGE - (UINT32_RANGE % bound);
    let value = this.next();
    while (value >= fairEnd) value = this.next();
    return value % bound;
  }

  /**
   * True in `numerator` of `denominator` cases.
   *
   * @param numerator - 0 for never, `denominator` for always
   * @param denominator - 1 to 2^32
   */
  chance(numerator: number, denominator: number): boolean {
    return this.below(denominator) < numerator;
  }

  /**
   * A generator of its own for one purpose. Calling it draws no number from this one.
   *
   * @param label - what it is for; the same label always gives the same generator
   */
  fork(label: string | number): Random {
    const text = String(label);
    let hash = 0x811c9dc5;
    for (let index = 0; index < text.length; index++) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    }
    return new Random(mix32(mix32(hash) + mix32(this.seed ^ 0x5bd1e995)));
  }
}
