/**
 * The two lists of anonymous pages: active ones in order of their last use as far as reclaim knows it, and inactive ones, which reclaim takes.
 *
 * Promise: a page is on at most one of the lists and at most once. `onLru` says whether it is, PG_ACTIVE on which one, or, while somebody has
 * taken it off, to which one it will come back. A page comes to the head of its list; reclaim takes pages from the tail. Taking a page off
 * takes a reference too, so that it cannot be freed meanwhile; `putback` is its counterpart.
 *
 * A new page begins on the active list, one that was read from swap on the inactive one. From there a page that is used is marked first and
 * moved to the active list when it is used once more ({@link ReclaimList.markPageAccessed}). Pages come back from the active list only when
 * reclaim finds the other one too short (`vm/shrink-zone.ts`).
 *
 * Lock: `lru_lock` (spinlock) protects both lists, the list fields of all pages on them, and PG_ACTIVE of those. Taken with page locks,
 * page-table locks or nothing held; nothing is taken inside. @kernel zone->lru_lock, mm/swap.c, 2.6.34, without the per-processor batches
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, SpinLock } from '../sync/locks.js';
import * as descriptor from './page.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { PAGE, PG_ACTIVE, PG_FREE } = descriptor;

/** One list. */
const LRU = struct('lru', { head: 'i32', tail: 'i32', count: 'i32' }, 16);
const LIST_BYTES = LRU.$bytes;

/** The list reclaim takes pages from. @kernel LRU_INACTIVE_ANON */
export const LRU_INACTIVE_ANON = 0;
/** The list of pages that were used lately. @kernel LRU_ACTIVE_ANON */
export const LRU_ACTIVE_ANON = 1;
const LISTS = 2;
const LIST_NAMES = ['inactive', 'active'] as const;

/** Regions and the lock class of the lists. */
export interface ReclaimListLayout {
  readonly list: Region;
  readonly lock: Region;
  readonly lockClass: LockClass;
}

/** What takes a reference for the lists: the page frames. */
export interface PageReferences {
  /**
   * Takes a reference unless the last one is just being dropped.
   * @param page - descriptor address
   */
  getPageUnlessZero(page: number): boolean;
}

/**
 * Reserves the lists.
 * @param layout - not yet sealed
 * @param classes - gets `lru_lock`
 */
export function layoutReclaimList(layout: Layout, classes: LockClasses): ReclaimListLayout {
  return {
    list: layout.structs('hot', 'lru', LRU, LISTS),
    lock: layoutLocks(layout, 'lru_lock'),
    lockClass: classes.define('lru_lock'),
  };
}

/** Both lists as one thread sees them. */
export class ReclaimList {
  private readonly cells: Cells;
  private readonly lists: number;
  private readonly lock: SpinLock;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutReclaimList}
   */
  constructor(core: Core, regions: ReclaimListLayout) {
    this.cells = core.cells;
    this.lists = regions.list.base;
    this.lock = new SpinLock(core.locks, regions.lock.base, regions.lockClass);
  }

  /** Number of pages on both lists; true only for the moment. */
  count(): number {
    return this.inactiveCount() + this.activeCount();
  }

  /** Number of pages on the inactive list; true only for the moment. @kernel NR_INACTIVE_ANON @racy a hint, as zone_page_state: how much to scan */
  inactiveCount(): number {
    return this.cells.ld32(this.lists + LRU.count);
  }

  /** Number of pages on the active list; true only for the moment. @kernel NR_ACTIVE_ANON @racy a hint, as zone_page_state: how much to scan */
  activeCount(): number {
    return this.cells.ld32(this.lists + LIST_BYTES + LRU.count);
  }

  /** Puts a new page on the active list. The caller has a reference. @kernel mm/swap.c lru_cache_add_active_anon, 2.6.34 */
  lruCacheAddActive(page: number): void {
    this.lock.lock();
    try {
      if (this.cells.ld32(page + PAGE.onLru) !== 0) return;
      this.cells.atomicOr(page + PAGE.flags, PG_ACTIVE);
      this.link(page, LRU_ACTIVE_ANON);
    } finally {
      this.lock.unlock();
    }
  }

  /** Puts a page on the inactive list. The caller has a reference. @kernel mm/swap.c lru_cache_add_anon, 2.6.34 */
  lruCacheAddInactive(page: number): void {
    this.lock.lock();
    try {
      if (this.cells.ld32(page + PAGE.onLru) === 0) this.link(page, LRU_INACTIVE_ANON);
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Says that a page was used: an inactive page is marked the first time, and moved to the active list the second time.
   * @param page - the caller has a reference
   * @returns whether it was moved to the active list
   * @kernel mm/swap.c mark_page_accessed, 2.6.34
   */
  markPageAccessed(page: number): boolean {
    const { cells } = this;
    if (cells.ld32(page + PAGE.referenced) === 0) {
      cells.st32(page + PAGE.referenced, 1);
      return false;
    }
    // A page that is off its list, or active already, stays marked.
    if (!this.activatePage(page)) return false;
    cells.st32(page + PAGE.referenced, 0);
    return true;
  }

  /**
   * Moves an inactive page to the active list. One that somebody has taken off its list stays where it is.
   * @param page - the caller has a reference
   * @returns whether it was moved
   * @kernel mm/swap.c activate_page, 2.6.34
   */
  activatePage(page: number): boolean {
    const { cells } = this;
    if (cells.ld32(page + PAGE.onLru) === 0 || this.isActive(page)) return false;
    this.lock.lock();
    try {
      if (cells.ld32(page + PAGE.onLru) === 0 || this.isActive(page)) return false;
      this.unlink(page, LRU_INACTIVE_ANON);
      cells.atomicOr(page + PAGE.flags, PG_ACTIVE);
      this.link(page, LRU_ACTIVE_ANON);
      return true;
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Moves an inactive page to the end that reclaim looks at next: it was written, so that it can go at once.
   * @param page - the caller has a reference
   * @returns whether it was moved; not when it is active or off its list
   * @kernel mm/swap.c rotate_reclaimable_page, 2.6.34
   */
  rotateReclaimablePage(page: number): boolean {
    if (this.cells.ld32(page + PAGE.onLru) === 0) return false;
    this.lock.lock();
    try {
      if (this.cells.ld32(page + PAGE.onLru) === 0 || this.isActive(page)) return false;
      this.unlink(page, LRU_INACTIVE_ANON);
      this.linkTail(page, LRU_INACTIVE_ANON);
      return true;
    } finally {
      this.lock.unlock();
    }
  }

  /** Takes a page off if it is on a list; called when its last reference is gone. @kernel mm/swap.c __page_cache_release, 2.6.34 */
  removeIfListed(page: number): void {
    if (this.cells.ld32(page + PAGE.onLru) === 0) return;
    this.lock.lock();
    try {
      if (this.cells.ld32(page + PAGE.onLru) !== 0) this.unlink(page, this.listOf(page));
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Takes pages at the tail of a list off it, with a reference to each. A page whose last reference is just being dropped is passed over:
   * whoever drops it takes it off.
   * @param frames - takes the references
   * @param list - `LRU_...`
   * @param most - how many pages
   * @param taken - gets the pages behind those it has, the oldest first
   * @returns how many there are now
   * @kernel mm/vmscan.c isolate_lru_pages, 2.6.34
   */
  isolate(frames: PageReferences, list: number, most: number, taken: number[]): number {
    const first = taken.length;
    this.lock.lock();
    try {
      let page = this.cells.ld32(this.lists + list * LIST_BYTES + LRU.tail);
      while (page !== 0 && taken.length - first < most) {
        const before = this.cells.ld32(page + PAGE.lruPrev);
        if (frames.getPageUnlessZero(page)) {
          this.unlink(page, list);
          taken.push(page);
        }
        page = before;
      }
    } finally {
      this.lock.unlock();
    }
    return taken.length - first;
  }

  /**
   * Puts pages back, each to the head of the list its PG_ACTIVE says. The references stay the caller's.
   * @param pages - off the lists, the oldest first
   * @kernel mm/vmscan.c putback_lru_page, as shrink_inactive_list does it, 2.6.34
   */
  putback(pages: readonly number[]): void {
    if (pages.length === 0) return;
    this.lock.lock();
    try {
      for (let index = 0; index < pages.length; index++) {
        const page = pages[index] ?? 0;
        this.link(page, this.listOf(page));
      }
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Puts pages of the active list to the head of the inactive one. The references stay the caller's.
   * @param pages - off the lists, the oldest first
   * @kernel mm/vmscan.c move_active_pages_to_lru, 2.6.34
   */
  deactivate(pages: readonly number[]): void {
    this.lock.lock();
    try {
      for (let index = 0; index < pages.length; index++) {
        const page = pages[index] ?? 0;
        this.cells.atomicAnd(page + PAGE.flags, ~PG_ACTIVE);
        this.link(page, LRU_INACTIVE_ANON);
      }
    } finally {
      this.lock.unlock();
    }
  }

  /** Whether a page is active; without `lru_lock` only for the moment. @kernel PageActive */
  isActive(page: number): boolean {
    return (this.cells.atomicLoad(page + PAGE.flags) & PG_ACTIVE) !== 0;
  }

  /** The pages of a list from head to tail, for checks while nobody else uses it. */
  pages(list: number): number[] {
    const pages: number[] = [];
    const count = this.cells.ld32(this.lists + list * LIST_BYTES + LRU.count);
    let page = this.cells.ld32(this.lists + list * LIST_BYTES + LRU.head);
    for (; page !== 0 && pages.length <= count; page = this.cells.ld32(page + PAGE.lruNext)) pages.push(page);
    return pages;
  }

  /** Walks the lists both ways; the sentences say what does not agree. Only while nobody else uses them. */
  checkInvariants(): string[] {
    const broken: string[] = [];
    const met = new Set<number>();
    for (let list = 0; list < LISTS; list++) this.checkList(list, met, broken);
    return broken;
  }

  private checkList(list: number, met: Set<number>, broken: string[]): void {
    const { cells } = this;
    const name = `the ${LIST_NAMES[list] ?? ''} list`;
    const count = cells.ld32(this.lists + list * LIST_BYTES + LRU.count);
    const pages = this.pages(list);
    let previous = 0;
    for (const page of pages) {
      if (met.has(page)) broken.push(`a page is on ${name} although it was met on a list before`);
      met.add(page);
      if (cells.ld32(page + PAGE.lruPrev) !== previous)
        broken.push(`${name} is not linked backwards as forwards`);
      if (cells.ld32(page + PAGE.onLru) !== 1) broken.push(`a page on ${name} does not know it`);
      if (this.listOf(page) !== list) broken.push(`a page on ${name} says that it is on the other one`);
      if ((cells.ld32(page + PAGE.flags) & PG_FREE) !== 0) broken.push(`a page on ${name} is free`);
      previous = page;
    }
    if (pages.length > count) broken.push(`${name} is longer than the ${count} pages it counts`);
    else if (pages.length !== count) broken.push(`${name} has ${pages.length} pages but counts ${count}`);
    if (cells.ld32(this.lists + list * LIST_BYTES + LRU.tail) !== previous)
      broken.push(`the tail of ${name} is not its last page`);
  }

  /** The list a page is on, or belongs to. */
  private listOf(page: number): number {
    return this.isActive(page) ? LRU_ACTIVE_ANON : LRU_INACTIVE_ANON;
  }

  /** To the head of a list. `lru_lock` held. */
  private link(page: number, list: number): void {
    const { cells } = this;
    const at = this.lists + list * LIST_BYTES;
    const head = cells.ld32(at + LRU.head);
    cells.st32(page + PAGE.lruNext, head);
    cells.st32(page + PAGE.lruPrev, 0);
    cells.st32(head === 0 ? at + LRU.tail : head + PAGE.lruPrev, page);
    cells.st32(at + LRU.head, page);
    cells.st32(page + PAGE.onLru, 1);
    cells.st32(at + LRU.count, cells.ld32(at + LRU.count) + 1);
  }

  /** To the tail of a list. `lru_lock` held. */
  private linkTail(page: number, list: number): void {
    const { cells } = this;
    const at = this.lists + list * LIST_BYTES;
    const tail = cells.ld32(at + LRU.tail);
    cells.st32(page + PAGE.lruPrev, tail);
    cells.st32(page + PAGE.lruNext, 0);
    cells.st32(tail === 0 ? at + LRU.head : tail + PAGE.lruNext, page);
    cells.st32(at + LRU.tail, page);
    cells.st32(page + PAGE.onLru, 1);
    cells.st32(at + LRU.count, cells.ld32(at + LRU.count) + 1);
  }

  /** Off its list. `lru_lock` held. */
  private unlink(page: number, list: number): void {
    const { cells } = this;
    const at = this.lists + list * LIST_BYTES;
    const next = cells.ld32(page + PAGE.lruNext);
    const previous = cells.ld32(page + PAGE.lruPrev);
    cells.st32(previous === 0 ? at + LRU.head : previous + PAGE.lruNext, next);
    cells.st32(next === 0 ? at + LRU.tail : next + PAGE.lruPrev, previous);
    cells.st32(page + PAGE.onLru, 0);
    cells.st32(at + LRU.count, cells.ld32(at + LRU.count) - 1);
  }
}
