/**
 * Storing pages: the table of a device, and reading, writing and freeing its slots.
 *
 * Promise: a page that was written and not freed since reads back as it was written. A write that fails leaves its slot EMPTY, since the old
 * content is freed first, as in 2.6.34. Reading an EMPTY slot succeeds and leaves the page of the caller as it was. A stored page that does
 * not decode to exactly one page is an I/O error.
 *
 * Where this differs from 2.6.34, whose code has races here: entries are used under a table lock (`places.ts` says why that is right and in
 * which order locks are taken); a new object is put in the table when it is complete; the old object is freed inside the mutex, so two
 * writers of one slot do not free it twice; the header page is no data.
 *
 * Memory is asked for before the table lock is taken, with flags that keep reclaim from coming back to this device for the mutex. Between the
 * free of the old object and the arrival of the new one the slot is EMPTY, so a reader that holds no reference to the slot may find nothing.
 *
 * With a backing swap, what compresses badly, or has no room, is FORWARDED: the slot is EMPTY here and the page lies there; a read of an EMPTY slot goes
 * there, too. Which pages compress badly is a matter of each device; in 2.6.34 the last INIT of any device decides for all.
 *
 * With the codec `none` every page "compresses" to its own size. That is more than `MAX_ZPAGE_SIZE`, so all pages but zero pages are
 * stored RAW, in whole pages, and the pool stays empty. No code path knows the name of a codec.
 */
import * as kernelMm from '@swaplab/kernel-mm';
import type { LockClass, Locks } from '@swaplab/kernel-mm';
import { codecErrorName } from '../codec/codec.js';
import { createXvPool } from '../xvmalloc/wasm-pool.js';
import * as xvmalloc from '../xvmalloc/xvmalloc.js';
import { BackingSwap } from './backing.js';
import * as base from './device.js';
import type { DeviceKernel } from './device-kernel.js';
import { RamzswapDevice, type DeviceParts } from './device.js';
import * as places from './places.js';
import { Statistics } from './statistics.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { EIO, GFP_BIT_HIGHMEM, GFP_NOIO, PAGE_SIZE } = kernelMm;
const { RAMZSWAP, RZS_ENTRY, RZS_HEADER, RZS_UNCOMPRESSED, RZS_ZERO, TABLE_LOCK, TABLE_LOCKS } = places;
const { FORWARDED } = base;
const { XV_LOCATION } = xvmalloc;
const TABLE_LOCK_BYTES = TABLE_LOCK.$bytes;

/** The slots of a sound device, as one thread sees them. */
export abstract class PageStore extends RamzswapDevice {
  readonly pool: xvmalloc.XvPool;
  readonly stats: Statistics;
  /** Class of the table locks. */
  readonly tableLockClass: LockClass;
  private readonly locks: Locks;
  private readonly location: number;
  private readonly tableLocks: number;

  /**
   * @param kernel - this thread's kernel
   * @param parts - what the device is made of
   */
  constructor(kernel: DeviceKernel, parts: DeviceParts) {
    super(kernel, parts, '2.6.34', new BackingSwap(kernel, base.deviceAddress(parts)));
    const { core, frames } = kernel;
    const { places: regions, index } = parts;
    this.locks = core.locks;
    this.pool = createXvPool(core, frames, regions.pools, index);
    this.stats = new Statistics(core, regions, index);
    this.location = regions.locations.base + index * regions.locations.stride;
    this.tableLocks = regions.tableLocks.base + index * TABLE_LOCKS * TABLE_LOCK_BYTES;
    this.tableLockClass = regions.tableLockClass;
  }

  /** Whether the device is between INIT and RESET; true only for the moment. */
  isInitialised(): boolean {
    return this.cells.atomicLoad(this.address + RAMZSWAP.initDone) !== 0;
  }

  /**
   * Whether the device is initialised still, for who looked without a lock and holds one now that keeps RESET away: the mutex, or the table lock
   * of a slot.
   */
  isStillInitialised(): boolean {
    return this.isInitialised();
  }

  readPage(slot: number, to: number): number {
    this.lockSlot(slot);
    try {
      if (!this.isStillInitialised()) return -EIO;
      const result = this.readEntry(slot, to);
      // A forwarded read is the backing swap's.
      const counter = result === FORWARDED ? TABLE_LOCK.bdevNumReads : TABLE_LOCK.numReads;
      this.stats.slotStat64Inc(this.tableLockOf(slot), counter);
      if (result < 0) this.stats.slotStat64Inc(this.tableLockOf(slot), TABLE_LOCK.failedReads);
      return result;
    } finally {
      this.unlockSlot(slot);
    }
  }

  writePage(slot: number, from: number): number {
    this.lock.lock();
    try {
      if (!this.isStillInitialised()) return -EIO;
      this.stats.countWrite();
      const result = this.writeLocked(slot, from);
      if (result < 0) this.stats.countFailedWrite();
      else if (result === FORWARDED) this.stats.countForwardedWrite();
      return result;
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Frees what a slot holds; nothing to do for an EMPTY one. Never sleeps. The caller holds the table lock of the slot, see
   * {@link lockSlot}. @kernel ramzswap_free_page, 2.6.34
   * @param slot - below {@link slots}
   */
  freePage(slot: number): void {
    this.core.context.assertHeld(this.tableLockOf(slot), 'freePage');
    this.clearEntry(slot);
  }

  /** What {@link freePage} does, without a look at the lock. */
  clearEntry(slot: number): void {
    const { cells } = this;
    const entry = this.entryOf(slot);
    const page = cells.ld32(entry + RZS_ENTRY.page);
    const offset = cells.ld16(entry + RZS_ENTRY.offset);
    const flags = cells.ld8(entry + RZS_ENTRY.flags);
    if (page === 0 && flags === 0) return;
    if (page !== 0) cells.st16(entry + RZS_ENTRY.offset, 0);
    cells.st8(entry + RZS_ENTRY.flags, 0);
    // Last, and atomic: who sees it without the lock, in freeBeforeWrite, fills the entry anew, and nothing of this may come after that.
    if (page !== 0) cells.atomicStore(entry + RZS_ENTRY.page, 0);
    if (page === 0) {
      this.stats.slotFreed(this.tableLockOf(slot), flags, 0);
      return;
    }
    let bytes = PAGE_SIZE;
    if ((flags & RZS_UNCOMPRESSED) !== 0) {
      this.frames.freePage(page);
    } else {
      bytes = this.pool.objectSize(page, offset);
      this.pool.free(page, offset);
    }
    if ((flags & RZS_HEADER) === 0) this.stats.slotFreed(this.tableLockOf(slot), flags, bytes);
  }

  /**
   * Frees what a slot holds that is about to be written: a free may have been missed, and not all writes come from the swap core. The caller
   * holds `rzs_lock`.
   * @param slot - below {@link slots}
   */
  freeBeforeWrite(slot: number): void {
    const { cells } = this;
    const entry = this.entryOf(slot);
    // Only the holder of `rzs_lock` fills an entry, so one that is seen empty stays empty without the table lock.
    // @racy of a slot without a page the flags are all that is cleared, so that they are seen as 0 is enough
    if (cells.atomicLoad(entry + RZS_ENTRY.page) === 0 && cells.ld8(entry + RZS_ENTRY.flags) === 0) return;
    this.lockSlot(slot);
    try {
      this.freePage(slot);
    } finally {
      this.unlockSlot(slot);
    }
  }

  /** Takes the table lock of a slot, a spinlock. */
  lockSlot(slot: number): void {
    this.locks.spinLock(this.tableLockOf(slot), this.tableLockClass);
  }

  /** Drops the table lock of a slot. */
  unlockSlot(slot: number): void {
    this.locks.spinUnlock(this.tableLockOf(slot), this.tableLockClass);
  }

  /**
   * Puts a complete object in the table. The caller holds `rzs_lock`: only its holder fills entries, so one that was emptied is still empty.
   * @param slot - EMPTY
   * @param page - descriptor, 0 for a ZERO slot
   * @param offset - byte offset of the object in the page
   * @param flags - `RZS_...`
   * @param bytes - size of what is stored
   */
  fillEntry(slot: number, page: number, offset: number, flags: number, bytes: number): void {
    const { cells } = this;
    const entry = this.entryOf(slot);
    this.lockSlot(slot);
    try {
      if (cells.ld32(entry + RZS_ENTRY.page) !== 0 || cells.ld8(entry + RZS_ENTRY.flags) !== 0) {
        this.core.context.bug(
          `ramzswap: slot ${slot} of device ${this.index} was filled while it was being written.`,
        );
      }
      cells.st32(entry + RZS_ENTRY.page, page);
      cells.st16(entry + RZS_ENTRY.offset, offset);
      cells.st8(entry + RZS_ENTRY.flags, flags);
      if ((flags & RZS_HEADER) === 0) this.stats.slotStored(this.tableLockOf(slot), flags, bytes);
    } finally {
      this.unlockSlot(slot);
    }
  }

  /** Reads under the table lock: nobody frees the object meanwhile. */
  private readEntry(slot: number, to: number): number {
    const { cells } = this;
    const entry = this.entryOf(slot);
    const flags = cells.ld8(entry + RZS_ENTRY.flags);
    if ((flags & RZS_ZERO) !== 0) {
      cells.clearPage(to);
      return 0;
    }
    const page = cells.ld32(entry + RZS_ENTRY.page);
    if (page === 0) return this.backing.bdev() === 0 ? 0 : FORWARDED;
    if ((flags & RZS_UNCOMPRESSED) !== 0) {
      cells.copyPage(to, this.frames.addressOf(page));
      return 0;
    }
    const offset = cells.ld16(entry + RZS_ENTRY.offset);
    return this.decompress(slot, page, offset, to);
  }

  private decompress(slot: number, page: number, offset: number, to: number): number {
    const { cells } = this;
    const bytes = this.pool.objectSize(page, offset);
    const from = this.frames.addressOf(page) + offset;
    const { u8 } = cells.arena;
    cells.announce(to);
    const result = this.codec.decompress(u8, from, bytes, u8, to, PAGE_SIZE);
    if (result === PAGE_SIZE) return 0;
    const what = result < 0 ? codecErrorName(result) : `${result} bytes`;
    this.kernel.trace.printk(`ramzswap${this.index}: slot ${slot} does not decode to a page: ${what}`);
    return -EIO;
  }

  /** Writes under the mutex, which the compressor's areas and all fills of the table need. */
  private writeLocked(slot: number, from: number): number {
    const { cells } = this;
    this.freeBeforeWrite(slot);
    if (cells.isZeroPage(from)) {
      this.fillEntry(slot, 0, 0, RZS_ZERO, 0);
      return 0;
    }
    if (cells.ldu32(this.address + RAMZSWAP.backing) !== 0 && this.isOverMemlimit()) return FORWARDED;
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
    if (bytes < 0) {
      this.kernel.trace.printk(
        `ramzswap${this.index}: slot ${slot} cannot be compressed: ${codecErrorName(bytes)}`,
      );
      return -EIO;
    }
    return bytes > cells.ldu32(this.address + RAMZSWAP.maxZpageSize)
      ? this.storeRaw(slot, from)
      : this.storeCompressed(slot, bytes);
  }

  /** Whether the compressed pages of a device with backing swap have their share of the memory, or nearly. */
  private isOverMemlimit(): boolean {
    return this.stats.stat(TABLE_LOCK.comprSize) > this.memlimit() - PAGE_SIZE;
  }

  private storeRaw(slot: number, from: number): number {
    if (this.backing.bdev() !== 0) return FORWARDED;
    const page = this.frames.allocPage(GFP_NOIO | GFP_BIT_HIGHMEM);
    if (page === 0) return this.reportNoMemory(slot, PAGE_SIZE);
    this.cells.copyPage(this.frames.addressOf(page), from);
    this.fillEntry(slot, page, 0, RZS_UNCOMPRESSED, PAGE_SIZE);
    return 0;
  }

  private storeCompressed(slot: number, bytes: number): number {
    const { cells } = this;
    if (this.pool.malloc(bytes, GFP_NOIO | GFP_BIT_HIGHMEM, this.location) !== 0)
      return this.reportNoMemory(slot, bytes);
    const page = cells.ld32(this.location + XV_LOCATION.page);
    const offset = cells.ld16(this.location + XV_LOCATION.offset);
    const to = this.frames.addressOf(page) + offset;
    cells.copyBytes(to, this.buffer, bytes);
    this.fillEntry(slot, page, offset, 0, bytes);
    return 0;
  }

  private reportNoMemory(slot: number, bytes: number): number {
    this.kernel.trace.printk(`ramzswap${this.index}: no memory for the ${bytes} bytes of slot ${slot}`);
    if (this.backing.bdev() === 0) return -EIO;
    this.stats.countFailedWrite();
    return FORWARDED;
  }

  /** Address of the table lock of a slot. */
  tableLockOf(slot: number): number {
    return this.tableLocks + (slot & (TABLE_LOCKS - 1)) * TABLE_LOCK_BYTES;
  }
}
