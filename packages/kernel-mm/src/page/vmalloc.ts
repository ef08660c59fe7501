/**
 * Memory for tables: swap maps, page tables, driver tables.
 *
 * Promise: page-granular, page-aligned, zeroed blocks from a region of their own, first fit from below, so that the same calls give the
 * same addresses. The region does not belong to the modelled RAM: what a table costs is reported, not competed for.
 *
 * One cell per page of the region: 0 free, n > 0 the first page of a block of n pages, -1 a later page of a block.
 * Lock: `vmalloc_lock` (mutex); callers may sleep. @kernel vmalloc, vfree
 */
import type { Layout, Region } from '../arena/layout.js';
import { PAGE_SHIFT, PAGE_SIZE } from '../arena/memory.js';
import type { Cells } from '../sync/cells.js';
import { pagesFor } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, Mutex } from '../sync/locks.js';

const INNER = -1;

/** What users of tables see. */
export interface Vmalloc {
  /**
   * Takes zeroed memory. May sleep.
   * @param bytes - size, at least 1
   * @returns a page-aligned address, or 0 when there is no room or the size is 0
   */
  vmalloc(bytes: number): number;
  /**
   * Gives memory back. May sleep.
   * @param address - from {@link vmalloc}, or 0 for nothing
   */
  vfree(address: number): void;
}

/** Regions and the lock class of the table memory. */
export interface VmallocLayout {
  readonly memory: Region;
  readonly pageCells: Region;
  readonly lock: Region;
  readonly lockClass: LockClass;
  readonly pages: number;
}

/**
 * Reserves table memory.
 * @param layout - not yet sealed
 * @param classes - gets `vmalloc_lock`
 * @param bytes - size of the region
 */
export function layoutVmalloc(layout: Layout, classes: LockClasses, bytes: number): VmallocLayout {
  const pages = pagesFor(bytes);
  return {
    memory: layout.bytes('hot', 'vmalloc', pages << PAGE_SHIFT),
    pageCells: layout.bytes('hot', 'vmalloc_pages', pages * 4),
    lock: layoutLocks(layout, 'vmalloc_lock'),
    lockClass: classes.define('vmalloc_lock'),
    pages,
  };
}

/** First-fit allocator over the region. */
export class TableMemory implements Vmalloc {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly memory: number;
  private readonly pageCells: number;
  private readonly lock: Mutex;
  private readonly pages: number;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutVmalloc}
   */
  constructor(core: Core, regions: VmallocLayout) {
    this.cells = core.cells;
    this.context = core.context;
    this.memory = regions.memory.base;
    this.pageCells = regions.pageCells.base;
    this.lock = new Mutex(core.locks, regions.lock.base, regions.lockClass);
    this.pages = regions.pages;
  }

  vmalloc(bytes: number): number {
    const wanted = pagesFor(bytes);
    if (wanted === 0) return 0;
    this.lock.lock();
    let first: number;
    try {
      first = this.findRun(wanted);
      if (first < 0) return 0;
      this.cells.st32(this.pageCells + 4 * first, wanted);
      for (let page = first + 1; page < first + wanted; page++)
        this.cells.st32(this.pageCells + 4 * page, INNER);
    } finally {
      this.lock.unlock();
    }
    const address = this.memory + (first << PAGE_SHIFT);
    for (let page = 0; page < wanted; page++) this.cells.clearPage(address + (page << PAGE_SHIFT));
    return address;
  }

  vfree(address: number): void {
    if (address === 0) return;
    const first = (address - this.memory) >> PAGE_SHIFT;
    const aligned = (address - this.memory) % PAGE_SIZE === 0 && first >= 0 && first < this.pages;
    if (!aligned) this.context.bug(`vfree of ${address}, which is no address of table memory.`);
    this.lock.lock();
    try {
      const count = this.cells.ld32(this.pageCells + 4 * first);
      if (count <= 0)
        this.context.bug(
          `vfree of ${this.context.layout.describe(address)}, which is not the start of a block.`,
        );
      for (let page = first; page < first + count; page++) this.cells.st32(this.pageCells + 4 * page, 0);
    } finally {
      this.lock.unlock();
    }
  }

  /** Pages in use, for reports and leak checks. */
  pagesInUse(): number {
    let used = 0;
    for (let page = 0; page < this.pages; page++)
      if (this.cells.ld32(this.pageCells + 4 * page) !== 0) used++;
    return used;
  }

  private findRun(wanted: number): number {
    let run = 0;
    let page = 0;
    while (page < this.pages) {
      const cell = this.cells.ld32(this.pageCells + 4 * page);
      if (cell > 0) {
        run = 0;
        page += cell;
        continue;
      }
      run++;
      page++;
      if (run === wanted) return page - wanted;
    }
    return -1;
  }
}
