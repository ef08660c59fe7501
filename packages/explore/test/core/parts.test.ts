import { expect } from 'chai';
import {
  POINT_ATOMIC,
  POINT_BYTES,
  POINT_LOAD,
  POINT_LOCK,
  POINT_STORE,
  POINT_UNLOCK,
  POINT_YIELD,
} from '@swaplab/kernel-mm';
import fc from 'fast-check';
import { conflict } from '#src/core/conflicts.js';
import { Random, scheduleSeed } from '#src/core/random.js';
import { countTasks, lowestTask, nextTask, taskAt } from '#src/core/tasks.js';
import { createTraceWords, Trace } from '#src/core/trace.js';
import { PROPERTY_SEEDS } from '../support/seeds.js';

describe('sets of tasks', () => {
  for (const seed of PROPERTY_SEEDS) {
    it(`are counted and walked as lists are (seed ${seed})`, () => {
      fc.assert(
        fc.property(
          fc.uniqueArray(fc.nat(31), { minLength: 1 }),
          fc.integer({ min: -1, max: 31 }),
          (tasks, from) => {
            const sorted = [...tasks].sort((one, other) => one - other);
            const set = sorted.reduce((bits, task) => bits | (1 << task), 0);
            expect(countTasks(set)).to.equal(sorted.length);
            expect(lowestTask(set)).to.equal(sorted[0]);
            expect(sorted.map((_, place) => taskAt(set, place))).to.deep.equal(sorted);
            expect(nextTask(set, from)).to.equal(sorted.find((task) => task > from) ?? sorted[0]);
          },
        ),
        { seed },
      );
    });
  }
});

describe('random numbers', () => {
  it('are the same for the same seed, on every machine', () => {
    const random = new Random(new Int32Array(2), 0);
    random.seed(2010);
    const first = Array.from({ length: 4 }, () => random.bits());
    expect(first).to.deep.equal([795_063_500, -1_156_219_877, 302_396_530, 466_306_957]);
    random.seed(2010);
    expect(random.bits()).to.equal(first[0]);
    expect(scheduleSeed(1, 0)).to.equal(1_348_811_757);
  });

  it('are even below a limit, for neighbouring seeds as well as along one stream', () => {
    const random = new Random(new Int32Array(2), 0);
    for (const limit of [2, 3, 7, 100]) {
      const along = Array<number>(limit).fill(0);
      const across = Array<number>(limit).fill(0);
      const draws = 2000 * limit;
      random.seed(limit);
      for (let draw = 0; draw < draws; draw++) along[random.below(limit)]! += 1;
      for (let draw = 0; draw < draws; draw++) {
        random.seed(draw);
        across[random.below(limit)]! += 1;
      }
      // 2,000 each, with a standard deviation of at most 45.
      for (const seen of [...along, ...across]) expect(seen).to.be.within(1800, 2200);
    }
  });

  it('have a state for every seed, and seeds of schedules do not meet', () => {
    const words = new Int32Array(2);
    const random = new Random(words, 0);
    const seeds = new Set<number>();
    for (let index = 0; index < 20_000; index++) {
      random.seed(index);
      expect(words[0] === 0 && words[1] === 0).to.be.false;
      seeds.add(scheduleSeed(1, index));
    }
    expect(seeds.size).to.equal(20_000);
    expect(scheduleSeed(1, 1)).to.not.equal(scheduleSeed(2, 0));
  });
});

describe('conflict', () => {
  it('is between operations on one object of which one changes something', () => {
    const kinds = [POINT_LOAD, POINT_STORE, POINT_ATOMIC, POINT_LOCK, POINT_UNLOCK, POINT_BYTES];
    for (const one of kinds) {
      for (const other of kinds) {
        expect(conflict(one, 8, other, 8)).to.equal(one !== POINT_LOAD || other !== POINT_LOAD);
        expect(conflict(one, 8, other, 12)).to.be.false;
      }
      expect(conflict(one, 0, POINT_YIELD, 0)).to.be.false;
      expect(conflict(one, 0, 0, 0), 'not known yet').to.be.false;
    }
  });
});

describe('trace', () => {
  type Step = readonly [number, number, number, number];
  const steps: readonly Step[] = [
    [0, POINT_LOCK, 64, 3],
    [1, POINT_STORE, 4096, 17],
    [0, POINT_UNLOCK, 64, 70_000],
    [31, POINT_LOAD, -4, 1],
  ];
  const hashes = (list: readonly Step[], capacity = 0): readonly number[] => {
    const trace = new Trace(createTraceWords(capacity));
    for (const [task, kind, object, site] of list) trace.step(task, kind, object, site);
    return [trace.hash, trace.hashHigh];
  };

  it('has a hash that any change of any step changes, in both halves', () => {
    const whole = hashes(steps);
    const others = [
      steps.slice(1),
      steps.slice(0, -1),
      [...steps, steps[0]!],
      [steps[1]!, steps[0]!, ...steps.slice(2)],
      ...steps.flatMap((step, index) =>
        step.map((_, field) =>
          steps.map((same, place) =>
            place === index
              ? (same.map((value, at) => (at === field ? value + 1 : value)) as unknown as Step)
              : same,
          ),
        ),
      ),
    ];
    for (const other of others) {
      expect(hashes(other)[0]).to.not.equal(whole[0]);
      expect(hashes(other)[1]).to.not.equal(whole[1]);
    }
    expect(hashes(steps, 2)).to.deep.equal(whole);
  });

  it('has different hashes for different traces, in each half alone', () => {
    const [low, high, keys] = [new Set<number>(), new Set<number>(), new Set<number>()];
    const trace = new Trace(createTraceWords(0));
    for (let number = 0; number < 20_000; number++) {
      trace.reset();
      for (let bit = 0; bit < 15; bit++) trace.step((number >>> bit) & 1, POINT_STORE, 8 * bit, 1);
      low.add(trace.hash);
      high.add(trace.hashHigh);
      keys.add(trace.key);
    }
    // Of 20,000 numbers of 32 bits two are the same with a chance of 1 in 20.
    expect(low.size).to.be.greaterThan(19_995);
    expect(high.size).to.be.greaterThan(19_995);
    expect(keys.size).to.equal(20_000);
  });

  it('keeps its last steps, and says how many it does not keep', () => {
    const trace = new Trace(createTraceWords(3, true));
    for (const [task, kind, object, site] of steps) trace.step(task, kind, object, site, 5);
    expect([trace.length, trace.dropped]).to.deep.equal([4, 1]);
    expect(trace.at(1)).to.deep.equal({ task: 1, kind: POINT_STORE, object: 4096, site: 17, note: 5 });
    expect(trace.at(3)).to.deep.equal({ task: 31, kind: POINT_LOAD, object: -4, site: 1, note: 5 });
    expect(() => trace.at(0)).to.throw(RangeError, 'Step 0 is not kept: 1 to 3 are');
    expect(() => trace.at(4)).to.throw(RangeError);
    const before = trace.key;
    trace.reset();
    expect([trace.length, trace.dropped]).to.deep.equal([0, 0]);
    for (const [task, kind, object, site] of steps) trace.step(task, kind, object, site);
    expect(trace.key, 'notes are not part of it').to.equal(before);
  });

  it('does not take other words', () => {
    expect(() => new Trace(new Int32Array(100))).to.throw(RangeError, 'not the words of a trace');
    expect(() => createTraceWords(-1)).to.throw(RangeError);
  });
});
