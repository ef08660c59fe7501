import { expect } from 'chai';
import { ENOMEM, KernelBug, MisuseError } from '#src/errno.js';
import { SRCU_STRUCTS_DEFAULT, Srcu } from '#src/sync/srcu.js';
import { createTestCore, type TestCore, type TestCoreOptions } from '../support/core.js';
import { siblingModule, until, valuesOf, withThreads } from '../support/threads.js';
import { buildSrcu, GOOD, INSIDE, POISON, WORD, type SrcuInput, type SrcuRegions } from './srcu-scenarios.js';

const MODULE = siblingModule('srcu-scenarios', import.meta.url).href;

function setUp(options: TestCoreOptions = {}) {
  const test = createTestCore(buildSrcu, options);
  const srcu = new Srcu(test.core, test.regions.srcu);
  const domain = srcu.initSrcuStruct();
  const viewOf = (more: TestCoreOptions): Srcu => new Srcu(test.attach(more).core, test.regions.srcu);
  return { test, srcu, domain, viewOf };
}

function wordOf(test: TestCore<SrcuRegions>, word: number): number {
  return test.cells.atomicLoad(test.regions.words.base + word);
}

async function somebodyWaits(test: TestCore<SrcuRegions>): Promise<void> {
  await until('a writer waits', () => test.tasks.list().some(({ waitAddress }) => waitAddress !== 0));
}

describe('sleepable RCU', () => {
  it('lets a task sleep inside a section, and sections lie in each other', () => {
    const { test, srcu, domain } = setUp();
    const outer = srcu.srcuReadLock(domain);
    const inner = srcu.srcuReadLock(domain);
    expect(() => test.context.mightSleep('inside')).not.to.throw();
    srcu.srcuReadUnlock(domain, inner);
    expect(srcu.isReading(domain)).to.equal(true);
    srcu.srcuReadUnlock(domain, outer);
    expect(srcu.isReading(domain)).to.equal(false);
  });

  it('has domains that end, and takes them back', () => {
    const { srcu, domain } = setUp();
    const others = Array.from({ length: SRCU_STRUCTS_DEFAULT - 1 }, () => srcu.initSrcuStruct());
    expect(new Set([domain, ...others]).size).to.equal(SRCU_STRUCTS_DEFAULT);
    expect(srcu.initSrcuStruct()).to.equal(-ENOMEM);
    srcu.cleanupSrcuStruct(others[1]!);
    expect(srcu.initSrcuStruct()).to.equal(others[1]);
  });

  it('does not wait where nobody reads, also in a view that must not and on a machine that is not shared', () => {
    for (const options of [{ mayWait: false }, { shared: false }]) {
      const { srcu, domain } = setUp(options);
      srcu.srcuReadUnlock(domain, srcu.srcuReadLock(domain));
      for (let round = 0; round < 5; round++) srcu.synchronizeSrcu(domain);
    }
  });

  it('waits for readers of its own domain only', () => {
    const { srcu, domain, viewOf } = setUp({ mayWait: false });
    const other = srcu.initSrcuStruct();
    const reader = viewOf({ name: 'reader' });
    const index = reader.srcuReadLock(other);
    srcu.synchronizeSrcu(domain);
    expect(() => srcu.synchronizeSrcu(other)).to.throw(MisuseError, 'reader is reading under SRCU');
    reader.srcuReadUnlock(other, index);
    srcu.synchronizeSrcu(other);
  });

  it('forgets no reader when a writer gives up because its view must not wait', () => {
    const { srcu, domain, viewOf } = setUp({ mayWait: false });
    const early = viewOf({ name: 'early' });
    const late = viewOf({ name: 'late' });
    const first = early.srcuReadLock(domain);
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(() => srcu.synchronizeSrcu(domain))
        .to.throw(MisuseError, 'early is reading under SRCU')
        .with.property('code', 'ERR_WOULD_BLOCK');
    }
    const second = late.srcuReadLock(domain);
    expect(second, 'a reader that comes later is in the other set').to.equal(1 - first);
    early.srcuReadUnlock(domain, first);
    expect(() => srcu.synchronizeSrcu(domain)).to.throw(MisuseError, 'late is reading under SRCU');
    late.srcuReadUnlock(domain, second);
    srcu.synchronizeSrcu(domain);
  });

  it('does not overlook a reader that has chosen its set, but is not counted there yet', () => {
    const { test, srcu: writer, domain } = setUp({ mayWait: false });
    const counters = test.regions.srcu.counters.base;
    let tried = 0;
    const reader = new Srcu(
      test.attach({
        name: 'reader',
        hook: (_kind, object) => {
          // The moment before the counter is written.
          if (object < counters || object >= counters + 64 * 64 || tried > 0) return;
          tried++;
          expect(() => writer.synchronizeSrcu(domain)).to.throw(MisuseError, 'reader is reading under RCU');
        },
      }).core,
      test.regions.srcu,
    );
    const index = reader.srcuReadLock(domain);
    expect(tried).to.equal(1);
    expect(() => writer.synchronizeSrcu(domain)).to.throw(MisuseError, 'reader is reading under SRCU');
    reader.srcuReadUnlock(domain, index);
    writer.synchronizeSrcu(domain);
  });

  it('counts without end: the number of switches wraps', () => {
    const { test, srcu, domain } = setUp();
    // `completed` is the second field.
    test.cells.st32(domain + 4, 0x7fff_ffff);
    const index = srcu.srcuReadLock(domain);
    expect(index).to.equal(1);
    srcu.srcuReadUnlock(domain, index);
    srcu.synchronizeSrcu(domain);
    expect(test.cells.ld32(domain + 4)).to.equal(-0x8000_0000);
    expect(srcu.srcuReadLock(domain)).to.equal(0);
  });

  const mistakes: readonly [string, (srcu: Srcu, domain: number) => void, string][] = [
    ['a section that was not begun', (srcu, domain) => srcu.srcuReadUnlock(domain, 0), 'but began none'],
    ['an index there is not', (srcu, domain) => srcu.srcuReadUnlock(domain, 2), 'no index'],
    [
      'the index of another section',
      (srcu, domain) => srcu.srcuReadUnlock(domain, 1 - srcu.srcuReadLock(domain)),
      'began none',
    ],
    [
      'a wait inside a section',
      (srcu, domain) => {
        srcu.srcuReadLock(domain);
        srcu.synchronizeSrcu(domain);
      },
      'wait for itself',
    ],
    [
      'the end of a domain somebody reads',
      (srcu, domain) => {
        srcu.srcuReadLock(domain);
        srcu.cleanupSrcuStruct(domain);
      },
      'test is still reading',
    ],
    [
      'a domain that was given back',
      (srcu, domain) => {
        srcu.cleanupSrcuStruct(domain);
        srcu.srcuReadLock(domain);
      },
      'no SRCU domain in use',
    ],
    [
      'an address that is no domain',
      (srcu, domain) => srcu.synchronizeSrcu(domain + 4),
      'no SRCU domain in use',
    ],
  ];
  for (const [title, make, complaint] of mistakes) {
    it(`reports ${title}`, () => {
      const { srcu, domain } = setUp();
      expect(() => make(srcu, domain)).to.throw(KernelBug, complaint);
    });
  }

  it('reports a wait with a spinlock held', () => {
    const { test, srcu, domain } = setUp();
    test.context.preemptDisable();
    expect(() => srcu.synchronizeSrcu(domain)).to.throw(KernelBug, 'Sleeping in atomic context');
  });

  it('waits for those who read before, not for those who come later', async () => {
    await withThreads(MODULE, async (threads) => {
      const { test, domain, viewOf } = setUp();
      const [before, after] = [viewOf({ name: 'before' }), viewOf({ name: 'after' })];
      const first = before.srcuReadLock(domain);
      const input: SrcuInput = { handle: test.handle, name: 'writer', domain };
      const writer = threads.start('waitForReaders', input);
      await somebodyWaits(test);
      after.srcuReadLock(domain);
      before.srcuReadUnlock(domain, first);
      expect(await threads.ended(writer, 10_000)).to.deep.equal({ kind: 'returned', value: 'all gone' });
      expect(after.isReading(domain)).to.equal(true);
    });
  });

  it('keeps sleeping readers from ever seeing what was taken out, through 200 changes', async () => {
    await withThreads(MODULE, async (threads) => {
      const { test, domain } = setUp();
      test.cells.atomicStore(test.regions.words.base + WORD.objects, GOOD);
      const { handle } = test;
      for (const name of ['one', 'two']) threads.start('readOften', { handle, name, domain });
      threads.start('replaceOften', { handle, name: 'writer', domain, rounds: 200 });
      // A second writer: waits are shared where they can be.
      threads.start('synchronizeOften', { handle, name: 'other', domain, rounds: 200 });
      const [one, two, sections] = valuesOf<number>(await threads.allEnded(20_000));
      expect([one, two]).to.deep.equal([0, 0]);
      expect(sections).to.be.greaterThan(0);
      // Object 3 was the last but one; after 200 changes object 0 is published again.
      expect([0, 3].map((object) => wordOf(test, WORD.objects + 64 * object))).to.deep.equal([GOOD, POISON]);
    });
  });

  it('would let readers see what was taken out, if the writer did not wait', async () => {
    await withThreads(MODULE, async (threads) => {
      const { test, domain } = setUp();
      test.cells.atomicStore(test.regions.words.base + WORD.objects, GOOD);
      const { handle } = test;
      for (const name of ['one', 'two']) threads.start('readOften', { handle, name, domain });
      threads.start('replaceOften', { handle, name: 'writer', domain, rounds: 100_000, withoutWait: true });
      const [one, two] = valuesOf<number>(await threads.allEnded(20_000));
      expect(one! + two!).to.be.greaterThan(0);
    });
  });

  it('reports a reader whose thread ended inside a section', async () => {
    await withThreads(MODULE, async (threads) => {
      const { test, domain } = setUp();
      const { handle, tasks } = test;
      const reader = threads.start('neverLeave', { handle, name: 'reader', domain });
      await until('the reader is inside', () => wordOf(test, WORD.stage) === INSIDE);
      const writer = threads.start('waitForReaders', { handle, name: 'writer', domain });
      await somebodyWaits(test);
      await threads.kill(reader);
      tasks.markDead(tasks.list().find(({ name }) => name === 'reader')!.id);
      expect(await threads.ended(writer, 10_000)).to.include({ kind: 'threw', name: 'KernelBug' });
      expect(test.panic.report()).to.include('Owner died: reader').and.to.include('writer waits for it');
    });
  });

  it('stops the machine with a report when a reader stays too long, and ends when the machine stops', async () => {
    await withThreads(MODULE, async (threads) => {
      const { test, srcu, domain } = setUp();
      const other = srcu.initSrcuStruct();
      const { handle } = test;
      threads.start('neverLeave', { handle, name: 'reader', domain });
      await until('the reader is inside', () => wordOf(test, WORD.stage) === INSIDE);
      srcu.srcuReadLock(other);
      const patient = threads.start('waitForReaders', { handle, name: 'patient', domain: other });
      await somebodyWaits(test);
      const short = threads.start('waitForReaders', { handle, name: 'short', domain, waitLimitMs: 100 });
      expect(await threads.ended(short, 10_000)).to.include({ kind: 'threw', name: 'KernelBug' });
      expect(test.panic.report()).to.match(/short has waited \d+ ms for reader/);
      expect(await threads.ended(patient, 10_000)).to.include({ kind: 'threw', code: 'ERR_MACHINE_STOPPED' });
    });
  });
});
