/**
 * W2a of the comparison of explorers: as `sums-2x10`, and each read and write of a sum is a point, too.
 */
import { defineScenario } from '@swaplab/explore';
import { checkSum, layoutSums, summingAtomically, type SumEnv, type Sums } from './sums.js';

const THREADS = 2;
const SECTIONS = 10;

export default defineScenario<Sums>({
  name: 'atomic-sums-2x10',
  about: 'Two threads add to two atomic sums in ten sections each.',
  memory: layoutSums,
  threads: [summingAtomically('first', SECTIONS), summingAtomically('second', SECTIONS)],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS * SECTIONS);
    checkSum(env, 1, THREADS * SECTIONS);
  },
});
