/**
 * The invariants of the swap core, I1 to I10 and I15 to I18 of the reference model, as sentences about what is broken.
 *
 * Promise: nothing is changed, and nothing is thrown for a broken invariant: the caller decides. The caller holds `swap_lock`; I6, I8,
 * I10 and I16 are checked only at moments when nobody is inside an allocation, a swapon or a swapoff.
 */
import { isHeldBack } from './clusters.js';
import { checkExtents } from './extents.js';
import {
  COUNT_CONTINUED,
  SWAP_GLOBALS,
  SWAP_INFO,
  SWAP_MAP_BAD,
  SWAP_MAP_SHMEM,
  swapCount,
  SWP_DISCARDABLE,
  SWP_DISCARDING,
  SWP_SCANNING,
  SWP_USED,
  SWP_WRITEOK,
  type SwapTable,
} from './info.js';
import type { SwapCore } from './swap-core.js';

/** What a walk over a map found. */
interface MapCensus {
  inuse: number;
  usable: number;
  lowestFree: number;
  highestFree: number;
}

/**
 * Checks the areas, their list and the totals. `swap_lock` held.
 * @param swap - the swap core
 * @param quiescent - whether nobody is inside an allocation, a swapon or a swapoff
 * @returns one sentence for each broken invariant; empty when all hold
 */
export function checkSwapInvariants(swap: SwapCore, quiescent: boolean): string[] {
  const { table } = swap;
  table.assertLocked('checkSwapInvariants');
  const broken: string[] = [];
  const { cells } = table;
  let writablePages = 0;
  let freePages = 0;
  for (let type = 0; type < table.nrSwapfiles(); type++) {
    const area = table.infoOf(type);
    const flags = cells.ldu32(area + SWAP_INFO.flags);
    if (quiescent && flags >= SWP_SCANNING)
      broken.push(`I16: area ${type} counts ${Math.floor(flags / SWP_SCANNING)} scanning task(s).`);
    const isSearched = cells.ldu32(area + SWAP_INFO.lowestAlloc) !== 0;
    if ((flags & SWP_DISCARDING) !== 0 && (!isSearched || (flags & SWP_DISCARDABLE) === 0))
      broken.push(`I17: area ${type} is discarding, but nobody looks for a cluster to discard.`);
    if ((flags & SWP_USED) === 0 || cells.ldu32(area + SWAP_INFO.swapMap) === 0) continue;
    const pages = cells.ldu32(area + SWAP_INFO.pages);
    const inusePages = cells.ldu32(area + SWAP_INFO.inusePages);
    if ((flags & SWP_WRITEOK) !== 0) {
      writablePages += pages;
      freePages += pages - inusePages;
    } else {
      freePages -= inusePages;
    }
    checkArea(swap, type, (flags & SWP_WRITEOK) !== 0, broken);
  }
  if (table.totalSwapPages() !== writablePages) {
    broken.push(
      `I7: total_swap_pages is ${table.totalSwapPages()}, but the writable areas have ${writablePages} slots.`,
    );
  }
  if (quiescent && table.nrSwapPages() !== freePages) {
    broken.push(`I6: nr_swap_pages is ${table.nrSwapPages()}, but the areas have ${freePages} free slots.`);
  }
  checkList(table, quiescent, broken);
  return broken;
}

function checkArea(swap: SwapCore, type: number, writable: boolean, broken: string[]): void {
  const { table } = swap;
  const { cells } = table;
  const area = table.infoOf(type);
  const census = takeCensus(swap, area, type, broken);
  const pages = cells.ldu32(area + SWAP_INFO.pages);
  const inusePages = cells.ldu32(area + SWAP_INFO.inusePages);
  if (writable) broken.push(...checkExtents(table, type));
  const complaint = swap.summaries.complaintAbout(area);
  if (complaint !== '') broken.push(`area ${type} ${complaint}.`);
  const lowestBit = cells.ldu32(area + SWAP_INFO.lowestBit);
  const highestBit = cells.ldu32(area + SWAP_INFO.highestBit);
  if (inusePages !== census.inuse)
    broken.push(`I1: area ${type} counts ${inusePages} slots in use, but its map has ${census.inuse}.`);
  if (pages !== census.usable)
    broken.push(`I2: area ${type} counts ${pages} usable slots, but its map has ${census.usable}.`);
  if (
    writable &&
    census.lowestFree !== 0 &&
    (census.lowestFree < lowestBit || census.highestFree > highestBit)
  ) {
    broken.push(
      `I3: area ${type} has free slots from ${census.lowestFree} to ${census.highestFree}, beyond its bounds ${lowestBit} to ${highestBit}.`,
    );
  }
  const isFull = inusePages === pages;
  if (isFull && (highestBit !== 0 || lowestBit !== cells.ldu32(area + SWAP_INFO.max))) {
    // A free lowers the bounds before the count; both happen under the lock, so here they agree.
    if (writable) broken.push(`I4: area ${type} is full, but its bounds are ${lowestBit} to ${highestBit}.`);
  }
  if (writable && !isFull && highestBit === 0)
    broken.push(`I4: area ${type} has free slots, but its bounds say it is full.`);
  if (cells.ld8(cells.ldu32(area + SWAP_INFO.swapMap)) !== SWAP_MAP_BAD)
    broken.push(`I5: slot 0 of area ${type} is not marked bad.`);
  const live = (cells.ldu32(area + SWAP_INFO.allocated) - cells.ldu32(area + SWAP_INFO.freed)) >>> 0;
  if (live !== inusePages) {
    broken.push(
      `area ${type}: slots handed out less slots freed make ${live}, but ${inusePages} are in use.`,
    );
  }
}

function takeCensus(swap: SwapCore, area: number, type: number, broken: string[]): MapCensus {
  const { table } = swap;
  const { cells } = table;
  const { u8 } = cells.arena;
  const map = cells.ldu32(area + SWAP_INFO.swapMap);
  const max = cells.ldu32(area + SWAP_INFO.max);
  const census = { inuse: 0, usable: 0, lowestFree: 0, highestFree: 0 };
  for (let offset = 1; offset < max; offset++) {
    const byte = u8[map + offset] ?? 0;
    const count = swapCount(byte);
    if (count === SWAP_MAP_BAD) {
      // Free, but not to be had before its cluster is discarded.
      if (isHeldBack(table, area, offset)) census.usable++;
      continue;
    }
    census.usable++;
    if (byte !== 0) {
      census.inuse++;
      if ((count & COUNT_CONTINUED) !== 0 && count !== SWAP_MAP_SHMEM) {
        const complaint = swap.continuations.complaintAbout(area, offset);
        if (complaint !== '') broken.push(`I15: slot ${offset} of area ${type} ${complaint}.`);
      }
      continue;
    }
    if (census.lowestFree === 0) census.lowestFree = offset;
    census.highestFree = offset;
  }
  return census;
}

function checkList(table: SwapTable, quiescent: boolean, broken: string[]): void {
  const { cells } = table;
  const onList = new Set<number>();
  const automatic: number[] = [];
  let previousPrio = Number.POSITIVE_INFINITY;
  let type = table.listHead();
  while (type >= 0) {
    if (onList.has(type)) {
      broken.push(`I9: the list of areas goes in a circle at area ${type}.`);
      return;
    }
    onList.add(type);
    const prio = cells.ld32(table.infoOf(type) + SWAP_INFO.prio);
    if (prio > previousPrio) {
      broken.push(`I9: area ${type} of priority ${prio} stands behind one of priority ${previousPrio}.`);
    }
    if (prio < 0) automatic.push(prio);
    previousPrio = prio;
    type = cells.ld32(table.infoOf(type) + SWAP_INFO.next);
  }
  for (let index = 0; index < table.nrSwapfiles(); index++) {
    const writable = (cells.ldu32(table.infoOf(index) + SWAP_INFO.flags) & SWP_WRITEOK) !== 0;
    if (writable !== onList.has(index)) {
      broken.push(`I9: area ${index} is ${writable ? 'writable but not' : 'not writable but'} on the list.`);
    }
  }
  const next = table.listNext();
  if (next < 0 !== (onList.size === 0) || (next >= 0 && !onList.has(next))) {
    broken.push(`I9: the cursor of the list stands at area ${next}, which is not on it.`);
  }
  if (quiescent)
    checkAutomaticPriorities(automatic, cells.ld32(table.globals + SWAP_GLOBALS.leastPriority), broken);
}

/** The list is in order, so dense priorities read -1, -2, ... */
function checkAutomaticPriorities(automatic: readonly number[], least: number, broken: string[]): void {
  let expected = -1;
  for (const prio of automatic) {
    if (prio !== expected) broken.push(`I10: an automatic priority is ${prio} where ${expected} is due.`);
    expected--;
  }
  if (least !== -automatic.length) {
    broken.push(
      `I10: the least priority is ${least}, but ${automatic.length} area(s) have an automatic one.`,
    );
  }
}
