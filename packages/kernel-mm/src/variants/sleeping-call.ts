/**
 * sleeping-call: whoever is told of a freed slot may sleep: takes a mutex, or allocates a page with GFP_KERNEL.
 *
 * Symptom: the call comes under `swap_lock`, a spinlock, and often under a page-table lock too. All who want the lock spin meanwhile, and if
 * what is waited for needs it, for ever. Here the first such call stops the machine. Source: `kernel-mm.md` 11.2; `bug-museum.md` B02.
 */
import type { SlotFreePolicy } from '../swap/policy.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installSleepingCall(swap: SwapCore): void {
  const { policy } = swap;
  const sleeping = new SleepingCall(swap, policy.slotFreed.bind(policy));
  policy.slotFreed = sleeping.slotFreed.bind(sleeping);
}

class SleepingCall {
  private readonly swap: SwapCore;
  private readonly tell: SlotFreePolicy['slotFreed'];

  constructor(swap: SwapCore, tell: SlotFreePolicy['slotFreed']) {
    this.swap = swap;
    this.tell = tell;
  }

  /** Replaces `SlotFreePolicy.slotFreed`. */
  slotFreed(area: number, type: number, offset: number): boolean {
    this.swap.table.context.mightSleep(`telling the device that slot ${offset} of swap area ${type} is free`);
    return this.tell(area, type, offset);
  }
}
