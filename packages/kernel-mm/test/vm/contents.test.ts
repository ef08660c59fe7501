import { expect } from 'chai';
import fc from 'fast-check';
import { KernelError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);
const PROCESSES = 3;
const PAGES = 12;
const BYTES = PAGES * PAGE_SIZE;

/** One thing a process may do: where, how much, and a number for what. */
interface Op {
  readonly kind: 'write' | 'touch' | 'read' | 'unmap' | 'exit' | 'reclaim' | 'fail';
  readonly process: number;
  readonly page: number;
  readonly offset: number;
  readonly length: number;
  readonly seed: number;
}

const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.constantFrom(
    ...([
      'write',
      'write',
      'write',
      'touch',
      'touch',
      'read',
      'read',
      'read',
      'reclaim',
      'unmap',
      'exit',
      'fail',
    ] as const),
  ),
  process: fc.nat(PROCESSES - 1),
  page: fc.nat(PAGES - 1),
  offset: fc.nat(PAGE_SIZE - 1),
  length: fc.integer({ min: 1, max: 2 * PAGE_SIZE }),
  seed: fc.nat(100_000),
});

/** A machine beside a plain array of bytes for each process. */
class Beside {
  readonly vm: VmMachine;
  private readonly spaces: AddressSpace[] = [];
  private readonly models: Uint8Array[] = [];

  constructor(limitPages: number) {
    this.vm = createVmMachine({ limitPages, slots: [40], ramPages: 128, shared: false });
    for (let process = 0; process < PROCESSES; process++) this.begin(process);
  }

  step({ kind, process, page, offset, length, seed }: Op): void {
    const space = this.spaces[process]!;
    const model = this.models[process]!;
    const address = page * PAGE_SIZE + offset;
    const bytes = Math.min(length, BYTES - address);
    if (kind === 'write') {
      const data = bytesOf(seed, bytes);
      space.write(address, data);
      model.set(data, address);
    } else if (kind === 'touch') {
      space.write(address, Uint8Array.of(seed & 0xff));
      model[address] = seed & 0xff;
    } else if (kind === 'read') {
      expect(space.read(address, bytes)).to.deep.equal(model.slice(address, address + bytes));
    } else if (kind === 'unmap') {
      const pages = Math.min(1 + (seed % 3), PAGES - page);
      space.unmap(page * PAGE_SIZE, pages * PAGE_SIZE);
      model.fill(0, page * PAGE_SIZE, (page + pages) * PAGE_SIZE);
    } else if (kind === 'exit') {
      space.exit();
      this.begin(process);
    } else if (kind === 'reclaim') {
      this.vm.view.reclaimPages(1 + (seed % 8));
    } else {
      this.failSomeWrites(seed % 3);
    }
  }

  finish(): void {
    const broken = this.vm.broken();
    expect(broken).to.deep.equal([]);
    for (const [process, space] of this.spaces.entries()) {
      expect(Buffer.compare(space.read(0, BYTES), this.models[process]!), `process ${process}`).to.equal(0);
      space.exit();
    }
    this.vm.view.reclaimPages(100);
    expect(this.vm.leftovers()).to.deep.equal(NOTHING_LEFT);
    expect(this.vm.count('kills')).to.equal(0);
    expect(this.vm.broken()).to.deep.equal([]);
  }

  private begin(process: number): void {
    this.spaces[process] = this.vm.process(PAGES);
    this.models[process] = new Uint8Array(BYTES);
  }

  /** Reclaims while the device fails; afterwards it works again, so that no read can fail. */
  private failSomeWrites(requests: number): void {
    const { devices } = this.vm.kernel.block;
    devices.failRequests(this.vm.disk(), requests);
    this.vm.view.reclaimPages(4);
    devices.failRequests(this.vm.disk(), 0);
  }
}

describe('the contents of processes', () => {
  for (const [limitPages, seeds] of [
    [3, [1, 20_100_505, RANDOM_SEED]],
    [9, [2, RANDOM_SEED]],
    [0, [3, RANDOM_SEED]],
  ] as const) {
    for (const seed of seeds) {
      it(`survive whatever is done, with a limit of ${limitPages} pages (seed ${seed})`, () => {
        let swapOuts = 0;
        fc.assert(
          fc.property(fc.array(op, { minLength: 20, maxLength: 160 }), (ops) => {
            const beside = new Beside(limitPages);
            for (const one of ops) beside.step(one);
            swapOuts += beside.vm.count('swapOuts');
            beside.finish();
          }),
          { seed, numRuns: 50 },
        );
        expect(swapOuts).to.be.greaterThan(50);
      });
    }
  }

  it('survive a hundred swap-outs of the same page, changed or not', () => {
    const vm = createVmMachine();
    const space = vm.process(1);
    const model = bytesOf(0);
    space.write(0, model);
    for (let round = 0; round < 100; round++) {
      vm.swapOut(1);
      expect(Buffer.compare(space.read(0, PAGE_SIZE), model), `round ${round}`).to.equal(0);
      if (round % 3 !== 0) continue;
      model[round] = round;
      space.write(round, Uint8Array.of(round));
    }
    expect(vm.count('swapIns')).to.equal(100);
    expect(vm.count('swapOuts')).to.equal(34);
    expect(vm.count('cleanDrops')).to.equal(66);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('of equal bytes in two processes stay apart', () => {
    const vm = createVmMachine({ limitPages: 2 });
    const [one, other] = [vm.process(), vm.process()];
    for (const space of [one, other]) space.write(0, bytesOf(7));
    vm.view.reclaimPages(2);
    other.write(0, Uint8Array.of(1));
    expect(one.read(0, PAGE_SIZE)).to.deep.equal(bytesOf(7));
    expect(other.read(0, 1)).to.deep.equal(Uint8Array.of(1));
  });

  it('are out of reach outside the address space, and nothing is changed', () => {
    const vm = createVmMachine();
    const space = vm.process(2);
    const end = 2 * PAGE_SIZE;
    for (const [call, code] of [
      [() => space.write(end - 1, Uint8Array.of(1, 2)), 'EFAULT'],
      [() => space.write(-1, Uint8Array.of(1)), 'EFAULT'],
      [() => space.write(0.5, Uint8Array.of(1)), 'EFAULT'],
      [() => space.read(end, 1), 'EFAULT'],
      [() => space.unmap(1, PAGE_SIZE), 'EINVAL'],
      [() => space.unmap(0, 0), 'EINVAL'],
      [() => space.unmap(0, 100), 'EINVAL'],
      [() => space.unmap(-PAGE_SIZE, PAGE_SIZE), 'EINVAL'],
      [() => space.unmap(PAGE_SIZE, end), 'EINVAL'],
    ] as const) {
      expect(call).to.throw(KernelError).with.property('code', code);
    }
    expect(space.read(end, 0)).to.have.length(0);
    expect(() => space.read(0, end + 1))
      .to.throw()
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(() => space.read(0, -1))
      .to.throw()
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(space.info()).to.deep.include({ rss: 0, swapents: 0 });
    expect(vm.kernel.frames.info().charged).to.equal(0);
  });

  it('are out of reach once the process has ended, also when its place has a new one', () => {
    const vm = createVmMachine();
    const space = vm.process();
    expect(space.isLive()).to.equal(true);
    space.exit();
    space.exit();
    const next = vm.process();
    expect(next.id).to.equal(space.id);
    expect(space.isLive()).to.equal(false);
    space.exit();
    expect(next.isLive()).to.equal(true);
    for (const call of [
      () => space.read(0, 1),
      () => space.write(0, Uint8Array.of(1)),
      () => space.unmap(0, PAGE_SIZE),
      () => space.info(),
    ]) {
      expect(call).to.throw('this address space has ended').with.property('code', 'ERR_INVALID_ARGUMENT');
    }
  });
});
