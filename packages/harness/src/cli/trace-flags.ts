/**
 * What commands that can trace have in common: their flags, and what they say in the end.
 */
import type { KernelEventType } from '@swaplab/kernel-mm';

import { EnvironmentError, UsageError } from '../errors.js';
import {
  traceSummaryLines,
  writeChromeTrace,
  type ChromeTrace,
  type TraceOptions,
} from '../trace-out/chrome-trace.js';
import type { Terminal } from './terminal.js';

/** The flags, as they come from the command line. */
export interface TraceFlags {
  readonly traceOut?: string;
  readonly traceEvents?: readonly string[];
  readonly traceLimit?: number;
}

/**
 * Begins the trace that was asked for.
 *
 * @param flags - as they come from the command line
 * @param machines - how many there will be, one after the other
 * @returns null when none was asked for
 * @throws UsageError, or EnvironmentError when the file cannot be written
 */
export function beginTrace(flags: TraceFlags, machines: number): ChromeTrace | null {
  if (flags.traceOut === undefined) {
    if (flags.traceLimit !== undefined || flags.traceEvents !== undefined)
      throw new UsageError('--trace-limit and --trace-events need --trace-out, the file');
    return null;
  }
  const options: TraceOptions = {
    path: flags.traceOut,
    // Checked where the trace begins, which is why they may still be any text here.
    ...(flags.traceEvents === undefined ? {} : { events: flags.traceEvents as KernelEventType[] }),
    ...(flags.traceLimit === undefined ? {} : { limit: flags.traceLimit }),
  };
  return writeChromeTrace(options, machines);
}

/**
 * Ends a trace, and says where it is and what is missing in it. Where nothing has run there is none.
 *
 * @param trace - begun; null for none
 * @param about - what the file says about the whole
 * @param terminal - where it is said; the place of the file only when `quiet` is not wanted
 * @param quiet - say only what is missing
 * @throws EnvironmentError when something could not be written; then there is no file
 */
export function endTrace(
  trace: ChromeTrace | null,
  about: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  quiet: boolean,
): void {
  if (trace === null) return;
  if (trace.isEmpty) {
    trace.discard();
    return;
  }
  const lines = traceSummaryLines(trace.end(about));
  for (const line of quiet ? lines.slice(1) : lines) terminal.err(`${line}\n`);
}

/**
 * Ends the trace of work that has failed: the failure is what counts, so a trace that cannot be written is said and no more.
 *
 * @param trace - begun; null for none
 * @param failure - what was thrown
 * @param terminal - where it is said
 */
export function endTraceAfter(trace: ChromeTrace | null, failure: unknown, terminal: Terminal): void {
  const message = failure instanceof Error ? (failure.message.split('\n')[0] ?? '') : String(failure);
  try {
    endTrace(trace, { failed: message }, terminal, false);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    terminal.err(`swaplab: ${error.message}\n`);
  }
}
