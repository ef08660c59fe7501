/**
 * c10: freeing a slot looks at the priority of the area at the cursor although there is none.
 *
 * While the last area is switched off the list is empty and the cursor is -1, so each slot that is freed then reads `swap_info[-1]`: whatever
 * lies in front of the table. Here that stops the machine with a report.
 * @kernel mm/swapfile.c swap_entry_free, up to 2.6.32; guarded since efa90a981bbc
 */
import type { SlotCounts } from '../swap/counts.js';
import { SWAP_INFO } from '../swap/info.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC10(swap: SwapCore): void {
  swap.counts.raiseCursor = raiseCursorUnasked;
}

/** Replaces `SlotCounts.raiseCursor`. */
function raiseCursorUnasked(this: SlotCounts, area: number, type: number): void {
  const { table } = this;
  const next = table.listNext();
  if (next < 0) {
    table.context.bug(
      `Freeing a slot of swap area ${type} reads the priority of swap_info[${next}], which is in front of the table.`,
    );
  }
  const { cells } = table;
  if (cells.ld32(area + SWAP_INFO.prio) > cells.ld32(table.infoOf(next) + SWAP_INFO.prio)) {
    table.setListNext(type);
  }
}
