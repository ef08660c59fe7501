/**
 * The first look through a trace: how long it is, how large the device must be, and when the end begins.
 *
 * Every line is read and checked here, so that a bad one is found before anything is replayed.
 */
import { EnvironmentError } from '../errors.js';
import type { TraceOddities, TraceRow } from './formats/row.js';
import type { TraceFile } from './formats/trace-file.js';
import { LiveSlots } from './live-slots.js';

/** Pages of the largest machine, all of them raw: more slots cannot be in use at a time. */
export const LIVE_SLOTS_MAX = 390_000;
/** A row that writes more is no request of a block device. */
const TRANSFER_SLOTS_MAX = 1 << 20;

/** So many different slots are told apart: more than any disk of the model has. */
const DISTINCT_MAX = 1 << 22;

/** What a trace is like. Times in microseconds, all else in slots unless it says rows. */
export interface TraceSurvey {
  readonly rows: number;
  /** Times of the first and the last row; row numbers when the trace has no times. */
  readonly firstUs: number;
  readonly lastUs: number;
  /** False when all rows are of one moment: then they count as one microsecond apart. */
  readonly hasTimes: boolean;
  /** When the call at the end begins that unmaps everything; null when there is none. It ends with the trace. */
  readonly unmapUs: number | null;
  /** Rows earlier than the one before them; they count as of the same moment. */
  readonly rowsBackInTime: number;
  readonly written: number;
  readonly freed: number;
  /** Discards of the kernel, or trims by the owner. */
  readonly discarded: number;
  /** Most slots in use at a time. */
  readonly liveMax: number;
  /** Slots in use after the last row. */
  readonly liveEnd: number;
  /** Different slots that are written; at most 4 Mi are counted. */
  readonly distinct: number;
  /** The highest slot that is written; 0 when none is. */
  readonly highest: number;
  /** Whether slot 0 is written, which in a swap area is the header. */
  readonly usesSlotZero: boolean;
  readonly oddities: Readonly<TraceOddities>;
}

/**
 * Tells what time it is in a pass: never earlier than before, and the number of the row where a trace has no times.
 */
export class TraceClock {
  /** Rows earlier than the one before them. */
  back = 0;
  private readonly hasTimes: boolean;
  private rows = 0;
  private now = Number.NEGATIVE_INFINITY;

  /** @param hasTimes - from the survey */
  constructor(hasTimes: boolean) {
    this.hasTimes = hasTimes;
  }

  /** The time of a row in microseconds. @param row - the next one */
  at(row: Readonly<TraceRow>): number {
    if (!this.hasTimes) return this.rows++;
    if (row.tUs < this.now) this.back++;
    else this.now = row.tUs;
    return this.now;
  }
}

/**
 * Looks through a trace.
 *
 * @param trace - opened
 * @param signal - ends it
 * @throws EnvironmentError for a bad line, a trace without rows, and one that needs more slots at a time than any machine has; the reason of
 * the signal
 */
export async function surveyTrace(trace: TraceFile, signal: AbortSignal | undefined): Promise<TraceSurvey> {
  const clock = new TraceClock(true);
  /** Slots that were ever written. */
  const seen = new LiveSlots<true>();
  const live = new LiveSlots<true>();
  const ownerTrims = trace.format !== 'csv';
  let [rows, firstUs, lastUs, written, freed, discarded, liveMax, highest] = [0, 0, 0, 0, 0, 0, 0, 0];
  let unmapUs: number | null = null;
  const oddities = await trace.forEachRow(signal, (row) => {
    const t = clock.at(row);
    if (rows++ === 0) firstUs = t;
    lastUs = t;
    if (row.unmap) unmapUs = t;
    if (row.op === 'W') {
      written += row.n;
      if (row.n > TRANSFER_SLOTS_MAX) throw tooLarge(trace, `one row writes ${String(row.n)} slots`);
      for (let slot = row.slot; slot < row.slot + row.n; slot++) {
        live.set(slot, true);
        if (seen.size < DISTINCT_MAX) seen.set(slot, true);
      }
      highest = Math.max(highest, row.slot + row.n - 1);
      liveMax = Math.max(liveMax, live.size);
      if (live.size > LIVE_SLOTS_MAX)
        throw tooLarge(trace, `more than ${String(LIVE_SLOTS_MAX)} slots are in use at a time`);
    } else if (row.op === 'F' || (row.op === 'D' && ownerTrims)) {
      for (const slot of live.within(row.slot, row.n)) live.delete(slot);
    }
    if (row.op === 'F') freed += row.n;
    if (row.op === 'D') discarded += row.n;
  });
  if (rows === 0) throw new EnvironmentError(`${trace.path} has no rows: there is nothing to replay`);
  const hasTimes = lastUs > firstUs;
  return {
    rows,
    firstUs: hasTimes ? firstUs : 0,
    lastUs: hasTimes ? lastUs : rows - 1,
    hasTimes,
    unmapUs: hasTimes ? unmapUs : null,
    rowsBackInTime: clock.back,
    written,
    freed,
    discarded,
    liveMax,
    liveEnd: live.size,
    distinct: seen.size,
    highest,
    usesSlotZero: seen.get(0) === true,
    oddities,
  };
}

function tooLarge(trace: TraceFile, what: string): EnvironmentError {
  return new EnvironmentError(`${trace.path} is too large for a machine of the model: ${what}`);
}
