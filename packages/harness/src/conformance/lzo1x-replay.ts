/**
 * Replays the codec's recordings: what the compressor of 2.6.34 made of pages and blocks, and what its decoder said to damaged streams.
 *
 * Promise: a line passes only if both codecs, WASM and TypeScript, give the recorded bytes in each way that the line has a recording of:
 *
 * - a page or block: compressed with an empty dictionary; a page with `clen_seq` also with a dictionary that is kept from page to page,
 *   all pages in the order of the file from one and the same address; and back from the stream;
 * - a stream: the result, the number of bytes and the bytes.
 *
 * The contents lie beside the lines, in `pages.bin` and `blocks.bin`.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Cells, createArena, createPageBytes, PAGE_SIZE, type Arena } from '@swaplab/kernel-mm';
import { createCodec, type Codec } from '@swaplab/ramzswap';
import type { Difference } from './document.js';
import { damaged, parseLine, readBytes, readLines } from './golden-files.js';

/** Lines between two looks at the signal. */
const LINES_PER_SLICE = 64;
/** Longest input and longest output window, in bytes. */
const WINDOW_BYTES_MAX = 256 << 10;

/** What came of a file. */
export interface LinesOutcome {
  readonly total: number;
  readonly failed: number;
  readonly firstDifference?: Difference;
}

interface Mismatch {
  readonly operation: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** A codec with a work area of its own. */
interface Contestant {
  readonly name: string;
  readonly codec: Codec;
  readonly work: number;
}

/**
 * Replays the lines of one file.
 * @param file - path
 * @param signal - stops the replay
 * @returns how many lines there are, how many differ, and the first of these
 * @throws EnvironmentError when the file or the contents beside it cannot be read or are damaged; the reason of the signal when it stops
 */
export function replayLzo1xFile(file: string, signal: AbortSignal | undefined): LinesOutcome {
  const lines = readLines(file);
  const replay = new Lzo1xReplay(file);
  let failed = 0;
  let firstDifference: Difference | undefined;
  for (let index = 0; index < lines.length; index++) {
    if (index % LINES_PER_SLICE === 0) signal?.throwIfAborted();
    const mismatch = replay.apply(parseLine(file, lines, index), index + 1);
    if (mismatch === null) continue;
    failed++;
    firstDifference ??= { file, line: index + 1, ...mismatch };
  }
  return { total: lines.length, failed, ...(firstDifference === undefined ? {} : { firstDifference }) };
}

class Lzo1xReplay {
  private readonly file: string;
  private readonly arena: Arena;
  private readonly cleared: readonly Contestant[];
  private readonly kept: readonly Contestant[];
  private readonly input: number;
  private readonly output: number;
  private readonly back: number;
  private readonly progress = new Int32Array(1);
  private readonly contents = new Map<string, Buffer>();

  constructor(file: string) {
    this.file = file;
    const workBytes = Math.ceil(createCodec('lzo1x-2010').workBytes / PAGE_SIZE) * PAGE_SIZE;
    this.input = PAGE_SIZE + 4 * workBytes;
    this.output = this.input + WINDOW_BYTES_MAX + PAGE_SIZE;
    this.back = this.output + 2 * WINDOW_BYTES_MAX;
    this.arena = createArena(this.back + WINDOW_BYTES_MAX + PAGE_SIZE, true);
    const cells = new Cells(this.arena, createPageBytes(this.arena, true));
    const contestant = (index: number, wasm: boolean, dictionary: 'cleared' | 'kept'): Contestant => ({
      name: `${wasm ? 'WASM' : 'TypeScript'}, dictionary ${dictionary}`,
      codec: createCodec('lzo1x-2010', wasm ? cells : null, { dictionary }),
      work: PAGE_SIZE + index * workBytes,
    });
    this.cleared = [contestant(0, true, 'cleared'), contestant(1, false, 'cleared')];
    this.kept = [contestant(2, true, 'kept'), contestant(3, false, 'kept')];
  }

  apply(line: unknown, number: number): Mismatch | null {
    if (!isRecord(line)) throw damaged(this.file, `line ${String(number)} is no object`);
    if (typeof line['in'] === 'string') return this.stream(line, number);
    if (typeof line['off'] === 'number') {
      const length = this.count(line, 'len', number);
      return this.compressed(line, number, this.slice('blocks.bin', line['off'], length, number));
    }
    const from = this.count(line, 'i', number) * PAGE_SIZE;
    return this.compressed(line, number, this.slice('pages.bin', from, PAGE_SIZE, number));
  }

  private compressed(
    line: Readonly<Record<string, unknown>>,
    number: number,
    input: Buffer,
  ): Mismatch | null {
    if (line['sha256'] !== undefined && sha256(input) !== line['sha256'])
      throw damaged(this.file, `line ${String(number)} has the hash of other contents`);
    const wanted = [this.count(line, 'clen', number), line['csha256']];
    const wantedKept = line['clen_seq'] === undefined ? null : [line['clen_seq'], line['csha256_seq']];
    // Every codec sees every line, whether another has failed or not: a kept dictionary depends on it.
    const mismatches = this.cleared.map((contestant) => this.compress(contestant, input, wanted));
    if (wantedKept !== null)
      mismatches.push(...this.kept.map((contestant) => this.compress(contestant, input, wantedKept)));
    return mismatches.find((mismatch) => mismatch !== null) ?? null;
  }

  private compress({ name, codec, work }: Contestant, input: Buffer, wanted: unknown): Mismatch | null {
    const { u8, i32 } = this.arena;
    u8.set(input, this.input);
    const room = codec.maxCompressedBytes(input.length);
    const length = codec.compress(u8, this.input, input.length, u8, this.output, room, i32, work >> 2);
    const actual = [length, sha256(u8.slice(this.output, this.output + Math.max(length, 0)))];
    if (JSON.stringify(actual) !== JSON.stringify(wanted))
      return { operation: `compress (${name})`, expected: wanted, actual };
    const count = codec.decompress(u8, this.output, length, u8, this.back, input.length);
    const bytes = u8.subarray(this.back, this.back + Math.max(count, 0));
    if (count === input.length && input.compare(bytes) === 0) return null;
    const expected = [input.length, sha256(input)];
    return { operation: `decompress (${name})`, expected, actual: [count, sha256(bytes.slice())] };
  }

  private stream(line: Readonly<Record<string, unknown>>, number: number): Mismatch | null {
    const bytes = Buffer.from(String(line['in']), 'hex');
    const capacity = this.count(line, 'max_out', number);
    if (bytes.length * 2 !== String(line['in']).length || bytes.length > WINDOW_BYTES_MAX)
      throw damaged(this.file, `line ${String(number)} has a stream that is no hexadecimal or too long`);
    const outBytes = this.count(line, 'out_len', number);
    const expected = [line['ret'] === 0 ? outBytes : line['ret'], outBytes, line['out_sha256']];
    const { u8 } = this.arena;
    u8.set(bytes, this.input);
    for (const { name, codec } of this.cleared) {
      const { input, back, progress } = this;
      const result = codec.decompressSafe(u8, input, bytes.length, u8, back, capacity, progress, 0);
      const written = progress[0] ?? 0;
      const actual = [result, written, sha256(u8.slice(back, back + written))];
      if (JSON.stringify(actual) !== JSON.stringify(expected))
        return { operation: `decompress (${name})`, expected, actual };
    }
    return null;
  }

  private slice(name: string, from: number, length: number, number: number): Buffer {
    const contents = this.contentsOf(name);
    if (length <= WINDOW_BYTES_MAX && from >= 0 && from + length <= contents.length)
      return contents.subarray(from, from + length);
    throw damaged(this.file, `line ${String(number)} names bytes that '${name}' does not have`);
  }

  private contentsOf(name: string): Buffer {
    let contents = this.contents.get(name);
    if (contents === undefined) {
      const path = join(dirname(this.file), name);
      contents = readBytes(existsSync(`${path}.gz`) ? `${path}.gz` : path);
      this.contents.set(name, contents);
    }
    return contents;
  }

  private count(line: Readonly<Record<string, unknown>>, field: string, number: number): number {
    const value = line[field];
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    throw damaged(this.file, `line ${String(number)} has no '${field}'`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
