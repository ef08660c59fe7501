/**
 * W3 of the comparison of explorers: as `lost-update-2` with four threads.
 */
import { defineScenario } from '@swaplab/explore';
import { addingUnlocked, checkSum, layoutSums, type SumEnv, type Sums } from './sums.js';

const THREADS = 4;

export default defineScenario<Sums>({
  name: 'lost-update-4',
  about: 'Four threads add one to a sum.',
  memory: layoutSums,
  threads: [
    addingUnlocked('first', 1),
    addingUnlocked('second', 1),
    addingUnlocked('third', 1),
    addingUnlocked('fourth', 1),
  ],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS);
  },
});
