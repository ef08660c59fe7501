/**
 * How long it takes to tell a device that a slot was freed.
 *
 * Replaces one method of the thread's view, `SlotFreePolicy.slotFreed`, by one that times every {@link EVERY}th call: two clock readings cost about as
 * much as the call itself, so timing each would double what is measured. The median is reported: a thread that loses its processor in the
 * middle of a call would otherwise count for a hundred others.
 */
import type { MachineView } from '@swaplab/kernel-mm';

import { clockNs } from './control.js';

const EVERY = 16;
const TIMINGS_MAX = 4096;

/** Timings of one thread. */
export class FreeTimer {
  readonly #ns = new Float64Array(TIMINGS_MAX);
  #calls = 0;
  #timed = 0;

  /** @param view - this thread's view; from here on its frees are timed */
  constructor(view: MachineView) {
    const { policy } = view.kernel.swap;
    const slotFreed = policy.slotFreed.bind(policy);
    policy.slotFreed = (area: number, type: number, offset: number): boolean => {
      if (++this.#calls % EVERY !== 0) return slotFreed(area, type, offset);
      const start = clockNs();
      const told = slotFreed(area, type, offset);
      // When there are too many, later ones replace earlier ones.
      if (told) this.#ns[this.#timed++ % TIMINGS_MAX] = clockNs() - start;
      return told;
    };
  }

  /** All timings kept, in nanoseconds, in no particular order. */
  timings(): Float64Array {
    return this.#ns.slice(0, Math.min(this.#timed, TIMINGS_MAX));
  }
}
