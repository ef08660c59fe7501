/**
 * All deliberately wrong variants of this driver, by name.
 *
 * Promise: one table says what there is. Variants are installed in its order, in every thread that attaches, before the driver is used:
 * `ramzswap({ disks: 1, diskBytes, variants: ['d11'] })` does that. No profile has any of them: what the driver of a version did wrong is in
 * `driver/historical/`, and its faults are listed in `history.ts`.
 */
import { MisuseError, type Kernel } from '@swaplab/kernel-mm';
import type { DriverFunctions } from '../driver/swap-notify.js';
import { installD11 } from './d11.js';
import { installD12 } from './d12.js';
import { installD13 } from './d13.js';

/** What variants are put into: the driver of one thread. */
export interface DriverVariantTarget {
  readonly functions: DriverFunctions;
  readonly kernel: Kernel;
}

/** A deliberately wrong variant of the driver. */
export interface DriverVariant {
  /** Name: `d01` to `d43` for those of the catalogue. */
  readonly id: string;
  /** What is wrong, in one sentence. */
  readonly title: string;
  /** Where it is from. */
  readonly source: string;
  /**
   * Puts the fault into a thread's driver.
   * @param target - to be changed
   */
  install(target: DriverVariantTarget): void;
}

/** The table. */
export const DRIVER_VARIANTS: readonly DriverVariant[] = [
  {
    id: 'd11',
    title: 'The driver hooks every area, also those that are not on its own disks.',
    source: 'patch 2/2 of the RFC of September 2009',
    install: ({ functions }) => installD11(functions),
  },
  {
    id: 'd12',
    title: 'The hook of an area is installed at the first read of a page of it, not at swapon.',
    source: 'the driver of August and September 2009',
    install: ({ functions, kernel }) => installD12(functions, kernel.swap.table),
  },
  {
    id: 'd13',
    title: 'The hook of an area is removed without swap_lock, while another CPU may be about to call it.',
    source: 'set_swap_free_notify of June 2008, which takes no lock',
    install: ({ functions, kernel }) => installD13(functions, kernel.swap.table),
  },
];

/**
 * Checks names of variants.
 * @param ids - as a user gave them
 * @returns the same
 * @throws MisuseError `ERR_INVALID_ARGUMENT` for one that there is not
 */
export function requireDriverVariants(ids: readonly string[]): readonly string[] {
  for (const id of ids) {
    if (DRIVER_VARIANTS.some((variant) => variant.id === id)) continue;
    const choices = DRIVER_VARIANTS.map((variant) => variant.id).join(', ');
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `There is no variant '${id}' of ramzswap; choose from ${choices}.`,
    );
  }
  return ids;
}

/**
 * Puts faults into a thread's driver. Before it is used.
 * @param target - to be changed
 * @param ids - of variants that there are
 */
export function installDriverVariants(target: DriverVariantTarget, ids: readonly string[]): void {
  for (const variant of DRIVER_VARIANTS) if (ids.includes(variant.id)) variant.install(target);
}
