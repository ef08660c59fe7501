/**
 * Whole operations in the plain build: what makes the stepped engine fast where few switches are.
 *
 * In the twin each call that can reach a point costs an object. So where no switch is to be expected, an operation of a thread runs in the plain build
 * of the scenario instead, with the sites of its points, on the same memory and in the same task: when the count is higher than the points which
 * that operation has had so far, nobody waits, and nobody who stands somewhere holds a lock.
 *
 * Promise: a schedule is what it is in the twin alone, point for point and fault for fault. Whether an operation may run whole is no more than a guess:
 * its points count down as those of the twin do, and when the count comes to its end, or the operation would have to wait, it is given up. Then the
 * schedule is played again from its beginning, in the twin alone.
 */
import { TASK, type Control, type PointHook } from '@swaplab/kernel-mm';
import { WORD } from '../../core/words.js';
import type { DefinedScenario } from '../../scenario/define.js';
import type { ScenarioEnv } from '../../scenario/scenario.js';
import type { Stage } from '../../scenario/stage.js';
import { PCT, REPLAY } from '../../strategies/strategy.js';
import type { Turn } from './turn.js';

/** Points that an operation of which nothing is known is expected to have at most. */
const UNKNOWN = 256;
/** An operation that had to wait so often when it ran whole does not run whole any more. */
const WAITS_MAX = 4;
/** More points than there ever are to the next decision. */
const NEVER = 0x3fff_ffff;

/** An operation that ran whole was given up. It is thrown through code that runs, often, so there is one, and its stack says nothing. */
class Overrun extends Error {
  override readonly name = 'Overrun';
}

const OVERRUN = new Overrun('This operation cannot run whole.');

/** The threads of a scenario in the plain build. */
export class WholeOperations {
  /** Operations that ran whole so far, and schedules that had to be played again. */
  ran = 0;
  repeated = 0;
  /** Whether an operation of this schedule was given up; whatever it threw or returned then means nothing. */
  private overrun = false;
  /** What runs whole, and the count when it began. */
  private thread = 0;
  private operation = 0;
  private countBefore = 0;
  private readonly scenario: DefinedScenario<unknown, unknown>;
  private readonly turn: Turn;
  private readonly words: Int32Array;
  private readonly envs: ScenarioEnv<unknown, unknown>[] = [];
  /** For each thread and each of its operations, the most points it had. */
  private readonly bounds: Int32Array[];
  /** Likewise, how often it had to wait. */
  private readonly waits: Int32Array[];
  /** Where the contexts of the tasks count the locks they hold, in words. */
  private readonly heldCounts: number[] = [];
  private i32: Int32Array = new Int32Array(0);
  private plainStage: Stage<unknown, unknown> | null = null;
  private control: WholeControl | null = null;

  /**
   * @param scenario - in the build with sites
   * @param turn - who runs
   * @param words - of the schedule
   */
  constructor(scenario: DefinedScenario<unknown, unknown>, turn: Turn, words: Int32Array) {
    this.scenario = scenario;
    this.turn = turn;
    this.words = words;
    this.bounds = scenario.threads.map(({ operations }) => new Int32Array(operations.length).fill(UNKNOWN));
    this.waits = scenario.threads.map(({ operations }) => new Int32Array(operations.length));
  }

  /**
   * Gives the task of the next thread of the twin a second view, in the plain build. The task stays the same.
   * @param stage - of the twin
   * @param twin - the thread there
   * @param shared - what the set-up returned
   * @param isWatched - whether steps are to be told
   */
  attach(
    stage: Stage<unknown, unknown>,
    twin: ScenarioEnv<unknown, unknown>,
    shared: unknown,
    isWatched: boolean,
  ): void {
    const { scenario } = this;
    this.plainStage ??= scenario.Stage.open(scenario, stage.handle);
    this.control ??= new WholeControl(this, this.turn, isWatched);
    const { tasks, current } = twin.core.context;
    // A free context is claimed from below, so the second view gets the same one.
    tasks.release(current);
    const { name } = scenario.threads[this.envs.length]!;
    const env = this.plainStage.attach(name, this.control, shared);
    if (env.core.context.current !== current) throw new Error('The second view of a task got another task.');
    this.envs.push(env);
    this.heldCounts.push((tasks.addressOf(current) + TASK.heldCount) >> 2);
    this.i32 = twin.core.cells.arena.i32;
  }

  /**
   * Whether the present schedule may be played with whole operations, and then again. One that switches at every few points gains nothing; a strategy
   * that learns as it goes must not see a schedule twice.
   */
  suits(): boolean {
    const { words } = this;
    const strategy = words[WORD.STRATEGY];
    return strategy === PCT || (strategy === REPLAY && words[WORD.REPLAY_THEN] === 0);
  }

  /**
   * Whether an operation may run whole.
   * @param thread - that runs
   * @param operation - its number
   */
  mayRun(thread: number, operation: number): boolean {
    if (this.turn.points!.n <= this.bounds[thread]![operation]!) return false;
    if (this.words[WORD.BLOCKED] !== 0) return false;
    const { i32, heldCounts } = this;
    for (let other = 0; other < heldCounts.length; other++) if (i32[heldCounts[other]!] !== 0) return false;
    return true;
  }

  /**
   * Runs an operation whole.
   * @param thread - that runs
   * @param operation - its number
   * @throws what it throws; {@link wasGivenUp} says whether that means anything
   */
  run(thread: number, operation: number): void {
    const points = this.turn.points!;
    const before = points.n;
    this.thread = thread;
    this.operation = operation;
    this.countBefore = before;
    this.scenario.threads[thread]!.operations[operation]!.run(this.envs[thread]!);
    // Code that catches what it does not know may have gone on.
    if (this.overrun) throw OVERRUN;
    this.ran++;
    const bounds = this.bounds[thread]!;
    const bound = bounds[operation]!;
    const taken = before - points.n;
    if (bound === UNKNOWN || taken > bound) bounds[operation] = taken;
  }

  /**
   * Gives the running operation up.
   * @param waits - whether it has to wait; else its count has come to the end
   */
  giveUp(waits: boolean): never {
    if (!this.overrun) this.learn(waits);
    this.overrun = true;
    throw OVERRUN;
  }

  /** Whether an operation was given up since this was asked last: then the schedule is to be played again. */
  wasGivenUp(): boolean {
    const { overrun } = this;
    this.overrun = false;
    if (overrun) this.repeated++;
    return overrun;
  }

  private learn(waits: boolean): void {
    const { thread, operation, countBefore } = this;
    const bounds = this.bounds[thread]!;
    if (!waits) bounds[operation] = Math.max(bounds[operation]!, countBefore);
    else if (++this.waits[thread]![operation]! > WAITS_MAX) bounds[operation] = NEVER;
  }
}

/** Controls all threads in the plain build: one of them runs at a time, and none waits. */
class WholeControl implements Control {
  readonly hook: PointHook;
  private readonly whole: WholeOperations;
  private readonly turn: Turn;

  constructor(whole: WholeOperations, turn: Turn, isWatched: boolean) {
    this.whole = whole;
    this.turn = turn;
    this.hook = isWatched
      ? (kind, object, site) => {
          if (this.turn.points === null) return;
          if (--this.turn.points.n <= 0) this.whole.giveUp(false);
          const { watch } = this.turn.session!;
          if (watch.isOn) watch.step(this.turn.task, kind, object, site);
        }
      : () => {
          if (this.turn.points === null) return;
          if (--this.turn.points.n <= 0) this.whole.giveUp(false);
        };
  }

  block(): void {
    this.whole.giveUp(true);
  }

  giveWay(): void {
    this.whole.giveUp(true);
  }

  wake(object: number): void {
    const { points, session } = this.turn;
    if (points !== null) points.n = session!.core.wake(object, points.n);
  }

  fault(kind: number): boolean {
    const { points, session } = this.turn;
    if (points === null) return false;
    const { core } = session!;
    const happens = core.fault(kind, points.n);
    points.n = core.countdown;
    return happens;
  }
}
