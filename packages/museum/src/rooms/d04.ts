/**
 * d04: the free that came too late.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const d04: Room = {
  id: 'd04',
  title: 'The free that came too late',
  story: [
    'A free that is put off has another trap. The swap core believes that the slot is free as soon as the callback returns, and hands it out again. The new owner writes its page there and goes on. Then the worker gets round to its list, finds slot 7 on it, and frees slot 7: the new page. The next swap-in finds an empty slot, and the process reads zeros, or what was in the page frame before, where its data should be.',
    'The historical code knew that, and did the whole list before every write, under the same lock. This is the driver as it would have been without this step, to show what it was for. It is the reason why the promise of the callback is worth so much: as long as the call has not returned nobody else can get the slot, so whoever frees within the call is never too late.',
    'In 2014 the queue was given up altogether.',
  ],
  sources: [
    'zram 3.12 drains its queue in the write branch (zram_drv.c at 92967471); the variant leaves this out',
    'f614a9f48ded (2014)',
    'bug-museum B04',
  ],
  scenario: 'slot-recycling',
  variants: ['d04'],
  faults: 0,
  expects: ['assertion', 'check', 'use after free'],
  detector: 'a page is read back right after it was written',
  token: TOKENS.d04,
  hasFixedForm: true,
};
