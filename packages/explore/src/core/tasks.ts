/** Sets of tasks as 32 bits: task t is in the set when bit t is set. */

/**
 * The lowest task of a set.
 * @param set - not empty
 */
export function lowestTask(set: number): number {
  return 31 - Math.clz32(set & -set);
}

/**
 * The lowest task after another one, and from the beginning again when there is none: the order of defaults.
 * @param set - not empty
 * @param task - the other one, -1 to begin at the beginning
 */
export function nextTask(set: number, task: number): number {
  const after = task < 0 ? set : set & ~((2 << task) - 1);
  return lowestTask(after === 0 ? set : after);
}

/**
 * A task by its place in a set.
 * @param set - a set of more than `place` tasks
 * @param place - 0 for the lowest
 */
export function taskAt(set: number, place: number): number {
  let rest = set;
  for (let left = place; left > 0; left--) rest &= rest - 1;
  return lowestTask(rest);
}

/** How many tasks are in a set. */
export function countTasks(set: number): number {
  let bits = set - ((set >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
