/**
 * As `lost-updates-4x25`, but nobody minds a lost count: for playing many schedules, whatever comes out.
 */
import { defineScenario } from '@swaplab/explore';
import { addingUnlocked, layoutSums, type Sums } from './sums.js';

const ROUNDS = 25;

export default defineScenario<Sums>({
  name: 'updates-4x25',
  about: 'Four threads add one to a sum 25 times each, and nobody counts.',
  memory: layoutSums,
  threads: [
    addingUnlocked('first', ROUNDS),
    addingUnlocked('second', ROUNDS),
    addingUnlocked('third', ROUNDS),
    addingUnlocked('fourth', ROUNDS),
  ],
});
