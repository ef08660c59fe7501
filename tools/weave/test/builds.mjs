// Runs what was woven: the same module in each build, with the operations it announces.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** @typedef {{ result: unknown, operations: number[][], decisions: number[][], switches: number }} Outcome */

const LOCK = 15;

/**
 * Runs a module of the fixtures as one thread.
 * @param {string} folder the repository of fixtures
 * @param {'dist' | 'dist-sited' | 'dist-stepped'} build
 * @param {string} file name of the module
 * @returns {Promise<Outcome>} `operations` are (kind, object, site), as the leaves announce them; `decisions` what the engine of the twin was asked
 */
export async function runCase(folder, build, file) {
  const load = (path) => import(pathToFileURL(join(folder, 'packages', path)).href);
  const kernel = await load(`kernel/${build}/index.js`);
  const { run } = await load(`cases/${build}/${file}.js`);
  const outcome = { result: undefined, operations: [], decisions: [], switches: 0 };
  const control = {
    hook: (...operation) => void outcome.operations.push(operation),
    block: () => {
      throw new Error('there is nobody to wait for');
    },
    wake: () => undefined,
    giveWay: () => undefined,
  };
  const memory = new kernel.Memory(control);
  const lock = new kernel.Lock(memory, LOCK);
  if (build !== 'dist-stepped') {
    outcome.result = run(memory, lock);
    return outcome;
  }
  const { S } = kernel;
  S.install({
    decide(...operation) {
      outcome.decisions.push(operation);
      S.n = 1;
      return true;
    },
  });
  S.n = 1;
  outcome.result = runToEnd(run(memory, lock), outcome);
  S.install(null);
  return outcome;
}

/** Resumes a generator of the twin until it has ended; what is no generator has ended already. */
export function runToEnd(stepped, counts) {
  if (typeof stepped?.next !== 'function') return stepped;
  for (;;) {
    const step = stepped.next();
    if (step.done) return step.value;
    counts.switches += 1;
  }
}
