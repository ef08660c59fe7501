/**
 * unread-home: swapoff maps a page without asking whether it could be read.
 *
 * Symptom: after an error of the device the process finds in its page whatever the frame held before. The slot, which may be readable the next
 * time, is given up. @kernel mm/swapfile.c unuse_pte, up to 5.18; found by reading 2.6.34
 */
import type { Unuse } from '../vm/unuse.js';

/**
 * Puts the fault into a thread's search for pages; every thread of the machine must do so.
 * @param unuse - to be changed
 */
export function installUnreadHome(unuse: Unuse): void {
  unuse.isUnread = doNotAsk;
}

/** Replaces `Unuse.isUnread`. */
function doNotAsk(): boolean {
  return false;
}
