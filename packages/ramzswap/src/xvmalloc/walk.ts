/**
 * Looking into a pool: its free lists in order, and whether everything in it agrees.
 *
 * A pool keeps no list of its pages: a page without free blocks is known only to the owners of the objects in it. So a check needs the
 * objects too, as the driver's table has them, and together they must account for every byte of every page.
 *
 * Both functions take the pool's lock for their whole length. They are for checkpoints, tests and pictures, where nobody else is at work.
 */
import {
  alignSize,
  BLOCK_FREE,
  PREV_FREE,
  XV_ALIGN,
  XV_HEADER_BYTES,
  XV_MAX_ALLOC_SIZE,
  XV_MIN_ALLOC_SIZE,
} from './block.js';
import { indexForInsert, NUM_FREE_LISTS } from './free-lists.js';
import type { XvPool } from './xvmalloc.js';

/** A free block that is on a list. */
export interface FreeBlock {
  /** List, 0 to 507. */
  readonly index: number;
  /** Descriptor of its page. */
  readonly page: number;
  /** Byte offset of the block (its header) in the page. */
  readonly offset: number;
  /** Payload bytes. */
  readonly bytes: number;
}

/** An object as its owner knows it. */
export interface XvObject {
  /** Descriptor of its page. */
  readonly page: number;
  /** Byte offset of the object, behind its header. */
  readonly offset: number;
}

/** More pages than that cannot be in a pool, so a list that is longer runs in a circle. */
const BLOCKS_PER_PAGE_MAX = (XV_HEADER_BYTES + XV_MAX_ALLOC_SIZE) / (XV_HEADER_BYTES + XV_MIN_ALLOC_SIZE);

/**
 * All blocks on free lists, by rising list, each list from its head. Stops at a list that is longer than the pool can be.
 * @param pool - a pool of this thread
 */
export function freeBlocksOf(pool: XvPool): FreeBlock[] {
  pool.lock.lock();
  try {
    return listFreeBlocks(pool);
  } finally {
    pool.lock.unlock();
  }
}

/**
 * Checks a pool: every page is tiled exactly; the allocated blocks are exactly the objects given; no two free blocks touch; PREV_FREE and
 * the offsets of previous blocks are right; the free lists have exactly the free blocks of at least 32 bytes, each on its own list, linked
 * both ways; the bitmaps say which lists are not empty; the number of pages is right.
 * @param pool - a pool of this thread
 * @param objects - all live objects, as their owners know them
 * @returns what is wrong, one sentence each; empty when all is well
 */
export function checkPool(pool: XvPool, objects: Iterable<XvObject>): string[] {
  const problems: string[] = [];
  const allocated = new Map<number, Set<number>>();
  for (const object of objects) {
    const offsets = allocated.get(object.page) ?? new Set<number>();
    if (offsets.has(object.offset))
      problems.push(`${placeOf(pool, object.page, object.offset)} is owned twice.`);
    offsets.add(object.offset);
    allocated.set(object.page, offsets);
  }
  pool.lock.lock();
  try {
    const listed = new Map<number, Map<number, FreeBlock>>();
    for (const block of listFreeBlocks(pool)) {
      const ofPage = listed.get(block.page) ?? new Map<number, FreeBlock>();
      if (ofPage.has(block.offset))
        problems.push(`${placeOf(pool, block.page, block.offset)} is on free lists twice.`);
      ofPage.set(block.offset, block);
      listed.set(block.page, ofPage);
    }
    checkLinks(pool, problems);
    const pages = new Set([...allocated.keys(), ...listed.keys()]);
    for (const page of pages)
      checkPage(pool, page, allocated.get(page) ?? new Set(), listed.get(page) ?? new Map(), problems);
    const counted = pool.totalPages();
    if (counted !== pages.size)
      problems.push(`The pool counts ${counted} pages, but ${pages.size} were found.`);
  } finally {
    pool.lock.unlock();
  }
  return problems;
}

function listFreeBlocks(pool: XvPool): FreeBlock[] {
  const found: FreeBlock[] = [];
  const most = Math.ceil(pool.totalPages() * BLOCKS_PER_PAGE_MAX);
  for (let index = 0; index < NUM_FREE_LISTS; index++) {
    let page = pool.lists.headPage(index);
    let offset = pool.lists.headOffset(index);
    while (page !== 0 && found.length <= most) {
      const block = pool.pages.addressOf(page) + offset;
      found.push({ index, page, offset, bytes: pool.blocks.sizeOf(block) });
      page = pool.blocks.nextPage(block);
      offset = pool.blocks.nextOffset(block);
    }
  }
  return found;
}

function checkLinks(pool: XvPool, problems: string[]): void {
  const most = Math.ceil(pool.totalPages() * BLOCKS_PER_PAGE_MAX);
  for (let index = 0; index < NUM_FREE_LISTS; index++) {
    let page = pool.lists.headPage(index);
    let offset = pool.lists.headOffset(index);
    if (pool.lists.isMarked(index) !== (page !== 0)) {
      problems.push(
        `Free list ${index} ${page === 0 ? 'is empty but marked' : 'is not empty but not marked'} in the bitmaps.`,
      );
    }
    let previousPage = 0;
    let previousOffset = 0;
    let length = 0;
    while (page !== 0) {
      if (++length > most) {
        problems.push(`Free list ${index} runs in a circle.`);
        break;
      }
      const block = pool.pages.addressOf(page) + offset;
      const backPage = pool.blocks.previousPage(block);
      if (
        backPage !== previousPage ||
        (backPage !== 0 && pool.blocks.previousLinkOffset(block) !== previousOffset)
      ) {
        problems.push(
          `${placeOf(pool, page, offset)} on free list ${index} does not link back to the block before it.`,
        );
      }
      previousPage = page;
      previousOffset = offset;
      page = pool.blocks.nextPage(block);
      offset = pool.blocks.nextOffset(block);
    }
  }
}

function checkPage(
  pool: XvPool,
  page: number,
  allocated: ReadonlySet<number>,
  listed: ReadonlyMap<number, FreeBlock>,
  problems: string[],
): void {
  const frame = pool.pages.addressOf(page);
  let offset = 0;
  let previous = 0;
  let previousFree = false;
  let objects = 0;
  let links = 0;
  while (offset < XV_HEADER_BYTES + XV_MAX_ALLOC_SIZE) {
    const block = frame + offset;
    const place = placeOf(pool, page, offset);
    const free = pool.blocks.testFlag(block, BLOCK_FREE);
    const bytes = pool.blocks.sizeOf(block);
    if (pool.blocks.testFlag(block, PREV_FREE) !== previousFree) {
      problems.push(
        `${place} says the block before it is ${previousFree ? 'in use' : 'free'}, which it is not.`,
      );
    } else if (previousFree && pool.blocks.previousOffset(block) !== previous) {
      problems.push(
        `${place} puts the block before it at ${pool.blocks.previousOffset(block)} instead of ${previous}.`,
      );
    }
    if (free) {
      if (previousFree) problems.push(`${place} and the block before it are both free.`);
      if (bytes % XV_ALIGN !== 0)
        problems.push(`${place} is free and has ${bytes} bytes, not a multiple of ${XV_ALIGN}.`);
      const onList = listed.get(offset);
      if (onList !== undefined) links++;
      if ((onList !== undefined) !== bytes >= XV_MIN_ALLOC_SIZE) {
        problems.push(
          `${place} is free with ${bytes} bytes and ${onList === undefined ? 'on no' : 'on a'} free list.`,
        );
      } else if (onList !== undefined && onList.index !== indexForInsert(bytes)) {
        problems.push(
          `${place} with ${bytes} bytes is on free list ${onList.index} instead of ${indexForInsert(bytes)}.`,
        );
      }
    } else {
      objects++;
      if (!allocated.has(offset + XV_HEADER_BYTES)) problems.push(`${place} is in use, but nobody owns it.`);
    }
    previous = offset;
    previousFree = free;
    offset += XV_HEADER_BYTES + alignSize(bytes);
  }
  if (offset !== XV_HEADER_BYTES + XV_MAX_ALLOC_SIZE) {
    problems.push(`${placeOf(pool, page, previous)} reaches to byte ${offset}, beyond the page.`);
  }
  if (objects !== allocated.size)
    problems.push(`${placeOf(pool, page, 0)}: ${objects} blocks in use for ${allocated.size} objects.`);
  if (links !== listed.size)
    problems.push(`${placeOf(pool, page, 0)}: ${links} free blocks for ${listed.size} links to this page.`);
}

function placeOf(pool: XvPool, page: number, offset: number): string {
  return `Offset ${offset} of page ${pool.pages.frameNumber(page)}`;
}
