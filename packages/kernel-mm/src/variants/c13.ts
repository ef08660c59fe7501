/**
 * c13: dropping a reference that nobody has is not noticed.
 *
 * Symptom: the count wraps from 0 to 0xff, which is what a slot of shmem in the swap cache looks like. The next free takes it for one and
 * leaves the cache bit behind, so the slot is never free again. A swap cache that drops a reference it does not have goes unnoticed, too, but
 * does no harm. It takes a caller that errs: the sound form stops the machine and names it, as a debug build of the original would the second.
 * @kernel mm/swapfile.c swap_entry_free, 2.6.34
 */
import { SlotCounts } from '../swap/counts.js';
import type { SwapCore } from '../swap/swap-core.js';

/** 0 less 1, in a byte. */
const WRAPPED = 0xff;

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC13(swap: SwapCore): void {
  swap.counts.dropUser = dropUserUnchecked;
  swap.counts.dropCache = dropCacheUnchecked;
}

/** Replaces `SlotCounts.dropCache`. */
function dropCacheUnchecked(): number {
  return 0;
}

/** Replaces `SlotCounts.dropUser`. */
function dropUserUnchecked(this: SlotCounts, area: number, offset: number, count: number): number {
  return count === 0 ? WRAPPED : SlotCounts.prototype.dropUser.call(this, area, offset, count);
}
