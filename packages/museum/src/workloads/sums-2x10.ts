/**
 * W2 of the comparison of explorers: two threads with ten sections each, small enough to be searched. 184,756 orders of the lock exist.
 */
import { defineScenario } from '@swaplab/explore';
import { checkSum, layoutSums, summing, type SumEnv, type Sums } from './sums.js';

const THREADS = 2;
const SECTIONS = 10;

export default defineScenario<Sums>({
  name: 'sums-2x10',
  about: 'Two threads add to two sums in ten sections each.',
  memory: layoutSums,
  exclusiveLocks: true,
  threads: [summing('first', SECTIONS), summing('second', SECTIONS)],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS * SECTIONS);
    checkSum(env, 1, THREADS * SECTIONS);
  },
});
