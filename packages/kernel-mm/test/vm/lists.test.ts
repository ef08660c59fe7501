import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { LRU_ACTIVE_ANON, LRU_INACTIVE_ANON } from '#src/page/lru.js';
import { PAGE, PG_ACTIVE, PG_RECLAIM } from '#src/page/page.js';
import { SWAP_CLUSTER_MAX } from '#src/page/frames.js';
import { isSwapPte } from '#src/swap/entries.js';
import { PTE_PRESENT } from '#src/vm/mm.js';
import { PAGE_BUSY } from '#src/vm/shrink-page.js';
import { DEF_PRIORITY, PASS_BUSY, SCAN_DIRECT, SCAN_KSWAPD, SCAN_LIMIT } from '#src/vm/shrink-zone.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';

/** A process that wrote its first pages, in order. */
function written(pages: number): { vm: VmMachine; space: AddressSpace } {
  const vm = createVmMachine({ slots: [400], ramPages: 512 });
  const space = vm.process(pages + 8);
  for (let vpn = 0; vpn < pages; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
  return { vm, space };
}

/** Virtual pages of a process on the inactive and on the active list, from tail to head. */
function lists(vm: VmMachine, space: AddressSpace): [number[], number[]] {
  const { cells } = vm.kernel.core;
  const of = (list: number): number[] =>
    vm.kernel.reclaimList
      .pages(list)
      .reverse()
      .map((page) => cells.ld32(page + PAGE.index));
  expect(vm.kernel.vm.spaces.list()).to.deep.equal([space.id]);
  return [of(LRU_INACTIVE_ANON), of(LRU_ACTIVE_ANON)];
}

/** Numbers from one on, up to the last. */
function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe('where pages begin', () => {
  it('a new page is active, also when nothing was known of it before', () => {
    const { vm, space } = written(3);
    expect(lists(vm, space)).to.deep.equal([[], [0, 1, 2]]);
    expect(vm.count('pgactivate')).to.equal(0);
  });

  it('a page that was read from swap is inactive, and marked as found once', () => {
    const { vm, space } = written(3);
    vm.swapOut(3);
    space.read(PAGE_SIZE, 1);
    const page = vm.page(space, 1);
    expect(vm.kernel.frames.testFlag(page, PG_ACTIVE)).to.equal(false);
    expect(vm.kernel.core.cells.ld32(page + PAGE.referenced)).to.equal(1);
  });

  it('a page of the swap cache that is found a second time becomes active', () => {
    const vm = createVmMachine();
    const parent = vm.process();
    parent.write(0, bytesOf(1));
    const child = parent.fork();
    vm.swapOut(1);
    parent.read(0, 1);
    const page = vm.page(parent, 0);
    expect([vm.kernel.frames.testFlag(page, PG_ACTIVE), vm.count('pgactivate')]).to.deep.equal([false, 0]);
    child.read(0, 1);
    expect(vm.page(child, 0)).to.equal(page);
    expect([vm.kernel.frames.testFlag(page, PG_ACTIVE), vm.count('pgactivate')]).to.deep.equal([true, 1]);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('a page that swapoff brings home is active', () => {
    const { vm, space } = written(3);
    vm.swapOut(3);
    vm.view.swapoff('/dev/ram0');
    expect(lists(vm, space)[0]).to.deep.equal([]);
    expect(lists(vm, space)[1]).to.have.members([0, 1, 2]);
    expect(vm.count('pgactivate')).to.equal(3);
  });

  it('a copy for a writer is active', () => {
    const vm = createVmMachine();
    const parent = vm.process();
    parent.write(0, bytesOf(1));
    const child = parent.fork();
    child.write(0, bytesOf(2));
    const both = [vm.page(parent, 0), vm.page(child, 0)];
    expect(vm.kernel.reclaimList.pages(LRU_ACTIVE_ANON)).to.have.members(both);
  });
});

describe('the active list', () => {
  it('gives its oldest pages to the inactive one, used or not, a batch at a time, and forgets that they were used', () => {
    const { vm, space } = written(40);
    const { zone } = vm.kernel.vm;
    expect(zone.shrinkActiveList(SWAP_CLUSTER_MAX, SCAN_LIMIT)).to.equal(32);
    expect(lists(vm, space)).to.deep.equal([range(0, 31), range(32, 39)]);
    expect(zone.shrinkActiveList(SWAP_CLUSTER_MAX, SCAN_LIMIT)).to.equal(8);
    expect(zone.shrinkActiveList(SWAP_CLUSTER_MAX, SCAN_LIMIT)).to.equal(0);
    expect(lists(vm, space)).to.deep.equal([range(0, 39), []]);
    expect([vm.count('pgrefill'), vm.count('pgdeactivate')]).to.deep.equal([40, 40]);
    // Nothing is kept for having been written before.
    expect(vm.view.reclaimPages(40)).to.equal(40);
    expect(vm.count('pgactivate')).to.equal(0);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('is asked only while the inactive one is shorter', () => {
    const { vm, space } = written(8);
    const { zone } = vm.kernel.vm;
    const isLow: boolean[] = [];
    for (let moved = 0; moved < 8; moved++) {
      isLow.push(zone.inactiveAnonIsLow());
      zone.shrinkActiveList(1, SCAN_LIMIT);
    }
    // 0 against 8, 1 against 7, 2 against 6, 3 against 5; 4 against 4 is enough.
    expect(isLow).to.deep.equal([true, true, true, true, false, false, false, false]);
    expect(lists(vm, space)).to.deep.equal([range(0, 7), []]);
  });

  it('keeps its pages in a pass while the inactive list is long enough, and gives some when that gets short', () => {
    const { vm, space } = written(80);
    const { zone } = vm.kernel.vm;
    zone.shrinkActiveList(40, SCAN_LIMIT);
    expect(zone.shrinkZone(DEF_PRIORITY, 8, SCAN_LIMIT)).to.equal(8);
    // 32 inactive ones against 40 active ones: they were too few, so a batch followed.
    expect(lists(vm, space)).to.deep.equal([range(8, 71), range(72, 79)]);
    expect(zone.shrinkZone(DEF_PRIORITY, 8, SCAN_LIMIT)).to.equal(8);
    expect(lists(vm, space)).to.deep.equal([range(16, 71), range(72, 79)]);
  });

  it('lets a page that somebody has locked go like all others', () => {
    const { vm, space } = written(2);
    const page = vm.page(space, 0);
    vm.kernel.frames.lockPage(page);
    expect(vm.kernel.vm.zone.shrinkActiveList(9, SCAN_LIMIT)).to.equal(2);
    vm.kernel.frames.unlockPage(page);
    expect(lists(vm, space)).to.deep.equal([[0, 1], []]);
    // But its use could not be forgotten.
    expect(vm.view.reclaimPages(1)).to.equal(1);
    expect([isSwapPte(vm.pte(space, 0)), isSwapPte(vm.pte(space, 1))]).to.deep.equal([false, true]);
    expect(vm.count('pgactivate')).to.equal(1);
  });
});

describe('the inactive list', () => {
  it('loses its oldest pages, and sends those to the active list that were used since they came', () => {
    const { vm, space } = written(6);
    const { zone } = vm.kernel.vm;
    zone.shrinkActiveList(6, SCAN_LIMIT);
    space.read(0, 1);
    space.write(3 * PAGE_SIZE, Uint8Array.of(9));
    expect(zone.shrinkInactiveList(5, 9, SCAN_LIMIT)).to.equal(3);
    expect(lists(vm, space)).to.deep.equal([[5], [0, 3]]);
    expect([vm.count('scanned'), vm.count('reclaimed'), vm.count('pgactivate')]).to.deep.equal([5, 3, 2]);
    for (const vpn of [1, 2, 4]) expect(isSwapPte(vm.pte(space, vpn))).to.equal(true);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('is not looked at beyond what is wanted', () => {
    const { vm, space } = written(6);
    const { zone } = vm.kernel.vm;
    zone.shrinkActiveList(6, SCAN_LIMIT);
    expect(zone.shrinkInactiveList(6, 2, SCAN_LIMIT)).to.equal(2);
    expect([vm.count('scanned'), lists(vm, space)[0]]).to.deep.equal([2, range(2, 5)]);
  });

  it('tells a pass that met only pages in use from one that met only pages that stay', () => {
    const { vm, space } = written(2);
    const { zone, shrinkPage } = vm.kernel.vm;
    expect(zone.shrinkInactiveList(9, 9, SCAN_LIMIT)).to.equal(0);
    zone.shrinkActiveList(2, SCAN_LIMIT);
    for (const vpn of [0, 1]) vm.kernel.frames.lockPage(vm.page(space, vpn));
    expect(zone.shrinkInactiveList(9, 9, SCAN_LIMIT)).to.equal(PASS_BUSY);
    for (const vpn of [0, 1]) vm.kernel.frames.unlockPage(vm.page(space, vpn));
    // A page that was just used may be free to go soon.
    space.read(0, 1);
    const [taken]: number[] = [vm.page(space, 0)];
    vm.kernel.reclaimList.removeIfListed(taken!);
    vm.kernel.frames.getPage(taken!);
    expect(shrinkPage.shrinkPage(taken!)).to.equal(PAGE_BUSY);
    vm.kernel.reclaimList.putback([taken!]);
    vm.kernel.frames.putPage(taken!);
    expect(lists(vm, space)).to.deep.equal([[1], [0]]);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('keeps a page that only the swap cache was asked for, if it must be written, but only once', () => {
    const { vm, space } = written(1);
    const { cells } = vm.kernel.core;
    const { zone } = vm.kernel.vm;
    zone.shrinkActiveList(1, SCAN_LIMIT);
    const page = vm.page(space, 0);
    cells.st32(page + PAGE.referenced, 1);
    expect(zone.shrinkInactiveList(1, 1, SCAN_LIMIT)).to.equal(0);
    expect([vm.count('swapOuts'), vm.isDirty(page), isSwapPte(vm.pte(space, 0))]).to.deep.equal([
      0,
      true,
      true,
    ]);
    expect(zone.shrinkInactiveList(1, 1, SCAN_LIMIT)).to.equal(1);
    expect(vm.count('swapOuts')).to.equal(1);
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(0));
    // A clean copy goes at once, marked or not.
    const again = vm.page(space, 0);
    vm.kernel.frames.lockPage(again);
    vm.kernel.vm.rmap.pageReferenced(again);
    vm.kernel.frames.unlockPage(again);
    expect(cells.ld32(again + PAGE.referenced)).to.equal(1);
    expect(zone.shrinkInactiveList(1, 1, SCAN_LIMIT)).to.equal(1);
    expect([vm.count('swapOuts'), vm.count('cleanDrops')]).to.deep.equal([1, 1]);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('gets no page whose write has begun back with a mark of that', () => {
    const { vm, space } = written(1);
    const { io, zone } = vm.kernel.vm;
    const page = vm.page(space, 0);
    const swapWritepage = io.swapWritepage.bind(io);
    const seen: boolean[] = [];
    io.swapWritepage = (written) => {
      seen.push(vm.kernel.frames.testFlag(written, PG_RECLAIM));
      // Its slot has gone meanwhile: nothing is written.
      vm.kernel.swap.pages.tryToFreeSwap = () => 1;
      const error = swapWritepage(written);
      return error === 0 ? -12 : error;
    };
    zone.shrinkActiveList(1, SCAN_LIMIT);
    expect(zone.shrinkInactiveList(1, 1, SCAN_LIMIT)).to.equal(0);
    expect(seen).to.deep.equal([true]);
    expect(vm.kernel.frames.testFlag(page, PG_RECLAIM)).to.equal(false);
  });

  it('sees its pages go to the active list when there is no slot for them', () => {
    const vm = createVmMachine({ slots: [12] });
    const space = vm.process(20);
    for (let vpn = 0; vpn < 20; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    const { zone } = vm.kernel.vm;
    zone.shrinkActiveList(20, SCAN_LIMIT);
    expect(zone.shrinkInactiveList(20, 20, SCAN_LIMIT)).to.equal(12);
    expect(vm.kernel.reclaimList.inactiveCount()).to.equal(0);
    expect([vm.kernel.reclaimList.activeCount(), vm.count('pgactivate')]).to.deep.equal([8, 8]);
    expect(zone.reclaimablePages()).to.equal(0);
  });
});

describe('passes of rising urgency', () => {
  it('look at twice as much each time, and at a batch at least', () => {
    const { vm } = written(300);
    const { zone } = vm.kernel.vm;
    zone.shrinkActiveList(300, SCAN_LIMIT);
    // Nothing can be freed, so each pass sees all it may: the pages go back to the head.
    vm.kernel.vm.shrinkPage.shrinkPage = () => 0;
    const looked: number[] = [];
    for (let priority = DEF_PRIORITY; priority >= 0; priority--) {
      const before = vm.count('scanned');
      zone.shrinkZone(priority, 1000, SCAN_LIMIT);
      looked.push(vm.count('scanned') - before);
    }
    expect(looked).to.deep.equal([32, 32, 32, 32, 32, 32, 32, 32, 32, 37, 75, 150, 300]);
    expect(vm.count('pgrefill')).to.equal(300);
  });

  it('reach pages that are active, however long the other list is and whatever is wrong with that', () => {
    const { vm, space } = written(12);
    const { zone } = vm.kernel.vm;
    zone.shrinkActiveList(10, SCAN_LIMIT);
    for (let vpn = 0; vpn < 10; vpn++) vm.kernel.frames.lockPage(vm.page(space, vpn));
    expect(zone.inactiveAnonIsLow()).to.equal(false);
    expect(zone.shrinkZones(1, SCAN_LIMIT)).to.equal(1);
    expect(isSwapPte(vm.pte(space, 10))).to.equal(true);
    for (let vpn = 0; vpn < 10; vpn++) vm.kernel.frames.unlockPage(vm.page(space, vpn));
    expect(vm.broken()).to.deep.equal([]);
  });

  it('are told apart by who asks for them', () => {
    for (const [scan, expected] of [
      [SCAN_DIRECT, [4, 0, 4, 0]],
      [SCAN_KSWAPD, [4, 4, 0, 4]],
      [SCAN_LIMIT, [4, 0, 0, 0]],
    ] as const) {
      const { vm } = written(4);
      vm.kernel.vm.zone.shrinkActiveList(4, scan);
      expect(vm.kernel.vm.zone.shrinkInactiveList(4, 4, scan)).to.equal(4);
      const events = ['scanned', 'pgscanKswapd', 'pgscanDirect', 'pgstealKswapd'] as const;
      expect(events.map((event) => vm.count(event))).to.deep.equal(expected);
      expect(vm.count('reclaimed')).to.equal(4);
    }
  });

  it('leave every page on exactly one list', () => {
    const { vm, space } = written(60);
    const { zone } = vm.kernel.vm;
    for (let turn = 0; turn < 40; turn++) {
      for (let vpn = turn % 3; vpn < 60; vpn += 7) space.read(vpn * PAGE_SIZE, 1);
      zone.shrinkZone(turn % (DEF_PRIORITY + 1), 1 + (turn % 5), SCAN_DIRECT);
      expect(zone.isolatedPages()).to.equal(0);
      const { reclaimList } = vm.kernel;
      const listed = [LRU_INACTIVE_ANON, LRU_ACTIVE_ANON].flatMap((list) => reclaimList.pages(list));
      expect(new Set(listed).size).to.equal(listed.length);
      const present = range(0, 67).filter((vpn) => (vm.pte(space, vpn) & PTE_PRESENT) !== 0);
      // Besides what is mapped, pages of the swap cache that were read ahead.
      expect(listed.length).to.equal(vm.kernel.frames.info().charged);
      expect(listed.length).to.be.at.least(present.length);
      expect(vm.broken()).to.deep.equal([]);
    }
    for (let vpn = 0; vpn < 60; vpn++)
      expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
    space.exit();
    vm.view.reclaimPages(1000);
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  });
});
