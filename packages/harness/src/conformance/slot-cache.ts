/**
 * A swap cache that a recording drives: it knows the pages put there by hand, and nothing else.
 *
 * A page is a number without a frame behind it; its lock, its writeback and its mappings are bits that the recording sets. What takes a page
 * out of the cache (`deleteFromSwapCache`) drops the cache's reference to the slot, as the real one does.
 */
import { MisuseError, type SwapCacheOps, type SwapCore, type SwapEntry } from '@swaplab/kernel-mm';

/** What a recording says of a page. */
export interface SlotPageState {
  locked: boolean;
  writeback: boolean;
  mapped: boolean;
}

interface SlotPage extends SlotPageState {
  readonly entry: SwapEntry;
  /** Whether a look-up finds it. */
  cached: boolean;
}

/** The cache. Single-threaded. */
export class SlotCache implements SwapCacheOps {
  private readonly swap: SwapCore;
  private readonly pages = new Map<number, SlotPage>();
  private readonly pageOf = new Map<SwapEntry, number>();
  private lastPage = 0;

  /** @param swap - the swap core that uses this cache */
  constructor(swap: SwapCore) {
    this.swap = swap;
  }

  /**
   * Makes a page visible.
   * @param entry - any entry; its slot is not looked at
   * @param state - its bits
   * @returns whether there was none for this entry
   */
  add(entry: SwapEntry, state: SlotPageState): boolean {
    if (this.pageOf.has(entry)) return false;
    this.lastPage++;
    this.pages.set(this.lastPage, { entry, ...state, cached: true });
    this.pageOf.set(entry, this.lastPage);
    return true;
  }

  /**
   * Sets the bits of a page.
   * @param entry - any entry
   * @param state - its bits
   * @returns whether there is a page
   */
  set(entry: SwapEntry, state: SlotPageState): boolean {
    const page = this.pages.get(this.find(entry));
    if (page === undefined) return false;
    page.locked = state.locked;
    page.writeback = state.writeback;
    page.mapped = state.mapped;
    return true;
  }

  /** The page of an entry, 0 for none. */
  find(entry: SwapEntry): number {
    return this.pageOf.get(entry) ?? 0;
  }

  lookup(entry: SwapEntry): number {
    return this.find(entry);
  }

  tryLockPage(page: number): boolean {
    const state = this.state(page);
    if (state.locked) return false;
    state.locked = true;
    return true;
  }

  unlockPage(page: number): void {
    this.state(page).locked = false;
  }

  putPage(page: number): void {
    // Nobody else holds references here: a page outside of the cache is gone.
    if (!this.state(page).cached) this.pages.delete(page);
  }

  isSwapCache(page: number): boolean {
    return this.state(page).cached;
  }

  isWriteback(page: number): boolean {
    return this.state(page).writeback;
  }

  isMapped(page: number): boolean {
    return this.state(page).mapped;
  }

  mapcount(page: number): number {
    return this.state(page).mapped ? 1 : 0;
  }

  swapEntryOf(page: number): SwapEntry {
    return this.state(page).entry;
  }

  deleteFromSwapCache(page: number): void {
    const state = this.state(page);
    state.cached = false;
    this.pageOf.delete(state.entry);
    this.swap.counts.swapcacheFree(state.entry);
  }

  setPageDirty(): void {
    // Contents are not modelled.
  }

  private state(page: number): SlotPage {
    const state = this.pages.get(page);
    if (state === undefined)
      throw new MisuseError('ERR_INVALID_ARGUMENT', `The swap cache has no page ${page}.`);
    return state;
  }
}
