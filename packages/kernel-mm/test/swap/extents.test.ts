import { expect } from 'chai';
import fc from 'fast-check';
import type { FileExtent } from '#src/block/files.js';
import { EINVAL, ENOMEM } from '#src/errno.js';
import { swpEntry } from '#src/swap/entries.js';
import { checkExtents, EXTENTS_PER_CHUNK, type ExtentShape } from '#src/swap/extents.js';
import { buildSwapHeader } from '#src/swap/header.js';
import { SWAP_EXTENT, SWAP_INFO } from '#src/swap/info.js';
import { areaOf, blocksOf, extentAt, machineWithFile, THREE } from './extents-support.js';
import { createSwapMachine, DISK_PAGES, type SwapMachine } from './machine.js';

describe('the extent of a block device', () => {
  it('is one, from slot and block 0 on, and takes no memory', () => {
    const machine = createSwapMachine();
    machine.writeFirstPage('ram0', buildSwapHeader({ lastPage: DISK_PAGES - 1 }));
    machine.swap.on.swapon('/dev/ram0', 0);
    expect(machine.field(0, 'nrExtents')).to.equal(1);
    expect(machine.field(0, 'extentChunks')).to.equal(0);
    expect(blocksOf(machine)).to.deep.equal(Array.from({ length: DISK_PAGES }, (_, slot) => slot));
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('addSwapExtent', () => {
  function fresh(): { machine: SwapMachine; area: number; add: (...shape: ExtentShape) => number } {
    const machine = createSwapMachine();
    const area = machine.swap.table.infoOf(machine.swap.on.claimType());
    const { extents } = machine.swap;
    return { machine, area, add: (page, pages, block) => extents.addSwapExtent(area, page, pages, block) };
  }

  it('begins with slot 0, goes on where blocks go on, and appends where they do not', () => {
    const { machine, add } = fresh();
    expect([add(0, 1, 7), add(1, 2, 8), add(3, 1, 20), add(4, 1, 21), add(5, 1, 22)]).to.deep.equal([
      1, 0, 1, 0, 0,
    ]);
    const shape = [0, 1].map((index) => {
      const extent = extentAt(machine, index);
      return (['startPage', 'nrPages', 'startBlock'] as const).map((name) =>
        machine.test.cells.ldu32(extent + SWAP_EXTENT[name]),
      );
    });
    expect(shape).to.deep.equal([
      [0, 3, 7],
      [3, 3, 20],
    ]);
    expect(extentAt(machine, 2)).to.equal(extentAt(machine, 0));
  });

  it('stops the machine when slots do not follow each other', () => {
    for (const next of [4, 6]) {
      const { add } = fresh();
      add(0, 5, 1);
      expect(() => add(next, 1, 100)).to.throw(/leave a gap/);
    }
  });

  it('says -ENOMEM when there is no table memory, and gives the pages it had back', () => {
    const { machine, area, add } = fresh();
    const before = machine.vmalloc.pagesInUse();
    add(0, 1, 1);
    expect(machine.vmalloc.pagesInUse()).to.equal(before);
    expect(add(1, 1, 3)).to.equal(1);
    expect(machine.vmalloc.pagesInUse()).to.equal(before + 1);
    const taken: number[] = [];
    for (let page = machine.vmalloc.vmalloc(1); page !== 0; page = machine.vmalloc.vmalloc(1))
      taken.push(page);
    for (let slot = 2; slot <= EXTENTS_PER_CHUNK; slot++) expect(add(slot, 1, 2 * slot + 1)).to.equal(1);
    const slot = EXTENTS_PER_CHUNK + 1;
    expect(add(slot, 1, 2 * slot + 1)).to.equal(-ENOMEM);
    expect(add(slot, 1, 2 * slot)).to.equal(0);
    for (const page of taken) machine.vmalloc.vfree(page);
    machine.swap.extents.destroySwapExtents(area);
    expect(machine.vmalloc.pagesInUse()).to.equal(before);
    expect(machine.field(0, 'currExtent')).to.equal(area + SWAP_INFO.firstExtent);
  });
});

describe('the extents of a file', () => {
  it('are the runs of its blocks, and the log has their number and how far apart they lie', () => {
    const extents: FileExtent[] = [
      [100, 10],
      [20, 6],
      [26, 4],
      [200, 12],
    ];
    const machine = machineWithFile(4096, extents, 32);
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
    expect(machine.field(0, 'nrExtents')).to.equal(3);
    expect(machine.log()).to.deep.equal([
      'Adding 124k swap on /swapfile.  Priority:-1 extents:3 across:768k ',
    ]);
    expect(blocksOf(machine).slice(8, 22)).to.deep.equal([
      108, 109, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 200, 201,
    ]);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('do not count the header: it may lie far away', () => {
    const machine = machineWithFile(
      4096,
      [
        [250, 1],
        [10, 12],
      ],
      13,
    );
    machine.swap.on.swapon('/swapfile', 0);
    expect(machine.log()).to.deep.equal(['Adding 48k swap on /swapfile.  Priority:-1 extents:2 across:48k ']);
  });

  it('leave out blocks that are no whole page of the disk, one block at a time', () => {
    // Blocks of 1 KiB: 1 to 3 lie before a page boundary; 100 to 105 are a page and two blocks; 44 to 49 a page with one block before and after.
    const machine = machineWithFile(
      1024,
      [
        [1, 11],
        [100, 6],
        [43, 6],
        [60, 8],
      ],
      7,
    );
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
    expect(blocksOf(machine)).to.deep.equal([1, 2, 25, 11, 15, 16]);
    const fields = ['max', 'pages', 'highestBit', 'nrExtents'] as const;
    expect(fields.map((name) => machine.field(0, name))).to.deep.equal([6, 5, 5, 4]);
    expect(machine.broken()).to.deep.equal([]);
    expect([1, 2, 3, 4, 5, 0].map(() => machine.getOffset())).to.deep.equal([1, 2, 3, 4, 5, 0]);
    expect(machine.log()).to.deep.equal(['Adding 20k swap on /swapfile.  Priority:-1 extents:4 across:96k ']);
  });

  it('end with the slots the header has', () => {
    const machine = machineWithFile(
      4096,
      [
        [100, 12],
        [null, 4],
      ],
      12,
    );
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
    expect(machine.field(0, 'nrExtents')).to.equal(1);
    expect(machine.log()).to.deep.equal(['Adding 44k swap on /swapfile.  Priority:-1 extents:1 across:44k ']);
    expect(blocksOf(machine)[11]).to.equal(111);
  });

  it('do not begin a page that the end of the file cuts off', () => {
    const files = [
      {
        path: '/swapfile',
        disk: 'ram2',
        blockBytes: 1024,
        extents: [[41, 51] as const],
        bytes: 51 * 1024 - 1,
      },
    ];
    const machine = createSwapMachine({}, undefined, undefined, undefined, files);
    machine.writeHeader('/swapfile', buildSwapHeader({ lastPage: 11 }));
    // 50 whole blocks from block 41 on: those from 44 to 87 are eleven pages of the disk, and 88 to 90 are left over.
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
    expect(blocksOf(machine)).to.deep.equal([11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]);
  });

  const HOLES = ['swapon: swapfile has holes'];
  const EMPTY = ['Empty swap-file'];
  const refusals: { name: string; blockBytes: number; extents: FileExtent[]; log: string[] }[] = [
    {
      name: 'a hole between pages',
      blockBytes: 4096,
      extents: [
        [100, 5],
        [null, 1],
        [120, 6],
      ],
      log: HOLES,
    },
    {
      name: 'a hole in a page',
      blockBytes: 1024,
      extents: [
        [100, 18],
        [0, 1],
        [120, 29],
      ],
      log: HOLES,
    },
    {
      name: 'a hole where a block was left out',
      blockBytes: 1024,
      extents: [...scattered(4), [null, 1] as const, [120, 43] as const],
      log: HOLES,
    },
    { name: 'no whole page at all', blockBytes: 512, extents: scattered(96), log: EMPTY },
    {
      name: 'one page only',
      blockBytes: 1024,
      extents: [[100, 7] as const, ...scattered(41)],
      log: EMPTY,
    },
  ];
  for (const { name, blockBytes, extents, log } of refusals) {
    it(`are refused for ${name}, and all is as before`, () => {
      const machine = machineWithFile(blockBytes, extents, 12);
      const before = machine.footprint();
      expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(-EINVAL);
      expect(machine.log()).to.deep.equal(log);
      expect(machine.footprint()).to.deep.equal(before);
    });
  }

  for (const seed of [11, Math.floor(Math.random() * 2 ** 31)]) {
    it(`are those of a plain list of blocks (seed ${seed})`, () => {
      const layouts = fc.record({
        blockBytes: fc.constantFrom(512, 1024, 2048, 4096),
        gaps: fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 40 })), {
          minLength: 1,
          maxLength: 12,
        }),
        order: fc.infiniteStream(fc.nat()),
      });
      fc.assert(
        fc.property(layouts, ({ blockBytes, gaps, order }) => {
          const perPage = 4096 / blockBytes;
          // Runs with gaps between them, from block 1 on, then shuffled.
          let at = 1;
          const runs: [number, number][] = [];
          for (const [gap, blocks] of gaps) {
            at += gap;
            if ((at + blocks) * blockBytes <= DISK_PAGES * 4096) runs.push([at, blocks]);
            at += blocks;
          }
          runs.sort(() => (order.next().value % 2 === 0 ? 1 : -1));
          const flat = runs.flatMap(([first, blocks]) => Array.from({ length: blocks }, (_, i) => first + i));
          const filePages = Math.floor(flat.length / perPage);
          if (filePages < 2) return;
          const expected = pagesByDefinition(flat, perPage).slice(0, filePages);
          const machine = machineWithFile(blockBytes, runs, filePages);
          const result = machine.swap.on.swapon('/swapfile', 0);
          if (expected.length < 2) {
            expect(result).to.equal(-EINVAL);
            return;
          }
          expect(result).to.equal(0);
          expect(blocksOf(machine)).to.deep.equal(expected);
          const breaks = expected.filter((block, slot) => slot === 0 || block !== expected[slot - 1]! + 1);
          expect(machine.field(0, 'nrExtents')).to.equal(breaks.length);
          const span = Math.max(...expected.slice(1)) - Math.min(...expected.slice(1)) + 1;
          expect(machine.log()[0]).to.contain(`extents:${breaks.length} across:${span * 4}k `);
          expect(machine.broken()).to.deep.equal([]);
        }),
        { seed, numRuns: 60 },
      );
    });
  }
});

/** Blocks of which no two lie together. */
function scattered(count: number): FileExtent[] {
  return Array.from({ length: count }, (_, index) => [300 + 2 * index, 1] as const);
}

/** Looks at each block for itself: where a whole page lies in one piece at a boundary, it is a slot, and the search goes on behind it. */
function pagesByDefinition(flat: readonly number[], perPage: number): number[] {
  const pages: number[] = [];
  for (let at = 0; at + perPage <= flat.length;) {
    const piece = flat.slice(at, at + perPage);
    const whole = piece[0]! % perPage === 0 && piece.every((block, index) => block === piece[0]! + index);
    if (whole) pages.push(piece[0]! / perPage);
    at += whole ? perPage : 1;
  }
  return pages;
}

describe('mapSwapEntry', () => {
  it('searches in a circle from the extent found last', () => {
    const machine = createSwapMachine();
    areaOf(machine, THREE);
    const { extents } = machine.swap;
    const found: [number, number][] = [];
    for (const slot of [13, 5, 3, 4, 12, 11]) {
      const block = extents.mapSwapEntry(swpEntry(0, slot));
      const current = [0, 1, 2].findIndex(
        (index) => extentAt(machine, index) === machine.field(0, 'currExtent'),
      );
      found.push([block, current]);
    }
    expect(found).to.deep.equal([
      [91, 2],
      [11, 1],
      [53, 0],
      [10, 1],
      [90, 2],
      [17, 1],
    ]);
  });

  it('stops the machine for a slot in no extent', () => {
    for (const extents of [THREE, [[0, 16, 0]] as const]) {
      const machine = createSwapMachine();
      areaOf(machine, extents);
      expect(() => machine.swap.extents.mapSwapEntry(swpEntry(0, 16))).to.throw(/Slot 16 .* lies in none/);
    }
  });

  it('finds nothing in an area that was switched off', () => {
    const machine = createSwapMachine();
    areaOf(machine, THREE);
    machine.swap.off.swapoffType(0);
    expect(() => machine.swap.extents.mapSwapEntry(swpEntry(0, 5))).to.throw(/in none of its 0 extent/);
    expect(machine.swap.extents.swapdevBlock(0, 5)).to.equal(0);
  });

  it('is there for hibernation without a reference, for writable areas', () => {
    const machine = createSwapMachine();
    areaOf(machine, THREE);
    const { extents } = machine.swap;
    expect([5, 14].map((slot) => extents.swapdevBlock(0, slot))).to.deep.equal([11, 92]);
    expect([-1, 1, 30, 0.5].map((type) => extents.swapdevBlock(type, 5))).to.deep.equal([0, 0, 0, 0]);
    machine.setField(0, 'flags', machine.field(0, 'flags') & ~0x002);
    expect(extents.swapdevBlock(0, 5)).to.equal(0);
  });
});

describe('extents given for a replay', () => {
  it('must cover the slots from the first to the last', () => {
    const bad: ExtentShape[][] = [
      [],
      [[0, 15, 5]],
      [[0, 17, 5]],
      [[1, 15, 5]],
      [
        [0, 8, 5],
        [9, 7, 50],
      ],
    ];
    for (const extents of bad) {
      const machine = createSwapMachine();
      const before = machine.footprint();
      const shape = { lastPage: 15, prio: null, nonrot: false, random32: 0, badpages: [] };
      expect(machine.swap.on.swaponWithoutHeader({ ...shape, extents })).to.equal(-EINVAL);
      expect(machine.footprint()).to.deep.equal(before);
    }
  });
});

describe('the invariant of extents', () => {
  function broken(change: (machine: SwapMachine) => void): string[] {
    const machine = createSwapMachine();
    areaOf(machine, THREE);
    expect(checkExtents(machine.swap.table, 0)).to.deep.equal([]);
    change(machine);
    return checkExtents(machine.swap.table, 0);
  }

  function set(
    machine: SwapMachine,
    steps: number,
    name: 'startPage' | 'nrPages' | 'startBlock',
    value: number,
  ): void {
    machine.test.cells.st32(extentAt(machine, steps) + SWAP_EXTENT[name], value);
  }

  it('sees gaps, overlaps, shared blocks and a wrong number', () => {
    expect(broken((machine) => set(machine, 1, 'startPage', 5)).join()).to.match(
      /begins at slot 5 where 4 is due/,
    );
    expect(broken((machine) => set(machine, 2, 'nrPages', 3)).join()).to.match(/cover 15 slots of 16/);
    expect(broken((machine) => set(machine, 2, 'startBlock', 17)).join()).to.match(/share block 17/);
    expect(broken((machine) => machine.setField(0, 'nrExtents', 2)).join()).to.match(/counts 2 extent/);
  });
});
