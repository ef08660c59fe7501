/**
 * The reverse map: from a page to the page-table entry that maps it. @kernel mm/rmap.c, 2.6.34
 *
 * Without fork an anonymous page is mapped once at most, so `mapping` and `index` in its descriptor are the whole map. They are hints until
 * the page-table lock is held: the entry is looked at again under it.
 *
 * Both functions are called with the page lock held. They take the page-table lock of the address space, and inside it `swap_lock`.
 */
import type { Frames } from '../page/frames.js';
import { PAGE, PG_DIRTY } from '../page/page.js';
import { swpEntryToPte } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import { PTE_ACCESSED, PTE_DIRTY, PTE_PRESENT, type AddressSpaces } from './address-spaces.js';
import type { SwapCache } from './swap-cache.js';

/** Result of {@link ReverseMap.tryToUnmap}: nothing maps the page. @kernel SWAP_SUCCESS */
export const SWAP_SUCCESS = 0;
/** Result of {@link ReverseMap.tryToUnmap}: the page is mapped still. @kernel SWAP_FAIL */
export const SWAP_FAIL = 2;

/** The reverse map as one thread sees it. */
export class ReverseMap {
  private readonly cells: Cells;
  private readonly frames: Frames;
  private readonly spaces: AddressSpaces;
  private readonly swap: SwapCore;
  private readonly cache: SwapCache;

  /**
   * @param core - this thread's lower floors
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    parts: {
      readonly frames: Frames;
      readonly spaces: AddressSpaces;
      readonly swap: SwapCore;
      readonly cache: SwapCache;
    },
  ) {
    this.cells = core.cells;
    this.frames = parts.frames;
    this.spaces = parts.spaces;
    this.swap = parts.swap;
    this.cache = parts.cache;
  }

  /**
   * Whether a page was used since the last look; forgets it.
   * @param page - locked
   * @kernel mm/rmap.c page_referenced, 2.6.34
   */
  pageReferenced(page: number): boolean {
    this.frames.assertLocked(page, 'page_referenced');
    const hinted = this.cells.ld32(page + PAGE.referenced) !== 0;
    this.cells.st32(page + PAGE.referenced, 0);
    const mm = this.cells.ld32(page + PAGE.mapping);
    if (mm === 0) return hinted;
    this.spaces.lockTable(mm);
    try {
      const vpn = this.mappedAt(mm, page);
      if (vpn < 0) return hinted;
      const pte = this.spaces.pte(mm, vpn);
      if ((pte & PTE_ACCESSED) === 0) return hinted;
      this.spaces.setPte(mm, vpn, pte & ~PTE_ACCESSED);
      return true;
    } finally {
      this.spaces.unlockTable(mm);
    }
  }

  /**
   * Puts the swap entry of a page in the place of its mapping.
   * @param page - locked, in the swap cache
   * @returns {@link SWAP_SUCCESS} or {@link SWAP_FAIL}
   * @kernel mm/rmap.c try_to_unmap and try_to_unmap_one, 2.6.34
   */
  tryToUnmap(page: number): number {
    this.frames.assertLocked(page, 'try_to_unmap');
    const mm = this.cells.ld32(page + PAGE.mapping);
    if (mm === 0) return SWAP_SUCCESS;
    this.spaces.lockTable(mm);
    try {
      const vpn = this.mappedAt(mm, page);
      if (vpn < 0) return SWAP_SUCCESS;
      const pte = this.spaces.pte(mm, vpn);
      const entry = this.cache.swapEntryOf(page);
      if (this.swap.counts.swapDuplicate(entry) !== 0) return SWAP_FAIL;
      // What the process wrote through this mapping must reach the device before the page may be dropped.
      if ((pte & PTE_DIRTY) !== 0) this.frames.setFlag(page, PG_DIRTY);
      this.spaces.unmapPage(mm, vpn, page, swpEntryToPte(entry));
    } finally {
      this.spaces.unlockTable(mm);
    }
    this.frames.putPage(page);
    return SWAP_SUCCESS;
  }

  /** Where a page is mapped, or -1; page-table lock held. @kernel page_check_address */
  private mappedAt(mm: number, page: number): number {
    const vpn = this.cells.ld32(page + PAGE.index);
    if (this.cells.ld32(page + PAGE.mapcount) === 0 || vpn >= this.spaces.pagesOf(mm)) return -1;
    const pte = this.spaces.pte(mm, vpn);
    return (pte & PTE_PRESENT) !== 0 && this.spaces.pageOf(pte) === page ? vpn : -1;
  }
}
