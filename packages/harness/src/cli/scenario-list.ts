/**
 * `swaplab run --scenario list`: which scenarios there are, what each is about, and what it assumes.
 */
import { createColors } from 'picocolors';

import type { TableStyle } from '../report/table.js';
import { wrap } from '../report/wrap.js';
import { completeRunOptions, formatSize, type RunOptions, type RunScenario } from '../run/options.js';
import { SCENARIOS } from '../scenarios/registry.js';

/** The word that is no scenario, but asks for all of them. */
export const SCENARIO_LIST = 'list';

const COLUMNS_MAX = 96;
const COLUMNS_DEFAULT = 80;

/**
 * The list for a terminal.
 *
 * @param style - how it may look
 * @returns text with a line feed at its end
 */
export function scenarioList(style: TableStyle): string {
  const colours = createColors(style.colour);
  const width = Math.min(style.columns ?? COLUMNS_DEFAULT, COLUMNS_MAX);
  const lines = SCENARIOS.flatMap(({ name, description, meaning }) => [
    colours.bold(name),
    ...wrap('  ', `${description}.`, width),
    ...wrap('  ', meaning, width),
    ...wrap('  assumes: ', assumptionsOf(name), width),
    '',
  ]);
  return `${lines.join('\n')}  $ swaplab run --scenario ${SCENARIOS[0].name} --seed 1\n`;
}

/** The list as a JSON document. */
export function scenarioListJson(): string {
  const scenarios = SCENARIOS.map(({ name, description, meaning }) => ({
    name,
    description,
    meaning,
    options: assumedOptions(name),
  }));
  return `${JSON.stringify({ schema: 'swaplab.scenarios/1', scenarios }, null, 2)}\n`;
}

function assumptionsOf(name: RunScenario): string {
  const { workload, swappers, ops, disks, mapped, limit, ram, disksize } = assumedOptions(name);
  return (
    `--workload ${workload} --swappers ${String(swappers)} --ops ${String(ops)} --mapped ${formatSize(mapped)} --limit ${formatSize(limit)} ` +
    `--ram ${formatSize(ram)} --disks ${String(disks)} --disksize ${formatSize(disksize)}`
  );
}

/** What a run of it has where nothing else is said; without the seed, which is drawn. */
function assumedOptions(scenario: RunScenario): Omit<RunOptions, 'seed'> {
  const options = { ...completeRunOptions({ scenario, seed: 0 }).options };
  Reflect.deleteProperty(options, 'seed');
  return options;
}
