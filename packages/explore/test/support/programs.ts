/** Random small programs, for properties that must hold for all. */
import fc from 'fast-check';
import { add, load, lock, store, unlock, waitFor, wakeUp, type Operation } from './model.js';

const LOCKS = [1, 2];
const CELLS = [10, 11];
const EVENT = 20;

const operation: fc.Arbitrary<readonly Operation[]> = fc.oneof(
  fc.constantFrom(...CELLS).map((cell) => [load(cell)]),
  fc.constantFrom(...CELLS).map((cell) => [store(cell)]),
  fc.constantFrom(...CELLS).map((cell) => [add(cell)]),
  fc.constantFrom(...LOCKS).map((object) => [lock(object), unlock(object)]),
  fc
    .tuple(fc.constantFrom(...LOCKS), fc.constantFrom(...CELLS))
    .map(([object, cell]) => [lock(object), load(cell), unlock(object)]),
  fc.constant([lock(1), lock(2), unlock(2), unlock(1)]),
  fc.constant([lock(2), lock(1), unlock(1), unlock(2)]),
  fc.constant([waitFor(EVENT)]),
  fc.constant([wakeUp(EVENT)]),
);

/**
 * Programs of two or three tasks.
 * @param most - the most points that all tasks have together
 */
export function programs(most: number): fc.Arbitrary<Operation[][]> {
  return fc
    .array(
      fc.array(operation, { maxLength: 3 }).map((parts) => parts.flat()),
      { minLength: 2, maxLength: 3 },
    )
    .filter((tasks) => tasks.reduce((sum, task) => sum + task.length, 0) <= most);
}
