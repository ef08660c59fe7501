/**
 * The life cycle of a disk beside its use: its owner resets it and sets it up anew, while dd writes to it and reads it, and an administrator switches
 * it on and off. Whatever the order, each request is either done or refused.
 */
import { defineScenario, type ScenarioEnv } from '@swaplab/explore';
import { EBUSY, EIO, PAGE_SIZE } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { diskOf, readDisk, writeDisk } from '../support/disk.js';
import { machineFor } from '../support/machine.js';
import { describePage, fillPage, isPage, takeFrame } from '../support/pages.js';

/** The header and two slots. */
const DISK_PAGES = 3;
const SLOT = 2;
const WRITTEN = 0x0202_0202;
const UNTOUCHED = 0x0e0e_0e0e;

interface Shared {
  /** Byte addresses of dd's page frames. */
  readonly source: number;
  readonly target: number;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

/** Nobody else takes the disk for good, so only an area that is on keeps it from being reset. */
function reset({ view }: Env): void {
  const error = diskOf(view).reset();
  if (error !== 0 && error !== -EBUSY) view.kernel.core.context.bug(`RESET answers errno ${-error}.`);
}

function setUp({ view }: Env): void {
  const device = diskOf(view);
  if (device.setDisksize(DISK_PAGES * PAGE_SIZE) !== 0) return;
  const error = device.init();
  if (error !== 0) view.kernel.core.context.bug(`INIT answers errno ${-error}.`);
}

function write({ view, shared }: Env): void {
  const error = writeDisk(view, SLOT, shared.source);
  if (error !== 0 && error !== -EIO) view.kernel.core.context.bug(`A write answers errno ${-error}.`);
}

function read({ view, shared }: Env): void {
  const { target } = shared;
  fillPage(view, target, UNTOUCHED);
  const error = readDisk(view, SLOT, target);
  if (error !== 0 && error !== -EIO) view.kernel.core.context.bug(`A read answers errno ${-error}.`);
  if (!isPage(view, target, WRITTEN) && !isPage(view, target, UNTOUCHED))
    view.kernel.core.context.bug(`dd reads ${describePage(view, target)}, which nobody has written.`);
}

export default defineScenario<undefined, Shared>({
  name: 'device-reset',
  about: 'A disk is reset and set up anew, while dd writes to it and reads it.',
  machine: (variants) => machineFor(variants, { diskPages: DISK_PAGES }),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    const source = takeFrame(view);
    const target = takeFrame(view);
    const frames = freeFrames(view);
    fillPage(view, source, WRITTEN);
    return { source, target, frames };
  },
  threads: [
    {
      name: 'owner',
      operations: [
        { name: 'resets', run: reset },
        { name: 'sets up', run: setUp },
      ],
    },
    {
      name: 'dd',
      operations: [
        { name: 'writes', run: write },
        { name: 'reads', run: read },
      ],
    },
  ],
  /** @quiescent */
  check(env: Env): void {
    const { view, shared } = env;
    if (!diskOf(view).isInitialised()) setUp(env);
    checkEnd(view, { frames: shared.frames, writesPastSwap: true });
  },
});
