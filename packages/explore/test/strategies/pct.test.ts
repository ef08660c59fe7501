import { expect } from 'chai';
import { scheduleSeed } from '#src/core/random.js';
import { PCT, RANDOM_WALK } from '#src/strategies/strategy.js';
import { add, Model, spinOn, spinSilentlyOn, type Memory, type Operation } from '../support/model.js';

/** Adds one to a cell, and notes in another one whether the counts of two cells are as wanted just then. */
function addWhen(cell: number, note: number, holds: (cells: readonly number[]) => boolean): Operation {
  return {
    ...add(cell),
    act: ({ cells }: Memory) => {
      if (holds(cells)) cells[note] = 1;
      cells[cell] = (cells[cell] ?? 0) + 1;
      return undefined;
    },
  };
}

/** How many of so many schedules end in the failure. */
function count(model: Model, schedules: number, strategy: number, parameter: number): number {
  // The first schedule only learns how long the program is.
  model.run(1, strategy, parameter);
  let found = 0;
  for (let index = 0; index < schedules; index++) {
    if (model.run(scheduleSeed(11, index), strategy, parameter).end === 'failed') found++;
  }
  return found;
}

/** Fails when the only point of the second task comes between points 10 and 11 of the first, which has 20: depth 2. */
function depthTwo(): Model {
  return new Model(
    [Array<Operation>(20).fill(add(1)), [addWhen(2, 9, (cells) => cells[1] === 10)]],
    ({ cells }) => cells[9] === undefined,
  );
}

/** Fails when, besides, the second task stops between its points 5 and 6 until the first one has ended: depth 3. */
function depthThree(): Model {
  return new Model(
    [
      [
        ...Array<Operation>(9).fill(add(1)),
        addWhen(1, 8, (cells) => (cells[2] ?? 0) === 0),
        ...Array<Operation>(10).fill(add(1)),
      ],
      [
        addWhen(2, 7, (cells) => cells[1] === 10),
        ...Array<Operation>(4).fill(add(2)),
        addWhen(2, 6, (cells) => cells[1] === 20),
        ...Array<Operation>(4).fill(add(2)),
      ],
    ],
    ({ cells }) => !(cells[6] === 1 && cells[7] === 1 && cells[8] === 1),
  );
}

describe('PCT', () => {
  it('finds a bug of depth 2 as often as its bound promises', () => {
    // n = 2 tasks, k = 21 points with a choice at most: at least 1 in 42, so 100 of 4,200 schedules, with a standard deviation of 10.
    expect(count(depthTwo(), 4200, PCT, 2)).to.be.greaterThan(65);
  });

  it('finds a bug of depth 3 as often as its bound promises', () => {
    // n = 2 tasks, k = 30 points at most: at least 1 in 1,800, so 10 of 18,000 schedules, with a standard deviation of 3.2.
    expect(count(depthThree(), 18_000, PCT, 3)).to.be.greaterThan(3);
  });

  it('does not find what needs more changes than it makes', () => {
    expect(count(depthTwo(), 1000, PCT, 1), 'depth 2 with no change').to.equal(0);
    expect(count(depthThree(), 3000, PCT, 2), 'depth 3 with one change').to.equal(0);
  });

  it('finds in a long program what a random walk does not', () => {
    // The whole of the second task between points 10 and 11 of the first: a walk needs 20 even choices to fall as wanted, one in a million.
    const program = (): Model =>
      new Model(
        [
          Array<Operation>(20).fill(add(1)),
          [
            addWhen(2, 9, (cells) => cells[1] === 10),
            ...Array<Operation>(18).fill(add(2)),
            addWhen(2, 8, (cells) => cells[1] === 10),
          ],
        ],
        ({ cells }) => !(cells[9] === 1 && cells[8] === 1),
      );
    expect(count(program(), 1000, RANDOM_WALK, 0)).to.equal(0);
    // One in 80: 12 of 1,000, with a standard deviation of 3.5.
    expect(count(program(), 1000, PCT, 2)).to.be.greaterThan(2);
  });

  it('draws each order of tasks that are not interrupted equally often', () => {
    const model = new Model(Array.from({ length: 4 }, () => [add(1), add(1)]));
    const counts = new Map<string, number>();
    for (let index = 0; index < 4800; index++) {
      const { order } = model.run(scheduleSeed(2, index), PCT, 1);
      const key = order
        .filter((_, place) => place % 2 === 0)
        .map((operation) => Math.floor(operation / 1000))
        .join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).to.equal(24);
    // 200 of each, with a standard deviation of 14.
    for (const [order, seen] of counts) expect(seen, order).to.be.within(140, 260);
  });

  it('draws the places of its changes evenly, and each only once', () => {
    const model = new Model([Array<Operation>(10).fill(add(1)), Array<Operation>(10).fill(add(1))]);
    model.run(1, RANDOM_WALK);
    for (let index = 0; index < 20; index++) model.run(index, PCT, 1);
    const k = model.core.contendedPoints();
    const seen = Array<number>(k + 1).fill(0);
    for (let index = 0; index < 6000; index++) {
      model.core.begin(scheduleSeed(3, index), PCT, 4);
      const { words } = model.core.state;
      const places = [84, 85, 86].map((at) => words[at]!);
      expect(new Set(places).size).to.equal(3);
      for (const place of places) seen[place]! += 1;
      // Which of the three leads lowest must not depend on which comes first.
      expect([99, 100, 101].map((at) => words[at]!).sort()).to.deep.equal([1, 2, 3]);
    }
    expect(seen[0]).to.equal(0);
    for (const times of seen.slice(1)) expect(times / (18_000 / k)).to.be.within(0.8, 1.2);
  });

  it('counts only points with a choice, and keeps the most it has seen', () => {
    const model = new Model([Array<Operation>(30).fill(add(1)), [add(1)]]);
    const counts = Array.from({ length: 30 }, (_, index) => {
      model.run(scheduleSeed(1, index), PCT, 1);
      return model.core.contendedPoints();
    });
    // When the long task runs first, 30 points have a choice; otherwise 1.
    expect(counts[0]).to.be.oneOf([1, 30]);
    expect(counts.at(-1)).to.equal(30);
    expect([...counts].sort((one, other) => one - other)).to.deep.equal(counts);
  });

  it('does not starve those for whom a spinner waits', () => {
    for (const depth of [1, 2, 3]) {
      const giving = new Model([[spinOn(5)], [spinOn(5)], [add(6), add(6), add(5)]]);
      const silent = new Model([[spinSilentlyOn(5)], [add(6), add(6), add(5)]], undefined, {
        stepLimit: 2000,
        fairAfter: 200,
      });
      for (let index = 0; index < 200; index++) {
        expect(giving.run(scheduleSeed(1, index), PCT, depth).end).to.equal('done');
        expect(silent.run(scheduleSeed(1, index), PCT, depth).end).to.equal('done');
      }
      // The one that gives way does it once or so, the silent one until the walk begins.
      expect(giving.core.contendedPoints()).to.be.lessThan(20);
    }
  });

  it('needs few decisions', () => {
    const model = new Model(Array.from({ length: 4 }, () => Array<Operation>(50).fill(add(1))));
    for (let index = 0; index < 100; index++) {
      model.run(scheduleSeed(1, index), PCT, 3);
      // The first task, three ends, two changes.
      expect(model.core.recordedCount()).to.be.lessThan(7);
    }
  });
});
