import { expect } from 'chai';
import { BLOCK_DISCARD, BLOCK_NONROTATIONAL } from '#src/block/device.js';
import { INODE, PATH_MAX, S_SWAPFILE, type FileConfig } from '#src/block/files.js';
import { EBUSY, EINVAL, EIO, EISDIR, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC, MisuseError } from '#src/errno.js';
import { GFP_KERNEL } from '#src/page/page.js';
import { SWAP_EVENT_SWAPOFF, SWAP_EVENT_SWAPON } from '#src/swap/events.js';
import { buildSwapHeader, type SwapHeaderFields } from '#src/swap/header.js';
import { SWAP_FLAG_PREFER, SWP_BLKDEV, SWP_SOLIDSTATE } from '#src/swap/info.js';
import type { FreeSlotPolicy } from '#src/swap/policy.js';
import { attachSwapMachine, createSwapMachine, type SwapMachine } from './machine.js';

const SLOTS = 24;
/** 24 pages in two pieces; nine pages; a file without blocks at its beginning. */
const FILES: FileConfig[] = [
  {
    path: '/swapfile',
    disk: 'ram2',
    extents: [
      [100, 16],
      [20, 8],
    ],
  },
  { path: '/small', disk: 'ram2', extents: [[40, 9]] },
  {
    path: '/sparse',
    disk: 'ram2',
    extents: [
      [null, 1],
      [60, 20],
    ],
  },
  { path: '/empty', disk: 'ram2', extents: [] },
];

function machineWithFiles(policy?: FreeSlotPolicy): SwapMachine {
  return createSwapMachine({}, () => 0xffff_fff0, policy, undefined, FILES);
}

function machineWithHeader(fields: SwapHeaderFields = { lastPage: SLOTS - 1 }): SwapMachine {
  const machine = machineWithFiles();
  machine.writeHeader('/swapfile', buildSwapHeader(fields));
  return machine;
}

function isMarked(machine: SwapMachine): boolean {
  return (machine.test.cells.ld32(machine.inodes()[0]! + INODE.flags) & S_SWAPFILE) !== 0;
}

describe('swapon of a file', () => {
  it('marks the file and keeps it open; its device is that of the disk, but the area is not the device', () => {
    const machine = machineWithHeader();
    expect(machine.swap.on.swapon('/swapfile', SWAP_FLAG_PREFER | 5)).to.equal(0);
    const [inode] = machine.inodes();
    expect(machine.field(0, 'swapFile')).to.equal(inode);
    expect(machine.field(0, 'bdev')).to.equal(machine.disk('ram2'));
    expect(machine.field(0, 'flags') & SWP_BLKDEV).to.equal(0);
    expect(isMarked(machine)).to.equal(true);
    expect(machine.test.cells.ld32(inode! + INODE.openers)).to.equal(1);
    const events = machine.reader.drain();
    expect(events.map(({ time: _time, task: _task, ...rest }) => rest)).to.deep.equal([
      {
        type: 'printk',
        level: 6,
        text: 'Adding 92k swap on /swapfile.  Priority:5 extents:2 across:384k ',
      },
      { type: 'swapon', swapType: 0, device: '/swapfile', pages: 23, priority: 5 },
    ]);
    expect(machine.swap.report.swaps().map(({ device }) => device)).to.deep.equal(['/swapfile']);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('takes after the disk: solid state and discards', () => {
    const machine = machineWithHeader();
    machine.block.devices.setFlags(machine.disk('ram2'), BLOCK_NONROTATIONAL | BLOCK_DISCARD);
    machine.swap.on.swapon('/swapfile', 0);
    expect(machine.field(0, 'flags') & SWP_SOLIDSTATE).to.equal(SWP_SOLIDSTATE);
    expect(machine.field(0, 'clusterNext')).to.equal(1 + (0xffff_fff0 % 23));
    expect(machine.log()).to.deep.equal([
      'Adding 92k swap on /swapfile.  Priority:-1 extents:2 across:384k SSD',
    ]);
  });

  it('reads headers of the other byte order', () => {
    const machine = machineWithHeader({ lastPage: SLOTS - 1, bigEndian: true });
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
    expect(machine.field(0, 'pages')).to.equal(SLOTS - 1);
  });

  it('tells the listeners which file it was, on and off', () => {
    const machine = machineWithHeader();
    const told: number[][] = [];
    for (const event of [SWAP_EVENT_SWAPON, SWAP_EVENT_SWAPOFF]) {
      const symbol = machine.notifierBlocks.calls.define(`listener-${event}`, (_block, type, file) => {
        told.push([event, type, file]);
        return 0;
      });
      machine.swap.events.registerSwapEventNotifier(event, machine.notifierBlocks.create(symbol));
    }
    machine.swap.on.swapon('/swapfile', 0);
    machine.swap.off.swapoff('/swapfile');
    const [inode] = machine.inodes();
    expect(told).to.deep.equal([
      [SWAP_EVENT_SWAPON, 0, inode],
      [SWAP_EVENT_SWAPOFF, 0, inode],
    ]);
  });

  it('says -EBUSY for a file that is an area, and for one that is marked although no area has it open', () => {
    const machine = machineWithHeader();
    machine.swap.on.swapon('/swapfile', 0);
    let before = machine.footprint();
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(-EBUSY);
    expect(machine.footprint()).to.deep.equal(before);
    machine.swap.off.swapoff('/swapfile');
    const [inode] = machine.inodes();
    machine.test.cells.st32(inode! + INODE.flags, S_SWAPFILE);
    before = machine.footprint();
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(-EBUSY);
    expect(machine.footprint()).to.deep.equal(before);
  });

  it('holds the mutex of the file until the mark is there: mkswap waits', () => {
    const machine = machineWithHeader();
    const other = attachSwapMachine(machine.test.handle, { mayWait: false }, undefined, undefined, FILES);
    const tried: unknown[] = [];
    const enable = machine.swap.on.enable.bind(machine.swap.on);
    machine.swap.on.enable = (...args) => {
      for (const step of [0, 1]) {
        if (step === 1) enable(...args);
        expect(() => other.makeSwap.mkswap('/swapfile')).to.throw(MisuseError, /i_mutex/);
        tried.push(other.swap.on.swapon('/swapfile', 0), isMarked(machine));
      }
    };
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
    expect(tried).to.deep.equal([-EBUSY, false, -EBUSY, false]);
    expect(other.makeSwap.mkswap('/swapfile')).to.equal(-EBUSY);
  });
});

describe('a swapon of a file that fails', () => {
  interface Failure {
    name: string;
    result: number;
    path?: string;
    header?: SwapHeaderFields;
    log?: string[];
    prepare?: (machine: SwapMachine) => void;
  }

  const NO_SIGNATURE = ['Unable to find swap-space signature'];
  const failures: Failure[] = [
    { name: 'for a file that does not exist', path: '/nothing', result: -ENOENT },
    { name: 'for an empty path', path: '', result: -ENOENT },
    { name: 'for a directory', path: '/', result: -EISDIR },
    { name: 'for a path that is too long', path: `/${'x'.repeat(PATH_MAX)}`, result: -ENAMETOOLONG },
    { name: 'for what is neither a file nor a block device', path: '/dev/null', result: -EINVAL },
    { name: 'for a file without a byte', path: '/empty', log: NO_SIGNATURE, result: -EINVAL },
    { name: 'for a hole where the header would be', path: '/sparse', log: NO_SIGNATURE, result: -EINVAL },
    {
      name: 'when the header cannot be read',
      prepare: (machine) => machine.block.devices.failRequests(machine.disk('ram2'), 1),
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
      name: 'for a header of a larger file',
      header: { lastPage: SLOTS },
      log: ['Swap area shorter than signature indicates'],
      result: -EINVAL,
    },
    {
      name: 'for bad pages, which a file cannot have',
      header: { lastPage: 9, badpages: [3] },
      result: -EINVAL,
    },
    { name: 'for an empty area', header: { lastPage: 0 }, log: ['Empty swap-file'], result: -EINVAL },
  ];
  for (const { name, result, path, header, log, prepare } of failures) {
    it(`${name} leaves everything as it was`, () => {
      const machine = machineWithHeader(header);
      prepare?.(machine);
      machine.log();
      const before = machine.footprint();
      expect(machine.swap.on.swapon(path ?? '/swapfile', 0)).to.equal(result);
      expect(machine.footprint()).to.deep.equal(before);
      expect(machine.log()).to.deep.equal(log ?? []);
    });
  }

  for (const policy of ['notify', 'discard-cluster'] as const) {
    it(`for lack of table memory leaves everything as it was, wherever that ends (${policy})`, () => {
      let failed = 0;
      for (let free = 0; ; free++) {
        const machine = machineWithFiles(policy);
        machine.block.devices.setFlags(machine.disk('ram2'), BLOCK_DISCARD);
        machine.writeHeader('/swapfile', buildSwapHeader({ lastPage: SLOTS - 1 }));
        const taken: number[] = [];
        for (let page = machine.vmalloc.vmalloc(1); page !== 0; page = machine.vmalloc.vmalloc(1))
          taken.push(page);
        for (const page of taken.reverse().slice(0, free)) machine.vmalloc.vfree(page);
        const before = machine.footprint();
        const result = machine.swap.on.swapon('/swapfile', 0);
        expect(machine.broken()).to.deep.equal([]);
        if (result === 0) break;
        expect(result).to.equal(-ENOMEM);
        expect(machine.footprint()).to.deep.equal(before);
        failed++;
      }
      // At least for the map and for the second extent.
      expect(failed).to.be.greaterThan(1);
    });
  }

  it('leaves a type for the next one', () => {
    const machine = machineWithHeader({ lastPage: 0 });
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(-EINVAL);
    machine.writeHeader('/swapfile', buildSwapHeader({ lastPage: SLOTS - 1 }));
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('swapoff of a file', () => {
  it('takes the mark away and gives everything back', () => {
    const machine = machineWithHeader();
    const before = machine.footprint();
    machine.swap.on.swapon('/swapfile', 0);
    expect(machine.footprint()).not.to.deep.equal(before);
    machine.reader.drain();
    expect(machine.swap.off.swapoff('/swapfile')).to.equal(0);
    expect(machine.footprint()).to.deep.equal(before);
    const events = machine.reader.drain();
    expect(events.map(({ time: _time, task: _task, ...rest }) => rest)).to.deep.equal([
      { type: 'swapoff', swapType: 0, device: '/swapfile' },
    ]);
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
  });

  it('knows what is no file, and what is no area', () => {
    const machine = machineWithHeader();
    const before = machine.footprint();
    const paths = ['', '/nothing', '/', '/dev/null', '/swapfile', '/dev/ram2', '/'.padEnd(PATH_MAX, 'x')];
    expect(paths.map((path) => machine.swap.off.swapoff(path))).to.deep.equal([
      -ENOENT,
      -ENOENT,
      -EISDIR,
      -EINVAL,
      -EINVAL,
      -EINVAL,
      -ENAMETOOLONG,
    ]);
    expect(machine.footprint()).to.deep.equal(before);
  });

  it('that fails leaves the file marked and open', () => {
    const machine = machineWithHeader();
    machine.swap.on.swapon('/swapfile', SWAP_FLAG_PREFER | 1);
    machine.useCache({
      ...machine.swap.off.operations,
      tryToUnuse: () => -ENOMEM,
      vmEnoughMemory: () => true,
    });
    const before = machine.footprint();
    expect(machine.swap.off.swapoff('/swapfile')).to.equal(-ENOMEM);
    expect(machine.footprint()).to.deep.equal(before);
  });

  it('gives back extents before it waits for scans, and the mark and the entry after', () => {
    const machine = machineWithHeader();
    machine.swap.on.swapon('/swapfile', 0);
    const seen: unknown[] = [];
    const { off } = machine.swap;
    const takeMap = off.takeMap.bind(off);
    off.takeMap = (area) => {
      seen.push(['waits', machine.field(0, 'nrExtents'), isMarked(machine)]);
      return takeMap(area);
    };
    const retireEntry = off.retireEntry.bind(off);
    off.retireEntry = (area, type) => {
      seen.push(['ends', machine.field(0, 'flags') & 1, isMarked(machine)]);
      retireEntry(area, type);
    };
    off.swapoff('/swapfile');
    expect(seen).to.deep.equal([
      ['waits', 0, true],
      ['ends', 1, false],
    ]);
  });
});

describe('mkswap of a file', () => {
  it('makes a file an area of its whole size', () => {
    const machine = machineWithFiles();
    const before = machine.footprint();
    expect(machine.makeSwap.mkswap('/swapfile')).to.equal(0);
    expect(machine.footprint()).to.deep.equal(before);
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
    expect(machine.field(0, 'pages')).to.equal(SLOTS - 1);
  });

  it('refuses what is missing, in use, too small, full of holes or broken', () => {
    const machine = machineWithHeader();
    machine.swap.on.swapon('/swapfile', 0);
    const before = machine.footprint();
    const answers = [
      '/nothing',
      '/',
      '/dev/null',
      '/swapfile',
      '/dev/ram2',
      '/small',
      '/sparse',
      '/empty',
    ].map((path) => machine.makeSwap.mkswap(path));
    expect(answers).to.deep.equal([-ENOENT, -EISDIR, -EINVAL, -EBUSY, -EBUSY, -EINVAL, -ENOSPC, -EINVAL]);
    machine.swap.off.swapoff('/swapfile');
    machine.block.devices.failRequests(machine.disk('ram2'), 1);
    expect(machine.makeSwap.mkswap('/swapfile')).to.equal(-EIO);
    machine.swap.on.swapon('/swapfile', 0);
    expect(machine.footprint()).to.deep.equal(before);
  });
});
