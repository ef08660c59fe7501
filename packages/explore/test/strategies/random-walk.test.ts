import { expect } from 'chai';
import { scheduleSeed } from '#src/core/random.js';
import { RANDOM_WALK } from '#src/strategies/strategy.js';
import { allOrders, orderKey } from '../support/brute-force.js';
import {
  add,
  load,
  lock,
  Model,
  spinOn,
  spinSilentlyOn,
  store,
  unlock,
  type Operation,
} from '../support/model.js';

const SCHEDULES = 20_000;

/**
 * How far the frequencies of orders are from those of a walk that tosses an even coin at every point, in standard deviations of chi squared: with f
 * degrees of freedom it is about normal with mean f and variance 2f. Seeds are fixed, so the answer is always the same; a right walk is beyond 4 with
 * a chance of 1 in 10,000 or so.
 */
function distance(tasks: readonly (readonly Operation[])[]): number {
  const expected = allOrders(tasks);
  const counts = new Map<string, number>();
  const model = new Model(tasks);
  for (let index = 0; index < SCHEDULES; index++) {
    const { order, end } = model.run(scheduleSeed(7, index), RANDOM_WALK);
    const key = orderKey(order, end === 'deadlock');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let chiSquared = 0;
  for (const [key, { chance }] of expected) {
    const mean = chance * SCHEDULES;
    chiSquared += ((counts.get(key) ?? 0) - mean) ** 2 / mean;
    counts.delete(key);
  }
  expect([...counts.keys()], 'orders that cannot be').to.deep.equal([]);
  const freedom = expected.size - 1;
  return (chiSquared - freedom) / Math.sqrt(2 * freedom);
}

describe('random walk', () => {
  it('gives every enabled task the same chance at every point', () => {
    const points = (count: number): Operation[] => Array<Operation>(count).fill(add(1));
    expect(distance([points(3), points(3)]), 'two tasks').to.be.within(-4, 4);
    expect(distance([points(2), points(2), points(1)]), 'three tasks').to.be.within(-4, 4);
    expect(distance([points(1), points(1), points(1), points(1)]), 'four tasks').to.be.within(-4, 4);
  });

  it('keeps the chances even when tasks wait and are woken', () => {
    const section = [lock(1), load(2), unlock(1)];
    expect(distance([section, section]), 'two tasks').to.be.within(-4, 4);
    expect(
      distance([[lock(1), unlock(1)], [lock(1), unlock(1), add(3)], [add(3)]]),
      'three tasks',
    ).to.be.within(-4, 4);
    expect(
      distance([
        [lock(1), lock(2), unlock(2), unlock(1)],
        [lock(2), lock(1), unlock(1), unlock(2)],
      ]),
      'tasks that may deadlock',
    ).to.be.within(-4, 4);
  });

  it('would be told from a walk that is not even', () => {
    // The second task stands at a point of its own before it takes part: then the chances are others.
    const expected = allOrders([
      [add(1), add(1)],
      [add(1), add(1)],
    ]);
    const chances = [...expected.values()].map(({ chance }) => chance);
    expect(Math.max(...chances)).to.be.greaterThan(1.5 * Math.min(...chances));
  });

  it('asks for few decisions: a stay is drawn at once', () => {
    const model = new Model([Array<Operation>(400).fill(load(1)), Array<Operation>(400).fill(load(2))]);
    let decisions = 0;
    for (let index = 0; index < 50; index++) {
      model.run(scheduleSeed(3, index), RANDOM_WALK);
      decisions += model.core.recordedCount();
    }
    // Of 800 points at most 800 have a choice, and half of these are switches. With one task left there are none.
    expect(decisions / 50).to.be.within(320, 410);
  });

  it('lets a spinner wait for ever for nobody, whether it gives way or not', () => {
    for (const spin of [spinOn, spinSilentlyOn]) {
      const model = new Model([[spin(5)], [add(6), add(6), add(5)]]);
      for (let index = 0; index < 200; index++) {
        expect(model.run(scheduleSeed(1, index), RANDOM_WALK).end).to.equal('done');
      }
    }
  });

  it('finds a lost update within a few schedules', () => {
    const task = [load(1), store(1)];
    const model = new Model([task, task], ({ cells }) => cells[1] === 2);
    let found = 0;
    for (let index = 0; index < 100; index++) {
      if (model.run(scheduleSeed(5, index), RANDOM_WALK).end === 'failed') found++;
    }
    // By hand: a task is preempted between its two points with a chance of one in two or more.
    expect(found).to.be.greaterThan(30);
  });
});
