/**
 * Where the events lie: one ring of fixed-size records for each task.
 *
 * Promise: a ring has one writer, the task, and one reader at a time. The writer publishes by storing `written` after the records, the
 * reader frees by storing `read` after it has copied them; both counters only grow, modulo 2^32. An event that does not fit whole is
 * dropped whole, and counted: what is in a ring is never overwritten, so the oldest events of a burst are the ones that are kept.
 *
 * An event is one head record, and as many continuation records as its text needs. All of it lies in `scratch`: a snapshot of the machine
 * does not hold it, and restoring one does not take back what was told.
 */
import { MisuseError } from '../errno.js';
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import { TASKS_MAX } from '../sync/task.js';

/** Records in the ring of each task when nothing else is asked for. */
export const RECORDS_PER_TASK_DEFAULT = 4096;
/** Longest text of an event in bytes; the rest is cut off. */
export const TRACE_TEXT_BYTES_MAX = 1000;

/** Bit of the first number of a fault's record, beside the number of its kind: the access writes. */
export const FAULT_WRITES = 0x100;

/** First record of an event. */
export const TRACE_RECORD = struct(
  'trace_record',
  {
    /** One of the `TRACE_` numbers. */
    type: 'u16',
    task: 'u16',
    /** Length of the whole text in bytes, in this record and its continuations. */
    textBytes: 'i32',
    time: 'f64',
    payload: ['i32', 4],
    /** Text of an event that has one; a span has none, and the time at which it began lies here, as a `f64`. */
    text: ['bytes', 32],
  },
  64,
);

/** Bytes of text in the first record of an event. */
export const HEAD_TEXT_BYTES = TRACE_RECORD.$bytes - TRACE_RECORD.text;

/** Bytes of text in a continuation record: all of it is text. */
export const CONTINUATION_TEXT_BYTES = TRACE_RECORD.$bytes;

/** Counters of a ring; the reader's has a cache line of its own. */
export const TRACE_RING = struct(
  'trace_ring',
  {
    /** Times given out where there is no clock, also to events that were dropped then: it numbers what happened. */
    events: 'f64',
    /** Records published so far. */
    written: 'u32',
    /** Events dropped so far. */
    dropped: 'u32',
    /** When the outermost span began that the task is in, if it is in any. */
    openSince: 'f64',
    /** Spans the task is in. */
    openSpans: 'i32',
    writersLine: ['bytes', 36],
    /** Records read so far. */
    read: 'u32',
  },
  64,
);

/** What all rings share. */
export const TRACE_CONTROL = struct(
  'trace_control',
  {
    /**
     * Bits of the event types that are not as they are by default, so that fresh memory records the defaults: of those that are on by default
     * set when they are not recorded, of all others set when they are.
     */
    changed: 'i32',
    /** 1 while somebody drains. */
    draining: 'i32',
  },
  64,
);

/** The regions of the trace. */
export interface TraceRegions {
  readonly control: Region;
  readonly rings: Region;
  readonly records: Region;
  /** Records in the ring of each task, a power of two. */
  readonly recordsPerTask: number;
}

/**
 * Records an event needs.
 * @param textBytes - length of its text
 */
export function recordsFor(textBytes: number): number {
  if (textBytes <= HEAD_TEXT_BYTES) return 1;
  return 1 + Math.ceil((textBytes - HEAD_TEXT_BYTES) / CONTINUATION_TEXT_BYTES);
}

/**
 * Reserves the rings: 64 bytes for each record of each of the {@link TASKS_MAX} tasks.
 * @param layout - not yet sealed
 * @param recordsPerTask - a power of two, 32 to 1,048,576
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE`
 */
export function layoutTrace(layout: Layout, recordsPerTask: number = RECORDS_PER_TASK_DEFAULT): TraceRegions {
  // The smallest ring holds the longest event.
  const allowed = Number.isInteger(recordsPerTask) && recordsPerTask >= 32 && recordsPerTask <= 1 << 20;
  if (!allowed || (recordsPerTask & (recordsPerTask - 1)) !== 0) {
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `A trace ring holds a power of two of records, 32 to ${1 << 20}, but not ${recordsPerTask}.`,
    );
  }
  return {
    control: layout.structs('scratch', 'trace_control', TRACE_CONTROL, 1),
    rings: layout.structs('scratch', 'trace_rings', TRACE_RING, TASKS_MAX),
    records: layout.structs('scratch', 'trace_records', TRACE_RECORD, TASKS_MAX * recordsPerTask),
    recordsPerTask,
  };
}
