/**
 * The policies with a callback other than one function for each area: chains, block-device operations, address spaces.
 */
import { expect } from 'chai';
import { EBUSY, EEXIST, EINVAL, ENOENT, MisuseError } from '#src/errno.js';
import { NOTIFY_OK, NOTIFY_STOP } from '#src/notifier/constants.js';
import { buildSwapHeader } from '#src/swap/header.js';
import { SWAP_EVENT_SLOT_FREE } from '#src/swap/events.js';
import { SWP_BLKDEV } from '#src/swap/info.js';
import { FREE_SLOT_POLICIES, type FreeSlotPolicy } from '#src/swap/policy.js';
import { NO_SWAP_SPACE, type SwapSpaceOperations } from '#src/swap/swap-spaces.js';
import { attachSwapMachine, createSwapMachine, DISK_PAGES, type SwapMachine } from './machine.js';

type Disk = 'ram0' | 'ram1';

function machineUnder(policy: FreeSlotPolicy): SwapMachine {
  return createSwapMachine({}, undefined, policy);
}

/** Switches a disk on; gives the type of the area. */
function switchOn(machine: SwapMachine, disk: Disk): number {
  machine.writeFirstPage(disk, buildSwapHeader({ lastPage: DISK_PAGES - 1 }));
  return machine.swap.on.swapon(`/dev/${disk}`, 0);
}

/** Hangs a listener on an area in the way of a policy; what it hears is noted. */
const LISTENERS: Readonly<
  Record<
    'notify' | 'chain' | 'bdev-op' | 'address-space',
    (machine: SwapMachine, type: number, disk: Disk) => Heard
  >
> = {
  notify: (machine, type) => {
    const heard = hear(machine);
    const { freeNotify } = machine.swap;
    freeNotify.setSwapFreeNotify(type, freeNotify.functions.define('listener', heard.note));
    return heard;
  },
  chain: (machine, type) => {
    const heard = hear(machine);
    const { calls } = machine.notifierBlocks;
    const call = calls.define('listener', (_block, slot, file) => {
      heard.note(file, slot);
      return NOTIFY_OK;
    });
    const block = machine.notifierBlocks.create(call);
    machine.swap.events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type);
    return heard;
  },
  'bdev-op': (machine, _type, disk) => {
    const heard = hear(machine);
    const { devices } = machine.block;
    devices.setSlotFreeMethod(machine.disk(disk), devices.slotFreeMethods.define('listener', heard.note));
    return heard;
  },
  'address-space': (machine, type) => {
    const heard = hear(machine);
    machine.swap.spaces.setSwapSpace(type, operationsOf(machine, heard.note));
    return heard;
  },
};

interface Heard {
  readonly calls: [device: number, slot: number, locked: boolean, byte: number][];
  readonly note: (device: number, slot: number) => void;
}

function hear(machine: SwapMachine): Heard {
  const calls: Heard['calls'] = [];
  const { table } = machine.swap;
  return {
    calls,
    note: (device, slot) => {
      calls.push([device, slot, machine.test.context.holds(table.swapLock.address), machine.byte(0, slot)]);
    },
  };
}

function operationsOf(
  machine: SwapMachine,
  drop: (device: number, slot: number) => void,
): SwapSpaceOperations {
  const { spaces } = machine.swap;
  return {
    writePage: spaces.writers.define('write', () => 0),
    readPage: spaces.readers.define('read', () => 0),
    dropPage: spaces.droppers.define('drop', drop),
  };
}

const HOOKED = ['notify', 'chain', 'bdev-op', 'address-space'] as const;

for (const policy of HOOKED) {
  describe(`the policy ${policy}`, () => {
    it('tells once of each slot that becomes free, under swap_lock, with the byte 0', () => {
      const machine = machineUnder(policy);
      const type = switchOn(machine, 'ram0');
      const heard = LISTENERS[policy](machine, type, 'ram0');
      for (let slot = 1; slot <= 3; slot++) machine.get();
      expect(heard.calls).to.deep.equal([]);
      for (const slot of [2, 1, 3]) machine.free(type, slot);
      const disk = machine.disk('ram0');
      expect(heard.calls).to.deep.equal([2, 1, 3].map((slot) => [disk, slot, true, 0]));
      expect([machine.field(type, 'freed'), machine.field(type, 'freedUnreported')]).to.deep.equal([3, 0]);
    });

    it('lets nobody have the slot before it was told', () => {
      const machine = machineUnder(policy);
      const type = switchOn(machine, 'ram0');
      const other = attachSwapMachine(machine.test.handle, { mayWait: false, name: 'other' }, policy);
      let refused = 0;
      const heard = LISTENERS[policy](machine, type, 'ram0');
      const { policy: swapPolicy } = machine.swap;
      const slotFreed = swapPolicy.slotFreed.bind(swapPolicy);
      swapPolicy.slotFreed = (area, ofType, offset) => {
        expect(() => other.get()).to.throw(MisuseError, /swap_lock/);
        refused++;
        return slotFreed(area, ofType, offset);
      };
      machine.get();
      machine.free(type, 1);
      expect([refused, heard.calls.length]).to.deep.equal([1, 1]);
    });

    it('counts as unreported what is freed while nobody listens', () => {
      const machine = machineUnder(policy);
      const type = switchOn(machine, 'ram0');
      machine.get();
      machine.get();
      machine.free(type, 1);
      const heard = LISTENERS[policy](machine, type, 'ram0');
      machine.free(type, 2);
      expect(heard.calls).to.have.length(1);
      expect(machine.field(type, 'freedUnreported')).to.equal(1);
    });

    it('does not tell of another area', () => {
      const machine = machineUnder(policy);
      const first = switchOn(machine, 'ram0');
      const heard = LISTENERS[policy](machine, first, 'ram0');
      const second = machine.area(8, { prio: 100 });
      expect(machine.get()).to.deep.equal([second, 1]);
      machine.free(second, 1);
      expect(heard.calls).to.deep.equal([]);
    });

    it('does not pass on what was installed to the next area of the type', () => {
      const machine = machineUnder(policy);
      const type = switchOn(machine, 'ram0');
      const heard = LISTENERS[policy](machine, type, 'ram0');
      expect(machine.swap.off.swapoff('/dev/ram0')).to.equal(0);
      expect(switchOn(machine, 'ram1')).to.equal(type);
      machine.get();
      machine.free(type, 1);
      expect(heard.calls).to.deep.equal([]);
      expect(machine.field(type, 'freedUnreported')).to.equal(1);
    });
  });
}

describe('every policy', () => {
  for (const policy of FREE_SLOT_POLICIES) {
    it(`${policy} lets slots be taken and freed without anybody who listens`, () => {
      const machine = machineUnder(policy);
      const type = switchOn(machine, 'ram0');
      for (let round = 0; round < 3; round++) {
        expect(machine.get()).to.not.equal(null);
        machine.free(type, round + 1);
      }
      expect(machine.swap.off.swapoff('/dev/ram0')).to.equal(0);
      expect(machine.broken()).to.deep.equal([]);
    });
  }
});

describe('the chains of freed slots', () => {
  function withBlock(): {
    machine: SwapMachine;
    block: number;
    heard: Heard;
    make: (priority?: number) => number;
  } {
    const machine = machineUnder('chain');
    const heard = hear(machine);
    const call = machine.notifierBlocks.calls.define('listener', (block, slot) => {
      heard.note(block, slot);
      return NOTIFY_OK;
    });
    const make = (priority = 0): number => machine.notifierBlocks.create(call, priority);
    return { machine, block: make(), heard, make };
  }

  it('take blocks for areas in use only', () => {
    const { machine, block } = withBlock();
    const { events, off } = machine.swap;
    // The draft compared with "greater than" and so took the type behind the last one, too.
    for (const type of [0, -1, 29, 30, 0.5]) {
      expect(events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type), String(type)).to.equal(
        -EINVAL,
      );
      expect(events.unregisterSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type)).to.equal(-EINVAL);
    }
    const type = machine.area(8);
    off.swapoffType(type);
    expect(events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type)).to.equal(-EINVAL);
    expect(events.unregisterSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type)).to.equal(-ENOENT);
    expect(machine.log().filter((line) => line.startsWith('Invalid'))).to.deep.equal([]);
  });

  it('are an event under no other policy', () => {
    const machine = machineUnder('notify');
    const type = machine.area(8);
    const block = machine.notifierBlocks.create(machine.notifierBlocks.calls.define('any', () => NOTIFY_OK));
    expect(machine.swap.events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type)).to.equal(
      -EINVAL,
    );
    expect(machine.log()).to.include('Invalid swap event: 2');
  });

  it('do not take one block for two areas, or twice for one', () => {
    const { machine, block, heard } = withBlock();
    const { events } = machine.swap;
    const [one, two] = [machine.area(8), machine.area(8)];
    expect(events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, one)).to.equal(0);
    expect(events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, two)).to.equal(-EEXIST);
    expect(events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, one)).to.equal(-EEXIST);
    expect(machine.get()).to.deep.equal([one, 1]);
    machine.free(one, 1);
    expect(heard.calls).to.have.length(1);
    expect(events.unregisterSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, two)).to.equal(-ENOENT);
    expect(events.unregisterSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, one)).to.equal(0);
    expect(machine.notifierBlocks.destroy(block)).to.equal(0);
  });

  it('call all listeners in order of priority, until one stops the call', () => {
    const { machine, make, heard } = withBlock();
    const { events } = machine.swap;
    const type = machine.area(8);
    const [low, high] = [make(-1), make(5)];
    const stop = machine.notifierBlocks.calls.define('stop', (block, slot) => {
      heard.note(block, slot);
      return NOTIFY_STOP;
    });
    const middle = machine.notifierBlocks.create(stop, 2);
    for (const block of [low, high, middle])
      events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, block, type);
    machine.get();
    machine.free(type, 1);
    expect(heard.calls.map(([block]) => block)).to.deep.equal([high, middle]);
  });

  it('are emptied when their area goes, and give the blocks back', () => {
    const { machine, block, make } = withBlock();
    const { events, off } = machine.swap;
    const type = machine.area(8);
    const second = make();
    for (const each of [block, second]) events.registerSwapEventNotifier(SWAP_EVENT_SLOT_FREE, each, type);
    expect(machine.notifierBlocks.destroy(block)).to.equal(-EBUSY);
    off.swapoffType(type);
    expect(machine.notifierBlocks.destroy(block)).to.equal(0);
    expect(machine.notifierBlocks.destroy(second)).to.equal(0);
  });
});

describe('the operation of block devices', () => {
  it('is called only for areas that are whole block devices', () => {
    const machine = machineUnder('bdev-op');
    const onDisk = switchOn(machine, 'ram0');
    const heard = LISTENERS['bdev-op'](machine, onDisk, 'ram0');
    const bare = machine.area(8, { prio: 100 });
    expect(machine.field(onDisk, 'flags') & SWP_BLKDEV).to.equal(SWP_BLKDEV);
    expect(machine.field(bare, 'flags') & SWP_BLKDEV).to.equal(0);
    // As a file on the disk would be: the area names the device, but its slots are no places there.
    machine.setField(onDisk, 'flags', machine.field(onDisk, 'flags') & ~SWP_BLKDEV);
    machine.get();
    machine.free(bare, 1);
    expect(machine.swap.allocator.getSwapPageOfType(onDisk)).to.not.equal(0);
    machine.swap.counts.swapFree(machine.swap.allocator.getSwapPageOfType(onDisk));
    expect(heard.calls).to.deep.equal([]);
    expect(machine.field(onDisk, 'freedUnreported')).to.equal(1);
  });

  it('stays with the device through swapoff and the next swapon', () => {
    const machine = machineUnder('bdev-op');
    const type = switchOn(machine, 'ram0');
    const heard = LISTENERS['bdev-op'](machine, type, 'ram0');
    for (let round = 1; round <= 3; round++) {
      machine.get();
      machine.free(type, 1);
      expect(heard.calls).to.have.length(round);
      expect(machine.swap.off.swapoff('/dev/ram0')).to.equal(0);
      expect(switchOn(machine, 'ram0')).to.equal(type);
    }
  });
});

describe('the address space of an area', () => {
  it('is refused for an area that does not exist or is not in use, but can always be taken away', () => {
    const machine = machineUnder('address-space');
    const { spaces, off } = machine.swap;
    const operations = operationsOf(machine, () => {});
    for (const type of [0, -1, 30, 0.5]) expect(spaces.setSwapSpace(type, operations)).to.equal(-EINVAL);
    const type = machine.area(8);
    expect(spaces.setSwapSpace(type, operations)).to.equal(0);
    expect([spaces.writerOf(type), spaces.readerOf(type)]).to.deep.equal([
      operations.writePage,
      operations.readPage,
    ]);
    off.swapoffType(type);
    expect([spaces.writerOf(type), spaces.readerOf(type)]).to.deep.equal([0, 0]);
    expect(spaces.setSwapSpace(type, operations)).to.equal(-EINVAL);
    expect(spaces.setSwapSpace(type, NO_SWAP_SPACE)).to.equal(0);
  });

  it('must be defined in the thread that frees', () => {
    const machine = machineUnder('address-space');
    const type = machine.area(8);
    machine.swap.spaces.setSwapSpace(
      type,
      operationsOf(machine, () => {}),
    );
    machine.get();
    const other = attachSwapMachine(machine.test.handle, {}, 'address-space');
    expect(() => other.free(type, 1)).to.throw(MisuseError, /swap_drop_page function 'drop'/);
  });
});
