/**
 * Three areas of different priority: the best one is full, and a slot of it comes back. As long as the middle one has a slot, nobody may get one of the
 * last.
 */
import { defineScenario, thread, type ScenarioEnv } from '@swaplab/explore';
import { swpEntry, swpType, type MachineView, type SwapEntry } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { machineFor } from '../support/machine.js';

/** The header and two slots each. */
const DISK_PAGES = 3;
const SLOTS = DISK_PAGES - 1;
const DISKS = 3;
const MIDDLE = 1;
const LAST = 2;

interface Shared {
  /** A slot of the best area. */
  readonly best: SwapEntry;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

/** Slots of the middle area that nobody has. Only one task takes, and nobody gives any of these back. */
function freeInTheMiddle(view: MachineView): number {
  let free = 0;
  for (let slot = 1; slot <= SLOTS; slot++)
    if (view.kernel.swap.table.mapByte(swpEntry(MIDDLE, slot)) === 0) free++;
  return free;
}

function take({ view }: Env): void {
  const free = freeInTheMiddle(view);
  const entry = view.kernel.swap.allocator.getSwapPage();
  if (entry !== 0 && swpType(entry) === LAST && free > 0)
    view.kernel.core.context.bug(
      `A slot of the last area is taken, although ${free} of the middle one are free.`,
    );
}

export default defineScenario<undefined, Shared>({
  name: 'area-order',
  about: 'A task takes slots of three areas of different priority, while a slot of the best one comes back.',
  machine: (variants) => machineFor(variants, { disks: DISKS, diskPages: DISK_PAGES, tablePages: 24 }),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    for (let disk = 0; disk < DISKS; disk++) view.swapon(`/dev/ramzswap${disk}`, { priority: DISKS - disk });
    const best = view.kernel.swap.allocator.getSwapPage();
    for (let count = 1; count < SLOTS; count++) view.kernel.swap.allocator.getSwapPage();
    return { best, frames: freeFrames(view) };
  },
  threads: [
    {
      name: 'taker',
      operations: [
        { name: 'takes a slot', run: take },
        { name: 'takes another one', run: take },
      ],
    },
    thread('giver', ({ view, shared }: Env): void => view.kernel.swap.counts.swapcacheFree(shared.best)),
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    const { counts, table } = view.kernel.swap;
    for (let type = 0; type < DISKS; type++) {
      for (let slot = 1; slot <= SLOTS; slot++) {
        const entry = swpEntry(type, slot);
        if (table.mapByte(entry) !== 0) counts.swapcacheFree(entry);
      }
    }
    checkEnd(view, { frames: shared.frames });
  },
});
