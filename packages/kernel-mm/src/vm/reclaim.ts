/**
 * Direct reclaim: making room by moving pages of processes to swap. @kernel mm/vmscan.c, 2.6.34
 *
 * Promise: a page leaves memory only when its contents are on the device and no mapping is left; on any failure on the way it stays, dirty if
 * it was, and goes back on the list. A task that reclaims may dip into the reserve (PF_MEMALLOC), and does not reclaim again inside.
 *
 * Entered without spinlocks and without page locks; may sleep. Page locks are only tried, never waited for: whoever waits could hold one
 * already.
 *
 * One list with a second chance for pages that were used: the two lists of the original come with its watermarks and its daemon.
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Frames, Reclaimer } from '../page/frames.js';
import { SWAP_CLUSTER_MAX } from '../page/frames.js';
import type { ReclaimList } from '../page/lru.js';
import { GFP_KERNEL, PG_DIRTY, PG_SWAPCACHE, PG_WRITEBACK } from '../page/page.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { PF_MEMALLOC } from '../sync/task.js';
import type { PageIo } from './page-io.js';
import { SWAP_FAIL, SWAP_SUCCESS, type ReverseMap } from './rmap.js';
import { VM_EVENT, type VmEvents } from './stats.js';
import type { SwapCache } from './swap-cache.js';

const RECLAIM = struct('reclaim', { isolated: 'i32' }, 64);

/** Passes of rising urgency: each looks at twice as much of the list as the one before. @kernel DEF_PRIORITY */
const DEF_PRIORITY = 12;
/** How often a task waits for pages that others are reclaiming before it gives up. */
const PATIENCE = 2000;
/** The same while there is no slot left: then only clean copies can go, and tasks that all find none would keep each other waiting. */
const PATIENCE_WITHOUT_SLOTS = 20;
/** Scans in a row that free nothing, while nobody has pages in hand, after which there is nothing left to free. */
const HOPELESS_SCANS = 2;
/** How often a page for a process may find nothing to reclaim before the process is told. @kernel MEM_CGROUP_RECLAIM_RETRIES */
const CHARGE_RETRIES = 5;

/** What reclaim did with a page it took off the list. */
const FREED = 0;
const KEPT = 1;
/** Result of a scan that freed nothing, but met a page that another task is just using. */
const BUSY = -1;

/**
 * Reserves the counter of pages off the list.
 * @param layout - not yet sealed
 */
export function layoutReclaim(layout: Layout): Region {
  return layout.structs('hot', 'reclaim', RECLAIM, 1);
}

/** Reclaim as one thread does it. */
export class Reclaim implements Reclaimer {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly state: number;
  private readonly frames: Frames;
  private readonly list: ReclaimList;
  private readonly swap: SwapCore;
  private readonly cache: SwapCache;
  private readonly rmap: ReverseMap;
  private readonly io: PageIo;
  private readonly events: VmEvents;

  /**
   * @param core - this thread's lower floors
   * @param region - from {@link layoutReclaim}
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    region: Region,
    parts: {
      readonly frames: Frames;
      readonly reclaimList: ReclaimList;
      readonly swap: SwapCore;
      readonly cache: SwapCache;
      readonly rmap: ReverseMap;
      readonly io: PageIo;
      readonly events: VmEvents;
    },
  ) {
    this.cells = core.cells;
    this.context = core.context;
    this.state = region.base;
    this.frames = parts.frames;
    this.list = parts.reclaimList;
    this.swap = parts.swap;
    this.cache = parts.cache;
    this.rmap = parts.rmap;
    this.io = parts.io;
    this.events = parts.events;
  }

  /**
   * A page for a process: reclaims while the limit is reached, then allocates and charges.
   * @returns the page with one reference, or 0 when there is none
   * @kernel alloc_page_vma and mem_cgroup_newpage_charge
   */
  allocUserPage(): number {
    let retries = CHARGE_RETRIES;
    for (;;) {
      while (this.frames.overLimit() > 0) {
        const freed = this.reclaimPages(Math.max(this.frames.overLimit(), SWAP_CLUSTER_MAX));
        // Others may have made room before this task began to count, and may have taken it since: so not the first time.
        if (freed === 0 && --retries === 0) return 0;
      }
      const page = this.frames.allocPage(GFP_KERNEL);
      if (page === 0 || this.frames.tryCharge(page)) return page;
      // Another task took the room meanwhile.
      this.frames.freePage(page);
      this.context.step();
    }
  }

  /**
   * Frees pages. When nothing could be freed only because other tasks have the pages in their hands, waits for them.
   * @param target - pages wanted
   * @returns pages freed by this task, or at least 1 when others made progress meanwhile; 0 when there is nothing left to free
   * @kernel mm/vmscan.c do_try_to_free_pages, 2.6.34
   */
  reclaimPages(target: number): number {
    this.context.mightSleep('reclaiming pages');
    const flags = this.context.taskFlags();
    if ((flags & PF_MEMALLOC) !== 0) return 0;
    this.context.setTaskFlags(flags | PF_MEMALLOC);
    try {
      let hopeless = 0;
      for (let round = 0; round < PATIENCE; round++) {
        const freeBefore = this.frames.info().free;
        const hadPages = this.othersHavePages();
        const freed = this.shrinkList(target);
        if (freed > 0) return freed;
        if (this.frames.info().free > freeBefore) return 1;
        // One such scan may have come between the steps of somebody else's fault; several in a row have seen every page.
        hopeless = freed === BUSY || hadPages || this.othersHavePages() ? 0 : hopeless + 1;
        if (hopeless >= HOPELESS_SCANS) return 0;
        if (round >= PATIENCE_WITHOUT_SLOTS && this.swap.table.nrSwapPages() <= 0) return 0;
        this.context.relax(round);
      }
      return 0;
    } finally {
      this.context.setTaskFlags(flags);
    }
  }

  /** Pages that are off the list in somebody's hands; 0 when nobody reclaims. */
  isolatedPages(): number {
    return this.cells.atomicLoad(this.state + RECLAIM.isolated);
  }

  /** Whether pages are off the list that will come back: reclaimed by others, or in the middle of a fault, charged but not listed yet. */
  private othersHavePages(): boolean {
    return this.isolatedPages() !== 0 || this.frames.info().charged > this.list.count();
  }

  /**
   * @returns pages freed; {@link BUSY} when there are none, but another task was using a page
   * @kernel mm/vmscan.c shrink_zones over rising priorities, 2.6.34
   */
  private shrinkList(target: number): number {
    let freed = 0;
    let busy = false;
    for (let priority = DEF_PRIORITY; priority >= 0 && freed < target; priority--) {
      const budget = Math.max(SWAP_CLUSTER_MAX, this.list.count() >> priority);
      for (let scanned = 0; scanned < budget && freed < target; scanned++) {
        const page = this.list.isolateTail(this.frames);
        if (page === 0) {
          // What is put back after a look is listed again, so charged pages that are not there are in other hands.
          busy ||= this.frames.info().charged > 0;
          break;
        }
        this.cells.atomicAdd(this.state + RECLAIM.isolated, 1);
        this.events.count(VM_EVENT.scanned);
        const result = this.shrinkPage(page, priority);
        if (result === FREED) {
          freed++;
          this.events.count(VM_EVENT.reclaimed);
        } else {
          busy ||= result === BUSY;
          this.putback(page);
        }
        this.cells.atomicAdd(this.state + RECLAIM.isolated, -1);
        this.context.step();
      }
    }
    return freed === 0 && busy ? BUSY : freed;
  }

  /** @kernel mm/vmscan.c putback_lru_page, 2.6.34 */
  private putback(page: number): void {
    this.list.add(page);
    this.frames.putPage(page);
  }

  /**
   * One page off the list, with our reference.
   * @returns FREED when the page and our reference are gone; BUSY when another task has its lock or is about to use it; else KEPT
   * @kernel mm/vmscan.c shrink_page_list, one turn of its loop, 2.6.34
   */
  private shrinkPage(page: number, priority: number): number {
    if (!this.frames.tryLockPage(page)) return BUSY;
    if (this.frames.testFlag(page, PG_WRITEBACK)) return this.keepUsed(page);
    if (this.rmap.pageReferenced(page) && priority > 0) return this.keep(page);
    if (!this.frames.testFlag(page, PG_SWAPCACHE)) {
      // Neither mapped nor cached: its process just dropped it, and our reference is the last.
      if (!this.cache.isMapped(page)) return this.freeAbandoned(page);
      if (!this.cache.addToSwap(page)) return this.keep(page);
    }
    const unmapped = this.rmap.tryToUnmap(page);
    if (unmapped === SWAP_FAIL) return this.activate(page);
    if (unmapped !== SWAP_SUCCESS) return this.keepUsed(page);
    if (!this.frames.testFlag(page, PG_DIRTY)) return this.freeClean(page, true);
    // The cache's reference and ours: with more, somebody is just using the page.
    if (this.frames.pageCount(page) !== 2) return this.keepUsed(page);
    return this.pageout(page);
  }

  /** @kernel mm/vmscan.c pageout, 2.6.34 */
  private pageout(page: number): number {
    this.frames.clearFlag(page, PG_DIRTY);
    const error = this.io.swapWritepage(page);
    if (error !== 0) return KEPT;
    if (this.frames.testFlag(page, PG_WRITEBACK | PG_DIRTY)) return BUSY;
    // A RAM-backed device has completed by now, so go on with the same page.
    if (!this.frames.tryLockPage(page)) return BUSY;
    if (!this.frames.testFlag(page, PG_SWAPCACHE)) return this.freeAbandoned(page);
    return this.freeClean(page, false);
  }

  private freeClean(page: number, withoutWrite: boolean): number {
    if (this.cache.isMapped(page) || !this.cache.removeMapping(page)) return this.keepUsed(page);
    this.frames.freeFrozenPage(page);
    if (withoutWrite) this.events.count(VM_EVENT.cleanDrops);
    return FREED;
  }

  /** A page that nothing leads to any more but our reference. */
  private freeAbandoned(page: number): number {
    this.frames.unlockPage(page);
    if (this.cache.isMapped(page) || this.frames.pageCount(page) !== 1) return BUSY;
    this.frames.putPage(page);
    return FREED;
  }

  /** A page that somebody writes, or found in the cache and is about to use. */
  private keepUsed(page: number): number {
    this.frames.unlockPage(page);
    return BUSY;
  }

  private keep(page: number): number {
    this.frames.unlockPage(page);
    return KEPT;
  }

  /** @kernel activate_locked in shrink_page_list: a page that stays needs no slot once swap is half full */
  private activate(page: number): number {
    if (this.frames.testFlag(page, PG_SWAPCACHE) && this.swap.table.vmSwapFull())
      this.swap.pages.tryToFreeSwap(page);
    return this.keep(page);
  }
}
