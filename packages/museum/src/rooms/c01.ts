/**
 * c01: the lowest slot that nobody could see.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const c01: Room = {
  id: 'c01',
  title: 'The lowest slot that nobody could see',
  story: [
    'The search for a free slot goes from a cursor up to the highest slot that may be free, and then from the lowest one up to the cursor. Since 2.6.29 its second half began one slot too high.',
    'Mostly that is of no matter: the bounds are not tight, and when an area was full the cursor starts anew. But let the only free slot be exactly the lowest one, while the cursor stands above it. Then swap has a free slot, its counter says so, and every search comes back with nothing; when the slots in between belong to the swap cache alone, the search even goes round for ever. Jamie Liu mended it in January 2014, and Hugh Dickins owned up: his mistake, and the likely cause of a livelock of an hour that somebody had reported.',
    'It takes timing to get there: a slot below the cursor must come back after the search has passed it, and before the area runs full.',
  ],
  sources: [
    'mm/swapfile.c scan_swap_map, 2.6.29 to 3.13',
    'a5998061daab (Jamie Liu, January 2014)',
    'kernel-mm 11.3, B1',
  ],
  scenario: 'last-slot',
  variants: ['c01'],
  faults: 0,
  expects: ['assertion', 'livelock'],
  detector: 'who asks while a slot is free must get one',
  token: TOKENS.c01,
  hasFixedForm: true,
};
