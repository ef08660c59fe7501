/**
 * The thread in which the stepped engine is measured: each message is an order, each answer a message. A thread meets one workload with one set of
 * flags, as in an exploration, so that the compiler sees what it would see there.
 *
 * Times are those of the whole process on its processors: what the collector and the compiler do in threads of their own is part of the price.
 */
import { parentPort } from 'node:worker_threads';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { KEEP_TRACE, openScenario, SEARCH, type Engine, type SearchReport } from '@swaplab/explore';
import { measureWindows, type EnginesRun, type EnginesSpan } from './engines-window.js';
import { playPromises, type PromisesOrder } from './fast-check-peer.js';

/** What the thread is told to do. */
export type EnginesOrder =
  | {
      /** Plays schedules for a while. Answers with an `EnginesWindow` for each window. */
      readonly kind: 'windows';
      readonly module: string;
      readonly run: EnginesRun;
      readonly span: EnginesSpan;
    }
  | {
      /** Plays schedules until one fails, for each of many seeds. Answers with the number of the schedule for each, null when none failed. */
      readonly kind: 'find';
      readonly module: string;
      readonly run: EnginesRun;
      readonly seeds: number;
      readonly limit: number;
    }
  | {
      /** Searches up to a bound on preemptions. Answers with a `SearchReport`. */
      readonly kind: 'search';
      readonly module: string;
      readonly bound: number;
      readonly limit: number;
    }
  | {
      /** Counts how often another thread goes on in a schedule. Answers with {@link EnginesSwitches}. */
      readonly kind: 'switches';
      readonly module: string;
      readonly run: EnginesRun;
      readonly schedules: number;
    }
  | {
      /** Plays `before` schedules, and then so many more, and looks how the heap has grown. Answers with {@link EnginesHeap}. */
      readonly kind: 'heap';
      readonly module: string;
      readonly run: EnginesRun;
      readonly before: number;
      readonly schedules: number;
    }
  | ({ /** The workload of lost updates, by fast-check. */ readonly kind: 'promises' } & PromisesOrder);

/** Means over schedules. */
export interface EnginesSwitches {
  /** How often another thread goes on than before, the first one included. */
  readonly switches: number;
  readonly points: number;
}

/** How much the heap has grown, after a collection each. */
export interface EnginesHeap {
  readonly bytes: number;
  readonly schedules: number;
}

/** Seeds are this far apart. */
const SEED_STEP = 7919;

let engine: Engine | undefined;

async function obey(order: EnginesOrder): Promise<unknown> {
  if (order.kind === 'promises') return playPromises(order);
  engine ??= (await openScenario(order.module, { engine: 'stepped' })).engine;
  switch (order.kind) {
    case 'windows':
      return measureWindows(engine, order.run, order.span);
    case 'find':
      return find(engine, order.run, order.seeds, order.limit);
    case 'search':
      return search(engine, order.bound, order.limit);
    case 'switches':
      return countSwitches(engine, order.run, order.schedules);
    case 'heap':
      return heapGrowth(engine, order.run, order.before, order.schedules);
  }
}

async function find(
  subject: Engine,
  run: EnginesRun,
  seeds: number,
  limit: number,
): Promise<(number | null)[]> {
  const found: (number | null)[] = [];
  for (let index = 1; index <= seeds; index++) {
    subject.core.forget();
    const seed = index * SEED_STEP;
    const { failure } = await subject.run({ ...run, seed, first: 0, schedules: limit, milliseconds: 0 });
    found.push(failure === null ? null : failure.schedule + 1);
  }
  return found;
}

async function search(subject: Engine, bound: number, limit: number): Promise<SearchReport> {
  subject.core.forget();
  const job = { seed: 0, first: 0, schedules: limit, milliseconds: 0, flags: 0 };
  await subject.run({ ...job, strategy: SEARCH, parameter: bound });
  return subject.core.searchReport();
}

async function countSwitches(subject: Engine, run: EnginesRun, schedules: number): Promise<EnginesSwitches> {
  let switches = 0;
  let points = 0;
  for (let first = 0; first < schedules; first++) {
    const job = { ...run, flags: run.flags | KEEP_TRACE, seed: SEED_STEP, first, schedules: 1 };
    const { trace } = await subject.run({ ...job, milliseconds: 0 });
    let running = -1;
    for (const { task } of trace) {
      if (task !== running) switches++;
      running = task;
    }
    points += trace.length;
  }
  return { switches: switches / schedules, points: points / schedules };
}

async function heapGrowth(
  subject: Engine,
  run: EnginesRun,
  before: number,
  schedules: number,
): Promise<EnginesHeap> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    return heap + external;
  };
  const job = { ...run, seed: SEED_STEP, milliseconds: 0 };
  await subject.run({ ...job, first: 0, schedules: before });
  const first = used();
  await subject.run({ ...job, first: before, schedules });
  return { bytes: Math.max(0, used() - first), schedules };
}

parentPort?.on('message', (order: EnginesOrder) => {
  obey(order).then(
    (answer) => parentPort?.postMessage(answer),
    // An error that nobody catches ends the thread, and its owner is told.
    (error: unknown) =>
      queueMicrotask(() => {
        throw error;
      }),
  );
});
