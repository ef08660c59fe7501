/**
 * The thread of the benchmark of xvmalloc: `c/xvmalloc.c` in our own code, the pool of a disk.
 *
 * A number of objects lives at any time. A pair is: a random one is freed, and one of a random size is taken in its place. Each trial goes on where
 * the one before has ended; random numbers are drawn before anything is measured.
 */
import { parentPort } from 'node:worker_threads';
import { createMachine, GFP_NOIO, PAGE_SIZE, type Cells } from '@swaplab/kernel-mm';
import { ramzswap, RamzswapView, XV_LOCATION, type XvPool } from '@swaplab/ramzswap';
import { XorShift64 } from './xorshift64.js';

/** What is measured. */
export interface XvmallocShape {
  /** The sizes objects can have, in bytes. */
  readonly sizes: Int32Array;
  /** How many objects live. */
  readonly live: number;
  /** Batches of a trial. */
  readonly batches: number;
  /** Pairs of a batch. */
  readonly pairs: number;
}

/** What the thread is told to do. */
export type XvmallocOrder =
  { readonly kind: 'prepare'; readonly shape: XvmallocShape } | { readonly kind: 'trial' };

/** The state of the pool. */
export interface XvmallocState {
  /** Pages it has. */
  readonly pages: number;
  /** Over the offsets of all objects in their pages. */
  readonly sum: number;
}

/** A trial, and the state it ends in. */
export interface XvmallocTrial extends XvmallocState {
  /** Nanoseconds of each batch. */
  readonly ns: readonly number[];
}

/** A pool and what lives in it. */
class XvmallocBench {
  private readonly shape: XvmallocShape;
  private readonly pool: XvPool;
  private readonly cells: Cells;
  /** Where the pool says what it gave. */
  private readonly location: number;
  private readonly pages: Int32Array;
  private readonly offsets: Int32Array;
  /** What to free, and the size of what comes instead. */
  private readonly picks: Int32Array;
  private readonly random = new XorShift64();

  constructor(shape: XvmallocShape) {
    this.shape = shape;
    const machine = createMachine({
      ramBytes: (shape.live + 512) * PAGE_SIZE,
      ramDisks: [],
      policy: 'none',
      drivers: [ramzswap({ diskBytes: 16 * PAGE_SIZE })],
    });
    machine.record();
    const view = machine.attach({ mayWait: true });
    const driver = view.driver('ramzswap');
    const device = driver instanceof RamzswapView ? driver.devices[0] : undefined;
    if (!(driver instanceof RamzswapView) || device === undefined) throw new Error('the machine has no disk');
    this.pool = device.pool;
    this.cells = view.kernel.core.cells;
    this.location = driver.places.locations.base;
    this.pages = new Int32Array(shape.live);
    this.offsets = new Int32Array(shape.live);
    this.picks = new Int32Array(2 * shape.batches * shape.pairs);
    for (let index = 0; index < shape.live; index++) this.malloc(index, this.randomSize());
  }

  state(): XvmallocState {
    let sum = 0;
    for (const offset of this.offsets) sum = (Math.imul(sum, 31) + offset) | 0;
    return { pages: this.pool.totalPages(), sum: sum >>> 0 };
  }

  trial(): XvmallocTrial {
    const { picks, shape } = this;
    for (let at = 0; at < picks.length; at += 2) {
      picks[at] = this.random.nextModulo(shape.live);
      picks[at + 1] = this.randomSize();
    }
    const ns: number[] = [];
    for (let batch = 0; batch < shape.batches; batch++) {
      const start = performance.now();
      this.batch(2 * batch * shape.pairs);
      ns.push((performance.now() - start) * 1e6);
    }
    return { ns, ...this.state() };
  }

  private batch(from: number): void {
    const { picks, pages, offsets, pool } = this;
    const end = from + 2 * this.shape.pairs;
    for (let at = from; at < end; at += 2) {
      const index = picks[at] ?? 0;
      pool.free(pages[index] ?? 0, offsets[index] ?? 0);
      this.malloc(index, picks[at + 1] ?? 0);
    }
  }

  private malloc(index: number, size: number): void {
    const { cells, location } = this;
    if (this.pool.malloc(size, GFP_NOIO, location) !== 0)
      throw new Error('the machine of the benchmark has no memory left');
    this.pages[index] = cells.ld32(location + XV_LOCATION.page);
    this.offsets[index] = cells.ld16(location + XV_LOCATION.offset);
  }

  private randomSize(): number {
    const { sizes } = this.shape;
    return sizes[this.random.nextModulo(sizes.length)] ?? 0;
  }
}

let bench: XvmallocBench | undefined;

parentPort?.on('message', (order: XvmallocOrder) => {
  if (order.kind === 'prepare') {
    bench = new XvmallocBench(order.shape);
    parentPort?.postMessage(bench.state());
  } else {
    parentPort?.postMessage(bench?.trial());
  }
});
