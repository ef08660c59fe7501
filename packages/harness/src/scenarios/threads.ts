/**
 * What scenarios do inside of the machine: in a thread of their own, and as watchers in the threads of the swappers. Loaded by workers only.
 */
import type { MachineView } from '@swaplab/kernel-mm';

import type { ScenarioTask, ScenarioThreadResult, SwapperTask } from '../swappers/task.js';
import { runSwapoffLittleRam } from './little-ram-area.js';
import { runSwapoffUnderLoad } from './spare-area.js';
import { ExitWatch, UsersWatch } from './storm-watches.js';
import { ForwardWatch } from './forward-watch.js';
import { SlotShortageWatch, TierWatch, type SwapperWatch } from './swapper-watches.js';

/**
 * Runs the thread of a scenario to its end.
 *
 * @param task - from the main thread
 */
export function runScenario(task: ScenarioTask): ScenarioThreadResult {
  switch (task.scenario) {
    case 'swapoff-under-load':
      return runSwapoffUnderLoad(task);
    case 'swapoff-little-ram':
      return runSwapoffLittleRam(task);
    default:
      throw new Error(`the scenario ${task.scenario} has no thread of its own`);
  }
}

/**
 * The watcher of a swapper.
 *
 * @param view - of its thread
 * @param task - of the swapper
 * @returns null when its scenario has none
 */
export function watchFor(view: MachineView, task: SwapperTask): SwapperWatch | null {
  switch (task.scenarioName) {
    case 'device-full':
      return new SlotShortageWatch(view);
    case 'two-tiers':
      return new TierWatch(view, 'work');
    case 'incompressible':
      return task.swapper === 0 ? new ForwardWatch(view) : null;
    case 'exit-storm':
      return new ExitWatch(view, task.swapper === 0);
    case 'fork-storm':
      // It looks at the slots of all.
      return task.swapper === 0 ? new UsersWatch(view) : null;
    default:
      return null;
  }
}
