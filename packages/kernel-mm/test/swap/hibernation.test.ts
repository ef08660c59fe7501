import { expect } from 'chai';
import fc from 'fast-check';
import { BLOCK_DEVICE } from '#src/block/device.js';
import { EINVAL, ENODEV, ENOMEM } from '#src/errno.js';
import { swpEntry } from '#src/swap/entries.js';
import { SWAP_FLAG_PREFER } from '#src/swap/info.js';
import { createSwapMachine, DISK_PAGES, type SwapMachine } from './machine.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);

function twoDisks(): SwapMachine {
  const machine = createSwapMachine();
  for (const name of ['ram0', 'ram1'] as const) {
    expect(machine.makeSwap.mkswap(`/dev/${name}`)).to.equal(0);
    machine.swap.on.swapon(`/dev/${name}`, SWAP_FLAG_PREFER);
  }
  return machine;
}

function openers(machine: SwapMachine, name: 'ram0' | 'ram1'): number {
  return machine.test.cells.ld32(machine.disk(name) + BLOCK_DEVICE.openers);
}

describe('the area of an image', () => {
  it('is the first writable one, or the one on a device, and its device is opened for the caller', () => {
    const machine = twoDisks();
    const { hibernation, off } = machine.swap;
    const [first, second] = [machine.disk('ram0'), machine.disk('ram1')];
    const before = [openers(machine, 'ram0'), openers(machine, 'ram1')];
    expect(hibernation.swapTypeOf(0, 0)).to.deep.equal({ type: 0, bdev: first });
    expect(hibernation.swapTypeOf(second, 0)).to.deep.equal({ type: 1, bdev: second });
    expect([openers(machine, 'ram0'), openers(machine, 'ram1')]).to.deep.equal(
      before.map((count) => count + 1),
    );
    machine.block.devices.close(first);
    machine.block.devices.close(second);
    expect(off.swapoff('/dev/ram0')).to.equal(0);
    expect(hibernation.swapTypeOf(0, 0)).to.deep.equal({ type: 1, bdev: second });
  });

  it('is none where no header lies, or no area is', () => {
    const machine = twoDisks();
    const { hibernation } = machine.swap;
    const before = machine.footprint();
    expect(hibernation.swapTypeOf(machine.disk('ram0'), 1)).to.equal(-ENODEV);
    expect(hibernation.swapTypeOf(machine.disk('ssd0'), 0)).to.equal(-ENODEV);
    expect(createSwapMachine().swap.hibernation.swapTypeOf(0, 0)).to.equal(-ENODEV);
    expect(machine.footprint()).to.deep.equal(before);
  });

  it('may be one without a device', () => {
    const machine = createSwapMachine();
    machine.area(16);
    expect(machine.swap.hibernation.swapTypeOf(0, 0)).to.deep.equal({ type: 0, bdev: 0 });
  });
});

describe('the slots of an image', () => {
  it('are taken one by one with one user and no page, and all given back', () => {
    const machine = twoDisks();
    const { hibernation, report, counts } = machine.swap;
    const before = machine.footprint();
    expect(hibernation.swsuspSwapInUse()).to.equal(false);
    const blocks = Array.from({ length: 5 }, () => hibernation.allocSwapdevBlock(1));
    expect(blocks).to.deep.equal([1, 2, 3, 4, 5]);
    expect(machine.byte(1, 3)).to.equal(1);
    expect(hibernation.runs()).to.deep.equal([[1, 5]]);
    expect(hibernation.swsuspSwapInUse()).to.equal(true);
    // Others take slots between.
    machine.swap.allocator.getSwapPageOfType(1);
    expect(hibernation.allocSwapdevBlock(1)).to.equal(7);
    expect(hibernation.runs()).to.deep.equal([
      [1, 5],
      [7, 7],
    ]);
    expect(report.countSwapPages(1, true)).to.equal(DISK_PAGES - 1 - 7);
    hibernation.freeAllSwapPages(1);
    expect([machine.byte(1, 1), machine.byte(1, 6), machine.byte(1, 7)]).to.deep.equal([0, 1, 0]);
    expect([hibernation.runs(), hibernation.swsuspSwapInUse()]).to.deep.equal([[], false]);
    counts.swapFree(swpEntry(1, 6));
    expect(machine.footprint()).to.deep.equal(before);
    expect(machine.broken()).to.deep.equal([]);
    // Nothing is left to be given back twice.
    hibernation.freeAllSwapPages(1);
    expect(machine.log().filter((line) => line.startsWith('swap_free'))).to.deep.equal([]);
  });

  it('are none of an area that is full, not writable, or not there', () => {
    const machine = createSwapMachine();
    machine.area(4);
    const { hibernation } = machine.swap;
    expect([1, 2, 3, 4].map(() => hibernation.allocSwapdevBlock(0))).to.deep.equal([1, 2, 3, 0]);
    for (const type of [1, -1, 40, 0.5]) expect(hibernation.allocSwapdevBlock(type)).to.equal(0);
    hibernation.freeAllSwapPages(0);
    machine.swap.off.swapoffType(0);
    expect(hibernation.allocSwapdevBlock(0)).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('are given back at once when there is no memory to remember them', () => {
    const machine = createSwapMachine();
    machine.area(16);
    const { hibernation } = machine.swap;
    const before = machine.footprint();
    machine.frames.failNextRequests(1);
    expect(hibernation.allocSwapdevBlock(0)).to.equal(0);
    expect([machine.field(0, 'allocated'), machine.field(0, 'freed')]).to.deep.equal([1, 1]);
    expect(hibernation.runs()).to.deep.equal([]);
    expect(machine.footprint()).to.deep.equal(before);
    expect(hibernation.allocSwapdevBlock(0)).to.be.greaterThan(0);
    // A neighbour needs no memory.
    machine.frames.failNextRequests(1);
    expect(hibernation.allocSwapdevBlock(0)).to.be.greaterThan(0);
    expect(hibernation.runs()).to.have.length(1);
  });

  for (const seed of [42, RANDOM_SEED]) {
    it(`are remembered as runs that never touch, in any order of coming (seed ${seed})`, () => {
      // At most 200 runs at one time: they fit into one page unless a place that is free again is not used again.
      const slot = fc.integer({ min: 1, max: 400 });
      fc.assert(
        fc.property(fc.array(slot, { minLength: 1, maxLength: 600, size: 'max' }), (slots) => {
          const machine = createSwapMachine();
          const { hibernation } = machine.swap;
          const { free } = machine.frames.info();
          const model = new Set<number>();
          for (const offset of slots) {
            expect(hibernation.swsuspExtentsInsert(offset)).to.equal(model.has(offset) ? -EINVAL : 0);
            model.add(offset);
          }
          const runs = hibernation.runs();
          const found: number[] = [];
          for (const [first, last] of runs)
            for (let offset = first; offset <= last; offset++) found.push(offset);
          expect(found).to.deep.equal([...model].sort((one, other) => one - other));
          for (let index = 1; index < runs.length; index++)
            expect(runs[index]![0]).to.be.greaterThan(runs[index - 1]![1] + 1);
          expect(machine.frames.info().free).to.equal(free - 1);
        }),
        { seed, numRuns: 30 },
      );
    });
  }

  it('take a second page when they lie in more than 341 pieces', () => {
    const machine = createSwapMachine();
    const { hibernation } = machine.swap;
    const { free } = machine.frames.info();
    for (let offset = 2; offset <= 682; offset += 2)
      expect(hibernation.swsuspExtentsInsert(offset)).to.equal(0);
    expect([hibernation.runs().length, machine.frames.info().free]).to.deep.equal([341, free - 1]);
    machine.frames.failNextRequests(1);
    expect(hibernation.swsuspExtentsInsert(1000)).to.equal(-ENOMEM);
    expect(hibernation.swsuspExtentsInsert(1000)).to.equal(0);
    expect([hibernation.runs().length, machine.frames.info().free]).to.deep.equal([342, free - 2]);
  });
});
