/**
 * The threads engine: real worker threads, one baton. The code under test is the plain build, the very one that runs freely; what is chosen is
 * only who runs.
 *
 * Promise: threads are started once and serve all jobs; nothing is sent between two schedules. A watchdog outside ends a job whose step counter
 * stands still, and names what every thread was about to do: a thread that waits or loops where no point is cannot be controlled.
 */
import { Worker } from 'node:worker_threads';
import { countDistinct } from '../../core/distinct.js';
import { ScheduleCore } from '../../core/schedule.js';
import { stepsOf, Trace } from '../../core/trace.js';
import { WORD } from '../../core/words.js';
import type { DefinedScenario } from '../../scenario/define.js';
import type { Stage } from '../../scenario/stage.js';
import type { SiteFacts } from '../../watch/site-facts.js';
import { createGroup, GROUP, PHASE_IDLE, STEPS, writeJob, type GroupWords } from '../group.js';
import { KEEP_TRACE, type Engine, type Failure, type Job, type JobResult, type Place } from '../job.js';
import type { ResetBase } from '../reset.js';
import { Baton, batonWords } from './baton.js';
import { describeHang } from './hang.js';
import { pinThreads, threadIds } from './pinning.js';
import type { WorkerGo, WorkerMessage, WorkerStart } from './worker.js';

/** How a threads engine is made. */
export interface ThreadsOptions {
  /** Address of the module whose default export is the scenario. */
  readonly module: string;
  /** Deliberately wrong variants of the kernel. */
  readonly variants?: readonly string[];
  /** Steps after which a schedule is stopped; 20,000 by default. */
  readonly stepLimit?: number;
  /** Kinds of faults that may be injected, as bits `1 << kind`; none by default. */
  readonly faults?: number;
  /** Number of the group, for spreading groups over cores; 0 by default. */
  readonly group?: number;
  /** Whether all threads are put on one core, where that can be done; true by default. */
  readonly pin?: boolean;
  /** What is known about the sites of the code, as `siteFactsOf` gathers it; without it nobody looks for data races. */
  readonly sites?: SiteFacts;
  /** Milliseconds without any progress after which the watchdog ends the job; 10,000 by default. */
  readonly hangLimitMs?: number;
}

/** A thread hangs, or has died. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  /** `'ERR_THREAD_HANGS'` or `'ERR_THREAD_DIED'`. */
  readonly code: string;

  /**
   * @param code - what happened
   * @param sentence - in words
   */
  constructor(code: string, sentence: string) {
    super(sentence);
    this.code = code;
  }
}

const LOOK_EVERY_MS = 250;
const HANG_LIMIT_MS = 10_000;

/** Module of a scenario; a woven one brings the stage of its own build. */
interface ScenarioModule {
  readonly default: DefinedScenario<unknown, unknown>;
}

/** See the head of this file. */
export class ThreadsEngine implements Engine {
  readonly name = 'threads';
  readonly threads: readonly string[];
  readonly pinned: boolean;
  readonly core: ScheduleCore;
  private readonly parts: EngineParts;
  private readonly starter: Baton;
  private readonly seen: Place[] = [];
  private failure: Failure | null = null;
  private warnings: readonly string[] = [];
  private settle: ((error: Error | null) => void) | null = null;
  private closed = false;

  private constructor(parts: EngineParts) {
    this.parts = parts;
    this.threads = parts.names;
    this.pinned = parts.pinned;
    this.core = new ScheduleCore(parts.group.schedule);
    this.starter = new Baton(parts.baton, 0, -1);
    for (const [thread, worker] of parts.workers.entries()) {
      worker.on('message', (message: WorkerMessage) => this.hear(message));
      worker.on('error', (error) => this.died(thread, error.stack ?? error.message));
      worker.on('exit', (code) => this.died(thread, `its thread ended with code ${code}`));
    }
  }

  /**
   * Makes the stage and starts the threads.
   * @param options - what and how
   * @throws what loading the module, making the machine or the set-up throws
   */
  static async start(options: ThreadsOptions): Promise<ThreadsEngine> {
    const { default: scenario } = (await import(options.module)) as ScenarioModule;
    const stage = scenario.Stage.create(scenario, { variants: options.variants ?? [] });
    const shared = stage.setUp();
    const names = scenario.threads.map(({ name }) => name);
    const config = {
      tasks: names.length,
      ...(options.stepLimit === undefined ? {} : { stepLimit: options.stepLimit }),
      faults: options.faults ?? 0,
      exclusiveLocks: scenario.exclusiveLocks ?? false,
    };
    const group = createGroup(config, (options.stepLimit ?? 20_000) + 1, options.sites ?? null, true);
    const baton = new Int32Array(new SharedArrayBuffer(4 * batonWords(names.length)));
    const before = new Set(threadIds());
    const workers: Worker[] = [];
    let base: ResetBase | null = null;
    try {
      // One after the other, so that the tasks of the machine have the same numbers every time.
      for (const thread of names.keys()) {
        const start: WorkerStart = {
          module: options.module,
          thread,
          stage: stage.handle,
          shared,
          group,
          baton,
        };
        const started = await startWorker(start);
        workers.push(started.worker);
        base = started.base;
      }
      const pinned =
        (options.pin ?? true) &&
        pinThreads(
          threadIds().filter((id) => !before.has(id)),
          options.group ?? 0,
        );
      if (base === null)
        throw new EngineError('ERR_THREAD_DIED', 'The last thread did not say what it found.');
      const go: WorkerGo = { base };
      for (const worker of workers) worker.postMessage(go);
      const hangLimitMs = options.hangLimitMs ?? HANG_LIMIT_MS;
      return new ThreadsEngine({ names, group, baton, workers, pinned, stage, hangLimitMs });
    } catch (error) {
      for (const worker of workers) await worker.terminate();
      throw error;
    }
  }

  async run(job: Job): Promise<JobResult> {
    if (this.closed) throw new EngineError('ERR_CLOSED', 'This engine was closed.');
    const { group } = this.parts;
    const { control, figures } = group;
    if (job.decisions !== undefined)
      this.core.setReplay(job.decisions, job.then ?? 0, job.thenParameter ?? 0);
    const began = performance.now();
    writeJob(group, job, performance.timeOrigin + began);
    this.failure = null;
    await this.work();
    return {
      schedules: control[GROUP.DONE]!,
      steps: figures[STEPS]!,
      distinct: Math.min(countDistinct(control, GROUP.DISTINCT), control[GROUP.DONE]!),
      failure: control[GROUP.FAILED] === 0 ? null : this.failure,
      exhausted: control[GROUP.EXHAUSTED] !== 0,
      divergence: this.core.divergence(),
      hashes: group.hashes.slice(0, 2 * control[GROUP.HASHES]!),
      trace: (job.flags & KEEP_TRACE) === 0 ? [] : stepsOf(new Trace(group.trace)),
      warnings: this.warnings,
      seconds: (performance.now() - began) / 1000,
    };
  }

  /** Ends the present job at the next schedule. */
  interrupt(): void {
    Atomics.store(this.parts.group.control, GROUP.STOP, 1);
  }

  async places(): Promise<readonly Place[]> {
    // What the threads have told before they were done is on its way.
    await new Promise((resolve) => setImmediate(resolve));
    return this.seen;
  }

  describe(address: number): string {
    return this.parts.stage.nameOf(address);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const { baton, names, workers } = this.parts;
    new Baton(baton, 0, -1).stop(names.length);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  /** Hands the baton out, and waits until the job is done. */
  private async work(): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.settle = (error) => {
        this.settle = null;
        if (error === null) resolve();
        else reject(error);
      };
    });
    const watchdog = this.startWatchdog();
    this.starter.hand(0);
    try {
      await done;
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      clearInterval(watchdog);
    }
  }

  private hear(message: WorkerMessage): void {
    const { control } = this.parts.group;
    if (message.type === 'place') {
      this.seen.push(message.place);
      return;
    }
    if (message.type === 'failure') this.failure = message.failure;
    if (message.type === 'done') this.warnings = message.warnings;
    // The two messages may come from different threads, and so in any order.
    const failureIsHere = control[GROUP.FAILED] === 0 || this.failure !== null;
    if (control[GROUP.PHASE] === PHASE_IDLE && failureIsHere) this.settle?.(null);
  }

  private died(thread: number, why: string): void {
    if (this.closed) return;
    const name = this.threads[thread] ?? String(thread);
    this.settle?.(new EngineError('ERR_THREAD_DIED', `The thread '${name}' has died: ${why}`));
  }

  private startWatchdog(): NodeJS.Timeout {
    const { group, hangLimitMs } = this.parts;
    let seen = -1;
    let since = performance.now();
    return setInterval(() => {
      const now = group.control[GROUP.PROGRESS]! * 65_536 + this.core.state.words[WORD.STEP]!;
      if (now !== seen) {
        seen = now;
        since = performance.now();
      } else if (performance.now() - since > hangLimitMs) {
        this.settle?.(
          new EngineError(
            'ERR_THREAD_HANGS',
            describeHang({
              core: this.core,
              group: group,
              threads: this.threads,
              limitMs: hangLimitMs,
              describe: (address) => this.describe(address),
            }),
          ),
        );
      }
    }, LOOK_EVERY_MS);
  }
}

interface EngineParts {
  readonly names: readonly string[];
  readonly group: GroupWords;
  readonly baton: Int32Array;
  readonly workers: readonly Worker[];
  readonly pinned: boolean;
  readonly stage: Stage<unknown, unknown>;
  readonly hangLimitMs: number;
}

async function startWorker(start: WorkerStart): Promise<{ worker: Worker; base: ResetBase | null }> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: start });
  const base = await new Promise<ResetBase | null>((resolve, reject) => {
    worker.once('message', (message: WorkerMessage) => {
      resolve(message.type === 'attached' ? message.base : null);
    });
    worker.once('error', reject);
    worker.once('exit', (code) => {
      reject(new EngineError('ERR_THREAD_DIED', `A thread ended with code ${code} before it was attached.`));
    });
  });
  worker.removeAllListeners('error');
  worker.removeAllListeners('exit');
  return { worker, base };
}
