/**
 * d28: reset with a request under way.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const d28: Room = {
  id: 'd28',
  title: 'Reset with a request under way',
  story: [
    'RESET gives back all that a device stores: pages, table, pool. A request that arrives afterwards is turned away at a gate, which looks whether the device is initialised. But a request that has passed the gate just before goes on, and looks its slot up in a table that is not there any more.',
    'Swapping cannot do that, as RESET refuses a disk with an active area. It takes a program that has the disk open without claiming it, such as dd. The log of compcache 0.6.2 has the line: Fix crash when reset is called when there are pending I/Os. It waits for them first. zram then had a semaphore around every request, which reclaim could deadlock on, and since 2015 (08eee69fcf6b) a reference count on the data of the device: whoever goes on keeps it alive.',
    'Here a write lands in memory that belongs to nobody: it is reported as done, and its page frame is lost.',
  ],
  sources: ['compcache before 0.6.2; zram up to 4.0', '08eee69fcf6b (2015)', 'bug-museum B28 and B29'],
  scenario: 'device-reset',
  variants: ['d28'],
  faults: 0,
  expects: ['check', 'assertion', 'exception', 'leak', 'use after free', 'data race'],
  detector: 'at the end every page frame is free, or in a slot',
  token: TOKENS.d28,
  hasFixedForm: true,
};
