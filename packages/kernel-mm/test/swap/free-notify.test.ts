import { expect } from 'chai';
import { EEXIST, EINVAL, ENOENT, MisuseError } from '#src/errno.js';
import { NULL_SYMBOL } from '#src/arena/symbols.js';
import { buildSwapHeader } from '#src/swap/header.js';
import { swpEntry } from '#src/swap/entries.js';
import { SWAP_EVENT_SWAPOFF, SWAP_EVENT_SWAPON } from '#src/swap/events.js';
import { NOTIFY_OK } from '#src/notifier/constants.js';
import { attachSwapMachine, createSwapMachine, DISK_PAGES } from './machine.js';

describe('the function that is told of free slots', () => {
  it('is called once for each slot that becomes free, with the device and the slot', () => {
    const machine = createSwapMachine();
    machine.writeFirstPage('ram0', buildSwapHeader({ lastPage: DISK_PAGES - 1 }));
    const type = machine.swap.on.swapon('/dev/ram0', 0);
    const calls: [number, number][] = [];
    const symbol = machine.swap.freeNotify.functions.define('seen', (bdev, slot) => calls.push([bdev, slot]));
    expect(machine.swap.freeNotify.setSwapFreeNotify(type, symbol)).to.equal(0);
    const { counts } = machine.swap;
    const entry = machine.swap.allocator.getSwapPage();
    counts.swapDuplicate(entry);
    counts.swapcacheFree(entry);
    expect(calls).to.deep.equal([]);
    counts.swapFree(entry);
    expect(calls).to.deep.equal([[machine.disk('ram0'), 1]]);
    expect(
      machine.reader.drain(['slotFree']).map((event) => event.type === 'slotFree' && event.slot),
    ).to.deep.equal([1]);
    expect([machine.field(type, 'freed'), machine.field(type, 'freedUnreported')]).to.deep.equal([1, 0]);
  });

  it('runs under swap_lock, with all books right, and nobody can have the slot before it returns', () => {
    const machine = createSwapMachine();
    const other = machine.test.attach({ mayWait: false, name: 'other' });
    const otherMachine = attachSwapMachine(other.handle, { mayWait: false, name: 'third' });
    const type = machine.area(2);
    const seen: unknown[] = [];
    const symbol = machine.swap.freeNotify.functions.define('look', (_bdev, slot) => {
      const { table } = machine.swap;
      seen.push(
        slot,
        machine.test.context.holds(table.swapLock.address),
        machine.byte(type, slot),
        machine.field(type, 'inusePages'),
        table.nrSwapPages(),
      );
      // Another task, which must not wait here, finds the lock taken.
      expect(() => otherMachine.get()).to.throw(MisuseError, /swap_lock/);
    });
    machine.swap.freeNotify.setSwapFreeNotify(type, symbol);
    machine.get();
    machine.free(type, 1);
    expect(seen).to.deep.equal([1, true, 0, 0, 1]);
    expect(machine.get()).to.deep.equal([type, 1]);
  });

  it('counts as unreported what is freed while there is none', () => {
    const machine = createSwapMachine();
    const type = machine.area(8);
    const calls: number[] = [];
    const symbol = machine.swap.freeNotify.functions.define('count', (_bdev, slot) => calls.push(slot));
    for (let slot = 1; slot <= 4; slot++) machine.get();
    machine.free(type, 1);
    machine.swap.freeNotify.setSwapFreeNotify(type, symbol);
    machine.free(type, 2);
    machine.swap.freeNotify.setSwapFreeNotify(type, NULL_SYMBOL);
    machine.free(type, 3);
    expect(calls).to.deep.equal([2]);
    expect(machine.swap.report.swaps()[0]).to.include({
      allocated: 4,
      freed: 3,
      freedUnreported: 2,
      inusePages: 1,
    });
  });

  it('is refused for an area that does not exist or is not in use, but can always be removed', () => {
    const machine = createSwapMachine();
    const { freeNotify, off } = machine.swap;
    const symbol = freeNotify.functions.define('nothing', () => {});
    for (const type of [0, -1, 30, 0.5]) expect(freeNotify.setSwapFreeNotify(type, symbol)).to.equal(-EINVAL);
    const type = machine.area(8);
    off.swapoffType(type);
    expect(freeNotify.setSwapFreeNotify(type, symbol)).to.equal(-EINVAL);
    expect(freeNotify.setSwapFreeNotify(type, NULL_SYMBOL)).to.equal(0);
  });

  it('is not inherited by the next area of the same type', () => {
    const machine = createSwapMachine();
    const calls: number[] = [];
    const type = machine.area(8);
    const { freeNotify, off } = machine.swap;
    freeNotify.setSwapFreeNotify(
      type,
      freeNotify.functions.define('old', (_bdev, slot) => calls.push(slot)),
    );
    expect(off.swapoffType(type)).to.equal(0);
    expect(machine.area(8)).to.equal(type);
    machine.get();
    machine.free(type, 1);
    expect(calls).to.deep.equal([]);
  });

  it('releases swap_lock when it throws', () => {
    const machine = createSwapMachine();
    const type = machine.area(8);
    const { freeNotify, counts, table } = machine.swap;
    const symbol = freeNotify.functions.define('broken', () => {
      throw new Error('driver');
    });
    freeNotify.setSwapFreeNotify(type, symbol);
    machine.get();
    expect(() => counts.swapcacheFree(swpEntry(type, 1))).to.throw('driver');
    expect(table.swapLock.tryLock()).to.equal(true);
  });

  it('must be defined in the thread that frees', () => {
    const machine = createSwapMachine();
    const type = machine.area(8);
    machine.swap.freeNotify.setSwapFreeNotify(
      type,
      machine.swap.freeNotify.functions.define('mine', () => {}),
    );
    machine.get();
    const other = attachSwapMachine(machine.test.handle);
    expect(() => other.free(type, 1)).to.throw(MisuseError, /'mine'/);
  });
});

describe('swap event notifiers', () => {
  it('are told of swapon and swapoff under swapon_mutex without swap_lock, with type and device', () => {
    const machine = createSwapMachine();
    machine.writeFirstPage('ram0', buildSwapHeader({ lastPage: DISK_PAGES - 1 }));
    const { notifierBlocks, swap } = machine;
    const events: unknown[] = [];
    const remember = (what: string) => (_block: number, type: number, bdev: number) => {
      const { context } = machine.test;
      const { swapLock, swaponMutex } = swap.table;
      events.push([what, type, bdev, context.holds(swaponMutex.address), context.holds(swapLock.address)]);
      return NOTIFY_OK;
    };
    const on = notifierBlocks.create(notifierBlocks.calls.define('on', remember('on')));
    const off = notifierBlocks.create(notifierBlocks.calls.define('off', remember('off')));
    expect(swap.events.registerSwapEventNotifier(SWAP_EVENT_SWAPON, on)).to.equal(0);
    expect(swap.events.registerSwapEventNotifier(SWAP_EVENT_SWAPOFF, off)).to.equal(0);
    expect(swap.events.registerSwapEventNotifier(SWAP_EVENT_SWAPOFF, off)).to.equal(-EEXIST);
    swap.on.swapon('/dev/ram0', 0);
    swap.off.swapoff('/dev/ram0');
    const disk = machine.disk('ram0');
    expect(events).to.deep.equal([
      ['on', 0, disk, true, false],
      ['off', 0, disk, true, false],
    ]);
    expect(swap.events.unregisterSwapEventNotifier(SWAP_EVENT_SWAPON, on)).to.equal(0);
    expect(swap.events.unregisterSwapEventNotifier(SWAP_EVENT_SWAPON, on)).to.equal(-ENOENT);
    swap.on.swapon('/dev/ram0', 0);
    expect(events).to.have.length(2);
  });

  it('can install a function at swapon and remove it at swapoff', () => {
    const machine = createSwapMachine();
    machine.writeFirstPage('ram0', buildSwapHeader({ lastPage: DISK_PAGES - 1 }));
    const { notifierBlocks, swap } = machine;
    const { freeNotify } = swap;
    const calls: number[] = [];
    const results: number[] = [];
    const symbol = freeNotify.functions.define('hook', (_bdev, slot) => calls.push(slot));
    const install = notifierBlocks.calls.define('install', (_block, type) => {
      results.push(freeNotify.setSwapFreeNotify(type, symbol));
      return NOTIFY_OK;
    });
    const remove = notifierBlocks.calls.define('remove', (_block, type) => {
      results.push(freeNotify.setSwapFreeNotify(type, NULL_SYMBOL));
      return NOTIFY_OK;
    });
    swap.events.registerSwapEventNotifier(SWAP_EVENT_SWAPON, notifierBlocks.create(install));
    swap.events.registerSwapEventNotifier(SWAP_EVENT_SWAPOFF, notifierBlocks.create(remove));
    swap.on.swapon('/dev/ram0', 0);
    machine.get();
    machine.free(0, 1);
    swap.off.swapoff('/dev/ram0');
    expect(results).to.deep.equal([0, 0]);
    expect(calls).to.deep.equal([1]);
  });

  it('are told of a new area before anybody can have a slot of it', () => {
    const machine = createSwapMachine();
    const { notifierBlocks, swap } = machine;
    const seen: unknown[] = [];
    const symbol = notifierBlocks.calls.define('early', (_block, type) => {
      seen.push([type, swap.table.nrSwapPages(), machine.get()]);
      return NOTIFY_OK;
    });
    expect(swap.events.registerSwapEventNotifier(SWAP_EVENT_SWAPON, notifierBlocks.create(symbol))).to.equal(
      0,
    );
    expect(machine.area(8)).to.equal(0);
    expect(seen).to.deep.equal([[0, 0, null]]);
    expect(machine.get()).to.deep.equal([0, 1]);
  });

  it('of an unknown event are refused and logged', () => {
    const machine = createSwapMachine();
    const block = machine.notifierBlocks.create(machine.notifierBlocks.calls.define('any', () => NOTIFY_OK));
    expect(machine.swap.events.registerSwapEventNotifier(2, block)).to.equal(-EINVAL);
    expect(machine.swap.events.unregisterSwapEventNotifier(-1, block)).to.equal(-EINVAL);
    expect(machine.log()).to.deep.equal(['Invalid swap event: 2', 'Invalid swap event: -1']);
  });
});
