import { expect } from 'chai';
import { KernelError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { PAGE, PG_ERROR, PG_UPTODATE } from '#src/page/page.js';
import { SWAP_INFO } from '#src/swap/info.js';
import { MM } from '#src/vm/mm.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';

/** Runs a call that must throw a {@link KernelError}, and gives it. */
function errorOf(call: () => unknown): KernelError {
  try {
    call();
  } catch (error) {
    expect(error).to.be.instanceOf(KernelError);
    return error as KernelError;
  }
  throw new Error('nothing was thrown');
}

function complaints(vm: VmMachine): string[] {
  const texts: string[] = [];
  for (const event of vm.machine.drain('printk')) if (event.type === 'printk') texts.push(event.text);
  return texts;
}

function written(vm: VmMachine, pages: number, virtualPages = pages): AddressSpace {
  const space = vm.process(virtualPages);
  for (let vpn = 0; vpn < pages; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
  return space;
}

function expectContents(space: AddressSpace, pages: number): void {
  for (let vpn = 0; vpn < pages; vpn++)
    expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE), `page ${vpn}`).to.deep.equal(bytesOf(vpn));
}

describe('a write to swap that fails', () => {
  it('leaves the page in memory, dirty again, and loses nothing', () => {
    const vm = createVmMachine();
    const space = written(vm, 1);
    complaints(vm);
    const page = vm.page(space, 0);
    // More than reclaim tries in its two rounds over the list.
    vm.kernel.block.devices.failRequests(vm.disk(), 10_000);
    expect(vm.view.reclaimPages(1)).to.equal(0);
    const entry = vm.entry(space, 0);
    expect(vm.kernel.vm.cache.peek(entry)).to.equal(page);
    expect([vm.isDirty(page), vm.kernel.frames.testFlag(page, PG_ERROR)]).to.deep.equal([true, true]);
    expect(vm.byte(entry)).to.equal(0x41);
    expect(vm.count('ioErrors')).to.equal(vm.count('swapOuts'));
    expect(vm.count('ioErrors')).to.be.greaterThan(0);
    expect(complaints(vm)[0]).to.equal(`Write-error on swap-device (254:0:${8 * entry})`);
    expect(vm.broken()).to.deep.equal([]);
    // Found in the cache, not read from the device.
    expectContents(space, 1);
    expect(vm.count('swapIns')).to.equal(0);
    vm.kernel.block.devices.failRequests(vm.disk(), 0);
    vm.swapOut(1);
    expectContents(space, 1);
    expect(vm.count('swapIns')).to.equal(1);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('now and then is made up for by the next reclaim', () => {
    const vm = createVmMachine({ limitPages: 4 });
    const space = vm.process(40);
    for (let vpn = 0; vpn < 40; vpn++) {
      if (vpn % 3 === 0) vm.kernel.block.devices.failRequests(vm.disk(), 1);
      space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    }
    vm.kernel.block.devices.failRequests(vm.disk(), 0);
    expect(vm.count('ioErrors')).to.be.greaterThan(8);
    expect(vm.count('kills')).to.equal(0);
    expectContents(space, 40);
    expect(vm.broken()).to.deep.equal([]);
  });
});

describe('a read from swap that fails', () => {
  it('is an EIO for the process, which goes on and can read once the device can', () => {
    const vm = createVmMachine();
    const space = written(vm, 2);
    vm.swapOut(2);
    complaints(vm);
    const entry = vm.entry(space, 0);
    vm.kernel.block.devices.failRequests(vm.disk(), 1);
    const error = errorOf(() => space.read(0, 1));
    expect([error.code, error.errno, error.syscall]).to.deep.equal(['EIO', -5, 'read']);
    expect(complaints(vm)).to.deep.equal([`Read-error on swap-device (254:0:${8 * entry})`]);
    expect([vm.count('ioErrors'), vm.count('kills')]).to.deep.equal([1, 0]);
    expect(vm.entry(space, 0)).to.equal(entry);
    expect(vm.byte(entry)).to.equal(0x41);
    expect(vm.kernel.frames.testFlag(vm.kernel.vm.cache.peek(entry), PG_UPTODATE)).to.equal(false);
    expect(vm.broken()).to.deep.equal([]);
    // The useless page goes; it must not be taken for the contents.
    const outs = vm.count('swapOuts');
    vm.swapOut(1);
    expect(vm.count('swapOuts')).to.equal(outs);
    expectContents(space, 2);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('is an EIO for a write too, and changes nothing', () => {
    const vm = createVmMachine();
    const space = written(vm, 1);
    vm.swapOut(1);
    vm.kernel.block.devices.failRequests(vm.disk(), 1);
    expect(errorOf(() => space.write(9, Uint8Array.of(1))).message).to.match(/^write: EIO: 1 bytes at 9 in/);
    vm.swapOut(1);
    expectContents(space, 1);
  });

  it('leaves a slot that can be dropped', () => {
    const vm = createVmMachine();
    const space = written(vm, 1);
    vm.swapOut(1);
    vm.kernel.block.devices.failRequests(vm.disk(), 1);
    expect(() => space.read(0, 1)).to.throw(KernelError);
    space.exit();
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
    expect(vm.broken()).to.deep.equal([]);
  });
});

describe('a swap space that is full', () => {
  it('lets the rest of the pages stay in memory', () => {
    const vm = createVmMachine({ slots: [12] });
    const space = written(vm, 20);
    expect(vm.view.reclaimPages(20)).to.equal(12);
    expect(space.info()).to.deep.include({ rss: 8, swapents: 12 });
    expect(vm.view.reclaimPages(20)).to.equal(0);
    expect(vm.broken()).to.deep.equal([]);
    expectContents(space, 20);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('is used to the last slot of each area', () => {
    const vm = createVmMachine({ slots: [12, 15] });
    const space = written(vm, 30);
    expect(vm.view.reclaimPages(30)).to.equal(27);
    expect(vm.kernel.swap.report.swaps().map((row) => row.inusePages)).to.deep.equal([12, 15]);
    expectContents(space, 30);
  });
});

describe('a fault that gets no page', () => {
  /** A process over the limit whose pages all are in memory and have nowhere to go. */
  function doomed() {
    const vm = createVmMachine({ limitPages: 4, slots: [10] });
    const other = written(vm, 1);
    const space = vm.process(20);
    const error = errorOf(() => {
      for (let vpn = 0; vpn < 20; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(100 + vpn));
    });
    return { vm, other, space, error };
  }

  it('ends the process with ENOMEM, counted, and the machine goes on', () => {
    const { vm, other, space, error } = doomed();
    expect([error.code, error.errno, error.syscall]).to.deep.equal(['ENOMEM', -12, 'write']);
    expect(error.message).to.include('the process was ended');
    expect(vm.count('kills')).to.equal(1);
    expect(space.info()).to.deep.equal({ pages: 20, rss: 0, swapents: 0, killed: true });
    expect(other.info().killed).to.equal(false);
    expectContents(other, 1);
    expect(vm.broken()).to.deep.equal([]);
    const next = vm.process();
    next.write(0, bytesOf(5));
    expect(next.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(5));
    for (const process of [space, other, next]) process.exit();
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  });

  it('is no mark on the next process in the same place', () => {
    const { vm, space } = doomed();
    space.exit();
    const next = vm.process();
    expect(next.id).to.equal(space.id);
    expect(next.info().killed).to.equal(false);
  });

  it('while frames fail ends the process that asked, on first touch and on swap-in', () => {
    for (const swapped of [false, true]) {
      const vm = createVmMachine();
      const space = written(vm, 1, 2);
      if (swapped) vm.swapOut(1);
      vm.kernel.frames.failNextRequests(1);
      const error = errorOf(() => (swapped ? space.read(0, 1) : space.write(PAGE_SIZE, Uint8Array.of(1))));
      expect(error.code).to.equal('ENOMEM');
      expect(vm.count('kills')).to.equal(1);
      expect(vm.inuse()).to.equal(0);
      expect(vm.broken()).to.deep.equal([]);
      space.exit();
      expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
    }
  });
});

describe('a page that leaves the swap cache while a fault waits for its lock', () => {
  it('is not taken for the page of the entry any more', () => {
    const vm = createVmMachine();
    const space = written(vm, 1);
    vm.swapOut(1);
    const { frames, vm: floors, core } = vm.kernel;
    const entry = vm.entry(space, 0);
    frames.putPage(floors.faults.readSwapCache(entry));
    const lockPage = frames.lockPage.bind(frames);
    let waits = 0;
    // What another task does meanwhile: it takes the page for something else.
    frames.lockPage = (page) => {
      lockPage(page);
      if (waits++ > 0) return;
      floors.cache.deleteFromSwapCache(page);
      core.cells.arena.u8.fill(0xdd, frames.addressOf(page), frames.addressOf(page) + PAGE_SIZE);
    };
    expectContents(space, 1);
    expect(waits).to.equal(2);
    expect(vm.broken()).to.deep.equal([]);
  });
});

describe('an address space that ends under an access', () => {
  it('is an EFAULT, and no memory of others is touched', () => {
    const vm = createVmMachine();
    const space = written(vm, 2);
    // What another thread may do between the check of the handle and the access.
    const { access, spaces, zap } = vm.kernel.vm;
    const generation = spaces.generationOf(space.id);
    zap.exit(space.id);
    const before = vm.machine.snapshot();
    const faultBytes = Uint8Array.of(1, 2, 3);
    expect(access.write(space.id, 0, faultBytes)).to.equal(-14);
    expect(vm.kernel.vm.faults.handleFault(space.id, 0, true)).to.equal(-14);
    // A second end that comes late must not touch a place that is just being given to the next process.
    expect(Buffer.compare(vm.machine.snapshot().frames, before.frames)).to.equal(0);
    const next = written(vm, 2);
    expect(next.id).to.equal(space.id);
    space.exit();
    zap.exit(space.id, generation);
    expect(next.isLive()).to.equal(true);
    expectContents(next, 2);
    zap.exit(next.id);
    zap.exit(next.id);
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  });
});

describe('the check of the vm', () => {
  it('finds a slot without a user, a user without a slot, a lost page and a wrong count', () => {
    const damages: readonly [RegExp, (vm: VmMachine, space: AddressSpace) => void][] = [
      [
        /has 0 user\(s\) in page tables, but its map byte is 0x1/,
        (vm, space) => {
          vm.kernel.vm.spaces.lockTable(space.id);
          vm.kernel.vm.spaces.clearSwapPte(space.id, 0);
          vm.kernel.vm.spaces.unlockTable(space.id);
        },
      ],
      [
        /has 1 user\(s\) in page tables, but its map byte is 0x0/,
        (vm, space) => vm.kernel.swap.counts.swapFree(vm.entry(space, 0)),
      ],
      [
        /says it is cached, but the cache has no page/,
        (vm, space) => vm.kernel.swap.counts.swapcachePrepare(vm.entry(space, 0)),
      ],
      [
        /has 1 pages present but counts 0/,
        (vm, space) => {
          vm.kernel.core.cells.st32(space.id + MM.rss, 0);
        },
      ],
      [
        /has 1 swap entries but counts 0/,
        (vm, space) => {
          vm.kernel.core.cells.st32(space.id + MM.swapents, 0);
        },
      ],
      [
        /the frames count 2 mappings/,
        (vm, space) => {
          vm.kernel.core.cells.st32(vm.page(space, 1) + PAGE.mapcount, 2);
        },
      ],
      [
        /does not lead back/,
        (vm, space) => {
          vm.kernel.core.cells.st32(vm.page(space, 1) + PAGE.index, 0);
        },
      ],
      [
        /name slots of no area in use/,
        (vm) => {
          vm.kernel.core.cells.st32(vm.kernel.swap.table.infoOf(0) + SWAP_INFO.flags, 0);
        },
      ],
    ];
    for (const [sentence, damage] of damages) {
      const vm = createVmMachine();
      const space = written(vm, 2);
      vm.swapOut(1);
      expect(vm.broken()).to.deep.equal([]);
      damage(vm, space);
      expect(vm.broken().join('\n')).to.match(sentence);
    }
  });
});
