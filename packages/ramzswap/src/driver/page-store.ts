/**
 * Storing pages: the table of a device, and reading, writing and freeing its slots.
 *
 * Promise: a page that was written and not freed since reads back as it was written. A write that fails leaves its slot EMPTY, since the old
 * content is freed first, as in 2.6.34. Reading an EMPTY slot succeeds and leaves the page of the caller as it was. A stored page that does
 * not decode to exactly one page is an I/O error.
 *
 * Where this differs from 2.6.34, whose code has races here: entries are used under a table lock (`places.ts` says why that is right and in
 * which order locks are taken); a new object is put in the table when it is complete; the old object is freed inside the mutex, so two
 * writers of one slot do not free it twice; the header page is no data.
 *
 * Memory is asked for before the table lock is taken, with flags that keep reclaim from coming back to this device for the mutex. Between the
 * free of the old object and the arrival of the new one the slot is EMPTY, so a reader that holds no reference to the slot may find nothing.
 *
 * With the codec `none` every page "compresses" to its own size. That is more than {@link MAX_ZPAGE_SIZE}, so all pages but zero pages are
 * stored RAW, in whole pages, and the pool stays empty. No code path knows the name of a codec.
 */
import {
  EIO,
  GFP_BIT_HIGHMEM,
  GFP_NOIO,
  Mutex,
  PAGE_SIZE,
  type Bios,
  type BlockDevices,
  type Core,
  type PageAllocator,
  type Trace,
  type Vmalloc,
} from '@swaplab/kernel-mm';
import { codecErrorName, type Codec } from '../codec/codec.js';
import { XV_LOCATION, XvPool } from '../xvmalloc/xvmalloc.js';
import {
  MAX_ZPAGE_SIZE,
  RAMZSWAP,
  RAMZSWAP_STATS,
  RZS_ENTRY,
  RZS_HEADER,
  RZS_UNCOMPRESSED,
  RZS_ZERO,
  TABLE_LOCKS,
  type RamzswapPlaces,
} from './places.js';
import { Statistics } from './statistics.js';

/** log2 of the size of an entry in bytes. */
const ENTRY_SHIFT = 3;

/** What a device needs of the kernel. */
export interface DeviceKernel {
  readonly core: Core;
  readonly frames: PageAllocator;
  readonly vmalloc: Vmalloc;
  readonly block: { readonly devices: BlockDevices; readonly bios: Bios };
  readonly trace: Trace;
  readonly config: {
    /** Size of the modelled memory in bytes. */
    readonly ramBytes: number;
  };
}

/** The slots of a device, as one thread sees them. */
export class PageStore {
  /** Number of the device: 0 for `/dev/ramzswap0`. */
  readonly index: number;
  /** Byte address of the device. */
  readonly address: number;
  /** `rzs_lock`. */
  readonly lock: Mutex;
  readonly pool: XvPool;
  readonly stats: Statistics;
  protected readonly kernel: DeviceKernel;
  protected readonly core: Core;
  private readonly codec: Codec;
  protected readonly places: RamzswapPlaces;
  /** Address of the compressor's work area. */
  protected readonly work: number;
  private readonly buffer: number;
  private readonly location: number;
  private readonly tableLocks: number;

  /**
   * @param kernel - this thread's kernel
   * @param places - where the devices lie
   * @param index - which device
   * @param codec - this thread's codec; the same name in all threads
   */
  constructor(kernel: DeviceKernel, places: RamzswapPlaces, index: number, codec: Codec) {
    this.kernel = kernel;
    this.core = kernel.core;
    this.codec = codec;
    this.places = places;
    this.index = index;
    this.address = places.devices.base + index * RAMZSWAP.$bytes;
    const lock = places.rzsLocks.base + index * places.rzsLocks.stride;
    this.lock = new Mutex(kernel.core.locks, lock, places.rzsLockClass);
    this.pool = new XvPool(kernel.core, kernel.frames, places.pools, index);
    this.stats = new Statistics(kernel.core, places, index);
    this.work = places.work.base + index * places.work.stride;
    this.buffer = places.buffers.base + index * places.buffers.stride;
    this.location = places.locations.base + index * places.locations.stride;
    this.tableLocks = places.tableLocks.base + index * TABLE_LOCKS * places.tableLocks.stride;
  }

  /** Whether the device is between INIT and RESET; true only for the moment. */
  isInitialised(): boolean {
    return this.core.cells.atomicLoad(this.address + RAMZSWAP.initDone) !== 0;
  }

  /** Pages of the disk, the header included; 0 without a table. */
  slots(): number {
    return this.core.cells.ldu32(this.address + RAMZSWAP.slots);
  }

  /**
   * Address of the entry of a slot.
   * @param slot - 0 to {@link slots} - 1
   */
  entryOf(slot: number): number {
    return this.core.cells.ld32(this.address + RAMZSWAP.table) + (slot << ENTRY_SHIFT);
  }

  /**
   * Whether a slot is COMPRESSED, RAW or ZERO. Takes no lock: for a sampler, true only for the moment. False for the header.
   * @param slot - any number
   */
  isStored(slot: number): boolean {
    const { cells } = this.core;
    const table = cells.ld32(this.address + RAMZSWAP.table);
    if (table === 0 || slot < 0 || slot >= this.slots()) return false;
    const entry = table + (slot << ENTRY_SHIFT);
    const flags = cells.ld8(entry + RZS_ENTRY.flags);
    if ((flags & RZS_ZERO) !== 0) return true;
    return (flags & RZS_HEADER) === 0 && cells.ld32(entry + RZS_ENTRY.page) !== 0;
  }

  /**
   * Reads a slot. Never sleeps. @kernel ramzswap_read, 2.6.34
   * @param slot - below {@link slots}
   * @param to - byte address of the page frame that receives it
   * @returns 0 or -EIO; after an error the frame may hold a part
   */
  readPage(slot: number, to: number): number {
    this.lockSlot(slot);
    try {
      if (!this.isInitialised()) return -EIO;
      this.stats.stat64Inc(RAMZSWAP_STATS.numReads);
      const error = this.readEntry(slot, to);
      if (error !== 0) this.stats.stat64Inc(RAMZSWAP_STATS.failedReads);
      return error;
    } finally {
      this.unlockSlot(slot);
    }
  }

  /**
   * Writes a slot. May sleep. @kernel ramzswap_write, 2.6.34
   * @param slot - below {@link slots}
   * @param from - byte address of the page frame to store
   * @returns 0 or -EIO; after an error the slot is EMPTY
   */
  writePage(slot: number, from: number): number {
    this.lock.lock();
    try {
      if (!this.isInitialised()) return -EIO;
      this.stats.stat64Inc(RAMZSWAP_STATS.numWrites);
      const error = this.writeLocked(slot, from);
      if (error !== 0) this.stats.stat64Inc(RAMZSWAP_STATS.failedWrites);
      return error;
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Frees what a slot holds; nothing to do for an EMPTY one. Never sleeps. The caller holds the table lock of the slot, see
   * {@link lockSlot}. @kernel ramzswap_free_page, 2.6.34
   * @param slot - below {@link slots}
   */
  freePage(slot: number): void {
    const { cells } = this.core;
    this.core.context.assertHeld(this.tableLockOf(slot), 'freePage');
    const entry = this.entryOf(slot);
    const page = cells.ld32(entry + RZS_ENTRY.page);
    const offset = cells.ld16(entry + RZS_ENTRY.offset);
    const flags = cells.ld8(entry + RZS_ENTRY.flags);
    if (page === 0 && flags === 0) return;
    cells.st32(entry + RZS_ENTRY.page, 0);
    cells.st16(entry + RZS_ENTRY.offset, 0);
    cells.st8(entry + RZS_ENTRY.flags, 0);
    if (page === 0) {
      this.stats.slotFreed(flags, 0);
      return;
    }
    let bytes = PAGE_SIZE;
    if ((flags & RZS_UNCOMPRESSED) !== 0) {
      this.kernel.frames.freePage(page);
    } else {
      bytes = this.pool.objectSize(page, offset);
      this.pool.free(page, offset);
    }
    if ((flags & RZS_HEADER) === 0) this.stats.slotFreed(flags, bytes);
  }

  /** Takes the table lock of a slot, a spinlock. */
  lockSlot(slot: number): void {
    this.core.locks.spinLock(this.tableLockOf(slot), this.places.tableLockClass);
  }

  /** Drops the table lock of a slot. */
  unlockSlot(slot: number): void {
    this.core.locks.spinUnlock(this.tableLockOf(slot), this.places.tableLockClass);
  }

  /**
   * Puts a complete object in the table. The caller holds `rzs_lock`: only its holder fills entries, so one that was emptied is still empty.
   * @param slot - EMPTY
   * @param page - descriptor, 0 for a ZERO slot
   * @param offset - byte offset of the object in the page
   * @param flags - `RZS_...`
   * @param bytes - size of what is stored
   */
  fillEntry(slot: number, page: number, offset: number, flags: number, bytes: number): void {
    const { cells } = this.core;
    const entry = this.entryOf(slot);
    this.lockSlot(slot);
    try {
      if (cells.ld32(entry + RZS_ENTRY.page) !== 0 || cells.ld8(entry + RZS_ENTRY.flags) !== 0) {
        this.core.context.bug(
          `ramzswap: slot ${slot} of device ${this.index} was filled while it was being written.`,
        );
      }
      cells.st32(entry + RZS_ENTRY.page, page);
      cells.st16(entry + RZS_ENTRY.offset, offset);
      cells.st8(entry + RZS_ENTRY.flags, flags);
      if ((flags & RZS_HEADER) === 0) this.stats.slotStored(flags, bytes);
    } finally {
      this.unlockSlot(slot);
    }
  }

  /** Reads under the table lock: nobody frees the object meanwhile. */
  private readEntry(slot: number, to: number): number {
    const { cells } = this.core;
    const entry = this.entryOf(slot);
    const flags = cells.ld8(entry + RZS_ENTRY.flags);
    if ((flags & RZS_ZERO) !== 0) {
      cells.clearPage(to);
      return 0;
    }
    const page = cells.ld32(entry + RZS_ENTRY.page);
    if (page === 0) return 0;
    if ((flags & RZS_UNCOMPRESSED) !== 0) {
      cells.copyPage(to, this.kernel.frames.addressOf(page));
      return 0;
    }
    const offset = cells.ld16(entry + RZS_ENTRY.offset);
    return this.decompress(slot, page, offset, to);
  }

  private decompress(slot: number, page: number, offset: number, to: number): number {
    const { cells } = this.core;
    const bytes = this.pool.objectSize(page, offset);
    const from = this.kernel.frames.addressOf(page) + offset;
    const { u8 } = cells.arena;
    cells.announce(to);
    const result = this.codec.decompress(u8, from, bytes, u8, to, PAGE_SIZE);
    if (result === PAGE_SIZE) return 0;
    const what = result < 0 ? codecErrorName(result) : `${result} bytes`;
    this.kernel.trace.printk(`ramzswap${this.index}: slot ${slot} does not decode to a page: ${what}`);
    return -EIO;
  }

  /** Writes under the mutex, which the compressor's areas and all fills of the table need. */
  private writeLocked(slot: number, from: number): number {
    const { cells } = this.core;
    const entry = this.entryOf(slot);
    // Only the holder of `rzs_lock` fills an entry, so one that is seen empty stays empty without the table lock.
    if (cells.ld32(entry + RZS_ENTRY.page) !== 0 || cells.ld8(entry + RZS_ENTRY.flags) !== 0) {
      this.lockSlot(slot);
      try {
        this.freePage(slot);
      } finally {
        this.unlockSlot(slot);
      }
    }
    if (cells.isZeroPage(from)) {
      this.fillEntry(slot, 0, 0, RZS_ZERO, 0);
      return 0;
    }
    const { u8, i32 } = cells.arena;
    cells.announce(from);
    const bytes = this.codec.compress(
      u8,
      from,
      PAGE_SIZE,
      u8,
      this.buffer,
      2 * PAGE_SIZE,
      i32,
      this.work >> 2,
    );
    if (bytes < 0) {
      this.kernel.trace.printk(
        `ramzswap${this.index}: slot ${slot} cannot be compressed: ${codecErrorName(bytes)}`,
      );
      return -EIO;
    }
    return bytes > MAX_ZPAGE_SIZE ? this.storeRaw(slot, from) : this.storeCompressed(slot, bytes);
  }

  private storeRaw(slot: number, from: number): number {
    const page = this.kernel.frames.allocPage(GFP_NOIO | GFP_BIT_HIGHMEM);
    if (page === 0) return this.reportNoMemory(slot, PAGE_SIZE);
    this.core.cells.copyPage(this.kernel.frames.addressOf(page), from);
    this.fillEntry(slot, page, 0, RZS_UNCOMPRESSED, PAGE_SIZE);
    return 0;
  }

  private storeCompressed(slot: number, bytes: number): number {
    const { cells } = this.core;
    if (this.pool.malloc(bytes, GFP_NOIO | GFP_BIT_HIGHMEM, this.location) !== 0)
      return this.reportNoMemory(slot, bytes);
    const page = cells.ld32(this.location + XV_LOCATION.page);
    const offset = cells.ld16(this.location + XV_LOCATION.offset);
    const to = this.kernel.frames.addressOf(page) + offset;
    cells.copyBytes(to, this.buffer, bytes);
    this.fillEntry(slot, page, offset, 0, bytes);
    return 0;
  }

  private reportNoMemory(slot: number, bytes: number): number {
    this.kernel.trace.printk(`ramzswap${this.index}: no memory for the ${bytes} bytes of slot ${slot}`);
    return -EIO;
  }

  private tableLockOf(slot: number): number {
    return this.tableLocks + (slot % TABLE_LOCKS) * this.places.tableLocks.stride;
  }
}
