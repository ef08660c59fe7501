/**
 * unchecked-writeok: a scan that dropped the lock does not look again whether its area is still writable.
 *
 * Symptom: a slot is handed out of an area that a swapoff has taken off the list meanwhile, perhaps behind the place it has come to in its
 * search for pages to bring home. Source: `kernel-mm.md` 11.3.
 */
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installUncheckedWriteok(swap: SwapCore): void {
  swap.scanner.isWritable = takeItForGranted;
}

/** Replaces `SlotScanner.isWritable`. */
function takeItForGranted(): boolean {
  return true;
}
