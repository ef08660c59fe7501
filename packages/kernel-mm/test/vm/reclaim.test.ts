import { expect } from 'chai';
import { KernelBug } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { GFP_KERNEL, PAGE, PG_WRITEBACK } from '#src/page/page.js';
import { PF_MEMALLOC } from '#src/sync/task.js';
import { isSwapPte } from '#src/swap/entries.js';
import { SWAP_FAIL } from '#src/vm/rmap.js';
import { PAGEREF_ACTIVATE, PAGEREF_RECLAIM, PAGEREF_RECLAIM_CLEAN } from '#src/vm/shrink-page.js';
import { SCAN_LIMIT } from '#src/vm/shrink-zone.js';
import { bytesOf, createVmMachine, NOTHING_LEFT } from './machine.js';

describe('memory that was never written', () => {
  it('reads as zeros and costs no frame, no slot and no charge', () => {
    const vm = createVmMachine({ limitPages: 4 });
    const space = vm.process(64);
    const out = new Uint8Array(64 * PAGE_SIZE).fill(0xff);
    space.read(0, out);
    expect(out.every((byte) => byte === 0)).to.equal(true);
    expect(vm.leftovers()).to.deep.equal({ ...NOTHING_LEFT, tables: 1, processes: 1 });
    expect(vm.count('faults')).to.equal(0);
  });

  it('is zero around what was written, in a frame somebody else used before', () => {
    const vm = createVmMachine();
    const first = vm.process();
    first.write(0, bytesOf(9));
    first.exit();
    const second = vm.process();
    second.write(100, Uint8Array.of(1));
    const page = second.read(0, PAGE_SIZE);
    expect(page[100]).to.equal(1);
    page[100] = 0;
    expect(page.every((byte) => byte === 0)).to.equal(true);
  });
});

describe('the limit', () => {
  it('is never passed, however much is written, and nothing is lost', () => {
    const vm = createVmMachine({ limitPages: 5 });
    const space = vm.process(40);
    for (let vpn = 0; vpn < 40; vpn++) {
      space.write(vpn * PAGE_SIZE, bytesOf(vpn));
      expect(vm.kernel.frames.info().charged).to.be.at.most(5);
    }
    expect(space.info()).to.deep.include({ pages: 40, killed: false });
    for (let vpn = 39; vpn >= 0; vpn--) {
      expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
      expect(vm.kernel.frames.info().charged).to.be.at.most(5);
    }
    expect(vm.count('swapOuts')).to.be.at.least(35);
    expect(vm.count('kills')).to.equal(0);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('of one page is enough for a process that writes across two', () => {
    const vm = createVmMachine({ limitPages: 1 });
    const space = vm.process();
    const bytes = bytesOf(3, 200);
    space.write(PAGE_SIZE - 100, bytes);
    expect(space.read(PAGE_SIZE - 100, 200)).to.deep.equal(bytes);
    expect(vm.broken()).to.deep.equal([]);
  });
});

describe('reclaim', () => {
  /** Four pages, the oldest first on the inactive list, none of them used since reclaim last looked. */
  function fourPages() {
    const vm = createVmMachine();
    const space = vm.process();
    for (let vpn = 0; vpn < 4; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.kernel.vm.zone.shrinkActiveList(4, SCAN_LIMIT);
    const gone = (): number[] => [0, 1, 2, 3].filter((vpn) => isSwapPte(vm.pte(space, vpn)));
    return { vm, space, gone };
  }

  it('takes the oldest page first', () => {
    const { vm, gone } = fourPages();
    expect(vm.view.reclaimPages(1)).to.equal(1);
    expect(gone()).to.deep.equal([0]);
    expect(vm.view.reclaimPages(2)).to.equal(2);
    expect(gone()).to.deep.equal([0, 1, 2]);
  });

  it('gives a page that was used a second chance, but only one', () => {
    const { vm, space, gone } = fourPages();
    space.read(0, 1);
    space.write(2 * PAGE_SIZE, Uint8Array.of(1));
    expect(vm.view.reclaimPages(2)).to.equal(2);
    expect(gone()).to.deep.equal([1, 3]);
    expect(vm.view.reclaimPages(2)).to.equal(2);
    expect(gone()).to.deep.equal([0, 1, 2, 3]);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('gives a page that has just been read in a second chance', () => {
    const { vm, space, gone } = fourPages();
    vm.swapOut(1);
    space.read(0, 1);
    expect(vm.view.reclaimPages(3)).to.equal(3);
    expect(gone()).to.deep.equal([1, 2, 3]);
  });

  it('forgets that a page was used when it has looked', () => {
    const { vm, space } = fourPages();
    vm.swapOut(1);
    space.read(0, 1);
    const page = vm.page(space, 0);
    const { cells } = vm.kernel.core;
    const { shrinkPage } = vm.kernel.vm;
    const look = (): number => shrinkPage.pageCheckReferences(page);
    expect(cells.ld32(page + PAGE.referenced)).to.equal(1);
    vm.kernel.frames.lockPage(page);
    expect([look(), look()]).to.deep.equal([PAGEREF_ACTIVATE, PAGEREF_RECLAIM]);
    // The page's own sign says less than that of the page table.
    cells.st32(page + PAGE.referenced, 1);
    expect([look(), look()]).to.deep.equal([PAGEREF_RECLAIM_CLEAN, PAGEREF_RECLAIM]);
    space.read(0, 1);
    expect([look(), look()]).to.deep.equal([PAGEREF_ACTIVATE, PAGEREF_RECLAIM]);
    vm.kernel.frames.unlockPage(page);
  });

  it('has a page under writeback while the device has it, unlocked, and its slot stays', () => {
    const { vm } = fourPages();
    const { block, frames, swap } = vm.kernel;
    const { bios } = block;
    const submitBio = bios.submitBio.bind(bios);
    const seen: unknown[] = [];
    bios.submitBio = (bio) => {
      const page = frames.pageAt(0);
      const locked = frames.tryLockPage(page);
      seen.push([frames.testFlag(page, PG_WRITEBACK), locked, swap.pages.tryToFreeSwap(page)]);
      frames.unlockPage(page);
      return submitBio(bio);
    };
    vm.swapOut(1);
    expect(seen).to.deep.equal([[true, true, 0]]);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('leaves pages alone that are locked, written or used by somebody else', () => {
    const { vm, space, gone } = fourPages();
    const { frames } = vm.kernel;
    const [locked, written, used] = [0, 1, 2].map((vpn) => vm.page(space, vpn));
    frames.lockPage(locked!);
    frames.setFlag(written!, PG_WRITEBACK);
    frames.getPage(used!);
    expect(vm.view.reclaimPages(4)).to.equal(1);
    // The third lost its mapping, but not its memory, and was not written: whoever uses it may change it.
    expect(vm.count('swapOuts')).to.equal(1);
    expect(gone()).to.deep.equal([2, 3]);
    expect(vm.kernel.vm.cache.peek(vm.entry(space, 2))).to.equal(used);
    frames.unlockPage(locked!);
    frames.clearFlag(written!, PG_WRITEBACK);
    frames.putPage(used!);
    expect(vm.view.reclaimPages(4)).to.equal(3);
    for (let vpn = 0; vpn < 4; vpn++)
      expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
    expect(vm.broken()).to.deep.equal([]);
  });

  it('stops at what was asked for, and says how much it was', () => {
    const { vm, space } = fourPages();
    expect(vm.view.reclaimPages(3)).to.equal(3);
    expect(space.info().swapents).to.equal(3);
    expect(vm.view.reclaimPages(10)).to.equal(1);
    expect(vm.view.reclaimPages(10)).to.equal(0);
    expect(vm.kernel.frames.info().free).to.equal(vm.kernel.frames.frameCount);
  });

  it('may use the reserve, and does not reclaim again inside', () => {
    const { vm, space } = fourPages();
    const { frames, core, vm: floors } = vm.kernel;
    // All memory but the reserve is gone, and the driver needs a page to store a page.
    const kept: number[] = [];
    for (let page = frames.allocPage(0); page !== 0; page = frames.allocPage(0)) kept.push(page);
    while (frames.info().free > frames.info().min) kept.push(frames.allocPage(0));
    const seen: unknown[] = [];
    const swapWritepage = floors.io.swapWritepage.bind(floors.io);
    floors.io.swapWritepage = (page) => {
      const extra = frames.allocPage(GFP_KERNEL);
      seen.push([core.context.taskFlags() & PF_MEMALLOC, extra !== 0, floors.reclaim.reclaimPages(1)]);
      frames.freePage(extra);
      return swapWritepage(page);
    };
    expect(vm.view.reclaimPages(1)).to.equal(1);
    expect(seen).to.deep.equal([[PF_MEMALLOC, true, 0]]);
    expect(core.context.taskFlags() & PF_MEMALLOC).to.equal(0);
    expect(space.info().swapents).to.equal(1);
    for (const page of kept) frames.freePage(page);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('forgets that it may use the reserve also when it ends with an error', () => {
    const { vm } = fourPages();
    const { core, vm: floors } = vm.kernel;
    floors.io.swapWritepage = () => {
      throw new Error('the device is on fire');
    };
    expect(() => vm.view.reclaimPages(1)).to.throw('on fire');
    expect(core.context.taskFlags() & PF_MEMALLOC).to.equal(0);
  });

  it('is reported when it is entered with a spinlock held', () => {
    const { vm } = fourPages();
    const { swapLock } = vm.kernel.swap.table;
    swapLock.lock();
    expect(() => vm.view.reclaimPages(1)).to.throw(KernelBug, 'Sleeping in atomic context: reclaiming pages');
    expect(vm.machine.stopReport()).to.include('swap_lock');
  });

  it('comes by itself when frames run short, without any limit', () => {
    const vm = createVmMachine({ ramPages: 32, slots: [127] });
    const space = vm.process(100);
    for (let vpn = 0; vpn < 100; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    expect(vm.count('swapOuts')).to.be.at.least(68);
    for (let vpn = 0; vpn < 100; vpn++)
      expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
    expect(vm.count('kills')).to.equal(0);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('frees the cached slot of a page that cannot be unmapped, but only once swap is more than half full', () => {
    const vm = createVmMachine({ slots: [10] });
    const { rmap } = vm.kernel.vm;
    const space = vm.process();
    for (let vpn = 0; vpn < 8; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(1);
    const entry = vm.entry(space, 0);
    space.read(0, 1);
    const tryToUnmap = rmap.tryToUnmap.bind(rmap);
    rmap.tryToUnmap = (page) => (page === vm.page(space, 0) ? SWAP_FAIL : tryToUnmap(page));
    expect(vm.view.reclaimPages(4)).to.equal(4);
    expect(vm.kernel.swap.table.vmSwapFull()).to.equal(false);
    expect(vm.view.reclaimPages(0)).to.equal(0);
    expect(vm.byte(entry)).to.equal(0x40);
    expect(vm.view.reclaimPages(10)).to.equal(3);
    expect(vm.byte(entry)).to.equal(0);
    expect(vm.isDirty(vm.page(space, 0))).to.equal(true);
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(0));
    expect(vm.broken()).to.deep.equal([]);
  });
});
