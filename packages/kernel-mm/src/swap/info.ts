/**
 * The table of swap areas and the global counters: constants, structures, and what every part of the swap core asks of them.
 *
 * Promise: the fields of `swap_info_struct` keep their 2.6.34 meaning. An entry of the table is never cleared as a whole: it is reused, with
 * its old contents, by the next swapon that gets its type.
 *
 * `swap_lock` protects everything here. Exceptions, as in 2.6.34: a scan reads map bytes, the bounds and the two counters behind
 * `vmSwapFull` without it and looks again under it; swapon prepares an area that nobody can see yet without it; `nrSwapfiles` is published
 * after the entry it makes visible. Locks are taken in this order:
 *
 *   swapon_mutex -> page locks -> page-table locks -> swap_lock -> locks of drivers' free callbacks
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import { MisuseError } from '../errno.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, Mutex, SpinLock } from '../sync/locks.js';
import { layoutRwSemaphores, RwSemaphore } from '../sync/rwsem.js';
import { layoutWaitQueues, WaitQueue } from '../sync/wait-queue.js';
import {
  MAX_SWAPFILES_DEFAULT,
  MAX_SWAPFILES_LEAST,
  MAX_SWAPFILES_LIMIT,
  swpOffset,
  swpType,
  type SwapEntry,
} from './entries.js';

/** Largest count in the map byte of a slot. @kernel SWAP_MAP_MAX, 2.6.34 */
export const SWAP_MAP_MAX = 0x3e;
/** Map byte of a bad slot, and of slot 0. @kernel SWAP_MAP_BAD, 2.6.34 */
export const SWAP_MAP_BAD = 0x3f;
/** Map bit: the slot has a page in the swap cache, or is being given one. @kernel SWAP_HAS_CACHE, 2.6.34 */
export const SWAP_HAS_CACHE = 0x40;
/** Map bit: the count has higher digits elsewhere. @kernel COUNT_CONTINUED, 2.6.34 */
export const COUNT_CONTINUED = 0x80;
/** Count of a slot that shmem owns; no other count looks like it. @kernel SWAP_MAP_SHMEM, 2.6.34 */
export const SWAP_MAP_SHMEM = 0xbf;

/** Area flag: the entry of the table is taken. @kernel SWP_USED, 2.6.34 */
export const SWP_USED = 0x001;
/** Area flag: slots may be allocated. @kernel SWP_WRITEOK, 2.6.34 */
export const SWP_WRITEOK = 0x002;
/** Area flag: the device takes discards. @kernel SWP_DISCARDABLE, 2.6.34 */
export const SWP_DISCARDABLE = 0x004;
/** Area flag: somebody discards a cluster now. @kernel SWP_DISCARDING, 2.6.34 */
export const SWP_DISCARDING = 0x008;
/** Area flag: the device does not rotate. @kernel SWP_SOLIDSTATE, 2.6.34 */
export const SWP_SOLIDSTATE = 0x010;
/** Area flag: some count has higher digits. @kernel SWP_CONTINUED, 2.6.34 */
export const SWP_CONTINUED = 0x020;
/** Area flag: the area is a whole block device, so that a slot is a place on it. @kernel SWP_BLKDEV, 2.6.35 */
export const SWP_BLKDEV = 0x040;
/** Not a flag but the unit of a counter in the same word: tasks that scan the area. @kernel SWP_SCANNING, 2.6.34 */
export const SWP_SCANNING = 0x100;

/** Slots of an allocation cluster. @kernel SWAPFILE_CLUSTER, 2.6.34 */
export const SWAPFILE_CLUSTER = 256;
/** Map bytes examined between two voluntary breaks of a scan. @kernel LATENCY_LIMIT, 2.6.34 */
export const LATENCY_LIMIT = 256;

/** Flag of swapon: the low bits are a priority. @kernel SWAP_FLAG_PREFER, 2.6.34 */
export const SWAP_FLAG_PREFER = 0x8000;
/** Bits of the priority in the flags of swapon. @kernel SWAP_FLAG_PRIO_MASK, 2.6.34 */
export const SWAP_FLAG_PRIO_MASK = 0x7fff;

/** Slots that lie in one piece on the device. @kernel struct swap_extent, 2.6.34 */
export const SWAP_EXTENT = struct(
  'swap_extent',
  {
    /** First slot. */
    startPage: 'u32',
    /** Number of slots. */
    nrPages: 'u32',
    /** Block of the device where the first slot lies, in pages from its start. */
    startBlock: 'u32',
    /** Addresses of the extents behind and before it in their circle. */
    next: 'u32',
    previous: 'u32',
  },
  4,
);

/** An area. @kernel struct swap_info_struct, 2.6.34 */
export const SWAP_INFO = struct(
  'swap_info_struct',
  {
    /** SWP_ bits, and the number of scanning tasks times {@link SWP_SCANNING}. */
    flags: 'u32',
    /** 0 to 32767 as given, or automatic: -1, -2, ... */
    prio: 'i32',
    /** Own index. */
    type: 'i32',
    /** Type of the next area in order of priority, -1 at the end. */
    next: 'i32',
    /** Bytes in the map, so one more than the last slot; 0 when inactive. */
    max: 'u32',
    /** Byte address of the map, one byte a slot; 0 for none. */
    swapMap: 'u32',
    /** No free slot is below. */
    lowestBit: 'u32',
    /** No free slot is above; 0 means full. */
    highestBit: 'u32',
    /** Usable slots: neither the header nor bad. */
    pages: 'u32',
    /** Slots in use, bad ones not counted. */
    inusePages: 'u32',
    /** Slot where the next allocation starts to look. */
    clusterNext: 'u32',
    /** Allocations left before a new free cluster is looked for; wraps below 0. */
    clusterNr: 'u32',
    /** Lowest slot handed out while a cluster to discard is searched; 0 when none is. */
    lowestAlloc: 'u32',
    /** Highest such slot. */
    highestAlloc: 'u32',
    /** How many extents it has; 0 when inactive. */
    nrExtents: 'u32',
    /** The first {@link SWAP_EXTENT} itself, head of the circle. */
    firstExtent: ['i32', SWAP_EXTENT.$bytes / 4],
    /** Address of the extent found last. */
    currExtent: 'u32',
    /** Address of the newest page of further extents, 0 for none. `swap/extents.ts` */
    extentChunks: 'u32',
    /** Address of the block device it lies on, for a file that of its file system; 0 for an area without one. */
    bdev: 'u32',
    /** Address of what was opened: the block device, or the inode of a file. 0 when nothing is. */
    swapFile: 'u32',
    /** Block size to restore at swapoff, bytes. */
    oldBlockSize: 'u32',
    /** Symbol of the function to call when a slot is freed; 0 for none. */
    freeNotify: 'i32',
    /** Symbols of the operations of its address space; 0 for none. `swap/swap-spaces.ts` */
    writePage: 'i32',
    readPage: 'i32',
    dropPage: 'i32',
    /** Slots handed out since swapon. Not in the original. */
    allocated: 'u32',
    /** Slots freed since swapon. Not in the original. */
    freed: 'u32',
    /** Those of them freed while no function was installed. Not in the original. */
    freedUnreported: 'u32',
    /** Those of them a device that takes discards was to be told of at once, and was not. Not in the original. */
    missed: 'u32',
    /** Discards that could not be issued, with Atomics. Not in the original. */
    discardFailures: 'i32',
    /** Address of the table of clusters, 0 for none. @kernel swap_info_struct.cluster_info, 3.12 */
    clusters: 'u32',
    /** First and last cluster that waits to be discarded, 0 for none. @kernel swap_info_struct.discard_cluster_head, 3.12 */
    discardHead: 'u32',
    discardTail: 'u32',
    /** Clusters that are being discarded now. */
    discardsInFlight: 'u32',
    /** Address of the table of heads of continuation pages, 0 for none. `swap/continuations.ts` */
    mapPages: 'u32',
    /** Address of the summary of the map, 0 for none. `swap/slot-summary.ts` */
    freeSlots: 'u32',
  },
  64,
);

/** The global variables of the swap core. */
export const SWAP_GLOBALS = struct(
  'swap_globals',
  {
    /** Entries of the table ever used; never decreases. */
    nrSwapfiles: 'i32',
    /** Free slots less reservations; negative during a swapoff. */
    nrSwapPages: 'i32',
    /** Usable slots of all writable areas. */
    totalSwapPages: 'i32',
    /** Last automatic priority given. */
    leastPriority: 'i32',
    /** Type of the area with the highest priority, -1 for none. Stored plus one, so that zeroed memory is right. */
    listHead: 'i32',
    /** Type of the area where the next allocation starts, -1 for none. Stored plus one. */
    listNext: 'i32',
    /** State of the built-in random numbers. */
    randomState: 'i32',
    /** Areas that came back because their pages could not be brought home. Atomic. */
    areasPutBack: 'i32',
  },
  64,
);

/** How many areas a machine can have. */
export interface SwapLayoutOptions {
  /** 29 to 32; 30 when not given. Types from here on name things that are not swapped. */
  readonly maxSwapfiles?: number;
}

/** The regions and lock classes of {@link SwapTable}. */
export interface SwapTableRegions {
  readonly infos: Region;
  readonly globals: Region;
  readonly swapLock: Region;
  readonly swapLockClass: LockClass;
  readonly swaponMutex: Region;
  readonly swaponMutexClass: LockClass;
  readonly unplugSem: Region;
  readonly unplugSemClass: LockClass;
  readonly scannersGone: Region;
  readonly maxSwapfiles: number;
}

/**
 * Reserves the table of areas, the globals and their locks.
 * @param layout - not yet sealed
 * @param classes - gets `swap_lock`, `swapon_mutex` and `swap_unplug_sem`
 * @param options - size of the table
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE` when `maxSwapfiles` is not 29 to 32
 */
export function layoutSwapTable(
  layout: Layout,
  classes: LockClasses,
  options: SwapLayoutOptions = {},
): SwapTableRegions {
  const maxSwapfiles = options.maxSwapfiles ?? MAX_SWAPFILES_DEFAULT;
  if (
    !Number.isInteger(maxSwapfiles) ||
    maxSwapfiles < MAX_SWAPFILES_LEAST ||
    maxSwapfiles > MAX_SWAPFILES_LIMIT
  ) {
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `A machine has ${MAX_SWAPFILES_LEAST} to ${MAX_SWAPFILES_LIMIT} swap areas, but not ${maxSwapfiles}.`,
    );
  }
  return {
    infos: layout.structs('hot', 'swap_info', SWAP_INFO, maxSwapfiles),
    globals: layout.structs('hot', 'swap_globals', SWAP_GLOBALS, 1),
    swapLock: layoutLocks(layout, 'swap_lock'),
    swapLockClass: classes.define('swap_lock'),
    swaponMutex: layoutLocks(layout, 'swapon_mutex'),
    swaponMutexClass: classes.define('swapon_mutex'),
    unplugSem: layoutRwSemaphores(layout, 'swap_unplug_sem'),
    unplugSemClass: classes.define('swap_unplug_sem'),
    scannersGone: layoutWaitQueues(layout, 'swap_scanners_gone'),
    maxSwapfiles,
  };
}

// A constant of this module is part of the code that uses it; an exported one is loaded and checked at each use.
const AREA = SWAP_INFO;
const GLOBALS = SWAP_GLOBALS;

/** The table of areas as one thread sees it. */
export class SwapTable {
  readonly cells: Cells;
  readonly context: Context;
  /** @kernel mm/swapfile.c swap_lock */
  readonly swapLock: SpinLock;
  /** @kernel mm/swapfile.c swapon_mutex */
  readonly swaponMutex: Mutex;
  /** @kernel mm/swapfile.c swap_unplug_sem */
  readonly unplugSem: RwSemaphore;
  /** What swapoff sleeps on, a tick at a time, while tasks scan. */
  readonly scannersGone: WaitQueue;
  /** Size of the table; types from here on name things that are not swapped. */
  readonly maxSwapfiles: number;
  /** Byte address of {@link SWAP_GLOBALS}. */
  readonly globals: number;
  private readonly infos: number;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutSwapTable}
   */
  constructor(core: Core, regions: SwapTableRegions) {
    this.cells = core.cells;
    this.context = core.context;
    this.infos = regions.infos.base;
    this.globals = regions.globals.base;
    this.maxSwapfiles = regions.maxSwapfiles;
    this.swapLock = new SpinLock(core.locks, regions.swapLock.base, regions.swapLockClass);
    this.swaponMutex = new Mutex(core.locks, regions.swaponMutex.base, regions.swaponMutexClass);
    this.unplugSem = new RwSemaphore(core.context, regions.unplugSem.base, regions.unplugSemClass);
    this.scannersGone = new WaitQueue(core.context, regions.scannersGone.base);
  }

  /**
   * Address of an area.
   * @param type - 0 to `maxSwapfiles` - 1
   */
  infoOf(type: number): number {
    return this.infos + type * AREA.$bytes;
  }

  /**
   * Says that the caller must hold `swap_lock`.
   * @param who - the function that needs it
   */
  assertLocked(who: string): void {
    this.context.assertHeld(this.swapLock.address, who);
  }

  /** Entries of the table ever used. Any context. @racy read without swap_lock, as nr_swapfiles in 2.6.34; it only grows */
  nrSwapfiles(): number {
    return this.cells.ld32(this.globals + GLOBALS.nrSwapfiles);
  }

  /** Free slots less reservations, in pages; negative during a swapoff. Any context. @racy reclaim reads nr_swap_pages without swap_lock, as in 2.6.34 */
  nrSwapPages(): number {
    return this.cells.ld32(this.globals + GLOBALS.nrSwapPages);
  }

  /** Usable slots of all writable areas, in pages. Any context. @racy read without swap_lock, as total_swap_pages in 2.6.34 */
  totalSwapPages(): number {
    return this.cells.ld32(this.globals + GLOBALS.totalSwapPages);
  }

  /**
   * Changes the number of free slots. `swap_lock` held.
   * @param delta - pages
   */
  addSwapPages(delta: number): void {
    const address = this.globals + GLOBALS.nrSwapPages;
    this.cells.st32(address, this.cells.ld32(address) + delta);
  }

  /**
   * Changes the number of usable slots. `swap_lock` held.
   * @param delta - pages
   */
  addTotalSwapPages(delta: number): void {
    const address = this.globals + GLOBALS.totalSwapPages;
    this.cells.st32(address, this.cells.ld32(address) + delta);
  }

  /** How many areas came back so far because a swapoff could not bring their pages home. Any context. */
  areasPutBack(): number {
    return this.cells.atomicLoad(this.globals + GLOBALS.areasPutBack);
  }

  /** Counts an area that is back, slots and all. `swap_lock` held. */
  noteAreaPutBack(): void {
    this.cells.atomicAdd(this.globals + GLOBALS.areasPutBack, 1);
  }

  /** Type of the area with the highest priority, -1 for none. `swap_lock` held. */
  listHead(): number {
    return this.cells.ld32(this.globals + GLOBALS.listHead) - 1;
  }

  /** Type of the area where the next allocation starts, -1 for none. `swap_lock` held. */
  listNext(): number {
    return this.cells.ld32(this.globals + GLOBALS.listNext) - 1;
  }

  /**
   * Sets the head of the list. `swap_lock` held.
   * @param type - of an area on the list, or -1
   */
  setListHead(type: number): void {
    this.cells.st32(this.globals + GLOBALS.listHead, type + 1);
  }

  /**
   * Sets where the next allocation starts. `swap_lock` held.
   * @param type - of an area on the list, or -1
   */
  setListNext(type: number): void {
    this.cells.st32(this.globals + GLOBALS.listNext, type + 1);
  }

  /**
   * Whether more than half of the swap space is used. Any context; without the lock it is a hint.
   * @kernel include/linux/swap.h vm_swap_full, 2.6.34
   */
  vmSwapFull(): boolean {
    return this.nrSwapPages() * 2 < this.totalSwapPages();
  }

  /**
   * Whether an entry names no slot but something else that a pte can hold: a page under migration.
   * @param entry - any entry
   * @kernel include/linux/swapops.h non_swap_entry, 2.6.34
   */
  nonSwapEntry(entry: SwapEntry): boolean {
    return swpType(entry) >= this.maxSwapfiles;
  }

  /**
   * Adds to an unsigned counter or flag word of an area. `swap_lock` held.
   * @param address - of the field
   * @param delta - taken modulo 2^32
   */
  add(address: number, delta: number): void {
    this.cells.st32(address, (this.cells.ld32(address) + delta) | 0);
  }

  /**
   * Whether an area has a map, with a byte for a slot in it: not while it is prepared, and not any more once swapoff has taken the map.
   * `swap_lock` held.
   * @param area - address of the area
   * @param offset - any number
   */
  hasSlot(area: number, offset: number): boolean {
    return offset < this.cells.ldu32(area + AREA.max) && this.cells.ldu32(area + AREA.swapMap) !== 0;
  }

  /**
   * Map byte of a slot. `swap_lock` held, or a hint; 0 when the area has no map.
   * @param entry - names a slot of an area that was ever used
   * @racy swapoff looks at bytes of the map without swap_lock, as try_to_unuse does in 2.6.34, and looks again before it acts
   */
  mapByte(entry: SwapEntry): number {
    const area = this.infoOf(swpType(entry));
    const map = this.cells.ldu32(area + AREA.swapMap);
    const known = map !== 0 && swpOffset(entry) < this.cells.ldu32(area + AREA.max);
    return known ? this.cells.ld8(map + swpOffset(entry)) : 0;
  }

  /**
   * Block device of the area of an entry. Any context; the caller holds a reference on the slot.
   * @param entry - names a slot of an active area
   */
  bdevOf(entry: SwapEntry): number {
    return this.cells.ldu32(this.infoOf(swpType(entry)) + AREA.bdev);
  }
}

/**
 * The count of a map byte: the byte without its cache bit.
 * @param byte - map byte
 * @kernel mm/swapfile.c swap_count, 2.6.34
 */
export function swapCount(byte: number): number {
  return byte & ~SWAP_HAS_CACHE;
}
