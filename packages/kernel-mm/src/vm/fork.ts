/**
 * fork: a child with the memory of its parent, shared until one of them writes. @kernel kernel/fork.c dup_mmap and mm/memory.c
 * copy_page_range, 2.6.34
 *
 * Promise: the child reads what its parent had at the moment of the call, and neither sees what the other writes later. A page that is present
 * is mapped in both for reading only; a page that is swapped has one user of its slot more; what was never touched costs nothing. When the
 * fork fails, no child is left, and of the parent nothing but the right to write at once is lost: the next write finds that nobody shares.
 *
 * Entered without locks; may sleep. Takes `mmap_sem` of the parent for writing; inside, for some entries at a time, the page-table lock of
 * the parent, then that of the child, then `swap_lock`.
 */
import { EFAULT, ENOMEM } from '../errno.js';
import { GFP_KERNEL } from '../page/page.js';
import { pteToSwpEntry, type SwapEntry } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { AddressSpaces } from './address-spaces.js';
import { PTE_PRESENT } from './mm.js';
import { VM_EVENT, type VmEvents } from './stats.js';
import type { Zap } from './zap.js';

/** Entries copied before the page-table locks are dropped for others. @kernel the latency break of copy_pte_range */
const BATCH_ENTRIES = 32;

/** Forks of one thread. */
export class Fork {
  private readonly context: Context;
  private readonly spaces: AddressSpaces;
  private readonly swap: SwapCore;
  private readonly zap: Zap;
  private readonly events: VmEvents;

  /** Where {@link copyPteRange} goes on. @perthread */
  private cursor = 0;

  /**
   * @param core - this thread's lower floors
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    parts: {
      readonly spaces: AddressSpaces;
      readonly swap: SwapCore;
      readonly zap: Zap;
      readonly events: VmEvents;
    },
  ) {
    this.context = core.context;
    this.spaces = parts.spaces;
    this.swap = parts.swap;
    this.zap = parts.zap;
    this.events = parts.events;
  }

  /**
   * Makes a child.
   * @param parent - a living address space
   * @returns the child; `-ENOMEM` when there is no place or no page table for it, or no page for the count of a slot of the parent, or the parent
   * has been killed for lack of memory;
   * `-EFAULT` when the parent has ended
   * @kernel kernel/fork.c dup_mm, 2.6.34
   */
  dupMm(parent: number): number {
    const semaphore = this.spaces.mmapSem(parent);
    semaphore.downWrite();
    try {
      const pages = this.spaces.pagesOf(parent);
      // Another task ended it while this one waited.
      if (pages === 0) return -EFAULT;
      if (this.spaces.isKilled(parent)) return -ENOMEM;
      const child = this.spaces.create(pages, parent);
      if (child < 0) return child;
      const error = this.copyPageRange(parent, child, pages);
      if (error !== 0) {
        this.zap.exit(child);
        return error;
      }
      this.events.count(VM_EVENT.forks);
      return child;
    } finally {
      semaphore.upWrite();
    }
  }

  /**
   * Copies all entries.
   * @param parent - `mmap_sem` held for writing
   * @param child - maps nothing yet
   * @param pages - virtual pages of both
   * @returns 0 or `-ENOMEM`, with some entries copied
   * @kernel mm/memory.c copy_page_range, 2.6.34
   */
  copyPageRange(parent: number, child: number, pages: number): number {
    this.context.assertHeld(this.spaces.mmapSem(parent).address, 'copy_page_range');
    this.cursor = 0;
    while (this.cursor < pages) {
      const full = this.copyPteRange(parent, child, Math.min(this.cursor + BATCH_ENTRIES, pages));
      // No spinlock is held here, so the page for a higher digit of the count may be waited for.
      if (full !== 0 && this.swap.counts.addSwapCountContinuation(full, GFP_KERNEL) !== 0) return -ENOMEM;
      this.context.step();
    }
    return 0;
  }

  /**
   * Copies entries from {@link cursor} on. Takes the page-table locks of both, that of the parent first: a child is never a parent of its own.
   * @param end - virtual page behind the last one
   * @returns 0, or the swap entry that could not be copied, with the cursor on it
   * @kernel mm/memory.c copy_pte_range, 2.6.34
   */
  copyPteRange(parent: number, child: number, end: number): SwapEntry {
    this.spaces.lockTable(parent);
    try {
      this.spaces.lockTable(child);
      try {
        for (; this.cursor < end; this.cursor++) {
          const full = this.copyOnePte(parent, child, this.cursor);
          if (full !== 0) return full;
        }
      } finally {
        this.spaces.unlockTable(child);
      }
    } finally {
      this.spaces.unlockTable(parent);
    }
    return 0;
  }

  /**
   * Copies one entry. Page-table locks of both held.
   * @returns 0, or the swap entry whose slot can have no more users before its count gets a page, with nothing changed
   * @kernel mm/memory.c copy_one_pte, 2.6.34
   */
  copyOnePte(parent: number, child: number, vpn: number): SwapEntry {
    const pte = this.spaces.pte(parent, vpn);
    if (pte === 0) return 0;
    if ((pte & PTE_PRESENT) !== 0) {
      this.spaces.sharePage(parent, child, vpn);
      return 0;
    }
    const entry = pteToSwpEntry(pte);
    if (this.swap.counts.swapDuplicate(entry) !== 0) return entry;
    this.spaces.shareSwapPte(child, vpn, pte);
    return 0;
  }
}
