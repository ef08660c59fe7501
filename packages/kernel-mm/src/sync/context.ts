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
import type { Clock } from './point.js';
import { HELD_LOCKS_MAX, TASK, type TaskInfo, type Tasks } from './task.js';

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
  /** Byte address of the running task's context. @perthread */
  private task: number;
  private readonly i32: Int32Array;
  private readonly f64: Float64Array;
  private readonly clock: Clock | null;
  private readonly stats: LockStats | null;

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
    this.task = parts.tasks.addressOf(current);
    this.i32 = cells.arena.i32;
    this.f64 = cells.arena.f64;
    this.clock = options.clock;
    this.stats = options.lockStats ? parts.stats : null;
  }

  /**
   * Switches the running task; for an engine that runs logical threads.
   * @param id - a claimed task
   */
  switchTo(id: number): void {
    this.current = id;
    this.task = this.tasks.addressOf(id);
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
   * @param sentence - what is broken when it does not hold
   */
  assert(condition: boolean, sentence: string): asserts condition {
    if (!condition) this.bug(`Assertion failed: ${sentence}`);
  }

  /**
   * Says that the caller may sleep here. @kernel might_sleep
   * @param what - what it is about to do, for the report
   */
  mightSleep(what: string): void {
    const depth = this.i32[(this.task + TASK.preemptCount) >> 2]!;
    if (depth !== 0) this.bug(`Sleeping in atomic context: ${what} with ${depth} spinlock(s) held.`);
  }

  /** Counts one step of progress; the watchdog looks at it. */
  step(): void {
    this.i32[(this.task + TASK.steps) >> 2]! += 1;
  }

  /**
   * Lets others run for a moment, in a loop that waits for somebody else's progress. @kernel cond_resched
   * @param round - how often the loop has turned; the first turns only spin, later ones sleep up to a millisecond
   * @throws `ERR_MACHINE_STOPPED` when the machine has stopped
   */
  relax(round: number): void {
    this.step();
    this.panic.check();
    if (round < 8 || !this.options.mayWait || !this.cells.arena.shared) return;
    const cell = (this.task + TASK.steps) >> 2;
    Atomics.wait(this.i32, cell, this.i32[cell]!, Math.min(1, round / 64));
  }

  /** Current task flags, `PF_...`. */
  taskFlags(): number {
    return this.i32[(this.task + TASK.flags) >> 2]!;
  }

  /**
   * Replaces the task flags.
   * @param flags - `PF_...`
   */
  setTaskFlags(flags: number): void {
    this.i32[(this.task + TASK.flags) >> 2] = flags;
  }

  /** Time in ns, 0 without a clock. */
  now(): number {
    return this.clock === null ? 0 : this.clock();
  }

  /** Whether this task holds the lock at an address, by its own list. */
  holds(address: number): boolean {
    const count = this.i32[(this.task + TASK.heldCount) >> 2]!;
    const first = (this.task + TASK.heldAddress) >> 2;
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
    this.i32[(this.task + TASK.preemptCount) >> 2]! += 1;
  }

  /** Leaves a spinlock's critical section. */
  preemptEnable(): void {
    this.i32[(this.task + TASK.preemptCount) >> 2]! -= 1;
  }

  /**
   * Notes a lock as held and counts it.
   * @param address - the lock word
   * @param lockClass - its class
   * @param contended - whether it was found taken
   * @param since - when the wait began, ns; ignored when not contended
   */
  noteAcquired(address: number, lockClass: LockClass, contended: boolean, since: number): void {
    const cells = this.i32;
    const countCell = (this.task + TASK.heldCount) >> 2;
    const count = cells[countCell]!;
    if (count >= HELD_LOCKS_MAX)
      this.bug(
        `Taking ${this.layout.describe(address)} while holding ${count} locks, the most there can be.`,
      );
    cells[((this.task + TASK.heldAddress) >> 2) + count] = address;
    cells[((this.task + TASK.heldClass) >> 2) + count] = lockClass;
    cells[countCell] = count + 1;
    cells[(this.task + TASK.steps) >> 2]! += 1;
    if (this.clock === null) {
      if (this.stats !== null) this.stats.acquired(this.current, lockClass, contended, 0);
      return;
    }
    const now = this.clock();
    this.f64[((this.task + TASK.heldSince) >> 3) + count] = now;
    if (this.stats !== null)
      this.stats.acquired(this.current, lockClass, contended, contended ? now - since : 0);
  }

  /**
   * Forgets a held lock. Called before the lock word is released, so that the list never names a lock someone else owns.
   * @param address - the lock word
   * @param lockClass - its class
   */
  noteReleased(address: number, lockClass: LockClass): void {
    const cells = this.i32;
    const countCell = (this.task + TASK.heldCount) >> 2;
    const last = cells[countCell]! - 1;
    const addresses = (this.task + TASK.heldAddress) >> 2;
    let index = last;
    while (index >= 0 && cells[addresses + index] !== address) index--;
    if (index < 0)
      this.bug(
        `Unlock of ${this.layout.describe(address)} (${this.classes.nameOf(lockClass)}), which this task does not hold.`,
      );
    if (this.clock !== null && this.stats !== null) {
      this.stats.released(
        this.current,
        lockClass,
        this.clock() - this.f64[((this.task + TASK.heldSince) >> 3) + index]!,
      );
    }
    // Locks are mostly dropped in reverse order; otherwise close the gap.
    const classes = (this.task + TASK.heldClass) >> 2;
    const since = (this.task + TASK.heldSince) >> 3;
    for (; index < last; index++) {
      cells[addresses + index] = cells[addresses + index + 1]!;
      cells[classes + index] = cells[classes + index + 1]!;
      this.f64[since + index] = this.f64[since + index + 1]!;
    }
    cells[countCell] = last;
  }

  /**
   * Publishes what the task is about to wait for, so that others can report it and wake it.
   * @param address - the cell it waits on
   * @param lockClass - class of the lock, -1 for a wait queue
   */
  noteWaiting(address: number, lockClass: LockClass): void {
    this.i32[(this.task + TASK.waitClass) >> 2] = lockClass;
    this.f64[(this.task + TASK.waitSince) >> 3] = this.now();
    Atomics.store(this.i32, (this.task + TASK.waitAddress) >> 2, address);
  }

  /**
   * Publishes what the task is about to take or drop, for objects whose word does not name its holder: should the thread end while its list
   * and the word differ, others find it by this. {@link noteRunning} ends it.
   * @param address - the word
   * @param lockClass - its class
   */
  noteTouching(address: number, lockClass: LockClass): void {
    this.i32[(this.task + TASK.waitClass) >> 2] = lockClass;
    this.f64[(this.task + TASK.waitSince) >> 3] = 0;
    this.i32[(this.task + TASK.waitAddress) >> 2] = address;
  }

  /** The task runs again. Nobody acts on this cell of a living task, so a plain store is enough. */
  noteRunning(): void {
    this.i32[(this.task + TASK.waitAddress) >> 2] = 0;
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
      parts.push(
        `holds ${names.classes.nameOf(held.lockClass)} ${names.layout.describe(held.address)}${since(now, held.since)}`,
      );
    }
    if (info.waitAddress !== 0) {
      const what = info.waitClass >= 0 ? names.classes.nameOf(info.waitClass) : 'wait queue';
      parts.push(`waits for ${what} ${names.layout.describe(info.waitAddress)}${since(now, info.waitSince)}`);
    }
    lines.push(parts.join('; '));
  }
  return lines.join('\n');
}

function since(now: number, then: number): string {
  return now > 0 && then > 0 ? ` for ${((now - then) / 1e6).toFixed(1)} ms` : '';
}
