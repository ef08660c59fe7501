/**
 * d04: a free that was put off is done after the slot was written again.
 *
 * Symptom: between the note and the free somebody else gets the slot and writes its page there; the free takes the new page, and a later swap-in finds an
 * empty slot. Source: zram 3.12 had the same queue, and emptied it before each write; this is what it would be without; `bug-museum.md`
 * B04.
 */
import type { Kernel } from '@swaplab/kernel-mm';
import type { SoundDevice } from '../driver/sound-device.js';
import { DeferredFrees } from './deferred-frees.js';

/**
 * Puts the fault into a device; every thread of the machine must do so.
 * @param device - to be changed
 * @param kernel - of the same thread
 */
export function installD04(device: SoundDevice, kernel: Kernel): void {
  const callback = new LateCallback(device, new DeferredFrees(device, kernel));
  device.slotFreeNotify = callback.slotFreeNotify.bind(callback);
  device.runDeferredFrees = callback.runDeferredFrees.bind(callback);
}

class LateCallback implements Pick<SoundDevice, 'slotFreeNotify' | 'runDeferredFrees'> {
  private readonly device: SoundDevice;
  private readonly frees: DeferredFrees;

  constructor(device: SoundDevice, frees: DeferredFrees) {
    this.device = device;
    this.frees = frees;
  }

  /** Replaces `SoundDevice.slotFreeNotify`. Without memory for a note it frees at once, so that lateness is its only fault. */
  slotFreeNotify(slot: number): void {
    const { device } = this;
    device.checkSlot(slot);
    const noted = this.frees.put(slot);
    device.lockSlot(slot);
    try {
      if (!noted) device.freePage(slot);
      device.countNotifyFree(slot);
    } finally {
      device.unlockSlot(slot);
    }
  }

  /** Replaces `SoundDevice.runDeferredFrees`. */
  runDeferredFrees(): number {
    return this.frees.drain();
  }
}
