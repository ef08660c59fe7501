/** Which operations conflict: their order can matter. */
import { POINT_LOAD, POINT_YIELD } from '@swaplab/kernel-mm';

const LOAD = POINT_LOAD;
const YIELD = POINT_YIELD;

/**
 * Whether the order of two operations can matter: both on one object, and not both loads. An operation that is not known yet (kind 0) conflicts
 * with nothing.
 * @param kind - of the one, a `POINT_` constant
 * @param object - of the one
 * @param otherKind - of the other
 * @param otherObject - of the other
 */
export function conflict(kind: number, object: number, otherKind: number, otherObject: number): boolean {
  if (object !== otherObject || kind === 0 || otherKind === 0) return false;
  if (kind === LOAD && otherKind === LOAD) return false;
  return kind !== YIELD && otherKind !== YIELD;
}
