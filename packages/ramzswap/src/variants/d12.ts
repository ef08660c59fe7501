/**
 * d12: the hook of an area is installed at the first read of a page of it, not at swapon.
 *
 * Symptom: what is freed before any page is read, as when all pages are still in the swap cache, goes unreported: the device keeps it
 * until the slot is written again. Source: the driver of August and September 2009 (V1 to V3); Hugh Dickins saw it on 21 September;
 * `bug-museum.md` B12.
 */
import {
  BIO,
  BIO_READ,
  NOTIFY_DONE,
  SECTORS_PER_PAGE,
  SWAP_INFO,
  SWP_USED,
  type SwapTable,
} from '@swaplab/kernel-mm';
import type { DriverFunctions } from '../driver/swap-notify.js';

/**
 * Puts the fault into a thread's driver; every thread of the machine must do so. For policies that hook areas one by one.
 * @param functions - to be changed
 * @param table - the areas
 */
export function installD12(functions: DriverFunctions, table: SwapTable): void {
  const lazy = new LazyInstallation(functions, table);
  functions.swaponNotify = doNothing;
  functions.makeRequest = lazy.makeRequest.bind(lazy);
}

/** Replaces `DriverFunctions.swaponNotify`. */
function doNothing(): number {
  return NOTIFY_DONE;
}

class LazyInstallation {
  private readonly functions: DriverFunctions;
  private readonly table: SwapTable;

  constructor(functions: DriverFunctions, table: SwapTable) {
    this.functions = functions;
    this.table = table;
  }

  /** Replaces `DriverFunctions.makeRequest`. */
  makeRequest(bdev: number, bio: number): number {
    const { i32 } = this.table.cells.arena;
    const isRead = i32[(bio + BIO.operation) >> 2] === BIO_READ;
    // The first page is the header, which swapon reads before the area can be used.
    const isData = (i32[(bio + BIO.sector) >> 2] ?? 0) >>> 0 >= SECTORS_PER_PAGE;
    if (isRead && isData) this.hookAreaOf(bdev);
    return this.functions.deviceOf(bdev).makeRequest(bio);
  }

  /** Looks all areas through for the device, as the setter of those days did. */
  private hookAreaOf(bdev: number): void {
    const { table } = this;
    const { hook } = this.functions;
    for (let type = 0; type < table.nrSwapfiles(); type++) {
      const area = table.infoOf(type);
      const isUsed = (table.cells.ldu32(area + SWAP_INFO.flags) & SWP_USED) !== 0;
      if (hook === null || !isUsed || table.cells.ldu32(area + SWAP_INFO.bdev) !== bdev) continue;
      hook.install(type, bdev);
      return;
    }
  }
}
