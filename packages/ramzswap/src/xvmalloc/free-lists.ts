/**
 * The free lists of a pool: 508 of them, one for each 8-byte step of size, and the two-level bitmap that finds one which is not empty.
 *
 * Insertion rounds a block's size down, search rounds a request up, so that every block on the list found, or on a higher one, is large
 * enough. A block that would fit but sits one list lower is passed over: the fit is approximate.
 *
 * Lists are last in, first out. All functions need the pool's lock. The cells of the pool are read and written with points; links lie in
 * the free blocks themselves, as page bytes.
 */
import { struct, type Core, type PageAllocator } from '@swaplab/kernel-mm';
import * as block from './block.js';
import type { Blocks } from './block.js';

// A constant of this module is part of the code that uses it; an imported or exported one is loaded and checked at each use.
const { XV_MAX_ALLOC_SIZE, XV_MIN_ALLOC_SIZE } = block;

/** Spacing of the size classes in bytes. @kernel FL_DELTA, 2.6.34 */
export const FL_DELTA = 8;
/** Number of free lists. @kernel NUM_FREE_LISTS, 2.6.34 */
export const NUM_FREE_LISTS = Math.floor((XV_MAX_ALLOC_SIZE - XV_MIN_ALLOC_SIZE) / FL_DELTA) + 1;
/** Lists for which one word of the second level stands. */
const LISTS_PER_WORD = 32;
/** Words of the second level. @kernel MAX_FLI, 2.6.34, for 32-bit words */
export const MAX_FLI = Math.ceil(NUM_FREE_LISTS / LISTS_PER_WORD);

/** A pool in the arena. All fields but the lock word are protected by the lock. @kernel struct xv_pool, 2.6.34 */
export const XV_POOL = struct(
  'xv_pool',
  {
    lock: 'i32',
    /** 1 between create and destroy. */
    created: 'i32',
    /** Pages the pool owns. */
    totalPages: 'u32',
    /** Bit i is set while word i of the second level is not zero. */
    flbitmap: 'u32',
    /** Bit b of word w is set while list 32 w + b is not empty. */
    slbitmap: ['i32', MAX_FLI],
    /** Heads: page and byte offset of the first block, page 0 when the list is empty. */
    freelist: ['i32', 2 * NUM_FREE_LISTS],
  },
  64,
);

const POOL = XV_POOL;
const LISTS = NUM_FREE_LISTS;
const CLASS_BYTES = FL_DELTA;

/**
 * The list a free block belongs on. @kernel get_index_for_insert, 2.6.34
 * @param bytes - payload bytes of the block, at least 32
 * @returns 0 to 507; a whole empty page belongs on the last
 */
export function indexForInsert(bytes: number): number {
  return (Math.min(bytes, XV_MAX_ALLOC_SIZE) - XV_MIN_ALLOC_SIZE) >> 3;
}

/**
 * The lowest list on which every block is large enough. @kernel get_index, 2.6.34
 * @param bytes - bytes asked for, rounded up to 4
 * @returns 0 to 508, where 508 is one past the last list: no list holds what is asked for
 */
export function indexForSearch(bytes: number): number {
  return (Math.max(bytes, XV_MIN_ALLOC_SIZE) - XV_MIN_ALLOC_SIZE + CLASS_BYTES - 1) >> 3;
}

/** The lists of one pool, as one thread sees them. */
export class FreeLists {
  private readonly core: Core;
  private readonly pages: PageAllocator;
  private readonly blocks: Blocks;
  private readonly pool: number;

  /**
   * @param core - this thread's lower floors
   * @param pages - where the pages come from
   * @param blocks - this thread's accessors on blocks
   * @param pool - byte address of the pool
   */
  constructor(core: Core, pages: PageAllocator, blocks: Blocks, pool: number) {
    this.core = core;
    this.pages = pages;
    this.blocks = blocks;
    this.pool = pool;
  }

  /** Empties all lists. */
  clear(): void {
    const { cells } = this.core;
    cells.st32(this.pool + POOL.flbitmap, 0);
    for (let word = 0; word < MAX_FLI; word++) cells.st32(this.pool + POOL.slbitmap + 4 * word, 0);
    for (let index = 0; index < LISTS; index++) this.setHead(index, 0, 0);
  }

  /** Page of the first block of a list, 0 when it is empty. */
  headPage(index: number): number {
    return this.core.cells.ld32(this.pool + POOL.freelist + 8 * index);
  }

  /** Byte offset in its page of the first block of a list; valid when {@link headPage} is not 0. */
  headOffset(index: number): number {
    return this.core.cells.ld32(this.pool + POOL.freelist + 8 * index + 4);
  }

  /** Whether the bitmaps say that a list has a block. */
  isMarked(index: number): boolean {
    const { cells } = this.core;
    const word = index >> 5;
    if ((cells.ld32(this.pool + POOL.flbitmap) & (1 << word)) === 0) return false;
    return (cells.ld32(this.pool + POOL.slbitmap + 4 * word) & (1 << (index & 31))) !== 0;
  }

  /**
   * The first list at or above an index that has a block. @kernel find_block, 2.6.34
   * @param index - from {@link indexForSearch}
   * @returns its index, or -1 when there is none
   */
  find(index: number): number {
    const { cells } = this.core;
    const first = cells.ld32(this.pool + POOL.flbitmap);
    if (first === 0 || index >= LISTS) return -1;
    const word = index >> 5;
    if ((first & (1 << word)) !== 0) {
      const atOrAbove = cells.ld32(this.pool + POOL.slbitmap + 4 * word) & (-1 << (index & 31));
      if (atOrAbove !== 0) return (word << 5) + lowestBit(atOrAbove);
    }
    const wordsAbove = first & (-2 << word);
    if (wordsAbove === 0) return -1;
    const next = lowestBit(wordsAbove);
    return (next << 5) + lowestBit(cells.ld32(this.pool + POOL.slbitmap + 4 * next));
  }

  /**
   * Puts a free block at the head of its list. @kernel insert_block, 2.6.34
   * @param page - descriptor of its page
   * @param offset - byte offset of the block in the page
   */
  insert(page: number, offset: number): void {
    const { cells } = this.core;
    const block = this.pages.addressOf(page) + offset;
    const index = indexForInsert(this.blocks.sizeOf(block));
    const nextPage = this.headPage(index);
    const nextOffset = this.headOffset(index);
    this.blocks.setPrevious(block, 0, 0);
    this.blocks.setNext(block, nextPage, nextOffset);
    if (nextPage !== 0) this.blocks.setPrevious(this.pages.addressOf(nextPage) + nextOffset, page, offset);
    this.setHead(index, page, offset);
    const word = index >> 5;
    const second = this.pool + POOL.slbitmap + 4 * word;
    cells.st32(second, cells.ld32(second) | (1 << (index & 31)));
    const first = this.pool + POOL.flbitmap;
    cells.st32(first, cells.ld32(first) | (1 << word));
  }

  /**
   * Takes a free block off its list. @kernel remove_block, remove_block_head, 2.6.34
   * @param page - descriptor of its page
   * @param offset - byte offset of the block in the page
   */
  remove(page: number, offset: number): void {
    const block = this.pages.addressOf(page) + offset;
    const index = indexForInsert(this.blocks.sizeOf(block));
    const previousPage = this.blocks.previousPage(block);
    const previousOffset = this.blocks.previousLinkOffset(block);
    const nextPage = this.blocks.nextPage(block);
    const nextOffset = this.blocks.nextOffset(block);
    if (nextPage !== 0)
      this.blocks.setPrevious(this.pages.addressOf(nextPage) + nextOffset, previousPage, previousOffset);
    if (previousPage !== 0) {
      this.blocks.setNext(this.pages.addressOf(previousPage) + previousOffset, nextPage, nextOffset);
      return;
    }
    if (this.headPage(index) !== page || this.headOffset(index) !== offset) {
      this.core.context.bug(
        `xvmalloc: the block at offset ${offset} of page ${this.pages.frameNumber(page)} has nothing before it on free list ${index} ` +
          `but is not its head: its links are damaged.`,
      );
    }
    this.setHead(index, nextPage, nextOffset);
    if (nextPage === 0) this.unmark(index);
  }

  private setHead(index: number, page: number, offset: number): void {
    const head = this.pool + POOL.freelist + 8 * index;
    this.core.cells.st32(head, page);
    this.core.cells.st32(head + 4, offset);
  }

  private unmark(index: number): void {
    const { cells } = this.core;
    const word = index >> 5;
    const second = this.pool + POOL.slbitmap + 4 * word;
    const rest = cells.ld32(second) & ~(1 << (index & 31));
    cells.st32(second, rest);
    if (rest !== 0) return;
    const first = this.pool + POOL.flbitmap;
    cells.st32(first, cells.ld32(first) & ~(1 << word));
  }
}

/** Position of the lowest set bit of a 32-bit word that is not zero. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
