/**
 * c24: a bad page that the header lists twice is subtracted twice.
 *
 * Symptom: the area counts one usable slot less than it has, so it is full one slot early, and the number of free slots is too small (I2).
 * @kernel mm/swapfile.c sys_swapon, 2.6.34
 */
import { EINVAL } from '../errno.js';
import { SWAP_MAP_BAD } from '../swap/info.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { SwapOn } from '../swap/swapon.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC24(swap: SwapCore): void {
  swap.on.setUpSwapMap = countEveryBadPage;
}

/** Replaces `SwapOn.setUpSwapMap`. */
function countEveryBadPage(
  this: SwapOn,
  map: number,
  maxPages: number,
  lastPage: number,
  badpages: readonly number[],
): number {
  const { cells } = this.table;
  let goodPages = maxPages - 1;
  for (const badpage of badpages) {
    if (badpage === 0 || badpage > lastPage) return -EINVAL;
    if (badpage >= maxPages) continue;
    cells.st8(map + badpage, SWAP_MAP_BAD);
    goodPages--;
  }
  return goodPages;
}
