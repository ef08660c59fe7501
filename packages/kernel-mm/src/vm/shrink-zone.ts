/**
 * One pass over the lists: takes pages of the inactive list, and fills that from the active one when it is too short.
 * @kernel mm/vmscan.c shrink_zone, 2.6.34
 *
 * Promise: a pass looks at a part of each list that doubles with each step of priority, and at least at a batch; it never frees more pages than
 * it was asked for. Pages that are off their list for a moment, in the hands of whoever reclaims, are counted, so that others do not take an
 * empty list for the end.
 *
 * Two things differ from the original. A pass there saves up what is less than a batch for a later pass; lists here may be a handful of pages
 * long, so each pass looks at a batch. And there anonymous pages are left alone when no slot is free; here only if none of them has one, because
 * those that have a slot and are clean can go without another one: a task is told that there is nothing left only when that is so.
 *
 * Entered without spinlocks and without page locks; may sleep.
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Frames } from '../page/frames.js';
import { SWAP_CLUSTER_MAX } from '../page/frames.js';
import { LRU_ACTIVE_ANON, LRU_INACTIVE_ANON, type ReclaimList } from '../page/lru.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { ReverseMap } from './rmap.js';
import { PAGE_BUSY, PAGE_FREED, type ShrinkPage } from './shrink-page.js';
import { VM_EVENT, type VmEvents } from './stats.js';
import type { SwapCache } from './swap-cache.js';

const RECLAIM = struct('reclaim', { isolated: 'i32' }, 64);

/** The first and least urgent of the passes; the last is 0. @kernel DEF_PRIORITY */
export const DEF_PRIORITY = 12;

/** Who scans: a task that found no free frame. @kernel try_to_free_pages */
export const SCAN_DIRECT = 0;
/** Who scans: kswapd. @kernel balance_pgdat */
export const SCAN_KSWAPD = 1;
/** Who scans: a task at the limit on resident pages. @kernel try_to_free_mem_cgroup_pages */
export const SCAN_LIMIT = 2;

/** Result of a pass that freed nothing, but met a page that another task is using. */
export const PASS_BUSY = -1;

/**
 * Reserves the counter of pages off the lists.
 * @param layout - not yet sealed
 */
export function layoutReclaim(layout: Layout): Region {
  return layout.structs('hot', 'reclaim', RECLAIM, 1);
}

/** Passes over the lists, as one thread does them. */
export class ShrinkZone {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly state: number;
  private readonly frames: Frames;
  private readonly list: ReclaimList;
  private readonly swap: SwapCore;
  private readonly cache: SwapCache;
  private readonly rmap: ReverseMap;
  private readonly shrinkPage: ShrinkPage;
  private readonly events: VmEvents;

  /**
   * @param core - this thread's lower floors
   * @param region - from {@link layoutReclaim}
   * @param parts - the floors below, and what is done with one page
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
      readonly shrinkPage: ShrinkPage;
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
    this.shrinkPage = parts.shrinkPage;
    this.events = parts.events;
  }

  /** Pages that are off their list in the hands of whoever reclaims. @kernel NR_ISOLATED_ANON */
  isolatedPages(): number {
    return this.cells.atomicLoad(this.state + RECLAIM.isolated);
  }

  /**
   * Passes of rising urgency, until enough is free.
   * @param target - pages wanted
   * @param scan - `SCAN_...`
   * @returns pages freed; {@link PASS_BUSY} when there are none, but another task was using a page
   * @kernel mm/vmscan.c do_try_to_free_pages, its loop over priorities, 2.6.34
   */
  shrinkZones(target: number, scan: number): number {
    let freed = 0;
    let busy = false;
    for (let priority = DEF_PRIORITY; priority >= 0 && freed < target; priority--) {
      // No page can get a slot, and none has one: a look at the lists would find nothing.
      if (this.reclaimablePages() === 0) break;
      // The original would now call on the killer of processes: so before, no page is spared for having been used.
      if (priority === 0 && freed === 0) this.deactivateAll(scan);
      const result = this.shrinkZone(priority, target - freed, scan);
      if (result === PASS_BUSY) busy = true;
      else freed += result;
    }
    return freed === 0 && busy ? PASS_BUSY : freed;
  }

  /**
   * One pass.
   * @param priority - {@link DEF_PRIORITY} for the least part of the lists, 0 for all
   * @param target - pages wanted, at least 1
   * @param scan - `SCAN_...`
   * @returns pages freed, at most `target`; {@link PASS_BUSY} when there are none, but another task was using a page
   * @kernel mm/vmscan.c shrink_zone, 2.6.34
   */
  shrinkZone(priority: number, target: number, scan: number): number {
    let inactive = partOf(this.list.inactiveCount(), priority);
    let active = partOf(this.list.activeCount(), priority);
    let freed = 0;
    // What is put back after a look is listed again, so charged pages that are not there are in other hands.
    let busy = inactive === 0 && active === 0 && this.frames.chargedPages() > 0;
    while (inactive > 0 && freed < target) {
      const result = this.shrinkInactiveList(Math.min(inactive, SWAP_CLUSTER_MAX), target - freed, scan);
      if (result === PASS_BUSY) busy = true;
      else freed += result;
      inactive -= SWAP_CLUSTER_MAX;
      if (active <= 0) continue;
      if (this.inactiveAnonIsLow()) this.shrinkActiveList(Math.min(active, SWAP_CLUSTER_MAX), scan);
      active -= SWAP_CLUSTER_MAX;
    }
    // Also when nothing was looked at: the next pass needs something to look at.
    if (this.inactiveAnonIsLow()) this.shrinkActiveList(SWAP_CLUSTER_MAX, scan);
    return freed === 0 && busy ? PASS_BUSY : freed;
  }

  /**
   * Whether the inactive list is too short beside the active one: then pages would not get their second chance.
   * @kernel mm/vmscan.c inactive_anon_is_low_global, 2.6.34
   */
  inactiveAnonIsLow(): boolean {
    return this.list.inactiveCount() * this.frames.watermarks.inactiveRatio() < this.list.activeCount();
  }

  /**
   * Moves the oldest active pages to the inactive list, whether they were used or not, and forgets that they were: those that are used again
   * before reclaim meets them there come back.
   * @param most - how many pages
   * @param scan - `SCAN_...`
   * @returns how many were moved
   * @kernel mm/vmscan.c shrink_active_list, 2.6.34
   */
  shrinkActiveList(most: number, scan: number): number {
    const { events } = this;
    const pages: number[] = [];
    const taken = this.list.isolate(this.frames, LRU_ACTIVE_ANON, most, pages);
    if (taken === 0) return 0;
    this.cells.atomicAdd(this.state + RECLAIM.isolated, taken);
    events.add(VM_EVENT.pgrefill, taken);
    if (scan !== SCAN_LIMIT) this.frames.watermarks.addPagesScanned(taken);
    for (let index = 0; index < taken; index++) this.forgetReferences(pages[index] ?? 0);
    this.list.deactivate(pages);
    events.add(VM_EVENT.pgdeactivate, taken);
    this.putPages(pages);
    this.cells.atomicAdd(this.state + RECLAIM.isolated, -taken);
    return taken;
  }

  /**
   * Takes pages at the tail of the inactive list, frees those that can go and puts the others back.
   * @param most - how many pages to look at
   * @param target - most pages to free, at least 1
   * @param scan - `SCAN_...`
   * @returns pages freed; {@link PASS_BUSY} when there are none, but another task was using a page
   * @kernel mm/vmscan.c shrink_inactive_list, 2.6.34
   */
  shrinkInactiveList(most: number, target: number, scan: number): number {
    let freed = 0;
    let busy = false;
    for (let left = most; left > 0 && freed < target;) {
      const pages: number[] = [];
      // No more than may be freed: none of them is put back only because enough is free.
      const taken = this.list.isolate(this.frames, LRU_INACTIVE_ANON, Math.min(left, target - freed), pages);
      if (taken === 0) break;
      this.cells.atomicAdd(this.state + RECLAIM.isolated, taken);
      this.countScan(taken, scan);
      const result = this.shrinkPageList(pages, scan);
      this.cells.atomicAdd(this.state + RECLAIM.isolated, -taken);
      if (result === PASS_BUSY) busy = true;
      else freed += result;
      left -= taken;
    }
    return freed === 0 && busy ? PASS_BUSY : freed;
  }

  /**
   * Frees those of some pages that can go, and puts the others back.
   * @param pages - off the lists, each with a reference of ours, the oldest first
   * @param scan - `SCAN_...`
   * @returns pages freed; {@link PASS_BUSY} when there are none, but another task was using a page
   * @kernel mm/vmscan.c shrink_page_list and the end of shrink_inactive_list, 2.6.34
   */
  shrinkPageList(pages: readonly number[], scan: number): number {
    const kept: number[] = [];
    let busy = false;
    for (let index = 0; index < pages.length; index++) {
      const page = pages[index] ?? 0;
      const result = this.shrinkPage.shrinkPage(page);
      if (result === PAGE_BUSY) busy = true;
      if (result !== PAGE_FREED) kept.push(page);
      this.context.step();
    }
    this.list.putback(kept);
    this.putPages(kept);
    const freed = pages.length - kept.length;
    this.events.add(VM_EVENT.reclaimed, freed);
    if (scan === SCAN_KSWAPD) this.events.add(VM_EVENT.pgstealKswapd, freed);
    return freed === 0 && busy ? PASS_BUSY : freed;
  }

  /**
   * Pages there is a point in looking at.
   * @kernel mm/vmscan.c zone_reclaimable_pages, 2.6.34, but for those of the swap cache when no slot is free
   */
  reclaimablePages(): number {
    return this.swap.table.nrSwapPages() > 0 ? this.list.count() : this.cache.info().pages;
  }

  /** Makes all pages inactive. */
  private deactivateAll(scan: number): void {
    for (let left = this.list.activeCount(); left > 0; left -= SWAP_CLUSTER_MAX)
      this.shrinkActiveList(SWAP_CLUSTER_MAX, scan);
  }

  /** Forgets that processes used a page; not if it is locked, since the original does not wait either. */
  private forgetReferences(page: number): void {
    if (!this.frames.tryLockPage(page)) return;
    this.rmap.pageReferenced(page);
    this.frames.unlockPage(page);
  }

  private putPages(pages: readonly number[]): void {
    for (let index = 0; index < pages.length; index++) this.frames.putPage(pages[index] ?? 0);
  }

  private countScan(pages: number, scan: number): void {
    this.events.add(VM_EVENT.scanned, pages);
    if (scan === SCAN_LIMIT) return;
    this.events.add(scan === SCAN_KSWAPD ? VM_EVENT.pgscanKswapd : VM_EVENT.pgscanDirect, pages);
    this.frames.watermarks.addPagesScanned(pages);
  }
}

/** How much of a list a pass looks at. */
function partOf(count: number, priority: number): number {
  return Math.min(count, Math.max(SWAP_CLUSTER_MAX, count >> priority));
}
