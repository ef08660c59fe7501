/**
 * Who wants to know when an area is switched on or off: two notifier chains.
 *
 * Promise: both chains are called under `swapon_mutex`, without `swap_lock`, so that "off" of an area always comes before "on" of the next
 * user of the same type. Callbacks may sleep; they get the type of the area as action and the address of its block device as data (0 for an
 * area without one), and their answers are ignored. A swapoff that fails tells nothing.
 *
 * Between the moment an area becomes writable and the swapon callback slots of it may already be allocated and freed.
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

/** An area was switched on. @kernel SWAP_EVENT_SWAPON of the September 2009 RFC */
export const SWAP_EVENT_SWAPON = 0;
/** An area was switched off. @kernel SWAP_EVENT_SWAPOFF of the September 2009 RFC */
export const SWAP_EVENT_SWAPOFF = 1;

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
  readonly trace: Trace;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutSwapEvents}
   * @param blocks - the pool of notifier blocks
   * @param trace - where complaints are told
   */
  constructor(core: Core, regions: SwapEventsRegions, blocks: NotifierBlocks, trace: Trace) {
    this.swaponChain = new BlockingNotifierChain(core, blocks, regions.swapon);
    this.swapoffChain = new BlockingNotifierChain(core, blocks, regions.swapoff);
    this.trace = trace;
  }

  /**
   * Registers a notifier block for an event. May sleep.
   * @param event - {@link SWAP_EVENT_SWAPON} or {@link SWAP_EVENT_SWAPOFF}
   * @param block - from `NotifierBlocks.create`
   * @returns 0; -EINVAL for any other event, which is logged; -EEXIST when the block is on a chain already
   * @kernel register_swap_event_notifier of the May 2010 series
   */
  registerSwapEventNotifier(event: number, block: number): number {
    const chain = this.chainOf(event);
    return chain === null ? -EINVAL : chain.register(block);
  }

  /**
   * Takes a notifier block off the chain of an event; when this returns, its callback does not run any more. May sleep.
   * @param event - as at registration
   * @param block - registered for it
   * @returns 0; -EINVAL for an unknown event, which is logged; -ENOENT when the block is not on the chain
   * @kernel unregister_swap_event_notifier of the May 2010 series
   */
  unregisterSwapEventNotifier(event: number, block: number): number {
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
