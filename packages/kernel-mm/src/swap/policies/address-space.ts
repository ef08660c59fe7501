/**
 * `address-space`: the area has an address space of its own, whose operations write, read and drop its pages.
 *
 * Dropping a page is what the other policies call being told of a freed slot. The other two operations are used by `vm/page-io.ts`.
 */
import type { SlotFreePolicy } from '../policy.js';
import type { SwapSpaces } from '../swap-spaces.js';

/** Drops the page of a freed slot. */
export class AddressSpacePolicy implements SlotFreePolicy {
  readonly spaces: SwapSpaces;

  /** @param spaces - the address spaces of the areas */
  constructor(spaces: SwapSpaces) {
    this.spaces = spaces;
  }

  slotFreed(area: number, _type: number, offset: number): boolean {
    return this.spaces.drop(area, offset);
  }

  areaRetired(area: number): void {
    this.spaces.clear(area);
  }
}
