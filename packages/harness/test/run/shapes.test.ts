/**
 * The shapes of the curves, as a current kernel shows them with its own compressed RAM device: told of frees, the device holds what is live and
 * nothing else; not told, it is a ratchet.
 */
import { expect } from 'chai';

import type { PolicyResult, RunDocument, Sample } from '#src/run/document.js';
import { runWorkload } from '#src/run/run-workload.js';
import type { PhaseName } from '#src/workload/plan.js';

/** Large enough for more than 10,000 live slots; no zero pages, which hold slots but no bytes. */
const OPTIONS = {
  policies: ['none', 'notify'],
  swappers: 2,
  ops: 130_000,
  mapped: 32 << 20,
  pages: 'synthetic:ratio=0.45,zero=0,same=0.02',
  lockStats: false,
  seed: 20100505,
} as const;

/** How far held bytes per live slot may be from their mean, with so many live slots. */
const TOLERANCES = [
  { live: 10_000, share: 0.02 },
  { live: 2_000, share: 0.05 },
];

const FREEING: readonly PhaseName[] = ['free chunks', 'free singly', 'free half', 'free the rest'];

describe('the curves of the phased workload', function () {
  this.timeout(120_000);
  let document: RunDocument;
  before(async () => {
    document = await runWorkload(OPTIONS);
  });

  it('has more than 10,000 live slots at the end of some phase', () => {
    expect(Math.max(...phaseEnds(result(document, 'notify')).map((sample) => sample.live))).to.be.above(
      10_000,
    );
  });

  it('holds under notify the same bytes for each live slot at the end of every phase', () => {
    const ends = phaseEnds(result(document, 'notify')).filter((sample) => sample.live > 0);
    const bytesPerSlot =
      sum(ends.map((sample) => sample.comprBytes)) / sum(ends.map((sample) => sample.live));
    let checked = 0;
    for (const sample of ends) {
      const tolerance = TOLERANCES.find(({ live }) => sample.live >= live);
      if (tolerance === undefined) continue;
      checked++;
      const deviation = Math.abs(sample.comprBytes / sample.live / bytesPerSlot - 1);
      expect(deviation, `deviation at the end of '${sample.phase}'`).to.be.at.most(tolerance.share);
    }
    expect(checked).to.be.above(3);
  });

  it('never lets go of anything under none: stored only rises', () => {
    let before = 0;
    for (const { stored, phase } of result(document, 'none').samples.filter((sample) => sample.quiescent)) {
      expect(stored, `stored slots in '${phase}'`).to.be.at.least(before);
      before = stored;
    }
  });

  it('holds ever more under none than is live, from the rewriting on and with each freeing phase', () => {
    const ends = phaseEnds(result(document, 'none'));
    for (const [index, end] of ends.entries()) {
      const previous = ends[index - 1];
      if (previous === undefined || (end.phase !== 'rewrite' && !FREEING.includes(end.phase))) continue;
      expect(overhang(end), `overhang at the end of '${end.phase}'`).to.be.above(overhang(previous));
    }
  });

  it('keeps nothing under notify once all is freed, and everything ever stored under none', () => {
    expect(result(document, 'notify').final.stored).to.equal(0);
    const none = result(document, 'none');
    const most = Math.max(...none.samples.map((sample) => sample.stored));
    expect(none.final.stored).to.equal(most);
    expect(none.final.stale).to.equal(most);
  });
});

function result(document: RunDocument, policy: string): PolicyResult {
  const found = document.policies.find((candidate) => candidate.policy === policy);
  if (found === undefined) throw new Error(`the run has no policy ${policy}`);
  return found;
}

/** The last exact sample of each phase, in order. */
function phaseEnds(policy: PolicyResult): Sample[] {
  const ends = new Map<PhaseName, Sample>();
  for (const sample of policy.samples) if (sample.quiescent) ends.set(sample.phase, sample);
  return [...ends.values()];
}

/** Stored slots for each live one; without live slots it is as large as can be. */
function overhang(sample: Sample): number {
  return sample.live === 0 ? Infinity : sample.stored / sample.live;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
