/**
 * A ramzswap device: a disk whose pages are kept compressed in memory.
 *
 * Here is what the devices of all profiles share: where they lie, what can be asked of them without a lock, which requests are valid, and what each
 * of them can do. How it is done is chosen once, when a thread attaches, by the profile of the machine (`create-device.ts`): the sound device keeps
 * its promises (`page-store.ts`, `sound-device.ts`); those of history have the steps, locks, counters and races of their version
 * (`historical/`).
 *
 * Life cycle: CREATED, by INIT INITIALISED, by RESET CREATED again. Sizes and the backing swap are chosen while it is CREATED.
 */
import * as kernelMm from '@swaplab/kernel-mm';
import { Mutex, type Cells, type Core, type PageAllocator } from '@swaplab/kernel-mm';
import type { Codec } from '../codec/codec.js';
import type { XvPool } from '../xvmalloc/xvmalloc.js';
import type { BackingSwap } from './backing.js';
import type { DeviceKernel } from './device-kernel.js';
import { DeviceIoctl, type IoctlInterface } from './ioctl.js';
import * as places from './places.js';
import type { RamzswapPlaces } from './places.js';
import type { RamzswapStats } from './statistics.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { BIO, BIO_READ, BIO_WRITE, GFP_NOIO, PAGE_SHIFT, PAGE_SIZE, SECTOR_SHIFT, SECTORS_PER_PAGE } =
  kernelMm;
const { BLOCK_DEVICE, BLOCK_NONROTATIONAL, ENOMEM } = kernelMm;
const { DEFAULT_DISKSIZE_PERC_RAM, DEFAULT_MEMLIMIT_PERC_RAM, RAMZSWAP, RZS_ENTRY, RZS_HEADER, RZS_ZERO } =
  places;

/** log2 of the size of an entry in bytes. */
const ENTRY_SHIFT = 3;

/** Answer of a transfer that the device has not done: the request is the backing swap's. */
export const FORWARDED = 1;

/** What a device is made of, besides the kernel; the same in all threads. */
export interface DeviceParts {
  /** Where the devices lie. */
  readonly places: RamzswapPlaces;
  /** Number of the device. */
  readonly index: number;
  /** This thread's codec; the same name in all threads. */
  readonly codec: Codec;
  /** Bytes of a `size_t` in the ioctl interface. */
  readonly wordBytes: 4 | 8;
}

/**
 * Where a device lies.
 * @param parts - what it is made of
 * @returns byte address of its {@link RAMZSWAP}
 */
export function deviceAddress({ places: regions, index }: DeviceParts): number {
  return regions.devices.base + index * RAMZSWAP.$bytes;
}

/** A device as one thread sees it. @kernel struct ramzswap and its functions in ramzswap_drv.c, 2.6.34 */
export abstract class RamzswapDevice {
  /** Number of the device: 0 for `/dev/ramzswap0`. */
  readonly index: number;
  /** Byte address of the device. */
  readonly address: number;
  /** `rzs_lock`. */
  readonly lock: Mutex;
  /** What can be backed by a disk. */
  readonly backing: BackingSwap;
  abstract readonly pool: XvPool;
  protected readonly kernel: DeviceKernel;
  protected readonly core: Core;
  protected readonly cells: Cells;
  protected readonly frames: PageAllocator;
  protected readonly places: RamzswapPlaces;
  protected readonly codec: Codec;
  /** Address of the compressor's work area. */
  protected readonly work: number;
  /** Address of the compressor's output, two pages. */
  protected readonly buffer: number;
  private readonly control: DeviceIoctl;

  /**
   * @param kernel - this thread's kernel
   * @param parts - what the device is made of
   * @param version - of the ioctl interface
   * @param backing - what can be backed by a disk
   */
  constructor(kernel: DeviceKernel, parts: DeviceParts, version: IoctlInterface, backing: BackingSwap) {
    const { core, frames } = kernel;
    const { places: regions, index, codec } = parts;
    this.kernel = kernel;
    this.core = core;
    this.cells = core.cells;
    this.frames = frames;
    this.places = regions;
    this.codec = codec;
    this.index = index;
    this.address = deviceAddress(parts);
    const lock = regions.rzsLocks.base + index * regions.rzsLocks.stride;
    this.lock = new Mutex(core.locks, lock, regions.rzsLockClass);
    this.work = regions.work.base + index * regions.work.stride;
    this.buffer = regions.buffers.base + index * regions.buffers.stride;
    this.backing = backing;
    this.control = new DeviceIoctl(this, kernel, version, parts.wordBytes);
  }

  /**
   * Reads a slot. Never sleeps. @kernel ramzswap_read, 2.6.34
   * @param slot - below {@link slots}
   * @param to - byte address of the page frame that receives it
   * @returns 0, -EIO, or {@link FORWARDED}; after an error the frame may hold a part
   */
  abstract readPage(slot: number, to: number): number;

  /**
   * Writes a slot. May sleep. @kernel ramzswap_write, 2.6.34
   * @param slot - below {@link slots}
   * @param from - byte address of the page frame to store
   * @returns 0, -EIO, or {@link FORWARDED}; unless it is 0 the slot is EMPTY
   */
  abstract writePage(slot: number, from: number): number;

  /**
   * The swap core says that a slot was freed. Called under `swap_lock`, so it takes spinlocks only. Counts every call, whether or not there
   * was anything to free. @kernel patch 3/3 of the series of May 2010, ramzswap_slot_free_notify
   * @param slot - offset in the swap area, which is the whole disk, so also the index of the entry
   */
  abstract slotFreeNotify(slot: number): void;

  /**
   * Does what the callback put off. This driver puts nothing off; the work of those that do belongs to a thread of the kernel's. May sleep.
   * @returns slots that were freed
   */
  runDeferredFrees(): number {
    return 0;
  }

  /**
   * Serves a request, or hands it on. May sleep, but not for a discard. @kernel ramzswap_make_request, 2.6.34
   * @param bio - of the running task
   * @returns 0: completed here; 1: it names the backing swap now
   */
  abstract makeRequest(bio: number): number;

  /** The statistics, without a lock. */
  abstract readStats(): RamzswapStats;

  /**
   * The statistics, as RZSIO_GET_STATS takes them.
   * @returns null when the device is not initialised
   */
  abstract getStats(): RamzswapStats | null;

  /**
   * Chooses the size of the disk. May sleep. @kernel RZSIO_SET_DISKSIZE_KB, 2.6.34, in bytes
   * @param bytes - size, rounded down to whole pages at INIT; 0 for a quarter of the RAM, or the size of the backing swap
   * @returns 0, or -EBUSY when the device is initialised
   */
  abstract setDisksize(bytes: number): number;

  /**
   * Chooses how much compressed pages may take before the others go to the backing swap. May sleep. @kernel RZSIO_SET_MEMLIMIT_KB, 2.6.34, in bytes
   * @param bytes - limit, rounded down to whole pages at INIT; 0 for 15 % of the RAM
   * @returns 0, or -EBUSY when the device is initialised
   */
  abstract setMemlimit(bytes: number): number;

  /**
   * Chooses the backing swap, which INIT opens. May sleep. @kernel RZSIO_SET_BACKING_SWAP, 2.6.34
   * @param path - of a block device or a file, at most 127 ASCII characters; empty for none
   * @returns 0, or -EBUSY when the device is initialised
   */
  abstract setBackingSwap(path: string): number;

  /**
   * Makes the device usable: backing swap, table, buffers, swap header, pool. May sleep. @kernel ramzswap_ioctl_init_device, 2.6.34
   * @returns 0; -EBUSY when it is initialised; -ENOMEM, also for a disk of less than a page; what the backing swap answers
   */
  abstract init(): number;

  /**
   * Frees all data and forgets sizes and backing swap. May sleep. @kernel ramzswap_ioctl_reset_device, 2.6.34
   * @returns 0, also when it is not initialised; -EBUSY while somebody holds the disk, as an active swap area does
   */
  abstract reset(): number;

  /** Whether the device is between INIT and RESET; true only for the moment. */
  abstract isInitialised(): boolean;

  /**
   * Does what a program asks for by ioctl(2). May sleep. @kernel ramzswap_ioctl, 2.6.34
   * @param number - `RZSIO_...`
   * @param bytes - the argument: read, or written with the statistics
   * @returns 0 or a negative errno; `ioctl.ts` has the table
   */
  ioctl(number: number, bytes: Uint8Array = NO_BYTES): number {
    return this.control.ioctl(number, bytes);
  }

  /**
   * Transfers a page without a request, as the policy `address-space` does; one for the backing swap goes there. May sleep.
   * @param operation - `BIO_READ` or `BIO_WRITE`
   * @param slot - below {@link slots}
   * @param frame - byte address of a page frame
   * @returns 0 or a negative errno
   */
  transferPage(operation: number, slot: number, frame: number): number {
    const result = operation === BIO_WRITE ? this.writePage(slot, frame) : this.readPage(slot, frame);
    if (result !== FORWARDED) return result;
    const { bios } = this.kernel.block;
    const bio = bios.allocBio(GFP_NOIO);
    if (bio === 0) return -ENOMEM;
    bios.setPage(bio, this.bdev(), operation, slot * SECTORS_PER_PAGE, frame);
    this.backing.forward(bio, slot);
    const error = bios.submitBio(bio);
    bios.freeBio(bio);
    return error;
  }

  /** Address of its block device, 0 before it is registered. */
  bdev(): number {
    return this.cells.ld32(this.address + RAMZSWAP.bdev);
  }

  /**
   * Remembers its block device. For the thread that boots the machine.
   * @param bdev - address
   */
  setBdev(bdev: number): void {
    this.cells.st32(this.address + RAMZSWAP.bdev, bdev);
  }

  /** The notifier block that was registered for the area on the disk, 0 for none. `swapon_mutex` held. */
  notifierBlock(): number {
    return this.cells.ld32(this.address + RAMZSWAP.notifierBlock);
  }

  /**
   * Remembers the notifier block that was registered for the area on the disk. `swapon_mutex` held.
   * @param block - its address, 0 for none
   */
  setNotifierBlock(block: number): void {
    this.cells.st32(this.address + RAMZSWAP.notifierBlock, block);
  }

  /** Size of the disk in bytes. @racy requests are checked against it without a lock; under the lock of their slot it is seen whether the device was reset */
  disksize(): number {
    return this.cells.ldu32(this.address + RAMZSWAP.disksizeBytes);
  }

  /** Limit on compressed bytes, 0 when none was chosen. */
  memlimit(): number {
    return this.cells.ldu32(this.address + RAMZSWAP.memlimitBytes);
  }

  /** Pages of the disk, the header included; 0 without a table. */
  slots(): number {
    return this.cells.ldu32(this.address + RAMZSWAP.slots);
  }

  /**
   * Address of the entry of a slot.
   * @param slot - 0 to {@link slots} - 1
   */
  entryOf(slot: number): number {
    return this.cells.ld32(this.address + RAMZSWAP.table) + (slot << ENTRY_SHIFT);
  }

  /**
   * Whether a slot is COMPRESSED, RAW or ZERO. Takes no lock: for a sampler, true only for the moment. False for the header.
   * @param slot - any number
   */
  isStored(slot: number): boolean {
    const { cells } = this;
    const table = cells.ld32(this.address + RAMZSWAP.table);
    if (table === 0 || slot < 0 || slot >= this.slots()) return false;
    const entry = table + (slot << ENTRY_SHIFT);
    const flags = cells.ld8(entry + RZS_ENTRY.flags);
    if ((flags & RZS_ZERO) !== 0) return true;
    return (flags & RZS_HEADER) === 0 && cells.ld32(entry + RZS_ENTRY.page) !== 0;
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
   * The size of a disk without backing swap. @kernel ramzswap_set_disksize, 2.6.34
   * @param asked - bytes, 0 for a quarter of the RAM
   * @returns bytes, whole pages
   */
  protected chooseDisksize(asked: number): number {
    const ram = this.kernel.config.ramBytes;
    const bytes = asked === 0 ? Math.floor(ram / 100) * DEFAULT_DISKSIZE_PERC_RAM : asked;
    if (bytes > 2 * ram) {
      this.kernel.trace.printk(
        `ramzswap${this.index}: a disk of ${bytes} bytes is more than twice the memory of ${ram} bytes`,
      );
    }
    return bytes - (bytes % PAGE_SIZE);
  }

  /**
   * The memory limit of a device with backing swap. @kernel ramzswap_set_memlimit, 2.6.34
   * @param asked - bytes, 0 for the default
   * @param disksize - bytes of the disk
   * @returns bytes, whole pages
   */
  protected chooseMemlimit(asked: number, disksize: number): number {
    const ram = this.kernel.config.ramBytes;
    const most = Math.min(Math.floor(ram / 100) * DEFAULT_MEMLIMIT_PERC_RAM, disksize);
    const bytes = asked === 0 || asked > disksize ? most : asked;
    if (bytes > ram / 2) {
      this.kernel.trace.printk(
        `ramzswap${this.index}: a memory limit of ${bytes} bytes is more than half the memory of ${ram} bytes`,
      );
    }
    return bytes - (bytes % PAGE_SIZE);
  }

  /** Says in the flags of the disk whether seeking costs nothing: always in memory, with a backing swap if it says so. */
  protected markRotation(): void {
    const { devices } = this.kernel.block;
    const bdev = this.bdev();
    const backing = this.backing.bdev();
    const isFast =
      backing === 0 || (this.cells.ld32(backing + BLOCK_DEVICE.flags) & BLOCK_NONROTATIONAL) !== 0;
    const flags = this.cells.ld32(bdev + BLOCK_DEVICE.flags);
    devices.setFlags(bdev, isFast ? flags | BLOCK_NONROTATIONAL : flags & ~BLOCK_NONROTATIONAL);
  }

  /** Empties the compressor's work area. */
  protected clearWork(): void {
    const work = this.work >> 2;
    this.cells.announce(this.work);
    this.cells.arena.i32.fill(0, work, work + (this.places.workBytes >> 2));
  }

  /** Pages of a disk of so many bytes. */
  protected slotsOf(disksize: number): number {
    return disksize >>> PAGE_SHIFT;
  }

  /** A field of a bio, which belongs to the running task. */
  protected bioField(address: number): number {
    return this.cells.arena.i32[address >> 2] ?? 0;
  }
}

const NO_BYTES = new Uint8Array(0);
