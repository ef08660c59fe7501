/**
 * The machines of the museum: as small as they can be, since all of their state is put back after every schedule.
 *
 * Promise: a deliberately wrong variant goes where it belongs, into the driver or into the kernel, and nothing else about the machine depends on
 * it: the sound form of a scenario is the same machine with the same sizes.
 */
import { PAGE_SIZE, type CreateMachineOptions } from '@swaplab/kernel-mm';
import { DRIVER_VARIANTS, ramzswap } from '@swaplab/ramzswap';

/** What scenarios want to be different. */
export interface MachineShape {
  /** Page frames; 20 by default, at least 16. */
  readonly frames?: number;
  /** Disks of compressed RAM; 1 by default. */
  readonly disks?: number;
  /** Pages of each disk, the header included: so one slot less; 6 by default, at least 2. */
  readonly diskPages?: number;
  /** Most processes at one time; 1 by default. */
  readonly addressSpaces?: number;
  /** Pages for swap maps, page tables and the tables of disks; 8 by default. */
  readonly tablePages?: number;
  /** Whether the disks are ready for use; true by default. */
  readonly initialise?: boolean;
}

/** The least there can be. */
const TRACE_RECORDS = 32;
const MAX_SWAPFILES = 29;

/**
 * A machine for a scenario. Pages are stored as they are: what is explored is who stores them when, not how.
 * @param variants - deliberately wrong variants of the driver and of the kernel, by their names
 * @param shape - what is to be different
 */
export function machineFor(variants: readonly string[], shape: MachineShape = {}): CreateMachineOptions {
  const ofDriver = variants.filter((id) => isDriverVariant(id));
  const ofKernel = variants.filter((id) => !isDriverVariant(id));
  const driver = ramzswap({
    disks: shape.disks ?? 1,
    diskBytes: (shape.diskPages ?? 6) * PAGE_SIZE,
    codec: 'none',
    initialise: shape.initialise ?? true,
    variants: ofDriver,
  });
  return {
    ramBytes: (shape.frames ?? 20) * PAGE_SIZE,
    tableBytes: (shape.tablePages ?? 8) * PAGE_SIZE,
    addressSpaces: shape.addressSpaces ?? 1,
    maxSwapfiles: MAX_SWAPFILES,
    traceRecords: TRACE_RECORDS,
    ramDisks: [],
    variants: ofKernel,
    drivers: [driver],
  };
}

function isDriverVariant(id: string): boolean {
  return DRIVER_VARIANTS.some((variant) => variant.id === id);
}
