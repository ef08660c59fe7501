/**
 * Exploring a scenario from a test, in Node: on real threads, or on the woven twin where there is one.
 *
 *     await explore(new URL('./scenario.js', import.meta.url), { schedules: 10_000 });
 *
 * rejects with a {@link ScheduleError} when a schedule fails: it carries the token, the report, and the command that plays it again.
 */
import { MisuseError } from '@swaplab/kernel-mm';
import type { Engine } from '../engines/job.js';
import type { DefinedScenario } from '../scenario/define.js';
import {
  exploreWith,
  scenarioHash,
  type Exploration,
  type ExploreOptions,
  type Finding,
} from './exploration.js';

/** How an engine is opened. */
export interface OpenOptions {
  /** `'threads'` by default: the plain code on real threads. `'stepped'` needs the scenario to be woven. */
  readonly engine?: 'threads' | 'stepped';
  /** Deliberately wrong variants of the kernel. */
  readonly variants?: readonly string[];
  /** Kinds of faults that may be injected, as bits `1 << FAULT_...`; none by default. */
  readonly faults?: number;
  /** Steps after which a schedule is stopped; 20,000 by default. */
  readonly stepLimit?: number;
  /** Number of the group of threads, for spreading groups over cores. */
  readonly group?: number;
  /** Whether the threads of a group are put on one core, where that can be done; true by default. */
  readonly pin?: boolean;
  /** Milliseconds without any progress after which the watchdog ends a job; 10,000 by default. */
  readonly hangLimitMs?: number;
  /**
   * Whether the stepped engine gets a thread of its own, so that this one stays free and can end a body that loops where no point is; false by
   * default.
   */
  readonly ownThread?: boolean;
}

/** An engine, and what it was opened for. */
export interface OpenScenario {
  readonly engine: Engine;
  readonly scenario: DefinedScenario<unknown, unknown>;
  /** For tokens. */
  readonly hash: number;
}

/** A schedule has failed. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
  /** Always `'ERR_SCHEDULE_FAILED'`. */
  readonly code = 'ERR_SCHEDULE_FAILED';
  readonly finding: Finding;
  readonly exploration: Exploration;
  /** Plays it again. */
  readonly command: string;

  /**
   * @param exploration - with a finding
   * @param finding - the finding
   * @param module - address of the module of the scenario
   */
  constructor(exploration: Exploration, finding: Finding, module: string) {
    const command = `npx swaplab replay ${finding.token} --scenario ${module}`;
    super(
      `${finding.sentence}\n\n${finding.failure.report}\n\n` +
        `Found in schedule ${finding.schedule} (${finding.strategy}, seed ${exploration.seed}); ${finding.minimality}.\n` +
        `Play it again: ${command}`,
    );
    this.exploration = exploration;
    this.finding = finding;
    this.command = command;
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
  const { variants = [], faults = 0, stepLimit = STEP_LIMIT, hangLimitMs = HANG_LIMIT_MS } = options;
  const builds = await import('../engines/threads/builds.js');
  const address = builds.buildOf(String(module), options.engine === 'stepped' ? 'stepped' : 'sited');
  const { default: scenario } = (await import(address)) as { default?: DefinedScenario<unknown, unknown> };
  requireDefined(scenario, String(module));
  const hash = scenarioHash({ name: scenario.name, variants, faults, stepLimit });
  if (options.engine === 'stepped') {
    if (options.ownThread !== true) {
      const { SteppedEngine } = await import('../engines/stepped/engine.js');
      const now = (): number => performance.now();
      return { engine: new SteppedEngine(scenario, { variants, faults, stepLimit, now }), scenario, hash };
    }
    const { SteppedThread } = await import('../engines/threads/stepped-thread.js');
    const engine = await SteppedThread.start({
      module: address,
      scenario,
      variants,
      faults,
      stepLimit,
      hangLimitMs,
    });
    return { engine, scenario, hash };
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
  });
  return { engine, scenario, hash };
}

/**
 * Whether a module with a scenario was woven, so that the stepped engine can play it.
 * @param module - its address or path
 */
export async function hasSteppedBuild(module: URL | string): Promise<boolean> {
  const { hasBuild } = await import('../engines/threads/builds.js');
  return hasBuild(String(module), 'stepped');
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
  const { engine, scenario, hash } = await openScenario(module, options);
  try {
    const exploration = await exploreWith(engine, scenario, hash, { ...options, seed });
    if (exploration.finding !== null)
      throw new ScheduleError(exploration, exploration.finding, String(module));
    return exploration;
  } finally {
    await engine.close();
  }
}
