/**
 * The sound device: life cycle, requests and callbacks.
 *
 * Promise: requests that are not one page at a page boundary of the disk are refused before anything is touched. INIT and RESET exclude each
 * other and all requests, which in 2.6.34 they do not: both take the mutex, RESET also claims the disk, and whoever works on a slot looks
 * under its lock whether the device is still initialised. Statistics are exact (`statistics.ts`).
 *
 * How pages are stored: `page-store.ts`. Locks and their order: `places.ts`.
 */
import * as kernelMm from '@swaplab/kernel-mm';
import { FORWARDED } from './device.js';
import { writeSwapHeader } from './header.js';
import { PageStore } from './page-store.js';
import * as places from './places.js';
import type { RamzswapStats } from './statistics.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { BIO, BIO_DISCARD, BIO_WRITE, PAGE_SIZE, SECTOR_SHIFT, SECTORS_PER_PAGE } = kernelMm;
const { EBUSY, EINVAL, EIO, ENOMEM, GFP_BIT_HIGHMEM, GFP_NOIO } = kernelMm;
const {
  MAX_ZPAGE_SIZE,
  MAX_ZPAGE_SIZE_BACKED,
  RAMZSWAP,
  RZS_ENTRY,
  RZS_HEADER,
  RZS_UNCOMPRESSED,
  TABLE_LOCK,
  TABLE_LOCKS,
} = places;
const HANDED_ON = FORWARDED;

/** A sound device as one thread sees it. @kernel struct ramzswap and its functions in ramzswap_drv.c, 2.6.34 */
export class SoundDevice extends PageStore {
  readStats(): RamzswapStats {
    return this.stats.read(this.disksize(), this.memlimit(), this.pool.totalPages());
  }

  getStats(): RamzswapStats | null {
    this.lock.lock();
    try {
      if (!this.isInitialised()) return null;
      return this.stats.readUnderLocks(this.disksize(), this.memlimit(), this.pool.totalPages());
    } finally {
      this.lock.unlock();
    }
  }

  setDisksize(bytes: number): number {
    return this.setSize(RAMZSWAP.disksizeBytes, bytes);
  }

  setMemlimit(bytes: number): number {
    return this.setSize(RAMZSWAP.memlimitBytes, bytes);
  }

  setBackingSwap(path: string): number {
    this.lock.lock();
    try {
      if (this.isInitialised()) return -EBUSY;
      this.backing.setName(path);
      return 0;
    } finally {
      this.lock.unlock();
    }
  }

  /** After a failure all is as before. */
  init(): number {
    this.lock.lock();
    try {
      if (this.isInitialised()) return -EBUSY;
      return this.initLocked();
    } finally {
      this.lock.unlock();
    }
  }

  reset(): number {
    const bdev = this.bdev();
    // The claim keeps a swapon away until we are done; in 2.6.34 one can come in between.
    if (this.kernel.block.devices.claim(bdev, this.address) !== 0) return -EBUSY;
    this.lock.lock();
    try {
      if (this.isInitialised()) this.resetLocked();
      return 0;
    } finally {
      this.lock.unlock();
      this.kernel.block.devices.release(bdev, this.address);
    }
  }

  makeRequest(bio: number): number {
    const result = this.serve(bio);
    if (result === HANDED_ON) return 1;
    this.kernel.block.bios.bioEndio(bio, result);
    return 0;
  }

  slotFreeNotify(slot: number): void {
    this.lockSlot(slot);
    try {
      if (!this.isStillInitialised()) return;
      this.checkSlot(slot);
      this.freePage(slot);
      this.countNotifyFree(slot);
    } finally {
      this.unlockSlot(slot);
    }
  }

  /** Stops the machine when a slot that is said to be free is none of the disk. */
  checkSlot(slot: number): void {
    const slots = this.slots();
    if (slot > 0 && slot < slots) return;
    this.core.context.bug(
      `ramzswap${this.index}: slot ${slot} is said to be free, but the disk has slots 1 to ${slots - 1}.`,
    );
  }

  /** Counts a call of the callback; the table lock of the slot is held. */
  countNotifyFree(slot: number): void {
    this.stats.slotStat64Inc(this.tableLockOf(slot), TABLE_LOCK.notifyFree);
  }

  /**
   * Frees each whole page of a range. Takes spinlocks only, so that it may be called under `swap_lock`; only a disk whose queue takes
   * discards is asked. @kernel ramzswap before 2.6.33
   * @param bio - a discard, within the disk
   * @returns 0, or -EIO when the device is not initialised any more
   */
  discardRange(bio: number): number {
    const sector = this.bioField(bio + BIO.sector) >>> 0;
    const end = sector + (this.bioField(bio + BIO.bytes) >>> SECTOR_SHIFT);
    const first = Math.ceil(sector / SECTORS_PER_PAGE);
    const last = Math.floor(end / SECTORS_PER_PAGE) - 1;
    for (let slot = first; slot <= last; slot++) {
      this.lockSlot(slot);
      try {
        if (!this.isStillInitialised()) return -EIO;
        this.freePage(slot);
        this.stats.slotStat64Inc(this.tableLockOf(slot), TABLE_LOCK.pagesDiscard);
      } finally {
        this.unlockSlot(slot);
      }
      this.core.context.step();
    }
    return 0;
  }

  private serve(bio: number): number {
    // A first look: whoever touches a slot looks again under its lock.
    if (this.core.cells.ld32(this.address + RAMZSWAP.initDone) === 0) return -EIO;
    const operation = this.bioField(bio + BIO.operation);
    if (operation === BIO_DISCARD) return this.discardRange(bio);
    if (!this.isValidIo(bio)) {
      this.stats.countInvalidIo();
      return -EIO;
    }
    const slot = (this.bioField(bio + BIO.sector) >>> 0) / SECTORS_PER_PAGE;
    const page = this.bioField(bio + BIO.pageAddress);
    const result = operation === BIO_WRITE ? this.writePage(slot, page) : this.readPage(slot, page);
    return result === HANDED_ON ? this.handOn(bio, slot) : result;
  }

  /** Sends a request to the backing swap, which under the table lock of its slot no RESET can close. */
  private handOn(bio: number, slot: number): number {
    this.lockSlot(slot);
    try {
      if (!this.isStillInitialised()) return -EIO;
      this.backing.forward(bio, slot);
      return HANDED_ON;
    } finally {
      this.unlockSlot(slot);
    }
  }

  private setSize(field: number, bytes: number): number {
    this.lock.lock();
    try {
      if (this.isInitialised()) return -EBUSY;
      this.core.cells.st32(this.address + field, bytes);
      return 0;
    } finally {
      this.lock.unlock();
    }
  }

  private initLocked(): number {
    const disksize = this.openBacking();
    if (disksize < 0) return disksize;
    const path = this.backing.name();
    const error = this.makeTable(disksize);
    // What a failed INIT leaves are the sizes and the path that were chosen: another one can be tried.
    if (error !== 0) {
      this.backing.close();
      this.backing.setName(path);
    }
    return error;
  }

  /** Opens the backing swap, if there is to be one; gives the size of the disk. */
  private openBacking(): number {
    if (this.backing.name() === '') return this.chooseDisksize(this.disksize());
    const bytes = this.backing.open();
    if (bytes === 0) return -EINVAL;
    return bytes;
  }

  private makeTable(disksize: number): number {
    const { cells } = this.core;
    const isBacked = this.backing.bdev() !== 0;
    const memlimit = isBacked ? this.chooseMemlimit(this.memlimit(), disksize) : this.memlimit();
    // A limit of less than a page would send every page away.
    if (isBacked && memlimit === 0) return -EINVAL;
    const slots = this.slotsOf(disksize);
    const table = this.kernel.vmalloc.vmalloc(slots * RZS_ENTRY.$bytes);
    if (table === 0) return -ENOMEM;
    const header = this.makeHeader(slots);
    const error = header > 0 ? this.backing.mapTable(slots) : header;
    if (error !== 0) {
      if (header > 0) this.kernel.frames.freePage(header);
      this.kernel.vmalloc.vfree(table);
      return error;
    }
    this.clearWork();
    cells.st32(this.address + RAMZSWAP.disksizeBytes, disksize);
    cells.st32(this.address + RAMZSWAP.memlimitBytes, memlimit);
    cells.st32(this.address + RAMZSWAP.maxZpageSize, isBacked ? MAX_ZPAGE_SIZE_BACKED : MAX_ZPAGE_SIZE);
    cells.st32(this.address + RAMZSWAP.slots, slots);
    cells.st32(this.address + RAMZSWAP.table, table);
    this.stats.reset();
    this.pool.create();
    this.fillEntry(0, header, 0, RZS_UNCOMPRESSED | RZS_HEADER, PAGE_SIZE);
    this.kernel.block.devices.setCapacity(this.bdev(), disksize >>> SECTOR_SHIFT);
    this.markRotation();
    // Last: from here on requests and callbacks come in.
    cells.atomicStore(this.address + RAMZSWAP.initDone, 1);
    return 0;
  }

  /**
   * Makes the page of slot 0.
   * @param slots - pages of the disk
   * @returns its descriptor, or a negative errno
   */
  private makeHeader(slots: number): number {
    const { frames } = this.kernel;
    // Reclaim must not write to another disk of ours while we hold a mutex of that class.
    const page = frames.allocPage(GFP_NOIO | GFP_BIT_HIGHMEM);
    if (page === 0) return -ENOMEM;
    const address = frames.addressOf(page);
    this.core.cells.clearPage(address);
    const error = writeSwapHeader(this.core.cells.arena, address, slots - 1, this.backing);
    if (error === 0) return page;
    frames.freePage(page);
    return error;
  }

  private resetLocked(): void {
    const { cells } = this.core;
    cells.atomicStore(this.address + RAMZSWAP.initDone, 0);
    // Whoever saw the device initialised holds a table lock now; having taken each lock once after the store, we know that all have left.
    const slots = Math.max(this.slots(), TABLE_LOCKS);
    for (let slot = 0; slot < slots; slot++) {
      this.lockSlot(slot);
      try {
        if (slot < this.slots()) this.freePage(slot);
      } finally {
        this.unlockSlot(slot);
      }
      this.core.context.step();
    }
    const table = cells.ld32(this.address + RAMZSWAP.table);
    cells.st32(this.address + RAMZSWAP.table, 0);
    cells.st32(this.address + RAMZSWAP.slots, 0);
    cells.st32(this.address + RAMZSWAP.disksizeBytes, 0);
    cells.st32(this.address + RAMZSWAP.memlimitBytes, 0);
    this.kernel.vmalloc.vfree(table);
    this.pool.destroy();
    this.backing.close();
    this.stats.reset();
    this.kernel.block.devices.setCapacity(this.bdev(), 0);
  }
}
