/**
 * Writing the swap header of a device, as the mkswap program does from outside the kernel.
 *
 * Promise: the header is written only to a device nobody holds, and describes all of it. Nothing else on the device is touched.
 */
import { EBUSY, EINVAL, ENOENT, ENOMEM } from '../errno.js';
import { BIO_WRITE, type Bios } from '../block/bio.js';
import { BLOCK_DEVICE, SECTORS_PER_PAGE, type BlockDevices } from '../block/device.js';
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
  readonly bios: Bios;
}

/** Fewest pages of a swap device: the header and ten slots, as mkswap demands. */
const PAGES_LEAST = 11;

/** mkswap. One per thread. */
export class MakeSwap {
  private readonly parts: MakeSwapParts;

  /** @param parts - what it stands on */
  constructor(parts: MakeSwapParts) {
    this.parts = parts;
  }

  /**
   * Writes a header for the whole of a block device. May sleep.
   * @param path - `'/dev/NAME'`
   * @returns 0; -ENOENT when there is no such device; -EBUSY while somebody holds it; -EINVAL when it has fewer than 11 pages; -ENOMEM; -EIO
   */
  mkswap(path: string): number {
    const { cells, context, pages, devices, bios } = this.parts;
    context.mightSleep('mkswap');
    const bdev = devices.byPath(path);
    if (bdev === 0) return -ENOENT;
    if (devices.holders(bdev) !== 0) return -EBUSY;
    const sizePages = Math.floor(cells.ldu32(bdev + BLOCK_DEVICE.capacitySectors) / SECTORS_PER_PAGE);
    if (sizePages < PAGES_LEAST) return -EINVAL;
    const page = pages.allocPage(GFP_KERNEL);
    if (page === 0) return -ENOMEM;
    const bio = bios.allocBio(GFP_KERNEL);
    if (bio === 0) {
      pages.freePage(page);
      return -ENOMEM;
    }
    const address = pages.addressOf(page);
    cells.announce(address);
    cells.arena.u8.set(buildSwapHeader({ lastPage: sizePages - 1 }), address);
    bios.setPage(bio, bdev, BIO_WRITE, 0, address);
    const error = bios.submitBio(bio);
    bios.freeBio(bio);
    pages.freePage(page);
    return error;
  }
}
