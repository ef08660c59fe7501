/**
 * Ticket spinlocks: first come, first served, as the spinlocks of x86 in 2010. They show what order costs.
 *
 * Whoever wants the lock draws the next number and spins until it is served. That is fair, and good as long as each thread has a core of its
 * own. With more threads than cores it collapses: the lock waits for the one next in line, who is not running, while those who run burn
 * their time slices behind it. The adaptive lock of `locks.ts`, the default, lets whoever runs have the lock.
 *
 * The word, one cell of 32 bits: the owner's task id plus one in bits 0 to 15, as in the adaptive lock; the number being served in bits 16 to
 * 23; the next number to draw in bits 24 to 31. Numbers are taken modulo 256; there are fewer tasks than that. The lock is free when
 * both numbers are equal. A word of 0 is free in both kinds of lock.
 *
 * The rules are those of `locks.ts`. No wait is without end here either: a waiter looks around after each {@link SLICE_ROUNDS} rounds. It
 * does not sleep, so without a clock its wait is measured in the time it spent spinning. Mutexes sleep in either kind: they stay as they are.
 */
import type { Context } from './context.js';
import type { LockClass } from './lock-classes.js';
import { checkWait, Locks, OWNER_MASK as OWNER } from './locks.js';
import { NOSITE as NO_SITE, POINT_LOCK, POINT_TRYLOCK, POINT_UNLOCK, type Site } from './point.js';

/** How the spinlocks of a machine behave: `'adaptive'` ones spin, then sleep; `'ticket'` ones are served in order. */
export type SpinlockKind = 'adaptive' | 'ticket';

/** All kinds, the default first. */
export const SPINLOCK_KINDS: readonly SpinlockKind[] = ['adaptive', 'ticket'];

/** The {@link NO_SITE} of points; an imported constant is loaded and checked at each use, one of this module is not. */
const NOSITE: Site = NO_SITE;
const OWNER_MASK = OWNER;
const SERVED_SHIFT = 16;
const SERVED_ONE = 1 << SERVED_SHIFT;
const SERVED_MASK = 0xff << SERVED_SHIFT;
const NUMBERS_MASK = 0xff;
const NEXT_SHIFT = 24;
const NEXT_ONE = 1 << NEXT_SHIFT;
/** Rounds of about 10 ns between two looks around. */
const SLICE_ROUNDS = 1_000_000;
/** What a slice counts for where there is no clock, in milliseconds. */
const SLICE_MS = 10;
const PAUSE_ROUNDS = 8;

/** Whether nobody holds the lock and nobody waits for it. */
function isFree(word: number): boolean {
  return ((word >>> SERVED_SHIFT) & NUMBERS_MASK) === word >>> NEXT_SHIFT;
}

/** The lock primitives of one thread, with ticket locks for spinlocks. */
export class TicketLocks extends Locks {
  override readonly allowWasm: boolean = false;

  /** Takes a spinlock when its turn comes. @kernel __ticket_spin_lock, x86, 2.6.34 @point obj=0 kind=lock @fastpath */
  override spinLock(address: number, lockClass: LockClass, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_LOCK, address, site);
    if (this.takeFree(address)) {
      this.context.noteAcquired(address, lockClass, false, 0);
      this.context.preemptDisable();
      return;
    }
    this.standInLine(address, lockClass);
  }

  /** Takes a spinlock if it is free and nobody waits for it. @kernel __ticket_spin_trylock, x86, 2.6.34 @point obj=0 kind=trylock */
  override spinTryLock(address: number, lockClass: LockClass, site: Site = NOSITE): boolean {
    if (this.hook !== null) this.hook(POINT_TRYLOCK, address, site);
    if (!this.takeFree(address)) return false;
    this.context.noteAcquired(address, lockClass, false, 0);
    this.context.preemptDisable();
    return true;
  }

  /** Drops a spinlock the task holds: the next number is served. @kernel __ticket_spin_unlock, x86, 2.6.34 @point obj=0 kind=unlock */
  override spinUnlock(address: number, lockClass: LockClass, site: Site = NOSITE): void {
    if (this.hook !== null) this.hook(POINT_UNLOCK, address, site);
    const { context, i32 } = this;
    // The list is corrected first: a lock on the list of a task is one it really owns.
    if (!context.noteReleased(address, lockClass)) this.reportForeignUnlock(address, lockClass);
    const cell = address >> 2;
    const me = context.current + 1;
    // Owner and number served are the owner's alone, so a plain load of them is enough. The last number must not carry into the next field.
    const isLast = (i32[cell]! & SERVED_MASK) === SERVED_MASK;
    const word = Atomics.add(i32, cell, (isLast ? SERVED_ONE - NEXT_ONE : SERVED_ONE) - me);
    if ((word & OWNER_MASK) !== me) this.reportDamage(address, lockClass, word);
    context.preemptEnable();
  }

  /** Whether anybody holds the lock, a spinlock or a mutex, or waits for it in order; true only for the moment. */
  override isLocked(address: number): boolean {
    const word = Atomics.load(this.i32, address >> 2);
    return (word & OWNER_MASK) !== 0 || !isFree(word);
  }

  /** Draws a number only if it is served at once. */
  private takeFree(address: number): boolean {
    const { i32 } = this;
    const cell = address >> 2;
    const word = Atomics.load(i32, cell);
    if (!isFree(word)) return false;
    const taken = (word + NEXT_ONE + this.context.current + 1) | 0;
    return Atomics.compareExchange(i32, cell, word, taken) === word;
  }

  /** The slow path: draw a number and spin until it is served. */
  private standInLine(address: number, lockClass: LockClass): void {
    const { context, i32 } = this;
    const cell = address >> 2;
    const me = context.current + 1;
    if ((Atomics.load(i32, cell) & OWNER_MASK) === me) this.reportRecursion(address, lockClass);
    if (!this.mayWait) {
      this.takeOrRefuse(address, lockClass);
      return;
    }
    const since = context.lockTime();
    // Said before the number is drawn: should this thread end, nobody after it is ever served, and this is how they learn of it.
    context.noteWaiting(address, lockClass);
    const number = Atomics.add(i32, cell, NEXT_ONE) >>> NEXT_SHIFT;
    for (let slices = 1; !this.spinUntilServed(cell, number); slices++) {
      const waitedNs = context.now() - since;
      const waitedMs = waitedNs > 0 ? Math.floor(waitedNs / 1e6) : slices * SLICE_MS;
      checkWait(context, address, lockClass, waitedMs, this.deadUser(address));
    }
    Atomics.add(i32, cell, me);
    context.noteRunning();
    context.noteAcquired(address, lockClass, true, since);
    context.preemptDisable();
  }

  /** For a view that must not wait: the lock may have become free since we looked, else its owner is named. */
  private takeOrRefuse(address: number, lockClass: LockClass): void {
    const { context } = this;
    if (this.takeFree(address)) {
      context.noteAcquired(address, lockClass, false, 0);
      context.preemptDisable();
      return;
    }
    const owner = Atomics.load(this.i32, address >> 2) & OWNER_MASK;
    const holder = owner === 0 ? 'the next in line' : context.tasks.nameOf(owner - 1);
    context.wouldBlock(
      `${context.classes.nameOf(lockClass)} (${context.layout.describe(address)}) is held by ${holder}`,
    );
  }

  private spinUntilServed(cell: number, number: number): boolean {
    const { i32 } = this;
    for (let round = SLICE_ROUNDS; round > 0; round--) {
      if (((Atomics.load(i32, cell) >>> SERVED_SHIFT) & NUMBERS_MASK) === number) return true;
      for (let pause = PAUSE_ROUNDS; pause > 0; pause--);
    }
    return false;
  }

  /** A task whose thread has ended while it owned the lock or stood in line for it, else -1. */
  private deadUser(address: number): number {
    const { tasks } = this.context;
    const owner = (Atomics.load(this.i32, address >> 2) & OWNER_MASK) - 1;
    return owner >= 0 && tasks.isDead(owner) ? owner : tasks.findDeadUser(address);
  }

  private reportDamage(address: number, lockClass: LockClass, word: number): never {
    const { context } = this;
    const name = `${context.classes.nameOf(lockClass)} (${context.layout.describe(address)})`;
    return context.bug(
      `The word of ${name} is 0x${(word >>> 0).toString(16)} while ${context.tasks.nameOf(context.current)} holds it.`,
    );
  }
}

/**
 * The lock primitives of a thread. All threads of a machine use the same kind.
 * @param context - the running thread
 * @param kind - of the spinlocks
 */
export function createLocks(context: Context, kind: SpinlockKind): Locks {
  return kind === 'ticket' ? new TicketLocks(context) : new Locks(context);
}
