import { expect } from 'chai';
import fc from 'fast-check';
import { NO_BOUND, SEARCH } from '#src/strategies/strategy.js';
import { allOrders, orderKey } from '../support/brute-force.js';
import {
  add,
  assertThat,
  load,
  lock,
  mayFail,
  Model,
  spinOn,
  store,
  unlock,
  type Operation,
} from '../support/model.js';
import { programs } from '../support/programs.js';
import { PROPERTY_SEEDS } from '../support/seeds.js';
import { W2 } from '../support/workloads.js';

/** What a search found at one bound. */
interface Found {
  readonly orders: Set<string>;
  readonly schedules: number;
  /** Schedules that were run twice at this bound. */
  readonly repeated: number;
}

/** Searches to the end. Returns what was found at each bound. */
function search(model: Model, bound = NO_BOUND, most = 100_000): Found[] {
  const found: Found[] = [];
  let orders = new Set<string>();
  let keys = new Set<number>();
  let schedules = 0;
  for (let count = 0; count < most; count++) {
    const at = model.core.searchReport().bound;
    const { end, order, more } = model.run(1, SEARCH, bound);
    schedules++;
    expect(model.core.preemptions()).to.be.at.most(at);
    orders.add(orderKey(order, end === 'deadlock'));
    keys.add(model.core.decisionKey());
    if (!more || model.core.searchReport().bound !== at) {
      found.push({ orders, schedules, repeated: schedules - keys.size });
      orders = new Set();
      keys = new Set();
      schedules = 0;
    }
    if (!more) return found;
  }
  throw new Error(`The search has not ended after ${most} schedules.`);
}

function factorial(number: number): number {
  return number < 2 ? 1 : number * factorial(number - 1);
}

describe('search by rising preemption bound', () => {
  it('runs each order of independent points exactly once', () => {
    for (const lengths of [
      [2, 2],
      [3, 2],
      [2, 2, 2],
      [4, 4],
      [1, 2, 3],
    ]) {
      const model = new Model(lengths.map((length) => Array<Operation>(length).fill(add(10))));
      const last = search(model).at(-1)!;
      const expected = lengths.reduce(
        (ways, length) => ways / factorial(length),
        factorial(lengths.reduce((sum, length) => sum + length)),
      );
      expect(last.schedules, lengths.join('+')).to.equal(expected);
      expect(last.orders.size, lengths.join('+')).to.equal(expected);
      expect(model.core.searchReport()).to.include({
        whole: true,
        overflowed: false,
        limited: 0,
        diverged: 0,
      });
    }
  });

  for (const seed of PROPERTY_SEEDS) {
    for (const exclusiveLocks of [false, true]) {
      it(`finds at each bound what trying everything finds, ${exclusiveLocks ? 'locks exclusive' : 'nothing known of locks'} (seed ${seed})`, () => {
        fc.assert(
          fc.property(programs(9), (tasks) => {
            const all = allOrders(tasks);
            const found = search(new Model(tasks, undefined, { exclusiveLocks }));
            for (const [bound, { orders, repeated }] of found.entries()) {
              const expected = [...all].filter(([, facts]) => facts.preemptions <= bound).map(([key]) => key);
              expect([...orders].sort(), `bound ${bound}`).to.deep.equal(expected.sort());
              expect(repeated, `bound ${bound}`).to.equal(0);
            }
            expect(found.at(-1)!.orders.size).to.equal(all.size);
          }),
          { seed, numRuns: 60 },
        );
      });
    }
  }

  it('says what is complete, bound by bound', () => {
    const model = new Model([Array<Operation>(3).fill(add(1)), Array<Operation>(3).fill(add(1))]);
    expect(model.core.searchReport()).to.include({ bound: 0, completed: -1, whole: false });
    expect(model.run(1, SEARCH, 1).more).to.be.true;
    expect(model.run(1, SEARCH, 1).more).to.be.true;
    expect(model.core.searchReport()).to.include({
      bound: 1,
      completed: 0,
      schedulesCompleted: 2,
      whole: false,
    });
    const [rest] = search(model, 1);
    expect(model.core.searchReport()).to.include({
      bound: 1,
      completed: 1,
      whole: false,
      schedulesCompleted: rest!.schedules,
      schedulesInAll: rest!.schedules + 2,
    });
  });

  it('completes W2 with one schedule for each order of the locks: 182, 830 and 3,422 at bounds 2, 3 and 4', () => {
    const model = new Model(W2.programs, W2.check, { exclusiveLocks: true });
    const found = search(model, 4);
    expect(found.map(({ schedules }) => schedules)).to.deep.equal([2, 20, 182, 830, 3422]);
    expect(found.map(({ orders }) => orders.size)).to.deep.equal([2, 20, 182, 830, 3422]);
    expect(model.core.searchReport()).to.include({ completed: 4, whole: false });
  });

  it('completes W2 up to bound 3 without knowing what locks are, and finds the same orders', () => {
    const found = search(new Model(W2.programs, W2.check), 3);
    expect(found.map(({ orders }) => orders.size)).to.deep.equal([2, 20, 182, 830]);
  });

  it('finds a deadlock that needs one preemption at bound 1 and not at bound 0', () => {
    const model = new Model([
      [lock(1), lock(2), unlock(2), unlock(1)],
      [lock(2), lock(1), unlock(1), unlock(2)],
    ]);
    const dead = search(model).map(({ orders }) => [...orders].some((order) => order.endsWith('dead')));
    expect(dead.slice(0, 2)).to.deep.equal([false, true]);
  });

  it('goes on after a schedule that failed', () => {
    const task = [load(1), store(1), load(1), assertThat(({ cells }) => cells[1] === 2)];
    const model = new Model([task, task]);
    const ends = new Set<string>();
    let count = 0;
    for (let more = true; more; count++) {
      const outcome = model.run(1, SEARCH, NO_BOUND);
      ends.add(outcome.end);
      more = outcome.more;
    }
    expect([...ends].sort()).to.deep.equal(['done', 'failed']);
    expect(model.core.searchReport()).to.include({ whole: true, diverged: 0 });
    expect(count).to.be.greaterThan(20);
  });

  it('counts an injected fault like a preemption, and tries each', () => {
    const model = new Model([[mayFail(1, 1), add(9), mayFail(2, 2)], [add(9)]], undefined, { faults: 0b110 });
    const found: string[] = [];
    for (let more = true; more;) {
      const { bound } = model.core.searchReport();
      const outcome = model.run(1, SEARCH, NO_BOUND);
      more = outcome.more;
      const preemptions = outcome.order[0] === 0 || outcome.order[0] === 1 ? '' : ' other first';
      found.push(`${bound}: ${outcome.memory.cells[1] ?? 0}${outcome.memory.cells[2] ?? 0}${preemptions}`);
    }
    expect(found.filter((line) => line.startsWith('0'))).to.have.members(['0: 00', '0: 00 other first']);
    for (const line of ['1: 10', '1: 01', '1: 10 other first', '2: 11', '2: 11 other first']) {
      expect(found).to.include(line);
    }
    expect(found.filter((line) => line.startsWith('1')).some((line) => line.includes('11'))).to.be.false;
  });

  it('does not let a spinner keep the turn', () => {
    const model = new Model(
      [
        [spinOn(5), add(6)],
        [add(6), add(5)],
      ],
      ({ cells }) => cells[6] === 2,
      { stepLimit: 500 },
    );
    for (let more = true; more;) {
      const outcome = model.run(1, SEARCH, NO_BOUND);
      expect(outcome.end).to.equal('done');
      more = outcome.more;
    }
    expect(model.core.searchReport()).to.include({ whole: true, limited: 0 });
  });

  it('claims nothing when its places of choice do not suffice', () => {
    const model = new Model([Array<Operation>(6).fill(add(1)), Array<Operation>(6).fill(add(1))], undefined, {
      searchDepth: 4,
    });
    search(model, 3);
    expect(model.core.searchReport()).to.include({ overflowed: true, completed: 0, whole: false });
  });

  it('notices a program that does not repeat itself', () => {
    let runs = 0;
    const fickle = assertThat(() => runs++ % 3 !== 0);
    const model = new Model([
      [add(1), fickle, add(1), add(1)],
      [add(1), add(1), add(1)],
    ]);
    for (let count = 0; count < 60; count++) model.run(1, SEARCH, NO_BOUND);
    expect(model.core.searchReport().diverged).to.be.greaterThan(0);
    expect(model.core.searchReport().whole).to.be.false;
  });

  it('begins anew when it is reset', () => {
    const model = new Model([
      [add(1), add(1)],
      [add(1), add(1)],
    ]);
    const first = search(model);
    model.core.resetSearch();
    const second = search(model);
    expect(second.map(({ schedules }) => schedules)).to.deep.equal(first.map(({ schedules }) => schedules));
    model.core.resetSearch(2);
    expect(model.core.searchReport()).to.include({ bound: 2, completed: -1, schedulesInAll: 0 });
    expect(search(model)[0]!.orders.size).to.equal(second[2]!.orders.size);
  });
});
