import { expect } from 'chai';
import { EEXIST, ENOENT, KernelBug } from '#src/errno.js';
import { NOTIFIER_BLOCK, NOTIFIER_BLOCKS_MAX } from '#src/notifier/blocks.js';
import { NOTIFY_DONE } from '#src/notifier/constants.js';
import { type RawNotifierChain } from '#src/notifier/raw-chain.js';
import { installUncheckedRegister } from '#src/variants/unchecked-register.js';
import { createTestCore } from '../support/core.js';
import { attachNotifiers, buildNotifiers } from './scenarios.js';

type Kind = 'raw' | 'blocking' | 'atomic' | 'srcu';

/** Chains of every kind, and blocks called by a letter. */
function setUp(isWrong: boolean) {
  const machine = createTestCore(buildNotifiers);
  const notifiers = attachNotifiers(machine);
  const { blocks, raw, otherRaw, blocking, atomic, srcu } = notifiers;
  srcu.init();
  const chains = [raw, otherRaw, blocking.chain, atomic.chain, srcu.chain];
  if (isWrong) for (const chain of chains) installUncheckedRegister(chain);
  const names = new Map<number, string>();
  let calls = '';
  const call = blocks.calls.define('note', (block) => {
    calls += names.get(block) ?? '?';
    return NOTIFY_DONE;
  });
  const block = (name: string, priority = 0): number => {
    const address = blocks.create(call, priority);
    names.set(address, name);
    return address;
  };
  /** The letters of a chain in order, five at most. */
  const follow = (chain: RawNotifierChain): string => {
    let letters = '';
    for (let next = chain.first(); next !== 0 && letters.length < 5;) {
      letters += names.get(next) ?? '?';
      next = machine.cells.ld32(next + NOTIFIER_BLOCK.next);
    }
    return letters;
  };
  const called = (): string => {
    const letters = calls;
    calls = '';
    return letters;
  };
  const chainOf = (kind: Kind): RawNotifierChain => {
    const chain = notifiers[kind];
    return 'chain' in chain ? chain.chain : chain;
  };
  return { ...notifiers, machine, block, follow, called, chainOf };
}

// The table of the reference: which chain, registering n again with which priorities, what the chain is then, followed for five steps.
const TABLE = [
  { before: 'n', priorities: [0], after: 'nnnnn', what: 'an endless loop' },
  { before: 'nm', priorities: [0, 0], after: 'n', what: 'm is lost' },
  { before: 'mn', priorities: [0, 0], after: 'mnnnn', what: 'm once, then n for ever' },
  { before: 'nm', priorities: [5, 1], after: 'nnnnn', what: 'n for ever, m is never reached' },
] as const;

for (const kind of ['raw', 'blocking', 'atomic', 'srcu'] as const) {
  describe(`variant unchecked-register on a chain of the kind ${kind}`, () => {
    for (const { before, priorities, after, what } of TABLE) {
      const title = `${before} with the priorities ${priorities.join(', ')}`;
      /** Makes the chain, then registers n again. */
      const twice = (isWrong: boolean) => {
        const fixture = setUp(isWrong);
        const all = before.split('').map((name, index) => fixture.block(name, priorities[index]));
        for (const block of all) expect(fixture[kind].register(block)).to.equal(0);
        const n = all[before.indexOf('n')]!;
        return { ...fixture, n, result: fixture[kind].register(n) };
      };

      it(`${title}: ${what}`, () => {
        const { result, follow, chainOf, called, machine, ...notifiers } = twice(true);
        expect(result).to.equal(0);
        expect(follow(chainOf(kind))).to.equal(after);
        // A call that ends by itself never notices.
        expect(notifiers[kind].call(0, 0, 3)).to.equal(NOTIFY_DONE);
        expect(called()).to.equal(after.slice(0, 3));
        if (after === 'n') {
          notifiers[kind].call(0, 0);
          expect(called()).to.equal('n');
          return;
        }
        expect(() => notifiers[kind].call(0, 0)).to.throw(KernelBug, 'has no end');
        expect(called()).to.equal(after.slice(0, 2) + 'n'.repeat(NOTIFIER_BLOCKS_MAX - 2));
        expect(machine.panic.report()).to.include('a block was registered twice');
      });

      if (after !== 'n') {
        it(`${title}: registering and unregistering others is reported, too, and never hangs`, () => {
          for (const use of ['register', 'unregister'] as const) {
            const fixture = twice(true);
            const stranger = fixture.block('s', -1);
            expect(() => fixture[kind][use](stranger), use).to.throw(KernelBug, 'has no end');
          }
        });
      }

      it(`${title}: does not happen without it, registering n again says -EEXIST`, () => {
        const { result, follow, chainOf, called, ...notifiers } = twice(false);
        expect(result).to.equal(-EEXIST);
        expect(follow(chainOf(kind))).to.equal(before);
        notifiers[kind].call(0, 0);
        expect(called()).to.equal(before);
      });
    }

    it('n, y on one chain and x on another: y is lost, and n is heard from both', () => {
      const { otherRaw, chainOf, follow, called, block, ...notifiers } = setUp(true);
      const [n, y, x] = [block('n'), block('y'), block('x')];
      const one = notifiers[kind];
      for (const first of [n, y]) one.register(first);
      // For the raw kind the two chains are of the same kind.
      otherRaw.register(x);
      expect(otherRaw.register(n)).to.equal(0);
      expect([follow(chainOf(kind)), follow(otherRaw)]).to.deep.equal(['n', 'xn']);
      one.call(0, 0);
      otherRaw.call(0, 0);
      expect(called()).to.equal('nxn');
    });

    it('n is never off a chain that it was registered on twice', () => {
      const { block, follow, chainOf, ...notifiers } = setUp(true);
      const n = block('n');
      notifiers[kind].register(n);
      notifiers[kind].register(n);
      for (let round = 0; round < 3; round++) expect(notifiers[kind].unregister(n)).to.equal(0);
      expect(follow(chainOf(kind))).to.equal('nnnnn');
    });
  });
}

describe('variant unchecked-register, further', () => {
  it('does not break a conditional registration, which looks first', () => {
    const { blocking, block, called } = setUp(true);
    const n = block('n');
    expect(blocking.condRegister(n)).to.equal(0);
    expect(blocking.condRegister(n)).to.equal(0);
    blocking.call(0, 0);
    expect(called()).to.equal('n');
  });

  it('breaks a conditional registration that does not meet the block on its way, because its place comes earlier', () => {
    const { blocking, block, machine, follow, chainOf } = setUp(true);
    const [m, n] = [block('m', 3), block('n', 1)];
    blocking.register(m);
    blocking.register(n);
    // Nobody may do that; but only the way to the new place is looked at.
    machine.cells.st32(n + NOTIFIER_BLOCK.priority, 5);
    expect(blocking.condRegister(n)).to.equal(0);
    expect(follow(chainOf('blocking'))).to.equal('nmnmn');
  });

  it('makes emptying an atomic chain as a whole end in a report, not in a loop', () => {
    const { atomic, block } = setUp(true);
    const n = block('n');
    atomic.register(n);
    atomic.register(n);
    expect(() => atomic.clear()).to.throw(KernelBug, 'has no end');
  });

  it('does not make a block known that was never registered', () => {
    for (const kind of ['raw', 'blocking', 'atomic', 'srcu'] as const) {
      const { block, ...notifiers } = setUp(true);
      expect(notifiers[kind].unregister(block('n'))).to.equal(-ENOENT);
    }
  });
});
