/**
 * xvmalloc: the allocator behind ramzswap, for objects of up to a page.
 *
 * A pool owns single, unrelated pages. Objects never cross a page boundary and are named by the pair (page, byte offset in the page), so
 * that no mapping is kept: the user of an object maps its page for the moment of the access. A page goes back to the system only when it is
 * wholly empty, and nothing is ever moved. That is why compressed data shrinks at once when slots are freed, and the pool only slowly.
 *
 * Promise: the choice of page and offset depends on nothing but the sequence of calls, and is that of 2.6.34, with its two limits: requests
 * of 4089 to 4092 bytes always fail and still grow the pool by a page (they are looked for one list above the one on which a whole page is
 * filed), and free remainders below 32 bytes are invisible until a neighbour is freed.
 *
 * One thing is not as in 2.6.34, where it is a race: the number of pages is changed under the lock.
 *
 * `pool_lock`, a spinlock, protects the pool and the headers of all blocks, except the size of an allocated block, which its owner may
 * read at any time. It is the innermost lock of the driver. A page is asked for, and given back, without it.
 */
import {
  ENOMEM,
  SpinLock,
  struct,
  type Core,
  type Layout,
  type LockClass,
  type LockClasses,
  type PageAllocator,
  type Region,
} from '@swaplab/kernel-mm';
import * as block from './block.js';
import { alignSize, Blocks } from './block.js';
import * as freeLists from './free-lists.js';
import { FreeLists, indexForInsert, indexForSearch } from './free-lists.js';

// A constant of this module is part of the code that uses it; an imported or exported one is loaded and checked at each use.
const { BLOCK_FREE, PREV_FREE, XV_ALIGN, XV_HEADER_BYTES, XV_MAX_ALLOC_SIZE, XV_MIN_ALLOC_SIZE } = block;
const { XV_POOL } = freeLists;

/**
 * Where {@link XvPool.malloc} puts its answer: two cells of the caller, at their places in an entry of the driver's table. `page` is 0 when
 * there is no object.
 */
export const XV_LOCATION = struct('xv_location', { page: 'u32', offset: 'u16' });

const LOCATION = XV_LOCATION;

/** Where the pools of a machine lie and how their locks are called. */
export interface XvPoolLayout {
  readonly region: Region;
  readonly lockClass: LockClass;
}

/**
 * Reserves pools and defines their lock class.
 * @param layout - not yet sealed
 * @param classes - lock classes of the machine
 * @param name - of the region, `'xv_pools'`; the lock class is called `pool_lock`
 * @param pools - number of pools
 */
export function layoutXvPool(
  layout: Layout,
  classes: LockClasses,
  name: string,
  pools: number,
): XvPoolLayout {
  return { region: layout.structs('hot', name, XV_POOL, pools), lockClass: classes.define('pool_lock') };
}

/** One pool, as one thread sees it. @kernel struct xv_pool and drivers/staging/ramzswap/xvmalloc.c, 2.6.34 */
export class XvPool {
  /** Byte address of the pool. */
  readonly address: number;
  /** `pool_lock`. */
  readonly lock: SpinLock;
  readonly blocks: Blocks;
  readonly lists: FreeLists;
  readonly core: Core;
  readonly pages: PageAllocator;

  /**
   * @param core - this thread's lower floors
   * @param pages - where the pages come from
   * @param places - from {@link layoutXvPool}
   * @param index - which of the pools
   */
  constructor(core: Core, pages: PageAllocator, places: XvPoolLayout, index: number) {
    this.core = core;
    this.pages = pages;
    this.address = places.region.base + index * XV_POOL.$bytes;
    this.lock = new SpinLock(core.locks, this.address + XV_POOL.lock, places.lockClass);
    this.blocks = new Blocks(core.cells.arena);
    this.lists = new FreeLists(core, pages, this.blocks, this.address);
  }

  /** Makes the pool, empty and without pages. @kernel xv_create_pool, 2.6.34 */
  create(): void {
    const { cells } = this.core;
    this.lock.lock();
    try {
      this.core.context.assert(
        cells.ld32(this.address + XV_POOL.created) === 0,
        'xvmalloc: a pool that exists is created again.',
      );
      cells.st32(this.address + XV_POOL.created, 1);
      cells.st32(this.address + XV_POOL.totalPages, 0);
      this.lists.clear();
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Unmakes the pool. All objects must have been freed: a page that still holds one would be lost, which stops the machine. Pages that
   * are empty because a request of 4089 to 4092 bytes once asked for them are given back. @kernel xv_destroy_pool, 2.6.34
   */
  destroy(): void {
    const { cells } = this.core;
    const wholePage = indexForInsert(XV_MAX_ALLOC_SIZE);
    for (;;) {
      this.lock.lock();
      let page: number;
      try {
        page = this.lists.headPage(wholePage);
        if (page !== 0 && this.blocks.sizeOf(this.pages.addressOf(page)) === XV_MAX_ALLOC_SIZE) {
          this.lists.remove(page, 0);
          this.addPages(-1);
        } else {
          const left = cells.ldu32(this.address + XV_POOL.totalPages);
          this.core.context.assert(
            left === 0,
            `xvmalloc: the pool is destroyed while objects live in ${left} of its pages.`,
          );
          cells.st32(this.address + XV_POOL.created, 0);
          return;
        }
      } finally {
        this.lock.unlock();
      }
      this.pages.freePage(page);
    }
  }

  /**
   * Takes an object from the pool, which grows by a page when no free block is large enough. May sleep if `gfp` says so.
   * @kernel xv_malloc, 2.6.34
   * @param size - bytes; 0 and more than 4092 fail at once, 4089 to 4092 after growing the pool
   * @param gfp - `GFP_...` for a new page
   * @param location - address of an {@link XV_LOCATION} which only the caller uses; holds (0, 0) after a failure. The original writes the
   * page before the block is ready; here both are written when it is
   * @returns 0 or -ENOMEM
   */
  malloc(size: number, gfp: number, location: number): number {
    const { cells } = this.core;
    cells.st32(location + LOCATION.page, 0);
    cells.st16(location + LOCATION.offset, 0);
    if (size === 0 || size > XV_MAX_ALLOC_SIZE) return -ENOMEM;
    if (this.mallocFromFree(size, location)) return 0;
    const error = this.growPool(gfp);
    if (error !== 0) return error;
    return this.mallocFromFree(size, location) ? 0 : -ENOMEM;
  }

  /**
   * Gives an object back; its page too, when it was the last one in it. Never sleeps. @kernel xv_free, 2.6.34
   * @param page - descriptor
   * @param offset - byte offset of the object, as {@link malloc} answered
   */
  free(page: number, offset: number): void {
    this.lock.lock();
    let empty: boolean;
    try {
      empty = this.freeBlock(page, offset - XV_HEADER_BYTES);
    } finally {
      this.lock.unlock();
    }
    if (empty) this.pages.freePage(page);
  }

  /**
   * The size an object was asked for with, in bytes. Needs no lock: the owner of an object may always read it. @kernel xv_get_object_size,
   * 2.6.34
   * @param page - descriptor
   * @param offset - byte offset of the object
   */
  objectSize(page: number, offset: number): number {
    const block = this.pages.addressOf(page) + offset - XV_HEADER_BYTES;
    this.core.cells.announce(block);
    return this.blocks.sizeOf(block);
  }

  /** Pages the pool owns; without a lock, so true only for the moment. @kernel xv_get_total_size_bytes, 2.6.34, in pages */
  totalPages(): number {
    return this.core.cells.ldu32(this.address + XV_POOL.totalPages);
  }

  /**
   * Adds a page, filed as one free block. @kernel grow_pool, 2.6.34
   * @param gfp - `GFP_...`
   * @returns 0 or -ENOMEM
   */
  growPool(gfp: number): number {
    const page = this.pages.allocPage(gfp);
    if (page === 0) return -ENOMEM;
    this.lock.lock();
    try {
      const block = this.pages.addressOf(page);
      this.core.cells.announce(block);
      this.addPages(1);
      this.blocks.writeHeader(block, XV_MAX_ALLOC_SIZE, 0, BLOCK_FREE);
      this.lists.insert(page, 0);
    } finally {
      this.lock.unlock();
    }
    return 0;
  }

  protected mallocFromFree(size: number, location: number): boolean {
    const bytes = alignSize(size);
    this.lock.lock();
    try {
      const index = this.lists.find(indexForSearch(bytes));
      if (index < 0) return false;
      const page = this.lists.headPage(index);
      const offset = this.lists.headOffset(index);
      this.core.cells.announce(this.pages.addressOf(page) + offset);
      this.lists.remove(page, offset);
      this.splitBlock(page, offset, bytes);
      const block = this.pages.addressOf(page) + offset;
      this.blocks.setSize(block, size);
      this.blocks.clearFlag(block, BLOCK_FREE);
      this.core.cells.st32(location + LOCATION.page, page);
      this.core.cells.st16(location + LOCATION.offset, offset + XV_HEADER_BYTES);
      return true;
    } finally {
      this.lock.unlock();
    }
  }

  /** Cuts what an unlinked free block has beyond `bytes` off as a new free block. */
  protected splitBlock(page: number, offset: number, bytes: number): void {
    const { blocks } = this;
    const frame = this.pages.addressOf(page);
    const blockBytes = blocks.sizeOf(frame + offset);
    const rest = blockBytes - bytes;
    const next = offset + XV_HEADER_BYTES + blockBytes;
    if (rest < 0 || blocks.testFlag(frame + offset, PREV_FREE)) {
      this.core.context.bug(
        `xvmalloc: ${bytes} bytes are to be taken from a free block of ${blockBytes} bytes at offset ${offset} of page ` +
          `${this.pages.frameNumber(page)}: it is too small, or the block before it is free too.`,
      );
    }
    if (rest === 0) {
      if (hasBlockAt(next)) blocks.clearFlag(frame + next, PREV_FREE);
      return;
    }
    // A remainder is at least a header, and may have no payload at all.
    const remainder = offset + XV_HEADER_BYTES + bytes;
    blocks.writeHeader(frame + remainder, rest - XV_HEADER_BYTES, offset, BLOCK_FREE);
    if (rest - XV_HEADER_BYTES >= XV_MIN_ALLOC_SIZE) this.lists.insert(page, remainder);
    // The block that follows knows already that the one before it is free; that one starts later now.
    if (hasBlockAt(next)) blocks.setPreviousOffset(frame + next, remainder);
  }

  /** Frees a block and joins it with free neighbours; true when the page is empty and no longer the pool's. */
  protected freeBlock(page: number, freed: number): boolean {
    const { blocks } = this;
    const frame = this.pages.addressOf(page);
    this.core.cells.announce(frame + freed);
    this.assertAllocated(page, freed);
    let offset = freed;
    let bytes = alignSize(blocks.sizeOf(frame + offset));
    let next = offset + XV_HEADER_BYTES + bytes;
    if (hasBlockAt(next) && blocks.testFlag(frame + next, BLOCK_FREE)) {
      const nextBytes = blocks.sizeOf(frame + next);
      if (nextBytes >= XV_MIN_ALLOC_SIZE) this.lists.remove(page, next);
      bytes += XV_HEADER_BYTES + nextBytes;
      next = offset + XV_HEADER_BYTES + bytes;
    }
    if (blocks.testFlag(frame + offset, PREV_FREE)) {
      const previous = blocks.previousOffset(frame + offset);
      const previousBytes = blocks.sizeOf(frame + previous);
      if (previousBytes >= XV_MIN_ALLOC_SIZE) this.lists.remove(page, previous);
      bytes += XV_HEADER_BYTES + previousBytes;
      offset = previous;
    }
    blocks.setSize(frame + offset, bytes);
    if (bytes === XV_MAX_ALLOC_SIZE) {
      this.addPages(-1);
      return true;
    }
    blocks.setFlag(frame + offset, BLOCK_FREE);
    if (bytes >= XV_MIN_ALLOC_SIZE) this.lists.insert(page, offset);
    if (hasBlockAt(next)) {
      blocks.setFlag(frame + next, PREV_FREE);
      blocks.setPreviousOffset(frame + next, offset);
    }
    return false;
  }

  /** Finds double frees, as long as the header was not overwritten since, and offsets that were never an object's. */
  private assertAllocated(page: number, offset: number): void {
    const block = this.pages.addressOf(page) + offset;
    const valid = offset >= 0 && offset % XV_ALIGN === 0 && offset < XV_MAX_ALLOC_SIZE;
    if (valid && !this.blocks.testFlag(block, BLOCK_FREE)) return;
    const sentence = `xvmalloc: the object at offset ${offset + XV_HEADER_BYTES} of page ${this.pages.frameNumber(page)}`;
    if (!valid) this.core.context.bug(`${sentence} is freed, but no object can start there.`);
    this.core.context.bug(
      `${sentence} is freed, but it is free already: its block has ${this.blocks.sizeOf(block)} bytes.`,
    );
  }

  protected addPages(delta: number): void {
    const { cells } = this.core;
    cells.st32(this.address + XV_POOL.totalPages, cells.ldu32(this.address + XV_POOL.totalPages) + delta);
  }
}

/** Whether a block starts at an offset, rather than the page ends there. */
function hasBlockAt(offset: number): boolean {
  return offset < XV_HEADER_BYTES + XV_MAX_ALLOC_SIZE;
}
