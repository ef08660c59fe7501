/**
 * Which possible fault of a schedule happens, under a random strategy.
 *
 * Half of all schedules have none. The others have one, each possible one as likely as the others (as many as the longest schedule so far had),
 * and one in four of them another one later. So that what a single fault breaks is found at once, and its consequences are still reached.
 */
import type { ScheduleState } from './state.js';
import { WORD } from './words.js';

const { FAULTS_SEEN, FAULT_TARGET, LEARNED_FAULTS } = WORD;

/** Chooses faults from the random numbers of the schedule. */
export class FaultPlan {
  private readonly state: ScheduleState;

  /** @param state - of the schedule */
  constructor(state: ScheduleState) {
    this.state = state;
  }

  /** A new schedule, or the rest of one. */
  begin(): void {
    const { words, random } = this.state;
    const possible = words[LEARNED_FAULTS]!;
    words[FAULT_TARGET] = possible === 0 || random.below(2) === 0 ? -1 : random.below(possible);
  }

  /** Whether the fault that is possible now happens: 1 or 0. */
  choose(): number {
    const { words, random } = this.state;
    const seen = words[FAULTS_SEEN]!;
    if (words[FAULT_TARGET] !== seen) return 0;
    const later = words[LEARNED_FAULTS]! - seen - 1;
    words[FAULT_TARGET] = later > 0 && random.below(4) === 0 ? seen + 1 + random.below(later) : -1;
    return 1;
  }
}
