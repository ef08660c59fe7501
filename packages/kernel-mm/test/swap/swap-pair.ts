/**
 * The swap core and the pure model side by side: what is done is done on both, and what they answer, what they tell and what they count must be the
 * same.
 *
 * Callers play by the rules of the kernel: nobody drops a reference that is not there. The slots in use are listed, so that one can be picked.
 */
import type { SymbolId } from '#src/arena/symbols.js';
import { ENOMEM } from '#src/errno.js';
import { createMachine, type Machine } from '#src/machine/machine.js';
import type { Frames } from '#src/page/frames.js';
import { swpEntry, swpOffset, swpType } from '#src/swap/entries.js';
import { SWAP_GLOBALS, SWAP_INFO } from '#src/swap/info.js';
import { checkSwapInvariants } from '#src/swap/invariants.js';
import type { SwapCore } from '#src/swap/swap-core.js';
import { ModelCache } from './machine.js';
import type { ModelArea, ModelAreaShape } from './pure-area.js';
import { PureModel, type ModelEntry } from './pure-model.js';

/** How a swap core is made. */
export interface RandomSetup {
  readonly profile: 'sound' | '2.6.34';
  /** Whether areas have the summary structure. */
  readonly slotSummary: boolean;
}

/** All combinations of profile and scan. */
export const RANDOM_SETUPS: readonly RandomSetup[] = [
  { profile: 'sound', slotSummary: false },
  { profile: 'sound', slotSummary: true },
  { profile: '2.6.34', slotSummary: false },
  { profile: '2.6.34', slotSummary: true },
];

const FRAMES = 4096;
const TABLE_BYTES = 16 << 20;
const COMPLAINT = /^swap_(?:free|dup): (Bad|Unused) swap (file|offset) entry [0-9a-f]{8}$/;
/** Types from here on name no areas. */
export const NON_SWAP_TYPE = 30;
const OFFSETS = 2 ** 27;

/** The swap core, with an ear at every place. */
export class RealSwap {
  readonly swap: SwapCore;
  readonly cache: ModelCache;
  readonly frames: Frames;
  readonly freed: [number, number, number, number][] = [];
  readonly discards: [number, number, number][] = [];
  refuseSwapoff = false;
  private readonly machine: Machine;
  private readonly notifiers: readonly SymbolId[];

  constructor(setup: RandomSetup) {
    this.machine = createMachine({
      ...setup,
      shared: false,
      ramBytes: FRAMES * 4096,
      tableBytes: TABLE_BYTES,
      ramDisks: [],
      addressSpaces: 1,
    });
    this.machine.record('printk');
    const { kernel } = this.machine.attach();
    this.swap = kernel.swap;
    this.frames = kernel.frames;
    this.cache = new ModelCache(kernel.swap);
    const { table, freeNotify, discard } = kernel.swap;
    kernel.swap.setOperations(this.cache, {
      tryToUnuse: (type) =>
        this.refuseSwapoff || this.field(type, SWAP_INFO.inusePages) !== 0 ? -ENOMEM : 0,
      vmEnoughMemory: () => true,
    });
    discard.issue = (area, block, count) => {
      this.discards.push([table.cells.ld32(area + SWAP_INFO.type), block, count]);
      return 0;
    };
    this.notifiers = Array.from({ length: table.maxSwapfiles }, (_, type) =>
      freeNotify.functions.define(`heard_of_area_${type}`, (_bdev, slot) => {
        this.freed.push([type, slot, table.nrSwapPages(), this.field(type, SWAP_INFO.inusePages)]);
      }),
    );
  }

  forget(): void {
    this.freed.length = 0;
    this.discards.length = 0;
  }

  swapon(shape: ModelAreaShape): number {
    const type = this.swap.on.swaponWithoutHeader(shape);
    if (type >= 0) this.swap.freeNotify.setSwapFreeNotify(type, this.notifiers[type]!);
    return type;
  }

  field(type: number, offset: number): number {
    return this.swap.table.cells.ldu32(this.swap.table.infoOf(type) + offset);
  }

  complaints(): string[] {
    const classes: string[] = [];
    for (const event of this.machine.drain('printk')) {
      const found = event.type === 'printk' ? COMPLAINT.exec(event.text) : null;
      if (found !== null) classes.push(`${found[1]!}_${found[2]!}`);
    }
    return classes;
  }

  broken(): string[] {
    const { table } = this.swap;
    table.swapLock.lock();
    try {
      return checkSwapInvariants(this.swap, true);
    } finally {
      table.swapLock.unlock();
    }
  }
}

/** The two sides. */
export class SwapPair {
  readonly model: PureModel;
  readonly real: RealSwap;
  /** Calls done on both sides. */
  calls = 0;
  /** Allocations that were not done because 2.6.34 would never come back from them. */
  endless = 0;
  /** Slots in use, and where each stands in the list. */
  private readonly live: number[] = [];
  private readonly place = new Map<number, number>();

  /** @param setup - how the swap core is made */
  constructor(setup: RandomSetup) {
    this.model = new PureModel(setup.profile !== 'sound');
    this.real = new RealSwap(setup);
  }

  /** Compares everything there is, and looks for broken invariants. */
  compareAll(): void {
    const { model, real } = this;
    this.equal('broken invariants', '', real.broken().join('\n'));
    const { continuations, table } = real.swap;
    for (const area of model.areas) {
      if (area === null) continue;
      const { type, max } = area;
      const map = real.field(type, SWAP_INFO.swapMap);
      const { u8 } = table.cells.arena;
      for (let slot = 0; slot < max; slot++) {
        if (u8[map + slot] === area.byte(slot)) continue;
        this.equal(`byte of slot ${slot} of area ${type}`, area.byte(slot), u8[map + slot]!);
      }
      for (let slot = 1; slot < max; slot++) {
        if (area.users[slot]! < 63) continue;
        this.equal(
          `users of slot ${slot}`,
          area.users[slot]!,
          continuations.countOf(table.infoOf(type), slot),
        );
      }
      for (const [piece, pages] of area.digitPages.entries())
        this.equal(`digit pages of area ${type}`, pages, continuations.pagesOf(table.infoOf(type), piece));
      this.compareArea(area);
    }
  }

  /** Does a call on both sides and compares what it answers and does. */
  same(
    what: string,
    expected: (model: PureModel) => number,
    actual: (swap: SwapCore, real: RealSwap) => number,
  ): void {
    const { model, real } = this;
    model.forget();
    real.forget();
    this.equal(what, expected(model), actual(real.swap, real));
    this.compareWhatHappened(what);
  }

  /** Does a call that answers nothing on both sides and compares what it does. */
  quiet(what: string, expected: (model: PureModel) => void, actual: (swap: SwapCore) => void): void {
    const { model, real } = this;
    model.forget();
    real.forget();
    expected(model);
    actual(real.swap);
    this.compareWhatHappened(what);
  }

  /** Takes a slot; of any area for -1. @returns the entry, or null */
  allocate(type: number): ModelEntry | null {
    const { model, real } = this;
    model.forget();
    real.forget();
    const entry = type < 0 ? model.getSwapPage() : model.getSwapPageOfType(type);
    if (entry === 'endless') {
      this.endless++;
      return null;
    }
    const taken = type < 0 ? real.swap.allocator.getSwapPage() : real.swap.allocator.getSwapPageOfType(type);
    const what = type < 0 ? 'get_swap_page' : `get_swap_page_of_type ${type}`;
    if (taken !== (entry === null ? 0 : numberOf(entry)))
      this.equal(what, JSON.stringify(entry), JSON.stringify([swpType(taken), swpOffset(taken)]));
    this.compareWhatHappened(what, entry);
    // Behind the look at the slots freed: one that only the cache held may have been reclaimed for this.
    if (entry !== null) this.enter(keyOf(entry));
    return entry;
  }

  /** Adds a user to any entry. */
  duplicate(entry: ModelEntry): void {
    this.same(
      'swap_duplicate',
      (model) => model.swapDuplicate(...entry),
      (swap) => swap.counts.swapDuplicate(numberOf(entry)),
    );
  }

  /** Adds so many users to a slot, if there is one. */
  duplicateMany(entry: ModelEntry | null, users: number): void {
    if (entry === null) return;
    for (let user = 0; user < users; user++) this.duplicate(entry);
  }

  /** Drops a user of a slot that has one. */
  dropUser(entry: ModelEntry): void {
    if (!this.hasUser(entry)) return;
    this.quiet(
      'swap_free',
      (model) => model.swapFree(...entry),
      (swap) => swap.counts.swapFree(numberOf(entry)),
    );
  }

  /** Drops the cache's reference to a slot that has one, and no page. */
  uncache(entry: ModelEntry): void {
    if (!this.isCached(entry)) return;
    this.quiet(
      'swapcache_free',
      (model) => model.swapcacheFree(...entry),
      (swap) => swap.counts.swapcacheFree(numberOf(entry)),
    );
  }

  /** Takes a page out of the swap cache. */
  deletePage(entry: ModelEntry): void {
    this.same(
      'delete_from_swap_cache',
      (model) => model.deletePage(...entry),
      (_swap, { cache }) => {
        const page = cache.lookup(numberOf(entry));
        cache.deleteFromSwapCache(page);
        cache.putPage(page);
        return 0;
      },
    );
  }

  /** Drops all references to a slot. */
  release(entry: ModelEntry): void {
    while (this.hasUser(entry)) this.dropUser(entry);
    if (this.model.cache.has(keyOf(entry))) this.deletePage(entry);
    else this.uncache(entry);
  }

  /** Drops all references to all slots of an area. */
  releaseAll(type: number): void {
    for (const key of this.live.filter((one) => entryOf(one)[0] === type)) this.release(entryOf(key));
  }

  swapon(shape: ModelAreaShape): void {
    this.same(
      'swapon',
      (model) => model.swapon(shape),
      (_swap, real) => real.swapon(shape),
    );
  }

  swapoff(type: number, refuse: boolean): void {
    this.same(
      'swapoff',
      (model) => model.swapoff(type, refuse),
      (swap, real) => {
        real.refuseSwapoff = refuse;
        return swap.off.swapoffType(type);
      },
    );
  }

  /** A slot in use, or null. */
  pick(a: number): ModelEntry | null {
    return this.live.length === 0 ? null : entryOf(this.live[a % this.live.length]!);
  }

  /** A slot in use whose page is in the swap cache, among some in a row; or null. */
  pickPage(a: number): ModelEntry | null {
    for (let step = 0; step < Math.min(8, this.live.length); step++) {
      const key = this.live[(a + step) % this.live.length]!;
      if (this.model.cache.has(key)) return entryOf(key);
    }
    return null;
  }

  /** Any slot of any area that was ever on, the header excepted. */
  anySlot(a: number, b: number): ModelEntry {
    const type = b % Math.max(1, this.model.areas.length);
    return [type, 1 + (a % Math.max(1, (this.model.areas[type]?.max ?? 2) - 1))];
  }

  /** An entry that names no slot in use: of no area, of one that is off, behind the end, free, bad, or of no swap space at all. */
  wrongEntry(a: number, b: number): ModelEntry {
    const types = this.model.areas.length;
    const kind = Math.floor(b / 6) % 5;
    if (kind === 0) return [NON_SWAP_TYPE + (a % 2), a % OFFSETS];
    if (kind === 1)
      return [
        Math.min(types + (a % 3), NON_SWAP_TYPE - 1),
        types === NON_SWAP_TYPE ? OFFSETS - 1 : a % OFFSETS,
      ];
    const entry = this.anySlot(a, b);
    if (!this.isOn(entry[0])) return entry;
    const area = this.model.areaOf(entry[0]);
    if (kind === 2) return [entry[0], area.max + (a % 3)];
    if (kind === 3) return [entry[0], 0];
    return area.isFree(entry[1]) ? entry : [entry[0], 0];
  }

  /** Whether an area is on. */
  isOn(type: number): boolean {
    const area = this.model.areas[type];
    return area !== null && area !== undefined;
  }

  hasUser([type, slot]: ModelEntry): boolean {
    return (this.model.areaOf(type).byte(slot) & ~0x40) !== 0;
  }

  isCached([type, slot]: ModelEntry): boolean {
    return (this.model.areaOf(type).byte(slot) & 0x40) !== 0;
  }

  isCacheOnly([type, slot]: ModelEntry): boolean {
    return this.model.areaOf(type).isCacheOnly(slot);
  }

  equal(what: string, expected: number | string, actual: number | string): void {
    if (expected === actual) return;
    throw new Error(`call ${this.calls}, ${what}: the model has ${expected}, but the swap core ${actual}`);
  }

  /** Compares what was told, and the counters. */
  private compareWhatHappened(what: string, touched: ModelEntry | null = null): void {
    const { model, real } = this;
    const { table } = real.swap;
    this.calls++;
    if (model.freed.length !== 0 || real.freed.length !== 0) this.compareFreed(what);
    if (model.discards.length !== 0 || real.discards.length !== 0)
      this.equal(`${what}: discards`, JSON.stringify(model.discards), JSON.stringify(real.discards));
    if (model.complaints.length !== 0 || this.calls % 64 === 0)
      this.equal(`${what}: log`, model.complaints.join(), real.complaints().join());
    if (table.nrSwapPages() !== model.free)
      this.equal(`${what}: nr_swap_pages`, model.free, table.nrSwapPages());
    if (table.totalSwapPages() !== model.total)
      this.equal(`${what}: total_swap_pages`, model.total, table.totalSwapPages());
    if (table.listNext() !== model.cursor) this.equal(`${what}: next`, model.cursor, table.listNext());
    if (table.listHead() !== (model.list[0] ?? -1))
      this.equal(`${what}: head`, model.list[0] ?? -1, table.listHead());
    const least = table.cells.ld32(table.globals + SWAP_GLOBALS.leastPriority);
    this.equal('least_priority', model.leastPriority, least);
    if (touched !== null) this.compareArea(model.areaOf(touched[0]));
  }

  private compareFreed(what: string): void {
    const { model, real } = this;
    this.equal(`${what}: slots freed`, model.freed.length, real.freed.length);
    for (const [index, [type, slot, free, inuse]] of model.freed.entries()) {
      const told = real.freed[index]!;
      if (told[0] !== type || told[1] !== slot || told[2] !== free || told[3] !== inuse)
        this.equal(`${what}: freed`, JSON.stringify(model.freed), JSON.stringify(real.freed));
      this.leave(type * OFFSETS + slot);
      this.compareArea(model.areaOf(type));
    }
  }

  private compareArea(area: ModelArea): void {
    const { type } = area;
    const { cells } = this.real.swap.table;
    const address = this.real.swap.table.infoOf(type);
    if (cells.ldu32(address + SWAP_INFO.lowestBit) !== area.lowest)
      this.equal('lowest_bit', area.lowest, cells.ldu32(address + SWAP_INFO.lowestBit));
    if (cells.ldu32(address + SWAP_INFO.highestBit) !== area.highest)
      this.equal('highest_bit', area.highest, cells.ldu32(address + SWAP_INFO.highestBit));
    if (cells.ldu32(address + SWAP_INFO.clusterNext) !== area.next)
      this.equal('cluster_next', area.next, cells.ldu32(address + SWAP_INFO.clusterNext));
    if (cells.ldu32(address + SWAP_INFO.clusterNr) !== area.countdown)
      this.equal('cluster_nr', area.countdown, cells.ldu32(address + SWAP_INFO.clusterNr));
    if (cells.ldu32(address + SWAP_INFO.inusePages) !== area.inuse)
      this.equal('inuse_pages', area.inuse, cells.ldu32(address + SWAP_INFO.inusePages));
    this.equal('prio', area.prio, cells.ld32(address + SWAP_INFO.prio));
  }

  private enter(key: number): void {
    this.place.set(key, this.live.length);
    this.live.push(key);
  }

  private leave(key: number): void {
    const at = this.place.get(key)!;
    const last = this.live.pop()!;
    this.place.delete(key);
    if (last === key) return;
    this.live[at] = last;
    this.place.set(last, at);
  }
}

/** The entry as the swap core has it. */
export function numberOf([type, slot]: ModelEntry): number {
  return swpEntry(type, slot);
}

/** The entry as one number, for maps. */
export function keyOf([type, slot]: ModelEntry): number {
  return type * OFFSETS + slot;
}

function entryOf(key: number): ModelEntry {
  return [Math.floor(key / OFFSETS), key % OFFSETS];
}
