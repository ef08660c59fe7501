/**
 * The body of a swapper's thread, as piscina calls it: attach, stand at the start, do the steps, stand at each checkpoint, end.
 *
 * Errors lose their class and code on the way between threads, so they are returned as plain data; what is thrown from here is a bug of ours.
 */
import { attachMachine } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';

import { clockNs, RunControl } from './control.js';
import { FreeTimer } from './free-timer.js';
import { runKernelThread } from './kernel-thread.js';
import { Leader } from './leader.js';
import { plainError } from './plain-error.js';
import { runScenario } from './swapoff-under-load.js';
import { Swapper } from './swapper.js';
import type { LeaderResult, PlainError, PoolResult, PoolTask, SwapperResult, SwapperTask } from './task.js';

/**
 * Runs one swapper, a thread of the kernel's own, or a scenario.
 *
 * @param task - from the main thread
 */
export default function runTask(task: PoolTask): PoolResult {
  if ('kernelThread' in task) return runKernelThread(task);
  return 'scenario' in task ? runScenario(task) : runSwapper(task);
}

function runSwapper(task: SwapperTask): SwapperResult {
  const control = new RunControl(task.swappers, task.samplesMax, task.control);
  const view = attachMachine(task.machine, {
    drivers: { ramzswap },
    name: `swapper ${String(task.swapper)}`,
    clock: task.lockStats ? clockNs : null,
    lockStats: task.lockStats,
    waitLimitMs: task.waitLimitMs,
  });
  control.setTask(task.swapper, view.kernel.core.context.current);
  const timer = task.lockStats ? new FreeTimer(view) : null;
  let swapper: Swapper | null = null;
  let leader: LeaderResult | null = null;
  let error: PlainError | null = null;
  try {
    const led = task.swapper === 0 ? new Leader(view, control, task) : null;
    swapper = new Swapper(view, control, task);
    leader = runPhases(swapper, led, control, task);
    view.detach();
  } catch (thrown) {
    error = plainError(thrown);
    control.stop();
  }
  return {
    swapper: task.swapper,
    error,
    ops: swapper?.ops ?? 0,
    integrityErrors: swapper?.integrityErrors ?? 0,
    integrityReports: swapper?.integrityReports ?? [],
    freeTimings: timer?.timings() ?? new Float64Array(0),
    leader,
  };
}

function runPhases(
  swapper: Swapper,
  led: Leader | null,
  control: RunControl,
  task: SwapperTask,
): LeaderResult | null {
  control.barrier(task.swapper);
  led?.start();
  control.barrier(task.swapper);
  for (const { op } of swapper.checkpoints()) {
    swapper.runUntil(op);
    // Between these two barriers nobody runs but the leader.
    control.barrier(task.swapper);
    led?.checkpoint();
    control.passCheckpoint(task.swapper);
    swapper.prepareFault();
    control.barrier(task.swapper);
  }
  swapper.exit();
  control.barrier(task.swapper);
  const result = led?.finish() ?? null;
  control.barrier(task.swapper);
  return result;
}

/** For tests: where this body came from, source or build. */
export const workerSource = import.meta.url;
