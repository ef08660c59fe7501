/**
 * The backing swap of a device: a disk, or a file on one, that takes what is not worth keeping in memory.
 *
 * Promise: after {@link BackingSwap.open} the backing is opened, and a block device is claimed for this device alone; {@link BackingSwap.close}
 * undoes both. In between, and once {@link BackingSwap.mapTable} was called, {@link BackingSwap.forward} sends a request to where a page of the disk
 * lies. A page of a file is looked for as in 2.6.34: the file is a list of extents, each page of the table knows the extent of its first entry, and
 * a look-up walks on from there.
 *
 * Only INIT and RESET change anything here; requests read it without a lock.
 */
import {
  BIO,
  EBUSY,
  EINVAL,
  ENOMEM,
  PAGE_SHIFT,
  PAGE_SIZE,
  SECTORS_PER_PAGE,
  type Cells,
} from '@swaplab/kernel-mm';
import type { DeviceKernel } from './device-kernel.js';
import { BACKING_EXTENT, MAX_SWAP_NAME_LEN, RAMZSWAP, RZS_ENTRY, TABLE_PAGE_EXTENT } from './places.js';

/** Entries on a page of the table. */
const ENTRIES_PER_PAGE = PAGE_SIZE / RZS_ENTRY.$bytes;

/** The backing swap of one device, as one thread sees it. @kernel setup_backing_swap in ramzswap_drv.c, 2.6.34 */
export class BackingSwap {
  private readonly kernel: DeviceKernel;
  private readonly cells: Cells;
  private readonly device: number;

  /**
   * @param kernel - this thread's kernel
   * @param device - address of the {@link RAMZSWAP}
   */
  constructor(kernel: DeviceKernel, device: number) {
    this.kernel = kernel;
    this.cells = kernel.core.cells;
    this.device = device;
  }

  /** The block device that takes what is forwarded, 0 for none. */
  bdev(): number {
    return this.cells.ldu32(this.device + RAMZSWAP.backing);
  }

  /** The path that was chosen, empty for none. */
  name(): string {
    const bytes = this.cells.ldu32(this.device + RAMZSWAP.backingNameBytes);
    let name = '';
    for (let index = 0; index < bytes; index++)
      name += String.fromCharCode(this.cells.ld8(this.device + RAMZSWAP.backingName + index));
    return name;
  }

  /**
   * Remembers a path.
   * @param path - cut after 127 bytes
   */
  setName(path: string): void {
    const bytes = Math.min(path.length, MAX_SWAP_NAME_LEN - 1);
    for (let index = 0; index < bytes; index++)
      this.cells.st8(this.device + RAMZSWAP.backingName + index, path.charCodeAt(index));
    this.cells.st32(this.device + RAMZSWAP.backingNameBytes, bytes);
  }

  /**
   * Opens what the path names. May sleep.
   * @returns its size in bytes, whole pages of a file; 0 when it is neither a file nor a device with a size: then nothing is open. -EINVAL when it
   * cannot be opened, or is a file with holes or without a whole page; -EBUSY when somebody else uses it; -ENOMEM
   */
  open(): number {
    const { devices, files } = this.kernel.block;
    const file = files.open(this.name());
    if (file < 0) return -EINVAL;
    const result = files.isInode(file) ? this.openFile(file) : this.openDevice(file);
    if (result <= 0) {
      files.close(file);
      return result;
    }
    this.cells.st32(this.device + RAMZSWAP.backingFile, file);
    this.cells.st32(this.device + RAMZSWAP.backing, devices.isDevice(file) ? file : files.bdevOf(file));
    return result;
  }

  /** Closes what is open, and forgets the path. May sleep. */
  close(): void {
    const { cells, device } = this;
    const { devices, files } = this.kernel.block;
    const file = cells.ldu32(device + RAMZSWAP.backingFile);
    this.kernel.vmalloc.vfree(cells.ld32(device + RAMZSWAP.extents));
    this.kernel.vmalloc.vfree(cells.ld32(device + RAMZSWAP.tablePageExtents));
    for (const field of [RAMZSWAP.extents, RAMZSWAP.nrExtents, RAMZSWAP.tablePageExtents] as const)
      cells.st32(device + field, 0);
    cells.st32(device + RAMZSWAP.backing, 0);
    cells.st32(device + RAMZSWAP.backingFile, 0);
    cells.st32(device + RAMZSWAP.backingNameBytes, 0);
    if (file === 0) return;
    if (devices.isDevice(file)) devices.release(file, device);
    files.close(file);
  }

  /**
   * Reads the first page: the swap header.
   * @param address - byte address of a page frame
   * @returns 0 or a negative errno
   */
  readHeader(address: number): number {
    return this.kernel.block.files.readPage(this.cells.ldu32(this.device + RAMZSWAP.backingFile), 0, address);
  }

  /**
   * Tells each page of the table where its first entry lies. Nothing to do for a block device. @kernel map_backing_swap_extents, 2.6.34
   * @param slots - entries of the table
   * @returns 0 or -ENOMEM
   */
  mapTable(slots: number): number {
    const { cells } = this;
    const extents = cells.ld32(this.device + RAMZSWAP.extents);
    if (extents === 0) return 0;
    const pages = Math.ceil(slots / ENTRIES_PER_PAGE);
    const map = this.kernel.vmalloc.vmalloc(pages * TABLE_PAGE_EXTENT.$bytes);
    if (map === 0) return -ENOMEM;
    let extent = extents;
    let offset = 0;
    for (let page = 0; page < pages; page++) {
      const place = map + page * TABLE_PAGE_EXTENT.$bytes;
      cells.st32(place + TABLE_PAGE_EXTENT.extent, extent);
      cells.st32(place + TABLE_PAGE_EXTENT.offset, offset);
      offset += ENTRIES_PER_PAGE;
      while (page + 1 < pages && offset >= cells.ldu32(extent + BACKING_EXTENT.pages)) {
        offset -= cells.ldu32(extent + BACKING_EXTENT.pages);
        extent += BACKING_EXTENT.$bytes;
      }
    }
    cells.st32(this.device + RAMZSWAP.tablePageExtents, map);
    return 0;
  }

  /**
   * Where a page of the disk lies. @kernel map_backing_swap_page, 2.6.34
   * @param slot - page of the disk
   * @returns page of the block device
   */
  pageOf(slot: number): number {
    const { cells } = this;
    const map = cells.ld32(this.device + RAMZSWAP.tablePageExtents);
    if (map === 0) return slot;
    const place = map + Math.floor(slot / ENTRIES_PER_PAGE) * TABLE_PAGE_EXTENT.$bytes;
    let extent = cells.ldu32(place + TABLE_PAGE_EXTENT.extent);
    let offset = cells.ldu32(place + TABLE_PAGE_EXTENT.offset) + (slot % ENTRIES_PER_PAGE);
    for (;;) {
      const pages = cells.ldu32(extent + BACKING_EXTENT.pages);
      if (offset < pages) return cells.ldu32(extent + BACKING_EXTENT.physPage) + offset;
      offset -= pages;
      extent += BACKING_EXTENT.$bytes;
    }
  }

  /**
   * Sends a request to the backing swap instead. @kernel the two places of ramzswap_drv.c that set bi_bdev, 2.6.34
   * @param bio - of the running task, not completed
   * @param slot - page of the disk
   */
  forward(bio: number, slot: number): void {
    const { i32 } = this.cells.arena;
    i32[(bio + BIO.bdev) >> 2] = this.bdev();
    i32[(bio + BIO.sector) >> 2] = this.pageOf(slot) * SECTORS_PER_PAGE;
  }

  /**
   * What follows when a regular file cannot be used, beside the errno. In 2.6.34 a claim is given back that was never taken; here nothing.
   * @param _file - its inode
   */
  fileRefused(_file: number): void {}

  private openDevice(bdev: number): number {
    const { devices, files } = this.kernel.block;
    const error = devices.claim(bdev, this.device);
    if (error !== 0) return error;
    const bytes = files.sizeOf(bdev);
    if (bytes === 0) devices.release(bdev, this.device);
    return bytes;
  }

  private openFile(inode: number): number {
    const { files } = this.kernel.block;
    if (!files.isRegular(inode)) return 0;
    const result = files.isSwapfile(inode) ? -EBUSY : this.findExtents(inode);
    if (result < 0) this.fileRefused(inode);
    return result;
  }

  /** Makes the list of extents: pages of the file whose blocks lie together and at a page boundary of the disk. A piece that does not is left out. */
  private findExtents(inode: number): number {
    const { vmalloc } = this.kernel;
    const { files } = this.kernel.block;
    const counted = this.walkFile(inode, 0);
    if (counted.holes || counted.extents === 0) return -EINVAL;
    const list = vmalloc.vmalloc(counted.extents * BACKING_EXTENT.$bytes);
    if (list === 0) return -ENOMEM;
    this.walkFile(inode, list);
    this.cells.st32(this.device + RAMZSWAP.extents, list);
    this.cells.st32(this.device + RAMZSWAP.nrExtents, counted.extents);
    this.kernel.core.context.assert(
      counted.pages <= files.sizeOf(inode) >>> PAGE_SHIFT,
      'the pages of a backing file lie within it',
    );
    return counted.pages * PAGE_SIZE;
  }

  /** Walks over the blocks of a file, and writes extents if there is a list for them. */
  private walkFile(inode: number, list: number): { pages: number; extents: number; holes: boolean } {
    const { cells } = this;
    const { files } = this.kernel.block;
    const blocksPerPage = PAGE_SIZE / files.blockBytesOf(inode);
    const blocks = Math.floor(files.sizeOf(inode) / files.blockBytesOf(inode));
    let [pages, extents, nextPage] = [0, 0, -1];
    let block = 0;
    while (block + blocksPerPage <= blocks) {
      const first = files.bmap(inode, block);
      if (first === 0) return { pages, extents, holes: true };
      const together = this.blocksTogether(inode, block, first, blocksPerPage);
      if (together < 0) return { pages, extents, holes: true };
      if (first % blocksPerPage !== 0 || together < blocksPerPage) {
        block++;
        continue;
      }
      const page = first / blocksPerPage;
      if (page !== nextPage) extents++;
      if (list !== 0) {
        const extent = list + (extents - 1) * BACKING_EXTENT.$bytes;
        if (page !== nextPage) cells.st32(extent + BACKING_EXTENT.physPage, page);
        cells.st32(extent + BACKING_EXTENT.pages, cells.ldu32(extent + BACKING_EXTENT.pages) + 1);
      }
      nextPage = page + 1;
      pages++;
      block += blocksPerPage;
    }
    return { pages, extents, holes: false };
  }

  /** How many blocks from one on lie together, at most a page; -1 when there is a hole among them. */
  private blocksTogether(inode: number, block: number, first: number, most: number): number {
    const { files } = this.kernel.block;
    for (let count = 1; count < most; count++) {
      const next = files.bmap(inode, block + count);
      if (next === 0) return -1;
      if (next !== first + count) return count;
    }
    return most;
  }
}
