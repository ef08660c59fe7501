import { expect } from 'chai';
import fc from 'fast-check';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);
const PLACES = 6;
const PAGES = 8;
const BYTES = PAGES * PAGE_SIZE;

/** One thing that happens: to whom, where, and a number for what. */
interface Op {
  readonly kind: 'fork' | 'write' | 'touch' | 'read' | 'drop' | 'exit' | 'reclaim' | 'fail';
  readonly process: number;
  readonly page: number;
  readonly seed: number;
}

const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.constantFrom(
    ...([
      'fork',
      'fork',
      'write',
      'write',
      'touch',
      'touch',
      'read',
      'read',
      'drop',
      'exit',
      'reclaim',
      'fail',
    ] as const),
  ),
  process: fc.nat(PLACES - 1),
  page: fc.nat(PAGES - 1),
  seed: fc.nat(100_000),
});

/** Processes that descend from one, each beside a plain array of its bytes. */
class Family {
  readonly vm: VmMachine;
  private readonly members: { readonly space: AddressSpace; readonly model: Uint8Array }[] = [];

  constructor(limitPages: number) {
    // One slot for each page of each process, and some: nobody has to be ended.
    this.vm = createVmMachine({ limitPages, slots: [30, 30], ramPages: 128, shared: false });
    this.begin();
  }

  step({ kind, process, page, seed }: Op): void {
    const index = process % this.members.length;
    const { space, model } = this.members[index]!;
    const address = page * PAGE_SIZE;
    switch (kind) {
      case 'fork':
        if (this.members.length < PLACES) this.members.push({ space: space.fork(), model: model.slice() });
        break;
      case 'write': {
        const data = bytesOf(seed);
        space.write(address, data);
        model.set(data, address);
        break;
      }
      case 'touch':
        space.write(address + (seed % PAGE_SIZE), Uint8Array.of(seed & 0xff));
        model[address + (seed % PAGE_SIZE)] = seed & 0xff;
        break;
      case 'read':
        this.expectPage(index, page);
        break;
      case 'drop': {
        const pages = Math.min(1 + (seed % 3), PAGES - page);
        space.unmap(address, pages * PAGE_SIZE);
        model.fill(0, address, address + pages * PAGE_SIZE);
        break;
      }
      case 'exit':
        space.exit();
        this.members.splice(index, 1);
        if (this.members.length === 0) this.begin();
        break;
      case 'reclaim':
        this.vm.view.reclaimPages(1 + (seed % 6));
        break;
      case 'fail':
        this.failSomeWrites(seed % 3);
        break;
    }
  }

  finish(): void {
    expect(this.vm.broken()).to.deep.equal([]);
    for (let index = 0; index < this.members.length; index++) {
      for (let page = 0; page < PAGES; page++) this.expectPage(index, page);
    }
    for (const { space } of this.members) space.exit();
    this.vm.view.reclaimPages(100);
    expect(this.vm.leftovers()).to.deep.equal(NOTHING_LEFT);
    expect(this.vm.count('kills')).to.equal(0);
    expect(this.vm.broken()).to.deep.equal([]);
  }

  private begin(): void {
    this.members.push({ space: this.vm.process(PAGES), model: new Uint8Array(BYTES) });
  }

  private expectPage(index: number, page: number): void {
    const { space, model } = this.members[index]!;
    const address = page * PAGE_SIZE;
    const found = space.read(address, PAGE_SIZE);
    if (Buffer.compare(found, model.subarray(address, address + PAGE_SIZE)) === 0) return;
    expect.fail(`page ${page} of process ${index} is not what it wrote or had at its fork`);
  }

  /** Reclaims while the device fails; afterwards it works again, so that no read can fail. */
  private failSomeWrites(requests: number): void {
    const { devices } = this.vm.kernel.block;
    devices.failRequests(this.vm.disk(), requests);
    this.vm.view.reclaimPages(4);
    devices.failRequests(this.vm.disk(), 0);
  }
}

describe('processes that fork', () => {
  for (const [limitPages, seeds] of [
    [2, [1, RANDOM_SEED]],
    [3, [2, 20_100_505, RANDOM_SEED]],
    [9, [3, RANDOM_SEED]],
    [0, [4, RANDOM_SEED]],
  ] as const) {
    for (const seed of seeds) {
      it(`have each what they wrote or had at their fork, with a limit of ${limitPages} pages (seed ${seed})`, () => {
        const seen = { swapOuts: 0, swapIns: 0, forks: 0, copies: 0 };
        fc.assert(
          fc.property(fc.array(op, { minLength: 20, maxLength: 200, size: 'max' }), (ops) => {
            const family = new Family(limitPages);
            for (const one of ops) family.step(one);
            family.finish();
            for (const event of ['swapOuts', 'swapIns', 'forks', 'copies'] as const)
              seen[event] += family.vm.count(event);
          }),
          { seed, numRuns: 40 },
        );
        for (const count of Object.values(seen)) expect(count).to.be.greaterThan(40);
      });
    }
  }
});
