/**
 * The rooms that are open, in the order of a visit: the callback's history first, then the device's, then the swap core's; the canary last.
 */
import { c01 } from './c01.js';
import { c02 } from './c02.js';
import { canary } from './canary.js';
import { d01 } from './d01.js';
import { d02 } from './d02.js';
import { d03 } from './d03.js';
import { d04 } from './d04.js';
import { d05 } from './d05.js';
import { d13 } from './d13.js';
import { d14 } from './d14.js';
import { d17 } from './d17.js';
import { d28 } from './d28.js';
import type { Room } from './room.js';

/** All rooms. */
export const ROOMS: readonly Room[] = [d01, d02, d03, d04, d05, d13, d14, d17, d28, c01, c02, canary];

/**
 * A room.
 * @param id - any word
 * @returns the room, or undefined
 */
export function roomOf(id: string): Room | undefined {
  return ROOMS.find((room) => room.id === id);
}
