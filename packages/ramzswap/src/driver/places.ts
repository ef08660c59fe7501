/**
 * What a ramzswap device is made of, and where it lies in the arena.
 *
 * Who may write what:
 *
 *   initDone                        `rzs_lock`, with Atomics; polled without a lock
 *   disksizeBytes, slots, table     `rzs_lock`, while `initDone` is 0; read without a lock while it is 1
 *   bdev                            the thread that boots the machine
 *   an entry of the table           the table lock of its slot
 *   the pool                        its own `pool_lock`
 *   statistics                      anyone, by atomic additions; those about slots under the table lock of the slot
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
  },
  64,
);

/**
 * Counters of a device. Those that 2.6.34 keeps in 64 bits are pairs of 32-bit words, the low one first: the accessors that announce a
 * point are 32 bits wide, and a carry comes once in 4 billion events.
 * @kernel struct ramzswap_stats, 2.6.34
 */
export const RAMZSWAP_STATS = struct(
  'ramzswap_stats',
  {
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
    numWrites: ['i32', 2],
    failedReads: ['i32', 2],
    failedWrites: ['i32', 2],
    invalidIo: ['i32', 2],
    notifyFree: ['i32', 2],
    /** Pages that were discarded. @kernel pages_discard of ramzswap before 2.6.33 */
    pagesDiscard: ['i32', 2],
  },
  64,
);

/** Where the devices of a machine lie. */
export interface RamzswapPlaces {
  readonly devices: Region;
  readonly stats: Region;
  readonly rzsLocks: Region;
  readonly rzsLockClass: LockClass;
  /** {@link TABLE_LOCKS} for each device. */
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
 * Reserves the devices and defines their lock classes: `rzs_lock`, `table_lock`, `pool_lock`.
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
    rzsLocks: layoutLocks(layout, 'rzs_lock', disks),
    rzsLockClass: classes.define('rzs_lock'),
    tableLocks: layoutLocks(layout, 'table_lock', disks * TABLE_LOCKS),
    tableLockClass: classes.define('table_lock'),
    pools: layoutXvPool(layout, classes, 'xv_pools', disks),
    work: layout.structs('scratch', 'compress_workmem', work, disks),
    workBytes,
    buffers: layout.structs('scratch', 'compress_buffer', BUFFER, disks),
    locations: layout.structs('scratch', 'xv_location', XV_LOCATION, disks),
  };
}
