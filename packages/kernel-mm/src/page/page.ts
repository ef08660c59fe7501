/**
 * Page descriptors: what the kernel knows about each page frame.
 *
 * A page is named by the address of its descriptor, as `struct page *` in C; 0 is the null pointer. Who may write which field:
 *
 *   flags                       bit by bit with Atomics; most bits belong to the holder of the page lock (see each)
 *   count                       anyone who holds a reference, with Atomics
 *   private                     the holder of the page lock
 *   mapcount                    owners of page tables that map it, with Atomics; see vm/address-spaces.ts
 *   mapping, index              whoever maps it first: the holder of the page lock
 *   lock                        the page lock itself, a mutex word of class `page_lock`
 *   onLru, lruNext, lruPrev     `lru_lock`; while the page is free, lruNext belongs to `zone_lock`
 *   referenced                  anyone, a hint; PG_ACTIVE beside it: `lru_lock`, or whoever took the page off its list
 *   hashNext                    the swap cache's `tree_lock`
 */
import { struct } from '../arena/struct.js';

/** A page descriptor. @kernel struct page, 2.6.34 */
export const PAGE = struct(
  'page',
  {
    flags: 'i32',
    count: 'i32',
    mapcount: 'i32',
    lock: 'i32',
    /** The swap entry while the page is in the swap cache. */
    private: 'u32',
    /** The family of address spaces that map it or did last; 0 when none ever did. @kernel page->mapping, an anon_vma */
    mapping: 'i32',
    /** Virtual page number in all of them. */
    index: 'i32',
    /** Used once since it came to the inactive list, or since reclaim last looked. @kernel PG_referenced */
    referenced: 'i32',
    /** 1 on one of the two lists. @kernel PG_lru */
    onLru: 'i32',
    lruNext: 'i32',
    lruPrev: 'i32',
    hashNext: 'i32',
  },
  64,
);

/** Page flag: the contents are valid. @kernel PG_uptodate */
export const PG_UPTODATE = 0x0001;
/** Page flag: newer than what the device holds. @kernel PG_dirty */
export const PG_DIRTY = 0x0002;
/** Page flag: in the swap cache; `private` is its entry. @kernel PG_swapcache */
export const PG_SWAPCACHE = 0x0010;
/** Page flag: may be swapped. @kernel PG_swapbacked */
export const PG_SWAPBACKED = 0x0020;
/** Page flag: being written to a device; cleared by the completion without the page lock. @kernel PG_writeback */
export const PG_WRITEBACK = 0x0040;
/** Page flag: a transfer failed. @kernel PG_error */
export const PG_ERROR = 0x0080;
/** Page flag: counted against the limit on resident pages. @kernel PageCgroupUsed */
export const PG_CHARGED = 0x0100;
/** Page flag: read ahead of its use and not used yet; for counting only. Not the kernel's PG_readahead, which is for files. */
export const PG_READ_AHEAD = 0x1000;
/** Page flag: on the free list; nobody may touch it. */
export const PG_FREE = 0x0200;
/** Page flag: on the active list, or to be put there when it comes back to a list. @kernel PG_active */
export const PG_ACTIVE = 0x0400;
/** Page flag: being written so that it can be freed; the end of its writeback looks at it. @kernel PG_reclaim */
export const PG_RECLAIM = 0x0800;

/** GFP bit: the caller may sleep and reclaim. @kernel __GFP_WAIT, 2.6.34 */
export const GFP_BIT_WAIT = 0x10;
/** GFP bit: may dip below the minimum watermark. @kernel __GFP_HIGH, 2.6.34 */
export const GFP_BIT_HIGH = 0x20;
/** GFP bit: reclaim may start I/O. @kernel __GFP_IO, 2.6.34 */
export const GFP_BIT_IO = 0x40;
/** GFP bit: reclaim may enter a file system. @kernel __GFP_FS, 2.6.34 */
export const GFP_BIT_FS = 0x80;
/** GFP bit: any page will do; without effect here. @kernel __GFP_HIGHMEM, 2.6.34 */
export const GFP_BIT_HIGHMEM = 0x02;

/** May not sleep; may dip into the reserve. @kernel GFP_ATOMIC, 2.6.34 */
export const GFP_ATOMIC = GFP_BIT_HIGH;
/** May sleep but not start I/O. @kernel GFP_NOIO, 2.6.34 */
export const GFP_NOIO = GFP_BIT_WAIT;
/** May sleep, reclaim and start I/O. @kernel GFP_KERNEL, 2.6.34 */
export const GFP_KERNEL = GFP_BIT_WAIT | GFP_BIT_IO | GFP_BIT_FS;

/** What drivers and the swap core need of the page allocator. All functions may be called with spinlocks held unless gfp has `GFP_BIT_WAIT`. */
export interface PageAllocator {
  /**
   * Takes a page frame. Its contents are whatever was there.
   * @param gfp - `GFP_...`
   * @returns the page with a reference count of 1, or 0 when there is none
   */
  allocPage(gfp: number): number;
  /**
   * Gives back a page whose last reference the caller holds.
   * @param page - descriptor address
   */
  freePage(page: number): void;
  /**
   * Byte address of a page's frame in the arena.
   * @param page - descriptor address
   */
  addressOf(page: number): number;
  /**
   * Page frame number, 0 to the number of frames - 1, for stable numbering in reports.
   * @param page - descriptor address
   */
  frameNumber(page: number): number;
}
