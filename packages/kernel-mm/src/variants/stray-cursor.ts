/**
 * stray-cursor: a slot that is freed moves the cursor to its area even while that is being switched off.
 *
 * Symptom: the cursor names an area that is on the list no more (I9). The next allocation starts there, and finds its way back by a link that
 * may be old. @kernel mm/swapfile.c swap_entry_free, 2.6.34, which compares priorities and does not look at SWP_WRITEOK; found by reading
 */
import type { SlotCounts } from '../swap/counts.js';
import { SWAP_INFO } from '../swap/info.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installStrayCursor(swap: SwapCore): void {
  swap.counts.raiseCursor = raiseCursorToAnyArea;
}

/** Replaces `SlotCounts.raiseCursor`. */
function raiseCursorToAnyArea(this: SlotCounts, area: number, type: number): void {
  const { table } = this;
  const { cells } = table;
  const next = table.listNext();
  if (next < 0) return;
  if (cells.ld32(area + SWAP_INFO.prio) > cells.ld32(table.infoOf(next) + SWAP_INFO.prio)) {
    table.setListNext(type);
  }
}
