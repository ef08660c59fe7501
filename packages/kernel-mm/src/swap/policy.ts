/**
 * How the device of an area learns that a slot was freed: the names, and what a policy is.
 *
 * A policy is one object per thread, chosen by the configuration of the machine; nobody who frees slots knows which. Its only state lies in the
 * arena. {@link SlotFreePolicy.slotFreed} runs under `swap_lock`, as the last action of freeing: until it returns nobody can allocate the
 * slot again. It must not sleep and must not call back into the swap core.
 *
 * The policies themselves are in `policies/`, one file for each; `policies/create.ts` makes the one that was asked for.
 */

/** The policies, in the order they are shown. */
export const FREE_SLOT_POLICIES = [
  'none',
  'discard',
  'discard-cluster',
  'discard-slot',
  'notify',
  'chain',
  'bdev-op',
  'address-space',
] as const;

/** Name of a policy. */
export type FreeSlotPolicy = (typeof FREE_SLOT_POLICIES)[number];

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

  /**
   * An area leaves the table: whatever was installed for it and not removed must not reach the next area of this type. `swap_lock` held.
   * @param area - address of the area
   * @param type - index of the area
   */
  areaRetired(area: number, type: number): void;
}
