/**
 * The scenario `swapoff-under-load`: beside the workload an area of higher priority than all others comes, is used at once, and goes again while
 * the swappers fault, fork and exit, over and over.
 *
 * A thread of its own does it, by the number of steps that the swappers have done. It changes the areas only between `lockAreas` and
 * `unlockAreas`, so that it stands still while the leader looks. It ends when the leader says so, with the area off.
 *
 * A swapoff may fail, for want of memory say: that is counted, and tried again later. After each one that succeeds all that the device still
 * keeps is looked at: under an exact policy that must be nothing.
 */
import { attachMachine, KernelError, SWAP_INFO, type MachineView } from '@swaplab/kernel-mm';
import { ramzswap, ramzswapOf, statDrift, walkTable, type RamzswapDevice } from '@swaplab/ramzswap';

import { POLICY_FACTS } from '../run/policies.js';
import { clockNs, RunControl } from './control.js';
import { plainError } from './plain-error.js';
import type { ScenarioCounts, ScenarioTask, ScenarioThreadResult } from './task.js';

/** Above that of the leader's areas. */
const SPARE_PRIORITY = 10;
const SENTENCES_MAX = 20;

/**
 * Runs the scenario to its end.
 *
 * @param task - from the main thread
 */
export function runScenario(task: ScenarioTask): ScenarioThreadResult {
  const control = new RunControl(task.swappers, task.samplesMax, task.control);
  const { scenario } = task;
  try {
    const view = attachMachine(task.machine, {
      drivers: { ramzswap },
      name: scenario,
      clock: task.lockStats ? clockNs : null,
      lockStats: task.lockStats,
      waitLimitMs: task.waitLimitMs,
    });
    const area = new SpareArea(view, control, task.device);
    for (let due = task.everyOps; !control.scenarioShallEnd(); due = control.opsDone() + task.everyOps) {
      control.waitForOps(due);
      if (!control.scenarioShallEnd()) area.change();
    }
    const counts = area.finish();
    view.detach();
    control.noteScenarioEnded();
    return { scenario, error: null, counts };
  } catch (thrown) {
    control.stop();
    return { scenario, error: plainError(thrown), counts: null };
  }
}

/** The area that comes and goes. */
export class SpareArea {
  readonly #view: MachineView;
  readonly #control: RunControl;
  readonly #path: string;
  readonly #device: RamzswapDevice;
  readonly #broken: string[] = [];
  readonly #swapoffErrors: Record<string, number> = {};
  /** What the driver and the block layer had counted before. */
  readonly #notifiedBefore: number;
  /** Type of the area, -1 while it is off. */
  #type = -1;
  #brokenCount = 0;
  #discardsBefore = 0;
  #swapons = 0;
  #swapoffs = 0;
  #allocated = 0;
  #freed = 0;
  #freedUnreported = 0;
  #missed = 0;
  #discards = 0;
  #discardFailures = 0;

  /**
   * @param view - this thread's view, which may wait
   * @param control - of the run
   * @param path - of a ramzswap disk that nobody uses
   */
  constructor(view: MachineView, control: RunControl, path: string) {
    this.#view = view;
    this.#control = control;
    this.#path = path;
    this.#device = ramzswapOf(view).device(path);
    this.#notifiedBefore = this.#device.readStats().notifyFree;
  }

  /** Switches the area on if it is off, and off if it is on, unless that fails. */
  change(): void {
    this.#control.lockAreas();
    try {
      if (this.#type < 0) this.#swapon();
      else this.#swapoff();
    } finally {
      this.#control.unlockAreas();
    }
  }

  /** Switches the area off, if it is on. All processes have exited, so that cannot fail. */
  finish(): ScenarioCounts {
    const errors = this.#type < 0 ? null : this.#swapoff();
    if (errors !== null) this.#note([errors.message]);
    return {
      swapons: this.#swapons,
      swapoffs: this.#swapoffs,
      swapoffErrors: this.#swapoffErrors,
      area: {
        device: this.#path,
        allocated: this.#allocated,
        freed: this.#freed,
        freedUnreported: this.#freedUnreported,
        notified: this.#device.readStats().notifyFree - this.#notifiedBefore,
        missed: this.#missed,
        discards: this.#discards,
        discardFailures: this.#discardFailures,
      },
      broken: this.#broken,
      brokenCount: this.#brokenCount,
    };
  }

  #swapon(): void {
    this.#type = this.#view.swapon(this.#path, { priority: SPARE_PRIORITY });
    // The one of swapon itself, for the whole area, is not for a slot that was freed.
    this.#discardsBefore = this.#discardRequests();
    this.#swapons++;
  }

  #swapoff(): KernelError | null {
    try {
      this.#view.swapoff(this.#path);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.#swapoffErrors[error.code] = (this.#swapoffErrors[error.code] ?? 0) + 1;
      return error;
    }
    this.#swapoffs++;
    this.#addLife();
    this.#inspect();
    this.#type = -1;
    return null;
  }

  /** The entry of the table keeps its counters until its next swapon, and nobody else switches areas on. */
  #addLife(): void {
    const { cells } = this.#view.kernel.core;
    const area = this.#view.kernel.swap.table.infoOf(this.#type);
    const allocated = cells.ldu32(area + SWAP_INFO.allocated);
    const freed = cells.ldu32(area + SWAP_INFO.freed);
    const missed = cells.ldu32(area + SWAP_INFO.missed);
    if (allocated !== freed)
      this.#note([`${this.#path} went with ${String(freed)} slots freed of ${String(allocated)} handed out`]);
    this.#allocated += allocated;
    this.#freed += freed;
    this.#freedUnreported += cells.ldu32(area + SWAP_INFO.freedUnreported);
    this.#missed += missed;
    this.#control.addMissed(missed);
    this.#discards += this.#discardRequests() - this.#discardsBefore;
    this.#discardFailures += cells.atomicLoad(area + SWAP_INFO.discardFailures) >>> 0;
  }

  /** With the area gone nobody is at work on the device. */
  #inspect(): void {
    const walk = walkTable(this.#device);
    const where = `after a swapoff of ${this.#path}`;
    for (const sentence of [...walk.problems, ...statDrift(this.#device, walk)])
      this.#note([`${where}: ${sentence}`]);
    if (!walk.header) this.#note([`${where} its header is gone`]);
    const { exact } = POLICY_FACTS[this.#view.kernel.config.policy];
    if (exact && walk.stored > this.#missed)
      this.#note([`${where} ${String(walk.stored)} slot(s) are stored still`]);
  }

  #discardRequests(): number {
    return this.#view.kernel.block.devices.stats(this.#device.bdev()).discards;
  }

  #note(sentences: readonly string[]): void {
    this.#brokenCount += sentences.length;
    for (const sentence of sentences) if (this.#broken.length < SENTENCES_MAX) this.#broken.push(sentence);
  }
}
