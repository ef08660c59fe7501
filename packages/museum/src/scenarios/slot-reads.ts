/**
 * Reading a slot past the swap core while its owner gives it back: dd has no reference to the slot, so nothing but the driver stands between the two.
 */
import { defineScenario, thread, type ScenarioEnv } from '@swaplab/explore';
import { swpOffset, type SwapEntry } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { freeSlot, readDisk, storePage } from '../support/disk.js';
import { machineFor } from '../support/machine.js';
import { describePage, fillPage, isPage, takeFrame } from '../support/pages.js';

const STORED = 0x0101_0101;
const UNTOUCHED = 0x0e0e_0e0e;

interface Shared {
  readonly entry: SwapEntry;
  /** Byte address of the page frame that dd reads into. */
  readonly target: number;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

/** Either the page, or nothing at all. */
function readSlot({ view, shared }: Env): void {
  const { target } = shared;
  const error = readDisk(view, swpOffset(shared.entry), target);
  if (error !== 0) view.kernel.core.context.bug(`The slot cannot be read: errno ${-error}.`);
  if (!isPage(view, target, STORED) && !isPage(view, target, UNTOUCHED))
    view.kernel.core.context.bug(`dd reads ${describePage(view, target)}, which nobody has written.`);
}

export default defineScenario<undefined, Shared>({
  name: 'slot-reads',
  about: 'A process gives back a slot, while dd reads it from the disk.',
  machine: (variants) => machineFor(variants),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    view.swapon('/dev/ramzswap0');
    const source = takeFrame(view);
    const target = takeFrame(view);
    const frames = freeFrames(view);
    fillPage(view, source, STORED);
    fillPage(view, target, UNTOUCHED);
    return { entry: storePage(view, source), target, frames };
  },
  threads: [
    thread('owner', ({ view, shared }: Env): void => freeSlot(view, shared.entry)),
    thread('dd', readSlot),
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    checkEnd(view, { frames: shared.frames });
  },
});
