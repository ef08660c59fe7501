/**
 * The swap header that INIT puts in slot 0, so that swapon works at once and no mkswap is needed.
 */
import { PAGE_SIZE, type Arena } from '@swaplab/kernel-mm';

const MAGIC = 'SWAPSPACE2';
const VERSION = 1;

/** Where things stand in a header, in bytes. @kernel union swap_header in include/linux/swap.h, 2.6.34 */
const VERSION_OFFSET = 1024;
const LAST_PAGE_OFFSET = 1028;
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
