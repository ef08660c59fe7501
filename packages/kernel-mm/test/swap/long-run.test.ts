import { expect } from 'chai';
import { DRAINING, FILLING, MIXTURE, perform, type OperationName } from './random-operations.js';
import { RANDOM_SETUPS, SwapPair } from './swap-pair.js';

/** Random operations in all, over all profiles, scans and seeds; many are several calls. The long run takes about half a minute. */
const OPERATIONS = Number(
  process.env['SWAPLAB_FUZZ_OPS'] ?? (process.env['SWAPLAB_LONG'] === '1' ? 10_000_000 : 200_000),
);
/** `SWAPLAB_FUZZ_SEED` chooses one. */
const SEEDS =
  process.env['SWAPLAB_FUZZ_SEED'] === undefined
    ? [1, Math.trunc(Math.random() * 0x7fff_ffff)]
    : [Number(process.env['SWAPLAB_FUZZ_SEED'])];
/** Operations between two looks at everything. */
const OPERATIONS_PER_CHECK = 4000;
/** Steps of one kind of mixture, at most. */
const STEPS_PER_PHASE = 4000;
/** Step at which one slot gets more users than two digits can count. */
const STEP_OF_LARGE_COUNT = 2000;
/** Operations of one machine at most; then a new one is made, with other areas. */
const OPERATIONS_PER_MACHINE = 50_000;
/** Most areas of a machine, one after the other: the fewer, the fuller. */
const AREAS_MOST = [1, 2, 4, 30] as const;
const LIMIT_MS = 20_000 + OPERATIONS / 10;

/** Numbers from 0 to 2^31 - 1, the same ones for the same seed. */
class Numbers {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed, 0x9e37_79b9) | 1;
  }

  next(): number {
    let { state } = this;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.state = state;
    return Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) >>> 1;
  }
}

/** A kind of mixture, and how much of the swap space is free when it has done its work. */
interface Phase {
  readonly names: readonly OperationName[];
  readonly isOver: (free: number) => boolean;
}

const PHASES: readonly Phase[] = [
  { names: FILLING, isOver: (free) => free === 0 },
  { names: MIXTURE, isOver: () => false },
  { names: FILLING, isOver: (free) => free < 0.02 },
  { names: DRAINING, isOver: (free) => free > 0.7 },
];

/** Fills and drains a pair for so many operations, and compares everything now and then. */
function exercise(pair: SwapPair, numbers: Numbers, operations: number, areasMost: number): void {
  const { model } = pair;
  let phase = -1;
  let phaseEnds = 0;
  for (let step = 0; step < operations; step++) {
    if (model.list.length === 0) perform(pair, 'swapon', numbers.next(), numbers.next());
    if (step >= phaseEnds || PHASES[phase]!.isOver(model.free / model.total)) {
      phase = (phase + 1) % PHASES.length;
      phaseEnds = step + STEPS_PER_PHASE;
    }
    if (step === STEP_OF_LARGE_COUNT) perform(pair, 'shareWidely', numbers.next(), 0);
    const { names } = PHASES[phase]!;
    const name = names[numbers.next() % names.length]!;
    const skipped = name === 'swapon' && model.list.length >= areasMost;
    if (!skipped) perform(pair, name, numbers.next(), numbers.next());
    if (step % OPERATIONS_PER_CHECK === 0) pair.compareAll();
  }
  pair.compareAll();
}

describe('a long run of random operations', () => {
  const share = Math.ceil(OPERATIONS / RANDOM_SETUPS.length / SEEDS.length);
  const perMachine = Math.min(OPERATIONS_PER_MACHINE, Math.ceil(share / AREAS_MOST.length));
  for (const setup of RANDOM_SETUPS) {
    for (const seed of SEEDS) {
      const scan = setup.slotSummary ? 'with the summary structure' : 'with the plain scan';
      it(`breaks nothing: ${share} operations, profile ${setup.profile}, ${scan} (seed ${seed})`, () => {
        const numbers = new Numbers(seed);
        let done = 0;
        let calls = 0;
        for (let machine = 0; done < share; machine++) {
          const pair = new SwapPair(setup);
          const most = AREAS_MOST[machine % AREAS_MOST.length]!;
          const operations = Math.min(perMachine, share - done);
          exercise(pair, numbers, operations, most);
          done += operations;
          calls += pair.calls;
        }
        expect(calls).to.be.greaterThan(share / 2);
      }).timeout(LIMIT_MS);
    }
  }
});
