/**
 * The backing swap as it was: when a regular file cannot be used, a claim is given back that was never taken. It is that of the file system on its
 * disk, which from then on is held by nobody: it can be swapped to, or formatted, while it is mounted.
 */
import { BLOCK_DEVICE } from '@swaplab/kernel-mm';
import { BackingSwap } from '../backing.js';
import type { DeviceKernel } from '../device-kernel.js';

/** The backing swap of one device, as one thread sees it. @kernel setup_backing_swap in ramzswap_drv.c, 2.6.34 */
export class HistoricalBackingSwap extends BackingSwap {
  private readonly lower: DeviceKernel;

  /**
   * @param kernel - this thread's kernel
   * @param device - address of the device
   */
  constructor(kernel: DeviceKernel, device: number) {
    super(kernel, device);
    this.lower = kernel;
  }

  override fileRefused(file: number): void {
    const { cells } = this.lower.core;
    const { devices, files } = this.lower.block;
    const bdev = files.bdevOf(file);
    devices.mutex.lock();
    try {
      const holders = cells.ld32(bdev + BLOCK_DEVICE.holders) - 1;
      cells.st32(bdev + BLOCK_DEVICE.holders, holders);
      if (holders === 0) cells.st32(bdev + BLOCK_DEVICE.holder, 0);
    } finally {
      devices.mutex.unlock();
    }
  }
}
