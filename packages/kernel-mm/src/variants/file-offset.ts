/**
 * file-offset: the device of a swap file is told of freed slots, too.
 *
 * Symptom: a slot is a place in the file, not on the device. The device frees what lies at that number: a page of somebody else, or nothing. For
 * the policy `bdev-op`; the others hook areas one by one. Source: the patch of January 2010 that compcache 0.6.2 shipped; what was merged in
 * 2.6.35 tells whole block devices only (`SWP_BLKDEV`).
 */
import { NULL_SYMBOL } from '../arena/symbols.js';
import { BLOCK_DEVICE } from '../block/device.js';
import { SWAP_INFO } from '../swap/info.js';
import { BlockDeviceOperationPolicy } from '../swap/policies/block-device-operation.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed; left alone under all policies but `bdev-op`
 */
export function installFileOffset(swap: SwapCore): void {
  const { policy } = swap;
  if (policy instanceof BlockDeviceOperationPolicy) policy.slotFreed = tellAnyDevice;
}

/** Replaces `BlockDeviceOperationPolicy.slotFreed`. */
function tellAnyDevice(
  this: BlockDeviceOperationPolicy,
  area: number,
  _type: number,
  offset: number,
): boolean {
  const { cells } = this.table;
  const bdev = cells.ldu32(area + SWAP_INFO.bdev);
  if (bdev === 0) return false;
  const method = cells.ld32(bdev + BLOCK_DEVICE.slotFreeNotify);
  if (method === NULL_SYMBOL) return false;
  const slotFreeNotify = this.devices.slotFreeMethods.resolve(method);
  slotFreeNotify(bdev, offset);
  return true;
}
