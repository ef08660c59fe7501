/**
 * unseen-write-error: swapoff does not look whether the page of a slot with users that were not found could be written.
 *
 * Symptom: the page leaves the swap cache and is gone, and those users read what the device had before. Source: `kernel-mm.md` 5.4, steps 9 and
 * 10; found by reading. @kernel mm/swapfile.c try_to_unuse, 2.6.34
 */
import type { SwapEntry } from '../swap/entries.js';
import { Unuse } from '../vm/unuse.js';

/**
 * Puts the fault into a thread's search for pages; every thread of the machine must do so.
 * @param unuse - to be changed
 */
export function installUnseenWriteError(unuse: Unuse): void {
  unuse.writeBack = writeBackAndHope;
}

/** Replaces `Unuse.writeBack`. */
function writeBackAndHope(this: Unuse, entry: SwapEntry, page: number): boolean {
  Unuse.prototype.writeBack.call(this, entry, page);
  return true;
}
