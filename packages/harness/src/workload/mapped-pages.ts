/**
 * Which virtual pages of one process are mapped, as the generator of a workload knows it.
 *
 * One permutation of all page numbers whose first `mapped` entries are the mapped ones: choosing a random mapped or
 * unmapped page, mapping and unmapping all cost the same few instructions, however full the process is.
 */
import type { Random } from '../random.js';

/** The mapped and the unmapped pages of one process. */
export class MappedPages {
  /** How many virtual pages the process may map, in pages. */
  readonly pages: number;

  #mapped = 0;
  readonly #order: Int32Array;
  readonly #placeOf: Int32Array;

  /** @param pages - how many virtual pages the process may map, at least 1 */
  constructor(pages: number) {
    if (!Number.isInteger(pages) || pages < 1) {
      throw new RangeError(`a process of ${String(pages)} pages is impossible; allowed: 1 and more`);
    }
    this.pages = pages;
    this.#order = Int32Array.from({ length: pages }, (_, page) => page);
    this.#placeOf = Int32Array.from(this.#order);
  }

  /** How many pages are mapped. */
  get mapped(): number {
    return this.#mapped;
  }

  /** Whether a page is mapped. */
  has(page: number): boolean {
    return this.#place(page) < this.#mapped;
  }

  /** Maps a page; a page that is mapped stays so. */
  map(page: number): void {
    const place = this.#place(page);
    if (place < this.#mapped) return;
    this.#swap(place, this.#mapped);
    this.#mapped++;
  }

  /**
   * Unmaps a range.
   *
   * @param first - its first page
   * @param count - how many pages, mapped or not
   * @returns how many of them were mapped
   */
  unmap(first: number, count: number): number {
    const before = this.#mapped;
    for (let page = first; page < first + count; page++) {
      const place = this.#place(page);
      if (place >= this.#mapped) continue;
      this.#mapped--;
      this.#swap(place, this.#mapped);
    }
    return before - this.#mapped;
  }

  /** Maps what another process of as many pages maps, and nothing else. */
  copyFrom(other: MappedPages): void {
    this.#order.set(other.#order);
    this.#placeOf.set(other.#placeOf);
    this.#mapped = other.#mapped;
  }

  /** Unmaps everything: the process is gone. */
  clear(): void {
    this.#mapped = 0;
  }

  /** A mapped page, all equally likely. At least one must be mapped. */
  randomMapped(random: Random): number {
    return this.#order[random.below(this.#mapped)] as number;
  }

  /** A page that is not mapped, all equally likely. At least one must be unmapped. */
  randomUnmapped(random: Random): number {
    return this.#order[this.#mapped + random.below(this.pages - this.#mapped)] as number;
  }

  /**
   * The first mapped page at or after a page.
   *
   * @returns the page number, or -1 when there is none up to the end
   */
  nextMapped(from: number): number {
    for (let page = from; page < this.pages; page++) {
      if ((this.#placeOf[page] as number) < this.#mapped) return page;
    }
    return -1;
  }

  /**
   * How long a range is that starts at a page and holds a wanted number of mapped pages.
   *
   * @param first - its first page
   * @param wanted - how many mapped pages it shall hold, at least 1
   * @param atMost - how long it may be, in pages
   * @returns its length in pages, ending with a mapped page; 0 when so many are not within reach
   */
  spanOf(first: number, wanted: number, atMost: number): number {
    const end = Math.min(first + atMost, this.pages);
    let found = 0;
    for (let page = first; page < end; page++) {
      if ((this.#placeOf[page] as number) < this.#mapped && ++found === wanted) return page - first + 1;
    }
    return 0;
  }

  #place(page: number): number {
    const place = this.#placeOf[page];
    if (place === undefined) {
      throw new RangeError(
        `page ${String(page)} is outside the process; allowed: 0 to ${String(this.pages - 1)}`,
      );
    }
    return place;
  }

  #swap(left: number, right: number): void {
    const leftPage = this.#order[left] as number;
    const rightPage = this.#order[right] as number;
    this.#order[left] = rightPage;
    this.#order[right] = leftPage;
    this.#placeOf[leftPage] = right;
    this.#placeOf[rightPage] = left;
  }
}
