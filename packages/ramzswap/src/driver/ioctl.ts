/**
 * The ioctl interface: what a program such as rzscontrol asks of a device by number, with the bytes it brings.
 *
 * Promise: whatever the number and the bytes are, the answer is 0 or an errno, and nothing but the argument is read or written. An argument that is
 * shorter than its number says is -EFAULT.
 *
 *   call                      allowed while      errors
 *   RZSIO_SET_...             CREATED            -EBUSY, -EFAULT
 *   RZSIO_GET_STATS           INITIALISED        -ENOTTY, -EFAULT
 *   RZSIO_INIT                CREATED            -EBUSY, -ENOMEM, and what the backing swap answers
 *   RZSIO_RESET               always             -EBUSY while somebody holds the disk
 *   anything else                                -ENOTTY, and a line in the log
 *
 * A `size_t` is a word of the machine, so two of the numbers depend on its size; there is no table for programs of the other size, which get -ENOTTY.
 * All integers are little-endian.
 *
 * No lock here: the device has its own, or, in history, none.
 */
import { EBUSY, EFAULT, ENOTTY } from '@swaplab/kernel-mm';
import type { DeviceKernel } from './device-kernel.js';
import { MAX_SWAP_NAME_LEN } from './places.js';
import type { RamzswapStats } from './statistics.js';

/** Which interface a device has: that of 2.6.33 and 2.6.34, or that of 2.6.35, without backing swap and with other numbers. */
export type IoctlInterface = '2.6.34' | '2.6.35';

/** The numbers of an interface; 0 for a call it does not have. @kernel drivers/staging/ramzswap/ramzswap_ioctl.h */
export interface IoctlNumbers {
  readonly RZSIO_SET_DISKSIZE_KB: number;
  readonly RZSIO_SET_MEMLIMIT_KB: number;
  readonly RZSIO_SET_BACKING_SWAP: number;
  readonly RZSIO_GET_STATS: number;
  readonly RZSIO_INIT: number;
  readonly RZSIO_RESET: number;
}

/** Bytes of the statistics structure of 2.6.34. @kernel struct ramzswap_ioctl_stats */
export const STATS_BYTES_2_6_34 = 252;
/** The same of 2.6.35, without name, memory limit and the counters of the backing swap. */
export const STATS_BYTES_2_6_35 = 100;

const TYPE = 'z'.charCodeAt(0);
const NONE = 0;
const WRITE = 1;
const READ = 2;
const TWO_32 = 0x1_0000_0000;
/** Largest size that is told apart from larger ones, in bytes: that of the largest disk. */
const SIZE_MAX = TWO_32 - 4096;

/**
 * The numbers of an interface.
 * @param version - of the interface
 * @param wordBytes - bytes of a `size_t`
 */
export function ioctlNumbers(version: IoctlInterface, wordBytes: 4 | 8 = 8): IoctlNumbers {
  if (version === '2.6.35') {
    return {
      RZSIO_SET_DISKSIZE_KB: numberOf(WRITE, 0, wordBytes),
      RZSIO_SET_MEMLIMIT_KB: 0,
      RZSIO_SET_BACKING_SWAP: 0,
      RZSIO_GET_STATS: numberOf(READ, 1, STATS_BYTES_2_6_35),
      RZSIO_INIT: numberOf(NONE, 2, 0),
      RZSIO_RESET: numberOf(NONE, 3, 0),
    };
  }
  return {
    RZSIO_SET_DISKSIZE_KB: numberOf(WRITE, 0, wordBytes),
    RZSIO_SET_MEMLIMIT_KB: numberOf(WRITE, 1, wordBytes),
    RZSIO_SET_BACKING_SWAP: numberOf(WRITE, 2, MAX_SWAP_NAME_LEN),
    RZSIO_GET_STATS: numberOf(READ, 3, STATS_BYTES_2_6_34),
    RZSIO_INIT: numberOf(NONE, 4, 0),
    RZSIO_RESET: numberOf(NONE, 5, 0),
  };
}

/** @kernel _IOC in include/asm-generic/ioctl.h */
function numberOf(direction: number, number: number, bytes: number): number {
  return ((direction << 30) | (bytes << 16) | (TYPE << 8) | number) >>> 0;
}

/** The device as its ioctls see it; what the functions promise stands at `RamzswapDevice`. */
export interface IoctlDevice {
  readonly index: number;
  readonly backing: { name(): string };
  isInitialised(): boolean;
  setDisksize(bytes: number): number;
  setMemlimit(bytes: number): number;
  setBackingSwap(name: string): number;
  init(): number;
  reset(): number;
  getStats(): RamzswapStats | null;
}

/** The ioctls of one device, in one thread. @kernel ramzswap_ioctl in ramzswap_drv.c, 2.6.34 */
export class DeviceIoctl {
  /** Which interface it has. */
  readonly version: IoctlInterface;
  private readonly device: IoctlDevice;
  private readonly kernel: DeviceKernel;
  private readonly wordBytes: 4 | 8;
  private readonly numbers: IoctlNumbers;

  /**
   * @param device - which does what is asked
   * @param kernel - this thread's kernel
   * @param version - of the interface
   * @param wordBytes - bytes of a `size_t`
   */
  constructor(device: IoctlDevice, kernel: DeviceKernel, version: IoctlInterface, wordBytes: 4 | 8) {
    this.device = device;
    this.kernel = kernel;
    this.version = version;
    this.wordBytes = wordBytes;
    this.numbers = ioctlNumbers(version, wordBytes);
  }

  /**
   * Does what is asked. May sleep.
   * @param number - any
   * @param bytes - the argument
   * @returns 0 or a negative errno
   */
  ioctl(number: number, bytes: Uint8Array): number {
    const { device, numbers } = this;
    // A number that the interface does not have is 0 in its table.
    if (number === 0) return this.unknown(number);
    switch (number) {
      case numbers.RZSIO_SET_DISKSIZE_KB:
        if (device.isInitialised()) return -EBUSY;
        if (bytes.length < this.wordBytes) return -EFAULT;
        return device.setDisksize(this.sizeOfKilobytes(bytes));
      case numbers.RZSIO_SET_MEMLIMIT_KB:
        if (device.isInitialised()) return -EBUSY;
        if (bytes.length < this.wordBytes) return -EFAULT;
        return device.setMemlimit(this.sizeOfKilobytes(bytes));
      case numbers.RZSIO_SET_BACKING_SWAP:
        if (device.isInitialised()) return -EBUSY;
        if (bytes.length < MAX_SWAP_NAME_LEN) return -EFAULT;
        return device.setBackingSwap(nameIn(bytes));
      case numbers.RZSIO_GET_STATS:
        return this.getStats(bytes);
      case numbers.RZSIO_INIT:
        return device.init();
      case numbers.RZSIO_RESET:
        return device.reset();
      default:
        return this.unknown(number);
    }
  }

  private getStats(bytes: Uint8Array): number {
    const stats = this.device.getStats();
    if (stats === null) return -ENOTTY;
    const size = this.version === '2.6.35' ? STATS_BYTES_2_6_35 : STATS_BYTES_2_6_34;
    if (bytes.length < size) return -EFAULT;
    writeStats(bytes, stats, this.version, this.device.backing.name(), this.wordBytes);
    return 0;
  }

  /** A number of KB as a size in bytes, as it fits into a `size_t`. */
  private sizeOfKilobytes(bytes: Uint8Array): number {
    const low = wordAt(bytes, 0);
    if (this.wordBytes === 4) return (low << 10) >>> 0;
    const high = wordAt(bytes, 4);
    const size = (((high << 10) | (low >>> 22)) >>> 0) * TWO_32 + ((low << 10) >>> 0);
    // No machine has memory for the table of a disk of 4 GiB or more: INIT refuses the one as the other.
    return Math.min(size, SIZE_MAX);
  }

  private unknown(number: number): number {
    this.kernel.trace.printk(`ramzswap${this.device.index}: Invalid ioctl ${number}`);
    return -ENOTTY;
  }
}

/**
 * Writes the statistics as a program gets them. @kernel struct ramzswap_ioctl_stats
 * @param bytes - at least as long as the structure of the interface
 * @param stats - what to write
 * @param version - of the interface
 * @param backingName - path of the backing swap, empty for none
 * @param wordBytes - bytes of a `size_t`
 */
export function writeStats(
  bytes: Uint8Array,
  stats: RamzswapStats,
  version: IoctlInterface,
  backingName: string,
  wordBytes: 4 | 8 = 8,
): void {
  const has2634 = version === '2.6.34';
  let at = 0;
  if (has2634) {
    bytes.fill(0, 0, MAX_SWAP_NAME_LEN);
    for (let index = 0; index < backingName.length; index++) bytes[index] = backingName.charCodeAt(index);
    at = writeLong(bytes, MAX_SWAP_NAME_LEN, stats.memlimit);
  }
  at = writeLong(bytes, at, stats.disksize);
  for (const value of [stats.numReads, stats.numWrites, stats.failedReads, stats.failedWrites])
    at = writeLong(bytes, at, value);
  at = writeLong(bytes, at, stats.invalidIo);
  at = writeLong(bytes, at, stats.notifyFree);
  at = writeWord(bytes, at, stats.pagesZero);
  at = writeWord(bytes, at, stats.goodCompressPct);
  at = writeWord(bytes, at, stats.pagesExpandPct);
  at = writeWord(bytes, at, stats.pagesStored);
  at = writeWord(bytes, at, stats.pagesUsed);
  at = writeLong(bytes, at, stats.origDataSize);
  // A size_t: below zero, it is a large number of its own width.
  at = writeLong(bytes, at, wordBytes === 4 ? stats.comprDataSize >>> 0 : stats.comprDataSize);
  at = writeLong(bytes, at, stats.memUsedTotal);
  if (!has2634) return;
  at = writeLong(bytes, at, stats.bdevNumReads);
  writeLong(bytes, at, stats.bdevNumWrites);
}

/** What a program reads in {@link writeStats}: the fields of the structure, by their kernel names. */
export interface IoctlStats {
  readonly backing_swap_name: string;
  readonly memlimit: bigint;
  readonly disksize: bigint;
  readonly num_reads: bigint;
  readonly num_writes: bigint;
  readonly failed_reads: bigint;
  readonly failed_writes: bigint;
  readonly invalid_io: bigint;
  readonly notify_free: bigint;
  readonly pages_zero: number;
  readonly good_compress_pct: number;
  readonly pages_expand_pct: number;
  readonly pages_stored: number;
  readonly pages_used: number;
  readonly orig_data_size: bigint;
  readonly compr_data_size: bigint;
  readonly mem_used_total: bigint;
  readonly bdev_num_reads: bigint;
  readonly bdev_num_writes: bigint;
}

/**
 * Reads the statistics, as a program does.
 * @param bytes - from RZSIO_GET_STATS
 * @param version - of the interface; what it does not have is empty or 0
 */
export function parseStats(bytes: Uint8Array, version: IoctlInterface): IoctlStats {
  const has2634 = version === '2.6.34';
  const first = has2634 ? MAX_SWAP_NAME_LEN + 8 : 0;
  const words = first + 7 * 8;
  const sizes = words + 5 * 4;
  return {
    backing_swap_name: has2634 ? nameIn(bytes) : '',
    memlimit: has2634 ? longAt(bytes, MAX_SWAP_NAME_LEN) : 0n,
    disksize: longAt(bytes, first),
    num_reads: longAt(bytes, first + 8),
    num_writes: longAt(bytes, first + 16),
    failed_reads: longAt(bytes, first + 24),
    failed_writes: longAt(bytes, first + 32),
    invalid_io: longAt(bytes, first + 40),
    notify_free: longAt(bytes, first + 48),
    pages_zero: wordAt(bytes, words),
    good_compress_pct: wordAt(bytes, words + 4),
    pages_expand_pct: wordAt(bytes, words + 8),
    pages_stored: wordAt(bytes, words + 12),
    pages_used: wordAt(bytes, words + 16),
    orig_data_size: longAt(bytes, sizes),
    compr_data_size: longAt(bytes, sizes + 8),
    mem_used_total: longAt(bytes, sizes + 16),
    bdev_num_reads: has2634 ? longAt(bytes, sizes + 24) : 0n,
    bdev_num_writes: has2634 ? longAt(bytes, sizes + 32) : 0n,
  };
}

/**
 * The argument of RZSIO_SET_DISKSIZE_KB and RZSIO_SET_MEMLIMIT_KB, as a program makes it.
 * @param kilobytes - a whole number
 * @param wordBytes - bytes of a `size_t`
 */
export function kilobytesArgument(kilobytes: number, wordBytes: 4 | 8 = 8): Uint8Array {
  const bytes = new Uint8Array(wordBytes);
  if (wordBytes === 4) writeWord(bytes, 0, kilobytes);
  else writeLong(bytes, 0, kilobytes);
  return bytes;
}

/**
 * The argument of RZSIO_SET_BACKING_SWAP, as a program makes it.
 * @param path - cut after 127 bytes
 */
export function nameArgument(path: string): Uint8Array {
  const bytes = new Uint8Array(MAX_SWAP_NAME_LEN);
  for (let index = 0; index < Math.min(path.length, MAX_SWAP_NAME_LEN - 1); index++)
    bytes[index] = path.charCodeAt(index);
  return bytes;
}

/** The text up to the first NUL; the last byte is taken for one. */
function nameIn(bytes: Uint8Array): string {
  let name = '';
  for (let index = 0; index < MAX_SWAP_NAME_LEN - 1 && bytes[index] !== 0; index++)
    name += String.fromCharCode(bytes[index] ?? 0);
  return name;
}

/** Writes 4 bytes; gives where the next field begins. */
function writeWord(bytes: Uint8Array, at: number, value: number): number {
  const word = value >>> 0;
  for (let index = 0; index < 4; index++) bytes[at + index] = word >>> (8 * index);
  return at + 4;
}

/** Writes 8 bytes, of a number below zero as its two's complement; gives where the next field begins. */
function writeLong(bytes: Uint8Array, at: number, value: number): number {
  writeWord(bytes, at, value);
  return writeWord(bytes, at + 4, Math.floor(value / TWO_32));
}

function wordAt(bytes: Uint8Array, at: number): number {
  let word = 0;
  for (let index = 0; index < 4; index++) word |= (bytes[at + index] ?? 0) << (8 * index);
  return word >>> 0;
}

function longAt(bytes: Uint8Array, at: number): bigint {
  return (BigInt(wordAt(bytes, at + 4)) << 32n) | BigInt(wordAt(bytes, at));
}
