/**
 * Invariants between address spaces, swap cache and swap map (I11 to I14 of the reference model), for moments when nobody runs.
 *
 * Promise: reads only; takes no locks; each sentence names what disagrees with which values. Slots of shmem, and slots taken by type, have
 * users outside the page tables: with those the sentences about users do not hold.
 */
import type { Frames } from '../page/frames.js';
import { PAGE } from '../page/page.js';
import { isSwapPte, pteToSwpEntry, swpEntry, type SwapEntry } from '../swap/entries.js';
import {
  COUNT_CONTINUED,
  SWAP_HAS_CACHE,
  SWAP_INFO,
  SWAP_MAP_BAD,
  SWP_USED,
  swapCount,
} from '../swap/info.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import { PTE_PRESENT, PTE_WRITABLE } from './mm.js';
import type { Vm } from './vm.js';

/** Most sentences of one check; a broken machine would otherwise fill the screen. */
const SENTENCES_MAX = 20;

/** What the page tables say. */
interface TableCensus {
  /** Entries that map a page. */
  mapped: number;
  /** Owners of each page: entries that map it. */
  readonly owners: Map<number, number>;
  /** Pages that some entry lets its process write. */
  readonly writable: Set<number>;
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
  const census: TableCensus = { mapped: 0, owners: new Map(), writable: new Set(), users: new Map() };
  const living = vm.spaces.list();
  broken.push(...vm.spaces.families.checkInvariants(living));
  for (const mm of living) checkAddressSpace(cells, vm, frames, mm, census, broken);
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
  const family = vm.spaces.familyOf(mm);
  let present = 0;
  let swapped = 0;
  for (let vpn = 0; vpn < info.pages; vpn++) {
    const pte = vm.spaces.pte(mm, vpn);
    if ((pte & PTE_PRESENT) !== 0) {
      present++;
      const page = vm.spaces.pageOf(pte);
      census.owners.set(page, (census.owners.get(page) ?? 0) + 1);
      if ((pte & PTE_WRITABLE) !== 0) census.writable.add(page);
      if (cells.ld32(page + PAGE.mapping) !== family || cells.ld32(page + PAGE.index) !== vpn) {
        broken.push(
          `virtual page ${vpn} maps frame ${frames.frameNumber(page)}, which does not lead back to it`,
        );
      }
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

/** Each frame counts the page tables that map it, has a reference for each of them, and is written by nobody while it has several owners. */
function checkFrames(cells: Cells, frames: Frames, census: TableCensus, broken: string[]): void {
  let counted = 0;
  for (let frame = 0; frame < frames.frameCount; frame++) {
    const page = frames.pageAt(frame);
    const mapcount = cells.ld32(page + PAGE.mapcount);
    counted += mapcount;
    const owners = census.owners.get(page) ?? 0;
    if (mapcount !== owners)
      broken.push(`frame ${frame} is mapped by ${owners} page table(s) but counts ${mapcount}`);
    if (frames.pageCount(page) < owners)
      broken.push(`frame ${frame} is mapped by ${owners} page table(s) but has fewer references`);
    if (owners > 1 && census.writable.has(page))
      broken.push(`frame ${frame} can be written by one of its ${owners} owners`);
  }
  if (counted !== census.mapped)
    broken.push(`${census.mapped} pages are mapped, but the frames count ${counted} mappings`);
  const { charged } = frames.info();
  if (census.owners.size > charged)
    broken.push(`${census.owners.size} pages are mapped, but only ${charged} are charged`);
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
      const isContinued = (byte & COUNT_CONTINUED) !== 0;
      const count = isContinued ? swap.continuations.countOf(area, offset) : swapCount(byte);
      if (count !== (users ?? 0)) {
        broken.push(
          `swap entry 0x${entry.toString(16)} has ${users ?? 0} user(s) in page tables, but its map byte is 0x${byte.toString(16)}${isContinued ? ` and its whole count ${count}` : ''}`,
        );
      }
      if (users !== undefined && census.writable.has(vm.cache.peek(entry)))
        broken.push(
          `the page of swap entry 0x${entry.toString(16)} can be written although the slot has ${users} user(s)`,
        );
      if ((byte & SWAP_HAS_CACHE) !== 0 && vm.cache.peek(entry) === 0)
        broken.push(
          `the slot of swap entry 0x${entry.toString(16)} says it is cached, but the cache has no page`,
        );
    }
  }
  if (met !== census.users.size)
    broken.push(`${census.users.size - met} swap entries in page tables name slots of no area in use`);
}
