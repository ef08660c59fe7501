/**
 * Writing the swap header of a device or a file, as the mkswap program does from outside the kernel.
 *
 * Promise: the header is written only to what nobody swaps to and, if it is a device, nobody holds; it describes all of it. Nothing else is
 * touched.
 */
import { PAGE_SIZE } from '../arena/memory.js';
import type { BlockDevices } from '../block/device.js';
import type { FileSystem } from '../block/files.js';
import { EBUSY, EINVAL, ENOMEM } from '../errno.js';
import { GFP_KERNEL, type PageAllocator } from '../page/page.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import { buildSwapHeader } from './header.js';

/** What {@link MakeSwap} stands on. */
export interface MakeSwapParts {
  readonly cells: Cells;
  readonly context: Context;
  readonly pages: PageAllocator;
  readonly devices: BlockDevices;
  readonly files: FileSystem;
}

/** Fewest pages of a swap area, the header included, as mkswap of util-linux demands. */
const PAGES_LEAST = 10;

/** mkswap. One per thread. */
export class MakeSwap {
  private readonly parts: MakeSwapParts;

  /** @param parts - what it stands on */
  constructor(parts: MakeSwapParts) {
    this.parts = parts;
  }

  /**
   * Writes a header for the whole of a block device or a file. May sleep.
   * @param path - `'/dev/NAME'`, or of a file
   * @returns 0; -ENOENT, -ENAMETOOLONG or -EISDIR when the path cannot be opened; -EBUSY while somebody holds the device or swaps to the file;
   * -EINVAL when it has fewer than 10 pages, or is neither a device nor a regular file; -ENOSPC when there is a hole where the header would
   * be; -ENOMEM; -EIO
   */
  mkswap(path: string): number {
    const { context, files } = this.parts;
    context.mightSleep('mkswap');
    const file = files.open(path);
    if (file < 0) return file;
    const error = files.isInode(file) ? this.formatFile(file) : this.formatDevice(file);
    files.close(file);
    return error;
  }

  private formatDevice(bdev: number): number {
    return this.parts.devices.holders(bdev) === 0 ? this.writeHeader(bdev) : -EBUSY;
  }

  private formatFile(inode: number): number {
    const { files } = this.parts;
    if (!files.isRegular(inode)) return -EINVAL;
    // A write to a file holds its mutex, as swapon does.
    files.lock(inode);
    try {
      return files.isSwapfile(inode) ? -EBUSY : this.writeHeader(inode);
    } finally {
      files.unlock(inode);
    }
  }

  private writeHeader(file: number): number {
    const { cells, pages, files } = this.parts;
    const sizePages = Math.floor(files.sizeOf(file) / PAGE_SIZE);
    if (sizePages < PAGES_LEAST) return -EINVAL;
    const page = pages.allocPage(GFP_KERNEL);
    if (page === 0) return -ENOMEM;
    const address = pages.addressOf(page);
    cells.announce(address);
    cells.arena.u8.set(buildSwapHeader({ lastPage: sizePages - 1 }), address);
    const error = files.writePage(file, 0, address);
    pages.freePage(page);
    return error;
  }
}
