/**
 * How a module says what its scenario is. In each build of the code a scenario is played on the stage of that build, so it brings it along.
 */
import { S } from '@swaplab/kernel-mm';
import type { Scenario, ScenarioEnv, ScenarioThread } from './scenario.js';
import { Stage } from './stage.js';

/** A scenario as engines take it. */
export interface DefinedScenario<Regions = undefined, Shared = undefined> extends Scenario<Regions, Shared> {
  /** The stage, in the build of the scenario. */
  readonly Stage: typeof Stage;
  /** The state of the points: null in the plain build, whose threads are real ones. */
  readonly points: typeof S;
}

/**
 * Makes a thread that does one thing.
 * @param name - of the thread
 * @param run - what it does @steppable
 */
export function thread<Regions = undefined, Shared = undefined>(
  name: string,
  run: (env: ScenarioEnv<Regions, Shared>) => void,
): ScenarioThread<Regions, Shared> {
  return { name, operations: [{ name, run }] };
}

/**
 * Makes a scenario: the default export of a module of its own.
 * @param scenario - what is to be played
 */
export function defineScenario<Regions = undefined, Shared = undefined>(
  scenario: Scenario<Regions, Shared>,
): DefinedScenario<Regions, Shared> {
  return { ...scenario, Stage, points: S };
}
