import {
  BIO,
  BIO_READ,
  BIO_WRITE,
  EBUSY,
  EFAULT,
  EIO,
  ENOMEM,
  ENOTTY,
  GFP_KERNEL,
  PAGE_SIZE,
  SECTORS_PER_PAGE,
} from '@swaplab/kernel-mm';
import { expect } from 'chai';
import { ioctlNumbers, STATS_BYTES_2_6_34 } from '#src/driver/ioctl.js';
import { statDrift, walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, type TestMachine, type TestPage } from '../support/machine.js';
import { fuzz, FUZZ_SEEDS, fuzzTimeout } from './effort.js';
import { Dice } from './mutations.js';

const PAGES = 48;
const REQUEST_ROUNDS = 4000;
const IOCTL_ROUNDS = 1500;
/** As the decoders have it: 4 of them, with two seeds each, and what is here. */
const SHARES = 10;
const ROUNDS_PER_WALK = 50;

/** The fields of a request. */
interface Request {
  readonly operation: number;
  readonly sector: number;
  readonly bytes: number;
  readonly offsetBytes: number;
  readonly segments: number;
}

/** A request that is mostly right, or wrong in one or more of its fields. Discards reach the driver only when the block layer has looked at them. */
function anyRequest(dice: Dice): Request {
  const isOdd = (): boolean => dice.roll(8) === 0;
  const sector = dice.roll(PAGES + 4) * SECTORS_PER_PAGE;
  return {
    operation: isOdd() ? dice.pick([3, 255, -1]) : dice.pick([BIO_READ, BIO_WRITE, BIO_WRITE]),
    sector: isOdd()
      ? dice.pick([sector + 1 + dice.roll(7), 0xffff_fff8, 0x8000_0000, dice.roll(1 << 30)])
      : sector,
    bytes: isOdd() ? dice.pick([0, 512, 4095, 8192, -4096, dice.roll(1 << 20)]) : PAGE_SIZE,
    offsetBytes: isOdd() ? dice.pick([512, 4095, -512, dice.roll(1 << 20)]) : 0,
    segments: isOdd() ? dice.pick([0, 2, 3, -1]) : 1,
  };
}

/** What section 8.1 asks of a request. */
function isValid({ operation, sector, bytes, offsetBytes, segments }: Request): boolean {
  return (
    (operation === BIO_READ || operation === BIO_WRITE) &&
    sector % SECTORS_PER_PAGE === 0 &&
    sector / SECTORS_PER_PAGE < PAGES &&
    bytes === PAGE_SIZE &&
    offsetBytes === 0 &&
    segments === 1
  );
}

/** Gives a request to the driver as it is, past the checks of the block layer. */
function send(machine: TestMachine, request: Request, page: TestPage): number {
  const { bios } = machine.block;
  const { i32 } = machine.arena;
  const bio = bios.allocBio(GFP_KERNEL);
  bios.setPage(bio, machine.device.bdev(), BIO_READ, 0, page.address);
  for (const field of ['operation', 'sector', 'bytes', 'offsetBytes', 'segments'] as const)
    i32[(bio + BIO[field]) >> 2] = request[field];
  machine.driver.functions.makeRequest(machine.device.bdev(), bio);
  const error = i32[(bio + BIO.error) >> 2] ?? 0;
  bios.freeBio(bio);
  return error;
}

/** What must hold of a device at any time. */
function expectWhole(machine: TestMachine): void {
  expect(walkTable(machine.device).problems).to.deep.equal([]);
  expect(statDrift(machine.device)).to.deep.equal([]);
}

describe('fuzzing the driver', () => {
  const [seed = 1, other = 1] = FUZZ_SEEDS;
  for (const codec of ['lzo1x-2010', 'lz4'] as const) {
    it(`requests of all kinds: ${codec} (seeds ${String(seed)}, ${String(other)})`, () => {
      const machine = createTestMachine({ diskPages: PAGES, codec });
      const dice = new Dice(codec === 'lz4' ? seed : other);
      const [source, target] = [machine.takePage(), machine.takePage()];
      const written = new Map<number, Uint8Array>();
      let [invalid, rounds] = [0, 0];
      fuzz(REQUEST_ROUNDS, 2 * SHARES, () => {
        const request = anyRequest(dice);
        const slot = request.sector / SECTORS_PER_PAGE;
        if (dice.roll(16) === 0) {
          const freed = 1 + dice.roll(PAGES - 1);
          machine.device.slotFreeNotify(freed);
          written.delete(freed);
        }
        const noise = dice.pick([0, dice.roll(PAGE_SIZE + 1)]);
        if (dice.roll(10) === 0) source.bytes.fill(0);
        else fillPage(source.bytes, dice.roll(1 << 30), noise);
        target.bytes.fill(0x5a);
        const mayFail = dice.roll(20) === 0;
        if (mayFail) machine.frames.failNextRequests(1);
        const page = request.operation === BIO_WRITE ? source : target;
        const error = send(machine, request, page);
        if (mayFail) machine.frames.failNextRequests(0);
        if (!isValid(request)) {
          expect(error).to.equal(-EIO);
          expect(machine.device.readStats().invalidIo).to.equal(++invalid);
        } else if (request.operation === BIO_WRITE) {
          if (mayFail) expect(error).to.be.oneOf([0, -EIO]);
          else expect(error).to.equal(0);
          // A write that fails leaves its slot empty.
          if (error === 0) written.set(slot, source.bytes.slice());
          else written.delete(slot);
        } else {
          expect(error).to.equal(0);
          const expected = written.get(slot);
          if (expected !== undefined) expect(Buffer.compare(target.bytes, expected)).to.equal(0);
          else if (slot !== 0) expect(target.bytes.every((byte) => byte === 0x5a)).to.equal(true);
        }
        if (++rounds % ROUNDS_PER_WALK === 0) expectWhole(machine);
      });
      expect(invalid).to.be.above(rounds / 10);
      expect(written.size).to.be.above(PAGES / 2);
      expectWhole(machine);
    }).timeout(fuzzTimeout(2 * SHARES));
  }

  it(`ioctls of all kinds (seed ${String(other)})`, () => {
    const machine = createTestMachine({ diskPages: PAGES, policy: 'none' });
    const { device, frames } = machine;
    const dice = new Dice(other);
    const page = machine.takePage();
    const numbers = ioctlNumbers('2.6.34');
    const known = Object.values<number>({ ...numbers });
    device.reset();
    const tables = machine.kernel.vmalloc.pagesInUse();
    const free = frames.info().free;
    const errors = new Set<number>();
    let inits = 0;
    fuzz(IOCTL_ROUNDS, SHARES, () => {
      const number = dice.roll(6) === 0 ? (dice.pick(known) ^ (1 << dice.roll(32))) >>> 0 : dice.pick(known);
      const wanted = (number >>> 16) & 0x3fff;
      const length = dice.roll(4) === 0 ? dice.roll(300) : wanted;
      const before = new Uint8Array(320);
      for (let at = 0; at < before.length; at++) before[at] = dice.roll(256);
      // Sizes that a machine can have, most often.
      if (dice.roll(4) !== 0) before.set([dice.roll(256), dice.roll(8), 0, 0, 0, 0, 0, 0]);
      if (number === numbers.RZSIO_SET_BACKING_SWAP && dice.roll(2) === 0)
        before.set(Buffer.from(dice.pick(['\0', '/dev/ram0\0', '/dev/ramzswap0\0', '/dev/ram7\0'])));
      const bytes = before.slice();
      const wasInitialised = device.isInitialised();
      const result = device.ioctl(number, bytes.subarray(0, length));
      errors.add(result);
      if (result !== 0 && !(result < 0 && result > -4096)) expect.fail(`the result is ${String(result)}`);
      const mayWrite = number === numbers.RZSIO_GET_STATS && result === 0 ? STATS_BYTES_2_6_34 : 0;
      expect(Buffer.compare(bytes.subarray(mayWrite), before.subarray(mayWrite))).to.equal(0);
      const sets: number[] = [
        numbers.RZSIO_SET_DISKSIZE_KB,
        numbers.RZSIO_SET_MEMLIMIT_KB,
        numbers.RZSIO_SET_BACKING_SWAP,
      ];
      if (!known.includes(number)) expect(result).to.equal(-ENOTTY);
      else if (number === numbers.RZSIO_RESET) expect(result).to.equal(0);
      else if (number === numbers.RZSIO_GET_STATS)
        expect(result).to.equal(wasInitialised ? (length < wanted ? -EFAULT : 0) : -ENOTTY);
      else if (wasInitialised) expect(result).to.equal(-EBUSY);
      else if (sets.includes(number)) expect(result).to.equal(length < wanted ? -EFAULT : 0);
      if (number === numbers.RZSIO_INIT && result === 0) inits++;
      expect(device.isInitialised()).to.equal(
        number === numbers.RZSIO_RESET
          ? false
          : number === numbers.RZSIO_INIT && result === 0
            ? true
            : wasInitialised,
      );
      // Whatever was chosen, an initialised disk keeps what it is given.
      if (!device.isInitialised()) return;
      expectWhole(machine);
      const slot = device.slots() - 1;
      if (slot < 1) return;
      fillPage(page.bytes, dice.roll(1 << 30), dice.roll(200));
      const expected = page.bytes.slice();
      if (machine.transfer('write', slot, page) !== 0) return;
      page.bytes.fill(0);
      expect(machine.transfer('read', slot, page)).to.equal(0);
      expect(Buffer.compare(page.bytes, expected)).to.equal(0);
    });
    expect(inits).to.be.above(5);
    expect([...errors]).to.include.members([0, -EBUSY, -EFAULT, -ENOTTY, -ENOMEM]);
    device.reset();
    expect(machine.kernel.vmalloc.pagesInUse()).to.equal(tables);
    expect(frames.info().free).to.equal(free);
  }).timeout(fuzzTimeout(SHARES));
});
