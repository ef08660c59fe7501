/**
 * What reclaim does with one page it has taken off the inactive list. @kernel mm/vmscan.c shrink_page_list, 2.6.34
 *
 * Promise: a page leaves memory only when its contents are on the device and no mapping is left; on any failure on the way it stays, dirty if
 * it was. A page whose process used it lately goes to the active list instead. Page locks are only tried, never waited for: whoever waits
 * could hold one already.
 *
 * Entered with a reference of the caller's, without page locks and spinlocks; may sleep. Left without page locks.
 */
import type { Frames } from '../page/frames.js';
import { PAGE, PG_ACTIVE, PG_DIRTY, PG_RECLAIM, PG_SWAPCACHE, PG_WRITEBACK } from '../page/page.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import type { PageIo } from './page-io.js';
import { SWAP_FAIL, SWAP_SUCCESS, type ReverseMap } from './rmap.js';
import { VM_EVENT, type VmEvents } from './stats.js';
import type { SwapCache } from './swap-cache.js';

/** What became of a page: it is gone, and the caller's reference with it. */
export const PAGE_FREED = 1;
/** What became of a page: it stays. PG_ACTIVE says on which list. */
export const PAGE_KEPT = 0;
/** What became of a page: it stays because another task has its lock, uses it or has just used it, so that it may be free to go soon. */
export const PAGE_BUSY = -1;

/** What {@link ShrinkPage.pageCheckReferences} says: nobody used the page. @kernel PAGEREF_RECLAIM */
export const PAGEREF_RECLAIM = 0;
/** Somebody found the page, but no process used it through its page table: it may go if nothing need be written. @kernel PAGEREF_RECLAIM_CLEAN */
export const PAGEREF_RECLAIM_CLEAN = 1;
/** A process used the page. @kernel PAGEREF_ACTIVATE */
export const PAGEREF_ACTIVATE = 2;

/** One page at a time, as one thread does it. */
export class ShrinkPage {
  private readonly cells: Cells;
  private readonly frames: Frames;
  private readonly swap: SwapCore;
  private readonly cache: SwapCache;
  private readonly rmap: ReverseMap;
  private readonly io: PageIo;
  private readonly events: VmEvents;

  /**
   * @param core - this thread's lower floors
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    parts: {
      readonly frames: Frames;
      readonly swap: SwapCore;
      readonly cache: SwapCache;
      readonly rmap: ReverseMap;
      readonly io: PageIo;
      readonly events: VmEvents;
    },
  ) {
    this.cells = core.cells;
    this.frames = parts.frames;
    this.swap = parts.swap;
    this.cache = parts.cache;
    this.rmap = parts.rmap;
    this.io = parts.io;
    this.events = parts.events;
  }

  /**
   * Frees a page if it can be freed.
   * @param page - off the lists, with a reference of the caller's
   * @returns {@link PAGE_FREED}: page and reference are gone; {@link PAGE_KEPT} or {@link PAGE_BUSY}: the caller puts it back
   * @kernel mm/vmscan.c shrink_page_list, one turn of its loop, 2.6.34
   */
  shrinkPage(page: number): number {
    if (!this.frames.tryLockPage(page)) return PAGE_BUSY;
    if (this.frames.testFlag(page, PG_WRITEBACK)) return this.keepUsed(page);
    const references = this.pageCheckReferences(page);
    if (references === PAGEREF_ACTIVATE) {
      this.activate(page);
      return PAGE_BUSY;
    }
    if (!this.frames.testFlag(page, PG_SWAPCACHE)) {
      // Neither mapped nor cached: its process just dropped it, and our reference is the last.
      if (!this.cache.isMapped(page)) return this.freeAbandoned(page);
      if (!this.cache.addToSwap(page)) return this.activate(page);
    }
    const unmapped = this.rmap.tryToUnmap(page);
    if (unmapped === SWAP_FAIL) return this.activate(page);
    if (unmapped !== SWAP_SUCCESS) return this.keepUsed(page);
    if (!this.frames.testFlag(page, PG_DIRTY)) return this.freeClean(page, true);
    if (references === PAGEREF_RECLAIM_CLEAN) return this.keep(page);
    // The cache's reference and ours: with more, somebody is just using the page.
    if (this.frames.pageCount(page) !== 2) return this.keepUsed(page);
    return this.pageout(page);
  }

  /**
   * Whether a page was used since reclaim last looked, and how; forgets it.
   * @param page - locked
   * @returns `PAGEREF_...`
   * @kernel mm/vmscan.c page_check_references, 2.6.34
   */
  pageCheckReferences(page: number): number {
    const used = this.rmap.pageReferenced(page) > 0;
    const marked = this.cells.ld32(page + PAGE.referenced) !== 0;
    if (marked) this.cells.st32(page + PAGE.referenced, 0);
    if (used) return PAGEREF_ACTIVATE;
    return marked ? PAGEREF_RECLAIM_CLEAN : PAGEREF_RECLAIM;
  }

  /** @kernel mm/vmscan.c pageout, 2.6.34 */
  private pageout(page: number): number {
    this.frames.clearFlag(page, PG_DIRTY);
    // From here on the end of its writeback knows that the page is wanted back.
    this.frames.setFlag(page, PG_RECLAIM);
    const error = this.io.swapWritepage(page);
    // There was no writeback: the page has lost its slot, or there was no memory for the request.
    if (this.frames.testFlag(page, PG_RECLAIM) && !this.frames.testFlag(page, PG_WRITEBACK))
      this.frames.clearFlag(page, PG_RECLAIM);
    if (error !== 0) return PAGE_KEPT;
    if (this.frames.testFlag(page, PG_WRITEBACK | PG_DIRTY)) return PAGE_BUSY;
    // A RAM-backed device has completed by now, so go on with the same page.
    if (!this.frames.tryLockPage(page)) return PAGE_BUSY;
    if (!this.frames.testFlag(page, PG_SWAPCACHE)) return this.freeAbandoned(page);
    return this.freeClean(page, false);
  }

  private freeClean(page: number, withoutWrite: boolean): number {
    if (this.cache.isMapped(page) || !this.cache.removeMapping(page)) return this.keepUsed(page);
    this.frames.freeFrozenPage(page);
    if (withoutWrite) this.events.count(VM_EVENT.cleanDrops);
    return PAGE_FREED;
  }

  /** A page that nothing leads to any more but our reference. */
  private freeAbandoned(page: number): number {
    this.frames.unlockPage(page);
    if (this.cache.isMapped(page) || this.frames.pageCount(page) !== 1) return PAGE_BUSY;
    this.frames.putPage(page);
    return PAGE_FREED;
  }

  /** A page that somebody writes, or found in the cache and is about to use. */
  private keepUsed(page: number): number {
    this.frames.unlockPage(page);
    return PAGE_BUSY;
  }

  private keep(page: number): number {
    this.frames.unlockPage(page);
    return PAGE_KEPT;
  }

  /** A page that stays, on the active list: it needs no slot once swap is half full. @kernel activate_locked in shrink_page_list */
  private activate(page: number): number {
    if (this.frames.testFlag(page, PG_SWAPCACHE) && this.swap.table.vmSwapFull())
      this.swap.pages.tryToFreeSwap(page);
    this.frames.setFlag(page, PG_ACTIVE);
    this.events.count(VM_EVENT.pgactivate);
    return this.keep(page);
  }
}
