/**
 * The workload that the speed of the engines is told by: four threads, about 50 points each, all of them in the code of the swap core and of the
 * driver. Each thread does what a fork and two exits do with a slot: it takes a second reference, gives it back, and gives the first one back,
 * by which the slot becomes free and the driver is told.
 *
 * The check reads one counter: what all invariants cost would be more than the schedule.
 */
import { defineScenario, type ScenarioEnv, type ScenarioThread } from '@swaplab/explore';
import { PAGE_SIZE, type SwapEntry } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';

const THREADS = 4;
const SLOTS = 8;

interface Slots {
  /** One for each thread, with one user each. */
  readonly entries: readonly SwapEntry[];
}

type Env = ScenarioEnv<undefined, Slots>;

function turning(name: string, index: number): ScenarioThread<undefined, Slots> {
  return {
    name,
    operations: [
      {
        name: 'takes a second reference',
        run(env: Env): void {
          const entry = env.shared.entries[index]!;
          if (env.view.kernel.swap.counts.swapDuplicate(entry) !== 0)
            env.core.context.bug('the slot takes no second reference');
        },
      },
      {
        name: 'gives it back',
        run(env: Env): void {
          env.view.kernel.swap.counts.swapFree(env.shared.entries[index]!);
        },
      },
      {
        name: 'gives the slot back',
        run(env: Env): void {
          env.view.kernel.swap.counts.swapFree(env.shared.entries[index]!);
        },
      },
    ],
  };
}

export default defineScenario<undefined, Slots>({
  name: 'slot-turnover',
  about: 'Four threads take a second reference to a slot each, and give both back.',
  machine: {
    ramBytes: 16 * PAGE_SIZE,
    tableBytes: 8 * PAGE_SIZE,
    traceRecords: 32,
    ramDisks: [],
    addressSpaces: 1,
    drivers: [ramzswap({ disks: 1, diskBytes: (SLOTS + 1) * PAGE_SIZE, codec: 'none' })],
  },
  drivers: { ramzswap },
  /** @quiescent */
  setup(env: ScenarioEnv<undefined, undefined>): Slots {
    env.view.swapon('/dev/ramzswap0');
    const { allocator, counts } = env.view.kernel.swap;
    const entries: SwapEntry[] = [];
    for (let index = 0; index < THREADS; index++) {
      const entry = allocator.getSwapPage();
      counts.swapDuplicate(entry);
      counts.swapcacheFree(entry);
      entries.push(entry);
    }
    return { entries };
  },
  threads: [turning('first', 0), turning('second', 1), turning('third', 2), turning('fourth', 3)],
  /** @quiescent */
  check(env: Env): void {
    const { table } = env.view.kernel.swap;
    if (table.nrSwapPages() !== SLOTS) env.core.context.bug('not all slots are free at the end');
  },
});
