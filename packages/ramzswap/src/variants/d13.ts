/**
 * d13: the hook of an area is removed without `swap_lock`.
 *
 * Symptom: a CPU that has just read the hook calls it after swapoff has removed it: by then the driver may be gone, or its device reset. Source: the setter
 * of June 2008; whether that of May 2010 takes the lock is not known, so no profile has this; `bug-museum.md` B13, race X8 of `ramzswap.md`.
 */
import { NULL_SYMBOL, SWAP_INFO, type SwapTable } from '@swaplab/kernel-mm';
import type { SlotFreeHook } from '../driver/slot-free-hooks.js';
import type { DriverFunctions } from '../driver/swap-notify.js';

/**
 * Puts the fault into a thread's driver; every thread of the machine must do so. For the policy `notify`.
 * @param functions - to be changed
 * @param table - the areas
 */
export function installD13(functions: DriverFunctions, table: SwapTable): void {
  const { hook } = functions;
  if (hook === null) return;
  const removal = new UnlockedRemoval(table);
  hook.remove = removal.remove.bind(removal);
}

class UnlockedRemoval implements Pick<SlotFreeHook, 'remove'> {
  private readonly table: SwapTable;

  constructor(table: SwapTable) {
    this.table = table;
  }

  /** Replaces `SlotFreeHook.remove`. */
  remove(type: number): number {
    this.table.cells.st32(this.table.infoOf(type) + SWAP_INFO.freeNotify, NULL_SYMBOL);
    return 0;
  }
}
