/**
 * The shape of the document that a run gives (`swaplab.run/1`), and of the progress it tells on the way.
 *
 * Fields may be added; none is ever renamed or given another meaning within a schema number. Sizes are bytes, times
 * are seconds, everything else is a plain count.
 */
import type { AnatomyCounts } from '@swaplab/ramzswap';

import type { KillMoment, ScenarioExpectation } from '../scenarios/scenario.js';
import type { PhaseName } from '../workload/plan.js';
import type { RunOptions, RunPolicy, RunProfile, RunScenario } from './options.js';

/** The schema of the documents that this version writes. */
export const RUN_SCHEMA = 'swaplab.run/1';

/** What one run of one workload under some policies has shown. */
export interface RunDocument {
  readonly schema: typeof RUN_SCHEMA;
  readonly seed: number;
  readonly swappers: number;
  readonly profile: RunProfile;
  /** SHA-256 of the pages that the processes wrote from. */
  readonly pagesHash: string;
  /** One result for each policy that ran, in the order asked for. */
  readonly policies: readonly PolicyResult[];
  /** What the pages are, in one line for people. */
  readonly pagesDescription: string;
  /** The complete options of the run. */
  readonly options: RunOptions;
  /** The command that repeats the run. */
  readonly command: string;
  /** True when the run was stopped from outside; policies that did not end are then missing. */
  readonly interrupted: boolean;
}

/** The same workload under one policy. */
export interface PolicyResult {
  readonly policy: RunPolicy;
  /** Steps carried out by all swappers together. */
  readonly ops: number;
  /** Times that the steps of `options.ops` were done to their end; 1, unless the run had a duration. */
  readonly laps: number;
  /**
   * From the start barrier to the last checkpoint. In short runs the first policy is the slower one whichever it is: the threads' code is still
   * being compiled.
   */
  readonly seconds: number;
  /** Pages that were read back wrong. */
  readonly integrityErrors: number;
  /** Invariants of the swap core that did not hold at a checkpoint or at the end. */
  readonly invariantErrors: number;
  /** Driver counters that differ at the end from a walk over the table. */
  readonly statDrift: number;
  readonly areas: readonly AreaResult[];
  /** What was seen on the way; those with `quiescent` are exact. Of a long run those of some laps, each of which is whole, and of the last one. */
  readonly samples: readonly Sample[];
  /** What was there after all processes had exited and the swap cache was drained, read by walking tables. */
  readonly final: SlotCounts;
  /** What the memory of the devices looked like inside; null when the machine stopped before the end. */
  readonly anatomy: AnatomyResult | null;
  readonly freeCost: FreeCost;
  readonly traffic: Traffic;
  /** Empty when lock statistics were off. */
  readonly locks: readonly LockResult[];
  readonly vm: VmCounts;
  /** The memory of this process meanwhile. */
  readonly memory: MemoryResult;
  /** The machine when the first process was ended because no page frame could be had; null when none was. */
  readonly firstKill: KillMoment | null;
  /** What came of the scenario; null for none. */
  readonly scenario: ScenarioResult | null;
  /** The first few errors of all kinds, in words. */
  readonly reports: readonly string[];
  /** Faults of the profile that can cause the errors found, by their names: `c03`, ...; empty without errors, and always in `sound`. */
  readonly suspects: readonly string[];
  /**
   * Why the machine stopped before the end, null when it did not. Only in a historical profile, where that is a result like any other: it counts as a broken
   * invariant, and what is known of the policy are its samples.
   */
  readonly stopped: string | null;
}

/** What came of a scenario. */
export interface ScenarioResult {
  readonly name: RunScenario;
  /** What happened and why, with numbers: sentences without the name of the policy. */
  readonly explanation: readonly string[];
  /** What must hold at the end; a run in which one does not fails. */
  readonly expectations: readonly ScenarioExpectation[];
  /** What else it has counted, by names of its own. */
  readonly facts: Readonly<Record<string, number>>;
  /** How often the area of the scenario came. */
  readonly swapons: number;
  /** How often it went. */
  readonly swapoffs: number;
  /** Swapoffs that failed, with the area still there, by the name of the error: `ENOMEM`, ... */
  readonly swapoffErrors: Readonly<Record<string, number>>;
}

/** One swap area; one that came and went several times, with its lives added up. */
export interface AreaResult {
  /** `ramzswap`, ... */
  readonly type: string;
  /** `/dev/ramzswap0`, ... */
  readonly device: string;
  /** Slots that the swap core gave out. */
  readonly allocated: number;
  /** Slots that became free, counted by the swap core. */
  readonly freed: number;
  /** Bytes that block requests wrote to its device; not there in documents of earlier versions. */
  readonly bytesOut?: number;
  /** Bytes that block requests read from it. */
  readonly bytesIn?: number;
  /** Frees that the driver was told of, counted by the driver. */
  readonly notified: number;
  /** Frees between the first allocation and the hook; null when the area has no hook. */
  readonly freedBeforeHook: number | null;
  /** Frees that should have reached the device and did not. */
  readonly missed: number;
}

/** How many slots of all areas are what. */
export interface SlotCounts {
  /** Slots whose map byte is neither free nor bad. */
  readonly live: number;
  /** Slots that the driver holds something for. */
  readonly stored: number;
  /** Slots that are stored and free. */
  readonly stale: number;
  /** Bytes of compressed objects. */
  readonly comprBytes: number;
  /** Page frames of the pool and of raw pages. */
  readonly poolPages: number;
}

/** Who has the page frames that the devices do not have. */
export interface FrameCounts {
  /** Page frames that nobody uses. */
  readonly freeFrames: number;
  /** Pages of processes and of the swap cache. */
  readonly residentPages: number;
  /** Processes ended so far because no page frame could be had. */
  readonly kills: number;
}

/** The counts at one moment. Those of frames are missing in documents of earlier versions. */
export interface Sample extends SlotCounts, Partial<FrameCounts> {
  /** Seconds since the start barrier. */
  readonly t: number;
  /** Whether all swappers stood still, so that the counts are exact and fit each other. */
  readonly quiescent: boolean;
  readonly phase: PhaseName;
  /** The lap it belongs to, from 0 on; missing in documents of older versions. */
  readonly lap?: number;
}

/** The memory of all devices at a checkpoint: what their pools consist of. */
export interface AnatomySample extends AnatomyCounts {
  /** Seconds since the start barrier. */
  readonly t: number;
}

/** The memory of all devices over a run. */
export interface AnatomyResult {
  /** At each checkpoint whose sample is kept, in order. */
  readonly checkpoints: readonly AnatomySample[];
  /** At the same moment as {@link PolicyResult.final}. */
  readonly final: AnatomyCounts;
  /** Why some pages stay that one small object keeps, in words: when there were the most of them. */
  readonly examples: readonly string[];
}

/** What it costs to tell the device of a free. */
export interface FreeCost {
  /** Microseconds for one freed slot, the median of a sample; null when the clock was off or nothing was freed. */
  readonly usPerSlot: number | null;
  /** Block requests that were made for it. */
  readonly bios: number;
  /** Block requests that could not be made. */
  readonly bioFailures: number;
}

/** Bytes that went to and from the devices: by block requests, and under `address-space` also page by page without any. */
export interface Traffic {
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Bytes whose sectors were discarded. */
  readonly bytesDiscarded: number;
}

/** All locks of one class. */
export interface LockResult {
  /** `swap_lock`, ... */
  readonly class: string;
  readonly acquisitions: number;
  /** Acquisitions that found the lock taken. */
  readonly contended: number;
  readonly waitSeconds: number;
  readonly holdSeconds: number;
  readonly waitMaxSeconds: number;
  readonly holdMaxSeconds: number;
}

/** What the lists of reclaim and kswapd did, by the kernel's names for it in `/proc/vmstat`. */
export interface ReclaimCounts {
  /** Pages of the inactive list that kswapd looked at. */
  readonly pgscanKswapd: number;
  /** Those that tasks looked at which found no free frame. Tasks at the limit count in neither. */
  readonly pgscanDirect: number;
  /** Pages that kswapd freed. */
  readonly pgstealKswapd: number;
  /** Times that kswapd began to free pages. */
  readonly pageoutrun: number;
  /** Times that a task found no free frame and had to reclaim for itself. */
  readonly allocstall: number;
  /** Pages that came to the active list from the inactive one. */
  readonly pgactivate: number;
  /** Pages that went the other way. */
  readonly pgdeactivate: number;
  /** Pages of the active list that reclaim looked at. */
  readonly pgrefill: number;
}

/** What the processes saw. The counts of reclaim are missing in documents of earlier versions. */
export interface VmCounts extends Partial<ReclaimCounts> {
  readonly faults: number;
  readonly swapIns: number;
  readonly swapOuts: number;
  /** Processes that ended because no page frame could be had. */
  readonly kills: number;
  /** Pages that left memory without a write, because the device still had them. */
  readonly cleanDrops: number;
  /** Transfers to or from swap that failed. */
  readonly ioErrors: number;
  /** Accesses that failed because their page could not be read, which ends a process. Missing in documents of earlier versions, as are the next two. */
  readonly busErrors?: number;
  /** Pages read because they lay beside one that was wanted. */
  readonly readAhead?: number;
  /** Those of them that were used before they left memory. */
  readonly readAheadHits?: number;
  /** Pages that reclaim looked at. */
  readonly scanned: number;
  /** Pages that reclaim freed. */
  readonly reclaimed: number;
  /** Processes forked from others. */
  readonly forks: number;
  /** Forks for which there was no memory: the parent went on alone. */
  readonly forkFailures: number;
}

/** The memory of the process at one moment. */
export interface MemorySample {
  /** Seconds since the threads of the policy were asked to start. */
  readonly t: number;
  /** Resident bytes of the whole process. */
  readonly rss: number;
  /** Bytes in use in the heap of the main thread. */
  readonly heap: number;
}

/** The memory of the process while a policy ran, in bytes. The machine is a part of it, so far as its memory was touched. */
export interface MemoryResult {
  /** Resident when the first minute was over; null in a shorter run. */
  readonly rssAfterFirstMinute: number | null;
  /** The most that was resident from then on. */
  readonly rssMaxAfterFirstMinute: number | null;
  /** The most that was resident at any time. */
  readonly rssMax: number;
  readonly rssEnd: number;
  /** The most that was in use in the heap of the main thread. */
  readonly heapMax: number;
  /** Once a second; less often in a long run. */
  readonly samples: readonly MemorySample[];
}

/** What a run tells while it runs, at each checkpoint; in a run with a duration, at some of them. */
export interface RunProgress {
  readonly policy: RunPolicy;
  /** Which of the policies it is, from 0 on. */
  readonly policyIndex: number;
  /** How many policies the run has. */
  readonly policyCount: number;
  /** Checkpoints passed under this policy, in the lap under way. */
  readonly checkpoint: number;
  /** Checkpoints that each policy has, in a lap. */
  readonly checkpoints: number;
  readonly phase: PhaseName;
  /** Steps done under this policy. */
  readonly opsDone: number;
  /** Steps that each policy has, in a lap. */
  readonly ops: number;
  /** The lap under way, from 0 on. */
  readonly lap: number;
  /** Seconds that each policy goes on; null for one lap. */
  readonly duration: number | null;
  /** The counts at this checkpoint. */
  readonly sample: Sample;
}
