/**
 * A driver that stops listening: it takes its function off an area, as at swapoff and when its module goes, and from then on must not be called any
 * more, though slots of the area are still being freed.
 */
import { defineScenario, thread, type ScenarioEnv } from '@swaplab/explore';
import { swpOffset, type SwapEntry } from '@swaplab/kernel-mm';
import { ramzswap, ramzswapOf } from '@swaplab/ramzswap';
import { brokenNow } from '../support/checks.js';
import { diskOf, freeSlot, notifiedOf, storePage } from '../support/disk.js';
import { machineFor } from '../support/machine.js';
import { fillPage, takeFrame } from '../support/pages.js';

interface Shared {
  readonly entry: SwapEntry;
  /** Byte address of a cell of the driver's: how often it had been called when it left, and one. */
  readonly notebook: number;
}

type Env = ScenarioEnv<undefined, Shared>;

function leave({ view, shared }: Env): void {
  ramzswapOf(view).functions.swapoffNotify(0, diskOf(view).bdev());
  view.kernel.core.cells.atomicStore(shared.notebook, 1 + notifiedOf(view, swpOffset(shared.entry)));
}

export default defineScenario<undefined, Shared>({
  name: 'listener-leaves',
  about: 'A driver takes its callback off an area, while a slot of it is being freed.',
  machine: (variants) => machineFor(variants),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    view.swapon('/dev/ramzswap0');
    const source = takeFrame(view);
    const notebook = takeFrame(view);
    fillPage(view, source, 1);
    fillPage(view, notebook, 0);
    return { entry: storePage(view, source), notebook };
  },
  threads: [
    thread('owner', ({ view, shared }: Env): void => freeSlot(view, shared.entry)),
    thread('driver', leave),
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    const { cells, context } = view.kernel.core;
    const broken = brokenNow(view);
    if (broken.length > 0) context.bug(broken.join(' '));
    const noted = cells.atomicLoad(shared.notebook);
    const calls = notifiedOf(view, swpOffset(shared.entry));
    if (noted !== 0 && calls !== noted - 1)
      context.bug(`The driver is called ${calls - noted + 1} time(s) after it has left.`);
  },
});
