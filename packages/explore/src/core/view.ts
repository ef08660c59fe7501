/**
 * What can be asked about a schedule at any time: where its tasks stand, what was decided, why it ended. Nothing here changes anything.
 */
import { strategyName, type StrategyId } from '../strategies/strategy.js';
import { readDecisions, type Decision } from './decisions.js';
import { ScheduleState, type Reason } from './state.js';
import { DECISION_WORDS, WORD } from './words.js';

/** Nobody can run: all tasks have ended, or, when {@link ScheduleView.unfinished} is not 0, they are deadlocked. */
export const NOBODY = -1;
/** The schedule is stopped; {@link ScheduleView.stopReason} says why. */
export const STOPPED = -2;

/** The schedule was not stopped. */
export const STOP_NONE = 0;
/** It came to the step limit. */
export const STOP_STEPS = 1;
/** It had more decisions than its record can hold. */
export const STOP_DECISIONS = 2;

/** Where a replay could not follow its list. */
export interface Divergence {
  /** Place of the decision in the list. */
  readonly entry: number;
  /** The decision that could not be played. */
  readonly expected: Decision;
  /** The step at which that was found. */
  readonly step: number;
  /** What was asked there, a `REASON_` constant. */
  readonly reason: Reason;
  /** The running task there, -1 for none. */
  readonly task: number;
  /** The low 16 bits of the site where it stood. */
  readonly site: number;
}

const {
  BLOCKED,
  BY_STRATEGY,
  COUNTDOWN,
  DECISIONS,
  DECISION_HASH,
  EXITED,
  LEARNED_CONTENDED,
  PARAMETER,
  PREEMPTIONS,
  SCHEDULES,
  STEP,
  STOP,
  STRATEGY,
  TIMED_OUT,
} = WORD;
const EVERYBODY = -1;

/** A schedule to look at. */
export class ScheduleView {
  /** Named views of the words. */
  readonly state: ScheduleState;
  protected readonly words: Int32Array;

  /** @param words - made by `createWords`, here or in another thread */
  constructor(words: Int32Array) {
    this.state = new ScheduleState(words);
    this.words = words;
  }

  /** The tasks that have not ended, a bit each; 0 when all have. */
  unfinished(): number {
    const { words, state } = this;
    return (state.tasks === 32 ? EVERYBODY : (1 << state.tasks) - 1) & ~words[EXITED]!;
  }

  /** Why the schedule was stopped: a `STOP_` constant. */
  stopReason(): number {
    return this.words[STOP]!;
  }

  /**
   * Steps done so far; a clock for code under control.
   * @param left - what is left of the count
   */
  steps(left: number): number {
    return this.words[STEP]! + this.words[COUNTDOWN]! - left;
  }

  /** Whether the last wait of a task ended because time passed, and not by a wake-up. */
  timedOut(task: number): boolean {
    return ((this.words[TIMED_OUT]! >>> task) & 1) !== 0;
  }

  /** What a task waits for, or undefined when it does not. */
  waitsFor(task: number): number | undefined {
    return ((this.words[BLOCKED]! >>> task) & 1) === 0
      ? undefined
      : this.words[this.state.layout.blockedOn + task]!;
  }

  /**
   * Where a task stands, as far as it was told: its last point that was decided on, or its wait.
   * @returns kind 0 when it has not started, runs, or has ended
   */
  pending(task: number): { readonly kind: number; readonly object: number; readonly site: number } {
    const { words } = this;
    const { pendingKind, pendingObject, pendingSite } = this.state.layout;
    return {
      kind: words[pendingKind + task]!,
      object: words[pendingObject + task]!,
      site: words[pendingSite + task]!,
    };
  }

  /** The decisions of this schedule so far that differ from the default. */
  recorded(): Decision[] {
    return readDecisions(this.words, this.state.layout.decisions, this.words[DECISIONS]!);
  }

  /** Preemptions of this schedule so far, faults that happened included: what the search by preemption bound counts. */
  preemptions(): number {
    return this.words[PREEMPTIONS]!;
  }

  /** Number of those decisions. */
  recordedCount(): number {
    return this.words[DECISIONS]!;
  }

  /** 53 bits that are different for different schedules, whatever these did (but for chance): a hash of the decisions. */
  decisionKey(): number {
    return (
      (this.words[DECISION_HASH]! >>> 0) * 0x20_0000 + ((this.words[DECISION_HASH + 1]! >>> 0) & 0x1f_ffff)
    );
  }

  /** The strategy that runs this schedule: what a portfolio has drawn, or what goes on after a replay. */
  strategy(): StrategyId {
    return this.words[STRATEGY]!;
  }

  /** Its name, for people. */
  strategyName(): string {
    return strategyName(this.words[STRATEGY]!, this.words[PARAMETER]!);
  }

  /** Schedules ended since what was learned was forgotten; of one strategy, or of all. */
  schedules(strategy?: StrategyId): number {
    return this.words[strategy === undefined ? SCHEDULES : BY_STRATEGY + strategy]!;
  }

  /** The k of PCT: the most points with more than one enabled task that a schedule had. */
  contendedPoints(): number {
    return this.words[LEARNED_CONTENDED]!;
  }

  /** Where the replay could not follow its list, or null. */
  divergence(): Divergence | null {
    const { words, state } = this;
    if (words[WORD.DIVERGED] === 0) return null;
    const entry = words[WORD.DIVERGED_ENTRY]!;
    const [expected] = readDecisions(words, state.layout.replay + entry * DECISION_WORDS, 1);
    return {
      entry,
      expected: expected!,
      step: words[WORD.DIVERGED_STEP]!,
      reason: words[WORD.DIVERGED_REASON]!,
      task: words[WORD.DIVERGED_TASK]!,
      site: words[WORD.DIVERGED_SITE]!,
    };
  }

  /** Decisions of the list that the replay did not come to: the schedule ended before them, or took another way. */
  unplayed(): number {
    return this.words[WORD.REPLAY_COUNT]! - this.words[WORD.REPLAY_CURSOR]!;
  }
}
