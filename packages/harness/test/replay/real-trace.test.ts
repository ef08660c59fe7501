import { expect } from 'chai';

import { RUN_POLICIES } from '#src/run/options.js';
import { POLICY_FACTS } from '#src/run/policies.js';

import { FIXTURES, replay, replayUnder, TraceFolder } from './support.js';

describe('parts of a real trace', function () {
  this.timeout(60_000);
  const head = `${FIXTURES}swap-churn-zram-head.csv.gz`;
  const someSlots = `${FIXTURES}swap-churn-zram-slots.csv.gz`;

  it('give the live slots and the compressed bytes of the real kernel, under policies that tell the device', async () => {
    const { policies, trace, kernelSamples } = await replay(head, { policies: ['notify', 'none'] });
    expect(trace).to.include({
      format: 'csv',
      rows: 4000,
      written: 4000,
      samplesFile: head.replace('.csv', '.samples.csv'),
    });
    expect(kernelSamples).to.have.length(14);
    for (const result of policies) {
      // One of so few samples was taken a moment after a page had its slot and before its write was seen.
      expect(result.liveVsSamples?.median).to.equal(0);
      expect(result.liveVsSamples?.p95).to.be.at.most(1);
      expect(result).to.include({ samplesCompared: 14, samplesExcluded: 0 });
      // Nothing was freed up to here: stale data cannot make a difference.
      expect(result.comprVsSamples?.medianRelative).to.be.below(0.05);
      expect(result.comprVsSamples?.p95Relative).to.be.below(0.1);
      expect(result.final).to.include({ live: 4000, stored: 4000, stale: 0 });
    }
  });

  it('leave nothing under policies that tell the device, and under none every slot ever given out', async () => {
    const { policies, trace } = await replay(someSlots, { policies: RUN_POLICIES });
    expect(trace).to.include({
      distinct: 1238,
      liveMax: 1171,
      liveEnd: 0,
      freed: 2851,
      samplesFile: null,
      unmapAt: 3.763889,
    });
    for (const result of policies) {
      const { policy, counts, final, distinctSlots, samples } = result;
      expect(result.reports, policy).to.deep.equal([]);
      expect(counts, policy).to.include({
        writes: 2851,
        reads: 860,
        frees: 2851,
        rewrites: 0,
        skippedReads: 0,
        skippedFrees: 0,
      });
      expect(final.live, policy).to.equal(0);
      expect(result.areas[0], policy).to.include({ allocated: 2851, freed: 2851, missed: 0 });
      if (POLICY_FACTS[policy].exact) {
        expect(final, policy).to.deep.equal({ live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 });
        expect(
          samples.every(({ stale }) => stale === 0),
          policy,
        ).to.equal(true);
      }
      if (policy === 'none') {
        expect(final.stored).to.equal(distinctSlots);
        expect(distinctSlots).to.be.within(1171, 2342);
      }
    }
  });

  it('leave with recorded slots as many as the trace has, under none', async () => {
    const none = await replayUnder('none', someSlots, { slots: 'recorded' });
    expect(none.final).to.include({ live: 0, stored: 1238, stale: 1238 });
    const notify = await replayUnder('notify', someSlots, { slots: 'recorded', repeat: 2 });
    expect(notify.final).to.include({ live: 0, stored: 0 });
    expect(notify.counts.frees).to.equal(2 * 2851);
  });

  it('are off the samples of another moment', async () => {
    // The same samples, each a millisecond late: rows in between make the difference.
    const folder = new TraceFolder();
    try {
      const samples = folder.write(
        'late.samples.csv',
        't_us,swap_used_slots,compr_data\n0,0,74\n10000,500,900000\n90000,3000,6000000\n',
      );
      const result = await replayUnder('notify', head, { samples });
      expect(result.liveVsSamples?.p95).to.be.greaterThan(0);
      expect(result.samplesCompared).to.equal(3);
      const without = await replayUnder('notify', head, { samples: null });
      expect([without.liveVsSamples, without.comprVsSamples]).to.deep.equal([null, null]);
    } finally {
      folder.remove();
    }
  });

  it('leave out only the samples in the call that unmaps everything', async () => {
    const folder = new TraceFolder();
    try {
      const trace = folder.csv('t.csv', ['W 1', 'W 2', 'W 3', 'F 1 1 d', 'F 2 1 u', 'F 3 1 e']);
      folder.write('t.samples.csv', 't_us,swap_used_slots\n0,1\n1500,2\n3500,2\n4500,2\n5000,1\n6000,0\n');
      const result = await replayUnder('notify', trace);
      expect(result.liveVsSamples).to.deep.equal({ median: 0, p95: 0 });
      expect(result).to.include({ samplesCompared: 4, samplesExcluded: 2 });
    } finally {
      folder.remove();
    }
  });
});
