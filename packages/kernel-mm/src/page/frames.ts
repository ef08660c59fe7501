/**
 * Page frames: the free list, watermarks, references, page locks and the limit on resident pages.
 *
 * Promise: a frame is either on the free list or has a reference count above 0. Whoever drops the last reference returns the frame, and
 * takes it off the reclaim list on the way. A freed frame's first bytes are overwritten, so that a stale pointer shows at once.
 *
 * Who may take how many of the last frames, and when kswapd is called: `watermarks.ts`.
 *
 * Locks: `zone_lock` (spinlock) protects the free list and the counters of the zone. It is the innermost lock of all but `lru_lock`, which
 * nests inside nothing else and holds nothing else.
 */
import type { Layout, Region } from '../arena/layout.js';
import * as memory from '../arena/memory.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { FaultAttrsPlace } from '../sync/fault-attr.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, SpinLock, type Locks } from '../sync/locks.js';
import * as point from '../sync/point.js';
import type { Control } from '../sync/point.js';
import * as task from '../sync/task.js';
import { FailPageAlloc, layoutFailPageAlloc } from './fail-page-alloc.js';
import type { ReclaimList } from './lru.js';
import * as descriptor from './page.js';
import type { PageAllocator } from './page.js';
import * as watermarks from './watermarks.js';
import { layoutWatermarks, Watermarks, type WatermarksLayout } from './watermarks.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { PAGE_SHIFT, PAGE_SIZE } = memory;
const { PF_MEMALLOC } = task;
const { FAULT_ALLOCATION } = point;
const { GFP_BIT_IO, GFP_BIT_WAIT, PAGE, PG_CHARGED, PG_FREE } = descriptor;
const { ZONE } = watermarks;

const JUNK_WORD = 0x6b6b_6b6b;
const JUNK_WORDS = 16;
const DESCRIPTOR_BYTES = PAGE.$bytes;
const DESCRIPTOR_WORDS = DESCRIPTOR_BYTES >> 2;
/** From the distance between two descriptors, in bytes, to that of their frames: a shift, since both sizes are powers of two. */
const DESCRIPTOR_TO_FRAME_SHIFT = PAGE_SHIFT - Math.log2(DESCRIPTOR_BYTES);

/** Times an allocation reclaims and tries again before it gives up. */
const RECLAIM_ATTEMPTS_MAX = 16;
/** Pages asked of each reclaim. @kernel SWAP_CLUSTER_MAX */
export const SWAP_CLUSTER_MAX = 32;

/** Regions and lock classes of the page frames. */
export interface FramesLayout extends WatermarksLayout {
  readonly failing: FaultAttrsPlace;
  readonly zoneLock: Region;
  readonly descriptors: Region;
  readonly frames: Region;
  readonly zoneLockClass: LockClass;
  readonly pageLockClass: LockClass;
  readonly frameCount: number;
}

/**
 * Reserves frames, descriptors and the zone.
 * @param layout - not yet sealed
 * @param classes - gets `zone_lock` and `page_lock`
 * @param ramBytes - size of the modelled memory, a multiple of the page size
 */
export function layoutFrames(layout: Layout, classes: LockClasses, ramBytes: number): FramesLayout {
  const frameCount = ramBytes >>> PAGE_SHIFT;
  return {
    ...layoutWatermarks(layout),
    failing: layoutFailPageAlloc(layout),
    zoneLock: layoutLocks(layout, 'zone_lock'),
    descriptors: layout.structs('cold', 'mem_map', PAGE, frameCount),
    frames: layout.bytes('frames', 'frames', frameCount * PAGE_SIZE),
    zoneLockClass: classes.define('zone_lock'),
    pageLockClass: classes.define('page_lock'),
    frameCount,
  };
}

/** What the page allocator asks of the floor above when memory is short. */
export interface Reclaimer {
  /**
   * Frees pages by writing them to swap. Called without spinlocks.
   * @param target - pages wanted
   * @returns pages freed
   */
  reclaimPages(target: number): number;
}

/** Frames in number, for reports. */
export interface ZoneInfo {
  readonly frames: number;
  readonly free: number;
  readonly min: number;
  readonly low: number;
  readonly high: number;
  readonly charged: number;
  /** Pages, 0 for no limit. */
  readonly limit: number;
}

/** The page frames of a machine, as one thread sees them. */
export class Frames implements PageAllocator {
  /** Number of frames. */
  readonly frameCount: number;
  /** How much is kept back, and when kswapd is called. */
  readonly watermarks: Watermarks;
  /** Says which requests are made to fail. */
  readonly failing: FailPageAlloc;
  private readonly control: Control | null;
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly locks: Locks;
  private readonly i32: Int32Array;
  private readonly zone: number;
  private readonly zoneLock: SpinLock;
  private readonly descriptors: number;
  private readonly descriptorBytes: number;
  private readonly frames: number;
  private readonly pageLockClass: LockClass;
  private readonly reclaimList: ReclaimList;
  private reclaimer: Reclaimer | null = null;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutFrames}
   * @param reclaimList - the list freed pages are taken off
   */
  constructor(core: Core, regions: FramesLayout, reclaimList: ReclaimList) {
    this.cells = core.cells;
    this.context = core.context;
    this.locks = core.locks;
    this.i32 = core.cells.arena.i32;
    this.frameCount = regions.frameCount;
    this.watermarks = new Watermarks(core, regions);
    this.zone = regions.zone.base;
    this.control = core.context.options.control;
    this.failing = new FailPageAlloc(core, regions.failing, this.zone + ZONE.failNext);
    this.zoneLock = new SpinLock(core.locks, regions.zoneLock.base, regions.zoneLockClass);
    this.descriptors = regions.descriptors.base;
    this.descriptorBytes = this.frameCount * DESCRIPTOR_BYTES;
    this.frames = regions.frames.base;
    this.pageLockClass = regions.pageLockClass;
    this.reclaimList = reclaimList;
  }

  /**
   * Puts all frames on the free list, lowest first, and sets the watermarks. Called once, by the creating thread, before any other use.
   * @param limitPages - most pages that may be charged at one time, 0 for no limit
   * @param minFreePages - the watermark `min`, 0 for the formula of the original
   */
  boot(limitPages: number, minFreePages = 0): void {
    this.watermarks.boot(this.frameCount, minFreePages);
    this.cells.st32(this.zone + ZONE.limit, limitPages);
    for (let frame = this.frameCount - 1; frame >= 0; frame--) {
      const page = this.pageAt(frame);
      this.cells.st32(page + PAGE.flags, PG_FREE);
      this.cells.st32(page + PAGE.lruNext, this.cells.ld32(this.zone + ZONE.freeHead));
      this.cells.st32(this.zone + ZONE.freeHead, page);
    }
    this.cells.st32(this.zone + ZONE.nrFree, this.frameCount);
  }

  /**
   * Says who reclaims. Set once per thread while it attaches.
   * @param reclaimer - of the floor above
   */
  setReclaimer(reclaimer: Reclaimer): void {
    this.reclaimer = reclaimer;
  }

  /** @kernel __alloc_pages_nodemask, order 0, 2.6.34 */
  allocPage(gfp: number): number {
    // Said at once and not only when memory is short, so that a wrong caller is found on its first call. @kernel might_sleep_if
    if ((gfp & GFP_BIT_WAIT) !== 0) this.context.mightSleep('allocating a page');
    // A plain look first: hardly any request fails, and an order that is just coming may miss this one.
    if (this.cells.ld32(this.zone + ZONE.failNext) !== 0 && this.failing.shouldFailAllocPage(gfp)) return 0;
    if (this.control !== null && this.control.fault(FAULT_ALLOCATION)) return 0;
    const page = this.takeFree(gfp);
    return page === 0 ? this.allocSlowly(gfp) : page;
  }

  /** Reclaims and tries again, if the request allows it. @kernel __alloc_pages_slowpath, 2.6.34 */
  private allocSlowly(gfp: number): number {
    const mayReclaim = (gfp & (GFP_BIT_WAIT | GFP_BIT_IO)) === (GFP_BIT_WAIT | GFP_BIT_IO);
    if (!mayReclaim || this.reclaimer === null) return 0;
    for (let attempt = 0; attempt < RECLAIM_ATTEMPTS_MAX; attempt++) {
      if ((this.context.taskFlags() & PF_MEMALLOC) !== 0) return 0;
      const reclaimed = this.reclaimer.reclaimPages(SWAP_CLUSTER_MAX);
      const page = this.takeFree(gfp);
      // Looks once more also when nothing was reclaimed: others may have given pages back before the reclaimer began to count.
      if (page !== 0 || reclaimed === 0) return page;
    }
    return 0;
  }

  /** Gives a page back that nobody but the caller knows, whose only reference it holds. */
  freePage(page: number): void {
    // Plain accesses: a page nobody else knows gets no references from others.
    const references = this.cells.ld32(page + PAGE.count);
    if (references !== 1)
      this.context.bug(`Freeing page ${this.frameNumber(page)} with ${references} references.`);
    this.cells.st32(page + PAGE.count, 0);
    this.releaseFrame(page);
  }

  /** Takes another reference. The caller has one already, or holds a lock that keeps one alive. @kernel get_page */
  getPage(page: number): void {
    const before = this.cells.atomicAdd(page + PAGE.count, 1);
    if (before <= 0) this.context.bug(`Reference to page ${this.frameNumber(page)}, which is free.`);
  }

  /** Takes a reference unless the last one is just being dropped. @kernel get_page_unless_zero */
  getPageUnlessZero(page: number): boolean {
    for (;;) {
      const count = this.cells.atomicLoad(page + PAGE.count);
      if (count === 0) return false;
      if (this.cells.atomicCompareExchange(page + PAGE.count, count, count + 1) === count) return true;
    }
  }

  /** Drops a reference; the last one frees the page. @kernel put_page */
  putPage(page: number): void {
    const before = this.cells.atomicAdd(page + PAGE.count, -1);
    if (before > 1) return;
    if (before < 1) this.context.bug(`Reference to page ${this.frameNumber(page)} dropped once too often.`);
    this.releaseFrame(page);
  }

  /**
   * Drops all references at once if there are exactly so many; the page is then the caller's alone. @kernel page_freeze_refs
   * @param page - descriptor address
   * @param references - the number expected
   */
  freezeReferences(page: number, references: number): boolean {
    return this.cells.atomicCompareExchange(page + PAGE.count, references, 0) === references;
  }

  /** Frees a page that {@link freezeReferences} made the caller's alone. */
  freeFrozenPage(page: number): void {
    if (this.pageCount(page) !== 0) this.context.bug(`Page ${this.frameNumber(page)} is not frozen.`);
    this.releaseFrame(page);
  }

  /** Number of references. */
  pageCount(page: number): number {
    return this.cells.atomicLoad(page + PAGE.count);
  }

  addressOf(page: number): number {
    return this.frames + ((page - this.descriptors) << DESCRIPTOR_TO_FRAME_SHIFT);
  }

  frameNumber(page: number): number {
    return (page - this.descriptors) / PAGE.$bytes;
  }

  /**
   * Descriptor of a frame.
   * @param frame - 0 to the number of frames - 1
   */
  pageAt(frame: number): number {
    return this.descriptors + frame * PAGE.$bytes;
  }

  /** Whether some flag bits are set. */
  testFlag(page: number, flag: number): boolean {
    return (this.cells.atomicLoad(page + PAGE.flags) & flag) !== 0;
  }

  /** Sets flag bits. */
  setFlag(page: number, flag: number): void {
    this.cells.atomicOr(page + PAGE.flags, flag);
  }

  /** Clears flag bits; returns whether any of them was set. */
  clearFlag(page: number, flag: number): boolean {
    return (this.cells.atomicAnd(page + PAGE.flags, ~flag) & flag) !== 0;
  }

  /** Takes the page lock; may sleep. @kernel lock_page */
  lockPage(page: number): void {
    this.locks.mutexLock(page + PAGE.lock, this.pageLockClass);
  }

  /** Takes the page lock if it is free; allowed under spinlocks. @kernel trylock_page */
  tryLockPage(page: number): boolean {
    return this.locks.mutexTryLock(page + PAGE.lock, this.pageLockClass);
  }

  /** Drops the page lock. @kernel unlock_page */
  unlockPage(page: number): void {
    this.locks.mutexUnlock(page + PAGE.lock, this.pageLockClass);
  }

  /** Stops the machine unless the task holds the page lock. */
  assertLocked(page: number, who: string): void {
    this.context.assertHeld(page + PAGE.lock, who);
  }

  /**
   * Counts a page against the limit, for as long as it lives. @kernel mem_cgroup_newpage_charge
   * @param page - just allocated
   */
  charge(page: number): void {
    this.markCharged(page);
    this.cells.atomicAdd(this.zone + ZONE.charged, 1);
  }

  /**
   * Counts a page against the limit if there is room for it. Looks and counts in one step, so that several tasks together stay within it.
   * @param page - just allocated, not charged
   * @returns false when the limit is reached; nothing is changed then
   * @kernel res_counter_charge
   */
  tryCharge(page: number): boolean {
    const limit = this.cells.atomicLoad(this.zone + ZONE.limit);
    if (limit === 0) {
      this.charge(page);
      return true;
    }
    for (;;) {
      const charged = this.cells.atomicLoad(this.zone + ZONE.charged);
      if (charged >= limit) return false;
      if (this.cells.atomicCompareExchange(this.zone + ZONE.charged, charged, charged + 1) === charged) break;
    }
    this.markCharged(page);
    return true;
  }

  /** Pages over the limit if one more were charged; 0 or less when there is room. */
  overLimit(): number {
    const limit = this.cells.atomicLoad(this.zone + ZONE.limit);
    return limit === 0 ? 0 : this.cells.atomicLoad(this.zone + ZONE.charged) + 1 - limit;
  }

  /**
   * Lets the next requests fail, whatever they are for; replaces an earlier number or rule.
   * @param requests - 0 to stop
   */
  failNextRequests(requests: number): void {
    this.failing.failNext(requests);
  }

  /** Frames on the free list; true only for the moment. @racy a hint, as zone_page_state: who acts on it looks again under zone_lock */
  freePages(): number {
    return this.cells.ld32(this.zone + ZONE.nrFree);
  }

  /** Pages charged against the limit; true only for the moment. */
  chargedPages(): number {
    return this.cells.atomicLoad(this.zone + ZONE.charged);
  }

  /** The counters; exact only while nobody else allocates. @racy for reports */
  info(): ZoneInfo {
    return {
      frames: this.frameCount,
      free: this.cells.ld32(this.zone + ZONE.nrFree),
      min: this.cells.ld32(this.zone + ZONE.min),
      low: this.cells.ld32(this.zone + ZONE.low),
      high: this.cells.ld32(this.zone + ZONE.high),
      charged: this.cells.atomicLoad(this.zone + ZONE.charged),
      limit: this.cells.atomicLoad(this.zone + ZONE.limit),
    };
  }

  /** Walks the free list and the descriptors; the sentences say what does not agree. Only while nobody else allocates. */
  checkInvariants(): string[] {
    const broken: string[] = [];
    let listed = 0;
    for (
      let page = this.cells.ld32(this.zone + ZONE.freeHead);
      page !== 0;
      page = this.cells.ld32(page + PAGE.lruNext)
    ) {
      if (this.cells.ld32(page + PAGE.flags) !== PG_FREE)
        broken.push(`frame ${this.frameNumber(page)} is listed as free but is not`);
      if (++listed > this.frameCount) return [...broken, 'the free list has a cycle'];
    }
    const { free, charged, limit } = this.info();
    if (listed !== free) broken.push(`${listed} frames are on the free list, but the zone counts ${free}`);
    let inUse = 0;
    let marked = 0;
    for (let frame = 0; frame < this.frameCount; frame++) {
      const page = this.pageAt(frame);
      const flags = this.cells.ld32(page + PAGE.flags);
      if ((flags & PG_FREE) === 0) inUse++;
      if ((flags & PG_CHARGED) !== 0) marked++;
      const count = this.cells.ld32(page + PAGE.count);
      if ((flags & PG_FREE) === 0 && count <= 0) broken.push(`frame ${frame} is in use without references`);
      if ((flags & PG_FREE) !== 0 && count !== 0)
        broken.push(`frame ${frame} is free but has ${count} reference(s)`);
    }
    if (inUse + free !== this.frameCount)
      broken.push(`${inUse} frames in use and ${free} free are not ${this.frameCount}`);
    if (marked !== charged) broken.push(`${marked} pages are marked as charged, but ${charged} are counted`);
    if (limit !== 0 && charged > limit)
      broken.push(`${charged} pages are charged, but the limit is ${limit}`);
    return broken;
  }

  private markCharged(page: number): void {
    if ((this.cells.atomicOr(page + PAGE.flags, PG_CHARGED) & PG_CHARGED) !== 0) {
      this.context.bug(`Page ${this.frameNumber(page)} is charged twice.`);
    }
  }

  /** @kernel get_page_from_freelist, with WMARK_LOW and then, kswapd being called, with WMARK_MIN, 2.6.34 */
  private takeFree(gfp: number): number {
    const { cells, zone, i32 } = this;
    let page: number;
    this.zoneLock.lock();
    try {
      const free = cells.ld32(zone + ZONE.nrFree);
      if (free <= cells.ld32(zone + ZONE.low)) {
        this.watermarks.wakeupKswapd();
        if (free <= this.watermarks.reserveFor(gfp)) return 0;
      }
      page = cells.ld32(zone + ZONE.freeHead);
      if (page === 0 || cells.ld32(page + PAGE.flags) !== PG_FREE) this.reportFreeList(page, free);
      cells.st32(zone + ZONE.freeHead, cells.ld32(page + PAGE.lruNext));
      cells.st32(zone + ZONE.nrFree, free - 1);
    } finally {
      this.zoneLock.unlock();
    }
    // A loop: on shared memory one call of fill() takes longer than all these stores. Nobody else knows the page yet.
    const end = (page >> 2) + DESCRIPTOR_WORDS;
    for (let word = page >> 2; word < end; word++) i32[word] = 0;
    cells.st32(page + PAGE.count, 1);
    return page;
  }

  private releaseFrame(page: number): void {
    const { cells, zone, i32 } = this;
    // Plain looks: the last reference is gone, so nobody else changes any of this.
    if (!this.isFrame(page) || cells.ld32(page + PAGE.lock) !== 0 || cells.ld32(page + PAGE.mapcount) !== 0)
      this.reportRelease(page);
    this.reclaimList.removeIfListed(page);
    if ((cells.ld32(page + PAGE.flags) & PG_CHARGED) !== 0) cells.atomicAdd(zone + ZONE.charged, -1);
    const first = this.addressOf(page) >> 2;
    for (let word = first; word < first + JUNK_WORDS; word++) i32[word] = JUNK_WORD;
    this.zoneLock.lock();
    try {
      if ((cells.ld32(page + PAGE.flags) & PG_FREE) !== 0) this.reportRelease(page);
      cells.st32(page + PAGE.flags, PG_FREE);
      cells.st32(page + PAGE.lruNext, cells.ld32(zone + ZONE.freeHead));
      cells.st32(zone + ZONE.freeHead, page);
      cells.st32(zone + ZONE.nrFree, cells.ld32(zone + ZONE.nrFree) + 1);
      cells.st32(zone + ZONE.pagesScanned, 0);
    } finally {
      this.zoneLock.unlock();
    }
  }

  /** Whether a number is the address of a descriptor. */
  private isFrame(page: number): boolean {
    const offset = page - this.descriptors;
    return offset >= 0 && offset < this.descriptorBytes && (offset & (DESCRIPTOR_BYTES - 1)) === 0;
  }

  private reportFreeList(page: number, free: number): never {
    if (page === 0) return this.context.bug(`The free list is empty, but ${free} frames are counted.`);
    return this.context.bug(`Frame ${this.frameNumber(page)} is on the free list but in use.`);
  }

  /** Says why a page whose last reference is gone cannot be freed. */
  private reportRelease(page: number): never {
    const { cells, context } = this;
    if (!this.isFrame(page)) return context.bug(`Freeing ${page}, which is no page.`);
    const frame = this.frameNumber(page);
    if (cells.ld32(page + PAGE.lock) !== 0) return context.bug(`Freeing page ${frame} while it is locked.`);
    if (cells.ld32(page + PAGE.mapcount) !== 0)
      return context.bug(`Freeing page ${frame} while it is mapped.`);
    return context.bug(`Page ${frame} is freed twice.`);
  }
}
