/**
 * Hearing what happened: the reading side of the trace.
 *
 * Promise: every published event is delivered once, whole, in a fixed order: by time, then by task, then in the order its task wrote
 * it. Without a clock the time of an event is its number among the events of its task, so the order depends on nothing but what the tasks
 * did. Events that are still being written while a drain runs come with the next drain.
 *
 * One reader at a time, in any thread, with or without a task of its own. It takes no lock: rings that fill up meanwhile drop.
 */
import { MisuseError } from '../errno.js';
import type { Arena } from '../arena/memory.js';
import { TASKS_MAX } from '../sync/task.js';
import {
  eventMask,
  KERNEL_EVENT_TYPES,
  TRACE_PRINTK,
  TRACE_SLOT_FREE,
  TRACE_SWAPON,
  type KernelEvent,
  type KernelEventType,
} from './events.js';
import {
  CONTINUATION_TEXT_BYTES,
  HEAD_TEXT_BYTES,
  recordsFor,
  TRACE_CONTROL,
  TRACE_RECORD,
  TRACE_RING,
  type TraceRegions,
} from './rings.js';

const ALL_TYPES = (1 << KERNEL_EVENT_TYPES.length) - 1;

/** Empties the rings of a machine. */
export class TraceReader {
  private readonly arena: Arena;
  private readonly control: number;
  private readonly rings: number;
  private readonly records: number;
  private readonly recordsPerTask: number;

  /**
   * @param arena - this thread's views
   * @param regions - from `layoutTrace`
   */
  constructor(arena: Arena, regions: TraceRegions) {
    this.arena = arena;
    this.control = regions.control.base;
    this.rings = regions.rings.base;
    this.records = regions.records.base;
    this.recordsPerTask = regions.recordsPerTask;
  }

  /**
   * Takes all published events out of the rings.
   * @param types - what to return; events of other types are taken out too, and forgotten
   * @returns events in order of time, then task
   * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` when another thread is draining
   */
  drain(types: readonly KernelEventType[] = KERNEL_EVENT_TYPES): KernelEvent[] {
    const { i32 } = this.arena;
    const draining = (this.control + TRACE_CONTROL.draining) >> 2;
    if (Atomics.compareExchange(i32, draining, 0, 1) !== 0) {
      throw new MisuseError('ERR_INVALID_ARGUMENT', 'Another thread is draining the events of this machine.');
    }
    try {
      const events: KernelEvent[] = [];
      const wanted = eventMask(types);
      for (let task = 0; task < TASKS_MAX; task++) this.drainTask(task, wanted, events);
      // The sort is stable: events of one task and one time stay in the order they were written.
      return events.sort(byTimeThenTask);
    } finally {
      Atomics.store(i32, draining, 0);
    }
  }

  /** Events dropped since the machine was created, because the ring of their task was full. */
  dropped(): number {
    let dropped = 0;
    for (let task = 0; task < TASKS_MAX; task++) {
      dropped += Atomics.load(this.arena.i32, (this.ringOf(task) + TRACE_RING.dropped) >> 2) >>> 0;
    }
    return dropped;
  }

  /**
   * Chooses what is recorded from now on, in all threads. What is in the rings already stays there.
   * @param types - types to record; all others cost next to nothing
   */
  record(types: readonly KernelEventType[]): void {
    Atomics.store(this.arena.i32, (this.control + TRACE_CONTROL.muted) >> 2, ALL_TYPES & ~eventMask(types));
  }

  /** Types that are recorded now; all, unless {@link record} chose otherwise. */
  recorded(): KernelEventType[] {
    const muted = Atomics.load(this.arena.i32, (this.control + TRACE_CONTROL.muted) >> 2);
    return KERNEL_EVENT_TYPES.filter((type) => (muted & eventMask([type])) === 0);
  }

  private drainTask(task: number, wanted: number, events: KernelEvent[]): void {
    const { i32, u16 } = this.arena;
    const ring = this.ringOf(task);
    const readCell = (ring + TRACE_RING.read) >> 2;
    const written = Atomics.load(i32, (ring + TRACE_RING.written) >> 2);
    let read = i32[readCell] ?? 0;
    while (read !== written) {
      const head = this.recordAt(task, read);
      const type = u16[(head + TRACE_RECORD.type) >> 1] ?? 0;
      if ((wanted & (1 << type)) !== 0) events.push(this.eventAt(task, read, type));
      read = (read + recordsFor(i32[(head + TRACE_RECORD.textBytes) >> 2] ?? 0)) | 0;
    }
    Atomics.store(i32, readCell, read);
  }

  private eventAt(task: number, number: number, type: number): KernelEvent {
    const { i32, f64 } = this.arena;
    const head = this.recordAt(task, number);
    const time = f64[(head + TRACE_RECORD.time) >> 3] ?? 0;
    const payload = (head + TRACE_RECORD.payload) >> 2;
    const first = i32[payload] ?? 0;
    const second = i32[payload + 1] ?? 0;
    const third = i32[payload + 2] ?? 0;
    if (type === TRACE_SLOT_FREE) return { type: 'slotFree', task, time, swapType: first, slot: second };
    const text = this.textAt(task, number);
    if (type === TRACE_PRINTK) return { type: 'printk', task, time, level: first, text };
    if (type === TRACE_SWAPON) {
      return { type: 'swapon', task, time, swapType: first, device: text, pages: second, priority: third };
    }
    return { type: 'swapoff', task, time, swapType: first, device: text };
  }

  /** Puts a text together again from the head record and its continuations. */
  private textAt(task: number, number: number): string {
    const head = this.recordAt(task, number);
    const textBytes = this.arena.i32[(head + TRACE_RECORD.textBytes) >> 2] ?? 0;
    let done = Math.min(textBytes, HEAD_TEXT_BYTES);
    let text = this.asciiAt(head + TRACE_RECORD.text, done);
    for (let record = number + 1; done < textBytes; record++) {
      const bytes = Math.min(textBytes - done, CONTINUATION_TEXT_BYTES);
      text += this.asciiAt(this.recordAt(task, record), bytes);
      done += bytes;
    }
    return text;
  }

  private asciiAt(address: number, bytes: number): string {
    let text = '';
    for (let index = 0; index < bytes; index++)
      text += String.fromCharCode(this.arena.u8[address + index] ?? 0);
    return text;
  }

  private ringOf(task: number): number {
    return this.rings + task * TRACE_RING.$bytes;
  }

  private recordAt(task: number, number: number): number {
    return (
      this.records + (task * this.recordsPerTask + (number & (this.recordsPerTask - 1))) * TRACE_RECORD.$bytes
    );
  }
}

function byTimeThenTask(one: KernelEvent, other: KernelEvent): number {
  return one.time - other.time || one.task - other.task;
}
