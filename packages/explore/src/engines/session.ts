/**
 * A session: one thread's part in running the schedules of a job. Both engines have it, and differ only in how a thread is made to wait and how
 * another one is let run.
 *
 * Promise: every schedule begins with the same state of the stage, whatever the one before did to it; a failure is described before anything is
 * undone. All state lies in the words of the group, so any thread of a group may begin and end a schedule.
 *
 * Callers: only who has the baton calls anything here.
 */
import { KernelBug, MisuseError } from '@swaplab/kernel-mm';
import { addDistinct } from '../core/distinct.js';
import { scheduleSeed } from '../core/random.js';
import { NOBODY, ScheduleCore, STOP_DECISIONS } from '../core/schedule.js';
import { Trace } from '../core/trace.js';
import { WORD } from '../core/words.js';
import type { ScenarioEnv } from '../scenario/scenario.js';
import type { Stage } from '../scenario/stage.js';
import { REPLAY, SEARCH } from '../strategies/strategy.js';
import { DetectedError } from '../watch/watch.js';
import { Watch } from '../watch/watchers.js';
import {
  DEADLINE,
  GROUP,
  HASHES_MAX,
  PHASE_BEGIN,
  PHASE_IDLE,
  PHASE_RUN,
  PHASE_UNWIND,
  STEPS,
  type GroupWords,
} from './group.js';
import { KEEP_HASHES, type Failure, type FailureKind, type ThreadState } from './job.js';
import { Resetter, type ResetBase } from './reset.js';

/** So many schedules apart the clock is looked at. */
const CLOCK_EVERY = 32;

/** What a session works with. */
export interface SessionParts {
  readonly stage: Stage<unknown, unknown>;
  /** The view of this thread, or of any thread in the stepped engine. */
  readonly env: ScenarioEnv<unknown, unknown>;
  readonly group: GroupWords;
  /** Names of the threads of the scenario. */
  readonly threads: readonly string[];
  /** State of the stage before a schedule. */
  readonly base: ResetBase;
  /** Milliseconds, on the clock of {@link DEADLINE}. */
  readonly now: () => number;
}

/** See the head of this file. */
export class Session {
  readonly core: ScheduleCore;
  readonly trace: Trace;
  readonly watch: Watch;
  /** The failure of this schedule, in the thread that saw it; null as long as it is not sure. */
  failure: Failure | null = null;
  /** Of the present schedule, when it ended or failed. */
  private traceHash = 0;
  private memoryHash = 0;
  private readonly parts: SessionParts;
  private readonly control: Int32Array;
  private readonly resetter: Resetter;

  /** @param parts - what it works with */
  constructor(parts: SessionParts) {
    const { group, env, threads } = parts;
    this.parts = parts;
    this.control = group.control;
    this.resetter = new Resetter(env.core, parts.base);
    this.core = new ScheduleCore(group.schedule);
    this.trace = new Trace(group.trace);
    this.watch = new Watch(
      { trace: this.trace, detectors: group.detectors, core: env.core, threads, sites: group.sites },
      { tasks: group.schedule[WORD.TASKS]!, stepLimit: group.schedule[WORD.STEP_LIMIT]! },
    );
  }

  /** A `PHASE_` constant. */
  phase(): number {
    return this.control[GROUP.PHASE]!;
  }

  /** Bits of the job. */
  flags(): number {
    return this.control[GROUP.FLAGS]!;
  }

  /**
   * Begins the next schedule of the job.
   * @returns the thread that runs first
   */
  begin(): number {
    const { control, core } = this;
    this.failure = null;
    if (control[GROUP.FRESH] !== 0) this.resetter.start();
    control[GROUP.FRESH] = 0;
    if (this.resetter.isSure()) core.saveLearned(this.parts.group.learned);
    control[GROUP.PHASE] = PHASE_RUN;
    control[GROUP.BEGUN] = 0;
    control[GROUP.OVER] = 0;
    this.watch.choose(this.flags());
    this.watch.begin();
    const schedule = control[GROUP.FIRST]! + control[GROUP.DONE]!;
    const seed = scheduleSeed(control[GROUP.SEED]!, schedule);
    return core.begin(seed, control[GROUP.STRATEGY]!, control[GROUP.PARAMETER]);
  }

  /**
   * Begins the present schedule anew, or an earlier one: what was done of it does not count.
   * @returns the thread that runs first
   */
  again(): number {
    const again = this.resetter.leave();
    if (again > 0) this.forget(again);
    return this.begin();
  }

  /** Notes that the body of a thread begins. */
  enter(thread: number): void {
    // The flags may be those of another job than when this thread ran last.
    this.watch.choose(this.flags());
    this.control[GROUP.BEGUN]! |= 1 << thread;
  }

  /** Which operations of a thread are left out, a bit each. */
  dropped(thread: number): number {
    return this.control[GROUP.DROPPED + thread]!;
  }

  /**
   * Notes that the body of a thread has ended or was unwound.
   * @returns whether threads are left that have begun and are not over
   */
  leave(thread: number): boolean {
    this.control[GROUP.OVER]! |= 1 << thread;
    return this.waiting() !== 0;
  }

  /** Threads that have begun and are not over, a bit each. */
  waiting(): number {
    return this.control[GROUP.BEGUN]! & ~this.control[GROUP.OVER]!;
  }

  /**
   * The schedule has failed: describes it, while all stands as it stood. The threads that have begun are then to be unwound.
   * @param thread - that failed, -1 for none
   * @param thrown - what it threw, or the reason in words
   * @param left - what is left of the running count
   */
  fail(thread: number, thrown: unknown, left: number): void {
    const { control } = this;
    control[GROUP.PHASE] = PHASE_UNWIND;
    control[GROUP.FAILED] = 1;
    if (!(thrown instanceof CheckError)) this.keepHashes();
    // One that is to be played again is nobody's business yet.
    this.failure = this.isTrusted() ? this.describe(thread, thrown, left) : null;
  }

  /**
   * Nobody can run: all threads have ended, or the schedule has failed.
   * @param result - what the core answered: `NOBODY` or `STOPPED`
   */
  nobodyRuns(result: number): void {
    if (result === NOBODY && this.core.unfinished() === 0) return;
    this.fail(-1, result === NOBODY ? this.deadlockError() : this.stoppedError(), 0);
  }

  /**
   * All threads have ended or were unwound: checks what the scenario wants to hold, lets the strategy learn, and puts the stage back.
   * @returns whether another schedule is to begin
   */
  finish(): boolean {
    const { control, core, parts } = this;
    // Before the check, which any thread may do: it leaves its marks in the context of its task.
    if (control[GROUP.FAILED] === 0) {
      this.keepHashes();
      this.check();
    }
    const failed = control[GROUP.FAILED] !== 0;
    parts.group.figures[STEPS]! += core.steps(core.countdown);
    control[GROUP.PROGRESS]! += 1;
    const go = failed && !this.isTrusted() ? this.doubt() : this.goOn(failed);
    control[GROUP.PHASE] = go ? PHASE_BEGIN : PHASE_IDLE;
    return go;
  }

  /** Whether this schedule began with the first state for sure. */
  private isTrusted(): boolean {
    return this.isExact() || this.resetter.isSure();
  }

  /** The schedule counts: on to the next one. */
  private goOn(failed: boolean): boolean {
    const { control, core, parts } = this;
    const words = parts.group.schedule;
    addDistinct(control, GROUP.DISTINCT, words[WORD.DECISION_HASH]!, words[WORD.DECISION_HASH + 1]!);
    const more = core.end() || control[GROUP.STRATEGY] === REPLAY;
    control[GROUP.DONE]! += 1;
    if (!more) control[GROUP.EXHAUSTED] = 1;
    const again = this.resetter.reset(failed || this.isExact(), !more || !this.hasRoom());
    if (again > 0) this.forget(again);
    return more && !failed && this.hasRoom();
  }

  /**
   * A failure of a schedule that began with a state that was put back in haste: what was forgotten may have made it. So it is forgotten with all
   * schedules since the state was last compared, and all are played again, each from the first state; if it is real it comes again.
   */
  private doubt(): boolean {
    this.control[GROUP.FAILED] = 0;
    this.core.end();
    this.forget(this.resetter.doubt());
    return true;
  }

  /** Goes back to when the state was last compared: what strategies have learned since then may not be true either. */
  private forget(schedules: number): void {
    this.control[GROUP.DONE]! -= schedules;
    this.core.restoreLearned(this.parts.group.learned);
  }

  /** Whether every schedule must begin with the first state, and none may be played again. */
  private isExact(): boolean {
    const strategy = this.control[GROUP.JOB_STRATEGY]!;
    return (this.flags() & KEEP_HASHES) !== 0 || strategy === REPLAY || strategy === SEARCH;
  }

  /** Whether the job wants another schedule. */
  private hasRoom(): boolean {
    const { control, parts } = this;
    const done = control[GROUP.DONE]!;
    if (done >= control[GROUP.SCHEDULES]!) return false;
    if (Atomics.load(control, GROUP.STOP) !== 0) return false;
    const deadline = parts.group.figures[DEADLINE]!;
    return deadline === 0 || done % CLOCK_EVERY !== 0 || parts.now() < deadline;
  }

  private check(): void {
    const { parts } = this;
    try {
      parts.stage.check(parts.env);
    } catch (thrown) {
      this.fail(-1, new CheckError(thrown), 0);
    }
  }

  /** Keeps the hashes of this moment: when all threads have ended, or when the first one has failed. */
  private keepHashes(): void {
    const { control, parts, trace } = this;
    this.traceHash = 0;
    this.memoryHash = 0;
    if ((this.flags() & KEEP_HASHES) === 0) return;
    this.traceHash = trace.hash;
    this.memoryHash = parts.stage.memoryHash(parts.env);
    const index = control[GROUP.HASHES]!;
    if (index >= HASHES_MAX) return;
    const { hashes } = parts.group;
    hashes[2 * index] = this.traceHash;
    hashes[2 * index + 1] = this.memoryHash;
    control[GROUP.HASHES] = index + 1;
  }

  private describe(thread: number, thrown: unknown, left: number): Failure {
    const { control, core, parts } = this;
    const { kind, sentence, report } = describeThrown(thrown);
    return {
      kind,
      sentence,
      report,
      thread,
      schedule: control[GROUP.FIRST]! + control[GROUP.DONE]!,
      strategy: core.strategyName(),
      decisions: core.recorded(),
      preemptions: core.preemptions(),
      steps: core.steps(left),
      threads: parts.threads.map((name, index_) => this.threadState(name, index_, thread)),
      traceHash: this.traceHash,
      memoryHash: this.memoryHash,
    };
  }

  private threadState(name: string, thread: number, failed: number): ThreadState {
    const { control, core, parts } = this;
    const { context } = parts.env.core;
    const bit = 1 << thread;
    const begun = (control[GROUP.BEGUN]! & bit) !== 0;
    const over = (control[GROUP.OVER]! & bit) !== 0 || (core.unfinished() & bit) === 0;
    const waits = core.waitsFor(thread);
    const { kind, object, site } = core.pending(thread);
    const task = context.tasks.list().find((info) => info.name === name);
    return {
      name,
      state: over
        ? 'ended'
        : !begun
          ? 'not started'
          : waits !== undefined
            ? 'waits'
            : thread === failed
              ? 'runs'
              : 'stands',
      kind,
      object,
      objectName: object === 0 ? '' : context.layout.describe(object),
      site,
      holds: (task?.held ?? []).map(({ address, lockClass }) => ({
        address,
        name: `${context.classes.nameOf(lockClass)} (${context.layout.describe(address)})`,
      })),
    };
  }

  private deadlockError(): DetectedError {
    const { core, parts } = this;
    const { context } = parts.env.core;
    const waiting = parts.threads
      .map((name, thread) => ({ name, object: core.waitsFor(thread) }))
      .filter(({ object }) => object !== undefined);
    const details = waiting.map(
      ({ name, object = 0 }) => `${name} waits for ${context.layout.describe(object)}`,
    );
    const names = waiting.map(({ name }) => name).join(', ');
    return new DetectedError(
      'deadlock',
      `Deadlock: ${names} wait${waiting.length === 1 ? 's' : ''}, and nobody can run.`,
      [...details, context.describe()].join('\n'),
    );
  }

  private stoppedError(): DetectedError {
    const { core } = this;
    const steps = core.steps(0);
    if (core.stopReason() === STOP_DECISIONS)
      return new DetectedError(
        'livelock',
        `The schedule has more decisions than can be recorded, after ${steps} steps.`,
      );
    return new DetectedError(
      'livelock',
      `The threads are not through after ${steps} steps: they wait for each other by looking again and again, or the limit is too low.`,
      this.parts.env.core.context.describe(),
    );
  }
}

/** The check at the end of a scenario failed. */
class CheckError extends Error {
  override readonly name = 'CheckError';
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super(thrown instanceof Error ? thrown.message : String(thrown));
    this.thrown = thrown;
  }
}

function describeThrown(thrown: unknown): { kind: FailureKind; sentence: string; report: string } {
  const inner = thrown instanceof CheckError ? thrown.thrown : thrown;
  const message = inner instanceof Error ? inner.message : String(inner);
  const sentence = message.split('\n')[0] ?? message;
  const report = inner instanceof Error ? `${message}\n${stackOf(inner)}` : message;
  return { kind: kindOf(thrown), sentence, report };
}

const DOUBLE_FREE = /is freed twice|with 0 references|dropped once too often|is freed, but it is free/;

/** What the kernel finds out by itself, by how it says so: `Context.mightSleep`, `Frames`, `XvPool.free`. */
function kindOfBug(report: string): FailureKind {
  if (report.startsWith('Sleeping in atomic context')) return 'sleep in atomic';
  return DOUBLE_FREE.test(report.slice(0, report.indexOf('\n'))) ? 'double free' : 'assertion';
}

function kindOf(thrown: unknown): FailureKind {
  if (thrown instanceof DetectedError) return thrown.kind;
  if (thrown instanceof CheckError)
    return thrown.thrown instanceof DetectedError ? thrown.thrown.kind : 'check';
  if (thrown instanceof KernelBug || isNamed(thrown, 'KernelBug'))
    return kindOfBug((thrown as Error).message);
  if (isNamed(thrown, 'AssertionError') || thrown instanceof MisuseError) return 'assertion';
  return 'exception';
}

/** The two builds of a package have classes of their own. */
function isNamed(thrown: unknown, name: string): boolean {
  return thrown instanceof Error && thrown.name === name;
}

function stackOf(error: Error): string {
  const lines = (error.stack ?? '').split('\n');
  return lines.filter((line) => line.trimStart().startsWith('at ')).join('\n');
}
