/**
 * Variants of swapoff, and of those who meet it: each shows its symptom, and without it the same steps do not.
 */
import { expect } from 'chai';
import { EINVAL, KernelBug, MisuseError, type KernelError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { BLOCK_DEVICE } from '#src/block/device.js';
import { swpEntry } from '#src/swap/entries.js';
import { buildSwapHeader } from '#src/swap/header.js';
import { SWAP_HAS_CACHE } from '#src/swap/info.js';
import { DISK_PAGES, type SwapMachine } from '../swap/machine.js';
import { bytesOf, createVmMachine } from '../vm/machine.js';
import {
  beforeFirstCall,
  BringHome,
  faultsWith,
  sameProcess,
  secondTask,
  SOUND,
  swapMachineWith,
  unmapToSwap,
  type Faults,
} from './support.js';

const PAGE_CLUSTER = 3;

describe('variant c04: the entry of the table is free before the device is given back', () => {
  const BLOCK_SIZES = { ram0: 1024, ram1: 512 } as const;

  /** While one disk is switched off, another one is switched on; gives the type that one gets, and the block size of the first. */
  function swaponMeanwhile(faults: Faults): { type: number; blockSize: number } {
    const machine = swapMachineWith(faults);
    const other = secondTask(machine, faults);
    for (const disk of ['ram0', 'ram1'] as const) {
      machine.writeFirstPage(disk, buildSwapHeader({ lastPage: DISK_PAGES - 1 }));
      machine.block.devices.setBlockSize(machine.disk(disk), BLOCK_SIZES[disk]);
    }
    expect(machine.swap.on.swapon('/dev/ram0', 0)).to.equal(0);
    let type = -1;
    beforeFirstCall(machine.swap.off, 'giveBack', () => {
      type = other.swap.on.swapon('/dev/ram1', 0);
    });
    expect(machine.swap.off.swapoff('/dev/ram0')).to.equal(0);
    return { type, blockSize: machine.test.cells.ld32(machine.disk('ram0') + BLOCK_DEVICE.blockSizeBytes) };
  }

  for (const faults of faultsWith('c04')) {
    it(`gives the old device the block size of the new one (${faults.name})`, () => {
      expect(swaponMeanwhile(faults)).to.deep.equal({ type: 0, blockSize: BLOCK_SIZES.ram1 });
    });
  }

  it('does not happen without it: the entry cannot be had yet', () => {
    expect(swaponMeanwhile(SOUND)).to.deep.equal({ type: 1, blockSize: BLOCK_SIZES.ram0 });
  });
});

describe('variant c10: a slot is freed while there is no cursor', () => {
  /** Switches the only area off while slots of it are in use. */
  function swapoffTheLast(faults: Faults): number {
    const machine = swapMachineWith(faults);
    machine.swap.off.operations = new BringHome(machine);
    const type = machine.area(8);
    machine.get();
    return machine.swap.off.swapoffType(type);
  }

  for (const faults of faultsWith('c10')) {
    it(`reads what is in front of the table (${faults.name})`, () => {
      expect(() => swapoffTheLast(faults)).to.throw(KernelBug, /reads the priority of swap_info\[-1\]/);
    });
  }

  it('does not happen without it', () => {
    expect(swapoffTheLast(SOUND)).to.equal(0);
  });
});

describe('variant c21: nobody looks whether the map is still there', () => {
  /** Drops a reference that another task has dropped already, and switched the area off; gives what is logged. */
  function dropTooLate(faults: Faults): string[] {
    const machine = swapMachineWith(faults);
    const other = secondTask(machine, faults);
    const type = machine.area(8);
    const slot = machine.getOffset();
    machine.log();
    beforeFirstCall(machine.swap.table.swapLock, 'lock', () => {
      other.free(type, slot);
      expect(other.swap.off.swapoffType(type)).to.equal(0);
    });
    machine.swap.counts.swapcacheFree(swpEntry(type, slot));
    return machine.log();
  }

  /** Reads ahead around a slot of an area that is gone. */
  function readAheadTooLate(faults: Faults): number {
    const machine = swapMachineWith(faults);
    const type = machine.area(64);
    machine.swap.off.swapoffType(type);
    return machine.swap.report.validSwaphandles(swpEntry(type, 20), PAGE_CLUSTER).count;
  }

  for (const faults of faultsWith('c21')) {
    it(`drops a reference in a map that is gone (${faults.name})`, () => {
      expect(() => dropTooLate(faults)).to.throw(KernelBug, /slot 1 is dropped .* which swapoff has freed/);
    });

    it(`reads ahead in a map that is gone (${faults.name})`, () => {
      expect(() => readAheadTooLate(faults)).to.throw(KernelBug, /below slot 20 .* which swapoff has freed/);
    });
  }

  it('does not happen without it', () => {
    expect(dropTooLate(SOUND)).to.deep.equal(['swap_free: Bad swap offset entry 00000001']);
    expect(readAheadTooLate(SOUND)).to.equal(0);
  });

  it('does not happen either to an area that is prepared and has no map yet', () => {
    const machine = swapMachineWith(SOUND);
    const other = secondTask(machine, SOUND);
    const { u8 } = machine.test.arena;
    let answers: unknown[] = [];
    let isUntouched = false;
    beforeFirstCall(machine.swap.on, 'enable', () => {
      expect(machine.field(0, 'max')).to.equal(8);
      const before = u8.slice(0, PAGE_SIZE);
      const entry = swpEntry(0, 5);
      const { counts, report } = other.swap;
      answers = [counts.swapcachePrepare(entry), report.validSwaphandles(entry, PAGE_CLUSTER).count];
      counts.swapFree(entry);
      isUntouched = Buffer.compare(before, u8.subarray(0, PAGE_SIZE)) === 0;
    });
    machine.area(8);
    expect([answers, isUntouched]).to.deep.equal([[-EINVAL, 0], true]);
  });
});

/** Does something while a task that wants a slot has dropped the lock to read the map; gives what that task gets. */
function allocateWhile(machine: SwapMachine, action: () => void): [number, number] | null {
  machine.area(8);
  machine.get();
  machine.setField(0, 'clusterNext', 1);
  beforeFirstCall(machine.swap.scanner, 'findCandidate', action);
  return machine.get();
}

describe('variant no-scan-wait: swapoff does not wait for those who scan', () => {
  /** Switches an area off while a task scans its map. */
  function swapoffUnderScan(faults: Faults): { machine: SwapMachine; result: number | undefined } {
    const machine = swapMachineWith(faults);
    const other = secondTask(machine, faults);
    let result: number | undefined;
    const got = allocateWhile(machine, () => {
      other.free(0, 1);
      try {
        result = other.swap.off.swapoffType(0);
      } catch (error) {
        expect(error).to.be.instanceOf(MisuseError).with.property('code', 'ERR_WOULD_BLOCK');
      }
    });
    expect(got).to.equal(null);
    return { machine, result };
  }

  for (const faults of faultsWith('no-scan-wait')) {
    it(`frees the map under them, and the count of scans wraps (${faults.name})`, () => {
      const { machine, result } = swapoffUnderScan(faults);
      expect(result).to.equal(0);
      expect(machine.field(0, 'flags')).to.equal(0xffff_ff00);
      expect(machine.broken()).to.deep.equal(['I16: area 0 counts 16777215 scanning task(s).']);
    });
  }

  it('does not happen without it: it would have to wait', () => {
    const { machine, result } = swapoffUnderScan(SOUND);
    expect(result).to.equal(undefined);
    expect(machine.field(0, 'swapMap')).to.not.equal(0);
  });
});

describe('variant unchecked-writeok: nobody looks again whether the area is writable', () => {
  /** A swapoff begins while a task scans; gives the slot that task gets all the same. */
  function allocateUnderSwapoff(faults: Faults): [number, number] | null {
    const machine = swapMachineWith(faults);
    const { table, list } = secondTask(machine, faults).swap;
    return allocateWhile(machine, () => {
      table.swapLock.lock();
      list.remove(0);
      table.swapLock.unlock();
    });
  }

  for (const faults of faultsWith('unchecked-writeok')) {
    it(`hands out a slot of an area that is being switched off (${faults.name})`, () => {
      expect(allocateUnderSwapoff(faults)).to.deep.equal([0, 2]);
    });
  }

  it('does not happen without it', () => {
    expect(allocateUnderSwapoff(SOUND)).to.equal(null);
  });
});

describe('variant c15: swapoff takes a page of another area out of the swap cache', () => {
  /**
   * While swapoff waits for somebody with the page unlocked, the process writes to the page, which gives up its slot, and the page is on its
   * way to a slot of the other disk. Gives what the process reads in the end.
   */
  function readAfterSwapoff({ profile, variants }: Faults): Uint8Array {
    const vm = createVmMachine({ slots: [16, 16], profile, variants });
    const other = vm.machine.attach({ name: 'other', mayWait: false });
    vm.view.swapoff('/dev/ram1');
    const space = vm.process();
    space.write(0, bytesOf(1));
    vm.swapOut();
    vm.view.swapon('/dev/ram1');
    const { unuse } = vm.kernel.vm;
    unuse.searchOthers = (entry, page) => {
      vm.kernel.frames.unlockPage(page);
      sameProcess(other, space).write(0, bytesOf(2));
      unmapToSwap(other, page);
      expect(vm.entry(space, 0)).to.not.equal(entry);
      vm.kernel.frames.lockPage(page);
    };
    vm.view.swapoff('/dev/ram0');
    return space.read(0, PAGE_SIZE);
  }

  for (const faults of faultsWith('c15')) {
    it(`loses what was not written there yet (${faults.name})`, () => {
      expect(readAfterSwapoff(faults)).to.deep.equal(new Uint8Array(PAGE_SIZE));
    });
  }

  it('does not happen without it', () => {
    expect(readAfterSwapoff(SOUND)).to.deep.equal(bytesOf(2));
  });
});

describe('variant unseen-write-error: swapoff does not look whether a page could be written', () => {
  /** The only user of a slot is not found in the first search, and the page, which was never written, cannot be written either. */
  function readAfterSwapoff({ profile, variants }: Faults): Uint8Array {
    const vm = createVmMachine({ slots: [16], profile, variants });
    const space = vm.process();
    space.write(0, bytesOf(1));
    unmapToSwap(vm.view, vm.page(space, 0));
    expect(vm.byte(vm.entry(space, 0))).to.equal(SWAP_HAS_CACHE | 1);
    vm.kernel.block.devices.failRequests(vm.disk(), 1);
    const { unuse } = vm.kernel.vm;
    const searchOthers = unuse.searchOthers.bind(unuse);
    unuse.searchOthers = () => {
      unuse.searchOthers = searchOthers;
    };
    vm.view.swapoff('/dev/ram0');
    return space.read(0, PAGE_SIZE);
  }

  for (const faults of faultsWith('unseen-write-error')) {
    it(`loses the page (${faults.name})`, () => {
      expect(readAfterSwapoff(faults)).to.deep.equal(new Uint8Array(PAGE_SIZE));
    });
  }

  it('does not happen without it', () => {
    expect(readAfterSwapoff(SOUND)).to.deep.equal(bytesOf(1));
  });
});

describe('variant unread-home: swapoff maps a page that could not be read', () => {
  /** The device fails once, while the only page is to be brought home; gives the answer of swapoff and what the process reads then. */
  function swapoffWithBadRead({ profile, variants }: Faults): { answer: string; seen: Uint8Array } {
    const vm = createVmMachine({ slots: [16], profile, variants });
    const space = vm.process();
    space.write(0, bytesOf(1));
    vm.swapOut();
    vm.kernel.block.devices.failRequests(vm.disk(), 1);
    let answer = 'done';
    try {
      vm.view.swapoff('/dev/ram0');
    } catch (error) {
      answer = (error as KernelError).code;
    }
    return { answer, seen: space.read(0, PAGE_SIZE) };
  }

  for (const faults of faultsWith('unread-home')) {
    it(`gives the process whatever the frame held (${faults.name})`, () => {
      const { answer, seen } = swapoffWithBadRead(faults);
      expect(answer).to.equal('done');
      expect(Buffer.compare(seen, bytesOf(1))).to.not.equal(0);
    });
  }

  it('does not happen without it: swapoff fails, and the page can be read later', () => {
    expect(swapoffWithBadRead(SOUND)).to.deep.equal({ answer: 'EIO', seen: bytesOf(1) });
  });
});

describe('variant stray-cursor: the cursor moves to an area that is being switched off', () => {
  /** A slot of an area that is off the list is freed; gives the type of the area at the cursor, and what is broken. */
  function cursorAfterFree(faults: Faults): { cursor: number; broken: string[] } {
    const machine = swapMachineWith(faults);
    const { table, list } = machine.swap;
    machine.area(8, { prio: 5 });
    machine.area(8, { prio: 1 });
    expect(machine.get()).to.deep.equal([0, 1]);
    table.swapLock.lock();
    list.remove(0);
    table.swapLock.unlock();
    machine.free(0, 1);
    return { cursor: table.listNext(), broken: machine.broken() };
  }

  for (const faults of faultsWith('stray-cursor')) {
    it(`names an area that is on no list (${faults.name})`, () => {
      const { cursor, broken } = cursorAfterFree(faults);
      expect(cursor).to.equal(0);
      expect(broken).to.have.length(1);
      expect(broken[0]).to.match(/^I9: /);
    });
  }

  it('does not happen without it', () => {
    expect(cursorAfterFree(SOUND)).to.deep.equal({ cursor: 1, broken: [] });
  });
});
