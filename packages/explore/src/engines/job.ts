/**
 * What an engine is asked to do, and what it found: plain data, the same for all engines.
 */
import type { Decision } from '../core/decisions.js';
import type { Divergence, ScheduleCore } from '../core/schedule.js';
import type { TraceStep } from '../core/trace.js';
import type { SiteInfo } from '../report/sites.js';
import type { StrategyId } from '../strategies/strategy.js';

/** The step hash and the memory hash of each schedule are kept. */
export const KEEP_HASHES = 1;
/** Each step of the last schedule is kept, for reports. */
export const KEEP_TRACE = 2;
/** Data races are looked for. */
export const WATCH_RACES = 4;
/** The order of locks is looked at. */
export const WATCH_LOCK_ORDER = 8;
/** What is freed is looked at: use after free and leaks. */
export const WATCH_MEMORY = 16;
/** Points without a site are given one by the place of their code, for reports; other hashes come of it. Only the engine on threads can do that. */
export const KEEP_PLACES = 64;
/** All detectors. Assertions, deadlocks, sleeping in atomic context and the step limit are always there. */
export const WATCH_ALL = WATCH_RACES | WATCH_LOCK_ORDER | WATCH_MEMORY;

/** A run of schedules, one after the other, until one fails. */
export interface Job {
  /** Schedule number i has the seed `scheduleSeed(seed, i)`. */
  readonly seed: number;
  /** Number of the first schedule. */
  readonly first: number;
  /** How many at most. */
  readonly schedules: number;
  /** How long at most, in milliseconds; 0 for no limit. */
  readonly milliseconds: number;
  readonly strategy: StrategyId;
  /** Of the strategy. */
  readonly parameter: number;
  /** `KEEP_` and `WATCH_` bits. */
  readonly flags: number;
  /** For each thread, which of its operations are left out, as bits; none when not given. */
  readonly dropped?: readonly number[];
  /** For the strategy `REPLAY`: what is played. */
  readonly decisions?: readonly Decision[];
  /** For `REPLAY`: what goes on behind the list, and its parameter; nothing when not given. */
  readonly then?: StrategyId;
  readonly thenParameter?: number;
}

/** What went wrong in a schedule. */
export type FailureKind =
  | 'assertion'
  | 'exception'
  | 'sleep in atomic'
  | 'deadlock'
  | 'livelock'
  | 'data race'
  | 'lock order'
  | 'use after free'
  | 'double free'
  | 'leak'
  | 'check';

/** A thread when it failed. */
export interface ThreadState {
  readonly name: string;
  readonly state: 'waits' | 'stands' | 'runs' | 'ended' | 'not started';
  /** What it was about to do, a `POINT_` constant; 0 when that is not known. */
  readonly kind: number;
  /** Byte address of what it was about to touch, or waits for. */
  readonly object: number;
  /** That in words. */
  readonly objectName: string;
  readonly site: number;
  /** Locks it holds, in words, the first one first. */
  readonly holds: readonly { readonly address: number; readonly name: string }[];
}

/** A schedule that failed. */
export interface Failure {
  readonly kind: FailureKind;
  /** One sentence. */
  readonly sentence: string;
  /** All that was said: the report of the machine, or the stack of the error. */
  readonly report: string;
  /** Number of the thread that failed, -1 for none or all. */
  readonly thread: number;
  /** Number of the schedule. */
  readonly schedule: number;
  readonly strategy: string;
  /** The decisions that differ from the default. */
  readonly decisions: readonly Decision[];
  /** Preemptions until then, faults that were injected included. */
  readonly preemptions: number;
  /** Steps until then. */
  readonly steps: number;
  readonly threads: readonly ThreadState[];
  /** Of the steps until then, and of the state at that moment; 0 unless {@link KEEP_HASHES}. */
  readonly traceHash: number;
  readonly memoryHash: number;
}

/** How a job ended. */
export interface JobResult {
  /** Schedules that ended, the failed one included. */
  readonly schedules: number;
  readonly steps: number;
  /** About how many of them were different. */
  readonly distinct: number;
  readonly failure: Failure | null;
  /** Whether the strategy has no schedule left. */
  readonly exhausted: boolean;
  /** For a replay that could not follow its list. */
  readonly divergence: Divergence | null;
  /** With {@link KEEP_HASHES}: step hash and memory hash of each schedule, one after the other, as far as there was room. */
  readonly hashes: Int32Array;
  /** With {@link KEEP_TRACE}: the steps of the last schedule. */
  readonly trace: readonly TraceStep[];
  /** What the detectors say about all schedules so far that no single one of them shows; a sentence each. */
  readonly warnings: readonly string[];
  /** Seconds. */
  readonly seconds: number;
}

/** A place in code that was not woven, seen from the stack. */
export interface Place {
  /** The number that its points are given instead of a site. */
  readonly site: number;
  /** The file as an absolute path. */
  readonly path: string;
  readonly info: SiteInfo;
}

/** Runs schedules of one scenario. */
export interface Engine {
  /** `'threads'` or `'stepped'`. */
  readonly name: string;
  /** Names of the threads of the scenario. */
  readonly threads: readonly string[];
  /** Whether each hand-over stays on one core. */
  readonly pinned: boolean;
  /**
   * Runs a job. One at a time.
   * @throws an error of the environment: a thread that died or hangs outside of all control
   */
  run(job: Job): Promise<JobResult>;
  /** Ends the present job at the next schedule; for engines that leave the calling thread free. */
  interrupt?(): void;
  /** The places seen in all schedules with {@link KEEP_PLACES}; for engines that can see them. */
  places?(): Promise<readonly Place[]>;
  /** Name of what lies at an address. */
  describe(address: number): string;
  /** The schedule core, to be looked at between jobs: decisions, strategies, how far a search has come. */
  readonly core: ScheduleCore;
  /** Ends the engine and its threads. */
  close(): Promise<void>;
}
