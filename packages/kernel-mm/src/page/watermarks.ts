/**
 * How much of the memory is kept back, and for whom; when the daemon that frees pages is called.
 *
 * Promise: an ordinary request leaves `min` frames free; an atomic one may take half and then a quarter of that reserve; a task that is
 * reclaiming (PF_MEMALLOC) may take all, or the driver could not store a page exactly when memory is short. A request that finds no more than
 * `low` frames calls kswapd (`vm/kswapd.ts`), which frees pages until more than `high` are free. Where no thread serves as kswapd the call
 * comes to nothing, and tasks reclaim for themselves.
 *
 * Locks: none of its own. The watermarks are set at boot and only read after; the number of free frames is written under `zone_lock`, and
 * read without as a hint; all else are atomic cells.
 */
import * as memory from '../arena/memory.js';
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import * as task from '../sync/task.js';
import { layoutWaitQueues, WaitQueue } from '../sync/wait-queue.js';
import * as descriptor from './page.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { PAGE_SHIFT, PAGE_SIZE } = memory;
const { PF_MEMALLOC } = task;
const { GFP_BIT_HIGH, GFP_BIT_WAIT } = descriptor;

/** The page frames of the machine. @kernel struct zone, and struct pglist_data for kswapd */
export const ZONE = struct('zone', {
  freeHead: 'i32',
  nrFree: 'i32',
  min: 'i32',
  low: 'i32',
  high: 'i32',
  /** Requests that fail before anything else is looked at; fault injection. */
  failNext: 'i32',
  /** Pages charged against the limit. */
  charged: 'i32',
  /** Most pages that may be charged; 0 for no limit. */
  limit: 'i32',
  /** Pages reclaim has looked at since a frame was freed last; tasks that reclaim for a limit do not count. @kernel zone->pages_scanned */
  pagesScanned: 'i32',
  /** 1 from the call of kswapd on until it looks whether there is something to do. */
  kswapdCalled: 'i32',
  /** How many times more active than inactive pages there may be. @kernel zone->inactive_ratio */
  inactiveRatio: 'i32',
});

/** Watermark: what is kept for those who cannot wait. @kernel WMARK_MIN */
export const WMARK_MIN = 0;
/** Watermark: with no more free frames kswapd is called. @kernel WMARK_LOW */
export const WMARK_LOW = 1;
/** Watermark: with more free frames kswapd has done its work. @kernel WMARK_HIGH */
export const WMARK_HIGH = 2;

/** Least and most of what the formula of the original gives, in KiB. @kernel init_per_zone_wmark_min */
const MIN_FREE_KIB_LEAST = 128;
const MIN_FREE_KIB_MOST = 65_536;
/** `min` is at most this part of the memory: machines here may be far smaller than any the original runs on. */
const MIN_PART_OF_MEMORY = 8;
/** When reclaim has looked at each page so often and nothing was freed, there is nothing to be had. @kernel balance_pgdat */
const SCANS_UNTIL_UNRECLAIMABLE = 6;
const PAGES_PER_GIB_SHIFT = 30 - PAGE_SHIFT;

/** Where {@link Watermarks} lies. */
export interface WatermarksLayout {
  readonly zone: Region;
  readonly kswapdWait: Region;
}

/**
 * Reserves the zone and the wait queue of kswapd.
 * @param layout - not yet sealed
 */
export function layoutWatermarks(layout: Layout): WatermarksLayout {
  return {
    zone: layout.structs('hot', 'zone', ZONE, 1),
    kswapdWait: layoutWaitQueues(layout, 'kswapd_wait'),
  };
}

/**
 * What `min` is when it is not given, in pages.
 * @param frameCount - pages of the memory
 * @kernel mm/page_alloc.c init_per_zone_wmark_min, 2.6.34: the square root of 16 times the memory in KiB
 */
export function defaultMinFreePages(frameCount: number): number {
  const kib = Math.floor(Math.sqrt(16 * frameCount * (PAGE_SIZE / 1024)));
  const bounded = Math.min(Math.max(kib, MIN_FREE_KIB_LEAST), MIN_FREE_KIB_MOST);
  return Math.min((bounded * 1024) >> PAGE_SHIFT, Math.floor(frameCount / MIN_PART_OF_MEMORY));
}

/** The watermarks, as one thread sees them. */
export class Watermarks {
  /** Where kswapd sleeps. @kernel pgdat->kswapd_wait */
  readonly kswapdWait: WaitQueue;
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly zone: number;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutWatermarks}
   */
  constructor(core: Core, regions: WatermarksLayout) {
    this.cells = core.cells;
    this.context = core.context;
    this.zone = regions.zone.base;
    this.kswapdWait = new WaitQueue(core.context, regions.kswapdWait.base);
  }

  /**
   * Sets the watermarks. Called once, by the creating thread, before any other use.
   * @param frameCount - pages of the memory
   * @param minFreePages - `min`, or 0 for {@link defaultMinFreePages}
   * @kernel mm/page_alloc.c setup_per_zone_wmarks and setup_per_zone_inactive_ratio, 2.6.34
   */
  boot(frameCount: number, minFreePages: number): void {
    const { cells, zone } = this;
    const min = minFreePages === 0 ? defaultMinFreePages(frameCount) : minFreePages;
    cells.st32(zone + ZONE.min, min);
    cells.st32(zone + ZONE.low, min + (min >> 2));
    cells.st32(zone + ZONE.high, min + (min >> 1));
    const gib = frameCount >> PAGES_PER_GIB_SHIFT;
    cells.st32(zone + ZONE.inactiveRatio, gib === 0 ? 1 : Math.floor(Math.sqrt(10 * gib)));
  }

  /**
   * Whether a page could be taken without falling under a watermark; a hint without `zone_lock`.
   * @param mark - `WMARK_...`
   * @kernel mm/page_alloc.c zone_watermark_ok, order 0 and no flags, 2.6.34
   */
  zoneWatermarkOk(mark: number): boolean {
    const { cells, zone } = this;
    return cells.ld32(zone + ZONE.nrFree) > cells.ld32(zone + ZONE.min + 4 * mark);
  }

  /**
   * Frames a request must leave free.
   * @param gfp - `GFP_...`
   * @kernel zone_watermark_ok with WMARK_MIN and ALLOC_HIGH, ALLOC_HARDER or ALLOC_NO_WATERMARKS, 2.6.34
   */
  reserveFor(gfp: number): number {
    if ((this.context.taskFlags() & PF_MEMALLOC) !== 0) return 0;
    let min = this.cells.ld32(this.zone + ZONE.min);
    if ((gfp & GFP_BIT_HIGH) !== 0) min -= min >> 1;
    if ((gfp & GFP_BIT_WAIT) === 0) min -= min >> 2;
    return min;
  }

  /** Calls kswapd, unless it was called already and has not looked yet. Any context. @kernel mm/vmscan.c wakeup_kswapd, 2.6.34 */
  wakeupKswapd(): void {
    const { cells, zone } = this;
    if (cells.atomicLoad(zone + ZONE.kswapdCalled) !== 0) return;
    cells.atomicStore(zone + ZONE.kswapdCalled, 1);
    this.kswapdWait.wakeAll();
  }

  /** Whether kswapd was called since {@link hearCall}. */
  isCalled(): boolean {
    return this.cells.atomicLoad(this.zone + ZONE.kswapdCalled) !== 0;
  }

  /** kswapd is about to look at the watermarks: a call from here on is a new one. */
  hearCall(): void {
    this.cells.atomicStore(this.zone + ZONE.kswapdCalled, 0);
  }

  /**
   * Counts pages reclaim has looked at for the sake of free frames.
   * @param pages - how many
   */
  addPagesScanned(pages: number): void {
    this.cells.atomicAdd(this.zone + ZONE.pagesScanned, pages);
  }

  /**
   * Whether reclaim has looked at everything time and again while no frame was freed.
   * @param reclaimable - pages that could be reclaimed
   * @kernel zone_is_all_unreclaimable, as balance_pgdat sets it, 2.6.34
   */
  isAllUnreclaimable(reclaimable: number): boolean {
    return this.cells.atomicLoad(this.zone + ZONE.pagesScanned) >= reclaimable * SCANS_UNTIL_UNRECLAIMABLE;
  }

  /** How many times more active than inactive pages there may be. @kernel zone->inactive_ratio */
  inactiveRatio(): number {
    return this.cells.ld32(this.zone + ZONE.inactiveRatio);
  }
}
