/**
 * Discards: telling a device that the contents of some sectors are not needed any more.
 *
 * As in 2.6.34, a discard is dear: each request needs a bio and a zeroed page as well, and fails when either cannot be had. The page carries
 * what some devices want to be sent; ours do not look at it.
 *
 * No lock of its own. Whether it may sleep is decided by gfp and by the driver: a driver whose queue takes discards serves them without
 * sleeping, because they may come under a spinlock.
 */
import { ENOMEM, EOPNOTSUPP } from '../errno.js';
import type { PageAllocator } from '../page/page.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import type { Bios } from './bio.js';
import { BLOCK_DEVICE, BLOCK_DISCARD, type BlockDevices } from './device.js';

/** Most sectors of one discard request; a whole number of pages. @kernel max_discard_sectors of a queue, 2.6.34 */
export const MAX_DISCARD_SECTORS = 2 ** 21;

/** Issues discards for one thread. */
export class BlockDiscard {
  private readonly cells: Cells;
  private readonly context: Core['context'];
  private readonly devices: BlockDevices;
  private readonly bios: Bios;
  private readonly pages: PageAllocator;

  /**
   * @param core - the running thread
   * @param devices - the registry
   * @param bios - of the running thread
   * @param pages - where the zeroed pages come from
   */
  constructor(core: Core, devices: BlockDevices, bios: Bios, pages: PageAllocator) {
    this.cells = core.cells;
    this.context = core.context;
    this.devices = devices;
    this.bios = bios;
    this.pages = pages;
  }

  /**
   * Discards a range of sectors, in as many requests as it takes. With a gfp that may not sleep it may be called under spinlocks.
   * @param bdev - a device
   * @param sector - first sector
   * @param sectors - how many; at least 1
   * @param gfp - `GFP_...` for the bio and the page of each request
   * @returns 0; -EOPNOTSUPP when the device takes no discards; -ENOMEM when there is no bio or no page; -EIO beyond the device, or what the
   * driver answers. After an error a part of the range may have been discarded
   * @kernel block/blk-barrier.c blkdev_issue_discard, 2.6.34
   */
  blkdevIssueDiscard(bdev: number, sector: number, sectors: number, gfp: number): number {
    this.context.assert(this.devices.isDevice(bdev), 'a discard names a registered device');
    this.context.assert(sectors > 0, 'a discard has at least one sector');
    if ((this.cells.ld32(bdev + BLOCK_DEVICE.flags) & BLOCK_DISCARD) === 0) return -EOPNOTSUPP;
    const end = sector + sectors;
    for (let first = sector; first < end; first += MAX_DISCARD_SECTORS) {
      const error = this.submitDiscard(bdev, first, Math.min(MAX_DISCARD_SECTORS, end - first), gfp);
      if (error !== 0) return error;
    }
    return 0;
  }

  /**
   * Sends one discard request. Context as for {@link blkdevIssueDiscard}.
   * @param bdev - a device that takes discards
   * @param sector - first sector
   * @param sectors - 1 to {@link MAX_DISCARD_SECTORS}
   * @param gfp - `GFP_...`
   * @returns 0, -ENOMEM, or the error of the request
   */
  submitDiscard(bdev: number, sector: number, sectors: number, gfp: number): number {
    const { bios, pages } = this;
    const bio = bios.allocBio(gfp);
    if (bio === 0) return -ENOMEM;
    const page = pages.allocPage(gfp);
    if (page === 0) {
      bios.freeBio(bio);
      return -ENOMEM;
    }
    const address = pages.addressOf(page);
    this.cells.clearPage(address);
    bios.setDiscard(bio, bdev, sector, sectors, address);
    const error = bios.submitBio(bio);
    bios.freeBio(bio);
    pages.freePage(page);
    return error;
  }
}
