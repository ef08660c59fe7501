/**
 * How the device of an area learns that a slot was freed.
 *
 * A policy is one object per thread, chosen by the configuration of the machine; nobody who frees slots knows which. Its only state lies in the
 * arena. {@link SlotFreePolicy.slotFreed} runs under `swap_lock`, as the last action of freeing: until it returns nobody can allocate the
 * slot again. It must not sleep and must not call back into the swap core.
 */
import type { FreeNotify } from './free-notify.js';

/** Names of the policies of this version. */
export type FreeSlotPolicy = 'none' | 'notify';

/** The policies of this version, in the order they are shown. */
export const FREE_SLOT_POLICIES: readonly FreeSlotPolicy[] = ['none', 'notify'];

/** What a policy does, and when. */
export interface SlotFreePolicy {
  /**
   * A slot is free: its byte is 0 and all counters are right. `swap_lock` held.
   * @param area - address of the area
   * @param type - index of the area
   * @param offset - the slot
   * @returns whether the device was told, or will be
   */
  slotFreed(area: number, type: number, offset: number): boolean;
}

/** The May 2010 series: one function for each area, if one is installed. Under `none` nobody installs one. */
export class AreaFunctionPolicy implements SlotFreePolicy {
  private readonly freeNotify: FreeNotify;

  /** @param freeNotify - the functions of the areas */
  constructor(freeNotify: FreeNotify) {
    this.freeNotify = freeNotify;
  }

  slotFreed(area: number, _type: number, offset: number): boolean {
    return this.freeNotify.call(area, offset);
  }
}
