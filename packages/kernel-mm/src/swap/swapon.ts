/**
 * Switching a swap area on.
 *
 * Promise: the steps and their errors come in the order of 2.6.34. An area that fails leaves everything as it was: the type free, the device
 * unclaimed with its old block size, the file unmarked and its mutex free, no page and no table taken. The area is prepared while nobody can see it
 * (`swapon-area.ts`), and becomes visible as a whole, under `swapon_mutex` and `swap_lock`.
 *
 * An area is a whole block device or a file. A file stays marked while it is an area; its mutex is held all through swapon, so that of two tasks
 * that switch the same file on the second finds the mark. The caller may do anything: who may call it is not modelled, nor are cgroups.
 *
 * Lock order: `i_mutex`, `swapon_mutex`, `swap_lock`. All functions may sleep.
 */
import { BLOCK_DEVICE, type BlockDevices } from '../block/device.js';
import { EBUSY, EINVAL, EPERM } from '../errno.js';
import { PAGE_SIZE } from '../arena/memory.js';
import { KERN_INFO } from '../trace/events.js';
import type { SwapEvents } from './events.js';
import type { ExtentShape } from './extents.js';
import {
  SWAP_FLAG_PREFER,
  SWAP_FLAG_PRIO_MASK,
  SWAP_GLOBALS,
  SWAP_INFO,
  SWP_BLKDEV,
  SWP_DISCARDABLE,
  SWP_SOLIDSTATE,
  SWP_USED,
} from './info.js';
import type { SwapList } from './list.js';
import { kibOf, NO_DEVICE } from './proc.js';
import type { SlotSummaries } from './slot-summary.js';
import { AreaPreparation, type AreaParts } from './swapon-area.js';

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
  /** Where its slots are said to lie, in order and without gap; one piece from block 0 on when not given or null. */
  readonly extents?: readonly ExtentShape[] | null;
}

/** What swapon needs besides the table. */
export interface SwapOnParts extends AreaParts {
  readonly list: SwapList;
  readonly events: SwapEvents;
  readonly devices: BlockDevices;
  readonly summaries: SlotSummaries;
}

/** swapon. One per thread. */
export class SwapOn extends AreaPreparation {
  readonly list: SwapList;
  readonly events: SwapEvents;
  readonly devices: BlockDevices;
  readonly summaries: SlotSummaries;

  /** @param parts - what it stands on */
  constructor(parts: SwapOnParts) {
    super(parts);
    this.list = parts.list;
    this.events = parts.events;
    this.devices = parts.devices;
    this.summaries = parts.summaries;
  }

  /**
   * Switches a block device or a file on as a swap area. May sleep.
   * @param path - `'/dev/NAME'`, or of a file
   * @param swapFlags - {@link SWAP_FLAG_PREFER} with a priority in the bits of {@link SWAP_FLAG_PRIO_MASK}, or 0; other bits are ignored
   * @returns the type of the area, 0 or more (the original returns 0); or: -EPERM when the table is full; -ENOENT, -ENAMETOOLONG or -EISDIR when
   * the path cannot be opened; -EBUSY when it is a swap area already; -EINVAL when somebody else holds the device, or when it is neither a
   * device nor a regular file, or has a header that does not describe a usable area, or holes; -EIO when the header cannot be read; -ENOMEM
   * @kernel mm/swapfile.c sys_swapon, 2.6.34
   */
  swapon(path: string, swapFlags: number): number {
    this.table.context.mightSleep('swapon');
    const type = this.claimType();
    if (type < 0) return type;
    const swapFile = this.files.open(path);
    let error = swapFile;
    if (swapFile > 0) {
      const priority = (swapFlags & SWAP_FLAG_PREFER) === 0 ? null : swapFlags & SWAP_FLAG_PRIO_MASK;
      error = this.swaponOpened(type, swapFile, priority);
      if (error === 0) return type;
    }
    this.abandonType(type);
    if (swapFile > 0) this.files.close(swapFile);
    return error;
  }

  /**
   * Switches on an area of given shape that no device stands behind. For replaying recorded operations on slots. May sleep.
   * @param shape - the area
   * @returns as {@link swapon}: the type; -EPERM, -EINVAL, -ENOMEM
   */
  swaponWithoutHeader(shape: HeaderlessArea): number {
    this.table.context.mightSleep('swapon');
    const type = this.claimType();
    if (type < 0) return type;
    const area = this.table.infoOf(type);
    const { lastPage, badpages, extents = null } = shape;
    const plan = { lastPage, nrBadpages: badpages.length, badpages, swapFile: 0, extents };
    const map = this.prepareArea(area, plan);
    let error = Math.min(map, 0);
    if (error === 0) {
      if (shape.nonrot) this.markSolidState(area, shape.random32);
      if (shape.discard === true) error = this.discardArea(area, map);
      if (error === 0) {
        this.enable(type, map, shape.prio, NO_DEVICE);
        return type;
      }
      this.undoArea(area, map);
    }
    this.abandonType(type);
    return error;
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
      this.extents.initialise(area);
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
    table.cells.st32(area + SWAP_INFO.bdev, 0);
    table.cells.st32(area + SWAP_INFO.flags, 0);
    table.swapLock.unlock();
  }

  /**
   * Goes on with whatever the path has named.
   * @param type - from {@link claimType}
   * @param swapFile - address of an open block device or inode
   * @param priority - as given, or null for an automatic one
   * @returns 0, or a negative errno: then all but the type is as it was
   */
  swaponOpened(type: number, swapFile: number, priority: number | null): number {
    // First stored, then looked for: of two tasks that switch the same device on, one at least sees the other.
    this.table.cells.st32(this.table.infoOf(type) + SWAP_INFO.swapFile, swapFile);
    if (this.isSwapFileOfAnother(type, swapFile)) return -EBUSY;
    if (!this.files.isInode(swapFile)) return this.swaponDevice(type, swapFile, priority);
    if (this.files.isRegular(swapFile)) return this.swaponFile(type, swapFile, priority);
    return -EINVAL;
  }

  /**
   * Claims a device, prepares the area and enables it.
   * @param type - from {@link claimType}
   * @param bdev - an open device
   * @param priority - as given, or null for an automatic one
   * @returns 0, or a negative errno: then the device is as it was
   */
  swaponDevice(type: number, bdev: number, priority: number | null): number {
    const { cells } = this.table;
    const area = this.table.infoOf(type);
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
   * Takes the mutex of a file, prepares the area, enables it and marks the file.
   * @param type - from {@link claimType}
   * @param inode - an open regular file
   * @param priority - as given, or null for an automatic one
   * @returns 0, or a negative errno: then the file is as it was
   */
  swaponFile(type: number, inode: number, priority: number | null): number {
    const { files } = this;
    this.table.cells.st32(this.table.infoOf(type) + SWAP_INFO.bdev, files.bdevOf(inode));
    files.lock(inode);
    try {
      if (files.isSwapfile(inode)) return -EBUSY;
      const error = this.readAndEnable(type, inode, priority);
      if (error === 0) files.setSwapfile(inode, true);
      return error;
    } finally {
      files.unlock(inode);
    }
  }

  /**
   * What devices and files have in common: header, preparation, enabling.
   * @param type - an area that knows its device
   * @param swapFile - address of the claimed device, or of the inode with its mutex held
   * @param priority - as given, or null for an automatic one
   * @returns 0 or a negative errno
   */
  readAndEnable(type: number, swapFile: number, priority: number | null): number {
    const area = this.table.infoOf(type);
    const header = this.readHeader(swapFile);
    if (typeof header === 'number') return header;
    const { lastPage, nrBadpages, badpages } = header;
    const map = this.prepareArea(area, { lastPage, nrBadpages, badpages, swapFile, extents: null });
    if (map < 0) return map;
    if (this.isNonrotational(area)) this.markSolidState(area, this.random32());
    const error = this.discardArea(area, map);
    if (error === 0) this.enable(type, map, priority, this.files.pathOf(swapFile));
    else this.undoArea(area, map);
    return error;
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
    const span = this.extents.spanOf(area);
    this.summaries.create(area, map);
    table.swaponMutex.lock();
    try {
      // First, so that no slot can be freed before those who want to know of it are there. The original tells them last.
      this.events.swaponChain.call(type, cells.ldu32(area + SWAP_INFO.swapFile));
      table.swapLock.lock();
      try {
        const prio = priority ?? this.list.nextAutomaticPriority();
        cells.st32(area + SWAP_INFO.prio, prio);
        cells.st32(area + SWAP_INFO.swapMap, map);
        cells.st32(area + SWAP_INFO.allocated, 0);
        cells.st32(area + SWAP_INFO.freed, 0);
        cells.st32(area + SWAP_INFO.freedUnreported, 0);
        this.list.insert(type);
        this.announce(type, path, span);
      } finally {
        table.swapLock.unlock();
      }
    } finally {
      table.swaponMutex.unlock();
    }
  }

  private isSwapFileOfAnother(type: number, swapFile: number): boolean {
    const { table } = this;
    for (let other = 0; other < table.nrSwapfiles(); other++) {
      if (other !== type && table.cells.ldu32(table.infoOf(other) + SWAP_INFO.swapFile) === swapFile)
        return true;
    }
    return false;
  }

  private announce(type: number, path: string, span: number): void {
    const { cells } = this.table;
    const area = this.table.infoOf(type);
    const pages = cells.ldu32(area + SWAP_INFO.pages);
    const prio = cells.ld32(area + SWAP_INFO.prio);
    const flags = cells.ldu32(area + SWAP_INFO.flags);
    const extents = cells.ldu32(area + SWAP_INFO.nrExtents);
    const kind = ((flags & SWP_SOLIDSTATE) !== 0 ? 'SS' : '') + ((flags & SWP_DISCARDABLE) !== 0 ? 'D' : '');
    this.trace.printk(
      `Adding ${kibOf(pages)}k swap on ${path}.  Priority:${prio} extents:${extents} across:${kibOf(span)}k ${kind}`,
      KERN_INFO,
    );
    this.trace.swapon(type, path, pages, prio);
  }
}
