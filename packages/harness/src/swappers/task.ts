/**
 * What the main thread asks of a swapper, and what it gets back. Plain data: everything here is posted between threads.
 */
import type { MachineHandle } from '@swaplab/kernel-mm';

import type { AnatomyResult, SlotCounts } from '../run/document.js';
import type { IoErrorRates } from '../run/io-errors.js';
import type { RunScenario } from '../run/options.js';
import type { KillMoment, ScenarioDisk } from '../scenarios/scenario.js';
import type { WorkloadName } from '../workload/plan.js';

/**
 * A fault that is put into a run on purpose, to see how it is reported: a thread that ends with `swap_lock` held, one that never gives it back,
 * or a process whose pages change without its knowledge.
 */
export type InjectedFault = 'die-holding-lock' | 'never-unlock' | 'damage-pages';

/** The faults that can be put into a run. */
export const INJECTED_FAULTS: readonly InjectedFault[] = ['die-holding-lock', 'never-unlock', 'damage-pages'];

/** One swapper of one policy. */
export interface SwapperTask {
  /** From 0 on; swapper 0 is the leader. */
  readonly swapper: number;
  readonly swappers: number;
  readonly machine: MachineHandle;
  /** Of the `RunControl`. */
  readonly control: SharedArrayBuffer;
  readonly samplesMax: number;
  /** The pages processes write. */
  readonly corpus: Uint8Array<SharedArrayBuffer>;
  readonly workload: WorkloadName;
  readonly pagesPerSwapper: number;
  /** Steps of this swapper, in each lap. */
  readonly ops: number;
  /** Seconds after which the run ends at the next checkpoint; null for one lap. */
  readonly duration: number | null;
  readonly seed: number;
  readonly lockStats: boolean;
  /** Whether the events of the machine go into a trace; false when left out. */
  readonly traced?: boolean;
  readonly waitLimitMs: number;
  /** Compressed-RAM disks that the leader switches on before the start, all at one priority. */
  readonly swapDevices: readonly string[];
  /** That priority. */
  readonly diskPriority: number;
  /** RAM disks that the leader writes a header on and switches on before all others. */
  readonly ramDisks: readonly ScenarioDisk[];
  /** Path of the RAM disk that the leader puts behind the first compressed-RAM disk; null for none. */
  readonly backing: string | null;
  /** Paths that a scenario switches on and off; empty without one. The leader resets them at the end. */
  readonly spareDevices: readonly string[];
  /** The scenario of the run; null for none. */
  readonly scenarioName: RunScenario | null;
  readonly fault: InjectedFault | null;
  /** How often transfers to and from the disks fail while the swappers run; null for never. */
  readonly ioErrors: IoErrorRates | null;
}

/** A thread that does something to the machine besides the workload. */
export interface ScenarioTask {
  readonly scenario: RunScenario;
  /** Of the run, for the shared block. */
  readonly swappers: number;
  readonly machine: MachineHandle;
  /** Of the `RunControl`. */
  readonly control: SharedArrayBuffer;
  readonly samplesMax: number;
  readonly lockStats: boolean;
  /** Whether the events of the machine go into a trace; false when left out. */
  readonly traced?: boolean;
  readonly waitLimitMs: number;
  /** Disks of its own, which are not switched on. */
  readonly spareDevices: readonly string[];
  /** After so many steps of all swappers together it comes, and after so many more it goes. */
  readonly everyOps: number;
}

/** What a scenario has done. */
export interface ScenarioCounts {
  readonly swapons: number;
  readonly swapoffs: number;
  /** Swapoffs that failed, by the name of the error. */
  readonly swapoffErrors: Readonly<Record<string, number>>;
  /** The area that came and went, its lives added up; null when there was none but those of the run. */
  readonly area: AreaCounts | null;
  /** What else it has counted, by names of its own. */
  readonly facts: Readonly<Record<string, number>>;
  /** What was wrong after a swapoff, the first few in words. */
  readonly broken: readonly string[];
  readonly brokenCount: number;
}

/** What the thread of a scenario gives back. */
export interface ScenarioThreadResult {
  readonly scenario: RunScenario;
  /** Why it did not end when it was told to; null when it did. */
  readonly error: PlainError | null;
  /** Null when there is an error. */
  readonly counts: ScenarioCounts | null;
}

/** The threads of the kernel's own. */
export type KernelThreadName = 'kswapd' | 'kdiscardd';

/** A thread of the kernel's own, which runs beside the swappers. */
export interface KernelThreadTask {
  /** Its name. */
  readonly kernelThread: KernelThreadName;
  /** Of the run, for the shared block. */
  readonly swappers: number;
  readonly machine: MachineHandle;
  /** Of the `RunControl`. */
  readonly control: SharedArrayBuffer;
  readonly samplesMax: number;
  readonly lockStats: boolean;
  /** Whether the events of the machine go into a trace; false when left out. */
  readonly traced?: boolean;
  readonly waitLimitMs: number;
}

/** What a thread of the kernel's own has done. */
export interface KernelThreadResult {
  readonly kernelThread: string;
  /** Why it did not end when it was told to; null when it did. */
  readonly error: PlainError | null;
}

/** What a thread of the pool may be asked. */
export type PoolTask = SwapperTask | KernelThreadTask | ScenarioTask;
/** What it gives back. */
export type PoolResult = SwapperResult | KernelThreadResult | ScenarioThreadResult;

/** An error as plain data. */
export interface PlainError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly stack: string;
}

/** What a swapper saw. */
export interface SwapperResult {
  readonly swapper: number;
  /** Why it did not finish; null when it did. */
  readonly error: PlainError | null;
  readonly ops: number;
  readonly integrityErrors: number;
  /** The first few of them, in words. */
  readonly integrityReports: readonly string[];
  /** Forks for which there was no memory. */
  readonly forkFailures: number;
  /** The machine when its process was the first of the run to be ended for lack of memory; null when it was not. */
  readonly firstKill: KillMoment | null;
  /** What it has counted for the scenario, by names of the scenario's own. */
  readonly facts: Readonly<Record<string, number>>;
  /** How long telling the device of a freed slot took, for a sample of them, in nanoseconds. */
  readonly freeTimings: Float64Array;
  /** What only the leader saw; null for all others. */
  readonly leader: LeaderResult | null;
}

/** One swap area at the end. */
export interface AreaCounts {
  /** The kind of its device: `ramzswap`, or `ram` for a RAM disk. */
  readonly type: 'ramzswap' | 'ram';
  readonly device: string;
  readonly allocated: number;
  readonly freed: number;
  /** Bytes that block requests wrote and read. */
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly freedUnreported: number;
  /** The driver's own count. */
  readonly notified: number;
  /** Frees that were to reach the device at once, and did not. */
  readonly missed: number;
  /** Discard requests since swapon. */
  readonly discards: number;
  /** Discard requests that could not be made. */
  readonly discardFailures: number;
}

/** What the leader saw at the checkpoints and at the end. */
export interface LeaderResult {
  /** From the start barrier to the last checkpoint. */
  readonly seconds: number;
  /** Laps that were done to their end. */
  readonly laps: number;
  /** Invariants that did not hold, in words. */
  readonly broken: readonly string[];
  readonly brokenCount: number;
  readonly drift: readonly string[];
  readonly final: SlotCounts;
  readonly anatomy: AnatomyResult;
  readonly areas: readonly AreaCounts[];
}
