/**
 * The short way of the counts of slots that several users share, as after a fork.
 *
 * Promise: {@link SharedSlots.addUser} and {@link SharedSlots.dropUser} either do exactly what `swapDuplicate` and `swapFree` do, or do nothing
 * and say so; then the caller goes the long way, which knows all cases. They do something only where a map byte is the whole of it: the
 * slot has a user before and after, and its count needs no further digit. Nothing else has to be told then: no list, no counter, no summary.
 *
 * The critical section of `swap_lock` is a single call into WASM (`assembly/shared-slots.ts`), where the instructions that take and drop a
 * lock cost a third of what they cost here. It ends before anybody could ask what the task holds, so nothing is noted about it but that it was a step. Where points
 * or times of the lock are wanted there is no short way.
 */
import { instantiateOn } from '../arena/wasm.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { SWP_OFFSET_MASK, SWP_TYPE_SHIFT, type SwapEntry } from './entries.js';
import { SWAP_INFO, type SwapTable } from './info.js';
import { SHARED_SLOTS_WASM } from './shared-slots-wasm.js';

// What is imported is looked up at each use, a number of this module is not: here that counts.
const TYPE_SHIFT = SWP_TYPE_SHIFT;
const OFFSET_MASK = SWP_OFFSET_MASK;
const INFO_BYTES = SWAP_INFO.$bytes;
const MAX = SWAP_INFO.max;
const SWAP_MAP = SWAP_INFO.swapMap;

/** What the module exports. @see assembly/shared-slots.ts */
interface SharedSlotsFunctions {
  addUser(lock: number, me: number, max: number, swapMap: number, offset: number): number;
  dropUser(lock: number, me: number, max: number, swapMap: number, offset: number): number;
}

/** The short way. One per thread. */
export class SharedSlots {
  readonly table: SwapTable;
  private readonly functions: SharedSlotsFunctions;
  private readonly context: Context;
  private readonly lock: number;
  private readonly infos: number;
  private readonly types: number;

  /**
   * @param table - the areas; their `swap_lock` allows critical sections in WASM
   * @param functions - of the module, instantiated on the arena
   */
  constructor(table: SwapTable, functions: SharedSlotsFunctions) {
    this.table = table;
    this.functions = functions;
    this.context = table.context;
    this.lock = table.swapLock.address;
    this.infos = table.infoOf(0);
    this.types = table.maxSwapfiles;
  }

  /**
   * Adds a user to a slot that has one. Takes `swap_lock`, if nobody has it.
   * @param entry - any entry
   * @returns whether it was done; if not, nothing was
   * @kernel mm/swapfile.c swap_duplicate, 2.6.34
   */
  addUser(entry: SwapEntry): boolean {
    const type = entry >>> TYPE_SHIFT;
    if (type >= this.types) return false;
    // An area that was never there has no slots.
    const area = this.infos + type * INFO_BYTES;
    const me = this.context.current + 1;
    const result = this.functions.addUser(this.lock, me, area + MAX, area + SWAP_MAP, entry & OFFSET_MASK);
    return this.finish(result, me);
  }

  /**
   * Takes a user away from a slot that has another one. Takes `swap_lock`, if nobody has it.
   * @param entry - any entry
   * @returns whether it was done; if not, nothing was
   * @kernel mm/swapfile.c swap_free, 2.6.34
   */
  dropUser(entry: SwapEntry): boolean {
    const type = entry >>> TYPE_SHIFT;
    if (type >= this.types) return false;
    // An area that was never there has no slots.
    const area = this.infos + type * INFO_BYTES;
    const me = this.context.current + 1;
    const result = this.functions.dropUser(this.lock, me, area + MAX, area + SWAP_MAP, entry & OFFSET_MASK);
    return this.finish(result, me);
  }

  /** Above bit 0 is what the lock word had besides our number when it was dropped: somebody sleeps, or it is damaged. */
  private finish(result: number, me: number): boolean {
    if (result >>> 1 !== 0) this.table.swapLock.droppedInWasm((result >>> 1) ^ me);
    if ((result & 1) === 0) return false;
    this.context.step();
    return true;
  }
}

/**
 * Makes the short way of one thread.
 * @param core - this thread's lower floors
 * @param table - the areas
 * @returns null where WASM is not wanted or cannot be had, and where points or times of `swap_lock` are wanted
 */
export function createSharedSlots(core: Core, table: SwapTable): SharedSlots | null {
  if (!core.cells.bytes.wasm || !core.locks.allowWasm) return null;
  const functions = instantiateOn(SHARED_SLOTS_WASM, core.cells.arena);
  return functions === null ? null : new SharedSlots(table, functions as SharedSlotsFunctions);
}
