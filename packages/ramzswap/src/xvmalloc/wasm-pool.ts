/**
 * A pool whose critical sections are each one call into WASM (`assembly/xvmalloc.ts`), where the instructions that take and drop a lock cost a third of
 * what they cost here.
 *
 * Promise: the same choices, the same headers and links as `XvPool`, its twin in TypeScript; threads of one machine may use either. WASM does an
 * operation wholly, or finds the lock taken or something damaged, does nothing, and leaves it to the twin, which waits or reports. The section
 * ends before anybody could ask what the task holds, so nothing is noted about it but that it was a step. Where points or times of the lock are wanted
 * there is no such pool.
 */
import { instantiateOn, PAGE_SIZE, type Core, type PageAllocator } from '@swaplab/kernel-mm';
import { XV_HEADER_BYTES as HEADER_BYTES } from './block.js';
import { XVMALLOC_WASM } from './xvmalloc-wasm-builds.js';
import { XvPool, type XvPoolLayout } from './xvmalloc.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const XV_HEADER_BYTES: number = HEADER_BYTES;
/**
 * Bits of an answer: what was done. Above them is what the lock word had besides our number when it was dropped: somebody sleeps, or it is damaged.
 */
const WHAT = 3;
const REFUSED = 0;
const DONE = 1;
const DESCRIPTOR_BYTES = 64;

/** What the module exports; all addresses are byte addresses in the arena. @see assembly/xvmalloc.ts */
interface XvmallocFunctions {
  take(lock: number, me: number, pool: number, bias: number, size: number, location: number): number;
  give(lock: number, me: number, pool: number, bias: number, page: number, freed: number): number;
}

/** One pool, as one thread sees it that uses WASM. */
export class WasmXvPool extends XvPool {
  private readonly functions: XvmallocFunctions;
  /** Address of the frame that a descriptor at address 0 would have. */
  private readonly bias: number;

  /**
   * @param core - this thread's lower floors; its locks allow critical sections in WASM
   * @param pages - where the pages come from; their frames lie in the order of their descriptors
   * @param places - from `layoutXvPool`
   * @param index - which of the pools
   * @param functions - of the module, instantiated on the arena
   */
  constructor(
    core: Core,
    pages: PageAllocator,
    places: XvPoolLayout,
    index: number,
    functions: XvmallocFunctions,
  ) {
    super(core, pages, places, index);
    this.functions = functions;
    this.bias = pages.addressOf(0);
  }

  override free(page: number, offset: number): void {
    const { lock, address } = this;
    const me = this.core.context.current + 1;
    const result = this.functions.give(lock.address, me, address, this.bias, page, offset - XV_HEADER_BYTES);
    if ((result & WHAT) !== REFUSED) this.core.context.step();
    if (result === DONE) return;
    if (result >>> 2 !== 0) lock.droppedInWasm(lockWord(result, me));
    const what = result & WHAT;
    if (what === REFUSED) super.free(page, offset);
    else if (what !== DONE) this.pages.freePage(page);
  }

  protected override mallocFromFree(size: number, location: number): boolean {
    const { lock, address } = this;
    const me = this.core.context.current + 1;
    const result = this.functions.take(lock.address, me, address, this.bias, size, location);
    if ((result & WHAT) !== REFUSED) this.core.context.step();
    if (result === DONE) return true;
    if (result >>> 2 !== 0) lock.droppedInWasm(lockWord(result, me));
    const what = result & WHAT;
    return what === REFUSED ? super.mallocFromFree(size, location) : what === DONE;
  }
}

/** What the lock word was, from an answer: 28 bits, and the highest two. */
function lockWord(result: number, me: number): number {
  return (((result & 0x3fff_ffff) >>> 2) | (result & 0xc000_0000)) ^ me;
}

/**
 * Makes a pool for the calling thread.
 * @param core - this thread's lower floors
 * @param pages - where the pages come from
 * @param places - from `layoutXvPool`
 * @param index - which of the pools
 * @returns one that uses WASM; one in TypeScript where WASM is not wanted or cannot be had, and where points or times of `pool_lock` are wanted
 */
export function createXvPool(core: Core, pages: PageAllocator, places: XvPoolLayout, index: number): XvPool {
  const isLinear = pages.addressOf(DESCRIPTOR_BYTES) - pages.addressOf(0) === PAGE_SIZE;
  if (!core.cells.bytes.wasm || !core.locks.allowWasm || !isLinear)
    return new XvPool(core, pages, places, index);
  const functions = instantiateOn(XVMALLOC_WASM, core.cells.arena);
  return functions === null
    ? new XvPool(core, pages, places, index)
    : new WasmXvPool(core, pages, places, index, functions as XvmallocFunctions);
}
