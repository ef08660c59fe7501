/**
 * The text that blkparse prints by default: `maj,min cpu seq seconds.nanos pid action RWBS sector + sectors [process]`.
 *
 * One request passes several actions; only one of them is replayed, or each page would be written several times: `Q` (queued) where the
 * trace has it, else `D` (issued to the driver), else `C` (completed). Sectors have 512 bytes, eight make a slot. The block layer says nothing of
 * pages that are freed; discards do.
 *
 * What blkparse adds about the whole trace at the end, and the names of its input files, are skipped.
 */
import { badLine, quoteLine } from './lines.js';
import { slotsOfBytes, type RowReader, type TraceOddities, type TraceOp, type TraceRow } from './row.js';

const SECTOR_BYTES = 512;
/** `maj,min cpu seq s.ns pid action` and the rest: what stands there depends on the action. */
const EVENT = /^\s*(\d+,\d+)\s+\d+\s+\d+\s+(\d+)\.(\d{9})\s+\d+\s+([A-Za-z]{1,2})(?:\s+(.*))?$/;
/** RWBS, then sector and length, where there are any. */
const RANGE = /^([A-Z]+) (\d{1,13}) \+ (\d{1,10})(?:\s|$)/;
/** First line of the summary; all behind it belongs to it. */
const SUMMARY = /^(?:CPU\s*\d+|Total) \(.*\):\s*$/;
const INPUT_FILE = /^Input file .* added\s*$/;

/** Actions that stand for a request, the one that is preferred first. */
const ACTIONS = ['Q', 'D', 'C'] as const;
/** Which action stands for a request. */
export type BlkparseAction = (typeof ACTIONS)[number];

/** What a trace is read with. */
export interface BlkparseChoice {
  /** `maj,min`. */
  readonly device: string;
  readonly action: BlkparseAction;
}

/** What a line says. */
interface BlkparseEvent {
  readonly device: string;
  readonly action: string;
  readonly tUs: number;
  /** `W`, `R` or `D`; null for requests without data, such as flushes. */
  readonly op: TraceOp | null;
  /** Sectors. */
  readonly sector: number;
  readonly sectors: number;
}

/**
 * Whether a line is one of blkparse.
 *
 * @param line - the first one that is not empty
 */
export function isBlkparseLine(line: string): boolean {
  return EVENT.test(line) || INPUT_FILE.test(line);
}

/** Looks through a trace for devices and actions, so that one of each can be chosen. */
export class BlkparseSurvey {
  /** Requests by device and action. */
  private readonly seen = new Map<string, Set<string>>();
  private readonly lines: BlkparseLines;

  /** @param path - of the file, for messages */
  constructor(path: string) {
    this.lines = new BlkparseLines(path);
  }

  /** Looks at a line. @param line - without its end @param number - from 1 on */
  look(line: string, number: number): void {
    const event = this.lines.parse(line, number);
    if (event === null || event.op === null || event.sectors === 0) return;
    const actions = this.seen.get(event.device) ?? new Set<string>();
    actions.add(event.action);
    this.seen.set(event.device, actions);
  }

  /** Devices that have requests to replay, in the order in which they came. */
  devices(): string[] {
    return [...this.seen].filter(([, actions]) => preferred(actions) !== null).map(([device]) => device);
  }

  /**
   * Chooses what is replayed.
   * @param device - `maj,min`
   * @returns null when the device has no request
   */
  choose(device: string): BlkparseChoice | null {
    const action = preferred(this.seen.get(device) ?? new Set());
    return action === null ? null : { device, action };
  }
}

/** Reads the lines of such a text. */
export class BlkparseReader implements RowReader {
  readonly oddities: TraceOddities = { otherDevices: 0, unaligned: 0 };
  private readonly choice: BlkparseChoice;
  private readonly lines: BlkparseLines;

  /**
   * @param path - of the file, for messages
   * @param choice - what is replayed
   */
  constructor(path: string, choice: BlkparseChoice) {
    this.choice = choice;
    this.lines = new BlkparseLines(path);
  }

  read(line: string, number: number, row: TraceRow): boolean {
    const event = this.lines.parse(line, number);
    if (event === null || event.op === null || event.sectors === 0) return false;
    if (event.action !== this.choice.action) return false;
    if (event.device !== this.choice.device) {
      this.oddities.otherDevices++;
      return false;
    }
    const { slot, n, aligned } = slotsOfBytes(event.sector * SECTOR_BYTES, event.sectors * SECTOR_BYTES);
    if (!aligned) this.oddities.unaligned++;
    row.tUs = event.tUs;
    row.op = event.op;
    row.slot = slot;
    row.n = n;
    row.unmap = false;
    return true;
  }
}

/** Takes single lines apart, and knows when the summary has begun. */
class BlkparseLines {
  private readonly path: string;
  private inSummary = false;

  constructor(path: string) {
    this.path = path;
  }

  /** What a line says; null for one that is no event. */
  parse(line: string, number: number): BlkparseEvent | null {
    if (this.inSummary || line === '') return null;
    const match = EVENT.exec(line);
    if (match === null) {
      this.inSummary = SUMMARY.test(line);
      if (this.inSummary || INPUT_FILE.test(line)) return null;
      throw badLine(this.path, number, `${quoteLine(line)} is no line of blkparse's default text`);
    }
    const [, device = '', seconds = '', nanos = '', action = '', rest = ''] = match;
    const isRequest = action === 'Q' || action === 'D' || action === 'C';
    const range = isRequest ? RANGE.exec(rest) : null;
    return {
      device,
      action,
      tUs: Number(seconds) * 1e6 + Number(nanos) / 1000,
      op: range === null ? null : opOf(range[1] ?? ''),
      sector: Number(range?.[2] ?? 0),
      sectors: Number(range?.[3] ?? 0),
    };
  }
}

/** What RWBS says is done: an `F` before the letter is a flush that goes first. */
function opOf(rwbs: string): TraceOp | null {
  const letter = rwbs.startsWith('F') ? rwbs.charAt(1) : rwbs.charAt(0);
  return letter === 'W' || letter === 'R' || letter === 'D' ? letter : null;
}

function preferred(actions: ReadonlySet<string>): BlkparseAction | null {
  return ACTIONS.find((action) => actions.has(action)) ?? null;
}
