/**
 * The threads engine as it is measured: one group of threads, pinned to one core where the tools for that exist.
 */
import { openScenario } from '@swaplab/explore';
import { measureWindows, type EnginesRun, type EnginesSpan, type EnginesWindow } from './engines-window.js';

/**
 * Plays schedules of a workload on real threads.
 * @param module - address of the workload
 * @param run - which schedules
 * @param span - how long
 */
export async function threadsWindows(
  module: string,
  run: EnginesRun,
  span: EnginesSpan,
): Promise<EnginesWindow[]> {
  const { engine } = await openScenario(module, { engine: 'threads' });
  try {
    return await measureWindows(engine, run, span);
  } finally {
    await engine.close();
  }
}
