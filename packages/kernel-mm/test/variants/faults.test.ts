/**
 * Variants of the way in and of the swap cache: each shows its symptom, and without it the same steps do not.
 */
import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { KernelBug } from '#src/errno.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import type { MachineView } from '#src/machine/view.js';
import type { SwapEntry } from '#src/swap/entries.js';
import { bytesOf, createVmMachine, type VmMachine } from '../vm/machine.js';
import {
  beforeFirstCall,
  evict,
  faultsWith,
  fillSwap,
  sameProcess,
  SOUND,
  unmapToSwap,
  type Faults,
} from './support.js';

function vmMachineWith(faults: Faults): { vm: VmMachine; other: MachineView } {
  const { profile, variants } = faults;
  const vm = createVmMachine({ slots: [16], profile, variants });
  return { vm, other: vm.machine.attach({ name: 'other', mayWait: false }) };
}

describe('variant c03: a fault takes the page it found for granted', () => {
  const WRITTEN_BY_BOTH = bytesOf(1);
  const WRITTEN_BY_CHILD = bytesOf(2);
  const WRITTEN_BY_PARENT = bytesOf(3);

  /**
   * A page is shared by a parent and its child, in which two tasks run. One task of the child finds it in the swap cache and waits for its lock;
   * meanwhile the other one writes to a copy, the parent writes to the page itself, which gives the slot up, and the copy goes to
   * that very slot.
   */
  function raceOf(faults: Faults, meanwhile: (parts: RaceParts) => void): Uint8Array {
    const { vm, other } = vmMachineWith(faults);
    const parent = vm.process();
    parent.write(0, WRITTEN_BY_BOTH);
    const child = parent.fork();
    vm.swapOut();
    const entry = vm.entry(child, 0);
    const taken = fillSwap(vm, 0);
    beforeFirstCall(vm.kernel.frames, 'lockPage', () => {
      const shared = vm.kernel.vm.cache.peek(entry);
      sameProcess(other, child).write(0, WRITTEN_BY_CHILD);
      sameProcess(other, parent).write(0, WRITTEN_BY_PARENT);
      expect(vm.page(parent, 0)).to.equal(shared);
      expect(vm.byte(entry)).to.equal(0);
      evict(other, vm.page(child, 0));
      expect(vm.entry(child, 0)).to.equal(entry);
      meanwhile({ vm, other, parent, taken, shared });
    });
    const seen = child.read(0, PAGE_SIZE);
    expect(parent.read(0, PAGE_SIZE)).to.deep.equal(WRITTEN_BY_PARENT);
    return seen;
  }

  interface RaceParts {
    readonly vm: VmMachine;
    readonly other: MachineView;
    readonly parent: AddressSpace;
    readonly taken: SwapEntry[];
    readonly shared: number;
  }

  /** The page of the parent goes back to the swap cache, for another slot. */
  function backWithAnotherSlot({ vm, other, taken, shared }: RaceParts): void {
    vm.kernel.swap.counts.swapFree(taken.pop()!);
    unmapToSwap(other, shared);
    expect(vm.isCached(shared)).to.equal(true);
  }

  for (const faults of faultsWith('c03')) {
    it(`maps a page that has left the swap cache (${faults.name})`, () => {
      expect(raceOf(faults, () => {})).to.deep.equal(WRITTEN_BY_PARENT);
    });

    it(`maps a page that came back to it with another slot (${faults.name})`, () => {
      expect(raceOf(faults, backWithAnotherSlot)).to.deep.equal(WRITTEN_BY_PARENT);
    });
  }

  it('does not happen without it', () => {
    expect(raceOf(SOUND, () => {})).to.deep.equal(WRITTEN_BY_CHILD);
    expect(raceOf(SOUND, backWithAnotherSlot)).to.deep.equal(WRITTEN_BY_CHILD);
  });
});

describe('variant c05: who waits for a page does not let others run', () => {
  /** A slot has its flag, but its page is not in the cache yet: the task in between goes on only when the reader lets it. */
  function readWhileAnotherIsInBetween(faults: Faults): Uint8Array {
    const { vm, other } = vmMachineWith(faults);
    const space = vm.process();
    space.write(0, bytesOf(1));
    vm.swapOut();
    const entry = vm.entry(space, 0);
    expect(other.kernel.swap.counts.swapcachePrepare(entry)).to.equal(0);
    // One processor: what others do, they do when this task lets them.
    beforeFirstCall(vm.kernel.core.context, 'relax', () => other.kernel.swap.counts.swapcacheFree(entry));
    return space.read(0, PAGE_SIZE);
  }

  for (const faults of faultsWith('c05')) {
    it(`spins until it is reported (${faults.name})`, () => {
      expect(() => readWhileAnotherIsInBetween(faults)).to.throw(KernelBug, /claims to be cached for ever/);
    });
  }

  it('does not happen without it', () => {
    expect(readWhileAnotherIsInBetween(SOUND)).to.deep.equal(bytesOf(1));
  });
});

describe('variant c17: a page that could not be written counts as written', () => {
  /** A write fails once; then the page is reclaimed again, and read. */
  function readAfterFailedWrite(faults: Faults): { isKept: boolean; seen: Uint8Array } {
    const { vm } = vmMachineWith(faults);
    const space = vm.process();
    space.write(0, bytesOf(1));
    vm.kernel.block.devices.failRequests(vm.disk(), 1);
    vm.view.reclaimPages(1);
    vm.view.reclaimPages(1);
    const isKept = vm.count('swapOuts') === 2;
    return { isKept, seen: space.read(0, PAGE_SIZE) };
  }

  for (const faults of faultsWith('c17')) {
    it(`loses what was to be written (${faults.name})`, () => {
      expect(readAfterFailedWrite(faults)).to.deep.equal({ isKept: false, seen: new Uint8Array(PAGE_SIZE) });
    });
  }

  it('does not happen without it: the page is written again', () => {
    expect(readAfterFailedWrite(SOUND)).to.deep.equal({ isKept: true, seen: bytesOf(1) });
  });
});

describe('variant early-flag-drop: the slot loses its flag before the page has left the swap cache', () => {
  /** A page gives its slot, the last one, up; in between another task asks for a slot for a page of its own. */
  function takeTheSlotMeanwhile(faults: Faults): boolean {
    const { vm, other } = vmMachineWith(faults);
    const space = vm.process();
    space.write(0, bytesOf(1));
    space.write(PAGE_SIZE, bytesOf(2));
    const { frames } = other.kernel;
    fillSwap(vm, 1);
    const leaving = vm.page(space, 0);
    const coming = vm.page(space, 1);
    vm.kernel.frames.lockPage(leaving);
    expect(vm.kernel.vm.cache.addToSwap(leaving)).to.equal(true);
    let got = false;
    beforeFirstCall(vm.kernel.vm.cache, 'removeFromTree', () => {
      frames.lockPage(coming);
      got = other.kernel.vm.cache.addToSwap(coming);
      frames.unlockPage(coming);
    });
    vm.kernel.vm.cache.deleteFromSwapCache(leaving);
    vm.kernel.frames.unlockPage(leaving);
    return got;
  }

  for (const faults of faultsWith('early-flag-drop')) {
    it(`puts two pages for one slot into it (${faults.name})`, () => {
      expect(() => takeTheSlotMeanwhile(faults)).to.throw(KernelBug, /Two pages for the swap entry/);
    });
  }

  it('does not happen without it: the slot cannot be had yet', () => {
    expect(takeTheSlotMeanwhile(SOUND)).to.equal(false);
  });
});

describe('variant early-slot-free: a fault tries to free a slot that it still uses', () => {
  /** A page comes in while swap is more than half full; gives the map byte of its slot after, and whether the page is still in the cache. */
  function afterFault(faults: Faults): { byte: number; isCached: boolean } {
    const { vm } = vmMachineWith(faults);
    const space = vm.process();
    space.write(0, bytesOf(1));
    vm.swapOut();
    const entry = vm.entry(space, 0);
    fillSwap(vm, 4);
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(1));
    return { byte: vm.byte(entry), isCached: vm.isCached(vm.page(space, 0)) };
  }

  for (const faults of faultsWith('early-slot-free')) {
    it(`leaves the slot in use (${faults.name})`, () => {
      expect(afterFault(faults)).to.deep.equal({ byte: 0x40, isCached: true });
    });
  }

  it('does not happen without it: the slot is free', () => {
    expect(afterFault(SOUND)).to.deep.equal({ byte: 0, isCached: false });
  });
});
