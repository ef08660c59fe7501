/**
 * d17: freed by two.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const d17: Room = {
  id: 'd17',
  title: 'Freed by two',
  story: [
    'In ramzswap of 2.6.33 and 2.6.34 a write first frees what its slot held, and only then takes the mutex that keeps writers apart. In plain swapping that does no harm, since no slot has two writers, and none is written while it is being freed.',
    "But a disk is a disk: anybody who may open it can write to it. Let dd overwrite a slot while its owner gives it back. Both look at the entry, both see the same object, and both free it. The allocator finds a block that is free already and stops the kernel; or, if somebody got that memory in between, the second free takes away somebody else's page, and nobody knows where the damage will show.",
    'Later versions free inside the lock. A cousin lived far longer: until 2025 (ce4be9e4307c) two writers of one slot in zram could both free first and both store, and so lose one of the two objects.',
  ],
  sources: [
    'ramzswap 2.6.33 and 2.6.34, found by reading',
    'ce4be9e4307c (2025) for the cousin',
    'bug-museum B16 and B17',
  ],
  scenario: 'slot-writes',
  variants: ['d17'],
  faults: 0,
  expects: ['assertion', 'check', 'data race', 'use after free', 'double free'],
  detector: 'page allocator and counters notice what is freed twice',
  token: TOKENS.d17,
  hasFixedForm: true,
};
