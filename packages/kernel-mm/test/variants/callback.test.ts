/**
 * Variants of telling a device that a slot is free: each shows its symptom, and without it the same steps do not.
 */
import { expect } from 'chai';
import { EEXIST, KernelBug, MisuseError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { NULL_SYMBOL } from '#src/arena/symbols.js';
import { BLOCK_DEVICE } from '#src/block/device.js';
import { NOTIFY_DONE, NOTIFY_OK, NOTIFY_STOP } from '#src/notifier/constants.js';
import { buildSwapHeader } from '#src/swap/header.js';
import { SWAP_EVENT_SLOT_FREE, SWAP_EVENT_SWAPOFF } from '#src/swap/events.js';
import { installVariants } from '#src/variants/registry.js';
import { createSwapMachine, DISK_PAGES, type SwapMachine } from '../swap/machine.js';
import { bytesOf, createVmMachine } from '../vm/machine.js';
import { BringHome, faultsWith, secondTask, SOUND, swapMachineWith, type Faults } from './support.js';

/** A device of one word a slot, told of freed slots; a freed slot holds nothing. */
function deviceOn(machine: SwapMachine, type: number): Map<number, string> {
  const stored = new Map<number, string>();
  const { freeNotify } = machine.swap;
  const symbol = freeNotify.functions.define('device', (_bdev, slot) => stored.delete(slot));
  freeNotify.setSwapFreeNotify(type, symbol);
  return stored;
}

describe('variant late-call: the device is told after swap_lock was dropped', () => {
  /** Frees slot 1 while another task waits for it; gives what that task then finds where it has just written. */
  function freeWhileAnotherWaits(faults: Faults): { got: boolean; found: string | undefined } {
    const machine = swapMachineWith(faults);
    const other = secondTask(machine, faults);
    const type = machine.area(2);
    const stored = deviceOn(machine, type);
    machine.get();
    stored.set(1, 'old');
    let got = false;
    const { policy } = machine.swap;
    const tell = policy.slotFreed.bind(policy);
    policy.slotFreed = (area, ofType, slot) => {
      // The moment before the device is told: the other task asks for a slot, and writes to the one it gets.
      try {
        got = other.get() !== null;
      } catch (error) {
        expect(error).to.be.instanceOf(MisuseError).with.property('code', 'ERR_WOULD_BLOCK');
      }
      if (got) stored.set(slot, 'new');
      return tell(area, ofType, slot);
    };
    machine.free(type, 1);
    return { got, found: stored.get(1) };
  }

  for (const faults of faultsWith('late-call')) {
    it(`loses the new contents of the slot (${faults.name})`, () => {
      expect(freeWhileAnotherWaits(faults)).to.deep.equal({ got: true, found: undefined });
    });

    it(`still keeps the books (${faults.name})`, () => {
      const machine = swapMachineWith(faults);
      const type = machine.area(4);
      deviceOn(machine, type);
      machine.get();
      machine.free(type, 1);
      expect([machine.field(type, 'freed'), machine.field(type, 'freedUnreported')]).to.deep.equal([1, 0]);
      expect(machine.broken()).to.deep.equal([]);
    });
  }

  it('does not happen without it: the slot cannot be had yet', () => {
    expect(freeWhileAnotherWaits(SOUND)).to.deep.equal({ got: false, found: undefined });
  });
});

describe('variant early-call: the device is told of a slot that the swap cache still holds', () => {
  /** A page comes in for reading, and goes back to its slot without being written; gives what the process reads then. */
  function readTwice({ profile, variants }: Faults): { seen: Uint8Array; cleanDrops: number } {
    const vm = createVmMachine({ slots: [16], policy: 'notify', profile, variants });
    const { cells } = vm.kernel.core;
    const storage = cells.ld32(vm.disk() + BLOCK_DEVICE.privateData);
    const freed = vm.view.define('freed', (_bdev, slot) => {
      const start = storage + slot * PAGE_SIZE;
      cells.arena.u8.fill(0, start, start + PAGE_SIZE);
    });
    vm.view.setSwapFreeNotify(0, freed);
    const space = vm.process();
    space.write(0, bytesOf(1));
    vm.swapOut();
    expect(space.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(1));
    vm.swapOut();
    return { seen: space.read(0, PAGE_SIZE), cleanDrops: vm.count('cleanDrops') };
  }

  for (const faults of faultsWith('early-call')) {
    it(`reads nothing where the page was (${faults.name})`, () => {
      expect(readTwice(faults)).to.deep.equal({ seen: new Uint8Array(PAGE_SIZE), cleanDrops: 1 });
    });
  }

  it('does not happen without it', () => {
    expect(readTwice(SOUND)).to.deep.equal({ seen: bytesOf(1), cleanDrops: 1 });
  });
});

describe('variant sleeping-call: who is told of a freed slot may sleep', () => {
  function freeOne(faults: Faults): number {
    const machine = swapMachineWith(faults);
    const type = machine.area(4);
    machine.get();
    machine.free(type, 1);
    return machine.field(type, 'freed');
  }

  for (const faults of faultsWith('sleeping-call')) {
    it(`sleeps under a spinlock (${faults.name})`, () => {
      expect(() => freeOne(faults)).to.throw(
        KernelBug,
        /Sleeping in atomic context: telling the device that slot 1 of swap area 0 is free/,
      );
    });
  }

  it('does not happen without it', () => {
    expect(freeOne(SOUND)).to.equal(1);
  });
});

describe('variant file-offset: the device of a swap file is told of freed slots', () => {
  /** Frees a slot of a file that lies on pages 100 and on of a disk; gives the places the device is told of. */
  function placesTold({ profile, variants }: Faults): number[] {
    const files = [{ path: '/swapfile', disk: 'ram2', extents: [[100, 32] as const] }];
    const machine = createSwapMachine({}, undefined, 'bdev-op', true, files);
    installVariants(machine, profile, variants);
    const { devices } = machine.block;
    const told: number[] = [];
    const method = devices.slotFreeMethods.define('told', (_bdev, place) => told.push(place));
    devices.setSlotFreeMethod(machine.disk('ram2'), method);
    machine.writeHeader('/swapfile', buildSwapHeader({ lastPage: 31 }));
    const type = machine.swap.on.swapon('/swapfile', 0);
    expect(type).to.equal(0);
    const [, slot] = machine.get()!;
    machine.free(type, slot);
    return told;
  }

  for (const faults of faultsWith('file-offset')) {
    it(`frees a page of the disk that is not the file's (${faults.name})`, () => {
      expect(placesTold(faults)).to.deep.equal([1]);
    });
  }

  it('does not happen without it: nobody is told', () => {
    expect(placesTold(SOUND)).to.deep.equal([]);
  });
});

describe('variant early-removal: the hook goes before the pages are brought home', () => {
  /** Switches off an area with three slots in use; gives what the device still holds. */
  function leftAfterSwapoff({ profile, variants }: Faults): number {
    const machine = createSwapMachine();
    machine.writeFirstPage('ram0', buildSwapHeader({ lastPage: DISK_PAGES - 1 }));
    const { swap, notifierBlocks } = machine;
    const type = swap.on.swapon('/dev/ram0', 0);
    const stored = deviceOn(machine, type);
    const remove = notifierBlocks.calls.define('remove', (_block, ofType) => {
      swap.freeNotify.setSwapFreeNotify(ofType, NULL_SYMBOL);
      return NOTIFY_OK;
    });
    swap.events.registerSwapEventNotifier(SWAP_EVENT_SWAPOFF, notifierBlocks.create(remove));
    machine.swap.off.operations = new BringHome(machine);
    // After the operations, which it wraps.
    installVariants(machine, profile, variants);
    for (let slot = 1; slot <= 3; slot++) {
      machine.get();
      stored.set(slot, 'page');
    }
    expect(swap.off.swapoff('/dev/ram0')).to.equal(0);
    return stored.size;
  }

  for (const faults of faultsWith('early-removal')) {
    it(`leaves everything that was in the area in the device (${faults.name})`, () => {
      expect(leftAfterSwapoff(faults)).to.equal(3);
    });
  }

  it('does not happen without it', () => {
    expect(leftAfterSwapoff(SOUND)).to.equal(0);
  });
});

describe('variant inherited-hook: swapoff leaves what was installed', () => {
  /** Hooks an area, switches it off, switches another disk on and frees a slot of that; gives whose device the hook was called with. */
  function calledWith(faults: Faults): string[] {
    const machine = swapMachineWith(faults);
    for (const disk of ['ram0', 'ram1'] as const) {
      machine.writeFirstPage(disk, buildSwapHeader({ lastPage: DISK_PAGES - 1 }));
    }
    const { swap } = machine;
    const type = swap.on.swapon('/dev/ram0', 0);
    const called: string[] = [];
    const symbol = swap.freeNotify.functions.define('hook', (bdev) =>
      called.push(machine.block.devices.nameOf(bdev)),
    );
    swap.freeNotify.setSwapFreeNotify(type, symbol);
    swap.off.swapoff('/dev/ram0');
    expect(swap.on.swapon('/dev/ram1', 0)).to.equal(type);
    machine.get();
    machine.free(type, 1);
    return called;
  }

  for (const faults of faultsWith('inherited-hook')) {
    it(`calls the driver of one disk with another disk (${faults.name})`, () => {
      expect(calledWith(faults)).to.deep.equal(['ram1']);
    });
  }

  it('does not happen without it', () => {
    expect(calledWith(SOUND)).to.deep.equal([]);
  });
});

describe('variant notifier-errno: success, wrapped up, ends the call', () => {
  /** Two callbacks are told of a swapoff, the first of which answers success; gives its answer and who heard. */
  function heardOfSwapoff(faults: Faults): { answer: number; heard: string[] } {
    const machine = swapMachineWith(faults);
    const { notifierBlocks, swap } = machine;
    const heard: string[] = [];
    let answer = NOTIFY_DONE;
    for (const name of ['first', 'second']) {
      const call = notifierBlocks.calls.define(name, () => {
        heard.push(name);
        return (answer = notifierBlocks.notifierFromErrno(0));
      });
      swap.events.registerSwapEventNotifier(SWAP_EVENT_SWAPOFF, notifierBlocks.create(call));
    }
    swap.off.swapoffType(machine.area(4));
    return { answer, heard };
  }

  for (const faults of faultsWith('notifier-errno')) {
    it(`keeps all others from hearing (${faults.name})`, () => {
      expect(heardOfSwapoff(faults)).to.deep.equal({ answer: NOTIFY_STOP, heard: ['first'] });
    });
  }

  it('does not happen without it, nor in 2.6.35', () => {
    for (const profile of ['sound', '2.6.35'] as const) {
      const { answer, heard } = heardOfSwapoff({ name: profile, profile, variants: [] });
      expect([answer, heard]).to.deep.equal([NOTIFY_OK, ['first', 'second']]);
    }
  });
});

describe('variant unchecked-register: a block is registered although it is on a chain', () => {
  /** Two areas with a listener of their own each, and one block that is registered for both, as in the draft of 2009. */
  function twoAreas(faults: Faults) {
    const machine = swapMachineWith(faults, 'chain');
    const { events } = machine.swap;
    const types = [machine.area(8, { prio: 2 }), machine.area(8, { prio: 1 })] as const;
    const heard: string[] = [];
    const listener = (name: string): number => {
      const call = machine.notifierBlocks.calls.define(name, () => {
        heard.push(name);
        return NOTIFY_OK;
      });
      return machine.notifierBlocks.create(call);
    };
    const register = (block: number, type: number): number =>
      events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type);
    const free = (type: number): string[] => {
      machine.swap.counts.swapFree(machine.swap.allocator.getSwapPageOfType(type));
      return heard.splice(0);
    };
    return { types, listener, register, free, machine };
  }

  for (const faults of faultsWith('unchecked-register')) {
    it(`loses the listener behind it on the first chain, and the second one hears of both (${faults.name})`, () => {
      const { types, listener, register, free } = twoAreas(faults);
      const shared = listener('shared');
      register(shared, types[0]);
      register(listener('behind_it'), types[0]);
      register(listener('other_area'), types[1]);
      expect(free(types[0])).to.deep.equal(['shared', 'behind_it']);
      expect(free(types[1])).to.deep.equal(['other_area']);
      expect(register(shared, types[1])).to.equal(0);
      expect(free(types[0])).to.deep.equal(['shared']);
      expect(free(types[1])).to.deep.equal(['other_area', 'shared']);
    });

    it(`makes a ring of a chain it is registered on twice (${faults.name})`, () => {
      const { types, listener, register, free, machine } = twoAreas(faults);
      const block = listener('n');
      register(block, types[0]);
      register(block, types[0]);
      expect(() => free(types[0])).to.throw(KernelBug, /has no end after 64 blocks/);
      expect(machine.test.panic.report()).to.include('slot_free_notify_list');
    });
  }

  it('does not happen without it: the second registration is refused', () => {
    const { types, listener, register, free } = twoAreas(SOUND);
    const shared = listener('shared');
    register(shared, types[0]);
    register(listener('behind_it'), types[0]);
    register(listener('other_area'), types[1]);
    expect([register(shared, types[1]), register(shared, types[0])]).to.deep.equal([-EEXIST, -EEXIST]);
    expect(free(types[0])).to.deep.equal(['shared', 'behind_it']);
    expect(free(types[1])).to.deep.equal(['other_area']);
  });
});
