/**
 * How much the threads of a run measure: by the clock they all share.
 */
import type { AttachOptions } from '@swaplab/kernel-mm';

import { clockNs } from './control.js';

/** The part of a task that says so. */
export interface Measured {
  readonly lockStats: boolean;
  /** Whether the events of the machine go into a trace; false when left out. */
  readonly traced?: boolean;
}

/**
 * The options with which a thread of a run attaches, as far as measuring goes.
 *
 * @param task - of the thread
 */
export function measuring(task: Measured): Pick<AttachOptions, 'clock' | 'lockStats' | 'lockEvents'> {
  const { lockStats, traced = false } = task;
  return { clock: lockStats || traced ? clockNs : null, lockStats, lockEvents: traced };
}
