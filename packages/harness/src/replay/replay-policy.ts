/**
 * One policy of a replay: a machine of its own, all passes over the trace in this thread, what was seen.
 *
 * Promise: the same trace, options and seed give the same counts, to the last byte; only times vary. Nobody else is attached, so every count is exact
 * at any moment.
 */
import {
  checkSwapInvariants,
  createMachine,
  GFP_KERNEL,
  KernelBug,
  PAGE_SIZE,
  type Machine,
  type MachineView,
} from '@swaplab/kernel-mm';
import { ramzswap, statDrift, walkTable } from '@swaplab/ramzswap';

import type { AreaResult, LockResult, SlotCounts } from '../run/document.js';
import type { RunPolicy } from '../run/options.js';
import { POLICY_FACTS } from '../run/policies.js';
import { suspectsOf, suspectsOfStop } from '../run/suspects.js';
import { clockNs } from '../swappers/control.js';
import { FreeTimer } from '../swappers/free-timer.js';
import type { ReplayPolicyResult, ReplayProgress, ReplaySample } from './document.js';
import type { TraceFile } from './formats/trace-file.js';
import type { ReplayOptions } from './options.js';
import type { PageBank } from './page-bank.js';
import { Replayer } from './replayer.js';
import { SampleComparison, type KernelSample } from './samples.js';
import { TraceClock, type TraceSurvey } from './survey.js';
import { OurSlots, RecordedSlots, REPLAY_DEVICE, type ReplayTarget } from './target.js';
import { WrittenPages } from './written-pages.js';

/** What one policy is replayed with. */
export interface PolicyReplay {
  readonly policy: RunPolicy;
  readonly policyIndex: number;
  readonly options: ReplayOptions;
  readonly trace: TraceFile;
  readonly survey: TraceSurvey;
  /** Null when they are not known. */
  readonly samples: readonly KernelSample[] | null;
  readonly bank: PageBank;
  /** Pages of the disk, its header included. */
  readonly diskPages: number;
  /** Pages that can be stored at a time. */
  readonly storedMax: number;
  readonly slotShift: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: ReplayProgress) => void) | undefined;
}

/** Page frames besides those of stored pages: for the header, the two of the replay, watermarks, and pools that are not full. */
const SPARE_PAGES = 1024;
/** The most a machine can have. */
const RAM_PAGES_MAX = (1536 << 20) / PAGE_SIZE;
/** Moments at which counts are taken in each pass when the trace has no samples. */
const MOMENTS = 200;
/** Samples that are kept of all passes. */
const SAMPLES_MAX = 600;
/** Moments of a pass at which everything is checked. */
const CHECKS = 4;
const SENTENCES_MAX = 20;
const PROGRESS_EVERY_MS = 60;
/** Between two passes, microseconds. */
const PAUSE_US = 1000;

/**
 * Replays a trace under one policy.
 *
 * @param replay - what to replay
 * @returns what was seen, in a historical profile also of a machine that stopped
 * @throws EnvironmentError when the file changes or goes away meanwhile, the reason of the signal, and KernelBug when an invariant of the sound
 * machine is broken
 */
export async function replayPolicy(replay: PolicyReplay): Promise<ReplayPolicyResult> {
  const session = new ReplaySession(replay);
  try {
    await session.run();
    return session.finish();
  } catch (error) {
    if (!(error instanceof KernelBug) || replay.options.profile === 'sound') throw error;
    return session.stopped(error.message);
  }
}

/** A machine and everything that is known of the replay on it. */
class ReplaySession {
  private readonly replay: PolicyReplay;
  private readonly machine: Machine;
  private readonly view: MachineView;
  private readonly target: ReplayTarget;
  private readonly replayer: Replayer;
  private readonly freeTimer: FreeTimer;
  private readonly comparison: SampleComparison;
  private readonly broken: string[] = [];
  private brokenCount = 0;
  private readonly samples: ReplaySample[] = [];
  private poolPagesMax = 0;
  private readonly framesBefore: number;
  private readonly discardsBefore: number;
  private readonly started = performance.now();
  private drawnAt = 0;
  private pass = 0;

  constructor(replay: PolicyReplay) {
    const { options, policy, survey, bank } = replay;
    this.replay = replay;
    this.machine = createMachine({
      ramBytes: Math.min(replay.storedMax + SPARE_PAGES, RAM_PAGES_MAX) * PAGE_SIZE,
      profile: options.profile,
      policy,
      ramDisks: [],
      addressSpaces: 1,
      seed: options.seed,
      drivers: [ramzswap({ disks: 1, diskBytes: replay.diskPages * PAGE_SIZE, codec: options.codec })],
    });
    // Nobody drains the events.
    this.machine.record();
    this.view = this.machine.attach({
      name: 'replay',
      lockStats: options.lockStats,
      clock: options.lockStats ? clockNs : null,
    });
    const { frames, core } = this.view.kernel;
    this.framesBefore = frames.info().free;
    this.target =
      options.slots === 'ours' ? new OurSlots(this.view) : new RecordedSlots(this.view, replay.slotShift);
    this.discardsBefore = this.discardRequests();
    this.freeTimer = new FreeTimer(this.view);
    this.replayer = new Replayer({
      target: this.target,
      bank,
      contents: new WrittenPages(bank, core.cells.arena, options.seed),
      from: frames.addressOf(frames.allocPage(GFP_KERNEL)),
      to: frames.addressOf(frames.allocPage(GFP_KERNEL)),
      ownerTrims: replay.trace.format !== 'csv',
      recorded: options.slots === 'recorded',
    });
    this.comparison = new SampleComparison(survey.unmapUs, survey.lastUs);
  }

  /** All passes. */
  async run(): Promise<void> {
    const { options } = this.replay;
    const moments = this.moments();
    for (this.pass = 0; this.pass < options.repeat; this.pass++) await this.runPass(moments);
    this.check();
  }

  /** Looks at the end, takes the machine apart, and gives what was seen. */
  finish(): ReplayPolicyResult {
    const seconds = (performance.now() - this.started) / 1000;
    const final = this.census();
    const drift = statDrift(this.target.device, walkTable(this.target.device));
    const areas = this.areas();
    const result = { ...this.result(seconds, final), areas, statDrift: drift.length };
    const { counts, integrityErrors } = this.replayer;
    const frozen = { ...counts };
    this.takeApart();
    const broken = [...this.broken, ...drift];
    return {
      ...result,
      counts: frozen,
      invariantErrors: this.brokenCount,
      reports: [...broken, ...this.replayer.reports],
      suspects: suspectsOf(this.replay.options.profile, { integrityErrors, broken }),
    };
  }

  /** What is known of a machine that stopped. @param message - why */
  stopped(message: string): ReplayPolicyResult {
    const report = this.machine.stopReport() ?? message;
    const sentence = `the machine stopped: ${report.split('\n')[0] ?? report}`;
    const last = this.samples.at(-1) ?? { live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 };
    const { live, stored, stale, comprBytes, poolPages } = last;
    const seconds = (performance.now() - this.started) / 1000;
    return {
      ...this.result(seconds, { live, stored, stale, comprBytes, poolPages }),
      invariantErrors: this.brokenCount + 1,
      reports: [sentence, ...this.replayer.reports],
      suspects: suspectsOfStop(this.replay.options.profile, report),
      stopped: sentence,
    };
  }

  private async runPass(moments: readonly number[]): Promise<void> {
    const { trace, survey, samples, signal, options } = this.replay;
    const clock = new TraceClock(survey.hasTimes);
    const offsetUs = this.pass * this.periodUs();
    const every = Math.ceil((moments.length * options.repeat) / SAMPLES_MAX);
    const checkEvery = Math.ceil(moments.length / CHECKS);
    let next = 0;
    const look = (untilUs: number): void => {
      for (; next < moments.length && (moments[next] ?? 0) < untilUs; next++) {
        const counts = this.count();
        const sample = this.pass === 0 ? samples?.[next] : undefined;
        if (sample !== undefined) this.comparison.add(sample, counts);
        if (next % every === 0 || next === moments.length - 1)
          this.keep((moments[next] ?? 0) + offsetUs, counts);
        if (next % checkEvery === checkEvery - 1) this.check();
      }
    };
    await trace.forEachRow(signal, (row) => {
      const tUs = clock.at(row);
      look(tUs);
      this.replayer.do(row, tUs);
      this.tell();
    });
    look(Number.POSITIVE_INFINITY);
  }

  /** Moments of a pass, microseconds: those of the samples, or evenly from the first row to the last. */
  private moments(): number[] {
    const { samples, survey } = this.replay;
    if (samples !== null) return samples.map(({ tUs }) => tUs);
    const { firstUs, lastUs } = survey;
    const steps = Math.max(1, Math.min(MOMENTS, survey.rows));
    return Array.from({ length: steps }, (_, index) => firstUs + ((lastUs - firstUs) * (index + 1)) / steps);
  }

  /** From the beginning of a pass to that of the next one. */
  private periodUs(): number {
    const { samples, survey } = this.replay;
    const first = Math.min(survey.firstUs, samples?.[0]?.tUs ?? Number.POSITIVE_INFINITY);
    const last = Math.max(survey.lastUs, samples?.at(-1)?.tUs ?? Number.NEGATIVE_INFINITY);
    return last - first + PAUSE_US;
  }

  /** The counts, by the counters of swap core and device: cheap. */
  private count(): SlotCounts {
    const { pagesStored, pagesZero, comprDataSize, pagesUsed } = this.target.device.readStats();
    const stored = pagesStored + pagesZero;
    this.poolPagesMax = Math.max(this.poolPagesMax, pagesUsed);
    return {
      live: this.target.live(),
      stored,
      stale: stored - this.replayer.storedLive,
      comprBytes: Math.max(comprDataSize, 0),
      poolPages: pagesUsed,
    };
  }

  /** The counts, by walking tables. */
  private census(): SlotCounts {
    const { device } = this.target;
    const { comprDataSize, pagesUsed } = device.readStats();
    let [live, stored, stale] = [0, 0, 0];
    for (let page = 1; page < device.slots(); page++) {
      const isLive = this.target.isLive(page);
      if (isLive) live++;
      if (!device.isStored(page)) continue;
      stored++;
      if (!isLive) stale++;
    }
    return { live, stored, stale, comprBytes: Math.max(comprDataSize, 0), poolPages: pagesUsed };
  }

  private keep(tUs: number, counts: SlotCounts): void {
    const { repeat } = this.replay.options;
    const phase = repeat === 1 ? 'replay' : `replay ${String(this.pass + 1)}`;
    this.samples.push({ t: tUs / 1e6, quiescent: true, phase, ...counts });
  }

  /** Checks everything: the swap core, the table of the device, and the counts against both. */
  private check(): void {
    const { kernel } = this.view;
    this.note(kernel.frames.checkInvariants());
    kernel.swap.table.swapLock.lock();
    try {
      this.note(checkSwapInvariants(kernel.swap, true));
    } finally {
      kernel.swap.table.swapLock.unlock();
    }
    this.note(walkTable(this.target.device).problems);
    const [counted, walked] = [this.count(), this.census()];
    for (const name of ['live', 'stored', 'stale'] as const) {
      if (counted[name] === walked[name]) continue;
      this.note([
        `${String(counted[name])} slots are counted as ${name}, but ${String(walked[name])} are there`,
      ]);
    }
    if (this.replayer.liveSlots !== walked.live)
      this.note([
        `the trace has ${String(this.replayer.liveSlots)} slots in use, but ${String(walked.live)} are`,
      ]);
    if (POLICY_FACTS[this.replay.policy].exact && walked.stale > this.missed())
      this.note([`${String(walked.stale)} slot(s) are stored although they are free`]);
  }

  private missed(): number {
    return this.areas().reduce((sum, area) => sum + area.missed, 0);
  }

  /** As at the end of a run: all owners end, the area and the disk go, and all page frames must be there again. */
  private takeApart(): void {
    const { view, target } = this;
    this.replayer.freeAll();
    if (target.live() !== 0)
      this.note([`${String(target.live())} slot(s) stay in use although nobody uses them`]);
    if (this.replay.options.slots === 'ours') view.swapoff(REPLAY_DEVICE);
    const error = target.device.reset();
    if (error !== 0) this.note([`the disk cannot be reset: errno ${String(-error)}`]);
    // INIT took a page for the header before; two frames are the replay's own.
    const leaked = this.framesBefore + 1 - 2 - view.kernel.frames.info().free;
    if (error === 0 && leaked !== 0) this.note([`${String(leaked)} page frame(s) are not given back`]);
    view.detach();
  }

  private note(sentences: readonly string[]): void {
    this.brokenCount += sentences.length;
    for (const sentence of sentences) if (this.broken.length < SENTENCES_MAX) this.broken.push(sentence);
  }

  private tell(): void {
    const { onProgress, policy, policyIndex, options, survey } = this.replay;
    if (onProgress === undefined) return;
    const { rows } = this.replayer.counts;
    if (rows % 256 !== 0) return;
    const now = performance.now();
    if (now - this.drawnAt < PROGRESS_EVERY_MS) return;
    this.drawnAt = now;
    onProgress({
      policy,
      policyIndex,
      policyCount: options.policies.length,
      rowsDone: rows,
      rows: survey.rows * options.repeat,
      counts: this.count(),
    });
  }

  /** Everything but what is only known at a good end. */
  private result(seconds: number, final: SlotCounts): ReplayPolicyResult {
    const { counts, integrityErrors, reports } = this.replayer;
    const { comparison, target } = this;
    const live = comparison.liveVsSamples();
    return {
      policy: this.replay.policy,
      ops: counts.rows,
      seconds,
      integrityErrors,
      invariantErrors: this.brokenCount,
      statDrift: 0,
      areas: [],
      samples: this.samples,
      final,
      freeCost: this.freeCost(),
      traffic: this.traffic(),
      locks: this.replay.options.lockStats ? this.locks() : [],
      vm: {
        faults: 0,
        swapIns: counts.reads,
        swapOuts: counts.writes - counts.failedWrites,
        kills: 0,
        cleanDrops: 0,
        ioErrors: counts.failedWrites + counts.failedReads,
      },
      reports,
      suspects: [],
      stopped: null,
      liveVsSamples: live,
      comprVsSamples: comparison.comprVsSamples(),
      samplesCompared: comparison.compared,
      samplesExcluded: comparison.excluded,
      counts,
      distinctSlots: target.distinct,
      poolPagesMax: this.poolPagesMax,
    };
  }

  private areas(): AreaResult[] {
    const { hooked } = POLICY_FACTS[this.replay.policy];
    const { notifyFree } = this.target.device.readStats();
    return this.view.kernel.swap.report
      .swaps()
      .map(({ device, allocated, freed, freedUnreported, missed }) => ({
        type: 'ramzswap',
        device,
        allocated,
        freed,
        notified: notifyFree,
        freedBeforeHook: hooked ? freedUnreported : null,
        missed: hooked ? freed - freedUnreported - notifyFree : missed,
      }));
  }

  private freeCost(): ReplayPolicyResult['freeCost'] {
    const timings = this.freeTimer.timings().sort();
    const median = timings[timings.length >> 1];
    const failures = this.view.kernel.swap.report.swaps().map((area) => area.discardFailures);
    return {
      usPerSlot: median === undefined ? null : median / 1000,
      bios: this.discardRequests() - this.discardsBefore,
      bioFailures: failures.reduce((sum, count) => sum + count, 0),
    };
  }

  private traffic(): ReplayPolicyResult['traffic'] {
    const { devices } = this.view.kernel.block;
    const stats = devices.stats(this.target.device.bdev());
    const { writes, reads } = this.target.spacePages;
    return {
      bytesOut: stats.writtenBytes + writes * PAGE_SIZE,
      bytesIn: stats.readBytes + reads * PAGE_SIZE,
      bytesDiscarded: stats.discardedBytes,
    };
  }

  private discardRequests(): number {
    return this.view.kernel.block.devices.stats(this.target.device.bdev()).discards;
  }

  private locks(): LockResult[] {
    return this.machine
      .lockStats()
      .filter((row) => row.acquisitions > 0)
      .map(({ lockClass, ...rest }) => ({ class: lockClass, ...rest }));
  }
}
