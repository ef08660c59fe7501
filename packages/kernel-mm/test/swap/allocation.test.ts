import { expect } from 'chai';
import fc from 'fast-check';
import { swpEntry, swpOffset, swpType } from '#src/swap/entries.js';
import { installVariants } from '#src/variants/registry.js';
import { createSwapMachine, type SwapMachine } from './machine.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);

function machineWith(areas: readonly (readonly [usable: number, prio: number])[]): SwapMachine {
  const machine = createSwapMachine();
  for (const [usable, prio] of areas) machine.area(usable + 1, { prio });
  return machine;
}

function takeAll(machine: SwapMachine): [number, number][] {
  const taken: [number, number][] = [];
  for (let slot = machine.get(); slot !== null; slot = machine.get()) taken.push(slot);
  return taken;
}

describe('getSwapPage', () => {
  const profiles = [
    { profile: 'sound', variants: [] },
    { profile: 'c02', variants: ['c02'] },
  ];
  for (const { profile, variants } of profiles) {
    it(`alternates between areas of equal priority, the newest first (${profile})`, () => {
      const machine = machineWith([
        [3, 5],
        [3, 5],
      ]);
      installVariants(machine, 'sound', variants);
      expect(takeAll(machine)).to.deep.equal([
        [1, 1],
        [0, 1],
        [1, 2],
        [0, 2],
        [1, 3],
        [0, 3],
      ]);
    });

    it(`fills the higher priority first and comes back to it after a free (${profile})`, () => {
      const machine = machineWith([
        [2, 10],
        [4, 5],
      ]);
      installVariants(machine, 'sound', variants);
      const first = [machine.get(), machine.get(), machine.get(), machine.get()];
      expect(first).to.deep.equal([
        [0, 1],
        [0, 2],
        [1, 1],
        [1, 2],
      ]);
      machine.free(0, 1);
      expect(machine.swap.table.listNext()).to.equal(0);
      expect([machine.get(), machine.get()]).to.deep.equal([
        [0, 1],
        [1, 3],
      ]);
    });
  }

  const threePriorities = [
    [2, 10],
    [4, 5],
    [4, 3],
  ] as const;

  it('uses lower priorities in order once the highest is full', () => {
    expect(takeAll(machineWith(threePriorities))).to.deep.equal([
      [0, 1],
      [0, 2],
      [1, 1],
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 1],
      [2, 2],
      [2, 3],
      [2, 4],
    ]);
  });

  it('alternates between lower priorities once the highest is full, under c02', () => {
    const machine = machineWith(threePriorities);
    installVariants(machine, 'sound', ['c02']);
    expect(takeAll(machine)).to.deep.equal([
      [0, 1],
      [0, 2],
      [1, 1],
      [2, 1],
      [1, 2],
      [2, 2],
      [1, 3],
      [2, 3],
      [1, 4],
      [2, 4],
    ]);
  });

  it('uses an area of middle priority that is added while a lower one is in use', () => {
    const machine = machineWith([
      [1, 10],
      [4, 5],
    ]);
    machine.get();
    expect(machine.get()).to.deep.equal([1, 1]);
    machine.area(3, { prio: 7 });
    expect(machine.get()).to.deep.equal([2, 1]);
  });

  it('gives its reservation back when there is no slot', () => {
    const machine = createSwapMachine();
    machine.area(4);
    machine.swap.scanner.plainScan = () => 0;
    machine.setField(0, 'clusterNext', 0);
    const before = machine.swap.table.nrSwapPages();
    expect(machine.get()).to.equal(null);
    expect(machine.swap.table.nrSwapPages()).to.equal(before);
    expect(machine.swap.table.swapLock.tryLock()).to.equal(true);
  });

  it('goes on to the next area when a scan fails', () => {
    const machine = machineWith([
      [2, 10],
      [2, 5],
    ]);
    // The bounds say that area 0 has a slot, but its map has none.
    machine.setByte(0, 1, 1);
    machine.setByte(0, 2, 1);
    expect(machine.get()).to.deep.equal([1, 1]);
  });

  for (const seed of [11, RANDOM_SEED]) {
    it(`never uses a priority while a higher one has a free slot, and takes turns among equals (seed ${seed})`, () => {
      const area = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 3 }));
      const steps = fc.array(fc.nat({ max: 99 }), { maxLength: 60 });
      fc.assert(
        fc.property(fc.array(area, { minLength: 1, maxLength: 5 }), steps, (areas, choices) => {
          const machine = machineWith(areas);
          const free = areas.map(([usable]) => usable);
          const held: [number, number][] = [];
          for (const choice of choices) {
            if (choice % 3 === 0 && held.length > 0) {
              const [type, offset] = held.splice(choice % held.length, 1)[0]!;
              machine.free(type, offset);
              free[type]!++;
              continue;
            }
            const slot = machine.get();
            const prios = areas.flatMap(([, prio], type) => (free[type]! > 0 ? [prio] : []));
            if (prios.length === 0) {
              expect(slot).to.equal(null);
              continue;
            }
            expect(areas[slot![0]]![1]).to.equal(Math.max(...prios));
            free[slot![0]]!--;
            held.push(slot!);
          }
          expect(machine.broken()).to.deep.equal([]);
        }),
        { seed, numRuns: 40 },
      );
    });
  }
});

describe('getSwapPageOfType', () => {
  it('takes a plain reference and does not move the cursor of the list', () => {
    const machine = machineWith([
      [3, 5],
      [3, 5],
    ]);
    const entry = machine.swap.allocator.getSwapPageOfType(0);
    expect([swpType(entry), swpOffset(entry)]).to.deep.equal([0, 1]);
    expect(machine.byte(0, 1)).to.equal(1);
    expect(machine.swap.table.listNext()).to.equal(1);
    machine.swap.counts.swapFree(swpEntry(0, 1));
    expect(machine.byte(0, 1)).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('answers 0 for a full area and for one that does not exist', () => {
    const machine = machineWith([[1, 5]]);
    machine.get();
    expect(machine.swap.allocator.getSwapPageOfType(0)).to.equal(0);
    for (const type of [1, 29, -1, 1.5]) expect(machine.swap.allocator.getSwapPageOfType(type)).to.equal(0);
    expect(machine.swap.table.nrSwapPages()).to.equal(0);
  });
});
