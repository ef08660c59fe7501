/**
 * Slot churn: threads take slots of one area and give them back, with a second reference now and then. No process and no page: the swap core and
 * the driver's callback alone, so that a schedule is short.
 */
import { defineScenario, thread, type ScenarioEnv, type ScenarioThread } from '@swaplab/explore';
import { checkSwapInvariants, PAGE_SIZE } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';

function churner(name: string): ScenarioThread {
  return thread(name, (env: ScenarioEnv<undefined, undefined>): void => {
    const { allocator, counts } = env.view.kernel.swap;
    const entry = allocator.getSwapPage();
    if (entry === 0) env.core.context.bug('there is no free slot');
    counts.swapDuplicate(entry);
    counts.swapcacheFree(entry);
    counts.swapFree(entry);
  });
}

export default defineScenario({
  name: 'slot-churn',
  about: 'Four threads take a slot each, take a second reference to it, and give both back.',
  machine: {
    ramBytes: 16 * PAGE_SIZE,
    tableBytes: 16 * PAGE_SIZE,
    traceRecords: 32,
    ramDisks: [],
    addressSpaces: 1,
    drivers: [ramzswap({ disks: 1, diskBytes: 9 * PAGE_SIZE, codec: 'none' })],
  },
  drivers: { ramzswap },
  /** @quiescent */
  setup(env: ScenarioEnv<undefined, undefined>): undefined {
    env.view.swapon('/dev/ramzswap0');
    return undefined;
  },
  threads: [churner('first'), churner('second'), churner('third'), churner('fourth')],
  /** @quiescent */
  check(env: ScenarioEnv<undefined, undefined>): void {
    const { swap } = env.view.kernel;
    swap.table.swapLock.lock();
    const broken = checkSwapInvariants(swap, true);
    swap.table.swapLock.unlock();
    if (broken.length > 0) env.core.context.bug(broken.join(' '));
    if (swap.table.nrSwapPages() !== swap.table.totalSwapPages())
      env.core.context.bug('not all slots are free at the end');
  },
});
