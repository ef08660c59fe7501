/**
 * Replay: plays a list of decisions and takes the default everywhere else. After the last one another strategy can go on.
 *
 * A decision that cannot be played (its step is of another kind, another site than its own, unless that is 0, is there, its task cannot run) is a divergence: the first one is
 * noted, with what was there, and from then on everything is default.
 */
import { CHOICE_FAULT, choiceOf, siteOf } from '../core/decisions.js';
import { NO_DECISION, REASON_FAULT, type Reason, type ScheduleState } from '../core/state.js';
import { DECISION_WORDS, WORD } from '../core/words.js';
import type { Strategy } from './strategy.js';

const {
  DIVERGED,
  DIVERGED_ENTRY,
  DIVERGED_REASON,
  DIVERGED_SITE,
  DIVERGED_STEP,
  DIVERGED_TASK,
  ENABLED,
  FAULT_KIND,
  REPLAY_COUNT,
  REPLAY_CURSOR,
  STEP,
  WAKE_DECIDES,
} = WORD;
const FAULT = REASON_FAULT;
const SITE_MASK = 0xffff;

/** See the head of this file. The parameter has no meaning: the list lies in the words. */
export class Replay implements Strategy {
  private readonly state: ScheduleState;
  private readonly list: number;
  private readonly pendingSite: number;

  /** @param state - of the schedule */
  constructor(state: ScheduleState) {
    this.state = state;
    this.list = state.layout.replay;
    this.pendingSite = state.layout.pendingSite;
  }

  begin(): void {
    const { words } = this.state;
    words[WAKE_DECIDES] = 0;
    words[REPLAY_CURSOR] = 0;
    words[DIVERGED] = 0;
  }

  choose(reason: Reason, task: number): number {
    const { state } = this;
    const { words } = state;
    const step = words[STEP]!;
    const cursor = words[REPLAY_CURSOR]!;
    let next = reason === FAULT ? 0 : state.defaultTask(reason, task);
    if (this.isLive(cursor)) {
      const entry = this.list + cursor * DECISION_WORDS;
      if (words[entry] === step) {
        if (this.isPossible(entry, reason, task)) next = reason === FAULT ? 1 : choiceOf(words[entry + 1]!);
        else this.noteDivergence(cursor, reason, task);
        words[REPLAY_CURSOR] = cursor + 1;
      } else if (words[entry]! < step) {
        this.noteDivergence(cursor, reason, task);
      }
    }
    const following = words[REPLAY_CURSOR]!;
    state.setCountdown(
      this.isLive(following) ? words[this.list + following * DECISION_WORDS]! - step : NO_DECISION,
    );
    return next;
  }

  end(): boolean {
    return false;
  }

  /** Whether all decisions were played, or none is played any more. */
  hasEnded(): boolean {
    return !this.isLive(this.state.words[REPLAY_CURSOR]!);
  }

  private isLive(cursor: number): boolean {
    const { words } = this.state;
    return cursor < words[REPLAY_COUNT]! && words[DIVERGED] === 0;
  }

  private isPossible(entry: number, reason: Reason, task: number): boolean {
    const { words } = this.state;
    const choice = choiceOf(words[entry + 1]!);
    if (reason === FAULT) return choice === CHOICE_FAULT + words[FAULT_KIND]!;
    if (choice >= this.state.tasks || ((words[ENABLED]! >>> choice) & 1) === 0) return false;
    const site = siteOf(words[entry + 1]!);
    // A decision that was moved does not know where it comes to stand.
    return site === 0 || site === this.siteOf(task);
  }

  private siteOf(task: number): number {
    return task < 0 ? 0 : this.state.words[this.pendingSite + task]! & SITE_MASK;
  }

  private noteDivergence(cursor: number, reason: Reason, task: number): void {
    const { words } = this.state;
    words[DIVERGED] = 1;
    words[DIVERGED_ENTRY] = cursor;
    words[DIVERGED_STEP] = words[STEP]!;
    words[DIVERGED_REASON] = reason;
    words[DIVERGED_TASK] = task;
    words[DIVERGED_SITE] = reason === FAULT ? 0 : this.siteOf(task);
  }
}
