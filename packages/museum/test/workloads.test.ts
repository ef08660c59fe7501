/**
 * The workloads of the benchmarks are what they say: as many points as the programs that other explorers were measured with, sums that are right where
 * they should be, and bugs that are found where there are some.
 */
import { openScenario, PCT, RANDOM_WALK, REPLAY, SEARCH, type OpenScenario } from '@swaplab/explore';
import { expect } from 'chai';
import { schedules } from './support/scenarios.js';

const LIMIT_MS = 60_000;
const SEED = 5;
const SCHEDULES = 200;

/** Points of each when no thread waits, and the ends of its threads. */
const SOUND = [
  { workload: 'sums-4x25', steps: 4 * 25 * 2 + 4 },
  { workload: 'sums-2x10', steps: 2 * 10 * 2 + 2 },
  { workload: 'atomic-sums-4x25', steps: 4 * 25 * 6 + 4 },
  { workload: 'atomic-sums-2x10', steps: 2 * 10 * 6 + 2 },
  { workload: 'updates-4x25', steps: 4 * 25 * 2 + 4 },
  { workload: 'own-words-4x50', steps: 4 * 50 + 4 },
  { workload: 'slot-turnover', steps: 4 * 54 + 4 },
];

/** How each ends in the end. */
const WRONG = [
  { workload: 'lost-update-2', ends: /^Sum 0 is 1, but 2 were added/ },
  { workload: 'lost-update-4', ends: /^Sum 0 is [1-3], but 4 were added/ },
  { workload: 'lost-updates-4x25', ends: /^Sum 0 is \d+, but 100 were added/ },
  { workload: 'two-locks', ends: /^Deadlock: / },
  { workload: 'sums-with-gap', ends: /^Sum 0 is \d+, but 100 were added/ },
  { workload: 'sums-with-two-locks', ends: /^Deadlock: / },
];

async function withWorkload<T>(name: string, use: (open: OpenScenario) => Promise<T>): Promise<T> {
  const folder = import.meta.resolve('@swaplab/museum/package.json');
  const module = new URL(`./dist/workloads/${name}.js`, folder);
  const open = await openScenario(module, { engine: 'stepped' });
  try {
    return await use(open);
  } finally {
    await open.engine.close();
  }
}

describe('the workloads', function () {
  this.timeout(LIMIT_MS);

  for (const { workload, steps } of SOUND) {
    it(`${workload} has ${steps} steps when no thread waits, and finds nothing`, async () => {
      await withWorkload(workload, async ({ engine }) => {
        const alone = schedules({ seed: 0, strategy: REPLAY, schedules: 1, decisions: [] });
        const { failure, steps: taken } = await engine.run(alone);
        expect(failure).to.equal(null);
        expect(taken).to.equal(steps);
        for (const strategy of [{ strategy: RANDOM_WALK }, { strategy: PCT, parameter: 3 }]) {
          const result = await engine.run(schedules({ ...strategy, seed: SEED, schedules: SCHEDULES }));
          expect(result.failure?.sentence).to.equal(undefined);
          expect(result.schedules).to.equal(SCHEDULES);
        }
      });
    });
  }

  for (const { workload, ends } of WRONG) {
    it(`${workload} ends wrong under a random walk, and is right one thread after the other`, async () => {
      await withWorkload(workload, async ({ engine }) => {
        const alone = schedules({ seed: 0, strategy: REPLAY, schedules: 1, decisions: [] });
        expect((await engine.run(alone)).failure).to.equal(null);
        const { failure } = await engine.run(
          schedules({ seed: SEED, strategy: RANDOM_WALK, schedules: SCHEDULES }),
        );
        expect(failure?.sentence).to.match(ends);
      });
    });
  }

  it('sums-2x10 is searched to the end of each bound, without attempts that are sure to wait', async () => {
    await withWorkload('sums-2x10', async ({ engine }) => {
      const found: number[] = [];
      for (const bound of [0, 1, 2]) {
        engine.core.forget();
        await engine.run(schedules({ seed: 0, strategy: SEARCH, parameter: bound, schedules: 10_000 }));
        const { completed, schedulesCompleted } = engine.core.searchReport();
        expect(completed).to.equal(bound);
        found.push(schedulesCompleted);
      }
      // The orders of the lock with so many preemptions; Loom needs 272 schedules for the last ones.
      expect(found).to.deep.equal([2, 20, 182]);
    });
  });
});
