/**
 * A small pure model of the swap core: what its functions answer and change when nobody else runs. Written from the description of 2.6.34, as
 * simply as can be: counts are plain numbers, lists are arrays, and a slot is found by looking at each in turn.
 *
 * Two forms: the sound one, and the one of 2.6.34, which differs in where the second half of a scan begins (c01) and in how areas of lower
 * priority are chosen (c02). What the form of 2.6.34 does for ever is not done: {@link PureModel.getSwapPage} answers `'endless'`.
 */
import { EEXIST, EINVAL, ENOENT, ENOMEM, EPERM } from '#src/errno.js';
import { BAD, CACHED, CLUSTER, ModelArea, SHMEM, type ModelAreaShape } from './pure-area.js';

/** Types an entry can have, and areas there can be. */
const AREAS_MAX = 30;

/** A slot: `[type, offset]`. */
export type ModelEntry = readonly [number, number];

/** `[type, slot, free slots, slots of the area in use]`, as whoever is told sees it. */
export type ModelFreed = readonly [number, number, number, number];

/** A page of the swap cache. */
export interface ModelPageState {
  locked: boolean;
  writeback: boolean;
  mapped: boolean;
}

/** The model. */
export class PureModel {
  readonly historical: boolean;
  /** By type; null where nothing is on. */
  readonly areas: (ModelArea | null)[] = [];
  /** Types of the writable areas, highest priority first. */
  readonly list: number[] = [];
  /** Type where the next allocation starts, -1 for none. */
  cursor = -1;
  free = 0;
  total = 0;
  leastPriority = 0;
  /** Requests for a page that will fail. */
  failingPages = 0;
  /** Swap cache, by type and offset. */
  readonly cache = new Map<number, ModelPageState>();
  /** What happened in the last call. */
  readonly freed: ModelFreed[] = [];
  readonly discards: [number, number, number][] = [];
  readonly complaints: string[] = [];

  /** @param historical - whether it has the faults of 2.6.34 */
  constructor(historical = false) {
    this.historical = historical;
  }

  /** Forgets what happened. To be called before each call. */
  forget(): void {
    this.freed.length = 0;
    this.discards.length = 0;
    this.complaints.length = 0;
  }

  swapon(shape: ModelAreaShape): number {
    let type = this.areas.indexOf(null);
    if (type < 0) type = this.areas.length;
    if (type >= AREAS_MAX) return -EPERM;
    if (new Set(shape.badpages).size === shape.lastPage) {
      if (type === this.areas.length) this.areas.push(null);
      return -EINVAL;
    }
    this.areas[type] = new ModelArea(type, shape.prio ?? --this.leastPriority, shape);
    if (shape.discard) this.discards.push([type, 1, shape.lastPage]);
    this.enlist(type);
    return type;
  }

  swapoff(type: number, refuse: boolean): number {
    const area = this.areas[type];
    const at = this.list.indexOf(type);
    if (area === null || area === undefined || at < 0) return -EINVAL;
    this.list.splice(at, 1);
    if (this.cursor === type) this.cursor = this.list[0] ?? -1;
    if (area.prio < 0) {
      // All automatic priorities behind it move up by one.
      for (const behind of this.list.slice(at)) this.areaOf(behind).prio++;
      this.leastPriority++;
    }
    this.free -= area.pages;
    this.total -= area.pages;
    if (area.inuse === 0 && !refuse) {
      this.areas[type] = null;
      return 0;
    }
    if (area.prio < 0) area.prio = --this.leastPriority;
    this.enlist(type);
    return -ENOMEM;
  }

  /** @returns the entry, null for none; `'endless'` where 2.6.34 would never come back, with nothing changed */
  getSwapPage(): ModelEntry | null | 'endless' {
    if (this.free <= 0) return null;
    const before = this.scalars();
    this.free--;
    const entry = this.historical ? this.findSlotInTurns() : this.findSlot();
    if (entry === 'endless') before();
    if (entry === null) this.free++;
    return entry;
  }

  /** @returns as {@link getSwapPage} */
  getSwapPageOfType(type: number): ModelEntry | null | 'endless' {
    const area = this.areas[type];
    if (area === null || area === undefined) return null;
    const before = this.scalars();
    this.free--;
    const slot = this.takeSlot(area, false);
    if (slot === 'endless') before();
    if (slot === 0) this.free++;
    return typeof slot === 'string' ? slot : slot === 0 ? null : [type, slot];
  }

  swapFree(type: number, offset: number): void {
    const area = this.lookUp(type, offset);
    if (area !== null) this.dropUser(area, offset);
  }

  swapcacheFree(type: number, offset: number): void {
    const area = this.lookUp(type, offset);
    if (area === null) return;
    area.clear(offset, CACHED);
    this.settle(area, offset);
  }

  duplicate(type: number, offset: number): number {
    const area = this.forDuplicate(type, offset);
    if (area === null) return -EINVAL;
    const users = area.users[offset]!;
    const state = area.state[offset]!;
    if ((state & (SHMEM | BAD)) !== 0) return -EINVAL;
    if (users === 0 && state === 0) return -ENOENT;
    if (!area.hasRoom(offset)) return -ENOMEM;
    area.users[offset] = users + 1;
    return 0;
  }

  swapDuplicate(type: number, offset: number): number {
    while (this.duplicate(type, offset) === -ENOMEM) {
      const error = this.addContinuation(type, offset);
      if (error !== 0) return error;
    }
    return 0;
  }

  prepare(type: number, offset: number): number {
    const area = this.forDuplicate(type, offset);
    if (area === null) return -EINVAL;
    const state = area.state[offset]!;
    if ((state & CACHED) !== 0) return -EEXIST;
    if (area.users[offset] === 0 && state === 0) return -ENOENT;
    area.state[offset] = state | CACHED;
    return 0;
  }

  /** The slot has no user and is in the swap cache. */
  shmemAlloc(type: number, offset: number): void {
    this.areaOf(type).state[offset]! |= SHMEM;
  }

  addContinuation(type: number, offset: number): number {
    const failed = this.failingPages > 0;
    if (failed) this.failingPages--;
    const area = this.lookUp(type, offset);
    if (area === null || !area.isFullCount(offset)) return 0;
    if (failed) return -ENOMEM;
    if (!area.hasRoom(offset)) area.addDigitPage(offset);
    return 0;
  }

  freeSwapAndCache(type: number, offset: number): number {
    if (type >= AREAS_MAX) return 1;
    const area = this.lookUp(type, offset);
    if (area === null) return 0;
    this.dropUser(area, offset);
    if (area.users[offset] !== 0 || area.state[offset] !== CACHED) return 1;
    const page = this.cache.get(keyOf(type, offset));
    if (page === undefined || page.locked || page.writeback) return 1;
    if (!page.mapped || this.isFull()) this.deletePage(type, offset);
    return 1;
  }

  /** A page of the swap cache becomes visible. The slot has its cache flag. */
  addPage(type: number, offset: number, state: ModelPageState): number {
    if (this.cache.has(keyOf(type, offset))) return -EEXIST;
    this.cache.set(keyOf(type, offset), { ...state });
    return 0;
  }

  /** Deletes a page from the swap cache. */
  deletePage(type: number, offset: number): number {
    if (!this.cache.delete(keyOf(type, offset))) return -ENOENT;
    const area = this.areaOf(type);
    area.clear(offset, CACHED);
    this.settle(area, offset);
    return 0;
  }

  tryToFreeSwap(type: number, offset: number): number {
    const page = this.cache.get(keyOf(type, offset));
    if (page === undefined) return -ENOENT;
    const area = this.areaOf(type);
    if (page.writeback || area.users[offset] !== 0 || area.state[offset] !== CACHED) return 0;
    this.deletePage(type, offset);
    return 1;
  }

  /** `[number of slots, first slot]` of the window of 8 around a slot. */
  readahead(type: number, offset: number): [number, number] {
    const area = this.areaOf(type);
    const start = offset - (offset % 8);
    let first = offset;
    while (first > Math.max(start, 1) && area.isReadable(first - 1)) first--;
    let end = offset + 1;
    while (end < Math.min(start + 8, area.max) && area.isReadable(end)) end++;
    return [end - first === 1 ? 0 : end - first, first];
  }

  countPages(type: number, free: boolean): number {
    const area = this.areas[type];
    if (area === null || area === undefined) return 0;
    return free ? area.pages - area.inuse : area.pages;
  }

  findNextToUnuse(type: number, previous: number): number {
    const area = this.areaOf(type);
    for (let slot = previous + 1; slot < area.max; slot++) if (area.isReadable(slot)) return slot;
    for (let slot = 1; slot <= previous; slot++) if (area.isReadable(slot)) return slot;
    return 0;
  }

  /** An active area. */
  areaOf(type: number): ModelArea {
    const area = this.areas[type];
    if (area === null || area === undefined) throw new Error(`the model has no area ${type}`);
    return area;
  }

  /** Whether more than half of the swap space is used. */
  isFull(): boolean {
    return this.free * 2 < this.total;
  }

  /** Areas of the best priority that has a free slot, in turns. */
  private findSlot(): ModelEntry | null {
    const tried = new Set<number>();
    for (;;) {
      const open = this.list.filter((type) => !tried.has(type) && this.areaOf(type).highest !== 0);
      if (open.length === 0) return null;
      const prio = this.areaOf(open[0]!).prio;
      const equals = this.list.filter((type) => this.areaOf(type).prio === prio);
      const from = Math.max(0, equals.indexOf(this.cursor));
      const turn = [...equals.slice(from), ...equals.slice(0, from)];
      const type = turn.find((one) => open.includes(one))!;
      this.cursor = equals[(equals.indexOf(type) + 1) % equals.length]!;
      const slot = this.takeSlot(this.areaOf(type), true);
      if (slot !== 0) return [type, slot as number];
      tried.add(type);
    }
  }

  /** As 2.6.34 does it: in the second round over the list priorities are not compared. */
  private findSlotInTurns(): ModelEntry | null | 'endless' {
    let rounds = 0;
    let type = this.cursor;
    while (type >= 0 && rounds < 2) {
      const area = this.areaOf(type);
      let next = this.list[this.list.indexOf(type) + 1] ?? -1;
      if (next < 0 || (rounds === 0 && this.areaOf(next).prio !== area.prio)) {
        next = this.list[0]!;
        rounds++;
      }
      if (area.highest !== 0) {
        this.cursor = next;
        const slot = this.takeSlot(area, true);
        if (slot === 'endless') return slot;
        if (slot !== 0) return [type, slot];
        next = this.cursor;
      }
      type = next;
    }
    return null;
  }

  /** Takes a slot of an area. @returns the slot, or 0 */
  private takeSlot(area: ModelArea, cached: boolean): number | 'endless' {
    let base = area.next;
    let start = area.next;
    let cluster = 0;
    if (area.countdown > 0) area.countdown--;
    else {
      area.countdown = CLUSTER - 1;
      if (area.pages - area.inuse >= CLUSTER) {
        if (!area.solid) base = area.lowest;
        cluster = area.findRun(base, area.highest) || area.findRun(area.lowest, base - 1);
        start = cluster || base;
        if (cluster !== 0) area.next = cluster;
      }
    }
    if (area.highest === 0) return 0;
    if (start > area.highest) start = base = area.lowest;
    const slot = this.historical ? this.searchOf2634(area, start, base) : this.search(area, start, base);
    if (slot === 0 || slot === 'endless') return slot;
    area.occupy(slot, cached);
    if (cluster !== 0 && area.discards) this.discards.push([area.type, slot, CLUSTER]);
    return slot;
  }

  /** Up from the start, then from the bottom to where the scan began. */
  private search(area: ModelArea, start: number, base: number): number {
    for (let slot = start; slot <= area.highest; slot++) if (this.isForTaking(area, slot)) return slot;
    for (let slot = area.lowest; slot < base; slot++) if (this.isForTaking(area, slot)) return slot;
    return 0;
  }

  /**
   * The same in 2.6.34: the second half begins one slot too high, and a slot that is met there and cannot be reclaimed sends the scan back to
   * the first half, from that slot on.
   */
  private searchOf2634(area: ModelArea, start: number, base: number): number | 'endless' {
    const sentBack = new Set<number>();
    let from = start;
    for (;;) {
      for (let slot = from; slot <= area.highest; slot++) if (this.isForTaking(area, slot)) return slot;
      let met = 0;
      for (let slot = area.lowest + 1; slot < base && met === 0; slot++) {
        if (this.isForTaking(area, slot)) return slot;
        if (this.isFull() && area.isCacheOnly(slot)) met = slot;
      }
      if (met === 0) return 0;
      if (sentBack.has(met)) return 'endless';
      sentBack.add(met);
      from = met + 1;
    }
  }

  /** Whether a slot is free, or becomes so: when swap is more than half full, slots that only the cache holds are reclaimed on the way. */
  private isForTaking(area: ModelArea, slot: number): boolean {
    if (area.isFree(slot)) return true;
    if (!area.isCacheOnly(slot) || !this.isFull()) return false;
    const page = this.cache.get(keyOf(area.type, slot));
    if (page === undefined || page.locked || page.writeback) return false;
    this.deletePage(area.type, slot);
    return true;
  }

  private dropUser(area: ModelArea, offset: number): void {
    if ((area.state[offset]! & BAD) !== 0) return;
    if ((area.state[offset]! & SHMEM) !== 0) area.clear(offset, SHMEM);
    else area.users[offset]!--;
    this.settle(area, offset);
  }

  /** Does what is to be done when nobody holds a slot any more. */
  private settle(area: ModelArea, offset: number): void {
    if (!area.isFree(offset)) return;
    if (this.cursor >= 0 && area.prio > this.areaOf(this.cursor).prio) this.cursor = area.type;
    this.free++;
    area.vacate(offset);
    this.freed.push([area.type, offset, this.free, area.inuse]);
  }

  private enlist(type: number): void {
    const area = this.areaOf(type);
    let at = this.list.findIndex((other) => this.areaOf(other).prio <= area.prio);
    if (at < 0) at = this.list.length;
    this.list.splice(at, 0, type);
    if (at === 0) this.cursor = type;
    this.free += area.pages;
    this.total += area.pages;
  }

  /** The area of an entry in use; complains about any other entry. */
  private lookUp(type: number, offset: number): ModelArea | null {
    if (type === 0 && offset === 0) return null;
    const area = this.areas[type];
    if (type >= this.areas.length) this.complaints.push('Bad_file');
    else if (area === null || area === undefined) this.complaints.push('Unused_file');
    else if (offset >= area.max) this.complaints.push('Bad_offset');
    else if (area.isFree(offset)) this.complaints.push('Unused_offset');
    else return area;
    return null;
  }

  private forDuplicate(type: number, offset: number): ModelArea | null {
    if (type >= AREAS_MAX) return null;
    if (type >= this.areas.length) {
      this.complaints.push('Bad_file');
      return null;
    }
    const area = this.areas[type] ?? null;
    return area === null || offset >= area.max ? null : area;
  }

  /** Remembers what an allocation changes before it has taken a slot. @returns what puts it back */
  private scalars(): () => void {
    if (!this.historical) return nothing;
    const { free, cursor } = this;
    const areas = this.areas.map((area) => area && [area.next, area.countdown]);
    return () => {
      this.free = free;
      this.cursor = cursor;
      for (const [type, saved] of areas.entries()) {
        if (saved === null) continue;
        const area = this.areaOf(type);
        [area.next, area.countdown] = saved as [number, number];
      }
    };
  }
}

function nothing(): void {
  // The sound form always comes back.
}

function keyOf(type: number, offset: number): number {
  return type * 2 ** 27 + offset;
}
