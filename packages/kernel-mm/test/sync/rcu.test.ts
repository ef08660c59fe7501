import { expect } from 'chai';
import { KernelBug, MisuseError } from '#src/errno.js';
import { POINT_LOCK, POINT_UNLOCK, POINT_WAIT } from '#src/sync/point.js';
import { Rcu } from '#src/sync/rcu.js';
import { TASK } from '#src/sync/task.js';
import { createTestCore, type TestCore } from '../support/core.js';
import { siblingModule, until, valuesOf, withThreads } from '../support/threads.js';
import { buildRcu, GOOD, INSIDE, POISON, WORD, type RcuInput, type RcuRegions } from './rcu-scenarios.js';

const MODULE = siblingModule('rcu-scenarios', import.meta.url).href;

/** A machine whose first object is published and good. */
function createObjects(): TestCore<RcuRegions> {
  const test = createTestCore(buildRcu);
  test.cells.atomicStore(test.regions.words.base + WORD.objects, GOOD);
  return test;
}

function wordOf(test: TestCore<RcuRegions>, word: number): number {
  return test.cells.atomicLoad(test.regions.words.base + word);
}

describe('RCU', () => {
  it('does not let a task sleep inside a section, however deep, and lets it after the last', () => {
    const { context } = createTestCore(buildRcu);
    const rcu = new Rcu(context);
    rcu.readLock();
    rcu.readLock();
    rcu.readUnlock();
    expect(rcu.isReading()).to.equal(true);
    rcu.readUnlock();
    expect(rcu.isReading()).to.equal(false);
    expect(() => context.mightSleep('outside')).not.to.throw();
    rcu.readLock();
    expect(() => context.mightSleep('inside')).to.throw(KernelBug, 'Sleeping in atomic context');
  });

  it('reports the end of a section that was not begun, and a wait inside of one', () => {
    const one = new Rcu(createTestCore(buildRcu).context);
    expect(() => one.readUnlock()).to.throw(KernelBug, 'test ends an RCU section, but is not inside of one');
    const other = new Rcu(createTestCore(buildRcu).context);
    other.readLock();
    expect(() => other.synchronizeRcu()).to.throw(KernelBug, 'Sleeping in atomic context');
  });

  it('does not wait where nobody reads, also in a view that must not', () => {
    const test = createTestCore(buildRcu, { mayWait: false });
    const rcu = new Rcu(test.context);
    rcu.synchronizeRcu();
    const other = new Rcu(test.attach({ name: 'other' }).context);
    other.readLock();
    expect(() => rcu.synchronizeRcu()).to.throw(MisuseError, 'other is reading under RCU');
    expect(() => rcu.synchronizeRcu())
      .to.throw(MisuseError)
      .with.property('code', 'ERR_WOULD_BLOCK');
    other.readUnlock();
    rcu.synchronizeRcu();
  });

  it('works on a machine that is not shared', () => {
    const rcu = new Rcu(createTestCore(buildRcu, { shared: false }).context);
    rcu.readLock();
    rcu.readUnlock();
    rcu.synchronizeRcu();
  });

  it('does not wait for a task that is gone', () => {
    const test = createTestCore(buildRcu);
    const gone = test.attach({ name: 'gone' });
    new Rcu(gone.context).readLock();
    gone.tasks.release(gone.task);
    new Rcu(test.context).synchronizeRcu();
  });

  it('announces its points before they happen, with the cell of the task', () => {
    const points: [number, number][] = [];
    const test = createTestCore(buildRcu, { hook: (kind, object) => points.push([kind, object]) });
    const cell = test.tasks.addressOf(test.task) + TASK.rcu;
    const rcu = new Rcu(test.context);
    rcu.readLock();
    rcu.readUnlock();
    rcu.synchronizeRcu();
    expect(points).to.deep.equal([
      [POINT_LOCK, cell],
      [POINT_UNLOCK, cell],
      [POINT_WAIT, cell],
    ]);
  });

  it('counts sections without end: the number wraps and stays odd inside', () => {
    const test = createTestCore(buildRcu);
    const rcu = new Rcu(test.context);
    const cell = (test.tasks.addressOf(test.task) + TASK.rcu) >> 2;
    test.arena.i32[cell] = 0x3fff_fffe;
    rcu.readLock();
    expect(test.arena.i32[cell]).to.equal(0x3fff_ffff);
    rcu.readUnlock();
    expect(test.arena.i32[cell]).to.equal(0);
    rcu.synchronizeRcu();
  });

  for (const [withoutWait, seen] of [
    [false, GOOD],
    [true, POISON],
  ] as const) {
    const title = withoutWait
      ? 'would hand out what a reader still has, if the writer did not wait'
      : 'waits for a reader that may know the old state';
    it(title, async () => {
      await withThreads(MODULE, async (threads) => {
        const test = createObjects();
        const { handle } = test;
        const reader = threads.start('stayInside', { handle, name: 'reader' } satisfies RcuInput);
        await until('the reader is inside', () => wordOf(test, WORD.stage) === INSIDE);
        const writer = threads.start('replace', { handle, name: 'writer', withoutWait } satisfies RcuInput);
        const values = valuesOf(await threads.allEnded(15_000));
        expect(values[reader]).to.equal(seen);
        expect(writer).to.equal(1);
        // In the end it is reused in either case.
        expect(wordOf(test, WORD.objects)).to.equal(POISON);
      });
    });
  }

  it('keeps three readers from ever seeing what was taken out, through 300 changes', async () => {
    await withThreads(MODULE, async (threads) => {
      const { handle } = createObjects();
      for (const name of ['one', 'two', 'three']) threads.start('readOften', { handle, name });
      threads.start('replaceOften', { handle, name: 'writer', rounds: 300 });
      const [one, two, three, sections] = valuesOf<number>(await threads.allEnded(20_000));
      expect([one, two, three]).to.deep.equal([0, 0, 0]);
      expect(sections).to.be.greaterThan(0);
    });
  });

  it('reports a reader whose thread ended inside a section', async () => {
    await withThreads(MODULE, async (threads) => {
      const test = createTestCore(buildRcu);
      const { handle, tasks } = test;
      const reader = threads.start('neverLeave', { handle, name: 'reader' });
      await until('the reader is inside', () => wordOf(test, WORD.stage) === INSIDE);
      const writer = threads.start('waitForReaders', { handle, name: 'writer' });
      await until('the writer waits', () => tasks.list().some(({ waitAddress }) => waitAddress !== 0));
      await threads.kill(reader);
      tasks.markDead(tasks.list().find(({ name }) => name === 'reader')!.id);
      const outcome = await threads.ended(writer, 10_000);
      expect(outcome).to.include({ kind: 'threw', name: 'KernelBug' });
      expect(test.panic.report()).to.include('Owner died: reader').and.to.include('writer waits for it');
    });
  });

  it('stops the machine with a report when a reader stays too long, and ends when the machine stops', async () => {
    await withThreads(MODULE, async (threads) => {
      const test = createTestCore(buildRcu);
      const { handle, tasks } = test;
      threads.start('neverLeave', { handle, name: 'reader' });
      await until('the reader is inside', () => wordOf(test, WORD.stage) === INSIDE);
      const patient = threads.start('waitForReaders', { handle, name: 'patient' });
      await until('one waits', () => tasks.list().some(({ waitAddress }) => waitAddress !== 0));
      const short = threads.start('waitForReaders', { handle, name: 'short', waitLimitMs: 100 });
      const outcome = await threads.ended(short, 10_000);
      expect(outcome).to.include({ kind: 'threw', name: 'KernelBug' });
      expect(test.panic.report()).to.match(/short has waited \d+ ms for reader/);
      expect(await threads.ended(patient, 10_000)).to.include({ kind: 'threw', code: 'ERR_MACHINE_STOPPED' });
    });
  });
});
