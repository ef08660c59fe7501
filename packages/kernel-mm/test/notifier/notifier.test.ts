import { expect } from 'chai';
import fc from 'fast-check';
import { EBUSY, EEXIST, ENOENT, KernelBug, MisuseError } from '#src/errno.js';
import { NOTIFIER_BLOCK, NOTIFIER_BLOCKS_MAX, type NotifierBlocks } from '#src/notifier/blocks.js';
import { type AtomicNotifierChain } from '#src/notifier/atomic-chain.js';
import { type BlockingNotifierChain } from '#src/notifier/blocking-chain.js';
import {
  NOTIFY_BAD,
  NOTIFY_DONE,
  NOTIFY_OK,
  NOTIFY_STOP,
  NOTIFY_STOP_MASK,
  notifierFromErrno,
  notifierFromErrnoOrOk,
  notifierToErrno,
} from '#src/notifier/constants.js';
import { type RawNotifierChain } from '#src/notifier/raw-chain.js';
import { type SrcuNotifierChain } from '#src/notifier/srcu-chain.js';
import { installNotifierErrno } from '#src/variants/notifier-errno.js';
import { createTestCore, type TestCore, type TestCoreOptions } from '../support/core.js';
import { siblingModule, until, valuesOf, withThreads } from '../support/threads.js';
import { attachNotifiers, buildNotifiers, type NotifierInput, type NotifierRegions } from './scenarios.js';

const SEED = 20090921;
const RANDOM_SEED = (Math.random() * 0x7fff_ffff) | 0;

interface Call {
  readonly block: number;
  readonly action: number;
  readonly data: number;
}

interface Fixture {
  readonly machine: TestCore<NotifierRegions>;
  readonly blocks: NotifierBlocks;
  readonly raw: RawNotifierChain;
  readonly otherRaw: RawNotifierChain;
  readonly blocking: BlockingNotifierChain;
  readonly atomic: AtomicNotifierChain;
  readonly srcu: SrcuNotifierChain;
  /** Cell for numbers of calls. */
  readonly cell: number;
  /** What the callbacks were given, in order. */
  readonly calls: Call[];
  /** Makes a block whose callback notes the call and answers something. */
  readonly block: (priority?: number, answer?: number) => number;
}

function setUp(options: TestCoreOptions = {}): Fixture {
  const machine = createTestCore(buildNotifiers, options);
  const { blocks, raw, otherRaw, blocking, atomic, srcu } = attachNotifiers(machine);
  srcu.init();
  const calls: Call[] = [];
  return {
    machine,
    blocks,
    raw,
    otherRaw,
    blocking,
    atomic,
    srcu,
    cell: machine.regions.cells.base,
    calls,
    block: (priority = 0, answer = NOTIFY_DONE) => {
      const call = blocks.calls.define(`answer${answer}`, (block, action, data) => {
        calls.push({ block, action, data });
        return answer;
      });
      return blocks.create(call, priority);
    },
  };
}

function called(fixture: Fixture): number[] {
  return fixture.calls.splice(0).map((call) => call.block);
}

describe('notifier answers', () => {
  it('wrap errnos up as in 2.6.34 and unwrap them', () => {
    expect([0, -1, -12, -22].map(notifierFromErrno)).to.deep.equal([0x8001, 0x8002, 0x800d, 0x8017]);
    expect([0x8001, 0x8002, 0x800d, 0x0000, 0x0001].map(notifierToErrno)).to.deep.equal([0, -1, -12, 0, 0]);
    expect([NOTIFY_DONE, NOTIFY_OK, NOTIFY_STOP_MASK, NOTIFY_BAD, NOTIFY_STOP]).to.deep.equal([
      0, 1, 0x8000, 0x8002, 0x8001,
    ]);
  });

  it('wrap success up as NOTIFY_OK in the later form', () => {
    expect([0, -1, -12].map(notifierFromErrnoOrOk)).to.deep.equal([0x0001, 0x8002, 0x800d]);
  });

  it('let a call go on after success, which in the variant notifier-errno ends it', () => {
    for (const isWrong of [false, true]) {
      const fixture = setUp();
      const { blocks, raw } = fixture;
      if (isWrong) installNotifierErrno(blocks);
      const wrapping = blocks.calls.define('wrapping', (_block, action) => blocks.notifierFromErrno(action));
      const last = fixture.block(-1, NOTIFY_OK);
      raw.register(blocks.create(wrapping));
      raw.register(last);
      expect(raw.call(0, 0)).to.equal(isWrong ? NOTIFY_STOP : NOTIFY_OK);
      expect(called(fixture)).to.deep.equal(isWrong ? [] : [last]);
      expect(notifierToErrno(raw.call(-12, 0))).to.equal(-12);
      expect(called(fixture)).to.deep.equal([]);
    }
  });

  it('give every errno back', () => {
    for (let errno = 0; errno <= 4095; errno++) {
      expect(notifierToErrno(notifierFromErrno(-errno))).to.equal(0 - errno);
      expect(notifierToErrno(notifierFromErrnoOrOk(-errno))).to.equal(0 - errno);
    }
  });
});

describe('notifier blocks', () => {
  it('come from a pool that ends, and go back to it', () => {
    const { blocks, block } = setUp();
    const all = Array.from({ length: NOTIFIER_BLOCKS_MAX }, () => block());
    expect(new Set(all).size).to.equal(NOTIFIER_BLOCKS_MAX);
    expect(all).not.to.include(0);
    expect(block()).to.equal(0);
    expect(blocks.destroy(all[17]!)).to.equal(0);
    expect(block()).to.equal(all[17]);
  });

  it('cannot be destroyed while they are on a chain', () => {
    const { blocks, raw, block } = setUp();
    const one = block();
    raw.register(one);
    expect(blocks.destroy(one)).to.equal(-EBUSY);
    raw.unregister(one);
    expect(blocks.destroy(one)).to.equal(0);
  });

  it('are told from other addresses', () => {
    for (const offset of [1, NOTIFIER_BLOCK.$bytes, -NOTIFIER_BLOCK.$bytes]) {
      const { raw, block } = setUp();
      const one = block();
      expect(() => raw.register(one + offset), String(offset)).to.throw(
        KernelBug,
        'no notifier block in use',
      );
    }
  });
});

for (const kind of ['raw', 'blocking', 'atomic', 'srcu'] as const) {
  describe(`${kind} notifier chain`, () => {
    it('calls nobody when it is empty', () => {
      const fixture = setUp();
      expect(fixture[kind].call(1, 2)).to.equal(NOTIFY_DONE);
      expect(called(fixture)).to.deep.equal([]);
    });

    it('calls equals in the order they were registered, with action and data', () => {
      const fixture = setUp();
      const [one, two, three] = [fixture.block(), fixture.block(), fixture.block()];
      for (const block of [two, one, three]) expect(fixture[kind].register(block)).to.equal(0);
      fixture[kind].call(7, -9);
      expect(fixture.calls).to.deep.equal([two, one, three].map((block) => ({ block, action: 7, data: -9 })));
    });

    it('calls the highest priority first', () => {
      const fixture = setUp();
      const low = fixture.block(-5);
      const high = fixture.block(10);
      const middle = fixture.block();
      const alsoHigh = fixture.block(10);
      for (const block of [low, high, middle, alsoHigh]) fixture[kind].register(block);
      fixture[kind].call(0, 0);
      expect(called(fixture)).to.deep.equal([high, alsoHigh, middle, low]);
    });

    it('returns the last answer and stops only at all bits of the stop mask', () => {
      for (const [answer, stops] of [
        [NOTIFY_DONE, false],
        [NOTIFY_OK, false],
        [0x7fff, false],
        [NOTIFY_STOP, true],
        [NOTIFY_BAD, true],
        [NOTIFY_STOP_MASK, true],
        [-22, true],
        [-1, true],
      ] as const) {
        const fixture = setUp();
        const first = fixture.block(1, answer);
        const last = fixture.block(0, 0x40);
        fixture[kind].register(first);
        fixture[kind].register(last);
        expect(fixture[kind].call(0, 0), String(answer)).to.equal(stops ? answer : 0x40);
        expect(called(fixture), String(answer)).to.deep.equal(stops ? [first] : [first, last]);
      }
    });

    it('calls at most as many as the limit says, and adds the number to a cell', () => {
      const fixture = setUp();
      const all = [fixture.block(0, 11), fixture.block(0, 12), fixture.block(0, 13)];
      for (const block of all) fixture[kind].register(block);
      const { cells } = fixture.machine;
      cells.st32(fixture.cell, 100);
      let expected = 100;
      for (const [limit, calls, answer] of [
        [0, 0, NOTIFY_DONE],
        [1, 1, 11],
        [2, 2, 12],
        [3, 3, 13],
        [99, 3, 13],
        [-1, 3, 13],
      ] as const) {
        expect(fixture[kind].call(0, 0, limit, fixture.cell), String(limit)).to.equal(answer);
        expect(called(fixture)).to.deep.equal(all.slice(0, calls));
        expected += calls;
        expect(cells.ld32(fixture.cell)).to.equal(expected);
      }
    });

    it('forgets an unregistered block, wherever it was', () => {
      const fixture = setUp();
      const all = [fixture.block(), fixture.block(), fixture.block(), fixture.block()];
      for (const block of all) fixture[kind].register(block);
      const left = [...all];
      for (const gone of [all[1]!, all[0]!, all[3]!, all[2]!]) {
        expect(fixture[kind].unregister(gone)).to.equal(0);
        left.splice(left.indexOf(gone), 1);
        fixture[kind].call(0, 0);
        expect(called(fixture)).to.deep.equal(left);
        expect(fixture[kind].unregister(gone)).to.equal(-ENOENT);
      }
      expect(fixture[kind].register(all[0]!)).to.equal(0);
    });

    it('refuses a block that is on it, and one that is on another chain', () => {
      const fixture = setUp();
      const [one, two, foreign] = [fixture.block(), fixture.block(), fixture.block()];
      fixture[kind].register(one);
      fixture[kind].register(two);
      fixture.otherRaw.register(foreign);
      expect(fixture[kind].register(one)).to.equal(-EEXIST);
      expect(fixture[kind].register(two)).to.equal(-EEXIST);
      expect(fixture[kind].register(foreign)).to.equal(-EEXIST);
      expect(fixture[kind].unregister(foreign)).to.equal(-ENOENT);
      fixture[kind].call(0, 0);
      expect(called(fixture)).to.deep.equal([one, two]);
      fixture.otherRaw.call(0, 0);
      expect(called(fixture)).to.deep.equal([foreign]);
    });

    it('holds all blocks there are', () => {
      const fixture = setUp();
      const all = Array.from({ length: NOTIFIER_BLOCKS_MAX }, () => fixture.block());
      for (const block of all) expect(fixture[kind].register(block)).to.equal(0);
      fixture[kind].call(0, 0);
      expect(called(fixture)).to.deep.equal(all);
      expect(fixture[kind].unregister(all[NOTIFIER_BLOCKS_MAX - 1]!)).to.equal(0);
    });

    it('names the function a thread does not have', () => {
      const fixture = setUp();
      const other = attachNotifiers(fixture.machine.attach({ name: 'other' }));
      const block = other.blocks.create(other.blocks.calls.define('only_there', () => NOTIFY_OK));
      fixture[kind].register(block);
      expect(() => fixture[kind].call(0, 0)).to.throw(MisuseError, "'only_there'");
    });
  });
}

describe('raw notifier chain, on its own', () => {
  it('has read the next block before a callback unregisters its own', () => {
    const fixture = setUp();
    const { blocks, raw } = fixture;
    const leaving = blocks.create(
      blocks.calls.define('leaving', (block) => {
        raw.unregister(block);
        return NOTIFY_OK;
      }),
    );
    const last = fixture.block();
    raw.register(leaving);
    raw.register(last);
    raw.call(0, 0);
    expect(called(fixture)).to.deep.equal([last]);
    raw.call(0, 0);
    expect(called(fixture)).to.deep.equal([last]);
    expect(blocks.destroy(leaving)).to.equal(0);
  });

  for (const seed of [SEED, RANDOM_SEED]) {
    it(`keeps its order through any registrations, like a model (seed ${seed})`, () => {
      const step = fc.record({ block: fc.nat(9), register: fc.boolean() });
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 10, maxLength: 10 }),
          fc.array(step, { maxLength: 60 }),
          (priorities, steps) => {
            const fixture = setUp();
            const all = priorities.map((priority) => fixture.block(priority));
            let model: number[] = [];
            for (const { block, register } of steps) {
              const isOn = model.includes(block);
              if (register) {
                expect(fixture.raw.register(all[block]!)).to.equal(isOn ? -EEXIST : 0);
                // A stable sort by falling priority is what the insertion rule amounts to.
                if (!isOn) model = [...model, block].sort((a, b) => priorities[b]! - priorities[a]!);
              } else {
                expect(fixture.raw.unregister(all[block]!)).to.equal(isOn ? 0 : -ENOENT);
                model = model.filter((other) => other !== block);
              }
              fixture.raw.call(0, 0);
              expect(called(fixture)).to.deep.equal(model.map((index) => all[index]));
            }
          },
        ),
        { seed, numRuns: 40 },
      );
    });
  }
});

describe('blocking notifier chain, on its own', () => {
  it('registers conditionally: once, and not from another chain', () => {
    const fixture = setUp();
    const [one, two, foreign] = [fixture.block(), fixture.block(3), fixture.block()];
    fixture.otherRaw.register(foreign);
    expect(fixture.blocking.condRegister(one)).to.equal(0);
    expect(fixture.blocking.condRegister(two)).to.equal(0);
    expect(fixture.blocking.condRegister(one)).to.equal(0);
    expect(fixture.blocking.condRegister(two)).to.equal(0);
    expect(fixture.blocking.condRegister(foreign)).to.equal(-EEXIST);
    fixture.blocking.call(0, 0);
    expect(called(fixture)).to.deep.equal([two, one]);
  });

  it('reports a callback that registers, unregisters or calls on its own chain', () => {
    for (const action of [0, 1, 2]) {
      const fixture = setUp();
      const { blocks, blocking } = fixture;
      const spare = fixture.block();
      const call = blocks.calls.define('recursive', (block) => {
        if (action === 0) return blocking.register(spare);
        if (action === 1) return blocking.unregister(block);
        return blocking.call(0, 0);
      });
      blocking.register(blocks.create(call));
      expect(() => blocking.call(0, 0), String(action)).to.throw(KernelBug, 'Recursion');
      expect(fixture.machine.panic.report()).to.include('chain_rwsem');
    }
  });

  it('takes the semaphore only when there is somebody to call', () => {
    const fixture = setUp({ lockStats: true });
    const taken = (): number =>
      fixture.machine.stats.sum().find((row) => row.lockClass === 'chain_rwsem')!.acquisitions;
    fixture.blocking.call(0, 0);
    expect(taken()).to.equal(0);
    fixture.blocking.register(fixture.block());
    expect(taken()).to.equal(1);
    fixture.blocking.call(0, 0);
    expect(taken()).to.equal(2);
  });

  it('must not be called with a spinlock held, and drops the semaphore when a callback throws', () => {
    const atomic = setUp();
    atomic.blocking.register(atomic.block());
    atomic.machine.context.preemptDisable();
    expect(() => atomic.blocking.call(0, 0)).to.throw(KernelBug, 'Sleeping in atomic context');

    const fixture = setUp();
    const call = fixture.blocks.calls.define('throwing', () => {
      throw new Error('from the callback');
    });
    const block = fixture.blocks.create(call);
    fixture.blocking.register(block);
    expect(() => fixture.blocking.call(0, 0)).to.throw('from the callback');
    expect(fixture.machine.context.holds(fixture.blocking.rwsem.address)).to.be.false;
    expect(fixture.blocking.unregister(block)).to.equal(0);
  });

  it('lets an unregistration in another thread wait for the callbacks that run', async () => {
    await withThreads(siblingModule('scenarios', import.meta.url).href, async (threads) => {
      const fixture = setUp();
      const { cells, handle, tasks, regions } = fixture.machine;
      const block = fixture.blocks.create(fixture.blocks.calls.define('slow_callback', () => NOTIFY_OK));
      fixture.blocking.register(block);
      const input: NotifierInput = { handle, block, kind: 'blocking' };
      const caller = threads.start('callSlowly', input);
      await until('the callback runs', () => cells.atomicLoad(regions.cells.base) === 1);
      const remover = threads.start('unregister', input);
      await until('the other thread waits for the semaphore', () =>
        tasks.list().some((info) => info.waitAddress === fixture.blocking.rwsem.address),
      );
      cells.atomicStore(regions.cells.base, 2);
      expect(valuesOf(await threads.allEnded(10_000))[caller]).to.equal(NOTIFY_OK);
      const seen = valuesOf<{ result: number; stage: number }>(await threads.allEnded(10_000))[remover];
      // 3: the callback had ended before unregister returned.
      expect(seen).to.deep.equal({ result: 0, stage: 3 });
      expect(fixture.blocking.chain.isEmpty()).to.be.true;
    });
  });
});

describe('atomic notifier chain, on its own', () => {
  it('may be called with a spinlock held, and its callbacks must not sleep', () => {
    const fixture = setUp();
    const { blocks, atomic } = fixture;
    const { context } = fixture.machine;
    atomic.register(fixture.block(0, NOTIFY_OK));
    context.preemptDisable();
    expect(atomic.call(0, 0)).to.equal(NOTIFY_OK);
    context.preemptEnable();
    const sleeping = blocks.calls.define('sleeping', () => {
      context.mightSleep('a callback');
      return NOTIFY_OK;
    });
    atomic.register(blocks.create(sleeping));
    expect(() => atomic.call(0, 0)).to.throw(KernelBug, 'Sleeping in atomic context');
  });

  it('ends its section under RCU when a callback throws', () => {
    const { blocks, atomic, machine } = setUp();
    const call = blocks.calls.define('throwing', () => {
      throw new Error('from the callback');
    });
    const block = blocks.create(call);
    atomic.register(block);
    expect(() => atomic.call(0, 0)).to.throw('from the callback');
    expect(atomic.rcu.isReading()).to.equal(false);
    expect(() => machine.context.mightSleep('now')).not.to.throw();
    expect(atomic.unregister(block)).to.equal(0);
  });

  it('lets a callback register, but reports one that unregisters: it would wait for itself', () => {
    const { blocks, atomic, block, calls } = setUp();
    const spare = block(-1);
    const registering = blocks.calls.define('registering', () => {
      atomic.register(spare);
      return NOTIFY_OK;
    });
    atomic.register(blocks.create(registering));
    atomic.call(7, 8);
    // The walk that was under way had already read that nobody follows.
    expect(calls).to.deep.equal([]);
    atomic.call(7, 8);
    expect(calls).to.deep.equal([{ block: spare, action: 7, data: 8 }]);
    const unregistering = blocks.calls.define('unregistering', (own) => atomic.unregister(own));
    atomic.register(blocks.create(unregistering, 1));
    expect(() => atomic.call(0, 0)).to.throw(KernelBug, 'Sleeping in atomic context');
  });

  it('takes its lock to register, and none to call', () => {
    const fixture = setUp({ lockStats: true });
    const taken = (): number =>
      fixture.machine.stats.sum().find((row) => row.lockClass === 'atomic_chain_lock')!.acquisitions;
    const block = fixture.block();
    fixture.atomic.register(block);
    expect(taken()).to.equal(1);
    fixture.atomic.call(0, 0);
    expect(taken()).to.equal(1);
    fixture.atomic.unregister(block);
    expect(taken()).to.equal(2);
  });

  it('is emptied as a whole, and all blocks are free then', () => {
    const fixture = setUp();
    const all = [1, 2, 3].map(() => fixture.block());
    for (const block of all) fixture.atomic.register(block);
    expect(fixture.atomic.clear()).to.equal(3);
    expect(fixture.atomic.clear()).to.equal(0);
    expect(fixture.atomic.isEmpty()).to.equal(true);
    for (const block of all) expect(fixture.blocks.destroy(block)).to.equal(0);
  });

  it('keeps a block until no call can stand on it, where a view must not wait', () => {
    const fixture = setUp();
    const { block: make, blocks, atomic } = fixture;
    const [first, second] = [make(), make()];
    atomic.register(first);
    atomic.register(second);
    const other = fixture.machine.attach({ name: 'reader' });
    const reader = attachNotifiers(other).atomic.rcu;
    const main = attachNotifiers(fixture.machine.attach({ name: 'main', mayWait: false }));
    reader.readLock();
    expect(() => main.atomic.unregister(first)).to.throw(MisuseError, 'reader is reading under RCU');
    // Off the chain, but neither free nor to be had for another chain; its own link still leads on.
    expect(fixture.machine.cells.ld32(first + NOTIFIER_BLOCK.next)).to.equal(second);
    expect(blocks.destroy(first)).to.equal(-EBUSY);
    expect(fixture.raw.register(first)).to.equal(-EEXIST);
    atomic.call(1, 2);
    expect(called(fixture)).to.deep.equal([second]);
    reader.readUnlock();
    expect(main.atomic.unregister(first)).to.equal(0);
    expect(main.atomic.unregister(first)).to.equal(-ENOENT);
    expect(blocks.destroy(first)).to.equal(0);
  });
});

describe('SRCU notifier chain, on its own', () => {
  it('must be made before it is used, and can be made again when it has ended', () => {
    const { machine, srcu, block } = setUp();
    expect(() => srcu.init()).to.throw(KernelBug, 'is made twice');
    const again = setUp().srcu;
    again.cleanup();
    again.init();
    expect(again.call(0, 0)).to.equal(NOTIFY_DONE);
    srcu.register(block());
    expect(() => srcu.cleanup()).to.throw(KernelBug, 'ends with blocks on it');
    expect(machine.panic.report()).to.include('srcu_chain');
    for (const use of ['register', 'unregister', 'call'] as const) {
      const fixture = setUp();
      const one = fixture.block();
      fixture.srcu.cleanup();
      expect(() => fixture.srcu[use](one, 0), use).to.throw(KernelBug, 'was never made');
    }
  });

  it('stops the machine when its head cannot be made', () => {
    const { srcu } = setUp();
    srcu.cleanup();
    while (srcu.srcu.initSrcuStruct() > 0);
    expect(() => srcu.init()).to.throw(KernelBug, 'could not be made: error -12');
  });

  it('lets callbacks sleep, and must not be called with a spinlock held', () => {
    const { blocks, srcu, machine } = setUp();
    const { context } = machine;
    const sleeping = blocks.calls.define('sleeping', () => {
      context.mightSleep('a callback');
      return NOTIFY_OK;
    });
    srcu.register(blocks.create(sleeping));
    expect(srcu.call(0, 0)).to.equal(NOTIFY_OK);
    context.preemptDisable();
    expect(() => srcu.call(0, 0)).to.throw(KernelBug, 'Sleeping in atomic context');
  });

  it('ends its section when a callback throws', () => {
    const { blocks, srcu } = setUp();
    const call = blocks.calls.define('throwing', () => {
      throw new Error('from the callback');
    });
    const block = blocks.create(call);
    srcu.register(block);
    expect(() => srcu.call(0, 0)).to.throw('from the callback');
    expect(srcu.unregister(block)).to.equal(0);
  });

  it('lets a callback register and call, but reports one that unregisters: it would wait for itself', () => {
    const { blocks, srcu, block, calls } = setUp();
    const spare = block(-1);
    const registering = blocks.calls.define('registering', (_block, action) => {
      srcu.register(spare);
      return action === 7 ? srcu.call(8, 0) : NOTIFY_OK;
    });
    srcu.register(blocks.create(registering));
    srcu.call(7, 0);
    // The inner call saw the new block; the walk of the outer one had already read that nobody follows.
    expect(calls).to.deep.equal([{ block: spare, action: 8, data: 0 }]);
    const unregistering = blocks.calls.define('unregistering', (own) => srcu.unregister(own));
    srcu.register(blocks.create(unregistering, 1));
    expect(() => srcu.call(0, 0)).to.throw(KernelBug, 'would wait for itself');
  });

  it('takes its mutex to register, and none to call', () => {
    const fixture = setUp({ lockStats: true });
    const taken = (lockClass: string): number =>
      fixture.machine.stats.sum().find((row) => row.lockClass === lockClass)!.acquisitions;
    const block = fixture.block();
    fixture.srcu.register(block);
    fixture.srcu.call(0, 0);
    expect([taken('srcu_chain_mutex'), taken('srcu_mutex')]).to.deep.equal([1, 0]);
    fixture.srcu.unregister(block);
    expect([taken('srcu_chain_mutex'), taken('srcu_mutex')]).to.deep.equal([2, 1]);
  });

  it('keeps a block until no call can stand on it, where a view must not wait', () => {
    const fixture = setUp();
    const { block: make, blocks, srcu } = fixture;
    const [first, second] = [make(), make()];
    srcu.register(first);
    srcu.register(second);
    const reader = attachNotifiers(fixture.machine.attach({ name: 'reader' }));
    const main = attachNotifiers(fixture.machine.attach({ name: 'main', mayWait: false }));
    const callback = reader.blocks.calls.define(`answer${NOTIFY_DONE}`, () => {
      expect(() => main.srcu.unregister(first)).to.throw(MisuseError, 'reader is reading under SRCU');
      // Off the chain, but neither free nor to be had for another chain; its own link still leads on.
      expect(fixture.machine.cells.ld32(first + NOTIFIER_BLOCK.next)).to.equal(second);
      expect(blocks.destroy(first)).to.equal(-EBUSY);
      expect(fixture.raw.register(first)).to.equal(-EEXIST);
      return NOTIFY_STOP;
    });
    expect(callback).to.be.greaterThan(0);
    expect(reader.srcu.call(1, 2)).to.equal(NOTIFY_STOP);
    srcu.call(1, 2);
    expect(called(fixture)).to.deep.equal([second]);
    expect(main.srcu.unregister(first)).to.equal(0);
    expect(main.srcu.unregister(first)).to.equal(-ENOENT);
    expect(blocks.destroy(first)).to.equal(0);
  });
});

for (const kind of ['atomic', 'srcu'] as const) {
  describe(`unregistration from ${kind === 'atomic' ? 'an atomic' : 'an SRCU'} notifier chain`, () => {
    /** Unregisters while another thread is inside the callback; gives how far the callback was when that returned. */
    async function stageAtReturn(withoutWait: boolean): Promise<number> {
      return withThreads(siblingModule('scenarios', import.meta.url).href, async (threads) => {
        const fixture = setUp();
        const { cells, handle, tasks, regions } = fixture.machine;
        const block = fixture.blocks.create(fixture.blocks.calls.define('slow_callback', () => NOTIFY_OK));
        fixture[kind].register(block);
        const input: NotifierInput = { handle, block, kind, withoutWait };
        const caller = threads.start('callSlowly', input);
        await until('the callback runs', () => cells.atomicLoad(regions.cells.base) === 1);
        const remover = threads.start('unregister', input);
        if (withoutWait) await threads.ended(remover, 10_000);
        else await until('somebody waits', () => tasks.list().some(({ waitAddress }) => waitAddress !== 0));
        cells.atomicStore(regions.cells.base, 2);
        expect(valuesOf(await threads.allEnded(10_000))[caller]).to.equal(NOTIFY_OK);
        const seen = valuesOf<{ result: number; stage: number }>(await threads.allEnded(10_000))[remover]!;
        expect(seen.result).to.equal(0);
        expect(fixture[kind].isEmpty()).to.equal(true);
        return seen.stage;
      });
    }

    it('waits in another thread for the callbacks that run', async () => {
      // 3: the callback had ended before unregister returned.
      expect(await stageAtReturn(false)).to.equal(3);
    });

    it('would let a callback run on after it if it did not wait', async () => {
      // 1: the callback was still running.
      expect(await stageAtReturn(true)).to.equal(1);
    });
  });
}
