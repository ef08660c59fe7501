/**
 * The context of the running thread: `current`, its held locks, and everything a lock needs to know.
 *
 * Promise: taking and dropping a lock keeps the task's list of held locks and its preempt count; sleeping with a preempt count above 0,
 * holding too many locks and releasing a lock one does not hold stop the machine with a report that says who, where and for how long.
 *
 * `current` is the only state here that is not in the arena; a stepped engine switches it before it resumes a logical thread.
 */
import type { Layout } from '../arena/layout.js';
import { KernelBug, MisuseError } from '../errno.js';
import type { Cells } from './cells.js';
import type { LockClass, LockClasses, LockStats } from './lock-classes.js';
import type { Panic } from './panic.js';
import { giveWay, NOSITE as NO_SITE, type Clock, type Control, type Site } from './point.js';
import { HELD_LOCKS_MAX, TASK, type TaskInfo, type Tasks } from './task.js';

// Places in a task context, in words (of 8 bytes for times). They are constants of this module because an imported one is loaded and checked
// at each use, which costs more than the lock itself.
const FLAGS = TASK.flags >> 2;
const PREEMPT_COUNT = TASK.preemptCount >> 2;
const STEPS = TASK.steps >> 2;
const HELD_COUNT = TASK.heldCount >> 2;
const HELD_ADDRESS = TASK.heldAddress >> 2;
const HELD_CLASS = TASK.heldClass >> 2;
const HELD_SINCE = TASK.heldSince >> 3;
const WAIT_ADDRESS = TASK.waitAddress >> 2;
const WAIT_CLASS = TASK.waitClass >> 2;
const WAIT_SINCE = TASK.waitSince >> 3;
const SIGNAL = TASK.signal >> 2;
const HELD_MAX = HELD_LOCKS_MAX;
const NOSITE: Site = NO_SITE;

/** How a thread is attached, as far as locks are concerned. */
export interface ContextOptions {
  /** Whether this thread may wait. A view of the main thread may not: it gets `ERR_WOULD_BLOCK` instead. */
  readonly mayWait: boolean;
  /** Source of times for statistics and reports, or null for none. */
  readonly clock: Clock | null;
  /** Whether lock statistics are counted. */
  readonly lockStats: boolean;
  /** Longest wait in milliseconds before the machine stops with a report. */
  readonly waitLimitMs: number;
  /** Whether somebody will hear of locks ({@link Context.observeLocks}); false when left out. */
  readonly lockEvents?: boolean;
  /** What runs this thread under a chosen schedule, or null in the free way. Then it waits by that alone. */
  readonly control: Control | null;
}

/**
 * Hears of each wait for a lock, and of each time one was held. Called by the thread itself, with the lock held; it must not wait and must not
 * take locks.
 */
export interface LockObserver {
  /** The time that counts: what is later given as `since` and `until`. */
  stamp(): number;

  /**
   * A lock was found taken, and was waited for.
   * @param address - of the lock word
   * @param lockClass - its class
   * @param since - when the wait began
   * @param until - when the lock was taken
   */
  lockContended(address: number, lockClass: LockClass, since: number, until: number): void;

  /**
   * A lock is about to be dropped.
   * @param address - of the lock word
   * @param lockClass - its class
   * @param since - when it was taken
   * @param until - now
   */
  lockHeld(address: number, lockClass: LockClass, since: number, until: number): void;
}

/** Longest wait when nothing else is asked for, in milliseconds. */
export const WAIT_LIMIT_MS_DEFAULT = 60_000;

/** The running thread's context. One per attached thread. */
export class Context {
  readonly cells: Cells;
  readonly tasks: Tasks;
  readonly panic: Panic;
  readonly classes: LockClasses;
  readonly options: ContextOptions;
  readonly layout: Layout;
  /** Id of the running task. @perthread */
  current: number;
  /** Index of the first word of the running task's context. @perthread */
  private task: number;
  private readonly i32: Int32Array;
  private readonly f64: Float64Array;
  private readonly clock: Clock | null;
  private readonly stats: LockStats | null;
  private observer: LockObserver | null = null;
  /** Whether there is a clock, statistics or somebody who listens: something to do besides keeping the list. */
  private readonly measured: boolean;

  /**
   * @param cells - this thread's accessors
   * @param parts - the machine's tasks, panic switch, lock classes, statistics and layout
   * @param options - how this thread is attached
   * @param current - id of the claimed task
   */
  constructor(
    cells: Cells,
    parts: {
      readonly tasks: Tasks;
      readonly panic: Panic;
      readonly classes: LockClasses;
      readonly stats: LockStats;
      readonly layout: Layout;
    },
    options: ContextOptions,
    current: number,
  ) {
    this.cells = cells;
    this.tasks = parts.tasks;
    this.panic = parts.panic;
    this.classes = parts.classes;
    this.layout = parts.layout;
    this.options = options;
    this.current = current;
    this.task = parts.tasks.addressOf(current) >> 2;
    this.i32 = cells.arena.i32;
    this.f64 = cells.arena.f64;
    this.clock = options.clock;
    this.stats = options.lockStats ? parts.stats : null;
    this.measured = options.clock !== null || options.lockStats || options.lockEvents === true;
  }

  /**
   * Says who hears of locks from now on; nobody does where the thread was not attached for it. Called once, at attach, with no lock held.
   * @param observer - who
   */
  observeLocks(observer: LockObserver): void {
    if (this.options.lockEvents === true) this.observer = observer;
  }

  /**
   * Switches the running task; for an engine that runs logical threads.
   * @param id - a claimed task
   */
  switchTo(id: number): void {
    this.current = id;
    this.task = this.tasks.addressOf(id) >> 2;
  }

  /**
   * Stops the machine.
   * @param sentence - what is broken, with values; who and where are added
   */
  bug(sentence: string): never {
    const report = `${sentence}\n${this.describe()}`;
    this.panic.stop(this.current, report);
    // Those who wait learn of it now, not at the end of their slice.
    this.tasks.wakeAll();
    throw new KernelBug(report);
  }

  /**
   * Stops the machine unless a condition holds.
   * @param condition - the invariant
   * @param sentence - what should hold; a fixed text, since it is there on every call. With values: `if (!condition) bug(...)`
   */
  assert(condition: boolean, sentence: string): asserts condition {
    if (!condition) this.bug(`Assertion failed: ${sentence}`);
  }

  /**
   * Says that the caller may sleep here. @kernel might_sleep
   * @param what - what it is about to do, for the report
   */
  mightSleep(what: string): void {
    const depth = this.i32[this.task + PREEMPT_COUNT]!;
    if (depth !== 0) this.bug(`Sleeping in atomic context: ${what} with ${depth} spinlock(s) held.`);
  }

  /** Counts one step of progress; the watchdog looks at it. */
  step(): void {
    this.i32[this.task + STEPS]! += 1;
  }

  /**
   * Lets others run for a moment, in a loop that waits for somebody else's progress. @kernel cond_resched
   * @param round - how often the loop has turned; the first turns only spin, later ones sleep up to a millisecond
   * @param site - where in the source
   * @throws `ERR_MACHINE_STOPPED` when the machine has stopped
   */
  relax(round: number, site: Site = NOSITE): void {
    this.step();
    this.panic.check();
    const { control } = this.options;
    if (control !== null) {
      giveWay(control, site);
      return;
    }
    if (round < 8 || !this.options.mayWait || !this.cells.arena.shared) return;
    const cell = this.task + STEPS;
    Atomics.wait(this.i32, cell, this.i32[cell]!, Math.min(1, round / 64));
  }

  /** Current task flags, `PF_...`. */
  taskFlags(): number {
    return this.i32[this.task + FLAGS]!;
  }

  /**
   * Replaces the task flags.
   * @param flags - `PF_...`
   */
  setTaskFlags(flags: number): void {
    this.i32[this.task + FLAGS] = flags;
  }

  /** Whether a signal waits for the running task. @kernel signal_pending */
  signalPending(): boolean {
    return this.cells.atomicLoad((this.task + SIGNAL) << 2) !== 0;
  }

  /** Takes a waiting signal away, as a task does on its way back to its own code. @kernel flush_signals */
  clearSignal(): void {
    Atomics.store(this.i32, this.task + SIGNAL, 0);
  }

  /** Time in ns, 0 without a clock. */
  now(): number {
    return this.clock === null ? 0 : this.clock();
  }

  /** The time that counts for locks, which is also that of {@link noteAcquired}: {@link now}, or the time of who hears of them. */
  lockTime(): number {
    return this.observer === null ? this.now() : this.observer.stamp();
  }

  /** Whether this task holds the lock at an address, by its own list. */
  holds(address: number): boolean {
    const count = this.i32[this.task + HELD_COUNT]!;
    const first = this.task + HELD_ADDRESS;
    for (let index = 0; index < count; index++) if (this.i32[first + index] === address) return true;
    return false;
  }

  /**
   * Stops the machine unless this task holds a lock. @kernel lockdep_assert_held
   * @param address - the lock word
   * @param who - the function that needs it
   */
  assertHeld(address: number, who: string): void {
    if (!this.holds(address))
      this.bug(`${who} needs ${this.layout.describe(address)}, which this task does not hold.`);
  }

  /** Enters a spinlock's critical section: the task must not sleep from here on. */
  preemptDisable(): void {
    this.i32[this.task + PREEMPT_COUNT]! += 1;
  }

  /** Leaves a spinlock's critical section. */
  preemptEnable(): void {
    this.i32[this.task + PREEMPT_COUNT]! -= 1;
  }

  /**
   * Notes a lock as held and counts it.
   * @param address - the lock word
   * @param lockClass - its class
   * @param contended - whether it was found taken
   * @param since - when the wait began, ns; ignored when not contended
   */
  noteAcquired(address: number, lockClass: LockClass, contended: boolean, since: number): void {
    const { i32, task } = this;
    const count = i32[task + HELD_COUNT]!;
    if (count >= HELD_MAX) this.reportTooMany(address, count);
    i32[task + HELD_ADDRESS + count] = address;
    i32[task + HELD_CLASS + count] = lockClass;
    i32[task + HELD_COUNT] = count + 1;
    i32[task + STEPS]! += 1;
    if (this.measured) this.measureAcquired(address, lockClass, contended, since);
  }

  /**
   * Forgets a held lock. Called before the lock word is released, so that the list never names a lock someone else owns.
   * @param address - the lock word
   * @param lockClass - its class
   * @returns false when the task does not hold it; nothing is changed then
   */
  noteReleased(address: number, lockClass: LockClass): boolean {
    const { i32, task } = this;
    if (this.measured) this.measureReleased(address, lockClass);
    // Locks are mostly dropped in reverse order.
    const last = i32[task + HELD_COUNT]! - 1;
    if (last < 0 || i32[task + HELD_ADDRESS + last] !== address) return this.forgetEarlier(address, last);
    i32[task + HELD_COUNT] = last;
    return true;
  }

  // What follows is apart so that the paths above stay small enough to be inlined, together, into every critical section.

  private reportTooMany(address: number, count: number): never {
    return this.bug(
      `Taking ${this.layout.describe(address)} while holding ${count} locks, the most there can be.`,
    );
  }

  /** Takes a lock out of the list that is not the last one there. */
  private forgetEarlier(address: number, last: number): boolean {
    const index = this.findHeld(address);
    if (index < 0) return false;
    const { i32, f64 } = this;
    const addresses = this.task + HELD_ADDRESS;
    const classes = this.task + HELD_CLASS;
    const since = (this.task >> 1) + HELD_SINCE;
    for (let place = index; place < last; place++) {
      i32[addresses + place] = i32[addresses + place + 1]!;
      i32[classes + place] = i32[classes + place + 1]!;
      f64[since + place] = f64[since + place + 1]!;
    }
    i32[this.task + HELD_COUNT] = last;
    return true;
  }

  /** Place of a lock in the list of held ones, -1 when it is not there. */
  private findHeld(address: number): number {
    let index = this.i32[this.task + HELD_COUNT]! - 1;
    while (index >= 0 && this.i32[this.task + HELD_ADDRESS + index] !== address) index--;
    return index;
  }

  /** Counts the lock that was just put at the end of the list, and tells of the wait for it. */
  private measureAcquired(address: number, lockClass: LockClass, contended: boolean, since: number): void {
    const now = this.lockTime();
    this.f64[(this.task >> 1) + HELD_SINCE + this.i32[this.task + HELD_COUNT]! - 1] = now;
    if (this.stats !== null)
      this.stats.acquired(this.current, lockClass, contended, contended ? now - since : 0);
    if (contended && this.observer !== null) this.observer.lockContended(address, lockClass, since, now);
  }

  private measureReleased(address: number, lockClass: LockClass): void {
    const index = this.findHeld(address);
    if (index < 0 || (this.stats === null && this.observer === null)) return;
    const since = this.f64[(this.task >> 1) + HELD_SINCE + index]!;
    const now = this.lockTime();
    if (this.stats !== null) this.stats.released(this.current, lockClass, now - since);
    if (this.observer !== null) this.observer.lockHeld(address, lockClass, since, now);
  }

  /**
   * Publishes what the task is about to wait for, so that others can report it and wake it.
   * @param address - the cell it waits on
   * @param lockClass - class of the lock, -1 for a wait queue
   */
  noteWaiting(address: number, lockClass: LockClass): void {
    this.i32[this.task + WAIT_CLASS] = lockClass;
    this.f64[(this.task >> 1) + WAIT_SINCE] = this.now();
    Atomics.store(this.i32, this.task + WAIT_ADDRESS, address);
  }

  /**
   * Publishes what the task is about to take or drop, for objects whose word does not name its holder: should the thread end while its list
   * and the word differ, others find it by this. {@link noteRunning} ends it.
   * @param address - the word
   * @param lockClass - its class
   */
  noteTouching(address: number, lockClass: LockClass): void {
    this.i32[this.task + WAIT_CLASS] = lockClass;
    this.f64[(this.task >> 1) + WAIT_SINCE] = 0;
    this.i32[this.task + WAIT_ADDRESS] = address;
  }

  /** The task runs again. Nobody acts on this cell of a living task, so a plain store is enough. */
  noteRunning(): void {
    this.i32[this.task + WAIT_ADDRESS] = 0;
  }

  /** Whether the task can wait for others: it may, and either the threads share the memory or who runs next is chosen. */
  canWait(): boolean {
    const { mayWait, control } = this.options;
    return mayWait && (control !== null || this.cells.arena.shared);
  }

  /**
   * Throws because this view must not wait.
   * @param what - what it would have waited for
   * @throws {@link MisuseError} `ERR_WOULD_BLOCK`
   */
  wouldBlock(what: string): never {
    throw new MisuseError(
      'ERR_WOULD_BLOCK',
      `This view must not wait, but ${what}. A view of the main thread is for use alone; call this from a worker.`,
    );
  }

  /** Who runs, what it holds, what the others hold and wait for: the body of every report. */
  describe(): string {
    return describeTasks(this.tasks.list(), this, this.current);
  }
}

/**
 * Writes a list of tasks for people.
 * @param infos - from {@link Tasks.list}
 * @param names - the machine's names and its clock
 * @param current - task to mark as the reporting one, -1 for none
 */
export function describeTasks(
  infos: readonly TaskInfo[],
  names: { readonly layout: Layout; readonly classes: LockClasses; now(): number },
  current: number,
): string {
  const now = names.now();
  const lines: string[] = [];
  for (const info of infos) {
    const parts = [
      `${info.id === current ? '>' : ' '} ${info.name} (task ${info.id}, ${info.state}, ${info.steps} steps)`,
    ];
    for (const held of info.held) {
      parts.push(`holds ${lockName(names, held.address, held.lockClass)}${since(now, held.since)}`);
    }
    if (info.waitAddress !== 0) {
      parts.push(
        `waits for ${lockName(names, info.waitAddress, info.waitClass)}${since(now, info.waitSince)}`,
      );
    }
    lines.push(parts.join('; '));
  }
  return lines.join('\n');
}

/** Class and place of a lock, `'page_lock mem_map[7]+12'`; once only where both have the same name. */
function lockName(
  names: { readonly layout: Layout; readonly classes: LockClasses },
  address: number,
  lockClass: LockClass,
): string {
  const what = lockClass >= 0 ? names.classes.nameOf(lockClass) : 'wait queue';
  const place = names.layout.describe(address);
  return place.startsWith(what) ? place : `${what} ${place}`;
}

function since(now: number, then: number): string {
  return now > 0 && then > 0 ? ` for ${((now - then) / 1e6).toFixed(1)} ms` : '';
}
