/**
 * What a ramzswap device is made of, and where it lies in the arena.
 *
 * Who may write what:
 *
 *   initDone                        `rzs_lock`, with Atomics; polled without a lock
 *   disksizeBytes, memlimitBytes,
 *   maxZpageSize, slots, table      `rzs_lock`, while `initDone` is 0; read without a lock while it is 1
 *   the backing swap                the same
 *   bdev                            the thread that boots the machine
 *   an entry of the table           the table lock of its slot
 *   the pool                        its own `pool_lock`
 *   statistics                      those about slots: the table lock of the slot; writes: `rzs_lock`; refused requests: anyone, with Atomics
 *   work area, buffer, location     `rzs_lock`: there is one of each per device, so a device compresses one page at a time
 *
 * Order of locks, from the outside: page-table lock, `swap_lock`, table lock, then `pool_lock` or the page allocator's
 * `zone_lock`; and `rzs_lock` (a mutex, so never with a spinlock held), table lock, and the same two.
 *
 * The table locks are ours. In 2.6.34 a reader takes no lock at all and relies on its caller to hold a reference to the slot. Whoever
 * reads the device without one (dd, a header probe) then decodes memory that a callback is just freeing. Here an entry, and the object it
 * points to, are used under the lock of the slot. One lock for the whole table would make every callback, which runs under `swap_lock`, wait
 * for a decompression; so each device has {@link TABLE_LOCKS} of them and neighbouring slots have different ones. A callback and a
 * transfer of the *same* slot never meet in regular swapping, so under `swap_lock` one waits only when two slots happen to share a lock.
 * Code that holds one of these locks never sleeps and never takes a second one.
 *
 * All this is the sound driver. That of history uses the same places, without table locks, with counters of its own ({@link HISTORICAL_STATS}) and
 * with its own rules: `historical/page-store.ts`.
 */
import {
  layoutLocks,
  PAGE_SIZE,
  struct,
  type Layout,
  type LockClass,
  type LockClasses,
  type Region,
} from '@swaplab/kernel-mm';
import { layoutXvPool, XV_LOCATION, type XvPoolLayout } from '../xvmalloc/xvmalloc.js';

/** Most devices. @kernel max_num_devices in ramzswap_drv.h, 2.6.34 */
export const RAMZSWAP_DISKS_MAX = 32;
/** Share of the RAM a disk gets whose size is not given, in percent. @kernel default_disksize_perc_ram, 2.6.34 */
export const DEFAULT_DISKSIZE_PERC_RAM = 25;
/** Longest compressed page that is stored as such, in bytes; a longer one is stored as it is. @kernel max_zpage_size_nobdev, 2.6.34 */
export const MAX_ZPAGE_SIZE = (PAGE_SIZE / 4) * 3;
/** The same for a device with backing swap, which takes the longer ones. @kernel max_zpage_size_bdev, 2.6.34 */
export const MAX_ZPAGE_SIZE_BACKED = PAGE_SIZE / 2;
/** Share of the RAM that compressed pages may take before the others go to the backing swap, in percent. @kernel default_memlimit_perc_ram, 2.6.34 */
export const DEFAULT_MEMLIMIT_PERC_RAM = 15;
/** Longest path of a backing swap in bytes, with its closing NUL. @kernel MAX_SWAP_NAME_LEN, 2.6.34 */
export const MAX_SWAP_NAME_LEN = 128;
/** A page that compresses to so many bytes, or fewer, has compressed well. @kernel PAGE_SIZE / 2 in ramzswap_drv.c, 2.6.34 */
export const GOOD_COMPRESS_SIZE = PAGE_SIZE / 2;
/** Table locks of a device. */
export const TABLE_LOCKS = 64;

/** Entry flag: the slot holds a page as it is. @kernel RZS_UNCOMPRESSED, 2.6.34 */
export const RZS_UNCOMPRESSED = 0x01;
/** Entry flag: the slot holds a page of zeros, and no memory. @kernel RZS_ZERO, 2.6.34 */
export const RZS_ZERO = 0x02;
/**
 * Entry flag: the slot holds the swap header that INIT made, which no statistic counts. Not in 2.6.34, where freeing the header takes one
 * off counters it was never added to.
 */
export const RZS_HEADER = 0x04;

/**
 * What the driver knows about a slot; begins like an {@link XV_LOCATION}.
 *
 * EMPTY: page 0, no flag. ZERO: page 0, RZS_ZERO. RAW: page, offset 0, RZS_UNCOMPRESSED. COMPRESSED: page, offset at least 4, no flag.
 * @kernel struct table in ramzswap_drv.h, 2.6.34
 */
export const RZS_ENTRY = struct('ramzswap_table', { page: 'u32', offset: 'u16', count: 'u8', flags: 'u8' });

/** A device. @kernel struct ramzswap, 2.6.34 */
export const RAMZSWAP = struct(
  'ramzswap',
  {
    /** 1 between INIT and RESET. */
    initDone: 'i32',
    /** Size of the disk in bytes, a multiple of the page size after INIT; 0: not chosen yet. */
    disksizeBytes: 'u32',
    /** Entries of the table, which are pages of the disk. */
    slots: 'u32',
    /** Address of the table, 0 when there is none. */
    table: 'i32',
    /** The block device. */
    bdev: 'i32',
    /** Under `chain`: the notifier block that is registered for the area on the disk, 0 for none. `swapon_mutex` protects it. */
    notifierBlock: 'i32',
    /** Most bytes of compressed pages before the others go to the backing swap; 0: not chosen yet, or without one. */
    memlimitBytes: 'u32',
    /** Longest compressed page that is stored as such. */
    maxZpageSize: 'u32',
    /** The block device that takes what is forwarded, 0 for none. @kernel backing_swap */
    backing: 'u32',
    /** What was opened as backing swap: the block device itself or a file on it, 0 for nothing. @kernel swap_file */
    backingFile: 'u32',
    /** Address of the {@link BACKING_EXTENT}s of a file, 0 for a block device; and how many. */
    extents: 'u32',
    nrExtents: 'u32',
    /** Address of one {@link TABLE_PAGE_EXTENT} for each page of the table, 0 for a block device. */
    tablePageExtents: 'u32',
    /** Path of the backing swap, in bytes; 0 for none. */
    backingNameBytes: 'u32',
    /** First of the frees that were put off, by a driver that does so; with Atomics. */
    deferredFrees: 'i32',
    backingName: ['bytes', MAX_SWAP_NAME_LEN],
  },
  // A power of two: from an address to a number by a shift.
  256,
);

/** Pages of a backing file that lie together on its device. @kernel struct ramzswap_backing_extent, 2.6.34 */
export const BACKING_EXTENT = struct('ramzswap_backing_extent', { physPage: 'u32', pages: 'u32' });
/** Where the first entry of a page of the table lies on the device: an extent, and a page of it. */
export const TABLE_PAGE_EXTENT = struct('table_page_extent', { extent: 'u32', offset: 'u32' });

/**
 * A table lock, and the counters of the slots it protects: a device's number is the sum over its table locks. Whoever changes a slot holds the
 * lock, and with it this cache line, so counting costs plain additions.
 *
 * Those that 2.6.34 keeps in 64 bits are pairs of 32-bit words, the low one first: the accessors that announce a point are 32 bits wide, and
 * a carry comes once in 4 billion events. @kernel struct ramzswap_stats, 2.6.34
 */
export const TABLE_LOCK = struct(
  'table_lock',
  {
    lock: 'i32',
    /** Sizes of COMPRESSED objects in bytes; the pages of RAW slots are added on reading. */
    comprSize: 'u32',
    /** COMPRESSED slots of at most {@link GOOD_COMPRESS_SIZE} bytes. */
    goodCompress: 'u32',
    /** RAW slots. */
    pagesExpand: 'u32',
    /** RAW and COMPRESSED slots. */
    pagesStored: 'u32',
    /** ZERO slots. */
    pagesZero: 'u32',
    numReads: ['i32', 2],
    failedReads: ['i32', 2],
    notifyFree: ['i32', 2],
    /** Pages that were discarded. @kernel pages_discard of ramzswap before 2.6.33 */
    pagesDiscard: ['i32', 2],
    /** Reads that were forwarded. */
    bdevNumReads: ['i32', 2],
  },
  64,
);

/** Counters of a device that are not about single slots; pairs of words as in {@link TABLE_LOCK}. @kernel struct ramzswap_stats, 2.6.34 */
export const RAMZSWAP_STATS = struct(
  'ramzswap_stats',
  { numWrites: ['i32', 2], failedWrites: ['i32', 2], invalidIo: ['i32', 2], bdevNumWrites: ['i32', 2] },
  64,
);

/**
 * The counters of a device as they were: those of 64 bits, pairs of words as in {@link TABLE_LOCK}, under `stat64_lock`; the others under no lock.
 * @kernel struct ramzswap_stats and stat64_lock, 2.6.34
 */
export const HISTORICAL_STATS = struct(
  'ramzswap_historical_stats',
  {
    stat64Lock: 'i32',
    /** A `size_t`. It can pass below 0, and a machine has no 2 GiB: so a signed word says it all. */
    comprSize: 'i32',
    pagesZero: 'u32',
    pagesStored: 'u32',
    goodCompress: 'u32',
    pagesExpand: 'u32',
    numReads: ['i32', 2],
    numWrites: ['i32', 2],
    failedReads: ['i32', 2],
    failedWrites: ['i32', 2],
    invalidIo: ['i32', 2],
    notifyFree: ['i32', 2],
    pagesDiscard: ['i32', 2],
    bdevNumReads: ['i32', 2],
    bdevNumWrites: ['i32', 2],
  },
  64,
);

/** What all devices of 2.6.34 share. */
export const HISTORICAL_MODULE = struct('ramzswap_module', {
  /** Written by each INIT, read by the writes of all devices. @kernel max_zpage_size, 2.6.34 */
  maxZpageSize: 'u32',
});

/** Where the devices of a machine lie. */
export interface RamzswapPlaces {
  readonly devices: Region;
  readonly stats: Region;
  readonly historicalStats: Region;
  readonly stat64LockClass: LockClass;
  readonly module: Region;
  readonly rzsLocks: Region;
  readonly rzsLockClass: LockClass;
  /** {@link TABLE_LOCKS} of {@link TABLE_LOCK} for each device. */
  readonly tableLocks: Region;
  readonly tableLockClass: LockClass;
  readonly pools: XvPoolLayout;
  /** Per device: the compressor's work area, `workBytes` long. */
  readonly work: Region;
  readonly workBytes: number;
  /** Per device: two pages for the compressor's output. */
  readonly buffers: Region;
  /** Per device: where the pool says what it gave. */
  readonly locations: Region;
}

const BUFFER = struct('compress_buffer', { bytes: ['bytes', 2 * PAGE_SIZE] });

/**
 * Reserves the devices and defines their lock classes: `rzs_lock`, `table_lock`, `pool_lock`, `stat64_lock`.
 * @param layout - not yet sealed
 * @param classes - lock classes of the machine
 * @param disks - number of devices
 * @param workBytes - bytes of work area the codec needs, a multiple of 4
 */
export function layoutRamzswap(
  layout: Layout,
  classes: LockClasses,
  disks: number,
  workBytes: number,
): RamzswapPlaces {
  const work = struct('compress_workmem', { bytes: ['bytes', workBytes] });
  return {
    devices: layout.structs('hot', 'ramzswap', RAMZSWAP, disks),
    stats: layout.structs('hot', 'ramzswap_stats', RAMZSWAP_STATS, disks),
    historicalStats: layout.structs('hot', 'ramzswap_historical_stats', HISTORICAL_STATS, disks),
    stat64LockClass: classes.define('stat64_lock'),
    module: layout.structs('hot', 'ramzswap_module', HISTORICAL_MODULE, 1),
    rzsLocks: layoutLocks(layout, 'rzs_lock', disks),
    rzsLockClass: classes.define('rzs_lock'),
    tableLocks: layout.structs('hot', 'table_lock', TABLE_LOCK, disks * TABLE_LOCKS),
    tableLockClass: classes.define('table_lock'),
    pools: layoutXvPool(layout, classes, 'xv_pools', disks),
    work: layout.structs('scratch', 'compress_workmem', work, disks),
    workBytes,
    buffers: layout.structs('scratch', 'compress_buffer', BUFFER, disks),
    locations: layout.structs('scratch', 'xv_location', XV_LOCATION, disks),
  };
}
