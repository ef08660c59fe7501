/**
 * What the real kernel's device held while a trace was recorded, and how far our device is from it.
 *
 * The samples are a file in columns beside the trace, of the same clock: `t_us`, `swap_used_slots`, and where they are there `compr_data`,
 * `mem_used`, `orig_data` (bytes), `same_pages` and `huge_pages`. Other columns are ignored.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { EnvironmentError } from '../errors.js';
import { badLine, forEachLine, quoteLine } from './formats/lines.js';
import { SLOT_BYTES } from './formats/row.js';

/** The device at one moment. What a file does not have is null. */
export interface KernelSample {
  /** Microseconds of the trace's clock. */
  readonly tUs: number;
  /** Slots in use. */
  readonly live: number;
  /** Bytes of stored pages after compression, without the swap header. */
  readonly comprBytes: number | null;
  /** Bytes of memory that hold them, header included. */
  readonly memBytes: number | null;
  /** Pages stored, without the header. */
  readonly stored: number | null;
  /** Pages that repeat one word and take no bytes. */
  readonly same: number | null;
  /** Pages stored as they are. */
  readonly raw: number | null;
}

/** The median and the 95th percentile of differences. */
export interface Difference {
  readonly median: number;
  readonly p95: number;
}

const COLUMNS = ['compr_data', 'mem_used', 'orig_data', 'same_pages', 'huge_pages'] as const;

/**
 * Finds the samples that belong to a trace: of `NAME.csv.gz` they are in `NAME.samples.csv.gz`, compressed or not.
 *
 * @param tracePath - of the trace
 * @returns null when there are none
 */
export function neighbourSamples(tracePath: string): string | null {
  const name = basename(tracePath).replace(/(?:\.[A-Za-z]+)?(?:\.gz)?$/, '');
  const there = ['.samples.csv.gz', '.samples.csv'].map((ending) => join(dirname(tracePath), name + ending));
  return there.find((path) => path !== tracePath && existsSync(path)) ?? null;
}

/**
 * Reads samples.
 *
 * @param path - of the file
 * @param signal - ends it
 * @returns by rising time, at least one
 * @throws EnvironmentError when it cannot be read, a line is bad or there is none; the reason of the signal
 */
export async function readSamples(path: string, signal: AbortSignal | undefined): Promise<KernelSample[]> {
  const samples: KernelSample[] = [];
  let columns: Map<string, number> | null = null;
  await forEachLine(path, signal, (line, number) => {
    if (line === '') return true;
    if (columns === null) {
      columns = new Map(line.split(',').map((name, index) => [name.trim(), index]));
      for (const name of ['t_us', 'swap_used_slots'])
        if (!columns.has(name))
          throw badLine(path, number, `the header ${quoteLine(line)} of samples has no column ${name}`);
      return true;
    }
    samples.push(readSample(path, line, number, columns));
    return true;
  });
  if (samples.length === 0) throw new EnvironmentError(`${path} has no samples`);
  return withoutHeader(samples.sort((a, b) => a.tUs - b.tUs));
}

function readSample(
  path: string,
  line: string,
  number: number,
  columns: ReadonlyMap<string, number>,
): KernelSample {
  const fields = line.split(',');
  const value = (name: string): number | null => {
    const index = columns.get(name);
    if (index === undefined) return null;
    const text = fields[index] ?? '';
    const read = /^-?\d{1,15}(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(read) || (read < 0 && name !== 't_us'))
      throw badLine(path, number, `${name} ${quoteLine(text)} is not a number that it can be`);
    return read;
  };
  const [compr = null, mem = null, orig = null, same = null, raw = null] = COLUMNS.map(value);
  return {
    tUs: value('t_us') ?? 0,
    live: value('swap_used_slots') ?? 0,
    comprBytes: compr,
    memBytes: mem,
    stored: orig === null ? null : orig / SLOT_BYTES,
    same,
    raw,
  };
}

/** Takes the swap header out of the numbers: what a device holds while no slot is in use. */
function withoutHeader(samples: readonly KernelSample[]): KernelSample[] {
  const idle = samples.filter((sample) => sample.live === 0);
  const least = (value: (sample: KernelSample) => number | null): number =>
    idle.length === 0 ? 0 : Math.min(...idle.map((sample) => value(sample) ?? 0));
  const [bytes, pages] = [least((sample) => sample.comprBytes), least((sample) => sample.stored)];
  const less = (value: number | null, header: number): number | null =>
    value === null ? null : Math.max(0, value - header);
  return samples.map((sample) => ({
    ...sample,
    comprBytes: less(sample.comprBytes, bytes),
    stored: less(sample.stored, pages),
  }));
}

/** Compares our device with the samples, one after the other. */
export class SampleComparison {
  private readonly live: number[] = [];
  private readonly compr: number[] = [];
  private readonly fromUs: number;
  private readonly toUs: number;
  /** Samples that were left out, because they fall into the call that unmaps everything. */
  excluded = 0;

  /**
   * @param fromUs - when the call begins that unmaps everything, in the trace; null for none. The kernel is at it for a while, and the trace has all
   * of it at its beginning
   * @param toUs - when it ends
   */
  constructor(fromUs: number | null, toUs: number) {
    this.fromUs = fromUs ?? Number.POSITIVE_INFINITY;
    this.toUs = toUs;
  }

  /**
   * Compares one sample.
   * @param sample - of the kernel
   * @param ours - our slots in use and compressed bytes, after all rows up to the moment of the sample
   */
  add(sample: KernelSample, ours: { readonly live: number; readonly comprBytes: number }): void {
    if (sample.tUs >= this.fromUs && sample.tUs <= this.toUs) {
      this.excluded++;
      return;
    }
    this.live.push(Math.abs(ours.live - sample.live));
    // Without slots in use there is nothing that a share could be of.
    if (sample.comprBytes !== null && sample.comprBytes > 0 && sample.live > 0)
      this.compr.push(Math.abs(ours.comprBytes - sample.comprBytes) / sample.comprBytes);
  }

  /** Samples that were compared. */
  get compared(): number {
    return this.live.length;
  }

  /** Slots by which live differs; null when nothing was compared. */
  liveVsSamples(): Difference | null {
    return differenceOf(this.live);
  }

  /** Shares of the kernel's compressed bytes by which ours differ; null when nothing was compared. */
  comprVsSamples(): { readonly medianRelative: number; readonly p95Relative: number } | null {
    const difference = differenceOf(this.compr);
    return difference === null ? null : { medianRelative: difference.median, p95Relative: difference.p95 };
  }
}

function differenceOf(values: readonly number[]): Difference | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { median: at(0.5), p95: at(0.95) };
}
