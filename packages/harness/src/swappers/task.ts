/**
 * What the main thread asks of a swapper, and what it gets back. Plain data: everything here is posted between threads.
 */
import type { MachineHandle } from '@swaplab/kernel-mm';

import type { AnatomyResult, SlotCounts } from '../run/document.js';
import type { RunScenario } from '../run/options.js';
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
  readonly ops: number;
  readonly seed: number;
  readonly lockStats: boolean;
  readonly waitLimitMs: number;
  /** Paths the leader switches on before the start, all at one priority. */
  readonly swapDevices: readonly string[];
  /** Paths that a scenario switches on and off; empty without one. The leader resets them at the end. */
  readonly spareDevices: readonly string[];
  readonly fault: InjectedFault | null;
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
  readonly waitLimitMs: number;
  /** The area that comes and goes. */
  readonly device: string;
  /** After so many steps of all swappers together it comes, and after so many more it goes. */
  readonly everyOps: number;
}

/** What a scenario has done. */
export interface ScenarioCounts {
  readonly swapons: number;
  readonly swapoffs: number;
  /** Swapoffs that failed, by the name of the error. */
  readonly swapoffErrors: Readonly<Record<string, number>>;
  /** The area that came and went, its lives added up. */
  readonly area: AreaCounts;
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

/** A thread of the kernel's own, which runs beside the swappers. */
export interface KernelThreadTask {
  /** Its name. */
  readonly kernelThread: 'kdiscardd';
  /** Of the run, for the shared block. */
  readonly swappers: number;
  readonly machine: MachineHandle;
  /** Of the `RunControl`. */
  readonly control: SharedArrayBuffer;
  readonly samplesMax: number;
  readonly lockStats: boolean;
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
  /** How long telling the device of a freed slot took, for a sample of them, in nanoseconds. */
  readonly freeTimings: Float64Array;
  /** What only the leader saw; null for all others. */
  readonly leader: LeaderResult | null;
}

/** One swap area at the end. */
export interface AreaCounts {
  readonly device: string;
  readonly allocated: number;
  readonly freed: number;
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
  /** Invariants that did not hold, in words. */
  readonly broken: readonly string[];
  readonly brokenCount: number;
  readonly drift: readonly string[];
  readonly final: SlotCounts;
  readonly anatomy: AnatomyResult;
  readonly areas: readonly AreaCounts[];
}
