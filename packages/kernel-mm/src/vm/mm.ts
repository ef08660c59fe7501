/**
 * What an address space is made of: its structure, the bits of its page table, and where all of them lie. Who may change what stands in
 * `address-spaces.ts`.
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks } from '../sync/locks.js';
import { layoutRwSemaphores } from '../sync/rwsem.js';
import { layoutAnonVmas, type AnonVmasLayout } from './anon-vma.js';

/** Page-table bit: the page is in memory. @kernel _PAGE_PRESENT */
export const PTE_PRESENT = 0x001;
/** Page-table bit: may be written. @kernel _PAGE_RW */
export const PTE_WRITABLE = 0x002;
/** Page-table bit: used since reclaim last looked. @kernel _PAGE_ACCESSED */
export const PTE_ACCESSED = 0x020;
/** Page-table bit: written since it was mapped. @kernel _PAGE_DIRTY */
export const PTE_DIRTY = 0x040;

/** State of a place for an address space: nobody is there. */
export const PLACE_FREE = 0;
/** State of a place for an address space: a process lives there. */
export const PLACE_LIVING = 1;
/** State of a place for an address space: its process has ended, but somebody uses it still, or it is just being taken apart. */
export const PLACE_ENDING = 2;

/** What is known about an address space, by value. */
export interface AddressSpaceInfo {
  readonly pages: number;
  readonly rss: number;
  readonly swapents: number;
  /** Whether its process was chosen to end for lack of memory. */
  readonly killed: boolean;
}

/** An address space. */
export const MM = struct(
  'mm_struct',
  {
    /** 0 while the place is free, 1 while its process lives, 2 from its end until nobody uses it any more. */
    live: 'i32',
    /** Who keeps it: its process, and each task that works on it from outside. `mmlist_lock`. @kernel mm_users */
    users: 'i32',
    /** Virtual pages, 0 to `pages` - 1. */
    pages: 'i32',
    /** Byte address of the page table. */
    table: 'i32',
    /** Pages present. @kernel MM_ANONPAGES */
    rss: 'i32',
    /** Entries that are swap entries. @kernel MM_SWAPENTS */
    swapents: 'i32',
    /** 1 once it was chosen to end for lack of memory: no access succeeds any more. @kernel TIF_MEMDIE */
    killed: 'i32',
    /** Counts the lives of this place, so that a stale handle is noticed. */
    generation: 'i32',
    /** The task that created it, whose name its process has in reports. @kernel comm */
    creator: 'i32',
  },
  64,
);

/** Regions and lock classes of the address spaces. */
export interface AddressSpacesLayout {
  readonly mms: Region;
  readonly tableLocks: Region;
  readonly mmapSems: Region;
  readonly listLock: Region;
  readonly anonVmas: AnonVmasLayout;
  readonly tableLockClass: LockClass;
  readonly mmapSemClass: LockClass;
  readonly listLockClass: LockClass;
  readonly count: number;
}

/**
 * Reserves the address spaces.
 * @param layout - not yet sealed
 * @param classes - gets `anon_vma_lock`, `page_table_lock`, `mmap_sem` and `mmlist_lock`
 * @param count - most address spaces at one time
 */
export function layoutAddressSpaces(
  layout: Layout,
  classes: LockClasses,
  count: number,
): AddressSpacesLayout {
  return {
    mms: layout.structs('hot', 'mm', MM, count),
    tableLocks: layoutLocks(layout, 'page_table_lock', count),
    mmapSems: layoutRwSemaphores(layout, 'mmap_sem', count),
    listLock: layoutLocks(layout, 'mmlist_lock'),
    anonVmas: layoutAnonVmas(layout, classes, count),
    tableLockClass: classes.define('page_table_lock', 'elder-first'),
    mmapSemClass: classes.define('mmap_sem'),
    listLockClass: classes.define('mmlist_lock'),
    count,
  };
}
