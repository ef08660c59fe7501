/**
 * The thread of the scenario `swapoff-under-load`, and the area that comes and goes.
 *
 * The thread works by the number of steps that the swappers have done. It changes the areas only between `lockAreas` and
 * `unlockAreas`, so that it stands still while the leader looks. It ends when the leader says so, with the area off.
 *
 * A swapoff may fail, for want of memory say: that is counted, and tried again later. After each one that succeeds all that the device still
 * keeps is looked at: under an exact policy that must be nothing.
 */
import { attachMachine, EIO, KernelError, SWAP_INFO, type MachineView } from '@swaplab/kernel-mm';
import { ramzswap, ramzswapOf, statDrift, walkTable, type RamzswapDevice } from '@swaplab/ramzswap';

import { POLICY_FACTS } from '../run/policies.js';
import { RunControl } from '../swappers/control.js';
import { measuring } from '../swappers/measuring.js';
import { plainError } from '../swappers/plain-error.js';
import type { ScenarioCounts, ScenarioTask, ScenarioThreadResult } from '../swappers/task.js';

/** Above that of the leader's areas. */
const SPARE_PRIORITY = 10;
const SENTENCES_MAX = 20;
const SWAPON_ATTEMPTS_MAX = 20;

/**
 * Runs the scenario to its end.
 *
 * @param task - from the main thread
 */
export function runSwapoffUnderLoad(task: ScenarioTask): ScenarioThreadResult {
  return withSpareArea(task, (area, control) => {
    control.noteScenarioReady();
    for (let due = task.everyOps; !control.scenarioShallEnd(); due = control.opsDone() + task.everyOps) {
      control.waitForOps(due);
      if (!control.scenarioShallEnd()) area.change();
    }
    return {};
  });
}

/**
 * Attaches, lets a scenario work with the area, switches it off in the end, and answers the main thread whatever happens.
 *
 * @param task - from the main thread
 * @param work - says when it is ready, works until it is told to end, and gives numbers by names of the scenario's own
 */
export function withSpareArea(
  task: ScenarioTask,
  work: (area: SpareArea, control: RunControl, view: MachineView) => ScenarioCounts['facts'],
): ScenarioThreadResult {
  const control = new RunControl(task.swappers, task.samplesMax, task.control);
  const { scenario } = task;
  try {
    const view = attachMachine(task.machine, {
      drivers: { ramzswap },
      name: scenario,
      ...measuring(task),
      waitLimitMs: task.waitLimitMs,
    });
    const [device] = task.spareDevices;
    if (device === undefined) throw new Error(`the scenario ${scenario} has no disk of its own`);
    const area = new SpareArea(view, control, device);
    const facts = work(area, control, view);
    const counts = { ...area.finish(), facts };
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

  /** Whether it is there now. */
  get isOn(): boolean {
    return this.#type >= 0;
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
    const { writtenBytes, readBytes } = this.#view.kernel.block.devices.stats(this.#device.bdev());
    return {
      swapons: this.#swapons,
      swapoffs: this.#swapoffs,
      swapoffErrors: this.#swapoffErrors,
      area: {
        type: 'ramzswap',
        device: this.#path,
        allocated: this.#allocated,
        bytesOut: writtenBytes,
        bytesIn: readBytes,
        freed: this.#freed,
        freedUnreported: this.#freedUnreported,
        notified: this.#device.readStats().notifyFree - this.#notifiedBefore,
        missed: this.#missed,
        discards: this.#discards,
        discardFailures: this.#discardFailures,
      },
      facts: {},
      broken: this.#broken,
      brokenCount: this.#brokenCount,
    };
  }

  #swapon(): void {
    this.#type = this.#tryToSwapon();
    if (this.#type < 0) return;
    // The one of swapon itself, for the whole area, is not for a slot that was freed.
    this.#discardsBefore = this.#discardRequests();
    this.#swapons++;
  }

  /** Where transfers are made to fail, the header may be one that cannot be read; whoever administers a machine tries again, but not for ever. */
  #tryToSwapon(): number {
    for (let attempt = 0; attempt < SWAPON_ATTEMPTS_MAX; attempt++) {
      try {
        return this.#view.swapon(this.#path, { priority: SPARE_PRIORITY });
      } catch (error) {
        if (!(error instanceof KernelError && error.errno === -EIO)) throw error;
      }
    }
    return -1;
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
