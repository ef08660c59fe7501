/**
 * The swap cache: which page holds a copy of which slot.
 *
 * Promise: a page is in the cache at most once, under the entry in its `private` field, with the flag PG_SWAPCACHE, and the cache holds a
 * reference on it. Allocation of a slot sets SWAP_HAS_CACHE first and inserts the page after; deletion removes the page first and clears
 * SWAP_HAS_CACHE after. In between a look-up finds nothing although the slot says it is cached.
 *
 * Locks: `tree_lock` (spinlock) protects the buckets and `hashNext`. It is taken inside the page lock, page-table locks and `swap_lock`, and
 * dropped before `swap_lock` is taken. Insertion and removal need the page lock too.
 *
 * The kernel keeps a radix tree; here it is a hash table with one bucket per frame, which is just as exact and needs no memory of its own.
 * @kernel mm/swap_state.c, 2.6.34
 */
import { EEXIST } from '../errno.js';
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Frames } from '../page/frames.js';
import type { ReclaimList } from '../page/lru.js';
import { PAGE, PG_DIRTY, PG_SWAPBACKED, PG_SWAPCACHE, PG_UPTODATE, PG_WRITEBACK } from '../page/page.js';
import type { SwapEntry } from '../swap/entries.js';
import { SWAP_HAS_CACHE } from '../swap/info.js';
import type { SwapCacheOps } from '../swap/operations.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, SpinLock } from '../sync/locks.js';

const SWAPPER_SPACE = struct('swapper_space', {
  nrPages: 'i32',
  addTotal: 'i32',
  delTotal: 'i32',
  findSuccess: 'i32',
  findTotal: 'i32',
});

/** Golden-ratio multiplier: neighbouring slots spread over the buckets. */
const HASH_MULTIPLIER = 0x9e37_79b1;

/** Regions and the lock class of the swap cache. */
export interface SwapCacheLayout {
  readonly space: Region;
  readonly buckets: Region;
  readonly lock: Region;
  readonly lockClass: LockClass;
  readonly bucketBits: number;
}

/**
 * Reserves the cache.
 * @param layout - not yet sealed
 * @param classes - gets `tree_lock`
 * @param frameCount - number of page frames; the cache can hold them all
 */
export function layoutSwapCache(layout: Layout, classes: LockClasses, frameCount: number): SwapCacheLayout {
  const bucketBits = Math.max(4, 32 - Math.clz32(frameCount - 1));
  return {
    space: layout.structs('hot', 'swapper_space', SWAPPER_SPACE, 1),
    buckets: layout.bytes('hot', 'swapper_space_buckets', 4 << bucketBits),
    lock: layoutLocks(layout, 'tree_lock'),
    lockClass: classes.define('tree_lock'),
    bucketBits,
  };
}

/** Counters of the swap cache. @kernel swap_cache_info */
export interface SwapCacheInfo {
  /** Pages in the cache. @kernel total_swapcache_pages */
  readonly pages: number;
  readonly addTotal: number;
  readonly delTotal: number;
  readonly findSuccess: number;
  readonly findTotal: number;
}

/** The swap cache as one thread sees it; also what the swap core asks of pages. */
export class SwapCache implements SwapCacheOps {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly frames: Frames;
  private readonly reclaimList: ReclaimList;
  private readonly swap: SwapCore;
  private readonly space: number;
  private readonly buckets: number;
  private readonly shift: number;
  private readonly treeLock: SpinLock;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutSwapCache}
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    regions: SwapCacheLayout,
    parts: { readonly frames: Frames; readonly reclaimList: ReclaimList; readonly swap: SwapCore },
  ) {
    this.cells = core.cells;
    this.context = core.context;
    this.frames = parts.frames;
    this.reclaimList = parts.reclaimList;
    this.swap = parts.swap;
    this.space = regions.space.base;
    this.buckets = regions.buckets.base;
    this.shift = 32 - regions.bucketBits;
    this.treeLock = new SpinLock(core.locks, regions.lock.base, regions.lockClass);
  }

  /** Finds the page of a slot and takes a reference. May be called under `swap_lock`. @kernel find_get_page(&swapper_space, entry) */
  lookup(entry: SwapEntry): number {
    this.treeLock.lock();
    try {
      const page = this.find(entry);
      // The cache's own reference keeps the page alive as long as we hold the lock.
      if (page !== 0) this.frames.getPage(page);
      return page;
    } finally {
      this.treeLock.unlock();
    }
  }

  /** {@link lookup} with the counters of a fault. @kernel lookup_swap_cache */
  lookupSwapCache(entry: SwapEntry): number {
    const page = this.lookup(entry);
    this.cells.atomicAdd(this.space + SWAPPER_SPACE.findTotal, 1);
    if (page !== 0) this.cells.atomicAdd(this.space + SWAPPER_SPACE.findSuccess, 1);
    return page;
  }

  /**
   * Inserts a page. The caller holds the page lock, and the slot's SWAP_HAS_CACHE flag is the caller's.
   * @param page - not in the cache
   * @param entry - the slot
   * @kernel add_to_swap_cache; the insertion cannot fail here
   */
  addToSwapCache(page: number, entry: SwapEntry): void {
    this.frames.assertLocked(page, 'add_to_swap_cache');
    this.frames.getPage(page);
    this.cells.st32(page + PAGE.private, entry);
    this.frames.setFlag(page, PG_SWAPCACHE | PG_SWAPBACKED);
    const bucket = this.bucketOf(entry);
    this.treeLock.lock();
    try {
      if (this.find(entry) !== 0) this.context.bug(`Two pages for the swap entry 0x${entry.toString(16)}.`);
      this.cells.st32(page + PAGE.hashNext, this.cells.ld32(bucket));
      this.cells.st32(bucket, page);
      this.count(SWAPPER_SPACE.nrPages, 1);
      this.count(SWAPPER_SPACE.addTotal, 1);
    } finally {
      this.treeLock.unlock();
    }
  }

  /**
   * Takes a page out, then drops the slot's cache flag and the cache's reference. The caller holds the page lock and a reference.
   * @kernel delete_from_swap_cache
   */
  deleteFromSwapCache(page: number): void {
    this.frames.assertLocked(page, 'delete_from_swap_cache');
    const entry = this.swapEntryOf(page);
    // In this order: as long as the slot has its flag, nobody else puts a page for it into the cache.
    this.removeFromTree(page);
    this.swap.counts.swapcacheFree(entry);
    this.frames.putPage(page);
  }

  /**
   * Takes a page out of the tree, and no more. The caller holds the page lock; takes `tree_lock`.
   * @param page - in the cache
   * @kernel __delete_from_swap_cache
   */
  removeFromTree(page: number): void {
    this.treeLock.lock();
    try {
      this.unhash(page);
    } finally {
      this.treeLock.unlock();
    }
  }

  /**
   * Takes a page out for good if nobody else uses it: only the cache and the caller hold references, and the device has its contents.
   * @param page - locked by the caller
   * @returns whether the page is now the caller's alone, unlocked and without references, to be given to `freeFrozenPage`
   * @kernel __remove_mapping
   */
  removeMapping(page: number): boolean {
    this.frames.assertLocked(page, '__remove_mapping');
    const entry = this.swapEntryOf(page);
    this.treeLock.lock();
    try {
      if (this.frames.testFlag(page, PG_DIRTY | PG_WRITEBACK)) return false;
      if (!this.frames.freezeReferences(page, 2)) return false;
      this.unhash(page);
    } finally {
      this.treeLock.unlock();
    }
    this.swap.counts.swapcacheFree(entry);
    this.frames.unlockPage(page);
    return true;
  }

  /**
   * Gives a page a slot and puts it into the cache, dirty. The caller holds the page lock.
   * @returns false when there is no slot
   * @kernel add_to_swap
   */
  addToSwap(page: number): boolean {
    this.frames.assertLocked(page, 'add_to_swap');
    this.context.assert(
      this.frames.testFlag(page, PG_UPTODATE),
      'a page that goes to swap has valid contents',
    );
    const entry = this.swap.allocator.getSwapPage();
    if (entry === 0) return false;
    this.addToSwapCache(page, entry);
    this.frames.setFlag(page, PG_DIRTY);
    return true;
  }

  /**
   * Prepares a new page for reading a slot, unless somebody else has one or the slot is gone.
   * @param entry - the slot
   * @param fresh - a page of the caller, unlocked, charged; consumed when 0 is returned
   * @returns 0: `fresh` is in the cache, locked, to be read; `-EEXIST`: look again; another errno: the slot is stale
   * @kernel the second half of the loop of read_swap_cache_async
   */
  adoptForReading(entry: SwapEntry, fresh: number): number {
    const error = this.swap.counts.swapcachePrepare(entry);
    if (error !== 0) return error;
    if (!this.frames.tryLockPage(fresh)) this.context.bug('A page nobody else can see is locked.');
    this.addToSwapCache(fresh, entry);
    this.reclaimList.lruCacheAddInactive(fresh);
    return 0;
  }

  /** Counters; exact only while nobody else swaps. @racy for reports */
  info(): SwapCacheInfo {
    return {
      pages: this.cells.ld32(this.space + SWAPPER_SPACE.nrPages),
      addTotal: this.cells.ld32(this.space + SWAPPER_SPACE.addTotal),
      delTotal: this.cells.ld32(this.space + SWAPPER_SPACE.delTotal),
      findSuccess: this.cells.ld32(this.space + SWAPPER_SPACE.findSuccess),
      findTotal: this.cells.ld32(this.space + SWAPPER_SPACE.findTotal),
    };
  }

  /** The page of a slot without a reference, for checks while nobody else swaps. */
  peek(entry: SwapEntry): number {
    return this.find(entry);
  }

  /** Walks buckets and frames; the sentences say what does not agree (I11, I12, I21). Only while nobody else swaps. */
  checkInvariants(): string[] {
    const broken: string[] = [];
    let found = 0;
    for (let frame = 0; frame < this.frames.frameCount; frame++) {
      const page = this.frames.pageAt(frame);
      if (!this.frames.testFlag(page, PG_SWAPCACHE)) continue;
      found++;
      const entry = this.swapEntryOf(page);
      if (this.find(entry) !== page)
        broken.push(
          `frame ${frame} claims swap entry 0x${entry.toString(16)}, but the cache does not find it there`,
        );
      if ((this.swap.table.mapByte(entry) & SWAP_HAS_CACHE) === 0) {
        broken.push(`swap entry 0x${entry.toString(16)} is cached, but its slot does not say so`);
      }
    }
    const { pages, addTotal, delTotal } = this.info();
    if (found !== pages) broken.push(`${found} pages are in the swap cache, but ${pages} are counted`);
    if (addTotal - delTotal !== pages)
      broken.push(`${addTotal} added less ${delTotal} deleted are not the ${pages} pages of the swap cache`);
    return broken;
  }

  tryLockPage(page: number): boolean {
    return this.frames.tryLockPage(page);
  }

  unlockPage(page: number): void {
    this.frames.unlockPage(page);
  }

  putPage(page: number): void {
    this.frames.putPage(page);
  }

  isSwapCache(page: number): boolean {
    return this.frames.testFlag(page, PG_SWAPCACHE);
  }

  isWriteback(page: number): boolean {
    return this.frames.testFlag(page, PG_WRITEBACK);
  }

  isMapped(page: number): boolean {
    return this.mapcount(page) > 0;
  }

  mapcount(page: number): number {
    return this.cells.atomicLoad(page + PAGE.mapcount);
  }

  swapEntryOf(page: number): SwapEntry {
    return this.cells.ldu32(page + PAGE.private);
  }

  setPageDirty(page: number): void {
    this.frames.setFlag(page, PG_DIRTY);
  }

  private bucketOf(entry: SwapEntry): number {
    return this.buckets + ((Math.imul(entry, HASH_MULTIPLIER) >>> this.shift) << 2);
  }

  private find(entry: SwapEntry): number {
    let page = this.cells.ld32(this.bucketOf(entry));
    while (page !== 0 && this.cells.ldu32(page + PAGE.private) !== entry)
      page = this.cells.ld32(page + PAGE.hashNext);
    return page;
  }

  /** `tree_lock` held. */
  private unhash(page: number): void {
    if (!this.isSwapCache(page))
      this.context.bug(
        `Page ${this.frames.frameNumber(page)} is deleted from the swap cache but is not in it.`,
      );
    if (this.isWriteback(page))
      this.context.bug(`Page ${this.frames.frameNumber(page)} leaves the swap cache while it is written.`);
    let link = this.bucketOf(this.swapEntryOf(page));
    while (this.cells.ld32(link) !== page) {
      if (this.cells.ld32(link) === 0)
        this.context.bug(`Page ${this.frames.frameNumber(page)} is not in its bucket.`);
      link = this.cells.ld32(link) + PAGE.hashNext;
    }
    this.cells.st32(link, this.cells.ld32(page + PAGE.hashNext));
    this.cells.st32(page + PAGE.hashNext, 0);
    this.cells.st32(page + PAGE.private, 0);
    this.frames.clearFlag(page, PG_SWAPCACHE);
    this.count(SWAPPER_SPACE.nrPages, -1);
    this.count(SWAPPER_SPACE.delTotal, 1);
  }

  private count(counter: number, delta: number): void {
    this.cells.st32(this.space + counter, this.cells.ld32(this.space + counter) + delta);
  }
}

/** Errors of {@link SwapCache.adoptForReading} that mean: look again. */
export const LOOK_AGAIN = -EEXIST;
