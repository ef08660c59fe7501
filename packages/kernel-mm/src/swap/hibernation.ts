/**
 * What hibernation asks of the swap core: an area for its image, slots of it one by one, and all of them back when it fails.
 *
 * A slot taken for an image has one user and no page in the swap cache, so nobody else frees it. Which slots those are is remembered as
 * extents, runs of neighbouring slots, or a hibernation that fails could not give them back. The original keeps them in a tree; here they
 * are a list in order of slots, in pages from the frame allocator.
 *
 * Lock: none of its own, as in 2.6.34: one task at a time hibernates, and records slots of one area only. All functions may sleep and are
 * called without spinlocks. @kernel mm/swapfile.c under CONFIG_HIBERNATION and kernel/power/swap.c, 2.6.34
 */
import type { Layout, Region } from '../arena/layout.js';
import { PAGE_SIZE } from '../arena/memory.js';
import { struct } from '../arena/struct.js';
import type { BlockDevices } from '../block/device.js';
import { EINVAL, ENODEV, ENOMEM } from '../errno.js';
import { GFP_KERNEL, PAGE, type PageAllocator } from '../page/page.js';
import type { SlotAllocator } from './alloc.js';
import type { SlotCounts } from './counts.js';
import { swpEntry, swpOffset } from './entries.js';
import type { SwapExtents } from './extents.js';
import { SWAP_EXTENT, SWAP_INFO, SWP_WRITEOK, type SwapTable } from './info.js';

/** What is remembered about the slots of an image. */
export const HIBERNATION = struct('hibernation', {
  /** Address of the extent with the lowest slots, 0 for none. */
  extents: 'u32',
  /** Address of the first extent that is not in use, 0 for none. */
  spare: 'u32',
  /** Descriptor of the first page of extents, linked by `lruNext`; 0 for none. */
  pages: 'u32',
});

/** A run of slots of an image. @kernel struct swsusp_extent, 2.6.34 */
export const SWSUSP_EXTENT = struct(
  'swsusp_extent',
  {
    /** First slot. */
    start: 'u32',
    /** Last slot. */
    end: 'u32',
    /** Address of the run behind it, 0 for none. */
    next: 'u32',
  },
  4,
);

const EXTENTS_PER_PAGE = Math.floor(PAGE_SIZE / SWSUSP_EXTENT.$bytes);

/** An area that an image can go to, or comes from. */
export interface HibernationArea {
  readonly type: number;
  /** Address of its block device, opened for the caller, who closes it; 0 for an area without one. */
  readonly bdev: number;
}

/** What hibernation stands on. */
export interface SwapHibernationParts {
  readonly table: SwapTable;
  readonly allocator: SlotAllocator;
  readonly counts: SlotCounts;
  readonly extents: SwapExtents;
  readonly devices: BlockDevices;
  readonly pages: PageAllocator;
}

/**
 * Reserves what is remembered about an image.
 * @param layout - not yet sealed
 */
export function layoutHibernation(layout: Layout): Region {
  return layout.structs('cold', 'hibernation', HIBERNATION, 1);
}

/** Hibernation's side of the swap core. One per thread. */
export class SwapHibernation {
  readonly table: SwapTable;
  readonly allocator: SlotAllocator;
  readonly counts: SlotCounts;
  readonly extents: SwapExtents;
  readonly devices: BlockDevices;
  readonly pages: PageAllocator;
  private readonly state: number;

  /**
   * @param region - from {@link layoutHibernation}
   * @param parts - what it stands on
   */
  constructor(region: Region, parts: SwapHibernationParts) {
    this.state = region.base;
    this.table = parts.table;
    this.allocator = parts.allocator;
    this.counts = parts.counts;
    this.extents = parts.extents;
    this.devices = parts.devices;
    this.pages = parts.pages;
  }

  /**
   * Finds the area for an image, or the one it is in. Takes `swap_lock`.
   * @param bdev - address of the block device, or 0 for the first writable area of all
   * @param offset - block of the device where the header of the area lies, in pages: 0 unless the area is a file
   * @returns the area, its device opened once more; or -ENODEV when there is none such that is writable
   * @kernel mm/swapfile.c swap_type_of, 2.6.34
   */
  swapTypeOf(bdev: number, offset: number): HibernationArea | number {
    const { table } = this;
    const { cells } = table;
    table.swapLock.lock();
    let type = 0;
    let device: number;
    try {
      while (type < table.nrSwapfiles() && !this.isWanted(table.infoOf(type), bdev, offset)) type++;
      if (type === table.nrSwapfiles()) return -ENODEV;
      device = cells.ldu32(table.infoOf(type) + SWAP_INFO.bdev);
    } finally {
      table.swapLock.unlock();
    }
    if (device !== 0) this.devices.open(device);
    return { type, bdev: device };
  }

  /**
   * Takes a slot for a page of the image, and remembers it.
   * @param type - any number
   * @returns block of the device in pages; 0 when there is no writable area of this type, no slot, or no memory to remember it
   * @kernel kernel/power/swap.c alloc_swapdev_block, 2.6.34
   */
  allocSwapdevBlock(type: number): number {
    const entry = this.allocator.getSwapPageOfType(type);
    if (entry === 0) return 0;
    const offset = swpOffset(entry);
    if (this.swsuspExtentsInsert(offset) === 0) return this.extents.swapdevBlock(type, offset);
    this.counts.swapFree(entry);
    return 0;
  }

  /**
   * Remembers a slot.
   * @param offset - slot
   * @returns 0; -EINVAL when it is remembered already; -ENOMEM
   * @kernel kernel/power/swap.c swsusp_extents_insert, 2.6.34
   */
  swsuspExtentsInsert(offset: number): number {
    const { cells } = this.table;
    let previous = 0;
    let link = this.state + HIBERNATION.extents;
    let extent = cells.ldu32(link);
    while (extent !== 0 && cells.ldu32(extent + SWSUSP_EXTENT.end) < offset) {
      previous = extent;
      link = extent + SWSUSP_EXTENT.next;
      extent = cells.ldu32(link);
    }
    const start = extent === 0 ? -1 : cells.ldu32(extent + SWSUSP_EXTENT.start);
    if (extent !== 0 && start <= offset) return -EINVAL;
    const followsPrevious = previous !== 0 && cells.ldu32(previous + SWSUSP_EXTENT.end) + 1 === offset;
    const precedesNext = start === offset + 1;
    if (followsPrevious && precedesNext) {
      cells.st32(previous + SWSUSP_EXTENT.end, cells.ldu32(extent + SWSUSP_EXTENT.end));
      cells.st32(link, cells.ldu32(extent + SWSUSP_EXTENT.next));
      this.putSpare(extent);
    } else if (followsPrevious) {
      cells.st32(previous + SWSUSP_EXTENT.end, offset);
    } else if (precedesNext) {
      cells.st32(extent + SWSUSP_EXTENT.start, offset);
    } else {
      const fresh = this.takeSpare();
      if (fresh === 0) return -ENOMEM;
      cells.st32(fresh + SWSUSP_EXTENT.start, offset);
      cells.st32(fresh + SWSUSP_EXTENT.end, offset);
      cells.st32(fresh + SWSUSP_EXTENT.next, extent);
      cells.st32(link, fresh);
    }
    return 0;
  }

  /**
   * Gives all slots of the image back, and forgets them.
   * @param type - the area they were taken of
   * @kernel kernel/power/swap.c free_all_swap_pages, 2.6.34
   */
  freeAllSwapPages(type: number): void {
    const { cells } = this.table;
    let extent = cells.ldu32(this.state + HIBERNATION.extents);
    for (; extent !== 0; extent = cells.ldu32(extent + SWSUSP_EXTENT.next)) {
      const end = cells.ldu32(extent + SWSUSP_EXTENT.end);
      for (let offset = cells.ldu32(extent + SWSUSP_EXTENT.start); offset <= end; offset++) {
        this.counts.swapFree(swpEntry(type, offset));
      }
    }
    let page = cells.ldu32(this.state + HIBERNATION.pages);
    cells.st32(this.state + HIBERNATION.extents, 0);
    cells.st32(this.state + HIBERNATION.spare, 0);
    cells.st32(this.state + HIBERNATION.pages, 0);
    while (page !== 0) {
      const next = cells.ldu32(page + PAGE.lruNext);
      this.pages.freePage(page);
      page = next;
    }
  }

  /** Whether an image has any slots. @kernel kernel/power/swap.c swsusp_swap_in_use, 2.6.34 */
  swsuspSwapInUse(): boolean {
    return this.table.cells.ldu32(this.state + HIBERNATION.extents) !== 0;
  }

  /** The slots of the image: first and last slot of each run, in order. */
  runs(): [first: number, last: number][] {
    const { cells } = this.table;
    const runs: [number, number][] = [];
    let extent = cells.ldu32(this.state + HIBERNATION.extents);
    for (; extent !== 0; extent = cells.ldu32(extent + SWSUSP_EXTENT.next)) {
      runs.push([cells.ldu32(extent + SWSUSP_EXTENT.start), cells.ldu32(extent + SWSUSP_EXTENT.end)]);
    }
    return runs;
  }

  private isWanted(area: number, bdev: number, offset: number): boolean {
    const { cells } = this.table;
    if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_WRITEOK) === 0) return false;
    if (bdev === 0) return true;
    const header = cells.ldu32(area + SWAP_INFO.firstExtent + SWAP_EXTENT.startBlock);
    return cells.ldu32(area + SWAP_INFO.bdev) === bdev && header === offset;
  }

  /** An extent to be filled in, 0 when there is no memory. */
  private takeSpare(): number {
    const { cells } = this.table;
    if (cells.ldu32(this.state + HIBERNATION.spare) === 0 && !this.addSpares()) return 0;
    const extent = cells.ldu32(this.state + HIBERNATION.spare);
    cells.st32(this.state + HIBERNATION.spare, cells.ldu32(extent + SWSUSP_EXTENT.next));
    return extent;
  }

  private putSpare(extent: number): void {
    const { cells } = this.table;
    cells.st32(extent + SWSUSP_EXTENT.next, cells.ldu32(this.state + HIBERNATION.spare));
    cells.st32(this.state + HIBERNATION.spare, extent);
  }

  private addSpares(): boolean {
    const { cells } = this.table;
    const page = this.pages.allocPage(GFP_KERNEL);
    if (page === 0) return false;
    cells.st32(page + PAGE.lruNext, cells.ldu32(this.state + HIBERNATION.pages));
    cells.st32(this.state + HIBERNATION.pages, page);
    const first = this.pages.addressOf(page);
    for (let index = EXTENTS_PER_PAGE - 1; index >= 0; index--)
      this.putSpare(first + index * SWSUSP_EXTENT.$bytes);
    return true;
  }
}
