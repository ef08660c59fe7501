/**
 * d02: the slot-free callback takes a lock that sleeps, under `swap_lock`.
 *
 * Symptom: a writer holds the lock while it compresses, or waits for memory; the callback goes to sleep with the spinlock held, and everybody who frees or
 * allocates a slot spins behind it, the writer too once it has to reclaim. Source: 57ab0485 in zram 3.11-rc, reported by S. Barber in August
 * 2013; `bug-museum.md` B02.
 */
import type { SoundDevice } from '../driver/sound-device.js';

/**
 * Puts the fault into a device; every thread of the machine must do so.
 * @param device - to be changed
 */
export function installD02(device: SoundDevice): void {
  const callback = new SleepingCallback(device);
  device.slotFreeNotify = callback.slotFreeNotify.bind(callback);
}

class SleepingCallback implements Pick<SoundDevice, 'slotFreeNotify'> {
  private readonly device: SoundDevice;

  constructor(device: SoundDevice) {
    this.device = device;
  }

  /** Replaces `SoundDevice.slotFreeNotify`. */
  slotFreeNotify(slot: number): void {
    const { device } = this;
    device.lock.lock();
    try {
      if (!device.isStillInitialised()) return;
      device.checkSlot(slot);
      device.lockSlot(slot);
      try {
        device.freePage(slot);
        device.countNotifyFree(slot);
      } finally {
        device.unlockSlot(slot);
      }
    } finally {
      device.lock.unlock();
    }
  }
}
