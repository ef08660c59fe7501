/**
 * How large the processes of a scenario are for so many swappers and steps, which everything else about it follows from.
 */
import { PAGE_BYTES } from '../pages/generate.js';
import { CHUNK_PAGES } from '../workload/plan.js';
import type { CompleteScenarioOptions, ScenarioOptions } from './scenario.js';

const SWAPPERS = 4;
/** As many areas as there can be. */
const DISKS_MAX = 29;
const OPS = 60_000;
const PAGES_PER_SWAPPER_MIN = 64;
/** A larger machine shows the same, only slower. */
const PAGES_IN_ALL_MAX = 16_384;

/** Sizes of a run, in pages unless the name says bytes. */
export interface ScenarioSizes {
  readonly swappers: number;
  readonly disks: number;
  /** What the process of each swapper maps at most. */
  readonly mappedBytes: number;
  /** What all processes map at most. */
  readonly mapped: number;
  /** What may stay resident of it. */
  readonly limit: number;
}

/**
 * The sizes of a scenario; what was asked for is kept.
 *
 * @param asked - for the run
 * @param opsPerPage - steps for each mapped page
 * @param limitPart - the limit is this part of what is mapped, 4 for a quarter
 */
export function sizesOf(asked: ScenarioOptions, opsPerPage: number, limitPart = 4): ScenarioSizes {
  const swappers = asked.swappers ?? SWAPPERS;
  const each =
    asked.mapped === undefined ? assumedPages(asked, swappers, opsPerPage) : asked.mapped / PAGE_BYTES;
  const mapped = each * swappers;
  const limit = asked.limit === undefined ? Math.floor(mapped / limitPart) : asked.limit / PAGE_BYTES;
  return {
    swappers,
    disks: asked.disks ?? Math.min(swappers, DISKS_MAX),
    mappedBytes: each * PAGE_BYTES,
    mapped,
    limit,
  };
}

/**
 * Whether a run has as many steps for each page as a scenario counts on: with very few steps and many swappers the processes cannot be as small as
 * they would have to be.
 *
 * @param options - of the run
 * @param opsPerPage - as for {@link sizesOf}
 */
export function hasWorkForAll(
  { ops, mapped, swappers }: CompleteScenarioOptions,
  opsPerPage: number,
): boolean {
  return ops >= (opsPerPage * mapped * swappers) / PAGE_BYTES;
}

/** Bytes of so many pages, a part of one taken for a whole. */
export function bytesOfPages(pages: number): number {
  return Math.ceil(pages) * PAGE_BYTES;
}

function assumedPages(asked: ScenarioOptions, swappers: number, opsPerPage: number): number {
  const fromOps = Math.floor((asked.ops ?? OPS) / swappers / opsPerPage);
  const most = Math.floor(PAGES_IN_ALL_MAX / swappers);
  const pages = Math.min(Math.max(fromOps, PAGES_PER_SWAPPER_MIN), most);
  return pages - (pages % CHUNK_PAGES);
}
