/**
 * Random walk: at each point every enabled task is as likely to go on as any other.
 *
 * Where e tasks are enabled the running one stays with a chance of 1/e at each point, so how many points it stays is drawn once, and then most
 * points cost nothing. The draw has no memory, so it may be drawn anew at any moment; it must be when e changes, which only a wake-up can do
 * without a decision.
 */
import { FaultPlan } from '../core/faults.js';
import {
  NO_DECISION,
  REASON_FAULT,
  REASON_GIVE_WAY,
  REASON_POINT,
  type Reason,
  type ScheduleState,
} from '../core/state.js';
import { lowestTask, taskAt } from '../core/tasks.js';
import { WORD } from '../core/words.js';
import type { Strategy } from './strategy.js';

const { ENABLED, ENABLED_COUNT, WAKE_DECIDES } = WORD;
const FAULT = REASON_FAULT;
const POINT = REASON_POINT;
const GIVE_WAY = REASON_GIVE_WAY;
/** Longer stays are cut; that happens once in 2^32 draws or less. */
const LONGEST_STAY = 33;

/** See the head of this file. The parameter has no meaning. */
export class RandomWalk implements Strategy {
  private readonly state: ScheduleState;
  private readonly faults: FaultPlan;

  /** @param state - of the schedule */
  constructor(state: ScheduleState) {
    this.state = state;
    this.faults = new FaultPlan(state);
  }

  begin(): void {
    this.state.words[WAKE_DECIDES] = 1;
    this.faults.begin();
  }

  choose(reason: Reason, task: number): number {
    if (reason === FAULT) return this.faults.choose();
    const { state } = this;
    const { words, random } = state;
    const enabled = words[ENABLED]!;
    const count = words[ENABLED_COUNT]!;
    if (count === 1) {
      state.setCountdown(NO_DECISION);
      return lowestTask(enabled);
    }
    state.setCountdown(this.stay(count));
    // At the end of a stay the task that stayed is not among the candidates; one that gives way does not want to be.
    if (reason === POINT || reason === GIVE_WAY)
      return taskAt(enabled & ~(1 << task), random.below(count - 1));
    return taskAt(enabled, random.below(count));
  }

  end(): boolean {
    return true;
  }

  /** Points until another task is chosen: each is the last of the stay with a chance of 1 - 1/count. */
  private stay(count: number): number {
    const { random } = this.state;
    if (count === 2) return Math.clz32(random.bits()) + 1;
    let points = 1;
    while (random.below(count) === 0 && points < LONGEST_STAY) points++;
    return points;
  }
}
