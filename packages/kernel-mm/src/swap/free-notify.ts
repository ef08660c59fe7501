/**
 * The function that is told when a slot is freed: one per area.
 *
 * Promise: between the moment a map byte becomes 0 and the return of the function nobody can allocate the slot, because `swap_lock` is held
 * all the time. That is what makes "forget what you store for this slot" safe. The function is called exactly once for each such moment.
 *
 * The function must not sleep, and must not call back into the swap core.
 */
import { EINVAL } from '../errno.js';
import { FunctionTable, NULL_SYMBOL, type SymbolId } from '../arena/symbols.js';
import type { Core } from '../sync/core.js';
import * as info from './info.js';
import type { SwapTable } from './info.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { SWAP_INFO, SWP_USED } = info;

/**
 * Called when a slot was freed, with `swap_lock` held.
 * @param bdev - address of the block device of the area, 0 for an area without one
 * @param slot - slot in the area; for a block device also the number of the page on it
 */
export type SwapFreeNotify = (bdev: number, slot: number) => void;

/** Installs and calls the functions. */
export class FreeNotify {
  /** This thread's functions; define each of them in every thread that may free slots. */
  readonly functions: FunctionTable<SwapFreeNotify>;
  readonly table: SwapTable;

  /**
   * @param core - this thread's lower floors
   * @param table - the areas
   */
  constructor(core: Core, table: SwapTable) {
    this.table = table;
    this.functions = new FunctionTable<SwapFreeNotify>(core.symbols, 'swap_free_notify');
  }

  /**
   * Installs the function of an area, or removes it. Called from a swapon notifier and a swapoff notifier. Takes `swap_lock`.
   * @param type - index of the area
   * @param symbol - of a function defined in {@link functions}, or `NULL_SYMBOL` to remove
   * @returns 0, or -EINVAL when there is no such area; removing needs only that the area once existed, because 2.6.34 runs its swapoff
   * notifiers when the area already counts as unused
   * @kernel set_swap_free_notify of the May 2010 series
   */
  setSwapFreeNotify(type: number, symbol: SymbolId): number {
    const { table } = this;
    const { cells } = table;
    if (!Number.isInteger(type) || type < 0 || type >= table.nrSwapfiles()) return -EINVAL;
    const area = table.infoOf(type);
    table.swapLock.lock();
    try {
      if (symbol !== NULL_SYMBOL && (cells.ldu32(area + SWAP_INFO.flags) & SWP_USED) === 0) return -EINVAL;
      cells.st32(area + SWAP_INFO.freeNotify, symbol);
      return 0;
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * Calls the function of an area. `swap_lock` held.
   * @param area - address of the area
   * @param offset - the slot that was freed
   * @returns whether there was a function
   */
  call(area: number, offset: number): boolean {
    const { cells } = this.table;
    const symbol = cells.ld32(area + SWAP_INFO.freeNotify);
    if (symbol === NULL_SYMBOL) return false;
    const notify = this.functions.resolve(symbol);
    notify(cells.ldu32(area + SWAP_INFO.bdev), offset);
    return true;
  }
}
