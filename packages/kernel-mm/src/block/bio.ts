/**
 * Bios: requests to block devices, and their way to the driver.
 *
 * Promise: a request that leaves `submitBio` is complete: the modelled devices have no interrupts and finish in the caller's context. It
 * is checked against the device before its driver sees it; a request that cannot be served ends with an errno in the bio, as in the
 * original, and never reaches bytes outside the device.
 *
 * Bios come from a small pool of the task that allocates them, so no lock protects them: a bio belongs to its task from `allocBio` to
 * `freeBio`, and its fields are accessed directly. Whether a request may sleep is decided by the driver; `allocBio` may sleep if its
 * gfp says so.
 */
import { EIO, EOPNOTSUPP } from '../errno.js';
import * as memory from '../arena/memory.js';
import type { Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import { GFP_BIT_WAIT } from '../page/page.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { KERN_INFO } from '../trace/events.js';
import type { Trace } from '../trace/trace.js';
import * as registry from './device.js';
import type { BlockDevices } from './device.js';
import type { FailMakeRequest } from './fault-injection.js';

/** Operation: from the device into memory. */
export const BIO_READ = 0;
/** Operation: from memory to the device. */
export const BIO_WRITE = 1;
/** Operation: the contents of these sectors are not needed any more. @kernel BIO_RW_DISCARD, 2.6.34 */
export const BIO_DISCARD = 2;

/** Bios each task can have in use at one time; a request may need others on its way through stacked devices. */
export const BIOS_PER_TASK = 4;
/** Most devices a request passes, each handing it on to the next, before it fails. */
export const BIO_ROUNDS_MAX = 4;

/** A request. @kernel struct bio, 2.6.34 */
export const BIO = struct(
  'bio',
  {
    inUse: 'i32',
    /** The device; a driver that hands the request on stores another one. */
    bdev: 'i32',
    /** `BIO_READ`, `BIO_WRITE` or `BIO_DISCARD`. */
    operation: 'i32',
    /** First sector on the device. */
    sector: 'u32',
    /** Byte address of the page frame; further segments are the frames behind it. 0 for a discard without a page. */
    pageAddress: 'i32',
    /** Where in the first frame the data begins, in bytes. */
    offsetBytes: 'i32',
    /** Length of the request in bytes, a multiple of the sector size. */
    bytes: 'i32',
    /** Pages the data lies in; 1 for a page of swap, 0 for a discard without a page. @kernel bi_vcnt */
    segments: 'i32',
    /** 1 once the request is complete. */
    completed: 'i32',
    /** 0 or a negative errno; valid once the request is complete. */
    error: 'i32',
  },
  64,
);

// A constant of this module is part of the code that uses it; an imported or exported one is loaded and checked at each use.
const { BLOCK_DEVICE, BLOCK_DISCARD, SECTOR_SHIFT, SECTOR_SIZE } = registry;
const { PAGE_SIZE } = memory;
const FIELD = BIO;
const BIO_BYTES = BIO.$bytes;
const POOL_BYTES = BIOS_PER_TASK * BIO_BYTES;
const READ = BIO_READ;
const WRITE = BIO_WRITE;
const DISCARD = BIO_DISCARD;
const ROUNDS_MAX = BIO_ROUNDS_MAX;
const NOT_SECTORS = SECTOR_SIZE - 1;
const NOT_PAGES = PAGE_SIZE - 1;

/** Allocates, submits and completes bios for one thread. */
export class Bios {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly devices: BlockDevices;
  private readonly failing: FailMakeRequest;
  private readonly trace: Trace;
  private readonly i32: Int32Array;
  private readonly base: number;

  /**
   * @param core - the running thread
   * @param region - the pools of all tasks, from `layoutBlock`
   * @param devices - the registry
   * @param failing - says which requests are made to fail
   * @param trace - where rejected requests are logged
   */
  constructor(core: Core, region: Region, devices: BlockDevices, failing: FailMakeRequest, trace: Trace) {
    this.cells = core.cells;
    this.failing = failing;
    this.context = core.context;
    this.devices = devices;
    this.trace = trace;
    this.i32 = core.cells.arena.i32;
    this.base = region.base;
  }

  /**
   * Takes a zeroed bio from the pool of the running task.
   * @param gfp - `GFP_...`; with `GFP_BIT_WAIT` the caller must be allowed to sleep
   * @returns address of the bio, 0 when all {@link BIOS_PER_TASK} are in use
   * @kernel fs/bio.c bio_alloc, 2.6.34
   */
  allocBio(gfp: number): number {
    if ((gfp & GFP_BIT_WAIT) !== 0) this.context.mightSleep('allocating a bio');
    const pool = this.base + this.context.current * POOL_BYTES;
    for (let index = 0; index < BIOS_PER_TASK; index++) {
      const bio = pool + index * BIO_BYTES;
      if (this.load(bio + FIELD.inUse) !== 0) continue;
      // A loop: on shared memory one call of fill() takes longer than all these stores.
      const end = (bio + BIO_BYTES) >> 2;
      for (let word = bio >> 2; word < end; word++) this.i32[word] = 0;
      this.i32[(bio + FIELD.inUse) >> 2] = 1;
      return bio;
    }
    return 0;
  }

  /**
   * Gives a bio back to the pool of the running task, which took it.
   * @param bio - from {@link allocBio}
   * @kernel fs/bio.c bio_put, 2.6.34
   */
  freeBio(bio: number): void {
    this.assertOwn(bio, 'freeBio');
    this.i32[(bio + FIELD.inUse) >> 2] = 0;
  }

  /**
   * Fills a bio in for a transfer of one page.
   * @param bio - from {@link allocBio}
   * @param bdev - the device
   * @param operation - `BIO_READ` or `BIO_WRITE`
   * @param sector - first sector
   * @param pageAddress - byte address of the page frame
   */
  setPage(bio: number, bdev: number, operation: number, sector: number, pageAddress: number): void {
    const { i32 } = this;
    i32[(bio + FIELD.bdev) >> 2] = bdev;
    i32[(bio + FIELD.operation) >> 2] = operation;
    i32[(bio + FIELD.sector) >> 2] = sector;
    i32[(bio + FIELD.pageAddress) >> 2] = pageAddress;
    i32[(bio + FIELD.offsetBytes) >> 2] = 0;
    i32[(bio + FIELD.bytes) >> 2] = PAGE_SIZE;
    i32[(bio + FIELD.segments) >> 2] = 1;
  }

  /**
   * Fills a bio in for a discard.
   * @param bio - from {@link allocBio}
   * @param bdev - the device
   * @param sector - first sector
   * @param sectors - how many
   * @param pageAddress - byte address of the frame of the zeroed page that goes with it
   */
  setDiscard(bio: number, bdev: number, sector: number, sectors: number, pageAddress: number): void {
    this.setPage(bio, bdev, BIO_DISCARD, sector, pageAddress);
    this.i32[(bio + FIELD.bytes) >> 2] = sectors * SECTOR_SIZE;
  }

  /**
   * Completes a request. Called exactly once for each, by whoever serves or refuses it.
   * @param bio - being served
   * @param error - 0 or a negative errno
   * @kernel fs/bio.c bio_endio, 2.6.34
   */
  bioEndio(bio: number, error: number): void {
    if (error > 0) this.context.bug(`A request ends with 0 or a negative errno, not ${error}.`);
    this.context.assert(this.load(bio + FIELD.completed) === 0, 'a request is completed once');
    this.i32[(bio + FIELD.error) >> 2] = error;
    this.i32[(bio + FIELD.completed) >> 2] = 1;
  }

  /**
   * Sends a request to its device and runs it to completion.
   * @param bio - filled in, from {@link allocBio}; may be submitted again later
   * @returns the error of the bio: 0; -EIO when it lies beyond the device, is malformed, failed, or was handed on too often; -EOPNOTSUPP for a
   * discard the device does not take; whatever else the driver answers
   * @kernel block/blk-core.c submit_bio and generic_make_request, 2.6.34
   */
  submitBio(bio: number): number {
    this.assertOwn(bio, 'submitBio');
    this.i32[(bio + FIELD.completed) >> 2] = 0;
    this.i32[(bio + FIELD.error) >> 2] = 0;
    const submittedTo = this.load(bio + FIELD.bdev);
    this.genericMakeRequest(bio);
    const error = this.load(bio + FIELD.error);
    if (error !== 0) this.devices.countError(submittedTo);
    return error;
  }

  /**
   * Asks one driver after the other until one has completed the request.
   * @param bio - being submitted; complete on return
   * @kernel block/blk-core.c __generic_make_request, 2.6.34
   */
  genericMakeRequest(bio: number): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const bdev = this.load(bio + FIELD.bdev);
      this.context.assert(this.devices.isDevice(bdev), 'a bio names a registered device');
      const refusal = this.checkBio(bdev, bio);
      if (refusal !== 0) {
        this.bioEndio(bio, refusal);
        return;
      }
      this.devices.countRequest(
        bdev,
        this.load(bio + FIELD.operation),
        this.load(bio + FIELD.bytes) >> SECTOR_SHIFT,
      );
      const makeRequest = this.devices.makeRequests.resolve(this.cells.ld32(bdev + BLOCK_DEVICE.makeRequest));
      const verdict = makeRequest(bdev, bio);
      const completed = this.load(bio + FIELD.completed);
      if (verdict === 0) {
        this.context.assert(completed === 1, 'a driver that keeps a request completes it');
        return;
      }
      this.context.assert(verdict === 1, `a driver answers 0 or 1, not ${verdict}`);
      this.context.assert(completed === 0, 'a driver that hands a request on does not complete it');
    }
    this.trace.printk(
      `${this.devices.nameOf(this.load(bio + FIELD.bdev))}: request handed on ${BIO_ROUNDS_MAX} times`,
    );
    this.bioEndio(bio, -EIO);
  }

  /**
   * Whether a device can be given a request.
   * @param bdev - the device
   * @param bio - the request
   * @returns 0 or a negative errno
   * @kernel block/blk-core.c bio_check_eod, and should_fail_request where it is called, 2.6.34
   * @racy the capacity is read without a lock, as the original does; a driver that shrinks its device checks each request itself
   */
  checkBio(bdev: number, bio: number): number {
    const operation = this.load(bio + FIELD.operation);
    if (operation === DISCARD) {
      if ((this.cells.ld32(bdev + BLOCK_DEVICE.flags) & BLOCK_DISCARD) === 0) return -EOPNOTSUPP;
    } else if ((operation !== READ && operation !== WRITE) || !this.hasRoom(bio)) {
      return -EIO;
    }
    const bytes = this.load(bio + FIELD.bytes);
    if (bytes <= 0 || (bytes & NOT_SECTORS) !== 0) return -EIO;
    const end = (this.load(bio + FIELD.sector) >>> 0) + (bytes >> SECTOR_SHIFT);
    const capacity = this.cells.ldu32(bdev + BLOCK_DEVICE.capacitySectors);
    if (end > capacity) {
      this.trace.printk(
        `attempt to access beyond end of device ${this.devices.nameOf(bdev)}: rw=${operation}, want=${end}, limit=${capacity}`,
        KERN_INFO,
      );
      return -EIO;
    }
    return this.failing.shouldFailRequest(bdev, operation, bytes) ? -EIO : 0;
  }

  /** Whether the data of a transfer lies in its page frames, and these in the arena. */
  private hasRoom(bio: number): boolean {
    const page = this.load(bio + FIELD.pageAddress);
    const offset = this.load(bio + FIELD.offsetBytes);
    const room = this.load(bio + FIELD.segments) * PAGE_SIZE;
    if (page <= 0 || (page & NOT_PAGES) !== 0 || page + room > this.cells.arena.bytes) return false;
    return offset >= 0 && offset + this.load(bio + FIELD.bytes) <= room;
  }

  /** Stops the machine unless a bio was taken by the running task. */
  private assertOwn(bio: number, who: string): void {
    const pool = this.base + this.context.current * POOL_BYTES;
    const offset = bio - pool;
    const isPlace = offset >= 0 && offset < POOL_BYTES && offset % BIO_BYTES === 0 && this.load(bio) !== 0;
    if (!isPlace) {
      this.context.bug(
        `${who} was given ${this.context.layout.describe(bio)}, which is no bio of the running task.`,
      );
    }
  }

  private load(address: number): number {
    return this.i32[address >> 2] ?? 0;
  }
}
