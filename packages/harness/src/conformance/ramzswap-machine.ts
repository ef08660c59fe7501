/**
 * A device for replaying: one of 2.6.34, whose pages have serial numbers, on a machine of its own.
 *
 * The device is made by hand on a machine of that profile, so that it asks {@link SerialPages} for its pages. Requests are handed to it directly, and
 * those for the backing swap are not carried out, as in the recordings.
 */
import {
  BIO,
  BIO_READ,
  BIO_WRITE,
  createMachine,
  GFP_KERNEL,
  PAGE_SIZE,
  SECTORS_PER_PAGE,
  type Cells,
  type Kernel,
} from '@swaplab/kernel-mm';
import {
  createCodec,
  createDevice,
  ioctlNumbers,
  kilobytesArgument,
  nameArgument,
  parseStats,
  ramzswap,
  ramzswapOf,
  RZS_ENTRY,
  RZS_UNCOMPRESSED,
  RZS_ZERO,
  STATS_BYTES_2_6_34,
  type IoctlStats,
  type RamzswapDevice,
} from '@swaplab/ramzswap';
import { SerialPages } from './bare-machine.js';

const PROFILE = '2.6.34';
const BACKING = 'ram0';
const IOCTL = ioctlNumbers(PROFILE);
/** Besides the pages of the disk: for the reserve of the page allocator, and for pools that are not full. */
const SPARE_PAGES = 1024;
/** No disk has this sector; any that does not fit into the field of a request is as far away. */
const SECTOR_BEYOND = 2 ** 32 - SECTORS_PER_PAGE;

/** What a device is replayed with. */
export interface ReplayDeviceOptions {
  readonly diskPages: number;
  /** Bytes; only with a backing swap. */
  readonly memlimit: number;
  readonly backing: boolean;
  readonly dictionary: 'cleared' | 'kept';
  readonly wasm: boolean;
}

/** What became of a request. */
export type Outcome = 'ok' | 'error' | 'forward';

/** Where a page was stored: serial number of its page, offset and length in bytes. */
export type StoredAt = readonly [serial: number, offset: number, length: number];

/** One device, and what a replay does with it. */
export class ReplayDevice {
  readonly pages: SerialPages;
  /** The page of all requests. */
  readonly bytes: Uint8Array;
  private readonly cells: Cells;
  private readonly device: RamzswapDevice;
  private readonly kernel: Kernel;
  private readonly frame: number;
  private readonly bio: number;

  /** @param options - of the trace */
  constructor(options: ReplayDeviceOptions) {
    const { diskPages, memlimit, backing, dictionary, wasm } = options;
    const diskBytes = diskPages * PAGE_SIZE;
    const machine = createMachine({
      ramBytes: diskBytes + SPARE_PAGES * PAGE_SIZE,
      profile: PROFILE,
      policy: 'none',
      addressSpaces: 1,
      wasm,
      ramDisks: [{ name: BACKING, bytes: diskBytes }],
      drivers: [ramzswap({ disks: 1, diskBytes, dictionary, initialise: false })],
    });
    machine.record();
    const view = machine.attach({ name: 'replay', mayWait: true });
    const { kernel } = view;
    const { core, frames, vmalloc, block, trace, config } = kernel;
    this.kernel = kernel;
    this.cells = core.cells;
    this.frame = frames.addressOf(frames.allocPage(GFP_KERNEL));
    this.bytes = core.cells.arena.u8.subarray(this.frame, this.frame + PAGE_SIZE);
    this.bio = block.bios.allocBio(GFP_KERNEL);
    this.pages = new SerialPages(frames);
    this.device = createDevice(
      PROFILE,
      { core, frames: this.pages, vmalloc, block, trace, config },
      {
        places: ramzswapOf(view).places,
        index: 0,
        codec: createCodec('lzo1x-2010', core.cells, { dictionary }),
        wordBytes: 8,
      },
    );
    this.set(IOCTL.RZSIO_SET_DISKSIZE_KB, kilobytesArgument(diskBytes >>> 10));
    if (backing) {
      this.set(IOCTL.RZSIO_SET_MEMLIMIT_KB, kilobytesArgument(memlimit >>> 10));
      this.set(IOCTL.RZSIO_SET_BACKING_SWAP, nameArgument(`/dev/${BACKING}`));
    }
    this.set(IOCTL.RZSIO_INIT, new Uint8Array(0));
  }

  /**
   * Hands a request to the device.
   * @param direction - of the transfer
   * @param sector - first sector
   * @param bytes - length
   * @param offset - of the data in its page, bytes
   * @param segments - pages the data lies in
   */
  request(
    direction: 'read' | 'write',
    sector: number,
    bytes: number = PAGE_SIZE,
    offset = 0,
    segments = 1,
  ): Outcome {
    const { bio } = this;
    const { i32 } = this.cells.arena;
    const at = Math.min(sector, SECTOR_BEYOND);
    this.kernel.block.bios.setPage(
      bio,
      this.device.bdev(),
      direction === 'read' ? BIO_READ : BIO_WRITE,
      at,
      this.frame,
    );
    i32[(bio + BIO.bytes) >> 2] = bytes;
    i32[(bio + BIO.offsetBytes) >> 2] = offset;
    i32[(bio + BIO.segments) >> 2] = segments;
    i32[(bio + BIO.completed) >> 2] = 0;
    i32[(bio + BIO.error) >> 2] = 0;
    if (this.device.makeRequest(bio) === 0) return i32[(bio + BIO.error) >> 2] === 0 ? 'ok' : 'error';
    const backing = this.kernel.block.devices.byPath(`/dev/${BACKING}`);
    const isThere =
      i32[(bio + BIO.bdev) >> 2] === backing && (i32[(bio + BIO.sector) >> 2] ?? 0) >>> 0 === at;
    return isThere ? 'forward' : 'error';
  }

  /**
   * Says that a slot is free.
   * @param slot - page of the disk
   */
  slotFreeNotify(slot: number): void {
    this.device.slotFreeNotify(slot);
  }

  /**
   * What the table says of a slot.
   * @param slot - page of the disk
   */
  kindOf(slot: number): 'empty' | 'zero' | 'raw' | 'lzo' {
    const entry = this.device.entryOf(slot);
    const flags = this.cells.ld8(entry + RZS_ENTRY.flags);
    if ((flags & RZS_ZERO) !== 0) return 'zero';
    if (this.cells.ld32(entry + RZS_ENTRY.page) === 0) return 'empty';
    return (flags & RZS_UNCOMPRESSED) === 0 ? 'lzo' : 'raw';
  }

  /**
   * Where a slot lies.
   * @param slot - RAW or COMPRESSED
   */
  storedAt(slot: number): StoredAt {
    const entry = this.device.entryOf(slot);
    const page = this.cells.ld32(entry + RZS_ENTRY.page);
    const offset = this.cells.ld16(entry + RZS_ENTRY.offset);
    const length = this.kindOf(slot) === 'raw' ? PAGE_SIZE : this.device.pool.objectSize(page, offset);
    return [this.pages.serial(page), offset, length];
  }

  /** The statistics as a program gets them, and the two counts that it gets as shares only. */
  stats(): IoctlStats & { readonly good_compress: number; readonly pages_expand: number } {
    const bytes = new Uint8Array(STATS_BYTES_2_6_34);
    this.set(IOCTL.RZSIO_GET_STATS, bytes);
    const { goodCompress, pagesExpand } = this.device.readStats();
    return { ...parseStats(bytes, PROFILE), good_compress: goodCompress, pages_expand: pagesExpand };
  }

  private set(number: number, bytes: Uint8Array): void {
    const error = this.device.ioctl(number, bytes);
    if (error !== 0) throw new Error(`The replayed device answers ioctl ${number} with ${error}.`);
  }
}
