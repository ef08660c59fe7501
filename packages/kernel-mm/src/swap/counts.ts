/**
 * Reference counts of slots: the map bytes.
 *
 * Promise: a slot becomes free at the moment its byte becomes 0, under `swap_lock`, and whoever must know is told before the lock is dropped.
 * Each function states its lock context. Entries that name no slot in use are not trusted: they are logged, or answered with an errno, and
 * change nothing.
 *
 * A byte: bit 6 says that the swap cache holds the slot; the rest is the number of users, or 0xbf for a slot of shmem, or 0x3f for a bad one.
 * A count above {@link SWAP_MAP_MAX} goes on in pages of its own, and bit 7 says so: `continuations.ts`. Whoever adds a user when there is no
 * page for the next digit, and finds none, gets -ENOMEM.
 */
import { EEXIST, EINVAL, ENOENT, ENOMEM } from '../errno.js';
import { GFP_ATOMIC } from '../page/page.js';
import { KERN_ERR } from '../trace/events.js';
import { NOT_TRACED as NOT_TRACED_HERE, type Trace } from '../trace/trace.js';
import type { SwapCountContinuations } from './continuations.js';
import { formatEntry, swpOffset, swpType, type SwapEntry } from './entries.js';
import * as info from './info.js';
import type { SwapTable } from './info.js';
import type { SlotFreePolicy } from './policy.js';
import type { SharedSlots } from './shared-slots.js';
import type { SlotSummaries } from './slot-summary.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { COUNT_CONTINUED, SWAP_HAS_CACHE, SWAP_INFO, SWAP_MAP_MAX, SWAP_MAP_SHMEM, SWP_USED, SWP_WRITEOK } =
  info;
const NOT_TRACED = NOT_TRACED_HERE;

/** Counting. One per thread. */
export class SlotCounts {
  readonly table: SwapTable;
  readonly trace: Trace;
  readonly policy: SlotFreePolicy;
  readonly continuations: SwapCountContinuations;
  readonly summaries: SlotSummaries;
  /** Does the easy cases of `swapDuplicate` and `swapFree` in less time; null where there is no such way. */
  readonly shared: SharedSlots | null;

  /**
   * @param table - the areas
   * @param trace - where frees and complaints are told
   * @param policy - how the device of an area is told
   * @param continuations - the higher digits of counts
   * @param summaries - writes map bytes
   * @param shared - the short way of counts of shared slots, or null
   */
  constructor(
    table: SwapTable,
    trace: Trace,
    policy: SlotFreePolicy,
    continuations: SwapCountContinuations,
    summaries: SlotSummaries,
    shared: SharedSlots | null,
  ) {
    this.table = table;
    this.trace = trace;
    this.policy = policy;
    this.continuations = continuations;
    this.summaries = summaries;
    this.shared = shared;
  }

  /**
   * Finds the area of an entry in use and takes `swap_lock`. What is wrong with an entry is logged.
   * The checks before the lock are sound because the caller holds a reference to the slot; the one after it covers a caller that does not.
   * @param entry - any entry
   * @returns address of the area, with `swap_lock` held; or 0, without it
   * @kernel mm/swapfile.c swap_info_get, 2.6.34
   * @racy the checks before the lock are the original's; the one after it decides
   */
  swapInfoGet(entry: SwapEntry): number {
    const { table } = this;
    const { cells } = table;
    if (entry === 0) return 0;
    const type = swpType(entry);
    if (type >= table.nrSwapfiles()) return this.badEntry('swap_free: Bad swap file entry', entry);
    const area = table.infoOf(type);
    if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_USED) === 0) {
      return this.badEntry('swap_free: Unused swap file entry', entry);
    }
    const offset = swpOffset(entry);
    if (offset >= cells.ldu32(area + SWAP_INFO.max))
      return this.badEntry('swap_free: Bad swap offset entry', entry);
    if (cells.ld8(cells.ldu32(area + SWAP_INFO.swapMap) + offset) === 0) {
      return this.badEntry('swap_free: Unused swap offset entry', entry);
    }
    table.swapLock.lock();
    if (this.isStillSlot(area, offset)) return area;
    table.swapLock.unlock();
    return this.badEntry('swap_free: Bad swap offset entry', entry);
  }

  /**
   * Whether the slot of an entry is still there, now that the lock is held: a caller without a reference to it may come too late. `swap_lock` held.
   * @param area - address of the area
   * @param offset - the slot
   */
  isStillSlot(area: number, offset: number): boolean {
    return this.table.hasSlot(area, offset);
  }

  /**
   * Drops one reference to a slot. `swap_lock` held.
   * @param area - address of the area
   * @param entry - a slot of it in use
   * @param usage - 1 for a user, {@link SWAP_HAS_CACHE} for the swap cache
   * @returns the new byte: 0 when the slot is free now, {@link SWAP_HAS_CACHE} when only the cache holds it
   * @kernel mm/swapfile.c swap_entry_free, 2.6.34
   */
  swapEntryFree(area: number, entry: SwapEntry, usage: number): number {
    const { table } = this;
    const { cells } = table;
    table.assertLocked('swapEntryFree');
    const offset = swpOffset(entry);
    const map = cells.ldu32(area + SWAP_INFO.swapMap);
    const before = cells.ld8(map + offset);
    let hasCache = before & SWAP_HAS_CACHE;
    let count = before & ~SWAP_HAS_CACHE;
    if (usage === SWAP_HAS_CACHE) {
      hasCache = this.dropCache(hasCache);
    } else {
      count = this.dropUser(area, offset, count);
    }
    const after = count | hasCache;
    this.summaries.setMapByte(area, map, offset, before, after);
    if (after === 0) this.releaseSlot(area, swpType(entry), offset);
    return after;
  }

  /**
   * The swap cache drops its reference. `swap_lock` held.
   * @param hasCache - the cache bit of the byte
   * @returns the new cache bit: 0
   */
  dropCache(hasCache: number): number {
    this.table.context.assert(
      hasCache !== 0,
      'the swap cache drops its reference only to a slot whose map byte has the cache bit.',
    );
    return 0;
  }

  /**
   * One user less. `swap_lock` held.
   * @param area - address of the area
   * @param offset - slot
   * @param count - the byte without its cache bit
   * @returns the new count
   */
  dropUser(area: number, offset: number, count: number): number {
    if (count === SWAP_MAP_SHMEM) return 0;
    if ((count & ~COUNT_CONTINUED) > SWAP_MAP_MAX) return count;
    if (count === COUNT_CONTINUED) {
      return this.swapCountContinued(area, offset, count) ? SWAP_MAP_MAX | COUNT_CONTINUED : SWAP_MAP_MAX;
    }
    this.table.context.assert(
      count !== 0,
      'a user drops only a reference it has: the slot has none, and its count would wrap to look like shmem.',
    );
    return count - 1;
  }

  /**
   * The books of a slot whose byte has just become 0: bounds, cursor, counters; at last, whoever must know. `swap_lock` held.
   * @param area - address of the area
   * @param type - its index
   * @param offset - the slot
   */
  releaseSlot(area: number, type: number, offset: number): void {
    const { table } = this;
    const { cells } = table;
    if (offset < cells.ldu32(area + SWAP_INFO.lowestBit)) cells.st32(area + SWAP_INFO.lowestBit, offset);
    if (offset > cells.ldu32(area + SWAP_INFO.highestBit)) cells.st32(area + SWAP_INFO.highestBit, offset);
    this.raiseCursor(area, type);
    table.addSwapPages(1);
    table.add(area + SWAP_INFO.inusePages, -1);
    this.slotFreed(area, type, offset);
  }

  /**
   * Lets the next allocation start at an area that has a free slot again, if its priority is higher than that of the area at the cursor.
   * `swap_lock` held. While the last area is switched off there is no cursor. An area that is being switched off is not on the list any more;
   * 2.6.34 puts the cursor on it all the same, and the next allocation finds its way back.
   * @param area - address of the area
   * @param type - its index
   */
  raiseCursor(area: number, type: number): void {
    const { table } = this;
    const next = table.listNext();
    if (next < 0 || next === type) return;
    const { cells } = table;
    if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_WRITEOK) === 0) return;
    if (cells.ld32(area + SWAP_INFO.prio) > cells.ld32(table.infoOf(next) + SWAP_INFO.prio)) {
      table.setListNext(type);
    }
  }

  /**
   * Tells that a slot is free: the last action of freeing it. `swap_lock` held, the byte is 0, all counters are right.
   * @param area - address of the area
   * @param type - its index
   * @param offset - the slot
   */
  slotFreed(area: number, type: number, offset: number): void {
    this.table.add(area + SWAP_INFO.freed, 1);
    this.trace.slotFree(type, offset);
    const since = this.trace.beginNotify();
    const told = this.policy.slotFreed(area, type, offset);
    if (since !== NOT_TRACED) this.trace.notify(since, type, offset, told);
    if (!told) this.table.add(area + SWAP_INFO.freedUnreported, 1);
  }

  /**
   * Drops a user's reference. Takes `swap_lock`.
   * @param entry - a slot the caller has a reference to
   * @kernel mm/swapfile.c swap_free, 2.6.34
   */
  swapFree(entry: SwapEntry): void {
    if (this.shared !== null && this.shared.dropUser(entry)) return;
    this.dropReference(entry, 1);
  }

  /**
   * Drops the swap cache's reference. Takes `swap_lock`.
   * @param entry - a slot whose page has left the cache
   * @kernel mm/swapfile.c swapcache_free, 2.6.34
   */
  swapcacheFree(entry: SwapEntry): void {
    this.dropReference(entry, SWAP_HAS_CACHE);
  }

  /**
   * Adds a reference to a slot. Takes `swap_lock`.
   * @param entry - any entry
   * @param usage - 1 for a user, {@link SWAP_MAP_SHMEM} for shmem, {@link SWAP_HAS_CACHE} for the swap cache
   * @returns 0; -EINVAL for an entry that names no slot, for a bad slot and for a user of a slot of shmem; -ENOENT for a slot not in use; -EEXIST
   * when the cache already has it; -ENOMEM when the count is full and has no page to go on in
   * @kernel mm/swapfile.c __swap_duplicate, 2.6.34
   */
  __swapDuplicate(entry: SwapEntry, usage: number): number {
    const { table } = this;
    const { cells } = table;
    if (table.nonSwapEntry(entry)) return -EINVAL;
    const type = swpType(entry);
    if (type >= table.nrSwapfiles()) {
      this.badEntry('swap_dup: Bad swap file entry', entry);
      return -EINVAL;
    }
    const area = table.infoOf(type);
    const offset = swpOffset(entry);
    table.swapLock.lock();
    try {
      if (!table.hasSlot(area, offset)) return -EINVAL;
      const map = cells.ldu32(area + SWAP_INFO.swapMap);
      const byte = cells.ld8(map + offset);
      const hasCache = byte & SWAP_HAS_CACHE;
      const count = byte & ~SWAP_HAS_CACHE;
      if (usage === SWAP_HAS_CACHE) {
        if (hasCache !== 0) return -EEXIST;
        if (count === 0) return -ENOENT;
        this.summaries.setMapByte(area, map, offset, byte, count | SWAP_HAS_CACHE);
        return 0;
      }
      if (byte === 0) return -ENOENT;
      if ((count & ~COUNT_CONTINUED) > SWAP_MAP_MAX) return -EINVAL;
      if ((count & ~COUNT_CONTINUED) < SWAP_MAP_MAX) {
        this.summaries.setMapByte(area, map, offset, byte, (count + usage) | hasCache);
        if (this.trace.wantsDuplicate()) this.tellDuplicate(area, type, offset);
        return 0;
      }
      if (!this.swapCountContinued(area, offset, count)) return -ENOMEM;
      this.summaries.setMapByte(area, map, offset, byte, COUNT_CONTINUED | hasCache);
      if (this.trace.wantsDuplicate()) this.tellDuplicate(area, type, offset);
      return 0;
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * Adds a user. Takes `swap_lock`, and may take a page without sleeping; page-table locks may be held.
   * @param entry - a slot the caller can be sure is in use: errors other than a full count are reported as success, as in 2.6.34
   * @returns 0, or -ENOMEM when the count is full and there is no page for it to go on in
   * @kernel mm/swapfile.c swap_duplicate, 2.6.34
   */
  swapDuplicate(entry: SwapEntry): number {
    if (this.shared !== null && !this.trace.wantsDuplicate() && this.shared.addUser(entry)) return 0;
    while (this.__swapDuplicate(entry, 1) === -ENOMEM) {
      const error = this.addSwapCountContinuation(entry, GFP_ATOMIC);
      if (error !== 0) return error;
    }
    return 0;
  }

  /**
   * Makes shmem the owner of a slot the swap cache holds. Takes `swap_lock`.
   * @param entry - a slot with the cache bit and no user
   * @kernel mm/swapfile.c swap_shmem_alloc, 2.6.34
   */
  swapShmemAlloc(entry: SwapEntry): void {
    this.__swapDuplicate(entry, SWAP_MAP_SHMEM);
  }

  /**
   * Sets the cache bit of a slot in use, before a page for it goes into the swap cache. Takes `swap_lock`.
   * @param entry - any entry
   * @returns 0; -EEXIST when the bit is set; -ENOENT when the slot has no user; -EINVAL when there is no such slot
   * @kernel mm/swapfile.c swapcache_prepare, 2.6.34
   */
  swapcachePrepare(entry: SwapEntry): number {
    return this.__swapDuplicate(entry, SWAP_HAS_CACHE);
  }

  /**
   * Carries into, or borrows from, the higher digits of a count. `swap_lock` held.
   * @param area - address of the area
   * @param offset - slot
   * @param count - the byte without its cache bit
   * @returns when carrying, whether there was room; when borrowing, whether the byte is still continued
   * @kernel mm/swapfile.c swap_count_continued, 2.6.34
   */
  swapCountContinued(area: number, offset: number, count: number): boolean {
    return this.continuations.swapCountContinued(area, offset, count);
  }

  /**
   * Makes room for a higher digit of a count, where it is needed. Takes `swap_lock`, and a page first.
   * @param entry - a slot whose count was found full; it may have changed since
   * @param gfp - how the page may be found
   * @returns 0: try again, also when the slot was freed meanwhile or its count is not full any more; or -ENOMEM
   * @kernel mm/swapfile.c add_swap_count_continuation, 2.6.34
   */
  addSwapCountContinuation(entry: SwapEntry, gfp: number): number {
    return this.continuations.addSwapCountContinuation(this, entry, gfp);
  }

  private tellDuplicate(area: number, type: number, offset: number): void {
    this.trace.duplicate(type, offset, this.continuations.countOf(area, offset));
  }

  private dropReference(entry: SwapEntry, usage: number): void {
    const area = this.swapInfoGet(entry);
    if (area === 0) return;
    try {
      this.swapEntryFree(area, entry, usage);
    } finally {
      this.table.swapLock.unlock();
    }
  }

  /** Logs what is wrong with an entry; returns no area. */
  private badEntry(complaint: string, entry: SwapEntry): 0 {
    this.trace.printk(`${complaint} ${formatEntry(entry)}`, KERN_ERR);
    return 0;
  }
}
