/**
 * The driver's functions that others call: requests, and the callbacks of the swapon and swapoff chains. Patch 3/3.
 *
 * Two notifier blocks are registered when the machine boots. When an area is switched on that is a disk of ours, the swapon callback
 * installs what the policy wants installed (`slot-free-hooks.ts`); the swapoff callback removes it. In between, the swap core calls the
 * device under `swap_lock` each time the last reference to a slot of the area goes. Under `bdev-op` the disk has a method for that from the
 * start, and no notifier is registered.
 *
 * The callbacks of the two chains may sleep. The slot-free callback must not sleep and takes spinlocks only; `places.ts` has their order.
 *
 * An area that is not ours is left alone: a disk is ours when its requests come to our function. (The draft of 2009 did not ask, and
 * would have taken the private data of a foreign disk for a device of its own.)
 */
import * as kernelMm from '@swaplab/kernel-mm';
import {
  NOTIFY_DONE,
  NOTIFY_OK,
  SWAP_EVENT_SWAPOFF,
  SWAP_EVENT_SWAPON,
  type SymbolId,
} from '@swaplab/kernel-mm';
import type { RamzswapDevice } from './device.js';
import * as places from './places.js';
import {
  createSlotFreeHook,
  type DeviceFinder,
  type NotifyKernel,
  type SlotFreeHook,
} from './slot-free-hooks.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { BLOCK_DEVICE } = kernelMm;
const DEVICE_BYTES = places.RAMZSWAP.$bytes;

/** Name of the function that serves requests. @kernel ramzswap_make_request */
export const MAKE_REQUEST = 'ramzswap_make_request';
/** Name of the callback of the swapon chain. @kernel ramzswap_swapon_notify of patch 3/3 */
export const SWAPON_NOTIFY = 'ramzswap_swapon_notify';
/** Name of the callback of the swapoff chain. @kernel ramzswap_swapoff_notify of patch 3/3 */
export const SWAPOFF_NOTIFY = 'ramzswap_swapoff_notify';

/** The driver's functions that others call through a number, as one thread has them. */
export class DriverFunctions implements DeviceFinder {
  /** Number of {@link MAKE_REQUEST}. */
  readonly makeRequestSymbol: SymbolId;
  /** How the driver is told of freed slots; null when it has no callback for them. */
  readonly hook: SlotFreeHook | null;
  private readonly kernel: NotifyKernel;
  private readonly devices: readonly RamzswapDevice[];
  /** Address of the first device; the others lie behind it. */
  private readonly firstDevice: number;
  private readonly swaponSymbol: SymbolId;
  private readonly swapoffSymbol: SymbolId;

  /**
   * Defines the functions in this thread.
   * @param kernel - this thread's kernel
   * @param devices - all devices, in order of their numbers
   * @param policy - name of the machine's policy
   */
  constructor(kernel: NotifyKernel, devices: readonly RamzswapDevice[], policy: string) {
    this.kernel = kernel;
    this.devices = devices;
    this.firstDevice = devices[0]?.address ?? 0;
    /* eslint-disable no-restricted-syntax -- made once for each thread that attaches, never on a call */
    this.makeRequestSymbol = kernel.block.devices.makeRequests.define(MAKE_REQUEST, (bdev, bio) =>
      this.makeRequest(bdev, bio),
    );
    this.swaponSymbol = kernel.notifierBlocks.calls.define(SWAPON_NOTIFY, (_block, type, bdev) =>
      this.swaponNotify(type, bdev),
    );
    this.swapoffSymbol = kernel.notifierBlocks.calls.define(SWAPOFF_NOTIFY, (_block, type, bdev) =>
      this.swapoffNotify(type, bdev),
    );
    /* eslint-enable no-restricted-syntax */
    this.hook = createSlotFreeHook(policy, kernel, this);
  }

  /** Registers the two notifier blocks. Called once in the life of a machine, if areas are to be hooked; may sleep. */
  registerNotifiers(): void {
    this.register(SWAP_EVENT_SWAPON, this.swaponSymbol);
    this.register(SWAP_EVENT_SWAPOFF, this.swapoffSymbol);
  }

  /**
   * Serves a request to a disk of ours. @kernel ramzswap_make_request, 2.6.34
   * @param bdev - one of our disks
   * @param bio - of the running task
   * @returns 0: completed here; 1: the request names the backing swap now
   */
  makeRequest(bdev: number, bio: number): number {
    return this.deviceOf(bdev).makeRequest(bio);
  }

  /**
   * An area was switched on. May sleep. @kernel ramzswap_swapon_notify of patch 3/3
   * @param type - index of the area
   * @param bdev - what was opened: its block device, or the inode of a file, which is none of ours wherever it lies
   * @returns a `NOTIFY_` value
   */
  swaponNotify(type: number, bdev: number): number {
    if (this.hook === null || !this.isOurs(bdev)) return NOTIFY_DONE;
    const error = this.hook.install(type, bdev);
    if (error !== 0)
      this.kernel.trace.printk(`ramzswap: no slot-free callback for swap area ${type}: errno ${-error}`);
    return NOTIFY_OK;
  }

  /**
   * An area was switched off. May sleep. @kernel ramzswap_swapoff_notify of patch 3/3
   * @param type - index of the area
   * @param bdev - as for {@link swaponNotify}
   * @returns a `NOTIFY_` value
   */
  swapoffNotify(type: number, bdev: number): number {
    if (this.hook === null || !this.isOurs(bdev)) return NOTIFY_DONE;
    const error = this.hook.remove(type, bdev);
    if (error !== 0)
      this.kernel.trace.printk(
        `ramzswap: the slot-free callback of swap area ${type} stays: errno ${-error}`,
      );
    return NOTIFY_OK;
  }

  /**
   * Whether a disk belongs to this driver.
   * @param bdev - address of what was opened for an area, 0 for one without a device
   */
  isOurs(bdev: number): boolean {
    if (!this.kernel.block.devices.isDevice(bdev)) return false;
    return this.kernel.core.cells.ld32(bdev + BLOCK_DEVICE.makeRequest) === this.makeRequestSymbol;
  }

  /**
   * The device behind a disk, by its private data.
   * @param bdev - one of our disks; the machine stops when it names no device of ours
   */
  deviceOf(bdev: number): RamzswapDevice {
    const address = this.kernel.core.cells.ld32(bdev + BLOCK_DEVICE.privateData);
    const device = this.devices[((address - this.firstDevice) / DEVICE_BYTES) | 0];
    return device !== undefined && device.address === address ? device : this.reportStranger(bdev, address);
  }

  private reportStranger(bdev: number, address: number): never {
    return this.kernel.core.context.bug(
      `ramzswap: the block device at ${bdev} says its device is at ${address}.`,
    );
  }

  private register(event: number, call: SymbolId): void {
    const block = this.kernel.notifierBlocks.create(call);
    if (block === 0) this.kernel.core.context.bug('ramzswap: there is no notifier block left.');
    const error = this.kernel.swap.events.registerSwapEventNotifier(event, block);
    if (error !== 0)
      this.kernel.core.context.bug(`ramzswap: a notifier cannot be registered: errno ${-error}.`);
  }
}
