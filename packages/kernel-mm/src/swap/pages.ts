/**
 * What the swap core decides about pages of the swap cache: whether a slot can be given back although a page still refers to it.
 *
 * Promise: a page leaves the swap cache only while its lock is held, and is marked dirty then, since its slot, the only other copy, goes.
 * Page locks are taken before `swap_lock`, so where `swap_lock` is held a page lock is only tried.
 */
import { swpEntry, swpOffset, type SwapEntry } from './entries.js';
import { SWAP_HAS_CACHE, SWAP_INFO, swapCount, type SwapTable } from './info.js';
import type { SlotCounts } from './counts.js';
import { EmptySwapCache, type SwapCacheOps } from './operations.js';

/** Slots and their cached pages. One per thread. */
export class SwapPages {
  readonly table: SwapTable;
  readonly counts: SlotCounts;
  /** The swap cache; set once, at attach. @perthread */
  cache: SwapCacheOps;

  /**
   * @param table - the areas
   * @param counts - the map bytes
   */
  constructor(table: SwapTable, counts: SlotCounts) {
    this.table = table;
    this.counts = counts;
    this.cache = new EmptySwapCache(table.context);
  }

  /**
   * Users of the slot of a cached page, the cache itself not counted. The page is locked. Takes `swap_lock`.
   * @param page - in the swap cache
   * @kernel mm/swapfile.c page_swapcount, 2.6.34
   */
  pageSwapcount(page: number): number {
    const { cells, swapLock } = this.table;
    const entry = this.cache.swapEntryOf(page);
    const area = this.counts.swapInfoGet(entry);
    if (area === 0) return 0;
    const count = swapCount(cells.ld8(cells.ldu32(area + SWAP_INFO.swapMap) + swpOffset(entry)));
    swapLock.unlock();
    return count;
  }

  /**
   * Whether a process that writes to an anonymous page may keep it instead of a copy: nobody else uses the page or its slot.
   * If so, the slot is given back, unless the page is just being written. The page is locked. Takes `swap_lock`.
   * @param page - mapped once or not yet
   * @kernel mm/swapfile.c reuse_swap_page, 2.6.34
   */
  reuseSwapPage(page: number): boolean {
    const { cache } = this;
    let users = cache.mapcount(page);
    if (users <= 1 && cache.isSwapCache(page)) {
      users += this.pageSwapcount(page);
      if (users === 1 && !cache.isWriteback(page)) this.forget(page);
    }
    return users <= 1;
  }

  /**
   * Gives back the slot of a page if nobody but the swap cache uses the slot. The page is locked. Takes `swap_lock`.
   * @param page - any page
   * @returns 1 when the slot was freed, else 0
   * @kernel mm/swapfile.c try_to_free_swap, 2.6.34
   */
  tryToFreeSwap(page: number): number {
    const { cache } = this;
    if (!cache.isSwapCache(page) || cache.isWriteback(page)) return 0;
    if (this.pageSwapcount(page) !== 0) return 0;
    this.forget(page);
    return 1;
  }

  /**
   * Drops a user of a slot; if only the swap cache is left, tries to give the slot back. Takes `swap_lock`; page-table locks may be held.
   * @param entry - an entry taken out of a page table
   * @returns 1, or 0 when the entry named no slot in use, which is logged
   * @kernel mm/swapfile.c free_swap_and_cache, 2.6.34
   */
  freeSwapAndCache(entry: SwapEntry): number {
    const { table, counts, cache } = this;
    if (table.nonSwapEntry(entry)) return 1;
    const area = counts.swapInfoGet(entry);
    if (area === 0) return 0;
    let page = 0;
    let locked = false;
    try {
      if (counts.swapEntryFree(area, entry, 1) === SWAP_HAS_CACHE) {
        page = cache.lookup(entry);
        locked = page !== 0 && cache.tryLockPage(page);
      }
    } finally {
      table.swapLock.unlock();
    }
    if (page === 0) return 1;
    if (locked) {
      // The page may have left the cache since the look-up.
      const wanted = cache.isMapped(page) && !table.vmSwapFull();
      if (cache.isSwapCache(page) && !cache.isWriteback(page) && !wanted) this.forget(page);
      cache.unlockPage(page);
    }
    cache.putPage(page);
    return 1;
  }

  /**
   * Tries to free a slot that only the swap cache holds; never waits, since a task that reclaims may hold page locks.
   * `swap_lock` is not held.
   * @param area - address of the area
   * @param offset - the slot
   * @returns 1 when the slot was freed, else 0
   * @kernel mm/swapfile.c __try_to_reclaim_swap, 2.6.34
   */
  tryToReclaimSwap(area: number, offset: number): number {
    const { table, cache } = this;
    const page = cache.lookup(swpEntry(table.cells.ld32(area + SWAP_INFO.type), offset));
    if (page === 0) return 0;
    let freed = 0;
    if (cache.tryLockPage(page)) {
      freed = this.tryToFreeSwap(page);
      cache.unlockPage(page);
    }
    cache.putPage(page);
    return freed;
  }

  /** Takes a locked page out of the swap cache; from here on the page itself is the only copy. */
  private forget(page: number): void {
    this.cache.deleteFromSwapCache(page);
    this.cache.setPageDirty(page);
  }
}
