/**
 * c18: read-ahead always begins at the first slot of its block.
 *
 * Symptom: it ends at the first free slot, so one that lies at the beginning of the block, or anywhere below the wanted slot, turns read-ahead
 * off for the slots behind it.
 * @kernel mm/swapfile.c valid_swaphandles, up to 2.6.25; fixed by 8952898b0d25
 */
import { swpOffset, swpType, type SwapEntry } from '../swap/entries.js';
import { SWAP_INFO, SWAP_MAP_BAD, swapCount } from '../swap/info.js';
import type { ReadaheadWindow, SwapReport } from '../swap/report.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC18(swap: SwapCore): void {
  swap.report.validSwaphandles = fromTheFirstSlot;
}

/** Replaces `SwapReport.validSwaphandles`. */
function fromTheFirstSlot(this: SwapReport, entry: SwapEntry, pageCluster: number): ReadaheadWindow {
  const { table } = this;
  const { cells } = table;
  if (pageCluster === 0) return { first: swpOffset(entry), count: 0 };
  const area = table.infoOf(swpType(entry));
  const block = (swpOffset(entry) >>> pageCluster) << pageCluster;
  const first = Math.max(block, 1);
  let behind = first;
  table.swapLock.lock();
  try {
    while (behind < block + (1 << pageCluster) && table.hasSlot(area, behind)) {
      const byte = cells.ld8(cells.ldu32(area + SWAP_INFO.swapMap) + behind);
      if (byte === 0 || swapCount(byte) === SWAP_MAP_BAD) break;
      behind++;
    }
  } finally {
    table.swapLock.unlock();
  }
  return { first, count: behind - first };
}
