/**
 * RAM disks: block devices whose sectors lie in the arena.
 *
 * The storage has its full size from the start and is zeroed, so no transfer can fail and nothing needs to be allocated. Only whole,
 * sector-aligned transfers reach it: the block layer has checked them. @kernel drivers/block/brd.c, 2.6.34, with fixed storage
 *
 * No lock: there is no state but the bytes themselves. Two requests that overlap in time and place race for these bytes, as on any disk; who
 * uses the same sectors keeps such requests apart, the swap core by the page lock.
 */
import { MisuseError } from '../errno.js';
import type { Layout, Region } from '../arena/layout.js';
import { PAGE_SIZE } from '../arena/memory.js';
import type { SymbolId } from '../arena/symbols.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import { BIO, BIO_DISCARD, BIO_WRITE, type Bios } from './bio.js';
import { BLOCK_DEVICE, SECTOR_SHIFT, SECTOR_SIZE, type BlockDevices } from './device.js';

/** A RAM disk to be made. */
export interface RamDiskConfig {
  /** Name of the device, `'ram0'`. */
  readonly name: string;
  /** Size in bytes, a positive multiple of the page size. */
  readonly bytes: number;
  /** `BLOCK_...`; none when not given. */
  readonly flags?: number;
}

/** A RAM disk and its storage. */
export interface RamDiskPlace {
  readonly config: RamDiskConfig;
  readonly storage: Region;
}

/**
 * Reserves the storage of RAM disks.
 * @param layout - not yet sealed
 * @param configs - the disks, in the order they will be registered
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE` for a size that is no positive multiple of the page size
 */
export function layoutRamDisks(layout: Layout, configs: readonly RamDiskConfig[]): RamDiskPlace[] {
  const places: RamDiskPlace[] = [];
  for (const config of configs) {
    const { name, bytes } = config;
    if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes % PAGE_SIZE !== 0) {
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `The RAM disk '${name}' cannot have ${bytes} bytes: give it a positive multiple of ${PAGE_SIZE}.`,
      );
    }
    places.push({ config, storage: layout.bytes('cold', `ramdisk ${name}`, bytes) });
  }
  return places;
}

/** The driver of the RAM disks, in one thread. */
export class RamDisks {
  private readonly cells: Cells;
  private readonly core: Core;
  private readonly devices: BlockDevices;
  private readonly bios: Bios;
  private readonly places: readonly RamDiskPlace[];
  private readonly brdMakeRequest: SymbolId;

  /**
   * @param core - the running thread
   * @param devices - the registry
   * @param bios - completes the requests
   * @param places - from {@link layoutRamDisks}
   */
  constructor(core: Core, devices: BlockDevices, bios: Bios, places: readonly RamDiskPlace[]) {
    this.core = core;
    this.cells = core.cells;
    this.devices = devices;
    this.bios = bios;
    this.places = places;
    // eslint-disable-next-line no-restricted-syntax -- made once for each thread that attaches, never on a call
    this.brdMakeRequest = devices.makeRequests.define('brd_make_request', (bdev, bio) =>
      this.makeRequest(bdev, bio),
    );
  }

  /**
   * Registers all configured disks. Called once in the life of a machine, by its creator. May sleep.
   * @returns 0, or the negative errno of the first disk that could not be registered: -EBUSY, -EINVAL, -ENOSPC
   * @kernel drivers/block/brd.c brd_init, 2.6.34
   */
  registerAll(): number {
    for (const { config, storage } of this.places) {
      const sectors = config.bytes >>> SECTOR_SHIFT;
      const bdev = this.devices.register(
        config.name,
        sectors,
        this.brdMakeRequest,
        storage.base,
        config.flags ?? 0,
      );
      if (bdev < 0) return bdev;
    }
    return 0;
  }

  /**
   * Serves a request. Never sleeps.
   * @param bdev - a RAM disk
   * @param bio - checked by the block layer
   * @returns 0: completed
   * @kernel drivers/block/brd.c brd_make_request, 2.6.34
   */
  makeRequest(bdev: number, bio: number): number {
    const { i32 } = this.cells.arena;
    const operation = i32[(bio + BIO.operation) >> 2] ?? 0;
    const bytes = i32[(bio + BIO.bytes) >> 2] ?? 0;
    const start = ((i32[(bio + BIO.sector) >> 2] ?? 0) >>> 0) * SECTOR_SIZE;
    const sizeBytes = this.cells.ldu32(bdev + BLOCK_DEVICE.capacitySectors) * SECTOR_SIZE;
    this.core.context.assert(start + bytes <= sizeBytes, 'a request to a RAM disk ends within it');
    const storage = this.cells.ld32(bdev + BLOCK_DEVICE.privateData) + start;
    const memory = (i32[(bio + BIO.pageAddress) >> 2] ?? 0) + (i32[(bio + BIO.offsetBytes) >> 2] ?? 0);
    if (operation === BIO_DISCARD) this.clear(storage, bytes);
    else if (operation === BIO_WRITE) this.copy(storage, storage, memory, bytes);
    else this.copy(storage, memory, storage, bytes);
    this.bios.bioEndio(bio, 0);
    return 0;
  }

  /** Copies bytes between a disk and memory; announces each page of the disk that is touched. */
  private copy(storage: number, to: number, from: number, bytes: number): void {
    this.announce(storage, bytes);
    this.cells.bytes.copyBytes(to, from, bytes);
  }

  /** Discarded sectors read as zeros. */
  private clear(storage: number, bytes: number): void {
    this.announce(storage, bytes);
    this.cells.arena.i32.fill(0, storage >> 2, (storage + bytes) >> 2);
  }

  private announce(storage: number, bytes: number): void {
    const end = storage + bytes;
    for (let page = storage - (storage % PAGE_SIZE); page < end; page += PAGE_SIZE) this.cells.announce(page);
  }
}
