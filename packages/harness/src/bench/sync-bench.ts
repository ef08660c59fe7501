/**
 * What locks and points cost.
 *
 * - `sync.lock-unlock`: one thread takes and drops a free spinlock around one increment;
 * - `sync.null-point`: a load through the accessors, whose hook is null, over the same load from the typed array;
 * - `sync.lock-8-over-2`: entries per second of eight threads on one lock over those of two, 200 ns inside and 200 ns outside. A lock that
 *   spins in order falls to a few hundredths here as soon as there are more threads than cores.
 *
 * Each figure is the best of at least five short runs, the sides of a comparison taken in turns after a warm-up. The contended runs prove
 * mutual exclusion at the same time: a counter behind the lock, kept with plain loads and stores, must be exact.
 */
import { BenchThread } from './bench-thread.js';
import type { ContendedAnswer, UncontendedAnswer } from './bench-worker.js';
import { measuredRow, type BenchPlan, type BenchRow } from './document.js';
import { attachLockMachine, createLockMemory, WORDS, type LockMachine } from './lock-machine.js';

const LOCK_UNLOCK: BenchPlan = { name: 'sync.lock-unlock', unit: 'ns', goal: { op: '<=', value: 30 } };
const NULL_POINT: BenchPlan = { name: 'sync.null-point', unit: 'ns', goal: { op: '<=', value: 1 } };
const LOCK_8_OVER_2: BenchPlan = {
  name: 'sync.lock-8-over-2',
  unit: 'ratio',
  goal: { op: '>=', value: 0.6 },
};

/** The rows of this group, in order. */
export const SYNC_PLANS: readonly BenchPlan[] = [LOCK_UNLOCK, NULL_POINT, LOCK_8_OVER_2];

/** Time inside the critical section and outside of it, in ns. */
const WORK_NS = 200;
/** Threads that measure alone, one after the other. */
const SOLISTS = 5;
const FEW = 2;
const MANY = 8;
/** Pairs of trials, of which the first warms up. */
const PAIRS = 7;
/** Length of a trial in milliseconds: long against the slices of the scheduler. */
const TRIAL_MS = 120;
/** Longest wait until the threads of a trial stand ready, in milliseconds. */
const READY_LIMIT_MS = 20_000;

/**
 * Measures the group.
 * @param report - told each row as soon as it is known
 * @param signal - ends it early with an error
 * @throws Error when the counter behind the contended lock is not exact
 */
export async function measureSync(
  report: (row: BenchRow) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const memory = createLockMemory();
  const threads = Array.from({ length: MANY }, () => new BenchThread());
  try {
    const alone = await measureAlone(threads.slice(0, SOLISTS), memory, signal);
    report(measuredRow(LOCK_UNLOCK, alone.lockUnlockNs));
    report(measuredRow(NULL_POINT, Math.max(0, alone.pointLoadNs - alone.plainLoadNs)));
    report(measuredRow(LOCK_8_OVER_2, await contendedRatio(threads, memory, alone.workRoundNs, signal)));
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

/** The best of several threads, one after the other: each has compiled the code anew, and not always equally well. */
async function measureAlone(
  threads: readonly BenchThread[],
  memory: ReturnType<typeof createLockMemory>,
  signal: AbortSignal | undefined,
): Promise<UncontendedAnswer> {
  let best: UncontendedAnswer = {
    lockUnlockNs: Infinity,
    pointLoadNs: Infinity,
    plainLoadNs: Infinity,
    workRoundNs: Infinity,
  };
  for (const [index, thread] of threads.entries()) {
    const order = { kind: 'uncontended', memory, name: `bench ${index}` } as const;
    const answer = (await thread.ask(order, signal)) as UncontendedAnswer;
    best = {
      lockUnlockNs: Math.min(best.lockUnlockNs, answer.lockUnlockNs),
      pointLoadNs: Math.min(best.pointLoadNs, answer.pointLoadNs),
      plainLoadNs: Math.min(best.plainLoadNs, answer.plainLoadNs),
      workRoundNs: Math.min(best.workRoundNs, answer.workRoundNs),
    };
  }
  return best;
}

async function contendedRatio(
  threads: readonly BenchThread[],
  memory: ReturnType<typeof createLockMemory>,
  workRoundNs: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const view = attachLockMachine(memory, 'bench owner');
  const workRounds = Math.max(1, Math.round(WORK_NS / workRoundNs));
  let few = 0;
  let many = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    const fewNow = await entriesPerMs(
      view,
      memory,
      threads.slice(0, FEW),
      { trial: 2 * pair + 1, workRounds },
      signal,
    );
    const manyNow = await entriesPerMs(view, memory, threads, { trial: 2 * pair + 2, workRounds }, signal);
    if (pair === 0) continue;
    few = Math.max(few, fewNow);
    many = Math.max(many, manyNow);
  }
  return many / few;
}

/** One trial: all threads start together, contend for a while, and stop. */
async function entriesPerMs(
  view: LockMachine,
  memory: ReturnType<typeof createLockMemory>,
  threads: readonly BenchThread[],
  order: { readonly trial: number; readonly workRounds: number },
  signal: AbortSignal | undefined,
): Promise<number> {
  const { i32 } = view.arena;
  const { words } = view;
  Atomics.store(i32, words + WORDS.ready, 0);
  const counterBefore = Atomics.load(i32, words + WORDS.counter);
  const answers = Promise.all(
    threads.map((thread, index) =>
      thread.ask({ kind: 'contended', memory, name: `bench ${index}`, ...order }, signal),
    ),
  );
  // A failure is seen where the answers are awaited; until then it must not count as unhandled.
  answers.catch(() => undefined);
  const ready = performance.now();
  while (Atomics.load(i32, words + WORDS.ready) < threads.length) {
    if (performance.now() - ready > READY_LIMIT_MS)
      throw new Error('The threads of a benchmark did not start.');
    signal?.throwIfAborted();
    await pause(1);
  }
  const start = performance.now();
  Atomics.store(i32, words + WORDS.go, order.trial);
  Atomics.notify(i32, words + WORDS.go);
  await pause(TRIAL_MS);
  Atomics.store(i32, words + WORDS.stop, order.trial);
  const elapsed = performance.now() - start;
  let entries = 0;
  for (const answer of (await answers) as ContendedAnswer[]) entries += answer.entries;
  const counted = Atomics.load(i32, words + WORDS.counter) - counterBefore;
  if (counted !== entries) {
    throw new Error(
      `Mutual exclusion is broken: ${threads.length} threads entered ${entries} times, but counted ${counted}.`,
    );
  }
  return entries / elapsed;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
