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
import { type Trace, type TraceStep } from '../../core/trace.js';
import type { DefinedScenario } from '../../scenario/define.js';
import type { ScenarioEnv, ScenarioOperation } from '../../scenario/scenario.js';
import type { Stage } from '../../scenario/stage.js';
import type { SiteFacts } from '../../watch/site-facts.js';
import { createGroup, GROUP, STEPS, writeJob, type GroupWords } from '../group.js';
import { KEEP_HASHES, KEEP_TRACE, WATCH_ALL, type Engine, type Job, type JobResult } from '../job.js';
import { takeBase } from '../reset.js';
import { Session } from '../session.js';

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
}

/** The state of the points of the twin, as the engine sees it; see `src-stepped/point.ts` of kernel-mm. */
interface SteppedPoints {
  n: number;
  install(engine: { decide(kind: number, object: number, site: number): boolean } | null): void;
}

/** A thread of the twin, running. */
type Running = Iterator<number, unknown, void>;

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
    return new Cast(scenario, stage, this.group, isWatched, options.now ?? noClock);
  }
}

/** The threads of a scenario on a stage of their own. */
class Cast {
  readonly stage: Stage<unknown, unknown>;
  readonly session: Session;
  private readonly scenario: DefinedScenario<unknown, unknown>;
  private readonly envs: ScenarioEnv<unknown, unknown>[] = [];
  private readonly controls: SteppedControl[] = [];
  private readonly turn: Turn = { points: null, session: null, task: NOBODY, next: NOBODY };

  constructor(
    scenario: DefinedScenario<unknown, unknown>,
    stage: Stage<unknown, unknown>,
    group: GroupWords,
    isWatched: boolean,
    now: () => number,
  ) {
    this.scenario = scenario;
    this.stage = stage;
    const shared = stage.setUp();
    const threads = scenario.threads.map(({ name }) => name);
    for (const [thread, name] of threads.entries()) {
      const control = new SteppedControl(thread, this.turn, isWatched);
      this.controls.push(control);
      this.envs.push(stage.attach(name, control, shared));
    }
    const env = this.envs[0]!;
    this.session = new Session({ stage, env, group, threads, base: takeBase(env.core, false), now });
    this.turn.session = this.session;
  }

  /** Plays schedules until the job is done. */
  play(points: SteppedPoints): void {
    const { session, turn } = this;
    turn.points = points;
    points.install(new Decider(turn));
    try {
      do this.playOne(points);
      while (session.finish());
    } finally {
      points.install(null);
    }
  }

  /** Plays one schedule, to its end or to its failure. */
  private playOne(points: SteppedPoints): void {
    const { session, turn } = this;
    const bodies: (Body | undefined)[] = [];
    let task = session.begin();
    const { watch, core } = session;
    points.n = core.countdown;
    while (task >= 0) {
      turn.task = task;
      const control = this.controls[task]!;
      try {
        let body = bodies[task];
        if (body === undefined) {
          session.enter(task);
          body = new Body(this.scenario.threads[task]!.operations, this.envs[task]!, session.dropped(task));
          bodies[task] = body;
        } else {
          control.goOn(watch.isOn);
        }
        if (body.goOn()) {
          if (watch.isOn) watch.exit(task);
          turn.next = core.exit(task, points.n);
          points.n = core.countdown;
          session.leave(task);
        }
      } catch (thrown) {
        session.fail(task, thrown, points.n);
        break;
      }
      task = turn.next;
      if (task < 0) session.nobodyRuns(task);
    }
    points.n = COUNTDOWN_OFF;
  }
}

/** What a thread does, operation by operation. */
class Body {
  private readonly operations: readonly ScenarioOperation<unknown, unknown>[];
  private readonly env: ScenarioEnv<unknown, unknown>;
  private readonly dropped: number;
  private index = 0;
  private running: Running | null = null;

  constructor(
    operations: readonly ScenarioOperation<unknown, unknown>[],
    env: ScenarioEnv<unknown, unknown>,
    dropped: number,
  ) {
    this.operations = operations;
    this.env = env;
    this.dropped = dropped;
  }

  /**
   * Runs until another thread is to run, or to the end.
   * @returns whether it has ended
   */
  goOn(): boolean {
    for (;;) {
      if (this.running !== null) {
        if (this.running.next().done !== true) return false;
        this.running = null;
      }
      if (this.index >= this.operations.length) return true;
      const index = this.index++;
      if (((this.dropped >>> index) & 1) !== 0) continue;
      // In the twin an operation that reaches a point answers with a generator; any other one has run by now.
      const answer: unknown = this.operations[index]!.run(this.env);
      if (isRunning(answer)) this.running = answer;
    }
  }
}

/** Who runs, and who runs next. */
interface Turn {
  points: SteppedPoints | null;
  session: Session | null;
  task: number;
  /** What the core answered last. */
  next: number;
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

function stepsOf(trace: Trace): TraceStep[] {
  const steps: TraceStep[] = [];
  for (let index = trace.dropped; index < trace.length; index++) steps.push(trace.at(index));
  return steps;
}
