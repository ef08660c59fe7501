/**
 * Iologs of fio, versions 2 and 3: `filename action [offset length]`, in version 3 with microseconds before them.
 *
 * Reads, writes and trims of one file are replayed; offsets and lengths are bytes. Version 2 has times only where it says `wait`, in
 * microseconds. Opening, closing and syncing files says nothing of slots. A file's pages are freed by trims only.
 */
import { badLine, quoteLine } from './lines.js';
import {
  SLOT_BYTES,
  SLOTS_MAX,
  slotsOfBytes,
  type RowReader,
  type TraceOddities,
  type TraceOp,
  type TraceRow,
} from './row.js';

const HEADER = /^fio version (\d+) iolog\s*$/;
/** File name, which may have blanks, and an action without a range. */
const FILE_ACTION = /^(.+) (?:add|open|close|sync|datasync|sync_file_range)(?: .*)?$/;
/** File name, action, and two numbers. */
const IO_ACTION = /^(.+) (read|write|trim|wait|sync|datasync|sync_file_range) (\d{1,15}) (\d{1,15})$/;
/** `wait` may have one number only. */
const WAIT = /^(.+) wait (\d{1,15})$/;
const TIMED = /^(\d{1,15}) (.*)$/;

const OPS: Readonly<Record<string, TraceOp>> = { read: 'R', write: 'W', trim: 'D' };

/** What a line says. */
interface IologEvent {
  readonly file: string;
  readonly tUs: number;
  readonly op: TraceOp;
  /** Bytes. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Whether a line is the first one of an iolog.
 *
 * @param line - the first one that is not empty
 */
export function isFioHeader(line: string): boolean {
  return HEADER.test(line);
}

/** Looks through an iolog for its files, so that one can be chosen. */
export class FioSurvey {
  /** Files that are read, written or trimmed, in the order in which they came. */
  readonly files: string[] = [];
  private readonly lines: FioLines;

  /** @param path - of the iolog, for messages */
  constructor(path: string) {
    this.lines = new FioLines(path);
  }

  /** Looks at a line. @param line - without its end @param number - from 1 on */
  look(line: string, number: number): void {
    const event = this.lines.parse(line, number);
    if (event !== null && !this.files.includes(event.file)) this.files.push(event.file);
  }
}

/** Reads the lines of an iolog. */
export class FioReader implements RowReader {
  readonly oddities: TraceOddities = { otherDevices: 0, unaligned: 0 };
  private readonly file: string;
  private readonly lines: FioLines;

  /**
   * @param path - of the iolog, for messages
   * @param file - whose requests are replayed
   */
  constructor(path: string, file: string) {
    this.file = file;
    this.lines = new FioLines(path);
  }

  read(line: string, number: number, row: TraceRow): boolean {
    const event = this.lines.parse(line, number);
    if (event === null) return false;
    if (event.file !== this.file) {
      this.oddities.otherDevices++;
      return false;
    }
    const { slot, n, aligned } = slotsOfBytes(event.offset, event.bytes);
    if (!aligned) this.oddities.unaligned++;
    row.tUs = event.tUs;
    row.op = event.op;
    row.slot = slot;
    row.n = n;
    row.unmap = false;
    return true;
  }
}

/** Takes single lines apart; knows the version and, in version 2, what time it is. */
class FioLines {
  private readonly path: string;
  private version = 0;
  private waitedUs = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** What a line says; null for one that moves no data. */
  parse(line: string, number: number): IologEvent | null {
    if (line === '') return null;
    if (this.version === 0) {
      this.version = this.versionOf(line, number);
      return null;
    }
    const timed = this.version === 3 ? TIMED.exec(line) : null;
    if (this.version === 3 && timed === null)
      throw badLine(this.path, number, `${quoteLine(line)} has no time before it, as version 3 needs`);
    const body = timed?.[2] ?? line;
    const io = IO_ACTION.exec(body);
    if (io === null) return this.withoutRange(body, number);
    const [, file = '', action = '', first = '', second = ''] = io;
    if (action === 'wait') return this.wait(Number(first), body, number);
    const op = OPS[action];
    if (op === undefined) return null;
    const [offset, bytes] = [Number(first), Number(second)];
    if (bytes === 0) return null;
    if (offset + bytes > SLOTS_MAX * SLOT_BYTES)
      throw badLine(this.path, number, `byte ${String(offset + bytes)}: no device is so large`);
    return { file, tUs: timed === null ? this.waitedUs : Number(timed[1]), op, offset, bytes };
  }

  private withoutRange(body: string, number: number): null {
    if (FILE_ACTION.test(body)) return null;
    const wait = WAIT.exec(body);
    if (wait !== null) return this.wait(Number(wait[2]), body, number);
    throw badLine(
      this.path,
      number,
      `${quoteLine(body)} is no line of an iolog of version ${String(this.version)}`,
    );
  }

  /** Version 2 counts from one wait to the next; version 3 has none. */
  private wait(us: number, body: string, number: number): null {
    if (this.version === 3)
      throw badLine(this.path, number, `${quoteLine(body)}: there is no wait in version 3`);
    this.waitedUs += us;
    return null;
  }

  private versionOf(line: string, number: number): number {
    const version = Number(HEADER.exec(line)?.[1] ?? Number.NaN);
    if (version === 2 || version === 3) return version;
    throw badLine(
      this.path,
      number,
      `${quoteLine(line)} is not the first line of an iolog; allowed: fio version 2 iolog, fio version 3 iolog`,
    );
  }
}
