/**
 * Statistics as they were.
 *
 * The 64-bit counters are added to and read under `stat64_lock`. The others are changed by plain reads and writes under whatever lock their user
 * happens to hold: a writer the mutex of the device, the slot-free callback `swap_lock`. These are two different locks, so of two changes at one
 * time one is lost, for ever; a counter can also pass below 0. Numbers that follow from others are computed in 32 bits where 2.6.34 does so.
 */
import * as kernelMm from '@swaplab/kernel-mm';
import { SpinLock, type Cells, type Core } from '@swaplab/kernel-mm';
import * as places from '../places.js';
import type { RamzswapPlaces } from '../places.js';
import type { RamzswapStats } from '../statistics.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { PAGE_SHIFT, PAGE_SIZE } = kernelMm;
const { HISTORICAL_STATS } = places;

const TWO_32 = 0x1_0000_0000;
/** A low word, read as a signed number, whose next addition carries. */
const LOW_WORD_FULL = -1;

/** Counters of one device, as one thread sees them. @kernel struct ramzswap_stats, 2.6.34 */
export class HistoricalStatistics {
  /** `stat64_lock`. */
  readonly lock: SpinLock;
  private readonly cells: Cells;
  private readonly base: number;

  /**
   * @param core - this thread's lower floors
   * @param regions - where the devices lie
   * @param index - which device
   */
  constructor(core: Core, regions: RamzswapPlaces, index: number) {
    this.cells = core.cells;
    this.base = regions.historicalStats.base + index * regions.historicalStats.stride;
    this.lock = new SpinLock(core.locks, this.base + HISTORICAL_STATS.stat64Lock, regions.stat64LockClass);
  }

  /**
   * Adds one to a 64-bit counter. @kernel rzs_stat64_inc in ramzswap_drv.c, 2.6.34
   * @param counter - offset in {@link HISTORICAL_STATS}
   */
  stat64Inc(counter: number): void {
    const { cells } = this;
    const low = this.base + counter;
    this.lock.lock();
    try {
      const before = cells.ld32(low);
      cells.st32(low, before + 1);
      if (before === LOW_WORD_FULL) cells.st32(low + 4, cells.ld32(low + 4) + 1);
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Takes one off a 64-bit counter. @kernel rzs_stat64_sub in ramzswap_drv.c, 2.6.34
   * @param counter - offset in {@link HISTORICAL_STATS}
   */
  stat64Dec(counter: number): void {
    const { cells } = this;
    const low = this.base + counter;
    this.lock.lock();
    try {
      const before = cells.ld32(low);
      cells.st32(low, before - 1);
      if (before === 0) cells.st32(low + 4, cells.ld32(low + 4) - 1);
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Value of a 64-bit counter. @kernel rzs_stat64_read in ramzswap_drv.c, 2.6.34
   * @param counter - offset in {@link HISTORICAL_STATS}
   */
  stat64Read(counter: number): number {
    this.lock.lock();
    try {
      return this.stat64(counter);
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Changes a 32-bit counter, or `comprSize`, without a lock. @kernel rzs_stat_inc and rzs_stat_dec in ramzswap_drv.h, 2.6.34
   * @param counter - offset in {@link HISTORICAL_STATS}
   * @param delta - what to add
   */
  add(counter: number, delta: number): void {
    this.cells.st32(this.base + counter, this.cells.ld32(this.base + counter) + delta);
  }

  /** Sum of the sizes of what is stored, in bytes; below 0 after more was taken off than was put there. */
  comprSize(): number {
    return this.cells.ld32(this.base + HISTORICAL_STATS.comprSize);
  }

  /** Sets all counters to 0. */
  reset(): void {
    for (let offset = HISTORICAL_STATS.comprSize; offset < HISTORICAL_STATS.$bytes; offset += 4)
      this.cells.st32(this.base + offset, 0);
  }

  /**
   * All numbers, with those that follow from them, without a lock: for who must not wait.
   * @param disksize - bytes of the disk
   * @param memlimit - limit on compressed bytes
   * @param poolPages - pages of the pool
   */
  look(disksize: number, memlimit: number, poolPages: number): RamzswapStats {
    this.cells.announce(this.base);
    const counts: number[] = [];
    for (const counter of COUNTERS_64) counts.push(this.stat64(counter));
    return this.assemble({ disksize, memlimit, poolPages }, counts);
  }

  /**
   * All numbers as a program asks for them: the 64-bit ones each under the lock, so together they are no snapshot.
   * @kernel ramzswap_ioctl_get_stats in ramzswap_drv.c, 2.6.34
   * @param disksize - bytes of the disk
   * @param memlimit - limit on compressed bytes
   * @param poolPages - pages of the pool
   */
  read(disksize: number, memlimit: number, poolPages: number): RamzswapStats {
    const counts: number[] = [];
    for (const counter of COUNTERS_64) counts.push(this.stat64Read(counter));
    return this.assemble({ disksize, memlimit, poolPages }, counts);
  }

  private assemble(
    sizes: { readonly disksize: number; readonly memlimit: number; readonly poolPages: number },
    counts: readonly number[],
  ): RamzswapStats {
    const { poolPages } = sizes;
    const numWrites = counts[1] ?? 0;
    const failedWrites = counts[3] ?? 0;
    const goodCompress = this.stat(HISTORICAL_STATS.goodCompress);
    const pagesExpand = this.stat(HISTORICAL_STATS.pagesExpand);
    const pagesStored = this.stat(HISTORICAL_STATS.pagesStored);
    const memUsedTotal = poolPages * PAGE_SIZE + ((pagesExpand << PAGE_SHIFT) >>> 0);
    const hasShares = numWrites !== failedWrites && pagesStored !== 0;
    return {
      ...sizes,
      numReads: counts[0] ?? 0,
      numWrites,
      failedReads: counts[2] ?? 0,
      failedWrites,
      invalidIo: counts[4] ?? 0,
      notifyFree: counts[5] ?? 0,
      pagesDiscard: counts[6] ?? 0,
      bdevNumReads: counts[7] ?? 0,
      bdevNumWrites: counts[8] ?? 0,
      pagesZero: this.stat(HISTORICAL_STATS.pagesZero),
      goodCompress,
      pagesExpand,
      pagesStored,
      goodCompressPct: hasShares ? percent(goodCompress, pagesStored) : 0,
      pagesExpandPct: hasShares ? percent(pagesExpand, pagesStored) : 0,
      pagesUsed: Math.floor(memUsedTotal / PAGE_SIZE) >>> 0,
      origDataSize: (pagesStored << PAGE_SHIFT) >>> 0,
      comprDataSize: this.comprSize(),
      memUsedTotal,
    };
  }

  private stat(counter: number): number {
    return this.cells.ldu32(this.base + counter);
  }

  private stat64(counter: number): number {
    const { i32 } = this.cells.arena;
    const cell = (this.base + counter) >> 2;
    return ((i32[cell + 1] ?? 0) >>> 0) * TWO_32 + ((i32[cell] ?? 0) >>> 0);
  }
}

/** The 64-bit counters, in the order of the ioctl structure; then those it does not have, or has at its end. */
const COUNTERS_64: readonly number[] = [
  HISTORICAL_STATS.numReads,
  HISTORICAL_STATS.numWrites,
  HISTORICAL_STATS.failedReads,
  HISTORICAL_STATS.failedWrites,
  HISTORICAL_STATS.invalidIo,
  HISTORICAL_STATS.notifyFree,
  HISTORICAL_STATS.pagesDiscard,
  HISTORICAL_STATS.bdevNumReads,
  HISTORICAL_STATS.bdevNumWrites,
];

/** A share in percent, in unsigned 32-bit numbers. */
function percent(part: number, whole: number): number {
  return Math.floor(((part * 100) % TWO_32) / whole);
}
