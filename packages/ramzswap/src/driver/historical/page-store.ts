/**
 * Storing pages as it was in 2.6.34: the same results as the sound driver for one request at a time, and all the races of its time.
 *
 * What protects what, and what nothing protects:
 *
 *   compressor's areas            the mutex of the device, held from the test for zeros to the counters
 *   an entry of the table         nothing. Readers take no lock at all. A writer frees the old content before it takes the mutex, and sets ZERO and
 *                                 counts it after it dropped it. The callback comes under `swap_lock`. Who has no reference to the slot, as dd or a
 *                                 header probe, can find an entry that is half filled or half emptied
 *   counters of 64 bits           `stat64_lock`
 *   all other counters            nothing
 *   the pool                      `pool_lock`, its counter of pages excepted
 *
 * The swap core never has two requests for one slot, nor a request and a free. So what of this can happen in plain swapping are the lost counts; all
 * the rest needs somebody who reads or writes the disk itself, or resets it.
 *
 * Each step is a load or a store of its own, in the order of the original. Where that follows a null pointer, the machine stops.
 */
import * as kernelMm from '@swaplab/kernel-mm';
import { codecErrorName } from '../../codec/codec.js';
import * as base from '../device.js';
import type { DeviceKernel } from '../device-kernel.js';
import { RamzswapDevice, type DeviceParts } from '../device.js';
import type { IoctlInterface } from '../ioctl.js';
import * as places from '../places.js';
import { HistoricalBackingSwap } from './backing.js';
import { HistoricalXvPool } from './pool.js';
import { HistoricalStatistics } from './statistics.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { EIO, GFP_BIT_HIGHMEM, GFP_NOIO, PAGE_SIZE } = kernelMm;
const { FORWARDED } = base;
const {
  GOOD_COMPRESS_SIZE,
  HISTORICAL_MODULE,
  HISTORICAL_STATS,
  RAMZSWAP,
  RZS_ENTRY,
  RZS_HEADER,
  RZS_UNCOMPRESSED,
  RZS_ZERO,
} = places;

/** What a write came to under the mutex, besides a length. */
const STORED = 0;
const IS_ZERO = 1;
const TO_BACKING = 2;
const NO_MEMORY = 3;
const NO_MEMORY_TO_BACKING = 4;
const NOT_COMPRESSED = 5;

/** The slots of a device of 2.6.34, as one thread sees them. @kernel ramzswap_drv.c, 2.6.34 */
export abstract class HistoricalPageStore extends RamzswapDevice {
  readonly pool: HistoricalXvPool;
  readonly stats: HistoricalStatistics;
  /** Address of what all devices share. */
  protected readonly module: number;

  /**
   * @param kernel - this thread's kernel
   * @param parts - what the device is made of
   * @param version - of the ioctl interface
   */
  constructor(kernel: DeviceKernel, parts: DeviceParts, version: IoctlInterface = '2.6.34') {
    super(kernel, parts, version, new HistoricalBackingSwap(kernel, base.deviceAddress(parts)));
    const { core, frames } = kernel;
    this.pool = new HistoricalXvPool(core, frames, parts.places.pools, parts.index);
    this.stats = new HistoricalStatistics(core, parts.places, parts.index);
    this.module = parts.places.module.base;
  }

  /** A plain look at a plain cell. */
  isInitialised(): boolean {
    return this.cells.ld32(this.address + RAMZSWAP.initDone) !== 0;
  }

  /** The machine stops when there is no table: the original would follow a null pointer. */
  override entryOf(slot: number): number {
    if (this.cells.ld32(this.address + RAMZSWAP.table) === 0)
      this.core.context.bug(
        `ramzswap${this.index}: null pointer: slot ${slot} of a table that is not there.`,
      );
    return super.entryOf(slot);
  }

  readPage(slot: number, to: number): number {
    const { cells, stats } = this;
    stats.stat64Inc(HISTORICAL_STATS.numReads);
    const entry = this.entryOf(slot);
    if ((cells.ld8(entry + RZS_ENTRY.flags) & RZS_ZERO) !== 0) {
      cells.clearPage(to);
      return 0;
    }
    if (cells.ld32(entry + RZS_ENTRY.page) === 0) return this.readNothing();
    if ((cells.ld8(entry + RZS_ENTRY.flags) & RZS_UNCOMPRESSED) !== 0) {
      const from = this.frames.addressOf(this.pageOf(entry)) + cells.ld16(entry + RZS_ENTRY.offset);
      cells.copyBytes(to, from, PAGE_SIZE);
      return 0;
    }
    const page = this.pageOf(entry);
    return this.decompress(slot, page, cells.ld16(entry + RZS_ENTRY.offset), to);
  }

  writePage(slot: number, from: number): number {
    const { stats } = this;
    stats.stat64Inc(HISTORICAL_STATS.numWrites);
    this.freeBeforeWrite(slot);
    this.lock.lock();
    let outcome: number;
    try {
      outcome = this.storeLocked(slot, from);
    } finally {
      this.lock.unlock();
    }
    if (outcome === STORED) return 0;
    if (outcome === IS_ZERO) {
      stats.add(HISTORICAL_STATS.pagesZero, 1);
      this.setFlag(this.entryOf(slot), RZS_ZERO);
      return 0;
    }
    if (outcome !== TO_BACKING) {
      this.kernel.trace.printk(`ramzswap${this.index}: ${FAILURES[outcome - NO_MEMORY]} slot ${slot}`);
      stats.stat64Inc(HISTORICAL_STATS.failedWrites);
    }
    if (outcome !== TO_BACKING && outcome !== NO_MEMORY_TO_BACKING) return -EIO;
    stats.stat64Inc(HISTORICAL_STATS.bdevNumWrites);
    return FORWARDED;
  }

  /**
   * Frees what is to be overwritten, before the mutex is taken.
   * @param slot - below {@link slots}
   */
  freeBeforeWrite(slot: number): void {
    const { cells } = this;
    const entry = this.entryOf(slot);
    if (cells.ld32(entry + RZS_ENTRY.page) !== 0 || (cells.ld8(entry + RZS_ENTRY.flags) & RZS_ZERO) !== 0)
      this.freePage(slot);
  }

  /**
   * Frees what a slot holds; nothing to do for an EMPTY one. Takes no lock but those inside the pool and the page allocator; never sleeps.
   * @param slot - below {@link slots}
   * @kernel ramzswap_free_page, 2.6.34
   */
  freePage(slot: number): void {
    const { cells, stats } = this;
    const entry = this.entryOf(slot);
    const page = cells.ld32(entry + RZS_ENTRY.page);
    const offset = cells.ld16(entry + RZS_ENTRY.offset);
    if (page === 0) {
      if ((cells.ld8(entry + RZS_ENTRY.flags) & RZS_ZERO) === 0) return;
      this.clearFlags(entry, RZS_ZERO);
      stats.add(HISTORICAL_STATS.pagesZero, -1);
      return;
    }
    let bytes = PAGE_SIZE;
    if ((cells.ld8(entry + RZS_ENTRY.flags) & RZS_UNCOMPRESSED) !== 0) {
      this.frames.freePage(page);
      // The mark of the header is ours: nothing else here looks at it.
      this.clearFlags(entry, RZS_UNCOMPRESSED | RZS_HEADER);
      stats.add(HISTORICAL_STATS.pagesExpand, -1);
    } else {
      bytes = this.pool.objectSize(page, offset);
      this.pool.free(page, offset);
      if (bytes <= GOOD_COMPRESS_SIZE) stats.add(HISTORICAL_STATS.goodCompress, -1);
    }
    stats.add(HISTORICAL_STATS.comprSize, -bytes);
    stats.add(HISTORICAL_STATS.pagesStored, -1);
    cells.st32(entry + RZS_ENTRY.page, 0);
    cells.st16(entry + RZS_ENTRY.offset, 0);
  }

  /** Longest compressed page that is stored as such, in bytes: that of the device that was initialised last. */
  maxZpageSize(): number {
    return this.cells.ldu32(this.module + HISTORICAL_MODULE.maxZpageSize);
  }

  /** Nothing is stored: the page of the caller is left alone, or the backing swap has what is asked for. @kernel handle_ramzswap_fault, 2.6.34 */
  private readNothing(): number {
    if (this.backing.bdev() === 0) return 0;
    this.stats.stat64Dec(HISTORICAL_STATS.numReads);
    this.stats.stat64Inc(HISTORICAL_STATS.bdevNumReads);
    return FORWARDED;
  }

  /** Whatever an entry says, no byte outside the page of the object is decoded. How long the result is, nobody asks. */
  private decompress(slot: number, page: number, offset: number, to: number): number {
    const { cells } = this;
    const bytes = Math.min(this.pool.objectSize(page, offset), PAGE_SIZE - offset);
    const { u8 } = cells.arena;
    cells.announce(to);
    const result = this.codec.decompress(u8, this.frames.addressOf(page) + offset, bytes, u8, to, PAGE_SIZE);
    if (result >= 0) return 0;
    this.kernel.trace.printk(
      `ramzswap${this.index}: Decompression failed! err=${codecErrorName(result)}, page=${slot}`,
    );
    this.stats.stat64Inc(HISTORICAL_STATS.failedReads);
    return -EIO;
  }

  /** Steps of a write under the mutex. */
  private storeLocked(slot: number, from: number): number {
    const { cells, stats } = this;
    if (cells.isZeroPage(from)) return IS_ZERO;
    const isBacked = this.backing.bdev() !== 0;
    if (isBacked && this.isOverMemlimit()) return TO_BACKING;
    const { u8, i32 } = cells.arena;
    cells.announce(from);
    const bytes = this.codec.compress(
      u8,
      from,
      PAGE_SIZE,
      u8,
      this.buffer,
      2 * PAGE_SIZE,
      i32,
      this.work >> 2,
    );
    if (bytes < 0) return NOT_COMPRESSED;
    const entry = this.entryOf(slot);
    const isRaw = bytes > this.maxZpageSize();
    if (isRaw && isBacked) return TO_BACKING;
    const offset = isRaw
      ? this.takeRawPage(entry)
      : this.pool.allocate(bytes, GFP_NOIO | GFP_BIT_HIGHMEM, entry + RZS_ENTRY.page);
    if (offset < 0) return isBacked ? NO_MEMORY_TO_BACKING : NO_MEMORY;
    cells.st16(entry + RZS_ENTRY.offset, offset);
    const length = isRaw ? PAGE_SIZE : bytes;
    cells.copyBytes(this.frames.addressOf(this.pageOf(entry)) + offset, isRaw ? from : this.buffer, length);
    stats.add(HISTORICAL_STATS.comprSize, length);
    stats.add(HISTORICAL_STATS.pagesStored, 1);
    if (length <= GOOD_COMPRESS_SIZE) stats.add(HISTORICAL_STATS.goodCompress, 1);
    return STORED;
  }

  /** Takes a whole page for an entry; the flag and the count come before the page is there. */
  private takeRawPage(entry: number): number {
    const page = this.frames.allocPage(GFP_NOIO | GFP_BIT_HIGHMEM);
    if (page === 0) return -1;
    this.setFlag(entry, RZS_UNCOMPRESSED);
    this.stats.add(HISTORICAL_STATS.pagesExpand, 1);
    this.cells.st32(entry + RZS_ENTRY.page, page);
    return 0;
  }

  /** A `size_t` that fell below 0 is larger than any limit. */
  private isOverMemlimit(): boolean {
    const bytes = this.stats.comprSize();
    return bytes < 0 || bytes > this.memlimit() - PAGE_SIZE;
  }

  /** The page of an entry, which a moment ago had one. */
  private pageOf(entry: number): number {
    const page = this.cells.ld32(entry + RZS_ENTRY.page);
    if (page === 0)
      this.core.context.bug(`ramzswap${this.index}: null pointer: the page of a slot in use is gone.`);
    return page;
  }

  private setFlag(entry: number, flag: number): void {
    this.cells.st8(entry + RZS_ENTRY.flags, this.cells.ld8(entry + RZS_ENTRY.flags) | flag);
  }

  private clearFlags(entry: number, flags: number): void {
    this.cells.st8(entry + RZS_ENTRY.flags, this.cells.ld8(entry + RZS_ENTRY.flags) & ~flags);
  }
}

/** What the log says of a failed write, from {@link NO_MEMORY} on. */
const FAILURES: readonly string[] = ['no memory for', 'no memory for', 'compression failed for'];
