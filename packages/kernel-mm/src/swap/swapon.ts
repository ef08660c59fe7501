/**
 * Switching a swap area on.
 *
 * Promise: the steps and their errors come in the order of 2.6.34. An area that fails leaves everything as it was: the type free, the device
 * unclaimed with its old block size, no page and no map taken. The area is prepared while nobody can see it, and becomes visible as a
 * whole, under `swapon_mutex` and `swap_lock`.
 *
 * Areas are whole block devices. The caller may do anything: who may call it is not modelled. All functions may sleep.
 */
import { BIO_READ, type Bios } from '../block/bio.js';
import { BLOCK_DEVICE, BLOCK_NONROTATIONAL, SECTORS_PER_PAGE, type BlockDevices } from '../block/device.js';
import { EBUSY, EINVAL, ENOENT, ENOMEM, EPERM } from '../errno.js';
import { PAGE_SHIFT, PAGE_SIZE } from '../arena/memory.js';
import { GFP_KERNEL, type PageAllocator } from '../page/page.js';
import type { Vmalloc } from '../page/vmalloc.js';
import { KERN_ERR, KERN_INFO } from '../trace/events.js';
import type { Trace } from '../trace/trace.js';
import { maxPagesOfPte } from './entries.js';
import type { SwapClusters } from './clusters.js';
import type { SwapDiscard } from './discard.js';
import type { SwapEvents } from './events.js';
import { MAX_SWAP_BADPAGES, parseSwapHeader, SWAP_HEADER_VERSION, type SwapHeader } from './header.js';
import {
  SWAP_FLAG_PREFER,
  SWAP_FLAG_PRIO_MASK,
  SWAP_GLOBALS,
  SWAP_INFO,
  SWAP_MAP_BAD,
  SWP_DISCARDABLE,
  SWP_BLKDEV,
  SWP_SOLIDSTATE,
  SWP_USED,
  type SwapTable,
} from './info.js';
import type { SwapList } from './list.js';

/** An unsigned 32-bit random number. */
export type SwapRandom = () => number;

/** An area to be switched on without a device. */
export interface HeaderlessArea {
  /** Last usable slot, 0 to 2^23 - 1. */
  readonly lastPage: number;
  /** 0 to 32767, or null for an automatic priority. */
  readonly prio: number | null;
  /** Whether it is solid state. */
  readonly nonrot: boolean;
  /** Chooses the start of the cursor of a solid-state area: unsigned 32-bit. */
  readonly random32: number;
  /** Bad slots, 1 to `lastPage`. */
  readonly badpages: readonly number[];
  /** Whether it takes discards; false when not given. */
  readonly discard?: boolean;
}

/** What swapon needs besides the table. */
export interface SwapOnParts {
  readonly table: SwapTable;
  readonly list: SwapList;
  readonly events: SwapEvents;
  readonly trace: Trace;
  readonly vmalloc: Vmalloc;
  readonly pages: PageAllocator;
  readonly devices: BlockDevices;
  readonly bios: Bios;
  readonly discard: SwapDiscard;
  readonly clusters: SwapClusters;
  /** Random numbers; null for the built-in ones, which are the same in every run. */
  readonly random: SwapRandom | null;
}

/** What the log calls an area without a device. */
const NO_DEVICE = 'none';
/** Step of the built-in random numbers: an odd number with well-spread bits. */
const RANDOM_STEP = 0x9e37_79b9;

/** swapon. One per thread. */
export class SwapOn {
  readonly table: SwapTable;
  readonly list: SwapList;
  readonly events: SwapEvents;
  readonly trace: Trace;
  readonly vmalloc: Vmalloc;
  readonly pages: PageAllocator;
  readonly devices: BlockDevices;
  readonly bios: Bios;
  readonly discard: SwapDiscard;
  readonly clusters: SwapClusters;
  private readonly random: SwapRandom | null;

  /** @param parts - what it stands on */
  constructor(parts: SwapOnParts) {
    this.table = parts.table;
    this.list = parts.list;
    this.events = parts.events;
    this.trace = parts.trace;
    this.vmalloc = parts.vmalloc;
    this.pages = parts.pages;
    this.devices = parts.devices;
    this.bios = parts.bios;
    this.discard = parts.discard;
    this.clusters = parts.clusters;
    this.random = parts.random;
  }

  /**
   * Switches a block device on as a swap area. May sleep.
   * @param path - `'/dev/NAME'`
   * @param swapFlags - {@link SWAP_FLAG_PREFER} with a priority in the bits of {@link SWAP_FLAG_PRIO_MASK}, or 0; other bits are ignored
   * @returns the type of the area, 0 or more (the original returns 0); or: -EPERM when the table is full; -ENOENT when there is no such device;
   * -EBUSY when it is a swap area already; -EINVAL when somebody else holds it, or its header does not describe a usable area; -EIO when the
   * header cannot be read; -ENOMEM
   * @kernel mm/swapfile.c sys_swapon, 2.6.34
   */
  swapon(path: string, swapFlags: number): number {
    this.table.context.mightSleep('swapon');
    const type = this.claimType();
    if (type < 0) return type;
    const bdev = this.devices.byPath(path);
    let error = -ENOENT;
    if (bdev !== 0) {
      this.devices.open(bdev);
      const priority = (swapFlags & SWAP_FLAG_PREFER) === 0 ? null : swapFlags & SWAP_FLAG_PRIO_MASK;
      error = this.swaponDevice(type, bdev, priority);
      if (error === 0) return type;
    }
    this.abandonType(type);
    if (bdev !== 0) this.devices.close(bdev);
    return error;
  }

  /**
   * Switches on an area of given shape that no device stands behind. For replaying recorded operations on slots. May sleep.
   * @param shape - the area
   * @returns as {@link swapon}: the type; -EPERM, -EINVAL, -ENOMEM
   */
  swaponWithoutHeader(shape: HeaderlessArea): number {
    const { cells } = this.table;
    this.table.context.mightSleep('swapon');
    const type = this.claimType();
    if (type < 0) return type;
    const area = this.table.infoOf(type);
    cells.st32(area + SWAP_INFO.bdev, 0);
    cells.st32(area + SWAP_INFO.swapFile, 0);
    const map = this.prepareArea(area, shape.lastPage, shape.badpages.length, shape.badpages, 0);
    if (map < 0) {
      this.abandonType(type);
      return map;
    }
    if (shape.nonrot) this.markSolidState(area, shape.random32);
    const error = shape.discard === true ? this.discardArea(area, map) : 0;
    if (error !== 0) {
      this.vmalloc.vfree(map);
      this.abandonType(type);
      return error;
    }
    this.enable(type, map, shape.prio, NO_DEVICE);
    return type;
  }

  /**
   * Takes the lowest free type. Takes `swap_lock`.
   * @returns the type, its area marked as used; or -EPERM when all types are taken
   */
  claimType(): number {
    const { table } = this;
    const { cells } = table;
    table.swapLock.lock();
    try {
      const nrSwapfiles = table.nrSwapfiles();
      let type = 0;
      while (type < nrSwapfiles && (cells.ldu32(table.infoOf(type) + SWAP_INFO.flags) & SWP_USED) !== 0)
        type++;
      if (type >= table.maxSwapfiles) return -EPERM;
      const area = table.infoOf(type);
      cells.st32(area + SWAP_INFO.type, type);
      // Readers without the lock must find the entry complete when they see the new number.
      if (type === nrSwapfiles) cells.atomicStore(table.globals + SWAP_GLOBALS.nrSwapfiles, nrSwapfiles + 1);
      cells.st32(area + SWAP_INFO.flags, SWP_USED);
      cells.st32(area + SWAP_INFO.next, -1);
      return type;
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * Gives a type back after a failure. Takes `swap_lock`.
   * @param type - from {@link claimType}, its area not enabled
   */
  abandonType(type: number): void {
    const { table } = this;
    const area = table.infoOf(type);
    table.swapLock.lock();
    table.cells.st32(area + SWAP_INFO.swapFile, 0);
    table.cells.st32(area + SWAP_INFO.flags, 0);
    table.swapLock.unlock();
  }

  /**
   * Claims a device, prepares the area and enables it. May sleep.
   * @param type - from {@link claimType}
   * @param bdev - an open device
   * @param priority - as given, or null for an automatic one
   * @returns 0, or a negative errno: then the device is as it was
   */
  swaponDevice(type: number, bdev: number, priority: number | null): number {
    const { cells } = this.table;
    const area = this.table.infoOf(type);
    // First stored, then looked for: of two tasks that switch the same device on, one at least sees the other.
    cells.st32(area + SWAP_INFO.swapFile, bdev);
    if (this.isSwapFileOfAnother(type, bdev)) return -EBUSY;
    // -EBUSY means "already a swap area"; being held by anybody else is -EINVAL, by design.
    if (this.devices.claim(bdev, area) !== 0) return -EINVAL;
    const oldBlockSize = cells.ld32(bdev + BLOCK_DEVICE.blockSizeBytes);
    let error = this.devices.setBlockSize(bdev, PAGE_SIZE);
    if (error === 0) {
      cells.st32(area + SWAP_INFO.oldBlockSize, oldBlockSize);
      cells.st32(area + SWAP_INFO.bdev, bdev);
      cells.st32(area + SWAP_INFO.flags, cells.ldu32(area + SWAP_INFO.flags) | SWP_BLKDEV);
      error = this.readAndEnable(type, bdev, priority);
      if (error === 0) return 0;
      this.devices.setBlockSize(bdev, oldBlockSize);
    }
    this.devices.release(bdev, area);
    return error;
  }

  /**
   * Reads and judges the header. May sleep.
   * @param bdev - a claimed device
   * @returns the header, or a negative errno
   */
  readHeader(bdev: number): SwapHeader | number {
    const { pages, bios } = this;
    const page = pages.allocPage(GFP_KERNEL);
    if (page === 0) return -ENOMEM;
    const bio = bios.allocBio(GFP_KERNEL);
    if (bio === 0) {
      pages.freePage(page);
      return -ENOMEM;
    }
    const address = pages.addressOf(page);
    bios.setPage(bio, bdev, BIO_READ, 0, address);
    const error = bios.submitBio(bio);
    bios.freeBio(bio);
    const bytes = this.table.cells.arena.u8.subarray(address, address + PAGE_SIZE);
    const header = error === 0 ? parseSwapHeader(bytes) : null;
    pages.freePage(page);
    if (error !== 0) return error;
    if (header === null) return this.refuse('Unable to find swap-space signature');
    if (header.version === SWAP_HEADER_VERSION) return header;
    return this.refuse(`Unable to handle swap header version ${header.version}`);
  }

  /**
   * Fills in an area nobody can see yet, and makes its map. May sleep.
   * @param area - address of the area
   * @param lastPage - last usable slot, as the header says
   * @param nrBadpages - number of bad pages, as the header says
   * @param badpages - the bad pages, empty when there are too many
   * @param sizePages - size of the device in pages, 0 when it is not known
   * @returns address of the map, or -EINVAL or -ENOMEM
   */
  prepareArea(
    area: number,
    lastPage: number,
    nrBadpages: number,
    badpages: readonly number[],
    sizePages: number,
  ): number {
    const { cells } = this.table;
    let maxPages = maxPagesOfPte();
    if (maxPages > lastPage) maxPages = lastPage + 1;
    cells.st32(area + SWAP_INFO.lowestBit, 1);
    cells.st32(area + SWAP_INFO.clusterNext, 1);
    cells.st32(area + SWAP_INFO.clusterNr, 0);
    cells.st32(area + SWAP_INFO.highestBit, maxPages - 1);
    if (sizePages !== 0 && maxPages > sizePages)
      return this.refuse('Swap area shorter than signature indicates');
    if (nrBadpages > MAX_SWAP_BADPAGES) return -EINVAL;
    const map = this.vmalloc.vmalloc(maxPages);
    if (map === 0) return -ENOMEM;
    const goodPages = this.setUpSwapMap(map, maxPages, lastPage, badpages);
    if (goodPages <= 0) {
      this.vmalloc.vfree(map);
      return goodPages < 0 ? goodPages : this.refuse('Empty swap-file');
    }
    cells.st8(map, SWAP_MAP_BAD);
    cells.st32(area + SWAP_INFO.max, maxPages);
    cells.st32(area + SWAP_INFO.pages, goodPages);
    cells.st32(area + SWAP_INFO.inusePages, 0);
    cells.st32(area + SWAP_INFO.extentStartPage, 0);
    cells.st32(area + SWAP_INFO.extentPages, maxPages);
    cells.st32(area + SWAP_INFO.extentStartBlock, 0);
    cells.st32(area + SWAP_INFO.missed, 0);
    cells.st32(area + SWAP_INFO.discardFailures, 0);
    return map;
  }

  /**
   * Marks the bad pages in a map. A page that is listed twice is bad once.
   * @param map - address of the zeroed map
   * @param maxPages - its length
   * @param lastPage - last usable slot, as the header says
   * @param badpages - slots
   * @returns number of usable slots, or -EINVAL for a bad page that is the header or lies behind the last page
   */
  setUpSwapMap(map: number, maxPages: number, lastPage: number, badpages: readonly number[]): number {
    const { cells } = this.table;
    let goodPages = maxPages - 1;
    for (const badpage of badpages) {
      if (badpage === 0 || badpage > lastPage) return -EINVAL;
      if (badpage >= maxPages || cells.ld8(map + badpage) === SWAP_MAP_BAD) continue;
      cells.st8(map + badpage, SWAP_MAP_BAD);
      goodPages--;
    }
    return goodPages;
  }

  /**
   * The last phase: priority, totals, list, log, notifiers. Takes `swapon_mutex` and `swap_lock`; calls the notifiers under the first.
   * @param type - a prepared area
   * @param map - address of its map
   * @param priority - as given, or null for an automatic one
   * @param path - what the log calls it
   */
  enable(type: number, map: number, priority: number | null, path: string): void {
    const { table } = this;
    const { cells } = table;
    const area = table.infoOf(type);
    table.swaponMutex.lock();
    try {
      table.swapLock.lock();
      try {
        const prio = priority ?? this.list.nextAutomaticPriority();
        cells.st32(area + SWAP_INFO.prio, prio);
        cells.st32(area + SWAP_INFO.swapMap, map);
        cells.st32(area + SWAP_INFO.allocated, 0);
        cells.st32(area + SWAP_INFO.freed, 0);
        cells.st32(area + SWAP_INFO.freedUnreported, 0);
        this.list.insert(type);
        this.announce(type, path);
      } finally {
        table.swapLock.unlock();
      }
      this.events.swaponChain.call(type, cells.ldu32(area + SWAP_INFO.swapFile));
    } finally {
      table.swaponMutex.unlock();
    }
  }

  /**
   * The next built-in random number. Any context; two callers get two numbers.
   * @returns unsigned 32-bit
   */
  random32(): number {
    if (this.random !== null) return this.random() >>> 0;
    const { cells, globals } = this.table;
    let word = (cells.atomicAdd(globals + SWAP_GLOBALS.randomState, RANDOM_STEP | 0) + RANDOM_STEP) | 0;
    word = Math.imul(word ^ (word >>> 16), 0x21f0_aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a_2d97);
    return (word ^ (word >>> 15)) >>> 0;
  }

  private readAndEnable(type: number, bdev: number, priority: number | null): number {
    const { cells } = this.table;
    const area = this.table.infoOf(type);
    const sizePages = Math.floor(cells.ldu32(bdev + BLOCK_DEVICE.capacitySectors) / SECTORS_PER_PAGE);
    const header = this.readHeader(bdev);
    if (typeof header === 'number') return header;
    const map = this.prepareArea(area, header.lastPage, header.nrBadpages, header.badpages, sizePages);
    if (map < 0) return map;
    if ((cells.ld32(bdev + BLOCK_DEVICE.flags) & BLOCK_NONROTATIONAL) !== 0)
      this.markSolidState(area, this.random32());
    const error = this.discardArea(area, map);
    if (error !== 0) {
      this.vmalloc.vfree(map);
      return error;
    }
    this.enable(type, map, priority, this.devices.pathOf(bdev));
    return 0;
  }

  /**
   * Discards an area nobody can see yet and remembers that it takes discards; it may as well take none. May sleep.
   * @param area - address of a prepared area
   * @param map - address of its map
   * @returns 0, or -ENOMEM when there is no room for a table of its clusters
   */
  discardArea(area: number, map: number): number {
    const { cells } = this.table;
    if (this.discard.discardSwap(area) !== 0) return 0;
    cells.st32(area + SWAP_INFO.flags, cells.ldu32(area + SWAP_INFO.flags) | SWP_DISCARDABLE);
    return this.clusters.create(area, map);
  }

  /** Starts the cursor anywhere, so that the first slots do not wear out first. */
  private markSolidState(area: number, random32: number): void {
    const { cells } = this.table;
    cells.st32(area + SWAP_INFO.flags, cells.ldu32(area + SWAP_INFO.flags) | SWP_SOLIDSTATE);
    cells.st32(area + SWAP_INFO.clusterNext, 1 + (random32 % cells.ldu32(area + SWAP_INFO.highestBit)));
  }

  private isSwapFileOfAnother(type: number, bdev: number): boolean {
    const { table } = this;
    for (let other = 0; other < table.nrSwapfiles(); other++) {
      if (other !== type && table.cells.ldu32(table.infoOf(other) + SWAP_INFO.swapFile) === bdev) return true;
    }
    return false;
  }

  private announce(type: number, path: string): void {
    const { cells } = this.table;
    const area = this.table.infoOf(type);
    const pages = cells.ldu32(area + SWAP_INFO.pages);
    const prio = cells.ld32(area + SWAP_INFO.prio);
    const flags = cells.ldu32(area + SWAP_INFO.flags);
    const kind = ((flags & SWP_SOLIDSTATE) !== 0 ? 'SS' : '') + ((flags & SWP_DISCARDABLE) !== 0 ? 'D' : '');
    const kib = pages << (PAGE_SHIFT - 10);
    this.trace.printk(
      `Adding ${kib}k swap on ${path}.  Priority:${prio} extents:1 across:${kib}k ${kind}`,
      KERN_INFO,
    );
    this.trace.swapon(type, path, pages, prio);
  }

  private refuse(complaint: string): number {
    this.trace.printk(complaint, KERN_ERR);
    return -EINVAL;
  }
}
