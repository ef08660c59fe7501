/**
 * The library's entry: a real trace of a swap device, or of any disk, under several policies.
 */
import { EnvironmentError, UsageError } from '../errors.js';
import { harvestPagesInTurns } from '../pages/corpus.js';
import { parsePagesSpec } from '../pages/spec.js';
import {
  REPLAY_SCHEMA,
  type ReplayDocument,
  type ReplayPolicyResult,
  type ReplayProgress,
} from './document.js';
import { openTrace, type TraceFile } from './formats/trace-file.js';
import {
  completeReplayOptions,
  NEIGHBOUR,
  repeatReplayCommand,
  TRACE_SIZES,
  type PartialReplayOptions,
  type ReplayOptions,
} from './options.js';
import { bankOfCorpus, bankOfSizes, type PageBank } from './page-bank.js';
import { replayPolicy } from './replay-policy.js';
import { neighbourSamples, readSamples, type KernelSample } from './samples.js';
import { SizeDistribution, type SizeShares } from './size-distribution.js';
import { surveyTrace, type TraceSurvey } from './survey.js';

/** What a replay may be given besides its options. */
export interface ReplayContext {
  /** Ends the replay; policies that were finished are kept. */
  readonly signal?: AbortSignal;
  /** Told now and then. */
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** Told when a policy is done: from here on its result is kept, whatever happens. */
  readonly onPolicyEnd?: (result: ReplayPolicyResult) => void;
}

/** A trace and all that belongs to it, ready to be replayed. */
interface Prepared {
  readonly trace: TraceFile;
  readonly survey: TraceSurvey;
  readonly samplesFile: string | null;
  readonly samples: readonly KernelSample[] | null;
  readonly bank: PageBank;
  readonly sizes: SizeShares | null;
  readonly diskPages: number;
  readonly storedMax: number;
  readonly slotShift: number;
}

/** Pages of the largest disk: its size in bytes is a 32-bit number. */
const DISK_PAGES_MAX = 2 ** 20 - 1;
/** The smallest area has some more slots than a header. */
const DISK_PAGES_MIN = 16;
/** Samples of the kernel that go into the document. */
const KERNEL_SAMPLES_MAX = 600;

/**
 * Replays a trace under each of the policies asked for, one after the other, with the same contents.
 *
 * The whole trace is read and checked before anything is replayed.
 *
 * @param partial - all but the file may be left out
 * @param context - signal and progress
 * @returns the document; with `interrupted` set and only the finished policies when the signal was aborted
 * @throws UsageError for impossible options, EnvironmentError when a file cannot be read or is no trace, or the trace is too large, KernelBug when
 * an invariant of the sound machine is broken
 */
export async function replayTrace(
  partial: PartialReplayOptions,
  context: ReplayContext = {},
): Promise<ReplayDocument> {
  const options = completeReplayOptions(partial);
  const { signal } = context;
  const policies: ReplayPolicyResult[] = [];
  let prepared: Prepared | null = null;
  try {
    prepared = await prepare(options, signal);
    for (const [policyIndex, policy] of options.policies.entries()) {
      const result = await replayPolicy({
        policy,
        policyIndex,
        options,
        ...prepared,
        signal,
        onProgress: context.onProgress,
      });
      policies.push(result);
      context.onPolicyEnd?.(result);
    }
  } catch (error) {
    // An interrupted policy is left out; what went before it is kept.
    if (signal?.aborted !== true) throw error;
  }
  return {
    schema: REPLAY_SCHEMA,
    seed: options.seed,
    swappers: 1,
    profile: options.profile,
    pagesHash: prepared?.bank.hash ?? '',
    policies,
    pagesDescription: prepared?.bank.description ?? 'none: the replay was interrupted before they were there',
    options,
    command: repeatReplayCommand(options),
    interrupted: signal?.aborted === true,
    trace: prepared === null ? null : factsOf(options, prepared),
    kernelSamples: kernelSamplesOf(prepared?.samples ?? []),
  };
}

async function prepare(options: ReplayOptions, signal: AbortSignal | undefined): Promise<Prepared> {
  const trace = await openTrace(options.file, options, signal);
  const survey = await surveyTrace(trace, signal);
  const samplesFile = options.samples === NEIGHBOUR ? neighbourSamples(options.file) : options.samples;
  const samples = samplesFile === null ? null : await readSamples(samplesFile, signal);
  const size = diskOf(options, survey);
  const { bank, sizes } = await bankOf(options, samples, signal);
  return { trace, survey, samplesFile, samples, bank, sizes, ...size };
}

async function bankOf(
  options: ReplayOptions,
  samples: readonly KernelSample[] | null,
  signal: AbortSignal | undefined,
): Promise<{ readonly bank: PageBank; readonly sizes: SizeShares | null }> {
  const { pages, seed, codec } = options;
  if (pages === TRACE_SIZES) {
    const distribution = new SizeDistribution(codec, samples);
    return { bank: bankOfSizes(distribution, codec, seed), sizes: distribution.shares };
  }
  const corpus = await harvestPagesInTurns(parsePagesSpec(pages), seed, undefined, signal);
  return { bank: bankOfCorpus(corpus, seed), sizes: null };
}

/** How large the disk is, and how much of it can hold pages at a time. */
function diskOf(
  options: ReplayOptions,
  survey: TraceSurvey,
): { readonly diskPages: number; readonly storedMax: number; readonly slotShift: number } {
  if (options.slots === 'recorded') {
    const slotShift = survey.usesSlotZero ? 1 : 0;
    const diskPages = Math.max(survey.highest + 1 + slotShift, DISK_PAGES_MIN);
    if (diskPages > DISK_PAGES_MAX)
      throw new EnvironmentError(
        `${options.file} writes slot ${String(survey.highest)}, but a disk of the model has at most ${String(DISK_PAGES_MAX)}; ` +
          '--slots ours needs as many as are in use at a time',
      );
    return { diskPages, storedMax: survey.distinct, slotShift };
  }
  const asked = options.disksize === null ? null : options.disksize / 4096;
  if (asked !== null && asked - 1 < survey.liveMax)
    throw new UsageError(
      `disksize is ${String(asked)} pages, but ${options.file} has ${String(survey.liveMax)} slots in use at a time, and there is a header`,
    );
  const diskPages = asked ?? Math.max(2 * survey.liveMax + 1, DISK_PAGES_MIN);
  return { diskPages, storedMax: diskPages - 1, slotShift: 0 };
}

function factsOf(options: ReplayOptions, prepared: Prepared): NonNullable<ReplayDocument['trace']> {
  const { trace, survey, samplesFile, sizes, slotShift } = prepared;
  const { oddities, rows, written, freed, discarded, liveMax, liveEnd, distinct, highest } = survey;
  return {
    format: trace.format,
    device: trace.device,
    rows,
    seconds: survey.hasTimes ? (survey.lastUs - survey.firstUs) / 1e6 : null,
    written,
    freed,
    discarded,
    liveMax,
    liveEnd,
    distinct,
    highest,
    slotShift: options.slots === 'recorded' ? slotShift : null,
    unmapAt: survey.unmapUs === null ? null : survey.unmapUs / 1e6,
    rowsBackInTime: survey.rowsBackInTime,
    unaligned: oddities.unaligned,
    otherDevices: oddities.otherDevices,
    samplesFile,
    sizes,
    notes: notesOf(options, prepared),
  };
}

/** What has to be known to read the numbers. */
function notesOf({ slots, policies }: ReplayOptions, { trace, survey, slotShift }: Prepared): string[] {
  const { oddities, hasTimes, rowsBackInTime, freed, discarded } = survey;
  const recorded = slots === 'recorded';
  const notes: string[] = [];
  if (trace.format !== 'csv') {
    const trims =
      discarded === 0
        ? 'and this one has no trims: slots in use only grow, and a page written again is rewritten in place'
        : `but trims do: slots that their owner gives up (${String(discarded)} in all) are freed`;
    notes.push(`A trace of this format says nothing of freed pages, ${trims}.`);
  } else if (freed === 0) {
    notes.push(
      'The trace frees nothing: slots in use only grow, and a page written again is rewritten in place.',
    );
  }
  if (trace.format === 'csv' && discarded > 0)
    notes.push(
      recorded
        ? `Discards by the recording kernel (${String(discarded)} slots) are carried out, under every policy.`
        : `Discards by the recording kernel (${String(discarded)} slots) are left out: they name its slots, and those used here are ours.`,
    );
  const silent = policies.filter((policy) => policy === 'discard' || policy === 'discard-cluster');
  if (recorded && silent.length > 0)
    notes.push(
      `With recorded slots there is no allocator that could discard: under ${silent.join(' and ')} the device learns of discards in the trace only.`,
    );
  if (slotShift > 0)
    notes.push(
      'The trace uses slot 0, where a swap area has its header: all slots are one higher on our disk.',
    );
  if (!hasTimes) notes.push('The trace has no times: rows take their place.');
  if (rowsBackInTime > 0)
    notes.push(
      `Rows earlier than the one before them: ${String(rowsBackInTime)}; they count as of the same moment.`,
    );
  if (oddities.unaligned > 0)
    notes.push(
      `Requests that are not whole slots: ${String(oddities.unaligned)}; all slots they touch are transferred.`,
    );
  if (oddities.otherDevices > 0)
    notes.push(
      `Requests to others than ${String(trace.device)}: ${String(oddities.otherDevices)}; they are left out.`,
    );
  return notes;
}

function kernelSamplesOf(samples: readonly KernelSample[]): ReplayDocument['kernelSamples'] {
  const every = Math.ceil(samples.length / KERNEL_SAMPLES_MAX);
  return samples
    .filter((_, index) => index % every === 0 || index === samples.length - 1)
    .map(({ tUs, live, comprBytes, memBytes }) => ({ t: tUs / 1e6, live, comprBytes, memBytes }));
}
