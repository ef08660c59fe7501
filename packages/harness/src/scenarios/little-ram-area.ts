/**
 * The thread of the scenario `swapoff-little-ram`: it switches an area on before the first step, and tries over and over to switch it off. When that
 * succeeds, the area comes back at once, since without it there is no place for what is mapped.
 */
import type { MachineView } from '@swaplab/kernel-mm';

import type { ScenarioTask, ScenarioThreadResult } from '../swappers/task.js';
import { withSpareArea, type SpareArea } from './spare-area.js';

/**
 * Runs the scenario to its end.
 *
 * @param task - from the main thread
 */
export function runSwapoffLittleRam(task: ScenarioTask): ScenarioThreadResult {
  return withSpareArea(task, (area, control, view) => {
    area.change();
    control.noteScenarioReady();
    const tries = new SwapoffTries(area, view);
    for (let due = task.everyOps; !control.scenarioShallEnd(); due = control.opsDone() + task.everyOps) {
      control.waitForOps(due);
      if (!control.scenarioShallEnd()) tries.tryOnce();
    }
    return tries.facts();
  });
}

/** Counts how far swapoffs came that failed. */
class SwapoffTries {
  readonly #area: SpareArea;
  readonly #view: MachineView;
  #succeeded = 0;
  #refused = 0;
  #halfWay = 0;
  #homeInVain = 0;

  constructor(area: SpareArea, view: MachineView) {
    this.#area = area;
    this.#view = view;
  }

  /** Tries to switch the area off. It is on before and after. */
  tryOnce(): void {
    const before = this.#broughtHome();
    this.#area.change();
    if (!this.#area.isOn) {
      this.#succeeded++;
      this.#area.change();
      return;
    }
    const home = this.#broughtHome() - before;
    if (home === 0) this.#refused++;
    else this.#halfWay++;
    this.#homeInVain += home;
  }

  /** `succeeded`; of the others, `refused` had brought nothing home, `halfWay` ones had brought `homeInVain` page-table entries home in all. */
  facts(): Readonly<Record<string, number>> {
    return {
      succeeded: this.#succeeded,
      refused: this.#refused,
      halfWay: this.#halfWay,
      homeInVain: this.#homeInVain,
    };
  }

  #broughtHome(): number {
    return this.#view.kernel.vm.events.sums().broughtHome;
  }
}
