/**
 * One machine in a trace: takes its events out of the rings while it runs, and writes them in order.
 *
 * Promise: on each track the events stand in the file in the order in which they began, and those that lie in each other stand inside out: the
 * outer one first. A span is told when it is over, after what happened in it, so what a task tells is kept back until nothing that began earlier
 * can be missing. Times count from the moment the machine was given here, and none is below 0: what was told without a clock is at 0.
 *
 * What a full ring has dropped, and what is over the limit, is counted. A span is lost whole, so nothing is left half open.
 *
 * Who has an event loop that turns calls {@link TracedMachine.start}; who has not calls {@link TracedMachine.drain} often enough.
 */
import type {
  KernelEvent,
  KernelEventType,
  LockContendedEvent,
  LockHeldEvent,
  Machine,
  TraceSink,
} from '@swaplab/kernel-mm';

import { isForAll, textOfLockEvent, textOfTaskEvent, type TaskEvent } from './event-text.js';
import type { TraceFile } from './trace-file.js';
import { Tracks } from './tracks.js';

/** The rings are emptied so often, in milliseconds, and at once again when there was much in them. */
const DRAIN_EVERY_MS = 4;
const MUCH = 2000;

const SPAN = '{"ph":"X",';
const MOMENT = '{"ph":"i","s":"t",';
const MOMENT_OF_ALL = '{"ph":"i","s":"p",';

/** What a trace says about one machine in the end. */
export interface TracedMachineSummary {
  readonly name: string;
  /** Events of the machine in the file. */
  readonly events: number;
  /** Events that a full ring has dropped. */
  readonly dropped: number;
  /** Events that would have been over the limit. */
  readonly leftOut: number;
}

/** An event that waits until all that began before it is there. */
interface Waiting {
  readonly event: TaskEvent;
  /** ns of the machine's clock. */
  readonly begin: number;
  readonly end: number;
}

/** The events of one machine on their way into a file. */
export class TracedMachine implements TraceSink {
  readonly #file: TraceFile;
  readonly #pid: number;
  readonly #name: string;
  readonly #machine: Machine;
  readonly #limit: number;
  readonly #startNs: number;
  readonly #tracks: Tracks;
  /** By task, in the order they were told. */
  readonly #waiting: Waiting[][] = [];
  readonly #counters: { readonly ns: number; readonly tail: string }[] = [];
  readonly #classNames: string[] = [];
  /** What is said of a lock, by its address. */
  readonly #lockTails = new Map<number, string>();
  /** Whose events are being taken, -1 for nobody's. */
  #task = -1;
  #taken = 0;
  #events = 0;
  #leftOut = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /**
   * @param file - where events go
   * @param process - number and name of the machine in the picture, and how many events it may have
   * @param machine - nobody else drains it
   * @param types - what is recorded from now on
   * @param startNs - now, by the clock its threads are attached with
   */
  constructor(
    file: TraceFile,
    process: { readonly pid: number; readonly name: string; readonly limit: number },
    machine: Machine,
    types: readonly KernelEventType[],
    startNs: number,
  ) {
    this.#file = file;
    this.#pid = process.pid;
    this.#name = process.name;
    this.#limit = process.limit;
    this.#machine = machine;
    this.#startNs = startNs;
    this.#tracks = new Tracks(process.pid, (event) => {
      file.add(event);
    });
    this.#metadata('process_name', 'name', process.name);
    this.#metadata('process_sort_index', 'sort_index', process.pid);
    machine.record(...types);
    // What booting has told.
    this.drain();
  }

  /** Empties the rings from now on whenever the event loop has time. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.#continue();
    }, DRAIN_EVERY_MS);
  }

  /**
   * Empties the rings.
   *
   * @returns how many events there were
   */
  drain(): number {
    const before = this.#taken;
    this.#machine.drainTo(this);
    return this.#taken - before;
  }

  /**
   * Adds a point of a curve.
   *
   * @param name - of the curve
   * @param ns - when, by the clock of the machine
   * @param value - any number
   */
  counter(name: string, ns: number, value: number): void {
    this.#counters.push({ ns, tail: `,"name":${JSON.stringify(name)},"args":{"value":${value}}}` });
  }

  /**
   * Takes what is still there, and stops recording. Nothing can be added any more.
   */
  end(): TracedMachineSummary {
    clearTimeout(this.#timer);
    if (!this.#ended) {
      this.#ended = true;
      this.#machine.record();
      this.drain();
      for (const [task] of this.#waiting.entries()) this.#writeSettled(task, Infinity);
      this.#writeCounters();
    }
    const dropped = this.#machine.droppedEvents();
    return { name: this.#name, events: this.#events, dropped, leftOut: this.#leftOut };
  }

  #continue(): void {
    if (this.#ended) return;
    const count = this.drain();
    this.#timer = setTimeout(
      () => {
        this.#continue();
      },
      count > MUCH ? 0 : DRAIN_EVERY_MS,
    );
  }

  /** See {@link TraceSink.take}. */
  take(event: KernelEvent): void {
    this.#taken++;
    const { task, time } = event;
    if (task !== this.#task) this.#look(task);
    if (event.type === 'lockHeld') this.#writeHeld(event);
    else if (event.type === 'lockContended') this.#writeContended(event);
    else this.#waitingOf(task).push({ event, begin: 'since' in event ? event.since : time, end: time });
  }

  /** See {@link TraceSink.settle}. */
  settle(task: number, until: number): void {
    // The next drain asks for its name again.
    this.#task = -1;
    this.#writeSettled(task, until);
  }

  /** The first event of a task in a drain: whose is it now? What another thread in its place has told is complete. */
  #look(task: number): void {
    this.#task = task;
    const name = this.#machine.taskName(task);
    if (this.#tracks.isOf(task, name)) return;
    this.#writeSettled(task, Infinity);
    this.#tracks.assign(task, name);
  }

  #waitingOf(task: number): Waiting[] {
    return (this.#waiting[task] ??= []);
  }

  /** Writes what began before a time, in order. */
  #writeSettled(task: number, until: number): void {
    const waiting = this.#waitingOf(task);
    if (waiting.length === 0) return;
    const settled = until === Infinity ? waiting : waiting.filter(({ begin }) => begin < until);
    this.#waiting[task] = until === Infinity ? [] : waiting.filter(({ begin }) => begin >= until);
    // The inner one of two that are alike was told first.
    for (const { event, begin, end } of settled.reverse().sort(byBeginThenLength)) {
      if (!this.#mayWrite()) continue;
      const place = this.#tracks.main(task);
      const tail = `,${textOfTaskEvent(event, this.#machine)}}`;
      if ('since' in event) this.#file.addSpan(SPAN + place, this.#sinceStart(begin), end - begin, tail);
      else
        this.#file.addMoment(
          (isForAll(event) ? MOMENT_OF_ALL : MOMENT) + place,
          this.#sinceStart(begin),
          tail,
        );
    }
  }

  #writeHeld(event: LockHeldEvent): void {
    if (!this.#mayWrite()) return;
    const { task, lockClass, since, time } = event;
    const place = this.#tracks.holds(task, lockClass, this.#className(lockClass), since, time);
    this.#file.addSpan(SPAN + place, this.#sinceStart(since), time - since, this.#lockTail(event));
  }

  #writeContended(event: LockContendedEvent): void {
    if (!this.#mayWrite()) return;
    const { task, since, time } = event;
    const place = this.#tracks.waits(task);
    this.#file.addSpan(SPAN + place, this.#sinceStart(since), time - since, this.#lockTail(event));
  }

  #lockTail(event: LockHeldEvent | LockContendedEvent): string {
    let tail = this.#lockTails.get(event.address);
    if (tail === undefined) {
      tail = `,${textOfLockEvent(event, this.#className(event.lockClass))}}`;
      this.#lockTails.set(event.address, tail);
    }
    return tail;
  }

  #writeCounters(): void {
    for (const { ns, tail } of this.#counters.sort((one, other) => one.ns - other.ns)) {
      this.#file.addMoment(`{"ph":"C","pid":${this.#pid},"tid":0,"ts":`, this.#sinceStart(ns), tail);
    }
  }

  #metadata(name: string, key: string, value: string | number): void {
    const text = JSON.stringify(value);
    this.#file.add(`{"ph":"M","pid":${this.#pid},"tid":0,"name":"${name}","args":{"${key}":${text}}}`);
  }

  #mayWrite(): boolean {
    if (this.#events === this.#limit) {
      this.#leftOut++;
      return false;
    }
    this.#events++;
    return true;
  }

  #sinceStart(ns: number): number {
    return Math.max(0, ns - this.#startNs);
  }

  #className(lockClass: number): string {
    return (this.#classNames[lockClass] ??= this.#machine.lockClassName(lockClass));
  }
}

function byBeginThenLength(one: Waiting, other: Waiting): number {
  return one.begin - other.begin || other.end - one.end;
}
