import { expect } from 'chai';
import { MisuseError } from '#src/errno.js';
import { LOCK_CLASSES_MAX, LockClasses } from '#src/sync/lock-classes.js';
import { siblingModule, until, valuesOf, withThreads } from '../support/threads.js';
import { createLocks, WORD } from './scenarios.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;

describe('lock statistics', () => {
  it('are summed over threads, per class', async function () {
    this.timeout(30_000);
    const view = createLocks({ lockStats: true });
    view.mutex.lock();
    view.mutex.unlock();
    await withThreads(SCENARIOS, async (threads) => {
      for (let index = 0; index < 3; index++) {
        threads.start('countInside', {
          handle: view.handle,
          name: `c${index}`,
          parties: 3,
          rounds: 2_000,
          lockStats: true,
        });
      }
      valuesOf(await threads.allEnded(20_000));
    });
    const rows = view.stats.sum();
    expect(rows.map((row) => [row.lockClass, row.acquisitions])).to.deep.equal([
      ['swap_lock', 6_000],
      ['swapon_mutex', 1],
      ['page_lock', 0],
      ['chain_rwsem', 0],
    ]);
    expect(rows[0]!.contended).to.be.within(0, 6_000);
    expect(rows[1]).to.include({ contended: 0, waitSeconds: 0, holdSeconds: 0 });
  });

  it('count what found the lock taken', async () => {
    const view = createLocks({ lockStats: true });
    await withThreads(SCENARIOS, async (threads) => {
      view.spin.lock();
      threads.start('takeOnce', { handle: view.handle, name: 'waiter', lockStats: true });
      await until('it waits', () => view.tasks.list().some((info) => info.waitAddress === view.spin.address));
      view.spin.unlock();
      valuesOf(await threads.allEnded(5_000));
    });
    expect(view.stats.sum()[0]).to.include({ acquisitions: 2, contended: 1 });
  });

  it('measure waiting and holding by the clock they are given', () => {
    let now = 1_000;
    const view = createLocks({ lockStats: true, clock: () => now });
    view.spin.lock();
    now += 500;
    view.spin.unlock();
    view.mutex.lock();
    now += 2_000;
    view.mutex.unlock();
    view.mutex.lock();
    now += 300;
    view.mutex.unlock();
    const [spin, mutex] = view.stats.sum();
    expect(spin).to.include({ holdSeconds: 500e-9, holdMaxSeconds: 500e-9, waitSeconds: 0 });
    expect(mutex).to.include({ acquisitions: 2, holdSeconds: 2_300e-9, holdMaxSeconds: 2_000e-9 });
  });

  it('say in a report for how long a lock is held', () => {
    let now = 1_000_000;
    const view = createLocks({ clock: () => now });
    view.spin.lock();
    now += 2_500_000;
    expect(view.context.describe()).to.equal('> test (task 0, running, 1 steps); holds swap_lock for 2.5 ms');
  });

  it('are off unless asked for', () => {
    const view = createLocks();
    view.spin.lock();
    view.spin.unlock();
    expect(view.stats.sum()[0]).to.include({ acquisitions: 0 });
    expect(view.arena.i32[view.cell(WORD.counter)]).to.equal(0);
  });
});

describe('lock classes', () => {
  it('are numbered in order of definition, each name once, up to their limit', () => {
    const classes = new LockClasses();
    expect(classes.define('swap_lock')).to.equal(0);
    expect(classes.define('page_lock')).to.equal(1);
    expect(() => classes.define('swap_lock')).to.throw(MisuseError, "'swap_lock' is defined twice");
    while (classes.count() < LOCK_CLASSES_MAX) classes.define(`class ${classes.count()}`);
    expect(() => classes.define('one more'))
      .to.throw(MisuseError, 'at most 32')
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(classes.nameOf(1)).to.equal('page_lock');
    expect(classes.nameOf(99)).to.equal('lock class 99');
  });
});
