/** Two threads add one to a cell, without a lock. Not woven: its points name no lines. */
import type { Region } from '@swaplab/kernel-mm';
import { defineScenario, thread, type ScenarioEnv, type ScenarioThread } from '#src/scenario/index.js';

interface Regions {
  readonly sum: Region;
}

function adder(name: string): ScenarioThread<Regions> {
  return thread(name, ({ core, regions }: ScenarioEnv<Regions, undefined>): void => {
    const { base } = regions.sum;
    core.cells.st32(base, core.cells.ld32(base) + 1);
  });
}

export default defineScenario<Regions>({
  name: 'adding',
  about: 'Two threads add one to a cell.',
  memory: (layout) => ({ sum: layout.bytes('hot', 'sum', 64) }),
  threads: [adder('first'), adder('second')],
  check({ core, regions }): void {
    const sum = core.cells.ld32(regions.sum.base);
    if (sum !== 2) throw new Error(`The sum is ${sum}, not 2.`);
  },
});
