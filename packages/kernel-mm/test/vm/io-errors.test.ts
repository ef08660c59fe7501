import { expect } from 'chai';
import { EIO, KernelError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { BLOCK_DISCARD } from '#src/block/device.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { PG_DIRTY, PG_ERROR, PG_UPTODATE } from '#src/page/page.js';
import type { SwapEntry } from '#src/swap/entries.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine, type VmOptions } from './machine.js';

const RAM0 = '/dev/ram0';
const ALWAYS = 1_000_000;
const RANDOM_SEED = Math.trunc(Math.random() * 100_000);

function errorOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof KernelError) return error.code;
    throw error;
  }
  return 'none';
}

function swappedOut(pages: number, options: VmOptions = {}): { vm: VmMachine; space: AddressSpace } {
  const vm = createVmMachine(options);
  const space = vm.process(pages);
  for (let vpn = 0; vpn < pages; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
  vm.swapOut(pages);
  return { vm, space };
}

function expectContents(space: AddressSpace, pages: number): void {
  for (let vpn = 0; vpn < pages; vpn++)
    expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE), `page ${vpn}`).to.deep.equal(bytesOf(vpn));
}

/** Everything ends, and nothing is left. */
function expectNothingLeft(vm: VmMachine, spaces: readonly AddressSpace[]): void {
  for (const space of spaces) space.exit();
  vm.view.injectIoFaults(RAM0, null);
  vm.view.reclaimPages(1000);
  expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  expect(vm.broken()).to.deep.equal([]);
}

/**
 * Random accesses of some processes, each page's contents known by a number, over a disk on which requests fail. A process whose page cannot be
 * read ends and is replaced.
 * @returns pages that read wrong, and processes that ended
 */
function churn(vm: VmMachine, steps: number, seed: number): { wrong: number; ended: number } {
  const pages = 24;
  const out = new Uint8Array(PAGE_SIZE);
  const members = [0, 1, 2].map(() => ({ space: vm.process(pages), versions: new Int32Array(pages) }));
  const result = { wrong: 0, ended: 0 };
  let random = Math.imul(seed + 1, 0x9e37_79b9);
  for (let version = 1; version <= steps; version++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
    const index = ((random >>> 24) & 0xff) % members.length;
    const member = members[index]!;
    const vpn = ((random >>> 8) & 0xffff) % pages;
    try {
      if ((random & 0xe0_0000) === 0) {
        member.space.unmap(vpn * PAGE_SIZE, PAGE_SIZE);
        member.versions[vpn] = 0;
      } else if ((random & 0x10_0000) !== 0) {
        member.space.write(vpn * PAGE_SIZE, bytesOf(version));
        member.versions[vpn] = version;
      } else {
        member.space.read(vpn * PAGE_SIZE, out);
        const known = member.versions[vpn]!;
        if (Buffer.compare(out, known === 0 ? new Uint8Array(PAGE_SIZE) : bytesOf(known)) !== 0)
          result.wrong++;
      }
    } catch (error) {
      if (!(error instanceof KernelError && error.errno === -EIO)) throw error;
      member.space.exit();
      members[index] = { space: vm.process(pages), versions: new Int32Array(pages) };
      result.ended++;
    }
  }
  expectNothingLeft(
    vm,
    members.map(({ space }) => space),
  );
  return result;
}

describe('writes to swap of which some fail', () => {
  for (const seed of [1, RANDOM_SEED]) {
    it(`lose nothing in 20,000 steps (seed ${seed})`, () => {
      const vm = createVmMachine({ limitPages: 20, seed, ioFaults: [{ device: 'ram0', write: 50_000 }] });
      expect(churn(vm, 20_000, seed)).to.deep.equal({ wrong: 0, ended: 0 });
      expect(vm.count('ioErrors')).to.be.greaterThan(100);
      expect(vm.kernel.block.devices.stats(vm.disk()).injected).to.equal(vm.count('ioErrors'));
      expect([vm.count('busErrors'), vm.count('kills')]).to.deep.equal([0, 0]);
    }).timeout(60_000);
  }

  it('lose nothing where pages go to their slots without requests', () => {
    const vm = createVmMachine({ policy: 'address-space' });
    const store = new Map<number, Uint8Array>();
    const { core, swap } = vm.kernel;
    const { u8 } = core.cells.arena;
    const { spaces } = swap;
    const operations = {
      writePage: spaces.writers.define('write', (_host, slot, frame) => {
        store.set(slot, u8.slice(frame, frame + PAGE_SIZE));
        return 0;
      }),
      readPage: spaces.readers.define('read', (_host, slot, frame) => {
        u8.set(store.get(slot) ?? [], frame);
        return 0;
      }),
      dropPage: spaces.droppers.define('drop', (_host, slot) => void store.delete(slot)),
    };
    expect(spaces.setSwapSpace(0, operations)).to.equal(0);
    const space = vm.process(4);
    for (let vpn = 0; vpn < 4; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.view.injectIoFaults(RAM0, { write: ALWAYS, read: ALWAYS, times: 3 });
    vm.swapOut(1);
    expect([vm.count('ioErrors'), vm.count('spaceWrites')]).to.deep.equal([3, 4]);
    vm.view.reclaimPages(4);
    vm.view.injectIoFaults(RAM0, { read: ALWAYS, times: 1 });
    expect(errorOf(() => space.read(0, 1))).to.equal('EIO');
    expect(vm.kernel.block.devices.stats(vm.disk())).to.deep.include({ errors: 0, injected: 4 });
    vm.view.reclaimPages(1);
    expectContents(space, 4);
    expectNothingLeft(vm, [space]);
  });

  it('that all fail leave the pages where they are, dirty, each with its slot', () => {
    const vm = createVmMachine({ slots: [63] });
    const space = vm.process(8);
    for (let vpn = 0; vpn < 8; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.view.injectIoFaults(RAM0, { write: ALWAYS });
    vm.machine.drain();
    expect(vm.view.reclaimPages(8)).to.equal(0);
    const log = vm.machine.drain('printk').map((event) => (event.type === 'printk' ? event.text : ''));
    expect(log.length).to.equal(vm.count('ioErrors'));
    for (const line of log) expect(line).to.match(/^Write-error on swap-device \(254:0:\d+\)$/);
    // Unmapped, but in the swap cache.
    expect([space.info().rss, space.info().swapents, vm.inuse()]).to.deep.equal([0, 8, 8]);
    for (let vpn = 0; vpn < 8; vpn++) {
      const page = vm.kernel.vm.cache.peek(vm.entry(space, vpn));
      const { frames } = vm.kernel;
      expect([PG_DIRTY, PG_ERROR, PG_UPTODATE].map((flag) => frames.testFlag(page, flag))).to.deep.equal([
        true,
        true,
        true,
      ]);
    }
    expectContents(space, 8);
    // A write takes its page back from the slot, which is freed.
    space.write(0, bytesOf(50));
    expect(vm.inuse()).to.equal(7);
    vm.view.injectIoFaults(RAM0, null);
    space.write(0, bytesOf(0));
    vm.swapOut(8);
    expectContents(space, 8);
    expectNothingLeft(vm, [space]);
  });
});

describe('reads from swap of which some fail', () => {
  for (const seed of [3, RANDOM_SEED]) {
    it(`end those who read and nobody else: 20,000 steps, no page wrong (seed ${seed})`, () => {
      const vm = createVmMachine({
        limitPages: 20,
        seed,
        ioFaults: [{ device: 'ram0', read: 5000, write: 5000 }],
      });
      const { wrong, ended } = churn(vm, 20_000, seed);
      expect(wrong).to.equal(0);
      expect(ended).to.be.greaterThan(10);
      expect([vm.count('busErrors'), vm.count('kills')]).to.deep.equal([ended, 0]);
    }).timeout(60_000);
  }

  it('are told to each of a family that asks, and to no other', () => {
    const { vm, space: parent } = swappedOut(3);
    const child = parent.fork();
    const grandchild = child.fork();
    const entry = vm.entry(parent, 1);
    vm.view.injectIoFaults(RAM0, { read: ALWAYS, times: 1 });
    expect(errorOf(() => child.read(PAGE_SIZE, 1))).to.equal('EIO');
    // The page is there, without contents: nobody gets to see it.
    const unread = vm.kernel.vm.cache.peek(entry);
    expect(vm.kernel.frames.testFlag(unread, PG_UPTODATE)).to.equal(false);
    expect(errorOf(() => grandchild.write(PAGE_SIZE, bytesOf(9)))).to.equal('EIO');
    expect(vm.byte(entry)).to.equal(0x43);
    expect([vm.count('busErrors'), vm.count('ioErrors'), vm.count('copies')]).to.deep.equal([2, 1, 0]);
    expect(vm.broken()).to.deep.equal([]);
    // Those two end; the parent comes later, and reads what it wrote.
    child.exit();
    grandchild.exit();
    expect(vm.byte(entry)).to.equal(0x41);
    vm.view.reclaimPages(1);
    expectContents(parent, 3);
    expectNothingLeft(vm, [parent]);
  });

  it('leave nothing of the last one who could have read a page', () => {
    const { vm, space: parent } = swappedOut(2);
    const child = parent.fork();
    vm.view.injectIoFaults(RAM0, { read: ALWAYS });
    for (const space of [parent, child]) {
      expect(errorOf(() => space.read(0, 1))).to.equal('EIO');
      space.exit();
    }
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  });

  it('let a process live that ignores them', () => {
    const { vm, space } = swappedOut(2);
    vm.view.injectIoFaults(RAM0, { read: ALWAYS, times: 2 });
    for (const vpn of [0, 1, 0]) expect(errorOf(() => space.read(vpn * PAGE_SIZE, 1))).to.equal('EIO');
    expect(space.isLive()).to.equal(true);
    expect(space.info().killed).to.equal(false);
    space.unmap(0, PAGE_SIZE);
    space.write(0, bytesOf(0));
    vm.view.reclaimPages(1);
    expectContents(space, 2);
    expectNothingLeft(vm, [space]);
  });
});

describe('a swapoff whose area has pages that cannot be read', () => {
  it('fails and changes nothing for a family; the next one brings all of them home', () => {
    const { vm, space: parent } = swappedOut(4);
    const child = parent.fork();
    const entries: SwapEntry[] = [0, 1, 2, 3].map((vpn) => vm.entry(parent, vpn));
    // The first two slots come home, the third does not.
    vm.view.injectIoFaults(RAM0, { read: ALWAYS, space: 2 * PAGE_SIZE + 1, times: 1 });
    expect(errorOf(() => vm.view.swapoff(RAM0))).to.equal('EIO');
    for (const space of [parent, child]) {
      expect(space.info()).to.deep.include({ rss: 2, swapents: 2 });
      expect([vm.entry(space, 2), vm.entry(space, 3)]).to.deep.equal([entries[2], entries[3]]);
    }
    // It left the swap cache, so that whoever needs it reads it anew.
    expect(vm.kernel.vm.cache.peek(entries[2]!)).to.equal(0);
    expect(vm.byte(entries[2]!)).to.equal(2);
    expect(vm.broken()).to.deep.equal([]);
    expectContents(child, 4);
    vm.view.swapoff(RAM0);
    expectContents(parent, 4);
    expectContents(child, 4);
    for (const space of [parent, child]) space.exit();
    expect(vm.kernel.frames.info().free).to.equal(vm.kernel.frames.frameCount);
  });

  it('goes through when nobody needs the page any more', () => {
    const { vm, space } = swappedOut(2);
    vm.view.injectIoFaults(RAM0, { read: ALWAYS });
    expect(errorOf(() => space.read(0, 1))).to.equal('EIO');
    space.exit();
    vm.view.swapoff(RAM0);
    expect(vm.kernel.frames.info().free).to.equal(vm.kernel.frames.frameCount);
  });

  it('that come and go under load ends in the end, and loses nothing', () => {
    const vm = createVmMachine({ slots: [255, 255], ioFaults: [] });
    vm.view.injectIoFaults('/dev/ram1', { read: 20_000, write: 20_000 });
    const space = vm.process(40);
    const errors: string[] = [];
    for (let round = 0; round < 30; round++) {
      for (let vpn = 0; vpn < 40; vpn++)
        if ((vpn + round) % 3 === 0) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
      vm.view.reclaimPages(40);
      for (;;) {
        const error = errorOf(() => vm.view.swapoff('/dev/ram1'));
        if (error === 'none') break;
        errors.push(error);
        expect(vm.broken()).to.deep.equal([]);
      }
      while (errorOf(() => vm.view.swapon('/dev/ram1', { priority: 1 })) !== 'none');
      for (let vpn = 0; vpn < 40; vpn++)
        if (round > 2) {
          // An access may be told of an error, but it never gets the wrong bytes.
          const error = errorOf(() => {
            expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
          });
          expect(error).to.be.oneOf(['none', 'EIO']);
        }
    }
    expect(errors.length).to.be.greaterThan(2);
    for (const error of errors) expect(error).to.equal('EIO');
    vm.view.injectIoFaults('/dev/ram1', null);
    vm.view.reclaimPages(40);
    expectContents(space, 40);
    expectNothingLeft(vm, [space]);
  });
});

describe('discards of which some fail', () => {
  it('are counted as missed, and the slots are used again', () => {
    const vm = createVmMachine({ policy: 'discard-slot', slots: [63] });
    vm.kernel.block.devices.setFlags(vm.disk(), BLOCK_DISCARD);
    vm.view.swapoff(RAM0);
    vm.view.swapon(RAM0, { priority: 1 });
    vm.view.injectIoFaults(RAM0, { discard: ALWAYS, times: 3 });
    const space = vm.process(8);
    for (let round = 0; round < 3; round++) {
      for (let vpn = 0; vpn < 8; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
      vm.swapOut(8);
      expectContents(space, 8);
      space.unmap(0, 8 * PAGE_SIZE);
    }
    const [row] = vm.kernel.swap.report.swaps();
    expect(row).to.deep.include({ missed: 3, discardFailures: 3, inusePages: 0 });
    expectNothingLeft(vm, [space]);
  });
});
