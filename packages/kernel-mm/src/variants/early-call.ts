/**
 * early-call: the device is also told when the last user of a slot goes while the swap cache still holds it.
 *
 * Symptom: the page in the swap cache may be clean and go back to the slot without being written, because the device is thought to have it.
 * What is then read is nothing, or whatever the device answers for an empty slot. Source: `kernel-mm.md` 11.2.
 */
import { SlotCounts } from '../swap/counts.js';
import { swpOffset, swpType, type SwapEntry } from '../swap/entries.js';
import { SWAP_HAS_CACHE } from '../swap/info.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installEarlyCall(swap: SwapCore): void {
  swap.counts.swapEntryFree = freeAndTellTooEarly;
}

/** Replaces `SlotCounts.swapEntryFree`. */
function freeAndTellTooEarly(this: SlotCounts, area: number, entry: SwapEntry, usage: number): number {
  const after = SlotCounts.prototype.swapEntryFree.call(this, area, entry, usage);
  if (after === SWAP_HAS_CACHE) this.policy.slotFreed(area, swpType(entry), swpOffset(entry));
  return after;
}
