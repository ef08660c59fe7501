/**
 * c03: a page found in the swap cache is not looked at again when its lock has been taken.
 *
 * Between the look-up and the lock the page may leave the swap cache, or come back there with another slot, and its old slot may be given to
 * another page of the same address. The page-table entry then looks unchanged, and the fault maps a page that is somebody else's: an older
 * state of the process, or the page of a relative; what was written last is lost with its slot.
 * @kernel mm/memory.c do_swap_page, up to 2.6.35; fixed by 4969c1192d15 and 31c4a3d3a0f8
 */
import type { Faults } from '../vm/fault.js';

/**
 * Puts the fault into a thread's faults; every thread of the machine must do so.
 * @param faults - to be changed
 */
export function installC03(faults: Faults): void {
  faults.isStillPageOf = takeItForGranted;
}

/** Replaces `Faults.isStillPageOf`. */
function takeItForGranted(): boolean {
  return true;
}
