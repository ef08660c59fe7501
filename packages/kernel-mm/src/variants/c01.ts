/**
 * c01: the second half of a scan begins one slot too high.
 *
 * When the only free slot is the lowest one that can be free, and the cursor is above it, every allocation fails although a slot is free. And
 * since each slot that cannot be reclaimed sends the scan back to its first half, a scan over nothing but such slots goes round for ever;
 * the scanner stops the machine with a report then. @kernel mm/swapfile.c scan_swap_map, 2.6.29 to 3.13; fixed by a5998061daab
 */
import type { SwapCore } from '../swap/swap-core.js';
import { SWAP_INFO } from '../swap/info.js';
import type { SlotScanner } from '../swap/scan.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC01(swap: SwapCore): void {
  swap.scanner.plainScan = plainScanSkippingLowestBit;
}

/** Replaces `SlotScanner.plainScan`; never says that it found a slot in the second half. */
function plainScanSkippingLowestBit(
  this: SlotScanner,
  area: number,
  offset: number,
  scanBase: number,
): number {
  const { cells } = this.table;
  const found = this.findCandidate(area, offset + 1, cells.ldu32(area + SWAP_INFO.highestBit));
  if (found !== 0) return found;
  return this.findCandidate(area, cells.ldu32(area + SWAP_INFO.lowestBit) + 1, scanBase - 1);
}
