/**
 * The anatomy of a device's memory: which pages its pool holds, what lies in each, and why a page is not given back.
 *
 * xvmalloc never moves an object and gives a page back only when it is wholly empty. So after most slots of a device were freed, a page may live on
 * because of one small object. How many do, how much of them is free, and whether the free pieces are of any use is what can be asked here.
 *
 * A page of the pool is divided without rest into data (bytes of objects as they were asked for), free (payload of blocks on free lists) and lost
 * (headers, rounding, and free blocks below 32 bytes, which no list holds).
 *
 * For checkpoints and pictures, like `xvmalloc/walk.ts`: the pool's lock is taken, but no lock on the table, so nobody may be at work on
 * the device. A look costs some hundred nanoseconds for each slot and each block.
 */
import { PAGE_SIZE } from '@swaplab/kernel-mm';
import type { RamzswapDevice } from './driver/device.js';
import { RZS_ENTRY, RZS_HEADER, RZS_UNCOMPRESSED } from './driver/places.js';
import {
  alignSize,
  BLOCK_FREE,
  XV_HEADER_BYTES,
  XV_MAX_ALLOC_SIZE,
  XV_MIN_ALLOC_SIZE,
} from './xvmalloc/block.js';
import { FL_DELTA } from './xvmalloc/free-lists.js';
import { freeBlocksOf } from './xvmalloc/walk.js';
import type { XvPool } from './xvmalloc/xvmalloc.js';

/** A page that a single object of at most so many bytes keeps is pinned: a quarter of a page. */
export const PINNING_BYTES_MAX = PAGE_SIZE / 4;
/** Bins of {@link AnatomyCounts.fill}: tenths of a page. */
export const FILL_BINS = 10;
/** Bins of {@link AnatomyCounts.freeBySize}, and the width of one in bytes. */
export const FREE_SIZE_BINS = 16;
const FREE_SIZE_BIN_BYTES = PAGE_SIZE / FREE_SIZE_BINS;
/** Objects that {@link whyPageStays} names one by one. */
const NAMED_OBJECTS_MAX = 8;

/** An object in a page of the pool. */
export interface PoolObject {
  /** The slot whose data it is; null when no slot points to it: it is lost until RESET, and longer. */
  readonly slot: number | null;
  /** Byte offset in the page, behind its header. */
  readonly offset: number;
  /** Bytes it was asked for with. */
  readonly bytes: number;
  /** Whether its slot is free, so that nobody will ever read it; null when nobody could say. */
  readonly stale: boolean | null;
}

/** A page of the pool. `dataBytes`, `freeBytes` and `lostBytes` add up to a page. */
export interface PoolPage {
  /** Number of the page frame. */
  readonly frame: number;
  /** What lives in it, by rising offset; a page without any waits for the next object. */
  readonly objects: readonly PoolObject[];
  readonly dataBytes: number;
  readonly freeBytes: number;
  readonly lostBytes: number;
  /** Payload of its largest free block in bytes, 0 when there is none. */
  readonly largestFreeBytes: number;
}

/** A free list that is not empty. */
export interface FreeListCount {
  /** List, 0 to 507. */
  readonly index: number;
  /** Payload of the smallest block it can hold, in bytes. */
  readonly leastBytes: number;
  /** Blocks on it. */
  readonly blocks: number;
  /** Their payload in bytes. */
  readonly bytes: number;
}

/** The memory of one device. */
export interface DeviceAnatomy {
  /** Number of the device. */
  readonly device: number;
  /** Pages of the pool, by rising frame number. */
  readonly pages: readonly PoolPage[];
  /** By rising index. */
  readonly freeLists: readonly FreeListCount[];
  /** Page frames of RAW slots, which are no part of the pool; without the header. */
  readonly rawPages: number;
  /** Pages the pool counts, but to which neither a slot nor a free list leads. */
  readonly unfoundPages: number;
}

/** The anatomy in numbers, of one device or of several together. */
export interface AnatomyCounts {
  /** Pages of the pool. */
  readonly poolPages: number;
  /** Page frames of RAW slots. */
  readonly rawPages: number;
  readonly objects: number;
  /** Bytes of objects; with the next two, all bytes of the pool's pages that were found. */
  readonly dataBytes: number;
  /** Bytes in blocks on free lists. */
  readonly freeBytes: number;
  /** Bytes of headers and rounding, and of free blocks below 32 bytes. */
  readonly lostBytes: number;
  /** Payload of the largest free block in bytes. */
  readonly largestFreeBytes: number;
  /** Pages that would do if objects could be moved: what is beyond them is fragmentation. */
  readonly packedPages: number;
  /** Pages that live on because of a single object of at most {@link PINNING_BYTES_MAX} bytes. */
  readonly pinnedPages: number;
  /** Pages that live on because of stale objects only. */
  readonly stalePages: number;
  /** Pages without any object. */
  readonly emptyPages: number;
  /** Pages by the share of data in them: the first of {@link FILL_BINS} counts those below a tenth, the last those from nine tenths on. */
  readonly fill: readonly number[];
  /** Bytes in free blocks, by their size: each of {@link FREE_SIZE_BINS} is a sixteenth of a page wide. */
  readonly freeBySize: readonly number[];
}

/**
 * Looks at the memory of a device.
 * @param device - initialised or not; one that is not is empty. Nobody is at work on it
 * @param isLive - whether the swap core holds a slot; null when nobody can say
 */
export function deviceAnatomy(
  device: RamzswapDevice,
  isLive: ((slot: number) => boolean) | null = null,
): DeviceAnatomy {
  const { pool } = device;
  const slots = device.slots();
  if (slots === 0) return { device: device.index, pages: [], freeLists: [], rawPages: 0, unfoundPages: 0 };
  const owners: Owners = { slotAt: new Map(), pages: new Set() };
  const rawPages = collectOwners(device, slots, owners);
  const freeLists = collectFreeLists(pool, owners.pages);
  const pages: PoolPage[] = [];
  pool.lock.lock();
  try {
    for (const page of owners.pages) pages.push(pageAnatomy(pool, page, owners.slotAt, isLive));
  } finally {
    pool.lock.unlock();
  }
  pages.sort((a, b) => a.frame - b.frame);
  return {
    device: device.index,
    pages,
    freeLists,
    rawPages,
    unfoundPages: Math.max(0, pool.totalPages() - pages.length),
  };
}

/**
 * Adds the memory of devices up.
 * @param devices - from {@link deviceAnatomy}
 */
export function countAnatomy(devices: readonly DeviceAnatomy[]): AnatomyCounts {
  let [poolPages, rawPages, objects, pinnedPages, stalePages, emptyPages] = [0, 0, 0, 0, 0, 0];
  let [dataBytes, freeBytes, lostBytes, largestFreeBytes, packedPages] = [0, 0, 0, 0, 0];
  const fill = new Array<number>(FILL_BINS).fill(0);
  const freeBySize = new Array<number>(FREE_SIZE_BINS).fill(0);
  for (const { pages, freeLists, ...device } of devices) {
    poolPages += pages.length + device.unfoundPages;
    rawPages += device.rawPages;
    let packedBytes = 0;
    for (const page of pages) {
      objects += page.objects.length;
      dataBytes += page.dataBytes;
      freeBytes += page.freeBytes;
      lostBytes += page.lostBytes;
      largestFreeBytes = Math.max(largestFreeBytes, page.largestFreeBytes);
      for (const { bytes } of page.objects) packedBytes += XV_HEADER_BYTES + alignSize(bytes);
      if (isPinned(page)) pinnedPages++;
      if (page.objects.length === 0) emptyPages++;
      else if (page.objects.every(({ stale }) => stale === true)) stalePages++;
      const bin = Math.min(FILL_BINS - 1, Math.floor((page.dataBytes / PAGE_SIZE) * FILL_BINS));
      fill[bin] = (fill[bin] ?? 0) + 1;
    }
    for (const { leastBytes, bytes } of freeLists) {
      const bin = Math.min(FREE_SIZE_BINS - 1, Math.floor(leastBytes / FREE_SIZE_BIN_BYTES));
      freeBySize[bin] = (freeBySize[bin] ?? 0) + bytes;
    }
    // No device can use the free room of another.
    packedPages += Math.ceil(packedBytes / PAGE_SIZE);
  }
  return {
    poolPages,
    rawPages,
    objects,
    dataBytes,
    freeBytes,
    lostBytes,
    largestFreeBytes,
    packedPages,
    pinnedPages,
    stalePages,
    emptyPages,
    fill,
    freeBySize,
  };
}

/**
 * Fragmentation: the share of the pool's pages that could be given back if objects could be moved.
 * @param counts - from {@link countAnatomy}
 * @returns 0 to 1; 0 for an empty pool
 */
export function fragmentation({ poolPages, packedPages }: AnatomyCounts): number {
  return poolPages === 0 ? 0 : 1 - packedPages / poolPages;
}

/**
 * Whether a page lives on because of one small object.
 * @param page - of a {@link DeviceAnatomy}
 */
export function isPinned({ objects }: PoolPage): boolean {
  const [only, second] = objects;
  return only !== undefined && second === undefined && only.bytes <= PINNING_BYTES_MAX;
}

/**
 * Says why a page is not given back.
 * @param page - of a {@link DeviceAnatomy}
 * @returns a sentence that names its live objects with their slots
 */
export function whyPageStays(page: PoolPage): string {
  const { frame, objects, freeBytes } = page;
  if (objects.length === 0)
    return `Page frame ${frame} holds no object: it was taken for one that did not fit, and waits for the next.`;
  const named: string[] = [];
  for (const { slot, bytes, stale } of objects.slice(0, NAMED_OBJECTS_MAX)) {
    const owner = slot === null ? 'no slot at all' : `slot ${slot}${stale === true ? ', which is free' : ''}`;
    named.push(`${bytes} bytes of ${owner}`);
  }
  if (objects.length > named.length) named.push(`${objects.length - named.length} more`);
  const what = objects.length === 1 ? 'one object' : `${objects.length} objects`;
  return `Page frame ${frame} stays because of ${what}, with ${freeBytes} bytes free: ${named.join('; ')}.`;
}

/** Which slot's object lies where, by its byte address, and the pages in which there are any. */
interface Owners {
  readonly slotAt: Map<number, number>;
  readonly pages: Set<number>;
}

/** Fills in the owners; gives the number of RAW pages. */
function collectOwners(device: RamzswapDevice, slots: number, { slotAt, pages }: Owners): number {
  const { pool } = device;
  const { cells } = pool.core;
  let rawPages = 0;
  for (let slot = 0; slot < slots; slot++) {
    const entry = device.entryOf(slot);
    const page = cells.ld32(entry + RZS_ENTRY.page);
    if (page === 0) continue;
    const flags = cells.ld8(entry + RZS_ENTRY.flags);
    if ((flags & RZS_UNCOMPRESSED) !== 0) {
      if ((flags & RZS_HEADER) === 0) rawPages++;
      continue;
    }
    pages.add(page);
    slotAt.set(pool.pages.addressOf(page) + cells.ld16(entry + RZS_ENTRY.offset), slot);
  }
  return rawPages;
}

/** Counts the free lists, and adds the pages that only they lead to. */
function collectFreeLists(pool: XvPool, pages: Set<number>): FreeListCount[] {
  const lists: FreeListCount[] = [];
  for (const { index, page, bytes } of freeBlocksOf(pool)) {
    pages.add(page);
    const last = lists[lists.length - 1];
    if (last?.index === index)
      lists[lists.length - 1] = { ...last, blocks: last.blocks + 1, bytes: last.bytes + bytes };
    else lists.push({ index, leastBytes: XV_MIN_ALLOC_SIZE + index * FL_DELTA, blocks: 1, bytes });
  }
  return lists;
}

/** Walks over the blocks of a page. The pool's lock is held. */
function pageAnatomy(
  pool: XvPool,
  page: number,
  slotAt: ReadonlyMap<number, number>,
  isLive: ((slot: number) => boolean) | null,
): PoolPage {
  const { blocks } = pool;
  const frame = pool.pages.addressOf(page);
  const objects: PoolObject[] = [];
  let [dataBytes, freeBytes, largestFreeBytes] = [0, 0, 0];
  for (let at = 0; at < XV_HEADER_BYTES + XV_MAX_ALLOC_SIZE;) {
    // Where a fault of history has overwritten a header, the block ends with its page at the latest.
    const bytes = Math.min(blocks.sizeOf(frame + at), XV_MAX_ALLOC_SIZE - at);
    if (!blocks.testFlag(frame + at, BLOCK_FREE)) {
      const offset = at + XV_HEADER_BYTES;
      const slot = slotAt.get(frame + offset) ?? null;
      const stale = slot === null || isLive === null ? null : !isLive(slot);
      objects.push({ slot, offset, bytes, stale });
      dataBytes += bytes;
    } else if (bytes >= XV_MIN_ALLOC_SIZE) {
      freeBytes += bytes;
      largestFreeBytes = Math.max(largestFreeBytes, bytes);
    }
    at += XV_HEADER_BYTES + alignSize(bytes);
  }
  return {
    frame: pool.pages.frameNumber(page),
    objects,
    dataBytes,
    freeBytes,
    lostBytes: PAGE_SIZE - dataBytes - freeBytes,
    largestFreeBytes,
  };
}
