/**
 * A ramzswap device: a disk whose pages are kept compressed in memory.
 *
 * Promise: requests that are not one page at a page boundary of the disk are refused before anything is touched. INIT and RESET exclude each
 * other and all requests, which in 2.6.34 they do not: both take the mutex, RESET also claims the disk, and whoever works on a slot looks
 * under its lock whether the device is still initialised. Statistics are exact (`statistics.ts`).
 *
 * How pages are stored: `page-store.ts`. Locks and their order: `places.ts`.
 */
import {
  BIO,
  BIO_DISCARD,
  BIO_READ,
  BIO_WRITE,
  EBUSY,
  EIO,
  ENOMEM,
  GFP_BIT_HIGHMEM,
  GFP_NOIO,
  PAGE_SHIFT,
  PAGE_SIZE,
  SECTOR_SHIFT,
  SECTORS_PER_PAGE,
} from '@swaplab/kernel-mm';
import { writeFakeSwapHeader } from './header.js';
import { PageStore } from './page-store.js';
import {
  DEFAULT_DISKSIZE_PERC_RAM,
  RAMZSWAP,
  RAMZSWAP_STATS,
  RZS_ENTRY,
  RZS_HEADER,
  RZS_UNCOMPRESSED,
  TABLE_LOCKS,
} from './places.js';
import type { RamzswapStats } from './statistics.js';

/** A device as one thread sees it. @kernel struct ramzswap and its functions in ramzswap_drv.c, 2.6.34 */
export class RamzswapDevice extends PageStore {
  /** Address of its block device, 0 before it is registered. */
  bdev(): number {
    return this.core.cells.ld32(this.address + RAMZSWAP.bdev);
  }

  /**
   * Remembers its block device. For the thread that boots the machine.
   * @param bdev - address
   */
  setBdev(bdev: number): void {
    this.core.cells.st32(this.address + RAMZSWAP.bdev, bdev);
  }

  /** The notifier block that was registered for the area on the disk, 0 for none. `swapon_mutex` held. */
  notifierBlock(): number {
    return this.core.cells.ld32(this.address + RAMZSWAP.notifierBlock);
  }

  /**
   * Remembers the notifier block that was registered for the area on the disk. `swapon_mutex` held.
   * @param block - its address, 0 for none
   */
  setNotifierBlock(block: number): void {
    this.core.cells.st32(this.address + RAMZSWAP.notifierBlock, block);
  }

  /** Size of the disk in bytes. */
  disksize(): number {
    return this.core.cells.ldu32(this.address + RAMZSWAP.disksizeBytes);
  }

  /** The statistics, without a lock. */
  readStats(): RamzswapStats {
    return this.stats.read(this.disksize(), this.pool.totalPages());
  }

  /**
   * Chooses the size of the disk. May sleep. @kernel RZSIO_SET_DISKSIZE_KB, 2.6.34, in bytes
   * @param bytes - size, rounded down to whole pages at INIT; 0 for a quarter of the RAM
   * @returns 0, or -EBUSY when the device is initialised
   */
  setDisksize(bytes: number): number {
    this.lock.lock();
    try {
      if (this.isInitialised()) return -EBUSY;
      this.core.cells.st32(this.address + RAMZSWAP.disksizeBytes, bytes);
      return 0;
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Makes the device usable: table, buffers, swap header, pool. May sleep. @kernel ramzswap_ioctl_init_device, 2.6.34
   * @returns 0; -EBUSY when it is initialised; -ENOMEM, also for a disk of less than a page. After a failure all is as before
   */
  init(): number {
    this.lock.lock();
    try {
      if (this.isInitialised()) return -EBUSY;
      return this.initLocked();
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Frees all data and forgets the size of the disk. May sleep. @kernel ramzswap_ioctl_reset_device, 2.6.34
   * @returns 0, also when it is not initialised; -EBUSY while somebody holds the disk, as an active swap area does
   */
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

  /**
   * Serves a request to completion. May sleep, but not for a discard. @kernel ramzswap_make_request, 2.6.34
   * @param bio - of the running task
   * @returns 0: completed here
   */
  makeRequest(bio: number): number {
    this.kernel.block.bios.bioEndio(bio, this.serve(bio));
    return 0;
  }

  /**
   * Whether a request is one page at a page boundary of the disk. @kernel valid_io_request, 2.6.34
   * @param bio - of the running task
   */
  isValidIo(bio: number): boolean {
    const sector = this.bioField(bio + BIO.sector) >>> 0;
    const operation = this.bioField(bio + BIO.operation);
    return (
      (operation === BIO_READ || operation === BIO_WRITE) &&
      sector < this.disksize() >>> SECTOR_SHIFT &&
      sector % SECTORS_PER_PAGE === 0 &&
      this.bioField(bio + BIO.segments) === 1 &&
      this.bioField(bio + BIO.bytes) === PAGE_SIZE &&
      this.bioField(bio + BIO.offsetBytes) === 0
    );
  }

  /**
   * The swap core says that a slot was freed. Called under `swap_lock`, so it takes spinlocks only. Counts every call, whether or not there
   * was anything to free. @kernel patch 3/3 of the series of May 2010, ramzswap_slot_free_notify
   * @param slot - offset in the swap area, which is the whole disk, so also the index of the entry
   */
  slotFreeNotify(slot: number): void {
    this.lockSlot(slot);
    try {
      if (!this.isInitialised()) return;
      const slots = this.slots();
      if (slot <= 0 || slot >= slots) {
        this.core.context.bug(
          `ramzswap${this.index}: slot ${slot} is said to be free, but the disk has slots 1 to ${slots - 1}.`,
        );
      }
      this.freePage(slot);
      this.stats.stat64Inc(RAMZSWAP_STATS.notifyFree);
    } finally {
      this.unlockSlot(slot);
    }
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
        if (!this.isInitialised()) return -EIO;
        this.freePage(slot);
        this.stats.stat64Inc(RAMZSWAP_STATS.pagesDiscard);
      } finally {
        this.unlockSlot(slot);
      }
      this.core.context.step();
    }
    return 0;
  }

  private serve(bio: number): number {
    if (!this.isInitialised()) return -EIO;
    if (this.bioField(bio + BIO.operation) === BIO_DISCARD) return this.discardRange(bio);
    if (!this.isValidIo(bio)) {
      this.stats.stat64Inc(RAMZSWAP_STATS.invalidIo);
      return -EIO;
    }
    const slot = (this.bioField(bio + BIO.sector) >>> 0) / SECTORS_PER_PAGE;
    const page = this.bioField(bio + BIO.pageAddress);
    return this.bioField(bio + BIO.operation) === BIO_WRITE
      ? this.writePage(slot, page)
      : this.readPage(slot, page);
  }

  private initLocked(): number {
    const { cells } = this.core;
    const asked = this.disksize();
    const disksize = this.chooseDisksize(asked);
    const slots = disksize >>> PAGE_SHIFT;
    const table = this.kernel.vmalloc.vmalloc(slots * RZS_ENTRY.$bytes);
    if (table === 0) return -ENOMEM;
    // Reclaim must not write to another disk of ours while we hold a mutex of that class.
    const header = this.kernel.frames.allocPage(GFP_NOIO | GFP_BIT_HIGHMEM);
    if (header === 0) {
      this.kernel.vmalloc.vfree(table);
      return -ENOMEM;
    }
    const work = this.work >> 2;
    cells.announce(this.work);
    cells.arena.i32.fill(0, work, work + (this.places.workBytes >> 2));
    cells.st32(this.address + RAMZSWAP.disksizeBytes, disksize);
    cells.st32(this.address + RAMZSWAP.slots, slots);
    cells.st32(this.address + RAMZSWAP.table, table);
    cells.clearPage(this.kernel.frames.addressOf(header));
    writeFakeSwapHeader(cells.arena, this.kernel.frames.addressOf(header), slots - 1);
    this.stats.reset();
    this.pool.create();
    this.fillEntry(0, header, 0, RZS_UNCOMPRESSED | RZS_HEADER, PAGE_SIZE);
    this.kernel.block.devices.setCapacity(this.bdev(), disksize >>> SECTOR_SHIFT);
    // Last: from here on requests and callbacks come in.
    cells.atomicStore(this.address + RAMZSWAP.initDone, 1);
    return 0;
  }

  /** @kernel ramzswap_set_disksize, 2.6.34 */
  private chooseDisksize(asked: number): number {
    const ram = this.kernel.config.ramBytes;
    const bytes = asked === 0 ? Math.floor(ram / 100) * DEFAULT_DISKSIZE_PERC_RAM : asked;
    if (bytes > 2 * ram) {
      this.kernel.trace.printk(
        `ramzswap${this.index}: a disk of ${bytes} bytes is more than twice the memory of ${ram} bytes`,
      );
    }
    return bytes - (bytes % PAGE_SIZE);
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
    this.kernel.vmalloc.vfree(table);
    this.pool.destroy();
    this.stats.reset();
    this.kernel.block.devices.setCapacity(this.bdev(), 0);
  }

  /** A field of a bio, which belongs to the running task. */
  private bioField(address: number): number {
    return this.core.cells.arena.i32[address >> 2] ?? 0;
  }
}
