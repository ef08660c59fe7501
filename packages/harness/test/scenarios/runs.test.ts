/**
 * Scenarios on real threads: what they promise is there, and nothing is lost.
 */
import { expect } from 'chai';

import { runIsSound } from '#src/report/table.js';
import type { PolicyResult, RunDocument } from '#src/run/document.js';
import type { RunPolicy, RunScenario } from '#src/run/options.js';
import { runWorkload } from '#src/run/run-workload.js';

import { quiescentSamples, randomSeed } from '../run/support.js';

/** Smaller than by default: a page for each ten or fifteen steps. */
const OPS = 12_000;

function run(
  scenario: RunScenario,
  seed: number,
  policies: readonly RunPolicy[],
  more = {},
): Promise<RunDocument> {
  return runWorkload({ scenario, seed, policies, ops: OPS, pages: 'default', ...more });
}

/** Whatever happens to the processes, no page is lost and every book is right. */
function expectClean(document: RunDocument, ops = OPS): void {
  for (const result of document.policies) {
    expect(result.reports, result.policy).to.deep.equal([]);
    expect([result.integrityErrors, result.invariantErrors, result.statDrift]).to.deep.equal([0, 0, 0]);
    expect(result.ops).to.equal(ops);
    expect(quiescentSamples(result)).to.have.length(20);
  }
}

function resultOf(document: RunDocument, policy: RunPolicy): PolicyResult {
  const result = document.policies.find((each) => each.policy === policy);
  if (result === undefined) throw new Error(`there is no result of ${policy}`);
  return result;
}

describe('memory-squeeze on threads', function () {
  this.timeout(120_000);

  for (const seed of [1, 2, 3, randomSeed]) {
    it(`kills under none and not under notify, seed ${String(seed)}`, async () => {
      const document = await run('memory-squeeze', seed, ['none', 'notify']);
      expectClean(document);
      expect(runIsSound(document)).to.equal(true);
      const [none, notify] = [resultOf(document, 'none'), resultOf(document, 'notify')];
      expect(none.vm.kills).to.be.greaterThan(0);
      expect(notify.vm.kills).to.equal(0);
      expect(notify.firstKill).to.equal(null);
      // It must be stale data that has the frames: live data and processes have less than half of them.
      const { firstKill } = none;
      expect(firstKill?.stale).to.be.above(firstKill?.live ?? Infinity);
      expect(firstKill?.freeFrames).to.be.below((document.options.ram / 4096) * 0.1);
      expect(none.samples.at(-1)?.kills).to.be.above(0);
      expect(notify.samples.every(({ kills }) => kills === 0)).to.equal(true);
      expect(none.scenario?.expectations.map(({ holds }) => holds)).to.deep.equal([true]);
      expect(none.scenario?.explanation[0]).to.match(/^[\d,]+ process(es were| was) killed .* stale slots: /);
      expect(notify.scenario?.explanation[0]).to.match(
        /^no process was killed\. .*none of them for stale slots/,
      );
    });
  }

  it('kills nobody on a machine with plenty of RAM, and then expects nothing', async () => {
    const document = await run('memory-squeeze', 1, ['none'], { ram: 64 << 20 });
    expectClean(document);
    const [none] = document.policies;
    expect(none?.vm.kills).to.equal(0);
    expect(none?.scenario?.expectations).to.deep.equal([]);
    expect(document.command).to.include('--scenario memory-squeeze').and.to.include('--ram 64M');
  });

  it('is clean under every other policy, and kills only where the device is told late', async () => {
    const exact = ['discard-slot', 'chain', 'bdev-op', 'address-space'] as const;
    const document = await run('memory-squeeze', 4, ['discard', 'discard-cluster', ...exact]);
    expectClean(document);
    expect(resultOf(document, 'discard').vm.kills).to.be.above(0);
    for (const policy of exact) expect(resultOf(document, policy).vm.kills, policy).to.equal(0);
  });
});

describe('other scenarios on threads', function () {
  this.timeout(120_000);

  it('device-full: there is no slot at times, and nothing is lost or killed', async () => {
    const document = await run('device-full', randomSeed, ['none', 'notify', 'discard-slot']);
    expectClean(document);
    expect(runIsSound(document)).to.equal(true);
    for (const result of document.policies) {
      expect(result.scenario?.facts['noSlot']).to.be.above(0);
      expect(result.vm.kills).to.equal(0);
    }
  });

  it('two-tiers: cold pages stay on the fast device, and what is in use comes from the slow one', async () => {
    const document = await run('two-tiers', randomSeed, ['none', 'notify', 'address-space']);
    expectClean(document);
    for (const { policy, areas, scenario, vm } of document.policies) {
      const slow = areas.filter(({ type }) => type === 'ram');
      expect(slow.map(({ device }) => device)).to.deep.equal(['/dev/ram0']);
      expect(areas.filter(({ type }) => type === 'ramzswap')).to.have.length(4);
      expect(slow[0]?.freed).to.equal(slow[0]?.allocated);
      expect([slow[0]?.notified, slow[0]?.missed, slow[0]?.freedBeforeHook]).to.deep.equal([0, 0, null]);
      const { fastLive = 0, fastCold = 0, slowLive = 0, slowCold = 0 } = scenario?.facts ?? {};
      expect(fastCold / fastLive, policy).to.be.above(0.9);
      expect(slowCold / slowLive, policy).to.be.below(0.9);
      expect((slow[0]?.bytesIn ?? 0) / 4096 / vm.swapIns, policy).to.be.within(0.5, 1);
    }
    expect(Math.max(...quiescentSamples(resultOf(document, 'none')).map(({ stale }) => stale))).to.be.above(
      0,
    );
    expect(quiescentSamples(resultOf(document, 'notify')).every(({ stale }) => stale === 0)).to.equal(true);
  });
});
