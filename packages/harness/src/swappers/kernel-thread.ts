/**
 * The kernel's own threads of a run. So far there is one: `kdiscardd`, which discards the clusters that the policy `discard-cluster` queues.
 *
 * It runs until the leader tells it to end, which it does when the queue is empty for good, or until the run is stopped.
 */
import { attachMachine } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';

import { clockNs, RunControl } from './control.js';
import type { KernelThreadResult, KernelThreadTask } from './task.js';
import { plainError } from './plain-error.js';

/** So often it looks whether the run was stopped, in milliseconds. */
const LOOK_EVERY_MS = 50;

/**
 * Runs the discard worker.
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
      clock: task.lockStats ? clockNs : null,
      lockStats: task.lockStats,
      waitLimitMs: task.waitLimitMs,
    });
    const { clusters } = view.kernel.swap;
    while (!control.isStopped() && !clusters.shouldStop()) clusters.serve(LOOK_EVERY_MS);
    view.detach();
    return { kernelThread, error: null };
  } catch (thrown) {
    control.stop();
    return { kernelThread, error: plainError(thrown) };
  }
}
