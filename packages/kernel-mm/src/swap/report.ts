/**
 * What the swap core tells others about its areas: totals, one row for each area, and which slots are worth reading ahead.
 *
 * Each function says which lock it takes. Results are copies; they were true when the lock was held.
 */
import type { FileSystem } from '../block/files.js';
import { swpOffset, swpType, type SwapEntry } from './entries.js';
import { NO_DEVICE, type ProcSwapsRow } from './proc.js';
import {
  SWAP_INFO,
  SWAP_MAP_BAD,
  swapCount,
  SWP_BLKDEV,
  SWP_USED,
  SWP_WRITEOK,
  type SwapTable,
} from './info.js';

/** Swap space of the machine, in pages. @kernel struct sysinfo, totalswap and freeswap */
export interface SwapTotals {
  readonly totalPages: number;
  readonly freePages: number;
}

/** An area, as /proc/swaps lists it, and our own counters. */
export interface SwapAreaRow {
  readonly type: number;
  /** Path of the device or the file, `''` for an area without one. */
  readonly device: string;
  /** Whether it is a whole block device. @kernel SWP_BLKDEV */
  readonly isPartition: boolean;
  /** Usable slots. */
  readonly pages: number;
  readonly inusePages: number;
  readonly priority: number;
  /** Slots handed out since swapon. */
  readonly allocated: number;
  /** Slots freed since swapon. */
  readonly freed: number;
  /** Those of them freed while no function was installed. */
  readonly freedUnreported: number;
  /** Those of them the device was to be told of at once, and was not. */
  readonly missed: number;
  /** Discards that could not be issued. */
  readonly discardFailures: number;
}

/** A run of slots to read. */
export interface ReadaheadWindow {
  /** First slot. */
  readonly first: number;
  /** Number of slots, the wanted one included; 0 when no other is worth reading. */
  readonly count: number;
}

/** Questions about areas. One per thread. */
export class SwapReport {
  readonly table: SwapTable;
  readonly files: FileSystem;

  /**
   * @param table - the areas
   * @param files - for the names
   */
  constructor(table: SwapTable, files: FileSystem) {
    this.table = table;
    this.files = files;
  }

  /**
   * Swap space; the dip of the counters during a swapoff is hidden. Takes `swap_lock`.
   * @kernel mm/swapfile.c si_swapinfo, 2.6.34
   */
  siSwapinfo(): SwapTotals {
    const { table } = this;
    const { cells } = table;
    table.swapLock.lock();
    try {
      let leaving = 0;
      for (let type = 0; type < table.nrSwapfiles(); type++) {
        const area = table.infoOf(type);
        if ((cells.ldu32(area + SWAP_INFO.flags) & (SWP_USED | SWP_WRITEOK)) === SWP_USED) {
          leaving += cells.ldu32(area + SWAP_INFO.inusePages);
        }
      }
      return { totalPages: table.totalSwapPages() + leaving, freePages: table.nrSwapPages() + leaving };
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * Size of a writable area. Takes `swap_lock`.
   * @param type - any number
   * @param free - whether only free slots count
   * @returns pages; 0 when there is no such area
   * @kernel mm/swapfile.c count_swap_pages, 2.6.34
   */
  countSwapPages(type: number, free: boolean): number {
    const { table } = this;
    const { cells } = table;
    if (!Number.isInteger(type) || type < 0 || type >= table.nrSwapfiles()) return 0;
    const area = table.infoOf(type);
    table.swapLock.lock();
    try {
      if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_WRITEOK) === 0) return 0;
      return cells.ldu32(area + SWAP_INFO.pages) - (free ? cells.ldu32(area + SWAP_INFO.inusePages) : 0);
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * The areas in order of type, also one that is being switched off. Takes `swapon_mutex`; may sleep.
   * @kernel mm/swapfile.c swap_show, 2.6.34
   */
  swaps(): SwapAreaRow[] {
    const { table } = this;
    const { cells } = table;
    const rows: SwapAreaRow[] = [];
    table.swaponMutex.lock();
    try {
      for (let type = 0; type < table.nrSwapfiles(); type++) {
        const area = table.infoOf(type);
        const isUsed = (cells.ldu32(area + SWAP_INFO.flags) & SWP_USED) !== 0;
        if (!isUsed || cells.ldu32(area + SWAP_INFO.swapMap) === 0) continue;
        rows.push({
          type,
          device: this.pathOf(area),
          isPartition: (cells.ldu32(area + SWAP_INFO.flags) & SWP_BLKDEV) !== 0,
          pages: cells.ldu32(area + SWAP_INFO.pages),
          inusePages: cells.ldu32(area + SWAP_INFO.inusePages),
          priority: cells.ld32(area + SWAP_INFO.prio),
          allocated: cells.ldu32(area + SWAP_INFO.allocated),
          freed: cells.ldu32(area + SWAP_INFO.freed),
          freedUnreported: cells.ldu32(area + SWAP_INFO.freedUnreported),
          missed: cells.ldu32(area + SWAP_INFO.missed),
          discardFailures: cells.atomicLoad(area + SWAP_INFO.discardFailures) >>> 0,
        });
      }
    } finally {
      table.swaponMutex.unlock();
    }
    return rows;
  }

  /**
   * The areas as `/proc/swaps` has them: {@link swaps}, with the name the log gives an area without a device. Takes `swapon_mutex`; may sleep.
   * @kernel mm/swapfile.c swap_show, 2.6.34
   */
  procSwaps(): ProcSwapsRow[] {
    const rows: ProcSwapsRow[] = [];
    for (const { device, isPartition, pages, inusePages, priority } of this.swaps()) {
      rows.push({ path: device === '' ? NO_DEVICE : device, isPartition, pages, inusePages, priority });
    }
    return rows;
  }

  /**
   * What was opened for an area.
   * @param area - address of an area in use
   * @returns its path, `''` when it has none
   */
  pathOf(area: number): string {
    const swapFile = this.table.cells.ldu32(area + SWAP_INFO.swapFile);
    return swapFile === 0 ? '' : this.files.pathOf(swapFile);
  }

  /**
   * Which slots to read together with a wanted one: those in use around it, in its aligned block. Takes `swap_lock`.
   * @param entry - the wanted slot, of an active area
   * @param pageCluster - log2 of the size of a block in slots; 0 for no read-ahead
   * @kernel mm/swapfile.c valid_swaphandles, 2.6.34
   */
  validSwaphandles(entry: SwapEntry, pageCluster: number): ReadaheadWindow {
    const { table } = this;
    const { cells } = table;
    const target = swpOffset(entry);
    if (pageCluster === 0) return { first: target, count: 0 };
    const area = table.infoOf(swpType(entry));
    const block = (target >>> pageCluster) << pageCluster;
    table.swapLock.lock();
    try {
      const map = cells.ldu32(area + SWAP_INFO.swapMap);
      // While an area is prepared, and when it has gone, it has no map.
      const max = map === 0 ? 0 : cells.ldu32(area + SWAP_INFO.max);
      const end = Math.min(block + (1 << pageCluster), max);
      let behind = target + 1;
      while (behind < end && this.isReadable(map + behind)) behind++;
      let first = target;
      // Slot 0 is the header.
      while (first > Math.max(block, 1) && first < end && this.isReadable(map + first - 1)) first--;
      const count = behind - first;
      return { first, count: count === 1 ? 0 : count };
    } finally {
      table.swapLock.unlock();
    }
  }

  private isReadable(address: number): boolean {
    const byte = this.table.cells.ld8(address);
    return byte !== 0 && swapCount(byte) !== SWAP_MAP_BAD;
  }
}
