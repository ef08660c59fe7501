/**
 * Threads that count in one cell, each adding one a few times.
 *
 * This is the canary: they do not lock, so counts are lost. An explorer that does not find that finds nothing.
 */
import { defineScenario, type ScenarioEnv, type ScenarioThread } from '@swaplab/explore';
import type { Region } from '@swaplab/kernel-mm';

const THREADS = 2;
const ROUNDS = 2;

interface Regions {
  readonly counter: Region;
}

type Env = ScenarioEnv<Regions, undefined>;

function add({ core, regions }: Env): void {
  const { cells } = core;
  cells.st32(regions.counter.base, cells.ld32(regions.counter.base) + 1);
}

function counting(name: string): ScenarioThread<Regions> {
  return {
    name,
    operations: [
      { name: 'adds one', run: add },
      { name: 'adds another one', run: add },
    ],
  };
}

export default defineScenario<Regions>({
  name: 'counting',
  about: 'Two threads add to one counter.',
  memory: (layout): Regions => ({ counter: layout.bytes('hot', 'counter', 64) }),
  threads: [counting('first'), counting('second')],
  /** @quiescent */
  check({ core, regions }: Env): void {
    const counted = core.cells.ld32(regions.counter.base);
    if (counted !== THREADS * ROUNDS)
      core.context.bug(`The counter is ${counted}, but ${THREADS * ROUNDS} were added.`);
  },
});
