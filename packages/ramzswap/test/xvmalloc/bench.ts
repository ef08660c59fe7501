/**
 * A pool on a test machine, with a list of what lives in it. Every object is filled with a byte of its own, which is looked at when it is
 * freed, so that two objects that overlap are seen.
 */
import { GFP_KERNEL, PAGE_SIZE, type PageAllocator } from '@swaplab/kernel-mm';
import { XV_POOL } from '#src/xvmalloc/free-lists.js';
import { checkPool } from '#src/xvmalloc/walk.js';
import { createXvPool, WasmXvPool } from '#src/xvmalloc/wasm-pool.js';
import { XvPool } from '#src/xvmalloc/xvmalloc.js';
import { createTestMachine, type TestMachine } from '../support/machine.js';

/** An object of the bench. */
export interface Mallocated {
  readonly page: number;
  /** Number of its page in the order in which the pool got its pages. */
  readonly serial: number;
  readonly offset: number;
  readonly size: number;
  readonly fill: number;
}

/** A pool under test. */
export class PoolBench {
  readonly machine: TestMachine = createTestMachine();
  readonly pool: XvPool;
  /** Address of the location for `XvPool.malloc`. */
  readonly location: number;
  readonly live: Mallocated[] = [];
  private readonly serials = new Map<number, number>();
  private granted = 0;
  private filled = 0;

  /** @param wasm - whether the critical sections of the pool are in WASM */
  constructor(wasm = false) {
    const { machine } = this;
    machine.device.reset();
    this.location = machine.driver.places.locations.base;
    const { frames } = machine;
    const pages: PageAllocator = {
      allocPage: (gfp) => {
        const page = frames.allocPage(gfp);
        if (page !== 0) this.serials.set(page, this.granted++);
        return page;
      },
      freePage: (page) => {
        this.serials.delete(page);
        frames.freePage(page);
      },
      addressOf: (page) => frames.addressOf(page),
      frameNumber: (page) => frames.frameNumber(page),
    };
    const { pools } = machine.driver.places;
    this.pool = wasm
      ? createXvPool(machine.core, pages, pools, 0)
      : new XvPool(machine.core, pages, pools, 0);
    if (wasm !== this.pool instanceof WasmXvPool) throw new Error('this is not the pool that was asked for');
    this.pool.create();
  }

  /** Takes an object and fills it; null when there is none. */
  malloc(size: number): Mallocated | null {
    if (this.pool.malloc(size, GFP_KERNEL, this.location) !== 0) return null;
    const { cells } = this.machine.core;
    const page = cells.ld32(this.location);
    const offset = cells.ld16(this.location + 4);
    const object = { page, serial: this.serials.get(page) ?? -1, offset, size, fill: ++this.filled & 0xff };
    const start = this.machine.frames.addressOf(page) + offset;
    this.machine.arena.u8.fill(object.fill, start, start + size);
    this.live.push(object);
    return object;
  }

  /** Frees an object after a look at its bytes. */
  free(object: Mallocated): void {
    const start = this.machine.frames.addressOf(object.page) + object.offset;
    for (let at = start; at < start + object.size; at++) {
      if (this.machine.arena.u8[at] !== object.fill)
        throw new Error(`byte ${at - start} of an object was overwritten`);
    }
    this.live.splice(this.live.indexOf(object), 1);
    this.pool.free(object.page, object.offset);
  }

  /** What is wrong with the pool. */
  check(): string[] {
    return checkPool(this.pool, this.live);
  }

  /** All bytes of the pool: its lists, and its pages in the order in which it got them. */
  image(): Uint8Array[] {
    const { u8 } = this.machine.arena;
    const pages = [...this.serials].sort(([, one], [, other]) => one - other).map(([page]) => page);
    const frames = pages.map((page) => this.machine.frames.addressOf(page));
    return [
      u8.slice(this.pool.address, this.pool.address + XV_POOL.$bytes),
      ...frames.map((frame) => u8.slice(frame, frame + PAGE_SIZE)),
    ];
  }

  /** Address of the block of a live object. */
  blockOf(index: number): number {
    const object = this.live[index]!;
    return this.machine.frames.addressOf(object.page) + object.offset - 4;
  }

  /** Overwrites the count of pages. */
  setTotalPages(pages: number): void {
    this.machine.core.cells.st32(this.pool.address + XV_POOL.totalPages, pages);
  }
}
