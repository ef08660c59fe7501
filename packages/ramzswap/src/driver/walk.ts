/**
 * Walks over the table of a device: what it really holds, and whether counters and pool agree with it.
 *
 * For checkpoints and the end of a run: no lock is taken on the table, so nobody may be at work on the device.
 */
import { PAGE_SIZE } from '@swaplab/kernel-mm';
import { checkPool, freeBlocksOf, type XvObject } from '../xvmalloc/walk.js';
import type { RamzswapDevice } from './device.js';
import { GOOD_COMPRESS_SIZE, RZS_ENTRY, RZS_HEADER, RZS_UNCOMPRESSED, RZS_ZERO } from './places.js';

/** What a walk over the table found. The header slot counts nowhere but in `header`. */
export interface TableWalk {
  /** RAW, COMPRESSED and ZERO slots. */
  readonly stored: number;
  readonly raw: number;
  readonly compressed: number;
  readonly zero: number;
  /** COMPRESSED slots of at most half a page. */
  readonly goodCompress: number;
  /** Sum of the sizes of stored objects in bytes; a RAW slot counts a page, a ZERO slot nothing. */
  readonly comprBytes: number;
  /** Pages of the pool: those with objects, and those that are empty. */
  readonly poolPages: number;
  /** Whether slot 0 still holds the header that INIT made. */
  readonly header: boolean;
  /** What no device may have, one sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/**
 * Walks over the table.
 * @param device - initialised or not; one that is not is empty
 * @param looksAtPool - whether the pool is walked through, too; without, it is taken at its word: for who looks at a device without objects very often
 */
export function walkTable(device: RamzswapDevice, looksAtPool = true): TableWalk {
  const { cells } = device.pool.core;
  const objects: XvObject[] = [];
  const rawPages = new Set<number>();
  const problems: string[] = [];
  let [zero, goodCompress, comprBytes] = [0, 0, 0];
  let header = false;
  const slots = device.slots();
  for (let slot = 0; slot < slots; slot++) {
    const entry = device.entryOf(slot);
    const page = cells.ld32(entry + RZS_ENTRY.page);
    const offset = cells.ld16(entry + RZS_ENTRY.offset);
    const flags = cells.ld8(entry + RZS_ENTRY.flags);
    if (page === 0) {
      if (offset !== 0 || (flags !== 0 && flags !== RZS_ZERO)) {
        problems.push(`Slot ${slot} has no page, but offset ${offset} and flags ${flags}.`);
      }
      if (flags === RZS_ZERO) zero++;
    } else if ((flags & RZS_UNCOMPRESSED) !== 0) {
      if (offset !== 0 || rawPages.has(page))
        problems.push(`Slot ${slot} shares its page, or starts within it.`);
      if ((flags & RZS_HEADER) !== 0) header = true;
      else rawPages.add(page);
    } else {
      if (flags !== 0 || offset < 4)
        problems.push(`Slot ${slot} has an object at offset ${offset} with flags ${flags}.`);
      const bytes = device.pool.objectSize(page, offset);
      comprBytes += bytes;
      if (bytes <= GOOD_COMPRESS_SIZE) goodCompress++;
      objects.push({ page, offset });
    }
  }
  const poolPages = new Set<number>();
  if (slots !== 0 && looksAtPool) {
    for (const object of objects) poolPages.add(object.page);
    for (const block of freeBlocksOf(device.pool)) poolPages.add(block.page);
    problems.push(...checkPool(device.pool, objects));
  }
  return {
    stored: rawPages.size + objects.length + zero,
    raw: rawPages.size,
    compressed: objects.length,
    zero,
    goodCompress,
    comprBytes: comprBytes + rawPages.size * PAGE_SIZE,
    poolPages: looksAtPool ? poolPages.size : device.pool.totalPages(),
    header,
    problems,
  };
}

/**
 * The counters that differ from a walk over the table.
 * @param device - as for {@link walkTable}
 * @param walked - a walk of this moment, if there was one
 * @returns one sentence for each; empty when all are exact
 */
export function statDrift(device: RamzswapDevice, walked?: TableWalk): string[] {
  const walk = walked ?? walkTable(device);
  const stats = device.readStats();
  const counters: readonly (readonly [string, number, number])[] = [
    // Without the pages of RAW slots, which have a counter of their own: each counter is judged by itself.
    [
      'comprDataSize',
      stats.comprDataSize - stats.pagesExpand * PAGE_SIZE,
      walk.comprBytes - walk.raw * PAGE_SIZE,
    ],
    ['pagesStored', stats.pagesStored, walk.raw + walk.compressed],
    ['pagesExpand', stats.pagesExpand, walk.raw],
    ['pagesZero', stats.pagesZero, walk.zero],
    ['goodCompress', stats.goodCompress, walk.goodCompress],
    ['poolPages', stats.poolPages, walk.poolPages],
  ];
  const drift: string[] = [];
  for (const [name, counted, found] of counters) {
    if (counted !== found)
      drift.push(`ramzswap${device.index}: ${name} is ${counted}, but a walk finds ${found}.`);
  }
  return drift;
}
