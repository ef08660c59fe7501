/**
 * Invariants between address spaces, swap cache and swap map (I11 to I14 of the reference model), for moments when nobody runs.
 *
 * Promise: reads only; takes no locks; each sentence names what disagrees with which values. Slots of shmem, and slots taken by type, have
 * users outside the page tables: with those the sentences about users do not hold.
 */
import type { Frames } from '../page/frames.js';
import { PAGE } from '../page/page.js';
import { isSwapPte, pteToSwpEntry, swpEntry, type SwapEntry } from '../swap/entries.js';
import { SWAP_HAS_CACHE, SWAP_INFO, SWAP_MAP_BAD, SWP_USED, swapCount } from '../swap/info.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import { PTE_PRESENT } from './address-spaces.js';
import type { Vm } from './vm.js';

/** Most sentences of one check; a broken machine would otherwise fill the screen. */
const SENTENCES_MAX = 20;

/** What the page tables say. */
interface TableCensus {
  /** Pages present. */
  mapped: number;
  /** Page-table entries of each slot. */
  readonly users: Map<SwapEntry, number>;
}

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
  const census: TableCensus = { mapped: 0, users: new Map() };
  for (const mm of vm.spaces.list()) checkAddressSpace(cells, vm, frames, mm, census, broken);
  checkFrames(cells, frames, census, broken);
  checkSlots(cells, vm, swap, census, broken);
  if (vm.reclaim.isolatedPages() !== 0)
    broken.push(`${vm.reclaim.isolatedPages()} pages are off the reclaim list although nobody reclaims`);
  return broken.slice(0, SENTENCES_MAX);
}

/** I14, and that present pages lead back. */
function checkAddressSpace(
  cells: Cells,
  vm: Vm,
  frames: Frames,
  mm: number,
  census: TableCensus,
  broken: string[],
): void {
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
      census.users.set(entry, (census.users.get(entry) ?? 0) + 1);
    }
  }
  census.mapped += present;
  if (present !== info.rss)
    broken.push(`an address space has ${present} pages present but counts ${info.rss}`);
  if (swapped !== info.swapents)
    broken.push(`an address space has ${swapped} swap entries but counts ${info.swapents}`);
}

/** No frame counts a mapping that no page table has. */
function checkFrames(cells: Cells, frames: Frames, census: TableCensus, broken: string[]): void {
  let counted = 0;
  for (let frame = 0; frame < frames.frameCount; frame++)
    counted += cells.ld32(frames.pageAt(frame) + PAGE.mapcount);
  if (counted !== census.mapped)
    broken.push(`${census.mapped} pages are mapped, but the frames count ${counted} mappings`);
  const { charged } = frames.info();
  if (census.mapped > charged)
    broken.push(`${census.mapped} pages are mapped, but only ${charged} are charged`);
}

/** I11 and I13: the byte of each slot, one way and the other. */
function checkSlots(cells: Cells, vm: Vm, swap: SwapCore, census: TableCensus, broken: string[]): void {
  const { table } = swap;
  let met = 0;
  for (let type = 0; type < table.nrSwapfiles(); type++) {
    const area = table.infoOf(type);
    const map = cells.ldu32(area + SWAP_INFO.swapMap);
    if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_USED) === 0 || map === 0) continue;
    const max = cells.ldu32(area + SWAP_INFO.max);
    for (let offset = 1; offset < max; offset++) {
      const byte = cells.ld8(map + offset);
      const entry = swpEntry(type, offset);
      const users = census.users.get(entry);
      if (users !== undefined) met++;
      if (swapCount(byte) === SWAP_MAP_BAD && users === undefined) continue;
      if (swapCount(byte) !== (users ?? 0)) {
        broken.push(
          `swap entry 0x${entry.toString(16)} has ${users ?? 0} user(s) in page tables, but its map byte is 0x${byte.toString(16)}`,
        );
      }
      if ((byte & SWAP_HAS_CACHE) !== 0 && vm.cache.peek(entry) === 0)
        broken.push(
          `the slot of swap entry 0x${entry.toString(16)} says it is cached, but the cache has no page`,
        );
    }
  }
  if (met !== census.users.size)
    broken.push(`${census.users.size - met} swap entries in page tables name slots of no area in use`);
}
