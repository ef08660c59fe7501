/**
 * d14: a write does not free the old content of its slot, but trusts that a callback did.
 *
 * Symptom: one callback that was missed, or one write that does not come from the swap core, and the old object is lost, or a flag stays that is not true
 * any more. Here the device notices: the entry it is about to fill is not empty. Source: ramzswap 2.6.35; 2.6.36 put the step back;
 * `bug-museum.md` B14.
 */
import type { SoundDevice } from '../driver/sound-device.js';

/**
 * Puts the fault into a device; every thread of the machine must do so.
 * @param device - to be changed
 */
export function installD14(device: SoundDevice): void {
  device.freeBeforeWrite = trustTheCallback;
}

/** Replaces `SoundDevice.freeBeforeWrite`. */
function trustTheCallback(): void {}
