/**
 * c05: whoever waits for a page to appear in the swap cache does not let others run.
 *
 * A slot has its cache flag before its page is in the cache, and the task in between may be waiting for a discard. Whoever wants the page looks
 * again and again. Where the other task needs the same processor, it never gets there: a soft lock-up. Here threads of the host share their
 * processors all the same, so the loop mostly ends; when it does not, it stops with a report after a million turns.
 * @kernel mm/swap_state.c read_swap_cache_async, up to 3.9; found by Rafael Aquini, 2013, who added a point where others run
 */
import type { Faults } from '../vm/fault.js';

/**
 * Puts the fault into a thread's faults; every thread of the machine must do so.
 * @param faults - to be changed
 */
export function installC05(faults: Faults): void {
  faults.waitForPage = keepTheProcessor;
}

/** Replaces `Faults.waitForPage`. */
function keepTheProcessor(): void {}
