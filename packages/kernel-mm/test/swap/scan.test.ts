import { expect } from 'chai';
import { KernelBug } from '#src/errno.js';
import { swpEntry } from '#src/swap/entries.js';
import { SWAP_HAS_CACHE } from '#src/swap/info.js';
import { POINT_BYTES } from '#src/sync/point.js';
import { installVariants } from '#src/variants/registry.js';
import { createSwapMachine, type SwapMachine } from './machine.js';

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function take(machine: SwapMachine, count: number): number[] {
  return Array.from({ length: count }, () => machine.getOffset());
}

function bounds(machine: SwapMachine, type = 0): number[] {
  return [
    machine.field(type, 'lowestBit'),
    machine.field(type, 'highestBit'),
    machine.field(type, 'clusterNext'),
    machine.field(type, 'clusterNr'),
  ];
}

for (const slotSummary of [false, true]) {
  const how = slotSummary ? 'by the summary' : 'byte by byte';
  const newMachine = () => createSwapMachine({}, undefined, undefined, slotSummary);

  describe(`scanSwapMap on a rotating disk, ${how}`, () => {
    it('hands out all slots in order, then none', () => {
      const machine = newMachine();
      machine.area(1024);
      expect(take(machine, 1023)).to.deep.equal(range(1, 1023));
      expect(machine.getOffset()).to.equal(0);
      expect(machine.swap.table.nrSwapPages()).to.equal(0);
      expect(bounds(machine)).to.deep.equal([1024, 0, 1024, 1]);
      expect(machine.broken()).to.deep.equal([]);
    });

    it('moves a bound only when the slot at the bound itself is taken', () => {
      const machine = newMachine();
      machine.area(600);
      take(machine, 599);
      for (let slot = 2; slot <= 598; slot += 2) machine.free(0, slot);
      expect(bounds(machine)).to.deep.equal([2, 598, 600, 169]);
      expect(machine.swap.table.nrSwapPages()).to.equal(299);
      expect(take(machine, 6)).to.deep.equal([2, 4, 6, 8, 10, 12]);
      expect(bounds(machine)).to.deep.equal([3, 598, 13, 163]);
      expect(machine.broken()).to.deep.equal([]);
    });

    it('prefers a free cluster to the free slots below it', () => {
      const machine = newMachine();
      machine.area(2048);
      take(machine, 2047);
      for (const slot of [...range(10, 199), ...range(1000, 1255)]) machine.free(0, slot);
      machine.setField(0, 'clusterNr', 0);
      expect(take(machine, 256)).to.deep.equal(range(1000, 1255));
      expect(bounds(machine).slice(1)).to.deep.equal([1254, 1256, 0]);
      expect(take(machine, 3)).to.deep.equal([10, 11, 12]);
      expect(machine.field(0, 'clusterNr')).to.equal(253);
      expect(machine.broken()).to.deep.equal([]);
    });

    it('lets the countdown of a cluster wrap below 0 while it searches', () => {
      const machine = newMachine();
      machine.area(2048);
      const seen: number[] = [];
      const { scanner } = machine.swap;
      const search = scanner.findFreeCluster.bind(scanner);
      scanner.findFreeCluster = (area, base) => {
        seen.push(machine.field(0, 'clusterNr'));
        return search(area, base);
      };
      machine.getOffset();
      expect(seen).to.deep.equal([0xffff_ffff]);
      expect(machine.field(0, 'clusterNr')).to.equal(255);
    });

    it('counts itself in the flags of the area while it runs, and not after', () => {
      const machine = newMachine();
      machine.area(2048);
      const flags: number[] = [];
      const { scanner } = machine.swap;
      const search = scanner.findFreeCluster.bind(scanner);
      scanner.findFreeCluster = (area, base) => {
        flags.push(machine.field(0, 'flags'));
        return search(area, base);
      };
      machine.getOffset();
      expect(flags).to.deep.equal([0x103]);
      expect(machine.field(0, 'flags')).to.equal(0x003);
    });

    it(
      slotSummary
        ? 'announces one point for each search'
        : 'announces a point for each 256 bytes of a long scan',
      () => {
        let chunks = 0;
        let watch = false;
        const hook = (kind: number) => {
          if (watch && kind === POINT_BYTES) chunks++;
        };
        const machine = createSwapMachine({ hook }, undefined, undefined, slotSummary);
        machine.area(2048);
        for (let slot = 1; slot < 2048; slot++) machine.getPlain();
        machine.swap.counts.swapFree(swpEntry(0, 2000));
        machine.setField(0, 'clusterNext', 1);
        machine.setField(0, 'lowestBit', 1);
        watch = true;
        expect(machine.getOffset()).to.equal(2000);
        // From slot 2 to slot 2000.
        expect(chunks).to.equal(slotSummary ? 1 : 8);
      },
    );

    it('gives up when the area has become unwritable meanwhile', () => {
      const machine = newMachine();
      machine.area(2048);
      const { scanner } = machine.swap;
      const search = scanner.findFreeCluster.bind(scanner);
      scanner.findFreeCluster = (area, base) => {
        machine.setField(0, 'flags', machine.field(0, 'flags') & ~2);
        return search(area, base);
      };
      expect(machine.getOffset()).to.equal(0);
      expect(machine.field(0, 'flags')).to.equal(1);
      expect(machine.swap.table.nrSwapPages()).to.equal(2047);
    });

    it('looks again when what it found without the lock was taken before it had the lock', () => {
      const machine = newMachine();
      machine.area(64);
      take(machine, 4);
      machine.setField(0, 'clusterNext', 1);
      const { scanner } = machine.swap;
      const find = scanner.findCandidate.bind(scanner);
      let calls = 0;
      scanner.findCandidate = (area, first, last) => {
        const found = find(area, first, last);
        // Another task is quicker, once.
        if (calls++ === 0) machine.setByte(0, found, SWAP_HAS_CACHE);
        return found;
      };
      expect(machine.getOffset()).to.equal(6);
      expect(calls).to.equal(2);
    });
  });

  describe(`a scan that is overtaken, ${how}`, () => {
    it('begins anew at the bottom when the slots it was going through are all taken', () => {
      const machine = newMachine();
      machine.area(16);
      for (let slot = 1; slot <= 15; slot++) machine.getPlain();
      for (const slot of [3, 5]) machine.swap.counts.swapFree(swpEntry(0, slot));
      machine.setField(0, 'lowestBit', 2);
      machine.setField(0, 'highestBit', 15);
      machine.setField(0, 'clusterNext', 8);
      machine.setByte(0, 3, 1);
      const { scanner } = machine.swap;
      const find = scanner.findCandidate.bind(scanner);
      const searches: [number, number][] = [];
      scanner.findCandidate = (area, first, last) => {
        const found = find(area, first, last);
        searches.push([first, last]);
        if (found === 5) {
          // Slot 5 and all above it are taken by somebody else, and slot 3 becomes free.
          machine.setByte(0, 5, 1);
          machine.setByte(0, 3, 0);
          machine.setField(0, 'highestBit', 3);
        }
        return found;
      };
      expect(machine.getPlain()).to.equal(3);
      expect(searches).to.deep.equal([
        [9, 15],
        [2, 7],
        [3, 3],
      ]);
    });
  });

  describe(`scanSwapMap on a solid-state disk, ${how}`, () => {
    it('goes on from the cursor, then wraps to the first free cluster', () => {
      const machine = newMachine();
      machine.area(2048, { start: 1500 });
      expect(take(machine, 256)).to.deep.equal(range(1500, 1755));
      expect(take(machine, 256)).to.deep.equal(range(1756, 2011));
      expect(take(machine, 2)).to.deep.equal([1, 2]);
      expect(machine.broken()).to.deep.equal([]);
    });
  });

  describe(`the second half of a scan, ${how}`, () => {
    // Plain references: swap is more than half full, but there is nothing to reclaim.
    function untilTheLowestIsLeft(machine: SwapMachine): void {
      const free = (slot: number) => machine.swap.counts.swapFree(swpEntry(0, slot));
      machine.area(8);
      expect(machine.getPlain()).to.equal(1);
      free(1);
      expect(machine.getPlain()).to.equal(2);
      free(2);
      const five = Array.from({ length: 5 }, () => machine.getPlain());
      expect(five).to.deep.equal([3, 4, 5, 6, 7]);
      expect(bounds(machine).slice(0, 3)).to.deep.equal([1, 6, 8]);
      expect(machine.getPlain()).to.equal(1);
      free(1);
      expect(bounds(machine).slice(0, 3)).to.deep.equal([1, 6, 2]);
      expect(machine.getPlain()).to.equal(2);
      expect(bounds(machine).slice(0, 3)).to.deep.equal([1, 6, 3]);
      expect(machine.swap.table.nrSwapPages()).to.equal(1);
    }

    it('finds the lowest slot', () => {
      const machine = newMachine();
      untilTheLowestIsLeft(machine);
      expect(machine.getPlain()).to.equal(1);
    });

    it('misses the lowest slot under c01', () => {
      const machine = newMachine();
      installVariants(machine, 'sound', ['c01']);
      untilTheLowestIsLeft(machine);
      expect(machine.getPlain()).to.equal(0);
      expect(bounds(machine).slice(0, 3)).to.deep.equal([1, 6, 3]);
      expect(machine.swap.table.nrSwapPages()).to.equal(1);
      expect(machine.broken()).to.deep.equal([]);
    });

    /** Full of slots that only the cache holds and that cannot be reclaimed, one of them just freed and out of reach. */
    function nothingToReclaim(machine: SwapMachine): void {
      machine.useCache();
      machine.area(16);
      for (const slot of take(machine, 15)) machine.cache.add(swpEntry(0, slot), { writeback: true });
      machine.free(0, 1);
      machine.setField(0, 'highestBit', 14);
      machine.setField(0, 'lowestBit', 1);
      machine.setField(0, 'clusterNext', 8);
    }

    it('is gone through once, however many slots cannot be reclaimed', () => {
      const machine = newMachine();
      nothingToReclaim(machine);
      expect(machine.getOffset()).to.equal(1);
      // Slots 8 to 14 before it wraps, then at most slots 2 to 7.
      expect(machine.cache.lookups).to.be.within(7, 13);
    });

    it('ends with a report instead of going round for ever under c01', () => {
      const machine = newMachine();
      installVariants(machine, 'sound', ['c01']);
      nothingToReclaim(machine);
      expect(() => machine.getOffset()).to.throw(KernelBug, /goes round for ever.*swap area 0 \(16 slots\)/);
      expect(machine.test.panic.report()).to.match(/goes round for ever/);
    });
  });

  describe(`a scan while swap is more than half full, ${how}`, () => {
    function threeQuartersCached(machine: SwapMachine): void {
      machine.useCache();
      machine.area(16);
      take(machine, 12);
      machine.setField(0, 'clusterNext', 5);
    }

    it('frees a slot that only the cache holds, and takes it', () => {
      const machine = newMachine();
      threeQuartersCached(machine);
      const page = machine.cache.add(swpEntry(0, 5));
      const state = machine.cache.of(page);
      expect(machine.getOffset()).to.equal(5);
      expect(state).to.include({ inCache: false, dirty: true, locked: false, references: 0 });
      expect(machine.field(0, 'freed')).to.equal(1);
      expect(machine.broken()).to.deep.equal([]);
    });

    for (const blocked of [{ locked: true }, { writeback: true }]) {
      it(`passes over a slot whose page is ${Object.keys(blocked)[0]}`, () => {
        const machine = newMachine();
        threeQuartersCached(machine);
        const page = machine.cache.add(swpEntry(0, 5), blocked);
        machine.cache.add(swpEntry(0, 6));
        expect(machine.getOffset()).to.equal(6);
        expect(machine.cache.of(page)).to.include({
          inCache: true,
          references: 1,
          locked: 'locked' in blocked,
        });
      });
    }

    it('passes over a slot that has users besides the cache', () => {
      const machine = newMachine();
      threeQuartersCached(machine);
      machine.cache.add(swpEntry(0, 5));
      machine.swap.counts.swapDuplicate(swpEntry(0, 5));
      machine.cache.add(swpEntry(0, 6));
      expect(machine.getOffset()).to.equal(6);
    });

    it('leaves cached slots alone while half of swap is free', () => {
      const machine = newMachine();
      machine.useCache();
      machine.area(16);
      take(machine, 6);
      machine.cache.add(swpEntry(0, 5));
      machine.setField(0, 'clusterNext', 5);
      expect(machine.getOffset()).to.equal(7);
      expect(machine.cache.lookups).to.equal(0);
    });
  });
}
