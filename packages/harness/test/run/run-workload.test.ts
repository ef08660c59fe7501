/**
 * Whole runs on real threads: what every sound run must show, for both policies, both workloads, all codecs and several numbers of swappers.
 */
import { expect } from 'chai';

import type { PolicyResult, RunDocument, RunProgress } from '#src/run/document.js';
import type { PartialRunOptions } from '#src/run/options.js';
import { runWorkload } from '#src/run/run-workload.js';
import { CHECKPOINTS, planWorkload, type WorkloadName } from '#src/workload/plan.js';
import { quiescentSamples, randomSeed } from './support.js';

const EMPTY = { live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 };

/** What holds for each policy of each sound run. */
function expectSound(result: PolicyResult, ops: number, workload: WorkloadName): void {
  expect(result.reports).to.deep.equal([]);
  const { integrityErrors, invariantErrors, statDrift, vm } = result;
  expect({
    integrityErrors,
    invariantErrors,
    statDrift,
    kills: vm.kills,
    ioErrors: vm.ioErrors,
  }).to.deep.equal({
    integrityErrors: 0,
    invariantErrors: 0,
    statDrift: 0,
    kills: 0,
    ioErrors: 0,
  });
  expect(result.ops).to.equal(ops);
  expect(result.seconds).to.be.greaterThan(0);
  expect(vm.swapOuts).to.be.greaterThan(0);
  expect(vm.swapIns).to.be.greaterThan(0);
  expect(vm.faults).to.be.at.least(vm.swapIns);

  const exact = quiescentSamples(result);
  expect(exact).to.have.length(CHECKPOINTS);
  const { checkpoints } = planWorkload(workload, 64, 1000);
  expect(exact.map(({ phase }) => phase)).to.deep.equal(checkpoints.map(({ phase }) => phase));
  for (const [index, sample] of result.samples.entries()) {
    expect(sample.t).to.be.at.least(result.samples[index - 1]?.t ?? 0);
  }
  for (const sample of exact) expect(sample.stale).to.be.at.most(sample.stored);
  expect(result.final.live).to.equal(0);
  expectAnatomy(result);

  let allocated = 0;
  for (const area of result.areas) {
    allocated += area.allocated;
    expect(area.type).to.equal('ramzswap');
    expect(area.freed, area.device).to.equal(area.allocated);
    expect(area.missed, area.device).to.equal(0);
    expect(area.notified, area.device).to.equal(result.policy === 'notify' ? area.freed : 0);
    expect(area.freedBeforeHook, area.device).to.equal(result.policy === 'notify' ? 0 : null);
  }
  expect(allocated).to.be.greaterThan(0);
  expect(result.traffic.bytesOut).to.equal(vm.swapOuts * 4096);
  expect(result.traffic.bytesIn).to.be.at.least(vm.swapIns * 4096);

  if (result.policy === 'notify') {
    for (const sample of exact) expect(sample.stale, `stale at ${String(sample.t)} s`).to.equal(0);
    expect(result.final).to.deep.equal(EMPTY);
    expect(result.freeCost.usPerSlot).to.be.greaterThan(0);
  } else {
    expect(exact.some((sample) => sample.stale > 0)).to.equal(true);
    expect(result.final.stale).to.equal(result.final.stored);
    expect(result.final.comprBytes).to.be.greaterThan(0);
    expect(result.freeCost.usPerSlot).to.equal(null);
  }
}

/** What the walk over the pools has found fits the other numbers of the same moments. */
function expectAnatomy({ policy, samples, final, anatomy }: PolicyResult): void {
  if (anatomy === null) throw new Error(`no anatomy under ${policy}`);
  const exact = samples.filter(({ quiescent }) => quiescent);
  expect(anatomy.checkpoints.map(({ t }) => t)).to.deep.equal(exact.map(({ t }) => t));
  const pairs = [
    ...exact.map((counts, index) => [counts, anatomy.checkpoints[index]!] as const),
    [final, anatomy.final] as const,
  ];
  for (const [counts, inside] of pairs) {
    expect(inside.poolPages + inside.rawPages).to.equal(counts.poolPages);
    expect(inside.dataBytes + inside.rawPages * 4096).to.equal(counts.comprBytes);
    expect(inside.dataBytes + inside.freeBytes + inside.lostBytes).to.equal(inside.poolPages * 4096);
    expect(inside.objects).to.be.at.most(counts.stored);
    if (counts.stale === 0) expect(inside.stalePages).to.equal(0);
    if (counts.live === 0) expect(inside.stalePages + inside.emptyPages).to.equal(inside.poolPages);
  }
}

function expectSoundRun(document: RunDocument): void {
  const { policies, ops, workload, swappers, disks } = document.options;
  expect(document.interrupted).to.equal(false);
  expect(document.swappers).to.equal(swappers);
  expect(document.policies.map(({ policy }) => policy)).to.deep.equal(policies);
  for (const result of document.policies) {
    expect(result.areas).to.have.length(disks);
    expectSound(result, ops, workload);
  }
}

describe('a run under none and notify', () => {
  const asked: PartialRunOptions = { swappers: 2, ops: 2003, seed: 11, codec: 'lzo1x-2010' };
  const told: RunProgress[] = [];
  let document: RunDocument;

  before(async () => {
    document = await runWorkload(asked, { onProgress: (progress) => told.push(progress) });
  });

  it('is sound, and shows stale slots under none and not one under notify', () => {
    expectSoundRun(document);
  });

  it('does the same steps under both policies', () => {
    const [none, notify] = document.policies;
    expect(none?.ops).to.equal(2003);
    expect(notify?.ops).to.equal(2003);
  });

  it('tells of each checkpoint of each policy, once and in order', () => {
    const expected = ['none', 'notify'].flatMap((policy) =>
      Array.from({ length: CHECKPOINTS }, (_, index) => `${policy} ${String(index + 1)}`),
    );
    expect(told.map(({ policy, checkpoint }) => `${policy} ${String(checkpoint)}`)).to.deep.equal(expected);
    for (const { policyCount, checkpoints, ops, opsDone, sample } of told) {
      expect({ policyCount, checkpoints, ops }).to.deep.equal({
        policyCount: 2,
        checkpoints: CHECKPOINTS,
        ops: 2003,
      });
      expect(opsDone).to.be.within(1, 2003);
      expect(sample.quiescent).to.equal(true);
    }
    expect(told.at(-1)?.opsDone).to.equal(2003);
    const exact = document.policies.flatMap(quiescentSamples);
    expect(told.map(({ sample }) => sample)).to.deep.equal(exact);
  });

  it('counts its locks by class', () => {
    for (const { locks } of document.policies) {
      const classes = locks.map((row) => row.class);
      expect(classes).to.include.members(['swap_lock', 'rzs_lock', 'page_table_lock', 'table_lock']);
      expect(new Set(classes).size).to.equal(classes.length);
      for (const row of locks) {
        expect(row.acquisitions, row.class).to.be.greaterThan(0);
        expect(row.contended, row.class).to.be.at.most(row.acquisitions);
        expect(row.holdSeconds, row.class).to.be.greaterThan(0);
        expect(row.holdMaxSeconds, row.class).to.be.at.most(row.holdSeconds);
        expect(row.waitMaxSeconds, row.class).to.be.at.most(row.waitSeconds);
      }
    }
  });

  it('leaves no thread and no timer behind', () => {
    const left = process.getActiveResourcesInfo();
    expect(left).to.not.include('MessagePort');
    expect(left).to.not.include('Worker');
  });
});

describe('runs of every kind', () => {
  const kinds: readonly PartialRunOptions[] = [
    { swappers: 4, ops: 2001, workload: 'churn', codec: 'none', seed: 3, disks: 2 },
    { swappers: 8, ops: 2777, workload: 'phased', codec: 'none', seed: 4 },
    { swappers: 4, ops: 1601, workload: 'phased', codec: 'deflate', seed: 5, disks: 1 },
    { swappers: 2, ops: 1501, workload: 'churn', codec: 'lzo1x-2010', seed: 6, lockStats: false },
  ];
  for (const kind of kinds) {
    const { swappers, ops, workload, codec, seed } = kind;
    const title = `${String(swappers)} swappers, ${String(ops)} ops, ${String(workload)}, ${String(codec)}`;
    it(`are sound: ${title}`, async () => {
      const document = await runWorkload({ policies: ['notify', 'none'], pages: 'synthetic', ...kind });
      // Without lock statistics there is no clock either, so nothing is timed.
      if (kind.lockStats === false) {
        for (const result of document.policies) {
          expect(result.locks).to.deep.equal([]);
          expect(result.freeCost.usPerSlot).to.equal(null);
        }
        return;
      }
      expectSoundRun(document);
      expect(document.seed).to.equal(seed);
    }).timeout(40_000);
  }

  for (const seed of [0, 20_100_505, 4_294_967_295, randomSeed]) {
    it(`are sound with seed ${String(seed)}`, async () => {
      const options = { swappers: 3, ops: 1201, seed, codec: 'none', pages: 'synthetic' } as const;
      expectSoundRun(await runWorkload(options));
    }).timeout(30_000);
  }
});

describe('a seed', () => {
  it('repeats the whole run when there is one swapper, and another one does not', async () => {
    const run = async (seed: number): Promise<RunDocument> =>
      runWorkload({ swappers: 1, ops: 1501, seed, codec: 'none', lockStats: false });
    const [first, again, other] = [await run(7), await run(7), await run(8)];
    const counts = (document: RunDocument): unknown =>
      document.policies.map((result) => ({
        samples: quiescentSamples(result).map(({ t: _, ...rest }) => rest),
        final: result.final,
        vm: result.vm,
        areas: result.areas,
        traffic: result.traffic,
      }));
    expect(again.pagesHash).to.equal(first.pagesHash);
    expect(counts(again)).to.deep.equal(counts(first));
    expect(other.pagesHash).to.not.equal(first.pagesHash);
    expect(counts(other)).to.not.deep.equal(counts(first));
    // Until the first slot is freed, policies cannot differ.
    const [none, notify] = first.policies.map((result) => quiescentSamples(result)[0]?.live);
    expect(none).to.equal(notify);
    expect(first.command).to.match(
      /^npx swaplab run --policy none,notify --swappers 1 --ops 1501 .*--seed 7$/,
    );
  }).timeout(40_000);
});

describe('a machine that is too small for the pages', () => {
  it('ends processes, counts them, and comes to a sound end all the same', async () => {
    // Pages that cannot be compressed, twice as many as the machine has page frames.
    const document = await runWorkload({
      policies: ['none', 'notify'],
      swappers: 2,
      ops: 8001,
      codec: 'none',
      seed: 9,
      pages: 'synthetic:ratio=1,zero=0,same=0',
      mapped: 4 << 20,
      limit: 1 << 20,
      ram: (1 << 20) + (512 + 2 * 64) * 4096,
    });
    for (const result of document.policies) {
      expect(result.reports).to.deep.equal([]);
      expect(result.vm.kills, result.policy).to.be.greaterThan(0);
      expect(result.integrityErrors + result.invariantErrors + result.statDrift).to.equal(0);
      expect(result.ops).to.equal(8001);
      expect(result.final.live).to.equal(0);
      for (const area of result.areas) expect(area.freed).to.equal(area.allocated);
    }
    expect(document.policies[1]?.final).to.deep.equal(EMPTY);
  }).timeout(40_000);
});
