/**
 * Preparing a swap area: its header is read and judged, its map made, its slots found on the disk, its device told that all of it is free.
 *
 * Promise: the steps and their errors come in the order of 2.6.34. Nobody can see the area meanwhile, so no lock is taken, except that the mutex
 * of a file's inode is held all the time. Each function that fails gives back what it took. All functions may sleep.
 *
 * `swapon.ts` says whose area it is, and makes it visible.
 */
import { BLOCK_DEVICE, BLOCK_NONROTATIONAL } from '../block/device.js';
import type { FileSystem } from '../block/files.js';
import { EINVAL, ENOMEM } from '../errno.js';
import { PAGE_SIZE } from '../arena/memory.js';
import { GFP_KERNEL, type PageAllocator } from '../page/page.js';
import type { Vmalloc } from '../page/vmalloc.js';
import { KERN_ERR, KERN_WARNING } from '../trace/events.js';
import type { Trace } from '../trace/trace.js';
import { maxPagesOfPte } from './entries.js';
import type { SwapClusters } from './clusters.js';
import type { SwapCountContinuations } from './continuations.js';
import type { SwapDiscard } from './discard.js';
import type { ExtentShape, SwapExtents } from './extents.js';
import { MAX_SWAP_BADPAGES, parseSwapHeader, SWAP_HEADER_VERSION, type SwapHeader } from './header.js';
import {
  SWAP_GLOBALS,
  SWAP_INFO,
  SWAP_MAP_BAD,
  SWP_DISCARDABLE,
  SWP_SOLIDSTATE,
  type SwapTable,
} from './info.js';

/** An unsigned 32-bit random number. */
export type SwapRandom = () => number;

/** What an area shall be. */
export interface AreaPlan {
  /** Last usable slot, as the header says. */
  readonly lastPage: number;
  /** Number of bad pages, as the header says. */
  readonly nrBadpages: number;
  /** The bad pages, empty when there are too many. */
  readonly badpages: readonly number[];
  /** Address of the block device or of the inode, 0 for an area without one. */
  readonly swapFile: number;
  /** Where the slots of an area without a device are said to lie; null for one piece from block 0 on. */
  readonly extents: readonly ExtentShape[] | null;
}

/** What preparing an area needs. */
export interface AreaParts {
  readonly table: SwapTable;
  readonly trace: Trace;
  readonly vmalloc: Vmalloc;
  readonly pages: PageAllocator;
  readonly files: FileSystem;
  readonly extents: SwapExtents;
  readonly discard: SwapDiscard;
  readonly clusters: SwapClusters;
  readonly continuations: SwapCountContinuations;
  /** Random numbers; null for the built-in ones, which are the same in every run. */
  readonly random: SwapRandom | null;
}

/** Step of the built-in random numbers: an odd number with well-spread bits. */
const RANDOM_STEP = 0x9e37_79b9;

/** The first half of swapon. One per thread. */
export class AreaPreparation {
  readonly table: SwapTable;
  readonly trace: Trace;
  readonly vmalloc: Vmalloc;
  readonly pages: PageAllocator;
  readonly files: FileSystem;
  readonly extents: SwapExtents;
  readonly discard: SwapDiscard;
  readonly clusters: SwapClusters;
  readonly continuations: SwapCountContinuations;
  private readonly random: SwapRandom | null;

  /** @param parts - what it stands on */
  constructor(parts: AreaParts) {
    this.table = parts.table;
    this.trace = parts.trace;
    this.vmalloc = parts.vmalloc;
    this.pages = parts.pages;
    this.files = parts.files;
    this.extents = parts.extents;
    this.discard = parts.discard;
    this.clusters = parts.clusters;
    this.continuations = parts.continuations;
    this.random = parts.random;
  }

  /**
   * Reads and judges the header.
   * @param swapFile - address of a claimed block device or of an inode
   * @returns the header, or a negative errno: -ENOMEM, -EIO, -EINVAL
   */
  readHeader(swapFile: number): SwapHeader | number {
    const { pages } = this;
    const page = pages.allocPage(GFP_KERNEL);
    if (page === 0) return -ENOMEM;
    const address = pages.addressOf(page);
    const error = this.files.readPage(swapFile, 0, address);
    const header = error === 0 ? this.parseHeader(address) : null;
    pages.freePage(page);
    if (error !== 0) return error;
    if (header === null) return this.refuse('Unable to find swap-space signature', KERN_ERR);
    if (header.version === SWAP_HEADER_VERSION) return header;
    // Logged as a signed number.
    return this.refuse(`Unable to handle swap header version ${header.version | 0}`, KERN_WARNING);
  }

  /**
   * Reads a header where it lies in memory. Nothing it holds makes this read or write outside of its page.
   * @param address - of the page frame
   * @returns what it says, or null when the signature is missing
   */
  parseHeader(address: number): SwapHeader | null {
    return parseSwapHeader(this.table.cells.arena.u8.subarray(address, address + PAGE_SIZE));
  }

  /**
   * How many slots an area has, the header included: one more than the last one, as far as a page-table entry can name them. (The original counts
   * in 32 bits; a page-table entry ends long before that matters.)
   * @param lastPage - last usable slot, as the header says
   * @returns length of the map
   * @kernel mm/swapfile.c sys_swapon, 2.6.34
   */
  slotsUpTo(lastPage: number): number {
    const maxPages = maxPagesOfPte();
    return maxPages > lastPage ? lastPage + 1 : maxPages;
  }

  /**
   * Fills in an area, and makes its map and whatever else it needs.
   * @param area - address of the area
   * @param plan - what it shall be
   * @returns address of the map; or -EINVAL or -ENOMEM, with nothing taken
   * @kernel mm/swapfile.c sys_swapon, 2.6.34
   */
  prepareArea(area: number, plan: AreaPlan): number {
    const { cells } = this.table;
    const { swapFile } = plan;
    const maxPages = this.slotsUpTo(plan.lastPage);
    cells.st32(area + SWAP_INFO.lowestBit, 1);
    cells.st32(area + SWAP_INFO.clusterNext, 1);
    cells.st32(area + SWAP_INFO.clusterNr, 0);
    cells.st32(area + SWAP_INFO.highestBit, maxPages - 1);
    if (maxPages === 0) return -EINVAL;
    const sizePages = swapFile === 0 ? 0 : Math.floor(this.files.sizeOf(swapFile) / PAGE_SIZE);
    if (sizePages !== 0 && maxPages > sizePages)
      return this.refuse('Swap area shorter than signature indicates', KERN_WARNING);
    if (plan.nrBadpages !== 0 && this.files.isInode(swapFile)) return -EINVAL;
    if (plan.nrBadpages > MAX_SWAP_BADPAGES) return -EINVAL;
    const map = this.vmalloc.vmalloc(maxPages);
    if (map === 0) return -ENOMEM;
    const error = this.fillArea(area, map, maxPages, plan);
    if (error === 0) return map;
    this.undoArea(area, map);
    return error;
  }

  /**
   * Counts the usable slots, and finds out where they lie.
   * @param area - address of the area
   * @param map - its zeroed map
   * @param maxPages - length of the map
   * @param plan - what it shall be
   * @returns 0, -EINVAL or -ENOMEM; then {@link undoArea} gives back what was taken
   */
  fillArea(area: number, map: number, maxPages: number, plan: AreaPlan): number {
    const { cells } = this.table;
    const goodPages = this.setUpSwapMap(map, maxPages, plan.lastPage, plan.badpages);
    if (goodPages < 0) return goodPages;
    cells.st32(area + SWAP_INFO.pages, goodPages);
    if (goodPages !== 0) {
      cells.st8(map, SWAP_MAP_BAD);
      cells.st32(area + SWAP_INFO.max, maxPages);
      const { extents, swapFile } = plan;
      const found =
        extents === null
          ? this.extents.setupSwapExtents(area, swapFile)
          : this.extents.useExtents(area, extents);
      if (found < 0) return found;
    }
    // Not all pages of a file can be used, so there may be fewer now.
    if (cells.ldu32(area + SWAP_INFO.pages) === 0) return this.refuse('Empty swap-file', KERN_WARNING);
    cells.st32(area + SWAP_INFO.inusePages, 0);
    cells.st32(area + SWAP_INFO.missed, 0);
    cells.st32(area + SWAP_INFO.discardFailures, 0);
    return this.continuations.create(area);
  }

  /**
   * Gives back all that preparing an area has taken, whatever of it that is.
   * @param area - address of the area
   * @param map - its map
   */
  undoArea(area: number, map: number): void {
    this.clusters.destroy(area);
    this.continuations.destroy(area);
    this.extents.destroySwapExtents(area);
    this.vmalloc.vfree(map);
    // 2.6.34 leaves it, for an area without a map; nobody looks.
    this.table.cells.st32(area + SWAP_INFO.max, 0);
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
   * Whether seeking costs nothing on the device of an area.
   * @param area - address of an area with a device
   * @kernel include/linux/blkdev.h blk_queue_nonrot, 2.6.34
   */
  isNonrotational(area: number): boolean {
    const { cells } = this.table;
    return (cells.ld32(cells.ldu32(area + SWAP_INFO.bdev) + BLOCK_DEVICE.flags) & BLOCK_NONROTATIONAL) !== 0;
  }

  /**
   * Starts the cursor of an area anywhere, so that the first slots do not wear out first.
   * @param area - address of a prepared area
   * @param random32 - unsigned 32-bit
   */
  markSolidState(area: number, random32: number): void {
    const { cells } = this.table;
    cells.st32(area + SWAP_INFO.flags, cells.ldu32(area + SWAP_INFO.flags) | SWP_SOLIDSTATE);
    cells.st32(area + SWAP_INFO.clusterNext, 1 + (random32 % cells.ldu32(area + SWAP_INFO.highestBit)));
  }

  /**
   * Discards an area and remembers that it takes discards; it may as well take none.
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

  /** Logs why a header is not taken. */
  private refuse(complaint: string, level: number): number {
    this.trace.printk(complaint, level);
    return -EINVAL;
  }
}
