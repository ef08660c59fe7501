import { expect } from 'chai';
import { MisuseError } from '#src/errno.js';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import { attachLocks, createLocks, WORD } from './scenarios.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;

describe('reader/writer semaphore', () => {
  it('lets readers in together', async function () {
    this.timeout(25_000);
    const view = createLocks();
    await withThreads(SCENARIOS, async (threads) => {
      for (let index = 0; index < 3; index++) {
        threads.start('readTogether', { handle: view.handle, name: `reader ${index}`, parties: 3 });
      }
      expect(valuesOf<number>(await threads.allEnded(20_000))).to.deep.equal([3, 3, 3]);
    });
  });

  it('keeps a writer apart from readers and other writers', async function () {
    this.timeout(40_000);
    const view = createLocks();
    await withThreads(SCENARIOS, async (threads) => {
      for (let index = 0; index < 4; index++) {
        threads.start('readAndWrite', { handle: view.handle, name: `t${index}`, parties: 4, rounds: 8_000 });
      }
      expect(valuesOf<number>(await threads.allEnded(30_000))).to.deep.equal([0, 0, 0, 0]);
    });
    expect(view.arena.i32[view.cell(WORD.counter)]).to.equal(4 * 2_000);
    const other = attachLocks(view.handle, { mayWait: false });
    other.semaphore.downWrite();
    other.semaphore.upWrite();
  });

  it('lets nobody in beside a writer, and no writer in beside a reader', () => {
    const view = createLocks();
    const other = attachLocks(view.handle, { name: 'other', mayWait: false });
    view.semaphore.downWrite();
    expect(() => other.semaphore.downRead()).to.throw(MisuseError, 'held by test');
    expect(() => other.semaphore.downWrite()).to.throw(MisuseError, 'held by test');
    view.semaphore.upWrite();
    view.semaphore.downRead();
    other.semaphore.downRead();
    other.semaphore.upRead();
    expect(() => other.semaphore.downWrite()).to.throw(MisuseError, 'held by test');
    view.semaphore.upRead();
    other.semaphore.downWrite();
  });

  it('lets a writer in although readers overlap without a pause', async function () {
    this.timeout(25_000);
    const view = createLocks();
    await withThreads(SCENARIOS, async (threads) => {
      for (let index = 0; index < 3; index++) {
        threads.start('readWithoutPause', { handle: view.handle, name: `reader ${index}`, parties: 4 });
      }
      const writer = threads.start('writeOnce', {
        handle: view.handle,
        name: 'writer',
        parties: 4,
        waitLimitMs: 5_000,
      });
      expect(await threads.ended(writer, 15_000)).to.deep.equal({ kind: 'returned', value: 'written' });
      await threads.allEnded(5_000);
    });
    expect(view.panic.report()).to.equal(null);
  });
});
