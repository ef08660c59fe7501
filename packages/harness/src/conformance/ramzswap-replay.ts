/**
 * Replays the traces of the driver: the result of every request, where each page was stored, and every field of every snapshot.
 *
 * Promise: a trace passes only if it does so twice, with the codec in WASM and in TypeScript. The contents of the pages are not in the traces: they
 * name pages of `pages.bin`, which lies in the folder of the trace or in the neighbour folder `lzo1x`. Whatever of the files is damaged ends in one
 * sentence; a broken invariant of the machine is a difference like any other, since the original ran on.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KernelBug, PAGE_SIZE, SECTORS_PER_PAGE } from '@swaplab/kernel-mm';
import type { Difference } from './document.js';
import { damaged, parseLine, readBytes, readLines } from './golden-files.js';
import { ReplayDevice } from './ramzswap-machine.js';

/** Operations between two looks at the signal. */
const OPERATIONS_PER_SLICE = 256;
/** Largest disk of a trace, in pages. */
const DISK_PAGES_MAX = 1 << 16;
/** Name of the file with the pages. */
const PAGES = 'pages.bin';
/** The page of zeros has no place in the file. */
const ZERO_PAGE = -1;
/** What the page of a read holds before. */
const UNTOUCHED = 0xee;

interface Mismatch {
  readonly operation: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

type Line = Readonly<Record<string, unknown>>;

/**
 * Replays one trace.
 * @param file - path
 * @param signal - stops the replay
 * @returns the first difference, or null when there is none
 * @throws EnvironmentError when the file or the pages cannot be read or are damaged; the reason of the signal when it stops
 */
export function replayRamzswapTrace(file: string, signal: AbortSignal | undefined): Difference | null {
  const lines = readLines(file);
  const header = parseLine(file, lines, 0);
  if (!isRecord(header)) throw damaged(file, 'line 1 is no header of a trace');
  const pages = readPages(file);
  for (const wasm of [true, false]) {
    const replay = new Replay(file, header, pages, wasm);
    for (let index = 1; index < lines.length; index++) {
      if (index % OPERATIONS_PER_SLICE === 0) signal?.throwIfAborted();
      const mismatch = replay.apply(parseLine(file, lines, index), index + 1);
      if (mismatch === null) continue;
      const operation = `${mismatch.operation} (${wasm ? 'WASM' : 'TypeScript'})`;
      return { file, line: index + 1, ...mismatch, operation };
    }
    replay.finish();
  }
  return null;
}

class Replay {
  private readonly file: string;
  private readonly pages: Uint8Array;
  private readonly device: ReplayDevice;
  private readonly diskPages: number;
  private readonly wanted: number;
  private operations = 0;
  private ended = false;

  constructor(file: string, header: Line, pages: Uint8Array, wasm: boolean) {
    this.file = file;
    this.pages = pages;
    this.wanted = this.count(header, 'ops', 1, Number.MAX_SAFE_INTEGER);
    this.diskPages = this.count(header, 'disk_pages', 1, DISK_PAGES_MAX);
    const memlimit = this.count(header, 'memlimit', 1, DISK_PAGES_MAX * PAGE_SIZE);
    const { backing, table_kept: kept } = header;
    if (typeof backing !== 'boolean' || typeof kept !== 'boolean' || this.diskPages < 2)
      throw damaged(file, 'line 1 is no header of a trace');
    if (backing && memlimit < PAGE_SIZE) throw damaged(file, 'line 1 has a memory limit below a page');
    const dictionary = kept ? 'kept' : 'cleared';
    this.device = new ReplayDevice({ diskPages: this.diskPages, memlimit, backing, dictionary, wasm });
  }

  /** Applies a line. */
  apply(line: unknown, number: number): Mismatch | null {
    if (!isRecord(line) || this.ended) throw this.unknownLine(number);
    try {
      if (typeof line['snap'] === 'number') return this.snapshot(line, number);
      const mismatch = this.operation(line, number);
      this.operations++;
      return mismatch;
    } catch (error) {
      if (!(error instanceof KernelBug)) throw error;
      return {
        operation: JSON.stringify(line['op'] ?? 'snapshot'),
        expected: 'no broken invariant',
        actual: error.message,
      };
    }
  }

  /** Looks whether the trace was complete. */
  finish(): void {
    if (this.operations !== this.wanted)
      throw damaged(this.file, `it ends after ${this.operations} of ${this.wanted} operations`);
    if (!this.ended) throw damaged(this.file, 'its last snapshot is missing');
  }

  private operation(line: Line, number: number): Mismatch | null {
    const { op, args } = line;
    if (!Array.isArray(args)) throw this.unknownLine(number);
    const [first, second] = args as unknown[];
    switch (op) {
      case 'write':
        return this.write(line, this.slot(first, number), this.pageNumber(second, number));
      case 'read':
        return this.read(line, this.slot(first, number));
      case 'slot_free_notify':
        this.device.slotFreeNotify(this.slot(first, number));
        return null;
      case 'fail_pages':
        if (!isCount(first, 2 ** 31 - 1)) throw this.unknownLine(number);
        this.device.pages.failNext(first);
        return null;
      case 'raw_io':
        return this.rawIo(line, args, number);
      default:
        throw this.unknownLine(number);
    }
  }

  private write(line: Line, slot: number, page: number): Mismatch | null {
    const { bytes } = this.device;
    if (page === ZERO_PAGE) bytes.fill(0);
    else bytes.set(this.pages.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE));
    const outcome = this.device.request('write', slot * SECTORS_PER_PAGE);
    const kind = this.device.kindOf(slot);
    const result = outcome === 'ok' ? kind : outcome;
    const stored = kind === 'raw' || kind === 'lzo' ? this.device.storedAt(slot) : undefined;
    // A page that is not stored leaves nothing behind.
    const left = outcome !== 'ok' && kind !== 'empty' ? kind : undefined;
    return compare(
      `write of page ${page} to ${slot}`,
      [line['result'], line['stored'], undefined],
      [result, stored, left],
    );
  }

  private read(line: Line, slot: number): Mismatch | null {
    const { bytes } = this.device;
    bytes.fill(UNTOUCHED);
    const outcome = this.device.request('read', slot * SECTORS_PER_PAGE);
    const isUntouched = bytes.every((byte) => byte === UNTOUCHED);
    const result = outcome === 'ok' && isUntouched ? 'untouched' : outcome;
    const hash = result === 'ok' ? createHash('sha256').update(bytes).digest('hex') : undefined;
    return compare(`read of ${slot}`, [line['result'], line['sha256']], [result, hash]);
  }

  private rawIo(line: Line, args: readonly unknown[], number: number): Mismatch | null {
    const [direction, sector, bytes, offset, segments] = args;
    const isDirection = direction === 'read' || direction === 'write';
    if (
      !isDirection ||
      !isCount(sector, Number.MAX_SAFE_INTEGER) ||
      !isCount(bytes, 2 ** 30) ||
      !isCount(offset, 2 ** 30) ||
      !isCount(segments, 2 ** 16)
    )
      throw this.unknownLine(number);
    const outcome = this.device.request(direction, sector, bytes, offset, segments);
    return compare(`raw_io ${args.join(' ')}`, [line['result']], [outcome]);
  }

  private snapshot(expected: Line, number: number): Mismatch | null {
    const { pages } = this.device;
    const actual: Record<string, unknown> = {
      snap: this.operations,
      ...this.device.stats(),
      host_pages_live: pages.live(),
      host_pages_requested: pages.requested,
      end: true,
    };
    for (const [field, value] of Object.entries(expected)) {
      if (!Object.hasOwn(actual, field))
        throw damaged(this.file, `line ${number} has an unknown field '${field}'`);
      const found = typeof actual[field] === 'bigint' ? Number(actual[field]) : actual[field];
      if (value === found) continue;
      return {
        operation: `${field} of snapshot ${String(expected['snap'])}`,
        expected: value,
        actual: found,
      };
    }
    this.ended = expected['end'] === true;
    return null;
  }

  private slot(value: unknown, number: number): number {
    if (isCount(value, this.diskPages - 1)) return value;
    throw this.unknownLine(number);
  }

  private pageNumber(value: unknown, number: number): number {
    if (value === ZERO_PAGE || isCount(value, this.pages.length / PAGE_SIZE - 1)) return value;
    throw damaged(this.file, `line ${number} names a page that '${PAGES}' does not have`);
  }

  private count(line: Line, field: string, number: number, most: number): number {
    const value = line[field];
    if (isCount(value, most)) return value;
    throw damaged(this.file, `line ${number} has no '${field}'`);
  }

  private unknownLine(number: number): Error {
    return damaged(this.file, `line ${number} is no operation and no snapshot`);
  }
}

function readPages(file: string): Uint8Array {
  const folder = dirname(file);
  const places = [folder, join(dirname(folder), 'lzo1x')].flatMap((place) => [
    join(place, `${PAGES}.gz`),
    join(place, PAGES),
  ]);
  const path = places.find((place) => existsSync(place));
  if (path === undefined)
    throw damaged(file, `there is no '${PAGES}' beside it, nor in the folder 'lzo1x' beside that`);
  const bytes = readBytes(path);
  if (bytes.length % PAGE_SIZE !== 0) throw damaged(path, 'it does not consist of whole pages');
  return bytes;
}

function compare(operation: string, expected: unknown[], actual: unknown[]): Mismatch | null {
  return JSON.stringify(expected) === JSON.stringify(actual) ? null : { operation, expected, actual };
}

function isCount(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function isRecord(value: unknown): value is Line {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
