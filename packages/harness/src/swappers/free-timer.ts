/**
 * How long it takes to tell a device that a slot was freed.
 *
 * Replaces one method of the thread's view, `FreeNotify.call`, by one that times every {@link EVERY}th call: two clock readings cost about as
 * much as the call itself, so timing each would double what is measured.
 */
import type { MachineView } from '@swaplab/kernel-mm';

import { clockNs } from './control.js';

const EVERY = 16;

/** Sums over the timed calls. */
export class FreeTimer {
  /** Nanoseconds of all timed calls. */
  ns = 0;
  /** How many calls were timed. */
  timed = 0;
  #calls = 0;

  /** @param view - this thread's view; from here on its frees are timed */
  constructor(view: MachineView) {
    const { freeNotify } = view.kernel.swap;
    const call = freeNotify.call.bind(freeNotify);
    freeNotify.call = (area: number, offset: number): boolean => {
      if (++this.#calls % EVERY !== 0) return call(area, offset);
      const start = clockNs();
      const told = call(area, offset);
      if (told) {
        this.ns += clockNs() - start;
        this.timed++;
      }
      return told;
    };
  }
}
