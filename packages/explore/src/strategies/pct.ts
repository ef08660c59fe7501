/**
 * PCT: probabilistic concurrency testing. Every task has a priority, the enabled task with the highest one runs, and at d - 1 random points the
 * running task falls behind all others. With n tasks and k points a bug of depth d is found by one schedule with a chance of at least
 * 1 / (n k^(d-1)) (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010). A schedule costs few decisions.
 *
 * Where this departs from the paper:
 * - k is not known before; it is the most that a schedule so far had. Only points at which more than one task could run are counted, since a
 *   change is without effect at the others. The first schedule of all has no changes.
 * - A task that gives way falls behind all others, else it would spin for ever; after `fairAfter` steps the rest of the schedule is a random
 *   walk, for those who spin without saying so.
 */
import { FaultPlan } from '../core/faults.js';
import {
  NO_DECISION,
  REASON_FAULT,
  REASON_GIVE_WAY,
  REASON_POINT,
  REASON_RECONSIDER,
  type Reason,
  type ScheduleState,
} from '../core/state.js';
import { lowestTask } from '../core/tasks.js';
import { CHANGES_MAX, WORD } from '../core/words.js';
import type { RandomWalk } from './random-walk.js';
import type { Strategy } from './strategy.js';

const {
  CHANGES,
  CHANGE_AT,
  CHANGE_NEXT,
  CHANGE_PRIORITY,
  CONTENDED,
  ENABLED,
  ENABLED_COUNT,
  FAIR,
  FAIR_AFTER,
  LEARNED_CONTENDED,
  LOWEST_PRIORITY,
  STEP,
  WAKE_DECIDES,
} = WORD;
const FAULT = REASON_FAULT;
const GIVE_WAY = REASON_GIVE_WAY;
const POINT = REASON_POINT;
const RECONSIDER = REASON_RECONSIDER;

/** See the head of this file. The parameter is the depth d, 1 to 16. */
export class Pct implements Strategy {
  private readonly state: ScheduleState;
  private readonly walk: RandomWalk;
  private readonly faults: FaultPlan;
  private readonly priority: number;

  /**
   * @param state - of the schedule
   * @param walk - what goes on when a schedule gets long
   */
  constructor(state: ScheduleState, walk: RandomWalk) {
    this.state = state;
    this.walk = walk;
    this.faults = new FaultPlan(state);
    this.priority = state.layout.priority;
  }

  begin(depth: number): void {
    const { words } = this.state;
    words[WAKE_DECIDES] = 1;
    words[LOWEST_PRIORITY] = 0;
    words[FAIR] = 0;
    this.faults.begin();
    this.drawPriorities();
    this.drawChanges(depth);
  }

  choose(reason: Reason, task: number): number {
    if (reason === FAULT) return this.faults.choose();
    const { state } = this;
    const { words } = state;
    if (words[FAIR] !== 0) return this.walk.choose(reason, task);
    if (words[STEP]! >= words[FAIR_AFTER]!) {
      words[FAIR] = 1;
      return this.walk.choose(reason === POINT ? RECONSIDER : reason, task);
    }
    if (reason === GIVE_WAY) {
      const lowest = words[LOWEST_PRIORITY]! - 1;
      words[LOWEST_PRIORITY] = lowest;
      words[this.priority + task] = lowest;
    }
    const untilChange = this.applyChanges(task);
    const untilFair = words[FAIR_AFTER]! - words[STEP]!;
    state.setCountdown(untilChange < untilFair ? untilChange : untilFair);
    return this.highest();
  }

  end(): boolean {
    return true;
  }

  /** Each task gets a rank above all that a change can give; every order is as likely as any other. */
  private drawPriorities(): void {
    const { words, random, tasks } = this.state;
    const { priority } = this;
    for (let task = 0; task < tasks; task++) {
      const other = random.below(task + 1);
      words[priority + task] = words[priority + other]!;
      words[priority + other] = CHANGES_MAX + 1 + task;
    }
  }

  /** Draws the points of change, sorted, no two the same; which of them leads lowest is drawn, too. */
  private drawChanges(depth: number): void {
    const { words, random } = this.state;
    const points = words[LEARNED_CONTENDED]!;
    let wanted = depth - 1;
    if (wanted > CHANGES_MAX) wanted = CHANGES_MAX;
    if (wanted > points) wanted = points;
    for (let count = 0; count < wanted; count++) {
      // The r-th of the points that are not taken yet: each point taken before it moves it by one.
      let at = 1 + random.below(points - count);
      let place = 0;
      while (place < count && words[CHANGE_AT + place]! <= at) {
        at++;
        place++;
      }
      for (let later = count; later > place; later--) {
        words[CHANGE_AT + later] = words[CHANGE_AT + later - 1]!;
        words[CHANGE_PRIORITY + later] = words[CHANGE_PRIORITY + later - 1]!;
      }
      words[CHANGE_AT + place] = at;
      words[CHANGE_PRIORITY + place] = count + 1;
    }
    words[CHANGES] = wanted > 0 ? wanted : 0;
    words[CHANGE_NEXT] = 0;
  }

  /** Lets the running task fall if a change is due. Returns the points until the next change, as things stand. */
  private applyChanges(task: number): number {
    const { words } = this.state;
    const contended = words[CONTENDED]!;
    let next = words[CHANGE_NEXT]!;
    const changes = words[CHANGES]!;
    while (next < changes && words[CHANGE_AT + next]! <= contended) {
      if (task >= 0) words[this.priority + task] = words[CHANGE_PRIORITY + next]!;
      next++;
    }
    words[CHANGE_NEXT] = next;
    if (next === changes || words[ENABLED_COUNT] === 1) return NO_DECISION;
    return words[CHANGE_AT + next]! - contended;
  }

  private highest(): number {
    const { words } = this.state;
    const { priority } = this;
    let rest = words[ENABLED]!;
    let best = lowestTask(rest);
    let most = words[priority + best]!;
    rest &= rest - 1;
    while (rest !== 0) {
      const task = lowestTask(rest);
      rest &= rest - 1;
      if (words[priority + task]! > most) {
        most = words[priority + task]!;
        best = task;
      }
    }
    return best;
  }
}
