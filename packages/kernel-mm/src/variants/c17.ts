/**
 * c17: a page that could not be written counts as written.
 *
 * Symptom: the page is clean, so reclaim drops it; what is read back later is what the slot held before, or nothing.
 * @kernel mm/page_io.c end_swap_bio_write, up to 2.6.18; fixed by 6ddab3b9ebeb
 */
import type { PageIo } from '../vm/page-io.js';

/**
 * Puts the fault into a thread's page I/O; every thread of the machine must do so.
 * @param io - to be changed
 */
export function installC17(io: PageIo): void {
  io.writeAgainLater = leaveItClean;
}

/** Replaces `PageIo.writeAgainLater`. */
function leaveItClean(): void {}
