/**
 * Invariants between address spaces, swap cache and swap map (I11 to I14 of the reference model), for moments when nobody runs.
 *
 * Promise: reads only; takes no locks; each sentence names what disagrees with which values.
 */
import type { Frames } from '../page/frames.js';
import { PAGE } from '../page/page.js';
import { isSwapPte, pteToSwpEntry, type SwapEntry } from '../swap/entries.js';
import { SWAP_HAS_CACHE } from '../swap/info.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import { PTE_PRESENT } from './address-spaces.js';
import type { Vm } from './vm.js';

/** Most sentences of one check; a broken machine would otherwise fill the screen. */
const SENTENCES_MAX = 20;

/**
 * Walks all page tables and compares them with frames, swap cache and swap maps.
 * @param cells - the caller's accessors
 * @param vm - the caller's view
 * @param frames - the page frames
 * @param swap - the swap core
 * @returns sentences; empty when all is well
 */
export function checkVmInvariants(cells: Cells, vm: Vm, frames: Frames, swap: SwapCore): string[] {
  const broken = vm.cache.checkInvariants();
  const users = new Map<SwapEntry, number>();
  let mapped = 0;
  for (const mm of vm.spaces.list()) {
    const info = vm.spaces.info(mm);
    let present = 0;
    let swapped = 0;
    for (let vpn = 0; vpn < info.pages; vpn++) {
      const pte = vm.spaces.pte(mm, vpn);
      if ((pte & PTE_PRESENT) !== 0) {
        present++;
        const page = vm.spaces.pageOf(pte);
        if (cells.ld32(page + PAGE.mapping) !== mm || cells.ld32(page + PAGE.index) !== vpn) {
          broken.push(
            `virtual page ${vpn} maps frame ${frames.frameNumber(page)}, which does not lead back to it`,
          );
        }
        if (cells.ld32(page + PAGE.mapcount) !== 1)
          broken.push(`frame ${frames.frameNumber(page)} is mapped once but counts otherwise`);
      } else if (isSwapPte(pte)) {
        swapped++;
        const entry = pteToSwpEntry(pte);
        users.set(entry, (users.get(entry) ?? 0) + 1);
      }
    }
    mapped += present;
    if (present !== info.rss)
      broken.push(`an address space has ${present} pages present but counts ${info.rss}`);
    if (swapped !== info.swapents)
      broken.push(`an address space has ${swapped} swap entries but counts ${info.swapents}`);
  }
  const { charged } = frames.info();
  if (mapped > charged) broken.push(`${mapped} pages are mapped, but only ${charged} are charged`);
  for (const [entry, count] of users) {
    const byte = swap.table.mapByte(entry);
    if ((byte & ~SWAP_HAS_CACHE) !== count) {
      broken.push(
        `swap entry 0x${entry.toString(16)} has ${count} user(s) in page tables, but its map byte is 0x${byte.toString(16)}`,
      );
    }
  }
  if (vm.reclaim.isolatedPages() !== 0)
    broken.push(`${vm.reclaim.isolatedPages()} pages are off the reclaim list although nobody reclaims`);
  return broken.slice(0, SENTENCES_MAX);
}
