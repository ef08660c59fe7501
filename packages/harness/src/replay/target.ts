/**
 * Where the pages of a trace go. Two ways:
 *
 * - {@link OurSlots}: each page written takes a slot from our own allocator, and a free gives it back to the swap core, which tells the device or does
 *   not, as the policy has it. The vm is bypassed: there is no swap cache, and nobody faults;
 * - {@link RecordedSlots}: the device alone, with the numbers of the trace. There is no swap core that could tell it anything: under a policy that
 *   tells of each freed slot the replay does it in its place.
 *
 * One thread, no waiting. A place is a number that names a slot: a swap entry, or a page of the device.
 */
import {
  BIO_DISCARD,
  BIO_READ,
  BIO_WRITE,
  BLOCK_DEVICE,
  BLOCK_DISCARD,
  GFP_KERNEL,
  GFP_NOIO,
  NULL_SYMBOL,
  SECTORS_PER_PAGE,
  SWAP_INFO,
  swpOffset,
  swpType,
  type MachineView,
} from '@swaplab/kernel-mm';
import { ramzswapOf, type RamzswapDevice } from '@swaplab/ramzswap';

import { POLICY_FACTS } from '../run/policies.js';

/** The device of a replay. */
export const REPLAY_DEVICE = '/dev/ramzswap0';
/** Slots that one discard request names at most: its length must fit into a field of it. */
const DISCARD_SLOTS_MAX = 1 << 16;

/** Takes, writes, reads and frees places. */
export interface ReplayTarget {
  readonly device: RamzswapDevice;
  /** Pages that went without a block request. */
  readonly spacePages: { writes: number; reads: number };
  /** Different places given out so far. */
  readonly distinct: number;

  /** Slots in use, as whoever keeps the books of them says. */
  live(): number;
  /** Whether a page of the device is a slot in use. */
  isLive(page: number): boolean;
  /** Takes a place. @param slot - of the trace @returns 0 when there is none */
  take(slot: number): number;
  /** Writes a frame to a place. @returns 0 or a negative errno */
  write(place: number, frame: number): number;
  /** The page taken for a place was written for the first time, or could not be. */
  settle(place: number, written: boolean): void;
  /** Reads a place into a frame. @returns 0 or a negative errno */
  read(place: number, frame: number): number;
  /** The owner of a place needs it no more. */
  free(place: number): void;
  /** A discard of the trace for some slots, whether or not they are in use. @returns slots of the device that it names */
  discard(slot: number, n: number): number;
}

/** Slots of our own allocator. */
export class OurSlots implements ReplayTarget {
  readonly device: RamzswapDevice;
  readonly spacePages = { writes: 0, reads: 0 };
  distinct = 0;
  private readonly view: MachineView;
  private readonly area: number;
  private readonly given: Uint8Array;
  private readonly flushes: boolean;

  /** @param view - of a machine with one disk, which is switched on here */
  constructor(view: MachineView) {
    this.view = view;
    this.device = ramzswapOf(view).device(REPLAY_DEVICE);
    const type = view.swapon(REPLAY_DEVICE, { priority: 0 });
    this.area = view.kernel.swap.table.infoOf(type);
    this.given = new Uint8Array(this.device.slots());
    this.flushes = view.kernel.config.policy === 'discard-cluster';
  }

  live(): number {
    return this.view.kernel.core.cells.ldu32(this.area + SWAP_INFO.inusePages);
  }

  isLive(page: number): boolean {
    const { cells } = this.view.kernel.core;
    return cells.ld8(cells.ldu32(this.area + SWAP_INFO.swapMap) + page) === 1;
  }

  /** As a page on its way out does: the swap cache gets the slot, the page's owner a reference to it. */
  take(): number {
    const { allocator, counts } = this.view.kernel.swap;
    const entry = allocator.getSwapPage();
    if (entry === 0) return 0;
    const error = counts.swapDuplicate(entry);
    this.view.kernel.core.context.assert(error === 0, 'a new slot takes its first user');
    const offset = swpOffset(entry);
    if (this.given[offset] === 0) {
      this.given[offset] = 1;
      this.distinct++;
    }
    return entry;
  }

  write(entry: number, frame: number): number {
    const { spaces, table } = this.view.kernel.swap;
    const writer = spaces.writerOf(swpType(entry));
    if (writer === NULL_SYMBOL) return this.transfer(BIO_WRITE, entry, frame);
    this.spacePages.writes++;
    return spaces.writers.resolve(writer)(table.bdevOf(entry), swpOffset(entry), frame);
  }

  /** A page that was written leaves memory, and the swap cache lets its slot go; one that was not stays, and the slot is not needed. */
  settle(entry: number, written: boolean): void {
    const { counts } = this.view.kernel.swap;
    counts.swapcacheFree(entry);
    if (!written) this.free(entry);
  }

  read(entry: number, frame: number): number {
    const { spaces, table } = this.view.kernel.swap;
    const reader = spaces.readerOf(swpType(entry));
    if (reader === NULL_SYMBOL) return this.transfer(BIO_READ, entry, frame);
    this.spacePages.reads++;
    return spaces.readers.resolve(reader)(table.bdevOf(entry), swpOffset(entry), frame);
  }

  free(entry: number): void {
    this.view.kernel.swap.counts.swapFree(entry);
    // Nobody else runs: the worker of this policy would be done before the next row.
    if (this.flushes) this.view.flushDiscards();
  }

  /** Slots that the recording kernel knew to be free are no slots of ours. */
  discard(): number {
    return 0;
  }

  private transfer(operation: number, entry: number, frame: number): number {
    const { table, extents } = this.view.kernel.swap;
    return submit(this.view, table.bdevOf(entry), operation, extents.mapSwapEntry(entry), frame, 1);
  }
}

/** The slots of the trace itself. */
export class RecordedSlots implements ReplayTarget {
  readonly device: RamzswapDevice;
  readonly spacePages = { writes: 0, reads: 0 };
  distinct = 0;
  private readonly view: MachineView;
  private readonly shift: number;
  private readonly inUse: Uint8Array;
  private readonly given: Uint8Array;
  private readonly tells: 'nothing' | 'callback' | 'discard';
  private liveSlots = 0;

  /**
   * @param view - of a machine with one disk, which nobody uses
   * @param shift - what is added to a slot of the trace; at least 1 when it uses slot 0, where the disk has its header
   */
  constructor(view: MachineView, shift: number) {
    this.view = view;
    this.shift = shift;
    this.device = ramzswapOf(view).device(REPLAY_DEVICE);
    this.inUse = new Uint8Array(this.device.slots());
    this.given = new Uint8Array(this.device.slots());
    const { policy } = view.kernel.config;
    const { hooked, exact } = POLICY_FACTS[policy];
    this.tells = hooked ? 'callback' : exact ? 'discard' : 'nothing';
    // Requests of the trace are carried out, whether or not the policy would make such.
    const { devices } = view.kernel.block;
    const bdev = this.device.bdev();
    devices.setFlags(bdev, view.kernel.core.cells.ld32(bdev + BLOCK_DEVICE.flags) | BLOCK_DISCARD);
  }

  live(): number {
    return this.liveSlots;
  }

  isLive(page: number): boolean {
    return this.inUse[page] === 1;
  }

  take(slot: number): number {
    const page = slot + this.shift;
    this.inUse[page] = 1;
    this.liveSlots++;
    if (this.given[page] === 0) {
      this.given[page] = 1;
      this.distinct++;
    }
    return page;
  }

  write(page: number, frame: number): number {
    return submit(this.view, this.device.bdev(), BIO_WRITE, page, frame, 1);
  }

  settle(page: number, written: boolean): void {
    if (!written) this.forget(page);
  }

  read(page: number, frame: number): number {
    return submit(this.view, this.device.bdev(), BIO_READ, page, frame, 1);
  }

  free(page: number): void {
    this.forget(page);
    if (this.tells === 'callback') this.device.slotFreeNotify(page);
    else if (this.tells === 'discard') submit(this.view, this.device.bdev(), BIO_DISCARD, page, 0, 1);
  }

  discard(slot: number, n: number): number {
    const first = slot + this.shift;
    const end = Math.min(first + n, this.device.slots());
    for (let page = first; page < end; page += DISCARD_SLOTS_MAX) {
      const pages = Math.min(DISCARD_SLOTS_MAX, end - page);
      submit(this.view, this.device.bdev(), BIO_DISCARD, page, 0, pages);
    }
    return Math.max(0, end - first);
  }

  private forget(page: number): void {
    this.inUse[page] = 0;
    this.liveSlots--;
  }
}

/** Makes a request for some pages of a device and runs it to its end. */
function submit(
  view: MachineView,
  bdev: number,
  operation: number,
  page: number,
  frame: number,
  pages: number,
): number {
  const { bios } = view.kernel.block;
  const bio = bios.allocBio(operation === BIO_READ ? GFP_KERNEL : GFP_NOIO);
  const sector = page * SECTORS_PER_PAGE;
  if (operation === BIO_DISCARD) bios.setDiscard(bio, bdev, sector, pages * SECTORS_PER_PAGE, frame);
  else bios.setPage(bio, bdev, operation, sector, frame);
  const error = bios.submitBio(bio);
  bios.freeBio(bio);
  return error;
}
