/**
 * A trace of one or more machines in one file, for https://ui.perfetto.dev or chrome://tracing: what the swappers did, what they waited for, which
 * locks they held, and how slots and memory went.
 *
 * Promise: there is a whole, valid file when {@link ChromeTrace.end} returns, whether all that was planned has run or not; until then nothing is
 * at its path. Each machine is a process of its own and begins at time 0, so that the same workload under several policies stands side by side.
 *
 * Whoever makes a machine that is traced attaches its threads with a clock, and with `lockEvents` where locks are to be told of.
 */
import { KERNEL_EVENT_TYPES, type KernelEventType, type Machine } from '@swaplab/kernel-mm';

import { UsageError } from '../errors.js';
import { clockNs } from '../swappers/control.js';
import { TracedMachine, type TracedMachineSummary } from './traced-machine.js';
import { TraceFile } from './trace-file.js';

/** Most events of a file when nothing else is asked for: some 700 MB of text. */
export const TRACE_LIMIT_DEFAULT = 6_000_000;
const TRACE_LIMIT_MAX = 1_000_000_000;

/** What is traced, and where it goes. */
export interface TraceOptions {
  /** The file; compressed when it ends in `.gz`. */
  readonly path: string;
  /** Types of events that are recorded; all when left out. */
  readonly events?: readonly KernelEventType[];
  /** Most events in the file, shared evenly by the machines; {@link TRACE_LIMIT_DEFAULT} when left out. */
  readonly limit?: number;
}

/** What became of a trace. */
export interface TraceSummary {
  readonly path: string;
  /** Most events that each machine could have in the file. */
  readonly limitOfEach: number;
  /** In the order in which they ran. */
  readonly machines: readonly TracedMachineSummary[];
}

/**
 * Checks what is to be traced.
 *
 * @param options - as asked for
 * @throws UsageError with one sentence for the first value that is not possible
 */
export function checkTraceOptions({ events, limit }: TraceOptions): void {
  for (const type of events ?? []) {
    if (!KERNEL_EVENT_TYPES.includes(type)) {
      throw new UsageError(`there is no event "${type}"; allowed: ${KERNEL_EVENT_TYPES.join(', ')}`);
    }
  }
  if (limit === undefined) return;
  if (!Number.isInteger(limit) || limit < 1 || limit > TRACE_LIMIT_MAX) {
    throw new UsageError(
      `the limit of the trace is ${String(limit)} events; allowed: 1 to ${String(TRACE_LIMIT_MAX)}`,
    );
  }
}

/**
 * Begins a trace.
 *
 * @param options - what is traced, and where it goes
 * @param machines - how many machines there will be: they share the limit
 * @throws UsageError, or EnvironmentError when the file cannot be written
 */
export function writeChromeTrace(options: TraceOptions, machines = 1): ChromeTrace {
  checkTraceOptions(options);
  return new ChromeTrace(options, machines);
}

/** A trace that is being written. */
export class ChromeTrace {
  readonly #path: string;
  readonly #types: readonly KernelEventType[];
  readonly #limitOfEach: number;
  readonly #file: TraceFile;
  readonly #summaries: TracedMachineSummary[] = [];
  #current: TracedMachine | null = null;
  #pids = 0;

  /** See {@link writeChromeTrace}. */
  constructor({ path, events, limit }: TraceOptions, machines: number) {
    this.#path = path;
    this.#types = events ?? KERNEL_EVENT_TYPES;
    this.#limitOfEach = Math.max(1, Math.floor((limit ?? TRACE_LIMIT_DEFAULT) / Math.max(1, machines)));
    this.#file = new TraceFile(path);
  }

  /** Whether no machine was begun yet. */
  get isEmpty(): boolean {
    return this.#pids === 0;
  }

  /**
   * Begins a machine: its events are recorded from now on. The one before it is ended.
   *
   * @param name - of the process in the picture
   * @param machine - on which nobody runs yet
   */
  begin(name: string, machine: Machine): TracedMachine {
    this.endMachine();
    const process = { pid: ++this.#pids, name, limit: this.#limitOfEach };
    this.#current = new TracedMachine(this.#file, process, machine, this.#types, clockNs());
    return this.#current;
  }

  /** Ends the machine that was begun last, if it has not ended. */
  endMachine(): void {
    if (this.#current !== null) this.#summaries.push(this.#current.end());
    this.#current = null;
  }

  /**
   * Ends the file.
   *
   * @param about - what is said about the whole, besides what was dropped
   * @throws EnvironmentError when something could not be written; then there is no file
   */
  end(about: Readonly<Record<string, unknown>> = {}): TraceSummary {
    this.endMachine();
    this.#file.end({ program: 'swaplab', ...about, machines: this.#summaries });
    return { path: this.#path, limitOfEach: this.#limitOfEach, machines: this.#summaries };
  }

  /** Ends the file and leaves nothing of it; does nothing after {@link end}. */
  discard(): void {
    this.#file.discard();
  }
}

/**
 * Says in words what became of a trace.
 *
 * @param summary - from {@link ChromeTrace.end}
 * @returns lines: where it is, then what is missing
 */
export function traceSummaryLines({ path, limitOfEach, machines }: TraceSummary): string[] {
  const events = machines.reduce((sum, machine) => sum + machine.events, 0);
  const lines = [`trace: ${count(events)} events in ${path}; https://ui.perfetto.dev shows it`];
  for (const { name, dropped, leftOut } of machines) {
    if (leftOut > 0) {
      lines.push(
        `trace: ${name}: ${count(leftOut)} events are not in it, being over its limit of ${count(limitOfEach)}; ` +
          `--trace-limit raises it, and --trace-events chooses what is recorded`,
      );
    }
    if (dropped > 0) {
      lines.push(
        `trace: ${name}: ${count(dropped)} events were dropped, because they came faster than they could be written`,
      );
    }
  }
  return lines;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
