/**
 * Replays the traces of the allocator: every result and every field of every snapshot.
 *
 * Beyond the recording, each object is filled with a pattern of its own and looked at when it is freed, and the pool is checked as a whole
 * at each snapshot. Each trace is replayed twice, by the pool in WASM and by the one in TypeScript.
 */
import { createHash } from 'node:crypto';
import { GFP_KERNEL, KernelBug, PAGE_SIZE } from '@swaplab/kernel-mm';
import { checkPool, freeBlocksOf, XV_LOCATION, type FreeBlock } from '@swaplab/ramzswap';
import { createBarePool, type BarePool } from './bare-machine.js';
import type { Difference } from './document.js';
import { damaged, parseLine, readLines } from './golden-files.js';

/** Memory for a replay: the largest pools of the traces have about a thousand pages; the rest is the allocator's reserve. */
const RAM_BYTES = 32 << 20;

/** The operations between two looks at the signal. */
const OPERATIONS_PER_SLICE = 512;

interface Live {
  readonly page: number;
  readonly offset: number;
  readonly size: number;
  readonly pattern: number;
}

interface Mismatch {
  readonly operation: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/**
 * Replays one trace.
 * @param file - path
 * @param signal - stops the replay
 * @returns the first difference, or null when there is none
 * @throws EnvironmentError when the file cannot be read or is damaged; the reason of the signal when it stops
 */
export function replayXvmallocTrace(file: string, signal: AbortSignal | undefined): Difference | null {
  const lines = readLines(file);
  const header = parseLine(file, lines, 0);
  if (!isRecord(header) || typeof header['ops'] !== 'number')
    throw damaged(file, 'line 1 is no header of a trace');
  for (const wasm of [true, false]) {
    const mismatch = replayWith(file, lines, header['ops'], wasm, signal);
    if (mismatch !== null) return mismatch;
  }
  return null;
}

function replayWith(
  file: string,
  lines: readonly string[],
  operations: number,
  wasm: boolean,
  signal: AbortSignal | undefined,
): Difference | null {
  const replay = new Replay(file, createBarePool(RAM_BYTES, wasm));
  for (let index = 1; index < lines.length; index++) {
    if (index % OPERATIONS_PER_SLICE === 0) signal?.throwIfAborted();
    const mismatch = replay.apply(parseLine(file, lines, index), index + 1);
    if (mismatch !== null) {
      const operation = `${mismatch.operation} (${wasm ? 'WASM' : 'TypeScript'})`;
      return { file, line: index + 1, ...mismatch, operation };
    }
  }
  if (replay.operations !== operations) {
    throw damaged(file, `it ends after ${replay.operations} of ${operations} operations`);
  }
  if (!replay.ended) throw damaged(file, 'its last snapshot is missing');
  return null;
}

class Replay {
  /** Allocations and frees so far. */
  operations = 0;
  /** Whether the last snapshot was seen. */
  ended = false;
  private readonly file: string;
  private readonly bare: BarePool;
  private readonly live = new Map<string, Live>();
  private liveBytes = 0;

  constructor(file: string, bare: BarePool) {
    this.file = file;
    this.bare = bare;
  }

  /** Applies a line; a broken invariant is a difference like any other, since the original ran on. */
  apply(line: unknown, number: number): Mismatch | null {
    try {
      if (isRecord(line)) return this.snapshot(line, number);
      if (!Array.isArray(line)) throw this.unknownLine(number);
      const [operation, ...rest] = line as unknown[];
      const numbers = rest.filter((value): value is number => Number.isSafeInteger(value));
      if (numbers.length !== rest.length) throw this.unknownLine(number);
      const [first, second, third, fourth] = numbers;
      if (operation === 'failpages' && first !== undefined && numbers.length === 1) {
        this.bare.pages.failNext(first);
        return null;
      }
      if (
        operation === 'm' &&
        first !== undefined &&
        second !== undefined &&
        (numbers.length === 2 || numbers.length === 4)
      ) {
        return this.allocate(first, numbers.slice(1));
      }
      if (
        operation === 'f' &&
        first !== undefined &&
        second !== undefined &&
        third !== undefined &&
        fourth === undefined
      ) {
        return this.free(first, second, third);
      }
    } catch (error) {
      if (!(error instanceof KernelBug)) throw error;
      return { operation: JSON.stringify(line), expected: 'no broken invariant', actual: error.message };
    }
    throw this.unknownLine(number);
  }

  private allocate(size: number, expected: readonly number[]): Mismatch | null {
    const { core, pages, pool, location } = this.bare;
    const result = pool.malloc(size, GFP_KERNEL, location);
    const page = core.cells.ldu32(location + XV_LOCATION.page);
    const offset = core.cells.ld16(location + XV_LOCATION.offset);
    const actual = result === 0 ? [result, pages.serial(page), offset] : [result];
    if (!sameNumbers(actual, expected)) return { operation: `allocate ${size} bytes`, expected, actual };
    this.operations++;
    if (result !== 0) return null;
    const read = pool.objectSize(page, offset);
    if (read !== size)
      return { operation: `size of the object of ${size} bytes`, expected: size, actual: read };
    const pattern = (this.operations * 167 + 13) & 0xff;
    const start = pages.addressOf(page) + offset;
    core.cells.arena.u8.fill(pattern, start, start + size);
    this.live.set(`${pages.serial(page)},${offset}`, { page, offset, size, pattern });
    this.liveBytes += size;
    return null;
  }

  private free(serial: number, offset: number, expected: number): Mismatch | null {
    const { core, pages, pool } = this.bare;
    const operation = `free the object at offset ${offset} of page ${serial}`;
    const key = `${serial},${offset}`;
    const object = this.live.get(key);
    if (object === undefined) return { operation, expected, actual: 'there is no such object' };
    const start = pages.addressOf(object.page) + offset;
    for (let at = start; at < start + object.size; at++) {
      if (core.cells.arena.u8[at] === object.pattern) continue;
      return {
        operation,
        expected: `byte ${at - start} is as it was written`,
        actual: `${core.cells.arena.u8[at] ?? -1}`,
      };
    }
    pages.lastFreed = -1;
    pool.free(object.page, offset);
    if (pages.lastFreed !== expected) return { operation, expected, actual: pages.lastFreed };
    this.operations++;
    this.live.delete(key);
    this.liveBytes -= object.size;
    return null;
  }

  private snapshot(expected: Record<string, unknown>, number: number): Mismatch | null {
    const { pages, pool } = this.bare;
    if (typeof expected['snap'] !== 'number') throw this.unknownLine(number);
    const free = freeBlocksOf(pool);
    const lists = this.freeLists(free);
    const actual: Record<string, unknown> = {
      snap: this.operations,
      pages: pool.totalPages(),
      total_bytes: pool.totalPages() * PAGE_SIZE,
      pages_requested: pages.requested,
      live_objects: this.live.size,
      live_bytes: this.liveBytes,
      free_blocks: free.length,
      freelists_sha256: sha256OfLists(lists),
      freelists: lists,
      end: true,
    };
    for (const [field, value] of Object.entries(expected)) {
      if (!Object.hasOwn(actual, field))
        throw damaged(this.file, `line ${number} has an unknown field '${field}'`);
      if (JSON.stringify(value) === JSON.stringify(actual[field])) continue;
      return {
        operation: `${field} of snapshot ${expected['snap']}`,
        expected: value,
        actual: actual[field],
      };
    }
    const [problem] = checkPool(pool, this.live.values());
    if (problem !== undefined) {
      return {
        operation: `the pool at snapshot ${expected['snap']}`,
        expected: 'no broken invariant',
        actual: problem,
      };
    }
    this.ended = expected['end'] === true;
    return null;
  }

  /** Free lists as the files have them: `[index, [[page serial, offset], ...]]` for each that is not empty. */
  private freeLists(free: readonly FreeBlock[]): [number, [number, number][]][] {
    const lists = new Map<number, [number, number][]>();
    for (const block of free) {
      const list = lists.get(block.index) ?? [];
      list.push([this.bare.pages.serial(block.page), block.offset]);
      lists.set(block.index, list);
    }
    return [...lists];
  }

  private unknownLine(number: number): Error {
    return damaged(this.file, `line ${number} is no operation and no snapshot`);
  }
}

function sha256OfLists(lists: readonly [number, [number, number][]][]): string {
  const hash = createHash('sha256');
  for (const [index, blocks] of lists) {
    hash.update(`${index}:${blocks.map(([page, offset]) => `${page},${offset}`).join(';')}\n`);
  }
  return hash.digest('hex');
}

function sameNumbers(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
