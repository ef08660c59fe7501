/**
 * Statistics of a device.
 *
 * Promise: every counter is exact whenever no operation is under way, and `comprSize`, `goodCompress`, `pagesExpand`, `pagesStored` and
 * `pagesZero` equal what a walk over the table finds. In 2.6.34 only the 64-bit counters have a lock, `stat64_lock`; the others are changed by
 * writers and by the free callback at once, and drift. Here each is changed under a lock that its user holds anyway: what concerns a slot is
 * counted beside the slot's table lock, in the same cache line, and a device's number is the sum over its table locks. A change of the
 * table and the change of its counters happen under the same lock, so no counter passes below zero on the way.
 *
 * Reading takes no lock, so that a view that must not wait can watch a running machine; the numbers are then those of the moment. A sum
 * announces one point.
 */
import { PAGE_SIZE, type Cells, type Core, type LockClass } from '@swaplab/kernel-mm';
import * as places from './places.js';
import type { RamzswapPlaces } from './places.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { GOOD_COMPRESS_SIZE, RAMZSWAP_STATS, RZS_UNCOMPRESSED, RZS_ZERO, TABLE_LOCK, TABLE_LOCKS } = places;
const TABLE_LOCK_BYTES = TABLE_LOCK.$bytes;

/** Reads of a 64-bit counter that try again when its high word changes meanwhile: that happens once in 4 billion events. */
const READ_ATTEMPTS_MAX = 4;
/** A low word, read as a signed number, whose next addition carries. */
const LOW_WORD_FULL = -1;

/** What the driver reports. Sizes in bytes, all else counts. @kernel struct ramzswap_ioctl_stats, 2.6.34 */
export interface RamzswapStats {
  /** Size of the disk. */
  readonly disksize: number;
  /** Limit on compressed bytes; 0 when none was chosen. */
  readonly memlimit: number;
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
  /** Bytes they take after compression; in history this can pass below 0. */
  readonly comprDataSize: number;
  /** Bytes of memory that hold data: the pool and the RAW pages, without table, buffers and header. */
  readonly memUsedTotal: number;
  /** Reads that the backing swap served; they are not in `numReads`. */
  readonly bdevNumReads: number;
  /** Writes that it took; they are in `numWrites` too. */
  readonly bdevNumWrites: number;
}

/** What is counted beside the table locks. */
const SLOT_COUNTERS = ['comprSize', 'goodCompress', 'pagesExpand', 'pagesStored', 'pagesZero'] as const;
const SLOT_COUNTERS_64 = ['numReads', 'failedReads', 'notifyFree', 'pagesDiscard', 'bdevNumReads'] as const;

type SlotSums = Record<(typeof SLOT_COUNTERS | typeof SLOT_COUNTERS_64)[number], number>;

const NOTHING_COUNTED: Readonly<SlotSums> = {
  comprSize: 0,
  goodCompress: 0,
  pagesExpand: 0,
  pagesStored: 0,
  pagesZero: 0,
  numReads: 0,
  failedReads: 0,
  notifyFree: 0,
  pagesDiscard: 0,
  bdevNumReads: 0,
};

/** Counters of one device, as one thread sees them. */
export class Statistics {
  private readonly core: Core;
  private readonly cells: Cells;
  /** Address of the counters of the device. */
  private readonly base: number;
  /** Address of its first table lock. */
  private readonly tableLocks: number;
  private readonly tableLockClass: LockClass;

  /**
   * @param core - this thread's lower floors
   * @param regions - where the devices lie
   * @param index - which device
   */
  constructor(core: Core, regions: RamzswapPlaces, index: number) {
    this.core = core;
    this.cells = core.cells;
    this.base = regions.stats.base + index * regions.stats.stride;
    this.tableLocks = regions.tableLocks.base + index * TABLE_LOCKS * TABLE_LOCK_BYTES;
    this.tableLockClass = regions.tableLockClass;
  }

  /**
   * Adds one to a 64-bit counter about slots. The table lock is held. @kernel rzs_stat64_inc in ramzswap_drv.c, 2.6.34
   * @param tableLock - address of a {@link TABLE_LOCK}
   * @param counter - offset in it
   */
  slotStat64Inc(tableLock: number, counter: number): void {
    this.increment(tableLock + counter);
  }

  /** Counts a write. `rzs_lock` is held. */
  countWrite(): void {
    this.increment(this.base + RAMZSWAP_STATS.numWrites);
  }

  /** Counts a write that failed. `rzs_lock` is held. */
  countFailedWrite(): void {
    this.increment(this.base + RAMZSWAP_STATS.failedWrites);
  }

  /** Counts a write that was forwarded. `rzs_lock` is held. */
  countForwardedWrite(): void {
    this.increment(this.base + RAMZSWAP_STATS.bdevNumWrites);
  }

  /** Counts a refused request. No lock is held: two atomic additions are exact, and the second is needed once in 4 billion times. */
  countInvalidIo(): void {
    const low = this.base + RAMZSWAP_STATS.invalidIo;
    if (this.cells.atomicAdd(low, 1) === LOW_WORD_FULL) this.cells.atomicAdd(low + 4, 1);
  }

  /**
   * Counts a slot that was just filled. Its table lock is held.
   * @param tableLock - address of the lock
   * @param flags - of its entry
   * @param bytes - size of what is stored
   */
  slotStored(tableLock: number, flags: number, bytes: number): void {
    this.countSlot(tableLock, flags, bytes, 1);
  }

  /**
   * Takes a slot that was just emptied off the counters. Its table lock is held.
   * @param tableLock - address of the lock
   * @param flags - its entry had
   * @param bytes - size of what was stored
   */
  slotFreed(tableLock: number, flags: number, bytes: number): void {
    this.countSlot(tableLock, flags, bytes, -1);
  }

  /** Sets all counters to 0. For the holder of `rzs_lock`, while the device is not initialised: nobody counts then. */
  reset(): void {
    const { cells } = this;
    for (let offset = 0; offset < RAMZSWAP_STATS.$bytes; offset += 4)
      cells.atomicStore(this.base + offset, 0);
    for (let index = 0; index < TABLE_LOCKS; index++) {
      const tableLock = this.tableLocks + index * TABLE_LOCK_BYTES;
      for (let offset = TABLE_LOCK.comprSize; offset < TABLE_LOCK_BYTES; offset += 4)
        cells.st32(tableLock + offset, 0);
    }
  }

  /**
   * Value of a 32-bit counter of the device, without a lock.
   * @param counter - offset in {@link TABLE_LOCK}
   */
  stat(counter: number): number {
    const { cells } = this;
    const { i32 } = cells.arena;
    cells.announce(this.tableLocks);
    let sum = 0;
    for (let index = 0; index < TABLE_LOCKS; index++)
      sum += (i32[(this.tableLocks + index * TABLE_LOCK_BYTES + counter) >> 2] ?? 0) >>> 0;
    return sum;
  }

  /**
   * Value of a 64-bit counter of the device, without a lock.
   * @param counter - offset in {@link TABLE_LOCK}
   */
  slotStat64(counter: number): number {
    this.cells.announce(this.tableLocks);
    let sum = 0;
    for (let index = 0; index < TABLE_LOCKS; index++)
      sum += this.stat64(this.tableLocks + index * TABLE_LOCK_BYTES + counter);
    return sum;
  }

  /**
   * All numbers, with those that follow from them, without a lock: for who must not wait.
   * @param disksize - size of the disk in bytes
   * @param memlimit - limit on compressed bytes
   * @param poolPages - pages of the pool
   */
  read(disksize: number, memlimit: number, poolPages: number): RamzswapStats {
    this.cells.announce(this.base);
    return this.assemble(disksize, memlimit, poolPages, {
      comprSize: this.stat(TABLE_LOCK.comprSize),
      goodCompress: this.stat(TABLE_LOCK.goodCompress),
      pagesExpand: this.stat(TABLE_LOCK.pagesExpand),
      pagesStored: this.stat(TABLE_LOCK.pagesStored),
      pagesZero: this.stat(TABLE_LOCK.pagesZero),
      numReads: this.slotStat64(TABLE_LOCK.numReads),
      failedReads: this.slotStat64(TABLE_LOCK.failedReads),
      notifyFree: this.slotStat64(TABLE_LOCK.notifyFree),
      pagesDiscard: this.slotStat64(TABLE_LOCK.pagesDiscard),
      bdevNumReads: this.slotStat64(TABLE_LOCK.bdevNumReads),
    });
  }

  /**
   * The same for a program that asks. What belongs to a table lock is read under it, so numbers that go together do: no share is above 100 %. For the
   * holder of `rzs_lock`: no slot is written meanwhile. @kernel ramzswap_ioctl_get_stats in ramzswap_drv.c, 2.6.34
   * @param disksize - size of the disk in bytes
   * @param memlimit - limit on compressed bytes
   * @param poolPages - pages of the pool
   */
  readUnderLocks(disksize: number, memlimit: number, poolPages: number): RamzswapStats {
    const { cells, core } = this;
    const sums = { ...NOTHING_COUNTED };
    for (let index = 0; index < TABLE_LOCKS; index++) {
      const tableLock = this.tableLocks + index * TABLE_LOCK_BYTES;
      core.locks.spinLock(tableLock, this.tableLockClass);
      try {
        for (const name of SLOT_COUNTERS) sums[name] += cells.ldu32(tableLock + TABLE_LOCK[name]);
        for (const name of SLOT_COUNTERS_64) sums[name] += this.stat64(tableLock + TABLE_LOCK[name]);
      } finally {
        core.locks.spinUnlock(tableLock, this.tableLockClass);
      }
    }
    return this.assemble(disksize, memlimit, poolPages, sums);
  }

  private assemble(
    disksize: number,
    memlimit: number,
    poolPages: number,
    sums: Readonly<SlotSums>,
  ): RamzswapStats {
    const { comprSize, ...counts } = sums;
    const { pagesStored, goodCompress, pagesExpand } = counts;
    const numWrites = this.stat64(this.base + RAMZSWAP_STATS.numWrites);
    const failedWrites = this.stat64(this.base + RAMZSWAP_STATS.failedWrites);
    const hasShares = numWrites !== failedWrites && pagesStored !== 0;
    const pagesUsed = poolPages + pagesExpand;
    return {
      ...counts,
      disksize,
      memlimit,
      numWrites,
      failedWrites,
      invalidIo: this.stat64(this.base + RAMZSWAP_STATS.invalidIo),
      goodCompressPct: hasShares ? Math.floor((goodCompress * 100) / pagesStored) : 0,
      pagesExpandPct: hasShares ? Math.floor((pagesExpand * 100) / pagesStored) : 0,
      poolPages,
      pagesUsed,
      origDataSize: pagesStored * PAGE_SIZE,
      comprDataSize: comprSize + pagesExpand * PAGE_SIZE,
      memUsedTotal: pagesUsed * PAGE_SIZE,
      bdevNumWrites: this.stat64(this.base + RAMZSWAP_STATS.bdevNumWrites),
    };
  }

  private countSlot(tableLock: number, flags: number, bytes: number, sign: number): void {
    if ((flags & RZS_ZERO) !== 0) {
      this.add(tableLock + TABLE_LOCK.pagesZero, sign);
      return;
    }
    this.add(tableLock + TABLE_LOCK.pagesStored, sign);
    if ((flags & RZS_UNCOMPRESSED) !== 0) {
      // A RAW slot counts a page in the sum of sizes, which reading adds: so the two cannot disagree.
      this.add(tableLock + TABLE_LOCK.pagesExpand, sign);
      return;
    }
    this.add(tableLock + TABLE_LOCK.comprSize, sign * bytes);
    if (bytes <= GOOD_COMPRESS_SIZE) this.add(tableLock + TABLE_LOCK.goodCompress, sign);
  }

  /** Adds to a 32-bit counter whose lock is held. */
  private add(address: number, delta: number): void {
    const after = this.cells.ldu32(address) + delta;
    if (after < 0)
      this.core.context.bug(`ramzswap: a counter of a device falls from ${after - delta} to ${after}.`);
    this.cells.st32(address, after);
  }

  /** Adds one to a 64-bit counter whose lock is held. */
  private increment(low: number): void {
    const before = this.cells.ld32(low);
    this.cells.st32(low, before + 1);
    if (before === LOW_WORD_FULL) this.cells.st32(low + 4, this.cells.ld32(low + 4) + 1);
  }

  /** Value of a 64-bit counter, without a lock. @kernel rzs_stat64_read in ramzswap_drv.c, 2.6.34 */
  private stat64(low: number): number {
    const { i32 } = this.cells.arena;
    const cell = low >> 2;
    let high = i32[cell + 1] ?? 0;
    let value = (i32[cell] ?? 0) >>> 0;
    for (let attempt = 1; attempt < READ_ATTEMPTS_MAX && i32[cell + 1] !== high; attempt++) {
      high = i32[cell + 1] ?? 0;
      value = (i32[cell] ?? 0) >>> 0;
    }
    return (high >>> 0) * 0x1_0000_0000 + value;
  }
}
