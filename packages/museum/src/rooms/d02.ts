/**
 * d02: the callback that went to sleep.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const d02: Room = {
  id: 'd02',
  title: 'The callback that went to sleep',
  story: [
    "The mend for the missing lock was one line: take the device's lock in the callback. That lock was a read/write semaphore, whose holder may sleep; and the callback runs under swap_lock, a spinlock.",
    'A writer held the semaphore and compressed, or waited for memory. On another CPU a slot was freed, the callback found the semaphore taken and went to sleep with swap_lock held. From then on everyone who wanted a slot or gave one back spun behind it, in the end the writer too, as its own reclaim needed one. In August 2013 S. Barber reported that about fifty processes were enough to hang a machine almost every time, with soft lockups in swapcache_free, and bisected it to that line.',
    "Minchan Kim's answer (a0c516cbfc) was that the callback no longer frees anything: it notes the slot, and a worker frees it later. That became the next two rooms. Here the machine does not hang: sleeping with a spinlock held is reported at the first attempt, whatever the schedule.",
  ],
  sources: [
    'zram 3.11-rc, after 57ab0485',
    'linux-mm, 23 and 24 August 2013: zram: hang/deadlock when used as swap (S. Barber)',
    'a0c516cbfc (Minchan Kim, 2013)',
    'bug-museum B02',
  ],
  scenario: 'slot-reads',
  variants: ['d02'],
  faults: 0,
  expects: ['sleep in atomic'],
  detector: 'sleeping in atomic context: a mutex is asked for with a spinlock held',
  token: TOKENS.d02,
  hasFixedForm: true,
};
