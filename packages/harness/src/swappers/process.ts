/**
 * One process of a swapper, and the side table of what each of its pages must contain: who wrote it last, and which write of that page it was.
 * A page that came by fork was written by an ancestor until the process itself writes to it.
 *
 * A side table outlives its process and serves the next one: the memory of tables thrown away comes back late, and a long run would grow by it.
 */
import { type AddressSpace } from '@swaplab/kernel-mm';

/** What each page of one process at a time must contain. */
export class SideTable {
  /** By virtual page number: the process that wrote it last. */
  readonly owners: Uint32Array;
  /** Which write of the page that was; 0 reads as zeros. */
  readonly versions: Uint32Array;
  /** 1 for a page that was read since it was first written. */
  readonly reads: Uint8Array;

  /** @param pages - how many virtual pages a process may map */
  constructor(pages: number) {
    this.owners = new Uint32Array(pages);
    this.versions = new Uint32Array(pages);
    this.reads = new Uint8Array(pages);
  }

  /** @param parent - of the process that the table serves from now on; null for one with nothing mapped */
  begin(parent: SideTable | null): void {
    if (parent === null) {
      this.versions.fill(0);
      this.reads.fill(0);
      return;
    }
    this.owners.set(parent.owners);
    this.versions.set(parent.versions);
    this.reads.set(parent.reads);
  }
}

/** One process. */
export class SwapperProcess {
  /** Its memory. */
  readonly space: AddressSpace;
  /** Its number, which no other process of the run has. */
  readonly owner: number;
  /** For another process once this one is gone. */
  readonly table: SideTable;
  readonly #owners: Uint32Array;
  readonly #versions: Uint32Array;

  /**
   * @param space - its memory
   * @param owner - its number
   * @param table - that no living process has, for as many pages as it may map
   * @param parent - the process it was just forked from, or null for one with nothing mapped
   */
  constructor(space: AddressSpace, owner: number, table: SideTable, parent: SwapperProcess | null = null) {
    this.space = space;
    this.owner = owner;
    this.table = table;
    table.begin(parent === null ? null : parent.table);
    this.#owners = table.owners;
    this.#versions = table.versions;
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

  /** Notes a read by the process itself. */
  wasRead(page: number): void {
    this.table.reads[page] = 1;
  }

  /** Whether a page was written once, and neither read nor written since. */
  isUntouched(page: number): boolean {
    return this.#versions[page] === 1 && this.table.reads[page] === 0;
  }

  /** Notes that a range reads as zeros. */
  dropped(first: number, count: number): void {
    this.table.reads.fill(0, first, first + count);
    this.#versions.fill(0, first, first + count);
  }
}
