/**
 * The pool as it was: an answer that is half given before the block is ready, and a page counter that two CPUs may change at once.
 *
 * Differences to `XvPool`, all as in 2.6.34: the descriptor of the page is written to its place, an entry of the table, while the block is still being
 * cut; the number of pages is changed without the lock, by plain reads and writes; and a pool that is destroyed is forgotten with the pages it
 * still has, which then are nobody's.
 */
import * as kernelMm from '@swaplab/kernel-mm';
import * as block from '../../xvmalloc/block.js';
import * as freeLists from '../../xvmalloc/free-lists.js';
import { XvPool } from '../../xvmalloc/xvmalloc.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { ENOMEM } = kernelMm;
const { alignSize, BLOCK_FREE, XV_HEADER_BYTES, XV_MAX_ALLOC_SIZE } = block;
const { indexForSearch, XV_POOL } = freeLists;

/** A pool with the races of its time, as one thread sees it. @kernel drivers/staging/ramzswap/xvmalloc.c, 2.6.34 */
export class HistoricalXvPool extends XvPool {
  override create(): void {
    this.lock.lock();
    try {
      this.core.cells.st32(this.address + XV_POOL.created, 1);
      this.core.cells.st32(this.address + XV_POOL.totalPages, 0);
      this.lists.clear();
    } finally {
      this.lock.unlock();
    }
  }

  /** Walks over nothing: whatever pages there are, are lost. @kernel xv_destroy_pool, 2.6.34 */
  override destroy(): void {
    this.core.cells.st32(this.address + XV_POOL.created, 0);
  }

  /**
   * Takes an object from the pool. May sleep if `gfp` says so. @kernel xv_malloc, 2.6.34
   * @param size - bytes
   * @param gfp - `GFP_...` for a new page
   * @param pageCell - where the descriptor of the page goes, as soon as it is known; 0 at first and after a failure
   * @returns byte offset of the object in the page, or -ENOMEM
   */
  allocate(size: number, gfp: number, pageCell: number): number {
    this.core.cells.st32(pageCell, 0);
    if (size === 0 || size > XV_MAX_ALLOC_SIZE) return -ENOMEM;
    const offset = this.takeFree(size, pageCell);
    if (offset >= 0) return offset;
    const error = this.growPool(gfp);
    return error === 0 ? this.takeFree(size, pageCell) : error;
  }

  override free(page: number, offset: number): void {
    this.lock.lock();
    let empty: boolean;
    try {
      empty = this.freeBlock(page, offset - XV_HEADER_BYTES);
    } finally {
      this.lock.unlock();
    }
    if (!empty) return;
    this.pages.freePage(page);
    this.countPages(-1);
  }

  override growPool(gfp: number): number {
    const page = this.pages.allocPage(gfp);
    if (page === 0) return -ENOMEM;
    this.countPages(1);
    this.lock.lock();
    try {
      const first = this.pages.addressOf(page);
      this.core.cells.announce(first);
      this.blocks.writeHeader(first, XV_MAX_ALLOC_SIZE, 0, BLOCK_FREE);
      this.lists.insert(page, 0);
    } finally {
      this.lock.unlock();
    }
    return 0;
  }

  /** Nothing: the counter is changed later, without the lock. */
  protected override addPages(): void {}

  private countPages(delta: number): void {
    const { cells } = this.core;
    cells.st32(this.address + XV_POOL.totalPages, cells.ld32(this.address + XV_POOL.totalPages) + delta);
  }

  private takeFree(size: number, pageCell: number): number {
    const { cells } = this.core;
    const bytes = alignSize(size);
    this.lock.lock();
    try {
      const index = this.lists.find(indexForSearch(bytes));
      if (index < 0) return -ENOMEM;
      const page = this.lists.headPage(index);
      const offset = this.lists.headOffset(index);
      cells.st32(pageCell, page);
      const address = this.pages.addressOf(page) + offset;
      cells.announce(address);
      this.lists.remove(page, offset);
      this.splitBlock(page, offset, bytes);
      this.blocks.setSize(address, size);
      this.blocks.clearFlag(address, BLOCK_FREE);
      return offset + XV_HEADER_BYTES;
    } finally {
      this.lock.unlock();
    }
  }
}
