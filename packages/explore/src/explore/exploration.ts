/**
 * Exploring a scenario with an engine: schedules until one fails or enough were played; then the failure is confirmed, made smaller, and given
 * a token.
 *
 * Promise: the same options and seed find the same failure with the same token, whatever the engine and however fast it is, unless a limit of
 * time comes first. A failure that does not repeat itself is an error that says where it differs, not a finding.
 */
import { scheduleSeed } from '../core/random.js';
import type { TraceStep } from '../core/trace.js';
import { WATCH_ALL, type Engine, type Failure, type FailureKind } from '../engines/job.js';
import type { Scenario } from '../scenario/scenario.js';
import {
  NO_BOUND,
  PCT,
  PORTFOLIO,
  POS,
  RANDOM_WALK,
  SEARCH,
  SURW,
  type StrategyId,
} from '../strategies/strategy.js';
import { formatToken } from '../token.js';
import { confirm, type Confirmed } from './schedule.js';
import { countSwitches, shrink } from './shrink.js';

/** Names of the strategies, as users choose them. */
export const STRATEGIES = ['portfolio', 'random', 'pct', 'pos', 'surw', 'urw', 'search'] as const;
/** One of them. */
export type StrategyName = (typeof STRATEGIES)[number];

/** What to explore and how much. */
export interface ExploreOptions {
  /** `'portfolio'` by default. */
  readonly strategy?: StrategyName;
  /** Depth of PCT, 3 by default; highest bound of `search`, without one by default. */
  readonly depth?: number;
  /** Schedules at most; 10,000 by default, without limit when `seconds` is given. */
  readonly schedules?: number;
  /** Seconds at most. */
  readonly seconds?: number;
  /** 32 bits; the engine's caller chooses one by chance when not given. */
  readonly seed: number;
  /** Whether the detectors watch; true by default. */
  readonly detectors?: boolean;
  /** Whether a failure is made smaller; true by default. */
  readonly shrink?: boolean;
  /** How often a failure is played again before it is told; 100 by default. */
  readonly confirmations?: number;
  /** Told a few times a second. */
  readonly onProgress?: (progress: ExploreProgress) => void;
  /** Told once, when a schedule has failed and is to be confirmed and made smaller, which takes its time. */
  readonly onFailure?: (failure: Failure) => void;
  /** Ends the exploration early; what was done until then is the result. */
  readonly signal?: { readonly aborted: boolean };
}

/** How far an exploration has come; of all groups together. */
export interface ExploreProgress {
  readonly schedules: number;
  readonly steps: number;
  readonly distinct: number;
  readonly seconds: number;
  /** The strategy of the last schedule. */
  readonly strategyNow: string;
  /** The k of PCT: its chance to find a bug of depth d in one schedule is at least 1 / (n k^(d-1)) for n threads. */
  readonly contendedPoints: number;
  /** For `search`: the highest bound that is through, -1 for none. */
  readonly completedBound: number;
}

/** A failure that can be played again at will. */
export interface Finding {
  readonly kind: FailureKind;
  /** One sentence: what went wrong. */
  readonly sentence: string;
  /** Plays it again: `swaplab replay TOKEN`. */
  readonly token: string;
  /** How often another thread goes on. */
  readonly switches: number;
  readonly preemptions: number;
  /** Threads that take part. */
  readonly threads: number;
  readonly minimal: boolean;
  /** What is known about that. */
  readonly minimality: string;
  /** The schedule in which it was found, the first of its group being 1, and by which strategy. */
  readonly schedule: number;
  readonly strategy: string;
  /** The group of threads in which it was found, the first being 0. */
  readonly group: number;
  /** How often it was played again. */
  readonly confirmed: number;
  readonly failure: Failure;
  readonly dropped: readonly number[];
  readonly trace: readonly TraceStep[];
}

/** What an exploration has done and found. */
export interface Exploration extends ExploreProgress {
  readonly scenario: string;
  readonly engine: string;
  readonly strategy: StrategyName;
  readonly seed: number;
  readonly finding: Finding | null;
  /** What can be said to be complete, in words, or null. */
  readonly complete: string | null;
}

/** Milliseconds between two looks at the clock and the signal. */
const SLICE_MS = 250;
const SCHEDULES_DEFAULT = 10_000;
const CONFIRMATIONS_DEFAULT = 100;
/** So long at least the other groups get to come as far as the one that has failed. */
const CATCH_UP_SECONDS = 1;

/**
 * Explores.
 * @param engines - that have nothing to do: one, or one for each group. Each group has a seed of its own, the first one the seed itself.
 * @param scenario - the one the engines were made for
 * @param hash - of the scenario, as `scenarioHash` makes it
 * @param options - how much
 * @throws DivergedError for a failure that does not repeat itself, and what an engine throws
 */
export async function exploreWith(
  engines: Engine | readonly Engine[],
  scenario: Scenario<unknown, unknown>,
  hash: number,
  options: ExploreOptions,
): Promise<Exploration> {
  const groups = 'run' in engines ? [engines] : engines;
  const [engine] = groups;
  if (engine === undefined) throw new RangeError('There is no engine to explore with.');
  const name = options.strategy ?? 'portfolio';
  const flags = (options.detectors ?? true) ? WATCH_ALL : 0;
  const search = new Search(groups, name, options, flags);
  const failed = await search.untilFailure();
  if (failed !== null) options.onFailure?.(failed.failure);
  // Any engine can play it: a schedule is its decisions.
  const finding =
    failed === null
      ? null
      : await describeFinding(engine, scenario, foundIn(failed, options.seed, flags, hash), options);
  return {
    scenario: scenario.name,
    engine: engine.name,
    strategy: name,
    seed: options.seed,
    ...search.progress(),
    finding,
    complete: failed === null && name === 'search' ? completeness(engine) : null,
  };
}

/**
 * The seed of a group.
 * @param seed - of the exploration
 * @param group - the first is 0
 */
export function groupSeed(seed: number, group: number): number {
  return group === 0 ? seed : scheduleSeed(seed, 2 ** 32 - group);
}

/** A schedule that failed, and where. */
interface Failed {
  readonly failure: Failure;
  readonly group: number;
}

/**
 * Groups that search side by side.
 *
 * The first failure by number of schedule wins, so that which group is faster does not matter: the others go on until they are as far, unless
 * that takes too long.
 */
class Search {
  private readonly groups: readonly Run[];
  private readonly options: ExploreOptions;
  private best: Failed | null = null;
  private seconds = 0;
  /** Seconds until when the others may go on after the first failure. */
  private deadline = Infinity;

  constructor(engines: readonly Engine[], name: StrategyName, options: ExploreOptions, flags: number) {
    const most = options.schedules ?? (options.seconds === undefined ? SCHEDULES_DEFAULT : Infinity);
    const count = engines.length;
    this.options = options;
    this.groups = engines.map((engine, group) => {
      const share = most === Infinity ? most : Math.floor((most + count - 1 - group) / count);
      return new Run(engine, name, options, flags, groupSeed(options.seed, group), share);
    });
  }

  progress(): ExploreProgress {
    const each = this.groups.map((group) => group.progress());
    const first = each[0]!;
    const sum = (key: 'schedules' | 'steps' | 'distinct'): number =>
      each.reduce((all, progress) => all + progress[key], 0);
    return {
      ...first,
      schedules: sum('schedules'),
      steps: sum('steps'),
      distinct: sum('distinct'),
      seconds: this.seconds,
      contendedPoints: Math.max(...each.map(({ contendedPoints }) => contendedPoints)),
    };
  }

  async untilFailure(): Promise<Failed | null> {
    await Promise.all(this.groups.map((run, group) => this.search(run, group)));
    return this.best;
  }

  private async search(run: Run, group: number): Promise<void> {
    run.begin();
    while (run.goesOn() && !this.isAborted() && !this.isLate(run)) {
      const failure = await run.slice();
      this.seconds = Math.max(...this.groups.map(({ seconds }) => seconds));
      this.options.onProgress?.(this.progress());
      if (failure === null) continue;
      const failed = { failure, group };
      if (this.best === null || isBefore(failed, this.best)) this.best = failed;
      this.deadline = Math.min(this.deadline, run.seconds + Math.max(CATCH_UP_SECONDS, run.seconds));
      return;
    }
  }

  /** Whether another group has failed, and this one is as far or takes too long. */
  private isLate(run: Run): boolean {
    if (this.best === null) return false;
    return run.done > this.best.failure.schedule || run.seconds > this.deadline;
  }

  private isAborted(): boolean {
    return this.options.signal?.aborted === true;
  }
}

function isBefore(one: Failed, other: Failed): boolean {
  return (one.failure.schedule - other.failure.schedule || one.group - other.group) < 0;
}

/** One group, which plays slices of its part. */
class Run {
  done = 0;
  seconds = 0;
  private readonly engine: Engine;
  private readonly options: ExploreOptions;
  private readonly flags: number;
  private readonly seed: number;
  private readonly most: number;
  private readonly strategy: StrategyId;
  private readonly parameter: number;
  private steps = 0;
  private distinct = 0;
  private isExhausted = false;

  constructor(
    engine: Engine,
    name: StrategyName,
    options: ExploreOptions,
    flags: number,
    seed: number,
    most: number,
  ) {
    this.engine = engine;
    this.options = options;
    this.flags = flags;
    this.seed = seed;
    this.most = most;
    [this.strategy, this.parameter] = strategyOf(name, options.depth);
  }

  begin(): void {
    this.engine.core.forget();
  }

  progress(): ExploreProgress {
    const { core } = this.engine;
    return {
      schedules: this.done,
      steps: this.steps,
      distinct: Math.min(this.distinct, this.done),
      seconds: this.seconds,
      strategyNow: core.strategyName(),
      contendedPoints: core.contendedPoints(),
      completedBound: this.strategy === SEARCH ? core.searchReport().completed : -1,
    };
  }

  goesOn(): boolean {
    return !this.isExhausted && this.done < this.most && this.seconds < (this.options.seconds ?? Infinity);
  }

  async slice(): Promise<Failure | null> {
    const secondsLeft = (this.options.seconds ?? Infinity) - this.seconds;
    const result = await this.engine.run({
      seed: this.seed,
      first: this.done,
      schedules: Math.min(this.most - this.done, 0x7fff_0000),
      milliseconds: Math.max(1, Math.min(SLICE_MS, secondsLeft * 1000)),
      strategy: this.strategy,
      parameter: this.parameter,
      flags: this.flags,
    });
    this.done += result.schedules;
    this.steps += result.steps;
    this.distinct += result.distinct;
    this.seconds += result.seconds;
    this.isExhausted = result.exhausted;
    // An engine in this very thread has answered without letting anything else run.
    await new Promise((resolve) => setTimeout(resolve, 0));
    return result.failure;
  }
}

function foundIn({ failure, group }: Failed, seed: number, flags: number, hash: number): FoundFailure {
  const ofSchedule = scheduleSeed(groupSeed(seed, group), failure.schedule);
  return { failure, dropped: [], flags, hash, group, seed: ofSchedule };
}

/** A failure that is to be told. */
export interface FoundFailure {
  readonly failure: Failure;
  /** Of its schedule. */
  readonly seed: number;
  /** What was left out when it failed. */
  readonly dropped: readonly number[];
  /** `WATCH_` bits, as it was found. */
  readonly flags: number;
  /** Of the scenario, as `scenarioHash` makes it. */
  readonly hash: number;
  /** The group in which it was found. */
  readonly group: number;
}

/**
 * Confirms a failure, makes it smaller, and gives it a token.
 * @param engine - that has nothing to do
 * @param scenario - the one it was made for
 * @param found - the failure
 * @param options - how much is spent
 * @throws DivergedError for a failure that does not repeat itself
 */
export async function describeFinding(
  engine: Engine,
  scenario: Scenario<unknown, unknown>,
  { failure, seed, dropped: leftOut, flags, hash, group }: FoundFailure,
  options: Pick<ExploreOptions, 'shrink' | 'confirmations' | 'signal'>,
): Promise<Finding> {
  const times = options.confirmations ?? CONFIRMATIONS_DEFAULT;
  const spec = { decisions: failure.decisions, dropped: leftOut };
  const shrinks = options.shrink ?? true;
  const found = await confirm(engine, spec, flags, shrinks ? 1 : times);
  const operations = scenario.threads.map((thread) => thread.operations.length);
  const stops = options.signal === undefined ? {} : { signal: options.signal };
  const shrunk = shrinks ? await shrink(engine, found, operations, { flags, times, ...stops }) : null;
  const best: Confirmed = shrunk ?? found;
  const { trace, dropped } = best;
  return {
    kind: best.failure.kind,
    sentence: best.failure.sentence,
    token: formatToken({
      scenario: hash,
      seed,
      decisions: best.decisions,
      dropped,
      traceHash: best.failure.traceHash >>> 0,
    }),
    switches: countSwitches(trace),
    preemptions: best.failure.preemptions,
    threads: new Set(trace.map(({ task }) => task)).size,
    minimal: shrunk?.minimal ?? false,
    minimality: shrunk?.minimality ?? 'not made smaller',
    schedule: failure.schedule + 1,
    strategy: failure.strategy,
    group,
    confirmed: best.times,
    failure: best.failure,
    dropped,
    trace,
  };
}

function completeness(engine: Engine): string | null {
  const report = engine.core.searchReport();
  if (report.overflowed || report.diverged > 0 || report.limited > 0) return null;
  if (report.whole) return `complete: all schedules (${report.schedulesInAll})`;
  if (report.completed < 0) return null;
  const plural = report.completed === 1 ? '' : 's';
  return `complete for <= ${report.completed} preemption${plural} (${report.schedulesCompleted} schedules)`;
}

/**
 * The number of a strategy and its parameter.
 * @param name - as users choose it
 * @param depth - see {@link ExploreOptions.depth}
 */
export function strategyOf(name: StrategyName, depth: number | undefined): [StrategyId, number] {
  switch (name) {
    case 'random':
      return [RANDOM_WALK, 0];
    case 'pct':
      return [PCT, depth ?? 3];
    case 'pos':
      return [POS, 0];
    case 'surw':
      return [SURW, 0];
    case 'urw':
      return [SURW, 1];
    case 'search':
      return [SEARCH, depth ?? NO_BOUND];
    case 'portfolio':
      return [PORTFOLIO, 0];
  }
}

/** What makes a token fit: the scenario and everything that changes its steps. */
export interface ScenarioIdentity {
  readonly name: string;
  readonly variants: readonly string[];
  readonly faults: number;
  readonly stepLimit: number;
}

/**
 * Hash of a scenario, for tokens.
 * @param identity - what makes it this one
 * @returns an unsigned 32-bit number
 */
export function scenarioHash({ name, variants, faults, stepLimit }: ScenarioIdentity): number {
  const text = [name, [...variants].sort().join(','), faults, stepLimit].join('|');
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  return hash >>> 0;
}
