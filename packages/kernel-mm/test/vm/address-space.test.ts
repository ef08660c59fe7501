/**
 * Pages that go to an area through its address space: without a bio, and with everything else as it is with one.
 */
import { expect } from 'chai';
import { EIO, KernelError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { PG_ERROR } from '#src/page/page.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';

/** A store of whole pages beside the disk, which fails as often as it is told to. */
interface Store {
  readonly pages: Map<number, Uint8Array>;
  readonly dropped: number[];
  failures: number;
}

function withSpace(options: { limitPages?: number } = {}): { vm: VmMachine; store: Store } {
  const vm = createVmMachine({ ...options, policy: 'address-space' });
  const { core, swap } = vm.kernel;
  const { u8 } = core.cells.arena;
  const store: Store = { pages: new Map(), dropped: [], failures: 0 };
  const { context } = core;
  const transfer =
    (move: (slot: number, frame: number) => void) => (host: number, slot: number, frame: number) => {
      context.mightSleep('a transfer');
      expect(host).to.equal(vm.disk());
      if (store.failures > 0) {
        store.failures--;
        return -EIO;
      }
      move(slot, frame);
      return 0;
    };
  const { spaces } = swap;
  const operations = {
    writePage: spaces.writers.define(
      'write',
      transfer((slot, frame) => store.pages.set(slot, u8.slice(frame, frame + PAGE_SIZE))),
    ),
    readPage: spaces.readers.define(
      'read',
      transfer((slot, frame) => u8.set(store.pages.get(slot) ?? new Uint8Array(PAGE_SIZE).fill(0xee), frame)),
    ),
    dropPage: spaces.droppers.define('drop', (_host, slot) => {
      expect(() => swap.table.assertLocked('drop')).not.to.throw();
      store.pages.delete(slot);
      store.dropped.push(slot);
    }),
  };
  expect(spaces.setSwapSpace(0, operations)).to.equal(0);
  return { vm, store };
}

describe('an area with an address space', () => {
  it('gets and gives pages without any block request', () => {
    const { vm, store } = withSpace();
    const before = vm.kernel.block.devices.stats(vm.disk());
    const space = vm.process();
    for (let vpn = 0; vpn < 3; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(3);
    expect([...store.pages.values()]).to.deep.equal([bytesOf(0), bytesOf(1), bytesOf(2)]);
    for (let vpn = 0; vpn < 3; vpn++) {
      expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE), `page ${vpn}`).to.deep.equal(bytesOf(vpn));
    }
    expect(vm.kernel.block.devices.stats(vm.disk())).to.deep.equal(before);
    expect(
      ['swapOuts', 'spaceWrites', 'swapIns', 'spaceReads'].map((event) => vm.count(event as 'swapOuts')),
    ).to.deep.equal([3, 3, 3, 3]);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('drops each page once, when its slot is freed, and is empty in the end', () => {
    const { vm, store } = withSpace({ limitPages: 4 });
    const space = vm.process(40);
    for (let vpn = 0; vpn < 40; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    for (let vpn = 0; vpn < 40; vpn++) {
      expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE), `page ${vpn}`).to.deep.equal(bytesOf(vpn));
    }
    expect(store.pages.size).to.be.greaterThan(30);
    space.exit();
    vm.view.reclaimPages(64);
    expect(store.pages.size).to.equal(0);
    const { allocated, freed, freedUnreported } = vm.kernel.swap.report.swaps()[0]!;
    expect([store.dropped.length, freed, freedUnreported]).to.deep.equal([allocated, allocated, 0]);
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  });

  it('keeps a page in memory, dirty, when it cannot be written, and loses nothing', () => {
    const { vm, store } = withSpace();
    const space = vm.process();
    space.write(0, bytesOf(7));
    const page = vm.page(space, 0);
    store.failures = 10_000;
    expect(vm.view.reclaimPages(1)).to.equal(0);
    expect([vm.isDirty(page), vm.kernel.frames.testFlag(page, PG_ERROR)]).to.deep.equal([true, true]);
    expect(vm.count('ioErrors')).to.equal(vm.count('spaceWrites'));
    const log = vm.machine.drain('printk').map((event) => (event.type === 'printk' ? event.text : ''));
    expect(log.some((line) => /^Write-error on swap-device \(254:0:\d+\)$/.test(line))).to.equal(true);
    expect(vm.broken()).to.deep.equal([]);
    store.failures = 0;
    vm.swapOut(1);
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(7));
  });

  it('fails the fault when a page cannot be read', () => {
    const { vm, store } = withSpace();
    const space = vm.process();
    space.write(0, bytesOf(7));
    vm.swapOut(1);
    store.failures = 1;
    expect(() => space.read(0, PAGE_SIZE)).to.throw(KernelError, /EIO/);
    expect(vm.count('ioErrors')).to.equal(1);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('is passed by for pages of other areas, and for all before it is there', () => {
    const vm = createVmMachine({ policy: 'address-space' });
    const space = vm.process();
    space.write(0, bytesOf(1));
    vm.swapOut(1);
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(1));
    expect([vm.count('swapOuts'), vm.count('spaceWrites'), vm.count('spaceReads')]).to.deep.equal([1, 0, 0]);
    expect(vm.kernel.block.devices.stats(vm.disk()).writes).to.be.greaterThan(0);
  });
});
