import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { KernelError } from '#src/errno.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { PAGE, PG_DIRTY, PG_WRITEBACK } from '#src/page/page.js';
import { swpOffset } from '#src/swap/entries.js';
import { SWAP_MAP_MAX } from '#src/swap/info.js';
import { PTE_ACCESSED, PTE_DIRTY, PTE_WRITABLE } from '#src/vm/mm.js';
import { SWAP_FAIL, SWAP_SUCCESS } from '#src/vm/rmap.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';

/** Ends all processes, then looks for anything left behind. */
function expectNothingLeft(vm: VmMachine, spaces: readonly AddressSpace[]): void {
  expect(vm.broken()).to.deep.equal([]);
  for (const space of spaces) space.exit();
  vm.view.reclaimPages(1000);
  expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  expect(vm.broken()).to.deep.equal([]);
}

function expectPage(space: AddressSpace, vpn: number, seed: number): void {
  expect(Buffer.compare(space.read(vpn * PAGE_SIZE, PAGE_SIZE), bytesOf(seed)), `page ${vpn}`).to.equal(0);
}

function mapcount(vm: VmMachine, page: number): number {
  return vm.kernel.vm.cache.mapcount(page);
}

/** A parent whose first page is in a slot only, its child, and the slot. */
function swappedFamily(vm: VmMachine): { parent: AddressSpace; child: AddressSpace; entry: number } {
  const parent = vm.process();
  parent.write(0, bytesOf(1));
  vm.swapOut();
  const child = parent.fork();
  return { parent, child, entry: vm.entry(parent, 0) };
}

describe('fork', () => {
  it('shares present pages for reading, counts users of swapped ones, and costs nothing for the rest', () => {
    const vm = createVmMachine();
    const parent = vm.process();
    parent.write(0, bytesOf(10));
    vm.swapOut();
    parent.write(PAGE_SIZE, bytesOf(11));
    const page = vm.page(parent, 1);
    const before = vm.kernel.frames.info().charged;
    const child = parent.fork();
    expect(vm.kernel.frames.info().charged).to.equal(before);
    expect(vm.entry(child, 0)).to.equal(vm.entry(parent, 0));
    expect(vm.byte(vm.entry(parent, 0))).to.equal(0x02);
    expect([vm.page(child, 1), mapcount(vm, page), vm.kernel.frames.pageCount(page)]).to.deep.equal([
      page,
      2,
      2,
    ]);
    for (const space of [parent, child]) {
      expect(vm.pte(space, 1) & (PTE_WRITABLE | PTE_DIRTY)).to.equal(PTE_DIRTY);
      expect(vm.pte(space, 2)).to.equal(0);
      expect(space.info()).to.deep.include({ pages: 16, rss: 1, swapents: 1 });
    }
    // Only the parent has used the page.
    expect([vm.pte(parent, 1) & PTE_ACCESSED, vm.pte(child, 1) & PTE_ACCESSED]).to.deep.equal([
      PTE_ACCESSED,
      0,
    ]);
    expectPage(child, 0, 10);
    expectPage(child, 1, 11);
    expect(child.read(2 * PAGE_SIZE, 1)).to.deep.equal(Uint8Array.of(0));
    expect(vm.count('forks')).to.equal(1);
    expectNothingLeft(vm, [parent, child]);
  });

  it('keeps what either writes from the other, whoever is first', () => {
    for (const parentFirst of [true, false]) {
      const vm = createVmMachine();
      const parent = vm.process();
      parent.write(0, bytesOf(1));
      const page = vm.page(parent, 0);
      const child = parent.fork();
      const [first, second] = parentFirst ? [parent, child] : [child, parent];
      first.write(3, Uint8Array.of(0xee));
      const expected = bytesOf(1);
      expected[3] = 0xee;
      expect(first.read(0, PAGE_SIZE)).to.deep.equal(expected);
      expectPage(second, 0, 1);
      expect(vm.page(first, 0)).to.not.equal(page);
      expect([vm.page(second, 0), mapcount(vm, page), vm.kernel.frames.pageCount(page)]).to.deep.equal([
        page,
        1,
        1,
      ]);
      expect(vm.count('copies')).to.equal(1);
      // The other has the page alone now, and writes to it without a copy.
      second.write(0, bytesOf(2));
      expect([vm.page(second, 0), vm.count('copies')]).to.deep.equal([page, 1]);
      expect(first.read(0, PAGE_SIZE)).to.deep.equal(expected);
      vm.swapOut(2);
      expect(vm.entry(first, 0)).to.not.equal(vm.entry(second, 0));
      expect(first.read(0, PAGE_SIZE)).to.deep.equal(expected);
      expectPage(second, 0, 2);
      expectNothingLeft(vm, [parent, child]);
    }
  });

  it('reaches over generations: a grandchild has what its ancestors had', () => {
    const vm = createVmMachine({ limitPages: 4, slots: [60] });
    const family = [vm.process(8)];
    for (let generation = 0; generation < 6; generation++) {
      const last = family.at(-1)!;
      last.write(generation * PAGE_SIZE, bytesOf(generation));
      family.push(last.fork());
      last.write(7 * PAGE_SIZE, bytesOf(100 + generation));
    }
    // The middle goes; the others must not notice.
    family.splice(2, 1)[0]!.exit();
    const last = family.at(-1)!;
    for (let vpn = 0; vpn < 6; vpn++) expectPage(last, vpn, vpn);
    expect(last.read(7 * PAGE_SIZE, 1)).to.deep.equal(Uint8Array.of(0));
    expectPage(family[0]!, 7, 100);
    expectPage(family[1]!, 1, 1);
    expect(family[0]!.read(PAGE_SIZE, 1)).to.deep.equal(Uint8Array.of(0));
    expectNothingLeft(vm, family);
  });

  it('has families that last as long as their last member, and are free then', () => {
    const vm = createVmMachine({ addressSpaces: 3 });
    const { spaces } = vm.kernel.vm;
    for (let round = 0; round < 5; round++) {
      const parent = vm.process();
      const child = parent.fork();
      parent.exit();
      const stranger = vm.process();
      expect(spaces.familyOf(stranger.id)).to.not.equal(spaces.familyOf(child.id));
      const grandchild = child.fork();
      expect(spaces.familyOf(grandchild.id)).to.equal(spaces.familyOf(child.id));
      expect(spaces.families.memberCount(spaces.familyOf(child.id))).to.equal(2);
      expectNothingLeft(vm, [child, grandchild, stranger]);
    }
  });

  it('lists children behind their parents, so that a walk that meets the fork half way misses nobody', () => {
    const vm = createVmMachine();
    const { spaces } = vm.kernel.vm;
    const { families } = spaces;
    const parent = vm.process();
    const first = parent.fork();
    const family = [parent, first, first.fork(), parent.fork()];
    family.splice(1, 1)[0]!.exit();
    family.push(family[1]!.fork());
    const anonVma = spaces.familyOf(parent.id);
    const listed: number[] = [];
    families.lock(anonVma);
    for (let chain = families.first(anonVma); chain !== 0; chain = families.next(chain))
      listed.push(families.mmOf(chain));
    families.unlock(anonVma);
    expect(listed).to.deep.equal(family.map((space) => space.id));
    expectNothingLeft(vm, family);
  });

  it('of a process that has ended is refused', () => {
    const vm = createVmMachine();
    const space = vm.process();
    space.exit();
    expect(() => space.fork())
      .to.throw('ended')
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(vm.kernel.vm.fork.dupMm(space.id)).to.equal(-14);
  });
});

describe('a fork that fails', () => {
  /** The fork must fail, and the parent must be as before. */
  function expectNoFork(vm: VmMachine, parent: AddressSpace): void {
    const living = vm.kernel.vm.spaces.list();
    const maps = vm.kernel.vmalloc.pagesInUse();
    const info = parent.info();
    expect(() => parent.fork())
      .to.throw(KernelError)
      .with.property('code', 'ENOMEM');
    expect(vm.kernel.vm.spaces.list()).to.deep.equal(living);
    expect(vm.kernel.vmalloc.pagesInUse()).to.equal(maps);
    expect(parent.info()).to.deep.equal(info);
    expect(vm.broken()).to.deep.equal([]);
  }

  it('for lack of a place or of a page table leaves nothing', () => {
    const vm = createVmMachine({ addressSpaces: 1 });
    const parent = vm.process();
    parent.write(0, bytesOf(1));
    expectNoFork(vm, parent);
    const roomy = createVmMachine({ addressSpaces: 4 });
    const big = roomy.process();
    const { vmalloc } = roomy.kernel;
    const taken: number[] = [];
    for (let bytes = 1 << 22; bytes >= PAGE_SIZE;) {
      const block = vmalloc.vmalloc(bytes);
      if (block === 0) bytes >>= 1;
      else taken.push(block);
    }
    expectNoFork(roomy, big);
    for (const block of taken) vmalloc.vfree(block);
    big.fork().exit();
    expectNothingLeft(roomy, [big]);
  });

  it('is the one that finds no page for the count of a slot, and the child is taken apart again', () => {
    const vm = createVmMachine({ addressSpaces: 70 });
    const parent = vm.process(4);
    for (let vpn = 0; vpn < 3; vpn++) parent.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(3);
    // Pages before and behind the full slot: what was copied of them must be given back.
    expectPage(parent, 0, 0);
    const [full, other] = [vm.entry(parent, 1), vm.entry(parent, 2)];
    const children: AddressSpace[] = [];
    while (children.length < SWAP_MAP_MAX - 1) children.push(parent.fork());
    expect([vm.byte(full), vm.byte(other)]).to.deep.equal([62, 62]);
    expect(mapcount(vm, vm.page(parent, 0))).to.equal(62);
    // Under the page-table locks it is asked for at once, and without them with patience: both find none.
    vm.kernel.frames.failNextRequests(2);
    expectNoFork(vm, parent);
    expect([vm.byte(full), vm.byte(other), mapcount(vm, vm.page(parent, 0))]).to.deep.equal([62, 62, 62]);
    expect(vm.count('forks')).to.equal(61);
    expect(vm.kernel.swap.continuations.livePages()).to.equal(0);
    // The second request finds one.
    vm.kernel.frames.failNextRequests(1);
    children.push(parent.fork());
    expect([vm.byte(full), vm.byte(other), mapcount(vm, vm.page(parent, 0))]).to.deep.equal([0x80, 0x80, 63]);
    for (const space of [parent, ...children]) for (let vpn = 0; vpn < 3; vpn++) expectPage(space, vpn, vpn);
    expectNothingLeft(vm, [parent, ...children]);
    vm.view.swapoff('/dev/ram0');
    expect(vm.kernel.frames.info().free).to.equal(vm.kernel.frames.frameCount);
  });

  it('is none of many: a slot has as many users as there are processes', () => {
    const vm = createVmMachine({ addressSpaces: 210 });
    const { continuations } = vm.kernel.swap;
    const parent = vm.process(2);
    for (let vpn = 0; vpn < 2; vpn++) parent.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(2);
    const [first, second] = [vm.entry(parent, 0), vm.entry(parent, 1)];
    const children: AddressSpace[] = [];
    while (children.length < 199) children.push((children.at(-1) ?? parent).fork());
    const area = vm.kernel.swap.table.infoOf(0);
    expect([first, second].map((entry) => continuations.countOf(area, swpOffset(entry)))).to.deep.equal([
      200, 200,
    ]);
    // 200 = 11 + 63 x 3
    expect([vm.byte(first), continuations.chainOf(area, swpOffset(first))]).to.deep.equal([0x80 | 11, [3]]);
    expect(continuations.livePages()).to.equal(1);
    expect(vm.broken()).to.deep.equal([]);
    // One of many: the page is brought in, and taken over by nobody who shares it.
    children[100]!.write(PAGE_SIZE, bytesOf(7));
    expectPage(children[100]!, 1, 7);
    for (const space of [parent, children[99]!, children[101]!]) expectPage(space, 1, 1);
    expect(vm.broken()).to.deep.equal([]);
    for (const child of children.splice(0, 150)) child.exit();
    expect(continuations.countOf(area, swpOffset(first))).to.equal(50);
    for (const space of [parent, ...children]) for (let vpn = 0; vpn < 2; vpn++) expectPage(space, vpn, vpn);
    expectNothingLeft(vm, [parent, ...children]);
  });
});

describe('a slot with several users', () => {
  it('has the map bytes of the model, step by step', () => {
    const vm = createVmMachine();
    const parent = vm.process();
    parent.write(0, bytesOf(1));
    vm.swapOut();
    const entry = vm.entry(parent, 0);
    expect(vm.byte(entry)).to.equal(0x01);
    const child = parent.fork();
    expect(vm.byte(entry)).to.equal(0x02);
    const page = vm.kernel.vm.faults.readSwapCache(entry);
    expect(vm.byte(entry)).to.equal(0x42);
    vm.kernel.frames.putPage(page);
    expectPage(parent, 0, 1);
    expect(vm.byte(entry)).to.equal(0x41);
    child.exit();
    expect(vm.byte(entry)).to.equal(0x40);
    parent.write(0, Uint8Array.of(1));
    expect(vm.byte(entry)).to.equal(0x00);
    expectNothingLeft(vm, [parent]);
  });

  it('is read once for all of them', () => {
    const vm = createVmMachine();
    const { parent, child, entry } = swappedFamily(vm);
    expectPage(parent, 0, 1);
    expect([vm.count('swapIns'), vm.byte(entry)]).to.deep.equal([1, 0x41]);
    expectPage(child, 0, 1);
    expect([vm.count('swapIns'), vm.byte(entry)]).to.deep.equal([1, 0x40]);
    expect(vm.page(parent, 0)).to.equal(vm.page(child, 0));
    expect(mapcount(vm, vm.page(child, 0))).to.equal(2);
    // Clean and still on the device: it goes without a write, for both at once.
    vm.swapOut();
    expect([vm.count('swapOuts'), vm.count('cleanDrops'), vm.byte(entry)]).to.deep.equal([1, 1, 0x02]);
    expect([vm.entry(parent, 0), vm.entry(child, 0)]).to.deep.equal([entry, entry]);
    expectNothingLeft(vm, [parent, child]);
  });

  it('keeps its contents for the others when one writes, in the same fault that reads it', () => {
    const vm = createVmMachine();
    const { parent, child, entry } = swappedFamily(vm);
    const faults = vm.count('faults');
    parent.write(0, bytesOf(2));
    expect(vm.count('faults')).to.equal(faults + 1);
    expect([vm.count('copies'), vm.byte(entry)]).to.deep.equal([1, 0x41]);
    expect(vm.entry(child, 0)).to.equal(entry);
    // The page in the cache was not written to: it goes without a write.
    const writes = vm.count('swapOuts');
    vm.swapOut(2);
    expect([vm.count('swapOuts'), vm.byte(entry)]).to.deep.equal([writes + 1, 0x01]);
    expectPage(child, 0, 1);
    expectPage(parent, 0, 2);
    expectNothingLeft(vm, [parent, child]);
  });

  it('is given back by the last of them only, present or swapped', () => {
    const vm = createVmMachine();
    const { parent, child, entry } = swappedFamily(vm);
    parent.unmap(0, PAGE_SIZE);
    expect(vm.byte(entry)).to.equal(0x01);
    expectPage(child, 0, 1);
    const second = child.fork();
    expect(vm.byte(entry)).to.equal(0x40);
    child.unmap(0, PAGE_SIZE);
    expect([vm.byte(entry), mapcount(vm, vm.page(second, 0))]).to.deep.equal([0x40, 1]);
    second.unmap(0, PAGE_SIZE);
    expect(vm.byte(entry)).to.equal(0);
    expectNothingLeft(vm, [parent, child, second]);
  });

  it('is written in place by the last of them, though the page is under writeback', () => {
    const vm = createVmMachine();
    const { parent, child, entry } = swappedFamily(vm);
    expectPage(parent, 0, 1);
    const page = vm.page(parent, 0);
    child.exit();
    vm.kernel.frames.setFlag(page, PG_WRITEBACK);
    parent.write(0, bytesOf(3));
    expect([vm.page(parent, 0), vm.byte(entry), vm.isDirty(page)]).to.deep.equal([page, 0x40, false]);
    vm.kernel.frames.clearFlag(page, PG_WRITEBACK);
    // What the flag of the page does not say, both entries do: whoever is unmapped last still makes it dirty.
    const again = parent.fork();
    parent.exit();
    vm.swapOut();
    expect(vm.count('swapOuts')).to.equal(2);
    expectPage(again, 0, 3);
    expectNothingLeft(vm, [again]);
  });
});

describe('the reverse map of a shared page', () => {
  it('finds all owners, and unmaps them together', () => {
    const vm = createVmMachine();
    const parent = vm.process();
    parent.write(5 * PAGE_SIZE, bytesOf(5));
    const family = [parent, parent.fork()];
    family.push(family[1]!.fork(), parent.fork());
    const page = vm.page(parent, 5);
    expect(mapcount(vm, page)).to.equal(4);
    vm.swapOut();
    const entry = vm.entry(parent, 5);
    for (const space of family) {
      expect(vm.entry(space, 5)).to.equal(entry);
      expect(space.info()).to.deep.include({ rss: 0, swapents: 1 });
    }
    expect([vm.byte(entry), vm.count('swapOuts')]).to.deep.equal([0x04, 1]);
    for (const space of family) expectPage(space, 5, 5);
    expect(vm.count('swapIns')).to.equal(1);
    expectNothingLeft(vm, family);
  });

  it('sees the use by any owner, once', () => {
    const vm = createVmMachine();
    const { frames, vm: floors } = vm.kernel;
    const parent = vm.process();
    parent.write(0, bytesOf(1));
    const family = [parent, parent.fork(), parent.fork()];
    const page = vm.page(parent, 0);
    frames.lockPage(page);
    expect(floors.rmap.pageReferenced(page)).to.equal(1);
    expect(floors.rmap.pageReferenced(page)).to.equal(0);
    for (const space of family) {
      space.read(0, 1);
      expect(floors.rmap.pageReferenced(page)).to.equal(1);
      expect(floors.rmap.pageReferenced(page)).to.equal(0);
    }
    for (const space of family) space.read(0, 1);
    expect(floors.rmap.pageReferenced(page)).to.equal(3);
    for (const space of family) expect(vm.pte(space, 0) & PTE_ACCESSED).to.equal(0);
    frames.unlockPage(page);
    expectNothingLeft(vm, family);
  });

  it('passes over members that have other pages there', () => {
    const vm = createVmMachine();
    const parent = vm.process();
    parent.write(0, bytesOf(1));
    const [writer, dropper, reader] = [parent.fork(), parent.fork(), parent.fork()];
    writer.write(0, bytesOf(2));
    dropper.unmap(0, PAGE_SIZE);
    const page = vm.page(parent, 0);
    const { frames, vm: floors } = vm.kernel;
    frames.getPage(page);
    frames.lockPage(page);
    expect(floors.cache.addToSwap(page)).to.equal(true);
    expect(floors.rmap.tryToUnmap(page)).to.equal(SWAP_SUCCESS);
    expect(vm.byte(vm.slotOf(page))).to.equal(0x42);
    frames.unlockPage(page);
    frames.putPage(page);
    expect(vm.entry(reader, 0)).to.equal(vm.entry(parent, 0));
    expect(vm.pte(dropper, 0)).to.equal(0);
    expectPage(writer, 0, 2);
    expectPage(reader, 0, 1);
    expectNothingLeft(vm, [parent, writer, dropper, reader]);
  });

  it('stops when there is no page for the count of the slot: the page stays, and nothing is lost', () => {
    const vm = createVmMachine({ addressSpaces: 80 });
    const parent = vm.process(2);
    parent.write(0, bytesOf(1));
    const children: AddressSpace[] = [];
    while (children.length < SWAP_MAP_MAX) children.push(parent.fork());
    const page = vm.page(parent, 0);
    expect(mapcount(vm, page)).to.equal(63);
    const { frames, vm: floors } = vm.kernel;
    frames.getPage(page);
    frames.lockPage(page);
    floors.cache.addToSwap(page);
    frames.failNextRequests(1);
    expect(floors.rmap.tryToUnmap(page)).to.equal(SWAP_FAIL);
    const entry = vm.slotOf(page);
    expect([vm.byte(entry), mapcount(vm, page)]).to.deep.equal([0x40 | 62, 1]);
    frames.unlockPage(page);
    frames.putPage(page);
    expect(vm.broken()).to.deep.equal([]);
    for (const space of [parent, ...children]) expectPage(space, 0, 1);
    expect(vm.count('swapIns')).to.equal(0);
    // With a page for the count it goes, although it has so many owners.
    expect(vm.view.reclaimPages(1)).to.equal(1);
    expect(vm.byte(vm.entry(parent, 0))).to.equal(0x80);
    expect(vm.broken()).to.deep.equal([]);
    for (const space of [parent, ...children]) expectPage(space, 0, 1);
    expectNothingLeft(vm, [parent, ...children]);
  });

  it('is not misled by a page whose family is gone', () => {
    const vm = createVmMachine();
    const { frames, core, vm: floors } = vm.kernel;
    const { parent, child, entry } = swappedFamily(vm);
    const page = floors.faults.readSwapCache(entry);
    parent.read(0, 1);
    const family = core.cells.ld32(page + PAGE.mapping);
    parent.exit();
    child.exit();
    const stranger = vm.process();
    expect(floors.spaces.familyOf(stranger.id)).to.equal(family);
    stranger.write(0, bytesOf(9));
    frames.lockPage(page);
    expect(floors.rmap.tryToUnmap(page)).to.equal(SWAP_SUCCESS);
    frames.unlockPage(page);
    expectPage(stranger, 0, 9);
    frames.putPage(page);
    expectNothingLeft(vm, [stranger]);
  });
});

describe('a copy for a writer', () => {
  it('that cannot be had ends the writer if he is the largest, and only him', () => {
    const vm = createVmMachine();
    const parent = vm.process();
    parent.write(0, bytesOf(1));
    const child = parent.fork();
    child.write(PAGE_SIZE, bytesOf(3));
    vm.kernel.frames.failNextRequests(1);
    expect(() => child.write(0, bytesOf(2)))
      .to.throw(KernelError)
      .with.property('code', 'ENOMEM');
    expect([child.info().killed, parent.info().killed, vm.count('kills')]).to.deep.equal([true, false, 1]);
    expectPage(parent, 0, 1);
    expectNothingLeft(vm, [parent, child]);
  });

  it('is charged, dirty in its entry, and goes to a slot of its own', () => {
    const vm = createVmMachine();
    const parent = vm.process();
    parent.write(0, bytesOf(1));
    const child = parent.fork();
    child.write(0, bytesOf(2));
    const copy = vm.page(child, 0);
    expect(vm.kernel.frames.info().charged).to.equal(2);
    expect(vm.kernel.reclaimList.count()).to.equal(2);
    expect(vm.pte(child, 0) & (PTE_WRITABLE | PTE_DIRTY)).to.equal(PTE_WRITABLE | PTE_DIRTY);
    expect(vm.kernel.frames.testFlag(copy, PG_DIRTY)).to.equal(false);
    expectNothingLeft(vm, [parent, child]);
  });

  it('is given up when the page was dropped meanwhile', () => {
    const vm = createVmMachine();
    const parent = vm.process();
    parent.write(0, bytesOf(1));
    const child = parent.fork();
    const { reclaim, spaces, zap } = vm.kernel.vm;
    const allocUserPage = reclaim.allocUserPage.bind(reclaim);
    let meanwhile = 0;
    reclaim.allocUserPage = () => {
      const page = allocUserPage();
      if (meanwhile++ > 0) return page;
      // What another task that writes through the same address space may do: here it drops the page.
      const old = vm.page(child, 0);
      spaces.lockTable(child.id);
      spaces.unmapPage(child.id, 0, old, 0);
      spaces.unlockTable(child.id);
      zap.freePageAndSwapCache(old);
      return page;
    };
    child.write(1, Uint8Array.of(7));
    expect(meanwhile).to.equal(2);
    expect(child.read(0, 3)).to.deep.equal(Uint8Array.of(0, 7, 0));
    expect(vm.count('copies')).to.equal(0);
    expectPage(parent, 0, 1);
    expectNothingLeft(vm, [parent, child]);
  });
});

describe('the check of the vm, of shared pages', () => {
  it('finds a wrong count of owners, one who may write, and families that are wrong', () => {
    const damages: readonly [RegExp, (vm: VmMachine, parent: AddressSpace, child: AddressSpace) => void][] = [
      [
        /is mapped by 2 page table\(s\) but counts 1/,
        (vm, parent) => vm.kernel.core.cells.st32(vm.page(parent, 0) + PAGE.mapcount, 1),
      ],
      [
        /can be written by one of its 2 owners/,
        (vm, _parent, child) => {
          const { spaces } = vm.kernel.vm;
          spaces.lockTable(child.id);
          spaces.setPte(child.id, 0, vm.pte(child, 0) | PTE_WRITABLE);
          spaces.unlockTable(child.id);
        },
      ],
      [/has fewer references/, (vm, parent) => vm.kernel.core.cells.st32(vm.page(parent, 0) + PAGE.count, 1)],
      [
        /families list 1 address spaces, but 2 live/,
        (vm, _parent, child) => {
          const { spaces } = vm.kernel.vm;
          const [first] = spaces.list();
          spaces.families.leave(child.id === first ? 0 : 1);
        },
      ],
    ];
    for (const [sentence, damage] of damages) {
      const vm = createVmMachine();
      const parent = vm.process();
      parent.write(0, bytesOf(1));
      const child = parent.fork();
      expect(vm.broken()).to.deep.equal([]);
      damage(vm, parent, child);
      expect(vm.broken().join('\n')).to.match(sentence);
    }
  });
});
