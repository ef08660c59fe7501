/**
 * The smallest machine that has a lock: what the lock benchmarks run on.
 *
 * Promise: every thread that attaches computes the same layout. No hook, no clock, no lock statistics: the free way, as an importer has it.
 */
import {
  Cells,
  Context,
  createArena,
  createLocks,
  Layout,
  layoutLocks,
  layoutLockStats,
  layoutPanic,
  layoutTasks,
  layoutTrace,
  LockClasses,
  LockStats,
  PAGE_SIZE,
  Panic,
  SpinLock,
  Tasks,
  Trace,
  viewArena,
  WAIT_LIMIT_MS_DEFAULT,
  type Arena,
  type SpinlockKind,
  type WasmMemory,
} from '@swaplab/kernel-mm';

/** Words of the `words` region, 64 bytes apart: what the threads of a benchmark tell each other, and the counter behind the lock. */
export const WORDS = { ready: 0, go: 16, stop: 32, counter: 48 } as const;

/** Tracepoints in each round of the loop that measures them: one of a moment, and one of a span. */
export const TRACEPOINTS_A_ROUND = 2;

/** One thread's view. */
export interface LockMachine {
  readonly arena: Arena;
  readonly cells: Cells;
  readonly lock: SpinLock;
  /** Records what it does by default. */
  readonly trace: Trace;
  /** Index in `arena.i32` of the first of {@link WORDS}. */
  readonly words: number;
  /** Byte address of a page of data to load from. */
  readonly data: number;
}

/** Makes the memory of such a machine; attach with {@link attachLockMachine}, in this thread or another. */
export function createLockMemory(): WasmMemory {
  return createArena(lay().layout.totalBytes(), true).memory;
}

/**
 * Attaches the calling thread.
 * @param memory - from {@link createLockMemory}
 * @param name - name of its task
 * @param spinlock - how the lock waits; the same for all threads
 */
export function attachLockMachine(
  memory: WasmMemory,
  name: string,
  spinlock: SpinlockKind = 'adaptive',
): LockMachine {
  const { layout, classes, lockClass, regions } = lay();
  const arena = viewArena(memory, true);
  const cells = new Cells(arena);
  const tasks = new Tasks(arena, regions.tasks);
  const panic = new Panic(arena, regions.panic);
  const stats = new LockStats(arena, regions.stats, classes);
  const context = new Context(
    cells,
    { tasks, panic, classes, stats, layout },
    { mayWait: true, clock: null, lockStats: false, waitLimitMs: WAIT_LIMIT_MS_DEFAULT, control: null },
    tasks.claim(name),
  );
  const trace = new Trace({ cells, context }, regions.trace);
  const lock = new SpinLock(createLocks(context, spinlock), regions.lock.base, lockClass);
  return { arena, cells, lock, trace, words: regions.words.base >> 2, data: regions.data.base };
}

function lay() {
  const layout = new Layout();
  const classes = new LockClasses();
  const regions = {
    tasks: layoutTasks(layout),
    panic: layoutPanic(layout),
    stats: layoutLockStats(layout),
    lock: layoutLocks(layout, 'bench_lock'),
    words: layout.bytes('hot', 'words', 256),
    data: layout.bytes('hot', 'data', PAGE_SIZE),
    trace: layoutTrace(layout, 32),
  };
  const lockClass = classes.define('bench_lock');
  layout.seal();
  return { layout, classes, lockClass, regions };
}
