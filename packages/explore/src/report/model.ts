/**
 * The report of a failing schedule as plain data: what the text, the page and `--json` are made of.
 *
 * Promise: numbers refer to the tables beside them (`threads`, `objects`, `places`, `steps`), the document survives JSON, and nothing in it is true
 * for one machine only. Fields may be added later; none is renamed or changes its meaning within one version of {@link MODEL_SCHEMA}.
 */
import type { FailureKind, ThreadState } from '../engines/job.js';

/** Version of the shape of {@link ReportModel}. */
export const MODEL_SCHEMA = 'swaplab.schedule/1';

/** A thread of the scenario. */
export interface ReportThread {
  readonly name: string;
  readonly state: ThreadState['state'] | 'left out';
  /** What it waits for or stands before; null when it has ended, runs, or never started. */
  readonly pending: ReportPending | null;
  /** Locks it holds at the end, the first one first. */
  readonly holds: readonly ReportHeld[];
  /** Names of its operations that the schedule does without. */
  readonly leftOut: readonly string[];
}

/** An operation that a thread is about to do. */
export interface ReportPending {
  /** In words, such as `lock swap_lock`. */
  readonly what: string;
  /** Index of the object, null for none. */
  readonly object: number | null;
  /** Index of the place, null when it is not known. */
  readonly place: number | null;
}

/** A lock that is held. */
export interface ReportHeld {
  /** Index of the lock among the objects. */
  readonly object: number;
  /** The step that asked for it, null when no step of the trace did. */
  readonly step: number | null;
  /** Index of the place that asked for it, null when that is not known. */
  readonly place: number | null;
}

/** Something in shared memory that steps touch. */
export interface ReportObject {
  readonly name: string;
  /** Byte address. */
  readonly address: number;
  readonly isLock: boolean;
  /** Indices of the threads that touch it. */
  readonly threads: readonly number[];
}

/** A place in the source. */
export interface ReportPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly function: string;
  /** What is called there, such as `SpinLock.lock`. */
  readonly primitive: string;
  /** `counts.ts:123`: as much of the path as is needed to tell the files of this report apart. */
  readonly short: string;
  /** The line itself, without the blanks around it; null when nobody could read it. */
  readonly source: string | null;
}

/** One step. */
export interface ReportStep {
  /** Index of the thread. */
  readonly thread: number;
  /** Kind in a word: `load`, `store`, `atomic`, `lock`, `unlock`, `wait`, `wake`, `bytes`, `yield`. */
  readonly kind: string;
  /** What is done, in words, such as `load swap_map[3]`. */
  readonly what: string;
  /** Index of the object, null for none. */
  readonly object: number | null;
  /** Index of the place, null when it is not known. */
  readonly place: number | null;
  /** How much it matters: 0 most, 3 least. */
  readonly rank: number;
  /** More about it, such as that the thread now has a lock it waited for; null for nothing. */
  readonly note: string | null;
}

/** Steps of one thread without another thread in between. */
export interface ReportSegment {
  readonly thread: number;
  /** Indices of the first and the last step. */
  readonly first: number;
  readonly last: number;
  /** Why it ends: the last segment ends with the schedule. */
  readonly ends: 'preempted' | 'waits' | 'gives way' | 'ended' | 'end';
  /** What the thread stands before when it is preempted. */
  readonly pending: ReportPending | null;
  /** Locks that the thread holds then. */
  readonly holds: readonly ReportHeld[];
}

/** Who has what from when on: what must be known to go through the steps forwards and backwards. */
export interface ReportSpan {
  readonly kind: 'holds' | 'waits';
  readonly thread: number;
  /** Index of the object. */
  readonly object: number;
  /** Holds or waits after this step. */
  readonly from: number;
  /** Not any more after this step, -1 for to the end. */
  readonly until: number;
  /** The step that asked for it. */
  readonly asked: number;
}

/** One step happens before another one, of another thread: who drops a lock before who takes it next, who wakes before who is woken. */
export interface ReportEdge {
  readonly from: number;
  readonly to: number;
  readonly why: 'lock' | 'wake';
}

/** A row of threads and locks, each of which leads to the next one. */
export interface ReportChain {
  readonly nodes: readonly ReportNode[];
  /** From each node to the next one; with `isCycle` one more, from the last node to the first. */
  readonly links: readonly ReportLink[];
  readonly isCycle: boolean;
}

/** A thread or a lock. */
export interface ReportNode {
  readonly kind: 'thread' | 'lock';
  readonly name: string;
}

/** What leads from one node to the next. */
export interface ReportLink {
  readonly kind: 'waits for' | 'held by' | 'before';
  /** For `before`: the thread that took the one while it held the other; and which ones, by their own names. */
  readonly thread: string | null;
  readonly held: string | null;
  readonly taken: string | null;
  /** Where: the wait, the taking of the held lock, or the taking of the second lock; -1 when no step says it. */
  readonly step: number;
  /** Index of the place, null when it is not known. */
  readonly place: number | null;
}

/** What threads and locks have to do with each other. */
export interface ReportGraph {
  readonly kind: 'wait-for' | 'lock order';
  readonly chains: readonly ReportChain[];
}

/** Who touched something last, of all that several threads touched near the failure. */
export interface ReportTouched {
  /** Index of the object. */
  readonly object: number;
  /** Steps: the last one of each thread, the latest first. */
  readonly last: readonly number[];
}

/** A fault that was injected. */
export interface ReportFault {
  readonly kind: 'allocation' | 'io' | 'wake' | 'other';
  /** On the clock of the decisions, which counts ends and waits as well. */
  readonly decision: number;
}

/** See the head of this file. */
export interface ReportModel {
  readonly schema: typeof MODEL_SCHEMA;
  readonly scenario: string;
  readonly about: string;
  readonly engine: string;
  readonly kind: FailureKind;
  /** What went wrong, in one sentence. */
  readonly sentence: string;
  /** What else was said about it, line by line. */
  readonly details: readonly string[];
  /** Where it was thrown, the innermost function first; none for failures that nothing threw. */
  readonly stack: readonly string[];
  /** Index of the thread that failed, null for none or all. */
  readonly failed: number | null;
  /**
   * The step at which that thread failed, as far as can be told: the steps behind it are unlocks on the way out. Null when nothing was thrown by a
   * thread.
   */
  readonly failedAt: number | null;
  /** Plays it again. */
  readonly token: string;
  readonly command: string;
  /** How it was found; null when a token was played. */
  readonly search: ReportSearch | null;
  readonly switches: number;
  /** Injected faults included. */
  readonly preemptions: number;
  /** What was made to go wrong. */
  readonly faults: readonly ReportFault[];
  readonly threads: readonly ReportThread[];
  readonly objects: readonly ReportObject[];
  readonly places: readonly ReportPlace[];
  readonly steps: readonly ReportStep[];
  readonly segments: readonly ReportSegment[];
  readonly spans: readonly ReportSpan[];
  /** What orders the steps besides the order of each thread. */
  readonly edges: readonly ReportEdge[];
  readonly graph: ReportGraph | null;
  readonly touched: readonly ReportTouched[];
}

/** How a schedule was found. */
export interface ReportSearch {
  readonly strategy: string;
  /** The first one is 1. */
  readonly schedule: number;
  readonly seed: number | null;
  /** How often it was played again. */
  readonly confirmed: number;
  readonly minimal: boolean;
  readonly minimality: string;
}
