/**
 * c20: a free cluster is said to begin two slots lower than it does.
 *
 * Symptom: allocation starts below the cluster: at a slot in use, or at a single free one in front of it, so that runs of slots are broken up.
 * Areas that take discards, which came later, are left alone: there the slot in between would be discarded though it is in use.
 * @kernel mm/swapfile.c scan_swap_map, up to 2.6.19; fixed by 9b65ef59d42a
 */
import { SWAP_INFO, SWP_DISCARDABLE } from '../swap/info.js';
import { SlotScanner } from '../swap/scan.js';
import type { SwapCore } from '../swap/swap-core.js';

/** How far too low: the end of the cluster less 257 instead of 255. */
const TOO_LOW = 2;

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC20(swap: SwapCore): void {
  swap.scanner.findFreeCluster = findClusterTooLow;
}

/** Replaces `SlotScanner.findFreeCluster`. */
function findClusterTooLow(this: SlotScanner, area: number, scanBase: number): number {
  const first = SlotScanner.prototype.findFreeCluster.call(this, area, scanBase);
  const takesDiscards = (this.table.cells.ldu32(area + SWAP_INFO.flags) & SWP_DISCARDABLE) !== 0;
  if (first === 0 || takesDiscards) return first;
  // In front of slot 1 there is only the header; the scan then began at the lowest slot.
  return Math.max(first - TOO_LOW, 1);
}
