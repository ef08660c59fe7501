import { randomInt } from 'node:crypto';
import { GFP_KERNEL, PAGE_SIZE } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  countAnatomy,
  deviceAnatomy,
  FILL_BINS,
  fragmentation,
  isPinned,
  PINNING_BYTES_MAX,
  whyPageStays,
} from '#src/anatomy.js';
import { walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, type TestMachine, type TestPage } from './support/machine.js';

const SEEDS = [20100505, randomInt(2 ** 31)];

function write(machine: TestMachine, page: TestPage, slot: number, noise: number): void {
  fillPage(page.bytes, slot + 1, noise);
  expect(machine.transfer('write', slot, page)).to.equal(0);
}

/** Two pages of the pool with a large and a small object each, in slots 1 to 4. */
function twoPages(): { readonly machine: TestMachine; readonly page: TestPage } {
  const machine = createTestMachine();
  const page = machine.takePage();
  for (const [index, noise] of [2700, 700, 2700, 700].entries()) write(machine, page, index + 1, noise);
  expect(machine.device.pool.totalPages()).to.equal(2);
  return { machine, page };
}

describe('the anatomy of a device', () => {
  it('of which nothing is stored, or which is not initialised, is empty', () => {
    const machine = createTestMachine();
    const nothing = { device: 0, pages: [], freeLists: [], rawPages: 0, unfoundPages: 0 };
    expect(deviceAnatomy(machine.device)).to.deep.equal(nothing);
    machine.device.reset();
    expect(deviceAnatomy(machine.device)).to.deep.equal(nothing);
    const counts = countAnatomy([deviceAnatomy(machine.device)]);
    expect(counts).to.include({ poolPages: 0, packedPages: 0, objects: 0 });
    expect(fragmentation(counts)).to.equal(0);
  });

  it('says which slots lie where, and how a page is divided', () => {
    const { machine } = twoPages();
    const { pages } = deviceAnatomy(machine.device);
    expect(pages.map(({ objects }) => objects.map(({ slot }) => slot))).to.have.deep.members([
      [1, 2],
      [3, 4],
    ]);
    expect(pages[0]!.frame).to.be.lessThan(pages[1]!.frame);
    for (const { objects, dataBytes, freeBytes, lostBytes, largestFreeBytes } of pages) {
      const [large, small] = objects;
      expect(large!.offset).to.equal(4);
      expect(large!.bytes).to.be.within(2700, 3072);
      expect(small!.offset).to.equal(8 + Math.ceil(large!.bytes / 4) * 4);
      expect(dataBytes).to.equal(large!.bytes + small!.bytes);
      // One free block behind the two, and three headers.
      expect(largestFreeBytes).to.equal(freeBytes);
      expect(lostBytes).to.be.within(12, 18);
      expect(dataBytes + freeBytes + lostBytes).to.equal(PAGE_SIZE);
    }
  });

  it('shows the pages that one small object keeps, and says whose it is', () => {
    const { machine } = twoPages();
    expect(countAnatomy([deviceAnatomy(machine.device)])).to.include({ pinnedPages: 0, packedPages: 2 });
    machine.device.slotFreeNotify(1);
    machine.device.slotFreeNotify(3);
    const anatomy = deviceAnatomy(machine.device);
    const counts = countAnatomy([anatomy]);
    expect(counts).to.include({ poolPages: 2, objects: 2, pinnedPages: 2, packedPages: 1, emptyPages: 0 });
    expect(fragmentation(counts)).to.equal(0.5);
    for (const page of anatomy.pages) {
      const { slot, bytes } = page.objects[0]!;
      expect(bytes).to.be.at.most(PINNING_BYTES_MAX);
      expect(isPinned(page)).to.equal(true);
      expect(whyPageStays(page)).to.equal(
        `Page frame ${String(page.frame)} stays because of one object, with ${String(page.freeBytes)} bytes free: ` +
          `${String(bytes)} bytes of slot ${String(slot)}.`,
      );
    }
    machine.device.slotFreeNotify(2);
    machine.device.slotFreeNotify(4);
    expect(deviceAnatomy(machine.device).pages).to.deep.equal([]);
  });

  it('does not call a page pinned whose only object is large', () => {
    const { machine } = twoPages();
    machine.device.slotFreeNotify(2);
    const { pages } = deviceAnatomy(machine.device);
    expect(pages.filter(({ objects }) => objects.length === 1)).to.have.length(1);
    expect(pages.some(isPinned)).to.equal(false);
  });

  it('tells stale objects from live ones when somebody knows', () => {
    const { machine } = twoPages();
    const live = new Set([2]);
    const anatomy = deviceAnatomy(machine.device, (slot) => live.has(slot));
    const staleOf = new Map(anatomy.pages.flatMap(({ objects }) => objects.map((o) => [o.slot, o.stale])));
    expect([...staleOf].sort()).to.deep.equal([
      [1, true],
      [2, false],
      [3, true],
      [4, true],
    ]);
    // The page with slot 2 is needed; the other one is not.
    expect(countAnatomy([anatomy]).stalePages).to.equal(1);
    const other = anatomy.pages.find(({ objects }) => objects[0]!.slot === 3)!;
    expect(whyPageStays(other)).to.match(
      /2 objects, .*slot 3, which is free; \d+ bytes of slot 4, which is free\.$/,
    );
    expect(countAnatomy([deviceAnatomy(machine.device)]).stalePages).to.equal(0);
  });

  it('finds pages without objects, objects without slots, and pages to which nothing leads', () => {
    const { machine } = twoPages();
    const { pool } = machine.device;
    const location = machine.driver.places.locations.base;
    // One of these sizes grows the pool by a page, and fails.
    expect(pool.malloc(4090, GFP_KERNEL, location)).to.not.equal(0);
    const empty = deviceAnatomy(machine.device);
    expect(countAnatomy([empty])).to.include({ poolPages: 3, emptyPages: 1, stalePages: 0 });
    const page = empty.pages.find(({ objects }) => objects.length === 0)!;
    expect(whyPageStays(page)).to.match(/holds no object/);
    expect(page).to.include({ dataBytes: 0, freeBytes: 4092, lostBytes: 4 });

    expect(pool.malloc(3000, GFP_KERNEL, location)).to.equal(0);
    const lost = deviceAnatomy(machine.device, () => true);
    const ownerless = lost.pages.find(({ objects }) => objects.some(({ slot }) => slot === null))!;
    expect(ownerless.objects[0]).to.include({ slot: null, stale: null, bytes: 3000 });
    expect(whyPageStays(ownerless)).to.match(/3000 bytes of no slot at all/);

    // It fills a page, but for a header: no free list leads there.
    expect(pool.malloc(4088, GFP_KERNEL, location)).to.equal(0);
    const hidden = deviceAnatomy(machine.device);
    expect(hidden.unfoundPages).to.equal(1);
    expect(countAnatomy([hidden]).poolPages).to.equal(pool.totalPages());
  });

  it('names at most eight objects', () => {
    const machine = createTestMachine();
    const page = machine.takePage();
    for (let slot = 1; slot <= 20; slot++) write(machine, page, slot, 40);
    const full = deviceAnatomy(machine.device).pages.find(({ objects }) => objects.length > 10)!;
    const sentence = whyPageStays(full);
    expect(sentence.match(/bytes of slot/g)).to.have.length(8);
    expect(sentence).to.contain(`; ${String(full.objects.length - 8)} more.`);
  });

  it('adds devices up, each packed for itself', () => {
    const machine = createTestMachine({ disks: 2 });
    const page = machine.takePage();
    for (const device of machine.driver.devices) {
      fillPage(page.bytes, 5, 300);
      machine.transfer('write', 1, page, device);
    }
    const anatomies = machine.driver.devices.map((device) => deviceAnatomy(device));
    const [one, both] = [countAnatomy(anatomies.slice(0, 1)), countAnatomy(anatomies)];
    expect(one).to.include({ poolPages: 1, packedPages: 1, pinnedPages: 1 });
    expect(both).to.include({ poolPages: 2, packedPages: 2, pinnedPages: 2, dataBytes: 2 * one.dataBytes });
    expect(both.fill).to.have.length(FILL_BINS);
    expect(both.fill[0]).to.equal(2);
  });

  for (const seed of SEEDS) {
    it(`accounts for every byte of every page, whatever was written and freed (seed ${String(seed)})`, () => {
      const step = fc.record({
        slot: fc.integer({ min: 1, max: 63 }),
        noise: fc.integer({ min: -1000, max: 3600 }),
      });
      fc.assert(
        fc.property(fc.array(step, { minLength: 20, maxLength: 160 }), (steps) => {
          const machine = createTestMachine();
          const page = machine.takePage();
          for (const { slot, noise } of steps) {
            if (noise < 0) machine.device.slotFreeNotify(slot);
            else write(machine, page, slot, noise);
          }
          const walk = walkTable(machine.device);
          const anatomy = deviceAnatomy(machine.device);
          const counts = countAnatomy([anatomy]);
          expect(anatomy.unfoundPages).to.equal(0);
          expect(counts.poolPages).to.equal(machine.device.pool.totalPages());
          expect(counts.rawPages).to.equal(walk.raw);
          expect(counts.objects).to.equal(walk.compressed);
          expect(counts.dataBytes).to.equal(walk.comprBytes - walk.raw * PAGE_SIZE);
          expect(counts.dataBytes + counts.freeBytes + counts.lostBytes).to.equal(
            counts.poolPages * PAGE_SIZE,
          );
          expect(counts.freeBytes).to.equal(anatomy.freeLists.reduce((sum, { bytes }) => sum + bytes, 0));
          expect(counts.freeBySize.reduce((sum, bytes) => sum + bytes, 0)).to.equal(counts.freeBytes);
          expect(counts.fill.reduce((sum, pages) => sum + pages, 0)).to.equal(counts.poolPages);
          expect(counts.packedPages).to.be.at.most(counts.poolPages);
          const slots = anatomy.pages.flatMap(({ objects }) => objects.map(({ slot }) => slot));
          expect(slots).to.not.include(null);
          expect(new Set(slots).size).to.equal(walk.compressed);
          for (const { objects, largestFreeBytes, freeBytes } of anatomy.pages) {
            const offsets = objects.map(({ offset }) => offset);
            expect(offsets).to.deep.equal([...offsets].sort((a, b) => a - b));
            expect(largestFreeBytes).to.be.at.most(freeBytes);
          }
        }),
        { seed, numRuns: 25 },
      );
    });
  }
});
