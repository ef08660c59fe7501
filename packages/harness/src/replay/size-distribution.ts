/**
 * How large the pages of a trace are after compression, as far as is known.
 *
 * A trace has no contents. What the real device held tells how large its pages were on average, at each moment, and how many were stored as they are or
 * as one repeated word; how sizes spread around the average comes from pages of real programs, measured once with each family of
 * codecs. Sizes are drawn so that our device stores them in the same way: one that stores pages raw from 3073 bytes on is given nothing between
 * that and a whole page.
 */
import type { RunCodec } from '../run/options.js';
import { SLOT_BYTES } from './formats/row.js';
import type { KernelSample } from './samples.js';

/** What a page becomes. */
export type DrawnPage =
  /** Compressed to about so many bytes. */
  | { readonly kind: 'compressed'; readonly bytes: number }
  | { readonly kind: 'raw' }
  | { readonly kind: 'same-filled' };

/** The smallest size that is drawn, bytes. */
export const DRAWN_BYTES_MIN = 64;
/** The largest object of our device; larger pages are stored as they are. @kernel MAX_ZPAGE_SIZE, 2.6.34 */
export const DRAWN_BYTES_MAX = (SLOT_BYTES / 4) * 3;

/** Sizes in bytes at the shares 0, 0.05, 0.1, 0.2, ... 0.9 of all pages; what is above the last one is stored raw from {@link ZRAM_RAW_BYTES} on. */
type Spread = readonly number[];

const SHARES = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const;
/** Measured with pages of programs, source text, JSON and script-engine heaps. The first number of each is a guess. */
const SPREADS: Readonly<Record<'lzo' | 'lzo-rle' | 'lz4', Spread>> = {
  lzo: [300, 736, 1084, 1255, 1336, 1473, 1681, 1954, 2140, 2477, 3240],
  'lzo-rle': [300, 746, 1100, 1259, 1371, 1493, 1722, 1972, 2152, 2493, 3251],
  lz4: [320, 784, 1136, 1325, 1449, 1570, 1845, 2068, 2285, 2564, 3287],
};
/** From here on the measured pages were stored raw. */
const ZRAM_RAW_BYTES = 3625;
/** Of the measured pages. */
const RAW_SHARE = 0.081;
const SAME_SHARE = 0.02;

const UINT32 = 2 ** 32;
/** Points at which the spread is looked up. */
const STEPS = 512;

/** The mean of a moment against that of the whole trace. */
interface Moment {
  readonly tUs: number;
  readonly factor: number;
}

/** What the sizes of a trace are drawn from. */
export interface SizeShares {
  /** Share of same-filled pages. */
  readonly same: number;
  /** Share of raw pages among the others. */
  readonly raw: number;
  /** Mean bytes of those that are neither. */
  readonly compressedMean: number;
  /** Mean bytes of a page that is not same-filled, raw ones included. */
  readonly mean: number;
  /** Bytes at most of a tenth of the compressed pages, of two tenths, and so on, up to nine. */
  readonly deciles: readonly number[];
}

/** Shares, before sizes are scaled to them. */
type SeenShares = Omit<SizeShares, 'deciles'>;

/** Draws sizes. */
export class SizeDistribution {
  readonly shares: SizeShares;
  /** Whether the means come from samples of the real device. */
  readonly fromSamples: boolean;
  /** Sizes in bytes by rank, scaled to the mean. */
  private readonly sizes: Float64Array;
  private readonly moments: readonly Moment[];

  /**
   * @param codec - what the pages will be compressed with; chooses the spread
   * @param samples - of the real device; null or without bytes for the measured pages themselves
   */
  constructor(codec: RunCodec, samples: readonly KernelSample[] | null) {
    const spread = SPREADS[familyOf(codec)];
    const seen = samples === null ? null : sharesOf(samples);
    this.fromSamples = seen !== null;
    const shares = seen ?? sharesOfSpread(spread);
    this.sizes = scaledTo(spread, shares.compressedMean);
    const deciles = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenth) =>
      Math.round(this.sizes[Math.floor((tenth * STEPS) / 10)] ?? 0),
    );
    this.shares = { ...shares, deciles };
    this.moments = seen === null || samples === null ? [] : momentsOf(samples, seen);
  }

  /**
   * Draws a page.
   *
   * @param draw - an unsigned 32-bit number, all equally likely
   * @param tUs - when the page is written, in the trace
   */
  draw(draw: number, tUs: number): DrawnPage {
    const { same, raw } = this.shares;
    const place = draw / UINT32;
    if (place < same) return { kind: 'same-filled' };
    const rest = (place - same) / (1 - same);
    if (rest < raw) return { kind: 'raw' };
    const rank = Math.floor(((rest - raw) / (1 - raw)) * STEPS);
    const bytes = Math.round((this.sizes[rank] ?? DRAWN_BYTES_MAX) * this.factorAt(tUs));
    return { kind: 'compressed', bytes: clipped(bytes) };
  }

  /** The mean at a moment against the mean of all: that of the first sample that can have seen the page. */
  private factorAt(tUs: number): number {
    const { moments } = this;
    let [low, high] = [0, moments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((moments[middle]?.tUs ?? 0) < tUs) low = middle + 1;
      else high = middle;
    }
    return (moments[low] ?? moments.at(-1))?.factor ?? 1;
  }
}

function familyOf(codec: RunCodec): keyof typeof SPREADS {
  if (codec === 'lz4') return 'lz4';
  return codec === 'lzo-rle' ? 'lzo-rle' : 'lzo';
}

function clipped(bytes: number): number {
  return Math.min(Math.max(bytes, DRAWN_BYTES_MIN), DRAWN_BYTES_MAX);
}

/** Size at a share of all pages: a straight line between two that were measured, and one on to the first raw page. */
function sizeAt(spread: Spread, share: number): number {
  const shares = [...SHARES, 1 - RAW_SHARE];
  const sizes = [...spread, ZRAM_RAW_BYTES];
  const above = shares.findIndex((each) => each > share);
  if (above < 0) return ZRAM_RAW_BYTES;
  const [left = 0, right = 1] = [shares[above - 1], shares[above]];
  const [low = 0, high = 0] = [sizes[above - 1], sizes[above]];
  return low + ((high - low) * (share - left)) / (right - left);
}

/** Sizes of the compressed pages by rank, as measured. */
function measured(spread: Spread): number[] {
  return Array.from({ length: STEPS }, (_, rank) => sizeAt(spread, ((rank + 0.5) / STEPS) * (1 - RAW_SHARE)));
}

/** Sizes by rank times a factor, so that their mean is the one wanted although none is above what the device compresses. */
function scaledTo(spread: Spread, mean: number): Float64Array {
  const sizes = measured(spread);
  const meanTimes = (factor: number): number =>
    sizes.reduce((sum, bytes) => sum + clipped(bytes * factor), 0) / STEPS;
  let [low, high] = [0, 64];
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (meanTimes(middle) < mean) low = middle;
    else high = middle;
  }
  return Float64Array.from(sizes, (bytes) => clipped(bytes * low));
}

function sharesOfSpread(spread: Spread): SeenShares {
  const compressedMean = measured(spread).reduce((sum, bytes) => sum + bytes, 0) / STEPS;
  return {
    same: SAME_SHARE,
    raw: RAW_SHARE,
    compressedMean,
    mean: RAW_SHARE * SLOT_BYTES + (1 - RAW_SHARE) * compressedMean,
  };
}

/** Pages with bytes of their own at a sample; null when it does not say. */
function pagesWithBytes({ stored, live, same }: KernelSample): number | null {
  const pages = (stored ?? live) - (same ?? 0);
  return pages > 0 ? pages : null;
}

/** Shares over all samples; null when they say nothing of bytes. */
function sharesOf(samples: readonly KernelSample[]): SeenShares | null {
  let [bytes, pages, same, raw] = [0, 0, 0, 0];
  for (const sample of samples) {
    const withBytes = pagesWithBytes(sample);
    if (sample.comprBytes === null || withBytes === null) continue;
    bytes += sample.comprBytes;
    pages += withBytes;
    same += sample.same ?? 0;
    raw += sample.raw ?? 0;
  }
  if (pages === 0 || bytes === 0) return null;
  const mean = bytes / pages;
  const rawShare = Math.min(raw / pages, 1);
  const compressedMean = rawShare === 1 ? SLOT_BYTES : (mean - rawShare * SLOT_BYTES) / (1 - rawShare);
  return { same: same / (pages + same), raw: rawShare, compressedMean: Math.max(0, compressedMean), mean };
}

function momentsOf(samples: readonly KernelSample[], shares: SeenShares): Moment[] {
  const moments: Moment[] = [];
  for (const sample of samples) {
    const pages = pagesWithBytes(sample);
    if (sample.comprBytes === null || pages === null || sample.comprBytes === 0) continue;
    moments.push({ tUs: sample.tUs, factor: sample.comprBytes / pages / shares.mean });
  }
  return moments;
}
