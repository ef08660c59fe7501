/**
 * Task contexts: who is running, what it holds and what it waits for.
 *
 * Promise: everything about a task lies in the arena, so that a report about a thread can be written by any other thread, also when the
 * first one is dead. Only the task itself writes its context, with two exceptions: whoever sees a thread end marks its task dead, and anybody
 * may send it a signal.
 *
 * A task claims its context when it attaches and gives it back when it detaches. `state`, `rcu` and `signal` are the only cells that are polled
 * by others, or written by them, and are accessed with Atomics; all else are plain cells of one writer, read by others for reports and as hints.
 */
import type { Arena } from '../arena/memory.js';
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import { MisuseError } from '../errno.js';

/** Most tasks of a machine at one time. */
export const TASKS_MAX = 64;
/** Most locks a task may hold at one time. */
export const HELD_LOCKS_MAX = 16;
/** Longest task name in bytes, like the kernel's comm. @kernel TASK_COMM_LEN is 16 */
export const TASK_NAME_BYTES_MAX = 24;

/** Task flag: may take pages below the minimum watermark, set while reclaiming. @kernel PF_MEMALLOC, 2.6.34 */
export const PF_MEMALLOC = 0x0800;
/** Task flag: the daemon that frees pages before they are wanted. @kernel PF_KSWAPD, 2.6.34 */
export const PF_KSWAPD = 0x0004_0000;
/** Task flag: chosen first when memory runs out, set during swapoff. @kernel PF_OOM_ORIGIN, 2.6.34 */
export const PF_OOM_ORIGIN = 0x8000;

/** States of a context. */
export const TASK_FREE = 0;
export const TASK_RUNNING = 1;
export const TASK_DEAD = 2;

/** A task context in the arena. Private to the task except for `state`. */
export const TASK = struct(
  'task_struct',
  {
    state: 'i32',
    flags: 'i32',
    /** Depth of spinlocks held; above 0 the task must not sleep. @kernel thread_info.preempt_count */
    preemptCount: 'i32',
    /** Counts progress: locks taken and steps done. The watchdog looks at it. */
    steps: 'i32',
    heldCount: 'i32',
    /** Address of what the task waits for, 0 when it runs. */
    waitAddress: 'i32',
    /** Lock class waited for, -1 for a wait queue. */
    waitClass: 'i32',
    nameBytes: 'i32',
    /** When the wait began, ns of the clock, 0 without a clock. */
    waitSince: 'f64',
    name: ['bytes', TASK_NAME_BYTES_MAX],
    heldAddress: ['i32', HELD_LOCKS_MAX],
    heldClass: ['i32', HELD_LOCKS_MAX],
    heldSince: ['f64', HELD_LOCKS_MAX],
    /** Sections in which the task reads under RCU, counted at both ends: odd inside of one. Polled by others; `sync/rcu.ts` owns it. */
    rcu: 'i32',
    /** How many such sections lie in each other. */
    rcuNesting: 'i32',
    /** 1 while a signal waits for the task. @kernel TIF_SIGPENDING */
    signal: 'i32',
  },
  64,
);

/**
 * Reserves the contexts.
 * @param layout - not yet sealed
 */
export function layoutTasks(layout: Layout): Region {
  return layout.structs('hot', 'tasks', TASK, TASKS_MAX);
}

/** What a report says about a task; a snapshot by value. */
export interface TaskInfo {
  /** Index of the context, 0 to {@link TASKS_MAX} - 1. */
  readonly id: number;
  readonly name: string;
  readonly state: 'running' | 'dead';
  readonly steps: number;
  readonly preemptCount: number;
  /** Address of what it waits for, 0 when it runs. */
  readonly waitAddress: number;
  readonly waitClass: number;
  /** ns of the clock, 0 without a clock. */
  readonly waitSince: number;
  readonly held: readonly { readonly address: number; readonly lockClass: number; readonly since: number }[];
}

/** The contexts of a machine, as one thread sees them. */
export class Tasks {
  private readonly arena: Arena;
  private readonly base: number;

  /**
   * @param arena - this thread's views
   * @param region - from {@link layoutTasks}
   */
  constructor(arena: Arena, region: Region) {
    this.arena = arena;
    this.base = region.base;
  }

  /** Byte address of a context. */
  addressOf(id: number): number {
    return this.base + id * TASK.$bytes;
  }

  /**
   * Claims a free context for the calling thread. A dead task's context is not reused: reports must be able to name it.
   * @param name - for reports; cut at {@link TASK_NAME_BYTES_MAX} bytes
   * @returns the task's id
   * @throws {@link MisuseError} `ERR_TOO_MANY_TASKS`
   */
  claim(name: string): number {
    const { i32, u8 } = this.arena;
    for (let id = 0; id < TASKS_MAX; id++) {
      const task = this.addressOf(id);
      if (Atomics.compareExchange(i32, (task + TASK.state) >> 2, TASK_FREE, TASK_RUNNING) !== TASK_FREE)
        continue;
      // A reused context starts clean: nothing held, nothing waited for.
      i32.fill(0, (task + TASK.flags) >> 2, (task + TASK.$bytes) >> 2);
      const bytes = Math.min(name.length, TASK_NAME_BYTES_MAX);
      i32[(task + TASK.nameBytes) >> 2] = bytes;
      for (let index = 0; index < bytes; index++)
        u8[task + TASK.name + index] = name.charCodeAt(index) & 0x7f;
      return id;
    }
    throw new MisuseError(
      'ERR_TOO_MANY_TASKS',
      `At most ${TASKS_MAX} threads can be attached to a machine at one time.`,
    );
  }

  /**
   * Gives a context back. Called by its own thread, which holds no lock.
   * @param id - from {@link claim}
   */
  release(id: number): void {
    Atomics.store(this.arena.i32, (this.addressOf(id) + TASK.state) >> 2, TASK_FREE);
  }

  /**
   * Marks a task dead and wakes whoever waits, so that each waiter looks again and reports if the dead task owned what it waits for.
   * Called by whoever saw the thread end.
   * @param id - the dead task
   */
  markDead(id: number): void {
    const { i32 } = this.arena;
    Atomics.compareExchange(i32, (this.addressOf(id) + TASK.state) >> 2, TASK_RUNNING, TASK_DEAD);
    this.wakeAll();
  }

  /**
   * Sends a signal: a system call of the task that can be interrupted ends with -EINTR soon. It wakes nobody: no wait here is interruptible.
   * @param id - a task; nothing comes of it when it has ended
   * @kernel send_sig
   */
  sendSignal(id: number): void {
    Atomics.store(this.arena.i32, (this.addressOf(id) + TASK.signal) >> 2, 1);
  }

  /**
   * A running task that has a flag set; true only for the moment.
   * @param flag - `PF_...`
   * @returns its id, -1 when there is none
   */
  findFlagged(flag: number): number {
    for (let id = 0; id < TASKS_MAX; id++) {
      const flags = this.arena.i32[(this.addressOf(id) + TASK.flags) >> 2] ?? 0;
      if ((flags & flag) !== 0 && this.stateOf(id) === TASK_RUNNING) return id;
    }
    return -1;
  }

  /** Wakes every waiting task, so that it looks at the state of the machine again. */
  wakeAll(): void {
    const { i32, shared } = this.arena;
    if (!shared) return;
    for (let id = 0; id < TASKS_MAX; id++) {
      const address = i32[(this.addressOf(id) + TASK.waitAddress) >> 2] ?? 0;
      if (address !== 0) Atomics.notify(i32, address >> 2);
    }
  }

  /** One of the `TASK_` states. */
  stateOf(id: number): number {
    return Atomics.load(this.arena.i32, (this.addressOf(id) + TASK.state) >> 2);
  }

  /** Whether the thread of a task ended without giving its context back. */
  isDead(id: number): boolean {
    return this.stateOf(id) === TASK_DEAD;
  }

  /**
   * The dead task that held an object, or was just taking or dropping it, -1 if there is none.
   * @param address - byte address of the object
   */
  findDeadUser(address: number): number {
    for (let id = 0; id < TASKS_MAX; id++) if (this.isDead(id) && this.uses(id, address)) return id;
    return -1;
  }

  /** Names of the tasks that hold an object, by their own lists; `'nobody'` if there is none. */
  holdersOf(address: number): string {
    const names: string[] = [];
    for (const info of this.list()) {
      for (const held of info.held) {
        if (held.address === address) names.push(`${info.name} (task ${info.id}, ${info.state})`);
      }
    }
    return names.length === 0 ? 'nobody' : names.join(', ');
  }

  /** Name of a task, `'task 3'` when it has none. */
  nameOf(id: number): string {
    const task = this.addressOf(id);
    const bytes = this.arena.i32[(task + TASK.nameBytes) >> 2] ?? 0;
    let name = '';
    for (let index = 0; index < bytes; index++)
      name += String.fromCharCode(this.arena.u8[task + TASK.name + index] ?? 0);
    return name === '' ? `task ${id}` : name;
  }

  private uses(id: number, address: number): boolean {
    const { i32 } = this.arena;
    const task = this.addressOf(id);
    if (i32[(task + TASK.waitAddress) >> 2] === address) return true;
    const first = (task + TASK.heldAddress) >> 2;
    const count = i32[(task + TASK.heldCount) >> 2] ?? 0;
    for (let index = 0; index < count; index++) if (i32[first + index] === address) return true;
    return false;
  }

  /** What is known about each attached or dead task, in order of id. */
  list(): TaskInfo[] {
    const { i32, f64 } = this.arena;
    const infos: TaskInfo[] = [];
    for (let id = 0; id < TASKS_MAX; id++) {
      const state = this.stateOf(id);
      if (state === TASK_FREE) continue;
      const task = this.addressOf(id);
      const held: { address: number; lockClass: number; since: number }[] = [];
      const heldCount = Math.min(i32[(task + TASK.heldCount) >> 2] ?? 0, HELD_LOCKS_MAX);
      for (let index = 0; index < heldCount; index++) {
        held.push({
          address: i32[(task + TASK.heldAddress + 4 * index) >> 2] ?? 0,
          lockClass: i32[(task + TASK.heldClass + 4 * index) >> 2] ?? 0,
          since: f64[(task + TASK.heldSince + 8 * index) >> 3] ?? 0,
        });
      }
      infos.push({
        id,
        name: this.nameOf(id),
        state: state === TASK_DEAD ? 'dead' : 'running',
        steps: i32[(task + TASK.steps) >> 2] ?? 0,
        preemptCount: i32[(task + TASK.preemptCount) >> 2] ?? 0,
        waitAddress: i32[(task + TASK.waitAddress) >> 2] ?? 0,
        waitClass: i32[(task + TASK.waitClass) >> 2] ?? 0,
        waitSince: f64[(task + TASK.waitSince) >> 3] ?? 0,
        held,
      });
    }
    return infos;
  }
}
