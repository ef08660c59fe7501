/**
 * What is documented as wrong with one policy or another: each variant shows its symptom, and without it the same steps do not.
 */
import { expect } from 'chai';
import { EEXIST, KernelBug, MisuseError } from '#src/errno.js';
import { NULL_SYMBOL } from '#src/arena/symbols.js';
import { NOTIFY_OK } from '#src/notifier/constants.js';
import { buildSwapHeader } from '#src/swap/header.js';
import { swpEntry } from '#src/swap/entries.js';
import { SWAP_EVENT_SLOT_FREE, SWAP_EVENT_SWAPOFF } from '#src/swap/events.js';
import type { SwapoffOps } from '#src/swap/operations.js';
import { installEarlyRemoval } from '#src/variants/early-removal.js';
import { installInheritedHook } from '#src/variants/inherited-hook.js';
import { installLateCall } from '#src/variants/late-call.js';
import { installUncheckedRegister } from '#src/variants/unchecked-register.js';
import { attachSwapMachine, createSwapMachine, DISK_PAGES, type SwapMachine } from './machine.js';

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
  function freeWhileAnotherWaits(isWrong: boolean): { got: boolean; found: string | undefined } {
    const machine = createSwapMachine();
    const other = attachSwapMachine(machine.test.handle, { mayWait: false, name: 'other' });
    const type = machine.area(2);
    const stored = deviceOn(machine, type);
    if (isWrong) installLateCall(machine.swap);
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

  it('loses the new contents of the slot', () => {
    expect(freeWhileAnotherWaits(true)).to.deep.equal({ got: true, found: undefined });
  });

  it('does not happen without it: the slot cannot be had yet', () => {
    expect(freeWhileAnotherWaits(false)).to.deep.equal({ got: false, found: undefined });
  });

  it('still keeps the books', () => {
    const machine = createSwapMachine();
    const type = machine.area(4);
    deviceOn(machine, type);
    installLateCall(machine.swap);
    machine.get();
    machine.free(type, 1);
    expect([machine.field(type, 'freed'), machine.field(type, 'freedUnreported')]).to.deep.equal([1, 0]);
    expect(machine.broken()).to.deep.equal([]);
  });
});

/** A memory manager that brings pages home by giving up the only reference to each slot. */
class BringHome implements SwapoffOps {
  private readonly machine: SwapMachine;

  constructor(machine: SwapMachine) {
    this.machine = machine;
  }

  tryToUnuse(type: number): number {
    const { off, counts } = this.machine.swap;
    for (let slot = off.findNextToUnuse(type, 0); slot !== 0; slot = off.findNextToUnuse(type, slot)) {
      counts.swapcacheFree(swpEntry(type, slot));
    }
    return 0;
  }

  vmEnoughMemory(): boolean {
    return true;
  }
}

describe('variant early-removal: the hook goes before the pages are brought home', () => {
  /** Switches off an area with three slots in use; gives what the device still holds. */
  function leftAfterSwapoff(isWrong: boolean): number {
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
    if (isWrong) installEarlyRemoval(swap);
    for (let slot = 1; slot <= 3; slot++) {
      machine.get();
      stored.set(slot, 'page');
    }
    expect(swap.off.swapoff('/dev/ram0')).to.equal(0);
    return stored.size;
  }

  it('leaves everything that was in the area in the device', () => {
    expect(leftAfterSwapoff(true)).to.equal(3);
  });

  it('does not happen without it', () => {
    expect(leftAfterSwapoff(false)).to.equal(0);
  });
});

describe('variant inherited-hook: swapoff leaves what was installed', () => {
  /** Hooks an area, switches it off, switches another disk on and frees a slot of that; gives whose device the hook was called with. */
  function calledWith(isWrong: boolean): string[] {
    const machine = createSwapMachine();
    for (const disk of ['ram0', 'ram1'] as const) {
      machine.writeFirstPage(disk, buildSwapHeader({ lastPage: DISK_PAGES - 1 }));
    }
    const { swap } = machine;
    if (isWrong) installInheritedHook(swap);
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

  it('calls the driver of one disk with another disk', () => {
    expect(calledWith(true)).to.deep.equal(['ram1']);
  });

  it('does not happen without it', () => {
    expect(calledWith(false)).to.deep.equal([]);
  });
});

describe('variant unchecked-register: a block is registered although it is on a chain', () => {
  /** Two areas with a listener of their own each, and one block that is registered for both, as in the draft of 2009. */
  function twoAreas(isWrong: boolean) {
    const machine = createSwapMachine({}, undefined, 'chain');
    const { slotFreeChains, events } = machine.swap;
    const types = [machine.area(8, { prio: 2 }), machine.area(8, { prio: 1 })] as const;
    if (isWrong) for (const type of types) installUncheckedRegister(slotFreeChains.chainOf(type)!.chain);
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

  it('loses the listener behind it on the first chain, and the second one hears of both', () => {
    const { types, listener, register, free } = twoAreas(true);
    const shared = listener('shared');
    register(shared, types[0]);
    register(listener('behind_it'), types[0]);
    register(listener('other_area'), types[1]);
    expect(free(types[0])).to.deep.equal(['shared', 'behind_it']);
    expect(register(shared, types[1])).to.equal(0);
    expect(free(types[0])).to.deep.equal(['shared']);
    expect(free(types[1])).to.deep.equal(['other_area', 'shared']);
  });

  it('makes a ring of a chain it is registered on twice', () => {
    const { types, listener, register, free, machine } = twoAreas(true);
    const block = listener('n');
    register(block, types[0]);
    register(block, types[0]);
    expect(() => free(types[0])).to.throw(KernelBug, /has no end after 64 blocks/);
    expect(machine.test.panic.report()).to.include('slot_free_notify_list');
  });

  it('does not happen without it: the second registration is refused', () => {
    const { types, listener, register, free } = twoAreas(false);
    const shared = listener('shared');
    register(shared, types[0]);
    register(listener('behind_it'), types[0]);
    register(listener('other_area'), types[1]);
    expect([register(shared, types[1]), register(shared, types[0])]).to.deep.equal([-EEXIST, -EEXIST]);
    expect(free(types[0])).to.deep.equal(['shared', 'behind_it']);
    expect(free(types[1])).to.deep.equal(['other_area']);
  });
});
