/**
 * Replays the traces of the slot allocator: every result, every slot freed with the counters at that moment, every discard, every complaint
 * and every field of every snapshot, in each of {@link SLOTS_MODES}.
 *
 * Beyond the recording, the invariants of the swap core are checked at each snapshot. A machine that stops with a report, say because a scan
 * would go round for ever, is a difference like any other: the original ran on.
 */
import { createHash, type Hash } from 'node:crypto';
import { checkSwapInvariants, KernelBug, MAX_SWAPFILES_DEFAULT, MisuseError } from '@swaplab/kernel-mm';
import type { Difference } from './document.js';
import { damaged, parseLine, readLines } from './golden-files.js';
import { SLOTS_MODES, SlotsMachine, type SlotsMode } from './slots-machine.js';
import { headerlessAreaOf, readSlotOperation, type SlotOperation } from './slots-operations.js';
import { AREA_FIELDS, AREA_FIELDS_LEFT_OUT, SNAPSHOT_FIELDS } from './slots-snapshot.js';

/** The operations between two looks at the signal. */
const OPERATIONS_PER_SLICE = 512;
/** log2 of the readahead window where the header does not say. */
const PAGE_CLUSTER_DEFAULT = 3;

const NOTHING: readonly unknown[] = [];
const OPERATION_FIELDS: ReadonlySet<string> = new Set([
  'op',
  'args',
  'result',
  'freed',
  'discards',
  'log',
  'repeat',
]);

/** What line 1 says. */
interface Header {
  readonly ops: number;
  readonly pageCluster: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A trace that was read. */
interface Trace {
  readonly file: string;
  readonly lines: readonly string[];
  readonly header: Header;
  /** Slots of all areas that can be active at one time. */
  readonly slots: number;
}

interface Mismatch {
  readonly operation: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** An operation line. */
interface Recorded {
  readonly op: string;
  readonly args: readonly unknown[];
  readonly result: unknown;
  readonly freed: readonly unknown[];
  readonly discards: readonly unknown[];
  readonly log: readonly unknown[];
  readonly repeat: number;
}

/**
 * Replays one trace.
 * @param file - path
 * @param signal - stops the replay
 * @returns the first difference, or null when there is none in any mode
 * @throws EnvironmentError when the file cannot be read or is damaged; the reason of the signal when it stops
 */
export function replaySlotsTrace(file: string, signal: AbortSignal | undefined): Difference | null {
  const lines = readLines(file);
  const header = headerOf(parseLine(file, lines, 0));
  if (header === null) throw damaged(file, 'line 1 is no header of a trace');
  const trace: Trace = { file, lines, header, slots: slotsOf(file, lines) };
  for (const mode of SLOTS_MODES) {
    const difference = replayInMode(trace, mode, signal);
    if (difference !== null) {
      return { ...difference, operation: `${difference.operation}, ${mode.name}` };
    }
  }
  return null;
}

function replayInMode(trace: Trace, mode: SlotsMode, signal: AbortSignal | undefined): Difference | null {
  const { file, lines, header } = trace;
  const replay = new Replay(trace, createSlotsMachine(trace, mode));
  for (let index = 1; index < lines.length; index++) {
    if (index % OPERATIONS_PER_SLICE === 0) signal?.throwIfAborted();
    const mismatch = replay.apply(parseLine(file, lines, index), index + 1);
    if (mismatch !== null) return { file, line: index + 1, ...mismatch };
  }
  if (replay.operations !== header.ops) {
    throw damaged(file, `it ends after ${replay.operations} of ${header.ops} operations`);
  }
  if (!replay.ended) throw damaged(file, 'its last snapshot is missing');
  const mismatch = replay.compareTotals();
  return mismatch === null ? null : { file, line: 1, ...mismatch };
}

class Replay {
  /** Operation lines so far. */
  operations = 0;
  /** Whether the last snapshot was seen. */
  ended = false;
  private readonly trace: Trace;
  private readonly machine: SlotsMachine;
  private freedTotal = 0;
  private discardsTotal = 0;
  private readonly freedHash: Hash = createHash('sha256');
  private readonly counts = new Map<string, number>();

  constructor(trace: Trace, machine: SlotsMachine) {
    this.trace = trace;
    this.machine = machine;
  }

  /** Applies a line; a broken invariant is a difference like any other, since the original ran on. */
  apply(line: unknown, number: number): Mismatch | null {
    if (!isRecord(line)) throw this.unknownLine(number);
    if (this.ended) throw damaged(this.trace.file, `line ${number} comes after the last snapshot`);
    let operation = `snapshot ${String(line['snap'])}`;
    try {
      if (typeof line['snap'] === 'number') return this.snapshot(line, operation, number);
      const recorded = recordedOf(line);
      if (recorded === null) throw this.unknownLine(number);
      operation = `operation ${this.operations}, ${recorded.op} ${JSON.stringify(recorded.args)}`;
      return this.operation(recorded, operation, number);
    } catch (error) {
      if (!(error instanceof KernelBug)) throw error;
      return { operation, expected: 'no broken invariant', actual: error.message };
    }
  }

  /** Compares the totals of the header with what was heard. */
  compareTotals(): Mismatch | null {
    const { fields } = this.trace.header;
    const actual: Record<string, unknown> = {
      freed_total: this.freedTotal,
      freed_sha256: this.freedHash.digest('hex'),
      discards_total: this.discardsTotal,
    };
    for (const [field, value] of Object.entries(actual)) {
      const mismatch = compare(fields[field] ?? value, value, `${field} of the header`);
      if (mismatch !== null) return mismatch;
    }
    const counts = fields['op_counts'];
    if (!isRecord(counts)) return null;
    for (const name of new Set([...Object.keys(counts), ...this.counts.keys()])) {
      const mismatch = compare(
        counts[name] ?? 0,
        this.counts.get(name) ?? 0,
        `op_counts.${name} of the header`,
      );
      if (mismatch !== null) return mismatch;
    }
    return null;
  }

  private operation(recorded: Recorded, operation: string, number: number): Mismatch | null {
    const { machine } = this;
    const { op, args, repeat } = recorded;
    const act = readSlotOperation(machine, op, args, this.trace.header.pageCluster);
    if (act === null) throw this.unknownLine(number);
    for (let turn = 0; turn < repeat; turn++) {
      machine.forget();
      const mismatch = this.once(act, recorded, operation);
      if (mismatch === null) continue;
      const which = repeat === 1 ? '' : `, time ${turn + 1} of ${repeat}`;
      return { ...mismatch, operation: `${mismatch.operation}${which}` };
    }
    for (const [type, slot] of machine.freed) this.freedHash.update(`${this.operations} ${type} ${slot}\n`);
    this.freedTotal += machine.freed.length;
    this.discardsTotal += machine.discards.length * repeat;
    this.counts.set(op, (this.counts.get(op) ?? 0) + 1);
    this.operations++;
    return null;
  }

  private once(act: SlotOperation, recorded: Recorded, operation: string): Mismatch | null {
    const { machine } = this;
    const result = act();
    return (
      compare(recorded.result, result, `${operation}: result`) ??
      compare(recorded.freed, machine.freed, `${operation}: freed`) ??
      compare(recorded.discards, machine.discards, `${operation}: discards`) ??
      compare(recorded.log, machine.complaints(), `${operation}: log`)
    );
  }

  private snapshot(expected: Record<string, unknown>, operation: string, number: number): Mismatch | null {
    const { machine } = this;
    const { areas, snap, end, ...fields } = expected;
    if (!Array.isArray(areas)) throw this.unknownLine(number);
    const counted = compare(snap, this.operations, `${operation}: snap`);
    if (counted !== null) return counted;
    for (const [field, value] of Object.entries(fields)) {
      const read = SNAPSHOT_FIELDS.get(field);
      if (read === undefined) throw this.unknownField(field, number);
      const mismatch = compare(value, read(machine), `${operation}: ${field}`);
      if (mismatch !== null) return mismatch;
    }
    const types = machine.swap.table.nrSwapfiles();
    if (areas.length !== types)
      return {
        operation: `${operation}: areas`,
        expected: `${areas.length} areas`,
        actual: `${types} areas`,
      };
    for (const [type, area] of areas.entries()) {
      if (!isRecord(area)) throw this.unknownLine(number);
      const mismatch = this.area(area, type, `${operation}: area ${type}`, number);
      if (mismatch !== null) return mismatch;
    }
    this.ended = end === true;
    return compare([], this.brokenInvariants(), `${operation}: broken invariants`);
  }

  private area(
    expected: Record<string, unknown>,
    type: number,
    operation: string,
    number: number,
  ): Mismatch | null {
    for (const [field, value] of Object.entries(expected)) {
      const read = AREA_FIELDS.get(field);
      if (read === undefined) throw this.unknownField(field, number);
      const mismatch = compare(value, read(this.machine, type), `${operation}: ${field}`);
      if (mismatch !== null) return mismatch;
    }
    for (const [field, isNothing] of AREA_FIELDS_LEFT_OUT) {
      if (field in expected) continue;
      const actual = AREA_FIELDS.get(field)?.(this.machine, type);
      if (!isNothing(actual)) return { operation: `${operation}: ${field}`, expected: 'nothing', actual };
    }
    return null;
  }

  private brokenInvariants(): string[] {
    const { swap } = this.machine;
    swap.table.swapLock.lock();
    try {
      return checkSwapInvariants(swap, true);
    } finally {
      swap.table.swapLock.unlock();
    }
  }

  private unknownLine(number: number): Error {
    return damaged(this.trace.file, `line ${number} is no operation and no snapshot`);
  }

  private unknownField(field: string, number: number): Error {
    return damaged(this.trace.file, `line ${number} has an unknown field '${field}'`);
  }
}

function createSlotsMachine(trace: Trace, mode: SlotsMode): SlotsMachine {
  try {
    return new SlotsMachine(trace.slots, mode);
  } catch (error) {
    if (!(error instanceof MisuseError) || error.code !== 'ERR_OUT_OF_RANGE') throw error;
    throw damaged(trace.file, `its areas of ${trace.slots} slots together do not fit into a machine`, error);
  }
}

function headerOf(line: unknown): Header | null {
  if (!isRecord(line) || !Number.isSafeInteger(line['ops'])) return null;
  const pageCluster = line['page_cluster'] ?? PAGE_CLUSTER_DEFAULT;
  if (typeof pageCluster !== 'number' || ![0, 1, 2, 3, 4, 5, 6, 7, 8].includes(pageCluster)) return null;
  return { ops: line['ops'] as number, pageCluster, fields: line };
}

/** The slots of the largest areas, as many as can be active at one time, the headers included. */
function slotsOf(file: string, lines: readonly string[]): number {
  const sizes: number[] = [];
  for (const [index, line] of lines.entries()) {
    if (!line.includes('"swapon"') || index === 0) continue;
    const parsed = parseLine(file, lines, index);
    const recorded = isRecord(parsed) ? recordedOf(parsed) : null;
    if (recorded?.op !== 'swapon') continue;
    const area = headerlessAreaOf(recorded.args[0]);
    if (area === null) throw damaged(file, `line ${index + 1} switches on what is no area`);
    sizes.push(area.lastPage + 1);
  }
  sizes.sort((one, other) => other - one);
  return sizes.slice(0, MAX_SWAPFILES_DEFAULT).reduce((sum, size) => sum + size, 0);
}

function recordedOf(line: Record<string, unknown>): Recorded | null {
  const { op, args, result } = line;
  const { freed = NOTHING, discards = NOTHING, log = NOTHING, repeat = 1 } = line;
  if (typeof op !== 'string' || !Array.isArray(args) || result === undefined) return null;
  if (!Array.isArray(freed) || !Array.isArray(discards) || !Array.isArray(log)) return null;
  if (!Number.isSafeInteger(repeat) || (repeat as number) < 1) return null;
  if (Object.keys(line).some((field) => !OPERATION_FIELDS.has(field))) return null;
  return { op, args, result, freed, discards, log, repeat: repeat as number };
}

function compare(expected: unknown, actual: unknown, operation: string): Mismatch | null {
  if (expected === actual) return null;
  const bothEmpty =
    Array.isArray(expected) && expected.length === 0 && Array.isArray(actual) && actual.length === 0;
  if (bothEmpty || JSON.stringify(expected) === JSON.stringify(actual)) return null;
  // What was heard is reused for the next operation.
  return { operation, expected, actual: structuredClone(actual) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
