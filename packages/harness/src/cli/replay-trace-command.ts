/**
 * `swaplab replay-trace`: from flags to options, from a replay to a report and an exit code.
 */
import { EXIT_FAILED, EXIT_FINE } from '../errors.js';
import { assertFileWritable, writeFileAtomically, type FileOptions } from '../files.js';
import type { ReplayDocument, ReplayPolicyResult, ReplayProgress } from '../replay/document.js';
import { completeReplayOptions, type PartialReplayOptions, type ReplayOptions } from '../replay/options.js';
import { renderReplayReport } from '../report/html/replay-report.js';
import { renderReplay, replayIsSound } from '../report/replay-table.js';
import { parseSize, RUN_POLICIES } from '../run/options.js';
import { createProgressLine } from './progress.js';
import type { CommandContext } from './terminal.js';

/** The flags of `swaplab replay-trace`, as they come from the command line. */
export interface ReplayTraceFlags {
  readonly policy?: string;
  readonly profile?: string;
  readonly slots?: string;
  /** False for `--no-samples`. */
  readonly samples?: string | boolean;
  readonly format?: string;
  readonly device?: string;
  readonly pages?: string;
  readonly codec?: string;
  readonly repeat?: number;
  readonly disksize?: string;
  readonly seed?: number;
  readonly timeLimit?: number;
  readonly lockStats?: boolean;
  readonly report?: string;
  readonly quiet?: true;
  readonly json?: true;
}

/** What the page is called in messages. */
const REPORT_FILE: FileOptions = { what: 'the report' };
const BAR_COLUMNS = 12;

/**
 * Turns flags into complete options.
 *
 * @param file - the trace
 * @param flags - as they come from the command line
 * @throws UsageError with one sentence for the first value that is not possible
 */
export function replayOptionsOf(file: string, flags: ReplayTraceFlags): ReplayOptions {
  const policies =
    flags.policy === 'all' ? [...RUN_POLICIES] : flags.policy?.split(',').filter((name) => name !== '');
  const samples =
    typeof flags.samples === 'string' ? flags.samples : flags.samples === false ? null : undefined;
  // Names are checked by `completeReplayOptions`, which is why they may still be any text here.
  const partial = {
    file,
    policies,
    samples,
    profile: flags.profile,
    slots: flags.slots,
    format: flags.format,
    device: flags.device,
    pages: flags.pages,
    codec: flags.codec,
    repeat: flags.repeat,
    disksize: flags.disksize === undefined ? undefined : parseSize(flags.disksize, 'disksize'),
    seed: flags.seed,
    lockStats: flags.lockStats,
  } as PartialReplayOptions;
  return completeReplayOptions(partial);
}

/**
 * Runs the command.
 *
 * @param file - the trace
 * @param flags - as they come from the command line
 * @param context - where text goes, and the signal of an interrupt or time limit
 * @returns the exit code, unless the signal was aborted: then `runCommandLine` decides
 */
export async function replayTraceCommand(
  file: string,
  flags: ReplayTraceFlags,
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context;
  const options = replayOptionsOf(file, flags);
  if (flags.report !== undefined) assertFileWritable(flags.report, REPORT_FILE);
  const { replayTrace } = await import('../replay/replay-trace.js');
  const line = createProgressLine(terminal);
  let document: ReplayDocument;
  try {
    document = await replayTrace(options, {
      signal,
      onProgress: (progress) => {
        if (flags.quiet !== true) line.draw(replayProgressText(progress, terminal.unicode));
      },
      onPolicyEnd: (result) => {
        if (flags.quiet !== true && !terminal.liveErr) terminal.err(replayEndText(result));
      },
    });
  } finally {
    line.clear();
  }
  terminal.out(
    flags.json === true ? `${JSON.stringify(document, null, 2)}\n` : renderReplay(document, terminal),
  );
  // After the text, which must not be lost with a disk that is full by now.
  if (flags.report !== undefined)
    writeFileAtomically(flags.report, renderReplayReport(document), REPORT_FILE);
  return replayIsSound(document) ? EXIT_FINE : EXIT_FAILED;
}

/**
 * The text of a line of progress of a replay.
 *
 * @param progress - what the replay told last
 * @param unicode - whether block characters are shown
 */
export function replayProgressText(progress: ReplayProgress, unicode: boolean): string {
  const { policy, policyIndex, policyCount, rowsDone, rows, counts } = progress;
  const full = Math.round((rowsDone / Math.max(rows, rowsDone, 1)) * BAR_COLUMNS);
  const bar = (unicode ? '█' : '#').repeat(full) + (unicode ? '░' : '.').repeat(BAR_COLUMNS - full);
  return (
    `${policy} ${String(policyIndex + 1)}/${String(policyCount)} ${bar} ` +
    `${count(counts.live)} live, ${count(counts.stored)} stored, ${count(counts.stale)} stale`
  );
}

/** The line for a policy that is done, for logs where no line can be drawn over and over. */
function replayEndText({ policy, ops, seconds, final }: ReplayPolicyResult): string {
  return (
    `${policy}: ${count(ops)} rows replayed in ${seconds.toFixed(1)} s; ` +
    `${count(final.live)} slots live, ${count(final.stored)} stored, ${count(final.stale)} stale\n`
  );
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
