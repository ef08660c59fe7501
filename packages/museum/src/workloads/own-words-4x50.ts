/**
 * Four threads with 50 points each that have nothing to do with each other: what a hand-over costs is seen best where there is nothing else.
 */
import { defineScenario } from '@swaplab/explore';
import { layoutSums, storing, type Sums } from './sums.js';

const ROUNDS = 50;

export default defineScenario<Sums>({
  name: 'own-words-4x50',
  about: 'Four threads store 50 times into a word of their own.',
  memory: layoutSums,
  threads: [
    storing('first', ROUNDS, 0),
    storing('second', ROUNDS, 1),
    storing('third', ROUNDS, 2),
    storing('fourth', ROUNDS, 3),
  ],
});
