import { expect } from 'chai';
import { BLOCK_DEVICE } from '#src/block/device.js';
import { INODE, PATH_MAX, type FileConfig } from '#src/block/files.js';
import {
  EBUSY,
  EINVAL,
  EIO,
  EISDIR,
  ENAMETOOLONG,
  ENOENT,
  ENOMEM,
  ENOSPC,
  KernelError,
  MisuseError,
} from '#src/errno.js';
import { GFP_KERNEL } from '#src/page/page.js';
import { createMachine, type CreateMachineOptions } from '#src/machine/machine.js';
import type { MachineView } from '#src/machine/view.js';

const DISK_BYTES = 1 << 20;
const OPTIONS: CreateMachineOptions = {
  ramBytes: 64 * 4096,
  shared: false,
  ramDisks: [
    { name: 'ram0', bytes: DISK_BYTES },
    { name: 'ram1', bytes: DISK_BYTES },
  ],
};

/** A page in three pieces, a page of which half is a hole, a page of one piece, and half a page of which 1000 bytes are the file's. */
const PIECES: FileConfig = {
  path: '/var/swap/pieces',
  disk: 'ram0',
  blockBytes: 1024,
  extents: [
    [50, 1],
    [60, 2],
    [40, 1],
    [null, 2],
    [70, 2],
    [80, 6],
  ],
  bytes: 3 * 4096 + 1000,
};

function viewWith(...files: FileConfig[]): MachineView {
  return createMachine({ ...OPTIONS, files }).attach();
}

/** Opens a file that exists. */
function opened(view: MachineView, path: string): number {
  const file = view.kernel.block.files.open(path);
  expect(file).to.be.greaterThan(0);
  return file;
}

/** A page frame with every byte set. */
function frameOf(view: MachineView, byte: number): number {
  const { frames, core } = view.kernel;
  const address = frames.addressOf(frames.allocPage(GFP_KERNEL));
  core.cells.arena.u8.fill(byte, address, address + 4096);
  return address;
}

/** Bytes of a disk of this machine. */
function diskBytes(view: MachineView, name: string): Uint8Array {
  const { block, core } = view.kernel;
  const start = core.cells.ld32(block.devices.byPath(`/dev/${name}`) + BLOCK_DEVICE.privateData);
  return core.cells.arena.u8.subarray(start, start + DISK_BYTES);
}

describe('a file', () => {
  it('has its blocks where the configuration says, in every thread', () => {
    const machine = createMachine({ ...OPTIONS, files: [PIECES] });
    for (const view of [machine.attach(), machine.attach()]) {
      const { files } = view.kernel.block;
      const inode = opened(view, PIECES.path);
      const blocks = Array.from({ length: 16 }, (_, block) => files.bmap(inode, block));
      expect(blocks).to.deep.equal([50, 60, 61, 40, 0, 0, 70, 71, 80, 81, 82, 83, 84, 85, 0, 0]);
      expect([files.sizeOf(inode), files.blockBytesOf(inode), files.pathOf(inode)]).to.deep.equal([
        13_288,
        1024,
        '/var/swap/pieces',
      ]);
      expect(files.bdevOf(inode)).to.equal(view.kernel.block.devices.byPath('/dev/ram0'));
      files.close(inode);
    }
  });

  it('is written and read a page at a time, each piece in its place and nothing beside it', () => {
    const view = viewWith(PIECES);
    const { files } = view.kernel.block;
    const disk = diskBytes(view, 'ram0');
    const inode = opened(view, PIECES.path);
    const address = frameOf(view, 0);
    const page = view.kernel.core.cells.arena.u8.subarray(address, address + 4096);
    page.forEach((_, at) => (page[at] = 1 + (at >>> 10)));
    const sent = page.slice();
    expect(files.writePage(inode, 0, address)).to.equal(0);
    const written: number[][] = [];
    for (let block = 0; block < DISK_BYTES >>> 10; block++)
      if (disk[block << 10] !== 0) written.push([block, disk[block << 10]!, disk[(block << 10) + 1023]!]);
    expect(written).to.deep.equal([
      [40, 4, 4],
      [50, 1, 1],
      [60, 2, 2],
      [61, 3, 3],
    ]);
    page.fill(0x77);
    expect(files.readPage(inode, 0, address)).to.equal(0);
    expect(page).to.deep.equal(sent);
    expect(view.kernel.block.devices.stats(files.bdevOf(inode))).to.include({ writes: 3, reads: 3 });
  });

  it('reads as zeros where it has a hole or is at its end, and has no room in a hole', () => {
    const view = viewWith(PIECES);
    const { files } = view.kernel.block;
    diskBytes(view, 'ram0').fill(9);
    const inode = opened(view, PIECES.path);
    const address = frameOf(view, 7);
    const page = view.kernel.core.cells.arena.u8.subarray(address, address + 4096);
    const lengths = [0, 1, 2, 3, 4].map((index) => {
      expect(files.readPage(inode, index, address)).to.equal(0);
      const inFile = page.filter((byte) => byte === 9).length;
      expect(page.filter((byte) => byte === 0)).to.have.length(4096 - inFile);
      return inFile;
    });
    expect(lengths).to.deep.equal([4096, 2048, 4096, 1000, 0]);
    expect(files.writePage(inode, 1, address)).to.equal(-ENOSPC);
    expect(files.writePage(inode, 3, address)).to.equal(0);
    expect(diskBytes(view, 'ram0')[85 << 10]).to.equal(9);
  });

  it('says when the disk fails or there is no bio', () => {
    const view = viewWith(PIECES);
    const { files, devices, bios } = view.kernel.block;
    const inode = opened(view, PIECES.path);
    const address = frameOf(view, 7);
    devices.failRequests(files.bdevOf(inode), 1);
    expect(files.readPage(inode, 0, address)).to.equal(-EIO);
    while (bios.allocBio(GFP_KERNEL) !== 0);
    expect(files.readPage(inode, 0, address)).to.equal(-ENOMEM);
    expect(files.writePage(devices.byPath('/dev/ram1'), 0, address)).to.equal(-ENOMEM);
  });
});

describe('opening a path', () => {
  it('finds devices, files and /dev/null, and knows directories', () => {
    const view = viewWith(PIECES);
    const { files, devices } = view.kernel.block;
    expect(files.open('/dev/ram1')).to.equal(devices.byPath('/dev/ram1'));
    expect(files.isInode(devices.byPath('/dev/ram1'))).to.equal(false);
    const nothing = opened(view, '/dev/null');
    expect([files.isInode(nothing), files.isRegular(nothing), files.pathOf(nothing)]).to.deep.equal([
      true,
      false,
      '/dev/null',
    ]);
    const answers = ['/', '/dev', '/dev/', '/var', '/var/swap', '/var/swap/'].map((path) => files.open(path));
    expect(answers).to.deep.equal(Array.from({ length: 6 }, () => -EISDIR));
    const missing = ['', 'var', '/va', '/var/swap/pieces/', '/dev/ram2', '/var/swap/piece'];
    for (const path of missing) expect(files.open(path), path).to.equal(-ENOENT);
    expect(files.open('/'.padEnd(PATH_MAX, 'x'))).to.equal(-ENAMETOOLONG);
    expect(files.open('/'.padEnd(PATH_MAX - 1, 'x'))).to.equal(-ENOENT);
  });

  it('counts who has it open', () => {
    const view = viewWith(PIECES);
    const { files } = view.kernel.block;
    const inode = opened(view, PIECES.path);
    expect(opened(view, PIECES.path)).to.equal(inode);
    const openers = (): number => view.kernel.core.cells.ld32(inode + INODE.openers);
    expect(openers()).to.equal(2);
    files.close(inode);
    files.close(inode);
    expect(openers()).to.equal(0);
  });
});

describe('a disk with files on it', () => {
  it('is mounted: nobody can format it or swap it on as a whole', () => {
    const view = viewWith(PIECES, { ...PIECES, path: '/other', extents: [[200, 48]], bytes: 49_152 });
    expect(view.kernel.makeSwap.mkswap('/dev/ram0')).to.equal(-EBUSY);
    expect(view.kernel.swap.on.swapon('/dev/ram0', 0)).to.equal(-EINVAL);
    expect(view.kernel.makeSwap.mkswap('/dev/ram1')).to.equal(0);
    view.mkswap('/other');
    expect(view.swapon('/other')).to.equal(0);
  });
});

describe('the façade with files', () => {
  it('explains why a path cannot be formatted, swapped on or swapped off', () => {
    const view = viewWith(
      { path: '/swapfile', disk: 'ram0', extents: [[1, 20]] },
      { path: '/small', disk: 'ram0', extents: [[40, 9]] },
      {
        path: '/holes',
        disk: 'ram0',
        extents: [
          [null, 1],
          [60, 20],
        ],
      },
    );
    const calls: [() => unknown, string, RegExp][] = [
      [() => view.mkswap('/nothing'), 'ENOENT', /no such block device or file/],
      [() => view.mkswap('/dev'), 'EISDIR', /a directory/],
      [() => view.mkswap('/'.padEnd(5000, 'x')), 'ENAMETOOLONG', /too long/],
      [() => view.mkswap('/small'), 'EINVAL', /fewer than 10 pages/],
      [() => view.mkswap('/dev/null'), 'EINVAL', /neither a block device nor a regular file/],
      [() => view.mkswap('/holes'), 'ENOSPC', /a hole where its header/],
      [() => view.mkswap('/dev/ram0'), 'EBUSY', /a device with files/],
      [() => view.swapon('/dev'), 'EISDIR', /a directory/],
      [() => view.swapon('/dev/null'), 'EINVAL', /neither a block device nor a regular file/],
      [() => view.swapon('/swapfile'), 'EINVAL', /mkswap writes one/],
      [() => view.swapon('/dev/ram0'), 'EINVAL', /in use/],
      [() => view.swapoff('/swapfile'), 'EINVAL', /no active swap area/],
      [() => view.swapoff('/nothing'), 'ENOENT', /no such block device or file/],
    ];
    for (const [call, code, sentence] of calls) {
      expect(call).to.throw(KernelError, sentence).with.property('code', code);
    }
    view.mkswap('/swapfile');
    view.swapon('/swapfile');
    expect(() => view.swapon('/swapfile')).to.throw(KernelError, /swap area already/);
    expect(() => view.mkswap('/swapfile')).to.throw(KernelError, /in use/);
    view.swapoff('/swapfile');
    view.mkswap('/swapfile');
  });

  it('swaps to a file in pieces, and touches nothing else on the disk', () => {
    const extents: [number, number][] = [];
    for (let run = 0; run < 12; run++) extents.push([240 - 20 * run + (run % 3), 8]);
    const view = viewWith({ path: '/swapfile', disk: 'ram0', extents });
    const mine = new Set(
      extents.flatMap(([first, blocks]) => Array.from({ length: blocks }, (_, i) => first + i)),
    );
    const disk = diskBytes(view, 'ram0');
    for (let page = 0; page < 256; page++) if (!mine.has(page)) disk.fill(0xee, page << 12, (page + 1) << 12);
    view.mkswap('/swapfile');
    view.swapon('/swapfile');
    const space = view.createAddressSpace({ bytes: 90 * 4096 });
    for (let page = 0; page < 90; page++) space.write(page << 12, new Uint8Array(4096).fill(page + 1));
    view.reclaimPages(90);
    for (let page = 0; page < 90; page++) {
      expect(
        space.read(page << 12, 4096).every((byte) => byte === page + 1),
        `page ${page}`,
      ).to.equal(true);
    }
    expect(
      view.kernel.block.devices.stats(view.kernel.block.devices.byPath('/dev/ram0')).writes,
    ).to.be.greaterThan(60);
    for (let page = 0; page < 256; page++)
      if (!mine.has(page))
        expect(disk.subarray(page << 12, (page + 1) << 12).every((byte) => byte === 0xee)).to.equal(true);
    space.exit();
    view.swapoff('/swapfile');
  });
});

describe('the files of a configuration', () => {
  const good: FileConfig = { path: '/swapfile', disk: 'ram0', extents: [[1, 20]] };

  it('are complete, plain data', () => {
    const { config } = createMachine({
      ...OPTIONS,
      files: [
        {
          ...good,
          extents: [
            [0, 3],
            [1, 20],
          ],
        },
      ],
    });
    expect(config.files).to.deep.equal([
      {
        ...good,
        blockBytes: 4096,
        extents: [
          [null, 3],
          [1, 20],
        ],
        bytes: 23 * 4096,
      },
    ]);
    expect(createMachine(OPTIONS).config.files).to.deep.equal([]);
  });

  const bad: [string, FileConfig[], RegExp][] = [
    ['a relative path', [{ ...good, path: 'swapfile' }], /cannot be called 'swapfile'/],
    ['an empty name', [{ ...good, path: '/a//b' }], /cannot be called/],
    ['a name with dots only', [{ ...good, path: '/a/../b' }], /cannot be called/],
    ['a directory as a name', [{ ...good, path: '/a/' }], /cannot be called/],
    ['a name with a tab', [{ ...good, path: '/a\tb' }], /cannot be called/],
    ['a path in /dev', [{ ...good, path: '/dev/ram9' }], /cannot lie in \/dev/],
    ['a path given twice', [good, { ...good, extents: [[100, 1]] }], /given twice/],
    ['a file in a file', [good, { ...good, path: '/swapfile/a', extents: [[100, 1]] }], /both are files/],
    ['no disk', [{ ...good, disk: '' }], /needs a disk/],
    ['a disk that is not there', [{ ...good, disk: 'ram7' }], /no disk 'ram7'/],
    ['an odd block size', [{ ...good, blockBytes: 3000 }], /have 3000 bytes/],
    ['too large blocks', [{ ...good, blockBytes: 8192 }], /have 8192 bytes/],
    ['an extent of no blocks', [{ ...good, extents: [[1, 0]] }], /\[1, 0\]/],
    ['a negative block', [{ ...good, extents: [[-1, 2]] }], /\[-1, 2\]/],
    ['blocks behind the disk', [{ ...good, extents: [[250, 7]] }], /up to byte 1052672 of the disk 'ram0'/],
    ['more bytes than blocks', [{ ...good, bytes: 20 * 4096 + 1 }], /81921 bytes/],
    ['a broken size', [{ ...good, bytes: 0.5 }], /0\.5 bytes/],
    [
      'blocks used twice in a file',
      [
        {
          ...good,
          extents: [
            [1, 4],
            [4, 4],
          ],
        },
      ],
      /Bytes 16384 .* belong to/,
    ],
    [
      'blocks of another file',
      [
        good,
        {
          ...good,
          path: '/b',
          blockBytes: 512,
          extents: [
            [160, 8],
            [300, 1],
          ],
        },
      ],
      /Bytes 81920 .* belong to '\/b' and to '\/swapfile'/,
    ],
  ];
  for (const [name, files, sentence] of bad) {
    it(`are refused with ${name}`, () => {
      expect(() => createMachine({ ...OPTIONS, files })).to.throw(MisuseError, sentence);
    });
  }

  it('may lie side by side', () => {
    const files = [
      good,
      { ...good, path: '/b', blockBytes: 512, extents: [[168, 8] as const] },
      { ...good, path: '/c', disk: 'ram1' },
    ];
    expect(() => createMachine({ ...OPTIONS, files })).not.to.throw();
  });
});
