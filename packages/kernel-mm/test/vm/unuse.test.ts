import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { EINTR, EIO, ENOMEM, EOPNOTSUPP, MisuseError } from '#src/errno.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { PAGE } from '#src/page/page.js';
import { PF_OOM_ORIGIN } from '#src/sync/task.js';
import { PTE_PRESENT, PTE_WRITABLE } from '#src/vm/mm.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine, type VmOptions } from './machine.js';

const RAM0 = '/dev/ram0';

/** A process that wrote its first pages, each with contents of its own. */
function written(vm: VmMachine, pages: number, first = 0): AddressSpace {
  const space = vm.process(Math.max(16, pages));
  for (let vpn = 0; vpn < pages; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(first + vpn));
  return space;
}

function expectContents(space: AddressSpace, pages: number, first = 0): void {
  for (let vpn = 0; vpn < pages; vpn++)
    expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE), `page ${vpn}`).to.deep.equal(bytesOf(first + vpn));
}

/** A machine and a process all whose pages are on the first disk. */
function swappedOut(pages: number, options: VmOptions = {}): { vm: VmMachine; space: AddressSpace } {
  const vm = createVmMachine({ slots: [63], ...options });
  const space = written(vm, pages);
  vm.swapOut(pages);
  return { vm, space };
}

/** Answer of swapoff, as the kernel gives it. */
function swapoff(vm: VmMachine, path = RAM0): number {
  return vm.kernel.swap.off.swapoff(path);
}

/** Type, slots in use and priority of each area, in order of the list. */
function areas(vm: VmMachine): (readonly [string, number, number])[] {
  const rows = vm.kernel.swap.report.swaps();
  return rows
    .toSorted((a, b) => b.priority - a.priority)
    .map(({ device, inusePages, priority }) => [device, inusePages, priority] as const);
}

function users(vm: VmMachine, space: AddressSpace): number {
  return vm.kernel.vm.spaces.usersOf(space.id);
}

function expectNothingLeft(vm: VmMachine): void {
  vm.view.reclaimPages(1000);
  expect(vm.broken()).to.deep.equal([]);
  expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
}

describe('swapoff of an area in use', () => {
  it('brings every page home, dirty and not as used, and frees every slot', () => {
    const { vm, space } = swappedOut(12);
    const entry = vm.entry(space, 3);
    expect(swapoff(vm)).to.equal(0);
    expect(areas(vm)).to.deep.equal([]);
    expect(vm.kernel.swap.table.mapByte(entry)).to.equal(0);
    expect(space.info()).to.deep.include({ rss: 12, swapents: 0 });
    expect(vm.pte(space, 3) & 0xfff).to.equal(PTE_PRESENT);
    expect([vm.isDirty(vm.page(space, 3)), vm.isCached(vm.page(space, 3))]).to.deep.equal([true, false]);
    expect(vm.count('broughtHome')).to.equal(12);
    expect(vm.count('swapIns')).to.equal(12);
    expect(vm.broken()).to.deep.equal([]);
    // The device is free for another use, and the pages can go again: they are no clean copies of anything.
    vm.view.mkswap(RAM0);
    vm.view.swapon(RAM0);
    vm.swapOut(12);
    expect(vm.count('swapOuts')).to.equal(24);
    expectContents(space, 12);
    expect(vm.count('faults')).to.equal(24);
    space.exit();
    expectNothingLeft(vm);
  });

  it('gives a slot of several processes to all of them, for reading, in one page', () => {
    const { vm, space } = swappedOut(4);
    const family = [space, space.fork(), space.fork()];
    family.push(family[1]!.fork());
    expect(vm.byte(vm.entry(space, 2))).to.equal(4);
    expect(swapoff(vm)).to.equal(0);
    expect(vm.count('swapIns')).to.equal(4);
    expect(vm.count('broughtHome')).to.equal(16);
    const page = vm.page(space, 2);
    for (const member of family) {
      expect(vm.page(member, 2)).to.equal(page);
      expect(vm.pte(member, 2) & PTE_WRITABLE).to.equal(0);
    }
    expect(vm.kernel.core.cells.ld32(page + PAGE.mapcount)).to.equal(4);
    expect(vm.broken()).to.deep.equal([]);
    family[1]!.write(2 * PAGE_SIZE, bytesOf(99));
    expectContents(space, 4);
    expectContents(family[3]!, 4);
    expect(family[1]!.read(2 * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(99));
    for (const member of family) member.exit();
    expectNothingLeft(vm);
  });

  it('frees slots that only the swap cache holds, without reading them', () => {
    const { vm, space } = swappedOut(4);
    expectContents(space, 4);
    const page = vm.page(space, 1);
    expect(vm.byte(vm.slotOf(page))).to.equal(0x40);
    expect(vm.isDirty(page)).to.equal(false);
    expect(swapoff(vm)).to.equal(0);
    expect(vm.page(space, 1)).to.equal(page);
    expect([vm.isDirty(page), vm.isCached(page)]).to.deep.equal([true, false]);
    expect([vm.count('swapIns'), vm.count('broughtHome')]).to.deep.equal([4, 0]);
    expectContents(space, 4);
    space.exit();
    expectNothingLeft(vm);
  });

  it('finds the page of a slot that one of two processes has in memory already', () => {
    const { vm, space } = swappedOut(3);
    const child = space.fork();
    space.read(PAGE_SIZE, 1);
    const page = vm.page(space, 1);
    expect(vm.byte(vm.entry(child, 1))).to.equal(0x41);
    expect(swapoff(vm)).to.equal(0);
    expect(vm.page(child, 1)).to.equal(page);
    expect(vm.count('swapIns')).to.equal(3);
    expectContents(child, 3);
    expect(vm.broken()).to.deep.equal([]);
    child.exit();
    space.exit();
    expectNothingLeft(vm);
  });

  it('leaves the other area alone, and fills it when memory is limited', () => {
    const vm = createVmMachine({ slots: [63, 63], limitPages: 6 });
    const space = written(vm, 16);
    for (const [, inuse] of areas(vm)) expect(inuse).to.be.at.least(5);
    expect(swapoff(vm)).to.equal(0);
    expect(areas(vm).map(([device]) => device)).to.deep.equal(['/dev/ram1']);
    const { rss, swapents } = space.info();
    expect(rss + swapents).to.equal(16);
    expect(vm.kernel.frames.info().charged).to.be.at.most(6);
    expect(vm.broken()).to.deep.equal([]);
    expectContents(space, 16);
    space.exit();
    expectNothingLeft(vm);
  });

  it('copes with a count that has higher digits', () => {
    const vm = createVmMachine({ slots: [63], addressSpaces: 80, ramPages: 512 });
    const space = written(vm, 1);
    const children = Array.from({ length: 70 }, () => space.fork());
    vm.swapOut(1);
    expect(vm.byte(vm.entry(space, 0)) & 0x80).to.equal(0x80);
    expect(swapoff(vm)).to.equal(0);
    expect(vm.count('broughtHome')).to.equal(71);
    for (const child of children) {
      expectContents(child, 1);
      child.exit();
    }
    space.exit();
    expectNothingLeft(vm);
  });

  it('asks whether there is memory before it touches anything', () => {
    const { vm, space } = swappedOut(4);
    const asked: number[] = [];
    const { unuse } = vm.kernel.vm;
    unuse.vmEnoughMemory = (pages) => {
      asked.push(pages);
      return false;
    };
    const before = vm.machine.snapshot();
    expect(swapoff(vm)).to.equal(-ENOMEM);
    expect(asked).to.deep.equal([63]);
    expect(areas(vm)).to.deep.equal([[RAM0, 4, 1]]);
    expect(Buffer.compare(vm.machine.snapshot().frames, before.frames)).to.equal(0);
    expectContents(space, 4);
  });

  it('needs more free frames and free slots than the area has slots', () => {
    const vm = createVmMachine({ slots: [63] });
    const { frames, vm: memory } = vm.kernel;
    const { free, high } = frames.info();
    const most = 63 + free - high;
    expect(memory.unuse.vmEnoughMemory(63)).to.equal(true);
    expect(memory.unuse.vmEnoughMemory(most)).to.equal(true);
    expect(memory.unuse.vmEnoughMemory(most + 1)).to.equal(false);
    // With the reserve touched only slots and cached pages count.
    const taken: number[] = [];
    while (frames.info().free > high) taken.push(frames.allocPage(0));
    expect(memory.unuse.vmEnoughMemory(63)).to.equal(true);
    expect(memory.unuse.vmEnoughMemory(64)).to.equal(false);
    for (const page of taken) frames.freePage(page);
  });
});

describe('a swapoff that cannot end', () => {
  it('is put back when a signal comes, and keeps what is home', () => {
    const { vm, space } = swappedOut(10);
    const { unuse } = vm.kernel.vm;
    const { context } = vm.kernel.core;
    const unuseSlot = unuse.unuseSlot.bind(unuse);
    let left = 4;
    unuse.unuseSlot = (entry) => {
      expect(context.taskFlags() & PF_OOM_ORIGIN).to.equal(PF_OOM_ORIGIN);
      if (--left === 0) vm.machine.signal('test');
      return unuseSlot(entry);
    };
    expect(swapoff(vm)).to.equal(-EINTR);
    expect(context.taskFlags() & PF_OOM_ORIGIN).to.equal(0);
    expect(areas(vm)).to.deep.equal([[RAM0, 6, 1]]);
    expect(space.info()).to.deep.include({ rss: 4, swapents: 6 });
    expect(vm.broken()).to.deep.equal([]);
    // It waits for the task's next look until the task takes it.
    expect(swapoff(vm)).to.equal(-EINTR);
    context.clearSignal();
    expect(swapoff(vm)).to.equal(0);
    expectContents(space, 10);
  });

  it('is not interrupted when there is nothing to do', () => {
    const vm = createVmMachine();
    vm.machine.signal('test');
    expect(swapoff(vm)).to.equal(0);
  });

  it('is put back when no page can be had, and the process lives on', () => {
    const vm = createVmMachine({ slots: [30, 10], limitPages: 4 });
    const space = written(vm, 30);
    // What the limit allows and what the second area can take is less than there is.
    expect(areas(vm).find(([device]) => device !== RAM0)).to.deep.equal(['/dev/ram1', 10, 1]);
    expect(swapoff(vm)).to.equal(-ENOMEM);
    expect(areas(vm).map(([device]) => device)).to.have.members([RAM0, '/dev/ram1']);
    expect(vm.count('kills')).to.equal(0);
    expect(vm.broken()).to.deep.equal([]);
    expectContents(space, 30);
    // With room for them they come.
    space.unmap(0, 20 * PAGE_SIZE);
    expect(swapoff(vm)).to.equal(0);
    for (let vpn = 20; vpn < 30; vpn++)
      expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
    space.exit();
    expectNothingLeft(vm);
  });

  it('takes the lowest automatic priority when it is put back', () => {
    const vm = createVmMachine({ slots: [20, 20, 20] });
    const { view } = vm;
    for (const disk of ['ram0', 'ram1', 'ram2']) view.swapoff(`/dev/${disk}`);
    for (const disk of ['ram0', 'ram1', 'ram2']) view.swapon(`/dev/${disk}`);
    const space = written(vm, 3);
    vm.swapOut(3);
    expect(areas(vm)).to.deep.equal([
      [RAM0, 3, -1],
      ['/dev/ram1', 0, -2],
      ['/dev/ram2', 0, -3],
    ]);
    vm.machine.signal('test');
    expect(() => view.swapoff(RAM0)).to.throw('EINTR');
    expect(areas(vm)).to.deep.equal([
      ['/dev/ram1', 0, -1],
      ['/dev/ram2', 0, -2],
      [RAM0, 3, -3],
    ]);
    expect(vm.broken()).to.deep.equal([]);
    expectContents(space, 3);
  });

  it('is put back when a view that must not wait would have to', () => {
    const { vm, space } = swappedOut(4);
    const other = vm.machine.attach({ name: 'other' });
    const semaphore = other.kernel.vm.spaces.mmapSem(space.id);
    semaphore.downWrite();
    expect(() => swapoff(vm))
      .to.throw(MisuseError, 'mmap_sem')
      .with.property('code', 'ERR_WOULD_BLOCK');
    semaphore.upWrite();
    expect(areas(vm)).to.deep.equal([[RAM0, 4, 1]]);
    expect(vm.kernel.core.context.taskFlags() & PF_OOM_ORIGIN).to.equal(0);
    expect(users(vm, space)).to.equal(1);
    expect(vm.broken()).to.deep.equal([]);
    expect(swapoff(vm)).to.equal(0);
    expectContents(space, 4);
    space.exit();
    expectNothingLeft(vm);
  });

  it('is an EIO when a page that is needed cannot be read; the page is read again later', () => {
    const { vm, space } = swappedOut(6);
    const { devices } = vm.kernel.block;
    devices.failRequests(vm.disk(), 1);
    expect(swapoff(vm)).to.equal(-EIO);
    expect(areas(vm)).to.deep.equal([[RAM0, 6, 1]]);
    expect(vm.kernel.vm.cache.info().pages).to.equal(0);
    expect(vm.broken()).to.deep.equal([]);
    expect(swapoff(vm)).to.equal(0);
    expectContents(space, 6);
  });

  it('does not mind a page that cannot be read and that nobody needs', () => {
    const { vm, space } = swappedOut(2);
    const { devices } = vm.kernel.block;
    devices.failRequests(vm.disk(), 1);
    expect(() => space.read(0, 1)).to.throw('EIO');
    const { frames } = vm.kernel;
    const page = vm.kernel.vm.cache.peek(vm.entry(space, 0));
    // Locked by somebody while its process goes, so that the slot stays.
    frames.lockPage(page);
    space.exit();
    frames.unlockPage(page);
    expect(areas(vm)).to.deep.equal([[RAM0, 1, 1]]);
    expect(swapoff(vm)).to.equal(0);
    expectNothingLeft(vm);
  });

  it('is an errno for slots that belong to no process: shmem, and slots taken by type', () => {
    const { vm, space } = swappedOut(3);
    const { allocator, counts } = vm.kernel.swap;
    const taken = allocator.getSwapPageOfType(0);
    expect(swapoff(vm)).to.equal(-EOPNOTSUPP);
    expect(areas(vm)).to.deep.equal([[RAM0, 1, 1]]);
    expect(vm.byte(taken)).to.equal(1);
    counts.swapFree(taken);
    const shmem = allocator.getSwapPage();
    counts.swapShmemAlloc(shmem);
    counts.swapcacheFree(shmem);
    expect(vm.byte(shmem)).to.equal(0xbf);
    expect(swapoff(vm)).to.equal(-EOPNOTSUPP);
    expect(areas(vm)).to.deep.equal([[RAM0, 1, 1]]);
    counts.swapFree(shmem);
    vm.view.reclaimPages(1);
    expect(swapoff(vm)).to.equal(0);
    expectContents(space, 3);
  });
});

describe('the search for the users of a slot', () => {
  it('begins with the process in which the slot before was found', () => {
    const vm = createVmMachine({ slots: [63] });
    const processes = [written(vm, 4, 0), written(vm, 4, 100), written(vm, 4, 200)];
    vm.swapOut(12);
    const { unuse } = vm.kernel.vm;
    const searched: number[] = [];
    const unuseMm = unuse.unuseMm.bind(unuse);
    unuse.unuseMm = (mm, entry, page) => {
      searched.push(processes.findIndex(({ id }) => id === mm));
      return unuseMm(mm, entry, page);
    };
    // The slots are in order of the processes.
    expect(swapoff(vm)).to.equal(0);
    expect(searched).to.deep.equal([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2]);
    for (const [index, process] of processes.entries()) {
      expectContents(process, 4, 100 * index);
      expect(users(vm, process)).to.equal(1);
    }
  });

  it('goes around: a slot of a process in an earlier place is found', () => {
    const vm = createVmMachine({ slots: [63] });
    const early = vm.process();
    const late = written(vm, 2, 100);
    vm.swapOut(2);
    for (let vpn = 0; vpn < 2; vpn++) early.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(2);
    expect(vm.entry(late, 0)).to.be.lessThan(vm.entry(early, 0));
    expect(swapoff(vm)).to.equal(0);
    expectContents(early, 2);
    expectContents(late, 2, 100);
    expect(vm.count('swapOuts')).to.equal(4);
  });

  it('is done again in another pass for users that were missed, and a dirty page is saved in between', () => {
    const { vm, space } = swappedOut(2);
    const child = space.fork();
    // The page of the first slot is newer than the device: written by nobody else, so only its flag says it.
    const entry = vm.entry(space, 0);
    const page = vm.kernel.vm.faults.readSwapCache(entry);
    vm.kernel.core.cells.arena.u8.set(bytesOf(50), vm.kernel.frames.addressOf(page));
    vm.kernel.vm.cache.setPageDirty(page);
    vm.kernel.frames.putPage(page);
    const { spaces } = vm.kernel.vm;
    const nextToSearch = spaces.nextToSearch.bind(spaces);
    let missed = 4;
    spaces.nextToSearch = (after, end) => (missed-- > 0 ? end : nextToSearch(after, end));
    const writes = vm.count('swapOuts');
    expect(swapoff(vm)).to.equal(0);
    expect(vm.count('swapOuts')).to.equal(writes + 1);
    for (const process of [space, child]) {
      expect(process.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(50));
      expect(process.read(PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(1));
    }
    expect(vm.broken()).to.deep.equal([]);
  });

  it('keeps a page in the swap cache that cannot be saved for users that were missed', () => {
    const { vm, space } = swappedOut(1);
    const entry = vm.entry(space, 0);
    const page = vm.kernel.vm.faults.readSwapCache(entry);
    vm.kernel.core.cells.arena.u8.set(bytesOf(50), vm.kernel.frames.addressOf(page));
    vm.kernel.vm.cache.setPageDirty(page);
    vm.kernel.frames.putPage(page);
    const { spaces } = vm.kernel.vm;
    const nextToSearch = spaces.nextToSearch.bind(spaces);
    let missed = 3;
    spaces.nextToSearch = (after, end) => (missed-- > 0 ? end : nextToSearch(after, end));
    vm.kernel.block.devices.failRequests(vm.disk(), 3);
    expect(swapoff(vm)).to.equal(0);
    expect(vm.count('ioErrors')).to.equal(3);
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(50));
    expect(vm.broken()).to.deep.equal([]);
  });

  it('does not take a page out of the swap cache that got a slot of another area meanwhile', () => {
    const { vm, space } = swappedOut(1, { slots: [63, 63] });
    const { frames } = vm.kernel;
    const { unuse } = vm.kernel.vm;
    const old = vm.entry(space, 0);
    const searchOthers = unuse.searchOthers.bind(unuse);
    unuse.searchOthers = (entry, page, before) => {
      searchOthers(entry, page, before);
      // As while another process's semaphore is waited for: the page is unlocked, written to, and swapped out again.
      frames.unlockPage(page);
      space.write(0, bytesOf(77));
      vm.view.reclaimPages(1);
      expect(vm.slotOf(page)).to.equal(vm.entry(space, 0)).and.not.equal(entry);
      frames.lockPage(page);
    };
    // Among equals the area that was switched on last comes first.
    expect(swapoff(vm, '/dev/ram1')).to.equal(0);
    expect(vm.byte(vm.entry(space, 0))).to.equal(0x41);
    expect(vm.broken()).to.deep.equal([]);
    vm.view.reclaimPages(1);
    expect(vm.entry(space, 0)).to.not.equal(old);
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(77));
  });

  it('keeps a process that ends meanwhile until the page is unlocked, and then ends it', () => {
    const { vm, space } = swappedOut(5);
    const { unuse, spaces } = vm.kernel.vm;
    const unuseMm = unuse.unuseMm.bind(unuse);
    let seen = 0;
    unuse.unuseMm = (mm, entry, page) => {
      if (seen++ === 0) {
        space.exit();
        expect(space.isLive()).to.equal(false);
        expect(spaces.pagesOf(mm)).to.equal(16);
      }
      return unuseMm(mm, entry, page);
    };
    expect(swapoff(vm)).to.equal(0);
    // It was kept as the place where the search begins, until that was seen to have no other user.
    expect(seen).to.equal(1);
    expect(vm.count('swapIns')).to.equal(2);
    expectNothingLeft(vm);
  });

  it('passes over a process that is being taken apart', () => {
    const { vm, space } = swappedOut(2);
    const { spaces, zap } = vm.kernel.vm;
    expect(spaces.retire(space.id, spaces.generationOf(space.id))).to.equal(true);
    expect(spaces.isAnyEnding()).to.equal(true);
    expect(spaces.nextToSearch(0, 0)).to.equal(0);
    zap.exitMmap(space.id);
    expect(spaces.isAnyEnding()).to.equal(false);
    expectNothingLeft(vm);
  });
});

describe('a fault that comes from before a swapoff', () => {
  it('finds its entry replaced and looks again', () => {
    const { vm, space } = swappedOut(3);
    const other = vm.machine.attach({ name: 'other' });
    const { cache } = vm.kernel.vm;
    const lookupSwapCache = cache.lookupSwapCache.bind(cache);
    cache.lookupSwapCache = (entry) => {
      cache.lookupSwapCache = lookupSwapCache;
      other.swapoff(RAM0);
      return lookupSwapCache(entry);
    };
    expectContents(space, 3);
    expect([vm.count('swapIns'), vm.count('broughtHome')]).to.deep.equal([3, 3]);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('is not led astray when the type and the slot are in use again', () => {
    const { vm, space } = swappedOut(3);
    const other = vm.machine.attach({ name: 'other' });
    const { cache } = vm.kernel.vm;
    const lookupSwapCache = cache.lookupSwapCache.bind(cache);
    let stranger: AddressSpace | undefined;
    cache.lookupSwapCache = (entry) => {
      cache.lookupSwapCache = lookupSwapCache;
      other.swapoff(RAM0);
      other.mkswap(RAM0);
      other.swapon(RAM0);
      stranger = written(vm, 3, 100);
      // What is home stays there: reclaim passes over pages that somebody has locked.
      const { frames } = vm.kernel;
      const home = [0, 1, 2].map((vpn) => vm.page(space, vpn));
      for (const page of home) frames.lockPage(page);
      vm.swapOut(3);
      for (const page of home) frames.unlockPage(page);
      expect(vm.byte(entry)).to.equal(1);
      return lookupSwapCache(entry);
    };
    expectContents(space, 3);
    expectContents(stranger!, 3, 100);
    expect(vm.broken()).to.deep.equal([]);
  });
});

describe('memory that runs out while somebody pulls in an area', () => {
  it('ends the swapoff, not the process', () => {
    const vm = createVmMachine({ slots: [63] });
    const other = vm.machine.attach({ name: 'other' });
    const { context } = other.kernel.core;
    context.setTaskFlags(PF_OOM_ORIGIN);
    const space = vm.process();
    vm.kernel.frames.failNextRequests(3);
    space.write(0, bytesOf(1));
    expect(vm.count('kills')).to.equal(0);
    expect(context.signalPending()).to.equal(true);
    context.setTaskFlags(0);
    vm.kernel.frames.failNextRequests(1);
    expect(() => space.write(PAGE_SIZE, bytesOf(1))).to.throw('ENOMEM');
    expect(vm.count('kills')).to.equal(1);
  });

  it('ends nobody for a page that could not be had until the area was back', () => {
    const { vm } = swappedOut(3);
    const other = vm.machine.attach({ name: 'other' });
    const { oom, reclaim } = vm.kernel.vm;
    const space = vm.process();
    const allocUserPage = reclaim.allocUserPage.bind(reclaim);
    reclaim.allocUserPage = () => {
      reclaim.allocUserPage = allocUserPage;
      vm.machine.signal('other');
      expect(() => other.swapoff(RAM0)).to.throw('EINTR');
      return 0;
    };
    const before = oom.reliefsSoFar();
    space.write(0, bytesOf(1));
    expect([vm.count('kills'), oom.reliefsSoFar() - before]).to.deep.equal([0, 1]);
  });
});
