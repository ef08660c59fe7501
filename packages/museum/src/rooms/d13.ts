/**
 * d13: the hook that was pulled from under a call.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const d13: Room = {
  id: 'd13',
  title: 'The hook that was pulled from under a call',
  story: [
    "The series of 2010 kept in each swap area a pointer to the driver's function, set by set_swap_free_notify when the area was switched on and cleared when it was switched off, or the module went. Its ancestor of 2008 changed the pointer without any lock.",
    'One CPU frees a slot: it reads the pointer, finds a function, and is about to call it. Another CPU clears the pointer now, believes that nobody can call any more, and goes on to take apart what the function needs: its device, in the end its code. Then the first CPU calls. A log of compcache 0.6 says only: proper locking in set_swap_free_notify.',
    'The mend is to change the pointer under swap_lock, which every caller holds: then the call is either over or has not begun. What was merged in the end has no pointer to clear at all: the function is a method of the block device, which is open, and so pinned, as long as the area is on.',
  ],
  sources: [
    'compcache seed of June 2008 and 0.6 (2009); found by reading',
    'whether the setter of May 2010 takes swap_lock is not known',
    'bug-museum B13, ramzswap race X8',
  ],
  scenario: 'listener-leaves',
  variants: ['d13'],
  faults: 0,
  expects: ['check', 'assertion', 'data race', 'use after free'],
  detector: 'the calls are counted when the driver has left, and again at the end',
  token: TOKENS.d13,
  hasFixedForm: true,
};
