import { randomInt } from 'node:crypto';
import { EBUSY, EIO, ENOMEM, KernelBug, PAGE_SIZE, parseSwapHeader } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import fc from 'fast-check';
import { CODEC_NAMES, type CodecName } from '#src/codec/codec.js';
import { RZS_ENTRY, TABLE_LOCK } from '#src/driver/places.js';
import { statDrift, walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, type TestMachine, type TestPage } from '../support/machine.js';

const SEEDS = [20100505, randomInt(2 ** 31)];
const CODECS: readonly CodecName[] = CODEC_NAMES;

/** Writes a page of so much noise. */
function write(machine: TestMachine, page: TestPage, slot: number, seed: number, noise: number): number {
  fillPage(page.bytes, seed, noise);
  return machine.transfer('write', slot, page);
}

/** What a slot reads back as; the frame holds 0xee before. */
function read(machine: TestMachine, page: TestPage, slot: number): Uint8Array {
  page.bytes.fill(0xee);
  expect(machine.transfer('read', slot, page)).to.equal(0);
  return page.bytes.slice();
}

function pageOf(seed: number, noise: number): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE);
  fillPage(bytes, seed, noise);
  return bytes;
}

/** Everything a device must agree on at any quiet moment. */
function expectSound(machine: TestMachine): void {
  for (const device of machine.driver.devices) {
    const walk = walkTable(device);
    expect(walk.problems).to.deep.equal([]);
    expect(statDrift(device, walk)).to.deep.equal([]);
  }
  expect(machine.frames.checkInvariants()).to.deep.equal([]);
}

describe('ramzswap device', () => {
  for (const codec of CODECS) {
    it(`gives pages back as they were written, with the codec ${codec}`, () => {
      const machine = createTestMachine({ codec });
      const page = machine.takePage();
      for (const [slot, noise] of [0, 1, 100, 2000, 2900, 3200, 4096].entries()) {
        expect(write(machine, page, slot + 1, slot + 7, noise)).to.equal(0);
      }
      for (const [slot, noise] of [0, 1, 100, 2000, 2900, 3200, 4096].entries()) {
        expect(read(machine, page, slot + 1)).to.deep.equal(pageOf(slot + 7, noise));
      }
      expectSound(machine);
    });
  }

  it('stores what compresses to 3072 bytes or less in the pool, more as whole pages, zeros nowhere', () => {
    const machine = createTestMachine();
    const page = machine.takePage();
    const { device } = machine;
    write(machine, page, 1, 1, 100);
    write(machine, page, 2, 2, 2500);
    write(machine, page, 3, 3, 4096);
    page.bytes.fill(0);
    machine.transfer('write', 4, page);
    const stats = device.readStats();
    expect(stats).to.include({
      numWrites: 4,
      numReads: 0,
      pagesStored: 3,
      pagesZero: 1,
      pagesExpand: 1,
      goodCompress: 1,
    });
    expect(stats).to.include({ goodCompressPct: 33, pagesExpandPct: 33, poolPages: 1, pagesUsed: 2 });
    expect(stats).to.include({
      origDataSize: 3 * PAGE_SIZE,
      memUsedTotal: 2 * PAGE_SIZE,
      disksize: 64 * PAGE_SIZE,
    });
    const walk = walkTable(device);
    expect(walk).to.include({ stored: 4, raw: 1, compressed: 2, zero: 1, header: true });
    expect(stats.comprDataSize)
      .to.equal(walk.comprBytes)
      .and.to.be.within(PAGE_SIZE + 2500, PAGE_SIZE + 3000);
    expect([0, 1, 2, 3, 4, 5, 64, -1].map((slot) => device.isStored(slot))).to.deep.equal([
      false,
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(read(machine, page, 4)).to.deep.equal(new Uint8Array(PAGE_SIZE));
  });

  it('stores every page raw with the codec none, but zeros nowhere', () => {
    const machine = createTestMachine({ codec: 'none' });
    const page = machine.takePage();
    write(machine, page, 1, 1, 0);
    page.bytes.fill(0);
    machine.transfer('write', 2, page);
    expect(machine.device.readStats()).to.include({
      pagesExpand: 1,
      pagesStored: 1,
      pagesZero: 1,
      poolPages: 0,
      comprDataSize: PAGE_SIZE,
    });
  });

  it('leaves the page alone when a slot that holds nothing is read', () => {
    const machine = createTestMachine();
    const page = machine.takePage();
    expect(read(machine, page, 5)).to.deep.equal(new Uint8Array(PAGE_SIZE).fill(0xee));
    write(machine, page, 5, 1, 10);
    machine.device.slotFreeNotify(5);
    expect(read(machine, page, 5)).to.deep.equal(new Uint8Array(PAGE_SIZE).fill(0xee));
    expect(machine.device.readStats()).to.include({ numReads: 2, failedReads: 0 });
  });

  it('frees the old content on an overwrite, whatever old and new are', () => {
    const machine = createTestMachine();
    const page = machine.takePage();
    const kinds = [0, 500, 4096, -1];
    for (const before of kinds) {
      for (const after of kinds) {
        for (const noise of [before, after]) {
          if (noise === -1) page.bytes.fill(0);
          else fillPage(page.bytes, noise + 1, noise);
          expect(machine.transfer('write', 9, page)).to.equal(0);
        }
        expect(read(machine, page, 9)).to.deep.equal(
          after === -1 ? new Uint8Array(PAGE_SIZE) : pageOf(after + 1, after),
        );
        expect(walkTable(machine.device).stored).to.equal(1);
        expectSound(machine);
      }
    }
  });

  it('counts callbacks, frees what was stored, and takes a callback for an empty slot', () => {
    const machine = createTestMachine();
    const page = machine.takePage();
    const free = machine.frames.info().free;
    for (const [slot, noise] of [10, 2500, 4096].entries()) write(machine, page, slot + 1, slot, noise);
    page.bytes.fill(0);
    machine.transfer('write', 4, page);
    for (let slot = 1; slot <= 5; slot++) machine.device.slotFreeNotify(slot);
    const stats = machine.device.readStats();
    expect(stats).to.include({
      notifyFree: 5,
      pagesStored: 0,
      pagesZero: 0,
      pagesExpand: 0,
      goodCompress: 0,
      comprDataSize: 0,
      poolPages: 0,
    });
    expect(machine.frames.info().free).to.equal(free);
    expectSound(machine);
  });

  it('reports a callback for the header or beyond the disk', () => {
    expect(() => createTestMachine().device.slotFreeNotify(0)).to.throw(KernelBug, /slots 1 to 63/);
    expect(() => createTestMachine().device.slotFreeNotify(64)).to.throw(KernelBug, /slot 64/);
  });

  it('fails a write without memory, leaves the slot empty, and counts it', () => {
    const machine = createTestMachine();
    const page = machine.takePage();
    for (const noise of [100, 4096]) {
      write(machine, page, 3, 1, 4096);
      fillPage(page.bytes, 2, noise);
      machine.frames.failNextRequests(1);
      expect(machine.transfer('write', 3, page)).to.equal(-EIO);
      machine.frames.failNextRequests(0);
      expect(machine.device.isStored(3)).to.equal(false);
      expect(read(machine, page, 3)[0]).to.equal(0xee);
      expectSound(machine);
    }
    expect(machine.device.readStats()).to.include({ numWrites: 4, failedWrites: 2, pagesStored: 0 });
    expect(
      machine.machine
        .drain('printk')
        .map((event) => 'text' in event && event.text)
        .join(),
    ).to.match(/no memory for the 4096 bytes of slot 3/);
  });

  it('refuses requests that are not one page at a page boundary of the disk', () => {
    const machine = createTestMachine({ diskPages: 16 });
    const { address } = machine.takePage();
    const refused: readonly ['read' | 'write', object][] = [
      ['write', { sector: 128 }],
      ['read', { sector: 127 }],
      ['read', { sector: 1 }],
      ['write', { sector: 8, bytes: 512 }],
      ['read', { sector: 8, bytes: 8192 }],
      ['read', { sector: 8, offsetBytes: 512 }],
      ['write', { sector: 8, segments: 2 }],
      ['read', { sector: 0xffff_fff8 }],
    ];
    for (const [index, [operation, fields]] of refused.entries()) {
      const request = { pageAddress: address, ...fields };
      expect(machine.request(operation, request, machine.device, 'driver')).to.equal(-EIO);
      expect(machine.device.readStats().invalidIo).to.equal(index + 1);
    }
    expect(
      machine.request('write', { sector: 120, pageAddress: address }, machine.device, 'driver'),
    ).to.equal(0);
    expect(machine.device.readStats()).to.include({ numWrites: 1, numReads: 0, invalidIo: refused.length });
  });

  it('answers a stored page that does not decode to a page with an I/O error, and counts it', () => {
    const machine = createTestMachine();
    const page = machine.takePage();
    const { cells } = machine.core;
    write(machine, page, 3, 1, 100);
    const entry = machine.device.entryOf(3);
    const object =
      machine.frames.addressOf(cells.ld32(entry + RZS_ENTRY.page)) + cells.ld16(entry + RZS_ENTRY.offset);
    // The end marker of an empty stream decodes without an error, but to nothing.
    machine.arena.u8.set([0x11, 0, 0], object);
    expect(machine.transfer('read', 3, page)).to.equal(-EIO);
    const bytes = machine.device.pool.objectSize(
      cells.ld32(entry + RZS_ENTRY.page),
      cells.ld16(entry + RZS_ENTRY.offset),
    );
    machine.arena.u16[(object - 4) >> 1] = 3;
    expect(machine.transfer('read', 3, page)).to.equal(-EIO);
    machine.arena.u16[(object - 4) >> 1] = bytes;
    expect(machine.device.readStats()).to.include({ numReads: 2, failedReads: 2 });
  });

  it('has a swap header that swapon accepts, and counts it nowhere, also when it is overwritten', () => {
    const machine = createTestMachine({ diskPages: 33 });
    const page = machine.takePage();
    const header = parseSwapHeader(read(machine, page, 0));
    expect(header).to.deep.include({ version: 1, lastPage: 32, nrBadpages: 0 });
    expect(machine.device.readStats()).to.include({ pagesStored: 0, pagesExpand: 0, comprDataSize: 0 });
    expect(walkTable(machine.device)).to.include({ header: true, stored: 0 });
    write(machine, page, 0, 1, 100);
    expect(machine.device.readStats()).to.include({ pagesStored: 1, pagesExpand: 0 });
    expect(walkTable(machine.device)).to.include({ header: false, stored: 1 });
    expectSound(machine);
  });

  it('is initialised once, reset once, and initialised again; reset gives all memory back', () => {
    const machine = createTestMachine({ policy: 'none' });
    const { device } = machine;
    const page = machine.takePage();
    expect(device.init()).to.equal(-EBUSY);
    expect(device.setDisksize(1 << 20)).to.equal(-EBUSY);
    const tables = machine.kernel.vmalloc.pagesInUse();
    const empty = machine.frames.info().free;
    for (let slot = 1; slot < 40; slot++) write(machine, page, slot, slot, (slot * 397) % 4097);
    expect(device.reset()).to.equal(0);
    expect(machine.frames.info().free).to.equal(empty + 1);
    expect(machine.kernel.vmalloc.pagesInUse()).to.equal(tables - 1);
    expect(device.reset()).to.equal(0);
    expect(machine.transfer('read', 1, page)).to.equal(-EIO);
    expect(machine.request('read', { sector: 8, pageAddress: page.address }, device, 'driver')).to.equal(
      -EIO,
    );
    expect(device.readStats()).to.include({
      disksize: 0,
      numReads: 0,
      numWrites: 0,
      invalidIo: 0,
      pagesStored: 0,
    });
    expect(device.setDisksize(10 * PAGE_SIZE + 5)).to.equal(0);
    expect(device.init()).to.equal(0);
    expect(device.disksize()).to.equal(10 * PAGE_SIZE);
    expect(read(machine, page, 1)[0]).to.equal(0xee);
    expectSound(machine);
  });

  it('takes a quarter of the memory when no size is given, and fails below a page or without memory', () => {
    const machine = createTestMachine({ policy: 'none' });
    const { device } = machine;
    device.reset();
    device.setDisksize(PAGE_SIZE - 1);
    expect(device.init()).to.equal(-ENOMEM);
    expect(device.isInitialised()).to.equal(false);
    device.setDisksize(0);
    machine.frames.failNextRequests(1);
    expect(device.init()).to.equal(-ENOMEM);
    const tables = machine.kernel.vmalloc.pagesInUse();
    expect(device.init()).to.equal(0);
    expect(machine.kernel.vmalloc.pagesInUse()).to.be.greaterThan(tables);
    const quarter = Math.floor((4 << 20) / 100) * 25;
    expect(device.disksize()).to.equal(quarter - (quarter % PAGE_SIZE));
  });

  it('cannot be reset while somebody holds the disk', () => {
    const machine = createTestMachine();
    const { devices } = machine.block;
    const bdev = machine.device.bdev();
    devices.claim(bdev, 4711);
    expect(machine.device.reset()).to.equal(-EBUSY);
    expect(machine.device.isInitialised()).to.equal(true);
    devices.release(bdev, 4711);
    expect(machine.device.reset()).to.equal(0);
    expect(devices.holders(bdev)).to.equal(0);
  });

  it('keeps devices apart', () => {
    const machine = createTestMachine({ disks: 3 });
    const page = machine.takePage();
    for (const device of machine.driver.devices) {
      fillPage(page.bytes, device.index, 300);
      machine.transfer('write', 7, page, device);
    }
    for (const device of machine.driver.devices) {
      machine.transfer('read', 7, page, device);
      expect(page.bytes).to.deep.equal(pageOf(device.index, 300));
      expect(device.readStats()).to.include({ numWrites: 1, numReads: 1 });
    }
    machine.driver.devices[1]!.slotFreeNotify(7);
    expect(machine.driver.devices.map((device) => device.isStored(7))).to.deep.equal([true, false, true]);
  });

  it('counts beyond 32 bits', () => {
    const machine = createTestMachine();
    const page = machine.takePage();
    const { base } = machine.driver.places.tableLocks;
    // 2^32 - 1 reads happened so far, all under the lock of slot 1.
    machine.core.cells.st32(base + TABLE_LOCK.$bytes + TABLE_LOCK.numReads, -1);
    expect(machine.device.readStats().numReads).to.equal(2 ** 32 - 1);
    machine.transfer('read', 1, page);
    machine.transfer('read', 1, page);
    expect(machine.device.readStats().numReads).to.equal(2 ** 32 + 1);
  });

  for (const seed of SEEDS) {
    it(`agrees with a map of pages under any sequence of operations (seed ${seed})`, () => {
      const slot = fc.integer({ min: 1, max: 15 });
      const step = fc.oneof(
        {
          weight: 4,
          arbitrary: fc.record({
            kind: fc.constant('write' as const),
            slot,
            noise: fc.integer({ min: -1, max: 4096 }),
            fails: fc.nat(9),
          }),
        },
        { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), slot }) },
        { weight: 2, arbitrary: fc.record({ kind: fc.constant('free' as const), slot }) },
      );
      fc.assert(
        fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
          const machine = createTestMachine({ diskPages: 16 });
          const page = machine.takePage();
          const model = new Map<number, Uint8Array>();
          for (const [index, action] of steps.entries()) {
            if (action.kind === 'write') {
              if (action.noise < 0) page.bytes.fill(0);
              else fillPage(page.bytes, index, action.noise);
              const content = page.bytes.slice();
              if (action.fails === 0) machine.frames.failNextRequests(1);
              model.delete(action.slot);
              if (machine.transfer('write', action.slot, page) === 0) model.set(action.slot, content);
              machine.frames.failNextRequests(0);
            } else if (action.kind === 'read') {
              const expected = model.get(action.slot) ?? new Uint8Array(PAGE_SIZE).fill(0xee);
              expect(Buffer.compare(read(machine, page, action.slot), expected)).to.equal(0);
            } else {
              machine.device.slotFreeNotify(action.slot);
              model.delete(action.slot);
            }
            expect(walkTable(machine.device).stored).to.equal(model.size);
          }
          expectSound(machine);
        }),
        { seed, numRuns: 40 },
      );
    });
  }
});
