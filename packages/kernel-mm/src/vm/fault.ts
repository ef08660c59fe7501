/**
 * Page faults: first touch, swap-in, and the first write to a page that came in for reading or is shared since a fork.
 * @kernel mm/memory.c, 2.6.34
 *
 * Promise: a fault either leaves an entry the access can use, or changes nothing and says why: `-ENOMEM` when no page could be had, `-EIO`
 * when the slot could not be read (the original sends SIGBUS), `-EFAULT` when the address space has ended. An entry that another task changed
 * meanwhile is no error: the access looks again.
 *
 * Entered with `mmap_sem` held for reading and nothing else; may sleep. Inside: page lock, then page-table lock, then `swap_lock`.
 */
import { EFAULT, EIO, ENOMEM } from '../errno.js';
import type { Frames } from '../page/frames.js';
import type { ReclaimList } from '../page/lru.js';
import { PG_SWAPBACKED, PG_UPTODATE } from '../page/page.js';
import { isSwapPte, pteToSwpEntry, type SwapEntry } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import {
  PAGE_FAULT_ANONYMOUS,
  PAGE_FAULT_COPY_ON_WRITE,
  PAGE_FAULT_MAJOR,
  PAGE_FAULT_MINOR,
  PAGE_FAULT_NONE,
} from '../trace/events.js';
import { NOT_TRACED as NOT_TRACED_THERE, type Trace } from '../trace/trace.js';
import type { AddressSpaces } from './address-spaces.js';
import { PTE_ACCESSED, PTE_DIRTY, PTE_PRESENT, PTE_WRITABLE } from './mm.js';
import type { PageIo } from './page-io.js';
import type { Readahead, SlotReader } from './readahead.js';
import type { Reclaim } from './reclaim.js';
import { VM_EVENT, type VmEvents } from './stats.js';
import { LOOK_AGAIN, type SwapCache } from './swap-cache.js';

/** Bits of an entry through which the process has just written. */
const WRITTEN = PTE_WRITABLE | PTE_DIRTY | PTE_ACCESSED;
/** Results of mapping a page of the swap cache: the access can go on, or can if it only reads. */
const MAPPED = 1;
const MAPPED_FOR_READING = 2;
/** Turns of the look-up loop before it is reported as a hang. */
const LOOK_UP_TURNS_MAX = 1_000_000;

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const NOT_TRACED = NOT_TRACED_THERE;

/** Faults of one thread. */
export class Faults implements SlotReader {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly frames: Frames;
  private readonly list: ReclaimList;
  private readonly spaces: AddressSpaces;
  private readonly swap: SwapCore;
  private readonly cache: SwapCache;
  private readonly io: PageIo;
  private readonly reclaim: Reclaim;
  private readonly readahead: Readahead;
  private readonly events: VmEvents;
  private readonly trace: Trace;

  /**
   * @param core - this thread's lower floors
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    parts: {
      readonly frames: Frames;
      readonly reclaimList: ReclaimList;
      readonly spaces: AddressSpaces;
      readonly swap: SwapCore;
      readonly cache: SwapCache;
      readonly io: PageIo;
      readonly reclaim: Reclaim;
      readonly readahead: Readahead;
      readonly events: VmEvents;
      readonly trace: Trace;
    },
  ) {
    this.cells = core.cells;
    this.context = core.context;
    this.frames = parts.frames;
    this.list = parts.reclaimList;
    this.spaces = parts.spaces;
    this.swap = parts.swap;
    this.cache = parts.cache;
    this.io = parts.io;
    this.reclaim = parts.reclaim;
    this.readahead = parts.readahead;
    this.events = parts.events;
    this.trace = parts.trace;
  }

  /**
   * Makes an entry usable.
   * @param mm - address space, `mmap_sem` held for reading
   * @param vpn - virtual page number
   * @param write - whether the access writes
   * @returns 0 to look again, `-ENOMEM` also when the process is marked to end for lack of memory, `-EIO`, or `-EFAULT` when the address space has ended meanwhile
   * @kernel mm/memory.c handle_pte_fault, 2.6.34
   */
  handleFault(mm: number, vpn: number, write: boolean): number {
    // As long as mmap_sem is held it cannot end, so this holds for the whole fault.
    if (vpn >= this.spaces.pagesOf(mm)) return -EFAULT;
    // Whoever takes its memory away waits until this fault is over, so none comes back.
    if (this.spaces.isKilled(mm)) return -ENOMEM;
    this.events.count(VM_EVENT.faults);
    const since = this.trace.beginFault();
    this.spaces.lockTable(mm);
    const pte = this.spaces.pte(mm, vpn);
    this.spaces.unlockTable(mm);
    if (since !== NOT_TRACED) return this.tellFault(since, mm, vpn, pte, write);
    return this.resolveFault(mm, vpn, pte, write);
  }

  /** Does what an entry needs. */
  private resolveFault(mm: number, vpn: number, pte: number, write: boolean): number {
    if (pte === 0) return this.doAnonymousPage(mm, vpn, write);
    if (isSwapPte(pte)) return this.doSwapPage(mm, vpn, pte, write);
    if (write && (pte & PTE_WRITABLE) === 0) return this.doWpPage(mm, vpn);
    return 0;
  }

  /**
   * First touch: a zeroed page. @kernel mm/memory.c do_anonymous_page, 2.6.34
   * @returns 0 or `-ENOMEM`
   */
  doAnonymousPage(mm: number, vpn: number, write: boolean): number {
    const page = this.reclaim.allocUserPage();
    if (page === 0) return -ENOMEM;
    this.cells.clearPage(this.frames.addressOf(page));
    this.frames.setFlag(page, PG_UPTODATE | PG_SWAPBACKED);
    this.spaces.lockTable(mm);
    const free = this.spaces.pte(mm, vpn) === 0;
    // A zeroed page was never on a device: it is dirty from the start, or reclaim would drop it.
    if (free) this.spaces.mapPage(mm, vpn, page, write ? WRITTEN : PTE_WRITABLE | PTE_ACCESSED);
    this.spaces.unlockTable(mm);
    if (free) this.list.lruCacheAddActive(page);
    else this.frames.putPage(page);
    return 0;
  }

  /**
   * Swap-in. @kernel mm/memory.c do_swap_page, 2.6.34, with the fix of 2.6.36 (4969c1192d15, 31c4a3d3a0f8): once locked, the page must still be
   * that of the entry
   * @returns 0, `-ENOMEM` or `-EIO`
   */
  doSwapPage(mm: number, vpn: number, pte: number, write: boolean): number {
    const entry = pteToSwpEntry(pte);
    let page = this.cache.lookupSwapCache(entry);
    if (page === 0) {
      this.events.count(VM_EVENT.majorFaults);
      page = this.readahead.swapinReadahead(entry, this);
      if (page === 0) return this.isStillEntry(mm, vpn, pte) ? -ENOMEM : 0;
    }
    this.readahead.noteFound(page);
    this.frames.lockPage(page);
    const verdict = this.isStillPageOf(page, entry) ? this.mapSwapPage(mm, vpn, pte, page, write) : 0;
    this.frames.unlockPage(page);
    if (verdict <= 0) this.frames.putPage(page);
    if (verdict === MAPPED_FOR_READING && write) return this.doWpPage(mm, vpn);
    return Math.min(verdict, 0);
  }

  /**
   * Gives a write its own page: the present one if nobody else uses it or its slot, else a copy. @kernel mm/memory.c do_wp_page, 2.6.34
   * @returns 0: the access looks again; `-ENOMEM` when no page for the copy could be had
   */
  doWpPage(mm: number, vpn: number): number {
    const page = this.getReadOnlyPage(mm, vpn);
    if (page === 0) return 0;
    // The page lock comes before the page-table lock, so take it in between and look again.
    this.frames.lockPage(page);
    const settled = this.reuseIfAlone(mm, vpn, page);
    this.frames.unlockPage(page);
    const error = settled ? 0 : this.copyForWriting(mm, vpn, page);
    this.frames.putPage(page);
    return error;
  }

  /**
   * Lets a process write to a page that nobody else uses.
   * @param page - locked by the caller, with a reference of its own
   * @returns false when others use it, so that a copy is needed; true also when the entry changed meanwhile
   * @kernel mm/memory.c do_wp_page, the half before `gotten`, 2.6.34
   */
  reuseIfAlone(mm: number, vpn: number, page: number): boolean {
    this.spaces.lockTable(mm);
    try {
      if (!this.mapsForReading(mm, vpn, page)) return true;
      if (!this.swap.pages.reuseSwapPage(page)) return false;
      this.spaces.setPte(mm, vpn, this.spaces.pte(mm, vpn) | WRITTEN);
      return true;
    } finally {
      this.spaces.unlockTable(mm);
    }
  }

  /**
   * Maps a copy in the place of a page that others use. The original copies without locks and then compares the entry; here the copy is made
   * under the page-table lock, so that an entry that went and came back meanwhile cannot be taken for the old one.
   * @param page - with a reference of the caller, which keeps it here while a page for the copy is sought; unlocked
   * @returns 0, also when the entry changed meanwhile; `-ENOMEM`
   * @kernel mm/memory.c do_wp_page from `gotten` on, 2.6.34
   */
  copyForWriting(mm: number, vpn: number, page: number): number {
    const copy = this.reclaim.allocUserPage();
    if (copy === 0) return -ENOMEM;
    this.frames.setFlag(copy, PG_UPTODATE | PG_SWAPBACKED);
    let unused = copy;
    this.spaces.lockTable(mm);
    try {
      if (this.mapsForReading(mm, vpn, page)) {
        this.cells.copyPage(this.frames.addressOf(copy), this.frames.addressOf(page));
        this.spaces.replacePage(mm, vpn, page, copy, WRITTEN);
        unused = page;
      }
    } finally {
      this.spaces.unlockTable(mm);
    }
    if (unused === page) {
      this.list.lruCacheAddActive(copy);
      this.events.count(VM_EVENT.copies);
    }
    this.frames.putPage(unused);
    return 0;
  }

  /**
   * The page of a slot, read if need be.
   * @returns the page with a reference, or 0: no page could be had, or the slot is gone
   * @kernel mm/swap_state.c read_swap_cache_async, 2.6.34
   */
  readSwapCache(entry: SwapEntry): number {
    let fresh = 0;
    for (let turn = 0; turn < LOOK_UP_TURNS_MAX; turn++) {
      const found = this.cache.lookup(entry);
      if (found !== 0) {
        if (fresh !== 0) this.frames.putPage(fresh);
        return found;
      }
      if (fresh === 0) {
        fresh = this.reclaim.allocUserPage();
        if (fresh === 0) return 0;
      }
      const error = this.cache.adoptForReading(entry, fresh);
      if (error === 0) {
        this.io.swapReadpage(fresh);
        return fresh;
      }
      if (error !== LOOK_AGAIN) {
        this.frames.putPage(fresh);
        return 0;
      }
      this.waitForPage(turn);
    }
    return this.context.bug(
      `The swap entry 0x${entry.toString(16)} claims to be cached for ever, but no page appears.`,
    );
  }

  /**
   * Another task is between the flag of a slot and the swap cache: lets it go on.
   * @param turn - how often the loop has turned
   * @kernel cond_resched in read_swap_cache_async, 3.10; 2.6.34 spins without a break
   */
  waitForPage(turn: number): void {
    this.context.relax(turn);
  }

  /**
   * Whether a page is still the one of an entry: between the look-up and the lock it may have left the swap cache, and may even have come back
   * with another slot. A page-table entry that has not changed does not prove it: its slot may have been freed and used again.
   * @param page - locked by the caller
   * @param entry - under which it was found
   * @kernel mm/memory.c do_swap_page, 2.6.36
   */
  isStillPageOf(page: number, entry: SwapEntry): boolean {
    return this.cache.isSwapCache(page) && this.cache.swapEntryOf(page) === entry;
  }

  /**
   * Drops the reference a page-table entry had to its slot, now that it maps the page; and frees the slot if space is short and nobody else
   * needs it. Page lock and page-table lock held. Takes `swap_lock`.
   * @param page - just mapped
   * @param entry - its slot
   * @kernel mm/memory.c do_swap_page, 2.6.34
   */
  giveBackEntry(page: number, entry: SwapEntry): void {
    const { counts, pages, table } = this.swap;
    counts.swapFree(entry);
    // After the entry is given back, or the slot would still have a user.
    if (table.vmSwapFull()) pages.tryToFreeSwap(page);
  }

  /** {@link resolveFault}, told as a span. */
  private tellFault(since: number, mm: number, vpn: number, pte: number, write: boolean): number {
    const { events } = this;
    const majors = events.own(VM_EVENT.majorFaults);
    const error = this.resolveFault(mm, vpn, pte, write);
    const isMajor = events.own(VM_EVENT.majorFaults) !== majors;
    this.trace.fault(since, kindOfFault(pte, write, isMajor), mm, vpn, write, error);
    return error;
  }

  /** The page of a present entry that may not be written, with a reference; 0 when there is none any more. */
  private getReadOnlyPage(mm: number, vpn: number): number {
    this.spaces.lockTable(mm);
    try {
      const pte = this.spaces.pte(mm, vpn);
      if ((pte & PTE_PRESENT) === 0 || (pte & PTE_WRITABLE) !== 0) return 0;
      const page = this.spaces.pageOf(pte);
      this.frames.getPage(page);
      return page;
    } finally {
      this.spaces.unlockTable(mm);
    }
  }

  /** Whether an entry is as it was; else somebody else was there first. Takes the page-table lock. @kernel pte_same */
  private isStillEntry(mm: number, vpn: number, pte: number): boolean {
    this.spaces.lockTable(mm);
    try {
      return this.spaces.pte(mm, vpn) === pte;
    } finally {
      this.spaces.unlockTable(mm);
    }
  }

  /** Whether an entry maps a page, but not for writing. Page-table lock held. */
  private mapsForReading(mm: number, vpn: number, page: number): boolean {
    const pte = this.spaces.pte(mm, vpn);
    return (pte & PTE_PRESENT) !== 0 && (pte & PTE_WRITABLE) === 0 && this.spaces.pageOf(pte) === page;
  }

  /**
   * Maps a locked swap-cache page in place of its entry; the caller's reference becomes the mapping's.
   * @returns {@link MAPPED}, {@link MAPPED_FOR_READING}, 0 when the entry changed meanwhile, `-EIO` when the page could not be read
   */
  private mapSwapPage(mm: number, vpn: number, pte: number, page: number, write: boolean): number {
    const entry = pteToSwpEntry(pte);
    this.spaces.lockTable(mm);
    try {
      if (this.spaces.pte(mm, vpn) !== pte) return 0;
      if (!this.frames.testFlag(page, PG_UPTODATE)) return -EIO;
      // Must come before the page is mapped and the entry is given back: it counts both. False while others share page or slot.
      const own = write && this.swap.pages.reuseSwapPage(page);
      this.spaces.mapPage(mm, vpn, page, own ? WRITTEN : PTE_ACCESSED);
      this.giveBackEntry(page, entry);
      if (this.list.markPageAccessed(page)) this.events.count(VM_EVENT.pgactivate);
      return own ? MAPPED : MAPPED_FOR_READING;
    } finally {
      this.spaces.unlockTable(mm);
    }
  }
}

/** What a fault had to do, as events have it. */
function kindOfFault(pte: number, write: boolean, isMajor: boolean): number {
  if (pte === 0) return PAGE_FAULT_ANONYMOUS;
  if (isSwapPte(pte)) return isMajor ? PAGE_FAULT_MAJOR : PAGE_FAULT_MINOR;
  return write && (pte & PTE_WRITABLE) === 0 ? PAGE_FAULT_COPY_ON_WRITE : PAGE_FAULT_NONE;
}
