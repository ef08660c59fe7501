/**
 * Spinlocks and mutexes: one adaptive lock, two sets of rules. (`ticket-lock.ts` has another spinlock, which a machine can be given instead.)
 *
 * A lock is one 32-bit word: 0 when free, else the owner's task id plus one, with a contended bit while somebody sleeps on it. An
 * uncontended lock is one compare-and-exchange. A contended one spins, since critical sections here are shorter than a futex call, then
 * sleeps; after a wake-up it spins again. A spinlock spins for about 2 us, a mutex for about 10 us: that may be held while a page is
 * compressed, and the original spins for as long as the owner runs. A FIFO lock would collapse as soon as there are more threads than cores.
 *
 * Rules, checked here:
 * - the owner unlocks, nobody else; a task never takes a lock it holds;
 * - with a spinlock held a task must not sleep, so it must not take a mutex (it may *try* one);
 * - no wait is without end: a waiter wakes every {@link WAIT_SLICE_MS} to see whether the machine stopped, whether the owner died, and
 *   whether its own limit is reached. Each of the three ends in a report.
 *
 * Lock order is the business of the callers; `docs/architecture.md` has the whole order.
 */
import { MisuseError } from '../errno.js';
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Context } from './context.js';
import type { LockClass } from './lock-classes.js';
import {
  block,
  NOSITE as NO_SITE,
  POINT_LOCK,
  POINT_TRYLOCK,
  POINT_UNLOCK,
  type Control,
  type PointHook,
  type Site,
} from './point.js';

/** The {@link NO_SITE} of points; an imported constant is loaded and checked at each use, one of this module is not. */
const NOSITE: Site = NO_SITE;

/** A waiter looks around at least this often. */
export const WAIT_SLICE_MS = 50;
/** Set in a lock word while somebody may be asleep on it. */
const CONTENDED = 0x4000_0000;
/** Bits of a lock word that hold the owner's task id plus one; 0 for nobody. */
export const OWNER_MASK = 0xffff;
/** Rounds of about 10 ns: longer than any critical section of a spinlock that does not decompress a page. */
const SPIN_ROUNDS = 200;
/** About as long as the compression of a page. @kernel CONFIG_MUTEX_SPIN_ON_OWNER, 2.6.34 */
const MUTEX_SPIN_ROUNDS = 1000;
const PAUSE_ROUNDS = 8;

const LOCK = struct('lock', { word: 'i32' }, 64);

/**
 * Reserves lock words, one to a cache line.
 * @param layout - not yet sealed
 * @param name - for reports
 * @param count - number of locks
 */
export function layoutLocks(layout: Layout, name: string, count = 1): Region {
  return layout.structs('hot', name, LOCK, count);
}

/** The lock primitives of one thread. All take the address of the lock word and its class. */
export class Locks {
  protected readonly context: Context;
  protected readonly i32: Int32Array;
  protected readonly hook: PointHook | null;
  private readonly control: Control | null;
  protected readonly mayWait: boolean;
  /**
   * Whether a short critical section may be one call into WASM that takes and drops the word of a spinlock by itself. It knows words of this
   * kind only, notes nothing in the context of the task, and has no points and no times.
   */
  readonly allowWasm: boolean;

  /** @param context - the running thread */
  constructor(context: Context) {
    this.context = context;
    this.i32 = context.cells.arena.i32;
    this.hook = context.cells.hook;
    this.control = context.options.control;
    this.mayWait = context.options.mayWait && context.cells.arena.shared;
    const { clock, control, lockEvents, lockStats } = context.options;
    const measured = clock !== null || lockStats || lockEvents === true;
    this.allowWasm = this.hook === null && control === null && !measured;
  }

  /**
   * Takes a spinlock. The task must not sleep until it is dropped. @kernel spin_lock @point obj=0 kind=lock @fastpath
   * @param address - of the lock word
   * @param lockClass - its class
   * @throws {@link MisuseError} `ERR_WOULD_BLOCK` when another thread holds it and this view must not wait
   */
  spinLock(address: number, lockClass: LockClass, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_LOCK, address, site);
    const { context } = this;
    if (Atomics.compareExchange(this.i32, address >> 2, 0, context.current + 1) === 0) {
      context.noteAcquired(address, lockClass, false, 0);
      context.preemptDisable();
      return;
    }
    this.contend(address, lockClass, true, site);
  }

  /** Takes a spinlock if it is free. @kernel spin_trylock @point obj=0 kind=trylock */
  spinTryLock(address: number, lockClass: LockClass, site: Site = NOSITE): boolean {
    if (this.hook !== null) this.hook(POINT_TRYLOCK, address, site);
    if (Atomics.compareExchange(this.i32, address >> 2, 0, this.context.current + 1) !== 0) return false;
    this.context.noteAcquired(address, lockClass, false, 0);
    this.context.preemptDisable();
    return true;
  }

  /** Drops a spinlock the task holds. @kernel spin_unlock @point obj=0 kind=unlock */
  spinUnlock(address: number, lockClass: LockClass, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_UNLOCK, address, site);
    this.release(address, lockClass);
    this.context.preemptEnable();
  }

  /**
   * Takes a mutex; may sleep, so no spinlock may be held. @kernel mutex_lock @point obj=0 kind=lock @fastpath
   * @param address - of the lock word
   * @param lockClass - its class
   * @throws {@link MisuseError} `ERR_WOULD_BLOCK` when another thread holds it and this view must not wait
   */
  mutexLock(address: number, lockClass: LockClass, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_LOCK, address, site);
    this.context.mightSleep('taking a mutex');
    if (Atomics.compareExchange(this.i32, address >> 2, 0, this.context.current + 1) === 0) {
      this.context.noteAcquired(address, lockClass, false, 0);
      return;
    }
    this.contend(address, lockClass, false, site);
  }

  /** Takes a mutex if it is free; allowed also where sleeping is not. @kernel mutex_trylock @point obj=0 kind=trylock */
  mutexTryLock(address: number, lockClass: LockClass, site: Site = NOSITE): boolean {
    if (this.hook !== null) this.hook(POINT_TRYLOCK, address, site);
    if (Atomics.compareExchange(this.i32, address >> 2, 0, this.context.current + 1) !== 0) return false;
    this.context.noteAcquired(address, lockClass, false, 0);
    return true;
  }

  /** Drops a mutex the task holds. @kernel mutex_unlock @point obj=0 kind=unlock */
  mutexUnlock(address: number, lockClass: LockClass, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_UNLOCK, address, site);
    this.release(address, lockClass);
  }

  /**
   * A critical section in WASM has dropped a spinlock whose word was more than our own number: wakes who sleeps on it.
   * @param address - of the lock word
   * @param lockClass - its class
   * @param word - what the word was
   */
  droppedInWasm(address: number, lockClass: LockClass, word: number): void {
    this.releaseContended(address, lockClass, word);
  }

  /** Whether anybody holds the lock; true only for the moment. */
  isLocked(address: number): boolean {
    return Atomics.load(this.i32, address >> 2) !== 0;
  }

  private release(address: number, lockClass: LockClass): void {
    const { context } = this;
    // The list is corrected first: a lock on the list of a task is one it really owns.
    if (!context.noteReleased(address, lockClass)) this.reportForeignUnlock(address, lockClass);
    const word = Atomics.exchange(this.i32, address >> 2, 0);
    if (word !== context.current + 1) this.releaseContended(address, lockClass, word);
  }

  /** The word was more than our own number: somebody sleeps, or the word is damaged. */
  private releaseContended(address: number, lockClass: LockClass, word: number): void {
    const { context } = this;
    if (word !== ((context.current + 1) | CONTENDED)) {
      const name = `${context.classes.nameOf(lockClass)} (${context.layout.describe(address)})`;
      context.bug(
        `The word of ${name} is 0x${(word >>> 0).toString(16)} while ${context.tasks.nameOf(context.current)} holds it.`,
      );
    }
    if (this.control !== null) this.control.wake(address);
    else Atomics.notify(this.i32, address >> 2, 1);
  }

  /** Stops the machine: the task does not hold the lock it drops. Both kinds of lock words have the owner in the same bits. */
  protected reportForeignUnlock(address: number, lockClass: LockClass): never {
    const { context } = this;
    const name = `${context.classes.nameOf(lockClass)} (${context.layout.describe(address)})`;
    const me = context.tasks.nameOf(context.current);
    const owner = Atomics.load(this.i32, address >> 2) & OWNER_MASK;
    if (owner === 0) return context.bug(`${me} unlocks ${name}, which is not locked.`);
    return context.bug(`${me} unlocks ${name}, which ${context.tasks.nameOf(owner - 1)} holds.`);
  }

  /** Stops the machine: the task takes a lock it holds. */
  protected reportRecursion(address: number, lockClass: LockClass): never {
    const { context } = this;
    return context.bug(
      `Recursion: ${context.tasks.nameOf(context.current)} takes ${context.classes.nameOf(lockClass)} ` +
        `(${context.layout.describe(address)}), which it holds already.`,
    );
  }

  /** The slow path: spin, then sleep, until the lock is ours. */
  private contend(address: number, lockClass: LockClass, spinning: boolean, site: Site): void {
    const { context, i32 } = this;
    const cell = address >> 2;
    const me = context.current + 1;
    if ((Atomics.load(i32, cell) & OWNER_MASK) === me) this.reportRecursion(address, lockClass);
    if (this.control !== null) {
      this.contendUnderControl(this.control, address, lockClass, spinning, site);
      return;
    }
    if (!this.mayWait) {
      // The lock may have become free since we looked: then it is ours, else its owner is named.
      const seen = Atomics.compareExchange(i32, cell, 0, me);
      if (seen === 0) {
        context.noteAcquired(address, lockClass, false, 0);
        if (spinning) context.preemptDisable();
        return;
      }
      const owner = context.tasks.nameOf((seen & OWNER_MASK) - 1);
      context.wouldBlock(
        `${context.classes.nameOf(lockClass)} (${context.layout.describe(address)}) is held by ${owner}`,
      );
    }
    const since = context.lockTime();
    context.noteWaiting(address, lockClass);
    let word = me;
    const rounds = spinning ? SPIN_ROUNDS : MUTEX_SPIN_ROUNDS;
    let waitedMs = 0;
    for (;;) {
      if (this.spin(cell, word, rounds)) break;
      const seen = Atomics.load(i32, cell);
      if (seen === 0) continue;
      const contended = seen | CONTENDED;
      if (seen !== contended && Atomics.compareExchange(i32, cell, seen, contended) !== seen) continue;
      const verdict = Atomics.wait(i32, cell, contended, WAIT_SLICE_MS);
      // Having slept, we cannot know whether others still do: take the lock as contended, so that our unlock wakes the next.
      word = me | CONTENDED;
      if (verdict === 'timed-out') waitedMs += WAIT_SLICE_MS;
      checkWait(context, address, lockClass, waitedMs, this.deadOwner(cell));
    }
    context.noteRunning();
    context.noteAcquired(address, lockClass, true, since);
    if (spinning) context.preemptDisable();
  }

  /** The same for a thread under a chosen schedule: it neither spins nor sleeps, and nobody else runs between look and step. */
  private contendUnderControl(
    control: Control,
    address: number,
    lockClass: LockClass,
    spinning: boolean,
    site: Site,
  ): void {
    const { context, i32 } = this;
    const cell = address >> 2;
    const me = context.current + 1;
    const since = context.lockTime();
    context.noteWaiting(address, lockClass);
    for (;;) {
      const seen = Atomics.load(i32, cell);
      if (seen === 0) break;
      // Whoever drops it sees that somebody waits, and wakes us.
      Atomics.store(i32, cell, seen | CONTENDED);
      block(control, address, false, site);
    }
    Atomics.store(i32, cell, me);
    context.noteRunning();
    context.noteAcquired(address, lockClass, true, since);
    if (spinning) context.preemptDisable();
  }

  /**
   * The owner of a lock if its thread has ended, else -1. The word is asked, not the list of the task: a thread can end between taking the
   * word and noting it.
   */
  private deadOwner(cell: number): number {
    const owner = (Atomics.load(this.i32, cell) & OWNER_MASK) - 1;
    return owner >= 0 && this.context.tasks.isDead(owner) ? owner : -1;
  }

  private spin(cell: number, word: number, rounds: number): boolean {
    const i32 = this.i32;
    for (let round = rounds; round > 0; round--) {
      if (Atomics.load(i32, cell) === 0 && Atomics.compareExchange(i32, cell, 0, word) === 0) return true;
      for (let pause = PAUSE_ROUNDS; pause > 0; pause--);
    }
    return false;
  }
}

/**
 * What every waiter asks between two slices of its wait.
 * @param context - the waiting thread
 * @param address - what it waits for
 * @param lockClass - class of the lock, -1 for a wait queue
 * @param waitedMs - how long so far, in milliseconds, counted in whole slices
 * @param deadOwner - the dead task that will never give it up, -1 if there is none
 * @throws {@link MisuseError} `ERR_MACHINE_STOPPED`; stops the machine when the owner died or the limit is reached
 */
export function checkWait(
  context: Context,
  address: number,
  lockClass: LockClass,
  waitedMs: number,
  deadOwner: number,
): void {
  context.panic.check();
  if (deadOwner < 0 && waitedMs < context.options.waitLimitMs) return;
  const { tasks } = context;
  const what = lockClass >= 0 ? context.classes.nameOf(lockClass) : 'wait queue';
  const name = `${what} (${context.layout.describe(address)})`;
  const me = tasks.nameOf(context.current);
  if (deadOwner >= 0) {
    context.bug(
      `Owner died: ${tasks.nameOf(deadOwner)} (task ${deadOwner}) ended while holding or taking ${name}, for which ${me} waits.`,
    );
  }
  context.bug(
    `${me} has waited ${waitedMs} ms for ${name}: the limit is reached. It is held by ${tasks.holdersOf(address)}.`,
  );
}

/** A spinlock with a fixed place. */
export class SpinLock {
  /** Byte address of the lock word. */
  readonly address: number;
  private readonly locks: Locks;
  private readonly lockClass: LockClass;

  /**
   * @param locks - this thread's primitives
   * @param address - of the lock word
   * @param lockClass - its class
   */
  constructor(locks: Locks, address: number, lockClass: LockClass) {
    if (address <= 0 || address % 4 !== 0)
      throw new MisuseError('ERR_INVALID_ARGUMENT', `No lock word can lie at ${address}.`);
    this.locks = locks;
    this.address = address;
    this.lockClass = lockClass;
  }

  /** Takes it. @point obj=this.address kind=lock @fastpath */
  lock(site: Site = NOSITE): void {
    this.locks.spinLock(this.address, this.lockClass, site);
  }

  /** Takes it if it is free. @point obj=this.address kind=trylock */
  tryLock(site: Site = NOSITE): boolean {
    return this.locks.spinTryLock(this.address, this.lockClass, site);
  }

  /** Drops it. @point obj=this.address kind=unlock */
  unlock(site: Site = NOSITE): void {
    this.locks.spinUnlock(this.address, this.lockClass, site);
  }

  /**
   * A critical section in WASM has dropped it; see {@link Locks.droppedInWasm}.
   * @param word - what the word was, more than our own number
   */
  droppedInWasm(word: number): void {
    this.locks.droppedInWasm(this.address, this.lockClass, word);
  }
}

/** A mutex with a fixed place. */
export class Mutex {
  /** Byte address of the lock word. */
  readonly address: number;
  private readonly locks: Locks;
  private readonly lockClass: LockClass;

  /**
   * @param locks - this thread's primitives
   * @param address - of the lock word
   * @param lockClass - its class
   */
  constructor(locks: Locks, address: number, lockClass: LockClass) {
    if (address <= 0 || address % 4 !== 0)
      throw new MisuseError('ERR_INVALID_ARGUMENT', `No lock word can lie at ${address}.`);
    this.locks = locks;
    this.address = address;
    this.lockClass = lockClass;
  }

  /** Takes it; may sleep. @point obj=this.address kind=lock @fastpath */
  lock(site: Site = NOSITE): void {
    this.locks.mutexLock(this.address, this.lockClass, site);
  }

  /** Takes it if it is free. @point obj=this.address kind=trylock */
  tryLock(site: Site = NOSITE): boolean {
    return this.locks.mutexTryLock(this.address, this.lockClass, site);
  }

  /** Drops it. @point obj=this.address kind=unlock */
  unlock(site: Site = NOSITE): void {
    this.locks.mutexUnlock(this.address, this.lockClass, site);
  }
}
