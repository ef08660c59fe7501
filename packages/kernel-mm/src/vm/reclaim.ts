/**
 * Reclaim by tasks: making room by moving pages of processes to swap, when a frame is wanted and none is free, or when the limit on resident
 * pages is reached. @kernel mm/vmscan.c, 2.6.34
 *
 * Promise: a task is told that there is nothing left to free only when that is so: not while other tasks have the pages in their hands. A task
 * that reclaims may dip into the reserve (PF_MEMALLOC), and does not reclaim again inside. Which pages go is decided in `shrink-zone.ts`, and
 * what becomes of each in `shrink-page.ts`; there the rest is promised.
 *
 * Entered without spinlocks and without page locks; may sleep.
 */
import type { Frames, Reclaimer } from '../page/frames.js';
import { SWAP_CLUSTER_MAX } from '../page/frames.js';
import type { ReclaimList } from '../page/lru.js';
import { GFP_KERNEL } from '../page/page.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { PF_MEMALLOC } from '../sync/task.js';
import { NOT_TRACED, type Trace } from '../trace/trace.js';
import { PASS_BUSY, SCAN_DIRECT, SCAN_LIMIT, type ShrinkZone } from './shrink-zone.js';
import { VM_EVENT, type VmEvents } from './stats.js';

/** How often a task waits for pages that others are reclaiming before it gives up. */
const PATIENCE = 2000;
/** The same while there is no slot left: then only clean copies can go, and tasks that all find none would keep each other waiting. */
const PATIENCE_WITHOUT_SLOTS = 20;
/** Scans in a row that free nothing, while nobody has pages in hand, after which there is nothing left to free. */
const HOPELESS_SCANS = 2;
/** How often a page for a process may find nothing to reclaim before the process is told. @kernel MEM_CGROUP_RECLAIM_RETRIES */
const CHARGE_RETRIES = 5;

/** Reclaim as one thread does it. */
export class Reclaim implements Reclaimer {
  private readonly context: Context;
  private readonly frames: Frames;
  private readonly list: ReclaimList;
  private readonly swap: SwapCore;
  private readonly zone: ShrinkZone;
  private readonly events: VmEvents;
  private readonly trace: Trace;

  /**
   * @param core - this thread's lower floors
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    parts: {
      readonly frames: Frames;
      readonly reclaimList: ReclaimList;
      readonly swap: SwapCore;
      readonly zone: ShrinkZone;
      readonly events: VmEvents;
      readonly trace: Trace;
    },
  ) {
    this.context = core.context;
    this.frames = parts.frames;
    this.list = parts.reclaimList;
    this.swap = parts.swap;
    this.zone = parts.zone;
    this.events = parts.events;
    this.trace = parts.trace;
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
        const freed = this.tryToFreeMemCgroupPages(Math.max(this.frames.overLimit(), SWAP_CLUSTER_MAX));
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
   * Frees pages for a task that found no free frame. When nothing could be freed only because other tasks have the pages in their hands, waits
   * for them.
   * @param target - pages wanted
   * @returns pages freed by this task, or at least 1 when others made progress meanwhile; 0 when there is nothing left to free
   * @kernel mm/vmscan.c try_to_free_pages and do_try_to_free_pages, 2.6.34
   */
  reclaimPages(target: number): number {
    this.context.mightSleep('reclaiming pages');
    if ((this.context.taskFlags() & PF_MEMALLOC) !== 0) return 0;
    this.events.count(VM_EVENT.allocstall);
    return this.tellAndFree(target, SCAN_DIRECT);
  }

  /**
   * Frees pages for a task at the limit on resident pages, and otherwise as {@link reclaimPages}.
   * @param target - pages wanted
   * @returns as {@link reclaimPages}
   * @kernel mm/vmscan.c try_to_free_mem_cgroup_pages, 2.6.34; one group with all processes in it, so it has no lists of its own
   */
  tryToFreeMemCgroupPages(target: number): number {
    this.context.mightSleep('reclaiming pages');
    if ((this.context.taskFlags() & PF_MEMALLOC) !== 0) return 0;
    return this.tellAndFree(target, SCAN_LIMIT);
  }

  /** Pages that are off the lists in somebody's hands; 0 when nobody reclaims. */
  isolatedPages(): number {
    return this.zone.isolatedPages();
  }

  /** {@link freePatiently}, told as a span to whoever wants to know. */
  private tellAndFree(target: number, scan: number): number {
    const since = this.trace.beginReclaim();
    if (since === NOT_TRACED) return this.freePatiently(target, scan);
    const { events } = this;
    const scanned = events.own(VM_EVENT.scanned);
    const reclaimed = events.own(VM_EVENT.reclaimed);
    const freed = this.freePatiently(target, scan);
    const looked = events.own(VM_EVENT.scanned) - scanned;
    this.trace.reclaim(since, false, target, looked, events.own(VM_EVENT.reclaimed) - reclaimed);
    return freed;
  }

  private freePatiently(target: number, scan: number): number {
    const flags = this.context.taskFlags();
    this.context.setTaskFlags(flags | PF_MEMALLOC);
    try {
      let hopeless = 0;
      for (let round = 0; round < PATIENCE; round++) {
        const freeBefore = this.frames.freePages();
        const hadPages = this.othersHavePages();
        const freed = this.zone.shrinkZones(target, scan);
        if (freed > 0) return freed;
        if (this.frames.freePages() > freeBefore) return 1;
        // One such scan may have come between the steps of somebody else's fault; several in a row have seen every page.
        hopeless = freed === PASS_BUSY || hadPages || this.othersHavePages() ? 0 : hopeless + 1;
        if (hopeless >= HOPELESS_SCANS) return 0;
        if (round >= PATIENCE_WITHOUT_SLOTS && this.swap.table.nrSwapPages() <= 0) return 0;
        this.context.relax(round);
      }
      return 0;
    } finally {
      this.context.setTaskFlags(flags);
    }
  }

  /** Whether pages are off the lists that will come back: reclaimed by others, or in the middle of a fault, charged but not listed yet. */
  private othersHavePages(): boolean {
    return this.isolatedPages() !== 0 || this.frames.chargedPages() > this.list.count();
  }
}
