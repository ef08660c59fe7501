/**
 * Switching an area off while processes use what is in it: one reads and rewrites its page, another one exits.
 */
import { defineScenario, thread, type ScenarioEnv } from '@swaplab/explore';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { machineFor } from '../support/machine.js';
import { expectPage, processOf, rewritePage, startProcess } from '../support/processes.js';

const USER_PAGE = 0x11;
const REWRITTEN = 0x19;
const LEAVER_PAGE = 0x21;

interface Shared {
  readonly user: number;
  readonly leaver: number;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

export default defineScenario<undefined, Shared>({
  name: 'swapoff-under-load',
  about: 'An area is switched off, while one process uses its page there and another one exits.',
  machine: (variants) => machineFor(variants, { addressSpaces: 2 }),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    view.swapon('/dev/ramzswap0');
    const frames = freeFrames(view);
    const user = startProcess(view, [USER_PAGE]);
    const leaver = startProcess(view, [LEAVER_PAGE]);
    view.reclaimPages(2);
    return { user, leaver, frames };
  },
  threads: [
    thread('administrator', ({ view }: Env): void => view.swapoff('/dev/ramzswap0')),
    {
      name: 'user',
      operations: [
        {
          name: 'reads its page',
          run: ({ view, shared }: Env): void => expectPage(view, processOf(view, shared.user), 0, USER_PAGE),
        },
        {
          name: 'rewrites it',
          run: ({ view, shared }: Env): void => {
            const space = processOf(view, shared.user);
            rewritePage(space, 0, REWRITTEN);
            expectPage(view, space, 0, REWRITTEN);
          },
        },
      ],
    },
    thread('leaver', ({ view, shared }: Env): void => processOf(view, shared.leaver).exit()),
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    checkEnd(view, { frames: shared.frames });
  },
});
