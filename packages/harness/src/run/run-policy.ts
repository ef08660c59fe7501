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

import { TimeLimitError } from '../errors.js';
import type { PageCorpus } from '../pages/corpus.js';
import { scenarioOf } from '../scenarios/registry.js';
import { RunControl } from '../swappers/control.js';
import { kernelThreadsUnder } from '../swappers/kernel-thread.js';
import type { ChromeTrace } from '../trace-out/chrome-trace.js';
import { addCurves, traceRecordsFor } from '../trace-out/run-curves.js';
import { SAMPLES_KEPT } from '../swappers/laps.js';
import type {
  AreaCounts,
  InjectedFault,
  KernelThreadTask,
  ScenarioTask,
  SwapperResult,
  SwapperTask,
} from '../swappers/task.js';
import { planWorkload, processesOfSwapper, type Checkpoint, type PhaseName } from '../workload/plan.js';
import { exactSamples, phaseAt, samplesOf, startReporting } from './checkpoints.js';
import type { AreaResult, LockResult, MemoryResult, PolicyResult, RunProgress, Sample } from './document.js';
import type { CompleteRunOptions, RunPolicy } from './options.js';
import { POLICY_FACTS } from './policies.js';
import { MemoryWatch } from './process-memory.js';
import { Sampler } from './sampler.js';
import { scenarioResultOf, type ResultBefore } from './scenario-result.js';
import { suspectsOf, suspectsOfStop, withSuspects } from './suspects.js';
import { NO_PROGRESS } from './watchdog.js';
import { RunFailedError, type SwapperGroupResult, type SwapperThreads } from './swapper-pool.js';

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
  /** Where the events of the machine go; null for nowhere. */
  readonly trace: ChromeTrace | null;
}

/** Longest time in seconds in which at least one step must be done or one barrier passed. */
const STALL_LIMIT_SECONDS = 60;
/** Address spaces beyond those of the swappers' processes: a killed process is there until its successor is, and longer while swapoff uses it. */
const SPARE_ADDRESS_SPACES = 8;

/**
 * Runs one policy.
 *
 * @param run - what to run
 * @returns what was seen, in a historical profile also of a machine that stopped
 * @throws RunFailedError, TimeLimitError, or the reason of the signal
 */
export async function runPolicy(run: PolicyRun): Promise<PolicyResult> {
  const { options, plan } = run.complete;
  const machine = createRunMachine(run);
  const traced = run.trace?.begin(`policy ${run.policy}`, machine) ?? null;
  traced?.start();
  const control = new RunControl(options.swappers, SAMPLES_KEPT);
  const { checkpoints } = planWorkload(options.workload, plan.pagesPerSwapper, plan.opsOfSwapper[0] ?? 0);
  const phaseNow = (): PhaseName => phaseAt(checkpoints, control.passedOfLap());
  const watcher = machine.attach({ name: 'sampler' });
  const sampler = new Sampler(watcher, control, phaseNow);
  const memory = new MemoryWatch();
  const reporter = startReporting(run, control, checkpoints);
  try {
    const results = await run.threads.run({
      machine,
      control,
      tasks: tasksOf(run, machine, control),
      kernelThreads: kernelThreadsOf(run, machine, control),
      scenario: scenarioTaskOf(run, machine, control),
      limits: {
        timeLimit: run.timeLimit,
        statedTimeLimit: options.timeLimit,
        stallLimit: STALL_LIMIT_SECONDS,
      },
      signal: run.signal,
    });
    return assemble(run, machine, control, checkpoints, results, sampler.stop(), memory.stop());
  } catch (error) {
    if (error instanceof RunFailedError) {
      if (isExpectedToFail(run))
        return stoppedResult(run, machine, control, checkpoints, sampler.stop(), memory.stop(), error);
      throw new RunFailedError(reportOf(run, error.message));
    }
    if (error instanceof TimeLimitError && error.message.startsWith(NO_PROGRESS))
      throw new TimeLimitError(reportOf(run, error.message));
    throw error;
  } finally {
    const running = sampler.stop();
    if (traced !== null)
      addCurves(traced, control.startNs(), samplesOf(running, exactSamples(control, checkpoints)));
    run.trace?.endMachine();
    memory.stop();
    reporter.stop();
    watcher.detach();
  }
}

/** The report of a run that ended early. Of what was broken on purpose nobody is suspected. */
function reportOf(run: PolicyRun, report: string): string {
  return run.fault === null ? withSuspects(run.complete.options.profile, report) : report;
}

/** Whether the faults of history are in the code: then a machine that stops is one of the things that can be seen. */
function isExpectedToFail(run: PolicyRun): boolean {
  return run.fault === null && run.complete.options.profile !== 'sound';
}

/** What is known of a policy whose machine stopped. */
function stoppedResult(
  run: PolicyRun,
  machine: Machine,
  control: RunControl,
  checkpoints: readonly Checkpoint[],
  running: readonly Sample[],
  memory: MemoryResult,
  error: RunFailedError,
): PolicyResult {
  const { profile } = run.complete.options;
  const exact = exactSamples(control, checkpoints);
  const last = exact[exact.length - 1] ?? NOTHING_SEEN;
  const report = machine.stopReport() ?? error.message;
  const sentence = `the machine stopped: ${report.split('\n')[0] ?? report}`;
  return {
    policy: run.policy,
    ops: control.opsDone(),
    laps: control.lap(),
    seconds: last.t,
    integrityErrors: 0,
    invariantErrors: 1,
    statDrift: 0,
    areas: [],
    samples: samplesOf(running, exact),
    final: {
      live: last.live,
      stored: last.stored,
      stale: last.stale,
      comprBytes: last.comprBytes,
      poolPages: last.poolPages,
    },
    anatomy: null,
    freeCost: { usPerSlot: null, bios: 0, bioFailures: 0 },
    traffic: { bytesOut: 0, bytesIn: 0, bytesDiscarded: 0 },
    locks: [],
    vm: NOTHING_COUNTED,
    memory,
    firstKill: null,
    scenario: null,
    reports: [sentence],
    suspects: suspectsOfStop(profile, report),
    stopped: sentence,
  };
}

const NOTHING_COUNTED = {
  faults: 0,
  swapIns: 0,
  swapOuts: 0,
  kills: 0,
  cleanDrops: 0,
  ioErrors: 0,
  scanned: 0,
  reclaimed: 0,
  forks: 0,
  forkFailures: 0,
};
const NOTHING_SEEN = { t: 0, live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 };

function createRunMachine(run: PolicyRun): Machine {
  const { options, plan } = run.complete;
  const { backing } = plan;
  const { ram, limit, disks, disksize, codec, dictionary, profile, seed, swappers, workload, spinlock } =
    options;
  return createMachine({
    ramBytes: ram,
    limitBytes: limit,
    profile,
    policy: run.policy,
    ramDisks: [...plan.ramDisks, ...(backing === null ? [] : [backing])].map(({ name, bytes }) => ({
      name,
      bytes,
    })),
    addressSpaces: swappers * processesOfSwapper(workload) + SPARE_ADDRESS_SPACES,
    seed,
    spinlock,
    pageCluster: options.pageCluster,
    ...(run.trace === null ? {} : { traceRecords: traceRecordsFor(ram) }),
    drivers: [
      ramzswap({
        disks: disks + plan.spareDisks,
        diskBytes: disksize,
        codec,
        dictionary,
      }),
    ],
  });
}

/** Paths of so many disks, from one on. */
function devicePaths(disks: number, first = 0): string[] {
  return Array.from({ length: disks }, (_, index) => `/dev/ramzswap${String(first + index)}`);
}

function tasksOf(run: PolicyRun, machine: Machine, control: RunControl): SwapperTask[] {
  const { options, plan } = run.complete;
  // Nobody drains the events of a run without a trace: do not spend time on recording them.
  if (run.trace === null) machine.record();
  return plan.opsOfSwapper.map((ops, swapper) => ({
    swapper,
    swappers: options.swappers,
    machine: machine.handle,
    control: control.buffer,
    samplesMax: SAMPLES_KEPT,
    corpus: run.corpus.bytes,
    workload: options.workload,
    pagesPerSwapper: plan.pagesPerSwapper,
    ops,
    duration: options.duration,
    seed: options.seed,
    lockStats: options.lockStats,
    traced: run.trace !== null,
    waitLimitMs: waitLimitMsOf(run),
    swapDevices: devicePaths(options.disks),
    diskPriority: plan.diskPriority,
    ramDisks: plan.ramDisks,
    backing: plan.backing === null ? null : `/dev/${plan.backing.name}`,
    spareDevices: devicePaths(plan.spareDisks, options.disks),
    scenarioName: options.scenario,
    ioErrors: options.ioErrors,
    fault: run.fault,
  }));
}

/** The watchdog ends a run first; a wait this long means that there is none. */
function waitLimitMsOf(run: PolicyRun): number {
  return Math.ceil(run.timeLimit * 1000) + 60_000;
}

function kernelThreadsOf(run: PolicyRun, machine: Machine, control: RunControl): KernelThreadTask[] {
  const { options } = run.complete;
  return kernelThreadsUnder(run.policy).map((kernelThread) => ({
    kernelThread,
    swappers: options.swappers,
    machine: machine.handle,
    control: control.buffer,
    samplesMax: SAMPLES_KEPT,
    lockStats: options.lockStats,
    traced: run.trace !== null,
    waitLimitMs: waitLimitMsOf(run),
  }));
}

/** Steps after which the area of a scenario comes, or goes: it is there half of the time, and at least a few times in a short run. */
const SCENARIO_EVERY_OPS = 1500;
const SCENARIO_CHANGES_LEAST = 12;

function scenarioTaskOf(run: PolicyRun, machine: Machine, control: RunControl): ScenarioTask | null {
  const { options, plan } = run.complete;
  if (options.scenario === null || scenarioOf(options.scenario).hasThread !== true) return null;
  return {
    scenario: options.scenario,
    swappers: options.swappers,
    machine: machine.handle,
    control: control.buffer,
    samplesMax: SAMPLES_KEPT,
    lockStats: options.lockStats,
    traced: run.trace !== null,
    waitLimitMs: waitLimitMsOf(run),
    spareDevices: devicePaths(plan.spareDisks, options.disks),
    everyOps: Math.max(1, Math.min(SCENARIO_EVERY_OPS, Math.floor(options.ops / SCENARIO_CHANGES_LEAST))),
  };
}

function assemble(
  run: PolicyRun,
  machine: Machine,
  control: RunControl,
  checkpoints: readonly Checkpoint[],
  { swappers: results, scenario }: SwapperGroupResult,
  running: readonly Sample[],
  memory: MemoryResult,
): PolicyResult {
  const { options, plan } = run.complete;
  const leader = results.find((result) => result.leader !== null)?.leader;
  if (leader === undefined || leader === null)
    throw new RunFailedError('the leader of the swappers gave no result');
  const exact = exactSamples(control, checkpoints);
  const view = machine.attach({ name: 'collector' });
  const vm = view.kernel.vm.events.sums();
  const paths = [
    ...devicePaths(options.disks + plan.spareDisks),
    ...plan.ramDisks.map(({ name }) => `/dev/${name}`),
  ];
  const traffic = trafficOf(view.kernel.block.devices, paths, vm);
  view.detach();
  const integrityErrors = sum(results, (result) => result.integrityErrors);
  const broken = [...leader.broken, ...(scenario?.broken ?? [])];
  const spareArea = scenario?.area ?? null;
  const areas = spareArea === null ? leader.areas : [...leader.areas, spareArea];
  const before: ResultBefore = {
    policy: run.policy,
    ops: sum(results, (result) => result.ops),
    laps: leader.laps,
    seconds: leader.seconds,
    integrityErrors,
    invariantErrors: leader.brokenCount + (scenario?.brokenCount ?? 0),
    statDrift: leader.drift.length,
    areas: areasOf(run.policy, areas),
    samples: samplesOf(running, exact),
    final: leader.final,
    anatomy: leader.anatomy,
    freeCost: freeCostOf(results, areas),
    traffic,
    locks: run.complete.options.lockStats ? locksOf(machine) : [],
    vm: {
      faults: vm.faults,
      swapIns: vm.swapIns,
      swapOuts: vm.swapOuts,
      kills: vm.kills,
      cleanDrops: vm.cleanDrops,
      ioErrors: vm.ioErrors,
      busErrors: vm.busErrors,
      readAhead: vm.readAhead,
      readAheadHits: vm.readAheadHits,
      pgscanKswapd: vm.pgscanKswapd,
      pgscanDirect: vm.pgscanDirect,
      pgstealKswapd: vm.pgstealKswapd,
      pageoutrun: vm.pageoutrun,
      allocstall: vm.allocstall,
      pgactivate: vm.pgactivate,
      pgdeactivate: vm.pgdeactivate,
      pgrefill: vm.pgrefill,
      scanned: vm.scanned,
      reclaimed: vm.reclaimed,
      forks: vm.forks,
      forkFailures: sum(results, (result) => result.forkFailures),
    },
    memory,
    firstKill: results.find((result) => result.firstKill !== null)?.firstKill ?? null,
    reports: [...broken, ...leader.drift, ...results.flatMap((result) => result.integrityReports)],
    suspects: suspectsOf(options.profile, { integrityErrors, broken: [...broken, ...leader.drift] }),
    stopped: null,
  };
  return {
    ...before,
    scenario: scenarioResultOf(run.complete, before, { thread: scenario, swappers: results }),
  };
}

function areasOf(policy: RunPolicy, areas: readonly AreaCounts[]): AreaResult[] {
  const { hooked } = POLICY_FACTS[policy];
  return areas.map((area) => {
    const { type, device, allocated, freed, bytesOut, bytesIn, freedUnreported, notified, missed } = area;
    // A RAM disk keeps its sectors whatever becomes of the slots: nobody tells it anything.
    const isTold = hooked && type === 'ramzswap';
    return {
      type,
      device,
      allocated,
      freed,
      bytesOut,
      bytesIn,
      notified,
      freedBeforeHook: isTold ? freedUnreported : null,
      missed: isTold ? freed - freedUnreported - notified : missed,
    };
  });
}

function freeCostOf(
  results: readonly SwapperResult[],
  areas: readonly AreaCounts[],
): PolicyResult['freeCost'] {
  const timings = results.flatMap((result) => [...result.freeTimings]).sort((a, b) => a - b);
  const median = timings[timings.length >> 1];
  return {
    usPerSlot: median === undefined ? null : median / 1000,
    bios: sum(areas, (area) => area.discards),
    bioFailures: sum(areas, (area) => area.discardFailures),
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
