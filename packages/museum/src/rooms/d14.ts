/**
 * d14: the write that trusted the callback.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const d14: Room = {
  id: 'd14',
  title: 'The write that trusted the callback',
  story: [
    'When the callback had come, Minchan Kim remarked (January 2010) that a write need not free the old content of its slot any more: the callback has done that already. In 2.6.35 the step was dropped.',
    'So all hangs on one thing: that each slot is told of exactly once before it is written again. A single call that is missed, for want of memory or because a lock was taken, or a single write by somebody who is not the swap core, and the old object is lost for ever. Worse, a flag may stay that is not true any more: a slot that once held a page of zeros gets a page of data, but a read looks at the flag first and answers zeros. Even mkswap on the disk was enough to break slot 0.',
    'zram of 2.6.36 freed before it overwrote again. Here dd writes to a slot that is still in use, and the device notices at once that the entry it fills is not empty.',
  ],
  sources: [
    'ramzswap 2.6.35.3, found by reading; restored in 2.6.36',
    'Minchan Kim, 12 January 2010',
    'bug-museum B14',
  ],
  scenario: 'slot-writes',
  variants: ['d14'],
  faults: 0,
  expects: ['assertion', 'check', 'leak'],
  detector: 'an entry that is filled must be empty',
  token: TOKENS.d14,
  hasFixedForm: true,
};
