/**
 * The reclaim list: pages of processes in order of their last use, as far as reclaim knows it.
 *
 * Promise: a page is on the list at most once, and `onLru` says whether. New and reactivated pages go to the head; reclaim takes pages
 * from the tail. Taking a page off for reclaim takes a reference too, so that it cannot be freed meanwhile.
 *
 * Lock: `lru_lock` (spinlock) protects the list and the list fields of all pages on it. @kernel zone->lru_lock
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, SpinLock } from '../sync/locks.js';
import * as descriptor from './page.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { PAGE } = descriptor;

const LRU = struct('lru', { head: 'i32', tail: 'i32', count: 'i32' });

/** Regions and the lock class of the reclaim list. */
export interface ReclaimListLayout {
  readonly list: Region;
  readonly lock: Region;
  readonly lockClass: LockClass;
}

/**
 * Reserves the list.
 * @param layout - not yet sealed
 * @param classes - gets `lru_lock`
 */
export function layoutReclaimList(layout: Layout, classes: LockClasses): ReclaimListLayout {
  return {
    list: layout.structs('hot', 'lru', LRU, 1),
    lock: layoutLocks(layout, 'lru_lock'),
    lockClass: classes.define('lru_lock'),
  };
}

/** The reclaim list as one thread sees it. */
export class ReclaimList {
  private readonly cells: Cells;
  private readonly list: number;
  private readonly lock: SpinLock;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutReclaimList}
   */
  constructor(core: Core, regions: ReclaimListLayout) {
    this.cells = core.cells;
    this.list = regions.list.base;
    this.lock = new SpinLock(core.locks, regions.lock.base, regions.lockClass);
  }

  /** Number of pages on the list; true only for the moment. */
  count(): number {
    return this.cells.ld32(this.list + LRU.count);
  }

  /** Puts a page at the head unless it is on the list. The caller has a reference. @kernel lru_cache_add */
  add(page: number): void {
    this.lock.lock();
    try {
      if (this.cells.ld32(page + PAGE.onLru) === 0) this.link(page);
    } finally {
      this.lock.unlock();
    }
  }

  /** Takes a page off if it is on; called when its last reference is gone. */
  removeIfListed(page: number): void {
    if (this.cells.ld32(page + PAGE.onLru) === 0) return;
    this.lock.lock();
    try {
      if (this.cells.ld32(page + PAGE.onLru) !== 0) this.unlink(page);
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Takes the page at the tail off for reclaim, with a reference. A page whose last reference is just being dropped is passed over: whoever
   * drops it takes it off.
   * @param frames - takes a reference unless the count is 0
   * @returns the page, or 0 when there is none
   * @kernel isolate_lru_pages, one page at a time
   */
  isolateTail(frames: { getPageUnlessZero(page: number): boolean }): number {
    this.lock.lock();
    try {
      let page = this.cells.ld32(this.list + LRU.tail);
      while (page !== 0 && !frames.getPageUnlessZero(page)) page = this.cells.ld32(page + PAGE.lruPrev);
      if (page !== 0) this.unlink(page);
      return page;
    } finally {
      this.lock.unlock();
    }
  }

  /** Walks the list both ways; the sentences say what does not agree. Only while nobody else uses it. */
  checkInvariants(): string[] {
    const broken: string[] = [];
    const count = this.count();
    let seen = 0;
    let previous = 0;
    for (
      let page = this.cells.ld32(this.list + LRU.head);
      page !== 0;
      page = this.cells.ld32(page + PAGE.lruNext)
    ) {
      if (this.cells.ld32(page + PAGE.lruPrev) !== previous)
        broken.push('the reclaim list is not linked backwards as forwards');
      if (this.cells.ld32(page + PAGE.onLru) !== 1)
        broken.push('a page on the reclaim list does not know it');
      previous = page;
      if (++seen > count) return [...broken, `the reclaim list is longer than the ${count} pages it counts`];
    }
    if (seen !== count) broken.push(`the reclaim list has ${seen} pages but counts ${count}`);
    if (this.cells.ld32(this.list + LRU.tail) !== previous)
      broken.push('the tail of the reclaim list is not its last page');
    return broken;
  }

  private link(page: number): void {
    const head = this.cells.ld32(this.list + LRU.head);
    this.cells.st32(page + PAGE.lruNext, head);
    this.cells.st32(page + PAGE.lruPrev, 0);
    this.cells.st32(head === 0 ? this.list + LRU.tail : head + PAGE.lruPrev, page);
    this.cells.st32(this.list + LRU.head, page);
    this.cells.st32(page + PAGE.onLru, 1);
    this.cells.st32(this.list + LRU.count, this.cells.ld32(this.list + LRU.count) + 1);
  }

  private unlink(page: number): void {
    const next = this.cells.ld32(page + PAGE.lruNext);
    const previous = this.cells.ld32(page + PAGE.lruPrev);
    this.cells.st32(previous === 0 ? this.list + LRU.head : previous + PAGE.lruNext, next);
    this.cells.st32(next === 0 ? this.list + LRU.tail : next + PAGE.lruPrev, previous);
    this.cells.st32(page + PAGE.onLru, 0);
    this.cells.st32(this.list + LRU.count, this.cells.ld32(this.list + LRU.count) - 1);
  }
}
