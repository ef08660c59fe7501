/**
 * Moving one page between memory and its slot. @kernel mm/page_io.c, 2.6.34
 *
 * Promise: a page under writeback is not freed and not taken out of the swap cache; a failed write leaves the page dirty, so that nothing is
 * lost; a failed read leaves it not up to date, and whoever faulted on it is told.
 *
 * An area with an address space of its own (`swap/swap-spaces.ts`) gets its pages without any bio; what is promised above holds all the same, and
 * so do the states a page goes through.
 *
 * Both functions are entered with the page lock held and leave with it dropped. They may sleep: a device may take a mutex. All modelled
 * devices complete before they return, in the caller's context.
 */
import { EIO, ENOMEM } from '../errno.js';
import { PAGE_SIZE } from '../arena/memory.js';
import { NULL_SYMBOL, type SymbolId } from '../arena/symbols.js';
import { BIO_READ, BIO_WRITE, type Bios } from '../block/bio.js';
import { SECTORS_PER_PAGE, type BlockDevices } from '../block/device.js';
import type { FailMakeRequest } from '../block/fault-injection.js';
import type { Frames } from '../page/frames.js';
import type { ReclaimList } from '../page/lru.js';
import {
  GFP_KERNEL,
  GFP_NOIO,
  PG_DIRTY,
  PG_ERROR,
  PG_RECLAIM,
  PG_UPTODATE,
  PG_WRITEBACK,
} from '../page/page.js';
import { swpOffset, swpType, type SwapEntry } from '../swap/entries.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { KERN_ALERT } from '../trace/events.js';
import { NOT_TRACED as NOT_TRACED_THERE, type Trace } from '../trace/trace.js';
import { VM_EVENT, type VmEvents } from './stats.js';
import type { SwapCache } from './swap-cache.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const NOT_TRACED = NOT_TRACED_THERE;

/** Page I/O of one thread. */
export class PageIo {
  private readonly context: Context;
  private readonly frames: Frames;
  private readonly list: ReclaimList;
  private readonly bios: Bios;
  private readonly devices: BlockDevices;
  private readonly failing: FailMakeRequest;
  private readonly swap: SwapCore;
  private readonly cache: SwapCache;
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
      readonly bios: Bios;
      readonly devices: BlockDevices;
      readonly failing: FailMakeRequest;
      readonly swap: SwapCore;
      readonly cache: SwapCache;
      readonly events: VmEvents;
      readonly trace: Trace;
    },
  ) {
    this.context = core.context;
    this.frames = parts.frames;
    this.list = parts.reclaimList;
    this.bios = parts.bios;
    this.devices = parts.devices;
    this.failing = parts.failing;
    this.swap = parts.swap;
    this.cache = parts.cache;
    this.events = parts.events;
    this.trace = parts.trace;
  }

  /**
   * Writes a page to its slot, unless nobody needs the slot any more.
   * @param page - locked, in the swap cache, clean as far as its flag says; unlocked on return
   * @returns 0, or a negative errno with the page dirty again
   * @kernel mm/page_io.c swap_writepage and end_swap_bio_write, 2.6.34
   */
  swapWritepage(page: number): number {
    this.context.mightSleep('writing a page to swap');
    if (this.swap.pages.tryToFreeSwap(page) !== 0) {
      this.frames.unlockPage(page);
      return 0;
    }
    const writer = this.swap.spaces.writerOf(swpType(this.cache.swapEntryOf(page)));
    if (writer !== NULL_SYMBOL) return this.writeThroughSpace(writer, page);
    const bio = this.bios.allocBio(GFP_NOIO);
    if (bio === 0) {
      this.frames.setFlag(page, PG_DIRTY);
      this.frames.unlockPage(page);
      return -ENOMEM;
    }
    this.fillBio(bio, page, BIO_WRITE);
    const since = this.startWriteback(page);
    const error = this.bios.submitBio(bio);
    this.bios.freeBio(bio);
    return this.endWriteback(page, error, since);
  }

  /**
   * Reads a page from its slot.
   * @param page - locked, in the swap cache, not up to date; unlocked on return
   * @returns 0, or a negative errno with the page not up to date
   * @kernel mm/page_io.c swap_readpage and end_swap_bio_read, 2.6.34
   */
  swapReadpage(page: number): number {
    this.context.assert(!this.frames.testFlag(page, PG_UPTODATE), 'a page that is read has no contents yet');
    const reader = this.swap.spaces.readerOf(swpType(this.cache.swapEntryOf(page)));
    if (reader !== NULL_SYMBOL) return this.readThroughSpace(reader, page);
    const bio = this.bios.allocBio(GFP_KERNEL);
    if (bio === 0) {
      this.frames.unlockPage(page);
      return -ENOMEM;
    }
    this.fillBio(bio, page, BIO_READ);
    this.events.count(VM_EVENT.swapIns);
    const since = this.trace.beginSwapIn();
    const error = this.bios.submitBio(bio);
    this.bios.freeBio(bio);
    return this.endRead(page, error, since);
  }

  /**
   * Writes a page by the operation of its area's address space: no bio, so nothing can fail before the device sees the page, unless it is made to.
   * @param writer - number of the operation
   * @param page - as for {@link swapWritepage}
   * @returns as {@link swapWritepage}
   */
  writeThroughSpace(writer: SymbolId, page: number): number {
    const entry = this.cache.swapEntryOf(page);
    const { spaces, table } = this.swap;
    const writePage = spaces.writers.resolve(writer);
    const since = this.startWriteback(page);
    this.events.count(VM_EVENT.spaceWrites);
    const host = table.bdevOf(entry);
    const error = this.failing.shouldFailRequest(host, BIO_WRITE, PAGE_SIZE)
      ? -EIO
      : writePage(host, swpOffset(entry), this.frames.addressOf(page));
    return this.endWriteback(page, error, since);
  }

  /**
   * Reads a page by the operation of its area's address space.
   * @param reader - number of the operation
   * @param page - as for {@link swapReadpage}
   * @returns as {@link swapReadpage}
   */
  readThroughSpace(reader: SymbolId, page: number): number {
    const entry = this.cache.swapEntryOf(page);
    const { spaces, table } = this.swap;
    const readPage = spaces.readers.resolve(reader);
    this.events.count(VM_EVENT.swapIns);
    const since = this.trace.beginSwapIn();
    this.events.count(VM_EVENT.spaceReads);
    const host = table.bdevOf(entry);
    const error = this.failing.shouldFailRequest(host, BIO_READ, PAGE_SIZE)
      ? -EIO
      : readPage(host, swpOffset(entry), this.frames.addressOf(page));
    return this.endRead(page, error, since);
  }

  /**
   * A page could not be written: it must not be taken for clean, so that the next reclaim tries again.
   * @param page - under writeback
   * @kernel mm/page_io.c end_swap_bio_write, 2.6.34
   */
  writeAgainLater(page: number): void {
    this.frames.setFlag(page, PG_DIRTY);
  }

  /** From here on the page is kept by its writeback flag, no longer by its lock. */
  private startWriteback(page: number): number {
    this.events.count(VM_EVENT.swapOuts);
    const since = this.trace.beginSwapOut();
    this.frames.setFlag(page, PG_WRITEBACK);
    this.frames.unlockPage(page);
    return since;
  }

  /** @kernel mm/page_io.c end_swap_bio_write, 2.6.34 */
  private endWriteback(page: number, error: number, since: number): number {
    if (since !== NOT_TRACED) this.tellSwapOut(page, error, since);
    if (error !== 0) {
      this.frames.setFlag(page, PG_ERROR);
      this.writeAgainLater(page);
      this.complain('Write', page);
    }
    // A page that reclaim gave up meanwhile shall be the next one it meets.
    const wanted = this.frames.testFlag(page, PG_RECLAIM);
    if (wanted && error === 0 && this.list.rotateReclaimablePage(page)) this.events.count(VM_EVENT.pgrotated);
    this.frames.clearFlag(page, PG_WRITEBACK | PG_RECLAIM);
    return error;
  }

  /** @kernel mm/page_io.c end_swap_bio_read, 2.6.34 */
  private endRead(page: number, error: number, since: number): number {
    if (since !== NOT_TRACED) this.tellSwapIn(page, error, since);
    if (error === 0) {
      this.frames.setFlag(page, PG_UPTODATE);
    } else {
      this.frames.setFlag(page, PG_ERROR);
      this.complain('Read', page);
    }
    this.frames.unlockPage(page);
    return error;
  }

  /** @kernel mm/page_io.c get_swap_bio, 2.6.34 */
  private fillBio(bio: number, page: number, operation: number): void {
    const entry = this.cache.swapEntryOf(page);
    const bdev = this.swap.table.bdevOf(entry);
    this.bios.setPage(bio, bdev, operation, this.sectorOf(entry), this.frames.addressOf(page));
  }

  private sectorOf(entry: SwapEntry): number {
    return this.swap.extents.mapSwapEntry(entry) * SECTORS_PER_PAGE;
  }

  private tellSwapOut(page: number, error: number, since: number): void {
    const entry = this.cache.swapEntryOf(page);
    this.trace.swapOut(since, swpType(entry), swpOffset(entry), error);
  }

  private tellSwapIn(page: number, error: number, since: number): void {
    const entry = this.cache.swapEntryOf(page);
    this.trace.swapIn(since, swpType(entry), swpOffset(entry), error);
  }

  private complain(what: string, page: number): void {
    this.events.count(VM_EVENT.ioErrors);
    const entry = this.cache.swapEntryOf(page);
    const bdev = this.swap.table.bdevOf(entry);
    const sector = this.sectorOf(entry);
    this.trace.printk(`${what}-error on swap-device (${this.devices.numberOf(bdev)}:${sector})`, KERN_ALERT);
  }
}
