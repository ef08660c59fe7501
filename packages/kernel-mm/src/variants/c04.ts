/**
 * c04: swapoff frees the entry of the table before it has given back the device of the area.
 *
 * Symptom: a swapon that comes in between gets the entry and writes its own fields there; swapoff then reads them, and gives the old device the
 * block size of the new one. The sound order frees the entry last.
 * @kernel mm/swapfile.c sys_swapoff, up to 3.12; reported by Krzysztof Kozlowski (2013) and Weijie Yang (2014)
 */
import type { SwapCore } from '../swap/swap-core.js';
import type { SwapOff } from '../swap/swapoff.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC04(swap: SwapCore): void {
  swap.off.giveBackAndRetire = retireAndGiveBack;
}

/** Replaces `SwapOff.giveBackAndRetire`. */
function retireAndGiveBack(this: SwapOff, area: number, type: number, swapFile: number): void {
  this.retireEntry(area, type);
  if (swapFile !== 0) this.giveBack(area, swapFile);
}
