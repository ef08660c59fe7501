import { expect } from 'chai';
import fc from 'fast-check';
import { LRU_ACTIVE_ANON, LRU_INACTIVE_ANON } from '#src/page/lru.js';
import { GFP_KERNEL, PAGE, PG_ACTIVE } from '#src/page/page.js';
import { createPageMachine, type PageMachine } from './machine.js';

const SEED = Math.floor(Math.random() * 0x7fff_ffff);

/** A machine with some pages, the first of which came to the inactive list first. */
function machineWith(inactive: number, active = 0): { machine: PageMachine; pages: number[] } {
  const machine = createPageMachine();
  const pages = Array.from({ length: inactive + active }, () => machine.frames.allocPage(GFP_KERNEL));
  for (const [index, page] of pages.entries()) {
    if (index < inactive) machine.list.lruCacheAddInactive(page);
    else machine.list.lruCacheAddActive(page);
  }
  return { machine, pages };
}

/** Takes so many pages off a list. */
function take({ list, frames }: PageMachine, which: number, most: number): number[] {
  const taken: number[] = [];
  expect(list.isolate(frames, which, most, taken)).to.equal(taken.length);
  return taken;
}

/** Inactive and active pages from tail to head, as numbers of `pages`. */
function order({ list }: PageMachine, pages: readonly number[]): [number[], number[]] {
  const of = (which: number): number[] =>
    list
      .pages(which)
      .reverse()
      .map((page) => pages.indexOf(page));
  return [of(LRU_INACTIVE_ANON), of(LRU_ACTIVE_ANON)];
}

describe('the lists of reclaim', () => {
  it('give the oldest pages first, with a reference to each, off their list', () => {
    for (const which of [LRU_INACTIVE_ANON, LRU_ACTIVE_ANON]) {
      const { machine, pages } = which === LRU_INACTIVE_ANON ? machineWith(4) : machineWith(0, 4);
      expect(machine.list.count()).to.equal(4);
      expect(take(machine, which, 3)).to.deep.equal(pages.slice(0, 3));
      expect(pages.map((page) => machine.frames.pageCount(page))).to.deep.equal([2, 2, 2, 1]);
      expect(take(machine, which, 3)).to.deep.equal(pages.slice(3));
      expect(take(machine, which, 3)).to.deep.equal([]);
      expect(machine.list.count()).to.equal(0);
      expect(machine.broken()).to.deep.equal([]);
    }
  });

  it('are two: a page is on the one it was put on, and nothing is taken from the other', () => {
    const { machine, pages } = machineWith(2, 3);
    expect([machine.list.inactiveCount(), machine.list.activeCount()]).to.deep.equal([2, 3]);
    expect(order(machine, pages)).to.deep.equal([
      [0, 1],
      [2, 3, 4],
    ]);
    expect(take(machine, LRU_INACTIVE_ANON, 9)).to.deep.equal(pages.slice(0, 2));
    expect(machine.list.activeCount()).to.equal(3);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('take a page once, whichever list it is put on next', () => {
    const { machine, pages } = machineWith(1, 1);
    machine.list.lruCacheAddActive(pages[0]!);
    machine.list.lruCacheAddInactive(pages[0]!);
    machine.list.lruCacheAddInactive(pages[1]!);
    expect(order(machine, pages)).to.deep.equal([[0], [1]]);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('get pages back at the young end, in their order, each on the list it belongs to', () => {
    const { machine, pages } = machineWith(3, 3);
    const taken = [...take(machine, LRU_INACTIVE_ANON, 2), ...take(machine, LRU_ACTIVE_ANON, 2)];
    // Reclaim found that the second of them was used.
    machine.frames.setFlag(pages[1]!, PG_ACTIVE);
    machine.list.putback(taken);
    for (const page of taken) machine.frames.putPage(page);
    expect(order(machine, pages)).to.deep.equal([
      [2, 0],
      [5, 1, 3, 4],
    ]);
    expect(pages.map((page) => machine.frames.pageCount(page))).to.deep.equal([1, 1, 1, 1, 1, 1]);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('let active pages become inactive behind all others, in their order', () => {
    const { machine, pages } = machineWith(1, 3);
    machine.list.deactivate(take(machine, LRU_ACTIVE_ANON, 2));
    expect(order(machine, pages)).to.deep.equal([[0, 1, 2], [3]]);
    expect(machine.frames.testFlag(pages[1]!, PG_ACTIVE)).to.equal(false);
    for (const page of pages.slice(1, 3)) machine.frames.putPage(page);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('lose a page when its last reference goes, wherever it is', () => {
    for (const gone of [0, 1, 2, 3, 4, 5]) {
      const { machine, pages } = machineWith(3, 3);
      machine.frames.putPage(pages[gone]!);
      expect(machine.broken()).to.deep.equal([]);
      const left = [0, 1, 2, 3, 4, 5].filter((index) => index !== gone);
      expect(order(machine, pages).flat()).to.deep.equal(left);
    }
  });

  it('pass over a page whose last reference is just being dropped', () => {
    const { machine, pages } = machineWith(2);
    const { list, frames } = machine;
    expect(frames.freezeReferences(pages[0]!, 1)).to.equal(true);
    expect(take(machine, LRU_INACTIVE_ANON, 2)).to.deep.equal([pages[1]]);
    expect(list.count()).to.equal(1);
    frames.freeFrozenPage(pages[0]!);
    expect(list.count()).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('a page that is used', () => {
  it('is marked the first time, moved to the active list the second time, and begins anew there', () => {
    const { machine, pages } = machineWith(2);
    const { list, test } = machine;
    const marked = (): number => test.cells.ld32(pages[0]! + PAGE.referenced);
    expect([list.markPageAccessed(pages[0]!), marked()]).to.deep.equal([false, 1]);
    expect(order(machine, pages)).to.deep.equal([[0, 1], []]);
    expect([list.markPageAccessed(pages[0]!), marked()]).to.deep.equal([true, 0]);
    expect(order(machine, pages)).to.deep.equal([[1], [0]]);
    expect([list.markPageAccessed(pages[0]!), marked()]).to.deep.equal([false, 1]);
    expect([list.markPageAccessed(pages[0]!), marked()]).to.deep.equal([false, 1]);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('stays marked while somebody has it off its list', () => {
    const { machine, pages } = machineWith(1);
    const { list, test } = machine;
    const taken = take(machine, LRU_INACTIVE_ANON, 1);
    expect([1, 2, 3].map(() => list.markPageAccessed(pages[0]!))).to.deep.equal([false, false, false]);
    expect(list.activatePage(pages[0]!)).to.equal(false);
    expect(test.cells.ld32(pages[0]! + PAGE.referenced)).to.equal(1);
    list.putback(taken);
    expect(order(machine, pages)).to.deep.equal([[0], []]);
  });

  it('can be activated at once, and only once', () => {
    const { machine, pages } = machineWith(2, 1);
    expect(machine.list.activatePage(pages[0]!)).to.equal(true);
    expect(machine.list.activatePage(pages[0]!)).to.equal(false);
    expect(order(machine, pages)).to.deep.equal([[1], [2, 0]]);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('a page that was written for reclaim', () => {
  it('is moved to where reclaim looks next, if it is inactive and on its list', () => {
    const { machine, pages } = machineWith(3, 2);
    const { list } = machine;
    expect(list.rotateReclaimablePage(pages[2]!)).to.equal(true);
    expect(order(machine, pages)[0]).to.deep.equal([2, 0, 1]);
    expect(list.rotateReclaimablePage(pages[2]!)).to.equal(true);
    expect(order(machine, pages)[0]).to.deep.equal([2, 0, 1]);
    expect(list.rotateReclaimablePage(pages[4]!)).to.equal(false);
    expect(order(machine, pages)[1]).to.deep.equal([3, 4]);
    const taken = take(machine, LRU_INACTIVE_ANON, 1);
    expect(list.rotateReclaimablePage(taken[0]!)).to.equal(false);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('is moved also when it is alone', () => {
    const { machine, pages } = machineWith(1);
    expect(machine.list.rotateReclaimablePage(pages[0]!)).to.equal(true);
    expect(order(machine, pages)).to.deep.equal([[0], []]);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('every page is on exactly one list or in exactly one hand', () => {
  for (const seed of [1, SEED]) {
    it(`whatever is done to it (seed ${seed})`, () => {
      const steps = fc.array(fc.tuple(fc.nat(8), fc.nat(15)), { maxLength: 120 });
      fc.assert(
        fc.property(steps, (plan) => {
          const machine = createPageMachine();
          const { list, frames } = machine;
          const pages = Array.from({ length: 16 }, () => frames.allocPage(GFP_KERNEL));
          const held: number[] = [];
          for (const [step, index] of plan) {
            const page = pages[index]!;
            if (step === 0 && !held.includes(page)) list.lruCacheAddActive(page);
            if (step === 1 && !held.includes(page)) list.lruCacheAddInactive(page);
            if (step === 2) list.markPageAccessed(page);
            if (step === 3) list.activatePage(page);
            if (step === 4) list.rotateReclaimablePage(page);
            if (step === 5) list.isolate(frames, index & 1, index >> 1, held);
            if (step === 6) list.putback(held);
            if (step === 7) list.deactivate(held);
            if (step === 6 || step === 7) for (const back of held.splice(0)) frames.putPage(back);
            if (step === 8 && held.length > 0) frames.setFlag(held[0]!, PG_ACTIVE);
            const on = [...list.pages(LRU_INACTIVE_ANON), ...list.pages(LRU_ACTIVE_ANON)];
            expect(new Set(on).size).to.equal(on.length);
            expect(on.filter((listed) => held.includes(listed))).to.deep.equal([]);
            expect(machine.broken()).to.deep.equal([]);
          }
        }),
        { seed, numRuns: 60 },
      );
    });
  }
});

describe('the check of the lists', () => {
  it('sees what is wrong with the links, the counts and the flags', () => {
    const damages: readonly [
      number,
      keyof typeof PAGE & ('lruPrev' | 'onLru' | 'lruNext' | 'flags'),
      number,
      RegExp,
    ][] = [
      [1, 'lruPrev', 0, /the inactive list is not linked backwards/],
      [1, 'onLru', 0, /a page on the inactive list does not know it/],
      [1, 'lruNext', 0, /the inactive list has 2 pages but counts 3/],
      [1, 'flags', PG_ACTIVE, /a page on the inactive list says that it is on the other one/],
      [4, 'flags', 0, /a page on the active list says that it is on the other one/],
    ];
    for (const [index, field, value, sentence] of damages) {
      const { machine, pages } = machineWith(3, 3);
      machine.test.cells.st32(pages[index]! + PAGE[field], value);
      expect(machine.list.checkInvariants().join('\n')).to.match(sentence);
    }
    const { machine, pages } = machineWith(3);
    machine.test.cells.st32(pages[0]! + PAGE.lruNext, pages[2]!);
    expect(machine.list.checkInvariants().join('\n')).to.match(/longer than the 3 pages/);
  });

  it('sees a page that is on both', () => {
    const { machine, pages } = machineWith(1, 1);
    const { list, test } = machine;
    // The last page of the inactive list leads on to one of the active list.
    test.cells.st32(pages[0]! + PAGE.lruNext, pages[1]!);
    test.cells.st32(list.pages(LRU_ACTIVE_ANON)[0]! + PAGE.lruPrev, pages[0]!);
    expect(list.checkInvariants().join('\n')).to.match(/met on a list before/);
  });
});
