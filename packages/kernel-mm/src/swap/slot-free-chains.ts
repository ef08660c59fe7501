/**
 * The atomic notifier chains of the areas: one for each, called when a slot of it is freed. The September 2009 RFC.
 *
 * Promise: calls come under `swap_lock`, with the slot as action and the "swap file" of the area, its block device here, as data; the answers
 * of the callbacks are ignored. A block can be registered only for an area in use, and no chain outlives its area: what its owner did not
 * take off goes when the area leaves the table. (The draft initialised the head at the next swapon instead, so a block left there stayed
 * linked to nothing, and it took any type up to and including the number of areas, also one whose head was never initialised.)
 *
 * Callbacks run under a spinlock: they must not sleep and must not call back into the swap core.
 */
import type { Layout } from '../arena/layout.js';
import { EINVAL } from '../errno.js';
import { AtomicNotifierChain, layoutAtomicChains, type AtomicChainsPlace } from '../notifier/atomic-chain.js';
import type { NotifierBlocks } from '../notifier/blocks.js';
import type { Core } from '../sync/core.js';
import type { LockClasses } from '../sync/lock-classes.js';
import { SWAP_INFO, SWP_USED, type SwapTable } from './info.js';

/**
 * Reserves a chain for each area.
 * @param layout - not yet sealed
 * @param classes - gets `slot_free_notify_list_lock`
 * @param maxSwapfiles - number of areas
 */
export function layoutSlotFreeChains(
  layout: Layout,
  classes: LockClasses,
  maxSwapfiles: number,
): AtomicChainsPlace {
  return layoutAtomicChains(layout, classes, 'slot_free_notify_list', maxSwapfiles);
}

/** The chains as one thread sees them. @kernel struct swap_info_struct, slot_free_notify_list of the September 2009 RFC */
export class SlotFreeChains {
  readonly table: SwapTable;
  /** One for each type there can be. */
  readonly chains: readonly AtomicNotifierChain[];

  /**
   * @param core - this thread's lower floors
   * @param table - the areas
   * @param place - from {@link layoutSlotFreeChains}
   * @param blocks - the pool of notifier blocks
   */
  constructor(core: Core, table: SwapTable, place: AtomicChainsPlace, blocks: NotifierBlocks) {
    this.table = table;
    const chains: AtomicNotifierChain[] = [];
    for (let type = 0; type < table.maxSwapfiles; type++) {
      chains.push(new AtomicNotifierChain(core, blocks, place, type));
    }
    this.chains = chains;
  }

  /**
   * Registers a block for the freed slots of an area. Takes `swap_lock`, so that the area cannot leave the table meanwhile.
   * @param type - index of the area
   * @param block - from `NotifierBlocks.create`
   * @returns 0; -EINVAL when there is no such area in use; -EEXIST when the block is on a chain already
   */
  register(type: number, block: number): number {
    const chain = this.chainOf(type);
    if (chain === null) return -EINVAL;
    const { table } = this;
    table.swapLock.lock();
    try {
      if ((table.cells.ldu32(table.infoOf(type) + SWAP_INFO.flags) & SWP_USED) === 0) return -EINVAL;
      return chain.register(block);
    } finally {
      table.swapLock.unlock();
    }
  }

  /**
   * Takes a block off the chain of an area; when this returns, its callback does not run any more. May sleep: waits for calls under way.
   * @param type - as at registration
   * @param block - registered for it
   * @returns 0; -EINVAL when there never was such an area; -ENOENT when the block is not on its chain
   */
  unregister(type: number, block: number): number {
    const chain = this.chainOf(type);
    return chain === null ? -EINVAL : chain.unregister(block);
  }

  /**
   * Tells those who registered for an area. `swap_lock` held.
   * @param area - address of the area
   * @param type - its index
   * @param offset - the slot that was freed
   * @returns whether there was anybody
   */
  call(area: number, type: number, offset: number): boolean {
    const chain = this.chains[type];
    if (chain === undefined || chain.isEmpty()) return false;
    chain.call(offset, this.table.cells.ldu32(area + SWAP_INFO.swapFile));
    return true;
  }

  /**
   * Empties the chain of an area. `swap_lock` held: nobody can be calling it.
   * @param type - index of the area
   */
  clear(type: number): void {
    this.table.assertLocked('SlotFreeChains.clear');
    const chain = this.chainOf(type);
    if (chain !== null) chain.clear();
  }

  /**
   * The chain of an area.
   * @param type - any number
   * @returns null when there never was such an area
   */
  chainOf(type: number): AtomicNotifierChain | null {
    if (!Number.isInteger(type) || type < 0 || type >= this.table.nrSwapfiles()) return null;
    return this.chains[type] ?? null;
  }
}
