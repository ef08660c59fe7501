/**
 * c16: swapoff leaves a gap in the automatic priorities.
 *
 * Symptom: they are not dense any more (I10), and a loop of swapon and swapoff makes them ever lower, until they wrap.
 * @kernel mm/swapfile.c sys_swapoff, up to 2.6.26; fixed by 78ecba081224
 */
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC16(swap: SwapCore): void {
  swap.list.compactPriorities = leaveTheGap;
}

/** Replaces `SwapList.compactPriorities`. */
function leaveTheGap(): void {}
