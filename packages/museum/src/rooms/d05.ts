/**
 * d05: the callback that only tried.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const d05: Room = {
  id: 'd05',
  title: 'The callback that only tried',
  story: [
    'Years later the callback could also come from where waiting is impossible. Since 4.14 zram could write pages out to a disk; the end of such a transfer came in a softirq, and could free a slot on a CPU that was just holding the lock in question. Lockdep showed the inversion, and 3c9959e02547 of December 2018 mended it the other way round: the callback only tries the lock. If somebody holds it, the free is left out, and counted as miss_free.',
    'That is no accident but a decision: a small leak against a deadlock. The page stays stored until its slot is written again, or the device is reset. Nothing is ever read wrong. Whoever looks at memory, though, finds pages that belong to nobody, and the more readers and writers meet the callback, the more of them there are.',
    'Here the reader is dd, which happens to hold the lock of the slot that is being freed.',
  ],
  sources: ['zram 5.0 and later', '3c9959e02547 (December 2018)', 'bug-museum B05 and B06'],
  scenario: 'slot-reads',
  variants: ['d05'],
  faults: 0,
  expects: ['check', 'leak'],
  detector: 'at the end all slots are free, so nothing may be stored',
  token: TOKENS.d05,
  hasFixedForm: true,
};
