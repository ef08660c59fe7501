/**
 * Made-up results for tests of what scenarios say and expect.
 */
import type { KillMoment, ScenarioSample, ScenarioSight } from '#src/scenarios/scenario.js';

/** 1000 page frames. */
export const FRAMES = 1000;
const PAGE = 4096;

/** A sample of a machine with {@link FRAMES} page frames, of which 250 are the processes'. */
export function sight(changes: Partial<ScenarioSight> = {}): ScenarioSight {
  return {
    policy: 'none',
    options: {
      policies: ['none'],
      swappers: 2,
      disks: 2,
      ops: 15_000,
      mapped: 500 * PAGE,
      limit: 250 * PAGE,
      ram: FRAMES * PAGE,
      disksize: 401 * PAGE,
      workload: 'phased',
      pages: 'default',
      codec: 'lzo1x-2010',
    },
    ownShape: true,
    faultsInjected: false,
    ops: 1000,
    seconds: 2,
    samples: [sample(1, 200, 100), sample(2, 400, 50), sample(3, 100, 0)],
    final: { live: 0, stored: 0, stale: 0, poolPages: 0 },
    areas: [{ type: 'ramzswap', device: '/dev/ramzswap0', allocated: 1234, freed: 1234 }],
    vm: {
      faults: 900,
      swapIns: 400,
      swapOuts: 500,
      kills: 0,
      ioErrors: 0,
      forks: 0,
      forkFailures: 0,
      scanned: 1500,
      reclaimed: 500,
      allocstall: 3,
    },
    firstKill: null,
    swapons: 0,
    swapoffs: 0,
    swapoffErrors: {},
    facts: {},
    ...changes,
  };
}

/** One with so many pages in the pools, two slots each, of which so many are stale. */
export function sample(t: number, poolPages: number, stale: number): ScenarioSample {
  const stored = 2 * poolPages;
  return {
    t,
    quiescent: true,
    phase: 'churn',
    live: stored - stale,
    stored,
    stale,
    comprBytes: stored * 1700,
    poolPages,
    residentPages: 250,
    freeFrames: FRAMES - 250 - poolPages,
    kills: 0,
  };
}

/** Nothing is left; three quarters of what the devices have is stale. */
export const KILL: KillMoment = {
  t: 1.5,
  live: 400,
  stored: 1600,
  stale: 1200,
  comprBytes: 2_900_000,
  poolPages: 800,
  freeFrames: 20,
  residentPages: 180,
};
