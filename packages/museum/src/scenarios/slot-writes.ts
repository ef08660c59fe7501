/**
 * Writing a slot past the swap core while its owner gives it back. What lies there at the end is of no matter; but nothing may be freed twice, or be
 * forgotten.
 */
import { defineScenario, thread, type ScenarioEnv } from '@swaplab/explore';
import { swpOffset, type SwapEntry } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { freeSlot, storePage, writeDisk } from '../support/disk.js';
import { machineFor } from '../support/machine.js';
import { fillPage, takeFrame } from '../support/pages.js';

const STORED = 0x0101_0101;
const WRITTEN = 0x0202_0202;

interface Shared {
  readonly entry: SwapEntry;
  /** Byte address of the page frame with what dd writes. */
  readonly source: number;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

function writeSlot({ view, shared }: Env): void {
  const error = writeDisk(view, swpOffset(shared.entry), shared.source);
  if (error !== 0) view.kernel.core.context.bug(`The slot cannot be written: errno ${-error}.`);
}

export default defineScenario<undefined, Shared>({
  name: 'slot-writes',
  about: 'A process gives back a slot, while dd writes to it.',
  machine: (variants) => machineFor(variants),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    view.swapon('/dev/ramzswap0');
    const source = takeFrame(view);
    const frames = freeFrames(view);
    fillPage(view, source, STORED);
    const entry = storePage(view, source);
    fillPage(view, source, WRITTEN);
    return { entry, source, frames };
  },
  threads: [
    thread('owner', ({ view, shared }: Env): void => freeSlot(view, shared.entry)),
    thread('dd', writeSlot),
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    checkEnd(view, { frames: shared.frames, writesPastSwap: true });
  },
});
