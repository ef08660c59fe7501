/**
 * d01: the callback that took no lock.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const d01: Room = {
  id: 'd01',
  title: 'The callback that took no lock',
  story: [
    "In ramzswap of 2.6.35 the swap core told the driver of each freed slot while it held swap_lock, and the driver freed the slot's memory on the spot: no lock of its own, because swap_lock seemed to be lock enough.",
    "But not everybody who looks into the table holds swap_lock. A program that has the disk open (dd, or udev with its probing) looks a slot up, and is about to decode the object, when the callback of another CPU frees that object. Its memory may already be somebody else's: the reader gets an error, or the wrong data, and nobody notices. In swapping itself only counters suffer, as two CPUs change them at once and one change is lost for ever.",
    'It stayed like this through zram 2.6.36 to 3.10. In June 2013 the callback got a lock (57ab0485); but one that sleeps, which is the next room.',
  ],
  sources: [
    'ramzswap 2.6.35.3 and zram 2.6.36, 2.6.39.3: ramzswap_slot_free_notify calls the free routine bare',
    '57ab0485 (Jiang Liu, June 2013)',
    'bug-museum B01',
  ],
  scenario: 'slot-reads',
  variants: ['d01'],
  faults: 0,
  expects: ['assertion', 'check', 'data race', 'use after free'],
  detector: 'what dd reads is compared with all that was ever written',
  token: TOKENS.d01,
  hasFixedForm: true,
};
