/**
 * What all sources of real pages share: room for a bounded number of pages, and a fair choice when there are more.
 *
 * A source is a generator that yields every few milliseconds, so that the same code can run to its end in one go, or give way to interrupts
 * between its steps. It keeps at most the pages of the corpus in memory, however large the source is.
 */
import type { Random } from '../random.js';
import { PAGE_BYTES } from './generate.js';

/** Steps of a source; it yields when somebody else may have a turn. */
export type Gathering<Result> = Generator<undefined, Result, undefined>;

/** Pages handled between two yields: about a millisecond of work. */
export const PAGES_PER_TURN = 64;

/** Room for the pages of a corpus. */
export class PageRoom {
  /** How many pages fit. */
  readonly capacity: number;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  #pages = 0;

  /** @param capacity - how many pages fit, at least 1 */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.#bytes = new Uint8Array(new SharedArrayBuffer(capacity * PAGE_BYTES));
  }

  /** How many pages are there. */
  get pages(): number {
    return this.#pages;
  }

  /**
   * Adds a page.
   *
   * @param page - 4096 bytes, which are copied
   * @throws RangeError when there is no room
   */
  add(page: Uint8Array): void {
    if (this.#pages >= this.capacity) throw new RangeError('there is no room for another page');
    this.#bytes.set(page, this.#pages * PAGE_BYTES);
    this.#pages += 1;
  }

  /** The pages, `pages * 4096` bytes of shared memory that has no room for more. */
  bytes(): Uint8Array<SharedArrayBuffer> {
    if (this.#pages === this.capacity) return this.#bytes;
    const exact = new Uint8Array(new SharedArrayBuffer(this.#pages * PAGE_BYTES));
    exact.set(this.#bytes.subarray(0, exact.length));
    return exact;
  }
}

/**
 * A choice of `wanted` of `total` numbers, spread evenly: one from each of `wanted` equal stretches. All of them when there are not more.
 *
 * @param total - the numbers are 0 to `total - 1`; up to 2^53
 * @param wanted - how many
 * @param random - decides which one of a stretch
 * @returns ascending, without repetition
 */
export function spreadChoice(total: number, wanted: number, random: Random): number[] {
  const stretches = Math.min(wanted, total);
  return Array.from({ length: stretches }, (_, stretch) => {
    const start = Math.floor((stretch * total) / stretches);
    const end = Math.floor(((stretch + 1) * total) / stretches);
    return start + belowAny(end - start, random);
  });
}

/** A random sample of numbers that arrive one after the other, nobody knows how many: each is kept with the same probability. */
export class Reservoir {
  readonly #room: number;
  readonly #random: Random;
  readonly #kept: number[] = [];
  #seen = 0;

  /**
   * @param room - how many are kept at most
   * @param random - decides
   */
  constructor(room: number, random: Random) {
    this.#room = room;
    this.#random = random;
  }

  /** How many were offered. */
  get seen(): number {
    return this.#seen;
  }

  /** @param value - a number that is kept, or not */
  offer(value: number): void {
    this.#seen += 1;
    if (this.#kept.length < this.#room) {
      this.#kept.push(value);
      return;
    }
    const place = belowAny(this.#seen, this.#random);
    if (place < this.#room) this.#kept[place] = value;
  }

  /** What was kept, in a random order unless nothing had to be left out. */
  shuffled(): number[] {
    const values = [...this.#kept];
    if (this.#seen <= this.#room) return values;
    for (let last = values.length - 1; last > 0; last--) {
      const other = this.#random.below(last + 1);
      [values[last], values[other]] = [values[other] as number, values[last] as number];
    }
    return values;
  }
}

/**
 * Whether a page is all zero.
 *
 * @param page - 4096 bytes
 */
export function isZeroPage(page: Uint8Array): boolean {
  for (const byte of page) {
    if (byte !== 0) return false;
  }
  return true;
}

/**
 * A count for people.
 *
 * @param value - of things
 * @param noun - one of them
 * @param plural - several of them, when it is not the noun with an s
 */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${value.toLocaleString('en-US')} ${value === 1 ? noun : plural}`;
}

/** An integer below a bound of any size. */
function belowAny(bound: number, random: Random): number {
  if (bound <= 2 ** 32) return random.below(bound);
  return Math.floor((bound * (random.next() * 2 ** 21 + random.below(2 ** 21))) / 2 ** 53);
}
