/**
 * A slot that changes hands: one process gives it back, another one gets it at once and stores its own page there. What the kernel puts off is done by
 * a thread of its own, at any time. Memory may be short.
 */
import { defineScenario, thread, type ScenarioEnv } from '@swaplab/explore';
import { swpOffset, type SwapEntry } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { diskOf, freeSlot, readDisk, storePage, takeSlot, writeDisk } from '../support/disk.js';
import { machineFor } from '../support/machine.js';
import { describePage, fillPage, isPage, takeFrame } from '../support/pages.js';

const OLD = 0x0101_0101;
const NEW = 0x0202_0202;
const UNTOUCHED = 0x0e0e_0e0e;
/** The header and one slot: so there is no other one to get. */
const DISK_PAGES = 2;

interface Shared {
  readonly entry: SwapEntry;
  /** Byte addresses of page frames: what the newcomer stores, and where it reads it back. */
  readonly source: number;
  readonly target: number;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

/** Stores a page, if there is a slot for it, and wants it back; then gives it up. */
function storeAndRead({ view, shared }: Env): void {
  const entry = takeSlot(view);
  if (entry === 0) return;
  const slot = swpOffset(entry);
  // A write may fail for want of memory; then there is nothing to be read.
  if (writeDisk(view, slot, shared.source) === 0) {
    fillPage(view, shared.target, UNTOUCHED);
    const error = readDisk(view, slot, shared.target);
    if (error !== 0) view.kernel.core.context.bug(`The slot cannot be read: errno ${-error}.`);
    if (!isPage(view, shared.target, NEW))
      view.kernel.core.context.bug(
        `A page that was just written reads back as ${describePage(view, shared.target)}.`,
      );
  }
  freeSlot(view, entry);
}

export default defineScenario<undefined, Shared>({
  name: 'slot-recycling',
  about: 'A process gives back the only slot, and another one stores a page in it.',
  machine: (variants) => machineFor(variants, { diskPages: DISK_PAGES }),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    view.swapon('/dev/ramzswap0');
    const source = takeFrame(view);
    const target = takeFrame(view);
    const frames = freeFrames(view);
    fillPage(view, source, OLD);
    const entry = storePage(view, source);
    fillPage(view, source, NEW);
    return { entry, source, target, frames };
  },
  threads: [
    thread('leaver', ({ view, shared }: Env): void => freeSlot(view, shared.entry)),
    {
      name: 'newcomer',
      operations: [
        { name: 'stores a page', run: storeAndRead },
        { name: 'stores it again', run: storeAndRead },
      ],
    },
    thread('kernel', ({ view }: Env): void => {
      diskOf(view).runDeferredFrees();
    }),
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    checkEnd(view, { frames: shared.frames });
  },
});
