/**
 * The shape of the document that a replay gives (`swaplab.replay-trace/1`), and of the progress it tells on the way.
 *
 * It is that of a run where the same things are seen, so that whoever reads one can read the other. Fields may be added; none is ever renamed or given another
 * meaning within a schema number. Sizes are bytes, times are seconds, everything else is a plain count.
 */
import type { AreaResult, FreeCost, LockResult, RunDocument, SlotCounts, Traffic } from '../run/document.js';
import type { RunPolicy } from '../run/options.js';
import type { TraceFormat } from './formats/row.js';
import type { ReplayOptions } from './options.js';
import type { ReplayCounts } from './replayer.js';
import type { Difference } from './samples.js';
import type { SizeShares } from './size-distribution.js';

/** The schema of the documents that this version writes. */
export const REPLAY_SCHEMA = 'swaplab.replay-trace/1';

/** What one replay of one trace under some policies has shown. */
export interface ReplayDocument extends Pick<
  RunDocument,
  'seed' | 'swappers' | 'profile' | 'pagesHash' | 'pagesDescription' | 'command' | 'interrupted'
> {
  readonly schema: typeof REPLAY_SCHEMA;
  /** One result for each policy that ran to its end, in the order asked for. */
  readonly policies: readonly ReplayPolicyResult[];
  /** The complete options of the replay. */
  readonly options: ReplayOptions;
  /** What the trace is like; null when the replay was interrupted before it was known. */
  readonly trace: ReplayTraceFacts | null;
  /** What the real kernel's device held meanwhile, thinned out when there is much; empty when it is not known. */
  readonly kernelSamples: readonly ReplayKernelSample[];
}

/** What a trace is like. */
export interface ReplayTraceFacts {
  readonly format: TraceFormat;
  /** The device or file whose requests were replayed; null where a trace has only one. */
  readonly device: string | null;
  readonly rows: number;
  /** From its first row to its last; null when it has no times. */
  readonly seconds: number | null;
  /** Slots written, freed and discarded in one pass. */
  readonly written: number;
  readonly freed: number;
  readonly discarded: number;
  /** Most slots in use at a time, and those in use after the last row. */
  readonly liveMax: number;
  readonly liveEnd: number;
  /** Different slots that are written. */
  readonly distinct: number;
  /** The highest of them. */
  readonly highest: number;
  /** What is added to the slots of the trace on the device; null when slots are ours. */
  readonly slotShift: number | null;
  /** When the call begins that unmaps everything and lasts to the end; null when there is none. */
  readonly unmapAt: number | null;
  /** Rows earlier than the one before them. */
  readonly rowsBackInTime: number;
  /** Requests that are not whole slots. */
  readonly unaligned: number;
  /** Requests to other devices, which were left out. */
  readonly otherDevices: number;
  /** The file of the real kernel's samples; null for none. */
  readonly samplesFile: string | null;
  /** What the sizes of the pages were drawn from; null when pages have contents of their own. */
  readonly sizes: SizeShares | null;
  /** What has to be known to read the numbers, in sentences. */
  readonly notes: readonly string[];
}

/** The real kernel's device at one moment. */
export interface ReplayKernelSample {
  readonly t: number;
  readonly live: number;
  readonly comprBytes: number | null;
  readonly memBytes: number | null;
}

/** Our counts at one moment; exact. */
export interface ReplaySample extends SlotCounts {
  /** Seconds of the trace's clock; a pass begins where the one before it ended. */
  readonly t: number;
  readonly quiescent: true;
  readonly phase: string;
}

/** The trace under one policy. */
export interface ReplayPolicyResult {
  readonly policy: RunPolicy;
  /** Rows replayed. */
  readonly ops: number;
  /** On the clock on the wall. */
  readonly seconds: number;
  /** Pages that were read back wrong. */
  readonly integrityErrors: number;
  /** Invariants that did not hold at a checkpoint or at the end. */
  readonly invariantErrors: number;
  /** Driver counters that differ at the end from a walk over the table. */
  readonly statDrift: number;
  /** Empty with recorded slots. */
  readonly areas: readonly AreaResult[];
  readonly samples: readonly ReplaySample[];
  /** What was there after the last row, read by walking tables. */
  readonly final: SlotCounts;
  readonly freeCost: FreeCost;
  readonly traffic: Traffic;
  /** Empty when lock statistics were off. */
  readonly locks: readonly LockResult[];
  readonly vm: ReplayVmCounts;
  /** The first few errors of all kinds, in words. */
  readonly reports: readonly string[];
  /** Faults of the profile that can cause the errors found, by their names: `d14`, ...; empty without errors, and always in `sound`. */
  readonly suspects: readonly string[];
  /** Why the machine stopped before the end, null when it did not. Only in a historical profile. */
  readonly stopped: string | null;
  /** Slots by which ours in use differ from the samples', in the first pass and outside of the call that unmaps everything; null without samples. */
  readonly liveVsSamples: Difference | null;
  /** Shares of the samples' compressed bytes by which ours differ; null without such samples. */
  readonly comprVsSamples: { readonly medianRelative: number; readonly p95Relative: number } | null;
  /** Samples compared, and those left out because they fall into that call. */
  readonly samplesCompared: number;
  readonly samplesExcluded: number;
  /** What the rows did. */
  readonly counts: Readonly<ReplayCounts>;
  /** Different slots of the device that were given out. */
  readonly distinctSlots: number;
  /** Page frames that the device held at most, at a sample. */
  readonly poolPagesMax: number;
}

/** What of a run's vm counts means something without a vm. */
export interface ReplayVmCounts {
  readonly faults: 0;
  /** Pages read. */
  readonly swapIns: number;
  /** Pages written. */
  readonly swapOuts: number;
  readonly kills: 0;
  readonly cleanDrops: 0;
  /** Pages that could not be written or read. */
  readonly ioErrors: number;
}

/** What a replay tells while it runs. */
export interface ReplayProgress {
  readonly policy: RunPolicy;
  /** Which of the policies it is, from 0 on. */
  readonly policyIndex: number;
  readonly policyCount: number;
  readonly rowsDone: number;
  /** Rows of all passes. */
  readonly rows: number;
  readonly counts: SlotCounts;
}
