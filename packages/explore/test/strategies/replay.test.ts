import { expect } from 'chai';
import fc from 'fast-check';
import type { Decision } from '#src/core/decisions.js';
import { scheduleSeed } from '#src/core/random.js';
import { REASON_FAULT, REASON_POINT } from '#src/core/state.js';
import {
  NO_BOUND,
  PCT,
  PORTFOLIO,
  POS,
  RANDOM_WALK,
  REPLAY,
  SEARCH,
  SURW,
} from '#src/strategies/strategy.js';
import { formatToken, parseToken } from '#src/token.js';
import { add, load, mayFail, Model, spinOn, store, waitFor, type Operation } from '../support/model.js';
import { programs } from '../support/programs.js';
import { PROPERTY_SEEDS } from '../support/seeds.js';

const strategies: readonly (readonly [number, number])[] = [
  [RANDOM_WALK, 0],
  [PCT, 1],
  [PCT, 3],
  [POS, 0],
  [SURW, 0],
  [SURW, 1],
  [SEARCH, NO_BOUND],
  [PORTFOLIO, 0],
];

/** Programs with everything a schedule can have: also faults, time limits and spinning. */
const everything = programs(14).map((tasks): Operation[][] =>
  tasks.map((task, number) => [
    ...task,
    mayFail(1, 30 + number),
    ...(number === 0 ? [add(40)] : [waitFor(41, true), spinOn(40)]),
    mayFail(2, 30 + number),
  ]),
);

describe('replay', () => {
  for (const seed of PROPERTY_SEEDS) {
    it(`repeats what any strategy did, from its decisions and from their token (seed ${seed})`, () => {
      fc.assert(
        fc.property(everything, fc.nat(), (tasks, first) => {
          const config = { faults: 0b110, stepLimit: 400 };
          const model = new Model(tasks, undefined, config);
          const player = new Model(tasks, undefined, config);
          for (const [strategy, parameter] of strategies) {
            for (let index = 0; index < 6; index++) {
              const original = model.run(scheduleSeed(first, index), strategy, parameter);
              const decisions = model.core.recorded();
              const key = model.core.decisionKey();
              const token = formatToken({ scenario: 1, seed: 2, decisions, traceHash: original.traceHash });
              player.core.setReplay(parseToken(token).decisions);
              const replayed = player.run(99, REPLAY);
              expect(player.core.divergence()).to.equal(null);
              expect(replayed).to.deep.equal({ ...original, more: false });
              expect(player.core.recorded()).to.deep.equal(decisions);
              expect(player.core.decisionKey()).to.equal(key);
            }
          }
        }),
        { seed, numRuns: 25 },
      );
    });
  }

  it('takes the default everywhere when there are no decisions', () => {
    const model = new Model([[add(1), add(1)], [add(1)], [add(1)]]);
    expect(model.run(1, REPLAY).order).to.deep.equal([0, 1, 1000, 2000]);
    expect(model.core.recorded()).to.deep.equal([]);
  });

  it('plays a decision at its step', () => {
    const model = new Model([[add(1), add(1), add(1)], [add(1)]]);
    // Step 2 is the second point of the first task, whose site is 2.
    model.core.setReplay([{ step: 2, choice: 1, site: 2 }]);
    expect(model.run(1, REPLAY).order).to.deep.equal([0, 1000, 1, 2]);
    expect(model.core.divergence()).to.equal(null);
  });

  it('plays a decision without a site, as one that was moved, wherever it stands', () => {
    const model = new Model([[add(1), add(1), add(1)], [add(1)]]);
    model.core.setReplay([{ step: 2, choice: 1, site: 0 }]);
    expect(model.run(1, REPLAY).order).to.deep.equal([0, 1000, 1, 2]);
    expect(model.core.divergence()).to.equal(null);
  });

  it('names the first decision that cannot be played, and takes defaults from there on', () => {
    const decisions: Decision[] = [
      { step: 2, choice: 1, site: 2 },
      { step: 5, choice: 1, site: 4 },
    ];
    const model = new Model([
      [add(1), add(1), add(1), add(1)],
      [add(1), add(1), add(1)],
    ]);
    const play = (list: readonly Decision[]): readonly number[] => {
      model.core.setReplay(list);
      return model.run(1, REPLAY).order;
    };
    // Step 3 is the first point of the second task; 4 its second one.
    expect(play([decisions[0]!, { step: 4, choice: 0, site: 70_002 & 0xffff }])).to.deep.equal([
      0, 1000, 1, 2, 3, 1001, 1002,
    ]);
    expect(model.core.divergence()).to.equal(null);

    expect(
      play([decisions[0]!, { step: 4, choice: 0, site: 7 }, { step: 5, choice: 0, site: 70_003 & 0xffff }]),
    ).to.deep.equal([0, 1000, 1001, 1002, 1, 2, 3]);
    expect(model.core.divergence()).to.deep.equal({
      entry: 1,
      expected: { step: 4, choice: 0, site: 7 },
      step: 4,
      reason: REASON_POINT,
      task: 1,
      site: 70_002 & 0xffff,
    });

    play([{ step: 2, choice: 7, site: 2 }]);
    expect(model.core.divergence(), 'a task that does not exist').to.include({
      entry: 0,
      step: 2,
      task: 0,
      site: 2,
    });

    play([{ step: 2, choice: 33, site: 2 }]);
    expect(model.core.divergence(), 'a fault where there is none').to.include({
      entry: 0,
      step: 2,
      reason: REASON_POINT,
    });

    // The first task ends at step 5.
    play([{ step: 5, choice: 0, site: 0 }]);
    expect(model.core.divergence(), 'a task that has ended').to.include({ entry: 0, step: 5, task: 0 });
  });

  it('notices a switch in the place of a fault, and says how much of a list was not needed', () => {
    const model = new Model([[add(1), mayFail(1, 2), add(1)], [add(1)]], undefined, { faults: 0b10 });
    model.core.setReplay([{ step: 2, choice: 33, site: 0 }]);
    expect(model.run(1, REPLAY).memory.cells[2]).to.equal(1);
    model.core.setReplay([{ step: 2, choice: 1, site: 0 }]);
    expect(model.run(1, REPLAY).memory.cells[2]).to.equal(undefined);
    expect(model.core.divergence()).to.include({ entry: 0, step: 2, reason: REASON_FAULT, task: 0 });
    expect(model.core.unplayed()).to.equal(0);
    model.core.setReplay([
      { step: 2, choice: 33, site: 0 },
      { step: 100, choice: 1, site: 0 },
    ]);
    model.run(1, REPLAY);
    expect(model.core.divergence()).to.equal(null);
    expect(model.core.unplayed()).to.equal(1);
  });

  it('lets any other strategy go on after the list', () => {
    const task = Array<Operation>(8).fill(add(1));
    const tasks = [task, task, task];
    const prefix: Decision[] = [
      { step: 0, choice: 2, site: 0 },
      { step: 3, choice: 1, site: (140_000 + 3) & 0xffff },
    ];
    for (const [strategy, parameter] of strategies) {
      const model = new Model(tasks);
      model.core.setReplay(prefix, strategy, parameter);
      const seen = new Set<string>();
      for (let index = 0; index < 40; index++) {
        const { order, end } = model.run(scheduleSeed(4, index), REPLAY);
        expect(end).to.equal('done');
        expect(model.core.divergence()).to.equal(null);
        expect(order.slice(0, 2)).to.deep.equal([2000, 2001]);
        expect(model.core.recorded().slice(0, 2)).to.deep.equal(prefix);
        seen.add(order.join());
      }
      expect(seen.size).to.be.greaterThan(strategy === PCT && parameter === 1 ? 2 : 10);
    }
  });

  it('lets the search be complete for what can follow the list', () => {
    const tasks = [
      [add(1), add(1), add(1)],
      [add(1), add(1)],
    ];
    const model = new Model(tasks);
    model.core.setReplay([{ step: 2, choice: 1, site: 2 }], SEARCH, NO_BOUND);
    const seen = new Set<string>();
    let schedules = 0;
    for (let more = true; more; schedules++) {
      const outcome = model.run(1, REPLAY);
      seen.add(outcome.order.join());
      more = outcome.more;
    }
    // After the first point of the first task, the two others of it and two of the second one: but the second one is at its first point.
    expect([...seen].every((order) => order.startsWith('0,1000'))).to.be.true;
    expect(seen.size).to.equal(3);
    expect(model.core.searchReport().whole).to.be.true;
  });

  it('refuses lists that no schedule could have', () => {
    const { core } = new Model([[load(1), store(1)]], undefined, { decisions: 2 });
    const decision = { step: 1, choice: 0, site: 0 };
    expect(() => core.setReplay([decision, decision])).to.throw(RangeError, 'steps must rise');
    expect(() => core.setReplay([{ ...decision, choice: 64 }])).to.throw(
      RangeError,
      'neither a task nor a fault',
    );
    expect(() => core.setReplay([1, 2, 3].map((step) => ({ ...decision, step })))).to.throw(
      RangeError,
      'do not fit',
    );
  });
});
