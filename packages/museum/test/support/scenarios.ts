/**
 * Engines for the scenarios of the museum, in the builds that the weaver made.
 */
import { openScenario, type Engine, type Job, type OpenScenario } from '@swaplab/explore';

/** What is opened. */
export interface Choice {
  /** Name of the scenario. */
  readonly scenario: string;
  readonly variants?: readonly string[];
  readonly faults?: number;
}

/** The two engines. */
export const ENGINES = ['stepped', 'threads'] as const;

/**
 * Opens an engine for a scenario, and closes it afterwards.
 * @param name - of the engine
 * @param choice - what is opened
 * @param use - what is done with it
 */
export async function withEngine<T>(
  name: (typeof ENGINES)[number],
  { scenario, variants = [], faults = 0 }: Choice,
  use: (open: OpenScenario) => Promise<T>,
): Promise<T> {
  const folder = import.meta.resolve('@swaplab/museum/package.json');
  const module = new URL(`./dist/scenarios/${scenario}.js`, folder);
  const open = await openScenario(module, { engine: name, variants, faults });
  try {
    return await use(open);
  } finally {
    await open.engine.close();
  }
}

/**
 * Some schedules.
 * @param job - what is special about them
 */
export function schedules(job: Partial<Job> & Pick<Job, 'strategy' | 'schedules' | 'seed'>): Job {
  return { first: 0, milliseconds: 0, parameter: 0, flags: 0, ...job };
}

/**
 * Plays schedules until all were played or one fails; says what failed.
 * @param engine - that has nothing to do
 * @param job - the schedules
 * @returns an empty text when none failed
 */
export async function failureOf(engine: Engine, job: Job): Promise<string> {
  const { failure } = await engine.run(job);
  return failure === null
    ? ''
    : `${failure.kind} in schedule ${String(failure.schedule)} (${failure.strategy}): ${failure.report}`;
}
