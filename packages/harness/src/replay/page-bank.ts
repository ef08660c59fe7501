/**
 * The pages that a replay writes: a bank of them, made before it starts, and which of them each write takes.
 *
 * Promise: which page a write takes, and all its bytes, follow from the seed, the number of the write and its moment in the trace. Any stretch of
 * writes takes its pages from all over the bank: the draws are spread evenly, not only by chance.
 */
import { createHash } from 'node:crypto';

import { createCodec, type Codec } from '@swaplab/ramzswap';

import type { PageCorpus } from '../pages/corpus.js';
import { PAGE_BYTES, writeIncompressiblePage, writeSameFilledPage } from '../pages/generate.js';
import { mix32, Random, UINT32_RANGE } from '../random.js';
import type { RunCodec } from '../run/options.js';
import { DRAWN_BYTES_MAX, DRAWN_BYTES_MIN, type SizeDistribution } from './size-distribution.js';

/** Pages, and how they are chosen. */
export interface PageBank {
  /** Page after page. */
  readonly bytes: Uint8Array;
  readonly pages: number;
  /** SHA-256 of `bytes`. */
  readonly hash: string;
  /** One line for people. */
  readonly description: string;

  /**
   * Chooses the page of a write.
   * @param write - number of the write, from 1 on
   * @param tUs - its moment in the trace
   * @returns index of the page
   */
  choose(write: number, tUs: number): number;
}

/** Pages for sizes from the smallest to the largest, and how many of each other kind. */
const SIZED_PAGES = 384;
const RAW_PAGES = 32;
const SAME_FILLED_PAGES = 32;
/** The first bytes of a page are replaced by its stamp: they are random already, so its size stays. */
const RANDOM_AT_START = 16;
const BLOCKS = 16;
const BLOCK_BYTES = PAGE_BYTES / BLOCKS;
/** Bytes by which a page may miss its size, and how often it is tried to come closer. */
const CLOSE_ENOUGH = 3;
const TRIALS = 8;
/** The golden ratio of 2^32: its multiples are spread as evenly as any sequence. */
const GOLDEN = 0x9e37_79b1;

/**
 * A bank of the pages of a corpus, all taken equally often.
 *
 * @param corpus - from `harvestPages`
 * @param seed - of the replay
 */
export function bankOfCorpus(corpus: PageCorpus, seed: number): PageBank {
  const { bytes, pages, hash, description } = corpus;
  return {
    bytes,
    pages,
    hash,
    description,
    choose: (write) => Math.floor((drawOf(seed, write) * pages) / UINT32_RANGE),
  };
}

/**
 * A bank of generated pages whose sizes after compression follow a distribution.
 *
 * @param sizes - the distribution
 * @param codec - what the pages will be compressed with
 * @param seed - of the replay
 */
export function bankOfSizes(sizes: SizeDistribution, codec: RunCodec, seed: number): PageBank {
  const pages = SIZED_PAGES + RAW_PAGES + SAME_FILLED_PAGES;
  const bytes = new Uint8Array(pages * PAGE_BYTES);
  const random = new Random(seed).fork('pages of sizes');
  const calibration = new Calibration(codec);
  for (let index = 0; index < SIZED_PAGES; index++) {
    const page = bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
    calibration.fill(sizeOf(index), random.fork(index).seed, page);
  }
  for (let index = SIZED_PAGES; index < pages; index++) {
    const write = index < SIZED_PAGES + RAW_PAGES ? writeIncompressiblePage : writeSameFilledPage;
    write(random, bytes, index * PAGE_BYTES);
  }
  return {
    bytes,
    pages,
    hash: createHash('sha256').update(bytes).digest('hex'),
    description: describe(sizes),
    choose: (write, tUs) => {
      const drawn = sizes.draw(drawOf(seed, write), tUs);
      if (drawn.kind === 'compressed') return indexOf(drawn.bytes);
      const other = mix32(write ^ seed);
      return drawn.kind === 'raw'
        ? SIZED_PAGES + (other % RAW_PAGES)
        : SIZED_PAGES + RAW_PAGES + (other % SAME_FILLED_PAGES);
    },
  };
}

function describe(sizes: SizeDistribution): string {
  const { shares, fromSamples } = sizes;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return (
    `generated pages with the sizes of ${fromSamples ? "the trace's own samples" : 'pages of real programs'}: ` +
    `${Math.round(shares.mean).toLocaleString('en-US')} bytes on average, ${percent(shares.raw)} raw, ${percent(shares.same)} same-filled`
  );
}

/** An unsigned 32-bit number for a write: those of any stretch of writes are spread evenly. */
function drawOf(seed: number, write: number): number {
  return (mix32(seed) + Math.imul(write, GOLDEN)) >>> 0;
}

function sizeOf(index: number): number {
  return DRAWN_BYTES_MIN + ((DRAWN_BYTES_MAX - DRAWN_BYTES_MIN) * index) / (SIZED_PAGES - 1);
}

function indexOf(bytes: number): number {
  return Math.round(((bytes - DRAWN_BYTES_MIN) * (SIZED_PAGES - 1)) / (DRAWN_BYTES_MAX - DRAWN_BYTES_MIN));
}

/** Finds out, with the real codec, how many random bytes make a page of a size. */
class Calibration {
  private readonly codec: Codec;
  private readonly work: Int32Array;
  private readonly output: Uint8Array;

  constructor(codec: RunCodec) {
    this.codec = createCodec(codec);
    this.work = new Int32Array(this.codec.workBytes / 4);
    this.output = new Uint8Array(this.codec.maxCompressedBytes(PAGE_BYTES));
  }

  /**
   * Fills a page that compresses to about a size: as close as can be had in a few trials, mostly within {@link CLOSE_ENOUGH} bytes.
   * @param bytes - the size
   * @param seed - of the random bytes
   * @param page - to be filled
   */
  fill(bytes: number, seed: number, page: Uint8Array): void {
    let [best, bestError] = [RANDOM_AT_START, Number.POSITIVE_INFINITY];
    let randomBytes = Math.round(bytes);
    for (let trial = 0; trial < TRIALS && bestError > CLOSE_ENOUGH; trial++) {
      // A random byte more is a byte more after compression, or nearly.
      randomBytes = Math.min(Math.max(randomBytes, RANDOM_AT_START), PAGE_BYTES);
      writeMixedPage(seed, randomBytes, page);
      const error = this.sizeOf(page) - Math.round(bytes);
      if (Math.abs(error) < bestError) [best, bestError] = [randomBytes, Math.abs(error)];
      randomBytes -= error;
    }
    writeMixedPage(seed, best, page);
  }

  private sizeOf(page: Uint8Array): number {
    const { codec, output, work } = this;
    return codec.compress(page, 0, PAGE_BYTES, output, 0, output.length, work, 0);
  }
}

/** Blocks of random bytes and one repeated byte each, with so many random bytes in all; the first block has those of the stamp. */
function writeMixedPage(seed: number, randomBytes: number, page: Uint8Array): void {
  const random = new Random(seed);
  const shared = randomBytes - RANDOM_AT_START;
  for (let block = 0; block < BLOCKS; block++) {
    const start = block * BLOCK_BYTES;
    const own = Math.floor(((block + 1) * shared) / BLOCKS) - Math.floor((block * shared) / BLOCKS);
    const end = start + Math.min(BLOCK_BYTES, own + (block === 0 ? RANDOM_AT_START : 0));
    let bits = 0;
    for (let at = start; at < end; at++) {
      if ((at - start) % 4 === 0) bits = random.next();
      page[at] = bits;
      bits >>>= 8;
    }
    page.fill(random.below(256), end, start + BLOCK_BYTES);
  }
}
