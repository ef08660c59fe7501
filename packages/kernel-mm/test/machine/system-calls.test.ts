import { expect } from 'chai';
import { KernelError, MisuseError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { createMachine, type CreateMachineOptions, type Machine } from '#src/machine/machine.js';
import type { MachineView } from '#src/machine/view.js';
import { SWAP_INFO } from '#src/swap/info.js';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;
const LIMIT_MS = 15_000;
const PAGES = 64;

function newMachine(options: CreateMachineOptions = {}): { machine: Machine; view: MachineView } {
  const machine = createMachine({
    ramBytes: 1 << 20,
    addressSpaces: 4,
    ramDisks: [
      { name: 'ram0', bytes: (PAGES + 1) * PAGE_SIZE },
      { name: 'ram1', bytes: (PAGES + 1) * PAGE_SIZE },
      { name: 'tiny', bytes: 9 * PAGE_SIZE },
    ],
    ...options,
  });
  return { machine, view: machine.attach() };
}

/** What a call that fails must leave as it was. */
function footprint({ kernel }: MachineView): unknown {
  const { frames, vmalloc, swap, block, vm } = kernel;
  const { devices } = block;
  return {
    free: frames.info().free,
    tables: vmalloc.pagesInUse(),
    areas: swap.report.swaps(),
    totals: swap.report.siSwapinfo(),
    processes: vm.spaces.list(),
    holders: [0, 1, 2].map((index) => devices.holders(devices.at(index))),
    held: kernel.core.context.tasks.list().map((task) => task.held),
  };
}

/** A call must throw a {@link KernelError} with these fields, and change nothing. */
function expectError(view: MachineView, call: () => unknown, code: string, message: string): void {
  const before = footprint(view);
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).to.be.instanceOf(KernelError);
  const { name, code: actual, errno, syscall, message: sentence } = thrown as KernelError;
  expect([name, actual, sentence]).to.deep.equal(['KernelError', code, message]);
  expect(errno).to.equal(-ERRNOS[code]!);
  expect(syscall).to.equal(message.slice(0, message.indexOf(':')));
  expect(footprint(view)).to.deep.equal(before);
}

const ERRNOS: Readonly<Record<string, number>> = {
  ENOENT: 2,
  EIO: 5,
  ENOMEM: 12,
  EBUSY: 16,
  EINVAL: 22,
  EPERM: 1,
  EOPNOTSUPP: 95,
};

const HEADER =
  'it is in use, or neither a block device nor a regular file, or has no valid swap header (mkswap writes one), or the header does not fit it, ' +
  'or it is a file with holes';

describe('mkswap, swapon and swapoff', () => {
  it('work, and the events tell it', () => {
    const { machine, view } = newMachine();
    view.mkswap('/dev/ram0');
    view.mkswap('/dev/ram1');
    expect(view.swapon('/dev/ram1')).to.equal(0);
    expect(view.swapon('/dev/ram0', { priority: 5 })).to.equal(1);
    expect(view.kernel.swap.report.swaps().map(({ type, priority }) => [type, priority])).to.deep.equal([
      [0, -1],
      [1, 5],
    ]);
    view.swapoff('/dev/ram1');
    const events = machine.drain('swapon', 'swapoff').map((event) => ({ ...event, time: 0, task: 0 }));
    expect(events).to.deep.equal([
      { type: 'swapon', task: 0, time: 0, swapType: 0, device: '/dev/ram1', pages: PAGES, priority: -1 },
      { type: 'swapon', task: 0, time: 0, swapType: 1, device: '/dev/ram0', pages: PAGES, priority: 5 },
      { type: 'swapoff', task: 0, time: 0, swapType: 0, device: '/dev/ram1' },
    ]);
  });

  it('say what was wrong with which value, and change nothing', () => {
    const { machine, view } = newMachine();
    const { devices } = view.kernel.block;
    expectError(
      view,
      () => view.mkswap('/dev/none'),
      'ENOENT',
      'mkswap: ENOENT: /dev/none: there is no such block device or file',
    );
    expectError(
      view,
      () => view.mkswap('/dev/tiny'),
      'EINVAL',
      'mkswap: EINVAL: /dev/tiny: it has fewer than 10 pages, or is neither a block device nor a regular file',
    );
    expectError(
      view,
      () => view.swapon('/dev/none'),
      'ENOENT',
      'swapon: ENOENT: /dev/none: there is no such block device or file',
    );
    expectError(view, () => view.swapon('/dev/ram0'), 'EINVAL', `swapon: EINVAL: /dev/ram0: ${HEADER}`);
    expectError(
      view,
      () => view.swapoff('/dev/none'),
      'ENOENT',
      'swapoff: ENOENT: /dev/none: there is no such block device or file',
    );
    expectError(
      view,
      () => view.swapoff('/dev/ram0'),
      'EINVAL',
      'swapoff: EINVAL: /dev/ram0: it is no active swap area',
    );
    devices.failRequests(devices.byPath('/dev/ram0'), 1);
    expectError(
      view,
      () => view.mkswap('/dev/ram0'),
      'EIO',
      'mkswap: EIO: /dev/ram0: its header could not be written',
    );
    view.mkswap('/dev/ram0');
    view.kernel.frames.failNextRequests(1);
    expectError(
      view,
      () => view.mkswap('/dev/ram1'),
      'ENOMEM',
      'mkswap: ENOMEM: /dev/ram1: there is not enough memory to write its header',
    );
    view.swapon('/dev/ram0');
    expectError(
      view,
      () => view.mkswap('/dev/ram0'),
      'EBUSY',
      'mkswap: EBUSY: /dev/ram0: it is in use: a device with files on it, or a swap area, which must be swapped off first',
    );
    expectError(
      view,
      () => view.swapon('/dev/ram0'),
      'EBUSY',
      'swapon: EBUSY: /dev/ram0: it is a swap area already',
    );
    const space = view.createAddressSpace({ bytes: PAGE_SIZE });
    space.write(0, Uint8Array.of(1));
    view.reclaimPages(1);
    machine.signal('main');
    expectErrorInUse(view, 'EINTR: /dev/ram0: a signal came before all its pages were in memory', -4);
    const entry = view.kernel.swap.allocator.getSwapPageOfType(0);
    expectErrorInUse(view, 'EOPNOTSUPP: /dev/ram0: some of its slots belong to no process', -95);
    view.kernel.swap.counts.swapFree(entry);
    view.swapoff('/dev/ram0');
    expect(view.kernel.swap.report.swaps()).to.deep.equal([]);
    expect(space.read(0, 1)).to.deep.equal(Uint8Array.of(1));
  });

  /** A swapoff that fails puts the area back in the list under a new priority, as in the kernel, so it has a footprint. */
  function expectErrorInUse(view: MachineView, sentence: string, errno: number): void {
    expect(() => view.swapoff('/dev/ram0'))
      .to.throw(KernelError, `swapoff: ${sentence}`)
      .with.property('errno', errno);
    expect(view.kernel.swap.report.swaps()[0]).to.deep.include({ inusePages: 1 });
  }

  it('interrupt the task that is meant, once, and no other', () => {
    const { machine, view } = newMachine();
    const other = machine.attach({ name: 'other' });
    const { context } = view.kernel.core;
    machine.signal('other');
    expect([context.signalPending(), other.kernel.core.context.signalPending()]).to.deep.equal([false, true]);
    machine.signal(context.current);
    expect(context.signalPending()).to.equal(true);
    // A call that is through before it looks takes the signal all the same.
    view.mkswap('/dev/ram0');
    view.swapon('/dev/ram0');
    view.swapoff('/dev/ram0');
    expect(context.signalPending()).to.equal(false);
    other.detach();
    for (const nobody of ['nobody', 'other', 63, -1]) {
      expect(() => machine.signal(nobody))
        .to.throw(MisuseError, `signal: no task '${nobody}' is attached`)
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    }
    // Whoever gets the place of a task does not get its signals.
    expect(machine.attach({ name: 'next' }).kernel.core.context.signalPending()).to.equal(false);
  });

  it('refuse a priority out of range before anything happens', () => {
    const { view } = newMachine();
    view.mkswap('/dev/ram0');
    for (const priority of [-1, 0x8000, 1.5, Number.NaN]) {
      expect(() => view.swapon('/dev/ram0', { priority }))
        .to.throw(MisuseError, `the priority ${priority} is not between 0 and 32767`)
        .with.property('code', 'ERR_OUT_OF_RANGE');
    }
    expect(view.kernel.swap.report.swaps()).to.deep.equal([]);
    expect(view.swapon('/dev/ram0', { priority: 32_767 })).to.equal(0);
  });
});

describe('address spaces', () => {
  it('are as large as asked for, and no larger than can be', () => {
    const { view } = newMachine();
    expect(view.createAddressSpace({ bytes: 3 * PAGE_SIZE }).bytes).to.equal(3 * PAGE_SIZE);
    expect(view.createAddressSpace().bytes).to.equal(16 << 20);
    for (const bytes of [0, -PAGE_SIZE, 100, 2 ** 31, Number.NaN]) {
      expect(() => view.createAddressSpace({ bytes }))
        .to.throw(MisuseError, `An address space cannot have ${bytes} bytes`)
        .with.property('code', 'ERR_OUT_OF_RANGE');
    }
  });

  it('are refused when all places are taken or the table does not fit, and nothing is kept', () => {
    const { view } = newMachine();
    for (let index = 0; index < 4; index++) view.createAddressSpace({ bytes: PAGE_SIZE });
    const sentence = (bytes: number): string =>
      `mm_alloc: ENOMEM: no place or no page table for an address space of ${bytes} bytes; see the machine's addressSpaces and tableBytes`;
    expectError(view, () => view.createAddressSpace({ bytes: PAGE_SIZE }), 'ENOMEM', sentence(PAGE_SIZE));
    const small = newMachine({ tableBytes: 2 * PAGE_SIZE }).view;
    small.createAddressSpace({ bytes: PAGE_SIZE });
    expectError(small, () => small.createAddressSpace({ bytes: 8 << 20 }), 'ENOMEM', sentence(8 << 20));
    small.createAddressSpace({ bytes: PAGE_SIZE });
  });
});

describe('callbacks of freed slots', () => {
  function withSwap(): { machine: Machine; view: MachineView; type: number } {
    const { machine, view } = newMachine();
    view.mkswap('/dev/ram0');
    return { machine, view, type: view.swapon('/dev/ram0') };
  }

  it('are called in each thread in its own copy, under swap_lock', async () => {
    const { machine, view, type } = withSwap();
    const { table } = view.kernel.swap;
    const freed: [bdev: string, slot: number, locked: boolean][] = [];
    const symbol = view.define('count_frees', (bdev, slot) => {
      const held = view.kernel.core.context.holds(table.swapLock.address);
      freed.push([view.kernel.block.devices.nameOf(bdev), slot, held]);
    });
    view.setSwapFreeNotify(type, symbol);
    const results = await withThreads(SCENARIOS, async (threads) => {
      for (const pages of [5, 8])
        threads.start('freeSlots', { handle: machine.handle, pages, defines: true });
      return valuesOf<{ symbol: number; slots: number }>(await threads.allEnded(LIMIT_MS));
    });
    expect(results.map((result) => result.symbol)).to.deep.equal([symbol, symbol]);
    expect(results.reduce((total, result) => total + result.slots, 0)).to.equal(13);
    expect(freed).to.deep.equal([]);
    const space = view.createAddressSpace({ bytes: PAGE_SIZE });
    space.write(0, Uint8Array.of(1));
    view.reclaimPages(1);
    space.exit();
    expect(freed).to.have.length(1);
    expect([freed[0]![0], freed[0]![2]]).to.deep.equal(['ram0', true]);
    expect(freed[0]![1]).to.be.within(1, PAGES);
    expect(view.kernel.swap.report.swaps()[0]).to.deep.include({ freed: 14, freedUnreported: 0 });
  }).timeout(2 * LIMIT_MS);

  it('must be defined in a thread that frees slots: it is told which one is missing', async () => {
    const { machine, view, type } = withSwap();
    view.setSwapFreeNotify(
      type,
      view.define('only_here', () => undefined),
    );
    const [outcome] = await withThreads(SCENARIOS, async (threads) => {
      threads.start('freeSlots', { handle: machine.handle, pages: 1, defines: false });
      return threads.allEnded(LIMIT_MS);
    });
    expect(outcome).to.deep.include({ kind: 'threw', code: 'ERR_UNKNOWN_SYMBOL' });
    expect(outcome).to.have.property('message').that.includes("'only_here'");
  }).timeout(2 * LIMIT_MS);

  it('can be removed, and cannot be set for what is not there', () => {
    const { view, type } = withSwap();
    let calls = 0;
    const symbol = view.define('counted', () => calls++);
    view.setSwapFreeNotify(type, symbol);
    view.setSwapFreeNotify(type, null);
    const space = view.createAddressSpace({ bytes: PAGE_SIZE });
    space.write(0, Uint8Array.of(1));
    view.reclaimPages(1);
    space.exit();
    expect(calls).to.equal(0);
    expectError(
      view,
      () => view.setSwapFreeNotify(7, symbol),
      'EINVAL',
      'set_swap_free_notify: EINVAL: there is no swap area 7',
    );
    expect(() => view.setSwapFreeNotify(type, 99))
      .to.throw(MisuseError, "no swap_free_notify function 'symbol 99'")
      .with.property('code', 'ERR_UNKNOWN_SYMBOL');
    const area = view.kernel.swap.table.infoOf(type);
    expect(view.kernel.core.cells.ld32(area + SWAP_INFO.freeNotify)).to.equal(0);
  });
});

describe('callbacks of swapon and swapoff', () => {
  it('are called in order of priority, then of registration, with block, type and device', () => {
    const { view } = newMachine();
    view.mkswap('/dev/ram0');
    const calls: [string, number, number][] = [];
    for (const [name, priority] of [
      ['low', -1],
      ['first', 0],
      ['second', 0],
      ['high', 9],
    ] as const) {
      view.registerSwapNotifier(
        'swapon',
        name,
        (_block, type, bdev) => calls.push([name, type, bdev]) && 0,
        priority,
      );
    }
    view.registerSwapNotifier('swapoff', 'off', (_block, type, bdev) => calls.push(['off', type, bdev]) && 0);
    const bdev = view.kernel.block.devices.byPath('/dev/ram0');
    expect(view.swapon('/dev/ram0')).to.equal(0);
    view.swapoff('/dev/ram0');
    expect(calls).to.deep.equal(['high', 'first', 'second', 'low', 'off'].map((name) => [name, 0, bdev]));
  });

  it('are refused when all notifier blocks are taken', () => {
    const { view } = newMachine();
    let made = 0;
    expect(() => {
      for (; made < 1000; made++) view.registerSwapNotifier('swapon', 'same', () => 0);
    })
      .to.throw(KernelError, 'register_swap_notifier: ENOMEM: all notifier blocks are taken')
      .with.property('errno', -12);
    expect(made).to.be.greaterThan(0);
  });
});
