/**
 * `swaplab replay`: from a token to what became of its schedule, and an exit code.
 */
import { hasSteppedBuild } from '@swaplab/explore';

import { EXIT_FAILED, EXIT_FINE, UsageError } from '../errors.js';
import { ENGINES, type EngineName, type ReplayTokenDocument } from '../explore/document.js';
import { reportText } from '../explore/renderings.js';
import { replaySummary } from '../explore/summary.js';
import { replayToken, type ReplayTokenOptions, type ThenOptions } from '../explore/replay-token.js';
import { findTokenSource, type TokenHints, type TokenSource } from '../explore/token-source.js';
import { allowedNames } from '../explore/words.js';
import { UINT32_RANGE } from '../random.js';
import { createProgressLine } from './progress.js';
import {
  assertScheduleFiles,
  typedStrategy,
  writeScheduleFiles,
  type ScheduleFileFlags,
} from './schedule-files.js';
import type { CommandContext } from './terminal.js';

/** The flags of `swaplab replay`, as they come from the command line. */
export interface ReplayFlags extends ScheduleFileFlags {
  readonly scenario?: string;
  readonly variant?: string[];
  readonly faults?: string[];
  readonly stepLimit?: number;
  readonly engine?: string;
  readonly times?: number;
  /** False for `--no-pin`. */
  readonly pin?: boolean;
  /** False for `--no-detectors`. */
  readonly detectors?: boolean;
  readonly shrink?: true;
  readonly then?: string;
  readonly prefix?: number;
  readonly schedules?: number;
  readonly seed?: number;
  readonly timeLimit?: number;
  readonly quiet?: true;
  readonly json?: true;
}

const TIMES = 100;
const THEN_SCHEDULES = 10_000;
const BOTH = 'both';

/**
 * Runs the command.
 *
 * @param word - the token, or the file of a saved failure
 * @param flags - as they come from the command line
 * @param context - where text goes, and the signal of an interrupt or time limit
 * @returns the exit code, unless the signal was aborted: then `runCommandLine` decides
 */
export async function replayCommand(
  word: string,
  flags: ReplayFlags,
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context;
  const then = thenOf(flags);
  const source = await findTokenSource(word, hintsOf(flags));
  const options: ReplayTokenOptions = {
    source,
    engines: await enginesOf(flags.engine, source),
    times: flags.times ?? TIMES,
    pin: flags.pin ?? true,
    shrink: flags.shrink === true,
    then: checkPrefix(then, source),
  };
  assertScheduleFiles(flags);
  const line = createProgressLine(terminal);
  let document: ReplayTokenDocument;
  try {
    document = await replayToken(options, {
      signal,
      onProgress: (engine, done, of) => {
        if (flags.quiet !== true) line.draw(`${source.scenario.name}, ${engine}: ${done} of ${of}`);
      },
    });
  } finally {
    line.clear();
  }
  const { finding } = document;
  if (flags.json === true) {
    terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    if (finding !== null) terminal.out(`${reportText(finding.report, terminal)}\n`);
    terminal.out(replaySummary(document, options.then, terminal));
  }
  if (finding !== null) await writeScheduleFiles(flags, document, finding.report);
  return document.clean && finding === null ? EXIT_FINE : EXIT_FAILED;
}

function hintsOf({ scenario, variant, faults, stepLimit, detectors }: ReplayFlags): TokenHints {
  return {
    ...(scenario === undefined ? {} : { scenario }),
    ...(variant === undefined ? {} : { variants: variant }),
    ...(faults === undefined ? {} : { faults }),
    ...(stepLimit === undefined ? {} : { stepLimit }),
    ...(detectors === undefined ? {} : { detectors }),
  };
}

/** All that can play it, the faster one first, or those that were asked for. */
async function enginesOf(
  name: string | undefined,
  { scenario }: TokenSource,
): Promise<readonly EngineName[]> {
  const isWoven = await hasSteppedBuild(scenario.module);
  const all: readonly EngineName[] = isWoven ? ['stepped', 'threads'] : ['threads'];
  if (name === undefined) return all;
  if (name === BOTH) {
    if (isWoven) return all;
    throw new UsageError(`the scenario ${scenario.word} is not woven: only the engine threads can play it`);
  }
  const known = ENGINES.find((engine) => engine === name);
  if (known === undefined)
    throw new UsageError(`engine "${name}" is not known; ${allowedNames(name, [...ENGINES, BOTH])}`);
  return [known];
}

function thenOf({ then, schedules, seed, prefix, shrink }: ReplayFlags): ThenOptions | null {
  const strategy = typedStrategy(then);
  if (strategy === undefined) {
    const flag = schedules !== undefined ? 'schedules' : seed !== undefined ? 'seed' : 'prefix';
    if ((schedules ?? seed ?? prefix) !== undefined)
      throw new UsageError(`--${flag} needs --then, the strategy that goes on`);
    return null;
  }
  if (strategy === 'search') throw new UsageError('a search cannot go on behind a schedule');
  if (shrink === true)
    throw new UsageError(
      '--shrink makes the schedule of the token smaller, --then finds others: give one of them',
    );
  return {
    strategy,
    schedules: schedules ?? THEN_SCHEDULES,
    seed: seed ?? Math.floor(Math.random() * UINT32_RANGE),
    ...(prefix === undefined ? {} : { prefix }),
  };
}

function checkPrefix(then: ThenOptions | null, { token }: TokenSource): ThenOptions | null {
  const { length } = token.decisions;
  const prefix = then?.prefix ?? 0;
  if (prefix < 0 || prefix > length)
    throw new UsageError(`prefix ${prefix} is not possible: the token has ${length} decisions`);
  return then;
}
