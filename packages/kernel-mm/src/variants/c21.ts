/**
 * c21: whether an entry names a slot of an area is checked before the lock is taken, and not again.
 *
 * It is enough for a caller that holds a reference to the slot. For any other one the area may be switched off in between; it then works on a
 * map that is gone. Read-ahead looks downwards from its slot without asking at all whether there is a map. In the original that is a null
 * pointer, or memory that was freed; here it stops the machine with a report.
 * @kernel mm/swapfile.c swap_info_get, valid_swaphandles, 2.6.34; get_swap_device of 2019 is the general cure
 */
import type { SlotCounts } from '../swap/counts.js';
import { swpOffset, swpType, type SwapEntry } from '../swap/entries.js';
import { SWAP_INFO, type SwapTable } from '../swap/info.js';
import { SwapReport, type ReadaheadWindow } from '../swap/report.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC21(swap: SwapCore): void {
  swap.counts.isStillSlot = takeItForGranted;
  swap.report.validSwaphandles = lookDownwardsUnasked;
}

/** Replaces `SlotCounts.isStillSlot`: nothing is asked, so a map that is gone is found out only by using it. */
function takeItForGranted(this: SlotCounts, area: number, offset: number): boolean {
  requireMap(this.table, area, `A reference to slot ${offset} is dropped`);
  return true;
}

/** Replaces `SwapReport.validSwaphandles`: only the way upwards ends where the map does. */
function lookDownwardsUnasked(this: SwapReport, entry: SwapEntry, pageCluster: number): ReadaheadWindow {
  const target = swpOffset(entry);
  const block = (target >>> pageCluster) << pageCluster;
  if (pageCluster !== 0 && target > Math.max(block, 1))
    requireMap(this.table, this.table.infoOf(swpType(entry)), `Read-ahead looks below slot ${target}`);
  return SwapReport.prototype.validSwaphandles.call(this, entry, pageCluster);
}

function requireMap(table: SwapTable, area: number, what: string): void {
  const { cells, context } = table;
  if (cells.ldu32(area + SWAP_INFO.swapMap) !== 0) return;
  context.bug(
    `${what} in the map of swap area ${cells.ld32(area + SWAP_INFO.type)}, which swapoff has freed: a null pointer.`,
  );
}
