/**
 * Notifiers come and go while an area is switched on and off: the driver takes its own notifier off the swapon chain and puts it back. An area that was
 * switched on meanwhile is one the driver does not know of; but nothing may be lost, and nothing be called twice.
 */
import { defineScenario, thread, type ScenarioEnv } from '@swaplab/explore';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { machineFor } from '../support/machine.js';

interface Shared {
  /** Address of the notifier block. */
  readonly block: number;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

function comeAndGo({ view, shared }: Env): void {
  const { swaponChain } = view.kernel.swap.events;
  const { context } = view.kernel.core;
  if (swaponChain.unregister(shared.block) !== 0) context.bug('A registered notifier cannot be taken off.');
  if (swaponChain.register(shared.block) !== 0) context.bug('A notifier cannot be registered again.');
}

export default defineScenario<undefined, Shared>({
  name: 'notifier-churn',
  about: 'A notifier is taken off its chain and put back, while an area is switched on and off.',
  machine: (variants) => machineFor(variants),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    const block = view.kernel.swap.events.swaponChain.chain.first();
    return { block, frames: freeFrames(view) };
  },
  threads: [
    thread('driver', comeAndGo),
    {
      name: 'administrator',
      operations: [
        {
          name: 'switches the area on and off',
          run: ({ view }: Env): void => {
            view.swapon('/dev/ramzswap0');
            view.swapoff('/dev/ramzswap0');
          },
        },
      ],
    },
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    checkEnd(view, { frames: shared.frames });
  },
});
