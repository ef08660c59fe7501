/**
 * One policy of a run: a machine of its own, the same workload, what was seen.
 */
import {
  createMachine,
  PAGE_SIZE,
  type BlockDeviceStats,
  type Machine,
  type VmEventSums,
} from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';

import type { PageCorpus } from '../pages/corpus.js';
import { RunControl } from '../swappers/control.js';
import type {
  InjectedFault,
  KernelThreadTask,
  LeaderResult,
  SwapperResult,
  SwapperTask,
} from '../swappers/task.js';
import {
  CHECKPOINTS,
  planWorkload,
  processesOfSwapper,
  type Checkpoint,
  type PhaseName,
} from '../workload/plan.js';
import type { AreaResult, LockResult, PolicyResult, RunProgress, Sample } from './document.js';
import type { CompleteRunOptions, RunPolicy } from './options.js';
import { POLICY_FACTS } from './policies.js';
import { Sampler } from './sampler.js';
import { RunFailedError, type SwapperThreads } from './swapper-pool.js';

/** What one policy runs with. */
export interface PolicyRun {
  readonly policy: RunPolicy;
  readonly policyIndex: number;
  readonly complete: CompleteRunOptions;
  readonly corpus: PageCorpus;
  /** The threads of the run, one for each swapper. */
  readonly threads: SwapperThreads;
  /** Seconds left for this policy. */
  readonly timeLimit: number;
  readonly fault: InjectedFault | null;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: RunProgress) => void) | undefined;
}

/** Longest time in seconds in which at least one step must be done or one barrier passed. */
const STALL_LIMIT_SECONDS = 60;
/** Address spaces beyond those of the swappers' processes: a killed process is there until its successor is. */
const SPARE_ADDRESS_SPACES = 8;
const PROGRESS_EVERY_MS = 50;

/**
 * Runs one policy.
 *
 * @param run - what to run
 * @throws RunFailedError, TimeLimitError, or the reason of the signal
 */
export async function runPolicy(run: PolicyRun): Promise<PolicyResult> {
  const { options, plan } = run.complete;
  const machine = createRunMachine(run);
  const control = new RunControl(options.swappers, CHECKPOINTS);
  const { checkpoints } = planWorkload(options.workload, plan.pagesPerSwapper, plan.opsOfSwapper[0] ?? 0);
  const phaseNow = (): PhaseName => phaseAt(checkpoints, control.sampleCount());
  const watcher = machine.attach({ name: 'sampler' });
  const sampler = new Sampler(watcher, control, phaseNow);
  const reporter = startReporting(run, control, checkpoints);
  try {
    const results = await run.threads.run({
      machine,
      control,
      tasks: tasksOf(run, machine, control),
      kernelThreads: kernelThreadsOf(run, machine, control),
      limits: {
        timeLimit: run.timeLimit,
        statedTimeLimit: options.timeLimit,
        stallLimit: STALL_LIMIT_SECONDS,
      },
      signal: run.signal,
    });
    return assemble(run, machine, control, checkpoints, results, sampler.stop());
  } finally {
    sampler.stop();
    reporter.stop();
    watcher.detach();
  }
}

function createRunMachine(run: PolicyRun): Machine {
  const { options } = run.complete;
  const { ram, limit, disks, disksize, codec, profile, seed, swappers, workload, spinlock } = options;
  return createMachine({
    ramBytes: ram,
    limitBytes: limit,
    profile,
    policy: run.policy,
    ramDisks: [],
    addressSpaces: swappers * processesOfSwapper(workload) + SPARE_ADDRESS_SPACES,
    seed,
    spinlock,
    drivers: [ramzswap({ disks, diskBytes: disksize, codec })],
  });
}

function devicePaths(disks: number): string[] {
  return Array.from({ length: disks }, (_, index) => `/dev/ramzswap${String(index)}`);
}

function tasksOf(run: PolicyRun, machine: Machine, control: RunControl): SwapperTask[] {
  const { options, plan } = run.complete;
  // Nobody drains the events of a run: do not spend time on recording them.
  machine.record();
  return plan.opsOfSwapper.map((ops, swapper) => ({
    swapper,
    swappers: options.swappers,
    machine: machine.handle,
    control: control.buffer,
    samplesMax: CHECKPOINTS,
    corpus: run.corpus.bytes,
    workload: options.workload,
    pagesPerSwapper: plan.pagesPerSwapper,
    ops,
    seed: options.seed,
    lockStats: options.lockStats,
    waitLimitMs: waitLimitMsOf(run),
    swapDevices: devicePaths(options.disks),
    fault: run.fault,
  }));
}

/** The watchdog ends a run first; a wait this long means that there is none. */
function waitLimitMsOf(run: PolicyRun): number {
  return Math.ceil(run.timeLimit * 1000) + 60_000;
}

function kernelThreadsOf(run: PolicyRun, machine: Machine, control: RunControl): KernelThreadTask[] {
  const { options } = run.complete;
  if (kernelThreadsUnder(run.policy) === 0) return [];
  return [
    {
      kernelThread: 'kdiscardd',
      swappers: options.swappers,
      machine: machine.handle,
      control: control.buffer,
      samplesMax: CHECKPOINTS,
      lockStats: options.lockStats,
      waitLimitMs: waitLimitMsOf(run),
    },
  ];
}

/**
 * How many threads a policy needs besides the swappers.
 *
 * @param policy - any
 */
export function kernelThreadsUnder(policy: RunPolicy): number {
  return policy === 'discard-cluster' ? 1 : 0;
}

function phaseAt(checkpoints: readonly Checkpoint[], passed: number): PhaseName {
  const last = checkpoints[checkpoints.length - 1];
  const phase = (checkpoints[passed] ?? last)?.phase;
  if (phase === undefined) throw new Error('a workload has no checkpoints');
  return phase;
}

/** Tells of each checkpoint once it was passed. */
function startReporting(
  run: PolicyRun,
  control: RunControl,
  checkpoints: readonly Checkpoint[],
): { stop(): void } {
  const { onProgress } = run;
  if (onProgress === undefined) return { stop: () => {} };
  let told = 0;
  const tell = (): void => {
    for (; told < control.sampleCount(); told++) {
      onProgress({
        policy: run.policy,
        policyIndex: run.policyIndex,
        policyCount: run.complete.options.policies.length,
        checkpoint: told + 1,
        checkpoints: CHECKPOINTS,
        phase: phaseAt(checkpoints, told),
        opsDone: control.opsDone(),
        ops: run.complete.options.ops,
        sample: checkpointSample(control, checkpoints, told),
      });
    }
  };
  const timer = setInterval(tell, PROGRESS_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      tell();
    },
  };
}

function checkpointSample(control: RunControl, checkpoints: readonly Checkpoint[], index: number): Sample {
  return { quiescent: true, phase: phaseAt(checkpoints, index), ...control.sample(index) };
}

function assemble(
  run: PolicyRun,
  machine: Machine,
  control: RunControl,
  checkpoints: readonly Checkpoint[],
  results: readonly SwapperResult[],
  running: readonly Sample[],
): PolicyResult {
  const leader = results.find((result) => result.leader !== null)?.leader;
  if (leader === undefined || leader === null)
    throw new RunFailedError('the leader of the swappers gave no result');
  const exact = Array.from({ length: control.sampleCount() }, (_, index) =>
    checkpointSample(control, checkpoints, index),
  );
  const view = machine.attach({ name: 'collector' });
  const vm = view.kernel.vm.events.sums();
  const traffic = trafficOf(view.kernel.block.devices, devicePaths(run.complete.options.disks), vm);
  view.detach();
  return {
    policy: run.policy,
    ops: sum(results, (result) => result.ops),
    seconds: leader.seconds,
    integrityErrors: sum(results, (result) => result.integrityErrors),
    invariantErrors: leader.brokenCount,
    statDrift: leader.drift.length,
    areas: areasOf(run.policy, leader),
    samples: [...running, ...exact].sort((a, b) => a.t - b.t),
    final: leader.final,
    freeCost: freeCostOf(results, leader),
    traffic,
    locks: run.complete.options.lockStats ? locksOf(machine) : [],
    vm: {
      faults: vm.faults,
      swapIns: vm.swapIns,
      swapOuts: vm.swapOuts,
      kills: vm.kills,
      cleanDrops: vm.cleanDrops,
      ioErrors: vm.ioErrors,
    },
    reports: [...leader.broken, ...leader.drift, ...results.flatMap((result) => result.integrityReports)],
  };
}

function areasOf(policy: RunPolicy, leader: LeaderResult): AreaResult[] {
  const { hooked } = POLICY_FACTS[policy];
  return leader.areas.map(({ device, allocated, freed, freedUnreported, notified, missed }) => ({
    type: 'ramzswap',
    device,
    allocated,
    freed,
    notified,
    freedBeforeHook: hooked ? freedUnreported : null,
    missed: hooked ? freed - freedUnreported - notified : missed,
  }));
}

function freeCostOf(results: readonly SwapperResult[], leader: LeaderResult): PolicyResult['freeCost'] {
  const timings = results.flatMap((result) => [...result.freeTimings]).sort((a, b) => a - b);
  const median = timings[timings.length >> 1];
  return {
    usPerSlot: median === undefined ? null : median / 1000,
    bios: sum(leader.areas, (area) => area.discards),
    bioFailures: sum(leader.areas, (area) => area.discardFailures),
  };
}

function trafficOf(
  devices: {
    byPath(path: string): number;
    stats(bdev: number): BlockDeviceStats;
  },
  paths: readonly string[],
  vm: VmEventSums,
): PolicyResult['traffic'] {
  const stats = paths.map((path) => devices.stats(devices.byPath(path)));
  return {
    bytesOut: sum(stats, (row) => row.writtenBytes) + vm.spaceWrites * PAGE_SIZE,
    bytesIn: sum(stats, (row) => row.readBytes) + vm.spaceReads * PAGE_SIZE,
    bytesDiscarded: sum(stats, (row) => row.discardedBytes),
  };
}

function locksOf(machine: Machine): LockResult[] {
  return machine
    .lockStats()
    .filter((row) => row.acquisitions > 0)
    .map(({ lockClass, ...rest }) => ({ class: lockClass, ...rest }));
}

function sum<Row>(rows: readonly Row[], value: (row: Row) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}
