import { expect } from 'chai';
import { SWAPFILE_CLUSTER, SWAP_MAP_BAD } from '#src/swap/info.js';
import { swpEntry } from '#src/swap/entries.js';
import { createDiscardMachine, DISK, discardView, type DiscardView } from './discard-machine.js';
import { AREA_TABLES } from './machine.js';

/** The header's cluster, three whole ones, and one that is cut off. */
const PAGES = 4 * SWAPFILE_CLUSTER + 100;
const SLOTS = PAGES - 1;

/** A machine all slots of which are taken, by their numbers from 1 on. */
function full(): { hands: DiscardView; seen: number[][] } {
  const { hands, seen } = discardView('discard-cluster', { pages: PAGES });
  expect(hands.takeAll(SLOTS).sort((a, b) => a - b)).to.deep.equal(
    Array.from({ length: SLOTS }, (_, index) => index + 1),
  );
  seen.length = 0;
  return { hands, seen };
}

function freeCluster(hands: DiscardView, index: number): void {
  for (let slot = index * SWAPFILE_CLUSTER; slot < (index + 1) * SWAPFILE_CLUSTER; slot++) hands.free(slot);
}

function byte(hands: DiscardView, slot: number): number {
  return hands.view.kernel.swap.table.mapByte(swpEntry(0, slot));
}

describe('discard-cluster', () => {
  it('does nothing under scattered frees, and discards a cluster once its last slot is free', () => {
    const { hands, seen } = full();
    for (let slot = 1; slot <= SLOTS; slot++) if (slot % 7 !== 0) hands.free(slot);
    expect(hands.view.flushDiscards()).to.equal(0);
    for (let slot = 7; slot <= SLOTS; slot += 7) hands.free(slot);
    expect(seen).to.deep.equal([]);
    expect(hands.view.flushDiscards()).to.equal(3);
    expect(seen).to.deep.equal([
      [256, 256],
      [512, 256],
      [768, 256],
    ]);
    expect(hands.view.flushDiscards()).to.equal(0);
    expect(hands.broken()).to.deep.equal([]);
    const [row] = hands.view.kernel.swap.report.swaps();
    expect(row).to.include({ freed: SLOTS, freedUnreported: 0, inusePages: 0 });
  });

  it('hands out no slot of a cluster before it was discarded', () => {
    const { hands } = full();
    for (const slot of [600, 601]) hands.write(slot, slot);
    freeCluster(hands, 2);
    hands.free(100);
    expect([511, 512, 767, 768].map((slot) => byte(hands, slot))).to.deep.equal([
      1,
      SWAP_MAP_BAD,
      SWAP_MAP_BAD,
      1,
    ]);
    expect(hands.broken()).to.deep.equal([]);
    const { swap } = hands.view.kernel;
    expect(swap.report.countSwapPages(0, true)).to.equal(SWAPFILE_CLUSTER + 1);
    expect(hands.take()).to.equal(100);
    expect(hands.view.flushDiscards()).to.equal(1);
    expect([512, 767].map((slot) => byte(hands, slot))).to.deep.equal([0, 0]);
    expect([600, 601].map((slot) => hands.read(slot))).to.deep.equal([0, 0]);
    expect(hands.take()).to.equal(512);
  });

  it('discards at once what waits when there is no other slot, instead of failing', () => {
    const { hands, seen } = full();
    freeCluster(hands, 3);
    freeCluster(hands, 1);
    const slots = hands.takeAll(2 * SWAPFILE_CLUSTER);
    expect(slots.every((slot) => slot !== 0)).to.equal(true);
    expect(new Set(slots).size).to.equal(2 * SWAPFILE_CLUSTER);
    expect(seen).to.deep.equal([
      [768, 256],
      [256, 256],
    ]);
    expect(hands.take()).to.equal(0);
    expect(hands.broken()).to.deep.equal([]);
  });

  it('discards a cluster each time it is emptied', () => {
    const { hands, seen } = full();
    for (let round = 0; round < 3; round++) {
      freeCluster(hands, 2);
      hands.view.flushDiscards();
      hands.takeAll(SWAPFILE_CLUSTER);
    }
    expect(seen).to.deep.equal([
      [512, 256],
      [512, 256],
      [512, 256],
    ]);
  });

  it('lets a cluster go that could not be discarded for lack of memory', () => {
    const { hands } = full();
    freeCluster(hands, 1);
    hands.view.kernel.frames.failNextRequests(1);
    hands.view.flushDiscards();
    expect(hands.field('discardFailures')).to.equal(1);
    expect(hands.take()).to.equal(256);
    expect(hands.broken()).to.deep.equal([]);
  });

  it('discards what waits when the area is switched off, and gives its tables back', () => {
    const machine = createDiscardMachine('discard-cluster', { pages: PAGES });
    const view = machine.attach();
    view.mkswap(DISK);
    const before = view.kernel.vmalloc.pagesInUse();
    view.swapon(DISK);
    expect(view.kernel.vmalloc.pagesInUse()).to.equal(before + AREA_TABLES + 1);
    const { counts, allocator } = view.kernel.swap;
    for (let slot = 1; slot <= SLOTS; slot++) allocator.getSwapPage();
    for (let slot = 1; slot <= SLOTS; slot++) counts.swapcacheFree(swpEntry(0, slot));
    view.swapoff(DISK);
    const { devices } = view.kernel.block;
    expect(devices.stats(devices.byPath(DISK)).discards).to.equal(1 + 3);
    expect(view.kernel.vmalloc.pagesInUse()).to.equal(before);
    view.swapon(DISK);
    expect(view.kernel.swap.report.countSwapPages(0, true)).to.equal(SLOTS);
  });

  it('refuses swapon when there is no room for the table of clusters, and leaves nothing behind', () => {
    const machine = createDiscardMachine('discard-cluster', { pages: PAGES });
    const view = machine.attach();
    view.mkswap(DISK);
    const { vmalloc, swap } = view.kernel;
    const before = vmalloc.pagesInUse();
    swap.clusters.create = () => -12;
    expect(() => view.swapon(DISK)).to.throw(/no room/);
    expect(vmalloc.pagesInUse()).to.equal(before);
    expect(swap.report.swaps()).to.deep.equal([]);
    const { block } = view.kernel;
    expect(block.devices.holders(block.devices.byPath(DISK))).to.equal(0);
  });
});
