/**
 * Discards by later kernels: an aligned cluster of 256 slots is discarded when the last slot of it is freed.
 *
 * Promise: no slot of a cluster is handed out between the free of its last slot and the end of its discard, so no new data is lost. Such a
 * cluster is held back: its map bytes are {@link SWAP_MAP_BAD}, so that no scan takes a slot of it, while its slots still count as
 * free. The discard is issued by a worker, outside of all locks. Whoever finds no slot because some are held back does the worker's job
 * itself; swapoff does so too.
 *
 * A cluster with a bad slot is never discarded, nor is the first one, where the header is, nor a last one that is not whole.
 *
 * `swap_lock` protects the table of an area, its queue and the map bytes of clusters held back. The table itself is made by swapon before
 * anybody can see the area, and given back by swapoff when no task is left in it. @kernel mm/swapfile.c, 3.12
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import { ENOMEM } from '../errno.js';
import type { Vmalloc } from '../page/vmalloc.js';
import type { Context } from '../sync/context.js';
import { layoutWaitQueues, WaitQueue } from '../sync/wait-queue.js';
import type { SwapDiscard } from './discard.js';
import { SWAP_INFO, SWAP_MAP_BAD, SWAPFILE_CLUSTER, type SwapTable } from './info.js';
import type { SlotSummaries } from './slot-summary.js';

/** What is known of an aligned cluster. @kernel struct swap_cluster_info, 3.12 */
export const SWAP_CLUSTER = struct('swap_cluster', {
  /** Slots that are in use or bad or behind the end of the area. */
  used: 'u16',
  /** 1 while its slots are held back. */
  held: 'u16',
  /** The cluster that waits behind this one, 0 for none. */
  next: 'u32',
});

/** State of the worker. */
export const DISCARD_WORKER = struct(
  'discard_worker',
  {
    /** 1 when the worker shall end. */
    stop: 'i32',
  },
  64,
);

/** Where {@link SwapClusters} lies. */
export interface SwapClustersRegions {
  readonly worker: Region;
  readonly work: Region;
  readonly ended: Region;
}

/**
 * Reserves the worker's cells and the wait queues.
 * @param layout - not yet sealed
 */
export function layoutSwapClusters(layout: Layout): SwapClustersRegions {
  return {
    worker: layout.structs('hot', 'discard_worker', DISCARD_WORKER, 1),
    work: layoutWaitQueues(layout, 'discard_work'),
    ended: layoutWaitQueues(layout, 'discard_cluster_ended'),
  };
}

/** Clusters and their discards. One per thread. */
export class SwapClusters {
  readonly table: SwapTable;
  readonly discard: SwapDiscard;
  readonly vmalloc: Vmalloc;
  readonly summaries: SlotSummaries;
  /** Whether areas that take discards get a table of clusters. */
  readonly enabled: boolean;
  /** What the worker sleeps on. */
  readonly work: WaitQueue;
  /** What tasks sleep on that wait for the discard of a cluster. */
  readonly ended: WaitQueue;
  private readonly worker: number;

  /**
   * @param table - the areas
   * @param regions - from {@link layoutSwapClusters}
   * @param discard - issues discards
   * @param vmalloc - where tables come from
   * @param summaries - writes map bytes
   * @param enabled - whether areas that take discards get a table of clusters
   */
  constructor(
    table: SwapTable,
    regions: SwapClustersRegions,
    discard: SwapDiscard,
    vmalloc: Vmalloc,
    summaries: SlotSummaries,
    enabled: boolean,
  ) {
    this.table = table;
    this.discard = discard;
    this.vmalloc = vmalloc;
    this.summaries = summaries;
    this.enabled = enabled;
    this.worker = regions.worker.base;
    this.work = new WaitQueue(table.context, regions.work.base);
    this.ended = new WaitQueue(table.context, regions.ended.base);
  }

  /**
   * Makes the table of an area nobody can see yet. May sleep.
   * @param area - address of the area, which takes discards
   * @param map - address of its map, bad slots marked
   * @returns 0 or -ENOMEM
   */
  create(area: number, map: number): number {
    if (!this.enabled) return 0;
    const { cells } = this.table;
    const max = cells.ldu32(area + SWAP_INFO.max);
    const count = Math.ceil(max / SWAPFILE_CLUSTER);
    const clusters = this.vmalloc.vmalloc(count * SWAP_CLUSTER.$bytes);
    if (clusters === 0) return -ENOMEM;
    cells.st32(area + SWAP_INFO.clusters, clusters);
    for (let offset = 0; offset < count * SWAPFILE_CLUSTER; offset++) {
      if (offset >= max || cells.ld8(map + offset) !== 0) this.addUsed(this.clusterOf(area, offset), 1);
    }
    return 0;
  }

  /**
   * Gives the table of an area back. May sleep; no task is left in the area, and nothing in its queue.
   * @param area - address of an area that is being switched off
   */
  destroy(area: number): void {
    const { cells } = this.table;
    const context: Context = this.table.context;
    context.assert(
      cells.ldu32(area + SWAP_INFO.discardHead) === 0 && cells.ldu32(area + SWAP_INFO.discardsInFlight) === 0,
      'no cluster waits for its discard when the area goes',
    );
    const clusters = cells.ldu32(area + SWAP_INFO.clusters);
    cells.st32(area + SWAP_INFO.clusters, 0);
    this.vmalloc.vfree(clusters);
  }

  /**
   * Whether frees in an area lead to discards of its clusters. `swap_lock` held, or a hint.
   * @param area - address of the area
   */
  areKept(area: number): boolean {
    return this.table.cells.ldu32(area + SWAP_INFO.clusters) !== 0;
  }

  /**
   * A slot was handed out. `swap_lock` held.
   * @param area - address of the area
   * @param offset - the slot
   */
  slotTaken(area: number, offset: number): void {
    if (this.areKept(area)) this.addUsed(this.clusterOf(area, offset), 1);
  }

  /**
   * A slot was freed: when it was the last one of its cluster, holds the cluster back and wakes the worker. `swap_lock` held.
   * @param area - address of an area with a table
   * @param offset - the slot
   */
  slotFreed(area: number, offset: number): void {
    const cluster = this.clusterOf(area, offset);
    this.addUsed(cluster, -1);
    if (this.table.cells.ld16(cluster + SWAP_CLUSTER.used) === 0) {
      this.schedule(area, Math.floor(offset / SWAPFILE_CLUSTER));
    }
  }

  /**
   * Holds a free cluster back and puts it at the end of the queue. `swap_lock` held.
   * @param area - address of the area
   * @param index - of the cluster, 1 or more
   * @kernel mm/swapfile.c swap_cluster_schedule_discard, 3.12
   */
  schedule(area: number, index: number): void {
    const { cells } = this.table;
    const cluster = this.at(area, index);
    cells.st16(cluster + SWAP_CLUSTER.held, 1);
    cells.st32(cluster + SWAP_CLUSTER.next, 0);
    this.fillMap(area, index, 0, SWAP_MAP_BAD);
    const tail = cells.ldu32(area + SWAP_INFO.discardTail);
    if (tail === 0) cells.st32(area + SWAP_INFO.discardHead, index);
    else cells.st32(this.at(area, tail) + SWAP_CLUSTER.next, index);
    cells.st32(area + SWAP_INFO.discardTail, index);
    this.work.wakeAll();
  }

  /**
   * Takes the first cluster off the queue; the caller discards it. `swap_lock` held.
   * @param area - address of the area
   * @returns index of the cluster, 0 when none waits
   */
  takeQueued(area: number): number {
    const { table } = this;
    const { cells } = table;
    const index = cells.ldu32(area + SWAP_INFO.discardHead);
    if (index === 0) return 0;
    const next = cells.ldu32(this.at(area, index) + SWAP_CLUSTER.next);
    cells.st32(area + SWAP_INFO.discardHead, next);
    if (next === 0) cells.st32(area + SWAP_INFO.discardTail, 0);
    table.add(area + SWAP_INFO.discardsInFlight, 1);
    return index;
  }

  /**
   * A cluster was discarded: its slots may be handed out. `swap_lock` held.
   * @param area - address of the area
   * @param index - from {@link takeQueued}
   */
  release(area: number, index: number): void {
    const { table } = this;
    const { cells } = table;
    // The bounds of the area were lowered and raised when the slots were freed, and only slots that are taken move them back.
    cells.st16(this.at(area, index) + SWAP_CLUSTER.held, 0);
    this.fillMap(area, index, SWAP_MAP_BAD, 0);
    table.add(area + SWAP_INFO.discardsInFlight, -1);
    this.ended.wakeAll();
  }

  /**
   * Discards all clusters that wait in an area. No lock held; may sleep. The area may not go: the caller has a slot of it or is counted as
   * scanning it, or it is looked at under `swap_lock` before each step, as here.
   * @param area - address of any area
   * @returns clusters that were discarded
   * @kernel mm/swapfile.c swap_do_scheduled_discard, 3.12
   */
  discardQueued(area: number): number {
    const { table } = this;
    let done = 0;
    for (;;) {
      table.swapLock.lock();
      let index: number;
      try {
        index = this.takeQueued(area);
      } finally {
        table.swapLock.unlock();
      }
      if (index === 0) return done;
      // From here to the release swapoff waits for us.
      this.discard.discardSwapCluster(area, index * SWAPFILE_CLUSTER, SWAPFILE_CLUSTER);
      table.swapLock.lock();
      try {
        this.release(area, index);
      } finally {
        table.swapLock.unlock();
      }
      done++;
    }
  }

  /**
   * Sees to it that no slot of an area is held back: discards what waits, and waits for those who discard now. No lock held; may sleep.
   * @param area - address of any area
   * @returns clusters that were discarded here
   */
  drainArea(area: number): number {
    const { table, ended } = this;
    let done = 0;
    for (;;) {
      done += this.discardQueued(area);
      const ticket = ended.prepareToWait();
      if (!this.hasHeld(area)) return done;
      if (table.cells.ldu32(area + SWAP_INFO.discardHead) !== 0) continue;
      ended.wait(ticket, Number.POSITIVE_INFINITY);
    }
  }

  /**
   * Does the worker's job in the calling thread, for all areas. No lock held; may sleep.
   * @returns clusters that were discarded here
   */
  flush(): number {
    const { table } = this;
    if (!this.enabled) return 0;
    let done = 0;
    for (let type = 0; type < table.nrSwapfiles(); type++) done += this.drainArea(table.infoOf(type));
    return done;
  }

  /**
   * An allocation found no slot: sees to it that it is not for those held back. `swap_lock` held on entry and on return; dropped inside,
   * where the task may sleep, when there are any.
   * @param area - address of an area that the caller is counted as scanning
   * @returns whether there may be free slots now
   */
  reclaimHeld(area: number): boolean {
    const { table } = this;
    if (!this.hasHeld(area)) return false;
    table.swapLock.unlock();
    try {
      this.drainArea(area);
    } finally {
      table.swapLock.lock();
    }
    return true;
  }

  /**
   * One turn of the worker: discards what waits, or sleeps until there is something. No lock held; may sleep.
   * @param limitMs - longest sleep in milliseconds
   * @returns clusters that were discarded
   */
  serve(limitMs: number): number {
    const { table, work } = this;
    const ticket = work.prepareToWait();
    let done = 0;
    for (let type = 0; type < table.nrSwapfiles(); type++) done += this.discardQueued(table.infoOf(type));
    if (done === 0 && !this.shouldStop()) work.wait(ticket, limitMs);
    return done;
  }

  /** Whether the worker shall end. Any context. @kernel kthread_should_stop */
  shouldStop(): boolean {
    return this.table.cells.atomicLoad(this.worker + DISCARD_WORKER.stop) !== 0;
  }

  /** Tells the worker to end. Any context. @kernel kthread_stop, without the wait */
  stopWorker(): void {
    this.table.cells.atomicStore(this.worker + DISCARD_WORKER.stop, 1);
    this.work.wakeAll();
  }

  /**
   * Whether the slots of some cluster are held back. `swap_lock` held, or a hint.
   * @param area - address of the area
   */
  hasHeld(area: number): boolean {
    const { cells } = this.table;
    return (
      cells.ldu32(area + SWAP_INFO.discardHead) !== 0 || cells.ldu32(area + SWAP_INFO.discardsInFlight) !== 0
    );
  }

  private clusterOf(area: number, offset: number): number {
    return this.at(area, Math.floor(offset / SWAPFILE_CLUSTER));
  }

  private at(area: number, index: number): number {
    return this.table.cells.ldu32(area + SWAP_INFO.clusters) + index * SWAP_CLUSTER.$bytes;
  }

  private addUsed(cluster: number, delta: number): void {
    const { cells } = this.table;
    const context: Context = this.table.context;
    const used = cells.ld16(cluster + SWAP_CLUSTER.used) + delta;
    context.assert(used >= 0 && used <= SWAPFILE_CLUSTER, 'a cluster has 0 to 256 slots in use');
    context.assert(
      cells.ld16(cluster + SWAP_CLUSTER.held) === 0,
      'no slot of a cluster is taken or freed while it waits for its discard',
    );
    cells.st16(cluster + SWAP_CLUSTER.used, used);
  }

  /** Sets all map bytes of a cluster. */
  private fillMap(area: number, index: number, before: number, after: number): void {
    const map = this.table.cells.ldu32(area + SWAP_INFO.swapMap);
    this.summaries.fillMap(area, map, index * SWAPFILE_CLUSTER, SWAPFILE_CLUSTER, before, after);
  }
}

/**
 * Whether a slot counts as free although its map byte says bad: its cluster waits for its discard. `swap_lock` held.
 * @param table - the areas
 * @param area - address of the area
 * @param offset - slot
 */
export function isHeldBack(table: SwapTable, area: number, offset: number): boolean {
  const { cells } = table;
  const clusters = cells.ldu32(area + SWAP_INFO.clusters);
  if (clusters === 0) return false;
  const cluster = clusters + Math.floor(offset / SWAPFILE_CLUSTER) * SWAP_CLUSTER.$bytes;
  return cells.ld16(cluster + SWAP_CLUSTER.held) !== 0;
}
