/**
 * Event counters of the vm, per task. @kernel vm_event_states
 *
 * Promise: each task writes only its own row, with plain additions; a sum over all rows is exact while nobody counts, and close enough
 * otherwise. No lock.
 */
import type { Layout, Region } from '../arena/layout.js';
import type { Arena } from '../arena/memory.js';
import { struct } from '../arena/struct.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { TASKS_MAX } from '../sync/task.js';

/** The counters, as byte offsets in a row. */
export const VM_EVENT = struct(
  'vm_event_state',
  {
    /** Page faults that had to do something. @kernel PGFAULT */
    faults: 'f64',
    /** Faults that read from a device. @kernel PGMAJFAULT */
    majorFaults: 'f64',
    /** Pages read from swap. @kernel PSWPIN */
    swapIns: 'f64',
    /** Pages written to swap. @kernel PSWPOUT */
    swapOuts: 'f64',
    /** Those of the pages read, and of those written, that went through the address space of their area and not through a bio. */
    spaceReads: 'f64',
    spaceWrites: 'f64',
    /** Pages that left memory without a write, because the device still had them. */
    cleanDrops: 'f64',
    /** Pages reclaim looked at on the inactive list, for whatever reason. */
    scanned: 'f64',
    /** Pages reclaim freed, for whatever reason. @kernel PGSTEAL */
    reclaimed: 'f64',
    /** Processes ended because no page could be had for them. */
    kills: 'f64',
    /** Transfers to or from swap that failed. */
    ioErrors: 'f64',
    /** Processes forked from others. */
    forks: 'f64',
    /** Pages copied because a process wrote to one that others may read too. */
    copies: 'f64',
    /** Page-table entries in which swapoff put a page in the place of a slot. */
    broughtHome: 'f64',
    /** Pages read because they lay beside one that was wanted. They are among `swapIns`. */
    readAhead: 'f64',
    /** Those of them that were used before they left memory. */
    readAheadHits: 'f64',
    /** Accesses that failed because a page could not be read: the process gets SIGBUS. */
    busErrors: 'f64',
    /** Of the pages reclaim looked at, those kswapd did. @kernel PGSCAN_KSWAPD */
    pgscanKswapd: 'f64',
    /** Those of them that tasks did which found no free frame; tasks at the limit count in neither. @kernel PGSCAN_DIRECT */
    pgscanDirect: 'f64',
    /** Of the pages reclaim freed, those kswapd did. @kernel KSWAPD_STEAL */
    pgstealKswapd: 'f64',
    /** Times kswapd began to free pages. @kernel PAGEOUTRUN */
    pageoutrun: 'f64',
    /** Times a task found no free frame and had to reclaim for itself. @kernel ALLOCSTALL */
    allocstall: 'f64',
    /** Pages that came to the active list from the inactive one. @kernel PGACTIVATE */
    pgactivate: 'f64',
    /** Pages that went the other way. @kernel PGDEACTIVATE */
    pgdeactivate: 'f64',
    /** Pages reclaim looked at on the active list. @kernel PGREFILL */
    pgrefill: 'f64',
    /** Pages that were moved to the tail of the inactive list when they had been written. @kernel PGROTATED */
    pgrotated: 'f64',
  },
  128,
);

/** Name of a counter. */
export type VmEvent =
  | 'faults'
  | 'majorFaults'
  | 'swapIns'
  | 'swapOuts'
  | 'spaceReads'
  | 'spaceWrites'
  | 'cleanDrops'
  | 'scanned'
  | 'reclaimed'
  | 'kills'
  | 'ioErrors'
  | 'forks'
  | 'copies'
  | 'broughtHome'
  | 'readAhead'
  | 'readAheadHits'
  | 'busErrors'
  | 'pgscanKswapd'
  | 'pgscanDirect'
  | 'pgstealKswapd'
  | 'pageoutrun'
  | 'allocstall'
  | 'pgactivate'
  | 'pgdeactivate'
  | 'pgrefill'
  | 'pgrotated';

/** All counters, summed over all tasks. */
export type VmEventSums = Readonly<Record<VmEvent, number>>;

/**
 * Reserves the counters.
 * @param layout - not yet sealed
 */
export function layoutVmEvents(layout: Layout): Region {
  return layout.structs('scratch', 'vm_events', VM_EVENT, TASKS_MAX);
}

/** The counters as one thread sees them. */
export class VmEvents {
  private readonly arena: Arena;
  private readonly context: Context;
  private readonly base: number;

  /**
   * @param core - this thread's lower floors
   * @param region - from {@link layoutVmEvents}
   */
  constructor(core: Core, region: Region) {
    this.arena = core.cells.arena;
    this.context = core.context;
    this.base = region.base;
  }

  /**
   * Counts one event of the running task.
   * @param counter - a byte offset from {@link VM_EVENT}
   */
  count(counter: number): void {
    this.add(counter, 1);
  }

  /**
   * Counts several events of the running task.
   * @param counter - a byte offset from {@link VM_EVENT}
   * @param events - how many
   */
  add(counter: number, events: number): void {
    const cell = (this.base + this.context.current * VM_EVENT.$bytes + counter) >> 3;
    this.arena.f64[cell] = (this.arena.f64[cell] ?? 0) + events;
  }

  /**
   * What the running task has counted, and whoever had its place before.
   * @param counter - a byte offset from {@link VM_EVENT}
   */
  own(counter: number): number {
    return this.arena.f64[(this.base + this.context.current * VM_EVENT.$bytes + counter) >> 3] ?? 0;
  }

  /** Sums over all tasks that ever ran. */
  sums(): VmEventSums {
    return {
      faults: this.sum(VM_EVENT.faults),
      majorFaults: this.sum(VM_EVENT.majorFaults),
      swapIns: this.sum(VM_EVENT.swapIns),
      swapOuts: this.sum(VM_EVENT.swapOuts),
      spaceReads: this.sum(VM_EVENT.spaceReads),
      spaceWrites: this.sum(VM_EVENT.spaceWrites),
      cleanDrops: this.sum(VM_EVENT.cleanDrops),
      scanned: this.sum(VM_EVENT.scanned),
      reclaimed: this.sum(VM_EVENT.reclaimed),
      kills: this.sum(VM_EVENT.kills),
      ioErrors: this.sum(VM_EVENT.ioErrors),
      forks: this.sum(VM_EVENT.forks),
      copies: this.sum(VM_EVENT.copies),
      broughtHome: this.sum(VM_EVENT.broughtHome),
      readAhead: this.sum(VM_EVENT.readAhead),
      readAheadHits: this.sum(VM_EVENT.readAheadHits),
      busErrors: this.sum(VM_EVENT.busErrors),
      pgscanKswapd: this.sum(VM_EVENT.pgscanKswapd),
      pgscanDirect: this.sum(VM_EVENT.pgscanDirect),
      pgstealKswapd: this.sum(VM_EVENT.pgstealKswapd),
      pageoutrun: this.sum(VM_EVENT.pageoutrun),
      allocstall: this.sum(VM_EVENT.allocstall),
      pgactivate: this.sum(VM_EVENT.pgactivate),
      pgdeactivate: this.sum(VM_EVENT.pgdeactivate),
      pgrefill: this.sum(VM_EVENT.pgrefill),
      pgrotated: this.sum(VM_EVENT.pgrotated),
    };
  }

  private sum(counter: number): number {
    let total = 0;
    for (let task = 0; task < TASKS_MAX; task++) {
      total += this.arena.f64[(this.base + task * VM_EVENT.$bytes + counter) >> 3] ?? 0;
    }
    return total;
  }
}
