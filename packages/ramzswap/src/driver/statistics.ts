/**
 * Statistics of a device.
 *
 * Promise: every counter is exact whenever no operation is under way, and `comprSize`, `goodCompress`, `pagesExpand`, `pagesStored` and
 * `pagesZero` equal what a walk over the table finds. In 2.6.34 only the 64-bit counters have a lock, `stat64_lock`; the others are changed by
 * writers and by the free callback at once, and drift. Here all are changed by atomic additions, which need no lock. A change of the table
 * and the change of its counters happen under the same table lock, so no counter passes below zero on the way.
 *
 * Reading takes no lock, so that a view that must not wait can watch a running machine; the numbers are then those of the moment.
 */
import { PAGE_SIZE, type Core } from '@swaplab/kernel-mm';
import {
  GOOD_COMPRESS_SIZE,
  RAMZSWAP_STATS,
  RZS_UNCOMPRESSED,
  RZS_ZERO,
  type RamzswapPlaces,
} from './places.js';

/** Reads of a 64-bit counter that try again when its high word changes meanwhile: that happens once in 4 billion events. */
const READ_ATTEMPTS_MAX = 4;
/** A low word, read as a signed number, whose next addition carries. */
const LOW_WORD_FULL = -1;

/** What the driver reports. Sizes in bytes, all else counts. @kernel struct ramzswap_ioctl_stats, 2.6.34 */
export interface RamzswapStats {
  /** Size of the disk. */
  readonly disksize: number;
  readonly numReads: number;
  readonly numWrites: number;
  /** Reads that failed because the stored page did not decode to a page. */
  readonly failedReads: number;
  /** Writes that failed for lack of memory. */
  readonly failedWrites: number;
  /** Requests that were not one page at a page boundary of the disk. */
  readonly invalidIo: number;
  /** Slot-free callbacks received, whether or not there was anything to free. */
  readonly notifyFree: number;
  /** Pages that discard requests named, whether or not there was anything to free. */
  readonly pagesDiscard: number;
  /** ZERO slots. */
  readonly pagesZero: number;
  /** COMPRESSED slots of at most half a page. */
  readonly goodCompress: number;
  /** RAW slots. */
  readonly pagesExpand: number;
  /** RAW and COMPRESSED slots; neither ZERO slots nor the header. */
  readonly pagesStored: number;
  /** `goodCompress` in percent of `pagesStored`, rounded down; 0 when there is nothing stored, or no write ever succeeded. */
  readonly goodCompressPct: number;
  /** `pagesExpand` in percent of `pagesStored`, likewise. */
  readonly pagesExpandPct: number;
  /** Pages of the pool. */
  readonly poolPages: number;
  /** Pages of memory that hold data. */
  readonly pagesUsed: number;
  /** Bytes that were written into the slots now stored. */
  readonly origDataSize: number;
  /** Bytes they take after compression. */
  readonly comprDataSize: number;
  /** Bytes of memory that hold data: the pool and the RAW pages, without table, buffers and header. */
  readonly memUsedTotal: number;
}

/** Counters of one device, as one thread sees them. */
export class Statistics {
  private readonly core: Core;
  private readonly base: number;

  /**
   * @param core - this thread's lower floors
   * @param places - where the devices lie
   * @param index - which device
   */
  constructor(core: Core, places: RamzswapPlaces, index: number) {
    this.core = core;
    this.base = places.stats.base + index * RAMZSWAP_STATS.$bytes;
  }

  /**
   * Adds one to a 64-bit counter, without a lock: two atomic additions are exact, and the second is needed once in 4 billion times. (The
   * original takes `stat64_lock` here, since its 32-bit machines cannot add 64 bits at once.) @kernel rzs_stat64_inc in ramzswap_drv.c, 2.6.34
   * @param counter - offset in {@link RAMZSWAP_STATS}
   */
  stat64Inc(counter: number): void {
    const { cells } = this.core;
    const low = this.base + counter;
    if (cells.atomicAdd(low, 1) === LOW_WORD_FULL) cells.atomicAdd(low + 4, 1);
  }

  /**
   * Counts a slot that was just filled. The caller holds its table lock.
   * @param flags - of its entry
   * @param bytes - size of what is stored
   */
  slotStored(flags: number, bytes: number): void {
    this.countSlot(flags, bytes, 1);
  }

  /**
   * Takes a slot that was just emptied off the counters. The caller holds its table lock.
   * @param flags - its entry had
   * @param bytes - size of what was stored
   */
  slotFreed(flags: number, bytes: number): void {
    this.countSlot(flags, bytes, -1);
  }

  /** Sets all counters to 0. */
  reset(): void {
    const { cells } = this.core;
    for (let offset = 0; offset < RAMZSWAP_STATS.$bytes; offset += 4)
      cells.atomicStore(this.base + offset, 0);
  }

  /**
   * Value of a 32-bit counter, without a lock.
   * @param counter - offset in {@link RAMZSWAP_STATS}
   */
  stat(counter: number): number {
    return this.core.cells.ldu32(this.base + counter);
  }

  /**
   * Value of a 64-bit counter, without a lock. @kernel rzs_stat64_read in ramzswap_drv.c, 2.6.34
   * @param counter - offset in {@link RAMZSWAP_STATS}
   */
  stat64(counter: number): number {
    const { cells } = this.core;
    const low = this.base + counter;
    let high = cells.ldu32(low + 4);
    let value = cells.ldu32(low);
    for (let attempt = 1; attempt < READ_ATTEMPTS_MAX && cells.ldu32(low + 4) !== high; attempt++) {
      high = cells.ldu32(low + 4);
      value = cells.ldu32(low);
    }
    return high * 0x1_0000_0000 + value;
  }

  /**
   * All numbers, with those that follow from them. @kernel ramzswap_ioctl_get_stats in ramzswap_drv.c, 2.6.34
   * @param disksize - size of the disk in bytes
   * @param poolPages - pages of the pool
   */
  read(disksize: number, poolPages: number): RamzswapStats {
    const numWrites = this.stat64(RAMZSWAP_STATS.numWrites);
    const failedWrites = this.stat64(RAMZSWAP_STATS.failedWrites);
    const pagesStored = this.stat(RAMZSWAP_STATS.pagesStored);
    const goodCompress = this.stat(RAMZSWAP_STATS.goodCompress);
    const pagesExpand = this.stat(RAMZSWAP_STATS.pagesExpand);
    const hasShares = numWrites !== failedWrites && pagesStored !== 0;
    const pagesUsed = poolPages + pagesExpand;
    return {
      disksize,
      numReads: this.stat64(RAMZSWAP_STATS.numReads),
      numWrites,
      failedReads: this.stat64(RAMZSWAP_STATS.failedReads),
      failedWrites,
      invalidIo: this.stat64(RAMZSWAP_STATS.invalidIo),
      notifyFree: this.stat64(RAMZSWAP_STATS.notifyFree),
      pagesDiscard: this.stat64(RAMZSWAP_STATS.pagesDiscard),
      pagesZero: this.stat(RAMZSWAP_STATS.pagesZero),
      goodCompress,
      pagesExpand,
      pagesStored,
      goodCompressPct: hasShares ? Math.floor((goodCompress * 100) / pagesStored) : 0,
      pagesExpandPct: hasShares ? Math.floor((pagesExpand * 100) / pagesStored) : 0,
      poolPages,
      pagesUsed,
      origDataSize: pagesStored * PAGE_SIZE,
      comprDataSize: this.stat(RAMZSWAP_STATS.comprSize) + pagesExpand * PAGE_SIZE,
      memUsedTotal: pagesUsed * PAGE_SIZE,
    };
  }

  private countSlot(flags: number, bytes: number, sign: number): void {
    if ((flags & RZS_ZERO) !== 0) {
      this.add(RAMZSWAP_STATS.pagesZero, sign);
      return;
    }
    this.add(RAMZSWAP_STATS.pagesStored, sign);
    if ((flags & RZS_UNCOMPRESSED) !== 0) {
      // A RAW slot counts a page in the sum of sizes, which reading adds: so the two cannot disagree.
      this.add(RAMZSWAP_STATS.pagesExpand, sign);
      return;
    }
    this.add(RAMZSWAP_STATS.comprSize, sign * bytes);
    if (bytes <= GOOD_COMPRESS_SIZE) this.add(RAMZSWAP_STATS.goodCompress, sign);
  }

  private add(counter: number, delta: number): void {
    const before = this.core.cells.atomicAdd(this.base + counter, delta) >>> 0;
    if (before + delta < 0) {
      this.core.context.bug(`ramzswap: a counter of a device falls from ${before} to ${before + delta}.`);
    }
  }
}
