/**
 * The thread of the benchmarks of the slot allocator: `c/slots.c` in our own code.
 *
 * A shape is prepared once; each trial starts from the prepared state, so that all trials do the same and the best of each batch can be
 * taken. Random numbers are drawn before anything is measured.
 */
import { parentPort } from 'node:worker_threads';
import { createMachine, SWAP_GLOBALS, SWAP_INFO, type MachineView } from '@swaplab/kernel-mm';

/** What is measured. */
export interface SlotsShape {
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
  { readonly kind: 'prepare'; readonly shape: SlotsShape } | { readonly kind: 'trial' };

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

/** The generator of the reference figures: xorshift64 with the shifts 13, 7, 17, in two halves. */
class XorShift64 {
  private high = 0x0139_408d | 0;
  private low = 0xcbbf_7a44 | 0;

  /**
   * The next value modulo a number.
   * @param divisor - 1 to 2^25
   */
  nextModulo(divisor: number): number {
    let { high, low } = this;
    let upper = high ^ ((high << 13) | (low >>> 19));
    low ^= low << 13;
    high = upper;
    upper = high ^ (high >>> 7);
    low ^= (low >>> 7) | (high << 25);
    high = upper;
    upper = high ^ ((high << 17) | (low >>> 15));
    low ^= low << 17;
    this.high = upper;
    this.low = low;
    return (((upper >>> 0) % divisor) * (2 ** 32 % divisor) + (low >>> 0)) % divisor;
  }
}

/** The area of a shape, and the slots in use. */
class SlotsBench {
  private readonly view: MachineView;
  private readonly shape: SlotsShape;
  private readonly area: number;
  private readonly map: number;
  private readonly used: Int32Array;
  private readonly picks: Int32Array;
  private usedCount = 0;
  private readonly before: { map: Uint8Array; used: Int32Array; area: Uint8Array; globals: Uint8Array };
  private readonly usedBefore: number;

  constructor(shape: SlotsShape) {
    const machine = createMachine({
      ramBytes: 1 << 20,
      ramDisks: [],
      policy: 'none',
      tableBytes: shape.slots + (1 << 20),
    });
    machine.record();
    this.shape = shape;
    this.view = machine.attach({ mayWait: true });
    const { swap } = this.view.kernel;
    const type = swap.on.swaponWithoutHeader({
      lastPage: shape.slots,
      badpages: [],
      prio: 0,
      nonrot: false,
      random32: 0,
    });
    if (type < 0) throw new Error(`no swap area of ${String(shape.slots)} slots: ${String(type)}`);
    this.area = swap.table.infoOf(type);
    this.map = this.view.kernel.core.cells.ldu32(this.area + SWAP_INFO.swapMap);
    this.used = new Int32Array(shape.slots + 1);
    this.picks = new Int32Array(shape.batches * shape.pairs);
    const random = new XorShift64();
    if (shape.level > 0) this.fragment(random);
    for (let pick = 0; pick < this.picks.length; pick++)
      this.picks[pick] = random.nextModulo(this.usedCount + 1);
    this.usedBefore = this.usedCount;
    this.before = {
      map: this.bytes(this.map, shape.slots + 1).slice(),
      used: this.used.slice(),
      area: this.bytes(this.area, SWAP_INFO.$bytes).slice(),
      globals: this.bytes(swap.table.globals, SWAP_GLOBALS.$bytes).slice(),
    };
  }

  prepared(): SlotsPrepared {
    let sum = 0;
    for (let index = 0; index < this.usedCount; index++)
      sum = (Math.imul(sum, 31) + (this.used[index] ?? 0)) | 0;
    return { used: this.usedCount, sum: sum >>> 0 };
  }

  trial(): SlotsTrial {
    const { shape, before } = this;
    this.bytes(this.map, shape.slots + 1).set(before.map);
    this.bytes(this.area, SWAP_INFO.$bytes).set(before.area);
    this.bytes(this.view.kernel.swap.table.globals, SWAP_GLOBALS.$bytes).set(before.globals);
    this.used.set(before.used);
    this.usedCount = this.usedBefore;
    const ns: number[] = [];
    let sum = 0;
    for (let batch = 0; batch < shape.batches; batch++) {
      const start = performance.now();
      const more = shape.level > 0 ? this.batchOfPairs(batch * shape.pairs) : this.batchWhenEmpty();
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

let bench: SlotsBench | undefined;

parentPort?.on('message', (order: SlotsOrder) => {
  if (order.kind === 'prepare') {
    bench = new SlotsBench(order.shape);
    parentPort?.postMessage(bench.prepared());
  } else {
    parentPort?.postMessage(bench?.trial());
  }
});
