/**
 * What is kept of the laps of a long run, so that an hour takes no more memory than a minute: some laps, each of them whole.
 *
 * Promise: the first lap is kept and so is the one under way; of those between, every lap, then every second, every fourth and so on, so that there
 * are never more than {@link LAPS_KEPT} besides the one under way. A run of a single lap keeps everything.
 */

import { CHECKPOINTS } from '../workload/plan.js';

/** How many finished laps are kept at most. */
export const LAPS_KEPT = 16;

/** How many samples are kept at most, where each checkpoint gives one. */
export const SAMPLES_KEPT = (LAPS_KEPT + 1) * CHECKPOINTS;

/** Things that are noted a few times in each lap. */
export class KeptLaps<Item> {
  #kept: Item[][] = [];
  #current: Item[] = [];
  /** Of the finished laps every so-many-th is kept. */
  #stride = 1;
  #finished = 0;

  /**
   * Notes something in the lap under way.
   *
   * @param item - kept as long as its lap is
   */
  push(item: Item): void {
    this.#current.push(item);
  }

  /** Says that the lap under way has ended and another one begins. */
  endLap(): void {
    if (this.#finished % this.#stride === 0) this.#kept.push(this.#current);
    this.#finished++;
    this.#current = [];
    if (this.#kept.length <= LAPS_KEPT) return;
    this.#kept = this.#kept.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  /** Everything that is kept, in order. */
  items(): Item[] {
    return [...this.#kept.flat(), ...this.#current];
  }
}
