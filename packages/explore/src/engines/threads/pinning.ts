/**
 * Pinning: all threads of a group on one core, under a scheduling class that lets whoever wakes another go on.
 *
 * Of a group one thread runs at a time, so a second core only makes each hand-over a wake-up of a sleeping core; and under the ordinary class
 * the woken thread takes the core from the one that wakes it, before that has gone to sleep itself. On one core and under SCHED_BATCH a
 * hand-over costs a half or less. Both are done by the tools of util-linux, need no privilege, and are left out without a word where they are
 * missing: a group is slower then, not different.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Ids of the threads of this process now; empty where there is no /proc. */
export function threadIds(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [];
  }
}

/**
 * Puts threads on one core.
 * @param ids - from {@link threadIds}
 * @param group - number of their group: groups are spread over the cores
 * @returns whether they are there now
 */
export function pinThreads(ids: readonly number[], group: number): boolean {
  const core = allowedCores()[group % Math.max(1, allowedCores().length)] ?? 0;
  let pinned = ids.length > 0;
  for (const id of ids) {
    pinned = runTool('taskset', ['-cp', String(core), String(id)]) && pinned;
    runTool('chrt', ['-b', '-p', '0', String(id)]);
  }
  return pinned;
}

/** Numbers of the cores this process may use. */
export function allowedCores(): number[] {
  const told = spawnSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' });
  const list = /: ([\d,-]+)\s*$/.exec(told.status === 0 ? told.stdout : '')?.[1];
  if (list === undefined) return Array.from({ length: availableParallelism() }, (_, core) => core);
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function runTool(tool: string, args: readonly string[]): boolean {
  return spawnSync(tool, args, { stdio: 'ignore' }).status === 0;
}
