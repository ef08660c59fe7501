/**
 * What the drivers of history do with one request at a time that the sound one does not: the consequences of their order of steps, and of what they do not
 * look at.
 */
import { EIO, KernelBug, PAGE_SIZE, parseSwapHeader, type Profile } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import { parseStats, ioctlNumbers, STATS_BYTES_2_6_34 } from '#src/driver/ioctl.js';
import { NATURAL_POLICY } from '#src/driver/create-device.js';
import { RZS_ENTRY, RZS_UNCOMPRESSED, RZS_ZERO } from '#src/driver/places.js';
import { statDrift, walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, type TestMachine, type TestPage } from '../../support/machine.js';

const HISTORICAL: readonly Profile[] = ['2.6.34', '2.6.34+series', '2.6.35'];

function write(machine: TestMachine, page: TestPage, slot: number, noise: number, seed = slot): number {
  if (noise < 0) page.bytes.fill(0);
  else fillPage(page.bytes, seed, noise);
  return machine.transfer('write', slot, page);
}

function read(machine: TestMachine, page: TestPage, slot: number): Uint8Array {
  page.bytes.fill(0xee);
  expect(machine.transfer('read', slot, page)).to.equal(0);
  return page.bytes.slice();
}

function pageOf(slot: number, noise: number): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE);
  fillPage(bytes, slot, noise);
  return bytes;
}

function flagsOf(machine: TestMachine, slot: number): number {
  return machine.core.cells.ld8(machine.device.entryOf(slot) + RZS_ENTRY.flags);
}

describe('the drivers of history', () => {
  for (const profile of HISTORICAL) {
    for (const policy of ['none', 'notify', 'chain', 'bdev-op', 'address-space'] as const) {
      it(`store, give back and free pages, in ${profile} under ${policy}`, () => {
        const machine = createTestMachine({ profile, policy });
        const page = machine.takePage();
        const noises = [-1, 0, 100, 2000, 2900, 4096];
        for (const [index, noise] of noises.entries())
          expect(write(machine, page, index + 1, noise)).to.equal(0);
        for (const [index, noise] of noises.entries()) {
          const wanted = noise < 0 ? new Uint8Array(PAGE_SIZE) : pageOf(index + 1, noise);
          expect(read(machine, page, index + 1)).to.deep.equal(wanted);
        }
        expect(machine.device.readStats()).to.include({
          numWrites: 6,
          numReads: 6,
          pagesZero: 1,
          pagesExpand: 1,
          pagesStored: 5,
          goodCompress: 3,
        });
        expect(walkTable(machine.device)).to.include({ stored: 6, header: true, zero: 1 });
        expect(statDrift(machine.device)).to.deep.equal([]);
        for (let slot = 1; slot <= 6; slot++) machine.device.slotFreeNotify(slot);
        expect(walkTable(machine.device).stored).to.equal(0);
        expect(machine.device.readStats()).to.include({ notifyFree: 6, poolPages: 0, comprDataSize: 0 });
      });
    }
  }

  for (const profile of HISTORICAL) {
    it(`refuse what is not one page at a page boundary of the disk, in ${profile}`, () => {
      const machine = createTestMachine({ profile, diskPages: 16 });
      const { address, bytes } = machine.takePage();
      const refused = [
        { sector: 128 },
        { sector: 127 },
        { sector: 1 },
        { bytes: 512 },
        { bytes: 8192 },
        { offsetBytes: 512 },
        { segments: 2 },
        { segments: 0 },
        { sector: 2 ** 32 - 8 },
      ];
      bytes.fill(0xee);
      for (const [index, fields] of refused.entries()) {
        for (const operation of ['read', 'write'] as const) {
          const request = { sector: 8, pageAddress: address, ...fields };
          expect(machine.request(operation, request, machine.device, 'driver')).to.equal(-EIO);
        }
        expect(machine.device.readStats().invalidIo).to.equal(2 * index + 2);
      }
      expect(machine.device.readStats()).to.include({ numReads: 0, numWrites: 0 });
      expect(bytes.every((byte) => byte === 0xee)).to.equal(true);
      expect(walkTable(machine.device).stored).to.equal(0);
      expect(
        machine.request('write', { sector: 120, pageAddress: address }, machine.device, 'driver'),
      ).to.equal(0);
      machine.device.reset();
      expect(machine.request('read', { sector: 8, pageAddress: address }, machine.device, 'driver')).to.equal(
        -EIO,
      );
      expect(machine.device.readStats().invalidIo).to.equal(0);
    });
  }

  it('have their natural policies, of which any can be had', () => {
    expect(NATURAL_POLICY).to.deep.equal({
      sound: 'notify',
      '2.6.34': 'none',
      '2.6.34+series': 'notify',
      '2.6.35': 'bdev-op',
    });
  });

  it('of 2.6.34 count down for the header page that they never counted', () => {
    const machine = createTestMachine({ profile: '2.6.34' });
    const page = machine.takePage();
    expect(parseSwapHeader(read(machine, page, 0))?.lastPage).to.equal(63);
    page.bytes.fill(0);
    page.bytes[100] = 1;
    expect(machine.transfer('write', 0, page)).to.equal(0);
    machine.device.slotFreeNotify(0);
    const stats = machine.device.readStats();
    expect(stats).to.include({ pagesExpand: 2 ** 32 - 1, pagesStored: 2 ** 32 - 1, comprDataSize: -4096 });
    // 32-bit products: both are one page below 4 GiB.
    expect(stats).to.include({ origDataSize: 2 ** 32 - PAGE_SIZE, memUsedTotal: 2 ** 32 - PAGE_SIZE });
    const bytes = new Uint8Array(STATS_BYTES_2_6_34);
    expect(machine.device.ioctl(ioctlNumbers('2.6.34').RZSIO_GET_STATS, bytes)).to.equal(0);
    expect(parseStats(bytes, '2.6.34')).to.include({
      compr_data_size: 2n ** 64n - 4096n,
      pages_stored: 2 ** 32 - 1,
    });
    const sound = createTestMachine();
    expect(write(sound, sound.takePage(), 0, 4096)).to.equal(0);
    expect(sound.device.readStats()).to.include({ pagesExpand: 1, pagesStored: 1, comprDataSize: PAGE_SIZE });
  });

  it('leave a slot EMPTY when a write fails, and read it with success', () => {
    for (const profile of ['2.6.34', '2.6.34+series'] as const) {
      const machine = createTestMachine({ profile });
      const page = machine.takePage();
      expect(write(machine, page, 3, 500)).to.equal(0);
      for (const noise of [900, 4096]) {
        machine.frames.failNextRequests(1);
        expect(write(machine, page, 3, noise)).to.equal(-EIO);
        expect(read(machine, page, 3)).to.deep.equal(new Uint8Array(PAGE_SIZE).fill(0xee));
      }
      expect(machine.device.readStats()).to.include({ failedWrites: 2, numWrites: 3, pagesStored: 0 });
      expect(JSON.stringify(machine.machine.drain('printk'))).to.include('ramzswap0: no memory for slot 3');
    }
  });

  it('take what decodes to less than a page for success, and log and count what does not decode', () => {
    const machine = createTestMachine({ profile: '2.6.34' });
    const page = machine.takePage();
    write(machine, page, 3, 500);
    const { cells } = machine.core;
    const entry = machine.device.entryOf(3);
    const object =
      machine.frames.addressOf(cells.ld32(entry + RZS_ENTRY.page)) + cells.ld16(entry + RZS_ENTRY.offset);
    machine.arena.u8.fill(0xff, object, object + 100);
    expect(machine.transfer('read', 3, page)).to.equal(-EIO);
    expect(machine.device.readStats()).to.include({ failedReads: 1, numReads: 1 });
    // A literal of one byte and the end marker, as long as the object was.
    const size = machine.device.pool.objectSize(
      cells.ld32(entry + RZS_ENTRY.page),
      cells.ld16(entry + RZS_ENTRY.offset),
    );
    machine.arena.u8.fill(7, object, object + size);
    machine.arena.u8.set([0, 0, (size - 3 - 3 - 18 - 255) & 0xff], object);
    machine.arena.u8.set([17, 0, 0], object + size - 3);
    expect(machine.transfer('read', 3, page)).to.equal(0);
    const sound = createTestMachine();
    const soundPage = sound.takePage();
    write(sound, soundPage, 3, 500);
    const soundEntry = sound.device.entryOf(3);
    const start =
      sound.frames.addressOf(sound.core.cells.ld32(soundEntry + RZS_ENTRY.page)) +
      sound.core.cells.ld16(soundEntry + RZS_ENTRY.offset);
    sound.arena.u8.set(machine.arena.u8.slice(object, object + size), start);
    expect(sound.transfer('read', 3, soundPage)).to.equal(-EIO);
  });

  it('of 2.6.35 read zeros where data was written over a ZERO slot', () => {
    const machine = createTestMachine({ profile: '2.6.35', policy: 'none' });
    const page = machine.takePage();
    write(machine, page, 3, -1);
    expect(write(machine, page, 3, 500)).to.equal(0);
    expect(flagsOf(machine, 3)).to.equal(RZS_ZERO);
    expect(read(machine, page, 3)).to.deep.equal(new Uint8Array(PAGE_SIZE));
    expect(walkTable(machine.device).problems.join()).to.match(
      /Slot 3 has an object at offset \d+ with flags 2/,
    );
  });

  it('of 2.6.35 copy a whole page from a short object written over a RAW slot', () => {
    const machine = createTestMachine({ profile: '2.6.35', policy: 'none' });
    const page = machine.takePage();
    write(machine, page, 3, 4096);
    expect(write(machine, page, 3, 500)).to.equal(0);
    expect(flagsOf(machine, 3)).to.equal(RZS_UNCOMPRESSED);
    const entry = machine.device.entryOf(3);
    const from =
      machine.frames.addressOf(machine.core.cells.ld32(entry + RZS_ENTRY.page)) +
      machine.core.cells.ld16(entry + RZS_ENTRY.offset);
    expect(from % PAGE_SIZE).to.be.greaterThan(0);
    const wanted = machine.arena.u8.slice(from, from + PAGE_SIZE);
    expect(read(machine, page, 3)).to.deep.equal(wanted);
  });

  it('of 2.6.35 lose the old content of a slot that is written twice', () => {
    const machine = createTestMachine({ profile: '2.6.35', policy: 'none' });
    const page = machine.takePage();
    write(machine, page, 3, 500);
    write(machine, page, 3, 600);
    expect(walkTable(machine.device).problems.join()).to.include('nobody owns it');
    expect(machine.device.readStats()).to.include({ pagesStored: 2 });
    const before = createTestMachine({ profile: '2.6.34', policy: 'none' });
    const beforePage = before.takePage();
    write(before, beforePage, 3, 500);
    write(before, beforePage, 3, 600);
    expect(walkTable(before.device).problems).to.deep.equal([]);
    expect(before.device.readStats()).to.include({ pagesStored: 1 });
  });

  it('stop at a slot that the disk does not have', () => {
    const machine = createTestMachine({ profile: '2.6.34' });
    expect(() => machine.device.slotFreeNotify(64)).to.throw(KernelBug, 'slot 64 is said to be free');
  });
});
