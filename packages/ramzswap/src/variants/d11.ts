/**
 * d11: the driver hooks every area, also those that are not its own.
 *
 * Symptom: as soon as another swap device frees a slot, its private data is taken for a device of ours: a crash, or a page of ours freed
 * that nobody gave up (here the machine stops with a report). Source: patch 2/2 of the September 2009 RFC, whose swapon callback does
 * not ask whose disk it is; `bug-museum.md` B11.
 */
import type { DriverFunctions } from '../driver/swap-notify.js';

/**
 * Puts the fault into a thread's driver; every thread of the machine must do so.
 * @param functions - to be changed
 */
export function installD11(functions: DriverFunctions): void {
  functions.isOurs = isAnyDisk;
}

/** Replaces `DriverFunctions.isOurs`. */
function isAnyDisk(bdev: number): boolean {
  return bdev !== 0;
}
