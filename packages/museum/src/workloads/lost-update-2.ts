/**
 * W3 of the comparison of explorers: two threads, each one atomic load and then one atomic store of one more.
 */
import { defineScenario } from '@swaplab/explore';
import { addingUnlocked, checkSum, layoutSums, type SumEnv, type Sums } from './sums.js';

const THREADS = 2;

export default defineScenario<Sums>({
  name: 'lost-update-2',
  about: 'Two threads add one to a sum.',
  memory: layoutSums,
  threads: [addingUnlocked('first', 1), addingUnlocked('second', 1)],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS);
  },
});
