/**
 * Which steps of a schedule matter. A failing schedule has a thousand steps and two or three of them are the bug: so each step gets a rank, and
 * whoever shows the schedule shows as many ranks as there is room for.
 *
 * The steps at a switch matter most, for without them nothing would have failed; and what the threads did last. Then the steps in which one thread
 * touched what another one had touched just before it was interrupted, or touches right after it goes on: a lost update and a use of what
 * was freed look like that. Then locks and whatever several threads touch. The rest is only said to be there.
 */
import {
  POINT_LOCK,
  POINT_TRYLOCK,
  POINT_UNLOCK,
  POINT_WAIT,
  POINT_WAKE,
  POINT_YIELD,
} from '@swaplab/kernel-mm';
import type { TraceStep } from '../core/trace.js';
import type { History } from './history.js';

/** Switches, waits, and the end. */
export const RANK_KEY = 0;
/** What threads touch on both sides of a switch, and locks that are held across one. */
export const RANK_NEAR = 1;
/** Locks, waits, wake-ups, and whatever several threads touch. */
export const RANK_SHARED = 2;
/** All others. */
export const RANK_REST = 3;

/** How much of a schedule matters. */
export interface Relevance {
  /** For each step its rank. */
  readonly ranks: Uint8Array;
  /** Addresses of cells and pages that the failure is likely to be about, the most likely first. */
  readonly objects: readonly number[];
}

/** So many steps of a thread on each side of a switch are looked at for conflicts. */
const REACH = 24;
/** So many of the last steps of a thread that failed are shown. */
const LAST_KEY = 3;
const LAST_NEAR = 8;
const OBJECTS_MAX = 8;

/** How a schedule ended. */
export interface Ending {
  /** Number of the thread that failed, -1 for none. */
  readonly failed: number;
  /** Numbers of the threads that had not ended. */
  readonly unfinished: readonly number[];
  /** The step at which it failed, -1 for none. */
  readonly failedAt: number;
  /** Steps that are named elsewhere in the report, -1 for none: the reader will look for them. */
  readonly named: readonly number[];
}

/**
 * Ranks the steps of a schedule.
 * @param trace - its steps
 * @param history - of them
 * @param isRead - whether a step only reads
 * @param ending - how it ended
 */
export function relevanceOf(
  trace: readonly TraceStep[],
  history: History,
  isRead: (step: TraceStep) => boolean,
  ending: Ending,
): Relevance {
  return new Ranking(trace, history, isRead).rank(ending);
}

class Ranking {
  private readonly trace: readonly TraceStep[];
  private readonly history: History;
  private readonly ranks: Uint8Array;
  /** For each step whether it only reads. */
  private readonly reads: readonly boolean[];
  /** For each task its steps. */
  private readonly steps = new Map<number, number[]>();
  /** How often an object was found on both sides of a switch; nearer ones count more. */
  private readonly weights = new Map<number, number>();

  constructor(trace: readonly TraceStep[], history: History, isRead: (step: TraceStep) => boolean) {
    this.trace = trace;
    this.history = history;
    this.reads = trace.map(isRead);
    this.ranks = new Uint8Array(trace.length).fill(RANK_REST);
    for (const [index, { task }] of trace.entries()) {
      const steps = this.steps.get(task);
      if (steps === undefined) this.steps.set(task, [index]);
      else steps.push(index);
    }
  }

  rank({ failed, failedAt, unfinished, named }: Ending): Relevance {
    this.rankShared();
    this.rankSwitches();
    this.rankWaits();
    this.rankConflicts();
    if (failed >= 0) {
      this.rankLast(failed, LAST_NEAR, RANK_NEAR, failedAt);
      this.rankLast(failed, LAST_KEY, RANK_KEY, failedAt);
      this.rankCulprits(failed, failedAt);
    }
    for (const task of unfinished) this.rankLast(task, 1, RANK_KEY);
    for (const index of [...named, 0, this.trace.length - 1]) this.raise(index, RANK_KEY);
    const byWeight = [...this.weights].sort(([, one], [, other]) => other - one);
    return { ranks: this.ranks, objects: byWeight.slice(0, OBJECTS_MAX).map(([object]) => object) };
  }

  private rankShared(): void {
    const shared = sharedObjects(this.trace, this.reads);
    for (const [index, { kind, object }] of this.trace.entries())
      if (isSync(kind) || shared.has(object)) this.raise(index, RANK_SHARED);
  }

  private rankSwitches(): void {
    const { trace, history } = this;
    for (let index = 1; index < trace.length; index++) {
      if (trace[index]!.task === trace[index - 1]!.task) continue;
      this.raise(index - 1, RANK_KEY);
      this.raise(index, RANK_KEY);
    }
    for (const { from, asked, dropped, task } of history.holds) {
      const end = dropped < 0 ? trace.length : dropped;
      const isAcross = this.isInterrupted(task, from, end);
      if (!isAcross) continue;
      this.raise(asked, RANK_NEAR);
      if (dropped >= 0) this.raise(dropped, RANK_NEAR);
    }
  }

  /** Whether others go on between two steps of a task. */
  private isInterrupted(task: number, from: number, to: number): boolean {
    for (let index = from; index < to; index++) if (this.trace[index]!.task !== task) return true;
    return false;
  }

  private rankWaits(): void {
    const { history, trace } = this;
    const waitedFor = new Set<number>();
    for (const { from, until, object } of history.waits) {
      this.raise(from, RANK_KEY);
      if (until >= 0) this.raise(until, RANK_NEAR);
      waitedFor.add(object);
    }
    for (const { lock, asked, dropped } of history.holds) {
      const blocks = history.waits.some(
        ({ object, from }) => object === lock && from > asked && (dropped < 0 || from < dropped),
      );
      if (!blocks) continue;
      this.raise(asked, dropped < 0 ? RANK_KEY : RANK_NEAR);
      if (dropped >= 0) this.raise(dropped, RANK_NEAR);
    }
    for (const { from } of history.edges) {
      const { object, kind } = trace[from]!;
      if (kind === POINT_WAKE && waitedFor.has(object)) this.raise(from, RANK_NEAR);
    }
  }

  /** Wherever a thread stood still and others went on: what both touched, at least one of them writing. */
  private rankConflicts(): void {
    for (const [task, steps] of this.steps) {
      for (let at = 0; at + 1 < steps.length; at++)
        if (steps[at + 1]! - steps[at]! > 1) this.rankGap(task, steps, at);
    }
  }

  private rankGap(task: number, steps: readonly number[], at: number): void {
    const { trace } = this;
    const mine = new Map<number, number[]>();
    const low = Math.max(0, at - REACH + 1);
    for (const index of steps.slice(low, at + 1 + REACH)) {
      const { kind, object } = trace[index]!;
      if (isSync(kind)) continue;
      const found = mine.get(object);
      if (found === undefined) mine.set(object, [index]);
      else found.push(index);
    }
    const [start, end] = [steps[at]!, steps[at + 1]!];
    const theirs = new Map<number, number[]>();
    for (let index = start + 1; index < end; index++) {
      const { kind, object, task: other } = trace[index]!;
      if (other === task || isSync(kind) || !mine.has(object)) continue;
      const found = theirs.get(object);
      if (found === undefined) theirs.set(object, [index]);
      else found.push(index);
    }
    for (const [object, others] of theirs) this.rankConflict(object, mine.get(object)!, others, start);
  }

  private rankConflict(
    object: number,
    mine: readonly number[],
    others: readonly number[],
    start: number,
  ): void {
    const { reads } = this;
    if (![...mine, ...others].some((index) => !reads[index]!)) return;
    const before = mine.filter((index) => index <= start);
    const after = mine.filter((index) => index > start);
    // Touched on both sides by the one and written in between by the other: that is what an atomic section would have kept apart.
    const isBoth = before.length > 0 && after.length > 0;
    const isWritten = others.some((index) => !reads[index]!);
    this.weights.set(object, (this.weights.get(object) ?? 0) + (isBoth && isWritten ? 8 : 1));
    const ends = [before.at(-1), after[0], others[0], others.at(-1)];
    const writes = others.filter((index) => !reads[index]!);
    for (const index of [...ends, writes[0], writes.at(-1)])
      if (index !== undefined) this.raise(index, RANK_NEAR);
  }

  private rankLast(task: number, count: number, rank: number, end = this.trace.length): void {
    for (const index of this.lastSteps(task, count, end)) this.raise(index, rank);
  }

  private lastSteps(task: number, count: number, end: number): number[] {
    return (this.steps.get(task) ?? []).filter((index) => index <= end).slice(-count);
  }

  /** Who else touched last what the failed thread touched at the end. */
  private rankCulprits(failed: number, end: number): void {
    const { trace, reads } = this;
    for (const index of this.lastSteps(failed, LAST_NEAR, end)) {
      const { kind, object } = trace[index]!;
      if (isSync(kind)) continue;
      for (let other = index - 1; other >= 0; other--) {
        const step = trace[other]!;
        const isConflict = !reads[index]! || !reads[other]!;
        if (step.object !== object || step.task === failed || isSync(step.kind) || !isConflict) continue;
        this.raise(other, RANK_NEAR);
        this.weights.set(object, (this.weights.get(object) ?? 0) + 4);
        break;
      }
    }
  }

  private raise(index: number, rank: number): void {
    if (index >= 0 && index < this.ranks.length && this.ranks[index]! > rank) this.ranks[index] = rank;
  }
}

function isSync(kind: number): boolean {
  return (
    kind === POINT_LOCK ||
    kind === POINT_TRYLOCK ||
    kind === POINT_UNLOCK ||
    kind === POINT_WAIT ||
    kind === POINT_WAKE ||
    kind === POINT_YIELD
  );
}

/** Objects that several threads touch, one of them not only reading. */
function sharedObjects(trace: readonly TraceStep[], reads: readonly boolean[]): Set<number> {
  const tasks = new Map<number, number>();
  const written = new Set<number>();
  for (const [index, { task, object }] of trace.entries()) {
    tasks.set(object, (tasks.get(object) ?? 0) | (1 << task));
    if (!reads[index]!) written.add(object);
  }
  const shared = new Set<number>();
  for (const [object, mask] of tasks)
    if ((mask & (mask - 1)) !== 0 && written.has(object)) shared.add(object);
  return shared;
}
