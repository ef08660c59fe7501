import { expect } from 'chai';
import { KernelBug, MisuseError } from '#src/errno.js';
import type { Context } from '#src/sync/context.js';
import { TASKS_MAX } from '#src/sync/task.js';
import { siblingModule, until, withThreads } from '../support/threads.js';
import { attachLocks, createLocks, take, type LockKind } from './scenarios.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;

describe('a stop of the machine', () => {
  it('keeps the first report, whole, and throws the own one to each who breaks something', () => {
    const view = createLocks();
    const other = attachLocks(view.handle, { name: 'other' });
    expect(view.panic.report()).to.equal(null);
    expect(() => view.context.bug('swap_map[7] is 0x83')).to.throw(KernelBug, 'swap_map[7] is 0x83');
    expect(() => other.context.bug('second')).to.throw(KernelBug, 'second');
    other.panic.stop(-1, 'third');
    expect(view.panic.report()).to.match(/^swap_map\[7\] is 0x83\n> test \(task 0/);
    expect(view.panic.report()).to.not.contain('second');
  });

  it('lets a condition that holds pass, and stops at one that does not', () => {
    const view = createLocks();
    const context: Context = view.context;
    context.assert(true, 'never seen');
    expect(view.panic.isStopped()).to.be.false;
    expect(() => context.assert(false, 'pages >= inuse_pages')).to.throw(
      KernelBug,
      'Assertion failed: pages >= inuse_pages',
    );
    expect(view.panic.isStopped()).to.be.true;
  });

  it('tells everyone who asks', () => {
    const view = createLocks();
    view.panic.check();
    view.panic.stop(-1, 'watchdog: no progress\nmore');
    expect(() => view.panic.check())
      .to.throw(MisuseError, /^The machine has stopped: watchdog: no progress$/)
      .with.property('code', 'ERR_MACHINE_STOPPED');
  });

  it('keeps a report that is longer than its place, and writes ? for what is not ASCII', () => {
    const view = createLocks();
    view.panic.stop(-1, `é${'x'.repeat(20_000)}`);
    expect(view.panic.report()).to.match(/^\?x{8000,}$/);
  });

  it('ends every wait', async () => {
    const view = createLocks();
    const writer = attachLocks(view.handle, { name: 'writer' });
    const kinds: readonly LockKind[] = ['mutex', 'read', 'write', 'spin'];
    view.mutex.lock();
    writer.semaphore.downWrite();
    view.spin.lock();
    await withThreads(SCENARIOS, async (threads) => {
      for (const lock of kinds)
        threads.start('takeOnce', { handle: view.handle, name: `waits for ${lock}`, lock });
      threads.start('sleepOnQueue', { handle: view.handle, name: 'sleeps' });
      await until('all wait', () => view.tasks.list().filter((info) => info.waitAddress > 0).length === 5);
      expect(() => view.context.bug('table entry 5 is torn')).to.throw(KernelBug);
      for (const outcome of await threads.allEnded(5_000)) {
        expect(outcome).to.include({ kind: 'threw', code: 'ERR_MACHINE_STOPPED' });
        expect(outcome).to.have.property('message', 'The machine has stopped: table entry 5 is torn');
      }
    });
    const report = view.panic.report() ?? '';
    for (const lock of kinds) expect(report).to.contain(`waits for ${lock} (task`);
    expect(report).to.contain('waits for wait queue page_wait');
  });
});

describe('task contexts', () => {
  it('are given back and taken again clean, but never while the task is dead', () => {
    const view = createLocks();
    const first = attachLocks(view.handle, { name: 'first' });
    take(first, 'spin');
    first.spin.unlock();
    first.tasks.release(first.task);
    const second = attachLocks(view.handle, { name: 'second' });
    expect(second.task).to.equal(first.task);
    expect(second.tasks.list()[1]).to.deep.include({ name: 'second', steps: 0, preemptCount: 0, held: [] });
    view.tasks.markDead(second.task);
    expect(attachLocks(view.handle, { name: 'third' }).task).to.not.equal(second.task);
    expect(view.tasks.list()[1]).to.include({ name: 'second', state: 'dead' });
  });

  it('are limited in number', () => {
    const view = createLocks();
    for (let index = 1; index < TASKS_MAX; index++) view.tasks.claim(`t${index}`);
    expect(() => view.tasks.claim('one more'))
      .to.throw(MisuseError)
      .with.property('code', 'ERR_TOO_MANY_TASKS');
  });

  it('keep flags, steps and a name cut at 24 bytes', () => {
    const view = createLocks({ name: 'a name that is longer than a comm' });
    expect(view.tasks.nameOf(view.task)).to.equal('a name that is longer th');
    view.context.setTaskFlags(0x800);
    view.context.step();
    expect(view.context.taskFlags()).to.equal(0x800);
    expect(view.tasks.list()[0]?.steps).to.equal(1);
    expect(view.tasks.nameOf(5)).to.equal('task 5');
  });

  it('are switched by an engine', () => {
    const view = createLocks();
    const other = view.tasks.claim('logical');
    view.spin.lock();
    view.context.switchTo(other);
    expect(view.context.holds(view.spin.address)).to.be.false;
    expect(() => view.spin.unlock()).to.throw(
      KernelBug,
      'logical unlocks swap_lock (swap_lock), which test holds.',
    );
  });
});
