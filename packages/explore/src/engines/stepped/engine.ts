/**
 * The stepped engine: all threads of a scenario are generators of the woven twin, in one JavaScript thread. It makes the same decisions at the
 * same steps as the threads engine, many times faster, and runs wherever JavaScript does.
 *
 * Promise: for the same scenario, seed and decisions the trace and the memory are those of the threads engine. A schedule that has failed is
 * forgotten as it stands: its generators are dropped, never ended, so no `finally` of theirs runs.
 *
 * Searching without watchers, the threads have no hook, and a point costs a subtraction. With watchers they need one; so there are two casts,
 * each with a stage of its own, made when they are first needed.
 */
import type { Control, PointHook } from '@swaplab/kernel-mm';
import { countDistinct } from '../../core/distinct.js';
import { NOBODY, type ScheduleCore } from '../../core/schedule.js';
import { stepsOf } from '../../core/trace.js';
import type { DefinedScenario } from '../../scenario/define.js';
import type { ScenarioEnv } from '../../scenario/scenario.js';
import type { Stage } from '../../scenario/stage.js';
import type { SiteFacts } from '../../watch/site-facts.js';
import { createGroup, GROUP, STEPS, writeJob, type GroupWords } from '../group.js';
import { KEEP_HASHES, KEEP_TRACE, WATCH_ALL, type Engine, type Job, type JobResult } from '../job.js';
import { takeBase } from '../reset.js';
import { Session } from '../session.js';
import type { SteppedPoints, Turn } from './turn.js';
import { WholeOperations } from './whole.js';

/** How a stepped engine is made. */
export interface SteppedOptions {
  /** Deliberately wrong variants of the kernel. */
  readonly variants?: readonly string[];
  /** Steps after which a schedule is stopped; 20,000 by default. */
  readonly stepLimit?: number;
  /** Kinds of faults that may be injected, as bits `1 << kind`; none by default. */
  readonly faults?: number;
  /** Milliseconds since any fixed moment, for jobs with a time limit; none can have one when not given. */
  readonly now?: () => number;
  /** What is known about the sites of the code, as `siteFactsOf` gathers it; without it nobody looks for data races. */
  readonly sites?: SiteFacts;
  /** The words to work in, when another thread is to see them; made for the same tasks, step limit and faults. */
  readonly group?: GroupWords;
  /**
   * The default export of the same module in the build with sites: operations into which no switch falls then run there, which is faster and
   * changes nothing else.
   */
  readonly plain?: DefinedScenario<unknown, unknown>;
}

/** A thread of the twin, running. */
type Running = Iterator<number, unknown, void>;

/** `next` of all generators: each has a prototype of its own, where it would be looked up anew. */
const { next: resume } = Object.getPrototypeOf(function* () {}.prototype as object) as {
  readonly next: (this: Running) => IteratorResult<number, unknown>;
};

const STEP_LIMIT = 20_000;
const POINT_WAIT = 6;
const POINT_YIELD = 9;
const COUNTDOWN_OFF = 0x3fff_0000;

/** The scenario was not woven. */
export class NotWovenError extends Error {
  override readonly name = 'NotWovenError';
  /** Always `'ERR_NOT_WOVEN'`. */
  readonly code = 'ERR_NOT_WOVEN';
}

/** See the head of this file. */
export class SteppedEngine implements Engine {
  readonly name = 'stepped';
  readonly threads: readonly string[];
  readonly pinned = false;
  private readonly scenario: DefinedScenario<unknown, unknown>;
  private readonly options: SteppedOptions;
  private readonly points: SteppedPoints;
  private readonly group: GroupWords;
  private lean: Cast | null = null;
  private watched: Cast | null = null;
  private current: Cast;

  /**
   * @param scenario - the default export of its module in the stepped build
   * @param options - how
   * @throws {@link NotWovenError}, and what making the machine or the set-up throws
   */
  constructor(scenario: DefinedScenario<unknown, unknown>, options: SteppedOptions = {}) {
    const points = scenario.points as SteppedPoints | null;
    if (points === null) {
      throw new NotWovenError(
        `The scenario '${scenario.name}' is in its plain build: the stepped engine needs the woven one.`,
      );
    }
    this.scenario = scenario;
    this.options = options;
    this.points = points;
    this.threads = scenario.threads.map(({ name }) => name);
    const stepLimit = options.stepLimit ?? STEP_LIMIT;
    const { exclusiveLocks = false } = scenario;
    const config = { tasks: this.threads.length, stepLimit, faults: options.faults ?? 0, exclusiveLocks };
    this.group = options.group ?? createGroup(config, stepLimit + 1, options.sites ?? null, false);
    this.current = this.castFor(0);
  }

  get core(): ScheduleCore {
    return this.current.session.core;
  }

  async run(job: Job): Promise<JobResult> {
    // So that whoever waits for it is no more surprised by an error than with the other engine.
    await Promise.resolve();
    return this.runNow(job);
  }

  /**
   * {@link run}, at once.
   * @param job - what to do
   */
  runNow(job: Job): JobResult {
    const { group, options } = this;
    const { control, figures } = group;
    const now = options.now ?? noClock;
    const cast = this.castFor(job.flags);
    this.current = cast;
    const { session } = cast;
    if (job.decisions !== undefined)
      session.core.setReplay(job.decisions, job.then ?? 0, job.thenParameter ?? 0);
    const began = now();
    writeJob(group, job, began);
    cast.play(this.points);
    return {
      schedules: control[GROUP.DONE]!,
      steps: figures[STEPS]!,
      distinct: Math.min(countDistinct(control, GROUP.DISTINCT), control[GROUP.DONE]!),
      failure: session.failure,
      exhausted: control[GROUP.EXHAUSTED] !== 0,
      divergence: session.core.divergence(),
      hashes: group.hashes.slice(0, 2 * control[GROUP.HASHES]!),
      trace: (job.flags & KEEP_TRACE) === 0 ? [] : stepsOf(session.trace),
      warnings: session.watch.warnings(),
      seconds: (now() - began) / 1000,
    };
  }

  /** Operations that ran whole in the plain build so far, with the watchers of the last job; see {@link SteppedOptions.plain}. */
  wholeOperations(): number {
    return this.current.whole?.ran ?? 0;
  }

  describe(address: number): string {
    return this.current.stage.nameOf(address);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The threads, with hooks if anybody watches. */
  private castFor(flags: number): Cast {
    if ((flags & (KEEP_HASHES | KEEP_TRACE | WATCH_ALL)) === 0) {
      this.lean ??= this.createCast(false);
      return this.lean;
    }
    this.watched ??= this.createCast(true);
    return this.watched;
  }

  private createCast(isWatched: boolean): Cast {
    const { scenario, options } = this;
    const stage = scenario.Stage.create(scenario, { variants: options.variants ?? [], shared: false });
    const plain = options.plain ?? null;
    return new Cast({ scenario, plain, stage, group: this.group, isWatched, now: options.now ?? noClock });
  }
}

interface CastParts {
  readonly scenario: DefinedScenario<unknown, unknown>;
  readonly plain: DefinedScenario<unknown, unknown> | null;
  readonly stage: Stage<unknown, unknown>;
  readonly group: GroupWords;
  readonly isWatched: boolean;
  readonly now: () => number;
}

/** The threads of a scenario on a stage of their own. */
class Cast {
  readonly stage: Stage<unknown, unknown>;
  readonly session: Session;
  readonly whole: WholeOperations | null;
  private readonly bodies: Body[] = [];
  private readonly turn: Turn = { points: null, session: null, task: NOBODY, next: NOBODY };

  constructor({ scenario, plain, stage, group, isWatched, now }: CastParts) {
    const { turn } = this;
    this.stage = stage;
    const shared = stage.setUp();
    const envs: ScenarioEnv<unknown, unknown>[] = [];
    this.whole = plain === null ? null : new WholeOperations(plain, turn, group.schedule);
    for (const [thread, { name, operations }] of scenario.threads.entries()) {
      const control = new SteppedControl(thread, turn, isWatched);
      const env = stage.attach(name, control, shared);
      this.whole?.attach(stage, env, shared, isWatched);
      this.bodies.push(new Body(thread, operations, env, control));
      envs.push(env);
    }
    const env = envs[0]!;
    const threads = scenario.threads.map(({ name }) => name);
    this.session = new Session({ stage, env, group, threads, base: takeBase(env.core, false), now });
    turn.session = this.session;
  }

  /** Plays schedules until the job is done. */
  play(points: SteppedPoints): void {
    const { session, turn } = this;
    turn.points = points;
    points.install(new Decider(turn));
    try {
      do {
        const first = session.begin();
        const whole = this.whole?.suits() === true ? this.whole : null;
        if (!this.playOne(points, first, whole)) this.playOne(points, session.again(), null);
      } while (session.finish());
    } finally {
      turn.points = null;
      points.install(null);
    }
  }

  /**
   * Plays one schedule, to its end or to its failure.
   * @param points - of the twin
   * @param first - task
   * @param whole - runs whole operations, null for the twin alone
   * @returns false when it is to be played again, in the twin alone
   */
  private playOne(points: SteppedPoints, first: number, whole: WholeOperations | null): boolean {
    const { session, turn, bodies } = this;
    const { watch, core } = session;
    for (const body of bodies) body.isBegun = false;
    let task = first;
    points.n = core.countdown;
    while (task >= 0) {
      turn.task = task;
      const body = bodies[task]!;
      try {
        if (body.isBegun) {
          body.control.goOn(watch.isOn);
        } else {
          session.enter(task);
          body.begin(session.dropped(task), whole);
        }
        if (body.goOn()) {
          if (watch.isOn) watch.exit(task);
          turn.next = core.exit(task, points.n);
          points.n = core.countdown;
          session.leave(task);
        }
      } catch (thrown) {
        if (whole?.wasGivenUp() === true) {
          points.n = COUNTDOWN_OFF;
          return false;
        }
        session.fail(task, thrown, points.n);
        break;
      }
      task = turn.next;
      if (task < 0) session.nobodyRuns(task);
    }
    points.n = COUNTDOWN_OFF;
    return true;
  }
}

/** An operation as it is in the twin: one that reaches a point answers with a generator, and any other one has run by then. */
interface TwinOperation {
  run(env: ScenarioEnv<unknown, unknown>): unknown;
}

/** What a thread does, operation by operation. */
class Body {
  readonly control: SteppedControl;
  isBegun = false;
  private readonly thread: number;
  private readonly operations: readonly TwinOperation[];
  private readonly env: ScenarioEnv<unknown, unknown>;
  /** For each operation whether it answers with a generator; undefined before its first time. */
  private readonly steps: (boolean | undefined)[] = [];
  private dropped = 0;
  private whole: WholeOperations | null = null;
  private index = 0;
  private running: Running | null = null;

  constructor(
    thread: number,
    operations: readonly TwinOperation[],
    env: ScenarioEnv<unknown, unknown>,
    control: SteppedControl,
  ) {
    this.thread = thread;
    this.operations = operations;
    this.env = env;
    this.control = control;
  }

  /**
   * Begins anew, with the next schedule.
   * @param dropped - operations that are left out, a bit each
   * @param whole - runs whole operations, or null
   */
  begin(dropped: number, whole: WholeOperations | null): void {
    this.isBegun = true;
    this.dropped = dropped;
    this.whole = whole;
    this.index = 0;
    this.running = null;
    this.control.begin();
  }

  /**
   * Runs until another thread is to run, or to the end.
   * @returns whether it has ended
   */
  goOn(): boolean {
    const { thread, operations, whole } = this;
    for (;;) {
      if (this.running !== null) {
        if (resume.call(this.running).done !== true) return false;
        this.running = null;
      }
      if (this.index >= operations.length) return true;
      const index = this.index++;
      if (((this.dropped >>> index) & 1) !== 0) continue;
      if (whole?.mayRun(thread, index) === true) whole.run(thread, index);
      else this.start(index);
    }
  }

  private start(index: number): void {
    const answer = this.operations[index]!.run(this.env);
    let steps = this.steps[index];
    if (steps === undefined) {
      steps = isRunning(answer);
      this.steps[index] = steps;
    }
    if (steps) this.running = answer as Running;
  }
}

/** What is asked when the countdown is through. */
class Decider {
  private readonly turn: Turn;

  constructor(turn: Turn) {
    this.turn = turn;
  }

  decide(kind: number, object: number, site: number): boolean {
    const { turn } = this;
    const { core } = turn.session!;
    const next = core.decide(turn.task, kind, object, site);
    turn.points!.n = core.countdown;
    turn.next = next;
    return next !== turn.task;
  }
}

/** Controls one thread of the twin. Its points are taken by its code; here is what it waits for and who is woken. */
class SteppedControl implements Control {
  readonly hook: PointHook | null;
  private readonly task: number;
  private readonly turn: Turn;
  /** What is to be told when the thread goes on. */
  private waitedFor = 0;
  private yieldedAt = -1;

  constructor(task: number, turn: Turn, isWatched: boolean) {
    this.task = task;
    this.turn = turn;
    this.hook = isWatched
      ? (kind, object, site) => {
          this.point(kind, object, site);
        }
      : null;
  }

  /** The thread begins, in a new schedule. */
  begin(): void {
    this.waitedFor = 0;
    this.yieldedAt = -1;
  }

  /** The thread is resumed. */
  goOn(isWatched: boolean): void {
    if (isWatched) {
      const { watch } = this.turn.session!;
      if (this.waitedFor !== 0) watch.resume(this.task, this.waitedFor);
      if (this.yieldedAt >= 0) watch.step(this.task, POINT_YIELD, 0, this.yieldedAt);
    }
    this.waitedFor = 0;
    this.yieldedAt = -1;
  }

  block(object: number, timed: boolean, site: number): void {
    const { turn, task } = this;
    const { core, watch } = turn.session!;
    if (watch.isOn) watch.step(task, POINT_WAIT, object, site);
    this.waitedFor = object;
    turn.next = core.block(task, object, timed, site, turn.points!.n);
    turn.points!.n = core.countdown;
  }

  wake(object: number): void {
    const { turn, task } = this;
    if (turn.task !== task || turn.points === null) return;
    const { core } = turn.session!;
    if (turn.points.n > OFF_FLOOR) return;
    turn.points.n = core.wake(object, turn.points.n);
  }

  giveWay(site: number): void {
    const { turn, task } = this;
    const { core } = turn.session!;
    this.yieldedAt = site;
    turn.next = core.giveWay(task, site, turn.points!.n);
    turn.points!.n = core.countdown;
  }

  fault(kind: number): boolean {
    const { turn, task } = this;
    if (turn.task !== task || turn.points === null || turn.points.n > OFF_FLOOR) return false;
    const { core } = turn.session!;
    const happens = core.fault(kind, turn.points.n);
    turn.points.n = core.countdown;
    return happens;
  }

  private point(kind: number, object: number, site: number): void {
    const { turn } = this;
    // Outside of a schedule nobody is told.
    if (turn.points === null || turn.points.n > OFF_FLOOR) return;
    const { watch } = turn.session!;
    if (watch.isOn) watch.step(this.task, kind, object, site);
  }
}

/** Drained code counts its points down from {@link COUNTDOWN_OFF}; no schedule has a countdown near it. */
const OFF_FLOOR = COUNTDOWN_OFF - (1 << 28);

function isRunning(body: unknown): body is Running {
  return typeof body === 'object' && body !== null && 'next' in body;
}

function noClock(): number {
  return 0;
}
