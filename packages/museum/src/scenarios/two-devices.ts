/**
 * Two disks of different priority: the better one has a single slot. One task reclaims, so that pages go to both; a process comes back for its page and
 * exits, so that the better slot is free again.
 */
import { defineScenario, type ScenarioEnv } from '@swaplab/explore';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { machineFor } from '../support/machine.js';
import { expectPage, processOf, startProcess } from '../support/processes.js';

const FIRST = 0x11;
const SECOND = 0x21;
/** The header and one slot each. */
const DISK_PAGES = 2;

interface Shared {
  readonly first: number;
  readonly second: number;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

export default defineScenario<undefined, Shared>({
  name: 'two-devices',
  about: 'Pages go to two disks of different priority, while a process gives the better slot back.',
  machine: (variants) =>
    machineFor(variants, { disks: 2, diskPages: DISK_PAGES, addressSpaces: 2, tablePages: 16 }),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    view.swapon('/dev/ramzswap0', { priority: 1 });
    view.swapon('/dev/ramzswap1', { priority: 5 });
    const frames = freeFrames(view);
    const first = startProcess(view, [FIRST]);
    view.reclaimPages(1);
    const second = startProcess(view, [SECOND]);
    return { first, second, frames };
  },
  threads: [
    {
      name: 'reclaimer',
      operations: [
        {
          name: 'reclaims a page',
          run: ({ view }: Env): void => {
            view.reclaimPages(1);
          },
        },
      ],
    },
    {
      name: 'first',
      operations: [
        {
          name: 'reads its page',
          run: ({ view, shared }: Env): void => expectPage(view, processOf(view, shared.first), 0, FIRST),
        },
        { name: 'exits', run: ({ view, shared }: Env): void => processOf(view, shared.first).exit() },
      ],
    },
    {
      name: 'second',
      operations: [
        {
          name: 'reads its page',
          run: ({ view, shared }: Env): void => expectPage(view, processOf(view, shared.second), 0, SECOND),
        },
      ],
    },
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    checkEnd(view, { frames: shared.frames });
  },
});
