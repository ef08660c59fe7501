/**
 * Files on the disks, as far as swapon and mkswap see them: a path that can be opened, and blocks that lie somewhere on a disk.
 *
 * Which files there are and where their blocks lie is part of the machine's configuration and never changes: there is no allocation, no
 * rename, no growth. A file is named by the address of its inode. A disk with files on it is mounted when the machine boots: its file system
 * holds it, so that it can neither be swapped on as a whole nor be formatted.
 *
 * Blocks are counted in the blocks of the file system, 512 to 4096 bytes; block 0 of a disk is never part of a file, so that 0 can mean a hole.
 * A hole reads as zeros and cannot be written.
 *
 * `i_mutex` of an inode protects its flags; `openers` is changed with Atomics; all else is constant. Two transfers of the same page race for
 * its bytes, as on a disk.
 */
import { EISDIR, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC } from '../errno.js';
import type { Layout, Region } from '../arena/layout.js';
import { PAGE_SIZE } from '../arena/memory.js';
import { struct } from '../arena/struct.js';
import { GFP_KERNEL } from '../page/page.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks } from '../sync/locks.js';
import { BIO, BIO_READ, BIO_WRITE, type Bios } from './bio.js';
import {
  BLOCK_DEVICE,
  DEVICE_DIRECTORY,
  SECTOR_SIZE,
  SECTORS_PER_PAGE,
  type BlockDevices,
} from './device.js';

/** Longest path in bytes, with its closing NUL. @kernel PATH_MAX, 2.6.34 */
export const PATH_MAX = 4096;
/** Inode flag: the file is a swap area. @kernel S_SWAPFILE, 2.6.34 */
export const S_SWAPFILE = 0x100;
/** A file that is there in each machine and is neither a regular file nor a block device. */
export const NULL_DEVICE_PATH = '/dev/null';

/** Blocks that lie in one piece: the first one on the disk, or null for a hole; and how many. */
export type FileExtent = readonly [firstBlock: number | null, blocks: number];

/** A file to be there. */
export interface FileConfig {
  /** Absolute path, not in `/dev`. */
  readonly path: string;
  /** Name of the disk it lies on: `'ram0'`. */
  readonly disk: string;
  /** Size of a block in bytes: 512, 1024, 2048 or 4096; 4096 when not given. */
  readonly blockBytes?: number;
  /** Its blocks in order; `[null, n]` or `[0, n]` is a hole of n blocks. */
  readonly extents: readonly FileExtent[];
  /** Size in bytes, at most that of its blocks; all of them when not given. */
  readonly bytes?: number;
}

/** What can be opened besides block devices. @kernel struct inode, 2.6.34 */
export const INODE = struct(
  'inode',
  {
    /** 1 for a regular file, 0 for anything else. */
    regular: 'i32',
    /** `S_...` */
    flags: 'i32',
    /** How often it is open. */
    openers: 'i32',
    /** The device of its file system, 0 before that is mounted. @kernel i_sb->s_bdev */
    bdev: 'u32',
    /** Size of a block in bytes. */
    blockBytes: 'u32',
    /** Size in bytes. */
    sizeBytes: 'u32',
    /** Address of its {@link FILE_RUN}s, and how many. */
    runs: 'u32',
    nrRuns: 'u32',
  },
  64,
);

/** Blocks of a file that lie in one piece. */
export const FILE_RUN = struct('file_run', {
  /** First block of the file. */
  fileBlock: 'u32',
  /** First block on the disk, 0 for a hole. */
  diskBlock: 'u32',
  blocks: 'u32',
});

/** Where the files lie. */
export interface FilesPlace {
  readonly configs: readonly FileConfig[];
  /** One inode for each file, and one for {@link NULL_DEVICE_PATH}. */
  readonly inodes: Region;
  readonly locks: Region;
  readonly lockClass: LockClass;
  /** The runs of all files, one after the other. */
  readonly runs: Region;
}

/**
 * Reserves inodes and block lists.
 * @param layout - not yet sealed
 * @param classes - gets `i_mutex`
 * @param configs - checked: `machine/config.ts`
 */
export function layoutFiles(
  layout: Layout,
  classes: LockClasses,
  configs: readonly FileConfig[] = [],
): FilesPlace {
  let runs = 0;
  for (const { extents } of configs) runs += extents.length;
  const inodes = configs.length + 1;
  return {
    configs,
    inodes: layout.structs('cold', 'inodes', INODE, inodes),
    locks: layoutLocks(layout, 'i_mutex', inodes),
    lockClass: classes.define('i_mutex'),
    runs: layout.structs('cold', 'file_runs', FILE_RUN, runs),
  };
}

/** The files of a machine as one thread sees them. */
export class FileSystem {
  private readonly core: Core;
  private readonly cells: Cells;
  private readonly devices: BlockDevices;
  private readonly bios: Bios;
  private readonly place: FilesPlace;
  private readonly base: number;

  /**
   * @param core - the running thread
   * @param place - from {@link layoutFiles}
   * @param devices - the registry
   * @param bios - of the running thread
   */
  constructor(core: Core, place: FilesPlace, devices: BlockDevices, bios: Bios) {
    this.core = core;
    this.cells = core.cells;
    this.place = place;
    this.base = place.inodes.base;
    this.devices = devices;
    this.bios = bios;
  }

  /**
   * Fills in all inodes and mounts their disks. Called once in the life of a machine, by its creator, when all disks are registered.
   * @returns -1, or the index of the first file whose disk does not exist, is held by somebody, or is too small for its blocks
   */
  mountAll(): number {
    let run = this.place.runs.base;
    for (const [index, config] of this.place.configs.entries()) {
      const bdev = this.devices.byPath(DEVICE_DIRECTORY + config.disk);
      if (bdev === 0 || !this.fits(bdev, config) || this.mount(bdev) !== 0) return index;
      this.fillInode(this.base + index * INODE.$bytes, bdev, config, run);
      run += config.extents.length * FILE_RUN.$bytes;
    }
    return -1;
  }

  /**
   * Opens whatever a path names, for reading and writing. May sleep.
   * @param path - of a block device or a file
   * @returns address of the block device or of the inode; or -ENOENT, -ENAMETOOLONG, -EISDIR
   * @kernel fs/open.c filp_open, 2.6.34
   */
  open(path: string): number {
    if (path.length >= PATH_MAX) return -ENAMETOOLONG;
    const bdev = this.devices.byPath(path);
    if (bdev !== 0) {
      this.devices.open(bdev);
      return bdev;
    }
    const inode = this.byPath(path);
    if (inode === 0) return this.isDirectory(path) ? -EISDIR : -ENOENT;
    this.cells.atomicAdd(inode + INODE.openers, 1);
    return inode;
  }

  /**
   * Undoes one {@link open}. May sleep.
   * @param file - address of a block device or of an inode
   */
  close(file: number): void {
    if (this.isInode(file)) this.cells.atomicAdd(file + INODE.openers, -1);
    else this.devices.close(file);
  }

  /**
   * Whether an address names an inode, and so neither a block device nor nothing.
   * @param file - any number
   */
  isInode(file: number): boolean {
    const offset = file - this.base;
    return offset >= 0 && offset < (this.place.configs.length + 1) * INODE.$bytes;
  }

  /**
   * Whether an inode is a regular file: the only kind with blocks.
   * @param inode - address
   */
  isRegular(inode: number): boolean {
    return this.cells.ld32(inode + INODE.regular) === 1;
  }

  /**
   * Path of a block device or a file.
   * @param file - address of what was opened
   */
  pathOf(file: number): string {
    if (!this.isInode(file)) return this.devices.pathOf(file);
    return this.place.configs[(file - this.base) / INODE.$bytes]?.path ?? NULL_DEVICE_PATH;
  }

  /**
   * The device a regular file lies on.
   * @param inode - address
   */
  bdevOf(inode: number): number {
    return this.cells.ldu32(inode + INODE.bdev);
  }

  /**
   * Size of a block of a regular file, in bytes.
   * @param inode - address
   */
  blockBytesOf(inode: number): number {
    return this.cells.ldu32(inode + INODE.blockBytes);
  }

  /**
   * Size of a block device or a regular file, in bytes.
   * @param file - address of what was opened
   */
  sizeOf(file: number): number {
    if (this.isInode(file)) return this.cells.ldu32(file + INODE.sizeBytes);
    return this.cells.ldu32(file + BLOCK_DEVICE.capacitySectors) * SECTOR_SIZE;
  }

  /**
   * Takes the mutex of an inode. May sleep.
   * @param inode - address
   */
  lock(inode: number): void {
    this.core.locks.mutexLock(this.lockOf(inode), this.place.lockClass);
  }

  /**
   * Drops the mutex of an inode.
   * @param inode - address
   */
  unlock(inode: number): void {
    this.core.locks.mutexUnlock(this.lockOf(inode), this.place.lockClass);
  }

  /**
   * Whether a file is a swap area. `i_mutex` held, or a hint.
   * @param inode - address
   * @kernel include/linux/fs.h IS_SWAPFILE, 2.6.34
   */
  isSwapfile(inode: number): boolean {
    return (this.cells.ld32(inode + INODE.flags) & S_SWAPFILE) !== 0;
  }

  /**
   * Marks a file as a swap area, or takes the mark away. `i_mutex` held.
   * @param inode - address
   * @param on - whether it is one
   */
  setSwapfile(inode: number, on: boolean): void {
    this.core.context.assertHeld(this.lockOf(inode), 'setSwapfile');
    const flags = this.cells.ld32(inode + INODE.flags);
    this.cells.st32(inode + INODE.flags, on ? flags | S_SWAPFILE : flags & ~S_SWAPFILE);
  }

  /**
   * Where a block of a file lies on the disk.
   * @param inode - a regular file
   * @param block - block of the file
   * @returns block of the disk, in blocks of the file system; 0 for a hole and behind the end
   * @kernel fs/inode.c bmap, 2.6.34
   */
  bmap(inode: number, block: number): number {
    const { cells } = this;
    const runs = cells.ldu32(inode + INODE.runs);
    let low = 0;
    let high = cells.ldu32(inode + INODE.nrRuns);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = runs + middle * FILE_RUN.$bytes;
      const within = block - cells.ldu32(run + FILE_RUN.fileBlock);
      if (within < 0) {
        high = middle;
      } else if (within >= cells.ldu32(run + FILE_RUN.blocks)) {
        low = middle + 1;
      } else {
        const first = cells.ldu32(run + FILE_RUN.diskBlock);
        return first === 0 ? 0 : first + within;
      }
    }
    return 0;
  }

  /**
   * Reads a page of a block device or a regular file; holes of a file and what lies behind its end read as zeros. May sleep.
   * @param file - address of what was opened
   * @param index - page of it
   * @param address - byte address of a page frame
   * @returns 0, -ENOMEM or -EIO
   * @kernel fs/mpage.c mpage_readpage, 2.6.34, without the page cache
   */
  readPage(file: number, index: number, address: number): number {
    if (!this.isInode(file))
      return this.transfer(file, BIO_READ, index * SECTORS_PER_PAGE, PAGE_SIZE, address);
    const error = this.transferPage(file, index, BIO_READ, address);
    const size = Math.max(this.sizeOf(file) - index * PAGE_SIZE, 0);
    if (size < PAGE_SIZE) this.clear(address + size, address + PAGE_SIZE);
    return error;
  }

  /**
   * Writes a page of a block device or a regular file, but no block of a file behind its end. May sleep.
   * @param file - address of what was opened
   * @param index - page of it
   * @param address - byte address of a page frame
   * @returns 0; -ENOSPC for a hole; -ENOMEM or -EIO
   */
  writePage(file: number, index: number, address: number): number {
    if (this.isInode(file)) return this.transferPage(file, index, BIO_WRITE, address);
    return this.transfer(file, BIO_WRITE, index * SECTORS_PER_PAGE, PAGE_SIZE, address);
  }

  /** Moves a page of a file, in as many requests as it lies in pieces on the disk. */
  private transferPage(inode: number, index: number, operation: number, address: number): number {
    const bdev = this.bdevOf(inode);
    const blockBytes = this.blockBytesOf(inode);
    const first = (index * PAGE_SIZE) / blockBytes;
    const end = Math.min(first + PAGE_SIZE / blockBytes, Math.ceil(this.sizeOf(inode) / blockBytes));
    let at = address;
    for (let fileBlock = first; fileBlock < end;) {
      const block = this.bmap(inode, fileBlock);
      const count = this.runLength(inode, fileBlock, block, end - fileBlock);
      const bytes = count * blockBytes;
      let error = 0;
      if (block !== 0) error = this.transfer(bdev, operation, (block * blockBytes) / SECTOR_SIZE, bytes, at);
      else if (operation === BIO_READ) this.clear(at, at + bytes);
      else error = -ENOSPC;
      if (error !== 0) return error;
      fileBlock += count;
      at += bytes;
    }
    return 0;
  }

  /** How many blocks from one on lie together, or are a hole together. */
  private runLength(inode: number, fileBlock: number, block: number, most: number): number {
    let count = 1;
    while (count < most && this.bmap(inode, fileBlock + count) === (block === 0 ? 0 : block + count)) count++;
    return count;
  }

  /** Sends one request for some bytes of a page. */
  private transfer(bdev: number, operation: number, sector: number, bytes: number, address: number): number {
    const { bios } = this;
    const bio = bios.allocBio(GFP_KERNEL);
    if (bio === 0) return -ENOMEM;
    const offset = address % PAGE_SIZE;
    bios.setPage(bio, bdev, operation, sector, address - offset);
    const { i32 } = this.cells.arena;
    i32[(bio + BIO.offsetBytes) >> 2] = offset;
    i32[(bio + BIO.bytes) >> 2] = bytes;
    const error = bios.submitBio(bio);
    bios.freeBio(bio);
    return error;
  }

  private clear(from: number, end: number): void {
    this.cells.announce(from);
    this.cells.arena.u8.fill(0, from, end);
  }

  private byPath(path: string): number {
    if (path === NULL_DEVICE_PATH) return this.base + this.place.configs.length * INODE.$bytes;
    for (const [index, config] of this.place.configs.entries())
      if (config.path === path) return this.base + index * INODE.$bytes;
    return 0;
  }

  /** Directories are where files and devices are. */
  private isDirectory(path: string): boolean {
    const directory = path.endsWith('/') ? path : `${path}/`;
    if (directory === '/') return path !== '';
    if (directory === DEVICE_DIRECTORY) return true;
    for (const config of this.place.configs) if (config.path.startsWith(directory)) return true;
    return false;
  }

  private lockOf(inode: number): number {
    const { locks } = this.place;
    return locks.base + ((inode - this.base) / INODE.$bytes) * locks.stride;
  }

  private fits(bdev: number, config: FileConfig): boolean {
    const bytes = this.cells.ldu32(bdev + BLOCK_DEVICE.capacitySectors) * SECTOR_SIZE;
    const { blockBytes = PAGE_SIZE } = config;
    for (const [firstBlock, blocks] of config.extents) {
      const isHole = firstBlock === null || firstBlock === 0;
      if (!isHole && (firstBlock + blocks) * blockBytes > bytes) return false;
    }
    return true;
  }

  /** The file system holds its disk from now on. The inodes as a whole are the holder: a disk may carry many of them. */
  private mount(bdev: number): number {
    const error = this.devices.claim(bdev, this.base);
    if (error !== 0) return error;
    this.devices.open(bdev);
    return 0;
  }

  private fillInode(inode: number, bdev: number, config: FileConfig, runs: number): void {
    const { cells } = this;
    const { blockBytes = PAGE_SIZE } = config;
    let fileBlock = 0;
    let run = runs;
    for (const [firstBlock, blocks] of config.extents) {
      cells.st32(run + FILE_RUN.fileBlock, fileBlock);
      cells.st32(run + FILE_RUN.diskBlock, firstBlock ?? 0);
      cells.st32(run + FILE_RUN.blocks, blocks);
      fileBlock += blocks;
      run += FILE_RUN.$bytes;
    }
    cells.st32(inode + INODE.regular, 1);
    cells.st32(inode + INODE.bdev, bdev);
    cells.st32(inode + INODE.blockBytes, blockBytes);
    cells.st32(inode + INODE.sizeBytes, config.bytes ?? fileBlock * blockBytes);
    cells.st32(inode + INODE.runs, runs);
    cells.st32(inode + INODE.nrRuns, config.extents.length);
  }
}
