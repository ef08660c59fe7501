/**
 * The state of a schedule as strategies see it: named views of the words, and the few steps they all take.
 *
 * Promise: no state outside of the words, nothing allocated. Any number of objects on the same words are the same.
 */
import { Random } from './random.js';
import { layoutOf, WORD, type WordsLayout } from './words.js';
import { nextTask } from './tasks.js';

const { STEP, STEP_LIMIT, COUNTDOWN, ENABLED, ENABLED_COUNT, RANDOM } = WORD;

/** Why a task has to be chosen. */
export type Reason = number;
/** A schedule begins; no task runs. */
export const REASON_BEGIN = 0;
/** The running task stands at a point where the strategy wanted to decide. */
export const REASON_POINT = 1;
/** The running task stands at a point, and others were woken since the last decision, or the strategy is new. */
export const REASON_RECONSIDER = 2;
/** The running task cannot go on until it is woken. */
export const REASON_BLOCK = 3;
/** The running task has ended. */
export const REASON_EXIT = 4;
/** The running task waits by looking again and again, and lets others go first. */
export const REASON_GIVE_WAY = 5;
/** Nobody can run, but some wait with a limit: which wait ends? */
export const REASON_TIME = 6;
/** Something may go wrong here: the answer is 1 if it is to, else 0. */
export const REASON_FAULT = 7;

/** A countdown without end. The step limit cuts it. */
export const NO_DECISION = 1 << 28;

/** The words of a schedule with names. */
export class ScheduleState {
  readonly words: Int32Array;
  readonly layout: WordsLayout;
  /** Number of tasks. */
  readonly tasks: number;
  /** The random numbers of this schedule. */
  readonly random: Random;

  /** @param words - made by `createWords` */
  constructor(words: Int32Array) {
    this.words = words;
    this.layout = layoutOf(words);
    this.tasks = words[WORD.TASKS]!;
    this.random = new Random(words, RANDOM);
  }

  /**
   * Says when the next decision is due.
   * @param points - points from here, at least 1
   */
  setCountdown(points: number): void {
    const { words } = this;
    const left = words[STEP_LIMIT]! - words[STEP]!;
    words[COUNTDOWN] = points < left ? points : left > 0 ? left : 1;
  }

  /**
   * The task that runs when nobody decides otherwise: the running one, or, when it cannot or would not go on, the next enabled one.
   * @param reason - why one must be chosen; not `REASON_FAULT`
   * @param task - the running one, -1 for none
   */
  defaultTask(reason: Reason, task: number): number {
    if (reason === REASON_POINT || reason === REASON_RECONSIDER) return task;
    return nextTask(this.words[ENABLED]!, task);
  }

  /** Whether a choice between tasks exists. */
  hasChoice(): boolean {
    return this.words[ENABLED_COUNT]! > 1;
  }
}
