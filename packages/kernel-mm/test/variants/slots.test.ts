/**
 * Variants of taking slots, counting them and reading around them: each shows its symptom, and without it the same steps do not.
 */
import { expect } from 'chai';
import { KernelBug } from '#src/errno.js';
import { swpEntry } from '#src/swap/entries.js';
import type { SwapMachine } from '../swap/machine.js';
import { beforeFirstCall, faultsWith, secondTask, SOUND, swapMachineWith, type Faults } from './support.js';

/** Page-cluster of 8 slots, the default of 2.6.34. */
const PAGE_CLUSTER = 3;

function take(machine: SwapMachine, count: number): void {
  for (let index = 0; index < count; index++) machine.get();
}

describe('variant c01: the second half of a scan skips the lowest slot', () => {
  /** Only slot 2 is free, and the cursor is above it. */
  function slotBelowTheCursor(faults: Faults): number {
    const machine = swapMachineWith(faults);
    const type = machine.area(8);
    for (let slot = 1; slot < 8; slot++) machine.getPlain();
    machine.swap.counts.swapFree(swpEntry(type, 2));
    machine.setField(type, 'highestBit', 6);
    machine.setField(type, 'clusterNext', 5);
    return machine.getPlain();
  }

  for (const faults of faultsWith('c01')) {
    it(`finds none although one is free (${faults.name})`, () => {
      expect(slotBelowTheCursor(faults)).to.equal(0);
    });
  }

  it('does not happen without it', () => {
    expect(slotBelowTheCursor(SOUND)).to.equal(2);
  });
});

describe('variant c02: lower priorities take turns', () => {
  /** Areas that slots are taken from when the one of the highest priority has one slot only. */
  function typesInTurn(faults: Faults): number[] {
    const machine = swapMachineWith(faults);
    machine.area(2, { prio: 3 });
    machine.area(8, { prio: 2 });
    machine.area(8, { prio: 1 });
    return Array.from({ length: 5 }, () => machine.get()![0]);
  }

  for (const faults of faultsWith('c02')) {
    it(`uses both lower ones once the highest is full (${faults.name})`, () => {
      expect(typesInTurn(faults)).to.deep.equal([0, 1, 2, 1, 2]);
    });
  }

  it('does not happen without it', () => {
    expect(typesInTurn(SOUND)).to.deep.equal([0, 1, 1, 1, 1]);
  });
});

describe('variant c13: dropping a reference that nobody has is not noticed', () => {
  /** Drops a user of a slot that only the swap cache holds, and one more; gives the map byte after each. */
  function bytesAfter(faults: Faults): number[] {
    const machine = swapMachineWith(faults);
    machine.area(4);
    const [type, slot] = machine.get()!;
    const entry = swpEntry(type, slot);
    machine.swap.counts.swapFree(entry);
    const wrapped = machine.byte(type, slot);
    machine.swap.counts.swapFree(entry);
    return [wrapped, machine.byte(type, slot)];
  }

  for (const faults of faultsWith('c13')) {
    it(`wraps the count, which then looks like shmem (${faults.name})`, () => {
      expect(bytesAfter(faults)).to.deep.equal([0xff, 0x40]);
    });
  }

  it('stops the machine without it', () => {
    expect(() => bytesAfter(SOUND)).to.throw(KernelBug, /a user drops only a reference it has/);
  });

  /** The swap cache drops its reference to a slot that only users have; gives the map byte. */
  function byteAfterCache(faults: Faults): number {
    const machine = swapMachineWith(faults);
    const type = machine.area(4);
    const slot = machine.getPlain();
    machine.free(type, slot);
    return machine.byte(type, slot);
  }

  for (const faults of faultsWith('c13')) {
    it(`lets the swap cache drop what it does not have, without harm (${faults.name})`, () => {
      expect(byteAfterCache(faults)).to.equal(1);
    });
  }

  it('stops the machine without it when the swap cache has no reference', () => {
    expect(() => byteAfterCache(SOUND)).to.throw(KernelBug, /the swap cache drops its reference only/);
  });
});

describe('variant c18: read-ahead begins at the first slot of its block', () => {
  /** Slots 1 to 12 are in use but for one; what is read together with slot 10. */
  function windowAround10(faults: Faults, free: number): { first: number; count: number } {
    const machine = swapMachineWith(faults);
    const type = machine.area(64);
    take(machine, 12);
    machine.free(type, free);
    return machine.swap.report.validSwaphandles(swpEntry(type, 10), PAGE_CLUSTER);
  }

  for (const faults of faultsWith('c18')) {
    it(`is turned off by a free slot at the beginning, and stops short of its slot (${faults.name})`, () => {
      expect(windowAround10(faults, 8)).to.deep.equal({ first: 8, count: 0 });
      expect(windowAround10(faults, 9)).to.deep.equal({ first: 8, count: 1 });
    });
  }

  it('does not happen without it', () => {
    expect(windowAround10(SOUND, 8)).to.deep.equal({ first: 9, count: 4 });
    expect(windowAround10(SOUND, 9)).to.deep.equal({ first: 10, count: 3 });
  });
});

describe('variant c20: a free cluster is said to begin two slots too low', () => {
  /** Slot 19 is free, slot 20 is in use, and all behind it is free: where the next cluster is begun. */
  function firstOfNextCluster(faults: Faults): number {
    const machine = swapMachineWith(faults);
    const type = machine.area(600);
    take(machine, 20);
    machine.free(type, 19);
    machine.setField(type, 'clusterNr', 0);
    return machine.getOffset();
  }

  for (const faults of faultsWith('c20')) {
    it(`begins at the single slot in front of it (${faults.name})`, () => {
      expect(firstOfNextCluster(faults)).to.equal(19);
    });
  }

  it('does not happen without it', () => {
    expect(firstOfNextCluster(SOUND)).to.equal(21);
  });
});

describe('variant forgotten-reservation: an allocation that fails keeps what it reserved', () => {
  /** Fails once while slots are free, as when all of them were taken and freed in between; gives what is left, and what is broken. */
  function afterFailure(faults: Faults): { free: number; broken: number } {
    const machine = swapMachineWith(faults);
    const type = machine.area(4);
    machine.setField(type, 'highestBit', 0);
    expect(machine.get()).to.equal(null);
    machine.setField(type, 'highestBit', 3);
    return { free: machine.swap.table.nrSwapPages(), broken: machine.broken().length };
  }

  for (const faults of faultsWith('forgotten-reservation')) {
    it(`loses a slot (${faults.name})`, () => {
      expect(afterFailure(faults)).to.deep.equal({ free: 2, broken: 1 });
    });
  }

  it('does not happen without it', () => {
    expect(afterFailure(SOUND)).to.deep.equal({ free: 3, broken: 0 });
  });
});

describe('variant forgotten-record: the record of a search that came to nothing stays open', () => {
  /** A swapoff begins while a task searches a discardable area for a free cluster, and fails; gives whether the next task may search. */
  function maySearchAgain(faults: Faults): boolean {
    const machine = swapMachineWith(faults);
    const other = secondTask(machine, faults);
    const type = machine.swap.on.swaponWithoutHeader({
      lastPage: 599,
      prio: null,
      nonrot: false,
      random32: 0,
      badpages: [],
      discard: true,
    });
    const { list, table } = other.swap;
    beforeFirstCall(machine.swap.scanner, 'findFreeCluster', () => {
      table.swapLock.lock();
      list.remove(type);
      table.swapLock.unlock();
    });
    expect(machine.get()).to.equal(null);
    table.swapLock.lock();
    other.swap.off.putBack(type);
    const may = other.swap.discard.beginSearch(table.infoOf(type));
    table.swapLock.unlock();
    return may;
  }

  for (const faults of faultsWith('forgotten-record')) {
    it(`keeps all others from searching (${faults.name})`, () => {
      expect(maySearchAgain(faults)).to.equal(false);
    });
  }

  it('does not happen without it', () => {
    expect(maySearchAgain(SOUND)).to.equal(true);
  });
});
