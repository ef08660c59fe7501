/**
 * no-scan-wait: swapoff does not wait until nobody scans the map any more.
 *
 * Symptom: a scan reads map bytes without the lock, so the map is freed, or is somebody else's, while it is read; and what the scanning task
 * takes off the count of scans, when it is through, was set to zero meanwhile: the count wraps (I16). Source: `kernel-mm.md` 11.3.
 */
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installNoScanWait(swap: SwapCore): void {
  swap.off.waitForScanners = doNotWait;
}

/** Replaces `SwapOff.waitForScanners`. */
function doNotWait(): void {}
