/**
 * d28: RESET frees the table while a request that has passed the gate goes on with it.
 *
 * Symptom: the request looks in a table that is not there any more: it answers with what lies at address 0 and behind, or writes there. It takes somebody
 * who has the disk open without claiming it, as dd does. Source: the driver before 0.6.2 ("Fix crash when reset is called when there are pending
 * I/Os"), and zram again up to 08eee69fcf6b of 2015; `bug-museum.md` B28.
 */
import type { SoundDevice } from '../driver/sound-device.js';

/**
 * Puts the fault into a device; every thread of the machine must do so.
 * @param device - to be changed
 */
export function installD28(device: SoundDevice): void {
  device.isStillInitialised = trustTheGate;
}

/** Replaces `SoundDevice.isStillInitialised`. */
function trustTheGate(): boolean {
  return true;
}
