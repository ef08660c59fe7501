/**
 * `discard-slot`: the alternative the series of 2010 calls too slow. Each freed slot is discarded at once, under `swap_lock`: a bio and a
 * zeroed page that must be had without sleeping, and the way through the block layer. Where they cannot be had the device is never
 * told; such a free is missed, and counted.
 *
 * Under `swap_lock` the driver must not sleep either: one whose queue takes discards promises that.
 */
import { EOPNOTSUPP } from '../../errno.js';
import { GFP_ATOMIC } from '../../page/page.js';
import type { SwapDiscard } from '../discard.js';
import { swpEntry } from '../entries.js';
import type { FreeNotify } from '../free-notify.js';
import { SWAP_INFO, SWP_DISCARDABLE } from '../info.js';
import { AreaFunctionPolicy } from './area-function.js';

/** Discards each slot when it is freed. */
export class DiscardSlotPolicy extends AreaFunctionPolicy {
  readonly discard: SwapDiscard;

  /**
   * @param freeNotify - the functions of the areas
   * @param discard - issues discards
   */
  constructor(freeNotify: FreeNotify, discard: SwapDiscard) {
    super(freeNotify);
    this.discard = discard;
  }

  override slotFreed(area: number, type: number, offset: number): boolean {
    const told = super.slotFreed(area, type, offset);
    const { table, extents } = this.discard;
    if ((table.cells.ldu32(area + SWAP_INFO.flags) & SWP_DISCARDABLE) === 0) return told;
    const error = this.discard.issue(area, extents.mapSwapEntry(swpEntry(type, offset)), 1, GFP_ATOMIC);
    if (error === 0) return true;
    if (error !== -EOPNOTSUPP) table.add(area + SWAP_INFO.missed, 1);
    return told;
  }
}
