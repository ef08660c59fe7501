/**
 * The options of a replay: what may be asked for, what is assumed, and the command that repeats it.
 */
import { randomInt } from 'node:crypto';

import { UsageError } from '../errors.js';
import { PAGE_BYTES } from '../pages/generate.js';
import { parsePagesSpec } from '../pages/spec.js';
import { UINT32_RANGE } from '../random.js';
import {
  formatSize,
  RUN_CODECS,
  RUN_POLICIES,
  RUN_PROFILES,
  type RunCodec,
  type RunPolicy,
  type RunProfile,
} from '../run/options.js';
import { TRACE_FORMATS, type TraceFormat } from './formats/row.js';

/** Whose slots pages go to: those of our allocator, or those of the trace. */
export const REPLAY_SLOTS = ['ours', 'recorded'] as const;
/** Whose slots pages go to. */
export type ReplaySlots = (typeof REPLAY_SLOTS)[number];

/** What `pages` is when sizes are drawn from what is known of the trace. */
export const TRACE_SIZES = 'trace-sizes';

/** Everything a replay depends on. */
export interface ReplayOptions {
  /** The trace. */
  readonly file: string;
  /** Null to see it from the contents. */
  readonly format: TraceFormat | null;
  /** `maj,min` or a file name; null for the first one in the trace. */
  readonly device: string | null;
  /** What the real kernel's device held: a file, `'neighbour'` for the one beside the trace if there is one, or null for none. */
  readonly samples: string | null;
  readonly policies: readonly RunPolicy[];
  readonly profile: RunProfile;
  readonly slots: ReplaySlots;
  /** {@link TRACE_SIZES}, or where contents come from, as `parsePagesSpec` reads it. */
  readonly pages: string;
  readonly codec: RunCodec;
  /** How often the trace is replayed, one time after the other, on the same machine. */
  readonly repeat: number;
  /** Bytes of the disk when slots are ours, header included; null for two slots for each that is in use at a time. */
  readonly disksize: number | null;
  /** An unsigned 32-bit integer that repeats the contents. */
  readonly seed: number;
  /** Whether locks count how often and how long they are held. */
  readonly lockStats: boolean;
}

/** What may be left out: all but the file. */
export type PartialReplayOptions = { readonly file: string } & {
  readonly [Name in Exclude<keyof ReplayOptions, 'file'>]?: ReplayOptions[Name] | undefined;
};

/** Stands for the file beside the trace. */
export const NEIGHBOUR = 'neighbour';

const REPEAT_MAX = 10_000;
/** A disk of ramzswap is smaller than 4 GiB. */
const DISKSIZE_MAX = 2 ** 32 - PAGE_BYTES;
const DISKSIZE_MIN = 16 * PAGE_BYTES;

/**
 * Fills in what is left out, and refuses what is impossible.
 *
 * @param partial - what was asked for; not changed
 * @throws UsageError with one sentence for the first value that is not possible
 */
export function completeReplayOptions(partial: PartialReplayOptions): ReplayOptions {
  const { file, format = null, device = null, samples = NEIGHBOUR, disksize = null } = partial;
  if (file === '') throw new UsageError('no trace is given; needed: a file');
  const policies = partial.policies ?? ['none', 'notify'];
  const pages = partial.pages ?? TRACE_SIZES;
  if (pages !== TRACE_SIZES) parsePagesSpec(pages);
  const slots = checkName('slots', partial.slots ?? 'ours', REPLAY_SLOTS);
  if (disksize !== null) checkDisksize(disksize, slots);
  return {
    file,
    format: format === null ? null : checkName('format', format, TRACE_FORMATS),
    device,
    samples,
    policies: checkPolicies(policies),
    profile: checkName('profile', partial.profile ?? 'sound', RUN_PROFILES),
    slots,
    pages,
    codec: checkName('codec', partial.codec ?? 'lzo1x-2010', RUN_CODECS),
    repeat: checkInteger('repeat', partial.repeat ?? 1, 1, REPEAT_MAX),
    disksize,
    seed: checkInteger('seed', partial.seed ?? randomInt(UINT32_RANGE), 0, UINT32_RANGE - 1),
    lockStats: partial.lockStats ?? true,
  };
}

/**
 * The command that repeats a replay.
 *
 * @param options - complete
 */
export function repeatReplayCommand(options: ReplayOptions): string {
  const words = ['npx swaplab replay-trace', quoted(options.file), '--policy', options.policies.join(',')];
  const named = (name: string, value: string | number | null, assumed: string | number | null): void => {
    if (value !== assumed && value !== null) words.push(`--${name}`, quoted(String(value)));
  };
  named('format', options.format, null);
  named('device', options.device, null);
  if (options.samples === null) words.push('--no-samples');
  else named('samples', options.samples, NEIGHBOUR);
  named('profile', options.profile, 'sound');
  named('slots', options.slots, 'ours');
  named('pages', options.pages, TRACE_SIZES);
  named('codec', options.codec, 'lzo1x-2010');
  named('repeat', options.repeat, 1);
  named('disksize', options.disksize === null ? null : formatSize(options.disksize), null);
  if (!options.lockStats) words.push('--no-lock-stats');
  words.push('--seed', String(options.seed));
  return words.join(' ');
}

/** Writes a word so that a shell takes it for one. */
function quoted(word: string): string {
  return /^[\w%+,./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function checkPolicies(policies: readonly string[]): RunPolicy[] {
  if (policies.length === 0)
    throw new UsageError(`no policy is given; allowed: ${RUN_POLICIES.join(', ')}, all`);
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

function checkInteger(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(
    `${name} ${String(value)} is not an integer in range; allowed: ${String(least)} to ${String(most)}`,
  );
}

function checkDisksize(bytes: number, slots: ReplaySlots): void {
  if (slots === 'recorded')
    throw new UsageError('disksize cannot be given with recorded slots: the highest of them says it');
  if (bytes % PAGE_BYTES === 0 && bytes >= DISKSIZE_MIN && bytes <= DISKSIZE_MAX) return;
  throw new UsageError(
    `disksize ${formatSize(bytes)} is not possible; allowed: multiples of ${String(PAGE_BYTES)}, ` +
      `from ${formatSize(DISKSIZE_MIN)} to ${formatSize(DISKSIZE_MAX)}`,
  );
}
