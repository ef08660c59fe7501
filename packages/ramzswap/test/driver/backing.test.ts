/**
 * Backing swap: what goes there, where it lies there, and what can be backing swap at all.
 */
import {
  BLOCK_DEVICE,
  EBUSY,
  EINVAL,
  KernelBug,
  MisuseError,
  PAGE_SIZE,
  parseSwapHeader,
  SWAP_MAGIC,
  type FileConfig,
  type Profile,
} from '@swaplab/kernel-mm';
import { expect } from 'chai';
import { statDrift, walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, type TestMachine, type TestPage } from '../support/machine.js';

const PROFILES: readonly Profile[] = ['sound', '2.6.34', '2.6.34+series'];
const RAM_DISKS = [
  { name: 'ram0', bytes: 64 * PAGE_SIZE },
  { name: 'ram1', bytes: 64 * PAGE_SIZE },
] as const;

function write(
  machine: TestMachine,
  page: TestPage,
  slot: number,
  noise: number,
  device = machine.device,
): number {
  if (noise < 0) page.bytes.fill(0);
  else fillPage(page.bytes, slot, noise);
  return machine.transfer('write', slot, page, device);
}

function read(machine: TestMachine, page: TestPage, slot: number): Uint8Array {
  page.bytes.fill(0xee);
  expect(machine.transfer('read', slot, page)).to.equal(0);
  return page.bytes.slice();
}

function pageOf(slot: number, noise: number): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE);
  if (noise >= 0) fillPage(bytes, slot, noise);
  return bytes;
}

/** Page of a RAM disk, as it lies in memory. */
function diskPage(machine: TestMachine, name: string, page: number): Uint8Array {
  const bdev = machine.block.devices.byPath(`/dev/${name}`);
  const start = machine.core.cells.ldu32(bdev + BLOCK_DEVICE.privateData) + page * PAGE_SIZE;
  return machine.arena.u8.slice(start, start + PAGE_SIZE);
}

/** INIT of a device with a path. */
function initWith(machine: TestMachine, path: string, device = machine.device): number {
  device.setBackingSwap(path);
  return device.init();
}

const SCATTERED: FileConfig = {
  path: '/swapfile',
  disk: 'ram0',
  blockBytes: 1024,
  // Pages 10 to 12, then 2 and 3, then a block that begins no page, then page 40.
  extents: [
    [40, 12],
    [8, 8],
    [101, 1],
    [160, 4],
  ],
};

for (const profile of PROFILES) {
  describe(`backing swap in ${profile}`, () => {
    it('takes what compresses to more than 2048 bytes, and gives it back', () => {
      const machine = createTestMachine({ profile, backing: '/dev/ram0' });
      const page = machine.takePage();
      const { device } = machine;
      expect(device.slots()).to.equal(64);
      const noises = [-1, 100, 1900, 2100, 2900, 4096];
      for (const [index, noise] of noises.entries())
        expect(write(machine, page, index + 1, noise)).to.equal(0);
      expect(walkTable(device)).to.include({ zero: 1, compressed: 2, raw: 0, stored: 3 });
      for (const [index, noise] of noises.entries())
        expect(read(machine, page, index + 1), `slot ${index + 1}`).to.deep.equal(pageOf(index + 1, noise));
      for (const [index, noise] of noises.entries())
        if (noise > 2048)
          expect(diskPage(machine, 'ram0', index + 1)).to.deep.equal(pageOf(index + 1, noise));
      const stats = device.readStats();
      expect(stats).to.include({
        numWrites: 6,
        bdevNumWrites: 3,
        numReads: 3,
        bdevNumReads: 3,
        failedWrites: 0,
      });
      expect(statDrift(device)).to.deep.equal([]);
    });

    it('has the newest content wherever it lies', () => {
      const machine = createTestMachine({ profile, backing: '/dev/ram0' });
      const page = machine.takePage();
      for (const noise of [100, 4096, -1, 4096, 100]) {
        write(machine, page, 3, noise);
        expect(read(machine, page, 3)).to.deep.equal(pageOf(3, noise));
      }
      // A free cannot release what lies there; it is counted all the same.
      write(machine, page, 3, 4096);
      machine.device.slotFreeNotify(3);
      expect(machine.device.readStats().notifyFree).to.equal(1);
      expect(read(machine, page, 3)).to.deep.equal(pageOf(3, 4096));
    });

    it('takes all but zero pages when the compressed ones have their share of the memory', () => {
      const machine = createTestMachine({ profile, backing: '/dev/ram0', memlimitBytes: 4 * PAGE_SIZE + 5 });
      const page = machine.takePage();
      const { device } = machine;
      expect(device.memlimit()).to.equal(4 * PAGE_SIZE);
      for (let slot = 1; slot <= 20; slot++) expect(write(machine, page, slot, 1500)).to.equal(0);
      const { comprDataSize, bdevNumWrites, pagesStored } = device.readStats();
      // The last one that is stored may start just below the mark, which lies a page below the limit.
      expect(comprDataSize).to.be.greaterThan(3 * PAGE_SIZE);
      expect(comprDataSize).to.be.below(3 * PAGE_SIZE + 2048);
      expect(bdevNumWrites + pagesStored).to.equal(20);
      expect(write(machine, page, 21, -1)).to.equal(0);
      expect(device.readStats().pagesZero).to.equal(1);
      for (let slot = 1; slot <= 20; slot++)
        expect(read(machine, page, slot)).to.deep.equal(pageOf(slot, 1500));
      device.slotFreeNotify(1);
      write(machine, page, 22, 1500);
      expect(device.readStats().bdevNumWrites).to.equal(bdevNumWrites);
    });

    it('takes a page there is no memory for', () => {
      const machine = createTestMachine({ profile, backing: '/dev/ram0' });
      const page = machine.takePage();
      machine.frames.failNextRequests(1);
      expect(write(machine, page, 5, 500)).to.equal(0);
      expect(read(machine, page, 5)).to.deep.equal(pageOf(5, 500));
      expect(machine.device.readStats()).to.include({ failedWrites: 1, bdevNumWrites: 1, pagesStored: 0 });
    });

    it('chooses a memory limit of 15 % of the RAM, or of the disk if that is less', () => {
      const small = createTestMachine({ profile, backing: '/dev/ram0' }).device;
      expect(small.memlimit()).to.equal(64 * PAGE_SIZE);
      const ramDisks = [{ name: 'ram0', bytes: 512 * PAGE_SIZE }];
      const large = createTestMachine({ profile, backing: '/dev/ram0', ramDisks }).device;
      const share = Math.floor((4 << 20) / 100) * 15;
      expect(large.memlimit()).to.equal(share - (share % PAGE_SIZE));
      const above = createTestMachine({
        profile,
        backing: '/dev/ram0',
        memlimitBytes: 100 * PAGE_SIZE,
        ramDisks,
      });
      expect(above.device.memlimit()).to.equal(100 * PAGE_SIZE);
    });

    it('is claimed while it is in use, and free after RESET', () => {
      const machine = createTestMachine({ profile, backing: '/dev/ram0' });
      const { devices } = machine.block;
      const bdev = devices.byPath('/dev/ram0');
      expect(devices.holders(bdev)).to.equal(1);
      expect(() => machine.view.mkswap('/dev/ram0')).to.throw('EBUSY');
      expect(machine.device.reset()).to.equal(0);
      expect(devices.holders(bdev)).to.equal(0);
      expect(machine.device.backing.name()).to.equal('');
      expect(machine.device.memlimit()).to.equal(0);
    });

    it('gives its header, with another size', () => {
      const machine = createTestMachine({ profile, initialise: false });
      machine.view.mkswap('/dev/ram0');
      expect(initWith(machine, '/dev/ram0')).to.equal(0);
      const header = parseSwapHeader(read(machine, machine.takePage(), 0));
      expect(header).to.include({ version: 1, lastPage: 63, nrBadpages: 0 });
      expect(machine.view.swapon('/dev/ramzswap0')).to.equal(0);
      machine.view.swapoff('/dev/ramzswap0');
    });

    it('gives what is no header as it is, so that swapon refuses it', () => {
      const machine = createTestMachine({ profile, backing: '/dev/ram0' });
      expect(parseSwapHeader(read(machine, machine.takePage(), 0))).to.equal(null);
      expect(() => machine.view.swapon('/dev/ramzswap0')).to.throw('EINVAL');
    });

    it('is refused when its header has bad pages', () => {
      const machine = createTestMachine({ profile, initialise: false });
      machine.view.mkswap('/dev/ram0');
      const start = machine.core.cells.ldu32(
        machine.block.devices.byPath('/dev/ram0') + BLOCK_DEVICE.privateData,
      );
      expect(Buffer.from(machine.arena.u8.slice(start + 4086, start + 4096)).toString()).to.equal(SWAP_MAGIC);
      machine.arena.i32[(start + 1032) >> 2] = 1;
      const before = [machine.frames.info().free, machine.kernel.vmalloc.pagesInUse()];
      expect(initWith(machine, '/dev/ram0')).to.equal(-EINVAL);
      expect(machine.device.isInitialised()).to.equal(false);
      expect([machine.frames.info().free, machine.kernel.vmalloc.pagesInUse()]).to.deep.equal(before);
      expect(machine.block.devices.holders(machine.block.devices.byPath('/dev/ram0'))).to.equal(0);
    });

    it('can be a file, whose pages are where its extents are', () => {
      const machine = createTestMachine({
        profile,
        backing: '/swapfile',
        files: [SCATTERED],
        ramDisks: RAM_DISKS,
      });
      const page = machine.takePage();
      const { device } = machine;
      // 3 + 2 pages, and one behind a block that is left out.
      expect(device.slots()).to.equal(6);
      const places = [10, 11, 12, 2, 3, 40];
      for (let slot = 1; slot < 6; slot++) {
        expect(device.backing.pageOf(slot)).to.equal(places[slot]);
        write(machine, page, slot, 4096);
        expect(diskPage(machine, 'ram0', places[slot] ?? 0)).to.deep.equal(pageOf(slot, 4096));
        expect(read(machine, page, slot)).to.deep.equal(pageOf(slot, 4096));
      }
      expect(device.reset()).to.equal(0);
      expect(device.readStats().bdevNumWrites).to.equal(0);
    });

    it('can be a large file of many extents', () => {
      // 1,300 pages of the disk, every other one: three pages of the table.
      const extents = Array.from({ length: 1300 }, (_, index) => [2 + 2 * index, 1] as const);
      const ramDisks = [{ name: 'ram0', bytes: 2700 * PAGE_SIZE }];
      const files: FileConfig[] = [{ path: '/large', disk: 'ram0', extents }];
      const { device } = createTestMachine({
        profile,
        backing: '/large',
        files,
        ramDisks,
        ramBytes: 16 << 20,
      });
      expect(device.slots()).to.equal(1300);
      for (let slot = 0; slot < 1300; slot++) expect(device.backing.pageOf(slot)).to.equal(2 + 2 * slot);
    });

    it('is no file with holes, none without a whole page, and none that is a swap area', () => {
      const files: FileConfig[] = [
        {
          path: '/holes',
          disk: 'ram0',
          extents: [
            [4, 2],
            [null, 1],
            [7, 2],
          ],
        },
        { path: '/empty', disk: 'ram0', blockBytes: 1024, extents: [[81, 3]] },
        { path: '/area', disk: 'ram0', extents: [[30, 20]] },
      ];
      for (const [path, error] of [
        ['/holes', -EINVAL],
        ['/empty', -EINVAL],
        ['/area', -EBUSY],
        ['/nothing', -EINVAL],
      ] as const) {
        const machine = createTestMachine({ profile, initialise: false, files, ramDisks: RAM_DISKS });
        machine.view.mkswap('/area');
        machine.view.swapon('/area');
        expect(initWith(machine, path), path).to.equal(error);
        expect(machine.device.isInitialised()).to.equal(false);
      }
    });

    it('is no device that somebody holds', () => {
      const machine = createTestMachine({ profile, initialise: false });
      machine.view.mkswap('/dev/ram0');
      machine.view.swapon('/dev/ram0');
      expect(initWith(machine, '/dev/ram0')).to.equal(-EBUSY);
    });
  });
}

describe('what history does with backing swap', () => {
  it('goes on without one that is neither a file nor a device with a size; the sound driver says EINVAL', () => {
    for (const path of ['/dev/null', '/dev/ramzswap1']) {
      const old = createTestMachine({ profile: '2.6.34', disks: 2, initialise: false });
      expect(initWith(old, path), path).to.equal(0);
      expect(old.device.backing.bdev()).to.equal(0);
      expect(old.block.devices.holders(old.driver.devices[1]!.bdev())).to.equal(0);
      const sound = createTestMachine({ disks: 2, initialise: false });
      expect(initWith(sound, path), path).to.equal(-EINVAL);
    }
  });

  it('lets the last INIT decide for all devices what compresses badly; the sound driver does not', () => {
    for (const profile of ['2.6.34', 'sound'] as const) {
      const machine = createTestMachine({ profile, disks: 2, initialise: false });
      const page = machine.takePage();
      const [backed, alone] = machine.driver.devices;
      expect(initWith(machine, '/dev/ram0', backed)).to.equal(0);
      alone!.setDisksize(32 * PAGE_SIZE);
      expect(alone!.init()).to.equal(0);
      write(machine, page, 3, 2500, backed);
      const isGlobal = profile !== 'sound';
      expect(backed!.readStats()).to.include({
        bdevNumWrites: isGlobal ? 0 : 1,
        pagesStored: isGlobal ? 1 : 0,
      });
      // And the other way round.
      expect(backed!.reset()).to.equal(0);
      expect(initWith(machine, '/dev/ram0', backed)).to.equal(0);
      write(machine, page, 3, 2500, alone);
      expect(alone!.readStats()).to.include({ pagesExpand: isGlobal ? 1 : 0, pagesStored: 1 });
    }
  });

  it('sends every page away for ever once its header page was overwritten', () => {
    for (const profile of ['2.6.34', 'sound'] as const) {
      const machine = createTestMachine({ profile, backing: '/dev/ram0' });
      const page = machine.takePage();
      write(machine, page, 0, 4096);
      write(machine, page, 3, 300);
      const { bdevNumWrites, comprDataSize } = machine.device.readStats();
      expect(bdevNumWrites).to.equal(profile === 'sound' ? 1 : 2);
      expect(comprDataSize < 0).to.equal(profile !== 'sound');
    }
  });

  it('gives the claim of a file system back when a file is refused; the sound driver does not', () => {
    const files: FileConfig[] = [
      {
        path: '/holes',
        disk: 'ram0',
        extents: [
          [4, 2],
          [null, 1],
        ],
      },
    ];
    for (const profile of ['2.6.34', 'sound'] as const) {
      const machine = createTestMachine({ profile, initialise: false, files });
      const bdev = machine.block.devices.byPath('/dev/ram0');
      expect(machine.block.devices.holders(bdev)).to.equal(1);
      expect(initWith(machine, '/holes')).to.equal(-EINVAL);
      expect(machine.block.devices.holders(bdev)).to.equal(profile === 'sound' ? 1 : 0);
    }
  });

  it('stops at a memory limit below a page; the sound driver says EINVAL', () => {
    const make = (profile: Profile): TestMachine => {
      const machine = createTestMachine({ profile, initialise: false });
      machine.device.setMemlimit(1024);
      return machine;
    };
    expect(() => initWith(make('2.6.34'), '/dev/ram0')).to.throw(
      KernelBug,
      'memory limit is less than a page',
    );
    expect(initWith(make('sound'), '/dev/ram0')).to.equal(-EINVAL);
  });

  it('has none in 2.6.35', () => {
    expect(() => createTestMachine({ profile: '2.6.35', backing: '/dev/ram0' })).to.throw(
      MisuseError,
      'ramzswap of the profile 2.6.35 has no backing swap',
    );
  });

  it('is used by the policy address-space as well', () => {
    for (const profile of ['sound', '2.6.34'] as const) {
      const machine = createTestMachine({ profile, initialise: false, policy: 'address-space' });
      machine.view.mkswap('/dev/ram0');
      expect(initWith(machine, '/dev/ram0')).to.equal(0);
      machine.view.swapon('/dev/ramzswap0');
      const page = machine.takePage();
      fillPage(page.bytes, 1, 4096);
      expect(machine.device.transferPage(1, 5, page.address)).to.equal(0);
      page.bytes.fill(0);
      expect(machine.device.transferPage(0, 5, page.address)).to.equal(0);
      expect(page.bytes.slice()).to.deep.equal(pageOf(1, 4096));
      expect(diskPage(machine, 'ram0', 5)).to.deep.equal(pageOf(1, 4096));
    }
  });
});
