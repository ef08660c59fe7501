import { expect } from 'chai';
import { Random, scheduleSeed } from '#src/core/random.js';
import { PCT, PORTFOLIO, POS, RANDOM_WALK, SURW } from '#src/strategies/strategy.js';
import { SURW_EVERYTHING } from '#src/strategies/surw.js';
import {
  add,
  load,
  lock,
  mayFail,
  Model,
  spinOn,
  spinSilentlyOn,
  store,
  unlock,
  type Operation,
} from '../support/model.js';

const points = (count: number, cell: number): Operation[] => Array<Operation>(count).fill(add(cell));

/** How often each order came. */
function orders(model: Model, schedules: number, strategy: number, parameter = 0): Map<string, number> {
  const counts = new Map<string, number>();
  for (let index = 0; index < schedules; index++) {
    const key = model
      .run(scheduleSeed(6, index), strategy, parameter)
      .order.map((operation) => Math.floor(operation / 1000))
      .join('');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** POS as the paper has it, for tasks that only add to cells: the order of one schedule. */
function posOfThePaper(tasks: readonly (readonly number[])[], random: Random): string {
  const places = tasks.map(() => 0);
  const priorities = tasks.map(() => random.bits());
  let order = '';
  for (;;) {
    const open = tasks.map((_, task) => task).filter((task) => places[task]! < tasks[task]!.length);
    if (open.length === 0) return order;
    const next = open.reduce((best, task) => (priorities[task]! > priorities[best]! ? task : best));
    const cell = tasks[next]![places[next]!];
    order += `${next}`;
    places[next]! += 1;
    for (const task of open) {
      if (task === next || tasks[task]![places[task]!] === cell) priorities[task] = random.bits();
    }
  }
}

describe('POS', () => {
  it('makes each order as likely as the paper does', () => {
    const schedules = 8000;
    const random = new Random(new Int32Array(2), 0);
    random.seed(5);
    for (const tasks of [
      [
        [1, 1, 1],
        [1, 1, 1],
      ],
      [
        [1, 1, 1],
        [2, 2, 2],
      ],
      [[1, 2], [2, 1], [1]],
      [
        [3, 3, 1, 2],
        [2, 1, 4],
      ],
    ]) {
      const ours = orders(new Model(tasks.map((cells) => cells.map((cell) => add(cell)))), schedules, POS);
      const theirs = new Map<string, number>();
      for (let index = 0; index < schedules; index++) {
        const order = posOfThePaper(tasks, random);
        theirs.set(order, (theirs.get(order) ?? 0) + 1);
      }
      for (const order of new Set([...ours.keys(), ...theirs.keys()])) {
        const [one, other] = [ours.get(order) ?? 0, theirs.get(order) ?? 0];
        // Both are counts of the same chance: their difference has a variance of about their sum. There are some 100 orders in all.
        expect(Math.abs(one - other), `${JSON.stringify(tasks)} ${order}: ${one}, ${other}`).to.be.at.most(
          4.5 * Math.sqrt(one + other) + 4,
        );
      }
    }
  });

  it('draws the order of conflicting operations, whatever else the tasks do', () => {
    const model = new Model([[...points(12, 50), store(1)], [store(1)]]);
    let lateFirst = 0;
    for (let index = 0; index < 4000; index++) {
      if (model.run(scheduleSeed(1, index), POS).order.at(-1) !== 12) lateFirst++;
    }
    // The late store comes first when the other priority is the lowest of 14: 286 of 4,000, with a standard deviation of 16. A random walk needs 13
    // even choices: one in 8,192.
    expect(lateFirst).to.be.within(215, 355);
  });

  it('comes to an end with spinners that give way', () => {
    const model = new Model([[spinOn(5)], [spinOn(5)], [...points(3, 6), add(5)]], undefined, {
      stepLimit: 500,
    });
    for (let index = 0; index < 200; index++)
      expect(model.run(scheduleSeed(1, index), POS).end).to.equal('done');
  });
});

describe('SURW', () => {
  it('makes every order of all points about equally likely, when it knows how many there are', () => {
    const tasks = [points(4, 1), points(2, 2)];
    const counts = orders(new Model(tasks), 6000, SURW, SURW_EVERYTHING);
    // 15 orders: 400 of each, with a standard deviation of 19. Only the first schedule does not know.
    expect(counts.size).to.equal(15);
    for (const [order, seen] of counts) expect(seen, order).to.be.within(320, 480);
    const walk = orders(new Model(tasks), 6000, RANDOM_WALK);
    expect(Math.max(...walk.values()) / Math.min(...walk.values())).to.be.greaterThan(4);
  });

  it('makes every order on one object about equally likely, however much the tasks do besides', () => {
    // Two stores of one task among much else, one of the other at its beginning. Half of the schedules are around the cell.
    const model = new Model([
      [...points(15, 50), store(1), ...points(15, 50), store(1)],
      [store(1), ...points(3, 51)],
    ]);
    const last = { surw: 0, walk: 0 };
    for (let index = 0; index < 3000; index++) {
      const comesLast = (strategy: number): boolean => {
        const order = model.run(scheduleSeed(1, index), strategy).order;
        return order.indexOf(1000) > order.indexOf(31);
      };
      if (comesLast(SURW)) last.surw++;
      if (comesLast(RANDOM_WALK)) last.walk++;
    }
    // Around the cell one in three, so one in six of all; the walk one in 2^30.
    expect(last.surw).to.be.within(350, 800);
    expect(last.walk).to.equal(0);
  });

  it('does not wait for a task that cannot come', () => {
    // The task whose turn it is on cell 1 waits for the lock that another one holds before its own point on cell 1.
    const task = [lock(2), store(1), unlock(2), store(1)];
    const model = new Model([task, task, [store(1), lock(2), store(1), unlock(2)]]);
    for (let index = 0; index < 500; index++)
      expect(model.run(scheduleSeed(1, index), SURW).end).to.equal('done');
  });

  it('goes on when its counts are wrong', () => {
    let length = 1;
    const growing: Operation = {
      ...add(1),
      act: ({ cells }) => ((cells[1] = (cells[1] ?? 0) + 1) < length ? 'spin' : undefined),
    };
    const model = new Model([[growing], [load(1), store(2)], [load(1), store(2)]]);
    for (let index = 0; index < 300; index++) {
      length = 1 + (index % 30);
      expect(model.run(scheduleSeed(1, index), SURW).end).to.equal('done');
    }
  });

  it('comes to an end with spinners', () => {
    for (const spin of [spinOn, spinSilentlyOn]) {
      const model = new Model([[spin(5)], [spin(5)], [...points(3, 6), add(5)]]);
      for (let index = 0; index < 300; index++)
        expect(model.run(scheduleSeed(1, index), SURW).end).to.equal('done');
    }
  });

  it('bears more objects than it can learn about', () => {
    const many = Array.from({ length: 60 }, (_, cell) => store(100 + cell));
    const model = new Model([many, many], undefined, { objects: 8 });
    for (let index = 0; index < 100; index++)
      expect(model.run(scheduleSeed(1, index), SURW).end).to.equal('done');
  });
});

describe('portfolio', () => {
  it('begins with random walks, then gives each strategy its share and says which one runs', () => {
    const model = new Model([points(2, 1), points(2, 1)]);
    const names = Array.from({ length: 4020 }, (_, index) => {
      model.run(scheduleSeed(1, index), PORTFOLIO);
      return model.core.strategyName();
    });
    expect(new Set(names.slice(0, 20))).to.deep.equal(new Set(['random walk']));
    const share = (wanted: string): number =>
      names.slice(20).filter((name) => name.startsWith(wanted)).length / 4000;
    // Standard deviations are below 0.008.
    expect(share('SURW')).to.be.within(0.37, 0.43);
    expect(share('PCT')).to.be.within(0.27, 0.33);
    expect(share('POS')).to.be.within(0.17, 0.23);
    expect(share('random walk')).to.be.within(0.08, 0.12);
    for (const depth of [2, 3, 4]) expect(share(`PCT d=${depth}`)).to.be.within(0.07, 0.13);
    expect(model.core.schedules(PCT)).to.equal(names.filter((name) => name.startsWith('PCT')).length);
  });
});

describe('injected faults', () => {
  it('happen only where they are asked for', () => {
    const model = new Model([[mayFail(1, 11), mayFail(2, 12)], [add(1)]], undefined, { faults: 0b100 });
    let seen = 0;
    for (let index = 0; index < 400; index++) {
      const { cells } = model.run(scheduleSeed(1, index), RANDOM_WALK).memory;
      expect(cells[11]).to.equal(undefined);
      seen += cells[12] ?? 0;
    }
    // Half of the schedules have one, and there is only one possible: 200, with a standard deviation of 10.
    expect(seen).to.be.within(150, 250);
  });

  it('are none in half of the schedules, then one, each as likely as the others, and sometimes more', () => {
    const possible = Array.from({ length: 5 }, (_, index) => mayFail(1, 10 + index));
    for (const [strategy, parameter] of [
      [RANDOM_WALK, 0],
      [PCT, 2],
      [POS, 0],
      [SURW, 0],
    ] as const) {
      const model = new Model([possible, [add(1), add(1)]], undefined, { faults: 0b10 });
      const each = Array<number>(5).fill(0);
      const together = Array<number>(6).fill(0);
      for (let index = 0; index < 3000; index++) {
        const { cells } = model.run(scheduleSeed(1, index), strategy, parameter).memory;
        const happened = possible.map((_, place) => cells[10 + place] ?? 0);
        for (const [place, value] of happened.entries()) each[place]! += value;
        together[happened.reduce((sum, value) => sum + value)]! += 1;
      }
      expect(together[0]).to.be.within(1350, 1650);
      expect(together[1]! / (3000 - together[0]!)).to.be.within(0.7, 0.9);
      expect(together[2]).to.be.greaterThan(100);
      // 300 of each as the only one, with a standard deviation of 16, and the later ones also as a second one.
      expect(each[0]).to.be.within(240, 360);
      for (const seen of each.slice(1)) expect(seen).to.be.within(240, 700);
    }
  });
});
