/**
 * The options of a run: what may be asked for, what is assumed where nothing is said, and what follows from it.
 *
 * `completeRunOptions` is the only door: whoever has its result holds options that are possible and that fit each
 * other. Every refusal is one sentence with the value and the allowed range (`UsageError`).
 */
import { randomInt } from 'node:crypto';

import type { SpinlockKind } from '@swaplab/kernel-mm';
import type { CodecName } from '@swaplab/ramzswap';

import { FREE_SLOT_POLICIES, PROFILES, type Profile } from '@swaplab/kernel-mm';

import { UsageError } from '../errors.js';
import { DEFAULT_CORPUS_PAGES } from '../pages/corpus.js';
import { PAGE_BYTES } from '../pages/generate.js';
import { parsePagesSpec, type PagesSpec } from '../pages/spec.js';
import { UINT32_RANGE } from '../random.js';
import { SCENARIO_NAMES, scenarioOf, type ScenarioName } from '../scenarios/registry.js';
import type { CompleteScenarioOptions, ScenarioDisk } from '../scenarios/scenario.js';
import { checkIoErrors, formatIoErrors, type IoErrorRates } from './io-errors.js';
import { assumedTimeLimit, checkDuration, formatDuration, TIME_LIMIT_MAX } from './duration.js';
import { checkSizes, deriveSizes, formatSize, reservePages, type AskedSizes } from './run-sizes.js';
import { opsOfSwapper, WORKLOAD_NAMES, type WorkloadName } from '../workload/plan.js';

export { formatSize, parseSize } from './run-sizes.js';
export { EnvironmentError, TimeLimitError, UsageError } from '../errors.js';

/** The free-slot policies that can run. */
export const RUN_POLICIES = FREE_SLOT_POLICIES;
/** How a device learns that a slot was freed. */
export type RunPolicy = (typeof RUN_POLICIES)[number];

/** The profiles that can run. The historical ones have the faults of their version, in the swap core and in the driver. */
export const RUN_PROFILES = PROFILES;
/** Which faults of history are in the code. */
export type RunProfile = Profile;

/** The situations with a name that can be run. */
export const RUN_SCENARIOS = SCENARIO_NAMES;
/** A situation with a name. */
export type RunScenario = ScenarioName;

/** How the spinlocks of a run can wait. */
export const RUN_SPINLOCKS: readonly SpinlockKind[] = ['adaptive', 'ticket'];

/** The codecs that a run can use. */
export const RUN_CODECS = [
  'lzo1x-2010',
  'lzo1x-current',
  'lzo-rle',
  'lz4',
  'deflate',
  'none',
] as const satisfies readonly CodecName[];
/** How the driver compresses a page. */
export type RunCodec = (typeof RUN_CODECS)[number];

/** What the codec `lzo1x-2010` can do with its dictionary between two pages: empty it, or keep it as the original did. */
export const RUN_DICTIONARIES = ['cleared', 'kept'] as const;
/** What it does with it. */
export type RunDictionary = (typeof RUN_DICTIONARIES)[number];

/** Everything a run depends on. Sizes are in bytes and whole pages. */
export interface RunOptions {
  /** Which policies run, one after the other, each with the same steps and pages. */
  readonly policies: readonly RunPolicy[];
  readonly profile: RunProfile;
  /** Worker threads that fault, dirty, drop and exit: 1 to 32. */
  readonly swappers: number;
  /** Compressed-RAM disks at equal priority: 1 to 29. */
  readonly disks: number;
  /** Steps of all swappers together under each policy; with a duration, in each lap. */
  readonly ops: number;
  /** Seconds that each policy goes on, lap after lap; null for one lap. */
  readonly duration: number | null;
  /** Bytes that the process of each swapper maps at most. */
  readonly mapped: number;
  /** Bytes that all processes together may keep resident, the swap cache included. */
  readonly limit: number;
  /** Bytes of page frames of the machine. */
  readonly ram: number;
  /** Bytes of each disk; its first page is the header. */
  readonly disksize: number;
  readonly workload: WorkloadName;
  /** The situation that is run, with what goes on beside the workload; null for none. */
  readonly scenario: RunScenario | null;
  /** Where the contents of pages come from, as `parsePagesSpec` reads it. */
  readonly pages: string;
  readonly codec: RunCodec;
  readonly dictionary: RunDictionary;
  /** An unsigned 32-bit integer that repeats the pages and the steps. */
  readonly seed: number;
  /** Seconds after which the run is stopped with a report. */
  readonly timeLimit: number;
  /** Whether locks count how often and how long they are held and waited for. */
  readonly lockStats: boolean;
  /** How the spinlocks of the machine wait: `ticket` ones are served in order, which needs a core for each swapper. */
  readonly spinlock: SpinlockKind;
  /** log2 of the slots that are read together when one of them is wanted; 0 for no read-ahead. */
  readonly pageCluster: number;
  /** How often transfers to and from the disks fail; null for never. */
  readonly ioErrors: IoErrorRates | null;
}

/** Numbers that follow from the options. */
export interface RunPlan {
  /** Pages that the process of each swapper maps at most. */
  readonly pagesPerSwapper: number;
  /** Pages that the processes of all swappers map at most. */
  readonly mappedPages: number;
  /** Disks beside those of {@link RunOptions.disks}, of the same size, that the scenario uses. */
  readonly spareDisks: number;
  /** Priority of the swap areas on the disks of {@link RunOptions.disks}. */
  readonly diskPriority: number;
  /** RAM disks that the scenario has besides. */
  readonly ramDisks: readonly ScenarioDisk[];
  /** The disk behind the first compressed-RAM disk; null for none. */
  readonly backing: Pick<ScenarioDisk, 'name' | 'bytes'> | null;
  /** Whether sizes, workload, codec and pages are those that the scenario assumes; true without one. */
  readonly ownShape: boolean;
  /** Pages of each disk, the header page included. */
  readonly pagesPerDisk: number;
  /** Slots of each disk that can hold a page. */
  readonly slotsPerDisk: number;
  /** Pages that all processes together may keep resident. */
  readonly limitPages: number;
  /** Page frames of the machine. */
  readonly ramPages: number;
  /** Page frames beyond the limit and the disks: for watermarks and for pages on their way. */
  readonly reservePages: number;
  /** Ops of each swapper; the sum is `ops`. */
  readonly opsOfSwapper: readonly number[];
  /** What `pages` says, read. */
  readonly pagesSpec: PagesSpec;
  /** How many pages the corpus has. */
  readonly corpusPages: number;
}

/** Options that are possible, and what follows from them. */
export interface CompleteRunOptions {
  readonly options: RunOptions;
  readonly plan: RunPlan;
}

/** What may be left out, all of it. */
export type PartialRunOptions = { readonly [Name in keyof RunOptions]?: RunOptions[Name] | undefined };

const SWAPPERS_MAX = 32;
const PAGE_CLUSTER_MAX = 8;
const NO_IO_ERRORS: IoErrorRates = { read: 0, write: 0 };
/** Areas that 2.6.34 can have at once: of 32 types three are taken for other uses. */
const DISKS_MAX = 29;
const OPS_MAX = 1_000_000_000;
/** Of all swap areas of a run, so that slots are taken from them in turn; a scenario can have another one. */
const DISK_PRIORITY = 5;

const DEFAULTS = {
  // What the series is about, and what it is measured against.
  policies: ['none', 'notify'],
  profile: 'sound',
  swappers: 4,
  ops: 60_000,
  workload: 'phased',
  pages: 'default',
  codec: 'lzo1x-2010',
  dictionary: 'cleared',
  lockStats: true,
  spinlock: 'adaptive',
  // 2.6.34 has 3. Pages are read in random order here: then 5 of 100 that were read ahead are used, and five times as many are read.
  pageCluster: 0,
} as const;

/**
 * Fills in what is left out, and refuses what is impossible.
 *
 * Left out: the seed is random; the mapped bytes follow from the ops (or from the disks, when their size is given);
 * the limit is a quarter of what all swappers map; there is one disk a swapper, with two slots for each page that
 * may need one; the RAM is the limit, all disk pages and a reserve, so that nothing is killed even when every page
 * is stored raw.
 *
 * What a scenario assumes comes before all that.
 *
 * @param asked - what was asked for; not changed
 * @throws UsageError with one sentence for the first value that is not possible
 */
export function completeRunOptions(asked: PartialRunOptions = {}): CompleteRunOptions {
  const scenario = checkScenario(asked.scenario ?? null);
  const partial = withAssumptions(asked);
  const policies = checkPolicies(partial.policies ?? DEFAULTS.policies);
  const profile = checkName('profile', partial.profile ?? DEFAULTS.profile, RUN_PROFILES);
  const workload = checkName('workload', partial.workload ?? DEFAULTS.workload, WORKLOAD_NAMES);
  const codec = checkName('codec', partial.codec ?? DEFAULTS.codec, RUN_CODECS);
  const dictionary = checkDictionary(partial.dictionary ?? DEFAULTS.dictionary, codec);
  const pages = partial.pages ?? DEFAULTS.pages;
  const pagesSpec = parsePagesSpec(pages);
  const seed = checkInteger('seed', partial.seed ?? randomInt(UINT32_RANGE), 0, UINT32_RANGE - 1);
  const swappers = checkInteger('swappers', partial.swappers ?? DEFAULTS.swappers, 1, SWAPPERS_MAX);
  const spareDisks = spareDisksOf(scenario);
  const disksMax = DISKS_MAX - spareDisks;
  const disks = checkInteger('disks', partial.disks ?? Math.min(swappers, disksMax), 1, disksMax);
  const ops = checkInteger('ops', partial.ops ?? DEFAULTS.ops, 1, OPS_MAX);
  const duration = partial.duration ?? null;
  checkDuration(duration, policies.length, partial.timeLimit);
  const timeLimit = checkTimeLimit(partial.timeLimit ?? assumedTimeLimit(duration, policies.length));
  const lockStats = partial.lockStats ?? DEFAULTS.lockStats;
  const spinlock = checkName('spinlock', partial.spinlock ?? DEFAULTS.spinlock, RUN_SPINLOCKS);
  const pageCluster = checkInteger(
    'page-cluster',
    partial.pageCluster ?? DEFAULTS.pageCluster,
    0,
    PAGE_CLUSTER_MAX,
  );
  const ioErrors = checkIoErrors(partial.ioErrors ?? NO_IO_ERRORS);
  const asksFor = sizesAsked({ ...partial, swappers, disks, ops, scenario });
  const sizes = deriveSizes(asksFor);
  const { mayRunFull = false, mayLackFrames = false } = scenarioOf(scenario) ?? {};
  checkSizes(sizes, { ...asksFor, mayRunFull, mayLackFrames });
  const known = { policies, swappers, disks, ops, ...sizes, workload, pages, codec };
  const extraDisks = scenario === null ? undefined : scenarioOf(scenario).extraDisks;
  return {
    options: {
      policies,
      profile,
      swappers,
      disks,
      ops,
      duration,
      mapped: sizes.mapped,
      limit: sizes.limit,
      ram: sizes.ram,
      disksize: sizes.disksize,
      workload,
      scenario,
      pages,
      codec,
      dictionary,
      seed,
      timeLimit,
      lockStats,
      spinlock,
      pageCluster,
      ioErrors: ioErrors.read === 0 && ioErrors.write === 0 ? null : ioErrors,
    },
    plan: {
      pagesPerSwapper: sizes.mapped / PAGE_BYTES,
      mappedPages: (sizes.mapped / PAGE_BYTES) * swappers,
      spareDisks,
      diskPriority: scenarioOf(scenario)?.diskPriority ?? DISK_PRIORITY,
      ramDisks: extraDisks?.(known) ?? [],
      backing: profile === '2.6.35' ? null : (scenarioOf(scenario)?.backing?.(known) ?? null),
      ownShape: scenario === null || isShapeOf(scenario, known),
      pagesPerDisk: sizes.disksize / PAGE_BYTES,
      slotsPerDisk: sizes.disksize / PAGE_BYTES - 1,
      limitPages: sizes.limit / PAGE_BYTES,
      ramPages: sizes.ram / PAGE_BYTES,
      reservePages: reservePages(swappers),
      opsOfSwapper: Array.from({ length: swappers }, (_, swapper) => opsOfSwapper(ops, swappers, swapper)),
      pagesSpec,
      corpusPages: DEFAULT_CORPUS_PAGES,
    },
  };
}

/**
 * The command that repeats a run: what differs from what would be assumed, and always policies and seed.
 *
 * @param options - complete options of the run
 */
export function repeatCommand(options: RunOptions): string {
  const words = ['npx swaplab run', '--policy', options.policies.join(',')];
  const named = (name: string, value: string | number, assumed: string | number): void => {
    if (value !== assumed) words.push(`--${name}`, quoted(String(value)));
  };
  const { swappers, disks, ops, scenario } = options;
  named('profile', options.profile, DEFAULTS.profile);
  // What a scenario assumes can follow from what is known before it.
  named('swappers', swappers, withAssumptions({ scenario }).swappers ?? DEFAULTS.swappers);
  const first = withAssumptions({ scenario, swappers });
  named('disks', disks, first.disks ?? Math.min(swappers, DISKS_MAX - spareDisksOf(scenario)));
  named('ops', ops, withAssumptions({ scenario, swappers, disks }).ops ?? DEFAULTS.ops);
  const assumed = withAssumptions({ scenario, swappers, disks, ops });
  named('workload', options.workload, assumed.workload ?? DEFAULTS.workload);
  if (scenario !== null) words.push('--scenario', scenario);
  named('pages', options.pages, assumed.pages ?? DEFAULTS.pages);
  named('codec', options.codec, assumed.codec ?? DEFAULTS.codec);
  named('dictionary', options.dictionary, DEFAULTS.dictionary);
  if (options.duration !== null) words.push('--duration', formatDuration(options.duration));
  named('time-limit', options.timeLimit, assumedTimeLimit(options.duration, options.policies.length));
  // Each size that is assumed follows from those before it, so each is compared with what these make of it.
  const known: { mapped?: number; disksize?: number; limit?: number; ram?: number } = {};
  for (const name of ['mapped', 'disksize', 'limit', 'ram'] as const) {
    const derived = withAssumptions({ ...known, swappers, disks, ops, scenario });
    const sizes = deriveSizes(sizesAsked({ ...derived, swappers, disks, ops, scenario }));
    if (options[name] === sizes[name]) continue;
    known[name] = options[name];
    words.push(`--${name}`, formatSize(options[name]));
  }
  named('spinlock', options.spinlock, DEFAULTS.spinlock);
  named('page-cluster', options.pageCluster, DEFAULTS.pageCluster);
  if (options.ioErrors !== null) words.push('--io-errors', formatIoErrors(options.ioErrors));
  if (!options.lockStats) words.push('--no-lock-stats');
  words.push('--seed', String(options.seed));
  return words.join(' ');
}

function checkDictionary(name: string, codec: RunCodec): RunDictionary {
  const dictionary = checkName('dictionary', name, RUN_DICTIONARIES);
  if (dictionary === 'kept' && codec !== 'lzo1x-2010')
    throw new UsageError(`only the codec lzo1x-2010 can keep its dictionary, not ${codec}`);
  return dictionary;
}

/** Writes a word so that a shell takes it for one. */
function quoted(word: string): string {
  return /^[\w%+,./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What a scenario assumes, and on top of it what was asked for. */
function withAssumptions(asked: PartialRunOptions): PartialRunOptions {
  const scenario = scenarioOf(asked.scenario ?? null);
  if (scenario?.assumes === undefined) return asked;
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  return { ...scenario.assumes(asked), ...given };
}

/** Whether a run is as the scenario wants it for so many swappers and steps. */
function isShapeOf(scenario: RunScenario, options: CompleteScenarioOptions): boolean {
  const { swappers, ops } = options;
  const assumed = withAssumptions({ scenario, swappers, ops });
  const disks = assumed.disks ?? Math.min(swappers, DISKS_MAX - spareDisksOf(scenario));
  const workload = assumed.workload ?? DEFAULTS.workload;
  const same: CompleteScenarioOptions = {
    policies: options.policies,
    swappers,
    disks,
    ops,
    ...deriveSizes(sizesAsked({ ...assumed, swappers, disks, ops, scenario })),
    workload,
    pages: assumed.pages ?? DEFAULTS.pages,
    codec: assumed.codec ?? DEFAULTS.codec,
  };
  return Object.entries(same).every(
    ([name, value]) => options[name as keyof CompleteScenarioOptions] === value,
  );
}

/** What the sizes of a run follow from. */
function sizesAsked(
  options: PartialRunOptions & Pick<RunOptions, 'swappers' | 'disks' | 'ops' | 'scenario'>,
): AskedSizes {
  return { ...options, spareDisks: spareDisksOf(options.scenario) };
}

/** Disks that a scenario brings for its thread. */
function spareDisksOf(scenario: RunScenario | null): number {
  return scenarioOf(scenario)?.spareDisks ?? 0;
}

function checkPolicies(policies: readonly string[]): RunPolicy[] {
  if (policies.length === 0) {
    throw new UsageError(`no policy is given; allowed: ${RUN_POLICIES.join(', ')}, all`);
  }
  const checked = policies.map((policy) => checkName('policy', policy, RUN_POLICIES));
  const twice = checked.find((policy, index) => checked.indexOf(policy) !== index);
  if (twice !== undefined) throw new UsageError(`policy "${twice}" is given twice; allowed: each once`);
  return checked;
}

function checkName<Name extends string>(what: string, name: string, allowed: readonly Name[]): Name {
  const found = allowed.find((candidate) => candidate === name);
  if (found !== undefined) return found;
  throw new UsageError(`${what} "${name}" is not known; allowed now: ${allowed.join(', ')}`);
}

function checkScenario(name: string | null): RunScenario | null {
  return name === null ? null : checkName('scenario', name, RUN_SCENARIOS);
}

function checkInteger(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const verdict =
    name === 'swappers' && value > most ? 'is more than is sensible' : 'is not an integer in range';
  throw new UsageError(`${name} ${String(value)} ${verdict}; allowed: ${String(least)} to ${String(most)}`);
}

function checkTimeLimit(seconds: number): number {
  if (Number.isFinite(seconds) && seconds >= 0.1 && seconds <= TIME_LIMIT_MAX) return seconds;
  throw new UsageError(
    `time limit ${String(seconds)} is out of range; allowed: 0.1 to ${String(TIME_LIMIT_MAX)} seconds`,
  );
}
