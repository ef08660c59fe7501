/**
 * Bringing pages home: what swapoff does with the slots of its area while swapping goes on. @kernel mm/swapfile.c try_to_unuse, 2.6.34
 *
 * Promise: when {@link Unuse.tryToUnuse} answers 0, no slot of the area is in use; every page that had one is in memory, mapped by those who
 * had its entry, and dirty, since the copy on the device is given up. When it answers an errno, what was brought home stays there, and all
 * else is as it was. It ends in any case: a slot that belongs to nobody who could take its page (shmem, or a slot taken by type) is an
 * errno and no hang.
 *
 * How: slot after slot, in several passes over the map. The page of a slot is found in the swap cache or read into it, and locked. Then the
 * address spaces are searched for its entry: first the one in which the slot before was found, then all others, around the table of places
 * (`address-spaces.ts`), each with a use of ours so that it stays while we look. In each at most one page-table entry names a slot. Faults,
 * forks and reclaim go on meanwhile, so a slot may be missed by a search; then its page goes back to the device, if that has an
 * older one, and the next pass finds the slot again. No slot comes into use meanwhile, for the area is not writable.
 *
 * Order of locks: `mmap_sem` of the address space that is searched (read), page lock, page-table lock, `swap_lock`. The semaphore comes after
 * the page lock here, so it is only tried; if that fails the page is let go before waiting for it. An address space whose last user we turn
 * out to be is taken apart after the page is unlocked, for the same reason.
 */
import { EINTR, EIO, ENOMEM, EOPNOTSUPP } from '../errno.js';
import type { Frames } from '../page/frames.js';
import type { ReclaimList } from '../page/lru.js';
import { PAGE, PG_DIRTY, PG_ERROR, PG_UPTODATE, PG_WRITEBACK } from '../page/page.js';
import { swpEntry, swpEntryToPte, type SwapEntry } from '../swap/entries.js';
import { SWAP_INFO, SWAP_MAP_SHMEM, swapCount } from '../swap/info.js';
import type { SwapoffOps } from '../swap/operations.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { AddressSpaces } from './address-spaces.js';
import type { Faults } from './fault.js';
import type { PageIo } from './page-io.js';
import { VM_EVENT, type VmEvents } from './stats.js';
import type { SwapCache } from './swap-cache.js';
import type { Zap } from './zap.js';

/** Where a search begins that no address space is preferred by. @kernel init_mm, which heads the mmlist and maps nothing */
const INIT_MM = 0;
/** Pages of the page cache that an area has for itself. */
const HEADER_PAGES = 1;
/** Passes in a row that change nothing after which the slots that are left have no owner. Each waits a little longer than the one before. */
const FRUITLESS_PASSES_MAX = 256;

/** What swapoff asks of the vm, for one thread. */
export class Unuse implements SwapoffOps {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly frames: Frames;
  private readonly list: ReclaimList;
  private readonly spaces: AddressSpaces;
  private readonly swap: SwapCore;
  private readonly cache: SwapCache;
  private readonly io: PageIo;
  private readonly faults: Faults;
  private readonly zap: Zap;
  private readonly events: VmEvents;

  /** The address space that is searched first, with a use of ours, or {@link INIT_MM}. @perthread */
  private startMm = INIT_MM;
  /** The one before it, as long as the slot it was changed for is being searched for. @perthread */
  private formerStart = INIT_MM;
  /** Address spaces whose last user we were while a page was locked. @perthread */
  private readonly ended: number[] = [];
  /** Page-table entries replaced since the call began. @perthread */
  private replaced = 0;

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
      readonly faults: Faults;
      readonly zap: Zap;
      readonly events: VmEvents;
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
    this.faults = parts.faults;
    this.zap = parts.zap;
    this.events = parts.events;
  }

  /**
   * Brings every page of an area home. Entered without locks; may sleep.
   * @param type - an area that is no longer writable
   * @returns 0 when no slot of it is in use any more; -EINTR when a signal waits; -ENOMEM when no page could be had; -EIO when a slot could not be
   * read, whose page somebody still needs; -EOPNOTSUPP when a slot has no owner that could take its page
   * @kernel mm/swapfile.c try_to_unuse, 2.6.34
   */
  tryToUnuse(type: number): number {
    this.context.mightSleep('bringing pages home');
    this.startMm = INIT_MM;
    this.replaced = 0;
    try {
      return this.unuseArea(type);
    } finally {
      this.leave(this.startMm);
      this.startMm = INIT_MM;
      this.endThoseLeft();
    }
  }

  /**
   * Whether so many more pages may be promised, by the heuristic that is the default: against what could be had if all had to be, without
   * asking what was promised before. What can be had: pages of the page cache, and free slots, the area's own among them; if that is not
   * enough, also free frames beyond the reserve. In the page cache are the pages of the swap cache, and the header of the area, which
   * swapon left there (we read it without a cache, so it is only counted): thus an empty area can always go. There is no slab to
   * shrink, and who calls is root, of whom nothing is held back. `swap_lock` is held.
   * @param pages - usable slots of the area
   * @kernel mm/mmap.c __vm_enough_memory with OVERCOMMIT_GUESS, 2.6.34
   */
  vmEnoughMemory(pages: number): boolean {
    const { free, high } = this.frames.info();
    const sure = this.cache.info().pages + HEADER_PAGES + this.swap.table.nrSwapPages();
    if (sure > pages) return true;
    return free > high && sure + free - high > pages;
  }

  /** Slot after slot until none is in use, or one cannot be freed. */
  private unuseArea(type: number): number {
    let offset = 0;
    let fruitless = 0;
    let stateBefore = this.changesOf(type);
    for (;;) {
      const previous = offset;
      offset = this.swap.off.findNextToUnuse(type, previous);
      if (offset === 0) return 0;
      if (offset <= previous) {
        const state = this.changesOf(type);
        fruitless = state !== stateBefore || this.spaces.isAnyEnding() ? 0 : fruitless + 1;
        if (fruitless >= FRUITLESS_PASSES_MAX) return -EOPNOTSUPP;
        stateBefore = state;
        this.context.relax(fruitless);
      }
      if (this.context.signalPending()) return -EINTR;
      const error = this.unuseSlot(swpEntry(type, offset));
      if (error !== 0) return error;
      this.context.step();
    }
  }

  /** A number that grows with each slot of the area that is freed and each page-table entry that is replaced. @racy only asked whether it has changed */
  private changesOf(type: number): number {
    return this.cells.ldu32(this.swap.table.infoOf(type) + SWAP_INFO.freed) + this.replaced;
  }

  /**
   * Frees one slot, if all who use it are found.
   * @param entry - a slot that was in use
   * @returns 0, also when it is still in use; or why nothing can be done about it
   */
  unuseSlot(entry: SwapEntry): number {
    const page = this.faults.readSwapCache(entry);
    // The slot may have been freed before it could be read.
    if (page === 0) return this.swap.table.mapByte(entry) === 0 ? 0 : -ENOMEM;
    this.forgetLonelyStart();
    try {
      this.lockIdlePage(page);
      const error = this.bringHome(entry, page);
      this.frames.unlockPage(page);
      return error;
    } finally {
      this.frames.putPage(page);
      this.leave(this.formerStart);
      this.formerStart = INIT_MM;
      this.endThoseLeft();
    }
  }

  /** Whoever was found last may have ended since: nobody but us keeps it then. */
  private forgetLonelyStart(): void {
    if (this.startMm === INIT_MM || this.spaces.usersOf(this.startMm) !== 1) return;
    this.zap.mmput(this.startMm);
    this.startMm = INIT_MM;
  }

  /**
   * Locks a page that nobody is writing, and keeps it so.
   * @param page - with a reference of the caller
   * @kernel lock_page and wait_on_page_writeback
   */
  lockIdlePage(page: number): void {
    this.frames.lockPage(page);
    this.waitOnPageWriteback(page);
  }

  /**
   * Waits until the write of a page is done. Whoever writes holds no page lock meanwhile, and none of our locks is one a device waits for.
   * @param page - locked by the caller, so that no other write begins
   * @kernel wait_on_page_writeback
   */
  waitOnPageWriteback(page: number): void {
    const { context, frames } = this;
    for (let round = 0; frames.testFlag(page, PG_WRITEBACK); round++) {
      if (!context.options.mayWait) context.wouldBlock('another thread is writing a page to swap');
      // From some round on, each lasts a millisecond.
      if (round > context.options.waitLimitMs)
        context.bug(`Page ${frames.frameNumber(page)} is being written for ever.`);
      context.relax(round);
    }
  }

  /**
   * Puts a page wherever the entry of its slot is, then takes it out of the swap cache.
   * @param entry - the slot
   * @param page - found for it in the swap cache, locked; it stays locked
   * @returns 0 or a negative errno
   */
  private bringHome(entry: SwapEntry, page: number): number {
    const before = this.swap.table.mapByte(entry);
    const users = swapCount(before);
    if (users === SWAP_MAP_SHMEM) return this.shmemUnuse(entry, page);
    if (users !== 0 && this.isUnread(page)) return this.refuseUnread(entry, page);
    if (users !== 0 && this.startMm !== INIT_MM) this.unuseMm(this.startMm, entry, page);
    if (this.hasUsers(entry)) this.searchOthers(entry, page, before);
    if (this.hasUsers(entry) && !this.writeBack(entry, page)) return 0;
    this.forgetSlot(entry, page);
    // The device's copy is given up, so this one must not be taken for clean.
    this.frames.setFlag(page, PG_DIRTY);
    return 0;
  }

  private hasUsers(entry: SwapEntry): boolean {
    return swapCount(this.swap.table.mapByte(entry)) !== 0;
  }

  /**
   * Finds the owner of a slot of shmem. There is no shmem here, so nobody owns it.
   * @param _entry - the slot
   * @param _page - its page, locked; it stays locked
   * @returns -EOPNOTSUPP
   * @kernel mm/shmem.c shmem_unuse, 2.6.34
   */
  shmemUnuse(_entry: SwapEntry, _page: number): number {
    return -EOPNOTSUPP;
  }

  /**
   * Whether a page could not be read. 2.6.34 does not ask.
   * @param page - locked
   */
  isUnread(page: number): boolean {
    return !this.frames.testFlag(page, PG_UPTODATE);
  }

  /**
   * A page that could not be read, but is needed, must not be mapped: its bytes are those of whoever had the frame before. It leaves the swap cache, so that the next attempt reads again.
   * @returns -EIO, or -ENOMEM when there was no memory for the request; 0 when somebody else gave it up meanwhile
   * @kernel mm/swapfile.c unuse_pte, 5.19
   */
  refuseUnread(entry: SwapEntry, page: number): number {
    if (!this.isPageOf(page, entry)) return 0;
    this.cache.deleteFromSwapCache(page);
    return this.frames.testFlag(page, PG_ERROR) ? -EIO : -ENOMEM;
  }

  /**
   * Searches all address spaces but the one that was searched first, from the one behind it around to it. The first in which the
   * slot is found, if it was not found in the former, is where the search for the next slot begins: neighbouring slots often
   * belong to one process.
   * @param entry - the slot
   * @param page - its page, locked
   * @param before - map byte of the slot before the first search
   */
  searchOthers(entry: SwapEntry, page: number, before: number): void {
    const { spaces } = this;
    const { table } = this.swap;
    const start = this.startMm;
    let wantsStart = table.mapByte(entry) >= before;
    let mm = start;
    while (this.hasUsers(entry)) {
      mm = spaces.nextToSearch(mm, start);
      if (mm === start) break;
      if (mm === INIT_MM) {
        wantsStart = true;
        continue;
      }
      const seen = table.mapByte(entry);
      this.searchOne(mm, entry, page);
      if (!wantsStart || table.mapByte(entry) >= seen) {
        this.leave(mm);
        continue;
      }
      // The walk ends where it began, so that stays in use until then.
      if (this.startMm === start) this.formerStart = start;
      else this.leave(this.startMm);
      this.startMm = mm;
      wantsStart = false;
    }
  }

  /** {@link unuseMm}; when that is left by an exception, the address space is left, too. */
  private searchOne(mm: number, entry: SwapEntry, page: number): void {
    let searched = false;
    try {
      this.unuseMm(mm, entry, page);
      searched = true;
    } finally {
      if (!searched) this.leave(mm);
    }
  }

  /**
   * Drops a use of an address space. It is taken apart later if that was the last one: a page may be locked now.
   * @param mm - an address space, or {@link INIT_MM}
   */
  private leave(mm: number): void {
    if (mm !== INIT_MM && this.spaces.dropUser(mm)) this.ended.push(mm);
  }

  /** Takes apart those we were the last user of. No page is locked. */
  private endThoseLeft(): void {
    for (let mm = this.ended.pop(); mm !== undefined; mm = this.ended.pop()) this.zap.exitMmap(mm);
  }

  /**
   * Replaces the entry of a slot in one address space by its page. May sleep.
   * @param mm - an address space with a use of ours
   * @param entry - the slot
   * @param page - its page, locked; it may be unlocked meanwhile
   * @returns whether an entry was replaced
   * @kernel mm/swapfile.c unuse_mm, 2.6.34
   */
  unuseMm(mm: number, entry: SwapEntry, page: number): boolean {
    const semaphore = this.spaces.mmapSem(mm);
    if (!semaphore.tryDownRead()) {
      // So that reclaim does not take it as soon as it is unlocked.
      this.activatePage(page);
      this.frames.unlockPage(page);
      semaphore.downRead();
      this.lockIdlePage(page);
    }
    try {
      return this.unuseVma(mm, entry, page);
    } finally {
      semaphore.upRead();
    }
  }

  /**
   * Searches the page table of an address space. A page that was mapped before says where it belongs. Else all entries are looked at, without
   * the page-table lock: while we have `mmap_sem` and the page lock, entries of the slot can only go, but for those that a fork is
   * just copying here, which the next pass finds.
   * @param mm - address space, `mmap_sem` held for reading
   * @param entry - the slot
   * @param page - its page, locked
   * @returns whether an entry was replaced
   * @kernel mm/swapfile.c unuse_vma down to unuse_pte_range, 2.6.34
   */
  unuseVma(mm: number, entry: SwapEntry, page: number): boolean {
    const { spaces } = this;
    const family = this.cells.ld32(page + PAGE.mapping);
    if (family !== 0) {
      const vpn = this.cells.ld32(page + PAGE.index);
      if (family !== spaces.familyOf(mm) || vpn >= spaces.pagesOf(mm)) return false;
      return this.unusePte(mm, vpn, entry, page);
    }
    const wanted = swpEntryToPte(entry);
    for (let vpn = spaces.findPte(mm, 0, wanted); vpn >= 0; vpn = spaces.findPte(mm, vpn + 1, wanted))
      if (this.unusePte(mm, vpn, entry, page)) return true;
    return false;
  }

  /**
   * Maps a page in the place of the entry of its slot: for reading only, and not as used. Takes the page-table lock.
   * @param mm - address space, `mmap_sem` held for reading
   * @param vpn - virtual page that may have the entry
   * @param entry - the slot
   * @param page - its page, locked, up to date
   * @returns whether the entry was there
   * @kernel mm/swapfile.c unuse_pte, 2.6.34
   */
  unusePte(mm: number, vpn: number, entry: SwapEntry, page: number): boolean {
    const { spaces } = this;
    spaces.lockTable(mm);
    try {
      if (spaces.pte(mm, vpn) !== swpEntryToPte(entry)) return false;
      // As long as a slot has a user its page stays in the swap cache: we have a reference, so reclaim cannot drop it.
      if (!this.isPageOf(page, entry))
        this.context.bug(`The page of swap entry 0x${entry.toString(16)}, which is in use, has left it.`);
      this.frames.getPage(page);
      spaces.mapPage(mm, vpn, page, 0);
      this.swap.counts.swapFree(entry);
      this.activatePage(page);
    } finally {
      spaces.unlockTable(mm);
    }
    this.replaced++;
    this.events.count(VM_EVENT.broughtHome);
    return true;
  }

  /** Says that a page was just used, so that it is not the next to be reclaimed. @kernel mm/swap.c activate_page, 2.6.34 */
  private activatePage(page: number): void {
    if (this.list.activatePage(page)) this.events.count(VM_EVENT.pgactivate);
  }

  private isPageOf(page: number, entry: SwapEntry): boolean {
    return this.cache.isSwapCache(page) && this.cache.swapEntryOf(page) === entry;
  }

  /**
   * Saves a page for users of its slot that were not found: what the device has is older than the page.
   * @param entry - a slot with users
   * @param page - its page, locked; it may be unlocked meanwhile
   * @returns whether the page may leave the swap cache; not if it could not be written, or became dirty again: then the next pass tries again
   * @kernel mm/swapfile.c try_to_unuse, its call of swap_writepage, 2.6.34, which does not look at the result
   */
  writeBack(entry: SwapEntry, page: number): boolean {
    if (!this.isPageOf(page, entry) || !this.frames.clearFlag(page, PG_DIRTY)) return true;
    this.io.swapWritepage(page);
    this.lockIdlePage(page);
    return !this.frames.testFlag(page, PG_DIRTY) || !this.isPageOf(page, entry);
  }

  /**
   * Takes a page out of the swap cache, if it is still the page of this slot: while it was unlocked it may have got another one, in an area
   * that stays.
   * @param entry - the slot
   * @param page - locked
   * @kernel mm/swapfile.c try_to_unuse, 2.6.29 and later
   */
  forgetSlot(entry: SwapEntry, page: number): void {
    if (this.isPageOf(page, entry)) this.cache.deleteFromSwapCache(page);
  }
}
