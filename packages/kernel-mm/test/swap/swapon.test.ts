import { expect } from 'chai';
import { EBUSY, EINVAL, EIO, ENOENT, ENOMEM, EOPNOTSUPP, EPERM } from '#src/errno.js';
import { BLOCK_DEVICE, BLOCK_DISCARD } from '#src/block/device.js';
import { GFP_KERNEL } from '#src/page/page.js';
import { PF_OOM_ORIGIN } from '#src/sync/task.js';
import { swpEntry } from '#src/swap/entries.js';
import { buildSwapHeader, type SwapHeaderFields } from '#src/swap/header.js';
import { SWAP_FLAG_PREFER, SWP_SCANNING } from '#src/swap/info.js';
import { AREA_TABLES, createSwapMachine, DISK_PAGES, sectors, type SwapMachine } from './machine.js';

const LAST_PAGE = DISK_PAGES - 1;

function machineWithHeaders(fields: SwapHeaderFields = { lastPage: LAST_PAGE }): SwapMachine {
  const machine = createSwapMachine({}, () => 0xffff_fff0);
  for (const name of ['ram0', 'ram1', 'ssd0'] as const) machine.writeFirstPage(name, buildSwapHeader(fields));
  return machine;
}

describe('swapon', () => {
  it('makes all slots but the header usable and says so', () => {
    const machine = machineWithHeaders();
    expect(machine.swap.on.swapon('/dev/ram0', 0)).to.equal(0);
    const fields = ['max', 'pages', 'highestBit', 'lowestBit', 'clusterNext', 'flags', 'prio'] as const;
    expect(fields.map((name) => machine.field(0, name))).to.deep.equal([256, 255, 255, 1, 1, 0x43, -1]);
    expect(machine.swap.report.siSwapinfo()).to.deep.equal({ totalPages: 255, freePages: 255 });
    const events = machine.reader.drain();
    expect(events.map(({ time: _time, task: _task, ...rest }) => rest)).to.deep.equal([
      {
        type: 'printk',
        level: 6,
        text: 'Adding 1020k swap on /dev/ram0.  Priority:-1 extents:1 across:1020k ',
      },
      { type: 'swapon', swapType: 0, device: '/dev/ram0', pages: 255, priority: -1 },
    ]);
    expect(machine.broken()).to.deep.equal([]);
    expect(machine.swap.extents.mapSwapEntry(swpEntry(0, 200))).to.equal(200);
    expect(machine.swap.table.bdevOf(swpEntry(0, 200))).to.equal(machine.disk('ram0'));
  });

  it('starts the cursor of a solid-state disk at random', () => {
    const machine = machineWithHeaders();
    machine.swap.on.swapon('/dev/ssd0', SWAP_FLAG_PREFER | 7);
    expect(machine.field(0, 'clusterNext')).to.equal(1 + (0xffff_fff0 % 255));
    expect(machine.field(0, 'flags')).to.equal(0x53);
    expect(machine.log()).to.deep.equal([
      'Adding 1020k swap on /dev/ssd0.  Priority:7 extents:1 across:1020k SS',
    ]);
  });

  it('uses random numbers of its own that the seed decides', () => {
    const numbers = [1, 1, 2].map((seed) => {
      const machine = createSwapMachine();
      machine.swap.boot(seed);
      return [machine.swap.on.random32(), machine.swap.on.random32()];
    });
    expect(numbers[0]).to.deep.equal(numbers[1]);
    expect(numbers[0]).not.to.deep.equal(numbers[2]);
    expect(numbers[0]![0]).not.to.equal(numbers[0]![1]);
    for (const number of numbers.flat()) expect(number).to.be.within(0, 0xffff_ffff);
  });

  it('reads headers of the other byte order', () => {
    const machine = machineWithHeaders({ lastPage: LAST_PAGE, badpages: [7], bigEndian: true });
    expect(machine.swap.on.swapon('/dev/ram0', 0)).to.equal(0);
    expect([machine.field(0, 'pages'), machine.byte(0, 7)]).to.deep.equal([254, 0x3f]);
  });

  it('counts a bad page that is listed twice once', () => {
    const machine = machineWithHeaders({ lastPage: LAST_PAGE, badpages: [7, 7] });
    machine.swap.on.swapon('/dev/ram0', 0);
    expect(machine.field(0, 'pages')).to.equal(254);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('takes a priority from the flags, and ignores bits it does not know', () => {
    const machine = machineWithHeaders();
    machine.swap.on.swapon('/dev/ram0', SWAP_FLAG_PREFER | 0x7fff | 0x70000);
    machine.swap.on.swapon('/dev/ram1', 5);
    expect([machine.field(0, 'prio'), machine.field(1, 'prio')]).to.deep.equal([0x7fff, -1]);
  });

  it('takes the header page and all else back, except the map and its tables', () => {
    const machine = machineWithHeaders();
    const { free } = machine.frames.info();
    machine.swap.on.swapon('/dev/ram0', 0);
    expect(machine.frames.info().free).to.equal(free);
    expect(machine.vmalloc.pagesInUse()).to.equal(AREA_TABLES);
    const { devices } = machine.block;
    expect(machine.test.cells.ld32(machine.disk('ram0') + BLOCK_DEVICE.openers)).to.equal(1);
    expect(devices.holders(machine.disk('ram0'))).to.equal(1);
  });
});

describe('a swapon that fails', () => {
  interface Failure {
    name: string;
    result: number;
    header?: Uint8Array | SwapHeaderFields;
    log?: string[];
    prepare?: (machine: SwapMachine) => void;
    path?: string;
  }

  function damaged(change: (view: DataView) => void): Uint8Array {
    const bytes = buildSwapHeader({ lastPage: LAST_PAGE });
    change(new DataView(bytes.buffer));
    return bytes;
  }

  const SHORT = ['Swap area shorter than signature indicates'];
  const failures: Failure[] = [
    { name: 'for a device that does not exist', path: '/dev/nothing', result: -ENOENT },
    { name: 'for a file that does not exist', path: '/swapfile', result: -ENOENT },
    {
      name: 'for a device somebody else holds',
      prepare: (machine) => machine.block.devices.claim(machine.disk('ram0'), 12_345),
      result: -EINVAL,
    },
    {
      name: 'when the header cannot be read',
      prepare: (machine) => machine.block.devices.failRequests(machine.disk('ram0'), 1),
      result: -EIO,
    },
    {
      name: 'without memory for the header',
      prepare: (machine) => {
        while (machine.frames.allocPage(GFP_KERNEL) !== 0);
      },
      result: -ENOMEM,
    },
    {
      name: 'without a bio',
      prepare: (machine) => {
        while (machine.block.bios.allocBio(GFP_KERNEL) !== 0);
      },
      result: -ENOMEM,
    },
    {
      name: 'without memory for the map',
      prepare: (machine) => {
        while (machine.vmalloc.vmalloc(4096) !== 0);
      },
      result: -ENOMEM,
    },
    {
      name: 'without the signature',
      header: damaged((view) => view.setUint8(4095, 0)),
      log: ['Unable to find swap-space signature'],
      result: -EINVAL,
    },
    {
      name: 'for another version',
      header: damaged((view) => view.setUint32(1024, 2, true)),
      log: ['Unable to handle swap header version 2'],
      result: -EINVAL,
    },
    { name: 'for an area beyond the device', header: { lastPage: DISK_PAGES }, log: SHORT, result: -EINVAL },
    {
      name: 'for an area of no slots at all, as a reader of old headers could find',
      prepare: (machine) => {
        machine.swap.on.slotsUpTo = () => 0;
      },
      result: -EINVAL,
    },
    { name: 'for the largest last page', header: { lastPage: 0xffff_ffff }, log: SHORT, result: -EINVAL },
    {
      name: 'for an area beyond the device before it looks at the number of bad pages',
      header: damaged((view) => {
        view.setUint32(1028, DISK_PAGES, true);
        view.setUint32(1032, 638, true);
      }),
      log: SHORT,
      result: -EINVAL,
    },
    {
      name: 'with too many bad pages',
      header: damaged((view) => view.setUint32(1032, 638, true)),
      result: -EINVAL,
    },
    { name: 'for an empty area', header: { lastPage: 0 }, log: ['Empty swap-file'], result: -EINVAL },
    {
      name: 'when all pages are bad',
      header: { lastPage: 2, badpages: [1, 2] },
      log: ['Empty swap-file'],
      result: -EINVAL,
    },
    { name: 'when the header is a bad page', header: { lastPage: 9, badpages: [0] }, result: -EINVAL },
    { name: 'for a bad page beyond the last', header: { lastPage: 255, badpages: [256] }, result: -EINVAL },
  ];
  for (const { name, result, header, log, prepare, path } of failures) {
    it(`${name} leaves everything as it was`, () => {
      const machine = createSwapMachine();
      const bytes =
        header instanceof Uint8Array ? header : buildSwapHeader(header ?? { lastPage: LAST_PAGE });
      machine.writeFirstPage('ram0', bytes);
      const { devices } = machine.block;
      devices.setBlockSize(machine.disk('ram0'), 1024);
      prepare?.(machine);
      machine.log();
      const before = machine.footprint();
      expect(machine.swap.on.swapon(path ?? '/dev/ram0', 0)).to.equal(result);
      expect(machine.footprint()).to.deep.equal(before);
      expect(machine.log()).to.deep.equal(log ?? []);
      expect(machine.test.cells.ld32(machine.disk('ram0') + BLOCK_DEVICE.blockSizeBytes)).to.equal(1024);
      expect(machine.test.cells.ld32(machine.disk('ram0') + BLOCK_DEVICE.openers)).to.equal(0);
      expect(machine.field(0, 'swapFile')).to.equal(0);
    });
  }

  it('for lack of table memory leaves everything as it was, wherever that ends', () => {
    let failed = 0;
    for (let free = 0; ; free++) {
      const machine = createSwapMachine({}, undefined, 'discard-cluster');
      machine.block.devices.setFlags(machine.disk('ram0'), BLOCK_DISCARD);
      machine.writeFirstPage('ram0', buildSwapHeader({ lastPage: LAST_PAGE }));
      const taken: number[] = [];
      for (let page = machine.vmalloc.vmalloc(1); page !== 0; page = machine.vmalloc.vmalloc(1))
        taken.push(page);
      for (const page of taken.reverse().slice(0, free)) machine.vmalloc.vfree(page);
      const before = machine.footprint();
      const result = machine.swap.on.swapon('/dev/ram0', 0);
      expect(machine.broken()).to.deep.equal([]);
      if (result === 0) break;
      expect(result).to.equal(-ENOMEM);
      expect(machine.footprint()).to.deep.equal(before);
      failed++;
    }
    // At least for the map and for the table of clusters.
    expect(failed).to.be.greaterThan(1);
  });

  it('because the device is an area already says -EBUSY, before it looks who holds it', () => {
    const machine = machineWithHeaders();
    machine.swap.on.swapon('/dev/ram0', 0);
    const before = machine.footprint();
    expect(machine.swap.on.swapon('/dev/ram0', 0)).to.equal(-EBUSY);
    expect(machine.footprint()).to.deep.equal(before);
  });

  it('without a device leaves everything as it was', () => {
    const machine = createSwapMachine();
    const before = machine.footprint();
    expect(machine.area(1)).to.equal(-EINVAL);
    expect(machine.area(8, { badpages: [8] })).to.equal(-EINVAL);
    expect(machine.area(2 ** 22)).to.equal(-ENOMEM);
    expect(machine.footprint()).to.deep.equal(before);
    expect(machine.area(8)).to.equal(0);
  });

  it('because the table is full says -EPERM, before it looks at the device', () => {
    const machine = machineWithHeaders();
    for (let type = 0; type < 30; type++) expect(machine.area(4)).to.equal(type);
    expect(machine.area(4)).to.equal(-EPERM);
    expect(machine.swap.on.swapon('/dev/nothing', 0)).to.equal(-EPERM);
    expect(machine.swap.off.swapoffType(17)).to.equal(0);
    expect(machine.swap.on.swapon('/dev/ram0', 0)).to.equal(17);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('swapoff', () => {
  it('gives everything back and leaves the type for the next area', () => {
    const machine = machineWithHeaders();
    machine.block.devices.setBlockSize(machine.disk('ram0'), 2048);
    const before = machine.footprint();
    machine.swap.on.swapon('/dev/ram0', 0);
    expect(machine.test.cells.ld32(machine.disk('ram0') + BLOCK_DEVICE.blockSizeBytes)).to.equal(4096);
    machine.reader.drain();
    expect(machine.swap.off.swapoff('/dev/ram0')).to.equal(0);
    expect(machine.footprint()).to.deep.equal(before);
    expect(machine.test.cells.ld32(machine.disk('ram0') + BLOCK_DEVICE.blockSizeBytes)).to.equal(2048);
    expect(machine.test.cells.ld32(machine.disk('ram0') + BLOCK_DEVICE.openers)).to.equal(0);
    expect(machine.reader.drain()).to.have.length(1);
    expect(machine.get()).to.equal(null);
    expect(machine.swap.on.swapon('/dev/ram1', 0)).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('knows devices that do not exist, and devices and types that are no areas', () => {
    const machine = machineWithHeaders();
    expect(machine.swap.off.swapoff('/dev/nothing')).to.equal(-ENOENT);
    expect(machine.swap.off.swapoff('/dev/ram0')).to.equal(-EINVAL);
    for (const type of [0, -1, 30]) expect(machine.swap.off.swapoffType(type)).to.equal(-EINVAL);
    expect(machine.test.cells.ld32(machine.disk('ram0') + BLOCK_DEVICE.openers)).to.equal(0);
  });

  it('of an area with slots in use is not supported without a memory manager, and puts it back', () => {
    const machine = machineWithHeaders();
    machine.swap.on.swapon('/dev/ram0', SWAP_FLAG_PREFER | 3);
    machine.get();
    const before = machine.footprint();
    expect(machine.swap.off.swapoff('/dev/ram0')).to.equal(-EOPNOTSUPP);
    expect(machine.footprint()).to.deep.equal(before);
    expect(machine.broken()).to.deep.equal([]);
    expect(machine.get()).to.deep.equal([0, 2]);
  });

  it('that is refused memory changes nothing at all', () => {
    const machine = machineWithHeaders();
    machine.area(8);
    const asked: number[] = [];
    machine.useCache({
      tryToUnuse: () => 0,
      vmEnoughMemory: (pages) => {
        asked.push(pages);
        return false;
      },
    });
    machine.area(8);
    const before = machine.footprint();
    expect(machine.swap.off.swapoffType(0)).to.equal(-ENOMEM);
    expect(machine.footprint()).to.deep.equal(before);
    expect(asked).to.deep.equal([7]);
  });

  it('shows the dip of the counters to nobody, and marks the task, while pages come home', () => {
    const machine = createSwapMachine();
    machine.area(16);
    for (let slot = 1; slot <= 5; slot++) machine.get();
    const seen: unknown[] = [];
    machine.useCache({
      vmEnoughMemory: () => true,
      tryToUnuse: (type) => {
        const { table, report, off } = machine.swap;
        seen.push(table.nrSwapPages(), table.totalSwapPages(), report.siSwapinfo(), machine.get());
        seen.push(machine.test.context.taskFlags() & PF_OOM_ORIGIN, machine.broken());
        let slot = 0;
        for (let next = off.findNextToUnuse(type, slot); next !== 0; next = off.findNextToUnuse(type, slot)) {
          slot = next;
          machine.free(type, slot);
        }
        seen.push(slot, table.nrSwapPages());
        return 0;
      },
    });
    expect(machine.swap.off.swapoffType(0)).to.equal(0);
    expect(seen).to.deep.equal([-5, 0, { totalPages: 5, freePages: 0 }, null, PF_OOM_ORIGIN, [], 5, 0]);
    expect(machine.test.context.taskFlags() & PF_OOM_ORIGIN).to.equal(0);
    expect(machine.swap.table.nrSwapPages()).to.equal(0);
  });

  it('looks for used slots in a circle and passes over bad ones', () => {
    const machine = createSwapMachine();
    machine.area(600, { badpages: [2, 599] });
    // The first free cluster begins behind the bad page.
    for (let slot = 3; slot <= 402; slot++) expect(machine.getOffset()).to.equal(slot);
    for (let slot = 3; slot <= 390; slot++) machine.free(0, slot);
    const { off } = machine.swap;
    const next = [0, 1, 391, 401, 402].map((slot) => off.findNextToUnuse(0, slot));
    expect(next).to.deep.equal([391, 391, 392, 402, 391]);
    for (let slot = 391; slot <= 402; slot++) machine.free(0, slot);
    expect([off.findNextToUnuse(0, 0), off.findNextToUnuse(0, 300)]).to.deep.equal([0, 0]);
  });

  it('waits for a task that still scans, then frees the map', () => {
    const machine = createSwapMachine();
    machine.area(16);
    machine.setField(0, 'flags', machine.field(0, 'flags') + SWP_SCANNING);
    const { scannersGone } = machine.swap.table;
    const wait = scannersGone.wait.bind(scannersGone);
    let ticks = 0;
    scannersGone.wait = (ticket, limitMs) => {
      ticks++;
      // The heads of the continuation pages are gone already: no slot has users.
      expect(machine.vmalloc.pagesInUse()).to.equal(AREA_TABLES - 1);
      if (ticks === 3) machine.setField(0, 'flags', machine.field(0, 'flags') - SWP_SCANNING);
      return wait(ticket, limitMs);
    };
    expect(machine.swap.off.swapoffType(0)).to.equal(0);
    expect(ticks).to.equal(3);
    expect(machine.vmalloc.pagesInUse()).to.equal(0);
  });

  it('ends with a report when a task never leaves its scan', () => {
    const machine = createSwapMachine({ waitLimitMs: 5 });
    machine.area(16);
    machine.setField(0, 'flags', machine.field(0, 'flags') + SWP_SCANNING);
    expect(() => machine.swap.off.swapoffType(0)).to.throw(/leave scanSwapMap: the limit is reached/);
  });
});

describe('mkswap', () => {
  it('makes a disk an area of its whole size', () => {
    const machine = createSwapMachine();
    const before = machine.footprint();
    expect(machine.makeSwap.mkswap('/dev/ram1')).to.equal(0);
    expect(machine.footprint()).to.deep.equal(before);
    expect(machine.swap.on.swapon('/dev/ram1', 0)).to.equal(0);
    expect(machine.field(0, 'pages')).to.equal(LAST_PAGE);
  });

  it('refuses what is missing, in use, too small or broken', () => {
    const machine = machineWithHeaders();
    machine.swap.on.swapon('/dev/ram0', 0);
    const before = machine.footprint();
    expect(machine.makeSwap.mkswap('/dev/nothing')).to.equal(-ENOENT);
    expect(machine.makeSwap.mkswap('/dev/ram0')).to.equal(-EBUSY);
    machine.block.devices.failRequests(machine.disk('ram1'), 1);
    expect(machine.makeSwap.mkswap('/dev/ram1')).to.equal(-EIO);
    machine.block.devices.setCapacity(machine.disk('ram1'), sectors(9));
    expect(machine.makeSwap.mkswap('/dev/ram1')).to.equal(-EINVAL);
    expect(machine.footprint()).to.deep.equal(before);
  });
});

describe('automatic priorities', () => {
  function prios(machine: SwapMachine): number[] {
    return [0, 1, 2, 3]
      .filter((type) => machine.field(type, 'flags') !== 0)
      .map((type) => machine.field(type, 'prio'));
  }

  function fourAreas(): SwapMachine {
    const machine = createSwapMachine();
    for (let type = 0; type < 4; type++) machine.area(8);
    return machine;
  }

  it('are given out downwards, and close the gap when an area goes', () => {
    const machine = fourAreas();
    expect(prios(machine)).to.deep.equal([-1, -2, -3, -4]);
    machine.swap.off.swapoffType(1);
    expect(prios(machine)).to.deep.equal([-1, -2, -3]);
    expect(machine.broken()).to.deep.equal([]);
    expect(machine.area(8)).to.equal(1);
    expect(machine.field(1, 'prio')).to.equal(-4);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('become the lowest when a swapoff fails', () => {
    const machine = fourAreas();
    machine.useCache({ tryToUnuse: () => -ENOMEM, vmEnoughMemory: () => true });
    expect(machine.swap.off.swapoffType(0)).to.equal(-ENOMEM);
    expect(prios(machine)).to.deep.equal([-4, -1, -2, -3]);
    expect(machine.swap.table.listHead()).to.equal(1);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('do not move when an area with a given priority goes', () => {
    const machine = fourAreas();
    const type = machine.area(8, { prio: 0 });
    machine.swap.off.swapoffType(type);
    expect(prios(machine)).to.deep.equal([-1, -2, -3, -4]);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('reports', () => {
  it('list areas in order of type', () => {
    const machine = machineWithHeaders();
    machine.swap.on.swapon('/dev/ram1', SWAP_FLAG_PREFER | 1);
    machine.area(8, { prio: 2 });
    machine.get();
    expect(
      machine.swap.report.swaps().map((row) => [row.device, row.pages, row.inusePages, row.priority]),
    ).to.deep.equal([
      ['/dev/ram1', 255, 0, 1],
      ['', 7, 1, 2],
    ]);
    expect(machine.swap.report.countSwapPages(1, false)).to.equal(7);
    expect(machine.swap.report.countSwapPages(1, true)).to.equal(6);
    expect(machine.swap.report.countSwapPages(2, true)).to.equal(0);
  });

  it('give a window of used slots around a wanted one', () => {
    const machine = createSwapMachine();
    machine.area(20, { badpages: [12] });
    for (let slot = 0; slot < 15; slot++) machine.get();
    const window = (slot: number, cluster = 3) => {
      const { first, count } = machine.swap.report.validSwaphandles(swpEntry(0, slot), cluster);
      return [first, count];
    };
    expect(window(3)).to.deep.equal([1, 7]);
    expect(window(9)).to.deep.equal([8, 4]);
    expect(window(14)).to.deep.equal([13, 3]);
    machine.free(0, 14);
    expect(window(15)).to.deep.equal([15, 0]);
    expect(window(16)).to.deep.equal([16, 0]);
    expect(window(3, 0)[1]).to.equal(0);
  });
});
