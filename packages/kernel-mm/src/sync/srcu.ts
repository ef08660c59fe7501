/**
 * Sleepable read-copy-update: readers who never wait and may sleep, and a writer who waits until all readers that could know the old state
 * have left.
 *
 * Use: as RCU (`rcu.ts`), but each user has a domain of its own, so that a reader who sleeps for long delays only the writers of that domain:
 * {@link Srcu.initSrcuStruct} gives one. A section begins with an index and ends with the same index. Sections may lie in each other.
 * @kernel kernel/srcu.c, 2.6.34
 *
 * How it works: a domain has two sets of counters, one counter for each task in each set, and `completed` says which set is in use. A reader
 * counts itself in that set. A writer switches to the other set, so that new readers go there, and waits until the old set has run empty.
 * A reader reads `completed` and counts itself inside a section under RCU, and the writer waits for those after the switch: else a reader
 * could read the number before the switch and count itself long after, in a set that nobody looks at until two writers later.
 *
 * The first look inside a section is an atomic load, as under RCU: the counter comes before it in the one order of all atomic operations.
 *
 * No wait is without end: a reader whose thread ended inside a section, the stop of the machine, and the limit of the wait each end in a
 * report. A view that must not wait gets `ERR_WOULD_BLOCK` where it would have to; the next writer finishes what it has begun.
 */
import { ENOMEM } from '../errno.js';
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Cells } from './cells.js';
import type { Context } from './context.js';
import type { Core } from './core.js';
import type { LockClass, LockClasses } from './lock-classes.js';
import { WAIT_SLICE_MS, type Locks } from './locks.js';
import { Rcu } from './rcu.js';
import { TASK_DEAD, TASK_FREE, TASKS_MAX } from './task.js';
import { layoutWaitQueues, WaitQueue } from './wait-queue.js';

/** Most domains of a machine at one time, unless the layout says otherwise. */
export const SRCU_STRUCTS_DEFAULT = 4;

/** One task's two counters of readers; a cache line of its own, since only that task writes it. */
const COUNTERS = struct('srcu_struct_array', { c: ['i32', 2] }, 64);

/** A domain. @kernel struct srcu_struct, 2.6.34 */
const SRCU_STRUCT = struct(
  'srcu_struct',
  {
    inUse: 'i32',
    /** How often the sets were switched; the lowest bit names the set in use. */
    completed: 'i32',
    /** Writers that sleep, so that a reader need not wake anybody otherwise. */
    waiting: 'i32',
    /** Word of the mutex that keeps writers apart. */
    mutex: 'i32',
  },
  64,
);

/** Where the domains of a machine lie. */
export interface SrcuPlace {
  readonly structs: Region;
  /** {@link COUNTERS} of all tasks, domain by domain. */
  readonly counters: Region;
  readonly readersGone: Region;
  readonly lockClass: LockClass;
}

/**
 * Reserves domains and defines the class of their mutexes, `srcu_mutex`.
 * @param layout - not yet sealed
 * @param classes - the machine's lock classes
 * @param count - most domains at one time
 */
export function layoutSrcu(layout: Layout, classes: LockClasses, count = SRCU_STRUCTS_DEFAULT): SrcuPlace {
  return {
    structs: layout.structs('hot', 'srcu_structs', SRCU_STRUCT, count),
    counters: layout.structs('hot', 'srcu_counters', COUNTERS, count * TASKS_MAX),
    readersGone: layoutWaitQueues(layout, 'srcu_readers_gone', count),
    lockClass: classes.define('srcu_mutex'),
  };
}

/** Sleepable RCU as one thread sees it. A domain is named by its address. */
export class Srcu {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly locks: Locks;
  private readonly rcu: Rcu;
  private readonly place: SrcuPlace;

  /**
   * @param core - the running thread
   * @param place - from {@link layoutSrcu}
   */
  constructor(core: Core, place: SrcuPlace) {
    this.cells = core.cells;
    this.context = core.context;
    this.locks = core.locks;
    this.rcu = new Rcu(core.context);
    this.place = place;
  }

  /**
   * Makes a domain without readers. Does not sleep.
   * @returns its address, or -ENOMEM when all are in use
   * @kernel kernel/srcu.c init_srcu_struct, 2.6.34
   */
  initSrcuStruct(): number {
    const { structs } = this.place;
    for (let index = 0; index < structs.count; index++) {
      const domain = structs.base + index * structs.stride;
      if (this.cells.atomicCompareExchange(domain + SRCU_STRUCT.inUse, 0, 1) === 0) return domain;
    }
    return -ENOMEM;
  }

  /**
   * Gives a domain back. Nobody may use it any more: a reader inside is reported.
   * @param domain - from {@link initSrcuStruct}
   * @kernel kernel/srcu.c cleanup_srcu_struct, 2.6.34
   */
  cleanupSrcuStruct(domain: number): void {
    this.assertDomain(domain, 'cleanup_srcu_struct');
    for (let task = 0; task < TASKS_MAX; task++) {
      if (this.readers(domain, task, 0) + this.readers(domain, task, 1) === 0) continue;
      this.context.bug(
        `cleanup_srcu_struct: ${this.context.tasks.nameOf(task)} is still reading under ${this.nameOf(domain)}.`,
      );
    }
    this.cells.atomicStore(domain + SRCU_STRUCT.inUse, 0);
  }

  /**
   * Begins a section, in which the task may sleep. Never waits.
   * @param domain - from {@link initSrcuStruct}
   * @returns the index that {@link srcuReadUnlock} needs
   * @kernel kernel/srcu.c srcu_read_lock, 2.6.34
   */
  srcuReadLock(domain: number): number {
    this.assertDomain(domain, 'srcu_read_lock');
    this.rcu.readLock();
    const index = this.cells.atomicLoad(domain + SRCU_STRUCT.completed) & 1;
    this.cells.atomicAdd(this.counter(domain, this.context.current, index), 1);
    this.rcu.readUnlock();
    return index;
  }

  /**
   * Ends a section that the same task began. Never waits.
   * @param domain - as at its beginning
   * @param index - from {@link srcuReadLock}
   * @kernel kernel/srcu.c srcu_read_unlock, 2.6.34
   */
  srcuReadUnlock(domain: number, index: number): void {
    const { cells, context } = this;
    this.assertDomain(domain, 'srcu_read_unlock');
    if (index !== 0 && index !== 1)
      context.bug(`srcu_read_unlock was given ${index}, no index of srcu_read_lock.`);
    const before = cells.atomicAdd(this.counter(domain, context.current, index), -1);
    if (before <= 0) {
      context.bug(
        `${context.tasks.nameOf(context.current)} ends a section under ${this.nameOf(domain)} with index ${index}, but began none.`,
      );
    }
    // Counted down first, looked second; a writer says that it waits first, and looks at the counters second.
    if (before === 1 && cells.atomicLoad(domain + SRCU_STRUCT.waiting) !== 0) this.queueOf(domain).wakeAll();
  }

  /**
   * Whether the running task is inside a section.
   * @param domain - from {@link initSrcuStruct}
   */
  isReading(domain: number): boolean {
    const { current } = this.context;
    return this.readers(domain, current, 0) + this.readers(domain, current, 1) > 0;
  }

  /**
   * Waits until every section of a domain that had begun before the call has ended. May sleep; the caller holds no spinlock and is inside no
   * section of the domain.
   * @param domain - from {@link initSrcuStruct}
   * @throws MisuseError `ERR_WOULD_BLOCK` when a task is inside a section and this view must not wait
   * @kernel kernel/srcu.c synchronize_srcu, 2.6.34
   */
  synchronizeSrcu(domain: number): void {
    const { cells, context, locks, place } = this;
    context.mightSleep('waiting for readers under SRCU');
    this.assertDomain(domain, 'synchronize_srcu');
    this.assertNotReading(domain, 'synchronize_srcu');
    const completed = domain + SRCU_STRUCT.completed;
    const begun = cells.atomicLoad(completed);
    locks.mutexLock(domain + SRCU_STRUCT.mutex, place.lockClass);
    try {
      // Two switches since: both sets have run empty meanwhile, whichever of them was in use before.
      if (((cells.atomicLoad(completed) - begun) | 0) >= 2) return;
      const index = cells.atomicLoad(completed) & 1;
      // Readers are left in the other set only when a writer gave up; they must have gone before the set is used again.
      this.rcu.synchronizeRcu();
      this.waitForReaders(domain, index ^ 1);
      cells.atomicAdd(completed, 1);
      this.rcu.synchronizeRcu();
      this.waitForReaders(domain, index);
    } finally {
      locks.mutexUnlock(domain + SRCU_STRUCT.mutex, place.lockClass);
    }
  }

  /**
   * Stops the machine when the running task is inside a section of a domain: it would wait for itself.
   * @param domain - from {@link initSrcuStruct}
   * @param who - the function that would wait
   */
  assertNotReading(domain: number, who: string): void {
    if (!this.isReading(domain)) return;
    const me = this.context.tasks.nameOf(this.context.current);
    this.context.bug(`${who}: ${me} is reading under ${this.nameOf(domain)}, and would wait for itself.`);
  }

  /** Waits until a set has run empty that no new reader enters. The mutex of the domain is held. */
  private waitForReaders(domain: number, index: number): void {
    const { cells } = this;
    if (this.findReader(domain, index) < 0) return;
    const queue = this.queueOf(domain);
    cells.atomicAdd(domain + SRCU_STRUCT.waiting, 1);
    try {
      let waitedMs = 0;
      for (;;) {
        const ticket = queue.prepareToWait();
        const reader = this.findReader(domain, index);
        if (reader < 0) return;
        this.checkReader(domain, reader, waitedMs);
        if (!queue.wait(ticket, WAIT_SLICE_MS)) waitedMs += WAIT_SLICE_MS;
      }
    } finally {
      cells.atomicAdd(domain + SRCU_STRUCT.waiting, -1);
    }
  }

  /** A task that is counted in a set, -1 when there is none. */
  private findReader(domain: number, index: number): number {
    for (let task = 0; task < TASKS_MAX; task++) if (this.readers(domain, task, index) > 0) return task;
    return -1;
  }

  /** What a writer asks before each slice of its wait. */
  private checkReader(domain: number, reader: number, waitedMs: number): void {
    const { context } = this;
    const { tasks } = context;
    const name = `${tasks.nameOf(reader)} (task ${reader})`;
    if (!context.canWait()) {
      context.wouldBlock(`${tasks.nameOf(reader)} is reading under ${this.nameOf(domain)}`);
    }
    const state = tasks.stateOf(reader);
    if (state === TASK_DEAD || state === TASK_FREE) {
      context.bug(
        `Owner died: ${name} ended while reading under ${this.nameOf(domain)}; ${tasks.nameOf(context.current)} waits for it.`,
      );
    }
    if (waitedMs >= context.options.waitLimitMs) {
      context.bug(
        `${tasks.nameOf(context.current)} has waited ${waitedMs} ms for ${name} to end its section under ${this.nameOf(domain)}: ` +
          'the limit is reached.',
      );
    }
  }

  private readers(domain: number, task: number, index: number): number {
    return this.cells.atomicLoad(this.counter(domain, task, index));
  }

  private counter(domain: number, task: number, index: number): number {
    const { base, stride } = this.place.counters;
    return base + (this.indexOf(domain) * TASKS_MAX + task) * stride + COUNTERS.c + 4 * index;
  }

  private queueOf(domain: number): WaitQueue {
    const { base, stride } = this.place.readersGone;
    return new WaitQueue(this.context, base + this.indexOf(domain) * stride);
  }

  private indexOf(domain: number): number {
    const { base, stride } = this.place.structs;
    return (domain - base) / stride;
  }

  private nameOf(domain: number): string {
    return `SRCU (${this.context.layout.describe(domain)})`;
  }

  private assertDomain(domain: number, who: string): void {
    const { base, stride, count } = this.place.structs;
    const offset = domain - base;
    const isPlace = offset >= 0 && offset < count * stride && offset % stride === 0;
    if (isPlace && this.cells.atomicLoad(domain + SRCU_STRUCT.inUse) !== 0) return;
    this.context.bug(
      `${who} was given ${this.context.layout.describe(domain)}, which is no SRCU domain in use.`,
    );
  }
}
