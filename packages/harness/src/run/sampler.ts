/**
 * The sampler: counts slots while the swappers run, from the main thread, without taking any lock.
 *
 * Its samples are true for a moment only; the exact ones come from the checkpoints. However long a run is, at most {@link SAMPLES_MAX} are
 * kept: when they are too many, every other one is dropped and the interval doubles.
 */
import type { MachineView } from '@swaplab/kernel-mm';

import { countFrames, countSlots } from '../swappers/census.js';
import { clockNs, type RunControl } from '../swappers/control.js';
import type { PhaseName } from '../workload/plan.js';
import type { Sample } from './document.js';

const FIRST_INTERVAL_MS = 20;
const SAMPLES_MAX = 200;

/** Samples until it is stopped. */
export class Sampler {
  readonly #view: MachineView;
  readonly #control: RunControl;
  readonly #phaseNow: () => PhaseName;
  #samples: Sample[] = [];
  #intervalMs = FIRST_INTERVAL_MS;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param view - of the main thread; it never waits
   * @param control - of the run
   * @param phaseNow - the phase the swappers are in
   */
  constructor(view: MachineView, control: RunControl, phaseNow: () => PhaseName) {
    this.#view = view;
    this.#control = control;
    this.#phaseNow = phaseNow;
    this.#schedule();
  }

  /** Ends sampling. */
  stop(): Sample[] {
    clearTimeout(this.#timer);
    return this.#samples;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#take();
      this.#schedule();
    }, this.#intervalMs);
  }

  #take(): void {
    const start = this.#control.startNs();
    if (start === 0) return;
    const counts = countSlots(this.#view);
    this.#samples.push({
      t: (clockNs() - start) / 1e9,
      quiescent: false,
      phase: this.#phaseNow(),
      lap: this.#control.lap(),
      ...counts,
      ...countFrames(this.#view),
    });
    if (this.#samples.length <= SAMPLES_MAX) return;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    this.#intervalMs *= 2;
  }
}
