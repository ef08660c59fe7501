/**
 * The threads engine as it is measured: one group of threads, pinned to one core where the tools for that exist.
 */
import { openScenario, type Engine } from '@swaplab/explore';
import { measureWindows, type EnginesRun, type EnginesWindow } from './engines-window.js';

/**
 * Does something with the threads of a workload, and ends them.
 * @param module - address of the workload
 * @param body - what to do
 */
export async function withThreadsEngine<T>(
  module: string,
  body: (engine: Engine) => Promise<T>,
): Promise<T> {
  const { engine } = await openScenario(module, { engine: 'threads' });
  try {
    return await body(engine);
  } finally {
    await engine.close();
  }
}

/**
 * Plays schedules of a workload on real threads.
 * @param module - address of the workload
 * @param run - which schedules
 * @param windows - how many
 * @param milliseconds - of each
 */
export function threadsWindows(
  module: string,
  run: EnginesRun,
  windows: number,
  milliseconds: number,
): Promise<EnginesWindow[]> {
  return withThreadsEngine(module, (engine) => measureWindows(engine, run, windows, milliseconds));
}
