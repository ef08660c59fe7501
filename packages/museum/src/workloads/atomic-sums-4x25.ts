/**
 * W1a of the comparison of explorers: as `sums-4x25`, and each read and write of a sum is a point, too.
 */
import { defineScenario } from '@swaplab/explore';
import { checkSum, layoutSums, summingAtomically, type SumEnv, type Sums } from './sums.js';

const THREADS = 4;
const SECTIONS = 25;

export default defineScenario<Sums>({
  name: 'atomic-sums-4x25',
  about: 'Four threads add to two atomic sums in 25 sections each.',
  memory: layoutSums,
  threads: [
    summingAtomically('first', SECTIONS),
    summingAtomically('second', SECTIONS),
    summingAtomically('third', SECTIONS),
    summingAtomically('fourth', SECTIONS),
  ],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS * SECTIONS);
    checkSum(env, 1, THREADS * SECTIONS);
  },
});
