/**
 * What the threads of an engine share besides the stage: the job, how far it has come, and the words of the schedule core.
 *
 * Only the holder of the baton reads or writes these words, and between two jobs whoever gives the next one; in the stepped engine there is one
 * thread anyway. The one exception is `STOP`, which anybody may set at any time, with Atomics.
 */
import { DISTINCT_WORDS } from '../core/distinct.js';
import { createTraceWords } from '../core/trace.js';
import { createWords, learnedWords, WORD, type ScheduleConfig } from '../core/words.js';
import { detectorWords } from '../watch/detectors.js';
import type { SiteFacts } from '../watch/site-facts.js';
import type { Job } from './job.js';

/** Places in the control words. */
export const GROUP = {
  SEED: 0,
  FIRST: 1,
  SCHEDULES: 2,
  STRATEGY: 3,
  PARAMETER: 4,
  FLAGS: 5,
  /** A `PHASE_` constant. */
  PHASE: 6,
  /** Schedules of this job that have ended. */
  DONE: 7,
  /** Whether the job shall end at the next schedule. */
  STOP: 8,
  /** Whether the strategy has no schedule left. */
  EXHAUSTED: 9,
  /** Whether a schedule has failed. */
  FAILED: 10,
  /** Schedules whose hashes were kept. */
  HASHES: 11,
  /** Whether no schedule of this job has begun yet. */
  FRESH: 15,
  /** Counts schedules and points of all jobs; a watchdog looks at it. */
  PROGRESS: 12,
  /** Tasks whose bodies have begun in this schedule, and those that have ended or were unwound; a bit each. */
  BEGUN: 13,
  OVER: 14,
  JOB_STRATEGY: 33,
  /** For each thread, which of its operations are left out; a bit each. */
  DROPPED: 16,
  DISTINCT: 40,
} as const;

/** Nothing is to be done. */
export const PHASE_IDLE = 0;
/** A schedule is to begin. */
export const PHASE_BEGIN = 1;
/** A schedule runs. */
export const PHASE_RUN = 2;
/** A schedule has failed, and the threads that had begun leave it one after the other. */
export const PHASE_UNWIND = 3;

/** Most schedules of a job whose hashes are kept. */
export const HASHES_MAX = 8192;

/** The words of a group. Of a group of several threads all lie in shared memory. */
export interface GroupWords {
  readonly control: Int32Array;
  /** Deadline in milliseconds since the epoch of `now`, 0 for none; steps of this job. */
  readonly figures: Float64Array;
  /** Of the schedule core. */
  readonly schedule: Int32Array;
  /** Of the trace. */
  readonly trace: Int32Array;
  /** Step hash and memory hash of each schedule. */
  readonly hashes: Int32Array;
  /** Of the detectors. */
  readonly detectors: Int32Array;
  /** What the strategies had learned when the state was last compared. */
  readonly learned: Int32Array;
  /** What is known about the sites of the code; null when nothing is. */
  readonly sites: SiteFacts | null;
}

/** Places in the figures. */
export const DEADLINE = 0;
export const STEPS = 1;

/**
 * Makes the words of a group.
 * @param config - of the schedules
 * @param traceSteps - how many steps of a schedule are kept for reports
 * @param sites - what is known about the sites of the code, null for nothing: then nobody looks for data races
 * @param shared - whether several threads share them
 */
export function createGroup(
  config: ScheduleConfig,
  traceSteps: number,
  sites: SiteFacts | null,
  shared: boolean,
): GroupWords {
  const schedule = createWords(config, shared);
  const sizes = { tasks: schedule[WORD.TASKS]!, stepLimit: schedule[WORD.STEP_LIMIT]! };
  return {
    control: words(GROUP.DISTINCT + DISTINCT_WORDS, shared),
    figures: new Float64Array(bytes(16, shared)),
    schedule,
    trace: createTraceWords(traceSteps, shared),
    hashes: words(2 * HASHES_MAX, shared),
    detectors: words(detectorWords(sizes), shared),
    learned: words(learnedWords(schedule), shared),
    sites,
  };
}

/**
 * Puts a job in the words.
 * @param group - of an engine that has nothing to do
 * @param job - the job
 * @param now - milliseconds, on the clock that the threads look at
 */
export function writeJob({ control, figures }: GroupWords, job: Job, now: number): void {
  control[GROUP.SEED] = job.seed | 0;
  control[GROUP.FIRST] = job.first;
  control[GROUP.SCHEDULES] = job.schedules;
  control[GROUP.STRATEGY] = job.strategy;
  control[GROUP.PARAMETER] = job.parameter;
  control[GROUP.FLAGS] = job.flags;
  control[GROUP.DONE] = 0;
  control[GROUP.EXHAUSTED] = 0;
  control[GROUP.FAILED] = 0;
  control[GROUP.HASHES] = 0;
  control.fill(0, GROUP.DROPPED);
  control[GROUP.JOB_STRATEGY] = job.strategy;
  for (const [thread, mask] of (job.dropped ?? []).entries()) control[GROUP.DROPPED + thread] = mask;
  Atomics.store(control, GROUP.STOP, 0);
  figures[DEADLINE] = job.milliseconds === 0 ? 0 : now + job.milliseconds;
  figures[STEPS] = 0;
  control[GROUP.FRESH] = 1;
  control[GROUP.PHASE] = PHASE_BEGIN;
}

function words(count: number, shared: boolean): Int32Array {
  return new Int32Array(bytes(4 * count, shared));
}

function bytes(count: number, shared: boolean): ArrayBuffer | SharedArrayBuffer {
  return shared ? new SharedArrayBuffer(count) : new ArrayBuffer(count);
}
