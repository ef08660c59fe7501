/**
 * What the steps of a trace say about locks and waits: who held which lock from when to when, who waited for what, and which step had to come
 * before which.
 *
 * A trace says only that a task went on with a lock, an unlock, a wait or a wake. So a lock is counted as taken when the next thing the task does
 * with it is to drop it, or when it still held it when the schedule failed. Anything else was a try that did not succeed. A task that had to wait
 * for a lock has it from the step at which it goes on.
 */
import { POINT_LOCK, POINT_TRYLOCK, POINT_UNLOCK, POINT_WAIT, POINT_WAKE } from '@swaplab/kernel-mm';
import type { TraceStep } from '../core/trace.js';
import type { ReportEdge } from './model.js';

/** A task holds a lock. */
export interface Hold {
  readonly task: number;
  /** Byte address of the lock. */
  readonly lock: number;
  /** The step that asked for it. */
  readonly asked: number;
  /** The step from which the task has it: `asked`, or where it went on after waiting; the number of steps when it took no step any more. */
  readonly from: number;
  /** The step that drops it, -1 when it was held to the end. */
  readonly dropped: number;
}

/** A task waits. */
export interface Wait {
  readonly task: number;
  /** What it waits for: a lock or a queue. */
  readonly object: number;
  /** The first step of it. */
  readonly from: number;
  /** The step at which the task goes on, -1 when it never did. */
  readonly until: number;
}

/** What the steps say. */
export interface History {
  /** In the order in which they were asked for. */
  readonly holds: readonly Hold[];
  /** Those during which others went on, or that did not end. */
  readonly waits: readonly Wait[];
  readonly edges: readonly ReportEdge[];
  /** Addresses of all that was locked or unlocked. */
  readonly locks: ReadonlySet<number>;
  /** For each step the next one of the same task, -1 for none. */
  readonly next: Int32Array;
}

/**
 * Reads the history of locks and waits from a trace.
 * @param trace - steps
 * @param holdsAtEnd - whether a task held a lock when the schedule ended
 */
export function historyOf(
  trace: readonly TraceStep[],
  holdsAtEnd: (task: number, lock: number) => boolean,
): History {
  const next = nextSteps(trace);
  const holds = findHolds(trace, next, holdsAtEnd);
  const waits = findWaits(trace, next);
  const locks = new Set<number>();
  for (const { kind, object } of trace)
    if (kind === POINT_LOCK || kind === POINT_TRYLOCK || kind === POINT_UNLOCK) locks.add(object);
  return {
    holds,
    waits,
    edges: [...lockEdges(holds, trace.length), ...wakeEdges(trace, next)],
    locks,
    next,
  };
}

/** For each step the next one of the same task. */
function nextSteps(trace: readonly TraceStep[]): Int32Array {
  const next = new Int32Array(trace.length);
  const later = new Map<number, number>();
  for (let index = trace.length - 1; index >= 0; index--) {
    const { task } = trace[index]!;
    next[index] = later.get(task) ?? -1;
    later.set(task, index);
  }
  return next;
}

function findHolds(
  trace: readonly TraceStep[],
  next: Int32Array,
  holdsAtEnd: (task: number, lock: number) => boolean,
): Hold[] {
  const holds: Hold[] = [];
  /** By task and lock: the step that asked for it last, not yet known to have got it. */
  const asked = new Map<string, number>();
  const take = (index: number, dropped: number): void => {
    const { task, object } = trace[index]!;
    const last = lastWait(trace, next, index);
    const from = last === index ? index : next[last]! < 0 ? trace.length : next[last]!;
    holds.push({ task, lock: object, asked: index, from, dropped });
  };
  for (const [index, { task, kind, object }] of trace.entries()) {
    const key = `${task} ${object}`;
    if (kind === POINT_LOCK || kind === POINT_TRYLOCK) asked.set(key, index);
    if (kind !== POINT_UNLOCK) continue;
    const before = asked.get(key);
    asked.delete(key);
    if (before !== undefined) take(before, index);
  }
  for (const index of asked.values()) {
    const { task, object } = trace[index]!;
    if (holdsAtEnd(task, object)) take(index, -1);
  }
  return holds.sort((one, other) => one.asked - other.asked);
}

/** The last of the waits that follow a step, for the same object and without anything in between; the step itself when there is none. */
function lastWait(trace: readonly TraceStep[], next: Int32Array, index: number): number {
  const { object } = trace[index]!;
  let last = index;
  for (;;) {
    const after = next[last]!;
    if (after < 0 || trace[after]!.kind !== POINT_WAIT || trace[after]!.object !== object) return last;
    last = after;
  }
}

function findWaits(trace: readonly TraceStep[], next: Int32Array): Wait[] {
  const waits: Wait[] = [];
  const seen = new Set<number>();
  for (const [index, { task, kind, object }] of trace.entries()) {
    if (kind !== POINT_WAIT || seen.has(index)) continue;
    const last = lastWait(trace, next, index);
    for (let step = index; step !== last; step = next[step]!) seen.add(next[step]!);
    const until = next[last]!;
    // When nobody else went on meanwhile, it was only announced.
    if (until < 0 || until - last > 1 || last !== index) waits.push({ task, object, from: index, until });
  }
  return waits;
}

/** From the last unlock by each other task to each later hold. */
function lockEdges(holds: readonly Hold[], steps: number): ReportEdge[] {
  const edges: ReportEdge[] = [];
  for (const ofLock of grouped(holds, ({ lock }) => lock).values()) {
    const drops = ofLock
      .filter(({ dropped }) => dropped >= 0)
      .sort((one, other) => one.dropped - other.dropped);
    const takes = ofLock.filter(({ from }) => from < steps).sort((one, other) => one.from - other.from);
    const latest = new Map<number, number>();
    let at = 0;
    for (const { task, from } of takes) {
      for (; at < drops.length && drops[at]!.dropped < from; at++)
        latest.set(drops[at]!.task, drops[at]!.dropped);
      for (const [other, dropped] of latest)
        if (other !== task) edges.push({ from: dropped, to: from, why: 'lock' });
    }
  }
  return edges;
}

/** From each wake to the next step of whoever stood waiting then. */
function wakeEdges(trace: readonly TraceStep[], next: Int32Array): ReportEdge[] {
  const edges: ReportEdge[] = [];
  const wakes = [...trace.keys()].filter((index) => trace[index]!.kind === POINT_WAKE);
  const byObject = grouped(wakes, (index) => trace[index]!.object);
  for (const [index, { task, kind, object }] of trace.entries()) {
    if (kind !== POINT_WAIT) continue;
    for (const wake of byObject.get(object) ?? []) {
      if (wake > index && wake < next[index]! && trace[wake]!.task !== task)
        edges.push({ from: wake, to: next[index]!, why: 'wake' });
    }
  }
  return edges;
}

/** Lists by a number that each entry has. */
function grouped<T>(list: readonly T[], keyOf: (entry: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const entry of list) {
    const key = keyOf(entry);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
}
