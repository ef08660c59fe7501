/**
 * The files into which a failing schedule can be written, and what may be said about a strategy or an engine: what the commands that choose
 * schedules have in common.
 */
import { STRATEGIES, type PageStory, type ReportModel, type StrategyName } from '@swaplab/explore';

import { UsageError } from '../errors.js';
import { ENGINES, type EngineName } from '../explore/document.js';
import { allowedNames } from '../explore/words.js';
import { assertFileWritable, writeFileAtomically, type FileOptions } from '../files.js';

/** The flags, as they come from the command line. */
export interface ScheduleFileFlags {
  readonly save?: string;
  readonly html?: string;
  readonly traceOut?: string;
  readonly shiviz?: string;
}

const FILES: readonly { readonly flag: keyof ScheduleFileFlags; readonly options: FileOptions }[] = [
  { flag: 'save', options: { what: 'the failure' } },
  { flag: 'html', options: { what: 'the page' } },
  { flag: 'traceOut', options: { what: 'the trace' } },
  { flag: 'shiviz', options: { what: 'the log' } },
];

/**
 * Makes sure that the files can be written, before long work is done.
 *
 * @param flags - as they come from the command line
 * @throws EnvironmentError when one cannot be written
 */
export function assertScheduleFiles(flags: ScheduleFileFlags): void {
  for (const { flag, options } of FILES) {
    const path = flags[flag];
    if (path !== undefined) assertFileWritable(path, options);
  }
}

/**
 * Writes what was asked for about a failure.
 *
 * @param flags - as they come from the command line
 * @param document - that holds it, for `--save`
 * @param report - about it
 * @param story - what stands above it on the page, null for nothing
 * @throws EnvironmentError when a file cannot be written
 */
export async function writeScheduleFiles(
  flags: ScheduleFileFlags,
  document: object,
  report: ReportModel,
  story: PageStory | null = null,
): Promise<void> {
  const renderings = await import('../explore/renderings.js');
  const contents: Record<keyof ScheduleFileFlags, () => string> = {
    save: () => `${JSON.stringify(document, null, 2)}\n`,
    html: () => renderings.reportPage(report, story),
    traceOut: () => renderings.reportChromeTrace(report),
    shiviz: () => renderings.reportShiviz(report),
  };
  for (const { flag, options } of FILES) {
    const path = flags[flag];
    if (path !== undefined) writeFileAtomically(path, contents[flag](), options);
  }
}

/**
 * A strategy by its name.
 *
 * @param name - as it was typed; undefined for none
 * @throws UsageError when it is none
 */
export function typedStrategy(name: string | undefined): StrategyName | undefined {
  const known = STRATEGIES.find((strategy) => strategy === name);
  if (name !== undefined && known === undefined)
    throw new UsageError(`strategy "${name}" is not known; ${allowedNames(name, STRATEGIES)}`);
  return known;
}

/**
 * An engine by its name.
 *
 * @param name - as it was typed; undefined for none
 * @throws UsageError when it is none
 */
export function typedEngine(name: string | undefined): EngineName | undefined {
  const known = ENGINES.find((engine) => engine === name);
  if (name !== undefined && known === undefined)
    throw new UsageError(`engine "${name}" is not known; ${allowedNames(name, ENGINES)}`);
  return known;
}
