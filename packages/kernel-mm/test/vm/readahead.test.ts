import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { PG_READ_AHEAD, PG_UPTODATE } from '#src/page/page.js';
import { swpEntry, swpOffset } from '#src/swap/entries.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine, type VmOptions } from './machine.js';

/** A process whose pages are all in slots one behind the other, beginning with the first slot of a block. */
function swappedOut(pages: number, options: VmOptions = {}): { vm: VmMachine; space: AddressSpace } {
  const vm = createVmMachine({ pageCluster: 3, ...options });
  const space = vm.process(pages + 7);
  // Slot 0 is the header, so the first block has seven.
  for (let vpn = 0; vpn < pages + 7; vpn++) {
    space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(1);
  }
  for (let vpn = 0; vpn < pages + 7; vpn++) expect(swpOffset(vm.entry(space, vpn))).to.equal(vpn + 1);
  return { vm, space };
}

/** Slots of the first area that the swap cache has. */
function cached(vm: VmMachine): number[] {
  const slots: number[] = [];
  for (let slot = 1; slot < 64; slot++)
    if (vm.kernel.vm.cache.peek(swpEntry(0, slot)) !== 0) slots.push(slot);
  return slots;
}

function counts(vm: VmMachine): readonly [number, number, number] {
  return [vm.count('swapIns'), vm.count('readAhead'), vm.count('readAheadHits')];
}

describe('read-ahead', () => {
  it('brings the aligned block of the wanted slot, and no more', () => {
    const { vm, space } = swappedOut(16);
    expect(space.read(12 * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(12));
    // Slot 13 lies in the block of slots 8 to 15.
    expect(cached(vm)).to.deep.equal([8, 9, 10, 11, 12, 13, 14, 15]);
    expect(counts(vm)).to.deep.equal([8, 7, 0]);
    expect([vm.count('majorFaults'), vm.kernel.reclaimList.inactiveCount()]).to.deep.equal([1, 8]);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('spares the faults on its neighbours their transfer, each counted once', () => {
    const { vm, space } = swappedOut(16);
    for (const vpn of [12, 9, 9, 14])
      expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
    expect(counts(vm)).to.deep.equal([8, 7, 2]);
    expect(vm.count('majorFaults')).to.equal(1);
    const { frames } = vm.kernel;
    expect(frames.testFlag(vm.page(space, 9), PG_READ_AHEAD)).to.equal(false);
    expect(frames.testFlag(vm.kernel.vm.cache.peek(swpEntry(0, 9)), PG_READ_AHEAD)).to.equal(true);
    space.exit();
    vm.view.reclaimPages(100);
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  });

  it('stops at free slots on both sides of the wanted one', () => {
    const { vm, space } = swappedOut(16);
    // Slots 9 and 14.
    for (const vpn of [8, 13]) space.unmap(vpn * PAGE_SIZE, PAGE_SIZE);
    space.read(11 * PAGE_SIZE, 1);
    expect(cached(vm)).to.deep.equal([10, 11, 12, 13]);
    expect(counts(vm)).to.deep.equal([4, 3, 0]);
  });

  it('does not read what the swap cache has', () => {
    const { vm, space } = swappedOut(16);
    vm.kernel.frames.putPage(vm.kernel.vm.faults.readSwapCache(swpEntry(0, 10)));
    space.read(11 * PAGE_SIZE, 1);
    expect(counts(vm)).to.deep.equal([8, 6, 0]);
    space.read(9 * PAGE_SIZE, 1);
    expect(counts(vm)).to.deep.equal([8, 6, 0]);
  });

  it('is none without neighbours, and none with a page cluster of 0', () => {
    const { vm, space } = swappedOut(8, { pageCluster: 0 });
    space.read(9 * PAGE_SIZE, 1);
    expect(cached(vm)).to.deep.equal([10]);
    expect(counts(vm)).to.deep.equal([1, 0, 0]);
    const alone = createVmMachine({ pageCluster: 3 });
    const process = alone.process(1);
    process.write(0, bytesOf(1));
    alone.swapOut(1);
    process.read(0, 1);
    expect(counts(alone)).to.deep.equal([1, 0, 0]);
  });

  it('is of another size with another page cluster', () => {
    const { vm, space } = swappedOut(16, { pageCluster: 1 });
    space.read(11 * PAGE_SIZE, 1);
    expect(cached(vm)).to.deep.equal([12, 13]);
  });

  it('ends where there is no page, and the fault is served all the same', () => {
    for (const failures of [1, 2]) {
      const { vm, space } = swappedOut(16);
      const { frames } = vm.kernel;
      const allocUserPage = vm.kernel.vm.reclaim.allocUserPage.bind(vm.kernel.vm.reclaim);
      let requests = 0;
      // The first neighbours get theirs, the next one does not.
      vm.kernel.vm.reclaim.allocUserPage = () => {
        if (requests++ === 3 - failures) frames.failNextRequests(1);
        return allocUserPage();
      };
      expect(space.read(14 * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(14));
      expect(cached(vm)).to.deep.equal(failures === 1 ? [8, 9, 15] : [8, 15]);
      expect(vm.count('kills')).to.equal(0);
      expect(vm.broken()).to.deep.equal([]);
    }
  });

  it('kills nobody under a limit, keeps within it, and loses nothing', () => {
    for (const limitPages of [4, 15, 16, 24]) {
      const vm = createVmMachine({ pageCluster: 3, limitPages, slots: [255] });
      const space = vm.process(60);
      for (let vpn = 0; vpn < 60; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
      let random = limitPages;
      for (let step = 0; step < 600; step++) {
        random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
        const vpn = (random >>> 8) % 60;
        if ((random & 0x80) !== 0) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
        else expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
        expect(vm.kernel.frames.info().charged).to.be.at.most(limitPages);
      }
      // A limit that is smaller than two blocks leaves no room for it.
      expect(vm.count('readAhead') > 0, `a limit of ${limitPages}`).to.equal(limitPages >= 16);
      expect(vm.count('kills')).to.equal(0);
      expect(vm.broken()).to.deep.equal([]);
    }
  });

  it('that cannot read a page leaves the fault of another alone', () => {
    const { vm, space } = swappedOut(16);
    vm.view.injectIoFaults('/dev/ram0', { read: 1_000_000, times: 1 });
    // The first transfer is that of slot 8.
    expect(space.read(12 * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(12));
    const unread = vm.kernel.vm.cache.peek(swpEntry(0, 8));
    expect(vm.kernel.frames.testFlag(unread, PG_UPTODATE)).to.equal(false);
    expect([vm.count('ioErrors'), vm.count('busErrors')]).to.deep.equal([1, 0]);
    // As in the original the page stays until reclaim takes it, and whoever needs it meanwhile is told.
    expect(() => space.read(7 * PAGE_SIZE, 1)).to.throw('EIO');
    vm.view.reclaimPages(100);
    expect(space.read(7 * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(7));
    expect(vm.broken()).to.deep.equal([]);
  });

  it('serves all who share a slot', () => {
    const { vm, space } = swappedOut(16);
    const child = space.fork();
    child.read(12 * PAGE_SIZE, 1);
    child.write(11 * PAGE_SIZE, bytesOf(99));
    expect(counts(vm)).to.deep.equal([8, 7, 1]);
    expect(space.read(11 * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(11));
    expect(child.read(11 * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(99));
    expect(vm.count('swapIns')).to.equal(8);
    expect(vm.broken()).to.deep.equal([]);
    for (const process of [space, child]) process.exit();
    vm.view.reclaimPages(100);
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  });
});
