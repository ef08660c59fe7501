/**
 * Exploring a scenario with an engine: schedules until one fails or enough were played; then the failure is confirmed, made smaller, and given
 * a token.
 *
 * Promise: the same options and seed find the same failure with the same token, whatever the engine and however fast it is, unless a limit of
 * time comes first. A failure that does not repeat itself is an error that says where it differs, not a finding.
 */
import { scheduleSeed } from '../core/random.js';
import type { TraceStep } from '../core/trace.js';
import { WATCH_ALL, type Engine, type Failure, type FailureKind, type JobResult } from '../engines/job.js';
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
  /** Ends the exploration early; what was done until then is the result. */
  readonly signal?: { readonly aborted: boolean };
}

/** How far an exploration has come. */
export interface ExploreProgress {
  readonly schedules: number;
  readonly steps: number;
  readonly distinct: number;
  readonly seconds: number;
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
  /** The schedule in which it was found, the first being 1, and by which strategy. */
  readonly schedule: number;
  readonly strategy: string;
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

/** Schedules between two looks at the clock and the signal. */
const SLICE_MS = 250;
const SCHEDULES_DEFAULT = 10_000;
const CONFIRMATIONS_DEFAULT = 100;

/**
 * Explores.
 * @param engine - that has nothing to do
 * @param scenario - the one the engine was made for
 * @param hash - of the scenario, as `scenarioHash` makes it
 * @param options - how much
 * @throws DivergedError for a failure that does not repeat itself, and what the engine throws
 */
export async function exploreWith(
  engine: Engine,
  scenario: Scenario<unknown, unknown>,
  hash: number,
  options: ExploreOptions,
): Promise<Exploration> {
  const name = options.strategy ?? 'portfolio';
  const flags = (options.detectors ?? true) ? WATCH_ALL : 0;
  const run = new Run(engine, name, options, flags);
  const failure = await run.untilFailure();
  const finding = failure === null ? null : await findingOf(engine, scenario, hash, failure, flags, options);
  return {
    scenario: scenario.name,
    engine: engine.name,
    strategy: name,
    seed: options.seed,
    ...run.progress(),
    finding,
    complete: failure === null && name === 'search' ? completeness(engine) : null,
  };
}

/** Plays slices of an exploration. */
class Run {
  private readonly engine: Engine;
  private readonly options: ExploreOptions;
  private readonly flags: number;
  private readonly strategy: StrategyId;
  private readonly parameter: number;
  private schedules = 0;
  private steps = 0;
  private distinct = 0;
  private seconds = 0;

  constructor(engine: Engine, name: StrategyName, options: ExploreOptions, flags: number) {
    this.engine = engine;
    this.options = options;
    this.flags = flags;
    [this.strategy, this.parameter] = strategyOf(name, options.depth);
  }

  progress(): ExploreProgress {
    const { core } = this.engine;
    return {
      schedules: this.schedules,
      steps: this.steps,
      distinct: Math.min(this.distinct, this.schedules),
      seconds: this.seconds,
      contendedPoints: core.contendedPoints(),
      completedBound: this.strategy === SEARCH ? core.searchReport().completed : -1,
    };
  }

  async untilFailure(): Promise<Failure | null> {
    const { engine, options } = this;
    const most = options.schedules ?? (options.seconds === undefined ? SCHEDULES_DEFAULT : Infinity);
    engine.core.forget();
    while (this.schedules < most && this.seconds < (options.seconds ?? Infinity)) {
      const left = Math.min(most - this.schedules, 0x7fff_0000);
      const result = await engine.run({
        seed: options.seed,
        first: this.schedules,
        schedules: left,
        milliseconds: Math.max(1, Math.min(SLICE_MS, ((options.seconds ?? Infinity) - this.seconds) * 1000)),
        strategy: this.strategy,
        parameter: this.parameter,
        flags: this.flags,
      });
      this.add(result);
      options.onProgress?.(this.progress());
      if (result.failure !== null) return result.failure;
      if (result.exhausted || options.signal?.aborted === true) return null;
    }
    return null;
  }

  private add(result: JobResult): void {
    this.schedules += result.schedules;
    this.steps += result.steps;
    this.distinct += result.distinct;
    this.seconds += result.seconds;
  }
}

async function findingOf(
  engine: Engine,
  scenario: Scenario<unknown, unknown>,
  hash: number,
  failure: Failure,
  flags: number,
  options: ExploreOptions,
): Promise<Finding> {
  const times = options.confirmations ?? CONFIRMATIONS_DEFAULT;
  const spec = { decisions: failure.decisions, dropped: [] };
  const found = await confirm(engine, spec, flags, (options.shrink ?? true) ? 1 : times);
  const operations = scenario.threads.map((thread) => thread.operations.length);
  const shrunk = (options.shrink ?? true) ? await shrink(engine, found, operations, { flags, times }) : null;
  const best: Confirmed = shrunk ?? found;
  const { trace, dropped } = best;
  return {
    kind: best.failure.kind,
    sentence: best.failure.sentence,
    token: formatToken({
      scenario: hash,
      seed: scheduleSeed(options.seed, failure.schedule),
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
