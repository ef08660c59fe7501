import { expect } from 'chai';
import fc from 'fast-check';
import { EBUSY, EINVAL, EIO, ENOSPC, EOPNOTSUPP, KernelBug, MisuseError } from '#src/errno.js';
import type { Layout, Region } from '#src/arena/layout.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import {
  BIO,
  BIO_DISCARD,
  BIO_READ,
  BIO_ROUNDS_MAX,
  BIO_WRITE,
  BIOS_PER_TASK,
  type Bios,
} from '#src/block/bio.js';
import { BlockLayer, layoutBlock, type BlockRegions } from '#src/block/block-layer.js';
import {
  BLOCK_DEVICE,
  BLOCK_DEVICES_MAX,
  BLOCK_DISCARD,
  BLOCK_NONROTATIONAL,
  type BlockDevices,
  SECTOR_SIZE,
  SECTORS_PER_PAGE,
} from '#src/block/device.js';
import { layoutRamDisks } from '#src/block/ram-disk.js';
import { GFP_ATOMIC, GFP_KERNEL, GFP_NOIO } from '#src/page/page.js';
import type { LockClasses } from '#src/sync/lock-classes.js';
import { TraceReader } from '#src/trace/reader.js';
import { layoutTrace, type TraceRegions } from '#src/trace/rings.js';
import { Trace } from '#src/trace/trace.js';
import { createTestCore, type TestCore, type TestCoreOptions } from '../support/core.js';

const SEED = 19910917;
const RANDOM_SEED = (Math.random() * 0x7fff_ffff) | 0;
const DISK_PAGES = 4;
const DISK_SECTORS = DISK_PAGES * SECTORS_PER_PAGE;
const FRAMES = 3;

interface Regions {
  readonly trace: TraceRegions;
  readonly block: BlockRegions;
  readonly frames: Region;
}

function build(layout: Layout, classes: LockClasses): Regions {
  return {
    trace: layoutTrace(layout, 64),
    block: layoutBlock(layout, classes, [
      { name: 'ram0', bytes: DISK_PAGES * PAGE_SIZE, flags: BLOCK_DISCARD },
      { name: 'ram1', bytes: PAGE_SIZE },
    ]),
    frames: layout.bytes('frames', 'frames', FRAMES * PAGE_SIZE),
  };
}

interface Fixture {
  readonly machine: TestCore<Regions>;
  readonly devices: BlockDevices;
  readonly bios: Bios;
  readonly reader: TraceReader;
  readonly ram0: number;
  readonly ram1: number;
  /** Address of the first frame. */
  readonly frame: number;
}

function setUp(options: TestCoreOptions = {}): Fixture {
  const machine = createTestCore(build, options);
  const layer = attach(machine);
  expect(layer.ramDisks.registerAll()).to.equal(0);
  const { devices, bios } = layer;
  return {
    machine,
    devices,
    bios,
    reader: new TraceReader(machine.arena, machine.regions.trace),
    ram0: devices.byPath('/dev/ram0'),
    ram1: devices.byPath('/dev/ram1'),
    frame: machine.regions.frames.base,
  };
}

function attach(machine: TestCore<Regions>): BlockLayer {
  return new BlockLayer(machine.core, machine.regions.block, new Trace(machine.core, machine.regions.trace));
}

interface Request {
  readonly bdev?: number;
  readonly operation?: number;
  readonly sector?: number;
  readonly pageAddress?: number;
  readonly offsetBytes?: number;
  readonly bytes?: number;
  readonly segments?: number;
}

/** Submits a one-page read of the first sectors of ram0, changed as told; returns the error. */
function submit(fixture: Fixture, request: Request): number {
  const { bios, machine } = fixture;
  const bio = bios.allocBio(GFP_NOIO);
  bios.setPage(
    bio,
    request.bdev ?? fixture.ram0,
    request.operation ?? BIO_READ,
    request.sector ?? 0,
    request.pageAddress ?? fixture.frame,
  );
  const { i32 } = machine.arena;
  if (request.offsetBytes !== undefined) i32[(bio + BIO.offsetBytes) >> 2] = request.offsetBytes;
  if (request.bytes !== undefined) i32[(bio + BIO.bytes) >> 2] = request.bytes;
  if (request.segments !== undefined) i32[(bio + BIO.segments) >> 2] = request.segments;
  const error = bios.submitBio(bio);
  expect(i32[(bio + BIO.error) >> 2]).to.equal(error);
  bios.freeBio(bio);
  return error;
}

describe('block devices', () => {
  it('are found by path, index and name in every thread', () => {
    const { machine, devices, ram0, ram1 } = setUp();
    const other = attach(machine.attach({ name: 'other' }));
    for (const view of [devices, other.devices]) {
      expect(view.byPath('/dev/ram1')).to.equal(ram1);
      expect([view.at(0), view.at(1), view.at(2), view.at(-1), view.at(BLOCK_DEVICES_MAX)]).to.deep.equal([
        ram0,
        ram1,
        0,
        0,
        0,
      ]);
      expect(view.nameOf(ram0)).to.equal('ram0');
      expect(view.pathOf(ram1)).to.equal('/dev/ram1');
      for (const path of ['/dev/ram', '/dev/ram00', 'ram0', '/dev/', '', '/DEV/ram0', '/dev//ram0']) {
        expect(view.byPath(path), path).to.equal(0);
      }
      expect(view.isDevice(ram1)).to.be.true;
      for (const address of [0, ram0 - BLOCK_DEVICE.$bytes, ram0 + 4, ram1 + BLOCK_DEVICE.$bytes]) {
        expect(view.isDevice(address), String(address)).to.be.false;
      }
    }
  });

  it('are registered with what their driver says', () => {
    const { machine, devices } = setUp();
    const { cells } = machine;
    const id = devices.makeRequests.define('some_make_request', () => 0);
    const bdev = devices.register('n'.repeat(31), 0xffff_ffff, id, -7, BLOCK_NONROTATIONAL | BLOCK_DISCARD);
    expect(devices.byPath(`/dev/${'n'.repeat(31)}`)).to.equal(bdev);
    expect(cells.ldu32(bdev + BLOCK_DEVICE.capacitySectors)).to.equal(0xffff_ffff);
    expect(cells.ld32(bdev + BLOCK_DEVICE.makeRequest)).to.equal(id);
    expect(cells.ld32(bdev + BLOCK_DEVICE.privateData)).to.equal(-7);
    expect(cells.ld32(bdev + BLOCK_DEVICE.flags)).to.equal(BLOCK_NONROTATIONAL | BLOCK_DISCARD);
    expect(cells.ld32(bdev + BLOCK_DEVICE.slotFreeNotify)).to.equal(0);
    expect(cells.ld32(bdev + BLOCK_DEVICE.blockSizeBytes)).to.equal(PAGE_SIZE);
  });

  it('refuse names that are taken, empty, too long or no file names', () => {
    const { devices } = setUp();
    expect(devices.register('ram0', 8, 1, 0)).to.equal(-EBUSY);
    for (const name of ['', 'n'.repeat(32), 'a/b', 'a b', 'caf\u00e9', 'tab\t']) {
      expect(devices.register(name, 8, 1, 0), name).to.equal(-EINVAL);
    }
    expect(devices.at(2)).to.equal(0);
  });

  it('end after the last place', () => {
    const { devices } = setUp();
    for (let index = 2; index < BLOCK_DEVICES_MAX; index++) {
      expect(devices.register(`disk${index}`, 8, 1, index)).to.equal(devices.at(index));
    }
    expect(devices.register('one-more', 8, 1, 0)).to.equal(-ENOSPC);
    expect(devices.byPath('/dev/disk63')).to.equal(devices.at(63));
  });

  it('are claimed by one holder at a time, who may claim them again', () => {
    const { machine, devices, ram0, ram1 } = setUp();
    const other = attach(machine.attach({ name: 'other' })).devices;
    expect(devices.claim(ram0, 11)).to.equal(0);
    expect(other.claim(ram0, 12)).to.equal(-EBUSY);
    expect(other.claim(ram1, 12)).to.equal(0);
    expect(devices.claim(ram0, 11)).to.equal(0);
    expect(other.holders(ram0)).to.equal(2);
    devices.release(ram0, 11);
    expect(other.claim(ram0, 12)).to.equal(-EBUSY);
    devices.release(ram0, 11);
    expect(devices.holders(ram0)).to.equal(0);
    expect(other.claim(ram0, 12)).to.equal(0);
    expect(() => devices.release(ram0, 11)).to.throw(KernelBug, 'released by its holder');
  });

  it('count their openers', () => {
    const { machine, devices, ram0 } = setUp();
    devices.open(ram0);
    devices.open(ram0);
    devices.close(ram0);
    expect(machine.cells.ld32(ram0 + BLOCK_DEVICE.openers)).to.equal(1);
    devices.close(ram0);
    expect(() => devices.close(ram0)).to.throw(KernelBug, 'is open');
    expect(machine.context.holds(devices.mutex.address)).to.be.false;
  });

  it('take block sizes from a sector to a page', () => {
    const { machine, devices, ram0 } = setUp();
    for (const bytes of [512, 1024, 2048, 4096]) {
      expect(devices.setBlockSize(ram0, bytes)).to.equal(0);
      expect(machine.cells.ld32(ram0 + BLOCK_DEVICE.blockSizeBytes)).to.equal(bytes);
    }
    for (const bytes of [0, 256, 8192, 1000, 513, -512, 512.5, Number.NaN]) {
      expect(devices.setBlockSize(ram0, bytes), String(bytes)).to.equal(-EINVAL);
    }
    expect(machine.cells.ld32(ram0 + BLOCK_DEVICE.blockSizeBytes)).to.equal(4096);
  });

  it('cannot be registered with a spinlock held', () => {
    const { machine, devices } = setUp();
    machine.context.preemptDisable();
    expect(() => devices.register('x', 8, 1, 0)).to.throw(KernelBug, 'Sleeping in atomic context');
  });
});

describe('bios', () => {
  it('come zeroed from a pool of each task', () => {
    const { machine, bios } = setUp();
    const { i32 } = machine.arena;
    const all = Array.from({ length: BIOS_PER_TASK }, () => bios.allocBio(GFP_KERNEL));
    expect(new Set(all).size).to.equal(BIOS_PER_TASK);
    expect(bios.allocBio(GFP_KERNEL)).to.equal(0);
    const otherMachine = machine.attach({ name: 'other' });
    const other = attach(otherMachine).bios;
    const foreign = other.allocBio(GFP_ATOMIC);
    expect(all).not.to.include(foreign);
    i32.fill(-1, (all[2]! + BIO.bdev) >> 2, (all[2]! + BIO.$bytes) >> 2);
    bios.freeBio(all[2]!);
    expect(bios.allocBio(GFP_ATOMIC)).to.equal(all[2]);
    expect([...i32.subarray((all[2]! + BIO.bdev) >> 2, (all[2]! + BIO.$bytes) >> 2)]).to.satisfy(
      (words: number[]) => words.every((word) => word === 0),
    );
  });

  it('belong to the task that took them', () => {
    const { machine, bios } = setUp();
    const foreign = attach(machine.attach({ name: 'other' })).bios.allocBio(GFP_NOIO);
    const own = bios.allocBio(GFP_NOIO);
    expect(() => bios.submitBio(foreign)).to.throw(KernelBug, 'no bio of the running task');
    expect(() => bios.freeBio(own + 4)).to.throw(KernelBug, 'no bio of the running task');
    bios.freeBio(own);
    expect(() => bios.freeBio(own)).to.throw(KernelBug, 'no bio of the running task');
  });

  it('may be taken with a spinlock held only by who says that it cannot sleep', () => {
    const { machine, bios } = setUp();
    machine.context.preemptDisable();
    expect(bios.allocBio(GFP_ATOMIC)).not.to.equal(0);
    expect(() => bios.allocBio(GFP_NOIO)).to.throw(KernelBug, 'allocating a bio');
  });

  it('fail beyond the end of the device, and say so in the log', () => {
    const fixture = setUp();
    const last = DISK_SECTORS - SECTORS_PER_PAGE;
    expect(submit(fixture, { sector: last })).to.equal(0);
    expect(fixture.reader.drain()).to.deep.equal([]);
    for (const sector of [last + 1, DISK_SECTORS, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff]) {
      for (const operation of [BIO_READ, BIO_WRITE, BIO_DISCARD]) {
        expect(submit(fixture, { sector, operation }), `${sector}`).to.equal(-EIO);
        const [event] = fixture.reader.drain(['printk']);
        expect(event?.type === 'printk' ? event.text : '').to.equal(
          `attempt to access beyond end of device ram0: rw=${operation}, want=${sector + 8}, limit=${DISK_SECTORS}`,
        );
      }
    }
    expect(fixture.devices.stats(fixture.ram0)).to.deep.include({ reads: 1, writes: 0, errors: 18 });
    fixture.devices.setCapacity(fixture.ram0, last);
    expect(submit(fixture, { sector: last })).to.equal(-EIO);
    expect(submit(fixture, { sector: last - 8 })).to.equal(0);
  });

  it('fail when they are malformed, before the driver sees them', () => {
    const fixture = setUp();
    const end = fixture.machine.arena.bytes;
    const malformed: Request[] = [
      { bytes: 0 },
      { bytes: -512 },
      { bytes: 100 },
      { bytes: PAGE_SIZE + SECTOR_SIZE },
      { bytes: SECTOR_SIZE, offsetBytes: PAGE_SIZE },
      { offsetBytes: SECTOR_SIZE },
      { bytes: SECTOR_SIZE, offsetBytes: -512 },
      { segments: 0 },
      { segments: -1 },
      { pageAddress: 0 },
      { pageAddress: fixture.frame + 512 },
      { pageAddress: -PAGE_SIZE },
      { pageAddress: end },
      { pageAddress: end - PAGE_SIZE, segments: 2 },
      { operation: 3 },
      { operation: -1 },
      { operation: BIO_DISCARD, bytes: 0 },
      { operation: BIO_DISCARD, bytes: 511 },
    ];
    for (const request of malformed) expect(submit(fixture, request), JSON.stringify(request)).to.equal(-EIO);
    expect(fixture.devices.stats(fixture.ram0)).to.deep.include({
      reads: 0,
      writes: 0,
      discards: 0,
      errors: malformed.length,
    });
  });

  it('fail as discards where the device takes none', () => {
    const fixture = setUp();
    const discard = { operation: BIO_DISCARD, pageAddress: 0, segments: 0 };
    expect(submit(fixture, { ...discard, bdev: fixture.ram1 })).to.equal(-EOPNOTSUPP);
    expect(submit(fixture, { ...discard, bdev: fixture.ram0 })).to.equal(0);
    fixture.devices.setFlags(fixture.ram1, BLOCK_DISCARD);
    expect(submit(fixture, { ...discard, bdev: fixture.ram1 })).to.equal(0);
  });

  it('fail as often as ordered, and only on that device', () => {
    const fixture = setUp();
    fixture.devices.failRequests(fixture.ram0, 2);
    expect(submit(fixture, { bdev: fixture.ram1 })).to.equal(0);
    const results = [BIO_READ, BIO_WRITE, BIO_READ].map((operation) => submit(fixture, { operation }));
    expect(results).to.deep.equal([-EIO, -EIO, 0]);
    expect(fixture.devices.stats(fixture.ram0)).to.deep.include({ reads: 1, writes: 0, errors: 2 });
    fixture.devices.failRequests(fixture.ram0, 5);
    fixture.devices.failRequests(fixture.ram0, 0);
    expect(submit(fixture, {})).to.equal(0);
  });

  it('carry the error of their driver, and can be submitted again', () => {
    const fixture = setUp();
    const { bios, devices } = fixture;
    let error = -ENOSPC;
    const id = devices.makeRequests.define('failing', (_bdev, bio) => {
      bios.bioEndio(bio, error);
      return 0;
    });
    const bdev = devices.register('failing', 8, id, 0);
    const bio = bios.allocBio(GFP_NOIO);
    bios.setPage(bio, bdev, BIO_WRITE, 0, fixture.frame);
    expect(bios.submitBio(bio)).to.equal(-ENOSPC);
    error = 0;
    expect(bios.submitBio(bio)).to.equal(0);
    expect(devices.stats(bdev)).to.deep.include({ writes: 2, writtenBytes: 2 * PAGE_SIZE, errors: 1 });
  });

  it('are handed on from device to device, a few times at most', () => {
    const fixture = setUp();
    const { devices, machine } = fixture;
    const { i32 } = machine.arena;
    // privateData is the next device; each hop moves the request by one sector.
    const id = devices.makeRequests.define('stacked', (bdev, bio) => {
      i32[(bio + BIO.bdev) >> 2] = machine.cells.ld32(bdev + BLOCK_DEVICE.privateData);
      i32[(bio + BIO.sector) >> 2]! += 1;
      return 1;
    });
    let target = fixture.ram0;
    i32.fill(0x1234_5678, fixture.frame >> 2, (fixture.frame + SECTOR_SIZE) >> 2);
    for (let rounds = 1; rounds <= BIO_ROUNDS_MAX + 1; rounds++) {
      const error = submit(fixture, { bdev: target, operation: BIO_WRITE, bytes: SECTOR_SIZE });
      expect(error, `${rounds} devices`).to.equal(rounds <= BIO_ROUNDS_MAX ? 0 : -EIO);
      target = devices.register(`stacked${rounds}`, DISK_SECTORS, id, target);
    }
    expect(devices.stats(fixture.ram0)).to.deep.include({ writes: BIO_ROUNDS_MAX, errors: 0 });
    // Each further device in front moved the sector on by one.
    expect(submit(fixture, { sector: BIO_ROUNDS_MAX - 1, bytes: SECTOR_SIZE })).to.equal(0);
    expect(i32[fixture.frame >> 2]).to.equal(0x1234_5678);
    expect(submit(fixture, { sector: BIO_ROUNDS_MAX, bytes: SECTOR_SIZE })).to.equal(0);
    expect(i32[fixture.frame >> 2]).to.equal(0);
    const self = devices.register('self', DISK_SECTORS, id, 0);
    machine.cells.st32(self + BLOCK_DEVICE.privateData, self);
    expect(submit(fixture, { bdev: self })).to.equal(-EIO);
  });

  it('are checked against the device they are handed on to', () => {
    const fixture = setUp();
    const { devices, machine } = fixture;
    const id = devices.makeRequests.define('to_ram1', (_bdev, bio) => {
      machine.arena.i32[(bio + BIO.bdev) >> 2] = fixture.ram1;
      return 1;
    });
    const big = devices.register('big', DISK_SECTORS, id, 0);
    expect(submit(fixture, { bdev: big, sector: 0 })).to.equal(0);
    expect(submit(fixture, { bdev: big, sector: 8 })).to.equal(-EIO);
    devices.failRequests(fixture.ram1, 1);
    expect(submit(fixture, { bdev: big, sector: 0 })).to.equal(-EIO);
  });

  it('stop the machine when a driver breaks the rules', () => {
    const rules: [string, (bios: Bios, bio: number) => number, string][] = [
      ['never_completes', () => 0, 'completes it'],
      ['answers_nonsense', () => 2, 'answers 0 or 1'],
      [
        'completes_twice',
        (bios, bio) => {
          bios.bioEndio(bio, 0);
          bios.bioEndio(bio, 0);
          return 0;
        },
        'completed once',
      ],
      [
        'completes_and_hands_on',
        (bios, bio) => {
          bios.bioEndio(bio, 0);
          return 1;
        },
        'does not complete it',
      ],
      [
        'positive_errno',
        (bios, bio) => {
          bios.bioEndio(bio, EIO);
          return 0;
        },
        'negative errno',
      ],
    ];
    for (const [name, rule, sentence] of rules) {
      const fixture = setUp();
      const id = fixture.devices.makeRequests.define(name, (_bdev, bio) => rule(fixture.bios, bio));
      const bdev = fixture.devices.register(name, 8, id, 0);
      expect(() => submit(fixture, { bdev }), name).to.throw(KernelBug, sentence);
    }
    const fixture = setUp();
    expect(() => submit(fixture, { bdev: fixture.frame })).to.throw(KernelBug, 'registered device');
  });
});

describe('RAM disks', () => {
  it('keep what is written, for every thread, page by page', () => {
    const fixture = setUp();
    const { arena, regions } = fixture.machine;
    const second = fixture.frame + PAGE_SIZE;
    for (let index = 0; index < PAGE_SIZE; index++) arena.u8[fixture.frame + index] = (index * 7) & 0xff;
    expect(submit(fixture, { operation: BIO_WRITE, sector: 8 })).to.equal(0);
    const otherMachine = fixture.machine.attach({ name: 'other' });
    const { devices, bios } = attach(otherMachine);
    const other: Fixture = { ...fixture, machine: otherMachine, devices, bios };
    expect(submit(other, { operation: BIO_READ, sector: 8, pageAddress: second })).to.equal(0);
    expect(Buffer.compare(pageAt(fixture, second), pageAt(fixture, fixture.frame))).to.equal(0);
    // Neighbouring pages of the disk are untouched.
    for (const sector of [0, 16]) {
      expect(submit(fixture, { sector, pageAddress: second })).to.equal(0);
      expect(pageAt(fixture, second).every((byte) => byte === 0)).to.be.true;
    }
    expect(regions.block.ramDisks.map((disk) => disk.storage.section)).to.deep.equal(['cold', 'cold']);
    expect(fixture.devices.stats(fixture.ram0)).to.deep.equal({
      reads: 3,
      writes: 1,
      discards: 0,
      readBytes: 3 * PAGE_SIZE,
      writtenBytes: PAGE_SIZE,
      discardedBytes: 0,
      errors: 0,
      injected: 0,
    });
  });

  it('announce the page of the disk before they touch it', () => {
    const seen: number[] = [];
    const fixture = setUp({ hook: (_kind, object) => seen.push(object) });
    const storage = fixture.machine.regions.block.ramDisks[0]!.storage.base;
    seen.length = 0;
    submit(fixture, { operation: BIO_WRITE, sector: 12 });
    expect(
      seen.filter((object) => object >= storage && object < storage + DISK_PAGES * PAGE_SIZE),
    ).to.deep.equal([storage + PAGE_SIZE, storage + 2 * PAGE_SIZE]);
  });

  it('cannot be registered twice, nor have an odd size', () => {
    const fixture = setUp();
    expect(attach(fixture.machine.attach({ name: 'second creator' })).ramDisks.registerAll()).to.equal(
      -EBUSY,
    );
    for (const bytes of [0, -4096, 100, 4097, Number.NaN]) {
      expect(() => layoutRamDisks(fixture.machine.layout, [{ name: 'odd', bytes }]), String(bytes))
        .to.throw(MisuseError, "'odd'")
        .with.property('code', 'ERR_OUT_OF_RANGE');
    }
  });

  for (const seed of [SEED, RANDOM_SEED]) {
    it(`equal an array of bytes under any transfers (seed ${seed})`, () => {
      const transfer = fc.record({
        operation: fc.constantFrom(BIO_READ, BIO_WRITE, BIO_DISCARD),
        sector: fc.nat(DISK_SECTORS),
        sectors: fc.integer({ min: 0, max: 3 * SECTORS_PER_PAGE }),
        offsetSectors: fc.nat(SECTORS_PER_PAGE),
        segments: fc.integer({ min: 1, max: FRAMES }),
        fill: fc.nat(255),
      });
      fc.assert(
        fc.property(fc.array(transfer, { maxLength: 25 }), (transfers) => {
          const fixture = setUp();
          const { u8 } = fixture.machine.arena;
          const model = new Uint8Array(DISK_SECTORS * SECTOR_SIZE);
          for (const { operation, sector, sectors, offsetSectors, segments, fill } of transfers) {
            const bytes = sectors * SECTOR_SIZE;
            const offsetBytes = offsetSectors * SECTOR_SIZE;
            const fits = offsetBytes + bytes <= segments * PAGE_SIZE || operation === BIO_DISCARD;
            const isFine = sectors > 0 && sector + sectors <= DISK_SECTORS && fits;
            const frames = u8.subarray(fixture.frame, fixture.frame + FRAMES * PAGE_SIZE);
            for (let index = 0; index < frames.length; index += 64) frames[index] = fill + index;
            const expected = frames.slice();
            const start = sector * SECTOR_SIZE;
            const error = submit(fixture, { operation, sector, bytes, offsetBytes, segments });
            expect(error).to.equal(isFine ? 0 : -EIO);
            if (isFine && operation === BIO_WRITE) {
              model.set(expected.subarray(offsetBytes, offsetBytes + bytes), start);
            }
            if (isFine && operation === BIO_DISCARD) model.fill(0, start, start + bytes);
            if (isFine && operation === BIO_READ) {
              expected.set(model.subarray(start, start + bytes), offsetBytes);
            }
            expect(Buffer.compare(frames, expected)).to.equal(0);
          }
          const { storage } = fixture.machine.regions.block.ramDisks[0]!;
          expect(Buffer.compare(u8.subarray(storage.base, storage.base + model.length), model)).to.equal(0);
        }),
        { seed, numRuns: 40 },
      );
    });
  }
});

function pageAt(fixture: Fixture, address: number): Uint8Array {
  return fixture.machine.arena.u8.subarray(address, address + PAGE_SIZE);
}
