/**
 * How the driver hangs itself on an area, so that it is told of freed slots: one way for each policy that has a callback.
 *
 * Promise: after a successful {@link SlotFreeHook.install} each slot of the area that becomes free reaches the device's `slotFreeNotify`, once;
 * after {@link SlotFreeHook.remove} none does, and nothing is left behind that was taken for it. Both are called from the callbacks of the swapon
 * and swapoff chains, so under `swapon_mutex`, may sleep, and never come at the same time for one area.
 *
 * Under `none` and under the discard policies there is no hook.
 */
import {
  BIO_READ,
  BIO_WRITE,
  EINVAL,
  ENOMEM,
  NO_SWAP_SPACE,
  NOTIFY_OK,
  NULL_SYMBOL,
  SWAP_EVENT_SLOT_FREE,
  type NotifierBlocks,
  type SwapCore,
  type SwapSpaceOperations,
  type SymbolId,
} from '@swaplab/kernel-mm';
import type { DeviceKernel } from './device-kernel.js';
import type { RamzswapDevice } from './device.js';

/** Name of the slot-free callback. @kernel ramzswap_slot_free_notify of patch 3/3 */
export const SLOT_FREE_NOTIFY = 'ramzswap_slot_free_notify';
/** Name of the operation that writes a page of the address space. */
export const WRITE_PAGE = 'ramzswap_write_page';
/** Name of the operation that reads a page of the address space. */
export const READ_PAGE = 'ramzswap_read_page';
/** Name of the operation that drops a page of the address space. */
export const DROP_PAGE = 'ramzswap_drop_page';

/** What the driver needs of the kernel to be told of freed slots. */
export interface NotifyKernel extends DeviceKernel {
  readonly notifierBlocks: NotifierBlocks;
  readonly swap: SwapCore;
}

/** Finds the device behind a disk of ours. */
export interface DeviceFinder {
  /**
   * The device of a disk.
   * @param bdev - one of our disks
   */
  deviceOf(bdev: number): RamzswapDevice;
}

/** One way of being told. */
export interface SlotFreeHook {
  /** Whether areas must be hooked one by one, by {@link install} and {@link remove}. */
  readonly perArea: boolean;

  /**
   * A disk was registered, and nobody can use it yet. Called once for each disk in the life of a machine.
   * @param bdev - its block device
   */
  diskRegistered(bdev: number): void;

  /**
   * Hangs the device on an area.
   * @param type - index of the area
   * @param bdev - its block device, one of ours
   * @returns 0 or a negative errno; frees go unreported then
   */
  install(type: number, bdev: number): number;

  /**
   * Takes the device off an area.
   * @param type - index of the area
   * @param bdev - its block device, one of ours
   * @returns 0 or a negative errno
   */
  remove(type: number, bdev: number): number;
}

/** `notify`: one function for each area. @kernel set_swap_free_notify of the May 2010 series */
export class AreaFunctionHook implements SlotFreeHook {
  readonly perArea = true;
  private readonly kernel: NotifyKernel;
  private readonly symbol: SymbolId;

  /**
   * Defines the callback in this thread.
   * @param kernel - this thread's kernel
   * @param finder - of devices
   */
  constructor(kernel: NotifyKernel, finder: DeviceFinder) {
    this.kernel = kernel;
    // eslint-disable-next-line no-restricted-syntax -- made once for each thread that attaches, never on a call
    this.symbol = kernel.swap.freeNotify.functions.define(SLOT_FREE_NOTIFY, (bdev, slot) =>
      finder.deviceOf(bdev).slotFreeNotify(slot),
    );
  }

  diskRegistered(): void {}

  install(type: number): number {
    return this.kernel.swap.freeNotify.setSwapFreeNotify(type, this.symbol);
  }

  remove(type: number): number {
    return this.kernel.swap.freeNotify.setSwapFreeNotify(type, NULL_SYMBOL);
  }
}

/**
 * `chain`: a notifier block of its own for each area. The draft had one static block for all of them, which then was on several chains at one
 * time and took foreign blocks from one to the other. @kernel patch 2/2 of the September 2009 RFC
 */
export class ChainHook implements SlotFreeHook {
  readonly perArea = true;
  private readonly kernel: NotifyKernel;
  private readonly finder: DeviceFinder;
  private readonly symbol: SymbolId;

  /**
   * Defines the callback in this thread.
   * @param kernel - this thread's kernel
   * @param finder - of devices
   */
  constructor(kernel: NotifyKernel, finder: DeviceFinder) {
    this.kernel = kernel;
    this.finder = finder;
    // eslint-disable-next-line no-restricted-syntax -- made once for each thread that attaches, never on a call
    this.symbol = kernel.notifierBlocks.calls.define(SLOT_FREE_NOTIFY, (_block, slot, bdev) => {
      finder.deviceOf(bdev).slotFreeNotify(slot);
      return NOTIFY_OK;
    });
  }

  diskRegistered(): void {}

  install(type: number, bdev: number): number {
    const block = this.blockFor(bdev);
    if (block === 0) return -ENOMEM;
    const error = this.kernel.swap.events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type);
    if (error === 0) this.finder.deviceOf(bdev).setNotifierBlock(block);
    else this.kernel.notifierBlocks.destroy(block);
    return error;
  }

  remove(type: number, bdev: number): number {
    const device = this.finder.deviceOf(bdev);
    const block = device.notifierBlock();
    if (block === 0) return -EINVAL;
    device.setNotifierBlock(0);
    const error = this.kernel.swap.events.unregisterSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type);
    return error === 0 ? this.kernel.notifierBlocks.destroy(block) : error;
  }

  /**
   * The block to register for an area.
   * @param _bdev - its block device
   * @returns a block that is on no chain, 0 when there is none left
   */
  blockFor(_bdev: number): number {
    return this.kernel.notifierBlocks.create(this.symbol);
  }
}

/**
 * `bdev-op`: each disk has a method from the start. There is nothing to install for an area, and nothing to remove.
 * @kernel ramzswap_slot_free_notify in block_device_operations, 2.6.35
 */
export class BlockDeviceOperationHook implements SlotFreeHook {
  readonly perArea = false;
  private readonly kernel: NotifyKernel;
  private readonly method: SymbolId;

  /**
   * Defines the method in this thread.
   * @param kernel - this thread's kernel
   * @param finder - of devices
   */
  constructor(kernel: NotifyKernel, finder: DeviceFinder) {
    this.kernel = kernel;
    // eslint-disable-next-line no-restricted-syntax -- made once for each thread that attaches, never on a call
    this.method = kernel.block.devices.slotFreeMethods.define(SLOT_FREE_NOTIFY, (bdev, slot) =>
      finder.deviceOf(bdev).slotFreeNotify(slot),
    );
  }

  diskRegistered(bdev: number): void {
    this.kernel.block.devices.setSlotFreeMethod(bdev, this.method);
  }

  install(): number {
    return 0;
  }

  remove(): number {
    return 0;
  }
}

/** `address-space`: an address space for each area, whose operations write, read and drop pages. */
export class AddressSpaceHook implements SlotFreeHook {
  readonly perArea = true;
  private readonly kernel: NotifyKernel;
  private readonly operations: SwapSpaceOperations;

  /**
   * Defines the operations in this thread.
   * @param kernel - this thread's kernel
   * @param finder - of devices
   */
  constructor(kernel: NotifyKernel, finder: DeviceFinder) {
    this.kernel = kernel;
    const { writers, readers, droppers } = kernel.swap.spaces;
    /* eslint-disable no-restricted-syntax -- made once for each thread that attaches, never on a call */
    this.operations = {
      writePage: writers.define(WRITE_PAGE, (host, slot, frame) =>
        finder.deviceOf(host).transferPage(BIO_WRITE, slot, frame),
      ),
      readPage: readers.define(READ_PAGE, (host, slot, frame) =>
        finder.deviceOf(host).transferPage(BIO_READ, slot, frame),
      ),
      dropPage: droppers.define(DROP_PAGE, (host, slot) => finder.deviceOf(host).slotFreeNotify(slot)),
    };
    /* eslint-enable no-restricted-syntax */
  }

  diskRegistered(): void {}

  install(type: number): number {
    return this.kernel.swap.spaces.setSwapSpace(type, this.operations);
  }

  remove(type: number): number {
    return this.kernel.swap.spaces.setSwapSpace(type, NO_SWAP_SPACE);
  }
}

/**
 * Makes the hook of a policy. Called once per thread, at attach.
 * @param policy - name of the machine's policy
 * @param kernel - this thread's kernel
 * @param finder - of devices
 * @returns the hook, or null for a policy without a callback
 */
export function createSlotFreeHook(
  policy: string,
  kernel: NotifyKernel,
  finder: DeviceFinder,
): SlotFreeHook | null {
  switch (policy) {
    case 'notify':
      return new AreaFunctionHook(kernel, finder);
    case 'chain':
      return new ChainHook(kernel, finder);
    case 'bdev-op':
      return new BlockDeviceOperationHook(kernel, finder);
    case 'address-space':
      return new AddressSpaceHook(kernel, finder);
    default:
      return null;
  }
}
