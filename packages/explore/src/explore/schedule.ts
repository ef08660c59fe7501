/**
 * One schedule that fails, and playing it again.
 *
 * Promise: a schedule is called confirmed only when it was played as often as asked for, and each time failed in the same way after the same
 * steps, with the same trace and the same memory.
 */
import type { Decision } from '../core/decisions.js';
import type { Divergence } from '../core/schedule.js';
import type { TraceStep } from '../core/trace.js';
import { KEEP_HASHES, KEEP_TRACE, type Engine, type Failure, type JobResult } from '../engines/job.js';
import { REPLAY } from '../strategies/strategy.js';

/** What fixes a schedule. */
export interface ScheduleSpec {
  readonly decisions: readonly Decision[];
  /** For each thread, which of its operations are left out, as bits. */
  readonly dropped: readonly number[];
}

/** A schedule that fails again and again. */
export interface Confirmed extends ScheduleSpec {
  readonly failure: Failure;
  readonly trace: readonly TraceStep[];
  /** How often it was played. */
  readonly times: number;
}

/** A schedule did not do again what it had done. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';
  /** Always `'ERR_DIVERGED'`. */
  readonly code = 'ERR_DIVERGED';
}

/** What is the same in two failures of one cause: their kind and their words, but for numbers other than those of sites. */
export function signatureOf({ kind, sentence }: Failure): string {
  if (kind === 'deadlock' || kind === 'livelock') return kind;
  const words = sentence.replace(/(?<!site )\b0x[0-9a-f]+|(?<!site |\d)-?\d+/gi, '#');
  if (kind !== 'data race') return `${kind}: ${words}`;
  // Which of the two places came first, and in whose hands, is a matter of the schedule.
  const places = [...sentence.matchAll(/site -?\d+/g)].map(String).sort();
  return `${kind}: ${[words.split(':')[0] ?? '', ...places].join(' ')}`;
}

/**
 * Plays a schedule once.
 * @param engine - that has nothing to do
 * @param spec - the schedule
 * @param flags - `KEEP_` and `WATCH_` bits
 */
export function replayOnce(engine: Engine, spec: ScheduleSpec, flags: number): Promise<JobResult> {
  return engine.run({
    seed: 0,
    first: 0,
    schedules: 1,
    milliseconds: 0,
    strategy: REPLAY,
    parameter: 0,
    flags,
    dropped: spec.dropped,
    decisions: spec.decisions,
  });
}

/**
 * Plays a schedule that failed again.
 * @param engine - that has nothing to do
 * @param spec - the schedule
 * @param flags - `WATCH_` bits, as it was found
 * @param times - how often
 * @throws DivergedError naming the first point that was different
 */
export async function confirm(
  engine: Engine,
  spec: ScheduleSpec,
  flags: number,
  times: number,
): Promise<Confirmed> {
  const kept = flags | KEEP_HASHES | KEEP_TRACE;
  const first = await replayOnce(engine, spec, kept);
  if (first.divergence !== null) throw new DivergedError(describeDivergence(engine, first.divergence));
  const { failure, trace } = first;
  if (failure === null)
    throw new DivergedError(
      `The schedule did not fail when it was played again, but ended after ${first.steps} steps.`,
    );
  for (let time = 1; time < times; time++) {
    const again = await replayOnce(engine, spec, kept);
    const isSame =
      again.failure !== null &&
      again.failure.traceHash === failure.traceHash &&
      again.failure.memoryHash === failure.memoryHash &&
      signatureOf(again.failure) === signatureOf(failure);
    if (!isSame) throw new DivergedError(describeDifference(engine, trace, again.trace, time + 1));
  }
  return { decisions: failure.decisions, dropped: spec.dropped, failure, trace, times };
}

/** In words: where a replay could not follow its list. */
export function describeDivergence(engine: Engine, { expected, step, task, site }: Divergence): string {
  const who = engine.threads[task] ?? 'nobody';
  const wanted = engine.threads[expected.choice] ?? `fault ${expected.choice}`;
  return (
    `The replay diverges at step ${step}: there ${who} stands at site ${site}, ` +
    `where at step ${expected.step} at site ${expected.site} ${wanted} was to go on.`
  );
}

/** In words: the first point in which two traces differ. */
export function describeDifference(
  engine: Engine,
  expected: readonly TraceStep[],
  actual: readonly TraceStep[],
  time: number,
): string {
  for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
    const one = expected[index];
    const other = actual[index];
    if (one?.task === other?.task && one?.kind === other?.kind && one?.object === other?.object) continue;
    return (
      `Played for the ${time}. time, the schedule differs at step ${index}: ` +
      `expected ${describeStep(engine, one)}, but it was ${describeStep(engine, other)}.`
    );
  }
  return `Played for the ${time}. time, the schedule does the same steps, but leaves another state or fails in another way.`;
}

function describeStep(engine: Engine, step: TraceStep | undefined): string {
  if (step === undefined) return 'the end';
  const { task, kind, object, site } = step;
  return `${engine.threads[task] ?? task} at ${engine.describe(object)} (kind ${kind}, site ${site})`;
}
