/**
 * Lock classes and their statistics.
 *
 * A class is what locks with the same rules have in common: `swap_lock`, all page locks, all page-table locks. Reports name the class, and
 * statistics are kept per class.
 *
 * Promise: counters are kept per task, written only by that task and summed on reading, so that counting never adds contention. They are off
 * unless a thread is attached with `lockStats`; then a lock pays a few plain additions, and two clock readings if there is a clock.
 */
import type { Layout, Region } from '../arena/layout.js';
import type { Arena } from '../arena/memory.js';
import { struct } from '../arena/struct.js';
import { MisuseError } from '../errno.js';
import { TASKS_MAX } from './task.js';

/** Index of a lock class. */
export type LockClass = number;

/**
 * Whether a task may take a lock of a class while it holds another one of the same class, and which of the two it must take first: the one at the
 * lower address, or that of the elder object, where the younger one has come from it. Detectors check the order of addresses; that of ages is
 * the word of the callers. @kernel spin_lock_nested, SINGLE_DEPTH_NESTING
 */
export type LockNesting = 'never' | 'lower-address-first' | 'elder-first';

/** Most classes a machine may have. */
export const LOCK_CLASSES_MAX = 32;

const STATS = struct(
  'lock_class_stats',
  {
    acquisitions: 'f64',
    contended: 'f64',
    waitNs: 'f64',
    holdNs: 'f64',
    waitMaxNs: 'f64',
    holdMaxNs: 'f64',
  },
  64,
);

/** Statistics of one class, summed over all tasks. Times are 0 without a clock. */
export interface LockClassStats {
  readonly lockClass: string;
  readonly acquisitions: number;
  /** Acquisitions that found the lock taken. */
  readonly contended: number;
  readonly waitSeconds: number;
  readonly holdSeconds: number;
  readonly waitMaxSeconds: number;
  readonly holdMaxSeconds: number;
}

/** Names of the classes; the same in every thread because all define them in the same order. */
export class LockClasses {
  private readonly names: string[] = [];
  private readonly nestings: LockNesting[] = [];

  /**
   * Defines a class. Called while the machine is laid out, in the same order in every thread.
   * @param name - for reports, unique
   * @param nesting - whether its locks may lie in each other
   */
  define(name: string, nesting: LockNesting = 'never'): LockClass {
    if (this.names.includes(name))
      throw new MisuseError('ERR_INVALID_ARGUMENT', `The lock class '${name}' is defined twice.`);
    if (this.names.length === LOCK_CLASSES_MAX) {
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `Cannot define '${name}': a machine has at most ${LOCK_CLASSES_MAX} lock classes.`,
      );
    }
    this.nestings.push(nesting);
    return this.names.push(name) - 1;
  }

  /** Name of a class. */
  nameOf(lockClass: LockClass): string {
    return this.names[lockClass] ?? `lock class ${lockClass}`;
  }

  /** Whether locks of a class may lie in each other. */
  nestingOf(lockClass: LockClass): LockNesting {
    return this.nestings[lockClass] ?? 'never';
  }

  /** Number of classes. */
  count(): number {
    return this.names.length;
  }
}

/**
 * Reserves the counters.
 * @param layout - not yet sealed
 */
export function layoutLockStats(layout: Layout): Region {
  return layout.structs('scratch', 'lock_stats', STATS, TASKS_MAX * LOCK_CLASSES_MAX);
}

/** Counters of all tasks; written by each task for itself. */
export class LockStats {
  private readonly arena: Arena;
  private readonly base: number;
  private readonly classes: LockClasses;

  /**
   * @param arena - this thread's views
   * @param region - from {@link layoutLockStats}
   * @param classes - the names
   */
  constructor(arena: Arena, region: Region, classes: LockClasses) {
    this.arena = arena;
    this.base = region.base;
    this.classes = classes;
  }

  /**
   * Counts an acquisition.
   * @param task - the acquiring task, which is the caller
   * @param lockClass - class of the lock
   * @param contended - whether it was found taken
   * @param waitNs - how long the task waited, 0 without a clock
   */
  acquired(task: number, lockClass: LockClass, contended: boolean, waitNs: number): void {
    const cells = this.arena.f64;
    const stats = (this.base + (task * LOCK_CLASSES_MAX + lockClass) * STATS.$bytes) >> 3;
    cells[stats]! += 1;
    if (!contended) return;
    cells[stats + (STATS.contended >> 3)]! += 1;
    cells[stats + (STATS.waitNs >> 3)]! += waitNs;
    const longest = stats + (STATS.waitMaxNs >> 3);
    if (waitNs > cells[longest]!) cells[longest] = waitNs;
  }

  /**
   * Counts a release.
   * @param task - the releasing task, which is the caller
   * @param lockClass - class of the lock
   * @param holdNs - how long it was held, 0 without a clock
   */
  released(task: number, lockClass: LockClass, holdNs: number): void {
    const cells = this.arena.f64;
    const stats = (this.base + (task * LOCK_CLASSES_MAX + lockClass) * STATS.$bytes) >> 3;
    cells[stats + (STATS.holdNs >> 3)]! += holdNs;
    const longest = stats + (STATS.holdMaxNs >> 3);
    if (holdNs > cells[longest]!) cells[longest] = holdNs;
  }

  /** Sums over all tasks, one row per class in order of definition. */
  sum(): LockClassStats[] {
    const rows: LockClassStats[] = [];
    for (let lockClass = 0; lockClass < this.classes.count(); lockClass++) {
      let [acquisitions, contended, waitNs, holdNs, waitMaxNs, holdMaxNs] = [0, 0, 0, 0, 0, 0];
      for (let task = 0; task < TASKS_MAX; task++) {
        const stats = this.base + (task * LOCK_CLASSES_MAX + lockClass) * STATS.$bytes;
        acquisitions += this.cell(stats + STATS.acquisitions);
        contended += this.cell(stats + STATS.contended);
        waitNs += this.cell(stats + STATS.waitNs);
        holdNs += this.cell(stats + STATS.holdNs);
        waitMaxNs = Math.max(waitMaxNs, this.cell(stats + STATS.waitMaxNs));
        holdMaxNs = Math.max(holdMaxNs, this.cell(stats + STATS.holdMaxNs));
      }
      rows.push({
        lockClass: this.classes.nameOf(lockClass),
        acquisitions,
        contended,
        waitSeconds: waitNs / 1e9,
        holdSeconds: holdNs / 1e9,
        waitMaxSeconds: waitMaxNs / 1e9,
        holdMaxSeconds: holdMaxNs / 1e9,
      });
    }
    return rows;
  }

  private cell(address: number): number {
    return this.arena.f64[address >> 3] ?? 0;
  }
}
