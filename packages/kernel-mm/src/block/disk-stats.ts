/**
 * What went through the block devices: requests, sectors and errors, counted per task. @kernel struct disk_stats, kept per processor, 2.6.34
 *
 * Promise: each task writes only its own rows, with plain additions, so that counting neither needs a lock nor makes two processors share a
 * cache line. A sum over all tasks is exact while no request is under way. Numbers are kept modulo 2^32.
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { TASKS_MAX } from '../sync/task.js';

/** What a task sent to a device. The operations are read, write, discard, in this order. */
const DISK_STATS = struct(
  'disk_stats',
  {
    /** Requests by operation. */
    requests: ['i32', 3],
    /** Sectors by operation. */
    sectors: ['i32', 3],
    /** Requests that ended with an error, of any operation. */
    errors: 'u32',
    /** Requests that were made to fail. */
    injected: 'u32',
  },
  32,
);

// In words.
const ROW = DISK_STATS.$bytes >> 2;
const REQUESTS = DISK_STATS.requests >> 2;
const SECTORS = DISK_STATS.sectors >> 2;
const ERRORS = DISK_STATS.errors >> 2;
const INJECTED = DISK_STATS.injected >> 2;

/** Sums over all tasks. */
export interface DiskStatsSum {
  /** Requests: read, write, discard. */
  readonly requests: readonly [number, number, number];
  /** Sectors: read, write, discard. */
  readonly sectors: readonly [number, number, number];
  readonly errors: number;
  /** Requests that were made to fail; they are among the errors, but for pages that were on their way without a request. */
  readonly injected: number;
}

/**
 * Reserves the rows: those of a task lie together.
 * @param layout - not yet sealed
 * @param devices - how many there can be
 */
export function layoutDiskStats(layout: Layout, devices: number): Region {
  return layout.structs('cold', 'disk_stats', DISK_STATS, TASKS_MAX * devices);
}

/** The counters as one thread sees them. A device is named by its index. */
export class DiskStats {
  private readonly context: Context;
  private readonly i32: Int32Array;
  private readonly first: number;
  private readonly taskWords: number;

  /**
   * @param core - the running thread
   * @param region - from {@link layoutDiskStats}
   */
  constructor(core: Core, region: Region) {
    this.context = core.context;
    this.i32 = core.cells.arena.i32;
    this.first = region.base >> 2;
    this.taskWords = (region.count / TASKS_MAX) * ROW;
  }

  /**
   * Counts a request of the running task.
   * @param device - index
   * @param operation - 0 for a read, 1 for a write, 2 for a discard
   * @param sectors - its length
   * @kernel block/blk-core.c drive_stat_acct, 2.6.34
   */
  countRequest(device: number, operation: number, sectors: number): void {
    const row = this.rowOf(this.context.current, device);
    this.add(row + REQUESTS + operation, 1);
    this.add(row + SECTORS + operation, sectors);
  }

  /**
   * Counts a request of the running task that ended with an error.
   * @param device - index
   */
  countError(device: number): void {
    this.add(this.rowOf(this.context.current, device) + ERRORS, 1);
  }

  /**
   * Counts a request of the running task that was made to fail.
   * @param device - index
   */
  countInjected(device: number): void {
    this.add(this.rowOf(this.context.current, device) + INJECTED, 1);
  }

  /**
   * Sums over all tasks; exact when no request is under way.
   * @param device - index
   */
  sum(device: number): DiskStatsSum {
    return {
      requests: [
        this.total(device, REQUESTS),
        this.total(device, REQUESTS + 1),
        this.total(device, REQUESTS + 2),
      ],
      sectors: [
        this.total(device, SECTORS),
        this.total(device, SECTORS + 1),
        this.total(device, SECTORS + 2),
      ],
      errors: this.total(device, ERRORS),
      injected: this.total(device, INJECTED),
    };
  }

  private add(cell: number, amount: number): void {
    this.i32[cell] = (this.i32[cell] ?? 0) + amount;
  }

  /** One counter over all tasks, modulo 2^32. */
  private total(device: number, counter: number): number {
    let sum = 0;
    for (let task = 0; task < TASKS_MAX; task++)
      sum = (sum + (this.i32[this.rowOf(task, device) + counter] ?? 0)) | 0;
    return sum >>> 0;
  }

  /** Index of the first word of a row. */
  private rowOf(task: number, device: number): number {
    return this.first + task * this.taskWords + device * ROW;
  }
}
