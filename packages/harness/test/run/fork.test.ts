/**
 * Swappers whose processes fork: each process must read what it wrote or what its parent had, and what is broken on purpose is found.
 */
import { PTE_PRESENT } from '@swaplab/kernel-mm';
import { expect } from 'chai';

import type { PartialRunOptions } from '#src/run/options.js';
import { runWorkload } from '#src/run/run-workload.js';
import { CHECKPOINTS } from '#src/workload/plan.js';
import { quiescentSamples, randomSeed, SoloRun } from './support.js';

const FORKING: PartialRunOptions = { workload: 'fork', codec: 'none', ops: 4000, disks: 1 };
/** Late enough for a family. */
const AMONG_FORKS = 12;

/** So many are enough to be seen. */
const SHARED_PAGES = 8;

/** Pages that several processes have in memory. */
function pagesOfSeveral({ kernel: { vm } }: SoloRun): number[] {
  const { spaces } = vm;
  const owners = new Map<number, number>();
  for (const mm of spaces.list()) {
    for (let vpn = 0; vpn < spaces.pagesOf(mm); vpn++) {
      const pte = spaces.pte(mm, vpn);
      if ((pte & PTE_PRESENT) === 0) continue;
      const page = spaces.pageOf(pte);
      owners.set(page, (owners.get(page) ?? 0) + 1);
    }
  }
  return [...owners].filter(([, count]) => count > 1).map(([page]) => page);
}

describe('a swapper that forks', () => {
  for (const seed of [1, randomSeed]) {
    it(`finds in each process what it wrote or had from its parent (seed ${String(seed)})`, () => {
      const run = new SoloRun({ ...FORKING, seed });
      run.runToCheckpoint(CHECKPOINTS);
      const events = run.kernel.vm.events.sums();
      expect(events.forks).to.be.greaterThan(20);
      expect(events.copies).to.be.greaterThan(50);
      expect(events.kills).to.equal(0);
      const end = run.finish();
      expect(run.swapper.integrityReports).to.deep.equal([]);
      expect(run.swapper.ops).to.equal(4000);
      expect([...end.broken, ...end.drift]).to.deep.equal([]);
      expect(run.kernel.vm.spaces.list()).to.deep.equal([]);
    });
  }

  it('sees that a parent wrote into a page of its child', () => {
    const run = new SoloRun(FORKING);
    // A few pages that are shared may all be written or dropped before anybody reads them.
    let shared: number[] = [];
    for (let checkpoint = 4; shared.length < SHARED_PAGES && checkpoint < CHECKPOINTS; checkpoint++) {
      run.runToCheckpoint(checkpoint);
      shared = pagesOfSeveral(run);
    }
    expect(shared.length).to.be.at.least(SHARED_PAGES);
    // Each of them is changed for all, as a write without a copy would do.
    for (const page of shared) run.kernel.core.cells.arena.u8[run.frames.addressOf(page) + 100]! ^= 1;
    run.runToEnd();
    expect(run.swapper.integrityErrors).to.be.greaterThan(0);
    expect(run.swapper.integrityReports[0]).to.match(
      /^swapper 0: page \d+ of process \d+, version \d+: found /,
    );
  });

  it('goes on without a child for which there is no room', () => {
    const run = new SoloRun(FORKING);
    run.runToCheckpoint(3);
    // All places for address spaces but its own are taken by others.
    const others = Array.from({ length: 63 }, () => run.view.createAddressSpace({ bytes: 4096 }));
    run.runToEnd();
    expect(run.kernel.vm.events.sums().forks).to.equal(0);
    expect(run.swapper.ops).to.equal(4000);
    for (const other of others) other.exit();
    const end = run.finish();
    expect(run.swapper.integrityReports).to.deep.equal([]);
    expect([...end.broken, ...end.drift]).to.deep.equal([]);
  });

  it('replaces the process that is killed, and its relatives lose nothing', () => {
    const run = new SoloRun(FORKING);
    run.runToCheckpoint(AMONG_FORKS);
    for (let kill = 1; kill <= 5; kill++) {
      run.frames.failNextRequests(1);
      run.runToCheckpoint(AMONG_FORKS + kill);
    }
    expect(run.kernel.vm.events.sums().kills).to.be.within(1, 5);
    run.runToCheckpoint(CHECKPOINTS);
    const end = run.finish();
    expect(run.swapper.integrityReports).to.deep.equal([]);
    expect(run.swapper.ops).to.equal(4000);
    expect([...end.broken, ...end.drift]).to.deep.equal([]);
  });
});

describe('a run of swappers that fork', () => {
  for (const swappers of [2, 4]) {
    it(`is sound under each policy: ${String(swappers)} swappers, seed ${String(randomSeed)}`, async () => {
      const ops = 6000;
      const document = await runWorkload({
        ...FORKING,
        swappers,
        ops,
        seed: randomSeed,
        pages: 'synthetic',
        policies: ['none', 'notify'],
      });
      for (const result of document.policies) {
        expect(result.reports).to.deep.equal([]);
        expect([result.ops, result.integrityErrors, result.invariantErrors, result.statDrift]).to.deep.equal([
          ops,
          0,
          0,
          0,
        ]);
        const exact = quiescentSamples(result);
        expect(exact).to.have.length(CHECKPOINTS);
        expect(new Set(exact.map((sample) => sample.phase))).to.deep.equal(new Set(['fill', 'fork']));
        expect(result.vm.kills).to.equal(0);
        expect(result.final.live).to.equal(0);
      }
      expect(document.policies.at(-1)?.final.stored).to.equal(0);
    }).timeout(60_000);
  }
});
