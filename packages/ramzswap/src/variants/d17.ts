/**
 * d17: a write frees the old content of its slot without keeping others away, so a writer and the callback free it twice.
 *
 * Symptom: the pool finds a block that is free already, or, if the block was given out again meanwhile, somebody else's object is gone. In plain swapping a
 * slot is never written while it is freed, so it takes somebody who writes to the disk. Source: ramzswap 2.6.33 and 2.6.34, which free before
 * they take the mutex; `bug-museum.md` B17.
 */
import type { SoundDevice } from '../driver/sound-device.js';

/**
 * Puts the fault into a device; every thread of the machine must do so.
 * @param device - to be changed
 */
export function installD17(device: SoundDevice): void {
  const writer = new UnlockedFree(device);
  device.freeBeforeWrite = writer.freeBeforeWrite.bind(writer);
}

class UnlockedFree implements Pick<SoundDevice, 'freeBeforeWrite'> {
  private readonly device: SoundDevice;

  constructor(device: SoundDevice) {
    this.device = device;
  }

  /** Replaces `SoundDevice.freeBeforeWrite`. */
  freeBeforeWrite(slot: number): void {
    this.device.clearEntry(slot);
  }
}
