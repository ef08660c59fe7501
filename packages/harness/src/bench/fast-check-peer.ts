/**
 * The scheduler of fast-check on the workload of lost updates: four tasks that add one to a sum 25 times, with a point before each load and before each
 * store. Its tasks are promises in one thread, and the order in which they go on is a random walk.
 *
 * fast-check is a tool for developing this project and nothing that its users need: where it is missing, there is no peer.
 */
import { cpuUsage } from 'node:process';
import type * as fastCheckModule from 'fast-check';
import type { Scheduler } from 'fast-check';
import type { EnginesWindow } from './engines-window.js';

type FastCheck = typeof fastCheckModule;

/** What the peer did. */
export interface PromisesAnswer {
  /** How it is named in rows. */
  readonly name: string;
  readonly windows: readonly EnginesWindow[];
  /** For each seed the number of the schedule in which a count was lost, the first being 1; null when none was. */
  readonly found: readonly (number | null)[];
}

/** How much it is to do. */
export interface PromisesOrder {
  readonly windows: number;
  /** Schedules of a window. */
  readonly schedules: number;
  readonly seeds: number;
  /** Most schedules for a seed. */
  readonly limit: number;
}

const TASKS = 4;
const ROUNDS = 25;
const SEED = 7;
const SEED_STEP = 7919;

/**
 * Lets the peer play.
 * @param order - how much
 * @returns null when it is not installed
 */
export async function playPromises(order: PromisesOrder): Promise<PromisesAnswer | null> {
  const fastCheck = await load();
  if (fastCheck === null) return null;
  const windows: EnginesWindow[] = [];
  for (let window = 0; window < order.windows; window++)
    windows.push(await playWindow(fastCheck, order.schedules, SEED + window));
  const found: (number | null)[] = [];
  for (let index = 1; index <= order.seeds; index++)
    found.push(await findLostCount(fastCheck, order.limit, index * SEED_STEP));
  return { name: `fast-check ${fastCheck.__version}`, windows, found };
}

async function load(): Promise<FastCheck | null> {
  try {
    return await import('fast-check');
  } catch {
    return null;
  }
}

async function playWindow(fastCheck: FastCheck, schedules: number, seed: number): Promise<EnginesWindow> {
  const { asyncProperty, check, scheduler } = fastCheck;
  const property = asyncProperty(scheduler(), async (one) => {
    await addAll(one);
  });
  const before = cpuUsage();
  const began = performance.now();
  await check(property, { numRuns: schedules, seed });
  const wallUs = (performance.now() - began) * 1000;
  const { user, system } = cpuUsage(before);
  return { schedules, steps: schedules * TASKS * ROUNDS * 2, cpuUs: user + system, wallUs };
}

async function findLostCount(fastCheck: FastCheck, limit: number, seed: number): Promise<number | null> {
  const { asyncProperty, check, scheduler } = fastCheck;
  const property = asyncProperty(scheduler(), async (one) => (await addAll(one)) === TASKS * ROUNDS);
  const { failed, numRuns } = await check(property, { numRuns: limit, seed, endOnFailure: true });
  return failed ? numRuns : null;
}

/** One schedule. */
async function addAll(scheduler: Scheduler): Promise<number> {
  let sum = 0;
  const add = async (): Promise<void> => {
    for (let round = 0; round < ROUNDS; round++) {
      await scheduler.schedule(Promise.resolve());
      const seen = sum;
      await scheduler.schedule(Promise.resolve());
      sum = seen + 1;
    }
  };
  const tasks = Array.from({ length: TASKS }, add);
  await scheduler.waitIdle();
  await Promise.all(tasks);
  return sum;
}
