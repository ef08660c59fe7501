/**
 * A thread that takes pages the whole way: out to the driver, in again, and free. No faults, no reclaim, no swap cache: swap core, block layer
 * and driver alone. Times are times on a processor.
 *
 * A thread holds a fixed number of slots. One cycle writes a page to a new slot, reads the page of a random slot it holds, and frees that one.
 * What a slot must hold is known, so that all of them can be verified at the end.
 */
import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import {
  attachMachine,
  BIO_READ,
  BIO_WRITE,
  GFP_KERNEL,
  GFP_NOIO,
  PAGE_SIZE,
  SECTORS_PER_PAGE,
  type MachineHandle,
  type MachineView,
  type SwapEntry,
} from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';
import { clockNs } from '../swappers/control.js';
import { CpuClock } from './cpu-clock.js';

/** What a thread is told to do. */
export type PathOrder =
  | {
      readonly kind: 'open';
      readonly name: string;
      readonly machine: MachineHandle;
      /** Pages to write, page after page. */
      readonly corpus: Uint8Array<SharedArrayBuffer>;
      /** Slots to hold. */
      readonly slots: number;
      /** Whether locks are counted and timed. */
      readonly measured: boolean;
    }
  /** Cycles through the corpus, `pages` of it to a batch. */
  | { readonly kind: 'batches'; readonly pages: number }
  /** Nothing but the two copies of a cycle, so many times, over as many frames as slots are held. */
  | { readonly kind: 'copies'; readonly pages: number }
  /** Cycles for so long. */
  | { readonly kind: 'window'; readonly milliseconds: number }
  /** Writes so many pages, then frees their slots in random order. */
  | { readonly kind: 'free'; readonly slots: number }
  /** Cycles through so many pages, and looks how much of the heap of JavaScript they used up. */
  | { readonly kind: 'heap'; readonly pages: number }
  | { readonly kind: 'verify' };

/** Answer to `batches` and `copies`: ns on a processor of each batch, the same batches each time. */
export interface PathBatches {
  readonly cpuNs: readonly number[];
}

/** Answer to `window`, and to `free`, which measures only the freeing. */
export interface PathWindow {
  readonly cpuNs: number;
  readonly pages: number;
}

/** Answer to `heap`. */
export interface PathHeap {
  /** Bytes by which the heap grew, before anything of it was collected. */
  readonly bytes: number;
}

/** Answer to `verify`. */
export interface PathVerified {
  readonly slots: number;
  /** Slots whose page was not what was written. */
  readonly wrong: number;
}

/** Cycles between two looks at the time. */
const CYCLES_PER_LOOK = 8;
/** Parts in which the heap is looked at. */
const HEAP_PARTS = 10;

class PathBench {
  private readonly view: MachineView;
  private readonly clock = new CpuClock();
  private readonly corpusPages: number;
  /** Byte addresses of the page frames that hold the corpus, and of one to read into. */
  private readonly sources: number[] = [];
  private readonly target: number;
  /** Slots held, and which page of the corpus each holds. */
  private readonly held: SwapEntry[] = [];
  private readonly contents: number[] = [];
  private random = 0x2545_f491;
  private nextPage = 0;
  /** Frames for {@link copies}; taken when it is called first. */
  private readonly spare: number[] = [];

  constructor(order: Extract<PathOrder, { kind: 'open' }>) {
    this.view = attachMachine(order.machine, {
      name: order.name,
      drivers: { ramzswap },
      lockStats: order.measured,
      clock: order.measured ? clockNs : null,
    });
    const { frames, core } = this.view.kernel;
    this.corpusPages = order.corpus.length / PAGE_SIZE;
    for (let page = 0; page < this.corpusPages; page++) {
      const frame = frames.addressOf(this.takePage());
      core.cells.arena.u8.set(order.corpus.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE), frame);
      this.sources.push(frame);
    }
    this.target = frames.addressOf(this.takePage());
    while (this.held.length < order.slots) this.pageOut();
  }

  batches(pages: number): PathBatches {
    const cpuNs: number[] = [];
    this.nextPage = 0;
    for (let batch = 0; batch < Math.floor(this.corpusPages / pages); batch++) {
      const before = this.clock.now();
      for (let page = 0; page < pages; page++) this.cycle();
      cpuNs.push(this.clock.since(before));
    }
    return { cpuNs };
  }

  copies(pages: number): PathBatches {
    const { cells } = this.view.kernel.core;
    while (this.spare.length < this.held.length)
      this.spare.push(this.view.kernel.frames.addressOf(this.takePage()));
    const before = this.clock.now();
    // As in a cycle: a page goes into the frame that was given back last, and one nobody touched for long is read.
    let last = this.spare[0] ?? 0;
    for (let page = 0; page < pages; page++) {
      cells.copyPage(last, this.sources[page % this.corpusPages] ?? 0);
      last = this.spare[this.nextRandom(this.spare.length)] ?? 0;
      cells.copyPage(this.target, last);
    }
    return { cpuNs: [this.clock.since(before)] };
  }

  window(milliseconds: number): PathWindow {
    let pages = 0;
    const before = this.clock.now();
    const end = performance.now() + milliseconds;
    do {
      for (let cycle = 0; cycle < CYCLES_PER_LOOK; cycle++) this.cycle();
      pages += CYCLES_PER_LOOK;
    } while (performance.now() < end);
    return { cpuNs: this.clock.since(before), pages };
  }

  heap(pages: number): PathHeap {
    let bytes = 0;
    // In parts: a collection hides only what was allocated in its own.
    for (let part = 0; part < HEAP_PARTS; part++) {
      const before = getHeapStatistics().used_heap_size;
      for (let page = 0; page < pages / HEAP_PARTS; page++) this.cycle();
      bytes += Math.max(0, getHeapStatistics().used_heap_size - before);
    }
    return { bytes };
  }

  free(slots: number): PathWindow {
    const start = this.held.length;
    for (let slot = 0; slot < slots; slot++) this.pageOut();
    for (let last = this.held.length - 1; last > start; last--) {
      this.exchange(last, start + this.nextRandom(last - start + 1));
    }
    const entries = this.held.splice(start);
    this.contents.length = start;
    const { counts } = this.view.kernel.swap;
    const before = this.clock.now();
    for (const entry of entries) counts.swapcacheFree(entry);
    this.view.flushDiscards();
    return { cpuNs: this.clock.since(before), pages: slots };
  }

  verify(): PathVerified {
    const { u8 } = this.view.kernel.core.cells.arena;
    const found = u8.subarray(this.target, this.target + PAGE_SIZE);
    let wrong = 0;
    for (const [index, entry] of this.held.entries()) {
      this.transfer(BIO_READ, entry, this.target);
      const source = this.sources[this.contents[index] ?? 0] ?? 0;
      if (Buffer.compare(found, u8.subarray(source, source + PAGE_SIZE)) !== 0) wrong++;
    }
    return { slots: this.held.length, wrong };
  }

  private cycle(): void {
    const { held, contents } = this;
    const index = this.nextRandom(held.length);
    const old = held[index] ?? 0;
    this.pageOut();
    this.transfer(BIO_READ, old, this.target);
    this.view.kernel.swap.counts.swapcacheFree(old);
    held[index] = held.pop() ?? 0;
    contents[index] = contents.pop() ?? 0;
  }

  /** Writes the next page of the corpus to a slot of its own. */
  private pageOut(): void {
    const page = this.nextPage;
    this.nextPage = page + 1 === this.corpusPages ? 0 : page + 1;
    const entry = this.view.kernel.swap.allocator.getSwapPage();
    if (entry === 0) throw new Error('the swap areas of the benchmark are full');
    this.transfer(BIO_WRITE, entry, this.sources[page] ?? 0);
    this.held.push(entry);
    this.contents.push(page);
  }

  private transfer(operation: number, entry: SwapEntry, frame: number): void {
    const { kernel } = this.view;
    const { bios } = kernel.block;
    const { table, extents } = kernel.swap;
    const bio = bios.allocBio(GFP_NOIO);
    const sector = extents.mapSwapEntry(entry) * SECTORS_PER_PAGE;
    bios.setPage(bio, table.bdevOf(entry), operation, sector, frame);
    const error = bios.submitBio(bio);
    bios.freeBio(bio);
    if (error !== 0) throw new Error(`a transfer of the benchmark failed with ${String(error)}`);
  }

  private exchange(one: number, other: number): void {
    const { held, contents } = this;
    [held[one], held[other]] = [held[other] ?? 0, held[one] ?? 0];
    [contents[one], contents[other]] = [contents[other] ?? 0, contents[one] ?? 0];
  }

  private nextRandom(below: number): number {
    let word = this.random;
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    this.random = word;
    return (word >>> 0) % below;
  }

  private takePage(): number {
    const page = this.view.kernel.frames.allocPage(GFP_KERNEL);
    if (page === 0) throw new Error('the machine of the benchmark has no memory left');
    return page;
  }
}

let bench: PathBench | undefined;

function obey(order: PathOrder): unknown {
  if (order.kind === 'open') {
    bench = new PathBench(order);
    return 'open';
  }
  if (order.kind === 'batches') return bench?.batches(order.pages);
  if (order.kind === 'copies') return bench?.copies(order.pages);
  if (order.kind === 'window') return bench?.window(order.milliseconds);
  if (order.kind === 'heap') return bench?.heap(order.pages);
  if (order.kind === 'free') return bench?.free(order.slots);
  return bench?.verify();
}

parentPort?.on('message', (order: PathOrder) => {
  parentPort?.postMessage(obey(order));
});
