/**
 * kswapd: the daemon that frees pages before a task has to do it for itself. @kernel mm/vmscan.c kswapd, 2.6.34
 *
 * A thread becomes kswapd by calling {@link Kswapd.serve} until {@link Kswapd.shouldStop}. It sleeps until an allocation finds no more than `low`
 * free frames (`page/watermarks.ts`), then frees pages until more than `high` are free, or until it has looked at everything time and
 * again for nothing. Without such a thread tasks reclaim for themselves, which is all a library user needs.
 *
 * Promise: no wait without a limit. Told to stop, or to stand still, it does so after the pass it is in. While it stands still
 * ({@link Kswapd.freeze} to {@link Kswapd.thaw}) it has no page in its hands, so that the lists can be looked at.
 *
 * No lock; one thread at a time serves.
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Frames } from '../page/frames.js';
import { SWAP_CLUSTER_MAX } from '../page/frames.js';
import { WMARK_HIGH, WMARK_MIN } from '../page/watermarks.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { PF_KSWAPD, PF_MEMALLOC } from '../sync/task.js';
import { layoutWaitQueues, WaitQueue } from '../sync/wait-queue.js';
import { NOT_TRACED, type Trace } from '../trace/trace.js';
import { DEF_PRIORITY, PASS_BUSY, SCAN_KSWAPD, type ShrinkZone } from './shrink-zone.js';
import { VM_EVENT, type VmEvents } from './stats.js';

const KSWAPD = struct(
  'kswapd',
  {
    /** 1 when it shall end. */
    stop: 'i32',
    /** How many want it to stand still. */
    freezers: 'i32',
    /** 1 while it frees pages. */
    running: 'i32',
    /** 1 from when it had done its work until it is called: meanwhile it does not look at `high`. */
    asleep: 'i32',
  },
  64,
);

/** Passes at the gentlest priorities that need no rest behind them. @kernel DEF_PRIORITY - 2 in balance_pgdat */
const PASSES_WITHOUT_REST = 2;

/** Where {@link Kswapd} lies. */
export interface KswapdLayout {
  readonly state: Region;
  readonly stood: Region;
}

/**
 * Reserves its cells and the queue of those who wait until it stands still.
 * @param layout - not yet sealed
 */
export function layoutKswapd(layout: Layout): KswapdLayout {
  return {
    state: layout.structs('hot', 'kswapd', KSWAPD, 1),
    stood: layoutWaitQueues(layout, 'kswapd_stood'),
  };
}

/** The daemon, as one thread sees it: the one that serves, or one that has to do with it. */
export class Kswapd {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly state: number;
  /** Where those wait that want it to stand still. */
  private readonly stood: WaitQueue;
  private readonly frames: Frames;
  private readonly zone: ShrinkZone;
  private readonly events: VmEvents;
  private readonly trace: Trace;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutKswapd}
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    regions: KswapdLayout,
    parts: {
      readonly frames: Frames;
      readonly zone: ShrinkZone;
      readonly events: VmEvents;
      readonly trace: Trace;
    },
  ) {
    this.cells = core.cells;
    this.context = core.context;
    this.state = regions.state.base;
    this.stood = new WaitQueue(core.context, regions.stood.base);
    this.frames = parts.frames;
    this.zone = parts.zone;
    this.events = parts.events;
    this.trace = parts.trace;
  }

  /**
   * One turn of the daemon: frees pages if too few frames are free, or sleeps until it is called. No lock held; may sleep.
   * @param limitMs - longest sleep in milliseconds
   * @returns pages freed
   * @kernel mm/vmscan.c kswapd, one turn of its loop, 2.6.34
   */
  serve(limitMs: number): number {
    const { cells, state } = this;
    const { watermarks } = this.frames;
    // In this order: a call that comes after what we look at below changes the ticket.
    const ticket = watermarks.kswapdWait.prepareToWait();
    if (this.shouldStop()) return 0;
    if (this.isFreezing()) {
      watermarks.kswapdWait.wait(ticket, limitMs);
      return 0;
    }
    if (cells.atomicLoad(state + KSWAPD.asleep) === 0) {
      watermarks.hearCall();
      if (this.sleepingPrematurely()) return this.runOnce();
      cells.atomicStore(state + KSWAPD.asleep, 1);
    }
    if (!watermarks.isCalled()) watermarks.kswapdWait.wait(ticket, limitMs);
    if (!watermarks.isCalled()) return 0;
    cells.atomicStore(state + KSWAPD.asleep, 0);
    watermarks.hearCall();
    return this.runOnce();
  }

  /**
   * Whether it must not sleep: fewer frames are free than it shall see to, and there is something to be had.
   * @kernel mm/vmscan.c sleeping_prematurely, 2.6.34
   */
  sleepingPrematurely(): boolean {
    return !this.frames.watermarks.zoneWatermarkOk(WMARK_HIGH) && !this.isAllUnreclaimable();
  }

  /**
   * Frees pages until more than `high` frames are free, or a batch was freed, or nothing can be had: passes of rising urgency, which look at
   * twice as much of the lists each time. Spinlocks may not be held; may sleep.
   * @returns pages freed
   * @kernel mm/vmscan.c balance_pgdat, one turn of its loop, 2.6.34
   */
  balancePgdat(): number {
    const { watermarks } = this.frames;
    const flags = this.context.taskFlags();
    this.context.setTaskFlags(flags | PF_MEMALLOC | PF_KSWAPD);
    let freed = 0;
    try {
      this.events.count(VM_EVENT.pageoutrun);
      for (let priority = DEF_PRIORITY; priority >= 0; priority--) {
        if (priority !== DEF_PRIORITY && (this.isAllUnreclaimable() || this.mustStandStill())) break;
        // Keeps pages moving to the inactive list also while there is enough memory.
        if (this.zone.inactiveAnonIsLow()) this.zone.shrinkActiveList(SWAP_CLUSTER_MAX, SCAN_KSWAPD);
        if (watermarks.zoneWatermarkOk(WMARK_HIGH)) break;
        const result = this.zone.shrinkZone(priority, Number.MAX_SAFE_INTEGER, SCAN_KSWAPD);
        if (result !== PASS_BUSY) freed += result;
        if (freed >= SWAP_CLUSTER_MAX) break;
        this.restAfter(priority);
      }
    } finally {
      this.context.setTaskFlags(flags);
    }
    return freed;
  }

  /** Whether the daemon shall end. Any context. @kernel kthread_should_stop */
  shouldStop(): boolean {
    return this.cells.atomicLoad(this.state + KSWAPD.stop) !== 0;
  }

  /** Tells the daemon to end. Any context. @kernel kthread_stop, without the wait */
  stop(): void {
    this.cells.atomicStore(this.state + KSWAPD.stop, 1);
    this.frames.watermarks.kswapdWait.wakeAll();
  }

  /**
   * Lets the daemon stand still and waits until it does. Where there is none, returns at once. No lock held; may sleep.
   * @kernel kernel/power/process.c freeze_processes, for this one thread
   */
  freeze(): void {
    const { cells, state, stood } = this;
    cells.atomicAdd(state + KSWAPD.freezers, 1);
    for (;;) {
      const ticket = stood.prepareToWait();
      if (cells.atomicLoad(state + KSWAPD.running) === 0) return;
      // The machine's own limit ends the wait, with a report.
      stood.wait(ticket, Number.POSITIVE_INFINITY);
    }
  }

  /** Lets the daemon go on, once for each {@link freeze}. Any context. @kernel kernel/power/process.c thaw_processes */
  thaw(): void {
    this.cells.atomicAdd(this.state + KSWAPD.freezers, -1);
    this.frames.watermarks.kswapdWait.wakeAll();
  }

  private isFreezing(): boolean {
    return this.cells.atomicLoad(this.state + KSWAPD.freezers) !== 0;
  }

  private mustStandStill(): boolean {
    return this.isFreezing() || this.shouldStop();
  }

  private isAllUnreclaimable(): boolean {
    return this.frames.watermarks.isAllUnreclaimable(this.zone.reclaimablePages());
  }

  /** {@link balancePgdat}, unless somebody wants the daemon to stand still; those wait until it is through. */
  private runOnce(): number {
    const { cells, state } = this;
    cells.atomicStore(state + KSWAPD.running, 1);
    try {
      // Looked at again after we said that we run: whoever freezes says so first and looks then.
      return this.mustStandStill() ? 0 : this.tellAndBalance();
    } finally {
      cells.atomicStore(state + KSWAPD.running, 0);
      this.stood.wakeAll();
    }
  }

  /** {@link balancePgdat}, told as a span to whoever wants to know. */
  private tellAndBalance(): number {
    const since = this.trace.beginReclaim();
    if (since === NOT_TRACED) return this.balancePgdat();
    const scanned = this.events.own(VM_EVENT.scanned);
    const freed = this.balancePgdat();
    const looked = this.events.own(VM_EVENT.scanned) - scanned;
    this.trace.reclaim(since, true, SWAP_CLUSTER_MAX, looked, freed);
    return freed;
  }

  /**
   * Lets others run after a pass that did not free enough, except while memory is so short that they would only wait.
   * @kernel congestion_wait in balance_pgdat, 2.6.34; no device here is ever congested, so the rest is short
   */
  private restAfter(priority: number): void {
    const pass = DEF_PRIORITY - priority;
    if (pass > PASSES_WITHOUT_REST && this.frames.watermarks.zoneWatermarkOk(WMARK_MIN))
      this.context.relax(pass);
    else this.context.step();
  }
}
