/**
 * The pages of the benchmarks: pages of the Node executable and generated ones, none of them zero, of a given mean ratio under the codec of 2010.
 *
 * Promise: the same Node executable gives the same pages.
 */
import { createCodec } from '@swaplab/ramzswap';
import { PAGE_BYTES } from '../pages/generate.js';
import { harvestPages } from '../pages/corpus.js';
import { parsePagesSpec } from '../pages/spec.js';

/** Mean compressed size over size, of the pages that the reference figures were measured with. */
const MEAN_RATIO = 0.454;
/** How many pages are looked at for one that is taken. */
const CHOICE = 4;
const SEED = 2010;

/** The pages. */
export interface BenchPages {
  /** Page after page. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly pages: number;
  /** Mean compressed size over size. */
  readonly meanRatio: number;
}

/**
 * Makes the pages: of a larger corpus one after the other that brings the mean nearer to {@link MEAN_RATIO}.
 * @param pages - how many, a power of two
 */
export function benchPages(pages: number): BenchPages {
  const source = harvestPages(parsePagesSpec('default'), SEED, pages * CHOICE);
  const sizes = compressedSizes(source.bytes, source.pages);
  const small: number[] = [];
  const large: number[] = [];
  // The corpus is sorted by kind: an odd stride, prime to its length, which is a power of two, mixes it.
  const stride = Math.floor(source.pages * 0.618) | 1;
  for (let turn = 0, page = 0; turn < source.pages; turn++, page = (page + stride) % source.pages) {
    const size = sizes[page] ?? 0;
    // Zero pages and pages of one word say nothing about a codec.
    if (size <= 64) continue;
    (size < MEAN_RATIO * PAGE_BYTES ? small : large).push(page);
  }
  const bytes = new Uint8Array(new SharedArrayBuffer(pages * PAGE_BYTES));
  let total = 0;
  for (let index = 0; index < pages; index++) {
    const wantsSmall = total >= MEAN_RATIO * PAGE_BYTES * index;
    const page = (wantsSmall ? small : large).shift() ?? small.shift() ?? large.shift() ?? 0;
    bytes.set(source.bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES), index * PAGE_BYTES);
    total += sizes[page] ?? 0;
  }
  return { bytes, pages, meanRatio: total / (pages * PAGE_BYTES) };
}

/**
 * What the pages of {@link benchPages} compress to under the codec of 2010, in bytes.
 * @param pages - how many, a power of two
 */
export function benchSizes(pages: number): number[] {
  return compressedSizes(benchPages(pages).bytes, pages);
}

function compressedSizes(bytes: Uint8Array, pages: number): number[] {
  const codec = createCodec('lzo1x-2010');
  const output = new Uint8Array(codec.maxCompressedBytes(PAGE_BYTES));
  const work = new Int32Array(codec.workBytes / 4);
  const sizes: number[] = [];
  for (let page = 0; page < pages; page++) {
    sizes.push(codec.compress(bytes, page * PAGE_BYTES, PAGE_BYTES, output, 0, output.length, work, 0));
  }
  return sizes;
}
