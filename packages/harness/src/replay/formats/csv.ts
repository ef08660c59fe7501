/**
 * Traces in columns: a header line that names them, then one event a line.
 *
 * | column | meaning |
 * | --- | --- |
 * | `t_us` | microseconds |
 * | `op` | `W` written, `R` read, `F` freed, `D` discarded by the kernel |
 * | `slot` | first slot |
 * | `n` | slots in a row; 1 when the column is missing or empty |
 * | `why` | of an `F`: `u` is the call at the end that unmaps everything; other codes say nothing here |
 *
 * Columns may come in any order; others are ignored, and so are empty lines.
 */
import { badLine, quoteLine } from './lines.js';
import { SLOTS_MAX, type RowReader, type TraceOddities, type TraceOp, type TraceRow } from './row.js';

const REQUIRED = ['t_us', 'op', 'slot'] as const;
/** A time that is not whole, or before the clock began. */
const TIME = /^-?\d{1,15}(?:\.\d{1,9})?$/;
const OPS: readonly string[] = ['W', 'R', 'F', 'D'];

/** Where the columns stand, -1 for none. */
interface Columns {
  readonly all: number;
  readonly t: number;
  readonly op: number;
  readonly slot: number;
  readonly n: number;
  readonly why: number;
}

/**
 * Whether a line is the header of such a file.
 *
 * @param line - the first one that is not empty
 */
export function isCsvHeader(line: string): boolean {
  const names = splitNames(line);
  return REQUIRED.every((name) => names.includes(name));
}

/** Reads the lines of a file in columns. */
export class CsvReader implements RowReader {
  readonly oddities: TraceOddities = { otherDevices: 0, unaligned: 0 };
  private readonly path: string;
  private columns: Columns | null = null;

  /** @param path - of the file, for messages */
  constructor(path: string) {
    this.path = path;
  }

  read(line: string, number: number, row: TraceRow): boolean {
    if (line === '') return false;
    const { columns } = this;
    if (columns === null) {
      this.columns = this.header(line, number);
      return false;
    }
    const fields = line.split(',');
    if (fields.length !== columns.all)
      throw badLine(
        this.path,
        number,
        `${String(fields.length)} columns where the header has ${String(columns.all)}`,
      );
    row.op = this.op(fields[columns.op] ?? '', number);
    row.tUs = this.time(fields[columns.t] ?? '', number);
    row.slot = this.whole('slot', fields[columns.slot] ?? '', 0, number);
    const n = columns.n < 0 ? '' : (fields[columns.n] ?? '');
    row.n = n === '' ? 1 : this.whole('n', n, 1, number);
    if (row.slot + row.n > SLOTS_MAX)
      throw badLine(this.path, number, `slots up to ${String(row.slot + row.n - 1)}: no device is so large`);
    row.unmap = row.op === 'F' && columns.why >= 0 && fields[columns.why] === 'u';
    return true;
  }

  private header(line: string, number: number): Columns {
    const names = splitNames(line);
    const missing = REQUIRED.find((name) => !names.includes(name));
    if (missing !== undefined)
      throw badLine(
        this.path,
        number,
        `the header ${quoteLine(line)} has no column ${missing}; needed: t_us, op, slot`,
      );
    return {
      all: names.length,
      t: names.indexOf('t_us'),
      op: names.indexOf('op'),
      slot: names.indexOf('slot'),
      n: names.indexOf('n'),
      why: names.indexOf('why'),
    };
  }

  private op(text: string, number: number): TraceOp {
    if (OPS.includes(text)) return text as TraceOp;
    throw badLine(this.path, number, `op ${quoteLine(text)} is not known; allowed: ${OPS.join(', ')}`);
  }

  private time(text: string, number: number): number {
    const whole = digits(text);
    if (whole >= 0) return whole;
    const value = TIME.test(text) ? Number(text) : Number.NaN;
    if (!Number.isNaN(value)) return value;
    throw badLine(this.path, number, `t_us ${quoteLine(text)} is not a number of microseconds`);
  }

  private whole(name: string, text: string, least: number, number: number): number {
    const value = digits(text);
    if (value >= least && value <= SLOTS_MAX) return value;
    throw badLine(
      this.path,
      number,
      `${name} ${quoteLine(text)} is not a whole number from ${String(least)} to ${String(SLOTS_MAX)}`,
    );
  }
}

/** The number that a text of 1 to 15 digits is, else -1. Most of a trace are such numbers. */
function digits(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function splitNames(line: string): string[] {
  return line
    .replace(/^\uFEFF/, '')
    .split(',')
    .map((name) => name.trim());
}
