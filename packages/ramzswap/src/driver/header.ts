/**
 * The swap header that INIT puts in slot 0, so that swapon works at once and no mkswap is needed.
 */
import { EINVAL, PAGE_SIZE, type Arena } from '@swaplab/kernel-mm';
import type { BackingSwap } from './backing.js';

const MAGIC = 'SWAPSPACE2';
const VERSION = 1;

/** Where things stand in a header, in bytes. @kernel union swap_header in include/linux/swap.h, 2.6.34 */
const VERSION_OFFSET = 1024;
const LAST_PAGE_OFFSET = 1028;
const NR_BADPAGES_OFFSET = 1032;
const MAGIC_OFFSET = PAGE_SIZE - MAGIC.length;

/**
 * Writes a header without bad pages, UUID or label. @kernel setup_swap_header in ramzswap_drv.c, 2.6.34
 * @param arena - this thread's views
 * @param address - of a zeroed page frame, which nobody else uses yet
 * @param lastPage - number of the last page of the disk
 */
export function writeFakeSwapHeader(arena: Arena, address: number, lastPage: number): void {
  arena.i32[(address + VERSION_OFFSET) >> 2] = VERSION;
  arena.i32[(address + LAST_PAGE_OFFSET) >> 2] = lastPage;
  for (let index = 0; index < MAGIC.length; index++)
    arena.u8[address + MAGIC_OFFSET + index] = MAGIC.charCodeAt(index);
}

/**
 * Writes the header of a device: that of its backing swap with another size, or a fake one. One that is no header is copied as it is, so that
 * swapon refuses it. @kernel setup_swap_header in ramzswap_drv.c, 2.6.34
 * @param arena - this thread's views
 * @param address - of a zeroed page frame, which nobody else uses yet
 * @param lastPage - number of the last page of the disk
 * @param backing - of the device
 * @returns 0; -EINVAL when the backing swap has bad pages; what reading it answers
 */
export function writeSwapHeader(
  arena: Arena,
  address: number,
  lastPage: number,
  backing: BackingSwap,
): number {
  if (backing.bdev() === 0) {
    writeFakeSwapHeader(arena, address, lastPage);
    return 0;
  }
  const error = backing.readHeader(address);
  if (error !== 0) return error;
  if (arena.i32[(address + NR_BADPAGES_OFFSET) >> 2] !== 0) return -EINVAL;
  arena.i32[(address + LAST_PAGE_OFFSET) >> 2] = lastPage;
  return 0;
}
