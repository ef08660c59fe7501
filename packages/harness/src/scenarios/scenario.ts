/**
 * What a scenario is: a situation with a name, in which a workload shows something that it does not show in a machine with plenty of everything.
 *
 * One scenario is one file of this folder, a constant of the type {@link Scenario}, and one line in `registry.ts`. What it does in a thread of its
 * own, or in each swapper's, is code that only workers load: it stands in a file beside it and in `threads.ts`.
 *
 * Nothing here imports the options or the document of a run: these stand on the registry. A scenario therefore sees a part of both, in the shapes
 * below, which the real ones fit.
 */
import type { FreeSlotPolicy } from '@swaplab/kernel-mm';

import type { WorkloadName } from '../workload/plan.js';

/** Options of a run as a scenario sees and assumes them; sizes in bytes. Those it does not name are assumed as in any run. */
export interface ScenarioOptions {
  readonly policies?: readonly FreeSlotPolicy[] | undefined;
  readonly swappers?: number | undefined;
  readonly disks?: number | undefined;
  readonly ops?: number | undefined;
  readonly mapped?: number | undefined;
  readonly limit?: number | undefined;
  readonly ram?: number | undefined;
  readonly disksize?: number | undefined;
  readonly workload?: WorkloadName | undefined;
  readonly pages?: string | undefined;
  readonly codec?: ScenarioCodec | undefined;
}

/** The codecs that a run can use. */
export type ScenarioCodec = 'lzo1x-2010' | 'lzo1x-current' | 'lzo-rle' | 'lz4' | 'deflate' | 'none';

/** The options of a run, complete. */
export type CompleteScenarioOptions = {
  readonly [Name in keyof ScenarioOptions]-?: NonNullable<ScenarioOptions[Name]>;
};

/** A device besides the compressed-RAM disks, which is switched on before the first step: a disk whose sectors take no page frame. */
export interface ScenarioDisk {
  /** `ram0`: `/dev/ram0`. */
  readonly name: string;
  /** Size in bytes, whole pages, the header page included. */
  readonly bytes: number;
  /** 0 to 32767: slots are taken from the area with the highest priority first. */
  readonly priority: number;
}

/** The counts at one moment, as a scenario sees them; {@link ScenarioSight.samples}. */
export interface ScenarioSample {
  /** Seconds since the start barrier. */
  readonly t: number;
  readonly quiescent: boolean;
  readonly phase: string;
  readonly live: number;
  readonly stored: number;
  readonly stale: number;
  readonly comprBytes: number;
  readonly poolPages: number;
  /** Page frames that nobody uses. */
  readonly freeFrames?: number | undefined;
  /** Pages of processes and of the swap cache. */
  readonly residentPages?: number | undefined;
  /** Processes ended so far because no page frame could be had. */
  readonly kills?: number | undefined;
}

/** The machine right after the first process was ended because no page frame could be had. */
export interface KillMoment {
  /** Seconds since the start barrier. */
  readonly t: number;
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
  /** Page frames that nobody used. */
  readonly freeFrames: number;
  /** Pages of processes and of the swap cache. */
  readonly residentPages: number;
}

/** One swap area, as a scenario sees it. */
export interface ScenarioArea {
  /** `ramzswap` or `ram`. */
  readonly type: string;
  /** `/dev/ramzswap0`, ... */
  readonly device: string;
  readonly allocated: number;
  readonly freed: number;
  /** Bytes that block requests wrote to its device. */
  readonly bytesOut?: number;
  /** Bytes that block requests read from it. */
  readonly bytesIn?: number;
}

/** What a scenario is told of a run under one policy that came to its end. */
export interface ScenarioSight {
  readonly policy: FreeSlotPolicy;
  readonly options: CompleteScenarioOptions;
  /**
   * Whether the run has the sizes, workload, codec and pages that the scenario assumes for so many swappers and steps. What depends on them must not be
   * expected of a run with others.
   */
  readonly ownShape: boolean;
  /** Whether transfers were made to fail on purpose. */
  readonly faultsInjected: boolean;
  readonly ops: number;
  readonly seconds: number;
  readonly samples: readonly ScenarioSample[];
  readonly final: {
    readonly live: number;
    readonly stored: number;
    readonly stale: number;
    readonly poolPages: number;
  };
  readonly areas: readonly ScenarioArea[];
  readonly vm: {
    readonly faults: number;
    readonly swapIns: number;
    readonly swapOuts: number;
    readonly kills: number;
    readonly ioErrors: number;
    readonly forks: number;
    readonly forkFailures: number;
    readonly scanned: number;
    readonly reclaimed: number;
    /** Times that a task found no free frame and had to reclaim for itself. */
    readonly allocstall?: number;
  };
  readonly firstKill: KillMoment | null;
  /** What its thread did to swap areas; zeros without one. */
  readonly swapons: number;
  readonly swapoffs: number;
  /** Swapoffs that failed, by the name of the error. */
  readonly swapoffErrors: Readonly<Record<string, number>>;
  /** Other numbers that it has counted, by names of its own; those of all threads are added up. */
  readonly facts: Readonly<Record<string, number>>;
}

/** Something that must hold at the end; a run in which it does not fails. */
export interface ScenarioExpectation {
  /** What is expected, with the number that was found: `no process is killed: 0 were`. */
  readonly sentence: string;
  readonly holds: boolean;
}

/** A scenario. */
export interface Scenario<Name extends string = string> {
  /** As it is typed after `--scenario`. */
  readonly name: Name;
  /** What happens, in one line, without a full stop. */
  readonly description: string;
  /** More about it, for `--scenario list`: what to look at. One or two sentences. */
  readonly meaning: string;
  /**
   * The options it assumes where nothing is said. Called several times with more and more of the options known, so that sizes can follow from the
   * swappers and steps that were asked for; must depend on nothing else.
   */
  readonly assumes?: (asked: ScenarioOptions) => ScenarioOptions;
  /** Compressed-RAM disks of the size of the others that are there, but not switched on: its thread does that. None when not given. */
  readonly spareDisks?: number;
  /** Priority of the compressed-RAM disks of the run; 5 when not given. */
  readonly diskPriority?: number;
  /** Devices of its own; none when not given. */
  readonly extraDisks?: (options: CompleteScenarioOptions) => readonly ScenarioDisk[];
  /**
   * The backing swap of the first compressed-RAM disk: a disk that takes what is not worth keeping in memory, and makes the first one as large as itself.
   * None when not given, and in the profile 2.6.35, whose driver knows of none.
   */
  readonly backing?: (options: CompleteScenarioOptions) => Pick<ScenarioDisk, 'name' | 'bytes'>;
  /** Whether the compressed-RAM disks may have fewer slots than pages are mapped. */
  readonly mayRunFull?: boolean;
  /** Whether the RAM may be smaller than the limit and a reserve. */
  readonly mayLackFrames?: boolean;
  /** Whether a thread of its own runs beside the swappers (`threads.ts`). */
  readonly hasThread?: boolean;
  /** What must hold at the end under a policy; nothing when not given. */
  readonly expects?: (sight: ScenarioSight) => readonly ScenarioExpectation[];
  /** What happened and why, with numbers: whole sentences, the important one first. Without the name of the policy. */
  readonly explain: (sight: ScenarioSight) => readonly string[];
}

/** A whole number with commas between thousands, for sentences of scenarios. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/**
 * A whole number and what it counts.
 *
 * @param value - how many
 * @param noun - for one
 * @param nouns - for more or none
 */
export function plural(value: number, noun: string, nouns = `${noun}s`): string {
  return `${count(value)} ${Math.round(value) === 1 ? noun : nouns}`;
}

/** A part of a whole in percent, `0 %` of nothing; no line may be broken before the sign. */
export function share(part: number, whole: number): string {
  const percent = whole === 0 ? 0 : (100 * part) / whole;
  return `${percent > 0 && percent < 1 ? percent.toFixed(1) : percent.toFixed(0)}\u00a0%`;
}
