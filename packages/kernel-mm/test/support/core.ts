/**
 * A bare machine for tests: the arena, one attached thread, its locks and names, and whatever regions the test lays out.
 *
 * Promise: `createTestCore(build)` makes a new machine and attaches the calling thread; `attachTestCore(build, handle)` attaches another
 * thread, or the same thread once more under another task, on the same memory. Both must be called with the same `build`: it is the layout.
 */
import { createArena, viewArena, type Arena, type WasmMemory } from '#src/arena/memory.js';
import { Layout } from '#src/arena/layout.js';
import { createPageBytes } from '#src/arena/page-bytes.js';
import { layoutSymbols, Symbols } from '#src/arena/symbols.js';
import { createCells, type Cells } from '#src/sync/cells.js';
import { Context } from '#src/sync/context.js';
import type { Core } from '#src/sync/core.js';
import { layoutLockStats, LockClasses, LockStats } from '#src/sync/lock-classes.js';
import type { Locks } from '#src/sync/locks.js';
import { layoutPanic, Panic } from '#src/sync/panic.js';
import type { Clock, PointHook } from '#src/sync/point.js';
import { layoutTasks, Tasks } from '#src/sync/task.js';
import { createLocks, type SpinlockKind } from '#src/sync/ticket-lock.js';

/** Longest wait in a test before the machine stops with a report, in milliseconds. */
const TEST_WAIT_LIMIT_MS = 10_000;

/** Lays out what a test needs and defines its lock classes; what it returns is handed back as `regions`. */
export type Build<R> = (layout: Layout, classes: LockClasses) => R;

/** How a thread is attached; everything has a default. */
export interface TestCoreOptions {
  /** Name of the task, for reports; `'test'` when not given. */
  readonly name?: string;
  /** Whether other threads may attach and waiting is possible; true when not given. Only read by {@link createTestCore}. */
  readonly shared?: boolean;
  /** Whether this thread may wait; true when not given. False makes it a view of the main thread. */
  readonly mayWait?: boolean;
  /** Source of times in ns; none when not given. */
  readonly clock?: Clock | null;
  /** Whether lock statistics are counted; false when not given. */
  readonly lockStats?: boolean;
  /** Longest wait in milliseconds; 10 seconds when not given. */
  readonly waitLimitMs?: number;
  /** Called at every point; none when not given. */
  readonly hook?: PointHook | null;
  /** How spinlocks wait; adaptive when not given. The same for all threads of a machine. */
  readonly spinlock?: SpinlockKind;
  /** Whether page bytes, and what else can be, are handled in WASM; false when not given. */
  readonly wasm?: boolean;
}

/** What another thread needs to attach; it survives `postMessage`. */
export interface TestCoreHandle {
  readonly memory: WasmMemory;
  readonly shared: boolean;
}

/** One thread's view of a test machine. */
export interface TestCore<R> {
  readonly core: Core;
  readonly arena: Arena;
  readonly cells: Cells;
  readonly context: Context;
  readonly locks: Locks;
  readonly symbols: Symbols;
  readonly layout: Layout;
  readonly classes: LockClasses;
  readonly tasks: Tasks;
  readonly panic: Panic;
  readonly stats: LockStats;
  /** What `build` returned; the bases of its regions are known. */
  readonly regions: R;
  /** Id of the claimed task. */
  readonly task: number;
  readonly handle: TestCoreHandle;
  /** Attaches the calling thread once more, as another task. */
  attach(options?: TestCoreOptions): TestCore<R>;
}

/**
 * Makes a machine and attaches the calling thread.
 * @param build - the layout of the test
 * @param options - how to attach
 */
export function createTestCore<R>(build: Build<R>, options: TestCoreOptions = {}): TestCore<R> {
  const { layout } = lay(build);
  const { memory, shared } = createArena(layout.totalBytes(), options.shared ?? true);
  return attachTestCore(build, { memory, shared }, options);
}

/**
 * Attaches the calling thread to a machine that exists.
 * @param build - the same as at creation
 * @param handle - `TestCore.handle`, as posted
 * @param options - how to attach
 */
export function attachTestCore<R>(
  build: Build<R>,
  handle: TestCoreHandle,
  options: TestCoreOptions = {},
): TestCore<R> {
  const { layout, classes, regions, own } = lay(build);
  const arena = viewArena(handle.memory, handle.shared);
  const bytes = createPageBytes(arena, options.wasm ?? false);
  const cells = createCells(arena, options.hook ?? null, bytes);
  const tasks = new Tasks(arena, own.tasks);
  const panic = new Panic(arena, own.panic);
  const stats = new LockStats(arena, own.stats, classes);
  const symbols = new Symbols(arena, own.symbols);
  const task = tasks.claim(options.name ?? 'test');
  const context = new Context(
    cells,
    { tasks, panic, classes, stats, layout },
    {
      mayWait: options.mayWait ?? true,
      clock: options.clock ?? null,
      lockStats: options.lockStats ?? false,
      waitLimitMs: options.waitLimitMs ?? TEST_WAIT_LIMIT_MS,
      control: null,
    },
    task,
  );
  const locks = createLocks(context, options.spinlock ?? 'adaptive');
  return {
    core: { cells, context, locks, symbols },
    arena,
    cells,
    context,
    locks,
    symbols,
    layout,
    classes,
    tasks,
    panic,
    stats,
    regions,
    task,
    handle,
    attach: (more = {}) => attachTestCore(build, handle, more),
  };
}

function lay<R>(build: Build<R>) {
  const layout = new Layout();
  const classes = new LockClasses();
  const own = {
    tasks: layoutTasks(layout),
    panic: layoutPanic(layout),
    symbols: layoutSymbols(layout),
    stats: layoutLockStats(layout),
  };
  const regions = build(layout, classes);
  layout.seal();
  return { layout, classes, regions, own };
}
