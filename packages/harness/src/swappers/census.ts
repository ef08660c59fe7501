/**
 * Counting slots: how many are live, stored and stale.
 *
 * Reads maps and tables without any lock. While all swappers stand still the numbers are exact; while they run each is true for a moment
 * near the call, and they need not fit each other.
 */
import {
  SWAP_HAS_CACHE,
  SWAP_INFO,
  SWAP_MAP_BAD,
  SWP_BLKDEV,
  SWP_USED,
  type MachineView,
} from '@swaplab/kernel-mm';
import { ramzswapOf, type RamzswapDevice } from '@swaplab/ramzswap';

import type { FrameCounts, SlotCounts } from '../run/document.js';

/**
 * Counts the slots of all ramzswap areas.
 *
 * @param view - the calling thread's view
 */
export function countSlots(view: MachineView): SlotCounts {
  const { devices } = ramzswapOf(view);
  const { cells } = view.kernel.core;
  let [live, stored, stale, comprBytes, poolPages] = [0, 0, 0, 0, 0];
  for (const device of devices) {
    const stats = device.readStats();
    // In a historical profile it can pass below zero.
    comprBytes += Math.max(stats.comprDataSize, 0);
    poolPages += stats.pagesUsed;
    const area = areaOf(view, device);
    const map = area === 0 ? 0 : cells.ldu32(area + SWAP_INFO.swapMap);
    const max = map === 0 ? 0 : cells.ldu32(area + SWAP_INFO.max);
    const slots = device.slots();
    for (let slot = 1; slot < slots; slot++) {
      const byte = slot < max ? cells.ld8(map + slot) : 0;
      const isLive = isLiveByte(byte);
      if (isLive) live++;
      if (!device.isStored(slot)) continue;
      stored++;
      if (!isLive) stale++;
    }
  }
  return { live, stored, stale, comprBytes, poolPages };
}

/**
 * Counts who has the page frames that the devices do not have.
 *
 * @param view - the calling thread's view
 */
export function countFrames(view: MachineView): FrameCounts {
  const { free, charged } = view.kernel.frames.info();
  return { freeFrames: free, residentPages: charged, kills: view.kernel.vm.events.sums().kills };
}

/**
 * Whether slots of a device are live.
 *
 * @param view - the calling thread's view
 * @param device - switched on or not; without an area no slot is live
 * @returns a function that reads the map as it is when it is called, as long as the area stays
 */
export function livenessOf(view: MachineView, device: RamzswapDevice): (slot: number) => boolean {
  const { cells } = view.kernel.core;
  const area = areaOf(view, device);
  const map = area === 0 ? 0 : cells.ldu32(area + SWAP_INFO.swapMap);
  const max = map === 0 ? 0 : cells.ldu32(area + SWAP_INFO.max);
  return (slot) => slot < max && isLiveByte(cells.ld8(map + slot));
}

function isLiveByte(byte: number): boolean {
  return byte !== 0 && (byte & ~SWAP_HAS_CACHE) !== SWAP_MAP_BAD;
}

/** The active area that is a whole device, 0 for none. */
function areaOf(view: MachineView, device: RamzswapDevice): number {
  const { table } = view.kernel.swap;
  const { cells } = view.kernel.core;
  for (let type = 0; type < table.nrSwapfiles(); type++) {
    const area = table.infoOf(type);
    const flags = cells.ldu32(area + SWAP_INFO.flags);
    const isDevice = (flags & SWP_USED) !== 0 && (flags & SWP_BLKDEV) !== 0;
    if (isDevice && cells.ldu32(area + SWAP_INFO.bdev) === device.bdev()) return area;
  }
  return 0;
}
