/**
 * Swap entries: one unsigned 32-bit number names a slot of an area.
 *
 * Two forms. The *generic* form is what the swap core and the swap cache use: the type in the top 5 bits, the slot below. The *pte* form is
 * what a page table of a 2-level x86 holds for a page that is not present: present bit 0 and file bit 0 clear, the type in bits 1 to 5, the
 * slot in bits 9 to 31. They are converted by type and slot, never bit for bit, and the narrower slot field of the pte bounds the size of
 * an area. Entry 0 means "none": slot 0 of an area is its header and is never handed out.
 *
 * Pure functions; no state, no lock.
 */

/** Bits of an entry for the type. @kernel MAX_SWAPFILES_SHIFT, 2.6.34 */
export const MAX_SWAPFILES_SHIFT = 5;
/** Most areas with neither page migration nor memory failure handling configured. @kernel MAX_SWAPFILES, 2.6.34 */
export const MAX_SWAPFILES_LIMIT = 32;
/** Fewest areas: both take types away. @kernel MAX_SWAPFILES, 2.6.34 */
export const MAX_SWAPFILES_LEAST = 29;
/** Areas of a kernel that can migrate pages, which takes two types. @kernel MAX_SWAPFILES, 2.6.34 */
export const MAX_SWAPFILES_DEFAULT = 30;

/** Position of the type in the generic form of a 32-bit word. @kernel SWP_TYPE_SHIFT */
export const SWP_TYPE_SHIFT = 32 - MAX_SWAPFILES_SHIFT;
/** Bits of the slot in the generic form of a 32-bit word. @kernel SWP_OFFSET_MASK */
export const SWP_OFFSET_MASK = 2 ** SWP_TYPE_SHIFT - 1;

/** Bits of the slot in the pte form of a 2-level x86. */
export const SWP_PTE_OFFSET_BITS = 23;

const TYPE_SHIFT = SWP_TYPE_SHIFT;
const OFFSET_MASK = SWP_OFFSET_MASK;
const SWP_PTE_TYPE_SHIFT = 1;
const SWP_PTE_TYPE_MASK = 0x1f;
const SWP_PTE_OFFSET_SHIFT = 9;
const PAGE_PRESENT_BIT = 0x001;
const PAGE_FILE_BIT = 0x040;

/** A swap entry in the generic form; 0 is none. @kernel swp_entry_t */
export type SwapEntry = number;

/**
 * Makes an entry.
 * @param type - index of the area, 0 to 31
 * @param offset - slot; bits beyond {@link SWP_OFFSET_MASK} are silently cut off
 * @kernel include/linux/swapops.h swp_entry, 2.6.34
 */
export function swpEntry(type: number, offset: number): SwapEntry {
  return ((type << TYPE_SHIFT) | (offset & OFFSET_MASK)) >>> 0;
}

/**
 * Index of the area of an entry, 0 to 31.
 * @param entry - any entry
 * @kernel include/linux/swapops.h swp_type, 2.6.34
 */
export function swpType(entry: SwapEntry): number {
  return entry >>> TYPE_SHIFT;
}

/**
 * Slot of an entry, 0 to 2^27 - 1.
 * @param entry - any entry
 * @kernel include/linux/swapops.h swp_offset, 2.6.34
 */
export function swpOffset(entry: SwapEntry): number {
  return entry & OFFSET_MASK;
}

/**
 * The pte that stands for an entry.
 * @param entry - its slot fits in {@link SWP_PTE_OFFSET_BITS} bits; what does not fit is cut off
 * @kernel include/linux/swapops.h swp_entry_to_pte, 2.6.34, 2-level x86
 */
export function swpEntryToPte(entry: SwapEntry): number {
  return ((swpType(entry) << SWP_PTE_TYPE_SHIFT) | (swpOffset(entry) << SWP_PTE_OFFSET_SHIFT)) >>> 0;
}

/**
 * The entry a pte stands for.
 * @param pte - one for which {@link isSwapPte} holds
 * @kernel include/linux/swapops.h pte_to_swp_entry, 2.6.34, 2-level x86
 */
export function pteToSwpEntry(pte: number): SwapEntry {
  return swpEntry((pte >>> SWP_PTE_TYPE_SHIFT) & SWP_PTE_TYPE_MASK, pte >>> SWP_PTE_OFFSET_SHIFT);
}

/**
 * Whether a pte holds a swap entry: not empty, not present, not a page of a file.
 * @param pte - any pte
 * @kernel include/linux/swapops.h is_swap_pte, 2.6.34
 */
export function isSwapPte(pte: number): boolean {
  return pte !== 0 && (pte & (PAGE_PRESENT_BIT | PAGE_FILE_BIT)) === 0;
}

/**
 * The most slots, header included, an area can have so that every slot can be named by a pte: one more than the largest slot that survives
 * the way generic form, pte, generic form.
 * @kernel mm/swapfile.c sys_swapon, 2.6.34
 */
export function maxPagesOfPte(): number {
  return swpOffset(pteToSwpEntry(swpEntryToPte(swpEntry(0, SWP_OFFSET_MASK)))) + 1;
}

/**
 * An entry as kernel log lines write it: hexadecimal, at least 8 digits.
 * @param entry - any entry
 */
export function formatEntry(entry: SwapEntry): string {
  return entry.toString(16).padStart(8, '0');
}
