/**
 * `swaplab explore` without its command line: searches, and when a schedule fails confirms it, makes it smaller, plays it on real threads as well,
 * and reports it.
 *
 * Promise: the same options, seed and number of groups find the same failure with the same token, unless a limit of time comes first.
 */
import {
  confirm,
  exploreWith,
  faultNames,
  hasSteppedBuild,
  replayCommand,
  reportOf,
  WATCH_ALL,
  type Exploration,
  type ExploreProgress,
  type Failure,
  type Finding,
  type StrategyName,
} from '@swaplab/explore';

import { HarnessError } from '../errors.js';
import type { ListedScenario } from './catalogue.js';
import {
  findingDocument,
  type EngineName,
  type ExploreDocument,
  type ThreadsConfirmation,
} from './document.js';
import { usualGroups, withEngines, type EngineChoice } from './engines.js';

/** What is explored, and how much. */
export interface ExploreScenarioOptions {
  readonly scenario: ListedScenario;
  /** By default the stepped one where the scenario is woven, the faster one; else real threads. */
  readonly engine?: EngineName;
  /** `'portfolio'` by default. */
  readonly strategy?: StrategyName;
  readonly depth?: number;
  /** 10,000 by default; without limit when `seconds` is given. */
  readonly schedules?: number;
  readonly seconds?: number;
  /** An unsigned 32-bit number. */
  readonly seed: number;
  readonly variants?: readonly string[];
  /** Kinds of faults, as bits. */
  readonly faults?: number;
  readonly stepLimit?: number;
  /** By default one for each core when more than a few thousand schedules are asked for. A search has one. */
  readonly groups?: number;
  readonly detectors?: boolean;
  readonly shrink?: boolean;
  /** How often a failure is played again; 100 by default. */
  readonly confirmations?: number;
  /** How often a failure of the stepped engine is played on real threads; 10 by default, 0 for not at all. */
  readonly confirmationsOnThreads?: number;
  readonly hangLimitMs?: number;
}

/** Who is told meanwhile, and who may end it. */
export interface ExploreHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExploreProgress) => void;
  readonly onFailure?: (failure: Failure) => void;
}

/** Steps after which a schedule is stopped, where nothing else is said. */
const STEP_LIMIT = 20_000;
const CONFIRMATIONS_ON_THREADS = 10;

/**
 * Explores a scenario.
 *
 * @param options - what and how much
 * @param hooks - who is told
 * @throws UsageError for what the scenario does not allow, HangError when a thread hangs or a failure does not repeat itself
 */
export async function exploreScenario(
  options: ExploreScenarioOptions,
  hooks: ExploreHooks = {},
): Promise<ExploreDocument> {
  const { scenario, variants = [], faults = 0, stepLimit = STEP_LIMIT, strategy = 'portfolio' } = options;
  const engine = options.engine ?? ((await hasSteppedBuild(scenario.module)) ? 'stepped' : 'threads');
  const groups = strategy === 'search' ? 1 : (options.groups ?? usualGroups(groupedSchedules(options)));
  const choice: EngineChoice = {
    module: scenario.module,
    engine,
    variants,
    faults,
    stepLimit,
    ...(options.hangLimitMs === undefined ? {} : { hangLimitMs: options.hangLimitMs }),
  };
  return withEngines(
    choice,
    groups,
    async (opened) => {
      const [first] = opened;
      const exploration = await exploreWith(
        opened.map((one) => one.engine),
        first.scenario,
        first.hash,
        searchOptions(options, hooks),
      );
      const { finding } = exploration;
      const file = fileOf(scenario);
      const detectors = options.detectors ?? true;
      const facts = { variants, faults: faultNames(faults), detectors };
      const document = {
        ...figuresOf(exploration),
        file,
        engine,
        ...facts,
        depth: options.depth ?? null,
        stepLimit,
        groups,
        pinned: opened.every((one) => one.engine.pinned),
        interrupted: hooks.signal?.aborted === true,
      };
      if (finding === null) return { ...document, finding: null };
      const command = replayCommand({
        token: finding.token,
        module: file,
        ...facts,
        stepLimit: stepLimit === STEP_LIMIT ? undefined : stepLimit,
      });
      const flags = detectors ? WATCH_ALL : 0;
      const report = await reportOf(first, finding, { seed: options.seed, command, flags });
      const times = options.confirmationsOnThreads ?? CONFIRMATIONS_ON_THREADS;
      const onThreads =
        engine === 'threads' || times === 0 || hooks.signal?.aborted === true
          ? null
          : await confirmOnThreads(choice, finding, flags, times);
      return { ...document, finding: findingDocument(finding, report, onThreads) };
    },
    hooks.signal,
  );
}

/**
 * Plays a failure of the stepped engine on real threads.
 *
 * @param choice - what was explored
 * @param finding - the failure
 * @param flags - `WATCH_` bits, as it was found
 * @param times - how often
 */
export async function confirmOnThreads(
  choice: EngineChoice,
  finding: Finding,
  flags: number,
  times: number,
): Promise<ThreadsConfirmation> {
  const { decisions, traceHash, memoryHash } = finding.failure;
  try {
    return await withEngines({ ...choice, engine: 'threads' }, 1, async ([{ engine }]) => {
      const { failure } = await confirm(engine, { decisions, dropped: finding.dropped }, flags, times);
      if (failure.traceHash === traceHash && failure.memoryHash === memoryHash)
        return { confirmed: times, difference: null };
      const what = failure.traceHash === traceHash ? 'leaves another state' : 'does other steps';
      return { confirmed: 0, difference: `On real threads the schedule ${what}: ${failure.sentence}` };
    });
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    return { confirmed: 0, difference: error.message };
  }
}

/**
 * The file of a scenario as documents and commands name it.
 *
 * @param scenario - any
 * @returns null for one of the museum
 */
export function fileOf({ word, name }: ListedScenario): string | null {
  return word === name ? null : word;
}

function groupedSchedules({ schedules, seconds }: ExploreScenarioOptions): number | undefined {
  return schedules ?? (seconds === undefined ? 10_000 : undefined);
}

function searchOptions(
  options: ExploreScenarioOptions,
  { signal, onProgress, onFailure }: ExploreHooks,
): Parameters<typeof exploreWith>[3] {
  const { strategy, depth, schedules, seconds, seed, detectors, shrink, confirmations } = options;
  return {
    seed,
    ...(strategy === undefined ? {} : { strategy }),
    ...(depth === undefined ? {} : { depth }),
    ...(schedules === undefined ? {} : { schedules }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(detectors === undefined ? {} : { detectors }),
    ...(shrink === undefined ? {} : { shrink }),
    ...(confirmations === undefined ? {} : { confirmations }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(onFailure === undefined ? {} : { onFailure }),
  };
}

function figuresOf(
  exploration: Exploration,
): Pick<
  ExploreDocument,
  | 'schema'
  | 'scenario'
  | 'strategy'
  | 'seed'
  | 'schedules'
  | 'distinct'
  | 'steps'
  | 'seconds'
  | 'contendedPoints'
  | 'complete'
> {
  const { scenario, strategy, seed, schedules, distinct, steps, seconds, contendedPoints, complete } =
    exploration;
  return {
    schema: 'swaplab.explore/1',
    scenario,
    strategy,
    seed,
    schedules,
    distinct,
    steps,
    seconds,
    contendedPoints,
    complete,
  };
}
