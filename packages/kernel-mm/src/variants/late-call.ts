/**
 * late-call: the device is told of a freed slot after `swap_lock` was dropped.
 *
 * Symptom: between the drop and the call another task gets the slot and writes its page there; the late call then frees the new data, and
 * the page reads back as nothing, or as whatever its frame held. Source: the reviewers of 2009 asked for a call outside the lock, and the
 * author found no way to make it sound (`kernel-mm.md` 10.6, 11.2).
 */
import type { SlotCounts } from '../swap/counts.js';
import { SWAP_INFO } from '../swap/info.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installLateCall(swap: SwapCore): void {
  swap.counts.slotFreed = slotFreedWithoutLock;
}

/** Replaces `SlotCounts.slotFreed`: the lock is not held while the policy is asked. */
function slotFreedWithoutLock(this: SlotCounts, area: number, type: number, offset: number): void {
  const { table } = this;
  table.add(area + SWAP_INFO.freed, 1);
  this.trace.slotFree(type, offset);
  table.swapLock.unlock();
  const told = this.policy.slotFreed(area, type, offset);
  table.swapLock.lock();
  if (!told) table.add(area + SWAP_INFO.freedUnreported, 1);
}
