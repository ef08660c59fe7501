/**
 * `chain`: an atomic notifier chain for each area. The September 2009 RFC.
 *
 * The driver registers a block of its own for each area from its swapon notifier, and takes it off from its swapoff notifier. What it costs
 * beyond a plain call: a section under RCU, the walk over the chain, and two more calls through numbers.
 */
import type { SlotFreePolicy } from '../policy.js';
import type { SlotFreeChains } from '../slot-free-chains.js';

/** Calls the chain of the area. @kernel mm/swapfile.c swap_entry_free with the September 2009 RFC */
export class ChainPolicy implements SlotFreePolicy {
  readonly chains: SlotFreeChains;

  /** @param chains - of the areas */
  constructor(chains: SlotFreeChains) {
    this.chains = chains;
  }

  slotFreed(area: number, type: number, offset: number): boolean {
    return this.chains.call(area, type, offset);
  }

  areaRetired(_area: number, type: number): void {
    this.chains.clear(type);
  }
}
