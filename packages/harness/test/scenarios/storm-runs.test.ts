/**
 * Exit storm, fork storm, a swapoff that cannot succeed, and data that cannot be compressed, on real threads: what they promise is there, and
 * nothing is lost.
 */
import { expect } from 'chai';

import { runIsSound } from '#src/report/table.js';
import type { PolicyResult, RunDocument } from '#src/run/document.js';
import type { PartialRunOptions, RunScenario } from '#src/run/options.js';
import { runWorkload } from '#src/run/run-workload.js';

import { quiescentSamples, randomSeed, SoloRun } from '../run/support.js';

const OPS = 8000;

async function run(scenario: RunScenario, more: PartialRunOptions): Promise<RunDocument> {
  const document = await runWorkload({ ops: OPS, seed: randomSeed, ...more, scenario });
  for (const result of document.policies) {
    expect(result.reports, result.policy).to.deep.equal([]);
    expect([result.integrityErrors, result.invariantErrors, result.statDrift]).to.deep.equal([0, 0, 0]);
    expect(result.final.live).to.equal(0);
    for (const area of result.areas) expect(area.freed, area.device).to.equal(area.allocated);
  }
  return document;
}

function factsOf({ scenario }: PolicyResult): Readonly<Record<string, number>> {
  return scenario?.facts ?? {};
}

describe('storms on threads', function () {
  this.timeout(120_000);

  for (const swappers of [2, 4]) {
    it(`exit-storm: ${String(swappers)} threads free much at once, seed ${String(randomSeed)}`, async () => {
      const document = await run('exit-storm', { policies: ['notify', 'none', 'chain'], swappers });
      expect(runIsSound(document)).to.equal(true);
      for (const result of document.policies) {
        const { storms, exits, slotsAtExit = 0 } = factsOf(result);
        expect(storms).to.equal(20);
        expect(exits).to.equal(20 * 8 * swappers);
        // Most of what they had was out.
        expect(slotsAtExit / (exits ?? 1)).to.be.above((0.3 * document.options.mapped) / 4096 / 8);
        expect(result.vm.kills).to.equal(0);
        expect(result.ops).to.equal(OPS);
        if (result.policy !== 'none') expect(result.final.stored).to.equal(0);
      }
    });
  }

  it(`fork-storm: slots have more users than a byte counts, and all are freed, seed ${String(randomSeed)}`, async () => {
    const document = await run('fork-storm', { policies: ['notify', 'discard-slot'], swappers: 2 });
    expect(runIsSound(document)).to.equal(true);
    for (const result of document.policies) {
      const { mostUsers = 0, continuedSlots = 0 } = factsOf(result);
      expect(mostUsers).to.be.within(63, 72);
      expect(continuedSlots).to.be.above(0);
      expect(result.vm.forks).to.be.above(1000);
      expect(result.vm.forkFailures).to.equal(0);
      expect(result.final.stored).to.equal(0);
    }
  });

  it('fork-storm: forks for which there is no place are counted, and the parents go on alone', () => {
    // A machine with room for 64 processes.
    const solo = new SoloRun({ policies: ['notify'], workload: 'fork-storm', ops: 3000, codec: 'none' });
    solo.runToCheckpoint(20);
    expect(solo.swapper.forkFailures).to.be.above(0);
    expect(solo.kernel.vm.events.sums().forks).to.be.above(64);
    expect(solo.swapper.ops).to.equal(3000);
    const { broken, final } = solo.finish();
    expect(solo.swapper.integrityReports).to.deep.equal([]);
    expect([broken, final.stored]).to.deep.equal([[], 0]);
  });

  it(`swapoff-little-ram: swapoffs fail, the area stays usable, and nobody is killed, seed ${String(randomSeed)}`, async () => {
    const document = await run('swapoff-little-ram', { policies: ['notify', 'address-space'], swappers: 2 });
    expect(runIsSound(document)).to.equal(true);
    for (const result of document.policies) {
      const { succeeded = 0, refused = 0, halfWay = 0, homeInVain = 0 } = factsOf(result);
      const { swapons, swapoffs, swapoffErrors = {} } = result.scenario ?? {};
      const failed = Object.values(swapoffErrors).reduce((sum, times) => sum + times, 0);
      expect(failed).to.be.above(0);
      expect(refused + halfWay).to.equal(failed);
      if (halfWay > 0) expect(homeInVain).to.be.above(0);
      // At the end, when all have exited, it goes for good.
      expect(swapoffs).to.equal(succeeded + 1);
      expect(swapons).to.equal(swapoffs);
      for (const code of Object.keys(swapoffErrors)) expect(code).to.be.oneOf(['ENOMEM', 'EINTR']);
      expect(result.vm.kills).to.equal(0);
      expect(result.areas.at(-1)?.allocated).to.be.above(100);
    }
  });

  it(`incompressible: every page takes a frame, but those that a disk behind the device takes, seed ${String(randomSeed)}`, async () => {
    const document = await run('incompressible', { policies: ['none', 'notify', 'bdev-op'], swappers: 2 });
    expect(runIsSound(document)).to.equal(true);
    for (const result of document.policies) {
      for (const { stored, poolPages, comprBytes } of quiescentSamples(result)) {
        expect(poolPages).to.equal(stored);
        expect(comprBytes).to.equal(stored * 4096);
      }
      const { forwarded = 0 } = factsOf(result);
      expect(forwarded).to.be.above(100);
      expect(forwarded).to.be.below(result.vm.swapOuts);
      if (result.policy !== 'none') expect(result.final.stored).to.equal(0);
    }
  });

  it(`incompressible: the driver of 2.6.35 keeps everything, seed ${String(randomSeed)}`, async () => {
    const document = await runWorkload({
      scenario: 'incompressible',
      policies: ['notify'],
      profile: '2.6.35',
      swappers: 1,
      ops: 2000,
      seed: randomSeed,
    });
    const [notify] = document.policies;
    expect(notify?.stopped).to.equal(null);
    expect(factsOf(notify ?? expect.fail('no result'))['forwarded']).to.equal(0);
  });
});
