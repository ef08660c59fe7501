/**
 * Dropping pages: unmapping a range, and the end of an address space. @kernel mm/memory.c zap_pte_range and exit_mmap, 2.6.34
 *
 * Promise: afterwards no entry of the range holds a page or a slot. A slot whose last user goes is freed on the spot, unless its page is just
 * locked by somebody else; reclaim then frees it later. What other processes share stays as it is for them.
 *
 * Entered with `mmap_sem` held for writing; may sleep. Takes the page-table lock for one entry at a time.
 */
import type { Frames } from '../page/frames.js';
import { pteToSwpEntry } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { ANY_GENERATION, type AddressSpaces } from './address-spaces.js';
import { PTE_PRESENT } from './mm.js';
import type { SwapCache } from './swap-cache.js';

/** Unmapping of one thread. */
export class Zap {
  private readonly context: Context;
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
    this.context = core.context;
    this.frames = parts.frames;
    this.spaces = parts.spaces;
    this.swap = parts.swap;
    this.cache = parts.cache;
  }

  /**
   * Drops a range.
   * @param mm - address space, `mmap_sem` held for writing
   * @param first - first virtual page
   * @param count - number of virtual pages; first + count is within the address space
   */
  zapRange(mm: number, first: number, count: number): void {
    this.context.assertHeld(this.spaces.mmapSem(mm).address, 'zap_page_range');
    for (let vpn = first; vpn < first + count; vpn++) this.zapPte(mm, vpn);
  }

  /**
   * Ends a process: drops everything and gives its address space back, unless somebody uses that from outside: then the last one does. Entered
   * without `mmap_sem`; may sleep. Does nothing when the process has ended before, whoever is in its place now.
   * @param mm - address space
   * @param generation - from `generationOf` while the process lived; without it, whichever process is there
   * @kernel exit_mm
   */
  exit(mm: number, generation = ANY_GENERATION): void {
    if (this.spaces.retire(mm, generation)) this.exitMmap(mm);
  }

  /**
   * Drops a use of an address space that its process may have ended meanwhile; the last one takes it apart. Entered without `mmap_sem`.
   * @param mm - in use by the caller
   * @kernel kernel/fork.c mmput, 2.6.34
   */
  mmput(mm: number): void {
    if (this.spaces.dropUser(mm)) this.exitMmap(mm);
  }

  /**
   * Takes an address space apart that nobody uses any more. Entered without `mmap_sem`; may sleep. @kernel mm/mmap.c exit_mmap, 2.6.34
   * @param mm - address space whose last use the caller has dropped
   */
  exitMmap(mm: number): void {
    const semaphore = this.spaces.mmapSem(mm);
    // A task of the process may be in the middle of a fault.
    semaphore.downWrite();
    try {
      this.zapRange(mm, 0, this.spaces.pagesOf(mm));
      this.spaces.destroy(mm);
    } finally {
      semaphore.upWrite();
    }
  }

  private zapPte(mm: number, vpn: number): void {
    let page: number;
    this.spaces.lockTable(mm);
    try {
      const pte = this.spaces.pte(mm, vpn);
      if (pte === 0) return;
      if ((pte & PTE_PRESENT) === 0) {
        this.spaces.clearSwapPte(mm, vpn);
        if (this.swap.pages.freeSwapAndCache(pteToSwpEntry(pte)) === 0) {
          this.context.bug(`Bad pte 0x${pte.toString(16)} at virtual page ${vpn}: its slot is not in use.`);
        }
        return;
      }
      page = this.spaces.pageOf(pte);
      this.spaces.unmapPage(mm, vpn, page, 0);
    } finally {
      this.spaces.unlockTable(mm);
    }
    this.freePageAndSwapCache(page);
  }

  /** Drops the mapping's reference, and the slot with it if nobody else uses either. @kernel free_page_and_swap_cache */
  freePageAndSwapCache(page: number): void {
    if (this.cache.isSwapCache(page) && !this.cache.isMapped(page) && this.frames.tryLockPage(page)) {
      this.swap.pages.tryToFreeSwap(page);
      this.frames.unlockPage(page);
    }
    this.frames.putPage(page);
  }
}
