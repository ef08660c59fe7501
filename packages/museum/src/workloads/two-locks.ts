/**
 * W3 of the comparison of explorers: two threads take two locks, in opposite order.
 */
import { defineScenario } from '@swaplab/explore';
import { checkSum, layoutSums, summingWithTwoLocks, type SumEnv, type Sums } from './sums.js';

const THREADS = 2;
const SECTIONS = 1;

export default defineScenario<Sums>({
  name: 'two-locks',
  about: 'Two threads add to two sums with two locks held.',
  memory: layoutSums,
  exclusiveLocks: true,
  threads: [
    summingWithTwoLocks('first', SECTIONS, 0, true),
    summingWithTwoLocks('second', SECTIONS, 0, false),
  ],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS * SECTIONS);
    checkSum(env, 1, THREADS * SECTIONS);
  },
});
