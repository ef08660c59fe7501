/**
 * Somebody who has a disk open and transfers its pages past the swap core, as dd does; and slots that belong to nobody's page table, as those of
 * hibernation do.
 */
import {
  BIO_READ,
  BIO_WRITE,
  GFP_KERNEL,
  SECTORS_PER_PAGE,
  swpOffset,
  type MachineView,
  type SwapEntry,
} from '@swaplab/kernel-mm';
import { ramzswapOf, SoundDevice, TABLE_LOCK } from '@swaplab/ramzswap';

/**
 * The sound device of a disk.
 * @param view - of the calling thread
 * @param index - number of the disk
 */
export function diskOf(view: MachineView, index = 0): SoundDevice {
  const device = ramzswapOf(view).devices[index];
  if (device instanceof SoundDevice) return device;
  return view.kernel.core.context.bug(`There is no disk ${index} with a sound driver.`);
}

/**
 * Reads a page of a disk.
 * @param view - of the calling thread
 * @param slot - page of the disk
 * @param to - byte address of a page frame
 * @param disk - number of the disk
 * @returns 0 or a negative errno
 */
export function readDisk(view: MachineView, slot: number, to: number, disk = 0): number {
  return transfer(view, BIO_READ, slot, to, disk);
}

/**
 * Writes a page of a disk.
 * @param view - of the calling thread
 * @param slot - page of the disk
 * @param from - byte address of a page frame
 * @param disk - number of the disk
 * @returns 0 or a negative errno
 */
export function writeDisk(view: MachineView, slot: number, from: number, disk = 0): number {
  return transfer(view, BIO_WRITE, slot, from, disk);
}

function transfer(view: MachineView, operation: number, slot: number, address: number, disk: number): number {
  const { bios } = view.kernel.block;
  const bio = bios.allocBio(GFP_KERNEL);
  bios.setPage(bio, diskOf(view, disk).bdev(), operation, slot * SECTORS_PER_PAGE, address);
  const error = bios.submitBio(bio);
  bios.freeBio(bio);
  return error;
}

/**
 * Takes a slot of an area.
 * @param view - of the calling thread
 * @param type - of the area
 * @returns the entry, 0 when there is none
 */
export function takeSlot(view: MachineView, type = 0): SwapEntry {
  return view.kernel.swap.allocator.getSwapPageOfType(type);
}

/**
 * Gives a slot back.
 * @param view - of the calling thread
 * @param entry - from {@link takeSlot}
 */
export function freeSlot(view: MachineView, entry: SwapEntry): void {
  view.kernel.swap.counts.swapFree(entry);
}

/**
 * Takes a slot and writes a page there. For set-ups. @quiescent
 * @param view - of the set-up
 * @param address - byte address of the page frame with the page
 * @returns the entry
 */
export function storePage(view: MachineView, address: number): SwapEntry {
  const entry = takeSlot(view);
  if (entry === 0 || writeDisk(view, swpOffset(entry), address) !== 0)
    view.kernel.core.context.bug('The disk of this scenario is too small.');
  return entry;
}

/**
 * How often the device was told that a slot is free; counted together with the slots that share its lock. Reads without a lock.
 * @param view - of the calling thread
 * @param slot - page of the disk
 */
export function notifiedOf(view: MachineView, slot: number): number {
  return view.kernel.core.cells.ld32(diskOf(view).tableLockOf(slot) + TABLE_LOCK.notifyFree);
}
