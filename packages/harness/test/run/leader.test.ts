/**
 * The checks at checkpoints and at the end of a run: each is shown a machine with one thing broken on purpose.
 */
import { expect } from 'chai';
import { GFP_KERNEL, SWAP_INFO } from '@swaplab/kernel-mm';
import { TABLE_LOCK } from '@swaplab/ramzswap';

import { countFrames, countSlots } from '#src/swappers/census.js';
import { SoloRun } from './support.js';

/** Half way: there are pages in memory, pages in swap, and free slots. */
const HALF_WAY = 10;
/** The end of the phase that reads: many pages in memory are clean copies of what the device has. */
const READ = 5;

describe('the end of a run', () => {
  it('under none keeps a stored page for every slot ever used, under notify nothing', () => {
    for (const policy of ['none', 'notify'] as const) {
      const run = new SoloRun({ policies: [policy] });
      run.runToCheckpoint(20);
      const { final, areas, broken, drift } = run.finish();
      expect(broken.concat(drift), policy).to.deep.equal([]);
      const [area] = areas;
      expect(final.live).to.equal(0);
      expect(area?.allocated).to.be.greaterThan(0);
      expect(area?.freed).to.equal(area?.allocated);
      if (policy === 'notify') {
        expect(final).to.deep.equal({ live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 });
        expect(area?.notified).to.equal(area?.freed);
        expect(area?.freedUnreported).to.equal(0);
      } else {
        expect(final.stale).to.equal(final.stored);
        expect(final.stored).to.be.greaterThan(0);
        expect(final.comprBytes).to.be.greaterThan(0);
        expect(final.poolPages).to.be.greaterThan(0);
        expect(area?.notified).to.equal(0);
      }
    }
  });

  it('gives back all disks, so that they are empty and no swap area is left', () => {
    const run = new SoloRun({ disks: 3 });
    run.runToCheckpoint(20);
    const { areas } = run.finish();
    expect(areas.map(({ device }) => device)).to.deep.equal([
      '/dev/ramzswap0',
      '/dev/ramzswap1',
      '/dev/ramzswap2',
    ]);
    expect(run.kernel.swap.report.swaps()).to.deep.equal([]);
    expect(run.device.isInitialised()).to.equal(false);
  });

  it('finds a counter of the swap core that is off', () => {
    const run = new SoloRun();
    run.runToCheckpoint(20);
    const { cells } = run.kernel.core;
    const lowestBit = run.kernel.swap.table.infoOf(0) + SWAP_INFO.lowestBit;
    cells.st32(lowestBit, cells.ldu32(lowestBit) + 1);
    const { broken, brokenCount } = run.finish();
    expect(brokenCount).to.equal(1);
    expect(broken[0]).to.match(/^I3: area 0 has free slots from \d+ to \d+, beyond its bounds/);
  });

  it('finds page frames that were not given back, and how many', () => {
    const run = new SoloRun();
    run.runToCheckpoint(HALF_WAY);
    run.frames.allocPage(GFP_KERNEL);
    run.frames.allocPage(GFP_KERNEL);
    run.runToCheckpoint(20);
    const { broken, brokenCount } = run.finish();
    expect(broken).to.deep.equal(['2 page frame(s) are not given back']);
    expect(brokenCount).to.equal(1);
  });

  it('finds a page that stays in the swap cache because somebody keeps it', () => {
    const run = new SoloRun({ policies: ['notify'] });
    run.runToCheckpoint(READ);
    const { cache } = run.kernel.vm;
    let held = 0;
    for (let slot = 1; slot < run.device.slots() && held === 0; slot++) held = cache.lookupSwapCache(slot);
    expect(held).to.not.equal(0);
    // Locked when its process goes, and then never dropped.
    run.frames.lockPage(held);
    run.swapper.exit();
    run.frames.unlockPage(held);
    const { broken, final } = run.leader.finish();
    // Swapoff takes it out of the swap cache, so the area and the disk go as ever.
    expect(broken).to.deep.equal([
      '1 page(s) stay in the swap cache although nobody uses them',
      '1 page frame(s) are not given back',
    ]);
    expect(final.live).to.equal(1);
  });

  it('finds an area that cannot be switched off', () => {
    const run = new SoloRun({ policies: ['notify'] });
    run.runToCheckpoint(READ);
    // A slot without an owner, as hibernation takes them.
    run.kernel.swap.allocator.getSwapPageOfType(0);
    const { broken } = run.finish();
    expect(broken.join('\n')).to.match(/swapoff: EOPNOTSUPP: .*some of its slots belong to no process/);
    expect(broken.join('\n')).to.match(/ramzswap0 cannot be reset: errno 16/);
  });

  for (const counter of ['comprSize', 'pagesStored', 'pagesExpand', 'goodCompress', 'pagesZero'] as const) {
    it(`finds that the driver's counter ${counter} differs from what a walk finds`, () => {
      const run = new SoloRun();
      run.runToCheckpoint(20);
      run.swapper.exit();
      const { cells } = run.kernel.core;
      const word = run.statsAddress + TABLE_LOCK[counter];
      cells.st32(word, cells.ldu32(word) + 1);
      const { drift, broken } = run.leader.finish();
      expect(broken).to.deep.equal([]);
      expect(drift).to.have.length(1);
      expect(drift[0]).to.match(/^ramzswap0: \w+ is \d+, but a walk finds \d+\.$/);
    });
  }
});

describe('a checkpoint', () => {
  it('publishes the counts, and they are those of the maps and tables', () => {
    const run = new SoloRun({ policies: ['none'] });
    run.runToCheckpoint(HALF_WAY);
    expect(run.control.sampleCount()).to.equal(HALF_WAY);
    const { t, lap, freeFrames, residentPages, kills, ...counts } = run.control.sample(HALF_WAY - 1);
    expect(counts).to.deep.equal(countSlots(run.view));
    expect({ freeFrames, residentPages, kills }).to.deep.equal(countFrames(run.view));
    expect([lap, kills]).to.deep.equal([0, 0]);
    expect(t).to.be.greaterThan(0);
    const [area] = run.kernel.swap.report.swaps();
    expect(counts.live).to.equal((area?.allocated ?? 0) - (area?.freed ?? 0));
    expect(counts.stale).to.be.greaterThan(0);
    expect(counts.stored).to.be.at.most(counts.live + counts.stale);
  });

  it('finds a driver counter that is off', () => {
    const run = new SoloRun();
    run.runToCheckpoint(HALF_WAY);
    const { cells } = run.kernel.core;
    const word = run.statsAddress + TABLE_LOCK.pagesStored;
    cells.st32(word, cells.ldu32(word) + 1);
    run.leader.checkpoint();
    cells.st32(word, cells.ldu32(word) - 1);
    run.runToCheckpoint(19);
    const { broken, brokenCount, drift } = run.finish();
    expect(broken[0]).to.match(/^ramzswap0: pagesStored is \d+, but a walk finds \d+\.$/);
    expect(brokenCount).to.equal(1);
    expect(drift).to.deep.equal([]);
  });

  it('finds a slot that nobody holds', () => {
    const run = new SoloRun();
    run.runToCheckpoint(HALF_WAY);
    const { cells } = run.kernel.core;
    const map = cells.ldu32(run.kernel.swap.table.infoOf(0) + SWAP_INFO.swapMap);
    let slot = 1;
    while (cells.ld8(map + slot) !== 0) slot++;
    cells.st8(map + slot, 1);
    run.leader.checkpoint();
    cells.st8(map + slot, 0);
    run.runToCheckpoint(19);
    const { broken, brokenCount } = run.finish();
    expect(brokenCount).to.be.greaterThan(0);
    expect(broken.length).to.be.at.least(1);
  });

  it('under notify finds pages stored for slots that were freed without a word', () => {
    const run = new SoloRun({ policies: ['notify'] });
    run.runToCheckpoint(6);
    run.view.setSwapFreeNotify(0, null);
    run.runToCheckpoint(19);
    const { broken, areas, final } = run.finish();
    expect(broken.join('\n')).to.match(/^\d+ slot\(s\) are stored although they are free/);
    expect(areas[0]?.freedUnreported).to.be.greaterThan(0);
    expect(final.stale).to.be.greaterThan(0);
  });
});
