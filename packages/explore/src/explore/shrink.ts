/**
 * Making a schedule that fails smaller: fewer threads, fewer operations, fewer decisions, fewer switches.
 *
 * Promise: each step keeps the failure, which means its kind and its words but for numbers; what comes out was confirmed. It is called minimal
 * only when a search through all schedules with one preemption less, with what was left out left out, came to its end and found nothing.
 *
 * Threads and operations cannot be taken out of a given schedule, since all its steps would have other numbers. So they are left out, and a
 * short search looks for the same failure without them.
 */
import { KEEP_HASHES, KEEP_TRACE, type Engine, type Job } from '../engines/job.js';
import { PORTFOLIO, SEARCH } from '../strategies/strategy.js';
import { confirm, replayOnce, signatureOf, type Confirmed, type ScheduleSpec } from './schedule.js';

/** How much is spent on it. */
export interface ShrinkOptions {
  /** `WATCH_` bits, as it was found. */
  readonly flags: number;
  /** Replays at most, for decisions; 2,000 by default. */
  readonly replays?: number;
  /** Schedules of each short search; 400 by default. */
  readonly tries?: number;
  /** Schedules of the search with one preemption less; 20,000 by default. */
  readonly proof?: number;
  /** Milliseconds at most for each of these searches, where there is a clock; 4,000 by default. */
  readonly milliseconds?: number;
  /** How often the result is played; 100 by default. */
  readonly times?: number;
  /** Ends the work early: what is there by then is the result. */
  readonly signal?: { readonly aborted: boolean };
}

/** A schedule that was made smaller. */
export interface Shrunk extends Confirmed {
  /** Whether no schedule with fewer preemptions fails like this. */
  readonly minimal: boolean;
  /** In words: what is known about that. */
  readonly minimality: string;
  /** Schedules that were played for it. */
  readonly played: number;
}

const ALL = 0x7fff_ffff;

/**
 * Makes a schedule smaller.
 * @param engine - that has nothing to do
 * @param found - the schedule
 * @param operations - how many operations each thread has
 * @param options - how much is spent
 */
export async function shrink(
  engine: Engine,
  found: Confirmed,
  operations: readonly number[],
  options: ShrinkOptions,
): Promise<Shrunk> {
  const shrinker = new Shrinker(engine, found, options);
  await shrinker.dropThreads();
  await shrinker.dropOperations(operations);
  let minimality: Minimality;
  do {
    await shrinker.dropDecisions();
    await shrinker.moveDecisions();
    minimality = await shrinker.searchBelow();
  } while (minimality.found);
  const confirmed = await confirm(engine, shrinker.best, options.flags, options.times ?? 100);
  return {
    ...confirmed,
    minimal: minimality.minimal,
    minimality: minimality.sentence,
    played: shrinker.played,
  };
}

interface Minimality {
  readonly found: boolean;
  readonly minimal: boolean;
  readonly sentence: string;
}

class Shrinker {
  best: Confirmed;
  played = 0;
  private readonly engine: Engine;
  private readonly options: ShrinkOptions;
  private readonly signature: string;
  private replaysLeft: number;

  constructor(engine: Engine, found: Confirmed, options: ShrinkOptions) {
    this.engine = engine;
    this.best = { ...found, dropped: engine.threads.map((_, thread) => found.dropped[thread] ?? 0) };
    this.options = options;
    this.signature = signatureOf(found.failure);
    this.replaysLeft = options.replays ?? 2000;
  }

  /** Leaves out whole threads, the last one first. */
  async dropThreads(): Promise<void> {
    for (let thread = this.engine.threads.length - 1; thread >= 0; thread--)
      await this.tryWithout(thread, ALL);
  }

  /** Leaves out single operations of the threads that are left. */
  async dropOperations(operations: readonly number[]): Promise<void> {
    for (const [thread, count] of operations.entries()) {
      for (let operation = count - 1; operation >= 0 && count > 1; operation--) {
        if (((this.best.dropped[thread]! >>> operation) & 1) === 0)
          await this.tryWithout(thread, 1 << operation);
      }
    }
  }

  /** Leaves out decisions: halves, quarters and so on, at last one by one (ddmin, Zeller and Hildebrandt 2002). */
  async dropDecisions(): Promise<void> {
    let size = Math.ceil(this.best.decisions.length / 2);
    while (size >= 1 && this.best.decisions.length > 0) {
      let dropped = false;
      for (let start = 0; start < this.best.decisions.length;) {
        const { decisions } = this.best;
        const rest = [...decisions.slice(0, start), ...decisions.slice(start + size)];
        if (await this.accept(rest)) dropped = true;
        else start += size;
        if (this.isOver()) return;
      }
      if (!dropped || size > this.best.decisions.length)
        size = size === 1 && !dropped ? 0 : Math.floor(size / 2);
    }
  }

  /** Moves each switch to where it needs fewer of its kind, or none: later first, then earlier. */
  async moveDecisions(): Promise<void> {
    for (let index = 0; index < this.best.decisions.length; index++) {
      for (const direction of [1, -1]) await this.moveOne(index, direction);
      if (this.isOver()) return;
    }
  }

  /** Looks for the failure with one preemption less. */
  async searchBelow(): Promise<Minimality> {
    const { preemptions } = this.best.failure;
    if (preemptions === 0)
      return { found: false, minimal: true, sentence: 'minimal: it needs no preemption at all' };
    if (this.isAborted())
      return { found: false, minimal: false, sentence: 'minimality not proven: it was interrupted' };
    this.engine.core.resetSearch(0);
    const result = await this.engine.run({
      ...this.job(this.options.proof ?? 20_000),
      strategy: SEARCH,
      parameter: preemptions - 1,
      dropped: this.best.dropped,
    });
    this.played += result.schedules;
    const { failure } = result;
    if (failure !== null && signatureOf(failure) === this.signature && failure.preemptions < preemptions) {
      await this.adopt({ decisions: failure.decisions, dropped: this.best.dropped });
      return { found: true, minimal: false, sentence: '' };
    }
    const below = `<= ${preemptions - 1} preemption${preemptions === 2 ? '' : 's'}`;
    const report = this.engine.core.searchReport();
    const isWhole = result.exhausted && failure === null && !report.overflowed && report.limited === 0;
    if (isWhole && report.diverged === 0) {
      return {
        found: false,
        minimal: true,
        sentence: `minimal: the search is complete for ${below} (${result.schedules} schedules) and finds nothing`,
      };
    }
    const why =
      failure === null ? `not all of ${below} could be searched` : `with ${below} it fails differently`;
    return { found: false, minimal: false, sentence: `minimality not proven: ${why}` };
  }

  private async moveOne(index: number, direction: number): Promise<void> {
    for (let distance = 1; distance <= 64; distance *= 2) {
      const { decisions } = this.best;
      const decision = decisions[index];
      if (decision === undefined) return;
      const step = decision.step + direction * distance;
      const before = decisions[index - 1]?.step ?? -1;
      const after = decisions[index + 1]?.step ?? Number.MAX_SAFE_INTEGER;
      if (step <= before || step >= after) return;
      const moved = decisions.map((other, at) => (at === index ? { ...decision, step, site: 0 } : other));
      await this.accept(moved);
      if (this.isOver()) return;
    }
  }

  /** Looks for the failure without some operations of a thread. */
  private async tryWithout(thread: number, mask: number): Promise<void> {
    const dropped = this.best.dropped.map((old, index) => (index === thread ? old | mask : old));
    if (this.isAborted() || dropped.every((old) => old === ALL) || (await this.failsByItself(dropped)))
      return;
    const result = await this.engine.run({ ...this.job(this.options.tries ?? 400), dropped });
    this.played += result.schedules;
    const { failure } = result;
    if (failure === null || signatureOf(failure) !== this.signature) return;
    await this.adopt({ decisions: failure.decisions, dropped });
  }

  /**
   * Whether leaving something out is enough to fail, with the threads one after the other: then what fails is the check, which wants it done. A
   * failure that needs no schedule at all is another matter.
   */
  private async failsByItself(dropped: readonly number[]): Promise<boolean> {
    if (this.best.failure.preemptions === 0 && this.best.decisions.length === 0) return false;
    this.played++;
    const { failure } = await replayOnce(this.engine, { decisions: [], dropped }, this.options.flags);
    return failure !== null;
  }

  /** Plays other decisions, and takes them when they fail alike and are less. */
  private async accept(decisions: ScheduleSpec['decisions']): Promise<boolean> {
    this.replaysLeft--;
    this.played++;
    const spec = { decisions, dropped: this.best.dropped };
    const { failure, trace } = await replayOnce(
      this.engine,
      spec,
      this.options.flags | KEEP_HASHES | KEEP_TRACE,
    );
    if (failure === null || signatureOf(failure) !== this.signature) return false;
    if (
      !isLess(
        weightOf(failure.decisions.length, trace),
        weightOf(this.best.decisions.length, this.best.trace),
      )
    )
      return false;
    this.best = { decisions: failure.decisions, dropped: this.best.dropped, failure, trace, times: 1 };
    return true;
  }

  private isOver(): boolean {
    return this.replaysLeft <= 0 || this.isAborted();
  }

  private isAborted(): boolean {
    return this.options.signal?.aborted === true;
  }

  private async adopt(spec: ScheduleSpec): Promise<void> {
    const confirmed = await confirm(this.engine, spec, this.options.flags, 1);
    if (signatureOf(confirmed.failure) === this.signature) this.best = confirmed;
  }

  private job(schedules: number): Job {
    return {
      seed: 1,
      first: 0,
      schedules,
      milliseconds: this.options.milliseconds ?? 4000,
      strategy: PORTFOLIO,
      parameter: 0,
      flags: this.options.flags,
    };
  }
}

/** Decisions, then switches. */
type Weight = readonly [decisions: number, switches: number, steps: number];

function weightOf(decisions: number, trace: readonly { readonly task: number }[]): Weight {
  return [decisions, countSwitches(trace), trace.length];
}

function isLess(one: Weight, other: Weight): boolean {
  for (const [index, value] of one.entries()) if (value !== other[index]) return value < other[index]!;
  return false;
}

/**
 * How often another thread goes on.
 * @param trace - steps of a schedule
 */
export function countSwitches(trace: readonly { readonly task: number }[]): number {
  let switches = 0;
  for (let index = 1; index < trace.length; index++)
    if (trace[index]!.task !== trace[index - 1]!.task) switches++;
  return switches;
}
