/**
 * `none` and `notify`: one function for each area, if one is installed.
 *
 * `notify` is the May 2010 series: the driver installs its function from its swapon notifier and removes it from its swapoff notifier.
 * `none` is 2.6.34 as released: the same swap core, and nobody who installs anything.
 */
import { NULL_SYMBOL } from '../../arena/symbols.js';
import type { FreeNotify } from '../free-notify.js';
import { SWAP_INFO } from '../info.js';
import type { SlotFreePolicy } from '../policy.js';

/** Calls the function of the area. @kernel mm/swapfile.c swap_entry_free with the May 2010 series */
export class AreaFunctionPolicy implements SlotFreePolicy {
  readonly freeNotify: FreeNotify;

  /** @param freeNotify - the functions of the areas */
  constructor(freeNotify: FreeNotify) {
    this.freeNotify = freeNotify;
  }

  slotFreed(area: number, _type: number, offset: number): boolean {
    return this.freeNotify.call(area, offset);
  }

  areaRetired(area: number): void {
    this.freeNotify.table.cells.st32(area + SWAP_INFO.freeNotify, NULL_SYMBOL);
  }
}
