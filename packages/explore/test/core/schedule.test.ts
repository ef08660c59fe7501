import { expect } from 'chai';
import { POINT_LOCK, POINT_STORE, POINT_YIELD } from '@swaplab/kernel-mm';
import { CHOICE_FAULT, type Decision } from '#src/core/decisions.js';
import { scheduleSeed } from '#src/core/random.js';
import { NOBODY, ScheduleCore, STOP_DECISIONS, STOP_NONE, STOP_STEPS } from '#src/core/schedule.js';
import { createWords, type ScheduleConfig } from '#src/core/words.js';
import { PCT, PORTFOLIO, POS, RANDOM_WALK, REPLAY, SEARCH, SURW } from '#src/strategies/strategy.js';
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
  waitFor,
  wakeUp,
  type Operation,
} from '../support/model.js';

const strategies: readonly (readonly [number, number])[] = [
  [RANDOM_WALK, 0],
  [PCT, 3],
  [POS, 0],
  [SURW, 0],
  [SURW, 1],
  [SEARCH, 2],
  [PORTFOLIO, 0],
];

function createCore(config: ScheduleConfig): ScheduleCore {
  return new ScheduleCore(createWords(config));
}

/** A core that plays nothing but defaults. */
function defaults(tasks: number, config: Partial<ScheduleConfig> = {}): ScheduleCore {
  const core = createCore({ tasks, ...config });
  core.setReplay([]);
  expect(core.begin(1, REPLAY)).to.equal(0);
  return core;
}

describe('schedule core', () => {
  describe('default choices', () => {
    it('lets the running task go on, and after its end the next one by number', () => {
      const core = defaults(3);
      expect(core.exit(0, core.countdown)).to.equal(1);
      expect(core.exit(1, core.countdown)).to.equal(2);
      expect(core.unfinished()).to.equal(0b100);
      expect(core.exit(2, core.countdown)).to.equal(NOBODY);
      expect(core.unfinished()).to.equal(0);
      expect(core.recorded()).to.deep.equal([]);
    });

    it('goes round: after the last task comes the first', () => {
      const core = defaults(3);
      expect(core.block(0, 8, false, 1, core.countdown)).to.equal(1);
      expect(core.block(1, 9, false, 1, core.countdown)).to.equal(2);
      core.wake(8, core.countdown);
      expect(core.giveWay(2, 1, core.countdown)).to.equal(0);
      expect(core.exit(0, core.countdown)).to.equal(2);
    });

    it('lets a task that gives way go on when no other can', () => {
      const core = defaults(2);
      core.exit(0, core.countdown);
      expect(core.giveWay(1, 1, core.countdown)).to.equal(1);
    });
  });

  it('counts points, blocks, giving way, ends and possible faults as steps', () => {
    const core = createCore({ tasks: 2, faults: 1 << 3 });
    core.setReplay([{ step: 4, choice: 1, site: 9 }]);
    core.begin(1, REPLAY);
    expect(core.steps(core.countdown)).to.equal(0);
    expect(core.countdown).to.equal(4);
    expect(core.steps(1)).to.equal(3);
    expect(core.decide(0, POINT_STORE, 40, 9)).to.equal(1);
    expect(core.steps(core.countdown)).to.equal(4);
    core.giveWay(1, 2, core.countdown);
    expect(core.steps(core.countdown)).to.equal(5);
    expect(core.fault(3, core.countdown)).to.be.false;
    expect(core.steps(core.countdown)).to.equal(6);
    expect(core.fault(2, core.countdown), 'a kind that is not asked for').to.be.false;
    expect(core.steps(core.countdown)).to.equal(6);
    core.block(0, 77, false, 3, core.countdown - 2);
    expect(core.steps(core.countdown)).to.equal(9);
    core.exit(1, core.countdown);
    expect(core.steps(core.countdown)).to.equal(10);
  });

  it('says where each task stands', () => {
    const core = createCore({ tasks: 3 });
    core.setReplay([{ step: 1, choice: 1, site: 5 }]);
    core.begin(1, REPLAY);
    expect(core.pending(0)).to.deep.equal({ kind: 0, object: 0, site: 0 });
    core.decide(0, POINT_LOCK, 64, 0x1_0005);
    expect(core.pending(0)).to.deep.equal({ kind: POINT_LOCK, object: 64, site: 0x1_0005 });
    expect(core.waitsFor(0)).to.equal(undefined);
    expect(core.block(1, 64, false, 12, core.countdown)).to.equal(2);
    expect(core.pending(1)).to.include({ object: 64, site: 12 });
    expect(core.waitsFor(1)).to.equal(64);
    core.giveWay(2, 13, core.countdown);
    expect(core.pending(2)).to.include({ kind: POINT_YIELD, site: 13 });
    core.wake(64, core.countdown);
    expect(core.waitsFor(1)).to.equal(undefined);
  });

  it('counts as a preemption what takes the turn from a task that could go on, and each fault', () => {
    const model = new Model(
      [[add(1), add(1), add(1), mayFail(1, 9)], [add(1), add(1)], [add(1)]],
      undefined,
      { faults: 0b10 },
    );
    const play = (list: readonly Decision[]): number => {
      model.core.setReplay(list);
      model.run(1, REPLAY);
      expect(model.core.divergence()).to.equal(null);
      return model.core.preemptions();
    };
    expect(play([]), 'only ends').to.equal(0);
    expect(play([{ step: 0, choice: 2, site: 0 }]), 'another first task').to.equal(0);
    // At its second point the first task loses the turn, and the second one at its own second point.
    expect(play([{ step: 2, choice: 1, site: 2 }])).to.equal(1);
    expect(
      play([
        { step: 2, choice: 1, site: 2 },
        { step: 4, choice: 0, site: 70_002 & 0xffff },
      ]),
    ).to.equal(2);
    expect(play([{ step: 4, choice: CHOICE_FAULT + 1, site: 0 }]), 'a fault').to.equal(1);
  });

  it('wakes those who wait for the object, and nobody else', () => {
    const core = defaults(3);
    core.block(0, 8, false, 1, core.countdown);
    core.block(1, 9, false, 1, core.countdown);
    const before = core.countdown;
    expect(core.wake(10, before)).to.equal(before);
    expect(core.wake(9, before)).to.equal(core.countdown);
    expect([core.waitsFor(0), core.waitsFor(1)]).to.deep.equal([8, undefined]);
    expect(core.exit(2, core.countdown)).to.equal(1);
    expect(core.exit(1, core.countdown)).to.equal(NOBODY);
    expect(core.unfinished()).to.equal(0b001);
  });

  it('asks for a decision at the next point after a wake-up, if the strategy wants that', () => {
    for (const [strategy, parameter] of strategies) {
      if (strategy === SEARCH) continue;
      const core = createCore({ tasks: 2 });
      const first = core.begin(5, strategy, parameter);
      const second = core.block(first, 8, false, 1, core.countdown);
      expect(second).to.equal(1 - first);
      expect(core.wake(8, core.countdown)).to.equal(1);
      expect(core.decide(second, POINT_STORE, 9, 1)).to.be.oneOf([0, 1]);
    }
  });

  describe('waits with a limit', () => {
    it('end when nobody can run, and only then', () => {
      const core = defaults(3);
      expect(core.block(0, 8, true, 1, core.countdown)).to.equal(1);
      expect(core.block(1, 8, false, 1, core.countdown)).to.equal(2);
      expect(core.timedOut(0)).to.be.false;
      expect(core.exit(2, core.countdown)).to.equal(0);
      expect(core.timedOut(0)).to.be.true;
      expect(core.waitsFor(1)).to.equal(8);
      // The next wait of the same task is another one.
      expect(core.block(0, 8, false, 1, core.countdown)).to.equal(NOBODY);
      expect(core.timedOut(0)).to.be.false;
      expect(core.unfinished()).to.equal(0b011);
    });

    it('end one at a time, and a strategy chooses which', () => {
      const ends = new Set<number>();
      for (let seed = 0; seed < 40; seed++) {
        const core = createCore({ tasks: 2 });
        const first = core.begin(seed, RANDOM_WALK);
        core.block(first, 8, true, 1, core.countdown);
        const next = core.block(1 - first, 8, true, 1, core.countdown);
        ends.add(next);
        expect([core.timedOut(next), core.timedOut(1 - next)]).to.deep.equal([true, false]);
        expect(core.waitsFor(1 - next)).to.equal(8);
      }
      expect([...ends].sort()).to.deep.equal([0, 1]);
    });

    it('end early by a wake-up', () => {
      const core = defaults(2);
      core.block(0, 8, true, 1, core.countdown);
      core.wake(8, core.countdown);
      core.exit(1, core.countdown);
      expect(core.timedOut(0)).to.be.false;
      expect(core.exit(0, core.countdown)).to.equal(NOBODY);
    });
  });

  describe('limits', () => {
    it('stop a schedule at the step limit, under every strategy', () => {
      for (const [strategy, parameter] of strategies) {
        for (const spin of [spinOn, spinSilentlyOn]) {
          const model = new Model([[spin(5)], [spin(5)], [add(1)]], undefined, { stepLimit: 100 });
          for (let index = 0; index < 10; index++) {
            expect(model.run(scheduleSeed(1, index), strategy, parameter).end).to.equal('stopped');
            expect(model.core.stopReason()).to.equal(STOP_STEPS);
            expect(model.core.steps(0)).to.equal(100);
          }
        }
      }
    });

    it('stop a schedule whose decisions do not fit, and lose none before', () => {
      const task = Array<Operation>(50).fill(add(1));
      const model = new Model([task, task], undefined, { decisions: 5 });
      expect(model.run(1, RANDOM_WALK).end).to.equal('stopped');
      expect(model.core.stopReason()).to.equal(STOP_DECISIONS);
      expect(model.core.recordedCount()).to.equal(5);
      const whole = new Model([task, task]);
      expect(whole.run(1, RANDOM_WALK).end).to.equal('done');
      expect(whole.core.stopReason()).to.equal(STOP_NONE);
      expect(whole.core.recorded().slice(0, 5)).to.deep.equal(model.core.recorded());
    });

    it('are checked', () => {
      expect(() => createWords({ tasks: 0 })).to.throw(
        RangeError,
        'tasks must be a whole number from 1 to 32, not 0',
      );
      expect(() => createWords({ tasks: 33 })).to.throw(RangeError, 'tasks');
      expect(() => createWords({ tasks: 2, stepLimit: 0 })).to.throw(RangeError, 'stepLimit');
      expect(() => createWords({ tasks: 2, decisions: 1.5 })).to.throw(RangeError, 'decisions');
      expect(() => new ScheduleCore(new Int32Array(1000))).to.throw(
        RangeError,
        'not the words of a schedule',
      );
      expect(() => new ScheduleCore(createWords({ tasks: 2 }).subarray(0, 500))).to.throw(
        RangeError,
        'needs',
      );
      expect(() => createCore({ tasks: 2 }).begin(1, 99)).to.throw(RangeError, 'no strategy 99');
    });
  });

  it('throws when an engine counts wrongly, or lets a task run that was not chosen', () => {
    const core = defaults(2);
    expect(() => core.exit(0, core.countdown + 1)).to.throw(RangeError, 'points left');
    expect(() => core.exit(0, -1)).to.throw(RangeError, 'points left');
    expect(() => core.exit(1, core.countdown)).to.throw(RangeError, 'task 0 runs');
    expect(() => core.decide(1, POINT_STORE, 1, 1)).to.throw(RangeError, 'task 0 runs');
  });

  it('runs up to 32 tasks', () => {
    const model = new Model(Array.from({ length: 32 }, () => [load(1), lock(2), store(3), unlock(2)]));
    for (const [strategy, parameter] of strategies) {
      for (let index = 0; index < 5; index++) {
        const { end, order } = model.run(scheduleSeed(9, index), strategy, parameter);
        expect(end).to.equal('done');
        expect(order).to.have.length(128);
      }
    }
  });

  it('keeps everything in its words: other objects on the same words go on where the first stopped', () => {
    // The model asks two cores in turn; here both lie on shared memory, as those of two threads do.
    const tasks = [
      [lock(1), load(2), unlock(1), waitFor(3, true), add(4)],
      [lock(1), load(2), unlock(1), wakeUp(3), add(4)],
      [spinOn(3), add(4)],
    ];
    const words = createWords({ tasks: 3 }, true);
    expect(words.buffer).to.be.instanceOf(SharedArrayBuffer);
    for (const [strategy, parameter] of strategies) {
      const [one, other] = [new Model(tasks), new Model(tasks)];
      for (let index = 0; index < 30; index++) {
        expect(one.run(scheduleSeed(3, index), strategy, parameter)).to.deep.equal(
          other.run(scheduleSeed(3, index), strategy, parameter),
        );
      }
    }
  });

  it('gives the same schedule for the same seed, and others for others', () => {
    const task = Array<Operation>(20).fill(add(1));
    for (const [strategy, parameter] of strategies) {
      if (strategy === SEARCH) continue;
      const model = new Model([task, task, task]);
      for (let index = 0; index < 3; index++) model.run(scheduleSeed(1, index), strategy, parameter);
      const orders = new Set<string>();
      for (let index = 0; index < 40; index++) {
        const seed = scheduleSeed(2, index);
        const twin = new Model([task, task, task]);
        for (let before = 0; before < 3; before++) twin.run(scheduleSeed(1, before), strategy, parameter);
        for (let before = 0; before < index; before++) twin.run(scheduleSeed(2, before), strategy, parameter);
        const { order } = model.run(seed, strategy, parameter);
        expect(twin.run(seed, strategy, parameter).order).to.deep.equal(order);
        orders.add(order.join());
      }
      expect(orders.size).to.be.greaterThan(35);
    }
  });

  it('has a key for each schedule: as many keys as different orders', () => {
    const task = Array<Operation>(4).fill(add(1));
    const model = new Model([task, task, task]);
    const orders = new Map<number, string>();
    for (let index = 0; index < 4000; index++) {
      const { order } = model.run(scheduleSeed(1, index), RANDOM_WALK);
      const key = model.core.decisionKey();
      expect(Number.isSafeInteger(key)).to.be.true;
      expect(orders.get(key) ?? order.join()).to.equal(order.join());
      orders.set(key, order.join());
    }
    expect(new Set(orders.values()).size).to.be.greaterThan(1500);
  });

  it('counts schedules of each strategy, and forgets them when told to', () => {
    const model = new Model([
      [add(1), add(1)],
      [add(1), add(1)],
    ]);
    model.run(1, RANDOM_WALK);
    model.run(2, PCT, 2);
    model.run(3, PCT, 3);
    expect(model.core.strategyName()).to.equal('PCT d=3');
    expect([model.core.schedules(), model.core.schedules(PCT), model.core.schedules(POS)]).to.deep.equal([
      3, 2, 0,
    ]);
    expect(model.core.contendedPoints()).to.be.greaterThan(0);
    model.core.forget();
    expect([model.core.schedules(), model.core.contendedPoints()]).to.deep.equal([0, 0]);
  });

  it('does not learn the length of schedules from one that was stopped', () => {
    const model = new Model(
      [
        [spinSilentlyOn(5), add(6)],
        [add(6), add(5)],
      ],
      undefined,
      { stepLimit: 1000, fairAfter: 10_000 },
    );
    let longest = 0;
    for (let index = 0; index < 40; index++) {
      const { end } = model.run(scheduleSeed(1, index), PCT, 1);
      if (end === 'done') longest = Math.max(longest, model.core.contendedPoints());
      if (index > 10) expect(model.core.contendedPoints()).to.be.lessThan(1000);
    }
    expect(longest).to.be.greaterThan(0);
  });
});
