/**
 * Slots of a small area run out, and one comes back. As long as there is one, who asks gets it: there is one task that takes, and all the others only
 * give back.
 */
import { defineScenario, type ScenarioEnv } from '@swaplab/explore';
import { swpEntry, type SwapEntry } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { freeSlot, takeSlot } from '../support/disk.js';
import { machineFor } from '../support/machine.js';

/** The header and five slots. */
const DISK_PAGES = 6;
const SLOTS = DISK_PAGES - 1;

interface Shared {
  readonly first: SwapEntry;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

/** Takes a slot; when one was free, there must be one. */
function take({ view }: Env): void {
  const { swap, core } = view.kernel;
  const free = swap.table.nrSwapPages();
  if (free > 0 && takeSlot(view) === 0)
    core.context.bug(`No slot is found, although ${free} of ${SLOTS} are free.`);
}

const TAKES = [
  { name: 'takes a slot', run: take },
  { name: 'takes another one', run: take },
  { name: 'takes a third one', run: take },
  { name: 'takes a fourth one', run: take },
];

export default defineScenario<undefined, Shared>({
  name: 'last-slot',
  about: 'A task takes one slot after the other until there is none, while another one gives one back.',
  machine: (variants) => machineFor(variants, { diskPages: DISK_PAGES }),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    view.swapon('/dev/ramzswap0');
    for (let count = 0; count < SLOTS; count++) takeSlot(view);
    // Slot 4 comes and goes, so that the next search begins behind it; then there are gaps on both sides.
    freeSlot(view, swpEntry(0, 4));
    takeSlot(view);
    for (const slot of [2, 3, 5]) freeSlot(view, swpEntry(0, slot));
    return { first: swpEntry(0, 1), frames: freeFrames(view) };
  },
  threads: [
    { name: 'taker', operations: TAKES },
    {
      name: 'giver',
      operations: [
        { name: 'gives one back', run: ({ view, shared }: Env): void => freeSlot(view, shared.first) },
      ],
    },
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    for (let slot = 1; slot <= SLOTS; slot++) {
      const entry = swpEntry(0, slot);
      if (view.kernel.swap.table.mapByte(entry) !== 0) freeSlot(view, entry);
    }
    checkEnd(view, { frames: shared.frames });
  },
});
