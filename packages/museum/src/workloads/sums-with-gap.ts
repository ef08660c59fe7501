/**
 * W3+ of the comparison of explorers: `sums-4x25`, in which two threads drop the lock between reading and writing, once each.
 */
import { defineScenario } from '@swaplab/explore';
import { checkSum, layoutSums, summing, summingWithGap, type SumEnv, type Sums } from './sums.js';

const THREADS = 4;
const SECTIONS = 25;
const WRONG = 12;

export default defineScenario<Sums>({
  name: 'sums-with-gap',
  about: 'Four threads add to two sums in 25 sections each.',
  memory: layoutSums,
  exclusiveLocks: true,
  threads: [
    summingWithGap('first', SECTIONS, WRONG),
    summingWithGap('second', SECTIONS, WRONG),
    summing('third', SECTIONS),
    summing('fourth', SECTIONS),
  ],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS * SECTIONS);
    checkSum(env, 1, THREADS * SECTIONS);
  },
});
