import { expect } from 'chai';
import { KernelBug, MisuseError } from '#src/errno.js';
import { createMachine } from '#src/machine/machine.js';
import { Locks } from '#src/sync/locks.js';
import { TASKS_MAX } from '#src/sync/task.js';
import { TicketLocks } from '#src/sync/ticket-lock.js';
import { siblingModule, until, valuesOf, withThreads, type Threads } from '../support/threads.js';
import { attachLocks, createLocks, WORD, type LockView } from './scenarios.js';

const SCENARIOS = siblingModule('ticket-scenarios', import.meta.url).href;

function wordOf(view: LockView): number {
  return Atomics.load(view.arena.i32, view.spin.address >> 2) >>> 0;
}

/** Tasks that hold the lock or stand in line for it. */
function inLine(view: LockView): number {
  const word = wordOf(view);
  return ((word >>> 24) - (word >>> 16)) & 0xff;
}

function createTicketLocks(name = 'test'): LockView {
  return createLocks({ name, spinlock: 'ticket' });
}

/** Starts threads one after the other, each when the one before stands in line. */
async function lineUp(threads: Threads, view: LockView, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const before = inLine(view);
    threads.start('takeTurn', { handle: view.handle, name });
    await until(`${name} stands in line`, () => inLine(view) === before + 1);
  }
}

function expectStop(view: LockView, action: () => void, sentence: string): void {
  expect(action).to.throw(KernelBug, sentence);
  expect(view.panic.report()).to.include(sentence);
}

describe('ticket locks among threads', () => {
  it('let one thread in at a time', async function () {
    this.timeout(60_000);
    const view = createTicketLocks();
    await withThreads(SCENARIOS, async (threads) => {
      for (const name of ['a', 'b', 'c']) {
        threads.start('countInOrder', { handle: view.handle, name, parties: 3, rounds: 400 });
      }
      expect(valuesOf<number>(await threads.allEnded(50_000))).to.deep.equal([0, 0, 0]);
    });
    expect(view.arena.i32[view.cell(WORD.counter)]).to.equal(1200);
    expect(view.locks.isLocked(view.spin.address)).to.be.false;
    expect(inLine(view)).to.equal(0);
  });

  it('serve those who wait in the order in which they came', async function () {
    this.timeout(40_000);
    const view = createTicketLocks();
    await withThreads(SCENARIOS, async (threads) => {
      view.spin.lock();
      await lineUp(threads, view, ['first', 'second', 'third', 'fourth']);
      view.spin.unlock();
      expect(valuesOf<number>(await threads.allEnded(30_000))).to.deep.equal([0, 1, 2, 3]);
    });
  });

  it('report an owner that died, to each who waits', async function () {
    this.timeout(30_000);
    const view = createTicketLocks();
    await withThreads(SCENARIOS, async (threads) => {
      const owner = threads.start('holdInOrder', { handle: view.handle, name: 'owner' });
      await until('the owner is inside', () => Atomics.load(view.arena.i32, view.cell(WORD.mark)) === 1);
      await threads.kill(owner);
      const waiter = threads.start('takeTurn', { handle: view.handle, name: 'waiter' });
      await until('the waiter stands in line', () => inLine(view) === 2);
      view.tasks.markDead(1);
      const outcome = await threads.ended(waiter, 20_000);
      expect(outcome).to.deep.include({ kind: 'threw', name: 'KernelBug' });
      expect(outcome)
        .to.have.property('message')
        .that.includes('Owner died: owner (task 1) ended while holding or taking swap_lock');
    });
  });

  it('report one that died in line: nobody behind it would ever be served', async function () {
    this.timeout(30_000);
    const view = createTicketLocks();
    await withThreads(SCENARIOS, async (threads) => {
      view.spin.lock();
      await lineUp(threads, view, ['unlucky', 'behind']);
      await threads.kill(0);
      view.spin.unlock();
      view.tasks.markDead(1);
      const outcome = await threads.ended(1, 20_000);
      expect(outcome)
        .to.have.property('message')
        .that.includes('Owner died: unlucky (task 1) ended while holding or taking swap_lock');
    });
  });

  it('do not wait longer than their limit, and say who holds the lock', async function () {
    this.timeout(30_000);
    const view = createTicketLocks('holder');
    await withThreads(SCENARIOS, async (threads) => {
      view.spin.lock();
      const waiter = threads.start('takeTurn', { handle: view.handle, name: 'waiter', waitLimitMs: 200 });
      const outcome = await threads.ended(waiter, 25_000);
      expect(outcome)
        .to.have.property('message')
        .that.matches(/waiter has waited 200 ms for swap_lock .*It is held by holder \(task 0, running\)/);
    });
  });

  it('end their wait when the machine stops', async function () {
    this.timeout(30_000);
    const view = createTicketLocks();
    await withThreads(SCENARIOS, async (threads) => {
      view.spin.lock();
      await lineUp(threads, view, ['waiter']);
      view.panic.stop(0, 'stopped by the test');
      const outcome = await threads.ended(0, 20_000);
      expect(outcome).to.deep.include({ kind: 'threw', code: 'ERR_MACHINE_STOPPED' });
    });
  });
});

describe('a ticket lock', () => {
  it('comes round to its first number: 1000 times taken, tried and dropped', () => {
    const view = createTicketLocks();
    const other = attachLocks(view.handle, { name: 'other', spinlock: 'ticket' });
    for (let round = 0; round < 1000; round++) {
      const taker = round % 3 === 0 ? other : view;
      const idle = taker === view ? other : view;
      if (round % 2 === 0) taker.spin.lock();
      else expect(taker.spin.tryLock()).to.be.true;
      expect(idle.spin.tryLock()).to.be.false;
      expect(view.locks.isLocked(view.spin.address)).to.be.true;
      expect(wordOf(view) & 0xffff).to.equal(taker.task + 1);
      taker.spin.unlock();
      expect(view.locks.isLocked(view.spin.address)).to.be.false;
    }
    const number = 1000 % 256;
    expect(wordOf(view)).to.equal(((number << 24) | (number << 16)) >>> 0);
    expect(TASKS_MAX).to.be.below(256, 'each task needs a number of its own');
  });

  it('must be dropped by its owner', () => {
    const view = createTicketLocks('thief');
    const owner = attachLocks(view.handle, { name: 'owner', spinlock: 'ticket' });
    owner.spin.lock();
    expectStop(
      view,
      () => view.spin.unlock(),
      'thief unlocks swap_lock (swap_lock[0]), which owner holds.'.replace(
        'swap_lock[0]',
        view.layout.describe(view.spin.address),
      ),
    );
    const free = createTicketLocks('absent');
    expectStop(free, () => free.spin.unlock(), 'which is not locked.');
  });

  it('is not taken twice by one task, nor held while sleeping', () => {
    const view = createTicketLocks('task');
    view.spin.lock();
    expectStop(view, () => view.spin.lock(), 'Recursion: task takes swap_lock');
    const sleeper = createTicketLocks('sleeper');
    sleeper.spin.lock();
    expectStop(sleeper, () => sleeper.mutex.lock(), 'Sleeping in atomic context');
  });

  it('stops the machine when its word is damaged', () => {
    const view = createTicketLocks('owner');
    view.spin.lock();
    view.arena.i32[view.spin.address >> 2]! += 1;
    expectStop(view, () => view.spin.unlock(), 'The word of swap_lock');
  });

  it('refuses a view that must not wait, and leaves it as it was', () => {
    const owner = createTicketLocks('owner');
    const main = attachLocks(owner.handle, { name: 'main', mayWait: false, spinlock: 'ticket' });
    owner.spin.lock();
    const word = wordOf(owner);
    expect(() => main.spin.lock())
      .to.throw(MisuseError, 'is held by owner')
      .with.property('code', 'ERR_WOULD_BLOCK');
    expect(wordOf(owner)).to.equal(word);
    expect(main.tasks.list()[1]).to.deep.include({ preemptCount: 0, waitAddress: 0, held: [] });
    owner.spin.unlock();
    main.spin.lock();
    main.spin.unlock();
  });

  it('leaves mutexes as they are', () => {
    const view = createTicketLocks();
    view.mutex.lock();
    expect(view.locks.isLocked(view.mutex.address)).to.be.true;
    expect(Atomics.load(view.arena.i32, view.mutex.address >> 2)).to.equal(view.task + 1);
    view.mutex.unlock();
    expect(view.locks.isLocked(view.mutex.address)).to.be.false;
  });
});

describe('the option spinlock of a machine', () => {
  it('decides for all threads, and is adaptive when not given', () => {
    const adaptive = createMachine({ ramBytes: 1 << 20 });
    const ticket = createMachine({ ramBytes: 1 << 20, spinlock: 'ticket' });
    expect(adaptive.config.spinlock).to.equal('adaptive');
    expect(adaptive.attach().kernel.core.locks.constructor).to.equal(Locks);
    expect(ticket.handle.config.spinlock).to.equal('ticket');
    const view = ticket.attach();
    expect(view.kernel.core.locks).to.be.instanceOf(TicketLocks);
    view.mkswap('/dev/ram0');
    const type = view.swapon('/dev/ram0');
    expect(type).to.equal(0);
    expect(view.kernel.swap.allocator.getSwapPage()).to.be.above(0);
  });

  it('must be one of the kinds there are', () => {
    expect(() => createMachine({ spinlock: 'mcs' as 'ticket' }))
      .to.throw(MisuseError, "There is no spinlock 'mcs'; choose one of adaptive, ticket.")
      .with.property('code', 'ERR_INVALID_ARGUMENT');
  });
});
