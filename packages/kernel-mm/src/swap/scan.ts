/**
 * Finding a free slot in an area.
 *
 * Promise: `scanSwapMap` returns a slot nobody else was given, or 0. It drops `swap_lock` while it reads map bytes, so that what it finds is
 * only a candidate, and everything is checked again under the lock. A task inside it is counted in the flags of the area, and swapoff does
 * not free the map before the count is 0.
 *
 * The strategy: fill clusters of 256 slots from the cursor on; when a cluster is used up, look for 256 free slots in a row, on a rotating
 * disk from the bottom, to keep the span short, else from the cursor, to spread the wear. Clusters are not aligned. Where there is no free
 * cluster any slot will do: from the cursor up, then from the bottom to the cursor.
 *
 * Long loops over map bytes read the arena directly and announce a point for every {@link LATENCY_LIMIT} of them or fewer: where the
 * original may reschedule. This plain search is the reference. An area with a summary of its map (`slot-summary.ts`) is searched through that:
 * the same slots are found, and each search announces one point.
 *
 * Where the device takes discards, a free cluster is discarded when it is taken: `discard.ts` has what 2.6.34 does for that within this scan,
 * `clusters.ts` what later kernels do instead.
 */
import type { Trace } from '../trace/trace.js';
import type { SwapClusters } from './clusters.js';
import type { SwapDiscard } from './discard.js';
import * as info from './info.js';
import type { SwapTable } from './info.js';
import type { SwapPages } from './pages.js';
import type { SlotSummaries } from './slot-summary.js';

/** A scan of an area of n slots that has failed to reclaim this many times n slots goes round for ever. */
const ROUNDS_MAX = 16;

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { LATENCY_LIMIT, SWAP_HAS_CACHE, SWAP_INFO, SWAPFILE_CLUSTER } = info;
const { SWP_SCANNING, SWP_SOLIDSTATE, SWP_WRITEOK } = info;
const CLUSTER_SLOTS = SWAPFILE_CLUSTER;

/** Finds free slots. One per thread. */
export class SlotScanner {
  readonly table: SwapTable;
  readonly pages: SwapPages;
  readonly discard: SwapDiscard;
  readonly clusters: SwapClusters;
  readonly summaries: SlotSummaries;
  readonly trace: Trace;
  private readonly u8: Uint8Array;

  /**
   * @param table - the areas
   * @param pages - frees slots that only the swap cache holds
   * @param discard - discards free clusters
   * @param clusters - the slots that are held back for a discard
   * @param summaries - writes map bytes, and knows of free slots
   * @param trace - where slots that are taken are told
   */
  constructor(
    table: SwapTable,
    pages: SwapPages,
    discard: SwapDiscard,
    clusters: SwapClusters,
    summaries: SlotSummaries,
    trace: Trace,
  ) {
    this.table = table;
    this.pages = pages;
    this.discard = discard;
    this.clusters = clusters;
    this.summaries = summaries;
    this.trace = trace;
    this.u8 = table.cells.arena.u8;
  }

  /**
   * Takes a free slot of an area. `swap_lock` held on entry and on return; dropped and retaken inside. May not be called with a lock held
   * that a page's way out of the swap cache needs.
   * @param area - address of the area
   * @param usage - the byte to store: {@link SWAP_HAS_CACHE}, or 1 for a plain reference
   * @returns the slot, or 0 when there is none
   * @kernel mm/swapfile.c scan_swap_map, 2.6.34
   */
  scanSwapMap(area: number, usage: number): number {
    const { table } = this;
    const { cells } = table;
    table.assertLocked('scanSwapMap');
    table.add(area + SWAP_INFO.flags, SWP_SCANNING);
    let scanBase = cells.ldu32(area + SWAP_INFO.clusterNext);
    let offset = scanBase;

    const clusterNr = cells.ldu32(area + SWAP_INFO.clusterNr);
    // Unsigned: from 0 it wraps, which others see until the search below has ended.
    cells.st32(area + SWAP_INFO.clusterNr, (clusterNr - 1) | 0);
    let cluster = 0;
    if (clusterNr === 0) {
      if (!this.hasRoomForCluster(area)) {
        cells.st32(area + SWAP_INFO.clusterNr, SWAPFILE_CLUSTER - 1);
      } else if (this.discard.beginSearch(area)) {
        table.swapLock.unlock();
        try {
          scanBase = this.clusterSearchBase(area, scanBase);
          cluster = this.findFreeCluster(area, scanBase);
        } finally {
          table.swapLock.lock();
        }
        offset = cluster === 0 ? scanBase : cluster;
        if (cluster === 0) this.discard.endSearch(area);
        else cells.st32(area + SWAP_INFO.clusterNext, cluster);
        cells.st32(area + SWAP_INFO.clusterNr, SWAPFILE_CLUSTER - 1);
      }
    }

    let wrapped = false;
    let failures = 0;
    for (;;) {
      if (!this.isWritable(area)) break;
      const highestBit = cells.ldu32(area + SWAP_INFO.highestBit);
      if (highestBit === 0) break;
      if (offset > highestBit) {
        offset = cells.ldu32(area + SWAP_INFO.lowestBit);
        scanBase = offset;
        wrapped = false;
      }
      const byte = cells.ld8(cells.ldu32(area + SWAP_INFO.swapMap) + offset);
      if (byte === 0) {
        this.takeSlot(area, offset, usage);
        this.discard.slotTaken(area, offset, cluster);
        return offset;
      }
      table.swapLock.unlock();
      let found: number;
      try {
        if (byte === SWAP_HAS_CACHE && table.vmSwapFull()) {
          if (this.pages.tryToReclaimSwap(area, offset) !== 0) continue;
          this.boundFailures(area, ++failures);
        }
        found = this.plainScan(area, offset, scanBase, wrapped);
      } finally {
        table.swapLock.lock();
      }
      if (found === 0) {
        if (!this.clusters.reclaimHeld(area)) break;
        found = scanBase = cells.ldu32(area + SWAP_INFO.lowestBit);
      }
      wrapped = found < 0;
      offset = wrapped ? -found : found;
    }
    if (cluster !== 0) this.abandonCluster(area);
    table.add(area + SWAP_INFO.flags, -SWP_SCANNING);
    return 0;
  }

  /**
   * Whether slots of an area may be allocated: asked again each time the lock was dropped, since a swapoff may have begun. `swap_lock` held.
   * @param area - address of the area
   */
  isWritable(area: number): boolean {
    return (this.table.cells.ldu32(area + SWAP_INFO.flags) & SWP_WRITEOK) !== 0;
  }

  /**
   * Gives up a free cluster of which no slot could be taken after all: ends the record of the search, or nobody would search this area again.
   * `swap_lock` held.
   * @param area - address of the area
   */
  abandonCluster(area: number): void {
    this.discard.endSearch(area);
  }

  /**
   * Whether a free cluster is worth looking for. `swap_lock` held.
   * @param area - address of the area
   */
  hasRoomForCluster(area: number): boolean {
    const { cells } = this.table;
    return cells.ldu32(area + SWAP_INFO.pages) - cells.ldu32(area + SWAP_INFO.inusePages) >= SWAPFILE_CLUSTER;
  }

  /**
   * Where the search for a free cluster starts. `swap_lock` not held.
   * @param area - address of the area
   * @param clusterNext - its cursor
   * @returns slot: the cursor where there is no head to move, else the lowest slot that may be free
   */
  clusterSearchBase(area: number, clusterNext: number): number {
    const { cells } = this.table;
    if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_SOLIDSTATE) !== 0) return clusterNext;
    return cells.ldu32(area + SWAP_INFO.lowestBit);
  }

  /**
   * Looks for {@link SWAPFILE_CLUSTER} free slots in a row: up from a base, then from the bottom up to it. `swap_lock` not held: what it
   * finds may be taken by the time the caller has the lock.
   * @param area - address of the area
   * @param scanBase - slot
   * @returns first slot of the run, or 0
   */
  findFreeCluster(area: number, scanBase: number): number {
    const { cells } = this.table;
    const found = this.findRun(area, scanBase, cells.ldu32(area + SWAP_INFO.highestBit));
    if (found !== 0) return found;
    return this.findRun(area, cells.ldu32(area + SWAP_INFO.lowestBit), scanBase - 1);
  }

  /**
   * Looks for any slot that may be free: up from a slot to the highest one, then from the bottom up to the base. `swap_lock` not held.
   * Each half is gone through once: a caller that comes back from the second half goes on in it, so that slots that cannot be reclaimed
   * do not send the scan round for ever.
   * @param area - address of the area
   * @param offset - slot just looked at; the scan goes on behind it
   * @param scanBase - slot where the scan began
   * @param wrapped - whether the slot was found in the second half
   * @returns the slot; negative when it was found in the second half; 0 for none
   */
  plainScan(area: number, offset: number, scanBase: number, wrapped: boolean): number {
    const { cells } = this.table;
    if (wrapped) return 0 - this.findCandidate(area, offset + 1, scanBase - 1);
    const found = this.findCandidate(area, offset + 1, cells.ldu32(area + SWAP_INFO.highestBit));
    if (found !== 0) return found;
    return 0 - this.findCandidate(area, cells.ldu32(area + SWAP_INFO.lowestBit), scanBase - 1);
  }

  /**
   * The lowest slot of a range that is free, or that only the swap cache holds while swap is more than half full. `swap_lock` not held.
   * @param area - address of the area
   * @param first - slot
   * @param last - slot; nothing is searched when it is below `first`
   * @returns the slot, or 0
   */
  findCandidate(area: number, first: number, last: number): number {
    const { table, u8 } = this;
    const map = table.cells.ldu32(area + SWAP_INFO.swapMap);
    if (this.summaries.areKept(area)) {
      this.breathe(map + first);
      return this.summaries.findCandidate(area, first, last, table.vmSwapFull());
    }
    for (let chunk = first; chunk <= last; chunk += LATENCY_LIMIT) {
      this.breathe(map + chunk);
      // A byte no map holds stands for "do not take slots of the cache".
      const alsoFree = table.vmSwapFull() ? SWAP_HAS_CACHE : -1;
      const end = map + Math.min(last, chunk + LATENCY_LIMIT - 1);
      for (let address = map + chunk; address <= end; address++) {
        const byte = u8[address];
        if (byte === 0 || byte === alsoFree) return address - map;
      }
    }
    return 0;
  }

  /**
   * Takes a slot whose byte is 0 and leaves the scan. `swap_lock` held.
   * @param area - address of the area
   * @param offset - the slot
   * @param usage - the byte to store
   */
  takeSlot(area: number, offset: number, usage: number): void {
    const { table } = this;
    const { cells } = table;
    if (offset === cells.ldu32(area + SWAP_INFO.lowestBit))
      cells.st32(area + SWAP_INFO.lowestBit, offset + 1);
    if (offset === cells.ldu32(area + SWAP_INFO.highestBit))
      cells.st32(area + SWAP_INFO.highestBit, offset - 1);
    const inusePages = cells.ldu32(area + SWAP_INFO.inusePages) + 1;
    cells.st32(area + SWAP_INFO.inusePages, inusePages);
    if (inusePages === cells.ldu32(area + SWAP_INFO.pages)) {
      cells.st32(area + SWAP_INFO.lowestBit, cells.ldu32(area + SWAP_INFO.max));
      cells.st32(area + SWAP_INFO.highestBit, 0);
    }
    this.summaries.setMapByte(area, cells.ldu32(area + SWAP_INFO.swapMap), offset, 0, usage);
    cells.st32(area + SWAP_INFO.clusterNext, offset + 1);
    table.add(area + SWAP_INFO.allocated, 1);
    this.trace.slotAlloc(cells.ld32(area + SWAP_INFO.type), offset);
    this.clusters.slotTaken(area, offset);
    table.add(area + SWAP_INFO.flags, -SWP_SCANNING);
  }

  /**
   * The first run of {@link SWAPFILE_CLUSTER} free slots. `swap_lock` not held.
   * @param area - address of the area
   * @param first - slot where the run may begin
   * @param last - slot where it must have ended
   * @returns its first slot, or 0
   */
  findRun(area: number, first: number, last: number): number {
    const { u8 } = this;
    const map = this.table.cells.ldu32(area + SWAP_INFO.swapMap);
    if (this.summaries.areKept(area)) {
      this.breathe(map + first);
      return this.summaries.findRun(area, first, last);
    }
    let start = first;
    while (start + CLUSTER_SLOTS - 1 <= last) {
      this.breathe(map + start);
      // From the end: no run begins at or below a slot in use, so that where there are many most bytes are never looked at.
      let behind = start + CLUSTER_SLOTS;
      while (behind > start && u8[map + behind - 1] === 0) behind--;
      if (behind === start) return start;
      start = behind;
    }
    return 0;
  }

  /** A voluntary break of a long scan. @kernel cond_resched */
  private breathe(address: number): void {
    this.table.cells.announce(address);
    this.table.context.step();
  }

  /** Stops the machine instead of going round for ever. */
  private boundFailures(area: number, failures: number): void {
    const { cells, context } = this.table;
    const max = cells.ldu32(area + SWAP_INFO.max);
    if (failures <= ROUNDS_MAX * max) return;
    context.bug(
      `scanSwapMap goes round for ever: ${failures} times in one call it met a slot of swap area ${cells.ld32(area + SWAP_INFO.type)} ` +
        `(${max} slots) that only the swap cache holds and that cannot be reclaimed.`,
    );
  }
}
