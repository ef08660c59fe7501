/**
 * The stepped engine in a thread of its own, so that the one that asks stays free: it can show how far things are, answer an interrupt, and end a
 * body that loops where no point is, which would otherwise hold the whole process.
 *
 * Promise: the same as the engine itself. The words of the schedule are shared, so that the asking thread can look at them between jobs.
 */
import { Worker } from 'node:worker_threads';
import { ScheduleCore } from '../../core/schedule.js';
import { stepsOf, Trace } from '../../core/trace.js';
import { WORD } from '../../core/words.js';
import type { DefinedScenario } from '../../scenario/define.js';
import type { Stage } from '../../scenario/stage.js';
import type { SiteFacts } from '../../watch/site-facts.js';
import { createGroup, GROUP, type GroupWords } from '../group.js';
import { KEEP_TRACE, type Engine, type Job, type JobResult } from '../job.js';
import { EngineError } from './engine.js';
import { describeHang } from './hang.js';
import type { PlainError, SteppedMessage, SteppedStart } from './stepped-worker.js';

/** How it is made. */
export interface SteppedThreadOptions {
  /** Address of the module whose default export is the scenario, in its stepped build. */
  readonly module: string;
  /** That scenario. */
  readonly scenario: DefinedScenario<unknown, unknown>;
  /** Deliberately wrong variants of the kernel. */
  readonly variants: readonly string[];
  /** Steps after which a schedule is stopped. */
  readonly stepLimit: number;
  /** Kinds of faults that may be injected, as bits `1 << kind`. */
  readonly faults: number;
  /** What is known about the sites of the code; without it nobody looks for data races. */
  readonly sites?: SiteFacts;
  /** Milliseconds without any progress after which the watchdog ends the job; 10,000 by default. */
  readonly hangLimitMs?: number;
}

const LOOK_EVERY_MS = 250;
const HANG_LIMIT_MS = 10_000;

/** See the head of this file. */
export class SteppedThread implements Engine {
  readonly name = 'stepped';
  readonly threads: readonly string[];
  readonly pinned = false;
  readonly core: ScheduleCore;
  private readonly worker: Worker;
  private readonly group: GroupWords;
  private readonly options: SteppedThreadOptions;
  private stage: Stage<unknown, unknown> | null = null;
  private settle: ((answer: SteppedMessage | Error) => void) | null = null;
  private closed = false;

  private constructor(options: SteppedThreadOptions, group: GroupWords, worker: Worker) {
    this.options = options;
    this.group = group;
    this.worker = worker;
    this.threads = options.scenario.threads.map(({ name }) => name);
    this.core = new ScheduleCore(group.schedule);
    worker.on('message', (message: SteppedMessage) => this.settle?.(message));
    worker.on('error', (error) => this.settle?.(died(error.stack ?? error.message)));
    worker.on('exit', (code) => this.settle?.(died(`it ended with code ${code}`)));
  }

  /**
   * Starts the thread.
   * @param options - what and how
   * @throws what loading the module, making the machine or the set-up throws
   */
  static async start(options: SteppedThreadOptions): Promise<SteppedThread> {
    const { module, scenario, variants, stepLimit, faults } = options;
    const { exclusiveLocks = false } = scenario;
    const config = { tasks: scenario.threads.length, stepLimit, faults, exclusiveLocks };
    const group = createGroup(config, stepLimit + 1, options.sites ?? null, true);
    const start: SteppedStart = { module, variants, stepLimit, faults, group };
    const worker = new Worker(new URL('./stepped-worker.js', import.meta.url), { workerData: start });
    const engine = new SteppedThread(options, group, worker);
    try {
      await engine.answer(() => undefined);
    } catch (error) {
      await engine.close();
      throw error;
    }
    return engine;
  }

  async run(job: Job): Promise<JobResult> {
    if (this.closed) throw new EngineError('ERR_CLOSED', 'This engine was closed.');
    const watchdog = this.startWatchdog();
    try {
      const message = await this.answer(() => this.worker.postMessage(job));
      if (message.type !== 'done') throw new Error(`the thread answered '${message.type}' to a job`);
      const trace = (job.flags & KEEP_TRACE) === 0 ? [] : stepsOf(new Trace(this.group.trace));
      return { ...message.result, trace };
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      clearInterval(watchdog);
    }
  }

  /** Ends the present job at the next schedule. */
  interrupt(): void {
    Atomics.store(this.group.control, GROUP.STOP, 1);
  }

  describe(address: number): string {
    const { scenario, variants } = this.options;
    // Laid out like the one in the other thread; only asked for names.
    this.stage ??= scenario.Stage.create(scenario, { variants, shared: false });
    return this.stage.nameOf(address);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.worker.terminate();
  }

  /** Waits for what the thread tells next. */
  private async answer(ask: () => void): Promise<SteppedMessage> {
    const answer = await new Promise<SteppedMessage | Error>((resolve) => {
      this.settle = (given) => {
        this.settle = null;
        resolve(given);
      };
      ask();
    });
    if (answer instanceof Error) throw answer;
    if (answer.type === 'error') throw errorOf(answer.error);
    return answer;
  }

  private startWatchdog(): NodeJS.Timeout {
    const { control } = this.group;
    const limit = this.options.hangLimitMs ?? HANG_LIMIT_MS;
    let seen = -1;
    let since = performance.now();
    return setInterval(() => {
      const now = control[GROUP.PROGRESS]! * 65_536 + this.core.state.words[WORD.STEP]!;
      if (now !== seen) {
        seen = now;
        since = performance.now();
      } else if (performance.now() - since > limit) {
        this.settle?.(
          new EngineError(
            'ERR_THREAD_HANGS',
            describeHang({
              core: this.core,
              group: this.group,
              threads: this.threads,
              limitMs: limit,
              describe: (address) => this.describe(address),
            }),
          ),
        );
      }
    }, LOOK_EVERY_MS);
  }
}

function died(why: string): EngineError {
  return new EngineError('ERR_THREAD_DIED', `The thread of the stepped engine has died: ${why}`);
}

function errorOf({ name, message, stack, code }: PlainError): Error {
  const error = Object.assign(new Error(message), code === '' ? {} : { code });
  error.name = name;
  error.stack = stack;
  return error;
}
