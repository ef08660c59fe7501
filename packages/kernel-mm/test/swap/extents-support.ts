/**
 * Areas in several pieces, for tests of extents.
 */
import type { FileExtent } from '#src/block/files.js';
import { swpEntry } from '#src/swap/entries.js';
import type { ExtentShape } from '#src/swap/extents.js';
import { buildSwapHeader } from '#src/swap/header.js';
import { SWAP_EXTENT, SWAP_INFO } from '#src/swap/info.js';
import { createSwapMachine, type SwapMachine } from './machine.js';

/** A machine with one file, which says that it is a swap file of so many slots, the header included. */
export function machineWithFile(
  blockBytes: number,
  extents: readonly FileExtent[],
  slots: number,
): SwapMachine {
  const files = [{ path: '/swapfile', disk: 'ram2', blockBytes, extents }];
  const machine = createSwapMachine({}, () => 0, undefined, undefined, files);
  const header = buildSwapHeader({ lastPage: slots - 1 });
  if (extents[0]?.[0] !== null) machine.writeHeader('/swapfile', header);
  machine.log();
  return machine;
}

/** The blocks of all slots of area 0. */
export function blocksOf(machine: SwapMachine): number[] {
  const blocks: number[] = [];
  for (let slot = 0; slot < machine.field(0, 'max'); slot++)
    blocks.push(machine.swap.extents.mapSwapEntry(swpEntry(0, slot)));
  return blocks;
}

/** Address of an extent of area 0: the first one, or the one `steps` behind it. */
export function extentAt(machine: SwapMachine, steps: number): number {
  let extent = machine.swap.table.infoOf(0) + SWAP_INFO.firstExtent;
  for (let step = 0; step < steps; step++) extent = machine.test.cells.ldu32(extent + SWAP_EXTENT.next);
  return extent;
}

/** An area of three extents out of order on the disk: 4, 8 and 4 slots. */
export const THREE: readonly ExtentShape[] = [
  [0, 4, 50],
  [4, 8, 10],
  [12, 4, 90],
];

export function areaOf(machine: SwapMachine, extents: readonly ExtentShape[], discard = false): number {
  const lastPage = extents.reduce((slots, [, pages]) => slots + pages, 0) - 1;
  return machine.swap.on.swaponWithoutHeader({
    lastPage,
    prio: null,
    nonrot: false,
    random32: 0,
    badpages: [],
    discard,
    extents,
  });
}
