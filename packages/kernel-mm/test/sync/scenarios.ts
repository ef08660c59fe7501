/**
 * What the threads of the lock tests do. All of them share one layout, {@link buildLocks}; every wait is bounded.
 */
import type { Layout, Region } from '#src/arena/layout.js';
import type { LockClass, LockClasses } from '#src/sync/lock-classes.js';
import { layoutLocks, Mutex, SpinLock } from '#src/sync/locks.js';
import { layoutRwSemaphores, RwSemaphore } from '#src/sync/rwsem.js';
import { layoutWaitQueues, WaitQueue } from '#src/sync/wait-queue.js';
import {
  attachTestCore,
  createTestCore,
  type TestCore,
  type TestCoreHandle,
  type TestCoreOptions,
} from '../support/core.js';

/** Number of page locks, more than a task may hold. */
export const PAGE_LOCKS = 20;

/** A scenario that blocks in a critical section gives up after this, in milliseconds. */
const PATIENCE_MS = 15_000;

/** Regions and lock classes of the lock tests. */
export interface LockRegions {
  readonly spin: Region;
  readonly mutex: Region;
  readonly pages: Region;
  readonly semaphore: Region;
  readonly queue: Region;
  readonly words: Region;
  readonly spinClass: LockClass;
  readonly mutexClass: LockClass;
  readonly pageClass: LockClass;
  readonly semaphoreClass: LockClass;
}

/** Places in the `words` region, 64 bytes apart. */
export const WORD = { ready: 0, go: 64, counter: 128, inside: 192, turn: 256, stop: 320, mark: 384 } as const;

export function buildLocks(layout: Layout, classes: LockClasses): LockRegions {
  return {
    spin: layoutLocks(layout, 'swap_lock'),
    mutex: layoutLocks(layout, 'swapon_mutex'),
    pages: layoutLocks(layout, 'page_lock', PAGE_LOCKS),
    semaphore: layoutRwSemaphores(layout, 'swap_chain_rwsem'),
    queue: layoutWaitQueues(layout, 'page_wait'),
    words: layout.bytes('hot', 'words', 1024),
    spinClass: classes.define('swap_lock'),
    mutexClass: classes.define('swapon_mutex'),
    pageClass: classes.define('page_lock'),
    semaphoreClass: classes.define('chain_rwsem'),
  };
}

/** A thread's view with the locks of {@link buildLocks}. */
export interface LockView extends TestCore<LockRegions> {
  readonly spin: SpinLock;
  readonly mutex: Mutex;
  readonly semaphore: RwSemaphore;
  readonly queue: WaitQueue;
  /** Index in `arena.i32` of one of {@link WORD}. */
  cell(word: number): number;
}

function withLocks(test: TestCore<LockRegions>): LockView {
  const { locks, context, regions } = test;
  return {
    ...test,
    spin: new SpinLock(locks, regions.spin.base, regions.spinClass),
    mutex: new Mutex(locks, regions.mutex.base, regions.mutexClass),
    semaphore: new RwSemaphore(context, regions.semaphore.base, regions.semaphoreClass),
    queue: new WaitQueue(context, regions.queue.base),
    cell: (word) => (regions.words.base + word) >> 2,
  };
}

/** A new machine with the locks, and this thread attached to it. */
export function createLocks(options?: TestCoreOptions): LockView {
  return withLocks(createTestCore(buildLocks, options));
}

/** This thread attached to a machine of {@link createLocks}. */
export function attachLocks(handle: TestCoreHandle, options?: TestCoreOptions): LockView {
  return withLocks(attachTestCore(buildLocks, handle, options));
}

/** What every scenario is told. */
export interface ScenarioInput {
  readonly handle: TestCoreHandle;
  readonly name: string;
  /** Threads that start together; 1 when not given. */
  readonly parties?: number;
  /** How often to do it; 1 when not given. */
  readonly rounds?: number;
  readonly lockStats?: boolean;
  readonly waitLimitMs?: number;
  /** Which lock is meant, where a scenario can use several. */
  readonly lock?: LockKind;
}

/** The four ways to hold something. */
export type LockKind = 'spin' | 'mutex' | 'read' | 'write';

function attach(input: ScenarioInput): LockView {
  const { handle, name, waitLimitMs, lockStats } = input;
  return attachLocks(handle, { name, waitLimitMs: waitLimitMs ?? 10_000, lockStats: lockStats ?? false });
}

/** Sleeps until a word has at least a value. */
function awaitAtLeast(view: LockView, word: number, value: number): void {
  const { i32 } = view.arena;
  const cell = view.cell(word);
  for (let tries = 0; ; tries++) {
    const seen = Atomics.load(i32, cell);
    if (seen >= value) return;
    if (tries === PATIENCE_MS / 50) throw new Error(`word ${word} is ${seen} and never became ${value}`);
    Atomics.wait(i32, cell, seen, 50);
  }
}

/** Adds to a word and wakes who sleeps on it; returns the value before. */
function add(view: LockView, word: number, delta: number): number {
  const before = Atomics.add(view.arena.i32, view.cell(word), delta);
  Atomics.notify(view.arena.i32, view.cell(word));
  return before;
}

function startTogether(view: LockView, parties: number): void {
  add(view, WORD.ready, 1);
  awaitAtLeast(view, WORD.ready, parties);
}

export function take(view: LockView, kind: LockKind): void {
  if (kind === 'spin') view.spin.lock();
  else if (kind === 'mutex') view.mutex.lock();
  else if (kind === 'read') view.semaphore.downRead();
  else view.semaphore.downWrite();
}

export function drop(view: LockView, kind: LockKind): void {
  if (kind === 'spin') view.spin.unlock();
  else if (kind === 'mutex') view.mutex.unlock();
  else if (kind === 'read') view.semaphore.upRead();
  else view.semaphore.upWrite();
}

/**
 * Enters a critical section many times and counts there with plain loads and stores, which are exact only if nobody else is inside.
 * @returns how often somebody else was seen inside
 */
export function countInside(input: ScenarioInput): number {
  const view = attach(input);
  const { i32 } = view.arena;
  const counter = view.cell(WORD.counter);
  const inside = view.cell(WORD.inside);
  const kind = input.lock ?? 'spin';
  let intruders = 0;
  startTogether(view, input.parties ?? 1);
  for (let round = input.rounds ?? 1; round > 0; round--) {
    take(view, kind);
    if (i32[inside] !== 0) intruders++;
    i32[inside] = view.task + 1;
    i32[counter]! += 1;
    if (i32[inside] !== view.task + 1) intruders++;
    i32[inside] = 0;
    drop(view, kind);
  }
  view.tasks.release(view.task);
  return intruders;
}

/** Takes a lock, says so, and stays inside until it is killed. */
export function holdForEver(input: ScenarioInput): void {
  const view = attach(input);
  take(view, input.lock ?? 'spin');
  add(view, WORD.mark, 1);
  Atomics.wait(view.arena.i32, view.cell(WORD.go), 0, PATIENCE_MS);
}

/** Says so, takes a lock and drops it. */
export function takeOnce(input: ScenarioInput): string {
  const view = attach(input);
  add(view, WORD.ready, 1);
  take(view, input.lock ?? 'spin');
  drop(view, input.lock ?? 'spin');
  return 'taken';
}

/** Takes a lock, tells, keeps it until the word `go` is set, drops it. */
export function holdUntilGo(input: ScenarioInput): string {
  const view = attach(input);
  take(view, input.lock ?? 'spin');
  add(view, WORD.mark, 1);
  awaitAtLeast(view, WORD.go, 1);
  drop(view, input.lock ?? 'spin');
  return 'dropped';
}

/**
 * Two threads hand a lock to each other: the holder waits until the other one is asleep on the lock, then drops it and waits until the other
 * has had it. Needs a wake-up in every round.
 */
export function handOver(input: ScenarioInput): string {
  const view = attach(input);
  const { i32 } = view.arena;
  const kind = input.lock ?? 'spin';
  const word = (kind === 'spin' ? view.spin : kind === 'mutex' ? view.mutex : view.semaphore).address >> 2;
  // The two bits that say "somebody is asleep" of the two kinds of lock words.
  const asleep = kind === 'write' ? 0x2000_0000 : 0x4000_0000;
  startTogether(view, 2);
  for (let round = 0; round < (input.rounds ?? 1); round++) {
    take(view, kind);
    const turn = add(view, WORD.turn, 1);
    const last = 2 * (input.rounds ?? 1) - 1;
    for (let spins = 0; turn < last && (Atomics.load(i32, word) & asleep) === 0; spins++) {
      if (spins > 2_000_000_000) throw new Error('the other thread never slept');
    }
    drop(view, kind);
    if (turn < last) awaitAtLeast(view, WORD.turn, turn + 2);
  }
  return 'done';
}

/** A reader that leaves only after it has met as many readers inside as there are parties. */
export function readTogether(input: ScenarioInput): number {
  const view = attach(input);
  startTogether(view, input.parties ?? 1);
  view.semaphore.downRead();
  add(view, WORD.inside, 1);
  awaitAtLeast(view, WORD.inside, input.parties ?? 1);
  view.semaphore.upRead();
  return Atomics.load(view.arena.i32, view.cell(WORD.inside));
}

/**
 * Reads and writes in turn; a writer must be alone, a reader must not meet a writer. Writers count with plain stores.
 * @returns how often the rule was broken
 */
export function readAndWrite(input: ScenarioInput): number {
  const view = attach(input);
  const { i32 } = view.arena;
  const readers = view.cell(WORD.inside);
  const writers = view.cell(WORD.mark);
  const counter = view.cell(WORD.counter);
  let broken = 0;
  startTogether(view, input.parties ?? 1);
  for (let round = 0; round < (input.rounds ?? 1); round++) {
    if (round % 4 === 0) {
      view.semaphore.downWrite();
      if (Atomics.add(i32, writers, 1) !== 0 || Atomics.load(i32, readers) !== 0) broken++;
      i32[counter]! += 1;
      Atomics.sub(i32, writers, 1);
      view.semaphore.upWrite();
    } else {
      view.semaphore.downRead();
      Atomics.add(i32, readers, 1);
      if (Atomics.load(i32, writers) !== 0) broken++;
      Atomics.sub(i32, readers, 1);
      view.semaphore.upRead();
    }
  }
  return broken;
}

/**
 * Readers that overlap without end: each leaves only when another one stays inside, so that the semaphore is never free of readers unless new
 * ones are held back. Stops when the word `stop` is set.
 */
export function readWithoutPause(input: ScenarioInput): number {
  const view = attach(input);
  const { i32 } = view.arena;
  const stop = view.cell(WORD.stop);
  startTogether(view, input.parties ?? 1);
  let rounds = 0;
  while (Atomics.load(i32, stop) === 0) {
    view.semaphore.downRead();
    add(view, WORD.inside, 1);
    leaveToAnother(view);
    view.semaphore.upRead();
    rounds++;
  }
  return rounds;
}

/** Waits until somebody else is inside too, then counts itself out. Who stays alone, because a writer holds the others back, gives up. */
function leaveToAnother(view: LockView): void {
  const { i32 } = view.arena;
  const inside = view.cell(WORD.inside);
  for (;;) {
    const count = Atomics.load(i32, inside);
    if (count >= 2) {
      if (Atomics.compareExchange(i32, inside, count, count - 1) === count) return;
    } else if (Atomics.wait(i32, inside, count, 200) === 'timed-out') {
      Atomics.sub(i32, inside, 1);
      return;
    }
  }
}

/** Waits until readers are at it, writes once, and lets them stop. */
export function writeOnce(input: ScenarioInput): string {
  const view = attach(input);
  startTogether(view, input.parties ?? 1);
  try {
    view.semaphore.downWrite();
    view.semaphore.upWrite();
  } finally {
    add(view, WORD.stop, 1);
  }
  return 'written';
}

/**
 * Two threads take turns over one wait queue: each waits for its turn, then gives the turn away and wakes the other.
 * @returns how many waits ended by their limit
 */
export function takeTurns(input: ScenarioInput): number {
  const view = attach(input);
  const { i32 } = view.arena;
  const turn = view.cell(WORD.turn);
  const rounds = input.rounds ?? 1;
  startTogether(view, 2);
  const mine = input.name === 'even' ? 0 : 1;
  let late = 0;
  for (let round = 0; round < rounds; round++) {
    for (;;) {
      const ticket = view.queue.prepareToWait();
      if (Atomics.load(i32, turn) === 2 * round + mine) break;
      if (!view.queue.wait(ticket, 5_000)) late++;
    }
    Atomics.add(i32, turn, 1);
    view.queue.wakeAll();
  }
  return late;
}

/** Waits on the queue, with no limit of its own. */
export function sleepOnQueue(input: ScenarioInput): string {
  const view = attach(input);
  const ticket = view.queue.prepareToWait();
  add(view, WORD.ready, 1);
  return view.queue.wait(ticket, Infinity) ? 'woken' : 'late';
}
