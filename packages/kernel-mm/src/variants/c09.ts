/**
 * c09: the last usable page in the header is taken for the number of pages.
 *
 * Symptom: every area is one slot short: its last page is never used.
 * @kernel mm/swapfile.c sys_swapon, up to 2.6.33; reported by Nitin Gupta and Jarkko Lavinen, fixed by ad2bd7e0e964
 */
import { maxPagesOfPte } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC09(swap: SwapCore): void {
  swap.on.slotsUpTo = oneTooFew;
}

/** Replaces `SwapOn.slotsUpTo`. */
function oneTooFew(lastPage: number): number {
  return Math.min(maxPagesOfPte(), lastPage);
}
