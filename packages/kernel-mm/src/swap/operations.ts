/**
 * What the swap core asks of the floors above it: the swap cache, and bringing pages home at swapoff.
 *
 * Promise: the swap core reaches upwards through these two tables only. They are filled once per thread, before the first system call:
 * by `vm/` in a machine, by a small model in a test or a replay. Until then {@link EmptySwapCache} and {@link NothingToUnuse} stand in:
 * a kernel without processes, where no page is ever cached and an area can be switched off only when nothing lies in it.
 *
 * Pages are named by the address of their descriptor, 0 is no page.
 */
import { EOPNOTSUPP } from '../errno.js';
import type { Context } from '../sync/context.js';
import type { SwapEntry } from './entries.js';
import { SWAP_INFO, type SwapTable } from './info.js';

/** The swap cache, as the swap core sees it. None of the functions may sleep, except where it says so. */
export interface SwapCacheOps {
  /**
   * Finds the page of an entry. `swap_lock` may be held.
   * @returns the page with a reference of its own, or 0
   * @kernel mm/filemap.c find_get_page on swapper_space, 2.6.34
   */
  lookup(entry: SwapEntry): number;
  /** Takes the lock of a page if it is free. `swap_lock` may be held. @kernel trylock_page */
  tryLockPage(page: number): boolean;
  /** Drops the lock of a page. @kernel unlock_page */
  unlockPage(page: number): void;
  /** Drops a reference to a page; the last one frees it. `swap_lock` is not held. @kernel page_cache_release */
  putPage(page: number): void;
  /** Whether a page is in the swap cache. The caller holds its lock. @kernel PageSwapCache */
  isSwapCache(page: number): boolean;
  /** Whether a page is being written. The caller holds its lock. @kernel PageWriteback */
  isWriteback(page: number): boolean;
  /** Whether any page table maps a page. @kernel page_mapped */
  isMapped(page: number): boolean;
  /** Page tables that map a page. @kernel page_mapcount */
  mapcount(page: number): number;
  /** The entry of a page in the swap cache. @kernel page_private */
  swapEntryOf(page: number): SwapEntry;
  /**
   * Takes a page out of the swap cache, then drops the cache's reference to its slot (`swapcacheFree`) and to the page.
   * The caller holds the lock of the page and a reference, and not `swap_lock`. @kernel mm/swap_state.c delete_from_swap_cache
   */
  deleteFromSwapCache(page: number): void;
  /** Marks a page as newer than what a device holds. The caller holds its lock. @kernel SetPageDirty */
  setPageDirty(page: number): void;
}

/** What swapoff needs of the memory manager. */
export interface SwapoffOps {
  /**
   * Brings every page of an area home. May sleep.
   * @param type - an area that is no longer writable
   * @returns 0 when no slot of it is in use any more, or a negative errno
   * @kernel mm/swapfile.c try_to_unuse, 2.6.34
   */
  tryToUnuse(type: number): number;
  /**
   * Whether so many more pages of memory may be promised. `swap_lock` is held.
   * @param pages - usable slots of the area
   * @kernel security_vm_enough_memory, 2.6.34
   */
  vmEnoughMemory(pages: number): boolean;
}

/** The swap cache of a kernel that caches nothing: every look-up misses, so no page is ever handed to the other functions. */
export class EmptySwapCache implements SwapCacheOps {
  private readonly context: Context;

  /** @param context - the running thread */
  constructor(context: Context) {
    this.context = context;
  }

  lookup(): number {
    return 0;
  }

  tryLockPage(page: number): boolean {
    return this.noSuchPage(page);
  }

  unlockPage(page: number): void {
    this.noSuchPage(page);
  }

  putPage(page: number): void {
    this.noSuchPage(page);
  }

  isSwapCache(page: number): boolean {
    return this.noSuchPage(page);
  }

  isWriteback(page: number): boolean {
    return this.noSuchPage(page);
  }

  isMapped(page: number): boolean {
    return this.noSuchPage(page);
  }

  mapcount(page: number): number {
    return this.noSuchPage(page);
  }

  swapEntryOf(page: number): SwapEntry {
    return this.noSuchPage(page);
  }

  deleteFromSwapCache(page: number): void {
    this.noSuchPage(page);
  }

  setPageDirty(page: number): void {
    this.noSuchPage(page);
  }

  private noSuchPage(page: number): never {
    return this.context.bug(`The swap core was given page ${page}, but this machine has no swap cache.`);
  }
}

/** The memory manager of a kernel without processes: nobody can bring a page home. */
export class NothingToUnuse implements SwapoffOps {
  private readonly table: SwapTable;

  /** @param table - the areas */
  constructor(table: SwapTable) {
    this.table = table;
  }

  tryToUnuse(type: number): number {
    return this.table.cells.ldu32(this.table.infoOf(type) + SWAP_INFO.inusePages) === 0 ? 0 : -EOPNOTSUPP;
  }

  vmEnoughMemory(): boolean {
    return true;
  }
}
