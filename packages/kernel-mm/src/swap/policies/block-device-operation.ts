/**
 * `bdev-op`: being told of freed slots is an operation of the block device. What was merged in 2.6.35.
 *
 * Nothing is installed and nothing is removed: the method belongs to the device, and the open device keeps it there. Only areas that are
 * whole block devices are told ({@link SWP_BLKDEV}); in a swap file the slot is no place on the device.
 */
import { NULL_SYMBOL } from '../../arena/symbols.js';
import { BLOCK_DEVICE, type BlockDevices } from '../../block/device.js';
import { SWAP_INFO, SWP_BLKDEV, type SwapTable } from '../info.js';
import type { SlotFreePolicy } from '../policy.js';

/** Calls the method of the area's device. @kernel mm/swapfile.c swap_entry_free, 2.6.35 */
export class BlockDeviceOperationPolicy implements SlotFreePolicy {
  readonly table: SwapTable;
  readonly devices: BlockDevices;

  /**
   * @param table - the areas
   * @param devices - the block devices with their methods
   */
  constructor(table: SwapTable, devices: BlockDevices) {
    this.table = table;
    this.devices = devices;
  }

  slotFreed(area: number, _type: number, offset: number): boolean {
    const { cells } = this.table;
    // 2.6.35 reads the device before it tests the flag, and so needs one in every area; it had to learn otherwise in 2011.
    if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_BLKDEV) === 0) return false;
    const bdev = cells.ldu32(area + SWAP_INFO.bdev);
    const method = cells.ld32(bdev + BLOCK_DEVICE.slotFreeNotify);
    if (method === NULL_SYMBOL) return false;
    const slotFreeNotify = this.devices.slotFreeMethods.resolve(method);
    slotFreeNotify(bdev, offset);
    return true;
  }

  areaRetired(): void {}
}
