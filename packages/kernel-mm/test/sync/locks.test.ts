import { expect } from 'chai';
import { KernelBug, MisuseError } from '#src/errno.js';
import { HELD_LOCKS_MAX } from '#src/sync/task.js';
import { siblingModule, until, valuesOf, withThreads } from '../support/threads.js';
import { attachLocks, createLocks, drop, take, WORD, type LockKind, type LockView } from './scenarios.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;
/** Ten million entries instead of three hundred thousand. */
const LONG = process.env['SWAPLAB_LONG'] === '1';

const KINDS: readonly LockKind[] = ['spin', 'mutex', 'read', 'write'];

function wordOf(view: LockView, word: number): number {
  return Atomics.load(view.arena.i32, view.cell(word));
}

describe('locks among threads', () => {
  it(`lets one of eight threads in at a time, ${LONG ? '10 million' : '300,000'} times`, async function () {
    this.timeout(LONG ? 240_000 : 60_000);
    const view = createLocks();
    const rounds = LONG ? 1_250_000 : 37_500;
    await withThreads(SCENARIOS, async (threads) => {
      for (let index = 0; index < 8; index++) {
        threads.start('countInside', { handle: view.handle, name: `counter ${index}`, parties: 8, rounds });
      }
      const intruders = valuesOf<number>(await threads.allEnded(LONG ? 220_000 : 50_000));
      expect(intruders).to.deep.equal(new Array<number>(8).fill(0));
    });
    expect(wordOf(view, WORD.counter)).to.equal(8 * rounds);
    expect(view.locks.isLocked(view.spin.address)).to.be.false;
    expect(view.tasks.list().map((info) => info.name)).to.deep.equal(['test']);
  });

  for (const kind of ['mutex', 'write'] as const) {
    it(`lets one of four threads in at a time by a ${kind === 'mutex' ? 'mutex' : 'semaphore held for writing'}`, async function () {
      this.timeout(40_000);
      const view = createLocks();
      await withThreads(SCENARIOS, async (threads) => {
        for (let index = 0; index < 4; index++) {
          threads.start('countInside', {
            handle: view.handle,
            name: `c${index}`,
            parties: 4,
            rounds: 10_000,
            lock: kind,
          });
        }
        expect(valuesOf<number>(await threads.allEnded(30_000))).to.deep.equal([0, 0, 0, 0]);
      });
      expect(wordOf(view, WORD.counter)).to.equal(40_000);
    });
  }

  for (const kind of ['spin', 'mutex', 'write'] as const) {
    it(`wakes the one who sleeps on it in each of 400 hand-overs: ${kind}`, async function () {
      // Without a wake-up each hand-over would last a whole slice of 50 ms, 20 seconds in all.
      this.timeout(15_000);
      const view = createLocks();
      await withThreads(SCENARIOS, async (threads) => {
        for (const name of ['even', 'odd']) {
          threads.start('handOver', { handle: view.handle, name, rounds: 200, lock: kind });
        }
        expect(valuesOf<string>(await threads.allEnded(10_000))).to.deep.equal(['done', 'done']);
      });
      expect(wordOf(view, WORD.turn)).to.equal(400);
    });
  }

  for (const kind of KINDS) {
    it(`reports by name the owner that died inside: ${kind}`, async () => {
      const view = createLocks();
      await withThreads(SCENARIOS, async (threads) => {
        const victim = threads.start('holdForEver', { handle: view.handle, name: 'swapper 3', lock: kind });
        await until('the victim is inside', () => wordOf(view, WORD.mark) === 1);
        const waiterKind = kind === 'read' ? 'write' : kind;
        const waiter = threads.start('takeOnce', { handle: view.handle, name: 'kswapd0', lock: waiterKind });
        await until('the other one waits', () =>
          view.tasks.list().some((info) => info.name === 'kswapd0' && info.waitAddress > 0),
        );
        await threads.kill(victim);
        const dead = view.tasks.list().find((info) => info.name === 'swapper 3')!;
        view.tasks.markDead(dead.id);
        const outcome = await threads.ended(waiter, 5_000);
        expect(outcome).to.include({ kind: 'threw', name: 'KernelBug' });
        const report = view.panic.report() ?? '';
        expect(report.split('\n')[0]).to.match(
          /^Owner died: swapper 3 \(task 1\) ended .*(swap|rwsem).*for which kswapd0 waits/,
        );
        expect(report).to.match(/swapper 3 \(task 1, dead, \d+ steps\); holds/);
      });
    });
  }

  it('finds the owner that died between taking the word and noting it', () => {
    const view = createLocks();
    const ghost = view.attach({ name: 'ghost' });
    view.arena.i32[view.spin.address >> 2] = ghost.task + 1;
    view.tasks.markDead(ghost.task);
    expect(() => view.spin.lock()).to.throw(KernelBug, 'Owner died: ghost (task 1)');
  });

  it('finds the reader that died between leaving its list and leaving the semaphore', () => {
    const view = createLocks();
    const ghost = attachLocks(view.handle, { name: 'ghost' });
    ghost.semaphore.downRead();
    ghost.context.noteTouching(ghost.semaphore.address, 0);
    ghost.context.noteReleased(ghost.semaphore.address, 0);
    view.tasks.markDead(ghost.task);
    expect(() => view.semaphore.downWrite()).to.throw(KernelBug, 'Owner died: ghost (task 1)');
  });

  it('is not stopped by a dead task that only waited', async () => {
    const view = createLocks();
    await withThreads(SCENARIOS, async (threads) => {
      view.spin.lock();
      const waiter = threads.start('takeOnce', { handle: view.handle, name: 'gone' });
      const patient = threads.start('takeOnce', { handle: view.handle, name: 'patient' });
      await until('both wait', () => view.tasks.list().filter((info) => info.waitAddress > 0).length === 2);
      await threads.kill(waiter);
      view.tasks.markDead(view.tasks.list().find((info) => info.name === 'gone')!.id);
      view.spin.unlock();
      expect(await threads.ended(patient, 5_000)).to.deep.equal({ kind: 'returned', value: 'taken' });
    });
    expect(view.panic.report()).to.equal(null);
  });

  for (const kind of KINDS) {
    it(`ends a wait at its limit with lock, holder and waiter: ${kind}`, async () => {
      const view = createLocks();
      take(view, kind);
      await withThreads(SCENARIOS, async (threads) => {
        const waiterKind = kind === 'read' ? 'write' : kind;
        const waiter = threads.start('takeOnce', {
          handle: view.handle,
          name: 'kswapd0',
          lock: waiterKind,
          waitLimitMs: 150,
        });
        expect(await threads.ended(waiter, 10_000)).to.include({ kind: 'threw', name: 'KernelBug' });
      });
      const report = view.panic.report() ?? '';
      expect(report).to.match(
        /^kswapd0 has waited 150 ms for .* \((swap_lock|swapon_mutex|swap_chain_rwsem)\): the limit is reached\./,
      );
      expect(report).to.contain('It is held by test (task 0, running).');
      expect(report).to.match(/> kswapd0 \(task 1, running, \d+ steps\); waits for /);
    });
  }
});

describe('rules of locks', () => {
  function expectStop(view: LockView, action: () => void, report: string): void {
    expect(action).to.throw(KernelBug, report);
    expect(view.panic.report()).to.contain(report);
  }

  it('lets only the owner unlock', () => {
    const view = createLocks();
    const other = attachLocks(view.handle, { name: 'other' });
    view.spin.lock();
    expectStop(view, () => other.spin.unlock(), 'other unlocks swap_lock (swap_lock), which test holds.');
    expect(view.locks.isLocked(view.spin.address)).to.be.true;
  });

  it('lets only the owner unlock a mutex', () => {
    const view = createLocks();
    const other = attachLocks(view.handle, { name: 'other' });
    view.mutex.lock();
    expectStop(
      view,
      () => other.mutex.unlock(),
      'other unlocks swapon_mutex (swapon_mutex), which test holds.',
    );
  });

  it('does not unlock what is not locked', () => {
    const view = createLocks();
    expectStop(view, () => view.spin.unlock(), 'test unlocks swap_lock (swap_lock), which is not locked.');
  });

  it('does not let a semaphore go that is not held in that way', () => {
    const reader = createLocks();
    reader.semaphore.downRead();
    expectStop(
      reader,
      () => reader.semaphore.upWrite(),
      'up_write of chain_rwsem (swap_chain_rwsem), which nobody writes.',
    );
    const writer = createLocks();
    writer.semaphore.downWrite();
    expectStop(
      writer,
      () => writer.semaphore.upRead(),
      'up_read of chain_rwsem (swap_chain_rwsem), which nobody reads.',
    );
    const stranger = createLocks();
    attachLocks(stranger.handle).semaphore.downRead();
    expectStop(
      stranger,
      () => stranger.semaphore.upRead(),
      'which it does not hold; held by test (task 1, running).',
    );
  });

  for (const [kind, name] of [
    ['spin', 'swap_lock (swap_lock)'],
    ['mutex', 'swapon_mutex (swapon_mutex)'],
    ['read', 'chain_rwsem (swap_chain_rwsem)'],
    ['write', 'chain_rwsem (swap_chain_rwsem)'],
  ] as const) {
    it(`reports recursion instead of hanging: ${kind}`, () => {
      const view = createLocks();
      take(view, kind);
      expectStop(view, () => take(view, kind), `Recursion: test takes ${name}, which it holds already.`);
    });
  }

  it('does not sleep with a spinlock held', () => {
    for (const sleep of [
      (view: LockView) => view.mutex.lock(),
      (view: LockView) => view.semaphore.downRead(),
      (view: LockView) => view.semaphore.downWrite(),
      (view: LockView) => view.queue.wait(view.queue.prepareToWait(), 10),
      (view: LockView) => view.context.mightSleep('allocating'),
    ]) {
      const view = createLocks();
      view.spin.lock();
      expectStop(view, () => sleep(view), 'Sleeping in atomic context');
      expect(view.panic.report()).to.contain('holds swap_lock');
    }
  });

  it('tries a mutex, but does not take it, where sleeping is not allowed', () => {
    const view = createLocks();
    view.spin.lock();
    expect(view.mutex.tryLock()).to.be.true;
    view.mutex.unlock();
    view.spin.unlock();
    view.mutex.lock();
    view.mutex.unlock();
  });

  it('answers a try with false when the lock is taken, and changes nothing', () => {
    const view = createLocks();
    const other = attachLocks(view.handle, { name: 'other' });
    view.spin.lock();
    view.mutex.tryLock();
    expect(other.spin.tryLock()).to.be.false;
    expect(other.mutex.tryLock()).to.be.false;
    expect(other.tasks.list()[1]).to.include({ preemptCount: 0, steps: 0 });
    view.mutex.unlock();
    view.spin.unlock();
    expect(other.spin.tryLock()).to.be.true;
    expect(other.tasks.list()[1]).to.include({ preemptCount: 1, steps: 1 });
  });

  it(`holds ${HELD_LOCKS_MAX} locks, and stops at one more`, () => {
    const view = createLocks();
    const { pages, pageClass } = view.regions;
    for (let index = 0; index < HELD_LOCKS_MAX; index++)
      view.locks.mutexLock(pages.base + index * pages.stride, pageClass);
    expect(view.tasks.list()[0]?.held).to.have.length(HELD_LOCKS_MAX);
    const oneMore = pages.base + HELD_LOCKS_MAX * pages.stride;
    expectStop(
      view,
      () => view.locks.mutexLock(oneMore, pageClass),
      `Taking page_lock[${HELD_LOCKS_MAX}] while holding 16 locks`,
    );
  });

  it('keeps the list of held locks when they are dropped in another order', () => {
    const view = createLocks();
    const { pages, pageClass } = view.regions;
    const address = (index: number): number => pages.base + index * pages.stride;
    for (let index = 0; index < 4; index++) view.locks.spinLock(address(index), pageClass);
    for (const index of [1, 3, 0]) {
      view.locks.spinUnlock(address(index), pageClass);
      expect(view.context.holds(address(index))).to.be.false;
    }
    const info = view.tasks.list()[0]!;
    expect(info.held.map((held) => held.address)).to.deep.equal([address(2)]);
    expect(info.preemptCount).to.equal(1);
    view.context.assertHeld(address(2), 'scan_swap_map');
    expectStop(
      view,
      () => view.context.assertHeld(address(3), 'scan_swap_map'),
      'scan_swap_map needs page_lock[3], which this task does not hold.',
    );
  });
});

describe('a view that must not wait', () => {
  for (const kind of KINDS) {
    it(`gets ERR_WOULD_BLOCK, and its context stays as it was: ${kind}`, () => {
      const owner = createLocks({ name: 'owner' });
      const main = attachLocks(owner.handle, { name: 'main', mayWait: false });
      take(owner, kind);
      const idle = { preemptCount: 0, steps: 0, waitAddress: 0, held: [] };
      expect(main.tasks.list()[1]).to.deep.include(idle);
      const words = Array.from(
        owner.arena.i32.subarray(owner.spin.address >> 2, owner.regions.words.base >> 2),
      );
      expect(() => take(main, kind === 'read' ? 'write' : kind))
        .to.throw(MisuseError, 'owner')
        .with.property('code', 'ERR_WOULD_BLOCK');
      expect(main.tasks.list()[1]).to.deep.include(idle);
      // No lock word has changed either: the owner's unlock need not wake anybody.
      const after = Array.from(
        owner.arena.i32.subarray(owner.spin.address >> 2, owner.regions.words.base >> 2),
      );
      expect(after).to.deep.equal(words);
      expect(owner.panic.isStopped()).to.be.false;
      drop(owner, kind);
      take(main, kind);
      drop(main, kind);
    });
  }

  it('takes what is free, and shares a semaphore that is read', () => {
    const main = createLocks({ mayWait: false, shared: false });
    for (const kind of KINDS) {
      take(main, kind);
      drop(main, kind);
    }
    const other = attachLocks(main.handle, { mayWait: false });
    main.semaphore.downRead();
    other.semaphore.downRead();
    other.semaphore.upRead();
    expect(() => other.semaphore.downWrite())
      .to.throw(MisuseError)
      .with.property('code', 'ERR_WOULD_BLOCK');
    other.semaphore.downRead();
  });
});
