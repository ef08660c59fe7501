/**
 * The ioctl interface: numbers, structures, states, errors.
 */
import { randomInt } from 'node:crypto';
import {
  EBUSY,
  EFAULT,
  EINVAL,
  ENOMEM,
  ENOTTY,
  KernelBug,
  KernelError,
  MisuseError,
  PAGE_SIZE,
  PROFILES,
  type Profile,
} from '@swaplab/kernel-mm';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  ioctlNumbers,
  kilobytesArgument,
  nameArgument,
  parseStats,
  STATS_BYTES_2_6_34,
  STATS_BYTES_2_6_35,
  writeStats,
} from '#src/driver/ioctl.js';
import { HISTORICAL_STATS, TABLE_LOCK } from '#src/driver/places.js';
import { ramzswap } from '#src/driver/ramzswap.js';
import { walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, type TestMachine } from '../support/machine.js';

const NUMBERS = ioctlNumbers('2.6.34');
const SEEDS = [20100505, randomInt(2 ** 31)];
const NONE = new Uint8Array(0);

function versionOf(profile: Profile): '2.6.34' | '2.6.35' {
  return profile === '2.6.35' ? '2.6.35' : '2.6.34';
}

/** A machine whose disk is not initialised. */
function created(profile: Profile, options: { readonly wordBytes?: 4 | 8 } = {}): TestMachine {
  return createTestMachine({ profile, initialise: false, ...options });
}

function statsOf(machine: TestMachine, version: '2.6.34' | '2.6.35' = '2.6.34') {
  const bytes = new Uint8Array(STATS_BYTES_2_6_34);
  expect(machine.device.ioctl(ioctlNumbers(version).RZSIO_GET_STATS, bytes)).to.equal(0);
  return parseStats(bytes, version);
}

describe('ramzswap ioctl numbers', () => {
  it('are those of 2.6.34, in 64 and in 32 bits', () => {
    expect(ioctlNumbers('2.6.34', 8)).to.deep.equal({
      RZSIO_SET_DISKSIZE_KB: 0x40087a00,
      RZSIO_SET_MEMLIMIT_KB: 0x40087a01,
      RZSIO_SET_BACKING_SWAP: 0x40807a02,
      RZSIO_GET_STATS: 0x80fc7a03,
      RZSIO_INIT: 0x7a04,
      RZSIO_RESET: 0x7a05,
    });
    expect(ioctlNumbers('2.6.34', 4)).to.include({
      RZSIO_SET_DISKSIZE_KB: 0x40047a00,
      RZSIO_SET_MEMLIMIT_KB: 0x40047a01,
    });
  });

  it('are others in 2.6.35, which has no backing swap', () => {
    expect(ioctlNumbers('2.6.35', 8)).to.deep.equal({
      RZSIO_SET_DISKSIZE_KB: 0x40087a00,
      RZSIO_SET_MEMLIMIT_KB: 0,
      RZSIO_SET_BACKING_SWAP: 0,
      RZSIO_GET_STATS: 0x80647a01,
      RZSIO_INIT: 0x7a02,
      RZSIO_RESET: 0x7a03,
    });
  });

  it('of another word or another version are not known', () => {
    const machine = created('sound');
    const old = created('2.6.35');
    expect(machine.device.ioctl(ioctlNumbers('2.6.34', 4).RZSIO_SET_DISKSIZE_KB, new Uint8Array(8))).to.equal(
      -ENOTTY,
    );
    expect(machine.device.ioctl(0)).to.equal(-ENOTTY);
    for (const number of [NUMBERS.RZSIO_SET_MEMLIMIT_KB, NUMBERS.RZSIO_GET_STATS, NUMBERS.RZSIO_INIT])
      expect(old.device.ioctl(number, new Uint8Array(256))).to.equal(-ENOTTY);
    expect(JSON.stringify(machine.machine.drain('printk'))).to.include('Invalid ioctl');
  });
});

for (const profile of PROFILES) {
  const version = versionOf(profile);
  const numbers = ioctlNumbers(version);
  const { RZSIO_SET_DISKSIZE_KB, RZSIO_GET_STATS, RZSIO_INIT, RZSIO_RESET } = numbers;

  describe(`ramzswap ioctls in ${profile}`, () => {
    it('take a disk through its life', () => {
      const { device, frames, kernel } = created(profile);
      const before = [frames.info().free, kernel.vmalloc.pagesInUse()];
      expect(device.isInitialised()).to.equal(false);
      expect(device.ioctl(RZSIO_GET_STATS, new Uint8Array(STATS_BYTES_2_6_34))).to.equal(-ENOTTY);
      expect(device.ioctl(RZSIO_RESET)).to.equal(0);
      expect(device.ioctl(RZSIO_SET_DISKSIZE_KB, kilobytesArgument(130))).to.equal(0);
      expect(device.ioctl(RZSIO_INIT)).to.equal(0);
      expect(device.slots()).to.equal(32);
      expect(device.ioctl(RZSIO_INIT)).to.equal(-EBUSY);
      expect(device.ioctl(RZSIO_SET_DISKSIZE_KB, kilobytesArgument(256))).to.equal(-EBUSY);
      expect(device.ioctl(RZSIO_SET_DISKSIZE_KB, NONE)).to.equal(-EBUSY);
      expect(device.ioctl(RZSIO_RESET)).to.equal(0);
      expect(device.disksize()).to.equal(0);
      expect([frames.info().free, kernel.vmalloc.pagesInUse()]).to.deep.equal(before);
    });

    it('answer EFAULT for an argument that is too short', () => {
      const { device } = created(profile);
      expect(device.ioctl(RZSIO_SET_DISKSIZE_KB, new Uint8Array(7))).to.equal(-EFAULT);
      if (version === '2.6.34') {
        expect(device.ioctl(numbers.RZSIO_SET_MEMLIMIT_KB, new Uint8Array(7))).to.equal(-EFAULT);
        expect(device.ioctl(numbers.RZSIO_SET_BACKING_SWAP, new Uint8Array(127))).to.equal(-EFAULT);
      }
      expect(device.ioctl(RZSIO_INIT)).to.equal(0);
      const size = version === '2.6.34' ? STATS_BYTES_2_6_34 : STATS_BYTES_2_6_35;
      expect(device.ioctl(RZSIO_GET_STATS, new Uint8Array(size - 1))).to.equal(-EFAULT);
      const bytes = new Uint8Array(size + 1).fill(0xee);
      expect(device.ioctl(RZSIO_GET_STATS, bytes)).to.equal(0);
      expect(bytes[size]).to.equal(0xee);
    });

    it('take a quarter of the RAM for a disk without a size, in whole pages', () => {
      const { device } = created(profile);
      expect(device.ioctl(RZSIO_INIT)).to.equal(0);
      const quarter = Math.floor((4 << 20) / 100) * 25;
      expect(device.disksize()).to.equal(quarter - (quarter % PAGE_SIZE));
    });

    it('log a disk of more than twice the RAM, and fail without room for its table', () => {
      const large = created(profile);
      expect(large.device.ioctl(RZSIO_SET_DISKSIZE_KB, kilobytesArgument(9 << 10))).to.equal(0);
      expect(large.device.ioctl(RZSIO_INIT)).to.equal(0);
      expect(JSON.stringify(large.machine.drain('printk'))).to.include('more than twice the memory');
      for (const kilobytes of [3, 1 << 22, 2 ** 40]) {
        const { device, kernel, frames } = created(profile);
        const before = [frames.info().free, kernel.vmalloc.pagesInUse()];
        expect(device.ioctl(RZSIO_SET_DISKSIZE_KB, kilobytesArgument(kilobytes))).to.equal(0);
        expect(device.ioctl(RZSIO_INIT)).to.equal(-ENOMEM);
        expect(device.isInitialised()).to.equal(false);
        expect([frames.info().free, kernel.vmalloc.pagesInUse()]).to.deep.equal(before);
      }
    });

    it('fail without a page for the header, with nothing kept', () => {
      const { device, frames, kernel } = created(profile);
      const before = [frames.info().free, kernel.vmalloc.pagesInUse()];
      frames.failNextRequests(1);
      expect(device.ioctl(RZSIO_INIT)).to.equal(-ENOMEM);
      expect([frames.info().free, kernel.vmalloc.pagesInUse()]).to.deep.equal(before);
      expect(device.ioctl(RZSIO_INIT)).to.equal(0);
    });

    it('make a disk of one page, whose header has no room behind it', () => {
      const { device } = created(profile);
      device.ioctl(RZSIO_SET_DISKSIZE_KB, kilobytesArgument(4));
      expect(device.ioctl(RZSIO_INIT)).to.equal(0);
      expect(device.slots()).to.equal(1);
      expect(walkTable(device)).to.include({ header: true, stored: 0 });
    });

    it('do not reset a disk that is a swap area, but one that is just open', () => {
      const machine = createTestMachine({ profile });
      const { device, view, block } = machine;
      view.swapon('/dev/ramzswap0');
      expect(device.ioctl(RZSIO_RESET)).to.equal(-EBUSY);
      expect(device.isInitialised()).to.equal(true);
      view.swapoff('/dev/ramzswap0');
      block.devices.open(device.bdev());
      expect(device.ioctl(RZSIO_RESET)).to.equal(0);
      block.devices.close(device.bdev());
      // The size of the disk stays where the driver does not take it back.
      const sectors = block.files.sizeOf(device.bdev());
      expect(sectors).to.equal(profile === 'sound' ? 0 : 64 * PAGE_SIZE);
    });

    it('report what the device counts', () => {
      const machine = createTestMachine({ profile, policy: 'none' });
      const page = machine.takePage();
      for (const [slot, noise] of [
        [1, 500],
        [2, 2500],
        [3, 4096],
      ] as const) {
        fillPage(page.bytes, slot, noise);
        machine.transfer('write', slot, page);
      }
      page.bytes.fill(0);
      machine.transfer('write', 4, page);
      machine.transfer('read', 1, page);
      machine.request('read', { sector: 1, pageAddress: page.address }, machine.device, 'driver');
      machine.device.slotFreeNotify(9);
      const walk = walkTable(machine.device);
      expect(statsOf(machine, version)).to.deep.equal({
        backing_swap_name: '',
        memlimit: 0n,
        disksize: BigInt(64 * PAGE_SIZE),
        num_reads: 1n,
        num_writes: 4n,
        failed_reads: 0n,
        failed_writes: 0n,
        invalid_io: 1n,
        notify_free: 1n,
        pages_zero: 1,
        good_compress_pct: 33,
        pages_expand_pct: 33,
        pages_stored: 3,
        pages_used: 2,
        orig_data_size: BigInt(3 * PAGE_SIZE),
        compr_data_size: BigInt(walk.comprBytes),
        mem_used_total: BigInt(2 * PAGE_SIZE),
        bdev_num_reads: 0n,
        bdev_num_writes: 0n,
      });
    });

    for (const seed of SEEDS) {
      it(`survive any number and any argument (seed ${seed})`, () => {
        const machine = createTestMachine({ profile, initialise: false });
        const known = (Object.values(numbers) as number[]).filter(
          (number) => number !== 0 && number !== numbers.RZSIO_SET_BACKING_SWAP,
        );
        fc.assert(
          fc.property(
            fc.oneof(fc.constantFrom(...known), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
            fc.uint8Array({ maxLength: 300 }),
            (number, bytes) => {
              const result = machine.device.ioctl(number, bytes);
              return [0, -EBUSY, -EFAULT, -EINVAL, -ENOMEM, -ENOTTY].includes(result);
            },
          ),
          { seed, numRuns: 300 },
        );
        expect(machine.machine.stopReport()).to.equal(null);
        expect(machine.frames.checkInvariants()).to.deep.equal([]);
      });
    }
  });
}

describe('ramzswap ioctl words', () => {
  it('overflow at 4 GiB in 32 bits', () => {
    const { device } = created('2.6.34', { wordBytes: 4 });
    const numbers = ioctlNumbers('2.6.34', 4);
    expect(device.ioctl(numbers.RZSIO_SET_DISKSIZE_KB, kilobytesArgument((1 << 22) + 64, 4))).to.equal(0);
    expect(device.disksize()).to.equal(64 << 10);
  });

  it('show a sum below zero in their own width', () => {
    const stats = { ...createTestMachine().device.readStats(), comprDataSize: -4096 };
    const bytes = new Uint8Array(STATS_BYTES_2_6_34);
    writeStats(bytes, stats, '2.6.34', '', 8);
    expect(parseStats(bytes, '2.6.34').compr_data_size).to.equal(2n ** 64n - 4096n);
    writeStats(bytes, stats, '2.6.34', '', 4);
    expect(parseStats(bytes, '2.6.34').compr_data_size).to.equal(2n ** 32n - 4096n);
  });

  it('wrap what is stored at 4 GiB in history only', () => {
    const stored = 2 ** 20 + 2;
    const old = createTestMachine({ profile: '2.6.34' });
    old.arena.i32[(old.driver.places.historicalStats.base + HISTORICAL_STATS.pagesStored) >> 2] = stored;
    expect(old.device.readStats()).to.include({ pagesStored: stored, origDataSize: 2 * PAGE_SIZE });
    const sound = createTestMachine();
    sound.arena.i32[(sound.driver.places.tableLocks.base + TABLE_LOCK.pagesStored) >> 2] = stored;
    expect(sound.device.readStats()).to.include({ pagesStored: stored, origDataSize: stored * PAGE_SIZE });
  });

  it('keep 127 bytes of a path', () => {
    const { device } = created('2.6.34');
    const path = `/${'x'.repeat(200)}`;
    expect(device.ioctl(NUMBERS.RZSIO_SET_BACKING_SWAP, nameArgument(path))).to.equal(0);
    expect(device.backing.name()).to.equal(path.slice(0, 127));
    expect(device.ioctl(NUMBERS.RZSIO_SET_BACKING_SWAP, new Uint8Array(128).fill(0x61))).to.equal(0);
    expect(device.backing.name()).to.equal('a'.repeat(127));
  });
});

describe('loading ramzswap', () => {
  it('makes one device for num_devices=0, and none for more than 32', () => {
    expect(ramzswap({ numDevices: 0, diskBytes: 1 << 20 }).options).to.include({ disks: 1 });
    expect(ramzswap({ numDevices: 32, diskBytes: 1 << 20 }).options).to.include({ disks: 32 });
    expect(() => ramzswap({ numDevices: 33 }))
      .to.throw(KernelError, 'num_devices=33')
      .with.property('errno', -EINVAL);
    expect(() => ramzswap({ disks: 33 })).to.throw(MisuseError, '1 to 32 disks');
  });

  it('initialises no device by itself when it shall not', () => {
    const machine = createTestMachine({ disks: 3, initialise: false });
    expect(machine.driver.devices.map((device) => device.isInitialised())).to.deep.equal([
      false,
      false,
      false,
    ]);
    expect(
      machine.request(
        'read',
        { sector: 8, pageAddress: machine.takePage().address },
        machine.device,
        'driver',
      ),
    ).to.equal(-5);
    expect(machine.device.readStats().invalidIo).to.equal(0);
  });

  it('walks a table that is not there when INIT of 2.6.34 fails before it has one', () => {
    const machine = created('2.6.34');
    machine.device.setDisksize(16 * PAGE_SIZE);
    machine.device.setBackingSwap('/dev/nothing');
    expect(() => machine.device.init()).to.throw(KernelBug, 'null pointer');
    const sound = created('sound');
    sound.device.setDisksize(16 * PAGE_SIZE);
    sound.device.setBackingSwap('/dev/nothing');
    expect(sound.device.init()).to.equal(-EINVAL);
    sound.device.setBackingSwap('');
    expect(sound.device.init()).to.equal(0);
    expect(sound.device.slots()).to.equal(16);
  });
});
