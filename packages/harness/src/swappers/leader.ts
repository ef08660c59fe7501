/**
 * What swapper 0 does besides its own steps: it switches the areas on, looks at the machine while all others stand at a checkpoint, and takes
 * the end of the run apart: drain the swap cache, count what is left, switch the areas off, reset the disks, look for leaks.
 */
import { AnatomyWatch } from './anatomy.js';
import { checkMachine } from './checks.js';
import { countFrames, countSlots } from './census.js';
import { clockNs, type PublishedSample, type RunControl } from './control.js';
import { stopKernelThreads } from './kernel-thread.js';
import { KeptLaps } from './laps.js';
import type { AreaCounts, LeaderResult, SwapperTask } from './task.js';
import { KernelError, type MachineView } from '@swaplab/kernel-mm';
import { ramzswapOf } from '@swaplab/ramzswap';

import type { SlotCounts } from '../run/document.js';
import { setIoErrors } from '../run/io-errors.js';
import { POLICY_FACTS } from '../run/policies.js';
import { scenarioOf } from '../scenarios/registry.js';
import { CHECKPOINTS } from '../workload/plan.js';

const SENTENCES_MAX = 20;

/** The leader's part of a run. */
export class Leader {
  readonly #view: MachineView;
  readonly #control: RunControl;
  readonly #task: SwapperTask;
  readonly #anatomy: AnatomyWatch;
  readonly #samples = new KeptLaps<PublishedSample>();
  readonly #broken: string[] = [];
  readonly #framesBefore: number;
  /** Discard requests to each device until it was switched on. */
  readonly #discardsBefore = new Map<string, number>();
  #brokenCount = 0;
  #seconds = 0;
  /** Laps that were done to their end. */
  #laps = 0;

  /**
   * @param view - this thread's view, which may wait
   * @param control - of the run
   * @param task - the leader's task
   */
  constructor(view: MachineView, control: RunControl, task: SwapperTask) {
    this.#view = view;
    this.#control = control;
    this.#task = task;
    this.#anatomy = new AnatomyWatch(view);
    // A scenario may be switching its area on, for which it has a page in hand now and then.
    control.lockAreas();
    try {
      if (task.backing !== null) this.#setUpBacking(task.backing);
      this.#framesBefore = view.kernel.frames.info().free;
      this.#swapon();
    } finally {
      control.unlockAreas();
    }
  }

  #swapon(): void {
    for (const { name } of this.#task.ramDisks) this.#view.mkswap(`/dev/${name}`);
    for (const { path, priority } of areasOf(this.#task)) {
      this.#view.swapon(path, { priority });
      this.#discardsBefore.set(path, this.#discardsTo(path));
    }
  }

  /** As one does it by hand: mkswap on the disk, then the device is set up anew with the disk behind it, whose header it takes over. */
  #setUpBacking(path: string): void {
    const [first = ''] = this.#task.swapDevices;
    const device = ramzswapOf(this.#view).device(first);
    this.#view.mkswap(path);
    const error = device.reset() || device.setBackingSwap(path) || device.init();
    if (error !== 0) throw new KernelError('init', error, `${first}: no backing swap on ${path}`);
  }

  /** Says that the clock of the run starts. Called just before the start barrier, while all others wait there. */
  start(): void {
    if (scenarioOf(this.#task.scenarioName)?.hasThread === true) this.#control.waitForScenario();
    this.#letTransfersFail(true);
    this.#control.setStart(clockNs());
  }

  /** Looks at the machine while all others stand still. */
  checkpoint(): void {
    this.#seconds = (clockNs() - this.#control.startNs()) / 1e9;
    // A scenario must stand still as well, between two of its steps.
    this.#control.lockAreas();
    const { kswapd } = this.#view.kernel.vm;
    kswapd.freeze();
    this.#letTransfersFail(false);
    try {
      this.#look();
    } finally {
      this.#letTransfersFail(true);
      kswapd.thaw();
      this.#control.unlockAreas();
    }
    this.#goOnOrEnd();
  }

  /**
   * Takes the end apart. All processes have exited and all other swappers stand still.
   */
  finish(): LeaderResult {
    this.#letTransfersFail(false);
    if (scenarioOf(this.#task.scenarioName)?.hasThread === true) this.#control.endScenario();
    // For good: it is told to end when all is counted.
    this.#view.kernel.vm.kswapd.freeze();
    this.#drainSwapCache();
    this.#view.flushDiscards();
    const final = countSlots(this.#view);
    const anatomy = this.#anatomy.finish();
    const areas = this.#areas();
    const { broken, drift } = checkMachine(this.#view);
    this.#note(broken);
    this.#swapoff();
    stopKernelThreads(this.#view);
    this.#resetDisks();
    return {
      seconds: this.#seconds,
      laps: this.#laps,
      broken: this.#broken,
      brokenCount: this.#brokenCount,
      drift,
      final,
      anatomy,
      areas,
    };
  }

  /** Transfers of the run fail if that was asked for, but none of the leader's own: what he looks at must be what the run has left. */
  #letTransfersFail(fail: boolean): void {
    const { ioErrors, swapDevices, spareDevices, ramDisks, backing } = this.#task;
    if (ioErrors === null) return;
    const paths = [...swapDevices, ...spareDevices, ...ramDisks.map(({ name }) => `/dev/${name}`)];
    setIoErrors(this.#view, backing === null ? paths : [...paths, backing], fail ? ioErrors : null);
  }

  /** A run without a duration is one lap; any other ends at the first checkpoint after its time. */
  #goOnOrEnd(): void {
    const { duration } = this.#task;
    const endsLap = this.#control.passedOfLap() === CHECKPOINTS;
    if (endsLap) this.#laps++;
    if (duration === null ? endsLap : this.#seconds >= duration) {
      this.#control.endAtThisCheckpoint();
    } else if (endsLap) {
      this.#samples.endLap();
      this.#anatomy.endLap();
      this.#control.beginLap(this.#samples.items());
    }
  }

  #look(): void {
    // So must kdiscardd.
    this.#view.flushDiscards();
    const counts = countSlots(this.#view);
    const sample = { t: this.#seconds, lap: this.#control.lap(), ...counts, ...countFrames(this.#view) };
    this.#samples.push(sample);
    this.#control.publishSample(sample);
    this.#anatomy.checkpoint(this.#seconds);
    const { broken, drift } = checkMachine(this.#view);
    // Nobody runs, so the counters must be exact now as well as at the end.
    this.#note([...broken, ...drift]);
    this.#checkNotified(counts);
  }

  /** With the processes gone, all that may hold slots is the swap cache: pages that were locked when their last user went. */
  #drainSwapCache(): void {
    const { frames, vm } = this.#view.kernel;
    this.#view.reclaimPages(frames.frameCount);
    const left = vm.cache.info().pages;
    if (left !== 0) this.#note([`${String(left)} page(s) stay in the swap cache although nobody uses them`]);
  }

  #areas(): AreaCounts[] {
    const driver = ramzswapOf(this.#view);
    return this.#view.kernel.swap.report
      .swaps()
      .map(({ device, allocated, freed, freedUnreported, missed, discardFailures }) => ({
        type: this.#task.swapDevices.includes(device) ? ('ramzswap' as const) : ('ram' as const),
        device,
        allocated,
        freed,
        freedUnreported,
        notified: this.#task.swapDevices.includes(device) ? driver.device(device).readStats().notifyFree : 0,
        missed,
        ...this.#trafficOf(device),
        discards: this.#discardsTo(device) - (this.#discardsBefore.get(device) ?? 0),
        discardFailures,
      }));
  }

  #trafficOf(path: string): { readonly bytesOut: number; readonly bytesIn: number } {
    const { devices } = this.#view.kernel.block;
    const { writtenBytes, readBytes } = devices.stats(devices.byPath(path));
    return { bytesOut: writtenBytes, bytesIn: readBytes };
  }

  #discardsTo(path: string): number {
    const { devices } = this.#view.kernel.block;
    return devices.stats(devices.byPath(path)).discards;
  }

  /** Under an exact policy nothing may be stored for a free slot, at any moment when all stand still, unless telling the device failed. */
  #checkNotified(counts: SlotCounts): void {
    if (!POLICY_FACTS[this.#view.kernel.config.policy].exact || counts.stale === 0) return;
    const missed = this.#areas().reduce((sum, area) => sum + area.missed, this.#control.missed());
    if (counts.stale <= missed) return;
    this.#note([`${String(counts.stale)} slot(s) are stored although they are free`]);
  }

  /** An area that cannot be switched off is one more thing that is wrong: what was found before it must not be lost. */
  #swapoff(): void {
    for (const { path } of areasOf(this.#task)) {
      try {
        this.#view.swapoff(path);
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        this.#note([error.message]);
      }
    }
  }

  #resetDisks(): void {
    const { frames } = this.#view.kernel;
    const driver = ramzswapOf(this.#view);
    let headers = 0;
    for (const path of [...this.#task.swapDevices, ...this.#task.spareDevices]) {
      const error = driver.device(path).reset();
      if (error !== 0) this.#note([`${path} cannot be reset: errno ${String(-error)}`]);
      else headers++;
    }
    // INIT took a page for the header of each disk before the run began.
    const leaked = this.#framesBefore + headers - frames.info().free;
    if (leaked !== 0) this.#note([`${String(leaked)} page frame(s) are not given back`]);
  }

  #note(sentences: readonly string[]): void {
    this.#brokenCount += sentences.length;
    for (const sentence of sentences) if (this.#broken.length < SENTENCES_MAX) this.#broken.push(sentence);
  }
}

/** What is switched on before the first step: all compressed-RAM disks at one priority, so that slots are taken from them in turn. */
function areasOf(task: SwapperTask): { readonly path: string; readonly priority: number }[] {
  return [
    ...task.swapDevices.map((path) => ({ path, priority: task.diskPriority })),
    ...task.ramDisks.map(({ name, priority }) => ({ path: `/dev/${name}`, priority })),
  ];
}
