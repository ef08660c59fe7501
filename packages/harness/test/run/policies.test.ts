/**
 * The policies under which a driver is told of each freed slot: whole runs on real threads, and that they differ in nothing but the way.
 */
import { expect } from 'chai';

import { runWorkload } from '#src/run/run-workload.js';
import { RUN_POLICIES } from '#src/run/options.js';
import { POLICY_FACTS } from '#src/run/policies.js';
import type { RunDocument } from '#src/run/document.js';
import { quiescentSamples, randomSeed, SoloRun } from './support.js';

const HOOKED = RUN_POLICIES.filter((policy) => POLICY_FACTS[policy].hooked);
const EMPTY = { live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 };

describe('policies with a callback', () => {
  it('are notify, chain, bdev-op and address-space', () => {
    expect(HOOKED).to.deep.equal(['notify', 'chain', 'bdev-op', 'address-space']);
  });

  for (const [seed, swappers] of [
    [3, 2],
    [randomSeed, 3],
  ] as const) {
    it(`tell the device exactly, at once, with ${String(swappers)} swappers (seed ${String(seed)})`, async () => {
      const document: RunDocument = await runWorkload({
        policies: HOOKED,
        swappers,
        ops: 1800,
        seed,
        codec: 'none',
      });
      expect(document.policies.map(({ policy }) => policy)).to.deep.equal(HOOKED);
      for (const result of document.policies) {
        const { policy, integrityErrors, invariantErrors, statDrift, vm } = result;
        expect(result.reports, policy).to.deep.equal([]);
        expect([integrityErrors, invariantErrors, statDrift, vm.kills, vm.ioErrors], policy).to.deep.equal([
          0, 0, 0, 0, 0,
        ]);
        expect(result.final, policy).to.deep.equal(EMPTY);
        for (const sample of quiescentSamples(result)) expect(sample.stale, policy).to.equal(0);
        expect(result.areas, policy).to.have.length(swappers);
        for (const area of result.areas) {
          expect(area.allocated, policy).to.be.greaterThan(0);
          expect([area.freed, area.notified], policy).to.deep.equal([area.allocated, area.allocated]);
          expect([area.freedBeforeHook, area.missed], policy).to.deep.equal([0, 0]);
        }
        expect(result.freeCost.usPerSlot, policy).to.be.greaterThan(0);
        expect(result.traffic.bytesOut, policy).to.equal(vm.swapOuts * 4096);
        expect(result.traffic.bytesIn, policy).to.be.at.least(vm.swapIns * 4096);
      }
    });
  }

  it('do the same to every slot when one swapper does the same steps', async () => {
    const document = await runWorkload({ policies: HOOKED, swappers: 1, ops: 1500, seed: 5 });
    const outcomes = document.policies.map((result) => ({
      // Under address-space pages move without block requests; the traffic below counts them, too.
      areas: result.areas.map(({ bytesIn: _in, bytesOut: _out, ...rest }) => rest),
      samples: quiescentSamples(result).map(({ t: _t, ...rest }) => rest),
      final: result.final,
      vm: result.vm,
      traffic: result.traffic,
    }));
    const [first, ...others] = outcomes;
    expect(first?.samples.some((sample) => sample.stored > 0)).to.equal(true);
    for (const other of others) expect(other).to.deep.equal(first);
  });

  for (const policy of HOOKED) {
    it(`are found out when a slot is freed and the device does not hear of it: ${policy}`, () => {
      const run = new SoloRun({ policies: [policy] });
      const swapPolicy = run.kernel.swap.policy;
      const slotFreed = swapPolicy.slotFreed.bind(swapPolicy);
      let frees = 0;
      swapPolicy.slotFreed = (area, type, offset) =>
        ++frees % 8 === 0 ? true : slotFreed(area, type, offset);
      run.runToCheckpoint(20);
      const { broken } = run.finish();
      expect(frees).to.be.greaterThan(8);
      expect(
        broken.some((sentence) => /^\d+ slot\(s\) are stored although they are free$/.test(sentence)),
      ).to.equal(true);
    });
  }
});
