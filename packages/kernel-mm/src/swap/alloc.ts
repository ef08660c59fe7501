/**
 * Choosing the area for a page to be swapped out, and taking a slot of it.
 *
 * Promise: a higher priority is used before a lower one; areas of equal priority take turns, the one switched on last first. `nrSwapPages` is
 * lowered before the search, as a reservation, and raised again when the search fails.
 */
import { swpEntry, type SwapEntry } from './entries.js';
import * as info from './info.js';
import type { SwapTable } from './info.js';
import type { SlotScanner } from './scan.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { SWAP_HAS_CACHE, SWAP_INFO, SWP_WRITEOK } = info;

/** Takes slots. One per thread. */
export class SlotAllocator {
  readonly table: SwapTable;
  readonly scanner: SlotScanner;

  /**
   * @param table - the areas
   * @param scanner - finds a slot in one area
   */
  constructor(table: SwapTable, scanner: SlotScanner) {
    this.table = table;
    this.scanner = scanner;
  }

  /**
   * Takes a slot for a page that goes into the swap cache; its byte is {@link SWAP_HAS_CACHE}. Takes `swap_lock`; page locks may be held.
   * @returns the entry, 0 when there is no slot
   * @kernel mm/swapfile.c get_swap_page, 2.6.34
   */
  getSwapPage(): SwapEntry {
    const { table } = this;
    table.swapLock.lock();
    try {
      if (table.nrSwapPages() <= 0) return 0;
      table.addSwapPages(-1);
      const entry = this.findSlot();
      if (entry === 0) table.addSwapPages(1);
      return entry;
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * Takes a slot of one area for hibernation: a plain reference, without the cache bit. Takes `swap_lock`.
   * @param type - any number
   * @returns the entry, 0 when the area is not writable or has no slot
   * @kernel mm/swapfile.c get_swap_page_of_type, 2.6.34
   */
  getSwapPageOfType(type: number): SwapEntry {
    const { table } = this;
    if (!Number.isInteger(type) || type < 0 || type >= table.nrSwapfiles()) return 0;
    const area = table.infoOf(type);
    table.swapLock.lock();
    try {
      if ((table.cells.ldu32(area + SWAP_INFO.flags) & SWP_WRITEOK) === 0) return 0;
      table.addSwapPages(-1);
      const offset = this.scanner.scanSwapMap(area, 1);
      if (offset !== 0) return swpEntry(type, offset);
      table.addSwapPages(1);
      return 0;
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * Tries the areas, each once, until one has a slot. `swap_lock` held on entry and on return; dropped and retaken inside.
   * @returns the entry, 0 when no area has a slot
   */
  findSlot(): SwapEntry {
    const { table } = this;
    let tried = 0;
    for (;;) {
      const type = this.pickArea(tried);
      if (type < 0) return 0;
      table.setListNext(this.nextInTurn(type));
      const offset = this.scanner.scanSwapMap(table.infoOf(type), SWAP_HAS_CACHE);
      if (offset !== 0) return swpEntry(type, offset);
      tried |= 1 << type;
    }
  }

  /**
   * The best area to try: of the highest priority that has a free slot, and of those the first from the cursor on. `swap_lock` held.
   * @param tried - bit `1 << type` for each area that was tried in vain
   * @returns its type, or -1
   */
  pickArea(tried: number): number {
    const { table } = this;
    const cursor = table.listNext();
    let best = -1;
    let atCursor = false;
    let type = table.listHead();
    while (type >= 0) {
      if (best >= 0 && this.prioOf(type) !== this.prioOf(best)) break;
      if (type === cursor) atCursor = true;
      const area = table.infoOf(type);
      if ((tried & (1 << type)) === 0 && this.hasFreeSlot(area)) {
        if (atCursor) return type;
        if (best < 0) best = type;
      }
      type = table.cells.ld32(area + SWAP_INFO.next);
    }
    return best;
  }

  /**
   * Whose turn comes after an area's: the next one of equal priority, in a circle. `swap_lock` held.
   * @param type - of an area on the list
   */
  nextInTurn(type: number): number {
    const { table } = this;
    const next = table.cells.ld32(table.infoOf(type) + SWAP_INFO.next);
    let first = table.listHead();
    if (next < 0 && first === type) return type;
    const prio = this.prioOf(type);
    if (next >= 0 && this.prioOf(next) === prio) return next;
    while (this.prioOf(first) !== prio) first = table.cells.ld32(table.infoOf(first) + SWAP_INFO.next);
    return first;
  }

  /**
   * Whether slots of an area may be allocated. `swap_lock` held.
   * @param area - address of the area
   */
  isWritable(area: number): boolean {
    return (this.table.cells.ldu32(area + SWAP_INFO.flags) & SWP_WRITEOK) !== 0;
  }

  /**
   * Whether it is worth while to scan an area. `swap_lock` held.
   * @param area - address of the area
   */
  hasFreeSlot(area: number): boolean {
    return this.table.cells.ldu32(area + SWAP_INFO.highestBit) !== 0 && this.isWritable(area);
  }

  /**
   * Priority of an area. `swap_lock` held.
   * @param type - its index
   */
  prioOf(type: number): number {
    return this.table.cells.ld32(this.table.infoOf(type) + SWAP_INFO.prio);
  }
}
