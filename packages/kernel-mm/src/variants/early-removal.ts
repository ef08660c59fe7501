/**
 * early-removal: the hook of an area is removed before its pages are brought home.
 *
 * Symptom: every slot that swapoff frees goes unreported, so all that was left in the area stays stored in the device until its next reset.
 * The sound order, which the series has, tells the swapoff chain when no slot is in use any more. Source: `kernel-mm.md` 10.3 and 11.2.
 */
import { SWAP_INFO } from '../swap/info.js';
import type { SwapoffOps } from '../swap/operations.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into a thread's swap core, for the operations that are connected to it now; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installEarlyRemoval(swap: SwapCore): void {
  swap.off.operations = new EarlyRemoval(swap, swap.off.operations);
}

/** Tells the swapoff chain first, then does what was to be done. */
class EarlyRemoval implements SwapoffOps {
  private readonly swap: SwapCore;
  private readonly operations: SwapoffOps;

  constructor(swap: SwapCore, operations: SwapoffOps) {
    this.swap = swap;
    this.operations = operations;
  }

  tryToUnuse(type: number): number {
    const { table, events } = this.swap;
    table.swaponMutex.lock();
    try {
      events.swapoffChain.call(type, table.cells.ldu32(table.infoOf(type) + SWAP_INFO.swapFile));
    } finally {
      table.swaponMutex.unlock();
    }
    return this.operations.tryToUnuse(type);
  }

  vmEnoughMemory(pages: number): boolean {
    return this.operations.vmEnoughMemory(pages);
  }
}
