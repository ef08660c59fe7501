/**
 * Hearing what happened: the reading side of the trace.
 *
 * Promise: every published event is delivered once, whole, in a fixed order: by time, then by task, then in the order its task wrote
 * it. Without a clock the time of an event is its number among the events of its task, so the order depends on nothing but what the tasks
 * did. Events that are still being written while a drain runs come with the next drain.
 *
 * A span is told when it is over, after what happened inside it. Who needs events in the order in which they began drains task by task
 * ({@link TraceReader.drainTo}): that says up to where nothing is missing.
 *
 * One reader at a time, in any thread, with or without a task of its own. It takes no lock: rings that fill up meanwhile drop.
 */
import { MisuseError } from '../errno.js';
import type { Arena } from '../arena/memory.js';
import { TASKS_MAX } from '../sync/task.js';
import { decodeEvent } from './decode.js';
import {
  eventMask,
  KERNEL_EVENT_TYPES,
  KERNEL_EVENT_TYPES_DEFAULT,
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

const ALL_TYPES = eventMask(KERNEL_EVENT_TYPES);
const DEFAULTS = eventMask(KERNEL_EVENT_TYPES_DEFAULT);

/** Takes events one by one, task by task. It must not throw: what it was given then is given again. */
export interface TraceSink {
  /**
   * Something a task has told; of one task in the order it was written.
   * @param event - may be kept
   */
  take(event: KernelEvent): void;

  /**
   * Said of each task that ever told something, behind its events.
   * @param task - its number
   * @param until - all spans of the task that began before this time have been told, now or earlier, and all else it told before; `Infinity` when no
   * span is under way: then this holds for all that was told so far
   */
  settle(task: number, until: number): void;
}

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
    this.beginDrain();
    try {
      const list = new EventList();
      const wanted = eventMask(types);
      for (let task = 0; task < TASKS_MAX; task++) this.drainTask(task, wanted, list);
      // The sort is stable: events of one task and one time stay in the order they were written.
      return list.events.sort(byTimeThenTask);
    } finally {
      this.endDrain();
    }
  }

  /**
   * Takes all published events out of the rings, task by task.
   * @param sink - gets them
   * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` when another thread is draining
   */
  drainTo(sink: TraceSink): void {
    this.beginDrain();
    try {
      for (let task = 0; task < TASKS_MAX; task++) {
        if (this.hasTold(task)) sink.settle(task, this.drainTask(task, ALL_TYPES, sink));
      }
    } finally {
      this.endDrain();
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
    Atomics.store(this.arena.i32, (this.control + TRACE_CONTROL.changed) >> 2, eventMask(types) ^ DEFAULTS);
  }

  /** Types that are recorded now: `KERNEL_EVENT_TYPES_DEFAULT`, unless {@link record} chose otherwise. */
  recorded(): KernelEventType[] {
    const recorded = DEFAULTS ^ Atomics.load(this.arena.i32, (this.control + TRACE_CONTROL.changed) >> 2);
    return KERNEL_EVENT_TYPES.filter((type) => (recorded & eventMask([type])) !== 0);
  }

  private beginDrain(): void {
    const draining = (this.control + TRACE_CONTROL.draining) >> 2;
    if (Atomics.compareExchange(this.arena.i32, draining, 0, 1) !== 0) {
      throw new MisuseError('ERR_INVALID_ARGUMENT', 'Another thread is draining the events of this machine.');
    }
  }

  private endDrain(): void {
    Atomics.store(this.arena.i32, (this.control + TRACE_CONTROL.draining) >> 2, 0);
  }

  /** Whether a task, or one before it in the same place, has ever written anything. */
  private hasTold(task: number): boolean {
    const { i32 } = this.arena;
    const ring = this.ringOf(task);
    return i32[(ring + TRACE_RING.written) >> 2] !== 0 || i32[(ring + TRACE_RING.openSpans) >> 2] !== 0;
  }

  /** @returns see {@link TraceSink.settle} */
  private drainTask(task: number, wanted: number, sink: Pick<TraceSink, 'take'>): number {
    const { i32, f64 } = this.arena;
    const ring = this.ringOf(task);
    const readCell = (ring + TRACE_RING.read) >> 2;
    const writtenCell = (ring + TRACE_RING.written) >> 2;
    // In this order: a span that is in neither is written after the second look. Then it was open at the look in between, or began after
    // all that was written by the first.
    const before = Atomics.load(i32, writtenCell);
    const isOpen = Atomics.load(i32, (ring + TRACE_RING.openSpans) >> 2) !== 0;
    const openSince = isOpen ? (f64[(ring + TRACE_RING.openSince) >> 3] ?? 0) : Infinity;
    const written = Atomics.load(i32, writtenCell);
    let settledUntil = before === written ? Infinity : -Infinity;
    let read = i32[readCell] ?? 0;
    while (read !== written) {
      const head = this.recordAt(task, read);
      const type = u16At(this.arena, head + TRACE_RECORD.type);
      if ((wanted & (1 << type)) !== 0) sink.take(this.eventAt(task, read, type));
      read = (read + recordsFor(i32[(head + TRACE_RECORD.textBytes) >> 2] ?? 0)) | 0;
      if (read === before && before !== written) settledUntil = f64[(head + TRACE_RECORD.time) >> 3] ?? 0;
    }
    Atomics.store(i32, readCell, read);
    return Math.min(settledUntil, openSince);
  }

  private eventAt(task: number, number: number, type: number): KernelEvent {
    const { i32 } = this.arena;
    const head = this.recordAt(task, number);
    const hasText = (i32[(head + TRACE_RECORD.textBytes) >> 2] ?? 0) !== 0;
    return decodeEvent(this.arena, head, type, task, hasText ? this.textAt(task, number) : '');
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

/** Keeps what it is given. */
class EventList {
  readonly events: KernelEvent[] = [];

  take(event: KernelEvent): void {
    this.events.push(event);
  }
}

function u16At(arena: Arena, address: number): number {
  return arena.u16[address >> 1] ?? 0;
}

function byTimeThenTask(one: KernelEvent, other: KernelEvent): number {
  return one.time - other.time || one.task - other.task;
}
