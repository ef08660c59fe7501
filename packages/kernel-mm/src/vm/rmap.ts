/**
 * The reverse map: from a page to the page-table entries that map it. @kernel mm/rmap.c, 2.6.34
 *
 * An anonymous page names the family of its owners and the virtual page number it has in all of them (`anon-vma.ts`). A walk asks each member
 * for its entry there; that it really maps the page is known only under its page-table lock. The walk ends early once no mapping is left.
 *
 * Both functions are called with the page lock held. They take the lock of the family, one page-table lock after the other inside it, and
 * inside that `swap_lock`. A fork may add owners during a walk: the child is listed behind its parent, so either the walk meets it too, or the
 * page counts as mapped afterwards.
 */
import type { Frames } from '../page/frames.js';
import { PAGE, PG_DIRTY } from '../page/page.js';
import { swpEntryToPte } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import type { AddressSpaces } from './address-spaces.js';
import { PTE_ACCESSED, PTE_DIRTY, PTE_PRESENT } from './mm.js';
import type { AnonVmas } from './anon-vma.js';
import type { SwapCache } from './swap-cache.js';

/** Result of {@link ReverseMap.tryToUnmap}: nothing maps the page. @kernel SWAP_SUCCESS */
export const SWAP_SUCCESS = 0;
/** Result of {@link ReverseMap.tryToUnmap}: somebody maps the page still, whom the walk has missed. @kernel SWAP_AGAIN */
export const SWAP_AGAIN = 1;
/** Result of {@link ReverseMap.tryToUnmap}: somebody maps the page still, since there is no page for the count of its slot. @kernel SWAP_FAIL */
export const SWAP_FAIL = 2;

/** The reverse map as one thread sees it. */
export class ReverseMap {
  private readonly cells: Cells;
  private readonly frames: Frames;
  private readonly spaces: AddressSpaces;
  private readonly families: AnonVmas;
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
    this.families = parts.spaces.families;
    this.swap = parts.swap;
    this.cache = parts.cache;
  }

  /**
   * How many owners used a page through their page tables since the last look; forgets it for all of them.
   * @param page - locked
   * @kernel mm/rmap.c page_referenced and page_referenced_anon, 2.6.34
   */
  pageReferenced(page: number): number {
    this.frames.assertLocked(page, 'page_referenced');
    let referenced = 0;
    const family = this.cells.ld32(page + PAGE.mapping);
    let left = this.cache.mapcount(page);
    if (family === 0 || left === 0) return referenced;
    this.families.lock(family);
    try {
      let chain = this.families.first(family);
      for (; chain !== 0 && left > 0; chain = this.families.next(chain)) {
        const mm = this.families.mmOf(chain);
        this.spaces.lockTable(mm);
        try {
          const vpn = this.pageCheckAddress(mm, page);
          if (vpn < 0) continue;
          left--;
          if (this.pageReferencedOne(mm, vpn)) referenced++;
        } finally {
          this.spaces.unlockTable(mm);
        }
      }
    } finally {
      this.families.unlock(family);
    }
    return referenced;
  }

  /**
   * Puts the swap entry of a page in the place of its mappings. When it fails, some of them may be gone already: their owners get the page
   * back from the swap cache.
   * @param page - locked, in the swap cache; the caller has a reference besides the cache's
   * @returns {@link SWAP_SUCCESS}, {@link SWAP_AGAIN} or {@link SWAP_FAIL}
   * @kernel mm/rmap.c try_to_unmap and try_to_unmap_anon, 2.6.34
   */
  tryToUnmap(page: number): number {
    this.frames.assertLocked(page, 'try_to_unmap');
    const family = this.cells.ld32(page + PAGE.mapping);
    if (family === 0 || !this.cache.isMapped(page)) return SWAP_SUCCESS;
    let result = SWAP_AGAIN;
    this.families.lock(family);
    try {
      let chain = this.families.first(family);
      for (; chain !== 0; chain = this.families.next(chain)) {
        result = this.tryToUnmapOne(this.families.mmOf(chain), page);
        if (result !== SWAP_AGAIN || !this.cache.isMapped(page)) break;
      }
    } finally {
      this.families.unlock(family);
    }
    return this.cache.isMapped(page) ? result : SWAP_SUCCESS;
  }

  /**
   * Puts the swap entry of a page in the place of one owner's mapping, if there is one. Takes its page-table lock.
   * @param mm - a member of the page's family, which is locked
   * @param page - locked, in the swap cache
   * @returns {@link SWAP_AGAIN} to go on with the next, or {@link SWAP_FAIL} with nothing changed
   * @kernel mm/rmap.c try_to_unmap_one, 2.6.34
   */
  tryToUnmapOne(mm: number, page: number): number {
    this.spaces.lockTable(mm);
    try {
      const vpn = this.pageCheckAddress(mm, page);
      if (vpn < 0) return SWAP_AGAIN;
      const pte = this.spaces.pte(mm, vpn);
      const entry = this.cache.swapEntryOf(page);
      if (this.swap.counts.swapDuplicate(entry) !== 0) return SWAP_FAIL;
      // What the process wrote through this mapping must reach the device before the page may be dropped.
      if ((pte & PTE_DIRTY) !== 0) this.frames.setFlag(page, PG_DIRTY);
      this.spaces.unmapPage(mm, vpn, page, swpEntryToPte(entry));
      // Never the last one: the cache and the caller have theirs.
      this.frames.putPage(page);
      return SWAP_AGAIN;
    } finally {
      this.spaces.unlockTable(mm);
    }
  }

  /** Whether one owner used the page; forgets it. Page-table lock held. @kernel mm/rmap.c page_referenced_one, 2.6.34 */
  private pageReferencedOne(mm: number, vpn: number): boolean {
    const pte = this.spaces.pte(mm, vpn);
    if ((pte & PTE_ACCESSED) === 0) return false;
    this.spaces.setPte(mm, vpn, pte & ~PTE_ACCESSED);
    return true;
  }

  /** Where an address space maps a page, or -1; page-table lock held. @kernel page_check_address */
  private pageCheckAddress(mm: number, page: number): number {
    const vpn = this.cells.ld32(page + PAGE.index);
    if (vpn >= this.spaces.pagesOf(mm)) return -1;
    const pte = this.spaces.pte(mm, vpn);
    return (pte & PTE_PRESENT) !== 0 && this.spaces.pageOf(pte) === page ? vpn : -1;
  }
}
