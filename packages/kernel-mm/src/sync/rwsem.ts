/**
 * Reader/writer semaphore: many readers or one writer, all of whom may sleep.
 *
 * The word holds the number of readers, a writer bit and a waiters bit. A writer that waits is counted, and new readers then stay behind
 * it, so that readers cannot starve writers. A reader that has slept {@link PATIENCE_ROUNDS} times stands back no longer, so that a stream of
 * writers cannot starve it either. @kernel struct rw_semaphore
 *
 * Readers are not named in the word. So a task publishes what it is about to take or drop: if its thread ends there, waiters find it by
 * that, else by its list of held locks.
 *
 * Callers hold no spinlock, and do not take a semaphore they hold already, in either way.
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Context } from './context.js';
import type { LockClass } from './lock-classes.js';
import { checkWait, WAIT_SLICE_MS } from './locks.js';
import { block, NOSITE as NO_SITE, POINT_LOCK, POINT_TRYLOCK, POINT_UNLOCK, type Site } from './point.js';

/** The {@link NO_SITE} of points; an imported constant is loaded and checked at each use, one of this module is not. */
const NOSITE: Site = NO_SITE;
const WRITER = 0x4000_0000;
const WAITERS = 0x2000_0000;
const READERS_MASK = 0xffff;
/** Sleeps of a reader after which it stands back no longer behind writers that only wait. */
const PATIENCE_ROUNDS = 16;

const RWSEM = struct('rw_semaphore', { word: 'i32', writersWaiting: 'i32' }, 64);

/**
 * Reserves semaphores, one to a cache line.
 * @param layout - not yet sealed
 * @param name - for reports
 * @param count - number of semaphores
 */
export function layoutRwSemaphores(layout: Layout, name: string, count = 1): Region {
  return layout.structs('hot', name, RWSEM, count);
}

/**
 * Whether a region holds semaphores; for detectors, to whom readers and writers are not alike.
 * @param region - of any layout
 */
export function holdsRwSemaphores(region: Region): boolean {
  return region.stride === RWSEM.$bytes && region.fields.join() === RWSEM.$fields.join();
}

/**
 * Whether the word of a semaphore says that somebody writes.
 * @param word - of a semaphore in a region that {@link holdsRwSemaphores}
 */
export function isHeldForWriting(word: number): boolean {
  return (word & WRITER) !== 0;
}

/** A reader/writer semaphore as one thread sees it. */
export class RwSemaphore {
  /** Byte address of the word. */
  readonly address: number;
  private readonly context: Context;
  private readonly lockClass: LockClass;
  private readonly i32: Int32Array;

  /**
   * @param context - the running thread
   * @param address - from {@link layoutRwSemaphores}
   * @param lockClass - its class
   */
  constructor(context: Context, address: number, lockClass: LockClass) {
    this.context = context;
    this.address = address;
    this.lockClass = lockClass;
    this.i32 = context.cells.arena.i32;
  }

  /** Takes it for reading. @kernel down_read @point obj=this.address kind=lock @fastpath */
  downRead(site: Site = NOSITE): void {
    this.enter(POINT_LOCK, site);
    if (
      this.i32[(this.address + RWSEM.writersWaiting) >> 2] === 0 &&
      Atomics.compareExchange(this.i32, this.address >> 2, 0, 1) === 0
    ) {
      this.context.noteAcquired(this.address, this.lockClass, false, 0);
      this.context.noteRunning();
      return;
    }
    this.waitFor(false, site);
  }

  /**
   * Takes it for reading if that needs no wait; a writer that waits is let go first. Nothing may be held that sleeping forbids: that is a rule of
   * {@link downRead}, too. @kernel down_read_trylock @point obj=this.address kind=trylock
   */
  tryDownRead(site: Site = NOSITE): boolean {
    this.enter(POINT_TRYLOCK, site);
    for (;;) {
      const seen = Atomics.load(this.i32, this.address >> 2);
      if ((seen & WRITER) !== 0 || Atomics.load(this.i32, (this.address + RWSEM.writersWaiting) >> 2) !== 0) {
        this.context.noteRunning();
        return false;
      }
      if (Atomics.compareExchange(this.i32, this.address >> 2, seen, seen + 1) !== seen) continue;
      this.context.noteAcquired(this.address, this.lockClass, false, 0);
      this.context.noteRunning();
      return true;
    }
  }

  /** Drops it after reading. @kernel up_read @point obj=this.address kind=unlock */
  upRead(site: Site = NOSITE): void {
    this.announce(POINT_UNLOCK, site);
    const word = this.i32[this.address >> 2]!;
    if ((word & READERS_MASK) === 0) this.context.bug(`up_read of ${this.name()}, which nobody reads.`);
    this.context.noteTouching(this.address, this.lockClass);
    if (!this.context.noteReleased(this.address, this.lockClass)) this.reportForeign();
    const before = Atomics.sub(this.i32, this.address >> 2, 1);
    this.context.noteRunning();
    if ((before & READERS_MASK) === 1 && (before & WAITERS) !== 0) this.wakeWaiters();
  }

  /** Takes it for writing. @kernel down_write @point obj=this.address kind=lock @fastpath */
  downWrite(site: Site = NOSITE): void {
    this.enter(POINT_LOCK, site);
    if (Atomics.compareExchange(this.i32, this.address >> 2, 0, WRITER) === 0) {
      this.context.noteAcquired(this.address, this.lockClass, false, 0);
      this.context.noteRunning();
      return;
    }
    this.waitFor(true, site);
  }

  /** Drops it after writing. @kernel up_write @point obj=this.address kind=unlock */
  upWrite(site: Site = NOSITE): void {
    this.announce(POINT_UNLOCK, site);
    const word = this.i32[this.address >> 2]!;
    if ((word & WRITER) === 0) this.context.bug(`up_write of ${this.name()}, which nobody writes.`);
    this.context.noteTouching(this.address, this.lockClass);
    if (!this.context.noteReleased(this.address, this.lockClass)) this.reportForeign();
    const before = Atomics.and(this.i32, this.address >> 2, ~WRITER);
    this.context.noteRunning();
    if ((before & WAITERS) !== 0) this.wakeWaiters();
  }

  private reportForeign(): never {
    const { context } = this;
    const me = context.tasks.nameOf(context.current);
    return context.bug(
      `${me} drops ${this.name()}, which it does not hold; held by ${context.tasks.holdersOf(this.address)}.`,
    );
  }

  private name(): string {
    return `${this.context.classes.nameOf(this.lockClass)} (${this.context.layout.describe(this.address)})`;
  }

  private announce(kind: number, site: Site): void {
    const hook = this.context.cells.hook;
    if (hook !== null) hook(kind, this.address, site);
  }

  private enter(kind: number, site: Site): void {
    this.announce(kind, site);
    this.context.mightSleep('taking a reader/writer semaphore');
    if (this.context.holds(this.address)) {
      this.context.bug(
        `Recursion: ${this.context.tasks.nameOf(this.context.current)} takes ${this.name()}, which it holds already.`,
      );
    }
    this.context.noteTouching(this.address, this.lockClass);
  }

  /** Clears the waiters bit, then wakes all: each looks again, and sets the bit again if it must stay. */
  private wakeWaiters(): void {
    Atomics.and(this.i32, this.address >> 2, ~WAITERS);
    const { control } = this.context.options;
    if (control !== null) control.wake(this.address);
    else Atomics.notify(this.i32, this.address >> 2);
  }

  private waitFor(writing: boolean, site: Site): void {
    const { context, i32 } = this;
    const cell = this.address >> 2;
    const writers = (this.address + RWSEM.writersWaiting) >> 2;
    const since = context.lockTime();
    let contended = false;
    let rounds = 0;
    let waitedMs = 0;
    if (writing) Atomics.add(i32, writers, 1);
    for (;;) {
      const seen = Atomics.load(i32, cell);
      const blocked = writing
        ? (seen & (WRITER | READERS_MASK)) !== 0
        : (seen & WRITER) !== 0 || (rounds < PATIENCE_ROUNDS && Atomics.load(i32, writers) !== 0);
      if (!blocked) {
        if (Atomics.compareExchange(i32, cell, seen, writing ? seen | WRITER : seen + 1) === seen) break;
        continue;
      }
      if (!context.canWait()) {
        if (writing) this.standDown(writers);
        context.noteRunning();
        context.wouldBlock(`${this.name()} is held by ${context.tasks.holdersOf(this.address)}`);
      }
      if (!contended) context.noteWaiting(this.address, this.lockClass);
      contended = true;
      const marked = seen | WAITERS;
      if (marked !== seen && Atomics.compareExchange(i32, cell, seen, marked) !== seen) continue;
      if (context.options.control !== null) block(context.options.control, this.address, false, site);
      else if (Atomics.wait(i32, cell, marked, WAIT_SLICE_MS) === 'timed-out') waitedMs += WAIT_SLICE_MS;
      rounds++;
      checkWait(context, this.address, this.lockClass, waitedMs, context.tasks.findDeadUser(this.address));
    }
    if (writing) Atomics.sub(i32, writers, 1);
    context.noteAcquired(this.address, this.lockClass, contended, since);
    context.noteRunning();
  }

  /** A writer gives up waiting: the readers that stood back behind it need not any more. */
  private standDown(writers: number): void {
    Atomics.sub(this.i32, writers, 1);
    if ((Atomics.load(this.i32, this.address >> 2) & WAITERS) !== 0) this.wakeWaiters();
  }
}
