import { expect } from 'chai';
import { MisuseError } from '#src/errno.js';
import { siblingModule, until, valuesOf, withThreads } from '../support/threads.js';
import { attachLocks, createLocks, WORD } from './scenarios.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;

describe('wait queue', () => {
  it('loses no wake-up in 10,000 turns of two threads', async function () {
    this.timeout(25_000);
    const view = createLocks();
    await withThreads(SCENARIOS, async (threads) => {
      for (const name of ['even', 'odd'])
        threads.start('takeTurns', { handle: view.handle, name, rounds: 5_000 });
      expect(valuesOf<number>(await threads.allEnded(20_000))).to.deep.equal([0, 0]);
    });
    expect(view.arena.i32[view.cell(WORD.turn)]).to.equal(10_000);
  });

  it('wakes all who wait', async () => {
    const view = createLocks();
    await withThreads(SCENARIOS, async (threads) => {
      for (let index = 0; index < 3; index++)
        threads.start('sleepOnQueue', { handle: view.handle, name: `s${index}` });
      await until(
        'all wait',
        () => view.tasks.list().filter((info) => info.waitAddress === view.queue.address).length === 3,
      );
      view.queue.wakeAll();
      expect(valuesOf<string>(await threads.allEnded(5_000))).to.deep.equal(['woken', 'woken', 'woken']);
    });
  });

  it('does not sleep when the wake-up came between the ticket and the wait', () => {
    const view = createLocks({ mayWait: false });
    const ticket = view.queue.prepareToWait();
    view.queue.wakeAll();
    expect(view.queue.wait(ticket, 1_000)).to.be.true;
  });

  it('ends a wait at its time limit, and is ready for the next', () => {
    const view = createLocks();
    const ticket = view.queue.prepareToWait();
    expect(view.queue.wait(ticket, 20)).to.be.false;
    expect(view.tasks.list()[0]).to.include({ waitAddress: 0 });
    expect(view.queue.wait(ticket, 0)).to.be.false;
    view.queue.wakeAll();
    expect(view.queue.wait(ticket, 20)).to.be.true;
    expect(view.panic.report()).to.equal(null);
  });

  it('stops the machine when a wait without a limit of its own reaches the limit of the machine', () => {
    const view = createLocks({ waitLimitMs: 100 });
    expect(() => view.queue.wait(view.queue.prepareToWait(), Infinity)).to.throw(
      'test has waited 100 ms for wait queue (page_wait)',
    );
  });

  it('does not wait in a view that must not', () => {
    const view = createLocks();
    const main = attachLocks(view.handle, { name: 'main', mayWait: false });
    expect(() => main.queue.wait(main.queue.prepareToWait(), 1_000))
      .to.throw(MisuseError)
      .with.property('code', 'ERR_WOULD_BLOCK');
    expect(main.tasks.list()[1]).to.include({ waitAddress: 0 });
  });
});
