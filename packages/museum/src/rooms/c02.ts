/**
 * c02: priorities that took turns.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const c02: Room = {
  id: 'c02',
  title: 'Priorities that took turns',
  story: [
    'Swap areas have priorities: one is used until it is full, then the next best. When two have the same, they take turns, and a cursor remembers whose turn it is.',
    'When the best area ran full, though, all the others began to take turns, whatever their priorities: pages went to the slow disk while the fast one had room. The search starts at the cursor, and moves it to the area behind the one it takes from; on its second way round it does not compare priorities any more. Christian Ehrhardt brought it up, and it was discussed with Dan Streetman and others from February to May 2014.',
    'The list was then replaced by sorted ones (plists, in 3.16), whose head is always the best area that has a slot. Here the best area is full, the next best has room, and a slot of the last one is taken all the same.',
  ],
  sources: [
    'mm/swapfile.c get_swap_page, up to 3.15',
    'lkml 2014/2/13/181 (Christian Ehrhardt, Dan Streetman)',
    'kernel-mm 11.3, B2',
  ],
  scenario: 'area-order',
  variants: ['c02'],
  faults: 0,
  expects: ['assertion'],
  detector: 'each slot that is taken is compared with what the better areas have',
  token: TOKENS.c02,
  hasFixedForm: true,
};
