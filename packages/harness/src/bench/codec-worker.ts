/**
 * A thread that compresses and decompresses pages with a codec: `c/lzo1x.c` or `c/lzo1x-current.c` in one of our own two, WASM or TypeScript. Both
 * work on an arena, as in the driver. Each has a thread of its own, in which no other runs.
 */
import { parentPort } from 'node:worker_threads';
import { createArena, createPageBytes, PAGE_SIZE } from '@swaplab/kernel-mm';
import { createCodec, type Codec, type CodecName } from '@swaplab/ramzswap';

/** What a thread is told to do. */
export type CodecOrder =
  | {
      readonly kind: 'open';
      readonly codec: CodecName;
      /** Whether in WASM. */
      readonly wasm: boolean;
      /** Page after page. */
      readonly corpus: Uint8Array<SharedArrayBuffer>;
      /** How many batches the corpus is worked through in. */
      readonly batches: number;
    }
  | { readonly kind: 'compress' }
  | { readonly kind: 'decompress' };

/** Answer to `open`. */
export interface CodecOpened {
  /** Whether the codec is what was asked for. */
  readonly available: boolean;
}

/** Answer to the others: one time through the corpus. */
export interface CodecTrial {
  /** Nanoseconds of each batch. */
  readonly ns: readonly number[];
  /** Bytes that came out. */
  readonly bytes: number;
  /** Over the streams, FNV-1a with 32 bits; its start value when decompressing. */
  readonly sum: number;
}

const SUM_START = 0x811c_9dc5;
const SUM_FACTOR = 0x0100_0193;
/** Room for the stream of a page that cannot be compressed. */
const STREAM_BYTES = 2 * PAGE_SIZE;

class CodecBench {
  /** Whether the codec is what was asked for. */
  readonly available: boolean;
  private readonly codec: Codec;
  private readonly u8: Uint8Array;
  private readonly i32: Int32Array;
  private readonly count: number;
  private readonly perBatch: number;
  private readonly sizes: Int32Array;
  // Byte addresses: the work area, a page to decompress into, the pages, the streams.
  private readonly work = PAGE_SIZE;
  private readonly back: number;
  private readonly pages: number;
  private readonly streams: number;

  constructor(order: Extract<CodecOrder, { kind: 'open' }>) {
    this.count = order.corpus.length / PAGE_SIZE;
    this.perBatch = this.count / order.batches;
    this.sizes = new Int32Array(this.count);
    const { workBytes } = createCodec(order.codec);
    this.back = this.work + Math.ceil(workBytes / PAGE_SIZE) * PAGE_SIZE;
    this.pages = this.back + 2 * PAGE_SIZE;
    this.streams = this.pages + this.count * PAGE_SIZE;
    // A spare page at the end, as there is always something behind the last frame of a machine.
    const arena = createArena(this.streams + this.count * STREAM_BYTES + PAGE_SIZE, true);
    const bytes = createPageBytes(arena, order.wasm);
    this.codec = createCodec(order.codec, order.wasm ? { arena, bytes } : null);
    this.available = this.codec.wasm === order.wasm;
    this.u8 = arena.u8;
    this.i32 = arena.i32;
    this.u8.set(order.corpus, this.pages);
  }

  compress(): CodecTrial {
    const ns: number[] = [];
    for (let first = 0; first < this.count; first += this.perBatch) {
      const start = performance.now();
      this.compressPages(first, first + this.perBatch);
      ns.push((performance.now() - start) * 1e6);
    }
    let bytes = 0;
    let sum = SUM_START;
    for (let page = 0; page < this.count; page++) {
      const from = this.streams + page * STREAM_BYTES;
      const size = this.sizes[page] ?? 0;
      for (let at = from; at < from + size; at++) sum = Math.imul(sum ^ (this.u8[at] ?? 0), SUM_FACTOR);
      bytes += size;
    }
    return { ns, bytes, sum: sum >>> 0 };
  }

  decompress(): CodecTrial {
    const ns: number[] = [];
    let bytes = 0;
    for (let first = 0; first < this.count; first += this.perBatch) {
      const start = performance.now();
      bytes += this.decompressPages(first, first + this.perBatch);
      ns.push((performance.now() - start) * 1e6);
    }
    return { ns, bytes, sum: SUM_START };
  }

  private compressPages(first: number, end: number): void {
    const { codec, u8, i32, sizes } = this;
    for (let page = first; page < end; page++) {
      const from = this.pages + page * PAGE_SIZE;
      const to = this.streams + page * STREAM_BYTES;
      sizes[page] = codec.compress(u8, from, PAGE_SIZE, u8, to, STREAM_BYTES, i32, this.work >> 2);
    }
  }

  private decompressPages(first: number, end: number): number {
    const { codec, u8, sizes } = this;
    let bytes = 0;
    for (let page = first; page < end; page++) {
      const from = this.streams + page * STREAM_BYTES;
      bytes += codec.decompress(u8, from, sizes[page] ?? 0, u8, this.back, PAGE_SIZE);
    }
    return bytes;
  }
}

let bench: CodecBench | undefined;

parentPort?.on('message', (order: CodecOrder) => {
  if (order.kind === 'open') {
    bench = new CodecBench(order);
    parentPort?.postMessage({ available: bench.available } satisfies CodecOpened);
  } else {
    parentPort?.postMessage(order.kind === 'compress' ? bench?.compress() : bench?.decompress());
  }
});
