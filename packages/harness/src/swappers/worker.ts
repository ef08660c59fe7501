/**
 * The body of a swapper's thread, as piscina calls it: attach, stand at the start, do the steps, stand at each checkpoint, end.
 *
 * Errors lose their class and code on the way between threads, so they are returned as plain data; what is thrown from here is a bug of ours.
 */
import { attachMachine } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';

import type { SwapperWatch } from '../scenarios/swapper-watches.js';
import { runScenario, watchFor } from '../scenarios/threads.js';
import { RunControl } from './control.js';
import { FreeTimer } from './free-timer.js';
import { runKernelThread } from './kernel-thread.js';
import { Leader } from './leader.js';
import { measuring } from './measuring.js';
import { plainError } from './plain-error.js';
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
    ...measuring(task),
    waitLimitMs: task.waitLimitMs,
  });
  control.setTask(task.swapper, view.kernel.core.context.current);
  const timer = task.lockStats ? new FreeTimer(view) : null;
  const watch = watchFor(view, task);
  let swapper: Swapper | null = null;
  let leader: LeaderResult | null = null;
  let error: PlainError | null = null;
  try {
    const led = task.swapper === 0 ? new Leader(view, control, task) : null;
    swapper = new Swapper(view, control, task);
    leader = runPhases(swapper, led, { control, task, watch });
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
    firstKill: swapper?.firstKill ?? null,
    facts: watch?.facts() ?? {},
    forkFailures: swapper?.forkFailures ?? 0,
    freeTimings: timer?.timings() ?? new Float64Array(0),
    leader,
  };
}

/** What the phases of a swapper need besides itself. */
interface Surroundings {
  readonly control: RunControl;
  readonly task: SwapperTask;
  readonly watch: SwapperWatch | null;
}

function runPhases(swapper: Swapper, led: Leader | null, around: Surroundings): LeaderResult | null {
  const { control, task } = around;
  control.barrier(task.swapper);
  led?.start();
  control.barrier(task.swapper);
  runLap(swapper, led, around);
  for (let lap = 1; !control.wasLastCheckpoint(); lap++) {
    swapper.beginLap(lap);
    runLap(swapper, led, around);
  }
  swapper.exit();
  control.barrier(task.swapper);
  const result = led?.finish() ?? null;
  control.barrier(task.swapper);
  return result;
}

/** Does the steps of one lap, or of a part of it: behind any checkpoint the leader may have said that it was the last one. */
function runLap(swapper: Swapper, led: Leader | null, { control, task, watch }: Surroundings): void {
  for (const { op, phase } of swapper.checkpoints()) {
    swapper.runUntil(op);
    // Between these two barriers nobody runs but the leader, and nobody changes anything.
    control.barrier(task.swapper);
    watch?.checkpoint(phase, swapper.processes());
    led?.checkpoint();
    control.passCheckpoint(task.swapper);
    swapper.prepareFault();
    control.barrier(task.swapper);
    if (control.wasLastCheckpoint()) return;
  }
}

/** For tests: where this body came from, source or build. */
export const workerSource = import.meta.url;
