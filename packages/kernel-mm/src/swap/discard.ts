/**
 * Discards by the swap core of 2.6.34: the whole area at swapon, and a free cluster when allocation is about to move into it.
 *
 * Promise: no slot is written before a discard that covers it has been issued. While a task searches an area that takes discards for a free
 * cluster, the slots that others take meanwhile are recorded (`lowestAlloc`, `highestAlloc`): the task discards only the part of its
 * cluster that lies clear of them. Whoever takes a slot while the discard is under way waits until it has been issued.
 *
 * A free slot is never discarded because it was freed. So a slot stays stored until allocation comes round to it, and then it would
 * have been overwritten soon anyway: that is why discards could not serve a compressed RAM disk.
 *
 * `swap_lock` protects the record and {@link SWP_DISCARDING}; discards are issued without it. One task at a time searches and discards in an
 * area: `lowestAlloc` is not 0 from {@link beginSearch} until the end.
 */
import type { BlockDiscard } from '../block/discard.js';
import { SECTORS_PER_PAGE } from '../block/device.js';
import { EOPNOTSUPP } from '../errno.js';
import type { Layout, Region } from '../arena/layout.js';
import { GFP_KERNEL, GFP_NOIO } from '../page/page.js';
import type { Context } from '../sync/context.js';
import { layoutWaitQueues, WaitQueue } from '../sync/wait-queue.js';
import type { SwapExtents } from './extents.js';
import {
  SWAP_EXTENT,
  SWAP_INFO,
  SWAPFILE_CLUSTER,
  SWP_DISCARDABLE,
  SWP_DISCARDING,
  type SwapTable,
} from './info.js';

/** Where {@link SwapDiscard} lies. */
export interface SwapDiscardRegions {
  readonly ended: Region;
}

/**
 * Reserves the wait queue of those who wait for a discard.
 * @param layout - not yet sealed
 */
export function layoutSwapDiscard(layout: Layout): SwapDiscardRegions {
  return { ended: layoutWaitQueues(layout, 'swap_discard_ended') };
}

/** Discards whole areas and free clusters. One per thread. */
export class SwapDiscard {
  readonly table: SwapTable;
  /** Where slots lie on the device. */
  readonly extents: SwapExtents;
  readonly block: BlockDiscard;
  /** What tasks sleep on while a cluster of some area is discarded. @kernel the wait queue of bit SWP_DISCARDING */
  readonly ended: WaitQueue;
  /** Whether free clusters are discarded when allocation moves into them. */
  readonly windows: boolean;

  /**
   * @param extents - of the areas
   * @param regions - from {@link layoutSwapDiscard}
   * @param block - issues discards
   * @param windows - whether free clusters are discarded when allocation moves into them, as in 2.6.34
   */
  constructor(extents: SwapExtents, regions: SwapDiscardRegions, block: BlockDiscard, windows: boolean) {
    const { table } = extents;
    this.table = table;
    this.extents = extents;
    this.block = block;
    this.ended = new WaitQueue(table.context, regions.ended.base);
    this.windows = windows;
  }

  /**
   * Discards all of an area but its first page, the header, one extent after the other. For swapon, while nobody can see the area; may sleep.
   * @param area - address of the area
   * @returns 0, or the first error, a negative errno: mostly -EOPNOTSUPP
   * @kernel mm/swapfile.c discard_swap, 2.6.34
   */
  discardSwap(area: number): number {
    const { cells } = this.table;
    const first = area + SWAP_INFO.firstExtent;
    let extent = first;
    do {
      const headerPages = extent === first ? 1 : 0;
      const block = cells.ldu32(extent + SWAP_EXTENT.startBlock) + headerPages;
      const pages = cells.ldu32(extent + SWAP_EXTENT.nrPages) - headerPages;
      const error = pages === 0 ? 0 : this.issue(area, block, pages, GFP_KERNEL);
      if (error !== 0) return error;
      extent = cells.ldu32(extent + SWAP_EXTENT.next);
    } while (extent !== first);
    return 0;
  }

  /**
   * Discards some slots of an area, each extent's part of them at a time; gives up silently on an error. No lock held; may sleep, but starts no I/O of others.
   * @param area - address of the area
   * @param start - first slot
   * @param count - slots
   * @kernel mm/swapfile.c discard_swap_cluster, 2.6.34
   */
  discardSwapCluster(area: number, start: number, count: number): void {
    const { cells } = this.table;
    const context: Context = this.table.context;
    const end = start + count;
    let extent = this.extents.findExtent(area, start);
    cells.st32(area + SWAP_INFO.currExtent, extent);
    for (let offset = start; offset < end;) {
      const within = offset - cells.ldu32(extent + SWAP_EXTENT.startPage);
      const pages = Math.min(end - offset, cells.ldu32(extent + SWAP_EXTENT.nrPages) - within);
      context.assert(within === 0 || offset === start, 'the extents of an area leave no gap');
      if (this.issue(area, cells.ldu32(extent + SWAP_EXTENT.startBlock) + within, pages, GFP_NOIO) !== 0)
        return;
      offset += pages;
      extent = cells.ldu32(extent + SWAP_EXTENT.next);
    }
  }

  /**
   * Issues a discard for some blocks of the device of an area. Context as gfp allows.
   * @param area - address of the area
   * @param block - first block on the device, in pages
   * @param count - pages
   * @param gfp - `GFP_...`
   * @returns 0, also for an area without a device; or a negative errno, which is counted unless the device just takes no discards
   */
  issue(area: number, block: number, count: number, gfp: number): number {
    const { cells } = this.table;
    const bdev = cells.ldu32(area + SWAP_INFO.bdev);
    if (bdev === 0) return 0;
    const error = this.block.blkdevIssueDiscard(
      bdev,
      block * SECTORS_PER_PAGE,
      count * SECTORS_PER_PAGE,
      gfp,
    );
    if (error !== 0 && error !== -EOPNOTSUPP) cells.atomicAdd(area + SWAP_INFO.discardFailures, 1);
    return error;
  }

  /**
   * A task is about to search an area for a free cluster: starts the record of what others take meanwhile. `swap_lock` held.
   * @param area - address of the area
   * @returns false when another task is at it already, and the caller shall not search
   * @kernel mm/swapfile.c scan_swap_map, 2.6.34
   */
  beginSearch(area: number): boolean {
    const { cells } = this.table;
    if (!this.windows || (cells.ldu32(area + SWAP_INFO.flags) & SWP_DISCARDABLE) === 0) return true;
    if (cells.ldu32(area + SWAP_INFO.lowestAlloc) !== 0) return false;
    cells.st32(area + SWAP_INFO.lowestAlloc, cells.ldu32(area + SWAP_INFO.max));
    cells.st32(area + SWAP_INFO.highestAlloc, 0);
    return true;
  }

  /**
   * The task that searched has nothing to discard: ends the record. `swap_lock` held.
   * @param area - address of the area
   */
  endSearch(area: number): void {
    this.table.cells.st32(area + SWAP_INFO.lowestAlloc, 0);
  }

  /**
   * A slot was taken, and nobody knows of it yet: discards the cluster, or waits for the discard, or is put on record. Nothing of it when
   * nobody searches. `swap_lock` held on entry and on return; dropped and retaken inside, where the task may sleep.
   * @param area - address of the area
   * @param offset - the slot
   * @param cluster - first slot of the free cluster this task found in this call, 0 for none
   * @kernel mm/swapfile.c scan_swap_map, 2.6.34
   */
  slotTaken(area: number, offset: number, cluster: number): void {
    const { cells } = this.table;
    const lowestAlloc = cells.ldu32(area + SWAP_INFO.lowestAlloc);
    if (lowestAlloc === 0) return;
    if (cluster !== 0) this.discardTaken(area, offset, this.lastToDiscard(area, offset, cluster));
    else if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_DISCARDING) !== 0) this.waitForDiscard(area);
    else {
      cells.st32(area + SWAP_INFO.lowestAlloc, Math.min(lowestAlloc, offset));
      const highestAlloc = cells.ldu32(area + SWAP_INFO.highestAlloc);
      cells.st32(area + SWAP_INFO.highestAlloc, Math.max(highestAlloc, offset));
    }
  }

  /**
   * Where the discard of a cluster has to end, so that it spares what others have taken since the search began. `swap_lock` held.
   * @param area - address of the area
   * @param offset - slot this task has taken
   * @param cluster - first slot of the cluster
   * @returns slot
   */
  lastToDiscard(area: number, offset: number, cluster: number): number {
    const { cells } = this.table;
    const last = cluster + SWAPFILE_CLUSTER - 1;
    const lowestAlloc = cells.ldu32(area + SWAP_INFO.lowestAlloc);
    const isTouched = offset < cells.ldu32(area + SWAP_INFO.highestAlloc) && lowestAlloc <= last;
    return isTouched ? lowestAlloc - 1 : last;
  }

  /**
   * Discards from a slot on, while others wait, and ends the record. `swap_lock` held on entry and on return, dropped inside.
   * @param area - address of the area
   * @param offset - first slot
   * @param last - last slot; there is nothing to discard when it is not above `offset`
   */
  discardTaken(area: number, offset: number, last: number): void {
    const { table } = this;
    const { cells } = table;
    const context: Context = table.context;
    context.assert(
      (cells.ldu32(area + SWAP_INFO.flags) & SWP_DISCARDING) === 0,
      'one task at a time discards in an area',
    );
    table.add(area + SWAP_INFO.flags, SWP_DISCARDING);
    table.swapLock.unlock();
    try {
      if (offset < last) this.discardSwapCluster(area, offset, last - offset + 1);
    } finally {
      table.swapLock.lock();
    }
    cells.st32(area + SWAP_INFO.lowestAlloc, 0);
    table.add(area + SWAP_INFO.flags, -SWP_DISCARDING);
    // The wake-up is a full barrier: those who wait find the bit clear.
    this.ended.wakeAll();
  }

  /**
   * Waits until the discard in an area has been issued. `swap_lock` held on entry and on return, dropped to sleep.
   * @param area - address of an area in which this task has a slot, so that the area stays
   * @kernel wait_on_bit on SWP_DISCARDING, 2.6.34
   */
  waitForDiscard(area: number): void {
    const { table, ended } = this;
    while ((table.cells.ldu32(area + SWAP_INFO.flags) & SWP_DISCARDING) !== 0) {
      const ticket = ended.prepareToWait();
      table.swapLock.unlock();
      try {
        // The bit is cleared under the lock and the wake-up comes under it too, so none is missed: the ticket was taken under it.
        ended.wait(ticket, Number.POSITIVE_INFINITY);
      } finally {
        table.swapLock.lock();
      }
    }
  }
}
