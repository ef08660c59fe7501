/**
 * The higher digits of counts: what a map byte has no room for.
 *
 * Promise: a slot can have any number of users as long as there are pages for the digits. A count is one number in mixed base. Its lowest
 * digit, 0 to 62, is in the map byte; the digits above, 0 to 127 each, are one byte for each slot in pages of their own, which go by the
 * 4096 slots of a page of the map. In every byte the bit {@link COUNT_CONTINUED} says that a higher digit exists:
 *
 *   count = digit 0 + 63 x (digit 1 + 128 x (digit 2 + 128 x ...))
 *
 * So counts up to 62 need no page, up to 8063 one, up to 1,032,191 two. A page is not cleared: a byte of it means nothing before the digit
 * below carries into it for the first time. Pages once attached stay until swapoff, since other slots may use them.
 *
 * The pages of a piece of the map are a list, the lowest digit first, linked by the list fields of their descriptors: these pages are never
 * on the reclaim list. The heads of the lists are a table of the area, made by swapon.
 *
 * Lock: `swap_lock` protects lists and digits. What cannot happen while all keep to this stops the machine.
 */
import { PAGE_SHIFT, PAGE_SIZE } from '../arena/memory.js';
import { struct } from '../arena/struct.js';
import { ENOMEM } from '../errno.js';
import { GFP_BIT_HIGHMEM, PAGE, type PageAllocator } from '../page/page.js';
import type { Vmalloc } from '../page/vmalloc.js';
import type { Context } from '../sync/context.js';
import { swpOffset, type SwapEntry } from './entries.js';
import {
  COUNT_CONTINUED,
  SWAP_INFO,
  SWAP_MAP_BAD,
  SWAP_MAP_MAX,
  SWAP_MAP_SHMEM,
  swapCount,
  SWP_CONTINUED,
  type SwapTable,
} from './info.js';

/** Largest digit in a continuation page. @kernel SWAP_CONT_MAX, 2.6.34 */
export const SWAP_CONT_MAX = 0x7f;
/** Users that a map byte alone can count, and one: what the digit above is worth. */
const LOW_BASE = SWAP_MAP_MAX + 1;
/** The same for each digit of a continuation page. */
const CONT_BASE = SWAP_CONT_MAX + 1;

/** Head of the continuation pages of 4096 slots. @kernel the struct page of a page of the vmalloc'ed map */
export const SWAP_MAP_PAGE = struct('swap_map_page', {
  /** {@link SWP_CONTINUED} since a page was attached first, 0 before. */
  private: 'u32',
  /** Descriptor of the page of the lowest digits, 0 for none. */
  first: 'u32',
  /** Descriptor of the page of the highest digits, 0 for none. */
  last: 'u32',
});

/** Finds the area of an entry; the counts do. */
export interface EntryLookup {
  /**
   * Finds the area of an entry in use and takes `swap_lock`.
   * @param entry - any entry
   * @returns address of the area, with `swap_lock` held; or 0, without it
   */
  swapInfoGet(entry: SwapEntry): number;
}

/** The higher digits of all counts. One per thread. */
export class SwapCountContinuations {
  readonly table: SwapTable;
  readonly pages: PageAllocator;
  readonly vmalloc: Vmalloc;

  /**
   * @param table - the areas
   * @param pages - where continuation pages come from
   * @param vmalloc - where the tables of heads come from
   */
  constructor(table: SwapTable, pages: PageAllocator, vmalloc: Vmalloc) {
    this.table = table;
    this.pages = pages;
    this.vmalloc = vmalloc;
  }

  /**
   * Makes the table of heads of an area nobody can see yet. May sleep.
   * @param area - address of the area, its `max` set
   * @returns 0 or -ENOMEM
   */
  create(area: number): number {
    const { cells } = this.table;
    const heads = Math.ceil(cells.ldu32(area + SWAP_INFO.max) / PAGE_SIZE);
    const mapPages = this.vmalloc.vmalloc(heads * SWAP_MAP_PAGE.$bytes);
    cells.st32(area + SWAP_INFO.mapPages, mapPages);
    return mapPages === 0 ? -ENOMEM : 0;
  }

  /**
   * Gives the table of heads back. May sleep.
   * @param area - address of an area nobody can see, or without a slot in use that is being switched off; its continuation pages are gone
   */
  destroy(area: number): void {
    const { cells } = this.table;
    const mapPages = cells.ldu32(area + SWAP_INFO.mapPages);
    cells.st32(area + SWAP_INFO.mapPages, 0);
    this.vmalloc.vfree(mapPages);
  }

  /**
   * Carries into the higher digits of a count, or borrows from them. The caller stores the byte that follows from it. `swap_lock` held.
   * @param area - address of the area
   * @param offset - slot
   * @param count - its byte without the cache bit: {@link SWAP_MAP_MAX}, with or without {@link COUNT_CONTINUED}, to carry; or
   * {@link COUNT_CONTINUED} alone to borrow
   * @returns when carrying, whether there was room; when borrowing, whether the byte is still continued
   * @kernel mm/swapfile.c swap_count_continued, 2.6.34
   */
  swapCountContinued(area: number, offset: number, count: number): boolean {
    const { cells } = this.table;
    this.table.assertLocked('swapCountContinued');
    const head = this.headOf(area, offset);
    if (cells.ldu32(head + SWAP_MAP_PAGE.private) !== SWP_CONTINUED) {
      if ((count & COUNT_CONTINUED) !== 0) this.bug(area, offset, 'has higher digits, but no page for them');
      return false;
    }
    const first = cells.ldu32(head + SWAP_MAP_PAGE.first);
    if (count === SWAP_MAP_MAX) {
      cells.st8(this.byteOf(first, offset), 0);
      this.increment(first, offset);
      return true;
    }
    if (count === (SWAP_MAP_MAX | COUNT_CONTINUED)) return this.carry(area, offset, first);
    if (count === COUNT_CONTINUED) return this.borrow(area, offset, first);
    return this.bug(area, offset, `neither carries nor borrows at map byte 0x${count.toString(16)}`);
  }

  /**
   * Makes sure that a full count has room to carry into, unless somebody has freed the slot or made room meanwhile. Takes `swap_lock`.
   * @param lookup - finds the area
   * @param entry - a slot whose count was found full
   * @param gfp - how the page may be found, `GFP_...`; with `GFP_BIT_WAIT` no spinlock may be held
   * @returns 0: try again; or -ENOMEM
   * @kernel mm/swapfile.c add_swap_count_continuation, 2.6.34
   */
  addSwapCountContinuation(lookup: EntryLookup, entry: SwapEntry, gfp: number): number {
    const { table } = this;
    // Before the lock, whether it will be needed or not: under it nobody may sleep.
    const page = this.pages.allocPage(gfp | GFP_BIT_HIGHMEM);
    const area = lookup.swapInfoGet(entry);
    let isFull = false;
    let isAttached = false;
    if (area !== 0) {
      try {
        const offset = swpOffset(entry);
        const count = swapCount(table.cells.ld8(table.cells.ldu32(area + SWAP_INFO.swapMap) + offset));
        isFull = (count & ~COUNT_CONTINUED) === SWAP_MAP_MAX;
        if (isFull && page !== 0) isAttached = this.attachPage(area, offset, count, page);
      } finally {
        table.swapLock.unlock();
      }
    }
    if (page === 0) return isFull ? -ENOMEM : 0;
    if (!isAttached) this.pages.freePage(page);
    return 0;
  }

  /**
   * Puts a page behind the continuation pages of a slot, unless one of those has room for its count. `swap_lock` held.
   * @param area - address of the area
   * @param offset - slot
   * @param count - its byte without the cache bit; the digit is {@link SWAP_MAP_MAX}
   * @param page - descriptor of a page; its contents do not matter
   * @returns whether the page is the area's now
   */
  attachPage(area: number, offset: number, count: number, page: number): boolean {
    const { cells } = this.table;
    const head = this.headOf(area, offset);
    if (cells.ldu32(head + SWAP_MAP_PAGE.private) === 0) {
      if ((count & COUNT_CONTINUED) !== 0) this.bug(area, offset, 'has higher digits, but no page for them');
      cells.st32(head + SWAP_MAP_PAGE.private, SWP_CONTINUED);
      cells.st32(area + SWAP_INFO.flags, cells.ldu32(area + SWAP_INFO.flags) | SWP_CONTINUED);
    }
    let byte = count;
    for (
      let known = cells.ldu32(head + SWAP_MAP_PAGE.first);
      known !== 0;
      known = cells.ldu32(known + PAGE.lruNext)
    ) {
      // The count does not reach up to this page yet.
      if ((byte & COUNT_CONTINUED) === 0) return false;
      byte = cells.ld8(this.byteOf(known, offset));
      if ((byte & ~COUNT_CONTINUED) !== SWAP_CONT_MAX) return false;
    }
    const last = cells.ldu32(head + SWAP_MAP_PAGE.last);
    cells.st32(page + PAGE.lruNext, 0);
    cells.st32(page + PAGE.lruPrev, last);
    cells.st32(last === 0 ? head + SWAP_MAP_PAGE.first : last + PAGE.lruNext, page);
    cells.st32(head + SWAP_MAP_PAGE.last, page);
    return true;
  }

  /**
   * Frees all continuation pages of an area. No lock: no slot is in use, and none can be taken.
   * @param area - address of an area that is being switched off, its map still there
   * @kernel mm/swapfile.c free_swap_count_continuations, 2.6.34
   */
  freeSwapCountContinuations(area: number): void {
    const { cells } = this.table;
    const max = cells.ldu32(area + SWAP_INFO.max);
    for (let offset = 0; offset < max; offset += PAGE_SIZE) {
      const head = this.headOf(area, offset);
      if (cells.ldu32(head + SWAP_MAP_PAGE.private) === 0) continue;
      let page = cells.ldu32(head + SWAP_MAP_PAGE.first);
      cells.st32(head + SWAP_MAP_PAGE.private, 0);
      cells.st32(head + SWAP_MAP_PAGE.first, 0);
      cells.st32(head + SWAP_MAP_PAGE.last, 0);
      while (page !== 0) {
        const next = cells.ldu32(page + PAGE.lruNext);
        this.pages.freePage(page);
        page = next;
      }
    }
  }

  /**
   * Number of users of a slot. `swap_lock` held, or nobody else runs.
   * @param area - address of an area with a map
   * @param offset - slot, below its `max`
   * @returns users, all digits counted; 1 for a slot of shmem; 0 for a bad one
   */
  countOf(area: number, offset: number): number {
    const { cells } = this.table;
    const count = swapCount(cells.ld8(cells.ldu32(area + SWAP_INFO.swapMap) + offset));
    if (count === SWAP_MAP_SHMEM) return 1;
    if (count === SWAP_MAP_BAD) return 0;
    let users = count & ~COUNT_CONTINUED;
    let worth = LOW_BASE;
    for (const byte of this.chainOf(area, offset)) {
      users += worth * (byte & ~COUNT_CONTINUED);
      worth *= CONT_BASE;
    }
    return users;
  }

  /**
   * The higher digits of a count. `swap_lock` held, or nobody else runs.
   * @param area - address of an area with a map
   * @param offset - slot, below its `max`
   * @returns the bytes of the continuation pages that belong to the count, the lowest digit first; the last one lacks
   * {@link COUNT_CONTINUED}, unless the digits are broken. Empty for a count without higher digits.
   */
  chainOf(area: number, offset: number): number[] {
    const { cells } = this.table;
    const chain: number[] = [];
    let byte = swapCount(cells.ld8(cells.ldu32(area + SWAP_INFO.swapMap) + offset));
    if ((byte & COUNT_CONTINUED) === 0 || byte === SWAP_MAP_SHMEM) return chain;
    let page = cells.ldu32(this.headOf(area, offset) + SWAP_MAP_PAGE.first);
    while ((byte & COUNT_CONTINUED) !== 0 && page !== 0) {
      byte = cells.ld8(this.byteOf(page, offset));
      chain.push(byte);
      page = cells.ldu32(page + PAGE.lruNext);
    }
    return chain;
  }

  /**
   * Number of continuation pages of a piece of the map. `swap_lock` held, or nobody else runs.
   * @param area - address of any area
   * @param mapPage - which 4096 slots below its `max`: slot / 4096, rounded down
   * @returns pages
   */
  pagesOf(area: number, mapPage: number): number {
    const { cells } = this.table;
    if (cells.ldu32(area + SWAP_INFO.mapPages) === 0) return 0;
    let pages = 0;
    let page = cells.ldu32(this.headOf(area, mapPage << PAGE_SHIFT) + SWAP_MAP_PAGE.first);
    for (; page !== 0; page = cells.ldu32(page + PAGE.lruNext)) pages++;
    return pages;
  }

  /** Continuation pages of all areas. `swap_lock` held, or nobody else runs. */
  livePages(): number {
    const { table } = this;
    let pages = 0;
    for (let type = 0; type < table.nrSwapfiles(); type++) {
      const area = table.infoOf(type);
      const mapPages = Math.ceil(table.cells.ldu32(area + SWAP_INFO.max) / PAGE_SIZE);
      for (let mapPage = 0; mapPage < mapPages; mapPage++) pages += this.pagesOf(area, mapPage);
    }
    return pages;
  }

  /**
   * What is wrong with the higher digits of a slot (I15). `swap_lock` held.
   * @param area - address of an area with a map
   * @param offset - a slot whose byte has {@link COUNT_CONTINUED} and is not of shmem
   * @returns the end of a sentence about the slot; `''` when all is well
   */
  complaintAbout(area: number, offset: number): string {
    const { cells } = this.table;
    if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_CONTINUED) === 0)
      return 'has higher digits, but its area does not know that any slot has';
    if (cells.ldu32(this.headOf(area, offset) + SWAP_MAP_PAGE.private) !== SWP_CONTINUED)
      return 'has higher digits, but its piece of the map has no page for them';
    const chain = this.chainOf(area, offset);
    const highest = chain[chain.length - 1] ?? COUNT_CONTINUED;
    if ((highest & COUNT_CONTINUED) !== 0) return 'has more digits than there are pages';
    return highest === 0 ? 'has a highest digit of 0' : '';
  }

  /** One more in the digits above a map byte that is continued and full. @returns false when one more page is needed */
  private carry(area: number, offset: number, first: number): boolean {
    const { cells } = this.table;
    let page = first;
    while (cells.ld8(this.byteOf(page, offset)) === (SWAP_CONT_MAX | COUNT_CONTINUED)) {
      page = this.nextDigit(area, offset, page);
    }
    if (cells.ld8(this.byteOf(page, offset)) === SWAP_CONT_MAX) {
      page = cells.ldu32(page + PAGE.lruNext);
      if (page === 0) return false;
      cells.st8(this.byteOf(page, offset), 0);
    }
    this.increment(page, offset);
    return true;
  }

  /** Adds one to a digit with room; all digits below it were full and begin at 0 again. */
  private increment(page: number, offset: number): void {
    const { cells } = this.table;
    const address = this.byteOf(page, offset);
    cells.st8(address, cells.ld8(address) + 1);
    let lower = cells.ldu32(page + PAGE.lruPrev);
    for (; lower !== 0; lower = cells.ldu32(lower + PAGE.lruPrev)) {
      cells.st8(this.byteOf(lower, offset), COUNT_CONTINUED);
    }
  }

  /** One less in the digits above a map byte that has come to 0. @returns whether any digit above the byte is left */
  private borrow(area: number, offset: number, first: number): boolean {
    const { cells } = this.table;
    let page = first;
    while (cells.ld8(this.byteOf(page, offset)) === COUNT_CONTINUED) {
      page = this.nextDigit(area, offset, page);
    }
    const address = this.byteOf(page, offset);
    const digit = cells.ld8(address);
    if (digit === 0) this.bug(area, offset, 'borrows from a highest digit of 0');
    cells.st8(address, digit - 1);
    let continued = digit === 1 ? 0 : COUNT_CONTINUED;
    let lower = cells.ldu32(page + PAGE.lruPrev);
    for (; lower !== 0; lower = cells.ldu32(lower + PAGE.lruPrev)) {
      cells.st8(this.byteOf(lower, offset), SWAP_CONT_MAX | continued);
      continued = COUNT_CONTINUED;
    }
    return continued !== 0;
  }

  /** The page of the next higher digit, which the digit at hand says there is. */
  private nextDigit(area: number, offset: number, page: number): number {
    const next = this.table.cells.ldu32(page + PAGE.lruNext);
    if (next === 0) this.bug(area, offset, 'has more digits than there are pages');
    return next;
  }

  private headOf(area: number, offset: number): number {
    const mapPages = this.table.cells.ldu32(area + SWAP_INFO.mapPages);
    return mapPages + (offset >>> PAGE_SHIFT) * SWAP_MAP_PAGE.$bytes;
  }

  /** Address of the digit of a slot in a continuation page. */
  private byteOf(page: number, offset: number): number {
    return this.pages.addressOf(page) + (offset & (PAGE_SIZE - 1));
  }

  private bug(area: number, offset: number, what: string): never {
    const context: Context = this.table.context;
    return context.bug(
      `The count of slot ${offset} of swap area ${this.table.cells.ld32(area + SWAP_INFO.type)} ${what}.`,
    );
  }
}
