/**
 * Extents: where the slots of an area lie on its device.
 *
 * An area is a row of slots; on the device it is cut into runs of whole pages, as many as it takes: one for a block device, any number, in any
 * order on the disk, for a file. Each run is a `swap_extent`. They form a circle in order of their first slots; the first one lies in the area
 * itself, the others in pages of table memory.
 *
 * Promise: the extents of an active area cover its slots from 0 on without gap or overlap, and no two of them share a block. Blocks are counted
 * in pages from the start of the device.
 *
 * No lock. The circle is built by swapon while nobody can see the area, and destroyed by swapoff when no slot is in use any more; in between it
 * does not change. Whoever looks a slot up holds a reference to it, so that the area stays. `currExtent`, the extent found last, is read and
 * written by everybody without a lock: any extent of the area is right, only some are found sooner.
 */
import { PAGE_SIZE } from '../arena/memory.js';
import { struct } from '../arena/struct.js';
import type { FileSystem } from '../block/files.js';
import { EINVAL, ENOMEM } from '../errno.js';
import type { Vmalloc } from '../page/vmalloc.js';
import { KERN_ERR } from '../trace/events.js';
import type { Trace } from '../trace/trace.js';
import { swpEntry, swpOffset, swpType, type SwapEntry } from './entries.js';
import * as info from './info.js';
import type { SwapTable } from './info.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { SWAP_EXTENT, SWAP_INFO, SWP_WRITEOK } = info;

/** Head of a page of extents. */
export const SWAP_EXTENT_CHUNK = struct('swap_extent_chunk', {
  /** The chunk made before this one, 0 for none. */
  next: 'u32',
  /** Extents in it. */
  used: 'u32',
});

/** Extents in one page of table memory. */
export const EXTENTS_PER_CHUNK = Math.floor((PAGE_SIZE - SWAP_EXTENT_CHUNK.$bytes) / SWAP_EXTENT.$bytes);

/** A run of slots on a device: first slot, number of slots, first block of the device in pages. */
export type ExtentShape = readonly [startPage: number, nrPages: number, startBlock: number];

// An imported offset is looked up at each use; these are on the way of every page.
const NR_EXTENTS = SWAP_INFO.nrExtents;
const FIRST_PAGES = SWAP_INFO.firstExtent + SWAP_EXTENT.nrPages;
const FIRST_BLOCK = SWAP_INFO.firstExtent + SWAP_EXTENT.startBlock;

/** The extents of the areas, as one thread sees them. */
export class SwapExtents {
  readonly table: SwapTable;
  readonly vmalloc: Vmalloc;
  readonly files: FileSystem;
  readonly trace: Trace;

  /**
   * @param table - the areas
   * @param vmalloc - where extents come from
   * @param files - knows where the blocks of a file are
   * @param trace - where complaints are told
   */
  constructor(table: SwapTable, vmalloc: Vmalloc, files: FileSystem, trace: Trace) {
    this.table = table;
    this.vmalloc = vmalloc;
    this.files = files;
    this.trace = trace;
  }

  /**
   * Makes the circle of an area that has just been claimed: its first extent alone, of no pages.
   * @param area - address of the area
   */
  initialise(area: number): void {
    const { cells } = this.table;
    const first = area + SWAP_INFO.firstExtent;
    cells.st32(area + SWAP_INFO.nrExtents, 0);
    cells.st32(area + SWAP_INFO.extentChunks, 0);
    cells.st32(area + SWAP_INFO.currExtent, first);
    this.fill(first, 0, 0, 0);
    cells.st32(first + SWAP_EXTENT.next, first);
    cells.st32(first + SWAP_EXTENT.previous, first);
  }

  /**
   * Appends slots to an area nobody can see yet. May sleep.
   * @param area - address of the area
   * @param startPage - first slot: the one behind the last extent, or 0 to begin
   * @param nrPages - how many slots
   * @param startBlock - block of the device where the first one lies, in pages
   * @returns 1 when there is an extent more; 0 when the last one goes on; or -ENOMEM
   * @kernel mm/swapfile.c add_swap_extent, 2.6.34
   */
  addSwapExtent(area: number, startPage: number, nrPages: number, startBlock: number): number {
    const { cells } = this.table;
    const first = area + SWAP_INFO.firstExtent;
    if (startPage === 0) {
      cells.st32(area + SWAP_INFO.currExtent, first);
      this.fill(first, 0, nrPages, startBlock);
      return 1;
    }
    const last = cells.ldu32(first + SWAP_EXTENT.previous);
    const lastPages = cells.ldu32(last + SWAP_EXTENT.nrPages);
    const due = cells.ldu32(last + SWAP_EXTENT.startPage) + lastPages;
    if (startPage !== due) {
      this.table.context.bug(
        `Extents of swap area ${cells.ld32(area + SWAP_INFO.type)} leave a gap: slot ${startPage} follows where ${due} is due.`,
      );
    }
    if (startBlock === cells.ldu32(last + SWAP_EXTENT.startBlock) + lastPages) {
      cells.st32(last + SWAP_EXTENT.nrPages, lastPages + nrPages);
      return 0;
    }
    const extent = this.allocate(area);
    if (extent === 0) return -ENOMEM;
    this.fill(extent, startPage, nrPages, startBlock);
    cells.st32(extent + SWAP_EXTENT.previous, last);
    cells.st32(extent + SWAP_EXTENT.next, first);
    cells.st32(last + SWAP_EXTENT.next, extent);
    cells.st32(first + SWAP_EXTENT.previous, extent);
    return 1;
  }

  /**
   * Finds out where the slots of an area lie, while nobody can see it. Of a file only whole pages that lie in one piece at a page boundary
   * of the disk can be used; where that leaves fewer slots than asked for, `max`, `pages` and `highestBit` become less. May sleep.
   * @param area - address of the area; `max` and `pages` are those of the header
   * @param swapFile - address of its block device or of its inode, or 0 for an area that is one piece by itself
   * @returns number of extents; 0 for a file without a usable page; -EINVAL for a file with holes; -ENOMEM
   * @kernel mm/swapfile.c setup_swap_extents, 2.6.34
   */
  setupSwapExtents(area: number, swapFile: number): number {
    const { cells } = this.table;
    const found = this.files.isInode(swapFile)
      ? this.setupFileExtents(area, swapFile)
      : this.addSwapExtent(area, 0, cells.ldu32(area + SWAP_INFO.max), 0);
    if (found >= 0) cells.st32(area + SWAP_INFO.nrExtents, found);
    return found;
  }

  /**
   * Walks over the blocks of a file, and appends each page that can be used.
   * @param area - as in {@link setupSwapExtents}
   * @param inode - a regular file; its mutex is held
   * @returns as {@link setupSwapExtents}
   */
  setupFileExtents(area: number, inode: number): number {
    const { files } = this;
    const { cells, context } = this.table;
    const blockBytes = files.blockBytesOf(inode);
    const blocksPerPage = PAGE_SIZE / blockBytes;
    const blocks = Math.floor(files.sizeOf(inode) / blockBytes);
    const max = cells.ldu32(area + SWAP_INFO.max);
    let extents = 0;
    let pageNo = 0;
    let probe = 0;
    while (probe + blocksPerPage <= blocks && pageNo < max) {
      context.step();
      const block = this.pageAt(inode, probe, blocksPerPage);
      if (block < 0) {
        this.trace.printk('swapon: swapfile has holes', KERN_ERR);
        return block;
      }
      if (block === 0) {
        // These blocks are no whole page of the disk: this one block is lost, and the next page is looked for behind it.
        probe++;
        continue;
      }
      const added = this.addSwapExtent(area, pageNo, 1, block / blocksPerPage);
      if (added < 0) return added;
      extents += added;
      pageNo++;
      probe += blocksPerPage;
    }
    // Without a single page it is said to be empty, not to have -1 slots.
    this.shrink(area, Math.max(pageNo, 1));
    return extents;
  }

  /**
   * Gives an area the extents it is said to have, for replaying what was recorded. Nobody can see the area yet. May sleep.
   * @param area - address of the area
   * @param extents - in order of their slots
   * @returns number of extents; -EINVAL when they do not cover the slots of the area without a gap; -ENOMEM
   */
  useExtents(area: number, extents: readonly ExtentShape[]): number {
    const { cells } = this.table;
    let count = 0;
    let due = 0;
    for (const [startPage, nrPages, startBlock] of extents) {
      if (startPage !== due || nrPages <= 0) return -EINVAL;
      const added = this.addSwapExtent(area, startPage, nrPages, startBlock);
      if (added < 0) return added;
      count += added;
      due += nrPages;
    }
    cells.st32(area + SWAP_INFO.nrExtents, count);
    return due === cells.ldu32(area + SWAP_INFO.max) ? count : -EINVAL;
  }

  /**
   * How far apart on the disk the slots of an area lie; the header does not count. Nobody can see the area yet.
   * @param area - address of an area with at least one usable slot
   * @returns pages; for a whole device its usable slots, bad ones not counted
   * @kernel the span of setup_swap_extents, 2.6.34
   */
  spanOf(area: number): number {
    const { cells } = this.table;
    if (cells.ldu32(area + NR_EXTENTS) === 1 && cells.ldu32(area + FIRST_BLOCK) === 0)
      return cells.ldu32(area + SWAP_INFO.pages);
    const first = area + SWAP_INFO.firstExtent;
    let lowest = Number.POSITIVE_INFINITY;
    let end = 0;
    let extent = first;
    do {
      const start = cells.ldu32(extent + SWAP_EXTENT.startBlock);
      const behind = start + cells.ldu32(extent + SWAP_EXTENT.nrPages);
      const usable = extent === first ? start + 1 : start;
      if (usable < behind) {
        lowest = Math.min(lowest, usable);
        end = Math.max(end, behind);
      }
      extent = cells.ldu32(extent + SWAP_EXTENT.next);
    } while (extent !== first);
    return end - lowest;
  }

  /**
   * Gives back the extents of an area nobody uses any more. May sleep.
   * @param area - address of the area
   * @kernel mm/swapfile.c destroy_swap_extents, 2.6.34
   */
  destroySwapExtents(area: number): void {
    const { cells } = this.table;
    let chunk = cells.ldu32(area + SWAP_INFO.extentChunks);
    this.initialise(area);
    while (chunk !== 0) {
      const next = cells.ldu32(chunk + SWAP_EXTENT_CHUNK.next);
      this.vmalloc.vfree(chunk);
      chunk = next;
    }
  }

  /**
   * Where a slot lies. Any context; the caller holds a reference to the slot.
   * @param entry - names a slot of an active area
   * @returns block of the device of the area, in pages from its start
   * @kernel mm/swapfile.c map_swap_entry and map_swap_page, 2.6.34
   */
  mapSwapEntry(entry: SwapEntry): number {
    const { cells } = this.table;
    const area = this.table.infoOf(swpType(entry));
    const offset = swpOffset(entry);
    // Most areas are whole devices: with one extent there is nothing to look for, and nothing to remember.
    if (cells.ldu32(area + NR_EXTENTS) === 1 && offset < cells.ldu32(area + FIRST_PAGES))
      return cells.ldu32(area + FIRST_BLOCK) + offset;
    const extent = this.findExtent(area, offset);
    cells.st32(area + SWAP_INFO.currExtent, extent);
    const within = offset - cells.ldu32(extent + SWAP_EXTENT.startPage);
    return cells.ldu32(extent + SWAP_EXTENT.startBlock) + within;
  }

  /**
   * The extent of a slot, looked for in a circle from the one found last. Context as for {@link mapSwapEntry}; the machine stops when there
   * is none.
   * @param area - address of the area
   * @param offset - the slot
   * @returns address of the extent
   */
  findExtent(area: number, offset: number): number {
    const { cells } = this.table;
    const start = cells.ldu32(area + SWAP_INFO.currExtent);
    let extent = start;
    do {
      const within = offset - cells.ldu32(extent + SWAP_EXTENT.startPage);
      if (within >= 0 && within < cells.ldu32(extent + SWAP_EXTENT.nrPages)) return extent;
      extent = cells.ldu32(extent + SWAP_EXTENT.next);
    } while (extent !== start);
    return this.table.context.bug(
      `Slot ${offset} of swap area ${cells.ld32(area + SWAP_INFO.type)} lies in none of its ${cells.ldu32(area + NR_EXTENTS)} extent(s).`,
    );
  }

  /**
   * Where a slot lies, for whoever holds no reference but knows that the area stays: hibernation.
   * @param type - any number
   * @param offset - a slot of the area, if there is such an area
   * @returns block of the device in pages; 0 when there is no writable area of this type
   * @kernel mm/swapfile.c swapdev_block, 2.6.34
   */
  swapdevBlock(type: number, offset: number): number {
    const { table } = this;
    if (!Number.isInteger(type) || type < 0 || type >= table.nrSwapfiles()) return 0;
    const isWritable = (table.cells.ldu32(table.infoOf(type) + SWAP_INFO.flags) & SWP_WRITEOK) !== 0;
    return isWritable ? this.mapSwapEntry(swpEntry(type, offset)) : 0;
  }

  /**
   * The blocks of a page, if it lies in one piece at a page boundary of the disk.
   * @param inode - a regular file
   * @param probe - first block of the file
   * @param blocksPerPage - blocks of the file in a page
   * @returns first block on the disk, in blocks of the file system; 0 when they are no page of the disk; -EINVAL for a hole
   */
  private pageAt(inode: number, probe: number, blocksPerPage: number): number {
    const first = this.files.bmap(inode, probe);
    if (first === 0) return -EINVAL;
    if (first % blocksPerPage !== 0) return 0;
    for (let within = 1; within < blocksPerPage; within++) {
      const block = this.files.bmap(inode, probe + within);
      if (block === 0) return -EINVAL;
      if (block !== first + within) return 0;
    }
    return first;
  }

  /** Leaves an area with the slots that were found. */
  private shrink(area: number, max: number): void {
    const { cells } = this.table;
    cells.st32(area + SWAP_INFO.max, max);
    cells.st32(area + SWAP_INFO.pages, max - 1);
    cells.st32(area + SWAP_INFO.highestBit, max - 1);
  }

  private fill(extent: number, startPage: number, nrPages: number, startBlock: number): void {
    const { cells } = this.table;
    cells.st32(extent + SWAP_EXTENT.startPage, startPage);
    cells.st32(extent + SWAP_EXTENT.nrPages, nrPages);
    cells.st32(extent + SWAP_EXTENT.startBlock, startBlock);
  }

  /** A place for an extent in the newest chunk of an area, 0 when there is no memory for another chunk. */
  private allocate(area: number): number {
    const { cells } = this.table;
    let chunk = cells.ldu32(area + SWAP_INFO.extentChunks);
    let used = chunk === 0 ? EXTENTS_PER_CHUNK : cells.ldu32(chunk + SWAP_EXTENT_CHUNK.used);
    if (used === EXTENTS_PER_CHUNK) {
      const fresh = this.vmalloc.vmalloc(PAGE_SIZE);
      if (fresh === 0) return 0;
      cells.st32(fresh + SWAP_EXTENT_CHUNK.next, chunk);
      cells.st32(area + SWAP_INFO.extentChunks, fresh);
      chunk = fresh;
      used = 0;
    }
    cells.st32(chunk + SWAP_EXTENT_CHUNK.used, used + 1);
    return chunk + SWAP_EXTENT_CHUNK.$bytes + used * SWAP_EXTENT.$bytes;
  }
}

/** Blocks of a device: the first one, and the one behind the last. */
interface Run {
  readonly start: number;
  readonly end: number;
}

function byStart(one: Run, other: Run): number {
  return one.start - other.start;
}

/**
 * I18: what is wrong with the extents of an active area. `swap_lock` held.
 * @param table - the areas
 * @param type - index of the area
 * @returns one sentence for each broken promise
 */
export function checkExtents(table: SwapTable, type: number): string[] {
  const { cells } = table;
  const area = table.infoOf(type);
  const first = area + SWAP_INFO.firstExtent;
  const broken: string[] = [];
  const onDisk: Run[] = [];
  let due = 0;
  let count = 0;
  let previous = cells.ldu32(first + SWAP_EXTENT.previous);
  let extent = first;
  do {
    const startPage = cells.ldu32(extent + SWAP_EXTENT.startPage);
    const nrPages = cells.ldu32(extent + SWAP_EXTENT.nrPages);
    const start = cells.ldu32(extent + SWAP_EXTENT.startBlock);
    if (startPage !== due)
      broken.push(`I18: an extent of area ${type} begins at slot ${startPage} where ${due} is due.`);
    if (cells.ldu32(extent + SWAP_EXTENT.previous) !== previous)
      broken.push(`I18: the circle of extents of area ${type} is broken at slot ${startPage}.`);
    onDisk.push({ start, end: start + nrPages });
    due = startPage + nrPages;
    count++;
    previous = extent;
    extent = cells.ldu32(extent + SWAP_EXTENT.next);
  } while (extent !== first && count <= cells.ldu32(area + NR_EXTENTS));
  if (count !== cells.ldu32(area + NR_EXTENTS))
    broken.push(`I18: area ${type} counts ${cells.ldu32(area + NR_EXTENTS)} extent(s), but has ${count}.`);
  const max = cells.ldu32(area + SWAP_INFO.max);
  if (due !== max) broken.push(`I18: the extents of area ${type} cover ${due} slots of ${max}.`);
  onDisk.sort(byStart);
  let end = 0;
  for (const run of onDisk) {
    if (run.start < end) broken.push(`I18: two extents of area ${type} share block ${run.start}.`);
    end = Math.max(end, run.end);
  }
  return broken;
}
