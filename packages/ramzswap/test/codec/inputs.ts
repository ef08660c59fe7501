/**
 * What the codec tests share: deterministic inputs, checksums, guarded windows, and recordings of the original
 * codec: those that `swaplab conformance` replays.
 */
import { createHash, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import fc from 'fast-check';

/** A page, in bytes. */
export const PAGE_BYTES = 4096;

/** The byte generator of the vectors: a linear congruential one of which the top byte is used. */
export class ByteGenerator {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  next(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state >>> 24;
  }
}

/** `count` bytes of the generator. */
export function generatedBytes(seed: number, count: number): Uint8Array {
  const generator = new ByteGenerator(seed);
  return Uint8Array.from({ length: count }, () => generator.next());
}

/** CRC-32 of some bytes as eight hex digits. */
export function crc32(bytes: Uint8Array): string {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0');
}

/** SHA-256 of some bytes as hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Bytes from hex digits; blanks are allowed. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}

/** Hex digits of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** What the bytes around a window are filled with. */
const GUARD = 0xa5;

/** A window of shared memory between two guards, to see that nothing outside it is touched. */
export class GuardedWindow {
  readonly array: Uint8Array;
  readonly offset: number;
  readonly capacity: number;

  constructor(capacity: number, guardBytes = 300) {
    this.array = new Uint8Array(new SharedArrayBuffer(capacity + 2 * guardBytes)).fill(GUARD);
    this.offset = guardBytes;
    this.capacity = capacity;
  }

  /** A copy of the first `count` bytes of the window. */
  bytes(count: number): Uint8Array {
    return this.array.slice(this.offset, this.offset + count);
  }

  /** True when no byte before or after the window has changed. */
  intact(): boolean {
    const before = this.array.slice(0, this.offset);
    const after = this.array.slice(this.offset + this.capacity);
    return before.every((byte) => byte === GUARD) && after.every((byte) => byte === GUARD);
  }
}

/** The seeds of a property: a fixed one, and one that is new in each run and is printed in the title. */
export const PROPERTY_SEEDS: readonly number[] = [20100503, randomInt(2 ** 31)];

/** Inputs like memory: runs, repeated pieces near and far, few different bytes, noise; 0 to `maxBytes` bytes. */
export function memoryLike(maxBytes: number): fc.Arbitrary<Uint8Array> {
  const piece = fc.oneof(
    fc.record({
      kind: fc.constant('run' as const),
      value: fc.nat(255),
      count: fc.integer({ min: 1, max: 3000 }),
    }),
    fc.record({
      kind: fc.constant('noise' as const),
      value: fc.nat(0x7fffffff),
      count: fc.integer({ min: 1, max: 1200 }),
    }),
    fc.record({
      kind: fc.constant('few' as const),
      value: fc.nat(0x7fffffff),
      count: fc.integer({ min: 1, max: 800 }),
    }),
    fc.record({
      kind: fc.constant('copy' as const),
      value: fc.nat(20000),
      count: fc.integer({ min: 1, max: 600 }),
    }),
  );
  return fc.array(piece, { maxLength: 24 }).map((pieces) => {
    const bytes: number[] = [];
    for (const { kind, value, count } of pieces) {
      const generator = new ByteGenerator(value);
      for (let i = 0; i < count && bytes.length < maxBytes; i++) {
        if (kind === 'run') {
          bytes.push(value);
        } else if (kind === 'noise') {
          bytes.push(generator.next());
        } else if (kind === 'few') {
          bytes.push(generator.next() & 3);
        } else {
          bytes.push(bytes[bytes.length - 1 - Math.min(value, bytes.length - 1)] ?? 0);
        }
      }
    }
    return Uint8Array.from(bytes);
  });
}

/** One line of `vectors.jsonl.gz`. */
export interface VectorLine {
  readonly i: number;
  readonly group: string;
  readonly zero: boolean;
  readonly clen: number;
  readonly csha256: string;
}

/** One line of `blocks.jsonl.gz`. */
export interface BlockLine {
  readonly i: number;
  readonly off: number;
  readonly len: number;
  readonly clen: number;
  readonly csha256: string;
}

/** One line of `decompress-errors.jsonl.gz`. */
export interface StreamLine {
  readonly i: number;
  readonly max_out: number;
  readonly in: string;
  readonly ret: number;
  readonly out_len: number;
  readonly out_sha256: string;
}

/** The bytes of a gzip file of the recordings. The compiled tests lie as deep below the package as the sources. */
export function fixtureBytes(name: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(`../../../harness/golden/lzo1x/${name}`, import.meta.url)));
}

/** The lines of a JSON-lines file of the recordings. */
export function fixtureLines(name: string): unknown[] {
  return Buffer.from(fixtureBytes(name))
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}
