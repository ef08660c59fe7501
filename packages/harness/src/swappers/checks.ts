/**
 * All invariants of a machine that stands still, and the counters of its driver against a walk over its tables.
 */
import { checkSwapInvariants, checkVmInvariants, type MachineView } from '@swaplab/kernel-mm';
import { ramzswapOf, statDrift, walkTable } from '@swaplab/ramzswap';

/** What a check found: one sentence each. */
export interface CheckResult {
  /** Invariants that do not hold. */
  readonly broken: readonly string[];
  /** Counters of the driver that are not what a walk over the table finds. */
  readonly drift: readonly string[];
}

/**
 * Checks everything. Nobody else may run.
 *
 * @param view - the calling thread's view, which may wait
 */
export function checkMachine(view: MachineView): CheckResult {
  const { kernel } = view;
  const broken = [...kernel.frames.checkInvariants(), ...kernel.reclaimList.checkInvariants()];
  kernel.swap.table.swapLock.lock();
  try {
    broken.push(...checkSwapInvariants(kernel.swap, true));
  } finally {
    kernel.swap.table.swapLock.unlock();
  }
  broken.push(...checkVmInvariants(kernel.core.cells, kernel.vm, kernel.frames, kernel.swap));
  const drift: string[] = [];
  for (const device of ramzswapOf(view).devices) {
    const walk = walkTable(device);
    broken.push(...walk.problems);
    drift.push(...statDrift(device, walk));
  }
  return { broken, drift };
}
