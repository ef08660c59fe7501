/**
 * A thread of a benchmark as its owner sees it: orders go in, answers come out, and it can always be ended.
 */
import { Worker } from 'node:worker_threads';

/** Longest wait for an answer, in milliseconds. */
const ANSWER_LIMIT_MS = 60_000;

/** The modules that run in threads of their own, beside this one. */
export type BenchModule =
  'bench-worker' | 'codec-worker' | 'engines-worker' | 'path-worker' | 'slots-worker' | 'xvmalloc-worker';

/** A running worker. `Order` is what its module understands. */
export class BenchThread<Order> {
  private readonly worker: Worker;

  /** @param module - what it runs */
  constructor(module: BenchModule) {
    this.worker = newWorker(module);
    // Somebody listens always; the error of an order reaches its owner through ask().
    this.worker.on('error', () => undefined);
  }

  /**
   * Gives an order.
   * @param order - what to do
   * @param signal - ends the wait early, by the reason of its abort
   * @returns the answer; an order that fails, or is not answered within a minute, rejects
   */
  ask(order: Order, signal: AbortSignal | undefined): Promise<unknown> {
    const { worker } = this;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        settle(() =>
          reject(new Error(`A benchmark thread has not answered within ${ANSWER_LIMIT_MS / 1000} s.`)),
        );
      }, ANSWER_LIMIT_MS);
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        worker.off('message', onAnswer);
        worker.off('error', onError);
        worker.off('exit', onExit);
        signal?.removeEventListener('abort', onAbort);
        how();
      };
      const onAnswer = (answer: unknown): void => settle(() => resolve(answer));
      const onError = (error: Error): void => settle(() => reject(error));
      const onExit = (): void => settle(() => reject(new Error('A benchmark thread has ended.')));
      const onAbort = (): void => settle(() => reject(new Error('interrupted', { cause: signal?.reason })));
      worker.on('message', onAnswer);
      worker.on('error', onError);
      worker.on('exit', onExit);
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted === true) onAbort();
      else worker.postMessage(order);
    });
  }

  /** Ends the thread wherever it is. */
  async end(): Promise<void> {
    await this.worker.terminate();
  }
}

/**
 * Starts a module in the language this one runs in. From source, the loader of TypeScript has to be registered in each thread: Node 20
 * registers it in the main thread only.
 */
function newWorker(module: BenchModule): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL(`./${module}.js`, import.meta.url));
  const source = new URL(`./${module}.ts`, import.meta.url).href;
  const boot = `import('tsx/esm/api').then((tsx) => {
    tsx.register();
    return import(${JSON.stringify(source)});
  });`;
  return new Worker(boot, { eval: true });
}
