/**
 * The processes of one swapper, as the generator of a workload knows them: places of which some are taken, each with the pages that are mapped
 * there. The first places are taken from the start; at least one always is. Nothing is allocated after the constructor.
 */
import type { Random } from '../random.js';
import { MappedPages } from './mapped-pages.js';

/** The processes of one swapper. */
export class ProcessFamily {
  readonly #places: readonly MappedPages[];
  readonly #taken: Uint8Array;
  readonly #startsWith: number;
  #living = 0;

  /**
   * @param places - how many processes there may be at one time, at least 1
   * @param pages - how many virtual pages each of them may map, at least 1
   * @param startsWith - how many there are from the start, at least 1
   */
  constructor(places: number, pages: number, startsWith = 1) {
    this.#places = Array.from({ length: places }, () => new MappedPages(pages));
    this.#taken = new Uint8Array(places);
    this.#startsWith = startsWith;
    this.reset();
  }

  /** How many processes there are. */
  get living(): number {
    return this.#living;
  }

  /** How many pages all of them map; a page that several share counts for each. */
  get mapped(): number {
    let sum = 0;
    for (let place = 0; place < this.#places.length; place++) {
      if (this.#taken[place] === 1) sum += this.pagesOf(place).mapped;
    }
    return sum;
  }

  /** Whether one more process has room. */
  hasRoom(): boolean {
    return this.#living < this.#places.length;
  }

  /** The pages of the process in a place. */
  pagesOf(place: number): MappedPages {
    return this.#places[place] as MappedPages;
  }

  /** The place of a process, all equally likely. */
  randomLiving(random: Random): number {
    let left = this.#living === 1 ? 0 : random.below(this.#living);
    let place = this.#next(0, 1);
    for (; left > 0; left--) place = this.#next(place + 1, 1);
    return place;
  }

  /**
   * Makes a child that maps what its parent maps. There must be room.
   *
   * @param parent - the place of a process
   * @returns the place of the child
   */
  fork(parent: number): number {
    const child = this.#next(0, 0);
    this.pagesOf(child).copyFrom(this.pagesOf(parent));
    this.#taken[child] = 1;
    this.#living++;
    return child;
  }

  /** Ends the process in a place; it must not be the last one. */
  end(place: number): void {
    if (this.#taken[place] !== 1 || this.#living === 1) {
      throw new RangeError(
        `the process in place ${String(place)} cannot end: it is the last one, or is gone`,
      );
    }
    this.pagesOf(place).clear();
    this.#taken[place] = 0;
    this.#living--;
  }

  /** As in the beginning: nobody maps anything. */
  reset(): void {
    for (const pages of this.#places) pages.clear();
    this.#taken.fill(0);
    this.#taken.fill(1, 0, this.#startsWith);
    this.#living = this.#startsWith;
  }

  /** The first place from a given one on that is taken (1) or free (0). */
  #next(from: number, taken: number): number {
    let place = from;
    while (this.#taken[place] !== taken) {
      if (place >= this.#taken.length) throw new RangeError('no such place for a process');
      place++;
    }
    return place;
  }
}
