/**
 * A summary of the map of an area, so that searches need not touch every byte of it.
 *
 * Promise: a search through the summary finds the slot that the plain search through the bytes finds. Under `swap_lock` the summary says exactly
 * what the map says, because every byte is written by {@link SlotSummaries.setMapByte} and {@link SlotSummaries.fillMap}. Who reads it without
 * the lock gets a hint, as whoever reads the bytes without it, and looks again under the lock.
 *
 * A summary is a bitmap tree with 32 branches. At the bottom, for 32 slots, are a word of those that are free and a word of those that only the
 * swap cache holds. One level up, for 32 such groups, are three words: which of them have a free slot, which are wholly free, and which have a
 * slot of the cache. On top the same again: which of 32 words one level down are not 0. A million slots have 32 entries there.
 *
 * 256 free slots in a row need not be aligned, but hold at least 7 groups that are wholly free, and these are searched from above.
 *
 * A summary is made by swapon while nobody can see the area and given back by swapoff when nobody is left in it. It is not part of the
 * original: where there is no room for one, the area goes without, and is searched byte by byte.
 */
import { struct } from '../arena/struct.js';
import type { Vmalloc } from '../page/vmalloc.js';
import type { Cells } from '../sync/cells.js';
import {
  SWAP_HAS_CACHE,
  SWAP_INFO,
  SWAP_MAP_BAD,
  swapCount,
  SWAPFILE_CLUSTER,
  type SwapTable,
} from './info.js';

/** What a summary begins with; the groups follow. */
const SUMMARY_HEAD = struct('slot_summary', {
  /** Indices of the first words of the two upper levels in the arena. */
  middle: 'u32',
  top: 'u32',
});

// What follows are numbers of words, or places in words. An imported constant is loaded and checked at each use, one of this module is not.

const MIDDLE = SUMMARY_HEAD.middle >> 2;
const TOP = SUMMARY_HEAD.top >> 2;
const HEAD_WORDS = SUMMARY_HEAD.$bytes >> 2;
const SUMMARY_OF = SWAP_INFO.freeSlots >> 2;

/** At the bottom: two words for 32 slots. */
const GROUP_WORDS = 2;
const FREE = 0;
const CACHED = 1;

/** On the upper levels: three words, and one to spare. */
const UPPER_WORDS = 4;
const SOME_FREE = 0;
const ALL_FREE = 1;
const SOME_CACHED = 2;

const WHOLE = -1;
const CLUSTER_SLOTS = SWAPFILE_CLUSTER;
/** Whole groups in any run of the length of a cluster, at least; {@link SlotSummaries.findRun} knows that they are 7. */
const CLUSTER_GROUPS = CLUSTER_SLOTS / 32 - 1;
/** So many groups that are wholly free are a run, with what is free behind them also when the search begins inside of the first of them. */
const GROUPS_ENOUGH = CLUSTER_SLOTS / 32;
const CACHE_ONLY = SWAP_HAS_CACHE;

/** Entries of each level for an area. */
interface SummaryShape {
  readonly groups: number;
  readonly middle: number;
  readonly top: number;
  readonly bytes: number;
}

function shapeOf(slots: number): SummaryShape {
  const groups = Math.ceil(slots / 32);
  const middle = Math.ceil(groups / 32);
  const top = Math.ceil(middle / 32);
  // One more group and one more above it: a search may look at what lies behind the last slots.
  const words = HEAD_WORDS + GROUP_WORDS * (groups + 1) + UPPER_WORDS * (middle + 1 + top);
  return { groups, middle, top, bytes: 4 * words };
}

/**
 * Size of the summary of an area.
 * @param slots - of the area, the header included
 * @returns bytes of table memory
 */
export function summaryBytes(slots: number): number {
  return shapeOf(slots).bytes;
}

/** Place of the lowest bit of a word that is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** The summaries of all areas, and the writing of map bytes. One per thread. */
export class SlotSummaries {
  readonly table: SwapTable;
  readonly vmalloc: Vmalloc;
  /** Whether areas get a summary. */
  readonly enabled: boolean;
  private readonly cells: Cells;
  private readonly i32: Int32Array;

  /**
   * @param table - the areas
   * @param vmalloc - where summaries come from
   * @param enabled - whether areas get one
   */
  constructor(table: SwapTable, vmalloc: Vmalloc, enabled: boolean) {
    this.table = table;
    this.vmalloc = vmalloc;
    this.enabled = enabled;
    this.cells = table.cells;
    this.i32 = table.cells.arena.i32;
  }

  /**
   * Makes the summary of an area nobody can see yet, if there is room for it. May sleep.
   * @param area - address of the area, its `max` set
   * @param map - address of its map, bad slots marked
   */
  create(area: number, map: number): void {
    if (!this.enabled) return;
    const { cells, i32 } = this;
    const slots = cells.ldu32(area + SWAP_INFO.max);
    const shape = shapeOf(slots);
    const address = this.vmalloc.vmalloc(shape.bytes);
    cells.st32(area + SWAP_INFO.freeSlots, address);
    if (address === 0) return;
    cells.announce(map);
    const head = address >> 2;
    const groups = head + HEAD_WORDS;
    const middle = groups + GROUP_WORDS * (shape.groups + 1);
    i32[head + MIDDLE] = middle;
    i32[head + TOP] = middle + UPPER_WORDS * (shape.middle + 1);
    for (let group = 0; group < shape.groups; group++) {
      const word = groups + GROUP_WORDS * group;
      i32[word + FREE] = this.readGroup(map, slots, group, 0);
      i32[word + CACHED] = this.readGroup(map, slots, group, CACHE_ONLY);
      if (i32[word + FREE] !== 0) this.raise(head, group, SOME_FREE);
      if (i32[word + FREE] === WHOLE) this.raise(head, group, ALL_FREE);
      if (i32[word + CACHED] !== 0) this.raise(head, group, SOME_CACHED);
    }
  }

  /**
   * Gives the summary of an area back. May sleep; nobody is left in the area.
   * @param area - address of an area that is being switched off
   */
  destroy(area: number): void {
    const { cells } = this;
    const address = cells.ldu32(area + SWAP_INFO.freeSlots);
    cells.st32(area + SWAP_INFO.freeSlots, 0);
    this.vmalloc.vfree(address);
  }

  /**
   * Whether an area has a summary to be searched. `swap_lock` held, or the caller is counted as scanning the area.
   * @param area - address of the area
   */
  areKept(area: number): boolean {
    return this.enabled && this.i32[(area >> 2) + SUMMARY_OF] !== 0;
  }

  /**
   * Writes the map byte of a slot. `swap_lock` held.
   * @param area - address of the area
   * @param map - address of its map
   * @param offset - the slot
   * @param before - the byte as it is
   * @param after - the byte as it shall be
   */
  setMapByte(area: number, map: number, offset: number, before: number, after: number): void {
    this.cells.st8(map + offset, after);
    if (this.enabled) this.note(area, offset, before, after);
  }

  /**
   * Writes the map bytes of a number of slots, which are all equal. `swap_lock` held.
   * @param area - address of the area
   * @param map - address of its map
   * @param first - the first slot
   * @param count - of slots
   * @param before - each byte as it is
   * @param after - each byte as it shall be
   */
  fillMap(area: number, map: number, first: number, count: number, before: number, after: number): void {
    this.cells.announce(map + first);
    this.cells.arena.u8.fill(after, map + first, map + first + count);
    if (!this.enabled) return;
    for (let offset = first; offset < first + count; offset++) this.note(area, offset, before, after);
  }

  /**
   * The first run of {@link SWAPFILE_CLUSTER} free slots. The area has a summary; `swap_lock` held, or the answer is a hint.
   * @param area - address of the area
   * @param first - slot where the run may begin
   * @param last - slot where it must have ended; nothing is searched when it is below `first`
   * @returns its first slot, or 0
   */
  findRun(area: number, first: number, last: number): number {
    const { i32 } = this;
    const head = this.headOf(area);
    const groups = head + HEAD_WORDS;
    const lastGroup = last >>> 5;
    let group = first >>> 5;
    while (first + CLUSTER_SLOTS - 1 <= last) {
      group = this.nextRow(head, group, lastGroup);
      if (group < 0) break;
      let end = group + CLUSTER_GROUPS;
      while (end - group < GROUPS_ENOUGH && i32[groups + GROUP_WORDS * end + FREE] === WHOLE) end++;
      // What is free just before and behind the whole groups belongs to the run. The first group of an area is never whole: slot 0 is bad.
      const before = Math.clz32(~(i32[groups + GROUP_WORDS * (group - 1) + FREE] ?? 0));
      const behind = ~(i32[groups + GROUP_WORDS * end + FREE] ?? 0);
      const start = Math.max(first, 32 * group - before);
      const stop = Math.min(last + 1, 32 * end + (behind === 0 ? 32 : lowestBit(behind)));
      if (stop - start >= CLUSTER_SLOTS) return start;
      group = end;
    }
    return 0;
  }

  /**
   * The lowest slot of a range that is free, or that only the swap cache holds. The area has a summary; `swap_lock` held, or the answer is a hint.
   * @param area - address of the area
   * @param first - slot
   * @param last - slot; nothing is searched when it is below `first`
   * @param orCached - whether slots that only the cache holds count
   * @returns the slot, or 0
   */
  findCandidate(area: number, first: number, last: number, orCached: boolean): number {
    if (first > last) return 0;
    const head = this.headOf(area);
    const free = this.nextSlot(head, first, last, FREE, SOME_FREE);
    if (!orCached) return free;
    const cached = this.nextSlot(head, first, free === 0 ? last : free - 1, CACHED, SOME_CACHED);
    return cached === 0 ? free : cached;
  }

  /**
   * The lowest slot of a range that is in use. The area has a summary; `swap_lock` held, or the answer is a hint.
   * @param area - address of the area
   * @param map - address of its map
   * @param first - slot
   * @param last - slot; nothing is searched when it is below `first`
   * @returns the slot, or 0
   */
  findInUse(area: number, map: number, first: number, last: number): number {
    const { u8 } = this.cells.arena;
    const head = this.headOf(area);
    let slot = this.nextTaken(head, first, last);
    while (slot !== 0 && swapCount(u8[map + slot] ?? 0) === SWAP_MAP_BAD)
      slot = this.nextTaken(head, slot + 1, last);
    return slot;
  }

  /**
   * What is wrong with the summary of an area. `swap_lock` held.
   * @param area - address of an area with a map
   * @returns the end of a sentence about the area; `''` when all is well, or when it has no summary
   */
  complaintAbout(area: number): string {
    if (!this.areKept(area)) return '';
    const { cells, i32 } = this;
    const map = cells.ldu32(area + SWAP_INFO.swapMap);
    const slots = cells.ldu32(area + SWAP_INFO.max);
    const shape = shapeOf(slots);
    const head = this.headOf(area);
    const groups = head + HEAD_WORDS;
    const middle = i32[head + MIDDLE] ?? 0;
    const top = i32[head + TOP] ?? 0;
    for (let group = 0; group < shape.groups; group++) {
      const free = i32[groups + GROUP_WORDS * group + FREE] ?? 0;
      const cached = i32[groups + GROUP_WORDS * group + CACHED] ?? 0;
      const where = `of slots ${32 * group} to ${32 * group + 31}`;
      if (free !== this.readGroup(map, slots, group, 0))
        return `has a summary that is wrong about which ${where} are free`;
      if (cached !== this.readGroup(map, slots, group, CACHE_ONLY))
        return `has a summary that is wrong about which ${where} only the cache holds`;
      if (this.isRaised(middle, group, SOME_FREE) !== (free !== 0))
        return `has a summary that is wrong about whether one ${where} is free`;
      if (this.isRaised(middle, group, ALL_FREE) !== (free === WHOLE))
        return `has a summary that is wrong about whether each ${where} is free`;
      if (this.isRaised(middle, group, SOME_CACHED) !== (cached !== 0))
        return `has a summary that is wrong about whether only the cache holds one ${where}`;
    }
    for (let index = 0; index < shape.middle; index++) {
      for (const field of [SOME_FREE, ALL_FREE, SOME_CACHED]) {
        if (this.isRaised(top, index, field) !== (i32[middle + UPPER_WORDS * index + field] !== 0))
          return `has a summary whose top is wrong about slots ${1024 * index} to ${1024 * index + 1023}`;
      }
    }
    return '';
  }

  /** A map byte has changed. */
  private note(area: number, offset: number, before: number, after: number): void {
    const { i32 } = this;
    const head = (i32[(area >> 2) + SUMMARY_OF] ?? 0) >>> 2;
    if (head === 0 || before === after) return;
    const group = offset >>> 5;
    const word = head + HEAD_WORDS + GROUP_WORDS * group;
    const bit = 1 << (offset & 31);
    if (before === 0 || after === 0) {
      const was = i32[word + FREE] ?? 0;
      const is = after === 0 ? was | bit : was & ~bit;
      i32[word + FREE] = is;
      if (was === WHOLE) this.lower(head, group, ALL_FREE);
      else if (is === WHOLE) this.raise(head, group, ALL_FREE);
      if (is === 0) this.lower(head, group, SOME_FREE);
      else if (was === 0) this.raise(head, group, SOME_FREE);
    }
    if (before === CACHE_ONLY || after === CACHE_ONLY) {
      const was = i32[word + CACHED] ?? 0;
      const is = after === CACHE_ONLY ? was | bit : was & ~bit;
      i32[word + CACHED] = is;
      if (is === 0) this.lower(head, group, SOME_CACHED);
      else if (was === 0) this.raise(head, group, SOME_CACHED);
    }
  }

  /** Sets the bit of a group on the middle level, and of its word on the top. */
  private raise(head: number, group: number, field: number): void {
    const { i32 } = this;
    const word = (i32[head + MIDDLE] ?? 0) + UPPER_WORDS * (group >>> 5) + field;
    const bits = i32[word] ?? 0;
    i32[word] = bits | (1 << (group & 31));
    if (bits !== 0) return;
    const above = (i32[head + TOP] ?? 0) + UPPER_WORDS * (group >>> 10) + field;
    i32[above] = (i32[above] ?? 0) | (1 << ((group >>> 5) & 31));
  }

  /** Clears the bit of a group on the middle level, and of its word on the top when that was the last. */
  private lower(head: number, group: number, field: number): void {
    const { i32 } = this;
    const word = (i32[head + MIDDLE] ?? 0) + UPPER_WORDS * (group >>> 5) + field;
    const bits = (i32[word] ?? 0) & ~(1 << (group & 31));
    i32[word] = bits;
    if (bits !== 0) return;
    const above = (i32[head + TOP] ?? 0) + UPPER_WORDS * (group >>> 10) + field;
    i32[above] = (i32[above] ?? 0) & ~(1 << ((group >>> 5) & 31));
  }

  /** Whether the bit of a group, or of a word, is set one level up. */
  private isRaised(row: number, index: number, field: number): boolean {
    const bits = this.i32[row + UPPER_WORDS * (index >>> 5) + field] ?? 0;
    return ((bits >>> (index & 31)) & 1) !== 0;
  }

  /** The lowest slot of a range whose bit is set at the bottom; 0 for none. */
  private nextSlot(head: number, first: number, last: number, field: number, upper: number): number {
    const { i32 } = this;
    const groups = head + HEAD_WORDS + field;
    const lastGroup = last >>> 5;
    let group = first >>> 5;
    let bits = (i32[groups + GROUP_WORDS * group] ?? 0) & (WHOLE << (first & 31));
    while (bits === 0) {
      group = this.nextGroup(head, group + 1, lastGroup, upper);
      if (group < 0) return 0;
      bits = i32[groups + GROUP_WORDS * group] ?? 0;
    }
    const found = 32 * group + lowestBit(bits);
    return found <= last ? found : 0;
  }

  /** The lowest slot of a range that is not free: in use, or bad; 0 for none. */
  private nextTaken(head: number, first: number, last: number): number {
    const { i32 } = this;
    const groups = head + HEAD_WORDS;
    const lastGroup = last >>> 5;
    let bits = WHOLE << (first & 31);
    for (let group = first >>> 5; first <= last && group <= lastGroup; group++) {
      bits &= ~(i32[groups + GROUP_WORDS * group + FREE] ?? 0);
      if (bits !== 0) {
        const found = 32 * group + lowestBit(bits);
        return found <= last ? found : 0;
      }
      bits = WHOLE;
      group = this.lastOfFree(head, group);
    }
    return 0;
  }

  /** The lowest group of a range whose bit is set on the middle level; -1 for none. */
  private nextGroup(head: number, first: number, last: number, field: number): number {
    const { i32 } = this;
    const middle = (i32[head + MIDDLE] ?? 0) + field;
    let index = first >>> 5;
    let bits = (i32[middle + UPPER_WORDS * index] ?? 0) & (WHOLE << (first & 31));
    while (bits === 0) {
      index = this.nextWord(head, index + 1, last >>> 5, field);
      if (index < 0) return -1;
      bits = i32[middle + UPPER_WORDS * index] ?? 0;
    }
    const found = 32 * index + lowestBit(bits);
    return found <= last ? found : -1;
  }

  /** The first of {@link CLUSTER_GROUPS} groups in a row that are wholly free and of which the first lies in a range; -1 for none. */
  private nextRow(head: number, first: number, last: number): number {
    const { i32 } = this;
    const middle = (i32[head + MIDDLE] ?? 0) + ALL_FREE;
    let index = first >>> 5;
    let wanted = WHOLE << (first & 31);
    for (;;) {
      // A bit is kept where 2, then 4, then 7 bits in a row are set, the last ones perhaps in the next word.
      const bits = i32[middle + UPPER_WORDS * index] ?? 0;
      const next = i32[middle + UPPER_WORDS * (index + 1)] ?? 0;
      const next2 = next & (next >>> 1);
      const next4 = next2 & (next2 >>> 2);
      const bits2 = bits & ((bits >>> 1) | (next << 31));
      const bits4 = bits2 & ((bits2 >>> 2) | (next2 << 30));
      const rows = bits4 & ((bits4 >>> 3) | (next4 << 29)) & wanted;
      if (rows !== 0) {
        const found = 32 * index + lowestBit(rows);
        return found <= last ? found : -1;
      }
      index = this.nextWord(head, index + 1, last >>> 5, ALL_FREE);
      if (index < 0) return -1;
      wanted = WHOLE;
    }
  }

  /** The lowest word of a range on the middle level whose bit is set on top; -1 for none. */
  private nextWord(head: number, first: number, last: number, field: number): number {
    if (first > last) return -1;
    const { i32 } = this;
    const top = (i32[head + TOP] ?? 0) + field;
    let index = first >>> 5;
    let bits = (i32[top + UPPER_WORDS * index] ?? 0) & (WHOLE << (first & 31));
    while (bits === 0) {
      if (++index > last >>> 5) return -1;
      bits = i32[top + UPPER_WORDS * index] ?? 0;
    }
    const found = 32 * index + lowestBit(bits);
    return found <= last ? found : -1;
  }

  /** The last group up to which all are wholly free, as far as words of the middle level show it at once. */
  private lastOfFree(head: number, group: number): number {
    const { i32 } = this;
    const middle = (i32[head + MIDDLE] ?? 0) + ALL_FREE;
    let index = (group + 1) >>> 5;
    if (((group + 1) & 31) !== 0) return group;
    while (i32[middle + UPPER_WORDS * index] === WHOLE) index++;
    return 32 * index - 1;
  }

  /** The bits of a group as the map says: which of its bytes have a value. */
  private readGroup(map: number, slots: number, group: number, value: number): number {
    const { u8 } = this.cells.arena;
    const first = 32 * group;
    const end = Math.min(slots, first + 32);
    let bits = 0;
    for (let offset = first; offset < end; offset++)
      if (u8[map + offset] === value) bits |= 1 << (offset & 31);
    return bits;
  }

  /** Index of the first word of a summary. */
  private headOf(area: number): number {
    return (this.i32[(area >> 2) + SUMMARY_OF] ?? 0) >>> 2;
  }
}
