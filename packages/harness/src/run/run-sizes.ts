/**
 * The sizes of a run: how a person types one, what is assumed where none is given, and whether they fit each other.
 *
 * All are whole pages. Each that is left out follows from those before it, in the order mapped, disksize, limit, ram; `completeRunOptions` of
 * `options.ts` says by which rules. Every refusal is one sentence with the value and the allowed range (`UsageError`).
 */
import { UsageError } from '../errors.js';
import { PAGE_BYTES } from '../pages/generate.js';
import { CHUNK_PAGES } from '../workload/plan.js';

/** The arena must stay below 2 GiB, control data included. */
const RAM_MAX_PAGES = (1536 << 20) / PAGE_BYTES;
const PAGES_PER_SWAPPER_MIN = 16;
/** Fewest pages of a swap area. */
const DISK_PAGES_MIN = 10;
/** Each thread holds some pages on their way in and out: below this a fault could wait for itself. */
const LIMIT_PAGES_PER_SWAPPER_MIN = 4;
/** Ops for each mapped page: enough that each phase comes back to most pages. */
const OPS_PER_PAGE = 15;
const DEFAULT_PAGES_PER_SWAPPER_MIN = 64;
const DEFAULT_PAGES_PER_SWAPPER_MAX = 8192;
/** What all swappers map when nothing is said: with twice as many slots it must still fit below `RAM_MAX_PAGES`. */
const DEFAULT_MAPPED_PAGES_MAX = RAM_MAX_PAGES / 3;

/** The sizes of a run, in bytes; see `RunOptions`. */
export interface RunSizes {
  readonly mapped: number;
  readonly disksize: number;
  readonly limit: number;
  readonly ram: number;
}

/** What sizes follow from: those that are given, in bytes, and the numbers of what there is. */
export interface AskedSizes extends Partial<Record<keyof RunSizes, number | undefined>> {
  readonly swappers: number;
  readonly disks: number;
  /** Disks of the same size beside those. */
  readonly spareDisks: number;
  readonly ops: number;
}

/** What sizes must fit. */
export interface SizeRules {
  readonly swappers: number;
  readonly disks: number;
  /** Disks of the same size beside those. */
  readonly spareDisks: number;
  /** Whether the disks may have fewer slots than there are pages. */
  readonly mayRunFull: boolean;
  /** Whether there may be fewer page frames than all of it could take. */
  readonly mayLackFrames: boolean;
}

/**
 * Reads a size as a person types it.
 *
 * @param text - a whole number of bytes, or one with K, M or G (powers of 1024) behind it
 * @param name - the option it belongs to, for the message
 * @returns bytes
 * @throws UsageError when it is anything else
 */
export function parseSize(text: string, name: string): number {
  const match = /^(\d{1,15})([KMG]?)$/i.exec(text.trim());
  const shift = { '': 0, K: 10, M: 20, G: 30 }[match?.[2]?.toUpperCase() ?? ''] ?? 0;
  const bytes = match === null ? Number.NaN : Number(match[1]) * 2 ** shift;
  if (!Number.isSafeInteger(bytes)) {
    throw new UsageError(
      `${name} "${text}" is not a size; allowed: bytes, or a whole number with K, M or G, such as 16M`,
    );
  }
  return bytes;
}

/**
 * Writes a size as a person types it: the largest unit that leaves a whole number.
 *
 * @param bytes - a whole number of bytes
 */
export function formatSize(bytes: number): string {
  for (const [unit, shift] of [
    ['G', 30],
    ['M', 20],
    ['K', 10],
  ] as const) {
    if (bytes > 0 && bytes % 2 ** shift === 0) return `${String(bytes / 2 ** shift)}${unit}`;
  }
  return String(bytes);
}

/**
 * Fills in the sizes that are left out; checks nothing.
 *
 * @param given - what they follow from
 */
export function deriveSizes(given: AskedSizes): RunSizes {
  const { swappers, disks } = given;
  const allDisks = disks + given.spareDisks;
  const mapped = given.mapped ?? assumedPagesPerSwapper(given) * PAGE_BYTES;
  const mappedPages = (mapped / PAGE_BYTES) * swappers;
  const disksize = given.disksize ?? (Math.ceil((2 * mappedPages) / disks) + 1) * PAGE_BYTES;
  const limit = given.limit ?? Math.floor(mappedPages / 4) * PAGE_BYTES;
  const ram = given.ram ?? limit + allDisks * disksize + reservePages(swappers) * PAGE_BYTES;
  return { mapped, disksize, limit, ram };
}

function assumedPagesPerSwapper(given: AskedSizes): number {
  const fromOps = Math.floor(given.ops / given.swappers / OPS_PER_PAGE);
  let pages = Math.min(
    Math.max(fromOps, DEFAULT_PAGES_PER_SWAPPER_MIN),
    DEFAULT_PAGES_PER_SWAPPER_MAX,
    Math.floor(DEFAULT_MAPPED_PAGES_MAX / given.swappers),
  );
  if (given.disksize !== undefined) {
    const slots = Math.max(0, Math.floor(given.disksize / PAGE_BYTES) - 1) * given.disks;
    pages = Math.max(Math.min(pages, Math.floor(slots / 2 / given.swappers)), PAGES_PER_SWAPPER_MIN);
  }
  return pages > CHUNK_PAGES ? pages - (pages % CHUNK_PAGES) : pages;
}

/**
 * Page frames beyond the limit and the disks: for watermarks and for pages on their way.
 *
 * @param swappers - threads, each of which has pages on their way
 */
export function reservePages(swappers: number): number {
  return 512 + 64 * swappers;
}

/**
 * Refuses sizes that are impossible, or do not fit each other.
 *
 * @param sizes - all of them
 * @param rules - what they must fit
 * @throws UsageError with one sentence for the first that does not
 */
export function checkSizes(sizes: RunSizes, rules: SizeRules): void {
  const page = PAGE_BYTES;
  const { swappers, disks, mayRunFull, mayLackFrames } = rules;
  const allDisks = disks + rules.spareDisks;
  checkBytes(
    'mapped',
    sizes.mapped,
    PAGES_PER_SWAPPER_MIN * page,
    Math.floor(RAM_MAX_PAGES / swappers) * page,
    '',
  );
  const mappedPages = (sizes.mapped / page) * swappers;
  checkBytes(
    'disksize',
    sizes.disksize,
    mayRunFull ? DISK_PAGES_MIN * page : (Math.ceil(mappedPages / disks) + 1) * page,
    Math.floor(RAM_MAX_PAGES / allDisks) * page,
    `: ${plural(disks, 'disk')} must hold ${formatSize(mappedPages * page)} that ` +
      `${plural(swappers, 'swapper')} may map, and a header page each`,
  );
  checkBytes(
    'limit',
    sizes.limit,
    LIMIT_PAGES_PER_SWAPPER_MIN * swappers * page,
    mappedPages * page,
    `: from ${String(LIMIT_PAGES_PER_SWAPPER_MIN)} pages for each of ${plural(swappers, 'swapper')} ` +
      `to all they map`,
  );
  checkBytes(
    'ram',
    sizes.ram,
    mayLackFrames ? sizes.limit : sizes.limit + reservePages(swappers) * page,
    RAM_MAX_PAGES * page,
    mayLackFrames
      ? `: at least the limit of ${formatSize(sizes.limit)}`
      : `: at least the limit of ${formatSize(sizes.limit)} and a reserve of ` +
          formatSize(reservePages(swappers) * page),
  );
}

function checkBytes(name: string, bytes: number, least: number, most: number, reason: string): void {
  const shown = Number.isInteger(bytes) ? formatSize(bytes) : String(bytes);
  if (!Number.isInteger(bytes) || bytes % PAGE_BYTES !== 0) {
    throw new UsageError(
      `${name} ${shown} is not a whole number of pages; allowed: multiples of ${String(PAGE_BYTES)}, ` +
        `from ${formatSize(least)} to ${formatSize(most)}`,
    );
  }
  if (least > most) {
    throw new UsageError(
      `${name} ${shown} cannot be right: at least ${formatSize(least)} is needed and at most ` +
        `${formatSize(most)} is possible${reason}`,
    );
  }
  if (bytes < least || bytes > most) {
    const verdict = bytes < least ? 'too small' : 'too large';
    throw new UsageError(
      `${name} ${shown} is ${verdict}; allowed: ${formatSize(least)} to ${formatSize(most)}${reason}`,
    );
  }
}

function plural(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`;
}
