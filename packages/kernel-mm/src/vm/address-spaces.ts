/**
 * Address spaces and their page tables.
 *
 * Promise: an address space is a flat table of page-table entries, one 32-bit cell for each virtual page, in the form of a 2-level x86: bit 0
 * present, bit 1 writable, bit 5 accessed, bit 6 dirty, the frame number from bit 12; when not present, 0 for nothing or a swap entry. A page
 * that is present has a descriptor whose `mapping` and `index` lead back here: to the family of the address space, and to the number of the
 * virtual page. Each mapping holds one reference to its page.
 *
 * Locks, per address space:
 * - `mmap_sem` (reader/writer): read for faults, write for dropping ranges, for forks and for the end;
 * - `page_table_lock` (spinlock): every entry, `rss` and `swapents`. Taken inside the page lock, outside `swap_lock`. A fork holds two, the
 *   parent's first; nobody else ever does.
 * A page may be mapped in several address spaces, so its `mapcount` is changed with Atomics. It rises from 0 only under the page lock, or
 * while nobody else knows the page; from there on also by forks, under the page-table lock of an owner.
 * `mmlist_lock` (spinlock): which places in the table of address spaces are taken, and how many users each has. A process is one user of its
 * address space; a task that works on it from outside, as swapoff does, is another as long as it does, and whoever is the last ends it.
 * The table takes the place of the list that links address spaces with swap entries: it is walked in order of places, around and
 * around, and one without swap entries counts as not on the list. @kernel struct mm_struct and mmlist, 2.6.34
 */
import { ENOMEM } from '../errno.js';
import { PAGE_SHIFT } from '../arena/memory.js';
import type { Frames } from '../page/frames.js';
import { PAGE } from '../page/page.js';
import type { Vmalloc } from '../page/vmalloc.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { SpinLock, type Locks } from '../sync/locks.js';
import { RwSemaphore } from '../sync/rwsem.js';
import { AnonVmas } from './anon-vma.js';
import {
  MM,
  PLACE_ENDING,
  PLACE_FREE,
  PLACE_LIVING,
  PTE_ACCESSED,
  PTE_PRESENT,
  PTE_WRITABLE,
  type AddressSpaceInfo,
  type AddressSpacesLayout,
} from './mm.js';

/** Entries a scan of a page table looks at between two breaks. */
const SCAN_CHUNK = 256;
/** What {@link AddressSpaces.retire} takes for: whichever process is in the place. */
export const ANY_GENERATION = -1;

/** The address spaces of a machine, as one thread sees them. */
export class AddressSpaces {
  /** Which address spaces may map the same pages. */
  readonly families: AnonVmas;
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly locks: Locks;
  private readonly frames: Frames;
  private readonly vmalloc: Vmalloc;
  private readonly regions: AddressSpacesLayout;
  private readonly listLock: SpinLock;
  private readonly semaphores: RwSemaphore[] = [];

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutAddressSpaces}
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    regions: AddressSpacesLayout,
    parts: { readonly frames: Frames; readonly vmalloc: Vmalloc },
  ) {
    this.cells = core.cells;
    this.context = core.context;
    this.locks = core.locks;
    this.frames = parts.frames;
    this.vmalloc = parts.vmalloc;
    this.regions = regions;
    this.families = new AnonVmas(core, regions.anonVmas);
    this.listLock = new SpinLock(core.locks, regions.listLock.base, regions.listLockClass);
    for (let index = 0; index < regions.count; index++) {
      const address = regions.mmapSems.base + index * regions.mmapSems.stride;
      this.semaphores.push(new RwSemaphore(core.context, address, regions.mmapSemClass));
    }
  }

  /**
   * Creates an empty address space. May sleep.
   * @param pages - virtual pages, at least 1
   * @param parent - the address space it is forked from, whose family it joins; 0 for a family of its own
   * @returns its address, or `-ENOMEM` when there is no place or no memory for the page table
   * @kernel mm_alloc
   */
  create(pages: number, parent = 0): number {
    const table = this.vmalloc.vmalloc(pages * 4);
    if (table === 0) return -ENOMEM;
    const mm = this.claimPlace();
    if (mm === 0) {
      this.vmalloc.vfree(table);
      return -ENOMEM;
    }
    this.lockTable(mm);
    try {
      this.cells.st32(mm + MM.table, table);
      this.cells.st32(mm + MM.pages, pages);
    } finally {
      this.unlockTable(mm);
    }
    // Before anything is mapped in it, or the reverse map would miss that.
    if (parent === 0) this.families.found(this.indexOf(mm), mm);
    else this.families.join(this.indexOf(mm), mm, this.familyOf(parent));
    return mm;
  }

  /**
   * Gives back an address space that maps nothing and that nobody uses any more. May sleep. @kernel __mmdrop
   * @param mm - created here
   */
  destroy(mm: number): void {
    this.context.assert(this.cells.ld32(mm + MM.rss) === 0, 'an address space that ends has no pages');
    this.context.assert(
      this.cells.ld32(mm + MM.swapents) === 0,
      'an address space that ends has no swap entries',
    );
    // First, so that nobody comes here by a page any more.
    this.families.leave(this.indexOf(mm));
    this.lockTable(mm);
    const table = this.cells.ld32(mm + MM.table);
    try {
      this.cells.st32(mm + MM.pages, 0);
      this.cells.st32(mm + MM.table, 0);
    } finally {
      this.unlockTable(mm);
    }
    this.vmalloc.vfree(table);
    this.listLock.lock();
    try {
      this.cells.st32(mm + MM.live, PLACE_FREE);
    } finally {
      this.listLock.unlock();
    }
  }

  /** Whether a handle still names the same living address space. */
  isLive(mm: number, generation: number): boolean {
    return (
      this.cells.ld32(mm + MM.live) === PLACE_LIVING && this.cells.ld32(mm + MM.generation) === generation
    );
  }

  /**
   * Ends the process of an address space: takes away its use. Takes `mmlist_lock`.
   * @param mm - an address space
   * @param generation - whose life of the place is meant, or {@link ANY_GENERATION}
   * @returns whether nobody uses it any more, so that the caller takes it apart; false also when that process has ended before
   */
  retire(mm: number, generation: number): boolean {
    this.listLock.lock();
    try {
      if (this.cells.ld32(mm + MM.live) !== PLACE_LIVING) return false;
      if (generation !== ANY_GENERATION && this.cells.ld32(mm + MM.generation) !== generation) return false;
      this.cells.st32(mm + MM.live, PLACE_ENDING);
      this.add(mm + MM.users, -1);
      return this.cells.ld32(mm + MM.users) === 0;
    } finally {
      this.listLock.unlock();
    }
  }

  /**
   * The next address space with swap entries, in order of places around the table, with a use of the caller's. Those that nobody uses any
   * more are passed over: they are being taken apart. Takes `mmlist_lock`.
   * @param after - the one before, or 0 for the place before the first. @kernel init_mm
   * @param end - where the walk ends: where it began, 0 or one that the caller uses
   * @returns its address; 0 or `end`, without a use, when the walk comes there
   * @kernel mm/swapfile.c try_to_unuse, one turn of its walk over the mmlist, 2.6.34
   */
  nextToSearch(after: number, end: number): number {
    this.listLock.lock();
    try {
      for (let index = after === 0 ? 0 : this.indexOf(after) + 1; index < this.regions.count; index++) {
        const mm = this.regions.mms.base + index * MM.$bytes;
        if (mm === end) return end;
        const users = this.cells.ld32(mm + MM.users);
        // @racy entries that come after this look are found by a later walk
        if (users === 0 || this.cells.ld32(mm + MM.swapents) === 0) continue;
        this.cells.st32(mm + MM.users, users + 1);
        return mm;
      }
      return 0;
    } finally {
      this.listLock.unlock();
    }
  }

  /**
   * Drops a use. Takes `mmlist_lock`.
   * @param mm - from {@link nextToSearch}
   * @returns whether it was the last one: then the caller takes the address space apart
   * @kernel mmput
   */
  dropUser(mm: number): boolean {
    this.listLock.lock();
    try {
      this.add(mm + MM.users, -1);
      return this.cells.ld32(mm + MM.users) === 0;
    } finally {
      this.listLock.unlock();
    }
  }

  /** How many use an address space; true only for the moment. @kernel mm_users */
  usersOf(mm: number): number {
    return this.cells.ld32(mm + MM.users);
  }

  /** Whether some address space is being taken apart, with entries that {@link nextToSearch} passes over. Takes `mmlist_lock`. */
  isAnyEnding(): boolean {
    this.listLock.lock();
    try {
      for (let index = 0; index < this.regions.count; index++) {
        const mm = this.regions.mms.base + index * MM.$bytes;
        if (this.cells.ld32(mm + MM.live) === PLACE_ENDING && this.cells.ld32(mm + MM.users) === 0)
          return true;
      }
      return false;
    } finally {
      this.listLock.unlock();
    }
  }

  /** Counts the lives of the place an address space has. */
  generationOf(mm: number): number {
    return this.cells.ld32(mm + MM.generation);
  }

  /** Generation and size in pages, which stay as they are as long as it lives: read without points, for the handle that is made of it. */
  identityOf(mm: number): { readonly generation: number; readonly pages: number } {
    const { i32 } = this.cells.arena;
    return { generation: i32[(mm + MM.generation) >> 2] ?? 0, pages: i32[(mm + MM.pages) >> 2] ?? 0 };
  }

  /** Takes the page-table lock. */
  lockTable(mm: number): void {
    this.locks.spinLock(this.tableLockOf(mm), this.regions.tableLockClass);
  }

  /** Drops the page-table lock. */
  unlockTable(mm: number): void {
    this.locks.spinUnlock(this.tableLockOf(mm), this.regions.tableLockClass);
  }

  /** Stops the machine unless the task holds the page-table lock. */
  assertTableLocked(mm: number, who: string): void {
    this.context.assertHeld(this.tableLockOf(mm), who);
  }

  /** The semaphore for faults (read) and for changes of the whole (write). */
  mmapSem(mm: number): RwSemaphore {
    const semaphore = this.semaphores[this.indexOf(mm)];
    if (semaphore === undefined) return this.context.bug(`${mm} is no address space.`);
    return semaphore;
  }

  /** Virtual pages; 0 once it has ended. Page-table lock held, or a hint. */
  pagesOf(mm: number): number {
    return this.cells.ld32(mm + MM.pages);
  }

  /**
   * Reads an entry. Page-table lock held, unless only a hint is wanted.
   * @param vpn - virtual page number below {@link pagesOf}
   */
  pte(mm: number, vpn: number): number {
    return this.cells.ldu32(this.cells.ld32(mm + MM.table) + 4 * vpn);
  }

  /**
   * Looks for an entry without the page-table lock: what it finds must be looked at again under it. `mmap_sem` held for reading.
   * @param first - virtual page to begin with
   * @param wanted - the entry
   * @returns a virtual page that has it, or -1
   */
  findPte(mm: number, first: number, wanted: number): number {
    const { i32 } = this.cells.arena;
    const pages = this.pagesOf(mm);
    const table = this.cells.ld32(mm + MM.table);
    for (let chunk = first; chunk < pages; chunk += SCAN_CHUNK) {
      this.cells.announce(table + 4 * chunk);
      const end = Math.min(chunk + SCAN_CHUNK, pages);
      for (let vpn = chunk; vpn < end; vpn++) if (i32[(table >> 2) + vpn] === (wanted | 0)) return vpn;
    }
    return -1;
  }

  /** Writes an entry. Page-table lock held. */
  setPte(mm: number, vpn: number, pte: number): void {
    this.assertTableLocked(mm, 'set_pte');
    this.cells.st32(this.cells.ld32(mm + MM.table) + 4 * vpn, pte);
  }

  /** The page of a present entry. */
  pageOf(pte: number): number {
    return this.frames.pageAt(pte >>> PAGE_SHIFT);
  }

  /** A present entry for a page. */
  makePte(page: number, bits: number): number {
    return ((this.frames.frameNumber(page) << PAGE_SHIFT) | PTE_PRESENT | bits) >>> 0;
  }

  /** The family of an address space. @kernel vma->anon_vma */
  familyOf(mm: number): number {
    return this.families.familyOf(this.indexOf(mm));
  }

  /**
   * Maps a page in place of nothing or of a swap entry; the caller's reference becomes the mapping's. Page-table lock held, and the page lock
   * unless the page is new: so nobody else maps the page for the first time meanwhile. @kernel set_pte_at and page_add_anon_rmap
   */
  mapPage(mm: number, vpn: number, page: number, bits: number): void {
    const before = this.pte(mm, vpn);
    if ((before & PTE_PRESENT) !== 0) this.context.bug(`Virtual page ${vpn} is mapped twice.`);
    this.addRmap(mm, vpn, page);
    this.setPte(mm, vpn, this.makePte(page, bits));
    this.add(mm + MM.rss, 1);
    if (before !== 0) this.add(mm + MM.swapents, -1);
  }

  /**
   * Unmaps a page and stores what takes its place; the mapping's reference becomes the caller's. Page-table lock held.
   * @param replacement - 0 or a swap entry in pte form
   * @kernel ptep_clear_flush and page_remove_rmap
   */
  unmapPage(mm: number, vpn: number, page: number, replacement: number): void {
    this.setPte(mm, vpn, replacement);
    this.removeRmap(page);
    this.add(mm + MM.rss, -1);
    if (replacement !== 0) this.add(mm + MM.swapents, 1);
  }

  /**
   * Puts a copy in the place of a page that others may read too; the caller's reference to the copy becomes the mapping's, the mapping's
   * reference to the old page the caller's. Page-table lock held. @kernel do_wp_page, from ptep_clear_flush on, 2.6.34
   * @param page - mapped here
   * @param copy - a new page
   * @param bits - of the new entry
   */
  replacePage(mm: number, vpn: number, page: number, copy: number, bits: number): void {
    this.addRmap(mm, vpn, copy);
    this.setPte(mm, vpn, this.makePte(copy, bits));
    this.removeRmap(page);
  }

  /**
   * Maps a page in a child as its parent has it: both only for reading, so that the first write of either makes a copy. The child gets a
   * reference of its own. Page-table locks of both held. @kernel mm/memory.c copy_one_pte for a present page, 2.6.34
   * @param parent - maps the page at this virtual page
   * @param child - has nothing there
   */
  sharePage(parent: number, child: number, vpn: number): void {
    const pte = this.pte(parent, vpn);
    const page = this.pageOf(pte);
    const shared = (pte & ~PTE_WRITABLE) >>> 0;
    this.setPte(parent, vpn, shared);
    this.frames.getPage(page);
    if (this.cells.atomicAdd(page + PAGE.mapcount, 1) <= 0)
      this.context.bug(`Page ${this.frames.frameNumber(page)} is shared although nobody maps it.`);
    // Whether the page is newer than its slot must be known to both, since either may be the last to map it; only one has used it.
    this.setPte(child, vpn, shared & ~PTE_ACCESSED);
    this.add(child + MM.rss, 1);
  }

  /** Copies a swap entry into a child, which has nothing there; the slot has counted it. Page-table locks of both held. */
  shareSwapPte(child: number, vpn: number, pte: number): void {
    this.setPte(child, vpn, pte);
    this.add(child + MM.swapents, 1);
  }

  /** Clears a swap entry. Page-table lock held. */
  clearSwapPte(mm: number, vpn: number): void {
    this.setPte(mm, vpn, 0);
    this.add(mm + MM.swapents, -1);
  }

  /** Marks an address space, which the caller uses: its process has to end for lack of memory. False when it was marked before. */
  markKilled(mm: number): boolean {
    return this.cells.atomicCompareExchange(mm + MM.killed, 0, 1) === 0;
  }

  /** Whether an address space is marked. */
  isKilled(mm: number): boolean {
    return this.cells.ld32(mm + MM.killed) !== 0;
  }

  /** Pages in memory and in swap together; true only for the moment. @racy whom to kill is a guess, as badness makes it in 2.6.34 */
  usedPages(mm: number): number {
    return this.cells.ld32(mm + MM.rss) + this.cells.ld32(mm + MM.swapents);
  }

  /**
   * Of the living processes that are not marked the one with the most pages in memory and in swap, the first between equals, with a use of the
   * caller's. Takes `mmlist_lock`.
   * @param otherwise - which one to take when none has any
   * @returns its address; 0 when there is none
   */
  holdLargest(otherwise: number): number {
    this.listLock.lock();
    try {
      let largest = 0;
      let most = 0;
      for (let index = 0; index < this.regions.count; index++) {
        const mm = this.regions.mms.base + index * MM.$bytes;
        if (this.cells.ld32(mm + MM.live) !== PLACE_LIVING || this.isKilled(mm)) continue;
        const used = this.usedPages(mm);
        if (used > most || (largest === 0 && mm === otherwise)) {
          largest = mm;
          most = used;
        }
      }
      if (largest !== 0) this.add(largest + MM.users, 1);
      return largest;
    } finally {
      this.listLock.unlock();
    }
  }

  /** What is known about an address space. @racy for reports */
  info(mm: number): AddressSpaceInfo {
    return {
      pages: this.cells.ld32(mm + MM.pages),
      rss: this.cells.ld32(mm + MM.rss),
      swapents: this.cells.ld32(mm + MM.swapents),
      killed: this.isKilled(mm),
    };
  }

  /** Addresses of all address spaces there are, in order of their places. Only while nobody creates or ends one. */
  list(): number[] {
    const live: number[] = [];
    for (let index = 0; index < this.regions.count; index++) {
      const mm = this.regions.mms.base + index * MM.$bytes;
      if (this.cells.ld32(mm + MM.live) !== PLACE_FREE) live.push(mm);
    }
    return live;
  }

  private indexOf(mm: number): number {
    return (mm - this.regions.mms.base) / MM.$bytes;
  }

  private tableLockOf(mm: number): number {
    return this.regions.tableLocks.base + this.indexOf(mm) * this.regions.tableLocks.stride;
  }

  /** Counts a mapping and writes into the page how to find it. @kernel page_add_anon_rmap */
  private addRmap(mm: number, vpn: number, page: number): void {
    const family = this.familyOf(mm);
    if (this.cells.atomicAdd(page + PAGE.mapcount, 1) === 0) {
      this.cells.st32(page + PAGE.mapping, family);
      this.cells.st32(page + PAGE.index, vpn);
    } else if (
      this.cells.ld32(page + PAGE.mapping) !== family ||
      this.cells.ld32(page + PAGE.index) !== vpn
    ) {
      this.context.bug(
        `Page ${this.frames.frameNumber(page)} is mapped at virtual page ${vpn}, but others map it elsewhere.`,
      );
    }
  }

  /** @kernel page_remove_rmap */
  private removeRmap(page: number): void {
    if (this.cells.atomicAdd(page + PAGE.mapcount, -1) <= 0)
      this.context.bug(`Page ${this.frames.frameNumber(page)} is unmapped once too often.`);
  }

  private claimPlace(): number {
    this.listLock.lock();
    try {
      for (let index = 0; index < this.regions.count; index++) {
        const mm = this.regions.mms.base + index * MM.$bytes;
        if (this.cells.ld32(mm + MM.live) !== PLACE_FREE) continue;
        this.cells.st32(mm + MM.live, PLACE_LIVING);
        this.cells.st32(mm + MM.users, 1);
        this.cells.st32(mm + MM.killed, 0);
        this.cells.st32(mm + MM.creator, this.context.current);
        this.add(mm + MM.generation, 1);
        return mm;
      }
      return 0;
    } finally {
      this.listLock.unlock();
    }
  }

  private add(cell: number, delta: number): void {
    this.cells.st32(cell, this.cells.ld32(cell) + delta);
  }
}
