/**
 * early-slot-free: a fault tries to free the slot before it gives its own reference to it back.
 *
 * Symptom: the slot always has a user at that moment, so while swap is more than half full slots of pages that came in are not freed, as they
 * ought to be. Source: `kernel-mm.md` 7.4 and 11.3.
 */
import type { SwapEntry } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Faults } from '../vm/fault.js';

/**
 * Puts the fault into a thread's faults; every thread of the machine must do so.
 * @param faults - to be changed
 * @param swap - the swap core below
 */
export function installEarlySlotFree(faults: Faults, swap: SwapCore): void {
  const hasty = new HastyReturn(swap);
  faults.giveBackEntry = hasty.giveBackEntry.bind(hasty);
}

class HastyReturn {
  private readonly swap: SwapCore;

  constructor(swap: SwapCore) {
    this.swap = swap;
  }

  /** Replaces `Faults.giveBackEntry`. */
  giveBackEntry(page: number, entry: SwapEntry): void {
    const { counts, pages, table } = this.swap;
    if (table.vmSwapFull()) pages.tryToFreeSwap(page);
    counts.swapFree(entry);
  }
}
