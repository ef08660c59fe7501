import { expect } from 'chai';
import fc from 'fast-check';
import { EIO, MisuseError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { BIO_DISCARD, BIO_READ, BIO_WRITE } from '#src/block/bio.js';
import { BLOCK_DISCARD, SECTORS_PER_PAGE } from '#src/block/device.js';
import type { IoFaults } from '#src/block/fault-injection.js';
import { createMachine, type Machine } from '#src/machine/machine.js';
import type { MachineView } from '#src/machine/view.js';
import { GFP_ATOMIC, GFP_KERNEL, GFP_NOIO } from '#src/page/page.js';

const RAM0 = '/dev/ram0';
const PAGES = 16;

/** A machine with two disks, and a page to transfer. */
class Fixture {
  readonly machine: Machine;
  readonly view: MachineView;
  readonly page: number;

  constructor(options: { seed?: number; faults?: IoFaults } = {}) {
    this.machine = createMachine({
      ramBytes: 1 << 20,
      seed: options.seed ?? 1,
      ramDisks: [
        { name: 'ram0', bytes: PAGES * PAGE_SIZE, flags: BLOCK_DISCARD },
        { name: 'ram1', bytes: PAGES * PAGE_SIZE },
      ],
      ioFaults: options.faults === undefined ? [] : [{ device: 'ram0', ...options.faults }],
    });
    this.view = this.machine.attach();
    this.page = this.view.kernel.frames.allocPage(GFP_KERNEL);
  }

  /** Makes a request; its error. */
  request(operation: number, path = RAM0, view = this.view): number {
    const { bios, devices } = view.kernel.block;
    const bio = bios.allocBio(GFP_NOIO);
    const address = view.kernel.frames.addressOf(this.page);
    if (operation === BIO_DISCARD) bios.setDiscard(bio, devices.byPath(path), 0, SECTORS_PER_PAGE, address);
    else bios.setPage(bio, devices.byPath(path), operation, 0, address);
    const error = bios.submitBio(bio);
    bios.freeBio(bio);
    return error;
  }

  /** Makes requests; which of them failed, by number. */
  failed(requests: number, operation = BIO_READ, view = this.view): number[] {
    const numbers: number[] = [];
    for (let index = 0; index < requests; index++) {
      const error = this.request(operation, RAM0, view);
      if (error !== 0 && error !== -EIO) throw new Error(`a request ended with ${error}`);
      if (error !== 0) numbers.push(index);
    }
    return numbers;
  }

  stats(path = RAM0) {
    const { devices } = this.view.kernel.block;
    return devices.stats(devices.byPath(path));
  }
}

describe('requests that are made to fail', () => {
  it('do not reach the driver, and are counted', () => {
    const fixture = new Fixture();
    const { u8 } = fixture.view.kernel.core.cells.arena;
    const address = fixture.view.kernel.frames.addressOf(fixture.page);
    u8.fill(7, address, address + PAGE_SIZE);
    expect(fixture.request(BIO_WRITE)).to.equal(0);
    fixture.view.injectIoFaults(RAM0, { read: 1_000_000, write: 1_000_000 });
    u8.fill(9, address, address + PAGE_SIZE);
    expect([BIO_WRITE, BIO_READ, BIO_DISCARD].map((kind) => fixture.request(kind))).to.deep.equal([
      -5, -5, -5,
    ]);
    // Not even read into.
    expect(u8[address]).to.equal(9);
    expect(fixture.stats()).to.deep.include({ reads: 0, writes: 1, discards: 0, errors: 3, injected: 3 });
    fixture.view.injectIoFaults(RAM0, null);
    expect(fixture.request(BIO_READ)).to.equal(0);
    expect(u8[address]).to.equal(7);
    expect(fixture.stats()).to.deep.include({ errors: 3, injected: 3 });
  });

  it('are those of one device and of the kinds that were asked for', () => {
    const fixture = new Fixture({ faults: { read: 1_000_000 } });
    expect([BIO_WRITE, BIO_READ, BIO_DISCARD].map((kind) => fixture.request(kind))).to.deep.equal([0, -5, 0]);
    expect(fixture.request(BIO_READ, '/dev/ram1')).to.equal(0);
    fixture.view.injectIoFaults(RAM0, { write: 1_000_000 });
    expect([BIO_WRITE, BIO_READ, BIO_DISCARD].map((kind) => fixture.request(kind))).to.deep.equal([
      -5, 0, -5,
    ]);
    fixture.view.injectIoFaults(RAM0, { write: 1_000_000, discard: 0 });
    expect([BIO_WRITE, BIO_READ, BIO_DISCARD].map((kind) => fixture.request(kind))).to.deep.equal([-5, 0, 0]);
  });

  it('are as many as the rate says, the same ones for each seed', () => {
    const failed = (seed: number, ppm: number): number[] =>
      new Fixture({ seed, faults: { read: ppm } }).failed(20_000);
    expect(failed(1, 0)).to.deep.equal([]);
    const tenth = failed(1, 100_000);
    expect(tenth.length).to.be.within(1850, 2150);
    expect(failed(1, 100_000)).to.deep.equal(tenth);
    expect(failed(2, 100_000)).to.not.deep.equal(tenth);
    expect(failed(1, 2000).length).to.be.within(20, 60);
    // In no pattern: neighbours fail together as often as chance will have it.
    const pairs = tenth.filter((number, index) => tenth[index + 1] === number + 1).length;
    expect(pairs).to.be.within(140, 260);
  });

  it('are drawn by each task for itself', () => {
    const fixture = new Fixture({ faults: { read: 200_000 } });
    const other = fixture.machine.attach({ name: 'other' });
    const alone = new Fixture({ faults: { read: 200_000 } }).failed(300);
    const first: number[] = [];
    const second: number[] = [];
    for (let index = 0; index < 300; index++) {
      if (fixture.request(BIO_READ) !== 0) first.push(index);
      if (fixture.request(BIO_READ, RAM0, other) !== 0) second.push(index);
    }
    expect(first).to.deep.equal(alone);
    expect(second).to.not.deep.equal(alone);
    expect(second.length).to.be.within(35, 85);
  });

  it('begin after so many bytes, come at intervals, and end', () => {
    const always = 1_000_000;
    const failed = (faults: IoFaults): number[] => new Fixture({ faults }).failed(12);
    expect(failed({ read: always, times: 3 })).to.deep.equal([0, 1, 2]);
    expect(failed({ read: always, interval: 4 })).to.deep.equal([3, 7, 11]);
    expect(failed({ read: always, interval: 5, times: 1 })).to.deep.equal([4]);
    expect(failed({ read: always, space: 4 * PAGE_SIZE + 1, times: 2 })).to.deep.equal([4, 5]);
    expect(failed({ read: always, times: 0 })).to.deep.equal([]);
  });

  it('are never more than so many, however many tasks ask', () => {
    const fixture = new Fixture({ faults: { read: 1_000_000, times: 5 } });
    const others = [1, 2, 3].map((index) => fixture.machine.attach({ name: `task ${index}` }));
    let failures = 0;
    for (let round = 0; round < 4; round++)
      for (const view of others) if (fixture.request(BIO_READ, RAM0, view) !== 0) failures++;
    expect(failures).to.equal(5);
    expect(fixture.stats().injected).to.equal(5);
  });

  it('are the next ones, too, when that was ordered beside the rule', () => {
    const fixture = new Fixture({ faults: { write: 1_000_000 } });
    const { devices } = fixture.view.kernel.block;
    devices.failRequests(devices.byPath(RAM0), 2);
    expect(fixture.failed(4)).to.deep.equal([0, 1]);
    expect(fixture.failed(2, BIO_WRITE)).to.deep.equal([0, 1]);
    expect(fixture.stats().injected).to.equal(4);
  });

  it('are refused when they make no sense', () => {
    const fixture = new Fixture();
    const refused: readonly [IoFaults, string][] = [
      [
        { read: -1 },
        'read of the requests that shall fail is -1, but must be an integer between 0 and 1000000.',
      ],
      [{ write: 1_000_001 }, 'write of the requests that shall fail is 1000001'],
      [{ discard: 0.5 }, 'discard of the requests that shall fail is 0.5'],
      [{ interval: 0 }, 'interval of the requests that shall fail is 0'],
      [{ times: -1 }, 'times of the requests that shall fail is -1'],
      [{ space: Number.NaN }, 'space of the requests that shall fail is NaN'],
    ];
    for (const [faults, sentence] of refused) {
      expect(() => fixture.view.injectIoFaults(RAM0, faults)).to.throw(MisuseError, sentence);
      expect(() => new Fixture({ faults })).to.throw(MisuseError, sentence);
    }
    expect(() => fixture.view.injectIoFaults('/dev/sda', null)).to.throw(
      MisuseError,
      "there is no disk '/dev/sda'",
    );
    expect(() => createMachine({ ioFaults: [{ device: 'sda', read: 1 }] })).to.throw(
      MisuseError,
      "ioFaults: there is no disk 'sda'.",
    );
  });

  it('fail in the same places however the rest of the machine is used', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1 << 30 }), fc.array(fc.boolean(), { maxLength: 40 }), (seed, writes) => {
        const faults = { read: 300_000 };
        const plain = new Fixture({ seed, faults }).failed(writes.length);
        const busy = new Fixture({ seed, faults });
        const failed: number[] = [];
        for (const [index, write] of writes.entries()) {
          // Writes do not fail here, so they draw nothing.
          if (write) expect(busy.request(BIO_WRITE)).to.equal(0);
          if (busy.request(BIO_READ) !== 0) failed.push(index);
        }
        expect(failed).to.deep.equal(plain);
      }),
      { numRuns: 20, seed: 7 },
    );
  });
});

describe('requests for pages that are made to fail', () => {
  it('are those that may wait, or those that may not, as often as was asked for', () => {
    const { frames } = new Fixture().view.kernel;
    const failures = (gfp: number): number => {
      let count = 0;
      for (let index = 0; index < 1000; index++) {
        const page = frames.allocPage(gfp);
        if (page === 0) count++;
        else frames.freePage(page);
      }
      return count;
    };
    frames.failing.setRule({ atomic: 100_000 });
    expect(failures(GFP_ATOMIC)).to.be.within(65, 140);
    expect(failures(GFP_KERNEL)).to.equal(0);
    frames.failing.setRule({ waiting: 1_000_000, interval: 10, times: 7 });
    expect([failures(GFP_ATOMIC), failures(GFP_KERNEL)]).to.deep.equal([0, 7]);
    frames.failing.setRule(null);
    expect(failures(GFP_ATOMIC) + failures(GFP_KERNEL)).to.equal(0);
    expect(() => frames.failing.setRule({ atomic: 2_000_000 })).to.throw(MisuseError, '2000000');
    expect(frames.checkInvariants()).to.deep.equal([]);
  });
});
