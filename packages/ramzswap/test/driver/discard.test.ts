import {
  BLOCK_DEVICE,
  BLOCK_DISCARD,
  EIO,
  EOPNOTSUPP,
  GFP_ATOMIC,
  SECTORS_PER_PAGE,
} from '@swaplab/kernel-mm';
import { expect } from 'chai';
import { statDrift, walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, type TestMachine } from '../support/machine.js';

const KINDS = [10, 2500, 4096, -1];

/** Stores one page of each kind, from slot 1 on: compressed well and badly, raw, zero. */
function fillSlots(machine: TestMachine, slots: number): void {
  const page = machine.takePage();
  for (let slot = 1; slot <= slots; slot++) {
    const noise = KINDS[slot % KINDS.length] ?? 0;
    if (noise < 0) page.bytes.fill(0);
    else fillPage(page.bytes, slot, noise);
    expect(machine.transfer('write', slot, page)).to.equal(0);
  }
  machine.frames.freePage(page.page);
}

function discard(machine: TestMachine, sector: number, sectors: number): number {
  return machine.kernel.swap.discard.block.blkdevIssueDiscard(
    machine.device.bdev(),
    sector,
    sectors,
    GFP_ATOMIC,
  );
}

function stored(machine: TestMachine): number[] {
  const slots: number[] = [];
  for (let slot = 0; slot < machine.device.slots(); slot++)
    if (machine.device.isStored(slot)) slots.push(slot);
  return slots;
}

describe('a disk of ramzswap', () => {
  it('takes discards under the policies that discard, and under no other', () => {
    for (const policy of ['none', 'notify', 'discard', 'discard-cluster', 'discard-slot'] as const) {
      const machine = createTestMachine({ policy });
      const flags = machine.core.cells.ld32(machine.device.bdev() + BLOCK_DEVICE.flags);
      expect((flags & BLOCK_DISCARD) !== 0, policy).to.equal(policy.startsWith('discard'));
      if (!policy.startsWith('discard')) expect(discard(machine, 8, 8)).to.equal(-EOPNOTSUPP);
    }
  });

  it('frees each whole page of a discarded range, whatever it holds, and counts it', () => {
    const machine = createTestMachine({ policy: 'discard' });
    fillSlots(machine, 20);
    const free = machine.frames.info().free;
    expect(discard(machine, 3 * SECTORS_PER_PAGE, 8 * SECTORS_PER_PAGE)).to.equal(0);
    expect(stored(machine)).to.deep.equal([1, 2, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    expect(machine.device.readStats()).to.include({ pagesDiscard: 8, notifyFree: 0, invalidIo: 0 });
    expect(machine.frames.info().free).to.be.greaterThan(free);
    // Pages that are cut by the ends of the range stay; empty ones count all the same.
    expect(discard(machine, 11 * SECTORS_PER_PAGE + 1, 3 * SECTORS_PER_PAGE)).to.equal(0);
    expect(stored(machine)).to.deep.equal([1, 2, 11, 14, 15, 16, 17, 18, 19, 20]);
    expect(discard(machine, 3 * SECTORS_PER_PAGE, 2 * SECTORS_PER_PAGE)).to.equal(0);
    expect(discard(machine, 15 * SECTORS_PER_PAGE + 1, SECTORS_PER_PAGE)).to.equal(0);
    expect(machine.device.readStats().pagesDiscard).to.equal(12);
    expect(statDrift(machine.device)).to.deep.equal([]);
    expect(walkTable(machine.device).problems).to.deep.equal([]);
  });

  it('serves a discard under a spinlock, without its mutex', () => {
    const machine = createTestMachine({ policy: 'discard-slot' });
    fillSlots(machine, 4);
    const { swapLock } = machine.kernel.swap.table;
    machine.device.lock.lock();
    swapLock.lock();
    expect(discard(machine, SECTORS_PER_PAGE, 4 * SECTORS_PER_PAGE)).to.equal(0);
    swapLock.unlock();
    machine.device.lock.unlock();
    expect(stored(machine)).to.deep.equal([]);
  });

  it('refuses discards once it was reset', () => {
    const machine = createTestMachine({ policy: 'discard' });
    fillSlots(machine, 4);
    expect(machine.device.reset()).to.equal(0);
    expect(discard(machine, 8, 8)).to.equal(-EIO);
    machine.device.setDisksize(64 * 4096);
    expect(machine.device.init()).to.equal(0);
    expect(machine.device.readStats().pagesDiscard).to.equal(0);
  });

  it('keeps its header when an area on it is switched on, and is emptied of all else', () => {
    for (const policy of ['discard', 'discard-cluster', 'discard-slot'] as const) {
      const machine = createTestMachine({ policy });
      fillSlots(machine, 20);
      machine.view.swapon('/dev/ramzswap0');
      expect(stored(machine), policy).to.deep.equal([]);
      expect(walkTable(machine.device).header).to.equal(true);
      machine.view.swapoff('/dev/ramzswap0');
      machine.view.swapon('/dev/ramzswap0');
      expect(machine.device.readStats().pagesDiscard).to.equal(2 * 63);
    }
  });

  it('forgets a page the moment its slot is freed, under the policy discard-slot', () => {
    const machine = createTestMachine({ policy: 'discard-slot' });
    machine.view.swapon('/dev/ramzswap0');
    const { allocator, counts, report } = machine.kernel.swap;
    const entries = [1, 2, 3].map(() => allocator.getSwapPage());
    // The entries of area 0 are its slots; on a disk that does not rotate the first may be any.
    const page = machine.takePage();
    for (const entry of entries) {
      fillPage(page.bytes, entry, 100);
      machine.transfer('write', entry, page);
    }
    const [first = 0, second = 0, third = 0] = entries;
    counts.swapcacheFree(second);
    expect(machine.device.isStored(second)).to.equal(false);
    machine.frames.failNextRequests(1);
    counts.swapcacheFree(first);
    counts.swapcacheFree(third);
    // The one that was missed stays until its slot is written again.
    expect(stored(machine)).to.deep.equal([first]);
    expect(report.swaps()[0]).to.include({ freed: 3, missed: 1 });
    expect(statDrift(machine.device)).to.deep.equal([]);
  });
});
