import fc from 'fast-check';
import { DRAINING, FILLING, MIXTURE, perform, type OperationName } from './random-operations.js';
import { RANDOM_SETUPS, SwapPair } from './swap-pair.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);
const RUNS = 40;
/** Also ends the search for a smaller sequence that fails. */
const LIMIT_MS = 15_000;
const NUMBER = fc.integer({ min: 0, max: 0x7fff_ffff });

/** Some operations of one kind of mixture; whatever part of them is left out, the rest makes sense. */
function phase(names: readonly OperationName[], maxLength: number): fc.Arbitrary<Step[]> {
  return fc.array(fc.tuple(fc.constantFrom(...names), NUMBER, NUMBER), { maxLength });
}

type Step = [name: OperationName, a: number, b: number];

const STEPS = fc
  .tuple(
    phase(['swapon'], 6),
    phase(FILLING, 200),
    phase(MIXTURE, 300),
    phase(DRAINING, 100),
    phase(MIXTURE, 100),
  )
  .map((phases) => phases.flat());

describe('any sequence of calls of the swap core', () => {
  for (const setup of RANDOM_SETUPS) {
    const scan = setup.slotSummary ? 'with the summary structure' : 'with the plain scan';
    for (const seed of [4, RANDOM_SEED]) {
      it(`answers, frees and counts as a pure model does: profile ${setup.profile}, ${scan} (seed ${seed})`, () => {
        fc.assert(
          fc.property(STEPS, (steps) => {
            const pair = new SwapPair(setup);
            for (const [name, a, b] of steps) perform(pair, name, a, b);
            pair.compareAll();
          }),
          { seed, numRuns: RUNS, interruptAfterTimeLimit: LIMIT_MS },
        );
      }).timeout(2 * LIMIT_MS);
    }
  }
});
