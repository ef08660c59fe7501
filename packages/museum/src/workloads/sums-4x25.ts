/**
 * W1 of the comparison of explorers: four threads with 25 sections each, 200 points and four ends.
 */
import { defineScenario } from '@swaplab/explore';
import { checkSum, layoutSums, summing, type SumEnv, type Sums } from './sums.js';

const THREADS = 4;
const SECTIONS = 25;

export default defineScenario<Sums>({
  name: 'sums-4x25',
  about: 'Four threads add to two sums in 25 sections each.',
  memory: layoutSums,
  exclusiveLocks: true,
  threads: [
    summing('first', SECTIONS),
    summing('second', SECTIONS),
    summing('third', SECTIONS),
    summing('fourth', SECTIONS),
  ],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS * SECTIONS);
    checkSum(env, 1, THREADS * SECTIONS);
  },
});
