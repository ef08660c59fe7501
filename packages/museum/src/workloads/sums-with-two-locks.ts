/**
 * W3+ of the comparison of explorers: `sums-4x25`, in which two threads take a second lock, once each, one of them inside and one outside.
 */
import { defineScenario } from '@swaplab/explore';
import { checkSum, layoutSums, summing, summingWithTwoLocks, type SumEnv, type Sums } from './sums.js';

const THREADS = 4;
const SECTIONS = 25;
const BOTH = 12;

export default defineScenario<Sums>({
  name: 'sums-with-two-locks',
  about: 'Four threads add to two sums in 25 sections each, with a second lock now and then.',
  memory: layoutSums,
  exclusiveLocks: true,
  threads: [
    summingWithTwoLocks('first', SECTIONS, BOTH, true),
    summingWithTwoLocks('second', SECTIONS, BOTH, false),
    summing('third', SECTIONS),
    summing('fourth', SECTIONS),
  ],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS * SECTIONS);
    checkSum(env, 1, THREADS * SECTIONS);
  },
});
