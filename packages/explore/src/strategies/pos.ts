/**
 * POS: partial order sampling (Yuan, Yang, Gu, CAV 2018). Every pending operation has a random priority, and the highest one goes on. When an
 * operation was done, the pending ones that conflict with it draw anew: so the order of conflicting operations is drawn, and that of independent
 * ones costs no chances.
 *
 * All tasks are started before the first operation, so that all pending ones are known. Where this departs from the paper: an operation that had
 * to wait draws anew when it is woken, and a task that gives way comes last until it has come to its next point.
 */
import { conflict } from '../core/conflicts.js';
import { FaultPlan } from '../core/faults.js';
import {
  NO_DECISION,
  REASON_BEGIN,
  REASON_BLOCK,
  REASON_FAULT,
  REASON_GIVE_WAY,
  REASON_POINT,
  REASON_RECONSIDER,
  type Reason,
  type ScheduleState,
} from '../core/state.js';
import { lowestTask } from '../core/tasks.js';
import { WORD } from '../core/words.js';
import type { Strategy } from './strategy.js';

const {
  ENABLED,
  ENABLED_COUNT,
  EXECUTED_KIND,
  EXECUTED_OBJECT,
  RECONSIDER: WOKEN,
  STARTED,
  WAKE_DECIDES,
} = WORD;
const BEGIN = REASON_BEGIN;
const BLOCK = REASON_BLOCK;
const FAULT = REASON_FAULT;
const GIVE_WAY = REASON_GIVE_WAY;
const POINT = REASON_POINT;
const RECONSIDER = REASON_RECONSIDER;

/** See the head of this file. The parameter has no meaning. */
export class Pos implements Strategy {
  private readonly state: ScheduleState;
  private readonly faults: FaultPlan;
  private readonly priority: number;
  private readonly pendingKind: number;
  private readonly pendingObject: number;
  private readonly points: number;

  /** @param state - of the schedule */
  constructor(state: ScheduleState) {
    this.state = state;
    this.faults = new FaultPlan(state);
    this.priority = state.layout.priority;
    this.pendingKind = state.layout.pendingKind;
    this.pendingObject = state.layout.pendingObject;
    this.points = state.layout.points;
  }

  begin(): void {
    const { words, tasks } = this.state;
    words[WAKE_DECIDES] = 1;
    words[EXECUTED_KIND] = 0;
    this.faults.begin();
    for (let task = 0; task < tasks; task++) this.draw(task);
  }

  choose(reason: Reason, task: number): number {
    if (reason === FAULT) return this.faults.choose();
    const { state } = this;
    const { words } = state;
    if (reason !== BEGIN) this.redraw(reason, task);
    let candidates = words[ENABLED]!;
    const unstarted = candidates & ~words[STARTED]!;
    if (unstarted !== 0) {
      // Until all have started, not all pending operations are known. Starting is no operation itself.
      state.setCountdown(1);
      words[EXECUTED_KIND] = 0;
      return lowestTask(unstarted);
    }
    if (reason === GIVE_WAY && words[ENABLED_COUNT]! > 1) candidates &= ~(1 << task);
    const next = this.highest(candidates);
    state.setCountdown(words[ENABLED_COUNT] === 1 ? NO_DECISION : 1);
    words[EXECUTED_KIND] = words[this.pendingKind + next]!;
    words[EXECUTED_OBJECT] = words[this.pendingObject + next]!;
    return next;
  }

  end(): boolean {
    return true;
  }

  /** The running task has done what it was chosen for, or has found that it must wait. */
  private redraw(reason: Reason, task: number): void {
    const { words } = this.state;
    let woken = words[WOKEN]!;
    while (woken !== 0) {
      this.draw(lowestTask(woken));
      woken &= woken - 1;
    }
    // The priority that a task was given at the beginning is that of its first operation.
    if (reason === POINT || reason === RECONSIDER) {
      if (words[this.points + task] !== 1) this.draw(task);
    } else if (reason === GIVE_WAY) words[this.priority + task] = 0;
    // Having waited in vain is no operation that others could notice.
    if (reason === BLOCK || words[EXECUTED_KIND] === 0) return;
    const kind = words[EXECUTED_KIND]!;
    const object = words[EXECUTED_OBJECT]!;
    let others = words[ENABLED]! & ~(1 << task);
    while (others !== 0) {
      const other = lowestTask(others);
      others &= others - 1;
      if (conflict(kind, object, words[this.pendingKind + other]!, words[this.pendingObject + other]!)) {
        this.draw(other);
      }
    }
  }

  private draw(task: number): void {
    this.state.words[this.priority + task] = (this.state.random.bits() >>> 1) | 1;
  }

  private highest(candidates: number): number {
    const { words } = this.state;
    const { priority } = this;
    let best = lowestTask(candidates);
    let rest = candidates & (candidates - 1);
    while (rest !== 0) {
      const task = lowestTask(rest);
      rest &= rest - 1;
      if (words[priority + task]! > words[priority + best]!) best = task;
    }
    return best;
  }
}
