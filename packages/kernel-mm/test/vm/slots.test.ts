import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { PAGE, PG_DIRTY, PG_WRITEBACK } from '#src/page/page.js';
import { PTE_DIRTY, PTE_WRITABLE } from '#src/vm/mm.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';

/** A process whose first page was written and is in a slot only, and that slot. */
function swappedPage(vm: VmMachine): { space: AddressSpace; entry: number } {
  const space = vm.process();
  space.write(0, bytesOf(1));
  vm.swapOut();
  return { space, entry: vm.entry(space, 0) };
}

/** Memory in which a page is in the cache and read-only mapped, its slot still holding a good copy. */
function cachedPage(vm: VmMachine): { space: AddressSpace; entry: number; page: number } {
  const { space, entry } = swappedPage(vm);
  expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(1));
  return { space, entry, page: vm.page(space, 0) };
}

describe('the life of a slot', () => {
  it('has the map bytes of the model, step by step', () => {
    const vm = createVmMachine();
    const { table } = vm.kernel.swap;
    const { cache, rmap, io } = vm.kernel.vm;
    const { frames } = vm.kernel;
    const space = vm.process();
    space.write(0, bytesOf(1));
    const page = vm.page(space, 0);
    // The steps of reclaim, one by one.
    frames.getPage(page);
    frames.lockPage(page);
    expect(cache.addToSwap(page)).to.equal(true);
    const entry = vm.slotOf(page);
    expect(vm.byte(entry)).to.equal(0x40);
    // The slot holds nothing yet.
    expect(vm.isDirty(page)).to.equal(true);
    rmap.tryToUnmap(page);
    expect(vm.entry(space, 0)).to.equal(entry);
    expect(vm.byte(entry)).to.equal(0x41);
    frames.clearFlag(page, PG_DIRTY);
    expect(io.swapWritepage(page)).to.equal(0);
    expect(vm.byte(entry)).to.equal(0x41);
    frames.lockPage(page);
    expect(cache.removeMapping(page)).to.equal(true);
    frames.freeFrozenPage(page);
    expect(vm.byte(entry)).to.equal(0x01);
    // Read back: the table's reference goes, the cache's stays.
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(1));
    expect(vm.byte(entry)).to.equal(0x40);
    expect(cache.peek(entry)).to.equal(vm.page(space, 0));
    space.unmap(0, PAGE_SIZE);
    expect(vm.byte(entry)).to.equal(0);
    expect(table.nrSwapPages()).to.equal(table.totalSwapPages());
    space.exit();
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('ends at once when its page is unmapped, swapped or cached or both', () => {
    const vm = createVmMachine();
    const swapped = swappedPage(vm);
    expect(vm.byte(swapped.entry)).to.equal(0x01);
    swapped.space.unmap(0, PAGE_SIZE);
    expect(vm.byte(swapped.entry)).to.equal(0);
    const cached = cachedPage(vm);
    expect(vm.byte(cached.entry)).to.equal(0x40);
    cached.space.unmap(0, PAGE_SIZE);
    expect(vm.byte(cached.entry)).to.equal(0);
    expect(vm.kernel.frames.info().free).to.equal(vm.kernel.frames.frameCount);
    // Both: the table has the entry, and the cache a page that somebody else just looks at.
    const both = swappedPage(vm);
    const page = vm.kernel.vm.faults.readSwapCache(both.entry);
    expect(vm.byte(both.entry)).to.equal(0x41);
    both.space.unmap(0, PAGE_SIZE);
    expect(vm.byte(both.entry)).to.equal(0);
    expect(vm.isCached(page)).to.equal(false);
    vm.kernel.frames.putPage(page);
    expect(vm.inuse()).to.equal(0);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('goes on while its page is locked by somebody else, until reclaim comes by', () => {
    const vm = createVmMachine();
    const { space, entry, page } = cachedPage(vm);
    vm.kernel.frames.lockPage(page);
    space.unmap(0, PAGE_SIZE);
    expect(vm.byte(entry)).to.equal(0x40);
    vm.kernel.frames.unlockPage(page);
    expect(vm.broken()).to.deep.equal([]);
    vm.swapOut();
    expect(vm.byte(entry)).to.equal(0);
    space.exit();
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  });

  it('ends for all pages when the process does', () => {
    const vm = createVmMachine();
    const space = vm.process(32);
    for (let vpn = 0; vpn < 32; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(20);
    for (const vpn of [0, 1, 2, 3]) space.read(vpn * PAGE_SIZE, 1);
    for (const vpn of [4, 5]) space.write(vpn * PAGE_SIZE, Uint8Array.of(1));
    const { rss, swapents } = space.info();
    expect([rss, swapents]).to.deep.equal([18, 14]);
    expect(vm.inuse()).to.equal(18);
    space.exit();
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
    expect(vm.broken()).to.deep.equal([]);
  });
});

describe('a clean cached copy', () => {
  it('needs no second write', () => {
    const vm = createVmMachine();
    const { space, entry, page } = cachedPage(vm);
    expect(vm.isDirty(page)).to.equal(false);
    expect(vm.pte(space, 0) & (PTE_WRITABLE | PTE_DIRTY)).to.equal(0);
    expect([vm.count('swapOuts'), vm.count('swapIns'), vm.count('cleanDrops')]).to.deep.equal([1, 1, 0]);
    const { writes } = vm.kernel.block.devices.stats(vm.disk());
    for (const round of [1, 2, 3]) {
      vm.swapOut();
      expect(vm.entry(space, 0)).to.equal(entry);
      expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(1));
      const counts = [vm.count('swapOuts'), vm.count('swapIns'), vm.count('cleanDrops')];
      expect(counts).to.deep.equal([1, 1 + round, round]);
    }
    expect(vm.kernel.block.devices.stats(vm.disk()).writes).to.equal(writes);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('that is written to gives its slot back and is dirty', () => {
    const vm = createVmMachine();
    const { space, entry, page } = cachedPage(vm);
    space.write(5, Uint8Array.of(0xaa));
    expect(vm.byte(entry)).to.equal(0);
    expect(vm.page(space, 0)).to.equal(page);
    expect(vm.isCached(page)).to.equal(false);
    expect(vm.isDirty(page)).to.equal(true);
    expect(vm.pte(space, 0) & (PTE_WRITABLE | PTE_DIRTY)).to.equal(PTE_WRITABLE | PTE_DIRTY);
    vm.swapOut();
    expect([vm.count('swapOuts'), vm.count('cleanDrops')]).to.deep.equal([2, 0]);
    const expected = bytesOf(1);
    expected[5] = 0xaa;
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(expected);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('that comes in for a write gives its slot back in the same fault', () => {
    const vm = createVmMachine();
    const { space, entry } = swappedPage(vm);
    const faults = vm.count('faults');
    space.write(5, Uint8Array.of(0xaa));
    expect(vm.count('faults')).to.equal(faults + 1);
    expect(vm.byte(entry)).to.equal(0);
    expect(vm.isDirty(vm.page(space, 0))).to.equal(true);
    vm.swapOut();
    expect(space.read(5, 1)).to.deep.equal(Uint8Array.of(0xaa));
    expect(space.read(6, 90)).to.deep.equal(bytesOf(1).subarray(6, 96));
  });

  it('under writeback keeps its slot when it is written to, and goes out again', () => {
    const vm = createVmMachine();
    const { space, entry, page } = cachedPage(vm);
    vm.kernel.frames.setFlag(page, PG_WRITEBACK);
    space.write(0, Uint8Array.of(0x77));
    expect(vm.byte(entry)).to.equal(0x40);
    vm.kernel.frames.clearFlag(page, PG_WRITEBACK);
    vm.swapOut();
    expect(vm.count('swapOuts')).to.equal(2);
    expect(space.read(0, 1)).to.deep.equal(Uint8Array.of(0x77));
    expect(vm.broken()).to.deep.equal([]);
  });

  it('gives its slot back when it comes in while swap is more than half full', () => {
    // 10 slots: with 6 in use 2 * 4 < 10, and after the fault 2 * 5 is not less.
    const vm = createVmMachine({ slots: [10] });
    const space = vm.process();
    for (let vpn = 0; vpn < 7; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(7);
    expect(vm.kernel.swap.table.vmSwapFull()).to.equal(true);
    const first = vm.entry(space, 0);
    const second = vm.entry(space, 1);
    const third = vm.entry(space, 2);
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(0));
    expect(space.read(PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(1));
    expect([vm.byte(first), vm.byte(second)]).to.deep.equal([0, 0]);
    expect(vm.isDirty(vm.page(space, 0))).to.equal(true);
    expect(vm.kernel.swap.table.vmSwapFull()).to.equal(false);
    space.read(2 * PAGE_SIZE, 1);
    expect(vm.byte(third)).to.equal(0x40);
    vm.swapOut(3);
    for (let vpn = 0; vpn < 7; vpn++)
      expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
    expect(vm.broken()).to.deep.equal([]);
  });
});

describe('a page of the swap cache', () => {
  it('is taken out for good only when it is clean, not being written, and nobody else has it', () => {
    const vm = createVmMachine();
    const { space, entry } = swappedPage(vm);
    const { frames } = vm.kernel;
    const { cache, faults } = vm.kernel.vm;
    const page = faults.readSwapCache(entry);
    frames.lockPage(page);
    for (const flag of [PG_DIRTY, PG_WRITEBACK]) {
      frames.setFlag(page, flag);
      expect(cache.removeMapping(page)).to.equal(false);
      frames.clearFlag(page, flag);
    }
    frames.getPage(page);
    expect(cache.removeMapping(page)).to.equal(false);
    frames.putPage(page);
    expect(vm.byte(entry)).to.equal(0x41);
    expect(cache.peek(entry)).to.equal(page);
    expect(cache.removeMapping(page)).to.equal(true);
    frames.freeFrozenPage(page);
    expect(vm.byte(entry)).to.equal(0x01);
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(1));
    expect(vm.broken()).to.deep.equal([]);
  });

  it('is found with a reference, and counted', () => {
    const vm = createVmMachine();
    const { page, entry } = cachedPage(vm);
    const { cache } = vm.kernel.vm;
    const before = cache.info();
    const references = vm.kernel.frames.pageCount(page);
    expect(cache.lookupSwapCache(entry)).to.equal(page);
    expect(cache.lookupSwapCache(entry + 1)).to.equal(0);
    expect(vm.kernel.frames.pageCount(page)).to.equal(references + 1);
    const { findTotal, findSuccess } = cache.info();
    expect([findTotal - before.findTotal, findSuccess - before.findSuccess]).to.deep.equal([2, 1]);
    vm.kernel.frames.putPage(page);
  });
});

describe('a page-table entry', () => {
  it('of a zeroed page that was mapped for a read is dirty only once it is written through', () => {
    const vm = createVmMachine();
    const space = vm.process();
    expect(vm.kernel.vm.faults.doAnonymousPage(space.id, 0, false)).to.equal(0);
    expect(vm.pte(space, 0) & (PTE_WRITABLE | PTE_DIRTY)).to.equal(PTE_WRITABLE);
    expect(space.read(0, 1)).to.deep.equal(Uint8Array.of(0));
    expect(vm.pte(space, 0) & PTE_DIRTY).to.equal(0);
    space.write(0, Uint8Array.of(1));
    expect(vm.pte(space, 0) & PTE_DIRTY).to.equal(PTE_DIRTY);
  });

  it('that is present leads to a frame that leads back', () => {
    const vm = createVmMachine();
    const space = vm.process();
    space.write(3 * PAGE_SIZE, bytesOf(3));
    const { cells } = vm.kernel.core;
    const page = vm.page(space, 3);
    expect([cells.ld32(page + PAGE.mapping), cells.ld32(page + PAGE.index)]).to.deep.equal([
      vm.kernel.vm.spaces.familyOf(space.id),
      3,
    ]);
    expect(cells.ld32(page + PAGE.mapcount)).to.equal(1);
    expect(vm.kernel.frames.pageCount(page)).to.equal(1);
  });
});
