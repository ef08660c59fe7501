/**
 * Patch 3/3: how the driver learns that a slot was freed.
 *
 * Two notifier blocks are registered when the machine boots. When an area is switched on that is a disk of ours, the swapon callback
 * installs {@link SLOT_FREE_NOTIFY} for it; the swapoff callback removes it. In between, the swap core calls that function under
 * `swap_lock` each time the last reference to a slot of the area goes.
 *
 * The callbacks of the chains may sleep, and take `swap_lock` through `setSwapFreeNotify`. The slot-free callback must not sleep and takes
 * spinlocks only; `places.ts` has their order.
 *
 * An area that is not ours is left alone: a disk is ours when its requests come to our function. (The draft of 2009 did not ask, and
 * would have taken the private data of a foreign disk for a device of its own.)
 */
import {
  BLOCK_DEVICE,
  NOTIFY_DONE,
  NOTIFY_OK,
  NULL_SYMBOL,
  SWAP_EVENT_SWAPOFF,
  SWAP_EVENT_SWAPON,
  type NotifierBlocks,
  type SwapCore,
  type SymbolId,
} from '@swaplab/kernel-mm';
import type { RamzswapDevice } from './device.js';
import type { DeviceKernel } from './page-store.js';
import { RAMZSWAP } from './places.js';

/** Name of the function that serves requests. @kernel ramzswap_make_request */
export const MAKE_REQUEST = 'ramzswap_make_request';
/** Name of the slot-free callback. @kernel ramzswap_slot_free_notify of patch 3/3 */
export const SLOT_FREE_NOTIFY = 'ramzswap_slot_free_notify';
/** Name of the callback of the swapon chain. @kernel ramzswap_swapon_notify of patch 3/3 */
export const SWAPON_NOTIFY = 'ramzswap_swapon_notify';
/** Name of the callback of the swapoff chain. @kernel ramzswap_swapoff_notify of patch 3/3 */
export const SWAPOFF_NOTIFY = 'ramzswap_swapoff_notify';

/** What the driver needs of the kernel to be told of freed slots. */
export interface NotifyKernel extends DeviceKernel {
  readonly notifierBlocks: NotifierBlocks;
  readonly swap: SwapCore;
}

/** The driver's functions that others call through a number, as one thread has them. */
export class DriverFunctions {
  /** Number of {@link MAKE_REQUEST}. */
  readonly makeRequestSymbol: SymbolId;
  private readonly kernel: NotifyKernel;
  private readonly devices: readonly RamzswapDevice[];
  private readonly slotFreeSymbol: SymbolId;
  private readonly swaponSymbol: SymbolId;
  private readonly swapoffSymbol: SymbolId;

  /**
   * Defines the functions in this thread.
   * @param kernel - this thread's kernel
   * @param devices - all devices, in order of their numbers
   */
  constructor(kernel: NotifyKernel, devices: readonly RamzswapDevice[]) {
    this.kernel = kernel;
    this.devices = devices;
    /* eslint-disable no-restricted-syntax -- made once for each thread that attaches, never on a call */
    this.makeRequestSymbol = kernel.block.devices.makeRequests.define(MAKE_REQUEST, (bdev, bio) =>
      this.makeRequest(bdev, bio),
    );
    this.slotFreeSymbol = kernel.swap.freeNotify.functions.define(SLOT_FREE_NOTIFY, (bdev, slot) =>
      this.slotFreeNotify(bdev, slot),
    );
    this.swaponSymbol = kernel.notifierBlocks.calls.define(SWAPON_NOTIFY, (_block, type, bdev) =>
      this.swaponNotify(type, bdev),
    );
    this.swapoffSymbol = kernel.notifierBlocks.calls.define(SWAPOFF_NOTIFY, (_block, type, bdev) =>
      this.swapoffNotify(type, bdev),
    );
    /* eslint-enable no-restricted-syntax */
  }

  /** Registers the two notifier blocks. Called once in the life of a machine; may sleep. */
  registerNotifiers(): void {
    this.register(SWAP_EVENT_SWAPON, this.swaponSymbol);
    this.register(SWAP_EVENT_SWAPOFF, this.swapoffSymbol);
  }

  /**
   * Serves a request to a disk of ours. @kernel ramzswap_make_request, 2.6.34
   * @param bdev - one of our disks
   * @param bio - of the running task
   * @returns 0: completed here
   */
  makeRequest(bdev: number, bio: number): number {
    return this.deviceOf(bdev).makeRequest(bio);
  }

  /**
   * The last reference to a slot went. `swap_lock` held. @kernel ramzswap_slot_free_notify of patch 3/3
   * @param bdev - one of our disks
   * @param slot - offset in the area
   */
  slotFreeNotify(bdev: number, slot: number): void {
    this.deviceOf(bdev).slotFreeNotify(slot);
  }

  /**
   * An area was switched on. May sleep. @kernel ramzswap_swapon_notify of patch 3/3
   * @param type - index of the area
   * @param bdev - its block device; the "file" of an area is a block device here
   * @returns a `NOTIFY_` value
   */
  swaponNotify(type: number, bdev: number): number {
    if (!this.isOurs(bdev)) return NOTIFY_DONE;
    const error = this.kernel.swap.freeNotify.setSwapFreeNotify(type, this.slotFreeSymbol);
    if (error !== 0)
      this.kernel.trace.printk(`ramzswap: no slot-free callback for swap area ${type}: errno ${-error}`);
    return NOTIFY_OK;
  }

  /**
   * An area was switched off. May sleep. @kernel ramzswap_swapoff_notify of patch 3/3
   * @param type - index of the area
   * @param bdev - its block device
   * @returns a `NOTIFY_` value
   */
  swapoffNotify(type: number, bdev: number): number {
    if (!this.isOurs(bdev)) return NOTIFY_DONE;
    const error = this.kernel.swap.freeNotify.setSwapFreeNotify(type, NULL_SYMBOL);
    if (error !== 0)
      this.kernel.trace.printk(
        `ramzswap: the slot-free callback of swap area ${type} stays: errno ${-error}`,
      );
    return NOTIFY_OK;
  }

  /**
   * Whether a disk belongs to this driver.
   * @param bdev - address of a block device, 0 for an area without one
   */
  isOurs(bdev: number): boolean {
    if (!this.kernel.block.devices.isDevice(bdev)) return false;
    return this.kernel.core.cells.ld32(bdev + BLOCK_DEVICE.makeRequest) === this.makeRequestSymbol;
  }

  private register(event: number, call: SymbolId): void {
    const block = this.kernel.notifierBlocks.create(call);
    if (block === 0) this.kernel.core.context.bug('ramzswap: there is no notifier block left.');
    const error = this.kernel.swap.events.registerSwapEventNotifier(event, block);
    if (error !== 0)
      this.kernel.core.context.bug(`ramzswap: a notifier cannot be registered: errno ${-error}.`);
  }

  private deviceOf(bdev: number): RamzswapDevice {
    const address = this.kernel.core.cells.ld32(bdev + BLOCK_DEVICE.privateData);
    const first = this.devices[0];
    const device =
      first === undefined ? undefined : this.devices[(address - first.address) / RAMZSWAP.$bytes];
    if (device === undefined) {
      return this.kernel.core.context.bug(
        `ramzswap: the block device at ${bdev} says its device is at ${address}.`,
      );
    }
    return device;
  }
}
