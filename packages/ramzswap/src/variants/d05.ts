/**
 * d05: the slot-free callback only tries its lock, and gives up when somebody holds it.
 *
 * Symptom: the slot stays stored until it is written again, or the device is reset. It was done so on purpose, since the callback could run where waiting
 * would have been a deadlock (d06), and is counted as a missed free. Source: 3c9959e02547 of December 2018; `bug-museum.md` B05.
 */
import type { Kernel, LockClass, Locks } from '@swaplab/kernel-mm';
import type { SoundDevice } from '../driver/sound-device.js';

/**
 * Puts the fault into a device; every thread of the machine must do so.
 * @param device - to be changed
 * @param kernel - of the same thread
 */
export function installD05(device: SoundDevice, kernel: Kernel): void {
  const callback = new TryingCallback(device, kernel.core.locks);
  device.slotFreeNotify = callback.slotFreeNotify.bind(callback);
}

class TryingCallback implements Pick<SoundDevice, 'slotFreeNotify'> {
  private readonly device: SoundDevice;
  private readonly locks: Locks;
  private readonly lockClass: LockClass;

  constructor(device: SoundDevice, locks: Locks) {
    this.device = device;
    this.locks = locks;
    this.lockClass = device.tableLockClass;
  }

  /** Replaces `SoundDevice.slotFreeNotify`. */
  slotFreeNotify(slot: number): void {
    const { device } = this;
    if (!this.locks.spinTryLock(device.tableLockOf(slot), this.lockClass)) return;
    try {
      if (!device.isStillInitialised()) return;
      device.checkSlot(slot);
      device.freePage(slot);
      device.countNotifyFree(slot);
    } finally {
      device.unlockSlot(slot);
    }
  }
}
