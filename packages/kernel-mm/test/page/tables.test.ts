import { expect } from 'chai';
import { KernelBug } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { createPageMachine, TABLE_PAGES } from './machine.js';

describe('table memory', () => {
  it('is page aligned, zeroed also when it was used before, and first fit from below', () => {
    const { tables, test } = createPageMachine();
    const first = tables.vmalloc(1);
    const second = tables.vmalloc(PAGE_SIZE + 1);
    const third = tables.vmalloc(PAGE_SIZE);
    expect(first % PAGE_SIZE).to.equal(0);
    expect([second, third]).to.deep.equal([first + PAGE_SIZE, first + 3 * PAGE_SIZE]);
    expect(tables.pagesInUse()).to.equal(4);
    test.arena.u8.fill(0xee, first, first + 4 * PAGE_SIZE);
    tables.vfree(second);
    expect(tables.pagesInUse()).to.equal(2);
    expect(tables.vmalloc(3 * PAGE_SIZE)).to.equal(first + 4 * PAGE_SIZE);
    expect(tables.vmalloc(2 * PAGE_SIZE)).to.equal(second);
    expect(test.arena.u8.subarray(second, third).every((byte) => byte === 0)).to.equal(true);
    expect(test.arena.u8[first]).to.equal(0xee);
    expect(test.arena.u8[third]).to.equal(0xee);
  });

  it('says no when no run is long enough, and takes all of it when one is', () => {
    const { tables } = createPageMachine();
    expect(tables.vmalloc((TABLE_PAGES + 1) * PAGE_SIZE)).to.equal(0);
    expect(tables.vmalloc(0)).to.equal(0);
    const blocks = Array.from({ length: TABLE_PAGES }, () => tables.vmalloc(PAGE_SIZE));
    expect(blocks).to.not.include(0);
    expect(tables.vmalloc(1)).to.equal(0);
    for (let index = 0; index < TABLE_PAGES; index += 2) tables.vfree(blocks[index]!);
    expect(tables.vmalloc(2 * PAGE_SIZE)).to.equal(0);
    expect(tables.pagesInUse()).to.equal(TABLE_PAGES / 2);
    for (let index = 1; index < TABLE_PAGES; index += 2) tables.vfree(blocks[index]!);
    expect(tables.vmalloc(TABLE_PAGES * PAGE_SIZE)).to.equal(blocks[0]);
  });

  it('frees nothing for the null pointer', () => {
    const { tables } = createPageMachine();
    tables.vmalloc(1);
    tables.vfree(0);
    expect(tables.pagesInUse()).to.equal(1);
  });

  for (const [name, away] of [
    ['the middle of a block', PAGE_SIZE],
    ['what is free', 2 * PAGE_SIZE],
    ['an odd address', 4],
    ['an address below', -PAGE_SIZE],
    ['an address behind', TABLE_PAGES * PAGE_SIZE],
  ] as const) {
    it(`stops the machine when ${name} is freed`, () => {
      const { tables, test } = createPageMachine();
      const block = tables.vmalloc(2 * PAGE_SIZE);
      expect(() => tables.vfree(block + away)).to.throw(KernelBug, 'vfree of');
      expect(tables.pagesInUse()).to.equal(2);
      expect(test.panic.report()).to.include('vfree of');
    });
  }

  it('stops the machine when a block is freed twice', () => {
    const { tables } = createPageMachine();
    const block = tables.vmalloc(1);
    tables.vfree(block);
    expect(() => tables.vfree(block)).to.throw(KernelBug, 'not the start of a block');
  });

  it('may sleep, so it is not asked for with a spinlock held', () => {
    const { tables, otherLock } = createPageMachine();
    otherLock.lock();
    expect(() => tables.vmalloc(1)).to.throw(KernelBug, 'Sleeping in atomic context');
  });
});
