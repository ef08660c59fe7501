/**
 * SURW: selectively uniform random walk (Zhao, Wolff, Mathur, Roychoudhury, ASPLOS 2025). Of all orders of the events of interest each is about as
 * likely as any other: the task whose event of interest comes next is drawn by how many such events each task still has, and others wait before
 * theirs. A plain random walk favours orders in which all tasks keep the same pace.
 *
 * What is of interest is drawn for each schedule: in one of two schedules every point, else the points on one object which several tasks use and
 * at least one does not only read. How many there are is learned: points of a task from the last schedule that ended well; points on objects by a
 * schedule in 64 that only counts them, and is a walk over every point otherwise. Counts that turn out wrong make orders less even, not
 * impossible: a task always has at least a small chance.
 */
import { POINT_LOAD } from '@swaplab/kernel-mm';
import { FaultPlan } from '../core/faults.js';
import {
  REASON_BLOCK,
  REASON_FAULT,
  REASON_GIVE_WAY,
  REASON_POINT,
  REASON_RECONSIDER,
  type Reason,
  type ScheduleState,
} from '../core/state.js';
import { countTasks, lowestTask, taskAt } from '../core/tasks.js';
import { OBJECT_WORDS, WORD } from '../core/words.js';
import type { Strategy } from './strategy.js';

const { ENABLED, ENABLED_COUNT, EXITED, INTENDED, INTEREST, OBJECT_CAPACITY, OBJECTS, SURW_MODE } = WORD;
const { SURW_SCHEDULES, WAKE_DECIDES } = WORD;
const BLOCK = REASON_BLOCK;
const FAULT = REASON_FAULT;
const GIVE_WAY = REASON_GIVE_WAY;
const POINT = REASON_POINT;
const RECONSIDER = REASON_RECONSIDER;
const LOAD = POINT_LOAD;
const ROW_HEAD = OBJECT_WORDS;

/** Every point is of interest. */
const EVERYTHING = 0;
/** The points on one object are. */
const ONE_OBJECT = 1;
/** Every point is, and points on objects are counted. */
const PROBE = 2;
/** One schedule in so many probes. */
const PROBE_PERIOD = 64;
/** Rows tried for one object; objects without a place are not learned. */
const PROBE_ROWS = 16;

// The second word of a row.
const ROW_FLAGS = 1;
const IN_USE = 1;
const WRITTEN = 2;

/** Parameter of a walk that takes every point for interesting (the URW of Shuttle). */
export const SURW_EVERYTHING = 1;

/** See the head of this file. The parameter is 0, or {@link SURW_EVERYTHING}. */
export class Surw implements Strategy {
  private readonly state: ScheduleState;
  private readonly faults: FaultPlan;
  private readonly pendingKind: number;
  private readonly pendingObject: number;
  private readonly points: number;
  private readonly learnedPoints: number;
  private readonly remaining: number;
  private readonly objects: number;
  private readonly objectWords: number;

  /** @param state - of the schedule */
  constructor(state: ScheduleState) {
    const { layout } = state;
    this.state = state;
    this.faults = new FaultPlan(state);
    this.pendingKind = layout.pendingKind;
    this.pendingObject = layout.pendingObject;
    this.points = layout.points;
    this.learnedPoints = layout.learnedPoints;
    this.remaining = layout.remaining;
    this.objects = layout.objects;
    this.objectWords = layout.objectWords;
  }

  begin(parameter: number): void {
    const { words, random } = this.state;
    words[WAKE_DECIDES] = 1;
    words[INTENDED] = -1;
    words[SURW_MODE] = EVERYTHING;
    this.faults.begin();
    if (parameter === SURW_EVERYTHING) return;
    const schedule = words[SURW_SCHEDULES]!;
    words[SURW_SCHEDULES] = schedule + 1;
    if (schedule % PROBE_PERIOD === 0) {
      words[SURW_MODE] = PROBE;
      words[OBJECTS] = 0;
      words.fill(0, this.objects, this.objects + words[OBJECT_CAPACITY]! * this.objectWords);
    } else if (random.below(2) === 0) {
      this.drawInterest();
    }
  }

  choose(reason: Reason, task: number): number {
    if (reason === FAULT) return this.faults.choose();
    const { state } = this;
    const { words } = state;
    state.setCountdown(1);
    let candidates = words[ENABLED]!;
    if (reason === GIVE_WAY && words[ENABLED_COUNT]! > 1) candidates &= ~(1 << task);
    const mode = words[SURW_MODE]!;
    if (mode === ONE_OBJECT) return this.chooseAround(reason, task, candidates);
    if (mode === PROBE && (reason === POINT || reason === RECONSIDER)) this.count(task);
    // Starting is no event: a task that was drawn for its first one goes on to it.
    if (reason === POINT && words[this.points + task] === 1) return task;
    return this.drawByPoints(candidates);
  }

  end(): boolean {
    return true;
  }

  /** A task, by the points it still has. */
  private drawByPoints(candidates: number): number {
    let rest = candidates & (candidates - 1);
    if (rest === 0) return lowestTask(candidates);
    let total = 0;
    for (rest = candidates; rest !== 0; rest &= rest - 1) total += this.pointsLeft(lowestTask(rest));
    let place = this.state.random.below(total);
    for (rest = candidates; ; rest &= rest - 1) {
      const task = lowestTask(rest);
      place -= this.pointsLeft(task);
      if (place < 0) return task;
    }
  }

  /** Points a task still has, with the one where it stands; 1 when it has had more than was known. */
  private pointsLeft(task: number): number {
    const { words } = this.state;
    const came = words[this.points + task]!;
    const left = words[this.learnedPoints + task]! - (came > 0 ? came - 1 : 0);
    return left > 1 ? left : 1;
  }

  /** One choice where the points on one object are of interest. */
  private chooseAround(reason: Reason, task: number, candidates: number): number {
    const { words, random } = this.state;
    if (reason === BLOCK && this.isInteresting(task)) {
      // It was let go on to its event, and had to wait: the event is still to come.
      words[this.remaining + task]! += 1;
      words[INTENDED] = -1;
    }
    let intended = words[INTENDED]!;
    if (intended < 0 || ((words[EXITED]! >>> intended) & 1) !== 0) intended = this.drawIntended();
    let free = 0;
    for (let rest = candidates; rest !== 0; rest &= rest - 1) {
      const other = lowestTask(rest);
      if (other === intended || !this.isInteresting(other)) free |= 1 << other;
    }
    let next: number;
    if (free === 0) {
      // The intended task waits for one of these.
      next = this.drawByRemaining(candidates);
      if (next < 0) next = taskAt(candidates, random.below(countTasks(candidates)));
    } else {
      next = taskAt(free, random.below(countTasks(free)));
    }
    if (this.isInteresting(next)) {
      const left = words[this.remaining + next]!;
      words[this.remaining + next] = left > 0 ? left - 1 : 0;
      intended = -1;
    }
    words[INTENDED] = intended;
    return next;
  }

  private isInteresting(task: number): boolean {
    const { words } = this.state;
    return words[this.pendingKind + task] !== 0 && words[this.pendingObject + task] === words[INTEREST];
  }

  /** The task whose event is to be the next, -1 when no task is known to have one. */
  private drawIntended(): number {
    const { words, tasks } = this.state;
    const all = tasks === 32 ? -1 : (1 << tasks) - 1;
    return this.drawByRemaining(all & ~words[EXITED]!);
  }

  private drawByRemaining(candidates: number): number {
    const { words, random } = this.state;
    let total = 0;
    let rest = candidates;
    for (; rest !== 0; rest &= rest - 1) total += words[this.remaining + lowestTask(rest)]!;
    if (total === 0) return -1;
    let place = random.below(total);
    for (rest = candidates; ; rest &= rest - 1) {
      const task = lowestTask(rest);
      place -= words[this.remaining + task]!;
      if (place < 0) return task;
    }
  }

  /** Draws an object, if any is known that several tasks use and one does not only read. */
  private drawInterest(): void {
    const { words, random } = this.state;
    const end = this.objects + words[OBJECT_CAPACITY]! * this.objectWords;
    let found = 0;
    let drawn = -1;
    // Each row that fits takes the place of the one drawn before with a chance of one in as many as were found.
    for (let row = this.objects; row < end; row += this.objectWords) {
      if ((words[row + ROW_FLAGS]! & WRITTEN) === 0 || !this.isUsedBySeveral(row)) continue;
      found++;
      if (random.below(found) === 0) drawn = row;
    }
    if (drawn < 0) return;
    words[SURW_MODE] = ONE_OBJECT;
    words[INTEREST] = words[drawn]!;
    for (let task = 0; task < this.state.tasks; task++) {
      words[this.remaining + task] = words[drawn + ROW_HEAD + task]!;
    }
  }

  private isUsedBySeveral(row: number): boolean {
    const { words, tasks } = this.state;
    let users = 0;
    for (let task = 0; task < tasks; task++) if (words[row + ROW_HEAD + task] !== 0) users++;
    return users > 1;
  }

  /** Counts the point where a task stands. */
  private count(task: number): void {
    const { words } = this.state;
    const object = words[this.pendingObject + task]!;
    const capacity = words[OBJECT_CAPACITY]!;
    let place = (Math.imul(object, 0x9e37_79b9) >>> 0) % capacity;
    for (let tried = 0; tried < PROBE_ROWS && tried < capacity; tried++) {
      const row = this.objects + place * this.objectWords;
      const flags = words[row + ROW_FLAGS]!;
      if (flags === 0) {
        words[row] = object;
        words[OBJECTS]! += 1;
      }
      if (flags === 0 || words[row] === object) {
        words[row + ROW_FLAGS] = flags | IN_USE | (words[this.pendingKind + task] === LOAD ? 0 : WRITTEN);
        words[row + ROW_HEAD + task]! += 1;
        return;
      }
      place = place + 1 === capacity ? 0 : place + 1;
    }
  }
}
