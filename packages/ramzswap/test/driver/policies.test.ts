/**
 * The driver under each policy that has a callback: told exactly, at once, of its own areas only, with nothing left behind.
 */
import { expect } from 'chai';
import { NOTIFIER_BLOCKS_MAX, PAGE_SIZE, swpOffset, type FreeSlotPolicy } from '@swaplab/kernel-mm';
import { statDrift, walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, type TestMachine } from '../support/machine.js';

const HOOKED: readonly FreeSlotPolicy[] = ['notify', 'chain', 'bdev-op', 'address-space'];

/** Takes a slot, writes a page to it, and gives its entry. */
function swapOut(machine: TestMachine, seed: number, device = machine.device): number {
  const entry = machine.kernel.swap.allocator.getSwapPage();
  const page = machine.takePage();
  fillPage(page.bytes, seed, 200);
  expect(machine.transfer('write', swpOffset(entry), page, device)).to.equal(0);
  machine.frames.freePage(page.page);
  return entry;
}

/** Notifier blocks that can still be had. */
function freeBlocks(machine: TestMachine): number {
  const { notifierBlocks } = machine.kernel;
  const taken: number[] = [];
  const call = notifierBlocks.calls.define('spare', () => 0);
  for (let block = notifierBlocks.create(call); block !== 0; block = notifierBlocks.create(call))
    taken.push(block);
  for (const block of taken) notifierBlocks.destroy(block);
  return taken.length;
}

for (const policy of HOOKED) {
  describe(`ramzswap under the policy ${policy}`, () => {
    it('forgets each page the moment its slot is freed', () => {
      const machine = createTestMachine({ policy });
      machine.view.swapon('/dev/ramzswap0');
      const entries = [1, 2, 3, 4].map((seed) => swapOut(machine, seed));
      for (const [index, entry] of entries.entries()) {
        expect(machine.device.isStored(swpOffset(entry))).to.equal(true);
        machine.kernel.swap.counts.swapcacheFree(entry);
        expect(machine.device.isStored(swpOffset(entry))).to.equal(false);
        expect(machine.device.readStats()).to.include({ notifyFree: index + 1, pagesStored: 3 - index });
      }
      expect(statDrift(machine.device)).to.deep.equal([]);
    });

    it('is told exactly what was freed, through any swapon and swapoff, and leaves nothing behind', () => {
      const machine = createTestMachine({ policy, disks: 2 });
      const blocks = freeBlocks(machine);
      let told = 0;
      for (let round = 0; round < 2 * NOTIFIER_BLOCKS_MAX; round++) {
        const index = round % 2;
        machine.view.swapon(`/dev/ramzswap${index}`);
        for (let page = 0; page < 2; page++) {
          machine.kernel.swap.counts.swapcacheFree(swapOut(machine, page, machine.driver.devices[index]));
        }
        told += 2;
        const area = machine.kernel.swap.report.swaps()[0]!;
        expect([area.allocated, area.freed, area.freedUnreported]).to.deep.equal([2, 2, 0]);
        machine.view.swapoff(`/dev/ramzswap${index}`);
      }
      const notified = machine.driver.devices.map((device) => device.readStats().notifyFree);
      expect(notified).to.deep.equal([told / 2, told / 2]);
      expect(freeBlocks(machine)).to.equal(blocks);
      for (const device of machine.driver.devices) expect(walkTable(device).stored).to.equal(0);
    });

    it('tells the device of the area that is meant, when two are on', () => {
      const machine = createTestMachine({ policy, disks: 2 });
      machine.view.swapon('/dev/ramzswap0', { priority: 1 });
      machine.view.swapon('/dev/ramzswap1', { priority: 2 });
      machine.kernel.swap.counts.swapcacheFree(machine.kernel.swap.allocator.getSwapPage());
      expect(machine.driver.devices.map((device) => device.readStats().notifyFree)).to.deep.equal([0, 1]);
    });

    it('leaves an area on a foreign disk alone', () => {
      const machine = createTestMachine({ policy });
      machine.view.mkswap('/dev/ram0');
      machine.view.swapon('/dev/ram0');
      machine.kernel.swap.counts.swapcacheFree(machine.kernel.swap.allocator.getSwapPage());
      expect(machine.device.readStats().notifyFree).to.equal(0);
      expect(machine.kernel.swap.report.swaps()[0]).to.include({ freed: 1, freedUnreported: 1 });
    });

    it('carries the pages of a process out and back', () => {
      const machine = createTestMachine({ policy, diskPages: 33 });
      machine.view.swapon('/dev/ramzswap0');
      const space = machine.view.createAddressSpace({ bytes: 32 * PAGE_SIZE });
      const expected: Uint8Array[] = [];
      for (let page = 0; page < 32; page++) {
        const bytes = new Uint8Array(PAGE_SIZE);
        if (page % 5 !== 0) fillPage(bytes, page, page * 131);
        expected.push(bytes);
        space.write(page * PAGE_SIZE, bytes);
      }
      expect(machine.view.reclaimPages(32)).to.equal(32);
      expect(walkTable(machine.device).stored).to.equal(32);
      for (const [page, bytes] of expected.entries()) {
        expect(space.read(page * PAGE_SIZE, PAGE_SIZE), `page ${page}`).to.deep.equal(bytes);
      }
      const { reads, writes } = machine.block.devices.stats(machine.device.bdev());
      // The header is read by swapon, as a block, under every policy.
      expect([reads, writes]).to.deep.equal(policy === 'address-space' ? [1, 0] : [33, 32]);
      space.exit();
      machine.view.reclaimPages(64);
      expect(walkTable(machine.device).stored).to.equal(0);
      expect(statDrift(machine.device)).to.deep.equal([]);
    });
  });
}

describe('ramzswap under the policy chain', () => {
  it('says so when there is no notifier block left for an area, and goes on unreported', () => {
    const machine = createTestMachine({ policy: 'chain' });
    const { notifierBlocks } = machine.kernel;
    const call = notifierBlocks.calls.define('spare', () => 0);
    while (notifierBlocks.create(call) !== 0);
    machine.view.swapon('/dev/ramzswap0');
    const log = machine.machine.drain('printk').map((event) => (event.type === 'printk' ? event.text : ''));
    expect(log).to.include('ramzswap: no slot-free callback for swap area 0: errno 12');
    machine.kernel.swap.counts.swapcacheFree(swapOut(machine, 1));
    expect(machine.kernel.swap.report.swaps()[0]).to.include({ freed: 1, freedUnreported: 1 });
    machine.view.swapoff('/dev/ramzswap0');
  });
});
