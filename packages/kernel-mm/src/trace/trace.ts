/**
 * Telling what happens: the writing side of the trace, one per attached thread.
 *
 * Promise: recording never waits, never fails and may be done with any lock held; a full ring drops the new event and counts it. An event
 * type that nobody wants costs one load and one comparison, and allocates nothing.
 *
 * A span is begun and told in two calls: what `beginX` gives is handed to the call that tells it, or the telling is left out when it is
 * {@link NOT_TRACED}. Spans of one task, but for those of locks, are told in the reverse order of their beginning; one that is left by a
 * `throw` is never told, which others survive.
 *
 * The ring of the running task belongs to it alone, so no lock is needed. The rings are not kernel state: they are accessed directly and
 * announce no points, so that watching a machine does not change its schedules.
 */
import type { Core } from '../sync/core.js';
import type { Context, LockObserver } from '../sync/context.js';
import * as types from './events.js';
import * as rings from './rings.js';
import { recordsFor, type TraceRegions } from './rings.js';

// Constants of this module are part of the code that uses them; imported ones are loaded and checked at each use.
const { KERN_WARNING, TRACE_PRINTK, TRACE_SLOT_FREE, TRACE_SWAPOFF, TRACE_SWAPON } = types;
const { TRACE_DUPLICATE, TRACE_FAULT, TRACE_LOCK_CONTENDED, TRACE_LOCK_HELD, TRACE_NOTIFIER_CALL } = types;
const { TRACE_NOTIFY, TRACE_PROCESS_KILLED, TRACE_RECLAIM, TRACE_SLOT_ALLOC } = types;
const { TRACE_SWAP_IN, TRACE_SWAP_OUT } = types;
const { CONTINUATION_TEXT_BYTES, FAULT_WRITES, HEAD_TEXT_BYTES, TRACE_TEXT_BYTES_MAX } = rings;
const { TRACE_CONTROL, TRACE_RECORD, TRACE_RING } = rings;

/** What `beginX` gives when the span is not recorded. Times are never below 0. */
export const NOT_TRACED = -1;

/** What unprintable characters become. */
const QUESTION_MARK = 0x3f;

/** Records events of the running task. */
export class Trace implements LockObserver {
  private readonly context: Context;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly f64: Float64Array;
  /** What is recorded contrary to its default: a view of this one cell, which takes less than a look into the whole arena. */
  private readonly changed: Int32Array;
  private readonly hasClock: boolean;
  private readonly rings: number;
  private readonly records: number;
  private readonly recordsPerTask: number;

  /**
   * @param core - the running thread
   * @param regions - from `layoutTrace`
   */
  constructor(core: Pick<Core, 'cells' | 'context'>, regions: TraceRegions) {
    const arena = core.cells.arena;
    this.context = core.context;
    this.u8 = arena.u8;
    this.u16 = arena.u16;
    this.i32 = arena.i32;
    this.f64 = arena.f64;
    const changedCell = (regions.control.base + TRACE_CONTROL.changed) >> 2;
    this.changed = arena.i32.subarray(changedCell, changedCell + 1);
    this.hasClock = core.context.options.clock !== null;
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
    this.write(TRACE_SLOT_FREE, swapType, slot, 0, 0);
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
    this.writeText(TRACE_SWAPON, swapType, pages, priority, device);
  }

  /**
   * An area was switched off.
   * @param swapType - index of the area
   * @param device - path of its device, at most {@link TRACE_TEXT_BYTES_MAX} ASCII characters
   */
  swapoff(swapType: number, device: string): void {
    if (this.isMuted(TRACE_SWAPOFF)) return;
    this.writeText(TRACE_SWAPOFF, swapType, 0, 0, device);
  }

  /**
   * A line for the kernel log. @kernel kernel/printk.c printk
   * @param text - at most {@link TRACE_TEXT_BYTES_MAX} ASCII characters, without the newline; more are cut off, others become `?`
   * @param level - one of the `KERN_` levels
   */
  printk(text: string, level: number = KERN_WARNING): void {
    if (this.isMuted(TRACE_PRINTK)) return;
    this.writeText(TRACE_PRINTK, level, 0, 0, text);
  }

  /**
   * A slot was taken.
   * @param swapType - index of the area
   * @param slot - slot in the area
   */
  slotAlloc(swapType: number, slot: number): void {
    if (this.isWanted(TRACE_SLOT_ALLOC)) this.write(TRACE_SLOT_ALLOC, swapType, slot, 0, 0);
  }

  /** Whether {@link duplicate} records anything: then `swap_duplicate` must not go where nobody could tell. */
  wantsDuplicate(): boolean {
    return this.isWanted(TRACE_DUPLICATE);
  }

  /**
   * A slot got one more user.
   * @param swapType - index of the area
   * @param slot - slot in the area
   * @param count - users it has now
   */
  duplicate(swapType: number, slot: number, count: number): void {
    if (this.isWanted(TRACE_DUPLICATE)) this.write(TRACE_DUPLICATE, swapType, slot, count, 0);
  }

  /**
   * A process was ended because memory had run out.
   * @param space - id of its address space
   */
  processKilled(space: number): void {
    if (this.isWanted(TRACE_PROCESS_KILLED)) this.write(TRACE_PROCESS_KILLED, space, 0, 0, 0);
  }

  /** The device is about to be told of a freed slot. @returns for {@link notify} */
  beginNotify(): number {
    return this.isWanted(TRACE_NOTIFY) ? this.beginSpan() : NOT_TRACED;
  }

  /**
   * Who is to be told of a freed slot was told, or there was nobody.
   * @param since - from {@link beginNotify}, not {@link NOT_TRACED}
   * @param swapType - index of the area
   * @param slot - slot in the area
   * @param told - whether there was anybody; if not, nothing is recorded
   */
  notify(since: number, swapType: number, slot: number, told: boolean): void {
    if (told) this.writeSpan(TRACE_NOTIFY, since, this.stamp(), swapType, slot, 0, 0);
    this.endSpan();
  }

  /** A page is about to be written. @returns for {@link swapOut} */
  beginSwapOut(): number {
    return this.isWanted(TRACE_SWAP_OUT) ? this.beginSpan() : NOT_TRACED;
  }

  /**
   * A page was written.
   * @param since - from {@link beginSwapOut}, not {@link NOT_TRACED}
   * @param swapType - index of the area
   * @param slot - slot in the area
   * @param error - 0 or a negative errno
   */
  swapOut(since: number, swapType: number, slot: number, error: number): void {
    this.writeSpan(TRACE_SWAP_OUT, since, this.stamp(), swapType, slot, error, 0);
    this.endSpan();
  }

  /** A page is about to be read. @returns for {@link swapIn} */
  beginSwapIn(): number {
    return this.isWanted(TRACE_SWAP_IN) ? this.beginSpan() : NOT_TRACED;
  }

  /**
   * A page was read.
   * @param since - from {@link beginSwapIn}, not {@link NOT_TRACED}
   * @param swapType - index of the area
   * @param slot - slot in the area
   * @param error - 0 or a negative errno
   */
  swapIn(since: number, swapType: number, slot: number, error: number): void {
    this.writeSpan(TRACE_SWAP_IN, since, this.stamp(), swapType, slot, error, 0);
    this.endSpan();
  }

  /** Reclaim begins. @returns for {@link reclaim} */
  beginReclaim(): number {
    return this.isWanted(TRACE_RECLAIM) ? this.beginSpan() : NOT_TRACED;
  }

  /**
   * Reclaim is done.
   * @param since - from {@link beginReclaim}, not {@link NOT_TRACED}
   * @param isKswapd - whether the daemon did it; else a task that needs pages itself
   * @param target - pages wanted
   * @param scanned - pages looked at
   * @param freed - pages freed
   */
  reclaim(since: number, isKswapd: boolean, target: number, scanned: number, freed: number): void {
    this.writeSpan(TRACE_RECLAIM, since, this.stamp(), isKswapd ? 1 : 0, target, scanned, freed);
    this.endSpan();
  }

  /** A page fault begins. @returns for {@link fault} */
  beginFault(): number {
    return this.isWanted(TRACE_FAULT) ? this.beginSpan() : NOT_TRACED;
  }

  /**
   * A page fault is over.
   * @param since - from {@link beginFault}, not {@link NOT_TRACED}
   * @param kind - one of the `PAGE_FAULT_` numbers
   * @param space - id of the address space
   * @param vpn - virtual page number
   * @param write - whether the access writes
   * @param error - 0 or a negative errno
   */
  fault(since: number, kind: number, space: number, vpn: number, write: boolean, error: number): void {
    const first = write ? kind | FAULT_WRITES : kind;
    this.writeSpan(TRACE_FAULT, since, this.stamp(), first, space, vpn, error);
    this.endSpan();
  }

  /** A callback of a notifier chain is about to run. @returns for {@link notifierCall} */
  beginNotifierCall(): number {
    return this.isWanted(TRACE_NOTIFIER_CALL) ? this.beginSpan() : NOT_TRACED;
  }

  /**
   * A callback of a notifier chain has run.
   * @param since - from {@link beginNotifierCall}, not {@link NOT_TRACED}
   * @param chain - address of the head of the chain
   * @param block - address of the block
   * @param action - what the callback was told
   * @param result - what it answered
   */
  notifierCall(since: number, chain: number, block: number, action: number, result: number): void {
    this.writeSpan(TRACE_NOTIFIER_CALL, since, this.stamp(), chain, block, action, result);
    this.endSpan();
  }

  /** A lock was waited for; see {@link LockObserver}. */
  lockContended(address: number, lockClass: number, since: number, until: number): void {
    if (this.isWanted(TRACE_LOCK_CONTENDED))
      this.writeSpan(TRACE_LOCK_CONTENDED, since, until, address, lockClass, 0, 0);
  }

  /** A lock was held; see {@link LockObserver}. */
  lockHeld(address: number, lockClass: number, since: number, until: number): void {
    if (this.isWanted(TRACE_LOCK_HELD))
      this.writeSpan(TRACE_LOCK_HELD, since, until, address, lockClass, 0, 0);
  }

  /** The time for an event that happens now: of the clock, or without one the next number of the running task. */
  stamp(): number {
    if (this.hasClock) return this.context.now();
    const events = (this.ringOf(this.context.current) + TRACE_RING.events) >> 3;
    return (this.f64[events] = (this.f64[events] ?? 0) + 1);
  }

  /**
   * Records in the ring of the running task that nobody has read yet: for who makes work, and would rather wait than lose events.
   * @returns 0 to the size of a ring
   */
  pending(): number {
    const ring = this.ringOf(this.context.current);
    const written = this.i32[(ring + TRACE_RING.written) >> 2] ?? 0;
    return (written - Atomics.load(this.i32, (ring + TRACE_RING.read) >> 2)) >>> 0;
  }

  // Both are plain loads: a change of mind may be seen a little later.

  /** Whether a type of event that is recorded by default is not. */
  private isMuted(type: number): boolean {
    return ((this.changed[0] ?? 0) & (1 << type)) !== 0;
  }

  /** Whether a type of event that is not recorded by default is. */
  private isWanted(type: number): boolean {
    return ((this.changed[0] ?? 0) & (1 << type)) !== 0;
  }

  // What follows is apart so that the checks above are small enough to be inlined.

  private beginSpan(): number {
    const { i32, f64 } = this;
    const ring = this.ringOf(this.context.current);
    const since = this.stamp();
    const open = i32[(ring + TRACE_RING.openSpans) >> 2] ?? 0;
    if (open === 0) f64[(ring + TRACE_RING.openSince) >> 3] = since;
    Atomics.store(i32, (ring + TRACE_RING.openSpans) >> 2, open + 1);
    return since;
  }

  /** After the span was written: the reader takes one that is not open for told. */
  private endSpan(): void {
    Atomics.sub(this.i32, (this.ringOf(this.context.current) + TRACE_RING.openSpans) >> 2, 1);
  }

  private writeSpan(
    type: number,
    since: number,
    time: number,
    first: number,
    second: number,
    third: number,
    fourth: number,
  ): void {
    const head = this.reserve(type, time, 0, 1);
    if (head === 0) return;
    const payload = (head + TRACE_RECORD.payload) >> 2;
    this.f64[(head + TRACE_RECORD.text) >> 3] = since;
    this.i32[payload] = first;
    this.i32[payload + 1] = second;
    this.i32[payload + 2] = third;
    this.i32[payload + 3] = fourth;
    this.publish(1);
  }

  private write(type: number, first: number, second: number, third: number, fourth: number): void {
    const head = this.reserve(type, this.stamp(), 0, 1);
    if (head === 0) return;
    const payload = (head + TRACE_RECORD.payload) >> 2;
    this.i32[payload] = first;
    this.i32[payload + 1] = second;
    this.i32[payload + 2] = third;
    this.i32[payload + 3] = fourth;
    this.publish(1);
  }

  private writeText(type: number, first: number, second: number, third: number, text: string): void {
    const textBytes = Math.min(text.length, TRACE_TEXT_BYTES_MAX);
    const needed = recordsFor(textBytes);
    const head = this.reserve(type, this.stamp(), textBytes, needed);
    if (head === 0) return;
    const payload = (head + TRACE_RECORD.payload) >> 2;
    this.i32[payload] = first;
    this.i32[payload + 1] = second;
    this.i32[payload + 2] = third;
    this.spreadText(head, text, textBytes);
    this.publish(needed);
  }

  /**
   * Finds room for an event in the ring of the running task and writes its head, or counts it as dropped.
   * @returns address of the first record; 0 when it was dropped
   */
  private reserve(type: number, time: number, textBytes: number, needed: number): number {
    const { i32 } = this;
    const task = this.context.current;
    const ring = this.ringOf(task);
    const written = i32[(ring + TRACE_RING.written) >> 2] ?? 0;
    const pending = (written - Atomics.load(i32, (ring + TRACE_RING.read) >> 2)) >>> 0;
    if (pending + needed > this.recordsPerTask) {
      Atomics.add(i32, (ring + TRACE_RING.dropped) >> 2, 1);
      return 0;
    }
    const head = this.recordAt(task, written);
    this.u16[(head + TRACE_RECORD.type) >> 1] = type;
    this.u16[(head + TRACE_RECORD.task) >> 1] = task;
    i32[(head + TRACE_RECORD.textBytes) >> 2] = textBytes;
    this.f64[(head + TRACE_RECORD.time) >> 3] = time;
    return head;
  }

  /** Lets the reader see the records that {@link reserve} found room for. */
  private publish(records: number): void {
    const written = (this.ringOf(this.context.current) + TRACE_RING.written) >> 2;
    Atomics.store(this.i32, written, ((this.i32[written] ?? 0) + records) | 0);
  }

  /** Spreads a text over the head record and its continuations. */
  private spreadText(head: number, text: string, textBytes: number): void {
    const task = this.context.current;
    let done = Math.min(textBytes, HEAD_TEXT_BYTES);
    this.writeBytes(head + TRACE_RECORD.text, text, 0, done);
    const written = this.i32[(this.ringOf(task) + TRACE_RING.written) >> 2] ?? 0;
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

  private ringOf(task: number): number {
    return this.rings + task * TRACE_RING.$bytes;
  }

  /** Address of a record by its running number, which wraps at 2^32. */
  private recordAt(task: number, number: number): number {
    return (
      this.records + (task * this.recordsPerTask + (number & (this.recordsPerTask - 1))) * TRACE_RECORD.$bytes
    );
  }
}
