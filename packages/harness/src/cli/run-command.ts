/**
 * `swaplab run`: from flags to options, from a run to a report and an exit code.
 */
import { EXIT_FAILED, EXIT_FINE, UsageError } from '../errors.js';
import { assertFileWritable, writeFileAtomically, type FileOptions } from '../files.js';
import { renderReport } from '../report/html/report.js';
import { renderRun, runIsSound } from '../report/table.js';
import type { RunDocument, RunProgress } from '../run/document.js';
import { parseDuration } from '../run/duration.js';
import { parseIoErrors } from '../run/io-errors.js';
import {
  completeRunOptions,
  parseSize,
  RUN_POLICIES,
  type PartialRunOptions,
  type RunOptions,
} from '../run/options.js';
import { INJECTED_FAULTS, type InjectedFault } from '../swappers/task.js';
import { SCENARIO_LIST, scenarioList, scenarioListJson } from './scenario-list.js';
import { createProgressLine, policyEndText, progressText } from './progress.js';
import type { CommandContext } from './terminal.js';
import { beginTrace, endTrace, endTraceAfter } from './trace-flags.js';

/** The flags of `swaplab run`, as they come from the command line. */
export interface RunFlags {
  readonly policy?: string;
  readonly profile?: string;
  readonly swappers?: number;
  readonly disks?: number;
  readonly ops?: number;
  readonly duration?: string;
  readonly mapped?: string;
  readonly limit?: string;
  readonly ram?: string;
  readonly disksize?: string;
  readonly workload?: string;
  readonly scenario?: string;
  readonly pages?: string;
  readonly pagesOut?: string;
  readonly codec?: string;
  readonly dictionary?: string;
  readonly seed?: number;
  readonly timeLimit?: number;
  readonly lockStats?: boolean;
  readonly spinlock?: string;
  readonly pageCluster?: number;
  readonly ioErrors?: string;
  readonly inject?: string;
  readonly report?: string;
  readonly traceOut?: string;
  readonly traceEvents?: readonly string[];
  readonly traceLimit?: number;
  readonly quiet?: true;
  readonly json?: true;
}

/**
 * Turns flags into complete options.
 *
 * @param flags - as they come from the command line
 * @throws UsageError with one sentence for the first value that is not possible
 */
export function runOptionsOf(flags: RunFlags): RunOptions {
  const size = (name: 'mapped' | 'limit' | 'ram' | 'disksize'): number | undefined => {
    const text = flags[name];
    return text === undefined ? undefined : parseSize(text, name);
  };
  const policies =
    flags.policy === 'all' ? [...RUN_POLICIES] : flags.policy?.split(',').filter((name) => name !== '');
  // Names are checked by `completeRunOptions`, which is why they may still be any text here.
  const partial = {
    policies,
    profile: flags.profile,
    swappers: flags.swappers,
    disks: flags.disks,
    ops: flags.ops,
    duration: flags.duration === undefined ? undefined : parseDuration(flags.duration, 'duration'),
    mapped: size('mapped'),
    limit: size('limit'),
    ram: size('ram'),
    disksize: size('disksize'),
    workload: flags.workload,
    scenario: flags.scenario,
    pages: flags.pages,
    codec: flags.codec,
    dictionary: flags.dictionary,
    seed: flags.seed,
    timeLimit: flags.timeLimit,
    lockStats: flags.lockStats,
    spinlock: flags.spinlock,
    pageCluster: flags.pageCluster,
    ioErrors: flags.ioErrors === undefined ? undefined : parseIoErrors(flags.ioErrors),
  } as PartialRunOptions;
  return completeRunOptions(partial).options;
}

/** What the page is called in messages. */
const REPORT_FILE: FileOptions = { what: 'the report' };

/** Reads the name of a fault; null for none. */
function injectedFaultOf(name: string | undefined): InjectedFault | null {
  if (name === undefined) return null;
  const fault = INJECTED_FAULTS.find((known) => known === name);
  if (fault !== undefined) return fault;
  throw new UsageError(`the fault "${name}" cannot be injected; allowed: ${INJECTED_FAULTS.join(', ')}`);
}

/**
 * Runs the command.
 *
 * @param flags - as they come from the command line
 * @param context - where text goes, and the signal of an interrupt
 * @returns the exit code, unless the signal was aborted: then `runCommandLine` decides
 */
export async function runCommand(flags: RunFlags, context: CommandContext): Promise<number> {
  const { terminal, signal } = context;
  if (flags.scenario === SCENARIO_LIST) {
    terminal.out(flags.json === true ? scenarioListJson() : scenarioList(terminal));
    return EXIT_FINE;
  }
  const options = runOptionsOf(flags);
  const fault = injectedFaultOf(flags.inject);
  if (flags.report !== undefined) assertFileWritable(flags.report, REPORT_FILE);
  const trace = beginTrace(flags, options.policies.length);
  const { runWorkload } = await import('../run/run-workload.js');
  const line = createProgressLine(terminal);
  let document: RunDocument;
  let last: RunProgress | null = null;
  try {
    document = await runWorkload(options, {
      signal,
      fault,
      pagesOut: flags.pagesOut ?? null,
      trace,
      onProgress: (progress) => {
        last = progress;
        if (flags.quiet !== true && terminal.liveErr) line.draw(progressText(progress, terminal.unicode));
      },
      onPolicyEnd: () => {
        if (flags.quiet !== true && !terminal.liveErr && last !== null) terminal.err(policyEndText(last));
      },
    });
  } catch (error) {
    line.clear();
    endTraceAfter(trace, error, terminal);
    throw error;
  } finally {
    line.clear();
  }
  terminal.out(
    flags.json === true ? `${JSON.stringify(document, null, 2)}\n` : renderRun(document, terminal),
  );
  // After the text, which must not be lost with a disk that is full by now.
  if (flags.report !== undefined) writeFileAtomically(flags.report, renderReport(document), REPORT_FILE);
  const { command, interrupted } = document;
  endTrace(trace, { command, interrupted }, terminal, flags.quiet === true);
  return runIsSound(document) ? EXIT_FINE : EXIT_FAILED;
}
