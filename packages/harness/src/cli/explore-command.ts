/**
 * `swaplab explore`: from flags to a search, from its result to a report and an exit code.
 */
import type { ExploreProgress } from '@swaplab/explore';

import { EXIT_FAILED, EXIT_FINE, UsageError } from '../errors.js';
import { findScenario, museumScenarios, type ListedScenario } from '../explore/catalogue.js';
import type { ExploreDocument } from '../explore/document.js';
import { exploreScenario, type ExploreScenarioOptions } from '../explore/explore-scenario.js';
import { typedFaults } from '../explore/faults.js';
import { reportText } from '../explore/renderings.js';
import { exploreSummary, findingSummary } from '../explore/summary.js';
import { UINT32_RANGE } from '../random.js';
import { wrap } from '../report/wrap.js';
import { createProgressLine } from './progress.js';
import {
  assertScheduleFiles,
  typedEngine,
  typedStrategy,
  writeScheduleFiles,
  type ScheduleFileFlags,
} from './schedule-files.js';
import type { CommandContext } from './terminal.js';

/** The flags of `swaplab explore`, as they come from the command line. */
export interface ExploreFlags extends ScheduleFileFlags {
  readonly engine?: string;
  readonly strategy?: string;
  readonly depth?: number;
  readonly schedules?: number;
  readonly seconds?: number;
  readonly variant?: string[];
  readonly faults?: string[];
  readonly stepLimit?: number;
  readonly seed?: number;
  readonly groups?: number;
  /** False for `--no-detectors`. */
  readonly detectors?: boolean;
  /** False for `--no-shrink`. */
  readonly shrink?: boolean;
  readonly list?: true;
  readonly timeLimit?: number;
  readonly quiet?: true;
  readonly json?: true;
}

const GROUPS_MAX = 64;
const STEP_LIMIT_MAX = 1_000_000;
const LIST_COLUMNS = 96;

/**
 * Turns flags into options.
 *
 * @param scenario - what is explored
 * @param flags - as they come from the command line
 * @throws UsageError with one sentence for the first value that is not possible
 */
export function exploreOptionsOf(scenario: ListedScenario, flags: ExploreFlags): ExploreScenarioOptions {
  const engine = typedEngine(flags.engine);
  const strategy = typedStrategy(flags.strategy);
  checkDepth(flags);
  const { groups, stepLimit, schedules, seconds } = flags;
  if (groups !== undefined && groups > GROUPS_MAX)
    throw new UsageError(`groups ${groups} is more than is sensible; allowed: 1 to ${GROUPS_MAX}`);
  if (groups !== undefined && groups > 1 && strategy === 'search')
    throw new UsageError('a search goes through the schedules one after the other: it has one group');
  if (stepLimit !== undefined && stepLimit > STEP_LIMIT_MAX)
    throw new UsageError(`step-limit ${stepLimit} is more than is sensible; allowed: 1 to ${STEP_LIMIT_MAX}`);
  return {
    scenario,
    seed: flags.seed ?? Math.floor(Math.random() * UINT32_RANGE),
    variants: flags.variant ?? [],
    faults: typedFaults(flags.faults ?? []),
    detectors: flags.detectors ?? true,
    shrink: flags.shrink ?? true,
    ...(engine === undefined ? {} : { engine }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(flags.depth === undefined ? {} : { depth: flags.depth }),
    ...(schedules === undefined ? {} : { schedules }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(groups === undefined ? {} : { groups }),
    ...(stepLimit === undefined ? {} : { stepLimit }),
  };
}

function checkDepth({ depth, strategy = 'portfolio' }: ExploreFlags): void {
  if (depth === undefined) return;
  const [least, most] = strategy === 'pct' ? [1, 16] : strategy === 'search' ? [0, 1000] : [0, -1];
  if (most < 0)
    throw new UsageError(`--depth says nothing to the strategy ${strategy}: only to pct and search`);
  if (depth < least || depth > most)
    throw new UsageError(`depth ${depth} is not possible for ${strategy}; allowed: ${least} to ${most}`);
}

/**
 * Runs the command.
 *
 * @param word - the scenario, as it was typed; undefined for none
 * @param flags - as they come from the command line
 * @param context - where text goes, and the signal of an interrupt or time limit
 * @returns the exit code, unless the signal was aborted: then `runCommandLine` decides
 */
export async function exploreCommand(
  word: string | undefined,
  flags: ExploreFlags,
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context;
  if (flags.list === true) {
    terminal.out(await scenarioList(flags.json === true, terminal.columns));
    return EXIT_FINE;
  }
  if (word === undefined)
    throw new UsageError('which scenario? give its name, or the file of its module; --list shows the names');
  const options = exploreOptionsOf(await findScenario(word), flags);
  assertScheduleFiles(flags);
  const line = createProgressLine(terminal);
  const showsProgress = flags.quiet !== true;
  let document: ExploreDocument;
  try {
    document = await exploreScenario(options, {
      signal,
      onProgress: (progress) => {
        if (showsProgress) line.draw(exploreProgressText(options, progress));
      },
      onFailure: ({ kind }) => {
        if (showsProgress) line.draw(`${options.scenario.name}: ${kind} found, making it smaller`);
      },
    });
  } finally {
    line.clear();
  }
  const { finding } = document;
  if (flags.json === true) {
    terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    if (finding !== null)
      terminal.out(`${reportText(finding.report, terminal)}\n${findingSummary(finding, terminal)}`);
    terminal.out(exploreSummary(document, terminal));
  }
  if (finding === null) return EXIT_FINE;
  await writeScheduleFiles(flags, document, finding.report);
  return EXIT_FAILED;
}

/**
 * The text of a line of progress of a search.
 *
 * @param options - of the search
 * @param progress - what was told last
 */
export function exploreProgressText(options: ExploreScenarioOptions, progress: ExploreProgress): string {
  const { schedules, distinct, seconds, strategyNow, contendedPoints, completedBound } = progress;
  const rate = seconds > 0 ? schedules / seconds : 0;
  const of = options.schedules === undefined ? '' : ` of ${count(options.schedules)}`;
  const bound =
    options.strategy === 'search'
      ? completedBound < 0
        ? ''
        : `, complete for <= ${completedBound} preemptions`
      : `, ${pctBound(options.scenario.threads.length, contendedPoints, options.depth ?? 3)}`;
  return (
    `${options.scenario.name}: ${count(schedules)}${of} schedules, ${count(distinct)} distinct, ` +
    `${count(Math.round(rate))}/s, ${strategyNow}${bound}`
  );
}

/**
 * What PCT promises for one schedule (Burckhardt and others 2010).
 *
 * @param threads - n of the scenario
 * @param points - k, at which more than one thread could go on
 * @param depth - d, of the bug
 */
export function pctBound(threads: number, points: number, depth: number): string {
  const chances = threads * Math.max(1, points) ** (depth - 1);
  const number = chances < 1e6 ? count(chances) : chances.toExponential(1).replace('e+', 'e');
  return `PCT finds depth ${depth} at 1 in ${number}`;
}

async function scenarioList(json: boolean, columns: number): Promise<string> {
  const scenarios = await museumScenarios();
  if (json) {
    const entries = scenarios.map(({ name, about, threads }) => ({ name, about, threads }));
    return `${JSON.stringify({ schema: 'swaplab.schedule-scenarios/1', scenarios: entries }, null, 2)}\n`;
  }
  const width = Math.max(...scenarios.map(({ name }) => name.length)) + 2;
  const lines = scenarios.flatMap(({ name, about }) =>
    wrap(name.padEnd(width), about, Math.min(columns, LIST_COLUMNS)),
  );
  const [first] = scenarios;
  return `${lines.join('\n')}\n\n  $ swaplab explore ${first?.name ?? 'NAME'} --seed 1\n`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
