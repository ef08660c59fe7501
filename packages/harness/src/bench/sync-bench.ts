/**
 * What locks and points cost.
 *
 * - `sync.lock-unlock`: one thread takes and drops a free spinlock around one increment;
 * - `sync.null-point`: a load through the accessors, whose hook is null, over the same load from the typed array;
 * - `sync.tracepoint-off`: a place that could tell an event, while nobody wants it, over the loop around it;
 * - `sync.lock-8-over-2`: entries per second of eight threads on one lock over those of two, 200 ns inside and 200 ns outside. A lock that
 *   spins in order falls to a few hundredths here as soon as there are more threads than cores: the ticket lock does the same for a note.
 *
 * Each figure is the best of at least five short runs, the sides of a comparison taken in turns after a warm-up. The contended runs prove
 * mutual exclusion at the same time: a counter behind the lock, kept with plain loads and stores, must be exact.
 */
import type { SpinlockKind } from '@swaplab/kernel-mm';
import { BenchThread } from './bench-thread.js';
import type { BenchOrder, ContendedAnswer, UncontendedAnswer } from './bench-worker.js';
import { measuredRow, type BenchPlan } from './document.js';
import {
  attachLockMachine,
  createLockMemory,
  TRACEPOINTS_A_ROUND,
  WORDS,
  type LockMachine,
} from './lock-machine.js';
import type { BenchGroup, BenchSession } from './session.js';

const LOCK_UNLOCK: BenchPlan = { name: 'sync.lock-unlock', unit: 'ns', goal: { op: '<=', value: 30 } };
const NULL_POINT: BenchPlan = { name: 'sync.null-point', unit: 'ns', goal: { op: '<=', value: 1 } };
const TRACEPOINT_OFF: BenchPlan = {
  name: 'sync.tracepoint-off',
  unit: 'ns',
  goal: { op: '<=', value: 1 },
};
const LOCK_8_OVER_2: BenchPlan = {
  name: 'sync.lock-8-over-2',
  unit: 'ratio',
  goal: { op: '>=', value: 0.6 },
};

/** The group. Its measurement fails when the counter behind the contended lock is not exact. */
export const SYNC_GROUP: BenchGroup = {
  plans: [LOCK_UNLOCK, NULL_POINT, TRACEPOINT_OFF, LOCK_8_OVER_2],
  measure: measureSync,
};

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

async function measureSync({ report, note, signal }: BenchSession): Promise<void> {
  const memory = createLockMemory();
  const threads = startThreads();
  try {
    const alone = await measureAlone(threads.slice(0, SOLISTS), memory, signal);
    report(measuredRow(LOCK_UNLOCK, alone.lockUnlockNs));
    report(measuredRow(NULL_POINT, Math.max(0, alone.pointLoadNs - alone.plainLoadNs)));
    const tracepoints = (alone.tracedLoadNs - alone.plainLoadNs) / TRACEPOINTS_A_ROUND;
    report(measuredRow(TRACEPOINT_OFF, Math.max(0, tracepoints)));
    const workRounds = Math.max(1, Math.round(WORK_NS / alone.workRoundNs));
    const adaptive = await contendedRates(threads, memory, { spinlock: 'adaptive', workRounds }, signal);
    report(measuredRow(LOCK_8_OVER_2, adaptive.many / adaptive.few));
    note(await ticketNote(workRounds, adaptive, signal));
  } finally {
    await endThreads(threads);
  }
}

/** The same with the other kind of lock, in threads that have not met the first. */
async function ticketNote(
  workRounds: number,
  adaptive: ContendedRates,
  signal: AbortSignal | undefined,
): Promise<string> {
  const threads = startThreads();
  try {
    const order = { spinlock: 'ticket', workRounds } as const;
    const ticket = await contendedRates(threads, createLockMemory(), order, signal);
    const figures = ({ few, many }: ContendedRates): string =>
      `${few.toFixed(0)} and ${many.toFixed(0)} (ratio ${(many / few).toPrecision(2)})`;
    return (
      `entries per ms of ${FEW} and of ${MANY} threads: ticket lock ${figures(ticket)}, adaptive lock ${figures(adaptive)}; ` +
      `a lock that is served in order waits for threads that have no core`
    );
  } finally {
    await endThreads(threads);
  }
}

function startThreads(): BenchThread<BenchOrder>[] {
  return Array.from({ length: MANY }, () => new BenchThread<BenchOrder>('bench-worker'));
}

async function endThreads(threads: readonly BenchThread<BenchOrder>[]): Promise<void> {
  await Promise.all(threads.map((thread) => thread.end()));
}

/** The best of several threads, one after the other: each has compiled the code anew, and not always equally well. */
async function measureAlone(
  threads: readonly BenchThread<BenchOrder>[],
  memory: ReturnType<typeof createLockMemory>,
  signal: AbortSignal | undefined,
): Promise<UncontendedAnswer> {
  let best: UncontendedAnswer = {
    lockUnlockNs: Infinity,
    pointLoadNs: Infinity,
    plainLoadNs: Infinity,
    tracedLoadNs: Infinity,
    workRoundNs: Infinity,
  };
  for (const [index, thread] of threads.entries()) {
    const order = { kind: 'uncontended', memory, name: `bench ${index}` } as const;
    const answer = (await thread.ask(order, signal)) as UncontendedAnswer;
    best = {
      lockUnlockNs: Math.min(best.lockUnlockNs, answer.lockUnlockNs),
      pointLoadNs: Math.min(best.pointLoadNs, answer.pointLoadNs),
      plainLoadNs: Math.min(best.plainLoadNs, answer.plainLoadNs),
      tracedLoadNs: Math.min(best.tracedLoadNs, answer.tracedLoadNs),
      workRoundNs: Math.min(best.workRoundNs, answer.workRoundNs),
    };
  }
  return best;
}

/** Entries per millisecond of all threads together. */
interface ContendedRates {
  readonly few: number;
  readonly many: number;
}

async function contendedRates(
  threads: readonly BenchThread<BenchOrder>[],
  memory: ReturnType<typeof createLockMemory>,
  order: { readonly spinlock: SpinlockKind; readonly workRounds: number },
  signal: AbortSignal | undefined,
): Promise<ContendedRates> {
  const view = attachLockMachine(memory, 'bench owner', order.spinlock);
  // Where an entry can take a time slice, threads must look up after each one to stop in time.
  const whole = { ...order, entriesPerLook: order.spinlock === 'ticket' ? 1 : 32 };
  let few = 0;
  let many = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    const two = threads.slice(0, FEW);
    const fewNow = await entriesPerMs(view, memory, two, { ...whole, trial: 2 * pair + 1 }, signal);
    const manyNow = await entriesPerMs(view, memory, threads, { ...whole, trial: 2 * pair + 2 }, signal);
    if (pair === 0) continue;
    few = Math.max(few, fewNow);
    many = Math.max(many, manyNow);
  }
  return { few, many };
}

/** One trial: all threads start together, contend for a while, and stop. */
async function entriesPerMs(
  view: LockMachine,
  memory: ReturnType<typeof createLockMemory>,
  threads: readonly BenchThread<BenchOrder>[],
  order: Omit<Extract<BenchOrder, { kind: 'contended' }>, 'kind' | 'memory' | 'name'>,
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
