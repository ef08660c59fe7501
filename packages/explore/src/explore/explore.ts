/**
 * Exploring a scenario from a test, in Node: on real threads, or on the woven twin where there is one.
 *
 *     await explore(new URL('./scenario.js', import.meta.url), { schedules: 10_000 });
 *
 * rejects with a {@link ScheduleError} when a schedule fails: it carries the token, the report, and the command that plays it again.
 */
import { MisuseError } from '@swaplab/kernel-mm';
import { WATCH_ALL } from '../engines/job.js';
import { SteppedEngine } from '../engines/stepped/engine.js';
import type { ReportModel } from '../report/model.js';
import { textReport } from '../report/text.js';
import type { DefinedScenario } from '../scenario/define.js';
import {
  exploreWith,
  scenarioHash,
  type Exploration,
  type ExploreOptions,
  type Finding,
} from './exploration.js';
import { replayCommand } from './command.js';
import { faultMask, faultNames, type FaultName } from './faults.js';
import type { OpenScenario } from './open-scenario.js';
import { reportOf } from './report-of.js';

/** How an engine is opened. */
export interface OpenOptions {
  /** `'threads'` by default: the plain code on real threads. `'stepped'` needs the scenario to be woven. */
  readonly engine?: 'threads' | 'stepped';
  /** Deliberately wrong variants of the kernel. */
  readonly variants?: readonly string[];
  /** Kinds of faults that may be injected, by name or as bits `1 << FAULT_...`; none by default. */
  readonly faults?: number | readonly FaultName[];
  /** Steps after which a schedule is stopped; 20,000 by default. */
  readonly stepLimit?: number;
  /** Number of the group of threads, for spreading groups over cores. */
  readonly group?: number;
  /** Whether the threads of a group are put on one core, where that can be done; true by default. */
  readonly pin?: boolean;
  /** Milliseconds without any progress after which the watchdog ends a job; 10,000 by default. */
  readonly hangLimitMs?: number;
  /**
   * Among which loads and stores data races are looked for: `'sited'` among those whose lines are known, since the code they are in says which
   * races it intends; `'all'` among all of them, for code that was not woven and intends none. By default all of a scenario with a memory of its
   * own that was not woven, else the sited ones.
   */
  readonly races?: 'sited' | 'all';
  /**
   * Whether the stepped engine gets a thread of its own, so that this one stays free and can end a body that loops where no point is; false by
   * default.
   */
  readonly ownThread?: boolean;
}

/** A schedule has failed. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
  /** Always `'ERR_SCHEDULE_FAILED'`. */
  readonly code = 'ERR_SCHEDULE_FAILED';
  readonly finding: Finding;
  readonly exploration: Exploration;
  /** All that is known about it, as plain data. */
  readonly report: ReportModel;
  /** Plays it again. */
  readonly command: string;

  /**
   * @param exploration - with the finding
   * @param finding - the finding
   * @param report - about it
   */
  constructor(exploration: Exploration, finding: Finding, report: ReportModel) {
    super(textReport(report).trimEnd());
    this.exploration = exploration;
    this.finding = finding;
    this.report = report;
    this.command = report.command;
  }
}

/** Steps after which a schedule is stopped, where nothing else is said. */
export const STEP_LIMIT = 20_000;
const HANG_LIMIT_MS = 10_000;
const SEED_END = 2 ** 32;

/**
 * Opens an engine for a scenario.
 * @param module - address of the module whose default export is the scenario
 * @param options - how
 * @throws when the module has no scenario, or was not woven and the engine needs that
 */
export async function openScenario(module: URL | string, options: OpenOptions = {}): Promise<OpenScenario> {
  const { variants = [], stepLimit = STEP_LIMIT, hangLimitMs = HANG_LIMIT_MS } = options;
  const faults = typeof options.faults === 'object' ? faultMask(options.faults) : (options.faults ?? 0);
  const builds = await import('../engines/threads/builds.js');
  const address = builds.buildOf(String(module), options.engine === 'stepped' ? 'stepped' : 'sited');
  const { default: scenario } = (await import(address)) as { default?: DefinedScenario<unknown, unknown> };
  requireDefined(scenario, String(module));
  requireKernel(scenario, variants);
  const hash = scenarioHash({ name: scenario.name, variants, faults, stepLimit });
  const sites = builds.siteFactsFor(address, (options.races ?? usualRaces(scenario, address)) === 'all');
  if (options.engine === 'stepped') {
    if (options.ownThread !== true) {
      const now = (): number => performance.now();
      return {
        engine: new SteppedEngine(scenario, {
          variants,
          faults,
          stepLimit,
          now,
          sites,
          ...(await builds.plainBuildOf(address)),
        }),
        scenario,
        hash,
        module: address,
      };
    }
    const { SteppedThread } = await import('../engines/threads/stepped-thread.js');
    const engine = await SteppedThread.start({
      module: address,
      scenario,
      variants,
      faults,
      stepLimit,
      hangLimitMs,
      sites,
    });
    return { engine, scenario, hash, module: address };
  }
  const { ThreadsEngine } = await import('../engines/threads/engine.js');
  const { group = 0, pin = true } = options;
  const engine = await ThreadsEngine.start({
    module: address,
    variants,
    faults,
    stepLimit,
    group,
    pin,
    hangLimitMs,
    sites,
  });
  return { engine, scenario, hash, module: address };
}

/**
 * Whether a module with a scenario was woven, so that the stepped engine can play it.
 * @param module - its address or path
 */
export async function hasSteppedBuild(module: URL | string): Promise<boolean> {
  const { hasBuild } = await import('../engines/threads/builds.js');
  return hasBuild(String(module), 'stepped');
}

function usualRaces({ memory }: DefinedScenario<unknown, unknown>, address: string): 'sited' | 'all' {
  return memory !== undefined && !/\/dist-(?:sited|stepped)\//.test(address) ? 'all' : 'sited';
}

/** Variants that nobody takes would say that something was tried. */
function requireKernel(
  { name, memory }: DefinedScenario<unknown, unknown>,
  variants: readonly string[],
): void {
  if (memory === undefined || variants.length === 0) return;
  throw new MisuseError(
    'ERR_INVALID_ARGUMENT',
    `The scenario '${name}' has a memory of its own and no kernel: there are no variants of it such as '${variants[0]!}'.`,
  );
}

function requireDefined(
  scenario: Partial<DefinedScenario<unknown, unknown>> | undefined,
  module: string,
): asserts scenario is DefinedScenario<unknown, unknown> {
  if (scenario?.Stage !== undefined && Array.isArray(scenario.threads)) return;
  throw new MisuseError(
    'ERR_INVALID_ARGUMENT',
    `${module} has no scenario: its default export must be made by defineScenario({ name, about, threads, ... }).`,
  );
}

/**
 * Explores a scenario.
 * @param module - address of the module whose default export is the scenario
 * @param options - how much, and how
 * @returns what was done, when no schedule failed
 * @throws {@link ScheduleError} when one failed
 */
export async function explore(
  module: URL | string,
  options: Omit<ExploreOptions, 'seed'> & OpenOptions & { readonly seed?: number } = {},
): Promise<Exploration> {
  const seed = options.seed ?? Math.floor(Math.random() * SEED_END);
  // In Node there are threads: one that loops where no point is must not hold the test that waits for it.
  const opened = await openScenario(module, { ownThread: true, ...options });
  const { engine, scenario, hash } = opened;
  try {
    const exploration = await exploreWith(engine, scenario, hash, { ...options, seed });
    const { finding } = exploration;
    if (finding === null) return exploration;
    const faults = typeof options.faults === 'number' ? faultNames(options.faults) : (options.faults ?? []);
    const command = replayCommand({
      token: finding.token,
      module: String(module),
      variants: options.variants ?? [],
      faults,
      detectors: options.detectors ?? true,
      stepLimit: options.stepLimit,
    });
    const flags = (options.detectors ?? true) ? WATCH_ALL : 0;
    throw new ScheduleError(exploration, finding, await reportOf(opened, finding, { seed, command, flags }));
  } finally {
    await engine.close();
  }
}
