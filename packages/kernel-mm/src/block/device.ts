/**
 * Block devices: the registry.
 *
 * A device is named by the address of its descriptor. Names are published once and devices are never removed while the machine lives, so
 * looking one up needs no lock and an address stays valid. @kernel struct block_device with its gendisk and request queue, 2.6.34
 *
 * Who may write which field:
 *
 *   name, makeRequest, privateData     whoever registers the device, before it is published
 *   holder, holders, openers           `bdev_mutex`
 *   blockSizeBytes                     the holder
 *   capacitySectors, flags             the driver, while nobody holds the device; read without a lock
 *   slotFreeNotify                     the driver
 *   failNext, makeItFail               anyone, with Atomics
 *
 * What went through a device is counted apart: `disk-stats.ts`.
 */
import { EBUSY, EINVAL, ENOSPC } from '../errno.js';
import { PAGE_SIZE } from '../arena/memory.js';
import type { Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import { FunctionTable, NULL_SYMBOL, type SymbolId } from '../arena/symbols.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import type { LockClass } from '../sync/lock-classes.js';
import { Mutex } from '../sync/locks.js';
import { DiskStats } from './disk-stats.js';

/** Bytes in a sector, the unit of device addresses. @kernel 1 << 9 everywhere in block/ */
export const SECTOR_SIZE = 512;
/** log2 of {@link SECTOR_SIZE}. */
export const SECTOR_SHIFT = 9;
/** Sectors in a page. */
export const SECTORS_PER_PAGE = PAGE_SIZE / SECTOR_SIZE;

/** Most block devices of a machine. */
export const BLOCK_DEVICES_MAX = 64;
/** Longest name of a device in bytes. @kernel BDEVNAME_SIZE is 32 with the closing NUL */
export const BLOCK_DEVICE_NAME_BYTES_MAX = 31;

/** Flag: seeking costs nothing. @kernel QUEUE_FLAG_NONROT, 2.6.34 */
export const BLOCK_NONROTATIONAL = 0x1;
/** Flag: takes discard requests. @kernel QUEUE_FLAG_DISCARD, 2.6.34 */
export const BLOCK_DISCARD = 0x2;

/** Bit of `makeItFail`: requests fail by a rule, see `fault-injection.ts`. @kernel part->make_it_fail, 2.6.34 */
export const FAIL_BY_RULE = 0x1;
/** Bit of `makeItFail`: the next requests are ordered to fail. */
export const FAIL_BY_ORDER = 0x2;

/** Major number of all devices: the one the kernel gives first to a driver that asks for any. */
const DYNAMIC_MAJOR = 254;
/** Where device files are. */
export const DEVICE_DIRECTORY = '/dev/';

/** A block device. @kernel struct block_device, struct gendisk, struct request_queue, 2.6.34 */
export const BLOCK_DEVICE = struct(
  'block_device',
  {
    state: 'i32',
    nameBytes: 'i32',
    name: ['bytes', 32],
    /** Size in sectors. */
    capacitySectors: 'u32',
    /** `BLOCK_...` */
    flags: 'i32',
    /** What the driver wants to find again, for example the address of its own descriptor. */
    privateData: 'i32',
    /** Number of the function that takes requests, kind `make_request`. */
    makeRequest: 'i32',
    /** Number of the method that is told of freed slots, 0 for none. @kernel block_device_operations.swap_slot_free_notify, 2.6.35 */
    slotFreeNotify: 'i32',
    /** Who holds it exclusively, 0 for nobody. @kernel bd_holder */
    holder: 'i32',
    /** How often the holder claimed it. @kernel bd_holders */
    holders: 'i32',
    /** How often it is open. @kernel bd_openers */
    openers: 'i32',
    /** Unit of buffered access in bytes. @kernel bd_block_size */
    blockSizeBytes: 'i32',
    /** So many of the next requests fail. */
    failNext: 'i32',
    /** `FAIL_...`: why a request may fail before its driver sees it; 0 while none does. */
    makeItFail: 'i32',
  },
  64,
);

const FREE = 0;
const LIVE = 1;

// Constants that are part of the code that uses them; an exported one is loaded and checked at each use.
const BYTES = BLOCK_DEVICE.$bytes;
const STATE = BLOCK_DEVICE.state;
const REGISTRY_BYTES = BLOCK_DEVICES_MAX * BYTES;

/**
 * Takes a request.
 * @param bdev - the device, as the bio names it
 * @param bio - the request
 * @returns 0 when the request was completed here, 1 when the bio now names another device and must be submitted again
 * @kernel make_request_fn, 2.6.34
 */
export type MakeRequest = (bdev: number, bio: number) => number;

/**
 * Takes note of a freed slot of a swap area on the device. Must not sleep: a spinlock is held.
 * @param bdev - the device, which as a whole is the area
 * @param slot - slot in the area, which is the number of the page on the device
 * @kernel block_device_operations.swap_slot_free_notify, 2.6.35
 */
export type SlotFreeMethod = (bdev: number, slot: number) => void;

/** What went through a device, a snapshot by value. */
export interface BlockDeviceStats {
  readonly reads: number;
  readonly writes: number;
  readonly discards: number;
  /** Bytes read; exact up to 2 TiB. */
  readonly readBytes: number;
  /** Bytes written; exact up to 2 TiB. */
  readonly writtenBytes: number;
  /** Bytes discarded; exact up to 2 TiB. */
  readonly discardedBytes: number;
  /** Requests that ended with an error, of any operation. */
  readonly errors: number;
  /** Requests that were made to fail, and pages that were on their way without a request. */
  readonly injected: number;
}

/** Where the registry lies. */
export interface BlockDevicesPlace {
  readonly devices: Region;
  readonly diskStats: Region;
  readonly mutex: Region;
  readonly mutexClass: LockClass;
}

/** The devices of a machine as one thread sees them. */
export class BlockDevices {
  /** This thread's request functions; a device holds the number. */
  readonly makeRequests: FunctionTable<MakeRequest>;
  /** This thread's methods for freed slots; a device holds the number. */
  readonly slotFreeMethods: FunctionTable<SlotFreeMethod>;
  /** Protects claims and openers. @kernel bdev_lock and bd_mutex, which we do not tell apart */
  readonly mutex: Mutex;
  private readonly diskStats: DiskStats;
  private readonly core: Core;
  private readonly cells: Cells;
  private readonly base: number;

  /**
   * @param core - the running thread
   * @param place - from `layoutBlock`
   */
  constructor(core: Core, place: BlockDevicesPlace) {
    this.core = core;
    this.cells = core.cells;
    this.base = place.devices.base;
    this.mutex = new Mutex(core.locks, place.mutex.base, place.mutexClass);
    this.diskStats = new DiskStats(core, place.diskStats);
    this.makeRequests = new FunctionTable<MakeRequest>(core.symbols, 'make_request');
    this.slotFreeMethods = new FunctionTable<SlotFreeMethod>(core.symbols, 'swap_slot_free_notify');
  }

  /**
   * Makes a device known. May sleep.
   * @param name - 1 to 31 printable ASCII characters without `/`: `'ramzswap0'`
   * @param capacitySectors - size in sectors; 0 for a device that has none yet
   * @param makeRequest - from `makeRequests.define`
   * @param privateData - any 32-bit number
   * @param flags - `BLOCK_...`
   * @returns address of the descriptor; -EINVAL for a bad name, -EBUSY when the name is taken, -ENOSPC when there are {@link BLOCK_DEVICES_MAX}
   * @kernel block/genhd.c add_disk, 2.6.34
   */
  register(
    name: string,
    capacitySectors: number,
    makeRequest: SymbolId,
    privateData: number,
    flags = 0,
  ): number {
    if (!/^[\x21-\x2e\x30-\x7e]{1,31}$/.test(name)) return -EINVAL;
    this.assertSectors(capacitySectors);
    this.mutex.lock();
    try {
      if (this.byName(name) !== 0) return -EBUSY;
      for (let index = 0; index < BLOCK_DEVICES_MAX; index++) {
        const bdev = this.base + index * BLOCK_DEVICE.$bytes;
        if (this.cells.atomicLoad(bdev + BLOCK_DEVICE.state) !== FREE) continue;
        this.publish(bdev, name, capacitySectors, makeRequest, privateData, flags);
        return bdev;
      }
      return -ENOSPC;
    } finally {
      this.mutex.unlock();
    }
  }

  /**
   * Finds a device by the path of its file.
   * @param path - `'/dev/NAME'`
   * @returns address of the descriptor, 0 when there is none
   * @kernel fs/block_dev.c lookup_bdev, 2.6.34
   */
  byPath(path: string): number {
    return path.startsWith(DEVICE_DIRECTORY) ? this.byName(path.slice(DEVICE_DIRECTORY.length)) : 0;
  }

  /**
   * A device by its index; devices have the indices 0, 1, ... in order of registration.
   * @param index - 0 to {@link BLOCK_DEVICES_MAX} - 1
   * @returns address of the descriptor, 0 when there is none: then there is none behind it either
   */
  at(index: number): number {
    if (index < 0 || index >= BLOCK_DEVICES_MAX) return 0;
    const bdev = this.base + index * BLOCK_DEVICE.$bytes;
    return this.cells.atomicLoad(bdev + BLOCK_DEVICE.state) === LIVE ? bdev : 0;
  }

  /**
   * Whether an address names a device.
   * @param bdev - any number
   */
  isDevice(bdev: number): boolean {
    const offset = bdev - this.base;
    if (offset < 0 || offset >= REGISTRY_BYTES || offset % BYTES !== 0) return false;
    // A plain look: a device stays one, and whoever was given its address was given it after it was published.
    return this.cells.ld32(bdev + STATE) === LIVE;
  }

  /**
   * Name of a device.
   * @param bdev - a device
   */
  nameOf(bdev: number): string {
    const bytes = this.cells.ld32(bdev + BLOCK_DEVICE.nameBytes);
    let name = '';
    for (let index = 0; index < bytes; index++) {
      name += String.fromCharCode(this.cells.ld8(bdev + BLOCK_DEVICE.name + index));
    }
    return name;
  }

  /**
   * Number of a device as log lines write it: its major number, which is the same for all, and its minor number, which is its index.
   * @param bdev - a device
   * @returns `'254:3'`
   */
  numberOf(bdev: number): string {
    return `${DYNAMIC_MAJOR}:${(bdev - this.base) / BLOCK_DEVICE.$bytes}`;
  }

  /**
   * Path of the file of a device, `'/dev/NAME'`.
   * @param bdev - a device
   */
  pathOf(bdev: number): string {
    return DEVICE_DIRECTORY + this.nameOf(bdev);
  }

  /**
   * Opens a device: from now on it has one opener more. May sleep. @kernel fs/block_dev.c blkdev_get, 2.6.34
   * @param bdev - a device
   */
  open(bdev: number): void {
    this.mutex.lock();
    try {
      this.cells.st32(bdev + BLOCK_DEVICE.openers, this.cells.ld32(bdev + BLOCK_DEVICE.openers) + 1);
    } finally {
      this.mutex.unlock();
    }
  }

  /**
   * Undoes one {@link open}. May sleep. @kernel fs/block_dev.c blkdev_put, 2.6.34
   * @param bdev - an open device
   */
  close(bdev: number): void {
    this.mutex.lock();
    try {
      const openers = this.cells.ld32(bdev + BLOCK_DEVICE.openers);
      this.core.context.assert(openers > 0, `the device to be closed is open`);
      this.cells.st32(bdev + BLOCK_DEVICE.openers, openers - 1);
    } finally {
      this.mutex.unlock();
    }
  }

  /**
   * Claims a device for one holder, who may claim it again. May sleep.
   * @param bdev - a device
   * @param holder - who, any number but 0
   * @returns 0, or -EBUSY while somebody else holds it
   * @kernel fs/block_dev.c bd_claim, 2.6.34
   */
  claim(bdev: number, holder: number): number {
    this.core.context.assert(holder !== 0, 'a device is claimed for somebody');
    this.mutex.lock();
    try {
      const current = this.cells.ld32(bdev + BLOCK_DEVICE.holder);
      if (current !== 0 && current !== holder) return -EBUSY;
      this.cells.st32(bdev + BLOCK_DEVICE.holder, holder);
      this.cells.st32(bdev + BLOCK_DEVICE.holders, this.cells.ld32(bdev + BLOCK_DEVICE.holders) + 1);
      return 0;
    } finally {
      this.mutex.unlock();
    }
  }

  /**
   * Undoes one {@link claim}. May sleep.
   * @param bdev - a claimed device
   * @param holder - who claimed it
   * @kernel fs/block_dev.c bd_release, 2.6.34
   */
  release(bdev: number, holder: number): void {
    this.mutex.lock();
    try {
      const current = this.cells.ld32(bdev + BLOCK_DEVICE.holder);
      this.core.context.assert(current === holder && holder !== 0, 'a device is released by its holder');
      const holders = this.cells.ld32(bdev + BLOCK_DEVICE.holders) - 1;
      this.cells.st32(bdev + BLOCK_DEVICE.holders, holders);
      if (holders === 0) this.cells.st32(bdev + BLOCK_DEVICE.holder, 0);
    } finally {
      this.mutex.unlock();
    }
  }

  /**
   * How often a device is claimed now. May sleep.
   * @param bdev - a device
   */
  holders(bdev: number): number {
    this.mutex.lock();
    try {
      return this.cells.ld32(bdev + BLOCK_DEVICE.holders);
    } finally {
      this.mutex.unlock();
    }
  }

  /**
   * Sets the unit of buffered access. The caller holds the device.
   * @param bdev - a device
   * @param bytes - a power of two, {@link SECTOR_SIZE} to `PAGE_SIZE`
   * @returns 0 or -EINVAL
   * @kernel fs/block_dev.c set_blocksize, 2.6.34
   */
  setBlockSize(bdev: number, bytes: number): number {
    if (!Number.isInteger(bytes) || bytes < SECTOR_SIZE || bytes > PAGE_SIZE || (bytes & (bytes - 1)) !== 0) {
      return -EINVAL;
    }
    this.cells.st32(bdev + BLOCK_DEVICE.blockSizeBytes, bytes);
    return 0;
  }

  /**
   * Changes the size of a device. For its driver, while nobody holds it.
   * @param bdev - a device
   * @param sectors - size in sectors
   * @kernel include/linux/genhd.h set_capacity, 2.6.34
   */
  setCapacity(bdev: number, sectors: number): void {
    this.assertSectors(sectors);
    this.cells.st32(bdev + BLOCK_DEVICE.capacitySectors, sectors);
  }

  /**
   * Changes the flags of a device. For its driver, while nobody holds it.
   * @param bdev - a device
   * @param flags - `BLOCK_...`
   */
  setFlags(bdev: number, flags: number): void {
    this.cells.st32(bdev + BLOCK_DEVICE.flags, flags);
  }

  /**
   * Gives a device its method for freed slots. For its driver, while nobody holds it.
   * @param bdev - a device
   * @param method - from `slotFreeMethods.define`
   * @kernel block_device_operations.swap_slot_free_notify, 2.6.35
   */
  setSlotFreeMethod(bdev: number, method: SymbolId): void {
    this.cells.st32(bdev + BLOCK_DEVICE.slotFreeNotify, method);
  }

  /**
   * Makes the next requests fail with -EIO before the driver sees them.
   * @param bdev - a device
   * @param count - how many; replaces what was left of an earlier call
   * @kernel block/blk-core.c should_fail_request, 2.6.34, made exact
   */
  failRequests(bdev: number, count: number): void {
    this.core.context.assert(
      Number.isInteger(count) && count >= 0 && count <= 0x7fff_ffff,
      `so many requests can fail: ${count}`,
    );
    this.cells.atomicStore(bdev + BLOCK_DEVICE.failNext, count);
    if (count === 0) this.cells.atomicAnd(bdev + BLOCK_DEVICE.makeItFail, ~FAIL_BY_ORDER);
    else this.cells.atomicOr(bdev + BLOCK_DEVICE.makeItFail, FAIL_BY_ORDER);
  }

  /**
   * Counts a request that goes to the driver of a device.
   * @param bdev - a device
   * @param operation - `BIO_READ`, `BIO_WRITE` or `BIO_DISCARD`
   * @param sectors - its length
   */
  countRequest(bdev: number, operation: number, sectors: number): void {
    this.diskStats.countRequest(this.indexOf(bdev), operation, sectors);
  }

  /**
   * Counts a request that ended with an error.
   * @param bdev - the device it was submitted to
   */
  countError(bdev: number): void {
    this.diskStats.countError(this.indexOf(bdev));
  }

  /**
   * Counts a request that was made to fail.
   * @param bdev - the device it was for
   */
  countInjected(bdev: number): void {
    this.diskStats.countInjected(this.indexOf(bdev));
  }

  /**
   * What went through a device so far. Exact when no request is under way.
   * @param bdev - a device
   */
  stats(bdev: number): BlockDeviceStats {
    const { requests, sectors, errors, injected } = this.diskStats.sum(this.indexOf(bdev));
    return {
      reads: requests[0],
      writes: requests[1],
      discards: requests[2],
      readBytes: sectors[0] * SECTOR_SIZE,
      writtenBytes: sectors[1] * SECTOR_SIZE,
      discardedBytes: sectors[2] * SECTOR_SIZE,
      errors,
      injected,
    };
  }

  /**
   * Index of a device, see {@link at}.
   * @param bdev - a device
   */
  indexOf(bdev: number): number {
    return ((bdev - this.base) / BYTES) | 0;
  }

  /** Fills a free descriptor in; the store of `state` makes it visible to all threads. */
  private publish(
    bdev: number,
    name: string,
    capacitySectors: number,
    makeRequest: SymbolId,
    privateData: number,
    flags: number,
  ): void {
    const { cells } = this;
    cells.st32(bdev + BLOCK_DEVICE.nameBytes, name.length);
    for (let index = 0; index < name.length; index++) {
      cells.st8(bdev + BLOCK_DEVICE.name + index, name.charCodeAt(index));
    }
    cells.st32(bdev + BLOCK_DEVICE.capacitySectors, capacitySectors);
    cells.st32(bdev + BLOCK_DEVICE.flags, flags);
    cells.st32(bdev + BLOCK_DEVICE.privateData, privateData);
    cells.st32(bdev + BLOCK_DEVICE.makeRequest, makeRequest);
    cells.st32(bdev + BLOCK_DEVICE.slotFreeNotify, NULL_SYMBOL);
    cells.st32(bdev + BLOCK_DEVICE.blockSizeBytes, PAGE_SIZE);
    cells.atomicStore(bdev + BLOCK_DEVICE.state, LIVE);
  }

  private byName(name: string): number {
    for (let index = 0; index < BLOCK_DEVICES_MAX; index++) {
      const bdev = this.at(index);
      if (bdev === 0) return 0;
      if (this.nameOf(bdev) === name) return bdev;
    }
    return 0;
  }

  private assertSectors(sectors: number): void {
    this.core.context.assert(
      Number.isInteger(sectors) && sectors >= 0 && sectors <= 0xffff_ffff,
      `a device has 0 to 2^32 - 1 sectors, not ${sectors}`,
    );
  }
}
