/**
 * c02: lower priorities are used in turns once the highest is full.
 *
 * The second pass over the areas does not compare priorities, yet moves the cursor to the area behind the one it takes. So with a full area
 * above two areas of different priority, these two take turns. @kernel mm/swapfile.c get_swap_page, up to 3.15
 */
import type { SlotAllocator } from '../swap/alloc.js';
import type { SwapCore } from '../swap/swap-core.js';
import { swpEntry, type SwapEntry } from '../swap/entries.js';
import { SWAP_HAS_CACHE, SWAP_INFO } from '../swap/info.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installC02(swap: SwapCore): void {
  swap.allocator.findSlot = findSlotInTurns;
}

/** Replaces `SlotAllocator.findSlot`. */
function findSlotInTurns(this: SlotAllocator): SwapEntry {
  const { table } = this;
  let wrapped = 0;
  let type = table.listNext();
  while (type >= 0 && wrapped < 2) {
    const area = table.infoOf(type);
    let next = table.cells.ld32(area + SWAP_INFO.next);
    if (next < 0 || (wrapped === 0 && this.prioOf(next) !== this.prioOf(type))) {
      next = table.listHead();
      wrapped++;
    }
    if (this.hasFreeSlot(area)) {
      table.setListNext(next);
      const offset = this.scanner.scanSwapMap(area, SWAP_HAS_CACHE);
      if (offset !== 0) return swpEntry(type, offset);
      next = table.listNext();
    }
    type = next;
  }
  return 0;
}
