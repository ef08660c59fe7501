/**
 * Real threads for tests: each runs one named function of a scenario module, with a time limit, and none outlives its test.
 *
 * Promise: `withThreads` ends every thread before it settles, whatever happens. A result is what the function returned; an error is given by
 * name, code and message, since an error object does not cross threads whole. All waits here are bounded; a limit that is reached is an error
 * that says which threads had not ended.
 */
import { Worker } from 'node:worker_threads';

/** What a thread is told to run; posted to it. */
export interface ThreadOrder {
  /** URL of the scenario module. */
  readonly module: string;
  /** Exported function to call. */
  readonly scenario: string;
  /** Its only argument; must survive `postMessage`. */
  readonly input: unknown;
}

/** How a thread ended. */
export type Outcome =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly name: string; readonly code: string; readonly message: string }
  | { readonly kind: 'killed' };

/** The threads of one test. */
export class Threads {
  private readonly workers: Worker[] = [];
  private readonly outcomes: (Outcome | undefined)[] = [];
  private readonly ends: Promise<void>[] = [];
  private readonly module: string;

  /** @param module - URL of the scenario module, in the language the test itself runs in */
  constructor(module: string) {
    this.module = module;
  }

  /**
   * Starts a thread.
   * @param scenario - exported function of the module
   * @param input - its argument
   * @returns index of the thread
   */
  start(scenario: string, input: unknown): number {
    const order: ThreadOrder = { module: this.module, scenario, input };
    const worker = newWorker(order);
    const index = this.workers.push(worker) - 1;
    worker.on('message', (outcome: Outcome) => (this.outcomes[index] = outcome));
    worker.on('error', (error: Error) => {
      this.outcomes[index] = { kind: 'threw', name: error.name, code: '', message: error.message };
    });
    this.ends.push(
      new Promise((resolve) => {
        worker.on('exit', () => {
          this.outcomes[index] ??= { kind: 'killed' };
          resolve();
        });
      }),
    );
    return index;
  }

  /**
   * Waits until a thread has ended by itself.
   * @param index - from {@link start}
   * @param limitMs - longest wait in milliseconds
   */
  async ended(index: number, limitMs: number): Promise<Outcome> {
    await within(this.ends[index]!, limitMs, `thread ${index} has not ended`);
    return this.outcomes[index]!;
  }

  /**
   * Waits until all threads have ended by themselves.
   * @param limitMs - longest wait in milliseconds
   * @returns their outcomes, in order of start
   */
  async allEnded(limitMs: number): Promise<Outcome[]> {
    await within(Promise.all(this.ends), limitMs, 'not all threads have ended');
    return this.outcomes.map((outcome) => outcome!);
  }

  /**
   * Ends a thread wherever it is, and waits until it is gone.
   * @param index - from {@link start}
   */
  async kill(index: number): Promise<void> {
    await this.workers[index]!.terminate();
    await this.ends[index];
  }

  /** Ends all threads that still run. */
  async killAll(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

/**
 * Runs a test that uses threads, and ends them all after it.
 * @param module - URL of the scenario module
 * @param body - the test
 */
export async function withThreads<T>(module: string, body: (threads: Threads) => Promise<T>): Promise<T> {
  const threads = new Threads(module);
  try {
    return await body(threads);
  } finally {
    await threads.killAll();
  }
}

/**
 * The values of threads that all have to have returned one.
 * @param outcomes - from {@link Threads.allEnded}
 */
export function valuesOf<T>(outcomes: readonly Outcome[]): T[] {
  return outcomes.map((outcome, index) => {
    if (outcome.kind === 'returned') return outcome.value as T;
    throw new Error(
      `thread ${index} ${outcome.kind === 'killed' ? 'was killed' : `threw ${outcome.message}`}`,
    );
  });
}

/**
 * Waits, without blocking this thread, until a condition holds.
 * @param what - for the error
 * @param condition - looked at every millisecond
 * @param limitMs - longest wait in milliseconds
 */
export async function until(what: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`after ${limitMs} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/**
 * URL of a module beside another one, in the same language: `.ts` when tests run from source, `.js` when they run compiled.
 * @param name - file name without extension
 * @param from - `import.meta.url` of the caller
 */
export function siblingModule(name: string, from: string): URL {
  return new URL(`./${name}${from.endsWith('.ts') ? '.ts' : '.js'}`, from);
}

/**
 * Starts the entry module. When tests run from source, the loader of TypeScript has to be registered in each thread: Node 20 registers it in
 * the main thread only.
 */
function newWorker(order: ThreadOrder): Worker {
  const entry = siblingModule('thread-entry', import.meta.url);
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, { workerData: order });
  const boot = `import('tsx/esm/api').then((tsx) => {
    tsx.register();
    return import(${JSON.stringify(entry.href)});
  });`;
  return new Worker(boot, { eval: true, workerData: order });
}

async function within(promise: Promise<unknown>, limitMs: number, complaint: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`after ${limitMs} ms ${complaint}`)), limitMs);
  });
  try {
    await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
