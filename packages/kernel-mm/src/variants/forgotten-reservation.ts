/**
 * forgotten-reservation: an allocation that fails does not give its reservation back.
 *
 * Symptom: `nr_swap_pages` sinks with every failure (I6), until nothing is allocated any more though slots are free. Source: `kernel-mm.md` 11.3.
 */
import type { SlotAllocator } from '../swap/alloc.js';
import type { SwapEntry } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installForgottenReservation(swap: SwapCore): void {
  swap.allocator.getSwapPage = keepTheReservation;
}

/** Replaces `SlotAllocator.getSwapPage`. */
function keepTheReservation(this: SlotAllocator): SwapEntry {
  const { table } = this;
  table.swapLock.lock();
  try {
    if (table.nrSwapPages() <= 0) return 0;
    table.addSwapPages(-1);
    return this.findSlot();
  } finally {
    table.swapLock.unlock();
  }
}
