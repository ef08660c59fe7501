/**
 * What all formats of traces are read into: rows that say what happened to a run of slots.
 */

/** The formats that are read. */
export const TRACE_FORMATS = ['csv', 'blkparse', 'fio'] as const;
/** How a trace is written: our own columns, the text of blkparse, or an iolog of fio. */
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** A slot is one page of the device. */
export const SLOT_BYTES = 4096;
/** More slots than any device has; a row never reaches beyond it. */
export const SLOTS_MAX = 2 ** 40;

/**
 * What a row says: pages are written, read, freed by their owner, or discarded. A discard in `csv` is the kernel's, of slots that it knows to be
 * free; in the other formats it comes from the owner, and is the only way to see that pages are not needed any more.
 */
export type TraceOp = 'W' | 'R' | 'F' | 'D';

/** One row. Readers fill one and the same object again and again. */
export interface TraceRow {
  /** Microseconds from any moment on; rows come in order of time, more or less. */
  tUs: number;
  op: TraceOp;
  /** First slot. */
  slot: number;
  /** Slots, at least one. */
  n: number;
  /** Whether it belongs to the call at the end that unmaps everything. */
  unmap: boolean;
}

/** Lines that were not replayed, or not as they stand. */
export interface TraceOddities {
  /** Lines about other devices or files. */
  otherDevices: number;
  /** Requests that are not whole slots; they are replayed as the slots they touch. */
  unaligned: number;
}

/** Reads the lines of one pass over a trace. */
export interface RowReader {
  /** What was odd so far. */
  readonly oddities: TraceOddities;

  /**
   * Reads a line.
   * @param line - without its end
   * @param number - from 1 on
   * @param row - receives what it says
   * @returns whether it says something of slots
   * @throws EnvironmentError with file, line and what is wrong
   */
  read(line: string, number: number, row: TraceRow): boolean;
}

/** The slots that some bytes of a device touch. */
export interface SlotRun {
  readonly slot: number;
  readonly n: number;
  /** Whether they are whole slots. */
  readonly aligned: boolean;
}

/**
 * Rounds a range of bytes outwards to slots.
 *
 * @param offset - first byte
 * @param bytes - how many, at least one
 */
export function slotsOfBytes(offset: number, bytes: number): SlotRun {
  const slot = Math.floor(offset / SLOT_BYTES);
  const end = Math.ceil((offset + bytes) / SLOT_BYTES);
  return { slot, n: end - slot, aligned: offset % SLOT_BYTES === 0 && bytes % SLOT_BYTES === 0 };
}
