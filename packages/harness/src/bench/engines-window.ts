/**
 * Playing schedules for a while, and what that took: the same for both engines.
 */
import { cpuUsage } from 'node:process';
import type { Engine, StrategyId } from '@swaplab/explore';

/** Which schedules are played. */
export interface EnginesRun {
  readonly strategy: StrategyId;
  readonly parameter: number;
  /** `WATCH_` bits. */
  readonly flags: number;
}

/** What was played in a window. */
export interface EnginesWindow {
  readonly schedules: number;
  readonly steps: number;
  /** Time of the whole process on its processors, in us. */
  readonly cpuUs: number;
  /** Time that passed, in us. */
  readonly wallUs: number;
}

const SEED = 11;

/**
 * Plays schedules in windows, one after the other.
 * @param engine - that has nothing to do; nothing else may run in this process
 * @param run - which schedules
 * @param windows - how many, those for warming up included
 * @param milliseconds - of each
 * @throws an error when a schedule fails: then there is nothing to be measured
 */
export async function measureWindows(
  engine: Engine,
  run: EnginesRun,
  windows: number,
  milliseconds: number,
): Promise<EnginesWindow[]> {
  const results: EnginesWindow[] = [];
  let first = 0;
  for (let window = 0; window < windows; window++) {
    const before = cpuUsage();
    const began = performance.now();
    const { schedules, steps, failure } = await engine.run({
      ...run,
      seed: SEED,
      first,
      schedules: 0x3fff_ffff,
      milliseconds,
    });
    const wallUs = (performance.now() - began) * 1000;
    const { user, system } = cpuUsage(before);
    if (failure !== null) throw new Error(`A schedule of a benchmark failed: ${failure.sentence}`);
    results.push({ schedules, steps, cpuUs: user + system, wallUs });
    first += schedules;
  }
  return results;
}

/** The window in which a schedule took least: every disturbance makes one longer. */
export function bestWindow(windows: readonly EnginesWindow[]): EnginesWindow {
  return windows.reduce((best, window) =>
    window.cpuUs / window.schedules < best.cpuUs / best.schedules ? window : best,
  );
}

/** Schedules per second on one processor. */
export function schedulesPerSecond({ schedules, cpuUs }: EnginesWindow): number {
  return (schedules * 1e6) / cpuUs;
}

/** Steps per second on one processor, in millions. */
export function millionStepsPerSecond({ steps, cpuUs }: EnginesWindow): number {
  return steps / cpuUs;
}
