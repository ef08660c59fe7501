/**
 * The thread of the benchmarks of the slot allocator: `c/slots.c` in our own code.
 *
 * A shape is prepared once; each trial starts from the prepared state, so that all trials do the same and the best of each batch can be
 * taken. Random numbers are drawn before anything is measured. An area by itself can be measured too: what it costs to be there.
 */
import { parentPort } from 'node:worker_threads';
import {
  createMachine,
  PAGE_SIZE,
  summaryBytes,
  SWAP_GLOBALS,
  SWAP_INFO,
  type MachineView,
} from '@swaplab/kernel-mm';
import { XorShift64 } from './xorshift64.js';

/** What is measured. */
export interface SlotsShape {
  /**
   * What a pair is. `allocate`: a slot is taken for one user, and a random one is freed; in an empty area a slot is taken and freed. `share`: a
   * random slot in use gets one more user and loses it again.
   */
  readonly calls: 'allocate' | 'share';
  readonly disk: 'rotating' | 'solid-state';
  /** Whether the area has a summary of its map. */
  readonly summary: boolean;
  /** Slots of the area. */
  readonly slots: number;
  /** Per cent of them in use; 0 for an empty area. */
  readonly level: number;
  /** Batches of a trial. */
  readonly batches: number;
  /** Pairs of a batch. */
  readonly pairs: number;
}

/** What the thread is told to do. */
export type SlotsOrder =
  | { readonly kind: 'prepare'; readonly shape: SlotsShape }
  | { readonly kind: 'trial' }
  /** Switches areas of so many slots on and off. */
  | { readonly kind: 'area'; readonly slots: number; readonly times: number };

/** The state that all trials of a shape start from. */
export interface SlotsPrepared {
  /** Slots in use. */
  readonly used: number;
  /** Over the slots in use, in their order. */
  readonly sum: number;
}

/** A trial. */
export interface SlotsTrial {
  /** Nanoseconds of each batch. */
  readonly ns: readonly number[];
  /** Over the slots that were handed out, in their order. */
  readonly sum: number;
}

/** Answer to `area`. */
export interface SlotsArea {
  /** Table memory of an area: its map and what else it needs beside the tables of its driver. */
  readonly bytes: number;
  /** Nanoseconds of the fastest swapon. */
  readonly ns: number;
}

/** The area of a shape, and the slots in use. */
class SlotsBench {
  private readonly view: MachineView;
  private readonly shape: SlotsShape;
  private readonly area: number;
  private readonly used: Int32Array;
  private readonly picks: Int32Array;
  private usedCount = 0;
  /** What a trial changes, and a copy of it. */
  private readonly changing: readonly Uint8Array[];
  private readonly before: readonly Uint8Array[];
  private readonly usedBefore: Int32Array;

  constructor(shape: SlotsShape) {
    this.shape = shape;
    this.view = createSlotsView(shape.slots, shape.summary);
    const { swap } = this.view.kernel;
    this.area = swap.table.infoOf(switchOn(this.view, shape.slots, shape.disk));
    this.used = new Int32Array(shape.slots + 1);
    this.picks = new Int32Array(shape.batches * shape.pairs);
    const random = new XorShift64();
    if (shape.level > 0) this.fragment(random);
    // A slot is taken before one is freed, but none before one is shared.
    const choices = shape.calls === 'share' ? this.usedCount : this.usedCount + 1;
    for (let pick = 0; pick < this.picks.length; pick++) this.picks[pick] = random.nextModulo(choices);
    const { cells } = this.view.kernel.core;
    const summary = cells.ldu32(this.area + SWAP_INFO.freeSlots);
    this.changing = [
      this.bytes(cells.ldu32(this.area + SWAP_INFO.swapMap), shape.slots + 1),
      this.bytes(summary, summary === 0 ? 0 : summaryBytes(shape.slots + 1)),
      this.bytes(this.area, SWAP_INFO.$bytes),
      this.bytes(swap.table.globals, SWAP_GLOBALS.$bytes),
    ];
    this.before = this.changing.map((bytes) => bytes.slice());
    this.usedBefore = this.used.slice(0, this.usedCount);
  }

  prepared(): SlotsPrepared {
    let sum = 0;
    for (let index = 0; index < this.usedCount; index++)
      sum = (Math.imul(sum, 31) + (this.used[index] ?? 0)) | 0;
    return { used: this.usedCount, sum: sum >>> 0 };
  }

  trial(): SlotsTrial {
    const { shape, before } = this;
    for (const [index, bytes] of this.changing.entries()) bytes.set(before[index] ?? []);
    this.used.set(this.usedBefore);
    this.usedCount = this.usedBefore.length;
    const ns: number[] = [];
    let sum = 0;
    for (let batch = 0; batch < shape.batches; batch++) {
      const start = performance.now();
      const more = this.batch(batch * shape.pairs);
      ns.push((performance.now() - start) * 1e6);
      sum = (Math.imul(sum, 31) + more) | 0;
    }
    return { ns, sum: sum >>> 0 };
  }

  private fragment(random: XorShift64): void {
    const { slots, level } = this.shape;
    const target = Math.floor((slots * level) / 100);
    while (this.allocate());
    while (this.usedCount > target) this.freeUsed(random.nextModulo(this.usedCount));
    for (let turn = 0; turn < slots; turn++) {
      this.allocate();
      this.freeUsed(random.nextModulo(this.usedCount));
    }
  }

  private batch(firstPick: number): number {
    const { calls, level } = this.shape;
    if (calls === 'share') return this.batchOfShares(firstPick);
    return level > 0 ? this.batchOfPairs(firstPick) : this.batchWhenEmpty();
  }

  private batchOfShares(firstPick: number): number {
    const { picks, used } = this;
    const { counts } = this.view.kernel.swap;
    const end = firstPick + this.shape.pairs;
    let sum = 0;
    for (let pick = firstPick; pick < end; pick++) {
      const entry = used[picks[pick] ?? 0] ?? 0;
      sum = (Math.imul(sum, 31) + entry + counts.swapDuplicate(entry)) | 0;
      counts.swapFree(entry);
    }
    return sum;
  }

  private batchOfPairs(firstPick: number): number {
    const { picks, used } = this;
    const end = firstPick + this.shape.pairs;
    let sum = 0;
    for (let pick = firstPick; pick < end; pick++) {
      this.allocate();
      sum = (Math.imul(sum, 31) + (used[this.usedCount - 1] ?? 0)) | 0;
      this.freeUsed(picks[pick] ?? 0);
    }
    return sum;
  }

  private batchWhenEmpty(): number {
    const { allocator, counts } = this.view.kernel.swap;
    let sum = 0;
    for (let pair = this.shape.pairs; pair > 0; pair--) {
      const entry = allocator.getSwapPage();
      sum = (Math.imul(sum, 31) + entry) | 0;
      counts.swapcacheFree(entry);
    }
    return sum;
  }

  /** Takes a slot for one mapping, as a page that was swapped out and left the swap cache. */
  private allocate(): boolean {
    const { allocator, counts } = this.view.kernel.swap;
    const entry = allocator.getSwapPage();
    if (entry === 0) return false;
    counts.swapDuplicate(entry);
    counts.swapcacheFree(entry);
    this.used[this.usedCount++] = entry;
    return true;
  }

  private freeUsed(index: number): void {
    const { used } = this;
    const entry = used[index] ?? 0;
    used[index] = used[--this.usedCount] ?? 0;
    this.view.kernel.swap.counts.swapFree(entry);
  }

  private bytes(address: number, length: number): Uint8Array {
    return this.view.kernel.core.cells.arena.u8.subarray(address, address + length);
  }
}

/** Makes a machine with nothing in it but room for the tables of an area. */
function createSlotsView(slots: number, slotSummary: boolean): MachineView {
  const machine = createMachine({
    ramBytes: 1 << 20,
    ramDisks: [],
    policy: 'none',
    tableBytes: 3 * slots + (1 << 20),
    slotSummary,
  });
  machine.record();
  return machine.attach({ mayWait: true });
}

/** Switches an area on that no device stands behind; gives its type. */
function switchOn(view: MachineView, slots: number, disk: SlotsShape['disk']): number {
  const nonrot = disk === 'solid-state';
  const shape = { lastPage: slots, badpages: [], prio: 0, nonrot, random32: 0 };
  const type = view.kernel.swap.on.swaponWithoutHeader(shape);
  if (type < 0) throw new Error(`no swap area of ${String(slots)} slots: ${String(type)}`);
  return type;
}

function measureArea(slots: number, times: number): SlotsArea {
  const view = createSlotsView(slots, true);
  const { vmalloc, swap } = view.kernel;
  const before = vmalloc.pagesInUse();
  let ns = Infinity;
  let bytes = 0;
  for (let turn = 0; turn < times; turn++) {
    const start = performance.now();
    const type = switchOn(view, slots, 'rotating');
    ns = Math.min(ns, (performance.now() - start) * 1e6);
    bytes = (vmalloc.pagesInUse() - before) * PAGE_SIZE;
    const error = swap.off.swapoffType(type);
    if (error !== 0) throw new Error(`the area was not switched off: ${String(error)}`);
  }
  return { bytes, ns };
}

let bench: SlotsBench | undefined;

parentPort?.on('message', (order: SlotsOrder) => {
  if (order.kind === 'prepare') {
    bench = new SlotsBench(order.shape);
    parentPort?.postMessage(bench.prepared());
  } else if (order.kind === 'area') {
    parentPort?.postMessage(measureArea(order.slots, order.times));
  } else {
    parentPort?.postMessage(bench?.trial());
  }
});
