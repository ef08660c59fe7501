/**
 * The devices as they were: life cycle, requests and callbacks of 2.6.34 and of 2.6.35.
 *
 * No lock keeps INIT, RESET, the choice of sizes and requests apart: the ioctl method of the driver has none, and `init_done` is a plain cell. Two
 * INITs at one time lose a table; a RESET takes the table away from a request that is under way. RESET asks whether somebody holds the disk, and then
 * goes on whether or not somebody does by now.
 *
 * The work area and the output of the compressor have fixed places here, so that they cannot be missing; table, pool and pages can.
 */
import * as kernelMm from '@swaplab/kernel-mm';
import type { DeviceKernel } from '../device-kernel.js';
import { FORWARDED, type DeviceParts } from '../device.js';
import { writeSwapHeader } from '../header.js';
import * as places from '../places.js';
import type { RamzswapStats } from '../statistics.js';
import { HistoricalPageStore } from './page-store.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { BIO, BIO_DISCARD, BIO_WRITE, SECTOR_SHIFT, SECTORS_PER_PAGE } = kernelMm;
const { EBUSY, EIO, ENOMEM, GFP_BIT_HIGHMEM, GFP_NOIO } = kernelMm;
const {
  HISTORICAL_MODULE,
  HISTORICAL_STATS,
  MAX_ZPAGE_SIZE,
  MAX_ZPAGE_SIZE_BACKED,
  RAMZSWAP,
  RZS_ENTRY,
  RZS_HEADER,
  RZS_UNCOMPRESSED,
} = places;
const HANDED_ON = FORWARDED;

/** A device of 2.6.34, with or without the series, as one thread sees it. @kernel ramzswap_drv.c, 2.6.34 */
export class HistoricalDevice extends HistoricalPageStore {
  readStats(): RamzswapStats {
    return this.stats.look(this.disksize(), this.memlimit(), this.pool.totalPages());
  }

  getStats(): RamzswapStats | null {
    if (!this.isInitialised()) return null;
    return this.stats.read(this.disksize(), this.memlimit(), this.pool.totalPages());
  }

  setDisksize(bytes: number): number {
    if (this.isInitialised()) return -EBUSY;
    this.cells.st32(this.address + RAMZSWAP.disksizeBytes, bytes);
    return 0;
  }

  setMemlimit(bytes: number): number {
    if (this.isInitialised()) return -EBUSY;
    this.cells.st32(this.address + RAMZSWAP.memlimitBytes, bytes);
    return 0;
  }

  setBackingSwap(path: string): number {
    if (this.isInitialised()) return -EBUSY;
    this.backing.setName(path);
    return 0;
  }

  /** After a failure the device is reset, without a look at what was there already. */
  init(): number {
    if (this.isInitialised()) return -EBUSY;
    const error = this.initSteps();
    if (error === 0) return 0;
    this.resetDevice();
    this.kernel.trace.printk(`ramzswap${this.index}: Initialization failed: err=${error}`);
    return error;
  }

  reset(): number {
    if (this.kernel.block.devices.holders(this.bdev()) !== 0) return -EBUSY;
    if (this.isInitialised()) this.resetDevice();
    return 0;
  }

  makeRequest(bio: number): number {
    const result = this.serve(bio);
    if (result === HANDED_ON) return 1;
    this.kernel.block.bios.bioEndio(bio, result);
    return 0;
  }

  slotFreeNotify(slot: number): void {
    const slots = this.slots();
    if (slot < 0 || slot >= slots) {
      this.core.context.bug(
        `ramzswap${this.index}: slot ${slot} is said to be free, but the disk has slots 0 to ${slots - 1}.`,
      );
    }
    this.freePage(slot);
    this.stats.stat64Inc(HISTORICAL_STATS.notifyFree);
  }

  /**
   * Frees each whole page of a range, without a lock. Only a disk whose queue takes discards is asked. @kernel ramzswap before 2.6.33
   * @param bio - a discard, within the disk
   * @returns 0
   */
  discardRange(bio: number): number {
    const sector = this.bioField(bio + BIO.sector) >>> 0;
    const end = sector + (this.bioField(bio + BIO.bytes) >>> SECTOR_SHIFT);
    const last = Math.floor(end / SECTORS_PER_PAGE) - 1;
    for (let slot = Math.ceil(sector / SECTORS_PER_PAGE); slot <= last; slot++) {
      this.freePage(slot);
      this.stats.stat64Inc(HISTORICAL_STATS.pagesDiscard);
      this.core.context.step();
    }
    return 0;
  }

  /**
   * Sets the limit on compressed pages, at the end of INIT: for all devices at once.
   * @param bytes - `MAX_ZPAGE_SIZE` or `MAX_ZPAGE_SIZE_BACKED`
   */
  setMaxZpageSize(bytes: number): void {
    this.cells.st32(this.module + HISTORICAL_MODULE.maxZpageSize, bytes);
  }

  private serve(bio: number): number {
    if (!this.isInitialised()) return -EIO;
    const operation = this.bioField(bio + BIO.operation);
    if (operation === BIO_DISCARD) return this.discardRange(bio);
    if (!this.isValidIo(bio)) {
      this.stats.stat64Inc(HISTORICAL_STATS.invalidIo);
      return -EIO;
    }
    const slot = (this.bioField(bio + BIO.sector) >>> 0) / SECTORS_PER_PAGE;
    const page = this.bioField(bio + BIO.pageAddress);
    const result = operation === BIO_WRITE ? this.writePage(slot, page) : this.readPage(slot, page);
    if (result === HANDED_ON) this.backing.forward(bio, slot);
    return result;
  }

  private initSteps(): number {
    const { cells } = this;
    const { vmalloc } = this.kernel;
    let disksize = this.disksize();
    if (this.backing.name() !== '') {
      // 0: neither a file nor a device with a size. INIT goes on as if none had been given.
      const bytes = this.backing.open();
      if (bytes < 0) return bytes;
      if (bytes > 0) disksize = bytes;
    }
    const isBacked = this.backing.bdev() !== 0;
    if (isBacked) {
      const memlimit = this.chooseMemlimit(this.memlimit(), disksize);
      if (memlimit === 0)
        this.core.context.bug(`ramzswap${this.index}: the memory limit is less than a page.`);
      cells.st32(this.address + RAMZSWAP.memlimitBytes, memlimit);
    } else {
      disksize = this.chooseDisksize(disksize);
    }
    cells.st32(this.address + RAMZSWAP.disksizeBytes, disksize);
    this.clearWork();
    const slots = this.slotsOf(disksize);
    const table = vmalloc.vmalloc(slots * RZS_ENTRY.$bytes);
    if (table === 0) {
      // So that the reset does not walk a table that is not there.
      cells.st32(this.address + RAMZSWAP.disksizeBytes, 0);
      return -ENOMEM;
    }
    cells.st32(this.address + RAMZSWAP.table, table);
    cells.st32(this.address + RAMZSWAP.slots, slots);
    const error = this.backing.mapTable(slots);
    return error === 0 ? this.finishInit(slots, isBacked) : error;
  }

  private finishInit(slots: number, isBacked: boolean): number {
    const { cells } = this;
    const { frames } = this.kernel;
    const page = frames.allocPage(GFP_NOIO | GFP_BIT_HIGHMEM);
    if (page === 0) return -ENOMEM;
    const address = frames.addressOf(page);
    cells.clearPage(address);
    const entry = this.entryOf(0);
    cells.st32(entry + RZS_ENTRY.page, page);
    cells.st8(entry + RZS_ENTRY.flags, RZS_UNCOMPRESSED | RZS_HEADER);
    const error = writeSwapHeader(cells.arena, address, slots - 1, this.backing);
    if (error !== 0) return error;
    this.kernel.block.devices.setCapacity(this.bdev(), this.disksize() >>> SECTOR_SHIFT);
    this.markRotation();
    this.pool.create();
    this.setMaxZpageSize(isBacked ? MAX_ZPAGE_SIZE_BACKED : MAX_ZPAGE_SIZE);
    cells.st32(this.address + RAMZSWAP.initDone, 1);
    return 0;
  }

  /** @kernel reset_device in ramzswap_drv.c, 2.6.34 */
  private resetDevice(): void {
    const { cells } = this;
    cells.st32(this.address + RAMZSWAP.initDone, 0);
    const slots = this.slotsOf(this.disksize());
    for (let slot = 0; slot < slots; slot++) {
      const entry = this.entryOf(slot);
      const page = cells.ld32(entry + RZS_ENTRY.page);
      const offset = cells.ld16(entry + RZS_ENTRY.offset);
      if (page !== 0) {
        if ((cells.ld8(entry + RZS_ENTRY.flags) & RZS_UNCOMPRESSED) !== 0) this.frames.freePage(page);
        else this.pool.free(page, offset);
      }
      this.core.context.step();
    }
    const table = cells.ld32(this.address + RAMZSWAP.table);
    cells.st32(this.address + RAMZSWAP.table, 0);
    cells.st32(this.address + RAMZSWAP.slots, 0);
    this.kernel.vmalloc.vfree(table);
    this.pool.destroy();
    this.backing.close();
    this.stats.reset();
    cells.st32(this.address + RAMZSWAP.disksizeBytes, 0);
    cells.st32(this.address + RAMZSWAP.memlimitBytes, 0);
  }
}

/**
 * A device of 2.6.35, as one thread sees it: a write trusts that the slot was freed before, since the swap core says so. A free that was missed, or a write
 * that does not come from the swap core, leaves an object that nobody finds any more, or a flag that is not true. Backing swap is gone, and with it the
 * limit that all devices shared. @kernel ramzswap_drv.c, 2.6.35
 */
export class Device2635 extends HistoricalDevice {
  /**
   * @param kernel - this thread's kernel
   * @param parts - what the device is made of
   */
  constructor(kernel: DeviceKernel, parts: DeviceParts) {
    super(kernel, parts, '2.6.35');
  }

  override freeBeforeWrite(): void {}

  override maxZpageSize(): number {
    return MAX_ZPAGE_SIZE;
  }

  override setMaxZpageSize(): void {}
}
