/**
 * Read-ahead: when a page must come from its slot, the slots beside it are read too. @kernel mm/swap_state.c swapin_readahead, 2.6.34
 *
 * Neighbouring slots were mostly written by one process at one time, and a disk that has found one of them has nearly found them all. For a
 * disk in memory the second half of that is not true: what is read ahead and not used was decompressed for nothing, and what it pushed out of
 * memory may have to come back. With pages that are read in random order one in twenty is used. `pageCluster` decides: 0, our default, is no
 * read-ahead, 3, the kernel's default, blocks of eight slots.
 *
 * Promise: whatever becomes of the pages beside it, the page that is wanted is read last and on its own, as if there were no read-ahead; so
 * read-ahead cannot fail a fault. It stops at the first page that it does not get.
 *
 * About memory: in 2.6.34 a page is charged to its process when it is mapped, so what was read ahead is charged to nobody and limited only by
 * the memory of the machine. Here the limit holds for the swap cache as well, so such a page is charged like any other, and reclaim makes room
 * for it. That cannot end a process, since only a fault that gets no page for itself asks for that; and it cannot go round in a loop, since
 * each page is tried once. Under a limit of less than two blocks nothing is read ahead: it would push out what it has just brought.
 *
 * Entered without spinlocks and page locks; `mmap_sem` held for reading or not. May sleep.
 */
import type { Frames } from '../page/frames.js';
import { PG_READ_AHEAD } from '../page/page.js';
import { swpEntry, swpOffset, swpType, type SwapEntry } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';
import { VM_EVENT, type VmEvents } from './stats.js';

/** Reads slots into the swap cache. */
export interface SlotReader {
  /**
   * The page of a slot, read if need be.
   * @param entry - the slot
   * @returns the page with a reference, or 0: no page could be had, or the slot is gone
   */
  readSwapCache(entry: SwapEntry): number;
}

/** Read-ahead of one thread. */
export class Readahead {
  private readonly frames: Frames;
  private readonly swap: SwapCore;
  private readonly events: VmEvents;
  private readonly pageCluster: number;

  /**
   * @param parts - the floors below
   * @param pageCluster - log2 of the size of a block in slots; 0 for no read-ahead. @kernel page_cluster, 2.6.34
   */
  constructor(
    parts: {
      readonly frames: Frames;
      readonly swap: SwapCore;
      readonly events: VmEvents;
    },
    pageCluster: number,
  ) {
    this.frames = parts.frames;
    this.swap = parts.swap;
    this.events = parts.events;
    this.pageCluster = pageCluster;
  }

  /**
   * Reads a slot, and before it those in use around it in its aligned block.
   * @param entry - the wanted slot, which the swap cache does not have
   * @param reader - who reads
   * @returns its page with a reference, or 0: no page could be had, or the slot is gone
   * @kernel mm/swap_state.c swapin_readahead, 2.6.34
   */
  swapinReadahead(entry: SwapEntry, reader: SlotReader): number {
    if (this.pageCluster !== 0 && this.hasRoom()) this.readAround(entry, reader);
    return reader.readSwapCache(entry);
  }

  /** Whether the limit leaves room for the block, and for as much again. */
  private hasRoom(): boolean {
    const { limit } = this.frames.info();
    return limit === 0 || limit >= 2 << this.pageCluster;
  }

  private readAround(entry: SwapEntry, reader: SlotReader): void {
    const { first, count } = this.swap.report.validSwaphandles(entry, this.pageCluster);
    const type = swpType(entry);
    for (let offset = first; offset < first + count; offset++) {
      const before = this.events.own(VM_EVENT.swapIns);
      const page = reader.readSwapCache(swpEntry(type, offset));
      if (page === 0) return;
      // Not one that was in the swap cache before.
      const wasRead = this.events.own(VM_EVENT.swapIns) !== before;
      if (wasRead && offset !== swpOffset(entry)) this.noteReadAhead(page);
      this.frames.putPage(page);
    }
  }

  private noteReadAhead(page: number): void {
    this.frames.setFlag(page, PG_READ_AHEAD);
    this.events.count(VM_EVENT.readAhead);
  }

  /**
   * A fault has found its page in the swap cache: counts it if it is there because it was read ahead.
   * @param page - with a reference of the caller
   */
  noteFound(page: number): void {
    if (!this.frames.testFlag(page, PG_READ_AHEAD)) return;
    if (this.frames.clearFlag(page, PG_READ_AHEAD)) this.events.count(VM_EVENT.readAheadHits);
  }
}
