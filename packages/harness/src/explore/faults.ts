/**
 * The kinds of faults a schedule may have, as they are typed.
 */
import { FAULT_NAMES, faultMask, type FaultName } from '@swaplab/explore';

import { UsageError } from '../errors.js';
import { allowedNames } from './words.js';

/** Every set of kinds, as bits: what a token may have been found with. */
export const FAULT_MASKS: readonly number[] = Array.from({ length: 1 << FAULT_NAMES.length }, (_, set) =>
  faultMask(FAULT_NAMES.filter((_name, index) => ((set >>> index) & 1) !== 0)),
);

/**
 * Kinds of faults as bits.
 *
 * @param names - as they were typed
 * @throws UsageError for a name that is none
 */
export function typedFaults(names: readonly string[]): number {
  for (const name of names) {
    if (!FAULT_NAMES.some((known) => known === name))
      throw new UsageError(`fault "${name}" is not known; ${allowedNames(name, FAULT_NAMES)}`);
  }
  return faultMask(names as readonly FaultName[]);
}
