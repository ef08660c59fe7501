/**
 * early-flag-drop: a page leaves the swap cache only after its slot has lost the cache flag.
 *
 * Symptom: in between the slot counts as free, or as not cached, while a look-up still finds the page: another task puts a second page for the
 * slot into the cache, which stops the machine with a report. Source: `kernel-mm.md` 7.1 and 11.3.
 */
import type { SlotCounts } from '../swap/counts.js';
import type { SwapCache } from '../vm/swap-cache.js';
import type { Vm } from '../vm/vm.js';

/**
 * Puts the fault into a thread's swap cache; every thread of the machine must do so.
 * @param vm - to be changed
 * @param counts - the map bytes
 */
export function installEarlyFlagDrop(vm: Vm, counts: SlotCounts): void {
  const { cache } = vm;
  const hasty = new HastyDeletion(cache, counts);
  cache.deleteFromSwapCache = hasty.deleteFromSwapCache.bind(hasty);
}

class HastyDeletion {
  private readonly cache: SwapCache;
  private readonly counts: SlotCounts;

  constructor(cache: SwapCache, counts: SlotCounts) {
    this.cache = cache;
    this.counts = counts;
  }

  /** Replaces `SwapCache.deleteFromSwapCache`. */
  deleteFromSwapCache(page: number): void {
    this.counts.swapcacheFree(this.cache.swapEntryOf(page));
    this.cache.removeFromTree(page);
    this.cache.putPage(page);
  }
}
