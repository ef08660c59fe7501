/**
 * All scenarios, in the order in which they are listed.
 */
import type { Scenario } from './scenario.js';
import { deviceFull } from './device-full.js';
import { exitStorm } from './exit-storm.js';
import { forkStorm } from './fork-storm.js';
import { incompressible } from './incompressible.js';
import { memorySqueeze } from './memory-squeeze.js';
import { swapoffLittleRam } from './swapoff-little-ram.js';
import { swapoffUnderLoad } from './swapoff-under-load.js';
import { twoTiers } from './two-tiers.js';

/** The scenarios there are. */
export const SCENARIOS = [
  memorySqueeze,
  deviceFull,
  twoTiers,
  swapoffUnderLoad,
  swapoffLittleRam,
  exitStorm,
  forkStorm,
  incompressible,
] as const;

/** The name of a scenario. */
export type ScenarioName = (typeof SCENARIOS)[number]['name'];

/** Their names. */
export const SCENARIO_NAMES: readonly ScenarioName[] = SCENARIOS.map(({ name }) => name);

/**
 * A scenario by its name.
 *
 * @param name - a known one, or null
 * @returns null for null
 */
export function scenarioOf(name: ScenarioName): Scenario;
export function scenarioOf(name: ScenarioName | null): Scenario | null;
export function scenarioOf(name: ScenarioName | null): Scenario | null {
  if (name === null) return null;
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`there is no scenario ${name}`);
  return found;
}
