/**
 * What a page costs on its whole way through swap core and driver: out, in and free, in microseconds on a processor.
 *
 * - `path.lzo1x-2010`: with the default codec;
 * - `path.lzo1x-current`: with the faster match finder of later kernels;
 * - `path.none`: with the codec that copies, less the two copies, which are measured beside it: the books alone;
 * - `path.two-threads`: two threads that share the machine, over one alone, with the default codec;
 * - `path.heap`: bytes of the heap of JavaScript that a page uses up: none. What there is belongs to the engine.
 *
 * The policy is `notify`: each free reaches the driver. Half of the slots are held all the time; each thread verifies its pages at the end.
 */
import { createMachine, type Machine } from '@swaplab/kernel-mm';
import { ramzswap, type CodecName } from '@swaplab/ramzswap';
import { benchPages } from './bench-pages.js';
import { BenchThread } from './bench-thread.js';
import { cpuClockRefusal } from './cpu-clock.js';
import { comparedRow, measuredRow, skippedRow, type BenchPlan } from './document.js';
import type { PathBatches, PathHeap, PathOrder, PathVerified, PathWindow } from './path-worker.js';
import { BestBatches, type BenchGroup, type BenchSession } from './session.js';

const LZO: BenchPlan = { name: 'path.lzo1x-2010', unit: 'us', goal: { op: '<=', value: 22 } };
const CURRENT: BenchPlan = { name: 'path.lzo1x-current', unit: 'us', goal: { op: '<=', value: 12 } };
const NONE: BenchPlan = { name: 'path.none', unit: 'us', goal: { op: '<=', value: 2 } };
const TWO_THREADS: BenchPlan = { name: 'path.two-threads', unit: 'us', goal: { op: '<=', value: 1.25 } };
const HEAP: BenchPlan = { name: 'path.heap', unit: 'bytes', goal: { op: '<=', value: 1 } };

/** Slots of all disks together, and how many of them all threads together hold. */
const SLOTS = 16_384;
const HELD = 8192;
const CORPUS_PAGES = 256;
/** Pages of a batch: half a millisecond. */
const BATCH_PAGES = { 'lzo1x-2010': 32, none: 256 } as const;
const TRIALS = { 'lzo1x-2010': 200, none: 400 } as const;
const HEAP_PAGES = 100_000;
const HEAP_RUNS = 3;
const WINDOW_MS = 20;
/** Pairs of windows, of which the first ones warm up. */
const WINDOWS = 120;
const WARM_UP_WINDOWS = 4;

/** The group. */
export const PATH_GROUP: BenchGroup = {
  plans: [LZO, CURRENT, NONE, TWO_THREADS, HEAP],
  measure: measurePath,
};

async function measurePath(session: BenchSession): Promise<void> {
  const { report } = session;
  const refusal = cpuClockRefusal();
  if (refusal !== null) {
    for (const plan of PATH_GROUP.plans) report(skippedRow(plan, refusal));
    return;
  }
  await withThreads('lzo1x-2010', 1, session, async (threads) => {
    report(measuredRow(LZO, await whole(threads, session)));
  });
  await withThreads('lzo1x-current', 1, session, async (threads) => {
    report(measuredRow(CURRENT, await whole(threads, session)));
  });
  await withThreads('none', 1, session, async (threads) => {
    report(measuredRow(NONE, await books(threads, session)));
  });
  await withThreads('lzo1x-2010', 2, session, async (threads) => {
    const { one, two } = await together(threads, session);
    report(comparedRow(TWO_THREADS, two, 'one thread', one));
  });
  await withThreads('lzo1x-current', 1, session, async (threads) => {
    report(measuredRow(HEAP, await heapPerPage(threads, session)));
  });
}

/**
 * Makes the machine of a benchmark of the path.
 * @param policy - how the driver learns of freed slots
 * @param codec - of the driver
 * @param disks - which share {@link SLOTS} slots
 * @throws MisuseError when this version does not have the policy
 */
export function createPathMachine(
  policy: Machine['config']['policy'],
  codec: CodecName,
  disks: number,
): Machine {
  const diskBytes = (SLOTS / disks + 1) * 4096;
  const machine = createMachine({
    // Room for every page stored as it is, the corpus of both threads, and a reserve.
    ramBytes: (SLOTS + 2 * CORPUS_PAGES + 2048) * 4096,
    policy,
    ramDisks: [],
    drivers: [ramzswap({ disks, diskBytes, codec })],
  });
  // Nobody drains the events.
  machine.record();
  const view = machine.attach({ name: 'owner' });
  for (let disk = 0; disk < disks; disk++) view.swapon(`/dev/ramzswap${String(disk)}`, { priority: 0 });
  view.detach();
  return machine;
}

/** Runs threads on a machine of their own, with a disk for each as in a run, and verifies the pages of all. */
async function withThreads(
  codec: CodecName,
  count: number,
  { signal }: BenchSession,
  body: (threads: readonly BenchThread<PathOrder>[]) => Promise<void>,
): Promise<void> {
  const machine = createPathMachine('notify', codec, count).handle;
  const { bytes: corpus } = benchPages(CORPUS_PAGES);
  const threads = Array.from({ length: count }, () => new BenchThread<PathOrder>('path-worker'));
  try {
    for (const [index, thread] of threads.entries()) {
      const name = `bench ${String(index)}`;
      await thread.ask({ kind: 'open', name, machine, corpus, slots: HELD / count, measured: false }, signal);
    }
    await body(threads);
    for (const thread of threads) {
      const { slots, wrong } = (await thread.ask({ kind: 'verify' }, signal)) as PathVerified;
      if (wrong > 0)
        throw new Error(`${String(wrong)} of ${String(slots)} pages were not read as they were written.`);
    }
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

/** Microseconds on a processor of a page with the default codec, by the best of each batch. */
async function whole(threads: readonly BenchThread<PathOrder>[], { signal }: BenchSession): Promise<number> {
  const best = new BestBatches();
  for (let trial = 0; trial < TRIALS['lzo1x-2010']; trial++)
    best.add((await batches(threads, 'batches', BATCH_PAGES['lzo1x-2010'], signal)).cpuNs);
  return best.sum() / CORPUS_PAGES / 1000;
}

/**
 * Microseconds on a processor of the books of a page: of a cycle with the codec that copies, less its two copies, by the best batch of each. They
 * are measured in turns, so that both meet the same machine, which others may slow down for seconds.
 */
async function books(threads: readonly BenchThread<PathOrder>[], { signal }: BenchSession): Promise<number> {
  const pages = BATCH_PAGES.none;
  const cycles = new BestBatches();
  let copies = Infinity;
  for (let trial = 0; trial < TRIALS.none; trial++) {
    cycles.add((await batches(threads, 'batches', pages, signal)).cpuNs);
    copies = Math.min(copies, ...(await batches(threads, 'copies', pages, signal)).cpuNs);
  }
  return (cycles.sum() / CORPUS_PAGES - copies / pages) / 1000;
}

async function batches(
  threads: readonly BenchThread<PathOrder>[],
  kind: 'batches' | 'copies',
  pages: number,
  signal: AbortSignal | undefined,
): Promise<PathBatches> {
  return (await threads[0]?.ask({ kind, pages }, signal)) as PathBatches;
}

/** Bytes of the heap of JavaScript that a page uses up, by the best of some runs: the compiler uses some, too, when it is not yet done. */
async function heapPerPage(
  threads: readonly BenchThread<PathOrder>[],
  { signal }: BenchSession,
): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < HEAP_RUNS; run++) {
    const { bytes } = (await threads[0]?.ask({ kind: 'heap', pages: HEAP_PAGES }, signal)) as PathHeap;
    best = Math.min(best, bytes / HEAP_PAGES);
  }
  return best;
}

/** Microseconds of a page by longer windows, of one thread and of two at a time, in turns: waiting for each other belongs to it. */
async function together(
  threads: readonly BenchThread<PathOrder>[],
  { signal }: BenchSession,
): Promise<{ readonly one: number; readonly two: number }> {
  const best = { one: Infinity, two: Infinity };
  for (let window = 0; window < WINDOWS; window++) {
    const one = await pageCost(threads.slice(0, 1), signal);
    const two = await pageCost(threads, signal);
    if (window < WARM_UP_WINDOWS) continue;
    best.one = Math.min(best.one, one);
    best.two = Math.min(best.two, two);
  }
  return best;
}

async function pageCost(
  threads: readonly BenchThread<PathOrder>[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const order = { kind: 'window', milliseconds: WINDOW_MS } as const;
  const windows = (await Promise.all(threads.map((thread) => thread.ask(order, signal)))) as PathWindow[];
  const cpuNs = windows.reduce((sum, window) => sum + window.cpuNs, 0);
  const pages = windows.reduce((sum, window) => sum + window.pages, 0);
  return cpuNs / pages / 1000;
}
