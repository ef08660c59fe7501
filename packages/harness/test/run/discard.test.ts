/**
 * Whole runs under the policies that discard.
 */
import { expect } from 'chai';

import type { PolicyResult } from '#src/run/document.js';
import { runWorkload } from '#src/run/run-workload.js';
import { SoloRun, quiescentSamples, randomSeed } from './support.js';

function total(result: PolicyResult, field: 'allocated' | 'freed' | 'notified' | 'missed'): number {
  return result.areas.reduce((sum, area) => sum + area[field], 0);
}

function expectSound(result: PolicyResult): void {
  expect(result.reports, result.policy).to.deep.equal([]);
  expect([result.integrityErrors, result.invariantErrors, result.statDrift, result.vm.kills]).to.deep.equal([
    0, 0, 0, 0,
  ]);
  expect(total(result, 'freed')).to.equal(total(result, 'allocated'));
  expect(total(result, 'notified')).to.equal(0);
  expect(result.final.live).to.equal(0);
  expect(quiescentSamples(result)).to.have.length(20);
  expect(result.areas.every((area) => area.freedBeforeHook === null)).to.equal(true);
}

describe('runs under the policies that discard', function () {
  this.timeout(60_000);
  for (const [swappers, seed] of [
    [2, 11],
    [4, randomSeed],
  ] as const) {
    it(`are sound: ${String(swappers)} swappers, seed ${String(seed)}`, async () => {
      const { policies } = await runWorkload({
        policies: ['none', 'discard', 'discard-cluster', 'discard-slot'],
        swappers,
        seed,
        ops: 16_000,
        // Few and large, so that clusters of them die.
        disks: 2,
        pages: 'synthetic',
      });
      for (const result of policies) expectSound(result);
      const [none, discard, cluster, slot] = policies;
      expect(none?.freeCost).to.deep.equal({ usPerSlot: null, bios: 0, bioFailures: 0 });
      expect(none?.traffic.bytesDiscarded).to.equal(0);
      expect(discard?.freeCost.usPerSlot).to.equal(null);
      expect(discard?.freeCost.bios).to.be.greaterThan(0);
      expect(discard?.final.stale).to.be.greaterThan(0);
      // What is left lies in clusters that are never discarded: two of each area.
      expect(cluster?.freeCost.bios).to.be.greaterThan(0);
      expect(cluster?.final.stored).to.be.at.most(2 * 511);
      expect(cluster?.final.stored).to.be.lessThan(none?.final.stored ?? 0);
      expect(slot?.final).to.deep.equal({ live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 });
      if (slot !== undefined) {
        expect(total(slot, 'missed')).to.equal(0);
        expect(slot.freeCost.bios).to.equal(total(slot, 'freed'));
        expect(slot.freeCost.bioFailures).to.equal(0);
        expect(slot.freeCost.usPerSlot).to.be.greaterThan(0);
      }
    });
  }

  it('count what discard-slot has missed, and find it stored at the next checkpoint', () => {
    const run = new SoloRun({ policies: ['discard-slot'], ops: 4000 });
    const { policy } = run.kernel.swap;
    const slotFreed = policy.slotFreed.bind(policy);
    let frees = 0;
    policy.slotFreed = (area, type, offset) => {
      if (++frees % 5 === 0) run.frames.failNextRequests(1);
      return slotFreed(area, type, offset);
    };
    run.runToCheckpoint(20);
    const { areas, final, broken } = run.finish();
    expect(broken).to.deep.equal([]);
    const [area] = areas;
    expect(area?.missed).to.equal(Math.floor(frees / 5));
    expect(area?.discardFailures).to.equal(area?.missed);
    expect(area?.discards).to.equal(frees - Math.floor(frees / 5));
    expect(final.stale).to.be.within(1, area?.missed ?? 0);
  });

  it('find a slot that is stored for nothing although no free was missed', () => {
    const run = new SoloRun({ policies: ['discard-slot'], ops: 4000 });
    run.runToCheckpoint(6);
    run.kernel.swap.discard.issue = () => 0;
    run.runToCheckpoint(12);
    const { broken } = run.finish();
    expect(broken.join('\n')).to.match(/\d+ slot\(s\) are stored although they are free/);
  });
});
