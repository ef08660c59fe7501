/**
 * The baton: of the threads of a group exactly one runs, the one that has it.
 *
 * Promise: what a thread wrote before it handed the baton over is seen by whoever takes it: the hand-over is an atomic store, and plain loads and
 * stores suffice for everything else that the holder alone touches. Nobody spins: with more threads than cores the next one could not run
 * meanwhile. No wait is without end: a waiter looks around at least every {@link LOOK_EVERY_MS} whether the group was stopped.
 */

/** Words between the cells of two threads: 128 bytes, since processors fetch cache lines in pairs. */
const CELL_STRIDE = 32;
const LOOK_EVERY_MS = 500;

const WAITING = 0;
const GIVEN = 1;
const STOPPED = 2;

/**
 * Words that the batons of a group need.
 * @param threads - of the group
 */
export function batonWords(threads: number): number {
  return threads * CELL_STRIDE;
}

/** The baton as one thread sees it. */
export class Baton {
  private readonly words: Int32Array;
  private readonly first: number;
  private readonly mine: number;

  /**
   * @param words - shared by the group
   * @param first - index of the first of {@link batonWords}
   * @param thread - number of this thread; -1 for one that only hands over
   */
  constructor(words: Int32Array, first: number, thread: number) {
    this.words = words;
    this.first = first;
    this.mine = first + thread * CELL_STRIDE;
  }

  /**
   * Gives the baton to another thread. The caller must not touch what the holder alone touches any more.
   * @param thread - its number
   */
  hand(thread: number): void {
    const cell = this.first + thread * CELL_STRIDE;
    Atomics.store(this.words, cell, GIVEN);
    Atomics.notify(this.words, cell, 1);
  }

  /**
   * Waits for the baton.
   * @returns false when the group was stopped instead
   */
  take(): boolean {
    const { words, mine } = this;
    for (;;) {
      const seen = Atomics.load(words, mine);
      if (seen === STOPPED) return false;
      if (seen === GIVEN) {
        Atomics.store(words, mine, WAITING);
        return true;
      }
      Atomics.wait(words, mine, WAITING, LOOK_EVERY_MS);
    }
  }

  /**
   * Ends the waits of all threads, whether or not they have the baton.
   * @param threads - of the group
   */
  stop(threads: number): void {
    for (let thread = 0; thread < threads; thread++) {
      const cell = this.first + thread * CELL_STRIDE;
      Atomics.store(this.words, cell, STOPPED);
      Atomics.notify(this.words, cell);
    }
  }
}
