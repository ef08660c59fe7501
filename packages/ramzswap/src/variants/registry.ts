/**
 * All deliberately wrong variants of this driver, by name.
 *
 * Promise: one table says what there is. Variants are installed in its order, in every thread that attaches, before the driver is used:
 * `ramzswap({ disks: 1, diskBytes, variants: ['d11'] })` does that. No profile has any of them: what the driver of a version did wrong is in
 * `driver/historical/`, and its faults are listed in `history.ts`. Those of them that are here too put one of these faults, and no other, into the
 * sound driver.
 */
import { MisuseError, type Kernel } from '@swaplab/kernel-mm';
import type { RamzswapDevice } from '../driver/device.js';
import { SoundDevice } from '../driver/sound-device.js';
import type { DriverFunctions } from '../driver/swap-notify.js';
import { installD01 } from './d01.js';
import { installD02 } from './d02.js';
import { installD03 } from './d03.js';
import { installD04 } from './d04.js';
import { installD05 } from './d05.js';
import { installD11 } from './d11.js';
import { installD12 } from './d12.js';
import { installD13 } from './d13.js';
import { installD14 } from './d14.js';
import { installD17 } from './d17.js';
import { installD28 } from './d28.js';

/** What variants are put into: the driver of one thread. */
export interface DriverVariantTarget {
  readonly functions: DriverFunctions;
  readonly devices: readonly RamzswapDevice[];
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

/** Puts a fault into each device of the sound driver; the devices of history are as they were. */
function inDevices(
  { devices, kernel }: DriverVariantTarget,
  install: (device: SoundDevice, kernel: Kernel) => void,
): void {
  for (const device of devices) if (device instanceof SoundDevice) install(device, kernel);
}

/** The table. */
export const DRIVER_VARIANTS: readonly DriverVariant[] = [
  {
    id: 'd01',
    title: 'The slot-free callback changes entries and counters without a lock of the driver.',
    source: 'ramzswap 2.6.35, zram 2.6.36 to 3.10; 57ab0485 (2013)',
    install: (target) => inDevices(target, installD01),
  },
  {
    id: 'd02',
    title: 'The slot-free callback takes a lock that sleeps, under swap_lock.',
    source: 'zram 3.11-rc; report of August 2013',
    install: (target) => inDevices(target, installD02),
  },
  {
    id: 'd03',
    title: 'The slot-free callback puts the free off, and forgets it when there is no memory to note it.',
    source: 'zram 3.12 and 3.13; a0c516cbfc (2013)',
    install: (target) => inDevices(target, installD03),
  },
  {
    id: 'd04',
    title: 'A free that was put off is done after the slot was written again.',
    source: 'zram 3.12 without its drain before a write',
    install: (target) => inDevices(target, installD04),
  },
  {
    id: 'd05',
    title: 'The slot-free callback only tries its lock, and gives up when somebody holds it.',
    source: 'zram 5.0 and later; 3c9959e02547 (2018)',
    install: (target) => inDevices(target, installD05),
  },
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
  {
    id: 'd14',
    title: 'A write does not free the old content of its slot, but trusts that a callback did.',
    source: 'ramzswap 2.6.35; found by reading',
    install: (target) => inDevices(target, installD14),
  },
  {
    id: 'd17',
    title:
      'A write frees the old content of its slot without a lock, so a writer and the callback free it twice.',
    source: 'ramzswap 2.6.33 and 2.6.34; found by reading',
    install: (target) => inDevices(target, installD17),
  },
  {
    id: 'd28',
    title: 'RESET frees the table while a request that has passed the gate goes on with it.',
    source: 'ramzswap before 0.6.2, zram up to 4.0; 08eee69fcf6b (2015)',
    install: (target) => inDevices(target, installD28),
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
