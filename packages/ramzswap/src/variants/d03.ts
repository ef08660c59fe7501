/**
 * d03: the slot-free callback puts the free off, and forgets it when there is no memory to note it.
 *
 * Symptom: the call was counted, the note comes from an atomic allocation that may fail, and then nobody frees the slot: its memory is lost until the slot
 * is written again. That happens when memory is short, so exactly when swap is busy. Source: a0c516cbfc in zram 3.12, removed by
 * f614a9f48ded; `bug-museum.md` B03.
 */
import type { Kernel } from '@swaplab/kernel-mm';
import type { SoundDevice } from '../driver/sound-device.js';
import { DeferredFrees } from './deferred-frees.js';

/**
 * Puts the fault into a device; every thread of the machine must do so.
 * @param device - to be changed
 * @param kernel - of the same thread
 */
export function installD03(device: SoundDevice, kernel: Kernel): void {
  const callback = new ForgetfulCallback(device, new DeferredFrees(device, kernel));
  device.slotFreeNotify = callback.slotFreeNotify.bind(callback);
  device.runDeferredFrees = callback.runDeferredFrees.bind(callback);
  device.freeBeforeWrite = callback.freeBeforeWrite.bind(callback);
}

class ForgetfulCallback implements Pick<
  SoundDevice,
  'slotFreeNotify' | 'runDeferredFrees' | 'freeBeforeWrite'
> {
  private readonly device: SoundDevice;
  private readonly frees: DeferredFrees;

  constructor(device: SoundDevice, frees: DeferredFrees) {
    this.device = device;
    this.frees = frees;
  }

  /** Replaces `SoundDevice.slotFreeNotify`. */
  slotFreeNotify(slot: number): void {
    const { device } = this;
    device.checkSlot(slot);
    device.lockSlot(slot);
    device.countNotifyFree(slot);
    device.unlockSlot(slot);
    this.frees.put(slot);
  }

  /** Replaces `SoundDevice.runDeferredFrees`; under the mutex, so that no write comes between the note and the free. */
  runDeferredFrees(): number {
    this.device.lock.lock();
    try {
      return this.frees.drain();
    } finally {
      this.device.lock.unlock();
    }
  }

  /** Replaces `SoundDevice.freeBeforeWrite`. */
  freeBeforeWrite(slot: number): void {
    const { device } = this;
    this.frees.drain();
    device.lockSlot(slot);
    try {
      device.freePage(slot);
    } finally {
      device.unlockSlot(slot);
    }
  }
}
