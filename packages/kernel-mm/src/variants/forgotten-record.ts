/**
 * forgotten-record: a task that found a free cluster, but could not take a slot of it after all, does not end its record.
 *
 * Symptom: where the device takes discards, `lowest_alloc` stays set, and as long as the area lives nobody searches it for a free cluster
 * again, and nothing of it is discarded. It takes a swapoff, or the last free slot taken by others, in just that moment.
 * @kernel mm/swapfile.c scan_swap_map, 2.6.34; found by reading
 */
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installForgottenRecord(swap: SwapCore): void {
  swap.scanner.abandonCluster = forget;
}

/** Replaces `SlotScanner.abandonCluster`. */
function forget(): void {}
