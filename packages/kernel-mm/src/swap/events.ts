/**
 * Who wants to know when an area is switched on or off: two notifier chains. Under the policy `chain` a third event, the freed slot, has a
 * chain for each area (`slot-free-chains.ts`), and is registered for here, too.
 *
 * Promise: both chains are called under `swapon_mutex`, without `swap_lock`, so that "off" of an area always comes before "on" of the next
 * user of the same type. Callbacks may sleep; they get the type of the area as action and the address of what was opened as data: its block
 * device or the inode of its file, 0 for an area without one; and their answers are ignored. A swapoff that fails tells nothing.
 *
 * "On" is told while nobody can take a slot of the area yet, so that no free goes unnoticed. The drafts told it last: between the moment an area
 * became writable and the callback slots of it could already be allocated and freed.
 */
import type { Layout } from '../arena/layout.js';
import { EINVAL } from '../errno.js';
import {
  BlockingNotifierChain,
  layoutBlockingChain,
  type BlockingChainPlace,
} from '../notifier/blocking-chain.js';
import type { NotifierBlocks } from '../notifier/blocks.js';
import type { Core } from '../sync/core.js';
import type { LockClasses } from '../sync/lock-classes.js';
import type { Trace } from '../trace/trace.js';
import type { SlotFreeChains } from './slot-free-chains.js';

/** An area was switched on. @kernel SWAP_EVENT_SWAPON of the September 2009 RFC */
export const SWAP_EVENT_SWAPON = 0;
/** An area was switched off. @kernel SWAP_EVENT_SWAPOFF of the September 2009 RFC */
export const SWAP_EVENT_SWAPOFF = 1;
/** A slot of an area was freed; only under the policy `chain`. @kernel SWAP_EVENT_SLOT_FREE of the September 2009 RFC */
export const SWAP_EVENT_SLOT_FREE = 2;

/** Where the two chains lie. */
export interface SwapEventsRegions {
  readonly swapon: BlockingChainPlace;
  readonly swapoff: BlockingChainPlace;
}

/**
 * Reserves the chains.
 * @param layout - not yet sealed
 * @param classes - gets the classes of the chains' semaphores
 */
export function layoutSwapEvents(layout: Layout, classes: LockClasses): SwapEventsRegions {
  return {
    swapon: layoutBlockingChain(layout, classes, 'swapon_notify_list'),
    swapoff: layoutBlockingChain(layout, classes, 'swapoff_notify_list'),
  };
}

/** The two chains as one thread sees them. */
export class SwapEvents {
  readonly swaponChain: BlockingNotifierChain;
  readonly swapoffChain: BlockingNotifierChain;
  /** The chains of freed slots, null under all policies but `chain`: then there is no such event. */
  readonly slotFreeChains: SlotFreeChains | null;
  readonly trace: Trace;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutSwapEvents}
   * @param blocks - the pool of notifier blocks
   * @param slotFreeChains - the chains of freed slots, if there is such an event
   * @param trace - where complaints are told
   */
  constructor(
    core: Core,
    regions: SwapEventsRegions,
    blocks: NotifierBlocks,
    slotFreeChains: SlotFreeChains | null,
    trace: Trace,
  ) {
    this.swaponChain = new BlockingNotifierChain(core, blocks, regions.swapon);
    this.swapoffChain = new BlockingNotifierChain(core, blocks, regions.swapoff);
    this.slotFreeChains = slotFreeChains;
    this.trace = trace;
  }

  /**
   * Registers a notifier block for an event. May sleep.
   * @param event - {@link SWAP_EVENT_SWAPON}, {@link SWAP_EVENT_SWAPOFF} or {@link SWAP_EVENT_SLOT_FREE}
   * @param block - from `NotifierBlocks.create`
   * @param type - index of the area, for freed slots only
   * @returns 0; -EINVAL for any other event, which is logged, and for an area that is not in use; -EEXIST when the block is on a chain already
   * @kernel register_swap_event_notifier of the May 2010 series, and of the September 2009 RFC as far as `type` goes
   */
  registerSwapEventNotifier(event: number, block: number, type = 0): number {
    const { slotFreeChains } = this;
    if (event === SWAP_EVENT_SLOT_FREE && slotFreeChains !== null)
      return slotFreeChains.register(type, block);
    const chain = this.chainOf(event);
    return chain === null ? -EINVAL : chain.register(block);
  }

  /**
   * Takes a notifier block off the chain of an event; when this returns, its callback does not run any more. May sleep.
   * @param event - as at registration
   * @param block - registered for it
   * @param type - as at registration
   * @returns 0; -EINVAL for an unknown event, which is logged; -ENOENT when the block is not on the chain
   * @kernel unregister_swap_event_notifier of the May 2010 series, and of the September 2009 RFC as far as `type` goes
   */
  unregisterSwapEventNotifier(event: number, block: number, type = 0): number {
    const { slotFreeChains } = this;
    if (event === SWAP_EVENT_SLOT_FREE && slotFreeChains !== null)
      return slotFreeChains.unregister(type, block);
    const chain = this.chainOf(event);
    return chain === null ? -EINVAL : chain.unregister(block);
  }

  private chainOf(event: number): BlockingNotifierChain | null {
    if (event === SWAP_EVENT_SWAPON) return this.swaponChain;
    if (event === SWAP_EVENT_SWAPOFF) return this.swapoffChain;
    this.trace.printk(`Invalid swap event: ${event}`);
    return null;
  }
}
