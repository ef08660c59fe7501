/**
 * Swap storm: processes whose pages are all on a compressed-RAM disk read them, write some of them again, and exit.
 */
import { defineScenario, thread, type ScenarioEnv, type ScenarioThread } from '@swaplab/explore';
import { AddressSpace, checkSwapInvariants, PAGE_SIZE } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';

const PAGES = 2;
const THREADS = 3;

/** What each process finds. */
interface Processes {
  /** Addresses of their address spaces. */
  readonly spaces: readonly number[];
}

function contents(process: number, page: number): number {
  return 16 * (process + 1) + page;
}

function process(index: number): ScenarioThread<undefined, Processes> {
  return thread(`process ${index}`, (env: ScenarioEnv<undefined, Processes>): void => {
    const { context } = env.core;
    const space = new AddressSpace(env.view.kernel.vm, env.shared.spaces[index]!);
    const byte = new Uint8Array(1);
    for (let page = 0; page < PAGES; page++) {
      space.read(page * PAGE_SIZE, byte);
      if (byte[0] !== contents(index, page))
        context.bug(`page ${page} of process ${index} reads as ${byte[0]}`);
    }
    space.exit();
  });
}

export default defineScenario<undefined, Processes>({
  name: 'swap-storm',
  about: 'Processes whose pages are all on a compressed-RAM disk read them and exit.',
  machine: {
    ramBytes: 40 * PAGE_SIZE,
    tableBytes: 32 * PAGE_SIZE,
    traceRecords: 32,
    ramDisks: [],
    addressSpaces: 4,
    drivers: [ramzswap({ disks: 1, diskBytes: 17 * PAGE_SIZE, codec: 'none' })],
  },
  drivers: { ramzswap },
  /** @quiescent */
  setup(env: ScenarioEnv<undefined, undefined>): Processes {
    const { view } = env;
    view.swapon('/dev/ramzswap0');
    const bytes = new Uint8Array(PAGE_SIZE);
    const spaces: number[] = [];
    for (let index = 0; index < THREADS; index++) {
      const space = view.createAddressSpace({ bytes: PAGES * PAGE_SIZE });
      for (let page = 0; page < PAGES; page++)
        space.write(page * PAGE_SIZE, bytes.fill(contents(index, page)));
      spaces.push(space.id);
    }
    view.reclaimPages(THREADS * PAGES);
    return { spaces };
  },
  threads: [process(0), process(1), process(2)],
  /** @quiescent */
  check(env: ScenarioEnv<undefined, Processes>): void {
    const { table } = env.view.kernel.swap;
    table.swapLock.lock();
    const broken = checkSwapInvariants(env.view.kernel.swap, true);
    table.swapLock.unlock();
    if (broken.length > 0) env.core.context.bug(broken.join(' '));
  },
});
