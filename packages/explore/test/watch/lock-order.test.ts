import { createBareMachine } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import { Findings } from '#src/watch/findings.js';
import { LockOrder, lockOrderWords } from '#src/watch/lock-order.js';
import { BY_CHANCE, findIn, IN_TURN, playForm } from '../support/detecting.js';

describe('the detector of lock orders', () => {
  for (const form of ['one order', 'tried', 'one after the other', 'rising addresses']) {
    it(`is content with ${form}`, async () => {
      const [inTurn, byChance] = await playForm('locking', form, [IN_TURN, BY_CHANCE]);
      expect(inTurn!.failure?.sentence).to.equal(undefined);
      expect(byChance!.failure?.sentence).to.equal(undefined);
      expect(byChance!.warnings).to.deep.equal([]);
    });
  }

  it('finds two orders that contradict each other, in a schedule without the deadlock', async () => {
    const [inTurn] = await playForm('locking', 'two orders', [IN_TURN]);
    const { failure } = inTurn!;
    expect(failure?.kind).to.equal('lock order');
    expect(failure?.preemptions).to.equal(0);
    expect(failure?.sentence).to.equal(
      'Lock order: apple is taken with birch held, and birch is taken with apple held.',
    );
    expect(failure?.report).to.include('second took apple while holding birch, taken');
    expect(failure?.report).to.include('first took birch while holding apple, taken');
  });

  it('finds a ring of three', async () => {
    const failure = await findIn('locking', 'a ring of three');
    expect(failure?.kind).to.equal('lock order');
    for (const chain of [
      'took birch while holding apple',
      'took cedar while holding birch',
      'took apple while holding cedar',
    ])
      expect(failure?.report).to.include(chain);
  });

  it('counts a lock that was tried among those that are held', async () => {
    expect((await findIn('locking', 'tried first'))?.kind).to.equal('lock order');
  });

  for (const form of ['two of one class', 'falling addresses']) {
    it(`finds ${form}`, async () => {
      const failure = await findIn('locking', form);
      expect(failure?.kind).to.equal('lock order');
      expect(failure?.sentence).to.match(/^Lock order: \w+ takes a second lock of class/);
    });
  }

  it('tells orders apart that only contradict each other in two schedules, and remembers them', () => {
    const words = new Int32Array(lockOrderWords(2) + 1);
    const machine = createBareMachine(
      (_layout, classes) => [classes.define('apple'), classes.define('birch')],
      false,
    );
    const [apple, birch] = machine.regions;
    const order = new LockOrder(
      words.subarray(1),
      new Findings(machine.attach(), ['first', 'second'], words, 0),
    );
    const nest = (task: number, outer: number, inner: number): void => {
      order.acquired(task, 64 * outer, outer, 10 + outer, false);
      order.acquired(task, 64 * inner, inner, 20 + inner, false);
      order.released(task, 64 * outer);
      order.released(task, 64 * inner);
    };
    order.begin();
    nest(0, apple!, birch!);
    expect(order.contradictions()).to.deep.equal([]);
    order.begin();
    nest(1, birch!, apple!);
    const [sentence, ...more] = order.contradictions();
    expect(more).to.deep.equal([]);
    expect(sentence).to.include('second took apple at site 20 while holding birch, taken at site 11');
    expect(sentence).to.include('first took birch at site 21 while holding apple, taken at site 10');
    expect(() => nest(0, apple!, birch!)).to.throw(/^Lock order: birch is taken with apple held/);
  });
});
