import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { BLOCK_NONROTATIONAL } from '#src/block/device.js';
import { SWAP_INFO, SWAPFILE_CLUSTER, SWP_DISCARDABLE, SWP_DISCARDING, SWP_WRITEOK } from '#src/swap/info.js';
import type { SlotScanner } from '#src/swap/scan.js';
import { createDiscardMachine, DISK, discardView, DiscardView, SOLID_DISCARD } from './discard-machine.js';

const PAGES = 1025;
const SLOTS = PAGES - 1;

/** Lets something happen once, between the moment a free cluster was found and the moment the lock is taken again. */
function whileSearching(hands: DiscardView, happen: (cluster: number) => void): void {
  const { scanner } = hands.view.kernel.swap;
  const find = scanner.findFreeCluster.bind(scanner);
  let happened = false;
  scanner.findFreeCluster = function (this: SlotScanner, area, base) {
    const found = find(area, base);
    if (!happened) {
      happened = true;
      happen(found);
    }
    return found;
  };
}

describe('an area on a device that takes discards', () => {
  it('is discarded as a whole when it is switched on, except for its header', () => {
    const machine = createDiscardMachine('discard', { pages: PAGES, flags: SOLID_DISCARD });
    const view = machine.attach();
    view.mkswap(DISK);
    const hands = new DiscardView(view);
    for (const slot of [1, 500, SLOTS]) hands.write(slot, 7);
    const seen = hands.watch();
    view.swapon(DISK);
    expect(seen).to.deep.equal([[1, SLOTS]]);
    expect([1, 500, SLOTS].map((slot) => hands.read(slot))).to.deep.equal([0, 0, 0]);
    expect(hands.field('flags') & SWP_DISCARDABLE).to.equal(SWP_DISCARDABLE);
    const lines = machine.drain('printk').map((event) => (event.type === 'printk' ? event.text : ''));
    expect(lines.join('\n')).to.match(
      /Adding 4096k swap on \/dev\/disk0\. {2}Priority:-1 extents:1 across:4096k SSD$/,
    );
    view.swapoff(DISK);
    view.swapon(DISK);
    expect(seen).to.have.length(2);
  });

  it('is not discarded where the device takes none, nor is any slot of it', () => {
    for (const flags of [0, BLOCK_NONROTATIONAL]) {
      const { hands } = discardView('discard', { pages: PAGES, flags });
      expect(hands.field('flags') & SWP_DISCARDABLE).to.equal(0);
      const slots = hands.takeAll(600);
      for (const slot of slots) hands.free(slot);
      hands.takeAll(600);
      expect(hands.discards()).to.deep.equal([0, 0]);
      expect(hands.field('discardFailures')).to.equal(0);
    }
  });

  it('is usable, but not discardable, when the first discard fails', () => {
    const machine = createDiscardMachine('discard', { pages: PAGES });
    const view = machine.attach();
    view.mkswap(DISK);
    const hands = new DiscardView(view);
    const { frames } = view.kernel;
    const { free } = frames.info();
    // The first page is that of the header.
    const { discard } = view.kernel.swap;
    const issue = discard.issue.bind(discard);
    discard.issue = (...words) => {
      frames.failNextRequests(1);
      return issue(...words);
    };
    view.swapon(DISK);
    expect(hands.field('flags') & SWP_DISCARDABLE).to.equal(0);
    expect(hands.field('discardFailures')).to.equal(1);
    expect(frames.info().free).to.equal(free);
    expect(hands.take()).to.equal(1);
  });
});

describe('a free cluster that is taken', () => {
  it('is discarded, once for each 256 slots, and nothing else is', () => {
    const { hands, seen } = discardView('discard', { pages: PAGES });
    const slots = hands.takeAll(2 * SWAPFILE_CLUSTER);
    expect(seen.slice(1)).to.deep.equal([
      [1, SWAPFILE_CLUSTER],
      [257, SWAPFILE_CLUSTER],
    ]);
    for (const slot of slots) hands.free(slot);
    // Freeing discards nothing; the next cluster begins where the search starts on a disk that rotates.
    expect(seen).to.have.length(3);
    hands.takeAll(1);
    expect(seen.slice(3)).to.deep.equal([[1, SWAPFILE_CLUSTER]]);
    expect(hands.field('lowestAlloc')).to.equal(0);
    expect(hands.field('flags') & SWP_DISCARDING).to.equal(0);
  });

  it('is discarded before the slot is handed out, so that nothing written is lost', () => {
    const { hands } = discardView('discard', { pages: PAGES, flags: SOLID_DISCARD });
    const kept = new Map<number, number>();
    for (let round = 0; round < 3000; round++) {
      const slot = hands.take();
      if (slot !== 0) {
        hands.write(slot, round + 1);
        kept.set(slot, round + 1);
      }
      if (kept.size < 700) continue;
      const [victim] = [...kept.keys()].slice(round % 5);
      expect(hands.read(victim!)).to.equal(kept.get(victim!));
      hands.free(victim!);
      kept.delete(victim!);
    }
    for (const [slot, stamp] of kept) expect(hands.read(slot)).to.equal(stamp);
    expect(hands.discards()[0]).to.be.greaterThan(5);
    expect(hands.broken()).to.deep.equal([]);
  });

  it('spares the slots that others took during the search', () => {
    const { hands, seen } = discardView('discard', { pages: PAGES });
    const others: number[] = [];
    whileSearching(hands, (cluster) => {
      expect([cluster, hands.field('lowestAlloc'), hands.field('highestAlloc')]).to.deep.equal([1, PAGES, 0]);
      for (let count = 0; count < 3; count++) others.push(hands.take());
      expect([hands.field('lowestAlloc'), hands.field('highestAlloc')]).to.deep.equal([1, 3]);
    });
    expect(hands.take()).to.equal(4);
    expect(others).to.deep.equal([1, 2, 3]);
    // What was taken lies below; the rest of the cluster is clear of it.
    expect(seen.slice(1)).to.deep.equal([[4, 253]]);
    expect(hands.field('lowestAlloc')).to.equal(0);
  });

  it('is cut off where others took slots above', () => {
    const { hands, seen } = discardView('discard', { pages: PAGES });
    whileSearching(hands, () => {
      const { cells } = hands.view.kernel.core;
      const area = hands.view.kernel.swap.table.infoOf(0);
      // Somebody whose cursor stood at slot 100.
      cells.st32(area + SWAP_INFO.clusterNext, 100);
      expect(hands.take()).to.equal(100);
      expect(hands.take()).to.equal(101);
    });
    expect(hands.take()).to.equal(1);
    expect(seen.slice(1)).to.deep.equal([[1, 99]]);
  });

  it('is not searched for by a second task: its countdown stays below 0 until the first is done', () => {
    const { hands, seen } = discardView('discard', { pages: PAGES });
    whileSearching(hands, () => {
      hands.take();
      expect(hands.field('clusterNr')).to.equal(0xffff_ffff - 1);
    });
    hands.take();
    expect(hands.field('clusterNr')).to.equal(SWAPFILE_CLUSTER - 1);
    expect(seen).to.have.length(2);
  });

  it('is forgotten when the area is switched off meanwhile, and the next search goes on as ever', () => {
    const { hands, seen } = discardView('discard', { pages: PAGES });
    const { core, swap } = hands.view.kernel;
    const flags = swap.table.infoOf(0);
    whileSearching(hands, () => core.cells.st32(flags, core.cells.ldu32(flags) & ~SWP_WRITEOK));
    expect(swap.allocator.getSwapPage()).to.equal(0);
    expect(hands.field('lowestAlloc')).to.equal(0);
    core.cells.st32(flags, core.cells.ldu32(flags) | SWP_WRITEOK);
    // The countdown was set when the cluster was found.
    expect(hands.takeAll(SWAPFILE_CLUSTER).at(-1)).to.equal(SWAPFILE_CLUSTER);
    expect(seen.slice(1)).to.deep.equal([[SWAPFILE_CLUSTER, SWAPFILE_CLUSTER]]);
  });

  it('is used all the same when there is no memory for the discard', () => {
    const { hands } = discardView('discard', { pages: PAGES });
    hands.view.kernel.frames.failNextRequests(1);
    expect(hands.take()).to.equal(1);
    expect(hands.field('discardFailures')).to.equal(1);
    expect(hands.discards()).to.deep.equal([1, SLOTS * PAGE_SIZE]);
    expect(hands.field('flags') & SWP_DISCARDING).to.equal(0);
  });
});

describe('the policies that discard when slots are freed', () => {
  it('do not discard when slots are taken', () => {
    for (const policy of ['discard-cluster', 'discard-slot'] as const) {
      const { hands, seen } = discardView(policy, { pages: PAGES });
      hands.takeAll(600);
      expect(seen, policy).to.deep.equal([[1, SLOTS]]);
    }
  });
});

describe('discard-slot', () => {
  it('discards each freed slot at once, under swap_lock', () => {
    const { hands, seen } = discardView('discard-slot', { pages: PAGES });
    const slots = hands.takeAll(20);
    for (const slot of slots) hands.write(slot, slot);
    const { table } = hands.view.kernel.swap;
    const { devices, ramDisks } = hands.view.kernel.block;
    const serve = ramDisks.makeRequest.bind(ramDisks);
    let locked = 0;
    ramDisks.makeRequest = (bdev, bio) => {
      if (table.context.holds(table.swapLock.address)) locked++;
      return serve(bdev, bio);
    };
    expect(devices.byPath(DISK)).to.equal(hands.bdev);
    for (const slot of slots) {
      hands.free(slot);
      expect(seen.at(-1)).to.deep.equal([slot, 1]);
      expect(hands.read(slot)).to.equal(0);
    }
    expect(locked).to.equal(20);
    const [row] = hands.view.kernel.swap.report.swaps();
    expect(row).to.include({ freed: 20, freedUnreported: 0, missed: 0, discardFailures: 0 });
  });

  it('misses a free when there is no page or no bio, and counts it', () => {
    const { hands } = discardView('discard-slot', { pages: PAGES });
    const [first = 0, second = 0, third = 0] = hands.takeAll(3);
    for (const slot of [first, second, third]) hands.write(slot, slot);
    const { frames, block, swap } = hands.view.kernel;
    const { free } = frames.info();
    frames.failNextRequests(1);
    hands.free(first);
    const bios = [0, 1, 2, 3].map(() => block.bios.allocBio(0));
    hands.free(second);
    for (const bio of bios) block.bios.freeBio(bio);
    hands.free(third);
    expect([first, second, third].map((slot) => hands.read(slot))).to.deep.equal([first, second, 0]);
    const [row] = swap.report.swaps();
    expect(row).to.include({ freed: 3, freedUnreported: 2, missed: 2, discardFailures: 2 });
    expect(frames.info().free).to.equal(free);
  });

  it('tells a function as well that somebody has installed, and misses nothing where the device takes no discards', () => {
    const { hands } = discardView('discard-slot', { pages: PAGES, flags: 0 });
    const told: number[] = [];
    hands.view.setSwapFreeNotify(
      0,
      hands.view.define('told', (_bdev, slot) => told.push(slot)),
    );
    const slot = hands.take();
    hands.free(slot);
    expect(told).to.deep.equal([slot]);
    expect(hands.view.kernel.swap.report.swaps()[0]).to.include({ missed: 0, freedUnreported: 0 });
  });
});
