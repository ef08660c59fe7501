/**
 * d01: the slot-free callback changes entries and counters without a lock of the driver.
 *
 * Symptom: a transfer of another slot changes the same counters at the same time, and one of the two changes is lost for ever; whoever reads the slot
 * without holding it finds an object that is just being freed. Source: ramzswap 2.6.35, zram 2.6.36 to 3.10, mended by 57ab0485 of June
 * 2013, which made d02; `bug-museum.md` B01.
 */
import type { SoundDevice } from '../driver/sound-device.js';

/**
 * Puts the fault into a device; every thread of the machine must do so.
 * @param device - to be changed
 */
export function installD01(device: SoundDevice): void {
  const callback = new UnlockedCallback(device);
  device.slotFreeNotify = callback.slotFreeNotify.bind(callback);
}

class UnlockedCallback implements Pick<SoundDevice, 'slotFreeNotify'> {
  private readonly device: SoundDevice;

  constructor(device: SoundDevice) {
    this.device = device;
  }

  /** Replaces `SoundDevice.slotFreeNotify`. */
  slotFreeNotify(slot: number): void {
    const { device } = this;
    if (!device.isStillInitialised()) return;
    device.checkSlot(slot);
    device.clearEntry(slot);
    device.countNotifyFree(slot);
  }
}
