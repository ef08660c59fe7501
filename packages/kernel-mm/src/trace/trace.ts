/**
 * Telling what happens: the writing side of the trace, one per attached thread.
 *
 * Promise: recording never waits, never fails and may be done with any lock held; a full ring drops the new event and counts it. An event
 * type that nobody wants costs one load and one comparison.
 *
 * The ring of the running task belongs to it alone, so no lock is needed. The rings are not kernel state: they are accessed directly and
 * announce no points, so that watching a machine does not change its schedules.
 */
import type { Core } from '../sync/core.js';
import type { Context } from '../sync/context.js';
import { KERN_WARNING, TRACE_PRINTK, TRACE_SLOT_FREE, TRACE_SWAPOFF, TRACE_SWAPON } from './events.js';
import {
  CONTINUATION_TEXT_BYTES,
  HEAD_TEXT_BYTES,
  recordsFor,
  TRACE_CONTROL,
  TRACE_RECORD,
  TRACE_RING,
  TRACE_TEXT_BYTES_MAX,
  type TraceRegions,
} from './rings.js';

/** What unprintable characters become. */
const QUESTION_MARK = 0x3f;

/** Records events of the running task. */
export class Trace {
  private readonly context: Context;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly f64: Float64Array;
  private readonly mutedCell: number;
  private readonly rings: number;
  private readonly records: number;
  private readonly recordsPerTask: number;

  /**
   * @param core - the running thread
   * @param regions - from `layoutTrace`
   */
  constructor(core: Core, regions: TraceRegions) {
    const arena = core.cells.arena;
    this.context = core.context;
    this.u8 = arena.u8;
    this.u16 = arena.u16;
    this.i32 = arena.i32;
    this.f64 = arena.f64;
    this.mutedCell = (regions.control.base + TRACE_CONTROL.muted) >> 2;
    this.rings = regions.rings.base;
    this.records = regions.records.base;
    this.recordsPerTask = regions.recordsPerTask;
  }

  /**
   * A slot became free.
   * @param swapType - index of the area
   * @param slot - slot in the area
   */
  slotFree(swapType: number, slot: number): void {
    if (this.isMuted(TRACE_SLOT_FREE)) return;
    this.write(TRACE_SLOT_FREE, swapType, slot, 0, '');
  }

  /**
   * An area was switched on.
   * @param swapType - index of the area
   * @param device - path of its device, at most {@link TRACE_TEXT_BYTES_MAX} ASCII characters
   * @param pages - usable slots
   * @param priority - priority of the area
   */
  swapon(swapType: number, device: string, pages: number, priority: number): void {
    if (this.isMuted(TRACE_SWAPON)) return;
    this.write(TRACE_SWAPON, swapType, pages, priority, device);
  }

  /**
   * An area was switched off.
   * @param swapType - index of the area
   * @param device - path of its device, at most {@link TRACE_TEXT_BYTES_MAX} ASCII characters
   */
  swapoff(swapType: number, device: string): void {
    if (this.isMuted(TRACE_SWAPOFF)) return;
    this.write(TRACE_SWAPOFF, swapType, 0, 0, device);
  }

  /**
   * A line for the kernel log. @kernel kernel/printk.c printk
   * @param text - at most {@link TRACE_TEXT_BYTES_MAX} ASCII characters, without the newline; more are cut off, others become `?`
   * @param level - one of the `KERN_` levels
   */
  printk(text: string, level: number = KERN_WARNING): void {
    if (this.isMuted(TRACE_PRINTK)) return;
    this.write(TRACE_PRINTK, level, 0, 0, text);
  }

  /** Whether a type of event is not recorded. A plain load: a change of mind may be seen a little later. */
  private isMuted(type: number): boolean {
    return ((this.i32[this.mutedCell] ?? 0) & (1 << type)) !== 0;
  }

  /** Puts one event into the ring of the running task, or counts it as dropped. */
  private write(type: number, first: number, second: number, third: number, text: string): void {
    const { context, i32, f64 } = this;
    const task = context.current;
    const ring = this.rings + task * TRACE_RING.$bytes;
    const events = (f64[(ring + TRACE_RING.events) >> 3] ?? 0) + 1;
    f64[(ring + TRACE_RING.events) >> 3] = events;

    const textBytes = Math.min(text.length, TRACE_TEXT_BYTES_MAX);
    const needed = recordsFor(textBytes);
    const written = (i32[(ring + TRACE_RING.written) >> 2] ?? 0) >>> 0;
    const pending = (written - Atomics.load(i32, (ring + TRACE_RING.read) >> 2)) >>> 0;
    if (pending + needed > this.recordsPerTask) {
      Atomics.add(i32, (ring + TRACE_RING.dropped) >> 2, 1);
      return;
    }

    const head = this.recordAt(task, written);
    this.u16[(head + TRACE_RECORD.type) >> 1] = type;
    this.u16[(head + TRACE_RECORD.task) >> 1] = task;
    i32[(head + TRACE_RECORD.textBytes) >> 2] = textBytes;
    f64[(head + TRACE_RECORD.time) >> 3] = context.options.clock === null ? events : context.now();
    const payload = (head + TRACE_RECORD.payload) >> 2;
    i32[payload] = first;
    i32[payload + 1] = second;
    i32[payload + 2] = third;
    i32[payload + 3] = 0;
    if (textBytes !== 0) this.writeText(task, written, head, text, textBytes);
    Atomics.store(i32, (ring + TRACE_RING.written) >> 2, (written + needed) | 0);
  }

  /** Spreads a text over the head record and its continuations. */
  private writeText(task: number, written: number, head: number, text: string, textBytes: number): void {
    let done = Math.min(textBytes, HEAD_TEXT_BYTES);
    this.writeBytes(head + TRACE_RECORD.text, text, 0, done);
    for (let record = written + 1; done < textBytes; record++) {
      const end = Math.min(textBytes, done + CONTINUATION_TEXT_BYTES);
      this.writeBytes(this.recordAt(task, record), text, done, end);
      done = end;
    }
  }

  private writeBytes(address: number, text: string, start: number, end: number): void {
    for (let index = start; index < end; index++) {
      const unit = text.charCodeAt(index);
      this.u8[address + index - start] = unit < 128 ? unit : QUESTION_MARK;
    }
  }

  /** Address of a record by its running number, which wraps at 2^32. */
  private recordAt(task: number, number: number): number {
    return (
      this.records + (task * this.recordsPerTask + (number & (this.recordsPerTask - 1))) * TRACE_RECORD.$bytes
    );
  }
}
