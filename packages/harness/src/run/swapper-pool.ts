/**
 * The threads of a run: a piscina pool of their own, one thread per swapper, for all policies, and those of the kernel's own.
 *
 * Promise: all swappers start together or none does; the first one that fails stops the others; a thread that ends without an answer is found,
 * marked dead in the machine, and named in the report together with what it held. Once {@link SwapperThreads.close} is through, no thread of
 * the pool runs any more.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Machine } from '@swaplab/kernel-mm';
import { Piscina } from 'piscina';

import { HarnessError, TimeLimitError, EXIT_FAILED } from '../errors.js';
import { clockNs, type RunControl } from '../swappers/control.js';
import type {
  KernelThreadTask,
  PoolResult,
  PoolTask,
  ScenarioCounts,
  ScenarioTask,
  SwapperResult,
  SwapperTask,
} from '../swappers/task.js';
import { Watchdog, type WatchdogLimits } from './watchdog.js';
import { swapperWorkerUrl } from './worker-file.js';

/** A run that broke: an invariant, a dead thread, an error nobody expected. */
export class RunFailedError extends HarnessError {
  override readonly name = 'RunFailedError';

  /** @param report - one sentence, then who holds and waits for what */
  constructor(report: string) {
    super(report, 'ERR_RUN_FAILED', EXIT_FAILED);
  }
}

/** What {@link SwapperThreads.run} needs. */
export interface SwapperGroup {
  readonly machine: Machine;
  readonly control: RunControl;
  /** One for each swapper, in order. */
  readonly tasks: readonly SwapperTask[];
  /** Threads of the kernel's own; they end when the leader says so. */
  readonly kernelThreads: readonly KernelThreadTask[];
  /** What goes on beside the workload; it ends when the leader says so. Null for nothing. */
  readonly scenario: ScenarioTask | null;
  readonly limits: WatchdogLimits;
  readonly signal: AbortSignal | undefined;
}

/** What {@link SwapperThreads.run} gives. */
export interface SwapperGroupResult {
  /** In order of the swappers. */
  readonly swappers: readonly SwapperResult[];
  /** Null when there was no scenario. */
  readonly scenario: ScenarioCounts | null;
}

/** After a stop, threads that only wait leave within a few slices of their waits. */
const LEAVE_MS = 2000;
/** Longest time that threads may take to load their code before they are ended all the same; it takes a second on a busy machine. */
const LOAD_MS = 20_000;
const LOOK_AT_LOADING_MS = 10;
/** A swapper that fails stops the others itself; the main thread sees it so soon. */
const LOOK_EVERY_MS = 250;

/** The threads of a run: a piscina pool with one thread per swapper, and one for each thread of the kernel's own. */
export class SwapperThreads {
  readonly #pool: Piscina<PoolTask, PoolResult>;
  /** Threads that have loaded their code, by their `threadId`. */
  readonly #loaded = new Set<number>();
  #onError: ((error: Error) => void) | null = null;

  /**
   * @param swappers - how many there are
   * @param others - the most threads besides that a policy needs: of the kernel's own, and of a scenario
   */
  constructor(swappers: number, others = 0) {
    this.#pool = new Piscina<PoolTask, PoolResult>({
      filename: swapperWorkerUrl(),
      // A thread is started when there is work for it, and one that died is not replaced: the run is over then.
      minThreads: 0,
      maxThreads: swappers + others,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
    });
    // Without a listener the process would die of an error in a thread that has no task yet.
    this.#pool.on('error', (error: Error) => this.#onError?.(error));
    this.#pool.on('workerCreate', ({ id }: { readonly id: number }) => {
      this.#loaded.add(id);
    });
  }

  /**
   * Runs all swappers of one policy to their end. One call at a time; after a failure the threads are not used again.
   *
   * @param group - what to run
   * @returns what they saw
   * @throws RunFailedError, TimeLimitError, or the reason of the signal
   */
  async run(group: SwapperGroup): Promise<SwapperGroupResult> {
    return runSwappers(this.#pool, group, (listener) => {
      this.#onError = listener;
    });
  }

  /**
   * Ends all threads, also those that hang. Those that are still loading their code may do that first: Node 20 aborts the whole process when a
   * thread is ended in the middle of it.
   */
  async close(): Promise<void> {
    const isLoading = (): boolean => this.#pool.threads.some(({ threadId }) => !this.#loaded.has(threadId));
    for (let waited = 0; waited < LOAD_MS && isLoading(); waited += LOOK_AT_LOADING_MS) {
      await sleep(LOOK_AT_LOADING_MS);
    }
    await this.#pool.destroy();
  }
}

async function runSwappers(
  pool: Piscina<PoolTask, PoolResult>,
  group: SwapperGroup,
  listen: (listener: ((error: Error) => void) | null) => void,
): Promise<SwapperGroupResult> {
  const { machine, control, tasks, kernelThreads, scenario, signal } = group;
  signal?.throwIfAborted();
  let failure: Error | null = null;
  const fail = (error: Error): void => {
    // The report is taken before anybody is told to leave: afterwards the locks are free.
    failure ??= error;
    control.stop();
    machine.stop(error.message);
  };
  listen((error) => {
    fail(new RunFailedError(`a swapper's thread failed: ${error.message}`));
  });
  const watchdog = new Watchdog(
    {
      progress: () => control.progress(),
      expire: (reason) => {
        fail(new TimeLimitError(`${reason}.\n${machine.describeTasks(clockNs())}\n${control.describe()}`));
      },
    },
    group.limits,
  );
  const onAbort = (): void => {
    control.stop();
    machine.stop('the run was interrupted');
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const all: readonly PoolTask[] = [...tasks, ...kernelThreads, ...(scenario === null ? [] : [scenario])];
    const runs = all.map(async (task) => {
      try {
        return await pool.run(task);
      } catch (error) {
        fail(describeDeath(machine, control, task, error));
        return null;
      }
    });
    const results = await settle(runs, control);
    signal?.throwIfAborted();
    throwFirst(failure, results, machine);
    return {
      swappers: results.filter((result) => result !== null && 'swapper' in result),
      scenario: results.find((result) => result !== null && 'scenario' in result)?.counts ?? null,
    };
  } finally {
    watchdog.stop();
    signal?.removeEventListener('abort', onAbort);
    listen(null);
  }
}

/** Waits for all; once the run is stopped, only so long: a thread that spins does not hear. */
async function settle(
  runs: readonly Promise<PoolResult | null>[],
  control: RunControl,
): Promise<(PoolResult | null)[]> {
  const results: (PoolResult | null)[] = runs.map(() => null);
  const all = Promise.all(
    runs.map(async (run, index) => {
      results[index] = await run;
    }),
  );
  while (!control.isStopped()) {
    if (await endsWithin(all, LOOK_EVERY_MS)) return results;
  }
  await endsWithin(all, LEAVE_MS);
  return results;
}

/** Waits at most so long, and leaves no timer behind: one that is still set keeps the process from ending. */
async function endsWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false);
  });
  try {
    return await Promise.race([work.then(() => true), patience]);
  } finally {
    clearTimeout(timer);
  }
}

/** A thread ended without an answer. */
function describeDeath(
  machine: Machine,
  control: RunControl,
  task: PoolTask,
  error: unknown,
): RunFailedError {
  const who = nameOf(task);
  const id =
    'swapper' in task
      ? control.taskOf(task.swapper)
      : (machine.tasks().find(({ name }) => name === who)?.id ?? -1);
  if (id < 0) return new RunFailedError(`${who} could not start: ${messageOf(error)}`);
  const info = machine.tasks().find((candidate) => candidate.id === id);
  const held = info?.held.map(({ lockClass }) => machine.lockClassName(lockClass)) ?? [];
  const what = held.length === 0 ? 'holding no lock' : `while holding ${held.join(', ')}`;
  const table = machine.describeTasks(clockNs());
  machine.markDead(id);
  return new RunFailedError(`${who} ended ${what} (${messageOf(error)}).\n${table}`);
}

function nameOf(thread: PoolTask | PoolResult): string {
  if ('kernelThread' in thread) return thread.kernelThread;
  return 'scenario' in thread ? thread.scenario : `swapper ${String(thread.swapper)}`;
}

/** The first cause is what counts: those who were only told to leave, or found the machine stopped, are not. */
function throwFirst(failure: Error | null, results: readonly (PoolResult | null)[], machine: Machine): void {
  if (failure !== null) throw failure;
  const failed = results.filter((result) => result !== null).filter((result) => result.error !== null);
  const consequences = ['ERR_RUN_STOPPED', 'ERR_MACHINE_STOPPED'];
  const first =
    failed.find((result) => result.error !== null && !consequences.includes(result.error.code)) ?? failed[0];
  if (first === undefined) return;
  const report = machine.stopReport();
  const { message, stack } = first.error ?? { message: 'unknown', stack: '' };
  const where = stack === '' ? '' : `\n${stack.split('\n').slice(1, 8).join('\n')}`;
  throw new RunFailedError(`${nameOf(first)}: ${report ?? message}${where}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
