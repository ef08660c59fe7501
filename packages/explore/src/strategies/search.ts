/**
 * Search: every schedule with at most p preemptions, for p = 0, 1, 2, ... (iterative context bounding: Musuvathi and Qadeer, PLDI 2007).
 *
 * A preemption is a switch away from a task that stands at a point and could go on; one injected fault counts as one, too. Switches are free
 * where the running task waits, has ended or gives way. The search is depth first: each schedule repeats the choices of the one before up to the
 * last place that has an alternative left, and takes defaults behind it. When a bound is through, "complete for <= p preemptions" holds (for the
 * schedules within the step limit, see {@link SearchReport}), and the next bound begins. When nothing was left out, the search is whole.
 *
 * Left out are only schedules that do nothing which another one with no more preemptions does not do:
 * - Preempting a task at its very first point. What it did before is visible to nobody, so it is as if it had not been started.
 * - With `exclusiveLocks`: letting a task go on whose next operation is to take a lock that is held. It would wait at once, and the choice would be
 *   the same as before. For the same reason a running task that is about to take a held lock is not preempted: when it waits, the switch is free.
 *   That a lock is held is known where some task is about to drop it, or waits for it. What a task does first is learned: before that it cannot
 *   have seen anything of the others, so it is always the same (unless faults are injected).
 */
import { POINT_LOCK, POINT_UNLOCK } from '@swaplab/kernel-mm';
import {
  NO_DECISION,
  REASON_FAULT,
  REASON_GIVE_WAY,
  REASON_POINT,
  REASON_RECONSIDER,
  type Reason,
  type ScheduleState,
} from '../core/state.js';
import { lowestTask, nextTask } from '../core/tasks.js';
import { SEARCH_WORDS, WORD } from '../core/words.js';
import type { Strategy } from './strategy.js';

const {
  BLOCKED,
  ENABLED,
  EXCLUSIVE_LOCKS,
  FAULT_KINDS,
  PARAMETER,
  SEARCH_BOUND,
  SEARCH_CAPACITY,
  SEARCH_COMPLETED,
  SEARCH_CURSOR,
  SEARCH_CUT,
  SEARCH_DEPTH,
  SEARCH_DIVERGED,
  SEARCH_END,
  SEARCH_LIMITED,
  SEARCH_OVERFLOW,
  SEARCH_SCHEDULES,
  SEARCH_SCHEDULES_BEFORE,
  SEARCH_SCHEDULES_LAST,
  SEARCH_SPENT,
  SEARCH_WHOLE,
  STEP,
  STOP,
  WAKE_DECIDES,
} = WORD;
const FAULT = REASON_FAULT;
const GIVE_WAY = REASON_GIVE_WAY;
const POINT = REASON_POINT;
const RECONSIDER = REASON_RECONSIDER;
const LOCK = POINT_LOCK;
const UNLOCK = POINT_UNLOCK;

// Words of a place of choice.
const ENTRY_STEP = 0;
const ENTRY_LEFT = 1;
const ENTRY_CHOICE = 2;
const ENTRY_SPENT = 3;

/** How far a search has come. */
export interface SearchReport {
  /** The bound that is searched now. */
  readonly bound: number;
  /** The highest bound that is through, -1 for none. */
  readonly completed: number;
  /** Whether nothing is left at any bound. */
  readonly whole: boolean;
  /** Schedules at the bound that is searched now. */
  readonly schedules: number;
  /** Schedules at the highest bound that is through. */
  readonly schedulesCompleted: number;
  /** Schedules at all bounds. */
  readonly schedulesInAll: number;
  /** Whether places of choice did not fit: then nothing can be said to be complete. */
  readonly overflowed: boolean;
  /** Schedules that the step limit stopped: what they would have done later was not searched. */
  readonly limited: number;
  /** Schedules that did not repeat the choices of the one before: the scenario is not deterministic, and nothing can be said. */
  readonly diverged: number;
}

/** See the head of this file. The parameter is the highest bound. */
export class Search implements Strategy {
  private readonly state: ScheduleState;
  private readonly stack: number;
  private readonly points: number;
  private readonly pendingKind: number;
  private readonly pendingObject: number;
  private readonly firstKind: number;
  private readonly firstObject: number;

  /** @param state - of the schedule */
  constructor(state: ScheduleState) {
    this.state = state;
    this.stack = state.layout.search;
    this.points = state.layout.points;
    this.pendingKind = state.layout.pendingKind;
    this.pendingObject = state.layout.pendingObject;
    this.firstKind = state.layout.firstKind;
    this.firstObject = state.layout.firstObject;
  }

  begin(): void {
    const { words } = this.state;
    words[WAKE_DECIDES] = 1;
    words[SEARCH_CURSOR] = 0;
    words[SEARCH_SPENT] = 0;
  }

  choose(reason: Reason, task: number): number {
    const { state } = this;
    const { words } = state;
    const usual = reason === FAULT ? 0 : state.defaultTask(reason, task);
    const isPoint = reason === POINT || reason === RECONSIDER;
    const cost = isPoint || reason === FAULT ? 1 : 0;
    if (isPoint) this.learn(task);
    const choice =
      words[SEARCH_CURSOR]! < words[SEARCH_DEPTH]!
        ? this.repeat(reason, usual, cost)
        : this.open(this.alternatives(reason, task, usual), usual, cost);
    this.plan();
    if (reason !== FAULT && words[EXCLUSIVE_LOCKS] !== 0 && this.isUnknown(choice)) state.setCountdown(1);
    return choice;
  }

  end(): boolean {
    const { words } = this.state;
    words[SEARCH_SCHEDULES]! += 1;
    if (words[STOP] !== 0) words[SEARCH_LIMITED]! += 1;
    if (words[SEARCH_CURSOR]! < words[SEARCH_DEPTH]!) {
      words[SEARCH_DIVERGED]! += 1;
      words[SEARCH_DEPTH] = words[SEARCH_CURSOR]!;
    }
    return this.backtrack() || this.raise();
  }

  /**
   * Begins a search anew.
   * @param bound - the first bound
   */
  reset(bound: number): void {
    const { words, tasks } = this.state;
    words.fill(0, SEARCH_BOUND, SEARCH_END);
    words.fill(0, this.firstKind, this.firstKind + 2 * tasks);
    words[SEARCH_BOUND] = bound;
  }

  /** How far it has come. */
  report(): SearchReport {
    const { words } = this.state;
    return {
      bound: words[SEARCH_BOUND]!,
      completed: words[SEARCH_COMPLETED]! - 1,
      whole: words[SEARCH_WHOLE] !== 0,
      schedules: words[SEARCH_SCHEDULES]!,
      schedulesCompleted: words[SEARCH_SCHEDULES_LAST]!,
      schedulesInAll: words[SEARCH_SCHEDULES_BEFORE]! + words[SEARCH_SCHEDULES]!,
      overflowed: words[SEARCH_OVERFLOW] !== 0,
      limited: words[SEARCH_LIMITED]!,
      diverged: words[SEARCH_DIVERGED]!,
    };
  }

  /** What could be chosen here instead of the default, whatever it costs. */
  private alternatives(reason: Reason, task: number, usual: number): number {
    const { words } = this.state;
    if (reason === FAULT) return 0b10;
    let others = words[ENABLED]! & ~(1 << usual);
    if (reason === GIVE_WAY) others &= ~(1 << task);
    // What a task did before its first point is visible to nobody.
    if ((reason === POINT || reason === RECONSIDER) && words[this.points + task] === 1) return 0;
    if (others === 0 || words[EXCLUSIVE_LOCKS] === 0) return others;
    // The default would wait at once; then there is the same choice, at no cost.
    if (this.wouldWait(usual)) return 0;
    let useful = 0;
    for (let rest = others; rest !== 0; rest &= rest - 1) {
      const other = lowestTask(rest);
      if (!this.wouldWait(other)) useful |= 1 << other;
    }
    return useful;
  }

  /** Whether a task that could run is about to take a lock that is surely held. */
  private wouldWait(task: number): boolean {
    const { words } = this.state;
    let kind = words[this.pendingKind + task]!;
    let lock = words[this.pendingObject + task]!;
    if (kind === 0) {
      kind = words[this.firstKind + task]!;
      lock = words[this.firstObject + task]!;
    }
    if (kind !== LOCK) return false;
    for (let other = 0; other < this.state.tasks; other++) {
      if (words[this.pendingObject + other] !== lock) continue;
      const otherKind = words[this.pendingKind + other]!;
      if (otherKind === UNLOCK) return true;
      if (otherKind === LOCK && ((words[BLOCKED]! >>> other) & 1) !== 0) return true;
    }
    return false;
  }

  /** Notes what a task does first. */
  private learn(task: number): void {
    const { words } = this.state;
    if (words[this.points + task] !== 1 || words[FAULT_KINDS] !== 0) return;
    words[this.firstKind + task] = words[this.pendingKind + task]!;
    words[this.firstObject + task] = words[this.pendingObject + task]!;
  }

  /** A new place of choice, if there is one: the default comes first. */
  private open(alternatives: number, usual: number, cost: number): number {
    const { words } = this.state;
    if (alternatives === 0) return usual;
    const spent = words[SEARCH_SPENT]!;
    if (spent + cost > words[SEARCH_BOUND]!) {
      words[SEARCH_CUT] = 1;
      return usual;
    }
    const depth = words[SEARCH_DEPTH]!;
    if (depth === words[SEARCH_CAPACITY]) {
      words[SEARCH_OVERFLOW] = 1;
      return usual;
    }
    const entry = this.stack + depth * SEARCH_WORDS;
    words[entry + ENTRY_STEP] = words[STEP]!;
    words[entry + ENTRY_LEFT] = alternatives;
    words[entry + ENTRY_CHOICE] = usual;
    words[entry + ENTRY_SPENT] = spent;
    words[SEARCH_DEPTH] = depth + 1;
    words[SEARCH_CURSOR] = depth + 1;
    return usual;
  }

  /** The choice that the schedule before took here, or its successor. */
  private repeat(reason: Reason, usual: number, cost: number): number {
    const { words } = this.state;
    const cursor = words[SEARCH_CURSOR]!;
    const entry = this.stack + cursor * SEARCH_WORDS;
    if (words[entry + ENTRY_STEP] !== words[STEP]) return usual;
    const choice = words[entry + ENTRY_CHOICE]!;
    // A choice that is not to be had is found by end(): the cursor stays behind.
    if (reason !== FAULT && ((words[ENABLED]! >>> choice) & 1) === 0) return usual;
    words[SEARCH_CURSOR] = cursor + 1;
    words[SEARCH_SPENT] = words[entry + ENTRY_SPENT]! + (choice === usual ? 0 : cost);
    return choice;
  }

  private plan(): void {
    const { state } = this;
    const { words } = state;
    const cursor = words[SEARCH_CURSOR]!;
    if (cursor < words[SEARCH_DEPTH]!) {
      const points = words[this.stack + cursor * SEARCH_WORDS + ENTRY_STEP]! - words[STEP]!;
      state.setCountdown(points > 0 ? points : NO_DECISION);
      return;
    }
    const isSpent = words[SEARCH_SPENT]! >= words[SEARCH_BOUND]! && words[SEARCH_CUT] !== 0;
    state.setCountdown(isSpent || !state.hasChoice() ? NO_DECISION : 1);
  }

  /** Whether a task has not started, and what it does first has not been seen. */
  private isUnknown(task: number): boolean {
    const { words } = this.state;
    return words[this.points + task] === 0 && words[this.firstKind + task] === 0;
  }

  /** Takes the next alternative of the last place that has one. Returns false when there is none. */
  private backtrack(): boolean {
    const { words } = this.state;
    let depth = words[SEARCH_DEPTH]!;
    while (depth > 0) {
      const entry = this.stack + (depth - 1) * SEARCH_WORDS;
      const left = words[entry + ENTRY_LEFT]!;
      if (left !== 0) {
        const choice = nextTask(left, words[entry + ENTRY_CHOICE]!);
        words[entry + ENTRY_CHOICE] = choice;
        words[entry + ENTRY_LEFT] = left & ~(1 << choice);
        words[SEARCH_DEPTH] = depth;
        return true;
      }
      depth--;
    }
    words[SEARCH_DEPTH] = 0;
    return false;
  }

  /** The bound is through: begins with the next one. Returns false when that is not wanted or not needed. */
  private raise(): boolean {
    const { words } = this.state;
    const bound = words[SEARCH_BOUND]!;
    const isSound = words[SEARCH_OVERFLOW] === 0 && words[SEARCH_DIVERGED] === 0;
    if (isSound) {
      words[SEARCH_COMPLETED] = bound + 1;
      words[SEARCH_SCHEDULES_LAST] = words[SEARCH_SCHEDULES]!;
    }
    words[SEARCH_SCHEDULES_BEFORE]! += words[SEARCH_SCHEDULES]!;
    words[SEARCH_SCHEDULES] = 0;
    if (words[SEARCH_CUT] === 0) {
      words[SEARCH_WHOLE] = isSound ? 1 : 0;
      return false;
    }
    words[SEARCH_CUT] = 0;
    if (bound >= words[PARAMETER]!) return false;
    words[SEARCH_BOUND] = bound + 1;
    return true;
  }
}
