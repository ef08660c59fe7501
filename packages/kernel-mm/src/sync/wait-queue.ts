/**
 * Wait queues: sleep until somebody says that a condition may have changed, or until a time limit.
 *
 * Use: take a ticket, look at the condition, wait with the ticket, look again. A wake-up between the look and the wait is not lost,
 * because it changes the number the ticket was read from. @kernel wait_queue_head_t, prepare_to_wait
 *
 * Callers hold no spinlock while they wait. Wakers may hold any lock. A wake-up may be spurious.
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Context } from './context.js';
import { checkWait, WAIT_SLICE_MS } from './locks.js';
import {
  block,
  FAULT_SPURIOUS_WAKE,
  NOSITE as NO_SITE,
  POINT_WAKE,
  type Control,
  type Site,
} from './point.js';

/** The {@link NO_SITE} of points; an imported constant is loaded and checked at each use, one of this module is not. */
const NOSITE: Site = NO_SITE;
const WAIT_QUEUE = struct('wait_queue_head', { sequence: 'i32', waiters: 'i32' }, 64);

/**
 * Reserves wait queues, one to a cache line.
 * @param layout - not yet sealed
 * @param name - for reports
 * @param count - number of queues
 */
export function layoutWaitQueues(layout: Layout, name: string, count = 1): Region {
  return layout.structs('hot', name, WAIT_QUEUE, count);
}

/** A wait queue as one thread sees it. */
export class WaitQueue {
  /** Byte address of the queue. */
  readonly address: number;
  private readonly context: Context;
  private readonly i32: Int32Array;

  /**
   * @param context - the running thread
   * @param address - from {@link layoutWaitQueues}
   */
  constructor(context: Context, address: number) {
    this.context = context;
    this.address = address;
    this.i32 = context.cells.arena.i32;
  }

  /** Takes a ticket; look at the condition after this. @point obj=this.address kind=atomic */
  prepareToWait(site: Site = NOSITE): number {
    return this.context.cells.atomicLoad(this.address + WAIT_QUEUE.sequence, site);
  }

  /**
   * Sleeps until a wake-up that came after the ticket was taken, or until the limit.
   * @param ticket - from {@link prepareToWait}
   * @param limitMs - longest sleep in milliseconds; `Infinity` leaves it to the machine's own limit, which stops it with a report
   * @returns true when woken, false when the limit was reached
   */
  wait(ticket: number, limitMs: number, site: Site = NOSITE): boolean {
    const { context, i32 } = this;
    context.cells.announceWait(this.address, site);
    context.mightSleep('waiting on a wait queue');
    const sequence = (this.address + WAIT_QUEUE.sequence) >> 2;
    if (Atomics.load(i32, sequence) !== ticket) return true;
    const { control } = context.options;
    if (control !== null) return this.waitUnderControl(control, ticket, limitMs !== Infinity, site);
    if (!context.options.mayWait || !context.cells.arena.shared)
      context.wouldBlock('it would have to wait for a wake-up');
    Atomics.add(i32, (this.address + WAIT_QUEUE.waiters) >> 2, 1);
    context.noteWaiting(this.address, -1);
    let leftMs = limitMs;
    let waitedMs = 0;
    let woken = Atomics.load(i32, sequence) !== ticket;
    while (!woken && leftMs > 0) {
      const sliceMs = Math.min(leftMs, WAIT_SLICE_MS);
      if (Atomics.wait(i32, sequence, ticket, sliceMs) === 'timed-out') {
        leftMs -= sliceMs;
        waitedMs += sliceMs;
      }
      woken = Atomics.load(i32, sequence) !== ticket;
      checkWait(context, this.address, -1, leftMs > 0 && !woken ? waitedMs : 0, -1);
    }
    context.noteRunning();
    Atomics.sub(i32, (this.address + WAIT_QUEUE.waiters) >> 2, 1);
    return woken;
  }

  /**
   * The same for a thread under a chosen schedule. A wait with a limit may end when nobody else can run; one without may be woken by nobody, as
   * those who wait must allow for.
   */
  private waitUnderControl(control: Control, ticket: number, timed: boolean, site: Site): boolean {
    const { context, i32 } = this;
    const sequence = (this.address + WAIT_QUEUE.sequence) >> 2;
    if (control.fault(FAULT_SPURIOUS_WAKE)) return true;
    Atomics.add(i32, (this.address + WAIT_QUEUE.waiters) >> 2, 1);
    context.noteWaiting(this.address, -1);
    do block(control, this.address, timed, site);
    while (!timed && Atomics.load(i32, sequence) === ticket);
    context.noteRunning();
    Atomics.sub(i32, (this.address + WAIT_QUEUE.waiters) >> 2, 1);
    return Atomics.load(i32, sequence) !== ticket;
  }

  /** Wakes all who wait. @kernel wake_up_all @point obj=this.address kind=wake */
  wakeAll(site: Site = NOSITE): void {
    if (this.context.cells.hook !== null) this.context.cells.hook(POINT_WAKE, this.address, site);
    Atomics.add(this.i32, (this.address + WAIT_QUEUE.sequence) >> 2, 1);
    if (Atomics.load(this.i32, (this.address + WAIT_QUEUE.waiters) >> 2) !== 0) {
      const { control } = this.context.options;
      if (control !== null) control.wake(this.address);
      else Atomics.notify(this.i32, (this.address + WAIT_QUEUE.sequence) >> 2);
    }
  }
}
