/**
 * Lets a thread that makes work for a traced machine wait until the main thread has taken its events.
 *
 * Recording an event never waits: a full ring drops it. So that a whole run can be told all the same, whoever makes steps looks between two of
 * them, with no lock held, how full its ring is, and stands still while it is more than a quarter full. One step, if it is long enough, can still
 * be too much.
 */
import type { MachineView } from '@swaplab/kernel-mm';

/** Part of the ring that may be full when a step begins. */
const FULL_PART = 1 / 4;
const SLICE_MS = 1;

/** Looks at the ring of one thread. */
export class TracePause {
  readonly #view: MachineView;
  readonly #recordsMax: number;
  readonly #check: () => void;
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4));

  /**
   * @param view - of this thread
   * @param check - throws when the thread shall leave
   */
  constructor(view: MachineView, check: () => void) {
    this.#view = view;
    this.#recordsMax = Math.floor(view.kernel.config.traceRecords * FULL_PART);
    this.#check = check;
  }

  /** Waits while the ring is too full. The caller holds no lock. */
  betweenSteps(): void {
    while (this.#view.kernel.trace.pending() > this.#recordsMax) {
      this.#check();
      Atomics.wait(this.#sleep, 0, 0, SLICE_MS);
    }
  }
}
