/**
 * Families: a parent and a child share a page that is in swap and one that is in memory. The parent forks again and writes to the one, the child
 * writes to the other and exits. Nobody may see what another one wrote.
 */
import { defineScenario, type ScenarioEnv } from '@swaplab/explore';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { machineFor } from '../support/machine.js';
import { expectPage, processOf, rewritePage, startProcess } from '../support/processes.js';

const SWAPPED = 0x11;
const PRESENT = 0x12;
const OF_PARENT = 0x19;
const OF_CHILD = 0x29;

interface Shared {
  readonly parent: number;
  readonly child: number;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

const PARENT = [
  {
    name: 'forks',
    run: ({ view, shared }: Env): void => {
      const second = processOf(view, shared.parent).fork();
      second.exit();
    },
  },
  {
    name: 'writes',
    run: ({ view, shared }: Env): void => {
      const space = processOf(view, shared.parent);
      rewritePage(space, 0, OF_PARENT);
      expectPage(view, space, 0, OF_PARENT);
    },
  },
];

const CHILD = [
  {
    name: 'reads both',
    run: ({ view, shared }: Env): void => {
      const space = processOf(view, shared.child);
      expectPage(view, space, 0, SWAPPED);
      expectPage(view, space, 1, PRESENT);
    },
  },
  {
    name: 'writes',
    run: ({ view, shared }: Env): void => {
      const space = processOf(view, shared.child);
      rewritePage(space, 1, OF_CHILD);
      expectPage(view, space, 1, OF_CHILD);
    },
  },
  { name: 'exits', run: ({ view, shared }: Env): void => processOf(view, shared.child).exit() },
];

export default defineScenario<undefined, Shared>({
  name: 'fork-and-exit',
  about: 'A parent and its child share their memory: the one forks again, both write, one exits.',
  machine: (variants) => machineFor(variants, { addressSpaces: 3 }),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    view.swapon('/dev/ramzswap0');
    const frames = freeFrames(view);
    const parent = startProcess(view, [SWAPPED], 2);
    view.reclaimPages(1);
    rewritePage(processOf(view, parent), 1, PRESENT);
    const child = processOf(view, parent).fork().id;
    return { parent, child, frames };
  },
  threads: [
    { name: 'parent', operations: PARENT },
    { name: 'child', operations: CHILD },
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    checkEnd(view, { frames: shared.frames });
  },
});
