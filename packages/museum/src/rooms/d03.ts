/**
 * d03: the free that was never noted.
 */
import { FAULT_ALLOCATION } from '@swaplab/kernel-mm';
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const d03: Room = {
  id: 'd03',
  title: 'The free that was never noted',
  story: [
    'Since the callback must not wait, zram 3.12 let it only write a note: free slot number n. A worker would do it, as soon as it could take the lock.',
    'A note needs memory, and under swap_lock one can only ask for memory that is there at once. When there is none the request fails, and the callback returned without a word, though notify_free had been counted already. So a slot that was given back stayed stored until somebody wrote to it again, or for ever. Memory is short exactly when swapping is busy, so the driver kept what it should have given up at the very moment when that would have helped. No race is needed: one failed allocation is enough.',
    'In 2014 the queue went away again (f614a9f48ded): the table had got a spinning lock of its own (92967471) by then, under which the callback can free at once.',
  ],
  sources: [
    'zram 3.12 and 3.13, drivers/staging/zram/zram_drv.c at 92967471',
    'a0c516cbfc (2013), f614a9f48ded (2014)',
    'bug-museum B03',
  ],
  scenario: 'slot-recycling',
  variants: ['d03'],
  faults: 1 << FAULT_ALLOCATION,
  expects: ['check', 'leak'],
  detector: 'at the end all slots are free, so nothing may be stored',
  token: TOKENS.d03,
  hasFixedForm: true,
};
