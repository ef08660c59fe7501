/**
 * The schedule core: which task runs next. Both engines, and anything else that runs tasks one at a time, call these methods at the same moments, so
 * the same seed and strategy, or the same list of decisions, give the same schedule everywhere.
 *
 * Protocol. `begin` names the first task. The engine lets it run and counts its points down from {@link ScheduleCore.countdown}; at the point that
 * makes the count 0 it calls {@link ScheduleCore.decide}, *before* the operation of the point. When a task must wait, gives way or ends, it calls `block`,
 * `giveWay` or `exit` with what is left of the count. Each of these names the task that goes on: a task number, {@link NOBODY} or {@link STOPPED}.
 * `wake` and `fault` name nobody; the running task goes on. **After each call the engine takes the count anew from `countdown`.**
 * `end` ends the schedule, also one that was stopped or has failed.
 *
 * Steps. Each point, block, giving way, exit and possible fault is one step; steps are counted from 0, the choice of the first task. So a step
 * names the one place where a decision could be taken, and decisions are recorded by steps (`decisions.ts`).
 *
 * Callers: one thread at a time (it has the baton). All state lies in the words: threads that share them each have a core of their own.
 */
import { POINT_LOCK, POINT_WAIT, POINT_YIELD } from '@swaplab/kernel-mm';
import { Pct } from '../strategies/pct.js';
import { drawStrategy } from '../strategies/portfolio.js';
import { Pos } from '../strategies/pos.js';
import { RandomWalk } from '../strategies/random-walk.js';
import { Replay } from '../strategies/replay.js';
import { Search, type SearchReport } from '../strategies/search.js';
import {
  PCT as PCT_ID,
  PORTFOLIO as PORTFOLIO_ID,
  POS as POS_ID,
  RANDOM_WALK as RANDOM_WALK_ID,
  REPLAY as REPLAY_ID,
  SEARCH as SEARCH_ID,
  SURW as SURW_ID,
  type StrategyId,
} from '../strategies/strategy.js';
import { Surw } from '../strategies/surw.js';
import { CHOICE_FAULT, packChoice, writeDecisions, type Decision } from './decisions.js';
import {
  REASON_BEGIN,
  REASON_BLOCK,
  REASON_EXIT,
  REASON_FAULT,
  REASON_GIVE_WAY,
  REASON_POINT,
  REASON_RECONSIDER,
  REASON_TIME,
  type Reason,
} from './state.js';
import { countTasks, lowestTask } from './tasks.js';
import { NOBODY, ScheduleView, STOP_DECISIONS, STOP_NONE, STOP_STEPS, STOPPED } from './view.js';
import { DECISION_WORDS, WORD } from './words.js';

export * from './view.js';

// Constants of this module are put into the code; imported ones are loaded at each use.
const {
  BLOCKED,
  BY_STRATEGY,
  CONTENDED,
  COUNTDOWN,
  DECISIONS,
  DECISION_CAPACITY,
  DECISION_HASH,
  ENABLED,
  ENABLED_COUNT,
  EXITED,
  FAULTS_SEEN,
  FAULT_KIND,
  FAULT_KINDS,
  LEARNED_CONTENDED,
  LEARNED_FAULTS,
  PARAMETER,
  PREEMPTIONS,
  RECONSIDER,
  REPLAY_THEN,
  REPLAY_THEN_PARAMETER,
  RUN,
  RUNNING,
  SCHEDULES,
  STARTED,
  STEP,
  STEP_LIMIT,
  STOP,
  STRATEGY,
  TIMED,
  TIMED_OUT,
  WAKE_DECIDES,
} = WORD;
const BEGIN: Reason = REASON_BEGIN;
const POINT: Reason = REASON_POINT;
const AFRESH: Reason = REASON_RECONSIDER;
const BLOCK: Reason = REASON_BLOCK;
const EXIT: Reason = REASON_EXIT;
const GIVE_WAY: Reason = REASON_GIVE_WAY;
const TIME: Reason = REASON_TIME;
const FAULT: Reason = REASON_FAULT;
const RANDOM_WALK: StrategyId = RANDOM_WALK_ID;
const PCT: StrategyId = PCT_ID;
const POS: StrategyId = POS_ID;
const SURW: StrategyId = SURW_ID;
const SEARCH: StrategyId = SEARCH_ID;
const REPLAY: StrategyId = REPLAY_ID;
const PORTFOLIO: StrategyId = PORTFOLIO_ID;
const LOCK = POINT_LOCK;
const WAIT = POINT_WAIT;
const YIELD = POINT_YIELD;
const EVERYBODY = -1;
const LEARNED_WORDS = WORD.LEARNED_END - WORD.LEARNED;

/** One thread's way to the schedule. */
export class ScheduleCore extends ScheduleView {
  private readonly walk: RandomWalk;
  private readonly pct: Pct;
  private readonly pos: Pos;
  private readonly surw: Surw;
  private readonly search: Search;
  private readonly replay: Replay;
  private readonly blockedOn: number;
  private readonly pendingKind: number;
  private readonly pendingObject: number;
  private readonly pendingSite: number;
  private readonly points: number;
  private readonly decisions: number;

  /** @param words - made by `createWords`, here or in another thread */
  constructor(words: Int32Array) {
    super(words);
    const { state } = this;
    this.walk = new RandomWalk(state);
    this.pct = new Pct(state, this.walk);
    this.pos = new Pos(state);
    this.surw = new Surw(state);
    this.search = new Search(state);
    this.replay = new Replay(state);
    this.blockedOn = state.layout.blockedOn;
    this.pendingKind = state.layout.pendingKind;
    this.pendingObject = state.layout.pendingObject;
    this.pendingSite = state.layout.pendingSite;
    this.points = state.layout.points;
    this.decisions = state.layout.decisions;
  }

  /** Points from here to the next decision. To be taken anew after each call. */
  get countdown(): number {
    return this.words[COUNTDOWN]!;
  }

  /**
   * Begins a schedule: all tasks can run, none has started.
   * @param seed - 32 bits
   * @param strategy - one of the numbers in `strategy.ts`
   * @param parameter - of the strategy: the depth of PCT, the highest bound of a search
   * @returns the first task
   */
  begin(seed: number, strategy: StrategyId, parameter = 0): number {
    const { words, state } = this;
    words.fill(0, RUN, state.layout.runEnd);
    const { tasks } = state;
    words[ENABLED] = tasks === 32 ? EVERYBODY : (1 << tasks) - 1;
    words[ENABLED_COUNT] = tasks;
    words[RUNNING] = NOBODY;
    state.random.seed(seed);
    this.start(strategy, parameter);
    return this.settle(BEGIN, NOBODY, 0);
  }

  /**
   * The count is at 0: the running task stands at a point, before its operation.
   * @param task - the running one
   * @param kind - what it is about to do, a `POINT_` constant
   * @param object - to what
   * @param site - where in the source
   * @returns the task that goes on with its pending operation, or {@link STOPPED}
   */
  decide(task: number, kind: number, object: number, site: number): number {
    const { words } = this;
    this.advance(task, 0);
    words[this.pendingKind + task] = kind;
    words[this.pendingObject + task] = object;
    words[this.pendingSite + task] = site;
    return this.settle(words[RECONSIDER] === 0 ? POINT : AFRESH, task, site);
  }

  /**
   * The running task cannot go on until its object is woken; then, when it is chosen, it looks again.
   * @param task - the running one
   * @param object - what it waits for
   * @param timed - whether its wait has a limit: when nobody can run, time passes, and one such wait ends
   * @param site - where in the source
   * @param left - what is left of the count
   * @returns the task that goes on, {@link NOBODY} or {@link STOPPED}
   */
  block(task: number, object: number, timed: boolean, site: number, left: number): number {
    const { words } = this;
    this.advance(task, left);
    words[STEP]! += 1;
    const bit = 1 << task;
    words[ENABLED]! &= ~bit;
    words[ENABLED_COUNT]! -= 1;
    words[BLOCKED]! |= bit;
    words[TIMED_OUT]! &= ~bit;
    if (timed) words[TIMED]! |= bit;
    words[this.blockedOn + task] = object;
    words[this.pendingSite + task] = site;
    if (words[this.pendingObject + task] !== object || words[this.pendingKind + task] !== LOCK) {
      // It waits for something else than a lock, or the last point that was decided on was another one.
      words[this.pendingKind + task] = WAIT;
      words[this.pendingObject + task] = object;
    }
    return this.settle(BLOCK, task, site);
  }

  /**
   * The running task has ended.
   * @param task - the running one
   * @param left - what is left of the count
   * @returns the task that goes on, {@link NOBODY} or {@link STOPPED}
   */
  exit(task: number, left: number): number {
    const { words } = this;
    this.advance(task, left);
    words[STEP]! += 1;
    const bit = 1 << task;
    words[ENABLED]! &= ~bit;
    words[ENABLED_COUNT]! -= 1;
    words[EXITED]! |= bit;
    words[this.pendingKind + task] = 0;
    words[this.pendingSite + task] = 0;
    return this.settle(EXIT, task, 0);
  }

  /**
   * The running task waits for others by looking again and again, and lets them go first.
   * @param task - the running one
   * @param site - where in the source
   * @param left - what is left of the count
   * @returns the task that goes on: another one, unless none can
   */
  giveWay(task: number, site: number, left: number): number {
    const { words } = this;
    this.advance(task, left);
    words[STEP]! += 1;
    words[this.pendingKind + task] = YIELD;
    words[this.pendingObject + task] = 0;
    words[this.pendingSite + task] = site;
    return this.settle(GIVE_WAY, task, site);
  }

  /**
   * All tasks that wait for an object can run again.
   * @param object - what they wait for
   * @param left - what is left of the count
   * @returns the new count
   */
  wake(object: number, left: number): number {
    const { words } = this;
    const blocked = words[BLOCKED]!;
    let woken = 0;
    for (let rest = blocked; rest !== 0; rest &= rest - 1) {
      const task = lowestTask(rest);
      if (words[this.blockedOn + task] === object) woken |= 1 << task;
    }
    if (woken === 0) return left;
    this.advance(words[RUNNING]!, left);
    words[BLOCKED] = blocked & ~woken;
    words[TIMED]! &= ~woken;
    words[ENABLED]! |= woken;
    words[ENABLED_COUNT] = countTasks(words[ENABLED]!);
    if (words[WAKE_DECIDES] !== 0) {
      words[RECONSIDER]! |= woken;
      words[COUNTDOWN] = 1;
    }
    return words[COUNTDOWN]!;
  }

  /**
   * Something may go wrong here. Kinds that the configuration does not name never do, and are no step.
   * @param kind - of the fault, 1 to 31
   * @param left - what is left of the count; it may be another one afterwards
   */
  fault(kind: number, left: number): boolean {
    const { words } = this;
    // Also when nothing can go wrong: the caller takes its count from here afterwards.
    this.advance(words[RUNNING]!, left);
    if (((words[FAULT_KINDS]! >>> kind) & 1) === 0) return false;
    words[STEP]! += 1;
    words[FAULT_KIND] = kind;
    // A strategy that counts steps and not points sets another count.
    this.state.setCountdown(left);
    const happens = this.choose(FAULT, words[RUNNING]!) === 1;
    if (happens) {
      this.record(CHOICE_FAULT + kind, 0);
      words[PREEMPTIONS]! += 1;
    }
    words[FAULTS_SEEN]! += 1;
    return happens;
  }

  /**
   * Ends the schedule, however it came to its end, and lets the strategy learn from it.
   * @returns false when the strategy has no schedule left: a search that is through, or a replay
   */
  end(): boolean {
    const { words, state } = this;
    const strategy = words[STRATEGY]!;
    words[SCHEDULES]! += 1;
    words[BY_STRATEGY + strategy]! += 1;
    const endedWell = words[STOP] === STOP_NONE && this.unfinished() === 0;
    // What a spinner did until it was stopped says nothing about the next schedule.
    if (endedWell) {
      if (words[CONTENDED]! > words[LEARNED_CONTENDED]!) words[LEARNED_CONTENDED] = words[CONTENDED]!;
      if (words[FAULTS_SEEN]! > words[LEARNED_FAULTS]!) words[LEARNED_FAULTS] = words[FAULTS_SEEN]!;
      const { learnedPoints } = state.layout;
      for (let task = 0; task < state.tasks; task++) {
        words[learnedPoints + task] = words[this.points + task]!;
      }
    }
    if (strategy === SEARCH) return this.search.end();
    return strategy !== REPLAY;
  }

  /**
   * Sets the list for `begin(seed, REPLAY)`.
   * @param decisions - by rising steps
   * @param then - the strategy that goes on after the last one; 0 for defaults only
   * @param parameter - of that strategy
   * @throws RangeError when they do not fit, or are none that a schedule could have
   */
  setReplay(decisions: readonly Decision[], then: StrategyId = 0, parameter = 0): void {
    const { words, state } = this;
    writeDecisions(words, state.layout.replay, words[DECISION_CAPACITY]!, decisions);
    words[WORD.REPLAY_COUNT] = decisions.length;
    words[REPLAY_THEN] = then;
    words[REPLAY_THEN_PARAMETER] = parameter;
  }

  /**
   * Begins the search by preemption bound anew.
   * @param bound - the first bound
   */
  resetSearch(bound = 0): void {
    this.search.reset(bound);
  }

  /** How far the search has come. */
  searchReport(): SearchReport {
    return this.search.report();
  }

  /**
   * Copies what strategies have learned from the schedules so far.
   * @param to - `learnedWords` long
   */
  saveLearned(to: Int32Array): void {
    const { words, state } = this;
    to.set(words.subarray(WORD.LEARNED, WORD.LEARNED_END));
    to.set(words.subarray(state.layout.learnedPoints, state.layout.decisions), LEARNED_WORDS);
  }

  /**
   * Goes back to what they had learned then.
   * @param from - as {@link saveLearned} left it
   */
  restoreLearned(from: Int32Array): void {
    const { words, state } = this;
    words.set(from.subarray(0, LEARNED_WORDS), WORD.LEARNED);
    words.set(from.subarray(LEARNED_WORDS), state.layout.learnedPoints);
  }

  /** Forgets what was learned and counted, and what was searched: for another scenario. */
  forget(): void {
    const { words, state } = this;
    words.fill(0, WORD.LEARNED, WORD.LEARNED_END);
    words.fill(0, state.layout.learnedPoints, state.layout.decisions);
    this.search.reset(0);
  }

  private start(strategy: StrategyId, parameter: number): void {
    const { words } = this;
    words[PARAMETER] = parameter;
    const drawn = strategy === PORTFOLIO ? drawStrategy(this.state) : strategy;
    words[STRATEGY] = drawn;
    switch (drawn) {
      case RANDOM_WALK:
        this.walk.begin();
        return;
      case PCT:
        this.pct.begin(words[PARAMETER]);
        return;
      case POS:
        this.pos.begin();
        return;
      case SURW:
        this.surw.begin(words[PARAMETER]);
        return;
      case SEARCH:
        this.search.begin();
        return;
      case REPLAY:
        this.replay.begin();
        return;
      default:
        throw new RangeError(`There is no strategy ${strategy}.`);
    }
  }

  private choose(reason: Reason, task: number): number {
    switch (this.words[STRATEGY]) {
      case RANDOM_WALK:
        return this.walk.choose(reason, task);
      case PCT:
        return this.pct.choose(reason, task);
      case POS:
        return this.pos.choose(reason, task);
      case SURW:
        return this.surw.choose(reason, task);
      case SEARCH:
        return this.search.choose(reason, task);
      default:
        return this.chooseReplay(reason, task);
    }
  }

  /** After the last decision of the list the other strategy is asked at the next point. */
  private chooseReplay(reason: Reason, task: number): number {
    const { words, replay } = this;
    const choice = replay.choose(reason, task);
    if (words[REPLAY_THEN] !== 0 && replay.hasEnded()) {
      this.start(words[REPLAY_THEN]!, words[REPLAY_THEN_PARAMETER]!);
      words[RECONSIDER] = EVERYBODY;
      words[COUNTDOWN] = 1;
    }
    return choice;
  }

  /** Takes over the points that were passed since the last call. */
  private advance(task: number, left: number): void {
    const { words } = this;
    const done = words[COUNTDOWN]! - left;
    if (done < 0 || left < 0 || task !== words[RUNNING]) this.reportMisuse(task, left);
    words[STEP]! += done;
    words[COUNTDOWN] = left;
    words[this.points + task]! += done;
    if (words[ENABLED_COUNT]! > 1) words[CONTENDED]! += done;
  }

  private reportMisuse(task: number, left: number): never {
    const { words } = this;
    throw new RangeError(
      `Task ${task} reports ${left} points left, but task ${words[RUNNING]!} runs and was given ${words[COUNTDOWN]!}.`,
    );
  }

  /** Chooses who goes on, and records it. */
  private settle(reason: Reason, task: number, site: number): number {
    const { words, state } = this;
    if (words[STEP]! >= words[STEP_LIMIT]!) return this.stop(STOP_STEPS);
    if (words[ENABLED] === 0) {
      if (words[TIMED] === 0) return this.leave(NOBODY);
      return this.passTime(task, site);
    }
    const usual = state.defaultTask(reason, task);
    // A replay that was through with its list has left a note for the strategy that goes on.
    const isReplay = words[STRATEGY] === REPLAY;
    const next = this.choose(reason, task);
    if (!isReplay) words[RECONSIDER] = 0;
    if (next !== usual) this.record(next, site);
    if (next !== task && (reason === POINT || reason === AFRESH)) words[PREEMPTIONS]! += 1;
    if (words[STOP] !== STOP_NONE) return this.leave(STOPPED);
    words[STARTED]! |= 1 << next;
    words[RUNNING] = next;
    return next;
  }

  /** Nobody can run, but some wait with a limit: one of these waits ends. */
  private passTime(task: number, site: number): number {
    const { words, state } = this;
    const timed = words[TIMED]!;
    words[ENABLED] = timed;
    words[ENABLED_COUNT] = countTasks(timed);
    const usual = state.defaultTask(TIME, task);
    const next = this.choose(TIME, task);
    words[RECONSIDER] = 0;
    const bit = 1 << next;
    words[ENABLED] = bit;
    words[ENABLED_COUNT] = 1;
    words[BLOCKED]! &= ~bit;
    words[TIMED]! &= ~bit;
    words[TIMED_OUT]! |= bit;
    if (next !== usual) this.record(next, site);
    if (words[STOP] !== STOP_NONE) return this.leave(STOPPED);
    words[RUNNING] = next;
    return next;
  }

  private stop(reason: number): number {
    this.words[STOP] = reason;
    return this.leave(STOPPED);
  }

  private leave(result: number): number {
    this.words[RUNNING] = NOBODY;
    this.words[COUNTDOWN] = 0;
    return result;
  }

  /** Records a decision that differs from the default. */
  private record(choice: number, site: number): void {
    const { words } = this;
    const count = words[DECISIONS]!;
    if (count >= words[DECISION_CAPACITY]!) {
      words[STOP] = STOP_DECISIONS;
      return;
    }
    const at = this.decisions + count * DECISION_WORDS;
    words[at] = words[STEP]!;
    words[at + 1] = packChoice(choice, site);
    words[DECISIONS] = count + 1;
    const mixed = Math.imul(words[STEP]! ^ (choice << 25), 0x9e37_79b1);
    const low = Math.imul(words[DECISION_HASH + 1]! ^ mixed, 0x85eb_ca77);
    words[DECISION_HASH + 1] = (low << 13) | (low >>> 19);
    const high = Math.imul(words[DECISION_HASH]! + (mixed ^ (mixed >>> 15)), 0xc2b2_ae3d);
    words[DECISION_HASH] = high ^ (high >>> 16);
  }
}
