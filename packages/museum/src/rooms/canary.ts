/**
 * The canary: what any explorer must find.
 */
import type { Room } from './room.js';
import { TOKENS } from './tokens.js';

/** The room. */
export const canary: Room = {
  id: 'canary',
  title: 'The canary',
  story: [
    'No bug of history. Miners took a canary along, which noticed bad air before they did.',
    'Two threads add to one counter, each loads it, adds one and stores it, and nothing keeps the other one from doing the same in between. Every schedule tester must find within a handful of schedules that a count is lost. If this room stays empty, the explorer is broken, and all the other empty rooms mean nothing.',
    'There is no fixed form: the scenario itself is wrong, and meant to be.',
  ],
  sources: ['none'],
  scenario: 'counting',
  variants: [],
  faults: 0,
  expects: ['check', 'data race'],
  detector: 'the sum at the end',
  token: TOKENS.canary,
  hasFixedForm: false,
};
