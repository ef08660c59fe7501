/**
 * The threads of a run: a piscina pool of their own, one thread per swapper, for all policies.
 *
 * Promise: all swappers start together or none does; the first one that fails stops the others; a thread that ends without an answer is found,
 * marked dead in the machine, and named in the report together with what it held. Once {@link SwapperThreads.close} is through, no thread of
 * the pool runs any more.
 */
import type { Machine } from '@swaplab/kernel-mm';
import { Piscina } from 'piscina';

import { HarnessError, TimeLimitError, EXIT_FAILED } from '../errors.js';
import { clockNs, type RunControl } from '../swappers/control.js';
import type { SwapperResult, SwapperTask } from '../swappers/task.js';
import { Watchdog, type WatchdogLimits } from './watchdog.js';

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
  readonly limits: WatchdogLimits;
  readonly signal: AbortSignal | undefined;
}

/** After a stop, threads that only wait leave within a few slices of their waits. */
const LEAVE_MS = 2000;
/** A swapper that fails stops the others itself; the main thread sees it so soon. */
const LOOK_EVERY_MS = 250;

/** The threads of a run: a piscina pool with one thread per swapper. */
export class SwapperThreads {
  readonly #pool: Piscina<SwapperTask, SwapperResult>;
  #onError: ((error: Error) => void) | null = null;

  /** @param swappers - how many there are */
  constructor(swappers: number) {
    this.#pool = new Piscina<SwapperTask, SwapperResult>({
      filename: import.meta.resolve('#swapper-worker'),
      minThreads: swappers,
      maxThreads: swappers,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
    });
    // Without a listener the process would die of an error in a thread that has no task yet.
    this.#pool.on('error', (error: Error) => this.#onError?.(error));
  }

  /**
   * Runs all swappers of one policy to their end. One call at a time; after a failure the threads are not used again.
   *
   * @param group - what to run
   * @returns their results in order
   * @throws RunFailedError, TimeLimitError, or the reason of the signal
   */
  async run(group: SwapperGroup): Promise<SwapperResult[]> {
    return runSwappers(this.#pool, group, (listener) => {
      this.#onError = listener;
    });
  }

  /** Ends all threads, also those that hang. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

async function runSwappers(
  pool: Piscina<SwapperTask, SwapperResult>,
  group: SwapperGroup,
  listen: (listener: ((error: Error) => void) | null) => void,
): Promise<SwapperResult[]> {
  const { machine, control, tasks, signal } = group;
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
        fail(new TimeLimitError(`${reason}.\n${machine.describeTasks(clockNs())}`));
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
    const runs = tasks.map(async (task) => {
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
    return results.filter((result) => result !== null);
  } finally {
    watchdog.stop();
    signal?.removeEventListener('abort', onAbort);
    listen(null);
  }
}

/** Waits for all; once the run is stopped, only so long: a thread that spins does not hear. */
async function settle(
  runs: readonly Promise<SwapperResult | null>[],
  control: RunControl,
): Promise<(SwapperResult | null)[]> {
  const results: (SwapperResult | null)[] = runs.map(() => null);
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
  task: SwapperTask,
  error: unknown,
): RunFailedError {
  const id = control.taskOf(task.swapper);
  if (id < 0)
    return new RunFailedError(`swapper ${String(task.swapper)} could not start: ${messageOf(error)}`);
  const info = machine.tasks().find((candidate) => candidate.id === id);
  const held = info?.held.map(({ lockClass }) => machine.lockClassName(lockClass)) ?? [];
  const what = held.length === 0 ? 'holding no lock' : `while holding ${held.join(', ')}`;
  const table = machine.describeTasks(clockNs());
  machine.markDead(id);
  return new RunFailedError(`swapper ${String(task.swapper)} ended ${what} (${messageOf(error)}).\n${table}`);
}

/** The first cause is what counts: those who were only told to leave, or found the machine stopped, are not. */
function throwFirst(
  failure: Error | null,
  results: readonly (SwapperResult | null)[],
  machine: Machine,
): void {
  if (failure !== null) throw failure;
  const failed = results.filter((result) => result !== null && result.error !== null);
  if (failed.length === 0) return;
  const consequences = ['ERR_RUN_STOPPED', 'ERR_MACHINE_STOPPED'];
  const first =
    failed.find((result) => result?.error !== null && !consequences.includes(result?.error.code ?? '')) ??
    failed[0];
  const report = machine.stopReport();
  const { message, stack } = first?.error ?? { message: 'unknown', stack: '' };
  const where = stack === '' ? '' : `\n${stack.split('\n').slice(1, 8).join('\n')}`;
  throw new RunFailedError(`swapper ${String(first?.swapper)}: ${report ?? message}${where}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
