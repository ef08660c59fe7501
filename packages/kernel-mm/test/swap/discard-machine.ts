/**
 * A machine whose RAM disk takes discards, for tests of the discards of the swap core, and what its threads share.
 */
import { PAGE_SIZE } from '#src/arena/memory.js';
import { BIO_READ, BIO_WRITE } from '#src/block/bio.js';
import { BLOCK_DISCARD, BLOCK_NONROTATIONAL, SECTORS_PER_PAGE } from '#src/block/device.js';
import { createMachine, type Machine } from '#src/machine/machine.js';
import type { MachineView } from '#src/machine/view.js';
import { GFP_KERNEL } from '#src/page/page.js';
import { swpEntry, swpOffset } from '#src/swap/entries.js';
import { SWAP_INFO } from '#src/swap/info.js';
import { checkSwapInvariants } from '#src/swap/invariants.js';
import type { FreeSlotPolicy } from '#src/swap/policy.js';

/** The disk that takes discards. */
export const DISK = '/dev/disk0';

/** How a test machine is made. */
export interface DiscardMachineOptions {
  /** Pages of the disk. */
  readonly pages: number;
  /** 0: rotates. */
  readonly flags?: number;
  readonly tableBytes?: number;
}

/** Makes a machine with a formatted disk, which is not switched on. */
export function createDiscardMachine(policy: FreeSlotPolicy, options: DiscardMachineOptions): Machine {
  const { pages, flags = BLOCK_DISCARD, tableBytes } = options;
  return createMachine({
    ramBytes: 2 << 20,
    policy,
    ramDisks: [{ name: 'disk0', bytes: pages * PAGE_SIZE, flags }],
    ...(tableBytes === undefined ? {} : { tableBytes }),
  });
}

/** One thread's hands on such a machine. The area has type 0. */
export class DiscardView {
  readonly view: MachineView;
  readonly bdev: number;
  private readonly page: number;

  constructor(view: MachineView) {
    this.view = view;
    this.bdev = view.kernel.block.devices.byPath(DISK);
    this.page = view.kernel.frames.allocPage(GFP_KERNEL);
  }

  /** Gives back what this thread has taken. */
  close(): void {
    this.view.kernel.frames.freePage(this.page);
    this.view.detach();
  }

  /** Takes a slot with one user, 0 for none. */
  take(): number {
    const { allocator, counts } = this.view.kernel.swap;
    const entry = allocator.getSwapPage();
    if (entry === 0) return 0;
    counts.swapDuplicate(entry);
    counts.swapcacheFree(entry);
    return swpOffset(entry);
  }

  /** Takes so many slots. */
  takeAll(count: number): number[] {
    return Array.from({ length: count }, () => this.take());
  }

  /** Frees a slot. */
  free(slot: number): void {
    this.view.kernel.swap.counts.swapFree(swpEntry(0, slot));
  }

  /** Fills the page of a slot with a number. */
  write(slot: number, stamp: number): void {
    this.words().fill(stamp);
    this.transfer(slot, BIO_WRITE);
  }

  /** The number a page is filled with; -1 when it is not filled with one. */
  read(slot: number): number {
    this.transfer(slot, BIO_READ);
    const words = this.words();
    const [first = -1] = words;
    return words.every((word) => word === first) ? first : -1;
  }

  /** A field of the area. */
  field(name: Exclude<keyof typeof SWAP_INFO, '$bytes' | '$name' | '$fields'>): number {
    const { core, swap } = this.view.kernel;
    return core.cells.ldu32(swap.table.infoOf(0) + SWAP_INFO[name]);
  }

  /** Requests to the disk so far: number and bytes. */
  discards(): readonly [number, number] {
    const { discards, discardedBytes } = this.view.kernel.block.devices.stats(this.bdev);
    return [discards, discardedBytes];
  }

  /** Records each discard of the area from now on: first slot and number of slots. */
  watch(): number[][] {
    const seen: number[][] = [];
    const { discard } = this.view.kernel.swap;
    const issue = discard.issue.bind(discard);
    discard.issue = (area, block, count, gfp) => {
      seen.push([block, count]);
      return issue(area, block, count, gfp);
    };
    return seen;
  }

  /** Broken invariants, nobody else running. */
  broken(): string[] {
    const { table } = this.view.kernel.swap;
    table.swapLock.lock();
    try {
      return checkSwapInvariants(this.view.kernel.swap, true);
    } finally {
      table.swapLock.unlock();
    }
  }

  private words(): Int32Array {
    const { core, frames } = this.view.kernel;
    const first = frames.addressOf(this.page) >> 2;
    return core.cells.arena.i32.subarray(first, first + PAGE_SIZE / 4);
  }

  private transfer(slot: number, operation: number): void {
    const { block, frames } = this.view.kernel;
    const bio = block.bios.allocBio(GFP_KERNEL);
    block.bios.setPage(bio, this.bdev, operation, slot * SECTORS_PER_PAGE, frames.addressOf(this.page));
    if (block.bios.submitBio(bio) !== 0) throw new Error(`the page of slot ${slot} was not transferred`);
    block.bios.freeBio(bio);
  }
}

/** A machine with its area switched on, and the calling thread's hands on it. */
export function discardView(
  policy: FreeSlotPolicy,
  options: DiscardMachineOptions,
): { machine: Machine; hands: DiscardView; seen: number[][] } {
  const machine = createDiscardMachine(policy, options);
  const view = machine.attach();
  view.mkswap(DISK);
  const hands = new DiscardView(view);
  const seen = hands.watch();
  view.swapon(DISK);
  return { machine, hands, seen };
}

/** Flags of a solid-state disk that takes discards. */
export const SOLID_DISCARD = BLOCK_DISCARD | BLOCK_NONROTATIONAL;
