import { MisuseError } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import { ramzswap, type RamzswapOptions } from '#src/driver/ramzswap.js';
import { statDrift, walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, type TestMachine } from '../support/machine.js';

/** Takes a slot, writes a page to it, and gives its entry. */
function swapOut(machine: TestMachine, seed: number): number {
  const entry = machine.kernel.swap.allocator.getSwapPage();
  const page = machine.takePage();
  fillPage(page.bytes, seed, 200);
  machine.transfer('write', entry & 0x7ff_ffff, page);
  machine.frames.freePage(page.page);
  return entry;
}

describe('ramzswap and the swap core', () => {
  it('forgets a page the moment its slot is freed, under the policy notify', () => {
    const machine = createTestMachine();
    machine.view.swapon('/dev/ramzswap0');
    const entries = [1, 2, 3, 4].map((seed) => swapOut(machine, seed));
    expect(walkTable(machine.device).stored).to.equal(4);
    for (const [index, entry] of entries.entries()) {
      machine.kernel.swap.counts.swapcacheFree(entry);
      expect(machine.device.isStored(entry & 0x7ff_ffff)).to.equal(false);
      expect(machine.device.readStats()).to.include({ notifyFree: index + 1, pagesStored: 3 - index });
    }
    expect(machine.machine.drain('slotFree')).to.have.length(4);
    expect(statDrift(machine.device)).to.deep.equal([]);
  });

  it('keeps stale pages under the policy none', () => {
    const machine = createTestMachine({ policy: 'none' });
    machine.view.swapon('/dev/ramzswap0');
    for (const seed of [1, 2, 3]) machine.kernel.swap.counts.swapcacheFree(swapOut(machine, seed));
    expect(machine.device.readStats()).to.include({ notifyFree: 0, pagesStored: 3 });
  });

  it('is not told of frees after swapoff, and is told again after the next swapon', () => {
    const machine = createTestMachine();
    for (let round = 1; round <= 3; round++) {
      machine.view.swapon('/dev/ramzswap0');
      machine.kernel.swap.counts.swapcacheFree(swapOut(machine, round));
      expect(machine.device.readStats().notifyFree).to.equal(round);
      machine.view.swapoff('/dev/ramzswap0');
    }
  });

  it('leaves an area on a foreign disk alone', () => {
    const machine = createTestMachine();
    machine.view.mkswap('/dev/ram0');
    machine.view.swapon('/dev/ram0');
    const entry = machine.kernel.swap.allocator.getSwapPage();
    machine.kernel.swap.counts.swapcacheFree(entry);
    expect(machine.device.readStats().notifyFree).to.equal(0);
    expect(machine.driver.functions.isOurs(machine.block.devices.byPath('/dev/ram0'))).to.equal(false);
    expect(machine.driver.functions.isOurs(0)).to.equal(false);
    expect(machine.driver.functions.isOurs(machine.device.bdev())).to.equal(true);
  });

  it('tells the device of the area that is meant when there are several', () => {
    const machine = createTestMachine({ disks: 2 });
    machine.view.swapon('/dev/ramzswap1');
    machine.kernel.swap.counts.swapcacheFree(machine.kernel.swap.allocator.getSwapPage());
    expect(machine.driver.devices.map((device) => device.readStats().notifyFree)).to.deep.equal([0, 1]);
  });

  it('cannot be reset while it is a swap area', () => {
    const machine = createTestMachine();
    machine.view.swapon('/dev/ramzswap0');
    expect(machine.device.reset()).to.be.below(0);
    machine.view.swapoff('/dev/ramzswap0');
    expect(machine.device.reset()).to.equal(0);
  });

  it('finds devices by path', () => {
    const machine = createTestMachine({ disks: 2 });
    expect(machine.driver.device('/dev/ramzswap1').index).to.equal(1);
    for (const path of ['/dev/ram0', '/dev/ramzswap2', 'ramzswap0', '']) {
      expect(() => machine.driver.device(path)).to.throw(MisuseError, /is no disk of ramzswap/);
    }
  });

  it('refuses impossible options with the value and the allowed range', () => {
    const refusals: readonly [RamzswapOptions, RegExp][] = [
      [{ disks: 0, diskBytes: 8192 }, /1 to 32 disks, not 0/],
      [{ disks: 33, diskBytes: 8192 }, /1 to 32 disks, not 33/],
      [{ disks: 1.5, diskBytes: 8192 }, /not 1.5/],
      [{ disks: 1, diskBytes: 8191 }, /8192 to 4294963200 bytes, not 8191/],
      [{ disks: 1, diskBytes: Number.NaN }, /not NaN/],
      [
        { disks: 1, diskBytes: 8192, codec: 'zip' as never },
        /no codec 'zip'; the codecs are lzo1x-2010, lzo1x-current, lzo-rle, lz4, deflate, none/,
      ],
    ];
    for (const [options, message] of refusals) expect(() => ramzswap(options)).to.throw(MisuseError, message);
  });
});
