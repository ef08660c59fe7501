/**
 * inherited-hook: what was installed for an area stays in its entry of the table at swapoff.
 *
 * Symptom: the next area that gets the type has the hook of the one before, so the driver is called with a device that is not its own; had
 * it been unloaded meanwhile, the call would go to freed code. Since 2.6.33 an entry of the table is not cleared when it is reused, which is
 * why the series of 2010 needs its swapoff notifier. Source: `kernel-mm.md` 10.2 (V1 to V3) and 11.2.
 */
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installInheritedHook(swap: SwapCore): void {
  swap.policy.areaRetired = keepEverything;
}

/** Replaces `SlotFreePolicy.areaRetired`. */
function keepEverything(): void {}
