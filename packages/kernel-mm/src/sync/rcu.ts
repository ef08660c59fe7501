/**
 * Read-copy-update, small: readers who never wait, and a writer who waits until all readers that could know the old state have left.
 *
 * Use: a reader puts its look at a shared structure between {@link Rcu.readLock} and {@link Rcu.readUnlock}. A writer changes the structure
 * so that each single store leaves it whole, then calls {@link Rcu.synchronizeRcu}; when that returns, no reader is left who began before
 * the change, and what was taken out may be reused. @kernel kernel/rcutree.c, 2.6.34, without preemption: a reader must not sleep
 *
 * How it works: each task counts the ends of its outermost sections in its own cell, so the number is odd inside of one. The writer reads
 * each task's cell once; where it is odd, it waits until it changes. So it never waits for a reader that begins later.
 *
 * Callers keep two rules. The first look inside a section is an atomic load: the store to the own cell comes before it in the one order
 * of all atomic operations, so either the writer sees the reader, or the reader sees the change. And what the writer takes out keeps its
 * links until `synchronizeRcu` has returned: a reader may be standing on it.
 *
 * As with locks, no wait is without end: the end of a reader's thread inside a section, the stop of the machine, and the limit of the wait
 * each end in a report. A view that must not wait gets `ERR_WOULD_BLOCK` where it would have to.
 */
import type { Context } from './context.js';
import { checkWait, WAIT_SLICE_MS } from './locks.js';
import { block, NOSITE as NO_SITE, POINT_LOCK, POINT_UNLOCK, type Site } from './point.js';
import { TASK, TASK_DEAD, TASK_FREE, TASKS_MAX } from './task.js';

/** The {@link NO_SITE} of points; an imported constant is loaded and checked at each use, one of this module is not. */
const NOSITE: Site = NO_SITE;
const CELL = TASK.rcu >> 2;
const NESTING = TASK.rcuNesting >> 2;
/** Set in the number of a task that is inside a section. */
const READING = 1;
/** Set beside the number while a writer sleeps on it. */
const WAITED = 0x4000_0000;
const NUMBER_MASK = WAITED - 1;

/** Read-copy-update of one thread. Has no state of its own: any number of objects on one context are the same. */
export class Rcu {
  /** Byte address of the cell in which the running task says whether it reads. */
  readonly cell: number;
  private readonly context: Context;
  private readonly i32: Int32Array;

  /** @param context - the running thread */
  constructor(context: Context) {
    this.cell = context.tasks.addressOf(context.current) + TASK.rcu;
    this.context = context;
    this.i32 = context.cells.arena.i32;
  }

  /**
   * Begins a section, in which the task must not sleep. Sections may lie in each other; the outermost one counts. Never waits.
   * @kernel include/linux/rcupdate.h rcu_read_lock @point obj=this.cell kind=lock
   */
  readLock(site: Site = NOSITE): void {
    const { context, i32 } = this;
    if (context.cells.hook !== null) context.cells.hook(POINT_LOCK, this.cell, site);
    const task = context.tasks.addressOf(context.current) >> 2;
    context.preemptDisable();
    const nesting = i32[task + NESTING]!;
    i32[task + NESTING] = nesting + 1;
    // Nobody sleeps on an even number, so there is no bit to keep.
    if (nesting === 0) Atomics.store(i32, task + CELL, (i32[task + CELL]! + 1) & NUMBER_MASK);
  }

  /** Ends a section, and wakes the writers that wait for it. Never waits. @kernel include/linux/rcupdate.h rcu_read_unlock @point obj=this.cell kind=unlock */
  readUnlock(site: Site = NOSITE): void {
    const { context, i32 } = this;
    if (context.cells.hook !== null) context.cells.hook(POINT_UNLOCK, this.cell, site);
    const task = context.tasks.addressOf(context.current) >> 2;
    const nesting = i32[task + NESTING]! - 1;
    if (nesting < 0) {
      context.bug(`${context.tasks.nameOf(context.current)} ends an RCU section, but is not inside of one.`);
    }
    i32[task + NESTING] = nesting;
    if (nesting === 0) {
      const next = (i32[task + CELL]! + 1) & NUMBER_MASK;
      if ((Atomics.exchange(i32, task + CELL, next) & WAITED) !== 0) this.wakeWriters();
    }
    context.preemptEnable();
  }

  private wakeWriters(): void {
    const { control } = this.context.options;
    if (control !== null) control.wake(this.cell);
    else Atomics.notify(this.i32, this.cell >> 2);
  }

  /** Whether the running task is inside a section. */
  isReading(): boolean {
    return this.i32[(this.context.tasks.addressOf(this.context.current) >> 2) + NESTING]! > 0;
  }

  /**
   * Waits until every section that had begun before the call has ended. May sleep; the caller holds no spinlock and is inside no section.
   * @throws MisuseError `ERR_WOULD_BLOCK` when a task is inside a section and this view must not wait
   * @kernel kernel/rcutree_plugin.h synchronize_rcu, 2.6.34
   */
  synchronizeRcu(site: Site = NOSITE): void {
    const { context } = this;
    context.cells.announceWait(this.cell, site);
    context.mightSleep('waiting for readers under RCU');
    for (let id = 0; id < TASKS_MAX; id++) this.waitForReader(id, site);
  }

  /**
   * Waits until a task has left the section it is in now, if it is in one.
   * @param id - of any task
   */
  waitForReader(id: number, site: Site = NOSITE): void {
    const { context, i32 } = this;
    const address = context.tasks.addressOf(id) + TASK.rcu;
    const number = Atomics.load(i32, address >> 2) & NUMBER_MASK;
    if ((number & READING) === 0) return;
    let waitedMs = 0;
    for (;;) {
      const seen = Atomics.load(i32, address >> 2);
      if ((seen & NUMBER_MASK) !== number || context.tasks.stateOf(id) === TASK_FREE) break;
      if (!context.canWait()) {
        context.wouldBlock(`${context.tasks.nameOf(id)} is reading under RCU`);
      }
      context.noteWaiting(address, -1);
      this.checkReader(id, address, waitedMs);
      const waited = seen | WAITED;
      if (waited !== seen && Atomics.compareExchange(i32, address >> 2, seen, waited) !== seen) continue;
      if (context.options.control !== null) block(context.options.control, address, false, site);
      else if (Atomics.wait(i32, address >> 2, waited, WAIT_SLICE_MS) === 'timed-out')
        waitedMs += WAIT_SLICE_MS;
    }
    context.noteRunning();
  }

  /** What a writer asks before each slice of its wait. */
  private checkReader(id: number, address: number, waitedMs: number): void {
    const { context } = this;
    const { tasks } = context;
    if (tasks.stateOf(id) === TASK_DEAD) {
      context.bug(
        `Owner died: ${tasks.nameOf(id)} (task ${id}) ended while reading under RCU; ` +
          `${tasks.nameOf(context.current)} waits for it.`,
      );
    }
    if (waitedMs >= context.options.waitLimitMs) {
      context.bug(
        `${tasks.nameOf(context.current)} has waited ${waitedMs} ms for ${tasks.nameOf(id)} (task ${id}) ` +
          'to end its section under RCU: the limit is reached.',
      );
    }
    checkWait(context, address, -1, 0, -1);
  }
}
