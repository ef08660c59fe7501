/**
 * One process of a swapper, and the side table of what each of its pages must contain: who wrote it last, and which write of that page it was.
 * A page that came by fork was written by an ancestor until the process itself writes to it.
 */
import { type AddressSpace } from '@swaplab/kernel-mm';

/** One process. */
export class SwapperProcess {
  /** Its memory. */
  readonly space: AddressSpace;
  /** Its number, which no other process of the run has. */
  readonly owner: number;
  readonly #owners: Uint32Array;
  /** 0 reads as zeros. */
  readonly #versions: Uint32Array;

  /**
   * @param space - its memory
   * @param owner - its number
   * @param pages - how many virtual pages it may map
   * @param parent - the process it was just forked from, or null for one with nothing mapped
   */
  constructor(space: AddressSpace, owner: number, pages: number, parent: SwapperProcess | null = null) {
    this.space = space;
    this.owner = owner;
    this.#owners = new Uint32Array(pages);
    this.#versions = new Uint32Array(pages);
    if (parent === null) return;
    this.#owners.set(parent.#owners);
    this.#versions.set(parent.#versions);
  }

  /** The process that wrote a page last. */
  ownerOf(page: number): number {
    return this.#owners[page] ?? 0;
  }

  /** Which write of a page it contains; 0 for none. */
  versionOf(page: number): number {
    return this.#versions[page] ?? 0;
  }

  /** Notes a write by the process itself. */
  written(page: number, version: number): void {
    this.#owners[page] = this.owner;
    this.#versions[page] = version;
  }

  /** Notes that a range reads as zeros. */
  dropped(first: number, count: number): void {
    this.#versions.fill(0, first, first + count);
  }
}
