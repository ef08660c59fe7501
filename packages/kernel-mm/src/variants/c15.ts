/**
 * c15: swapoff takes a page out of the swap cache without asking whether it is still there for the slot it was found for.
 *
 * Swapoff lets the page go for a moment when it has to wait. Meanwhile the slot may be freed, and the page get another one, in an area that
 * stays. Symptom: the page leaves the swap cache although page tables name its new slot, whose contents were perhaps never written.
 * @kernel mm/swapfile.c try_to_unuse, up to 2.6.28; fixed by 68bdc8d64742
 */
import type { SwapEntry } from '../swap/entries.js';
import type { Vm } from '../vm/vm.js';
import type { SwapCache } from '../vm/swap-cache.js';

/**
 * Puts the fault into a thread's vm; every thread of the machine must do so.
 * @param vm - to be changed
 */
export function installC15(vm: Vm): void {
  const careless = new CarelessDeletion(vm.cache);
  vm.unuse.forgetSlot = careless.forgetSlot.bind(careless);
}

class CarelessDeletion {
  private readonly cache: SwapCache;

  constructor(cache: SwapCache) {
    this.cache = cache;
  }

  /** Replaces `Unuse.forgetSlot`. */
  forgetSlot(_entry: SwapEntry, page: number): void {
    if (this.cache.isSwapCache(page)) this.cache.deleteFromSwapCache(page);
  }
}
