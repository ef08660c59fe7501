/**
 * The list of writable areas in order of priority, and automatic priorities.
 *
 * Promise: the list holds exactly the writable areas, highest priority first; among equals the one switched on last comes first. Automatic
 * priorities of the areas on it are distinct and dense: -1, -2, ... down to `leastPriority`. All functions need `swap_lock`.
 */
import { SWAP_GLOBALS, SWAP_INFO, SWP_WRITEOK, type SwapTable } from './info.js';

/** The priority list. One per thread. */
export class SwapList {
  readonly table: SwapTable;

  /** @param table - the areas */
  constructor(table: SwapTable) {
    this.table = table;
  }

  /** Gives out the next lower automatic priority. `swap_lock` held. */
  nextAutomaticPriority(): number {
    const { cells, globals } = this.table;
    const priority = cells.ld32(globals + SWAP_GLOBALS.leastPriority) - 1;
    cells.st32(globals + SWAP_GLOBALS.leastPriority, priority);
    return priority;
  }

  /**
   * Makes an area writable: puts it before the first area whose priority is not higher, and adds its slots to the totals. The
   * cursor moves only when the area becomes the head. `swap_lock` held.
   * @param type - an area that is not on the list, its priority set
   * @kernel mm/swapfile.c sys_swapon, and sys_swapoff when it fails, 2.6.34
   */
  insert(type: number): void {
    const { table } = this;
    const { cells } = table;
    table.assertLocked('SwapList.insert');
    const area = table.infoOf(type);
    const prio = cells.ld32(area + SWAP_INFO.prio);
    let previous = -1;
    let next = table.listHead();
    while (next >= 0 && prio < cells.ld32(table.infoOf(next) + SWAP_INFO.prio)) {
      previous = next;
      next = cells.ld32(table.infoOf(next) + SWAP_INFO.next);
    }
    cells.st32(area + SWAP_INFO.next, next);
    if (previous < 0) {
      table.setListHead(type);
      table.setListNext(type);
    } else {
      cells.st32(table.infoOf(previous) + SWAP_INFO.next, type);
    }
    const pages = cells.ldu32(area + SWAP_INFO.pages);
    table.addSwapPages(pages);
    table.addTotalSwapPages(pages);
    cells.st32(area + SWAP_INFO.flags, cells.ldu32(area + SWAP_INFO.flags) | SWP_WRITEOK);
  }

  /**
   * Makes an area unwritable: takes it off the list and its slots from the totals, which may make the number of free slots negative.
   * `swap_lock` held.
   * @param type - an area on the list
   * @kernel mm/swapfile.c sys_swapoff, 2.6.34
   */
  remove(type: number): void {
    const { table } = this;
    const { cells } = table;
    table.assertLocked('SwapList.remove');
    const area = table.infoOf(type);
    const next = cells.ld32(area + SWAP_INFO.next);
    const previous = this.previousOf(type);
    if (previous < 0) table.setListHead(next);
    else cells.st32(table.infoOf(previous) + SWAP_INFO.next, next);
    if (table.listNext() === type) table.setListNext(table.listHead());
    if (cells.ld32(area + SWAP_INFO.prio) < 0) this.compactPriorities(area);
    const pages = cells.ldu32(area + SWAP_INFO.pages);
    table.addSwapPages(-pages);
    table.addTotalSwapPages(-pages);
    cells.st32(area + SWAP_INFO.flags, cells.ldu32(area + SWAP_INFO.flags) & ~SWP_WRITEOK);
  }

  /**
   * Closes the gap an automatic priority leaves: every area behind it moves up by one. `swap_lock` held.
   * @param area - address of the area that left the list; its own priority is used up on the way
   */
  compactPriorities(area: number): void {
    const { table } = this;
    const { cells } = table;
    let free = cells.ld32(area + SWAP_INFO.prio);
    let behind = cells.ld32(area + SWAP_INFO.next);
    while (behind >= 0) {
      cells.st32(table.infoOf(behind) + SWAP_INFO.prio, free);
      free--;
      behind = cells.ld32(table.infoOf(behind) + SWAP_INFO.next);
    }
    cells.st32(area + SWAP_INFO.prio, free);
    const least = table.globals + SWAP_GLOBALS.leastPriority;
    cells.st32(least, cells.ld32(least) + 1);
  }

  /** Type of the area before one, -1 when it is the head. */
  private previousOf(type: number): number {
    const { table } = this;
    let previous = -1;
    let at = table.listHead();
    while (at !== type) {
      this.table.context.assert(at >= 0, `swap area ${type} is on the list of writable areas.`);
      previous = at;
      at = table.cells.ld32(table.infoOf(at) + SWAP_INFO.next);
    }
    return previous;
  }
}
