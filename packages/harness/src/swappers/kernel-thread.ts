/**
 * The kernel's own threads of a run. `kswapd` frees pages before they are wanted; it is there in every run and sleeps as long as there is enough
 * memory. `kdiscardd` discards the clusters that the policy `discard-cluster` queues.
 *
 * Each runs until the leader tells it to end, which it does when there is nothing left to do, or until the run is stopped. It never sleeps for
 * longer than {@link LOOK_EVERY_MS}, so that a stop is heard also on a machine that is dead.
 */
import { attachMachine, type MachineView } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';

import type { RunPolicy } from '../run/options.js';
import { RunControl } from './control.js';
import { measuring } from './measuring.js';
import type { KernelThreadName, KernelThreadResult, KernelThreadTask } from './task.js';
import { plainError } from './plain-error.js';

/** So often it looks whether the run was stopped, in milliseconds. */
const LOOK_EVERY_MS = 50;

/** What a thread of the kernel's own does. */
interface KernelService {
  /**
   * One turn: does what there is to do, or sleeps.
   *
   * @param limitMs - longest sleep in milliseconds
   */
  serve(limitMs: number): number;
  /** Whether it was told to end. */
  shouldStop(): boolean;
}

/**
 * The threads of the kernel's own that a policy has.
 *
 * @param policy - any
 */
export function kernelThreadsUnder(policy: RunPolicy): readonly KernelThreadName[] {
  return policy === 'discard-cluster' ? ['kswapd', 'kdiscardd'] : ['kswapd'];
}

/**
 * Runs one of them.
 *
 * @param task - from the main thread
 */
export function runKernelThread(task: KernelThreadTask): KernelThreadResult {
  const control = new RunControl(task.swappers, task.samplesMax, task.control);
  const { kernelThread } = task;
  try {
    const view = attachMachine(task.machine, {
      drivers: { ramzswap },
      name: kernelThread,
      ...measuring(task),
      waitLimitMs: task.waitLimitMs,
    });
    const service = serviceOf(view, kernelThread);
    while (!control.isStopped() && !service.shouldStop()) service.serve(LOOK_EVERY_MS);
    view.detach();
    return { kernelThread, error: null };
  } catch (thrown) {
    control.stop();
    return { kernelThread, error: plainError(thrown) };
  }
}

/**
 * Tells all of them to end; they do so by themselves.
 *
 * @param view - of any thread
 */
export function stopKernelThreads(view: MachineView): void {
  view.kernel.swap.clusters.stopWorker();
  view.kernel.vm.kswapd.stop();
}

function serviceOf(view: MachineView, name: KernelThreadName): KernelService {
  return name === 'kswapd' ? view.kernel.vm.kswapd : view.kernel.swap.clusters;
}
