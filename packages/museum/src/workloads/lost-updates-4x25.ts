/**
 * Four threads add one to a sum 25 times: what schedulers of promises can express as well.
 */
import { defineScenario } from '@swaplab/explore';
import { addingUnlocked, checkSum, layoutSums, type SumEnv, type Sums } from './sums.js';

const THREADS = 4;
const ROUNDS = 25;

export default defineScenario<Sums>({
  name: 'lost-updates-4x25',
  about: 'Four threads add one to a sum 25 times each.',
  memory: layoutSums,
  threads: [
    addingUnlocked('first', ROUNDS),
    addingUnlocked('second', ROUNDS),
    addingUnlocked('third', ROUNDS),
    addingUnlocked('fourth', ROUNDS),
  ],
  /** @quiescent */
  check(env: SumEnv): void {
    checkSum(env, 0, THREADS * ROUNDS);
  },
});
