/**
 * What a watchdog says when no step is done any more.
 */
import type { ScheduleCore } from '../../core/schedule.js';
import { WORD } from '../../core/words.js';
import { GROUP, type GroupWords } from '../group.js';

/** Whom the watchdog looks at. */
export interface Hanging {
  readonly core: ScheduleCore;
  readonly group: GroupWords;
  readonly threads: readonly string[];
  readonly limitMs: number;
  readonly describe: (address: number) => string;
}

/**
 * Names every thread, and what it was about to do as far as that is known: nothing is announced between two decisions.
 * @param hanging - whom the watchdog looks at
 */
export function describeHang(hanging: Hanging): string {
  const seconds = Math.round(hanging.limitMs / 1000);
  const lines = hanging.threads.map((name, thread) => `  ${name} ${stateOf(hanging, thread)}`);
  return `No step was done for ${seconds} s: a thread loops or waits where no point is.\n${lines.join('\n')}`;
}

function stateOf({ core, group, describe }: Hanging, thread: number): string {
  const bit = 1 << thread;
  const { control } = group;
  if ((control[GROUP.OVER]! & bit) !== 0) return 'has ended';
  if ((control[GROUP.BEGUN]! & bit) === 0) return 'has not begun';
  const { kind, object, site } = core.pending(thread);
  const where = site === 0 ? '' : `, site ${site}`;
  const at = kind === 0 ? '' : `kind ${kind} at ${describe(object)}${where}`;
  if (core.state.words[WORD.RUNNING] === thread)
    return `runs, and does not come to a point${at === '' ? '' : `; it was last seen before ${at}`}`;
  return at === '' ? 'stands still' : `stands before ${at}`;
}
