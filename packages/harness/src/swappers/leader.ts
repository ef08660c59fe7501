/**
 * What swapper 0 does besides its own steps: it switches the areas on, looks at the machine while all others stand at a checkpoint, and takes
 * the end of the run apart: drain the swap cache, count what is left, switch the areas off, reset the disks, look for leaks.
 */
import { AnatomyWatch } from './anatomy.js';
import { checkMachine } from './checks.js';
import { countSlots } from './census.js';
import { clockNs, type RunControl } from './control.js';
import type { AreaCounts, LeaderResult, SwapperTask } from './task.js';
import { KernelError, type MachineView } from '@swaplab/kernel-mm';
import { ramzswapOf } from '@swaplab/ramzswap';

import type { SlotCounts } from '../run/document.js';
import { POLICY_FACTS } from '../run/policies.js';

const SENTENCES_MAX = 20;
/** All areas at one priority, so that slots are taken from them in turn. */
const AREA_PRIORITY = 5;

/** The leader's part of a run. */
export class Leader {
  readonly #view: MachineView;
  readonly #control: RunControl;
  readonly #task: SwapperTask;
  readonly #anatomy: AnatomyWatch;
  readonly #broken: string[] = [];
  readonly #framesBefore: number;
  /** Discard requests to each device until it was switched on. */
  readonly #discardsBefore = new Map<string, number>();
  #brokenCount = 0;
  #seconds = 0;

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
    this.#framesBefore = view.kernel.frames.info().free;
    for (const path of task.swapDevices) {
      view.swapon(path, { priority: AREA_PRIORITY });
      this.#discardsBefore.set(path, this.#discardsTo(path));
    }
  }

  /** Says that the clock of the run starts. Called just before the start barrier. */
  start(): void {
    this.#control.setStart(clockNs());
  }

  /** Looks at the machine while all others stand still. */
  checkpoint(): void {
    this.#seconds = (clockNs() - this.#control.startNs()) / 1e9;
    // A scenario must stand still as well, between two of its steps.
    this.#control.lockAreas();
    try {
      this.#look();
    } finally {
      this.#control.unlockAreas();
    }
  }

  /**
   * Takes the end apart. All processes have exited and all other swappers stand still.
   */
  finish(): LeaderResult {
    if (this.#task.spareDevices.length > 0) this.#control.endScenario();
    this.#drainSwapCache();
    this.#view.flushDiscards();
    const final = countSlots(this.#view);
    const anatomy = this.#anatomy.finish();
    const areas = this.#areas();
    const { broken, drift } = checkMachine(this.#view);
    this.#note(broken);
    this.#swapoff();
    this.#view.kernel.swap.clusters.stopWorker();
    this.#resetDisks();
    return {
      seconds: this.#seconds,
      broken: this.#broken,
      brokenCount: this.#brokenCount,
      drift,
      final,
      anatomy,
      areas,
    };
  }

  #look(): void {
    // So must the kernel's own threads.
    this.#view.flushDiscards();
    const counts = countSlots(this.#view);
    this.#control.publishSample({ t: this.#seconds, ...counts });
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
        device,
        allocated,
        freed,
        freedUnreported,
        notified: driver.device(device).readStats().notifyFree,
        missed,
        discards: this.#discardsTo(device) - (this.#discardsBefore.get(device) ?? 0),
        discardFailures,
      }));
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
    for (const path of this.#task.swapDevices) {
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
