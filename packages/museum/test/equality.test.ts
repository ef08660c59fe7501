/**
 * The two engines do the same: the same schedule has the same trace and leaves the same memory on real threads and on the twin. One of the scenarios
 * deadlocks, one throws.
 *
 * `SWAPLAB_LONG=1` plays 1,000 schedules of each instead of 100.
 */
import { KEEP_HASHES, PCT, RANDOM_WALK, type Engine } from '@swaplab/explore';
import { expect } from 'chai';
import { schedules, withEngine, type Choice } from './support/scenarios.js';

const IS_LONG = process.env['SWAPLAB_LONG'] === '1';
const SCHEDULES = IS_LONG ? 1000 : 100;
const LIMIT_MS = IS_LONG ? 1_200_000 : 120_000;
const SEED = 7;
const STRATEGIES = [
  { strategy: RANDOM_WALK, parameter: 0, name: 'random walk' },
  { strategy: PCT, parameter: 3, name: 'PCT' },
];

/** What is played, and how some of its schedules end. */
const CHOICES: readonly (Choice & { readonly ends: RegExp | null })[] = [
  { scenario: 'swap-storm', ends: null },
  { scenario: 'fork-and-exit', ends: null },
  { scenario: 'device-reset', ends: null },
  { scenario: 'dining', ends: /^deadlock: / },
  { scenario: 'slot-writes', variants: ['d17'], ends: /^assertion: / },
];

/** What is seen of some schedules. */
interface Seen {
  /** Of each schedule its step hash, then its memory hash. */
  readonly hashes: readonly number[];
  /** How each that failed did so. */
  readonly failures: readonly string[];
}

describe(`the engines are equal over ${SCHEDULES} schedules`, function () {
  this.timeout(LIMIT_MS);
  for (const { ends, ...choice } of CHOICES) {
    for (const { name, ...strategy } of STRATEGIES) {
      it(`of ${choice.scenario}${(choice.variants ?? []).map((id) => ` with ${id}`).join('')}, ${name}`, async () => {
        const stepped = await withEngine('stepped', choice, ({ engine }) => seenOf(engine, strategy));
        const threads = await withEngine('threads', choice, ({ engine }) => seenOf(engine, strategy));
        expect(stepped.hashes.length).to.equal(2 * SCHEDULES);
        expect(threads.failures).to.deep.equal(stepped.failures);
        expect(firstDifference(stepped.hashes, threads.hashes)).to.equal('');
        // So that the schedules are not all the same one.
        expect(new Set(stepped.hashes.filter((_, index) => index % 2 === 0)).size).to.be.greaterThan(5);
        if (ends === null) {
          expect(stepped.failures).to.deep.equal([]);
        } else {
          expect(stepped.failures.length).to.be.greaterThan(0);
          expect(stepped.failures.some((failure) => ends.test(failure))).to.equal(true);
          expect(stepped.failures.length).to.be.lessThan(SCHEDULES);
        }
      });
    }
  }
});

/** Plays all schedules; a job ends at each that fails, and the next one goes on behind it. */
async function seenOf(engine: Engine, strategy: { strategy: number; parameter: number }): Promise<Seen> {
  const hashes: number[] = [];
  const failures: string[] = [];
  engine.core.forget();
  for (let first = 0; first < SCHEDULES;) {
    const job = schedules({ ...strategy, seed: SEED, schedules: SCHEDULES - first, flags: KEEP_HASHES });
    const result = await engine.run({ ...job, first });
    hashes.push(...result.hashes);
    first += result.schedules;
    const { failure } = result;
    if (failure !== null) failures.push(`${failure.kind}: ${failure.sentence}`);
  }
  return { hashes, failures };
}

function firstDifference(one: readonly number[], other: readonly number[]): string {
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    if (one[index] === other[index]) continue;
    return `${index % 2 === 0 ? 'the trace' : 'the memory'} of schedule ${index >> 1} differs`;
  }
  return '';
}
