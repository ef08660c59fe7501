/**
 * A swap area that comes and goes while the swappers run: whole runs on real threads, and its parts in one thread, where what must be found can be
 * put there on purpose.
 */
import { ENOMEM } from '@swaplab/kernel-mm';
import { ramzswapOf } from '@swaplab/ramzswap';
import { expect } from 'chai';

import type { PolicyResult } from '#src/run/document.js';
import { completeRunOptions, RUN_SCENARIOS, type RunPolicy } from '#src/run/options.js';
import { runWorkload } from '#src/run/run-workload.js';
import { SpareArea } from '#src/scenarios/spare-area.js';
import type { WorkloadName } from '#src/workload/plan.js';
import { randomSeed, SoloRun } from './support.js';

const SPARE = '/dev/ramzswap1';

function expectSound(result: PolicyResult): void {
  expect(result.reports).to.deep.equal([]);
  expect([result.integrityErrors, result.invariantErrors, result.statDrift, result.vm.kills]).to.deep.equal([
    0, 0, 0, 0,
  ]);
}

describe('swapoff under load', () => {
  for (const [workload, swappers, seed, policies] of [
    ['phased', 2, 1, ['none', 'notify']],
    ['fork', 3, randomSeed, ['chain', 'discard-slot']],
    ['churn', 4, randomSeed, ['address-space', 'discard-cluster']],
  ] as const satisfies readonly (readonly [WorkloadName, number, number, readonly RunPolicy[]])[]) {
    it(`changes nothing for ${String(swappers)} swappers, workload ${workload}, ${policies.join(' and ')}, seed ${String(seed)}`, async () => {
      const ops = 8000;
      const document = await runWorkload({
        policies,
        swappers,
        ops,
        workload,
        scenario: 'swapoff-under-load',
        seed,
        pages: 'synthetic',
      });
      expect(document.command).to.include(' --scenario swapoff-under-load ');
      for (const result of document.policies) {
        expectSound(result);
        expect(result.ops).to.equal(ops);
        const { scenario, areas } = result;
        expect(scenario).to.deep.include({ name: 'swapoff-under-load', swapoffErrors: {} });
        expect(scenario?.swapons).to.be.at.least(2);
        expect(scenario?.swapoffs).to.equal(scenario?.swapons);
        expect(areas.map(({ device }) => device)).to.deep.equal(
          Array.from({ length: swappers + 1 }, (_, disk) => `/dev/ramzswap${String(disk)}`),
        );
        // It has the highest priority, so it is used at once.
        const spare = areas.at(-1);
        expect(spare?.allocated).to.be.greaterThan(50);
        expect(spare?.freed).to.equal(spare?.allocated);
        expect(spare?.missed).to.equal(0);
        if (result.policy === 'chain' || result.policy === 'address-space')
          expect(spare?.notified).to.equal(spare?.freed);
        if (result.policy !== 'none' && result.policy !== 'discard-cluster')
          expect(result.final.stored).to.equal(0);
      }
    }).timeout(60_000);
  }

  it('is not there unless it is asked for', async () => {
    const { policies, options } = await runWorkload({
      policies: ['notify'],
      swappers: 1,
      ops: 1500,
      seed: 1,
      pages: 'synthetic',
    });
    expect(options.scenario).to.equal(null);
    expect(policies[0]?.scenario).to.equal(null);
    expect(policies[0]?.areas).to.have.length(1);
  });

  it('brings a disk of its own, and RAM for it', () => {
    const plain = completeRunOptions({ swappers: 4, ops: 60_000, seed: 1 });
    const { options, plan } = completeRunOptions({
      swappers: 4,
      ops: 60_000,
      seed: 1,
      scenario: 'swapoff-under-load',
    });
    expect(options.disks).to.equal(4);
    expect([plain.plan.spareDisks, plan.spareDisks]).to.deep.equal([0, 1]);
    expect(options.ram).to.equal(plain.options.ram + options.disksize);
    expect(() => completeRunOptions({ disks: 29, scenario: 'swapoff-under-load' })).to.throw(
      'disks 29 is not an integer in range; allowed: 1 to 28',
    );
    expect(() => completeRunOptions({ scenario: 'x' as 'swapoff-under-load' })).to.throw(
      `scenario "x" is not known; allowed now: ${RUN_SCENARIOS.join(', ')}`,
    );
  });
});

describe('an area that comes and goes, step by step', () => {
  /** A run with its second disk switched off, before its first step. */
  function halfRun(policy: RunPolicy): { run: SoloRun; area: SpareArea } {
    const run = new SoloRun({ policies: [policy], disks: 2 });
    run.view.swapoff(SPARE);
    return { run, area: new SpareArea(run.view, run.control, SPARE) };
  }

  it('is counted, its lives added up', () => {
    const { run, area } = halfRun('notify');
    for (let life = 1; life <= 3; life++) {
      area.change();
      run.runToCheckpoint(3 * life);
      area.change();
    }
    const counts = area.finish();
    expect(counts).to.deep.include({
      swapons: 3,
      swapoffs: 3,
      swapoffErrors: {},
      broken: [],
      brokenCount: 0,
    });
    const { allocated, freed, notified } = counts.area!;
    expect(allocated).to.be.greaterThan(50);
    expect([freed, notified]).to.deep.equal([allocated, allocated]);
  });

  it('is left behind when swapoff fails, and goes in the end', () => {
    const { run, area } = halfRun('notify');
    const { unuse } = run.kernel.vm;
    const tryToUnuse = unuse.tryToUnuse.bind(unuse);
    area.change();
    run.runToCheckpoint(4);
    unuse.tryToUnuse = () => -ENOMEM;
    area.change();
    area.change();
    unuse.tryToUnuse = tryToUnuse;
    const counts = area.finish();
    expect(counts).to.deep.include({ swapons: 1, swapoffs: 1, swapoffErrors: { ENOMEM: 2 }, brokenCount: 0 });
    expect(run.kernel.swap.report.swaps().map(({ device }) => device)).to.deep.equal(['/dev/ramzswap0']);
  });

  it('is an error when it cannot be switched off at the end', () => {
    const { run, area } = halfRun('notify');
    area.change();
    run.kernel.vm.unuse.tryToUnuse = () => -ENOMEM;
    const counts = area.finish();
    expect(counts.brokenCount).to.equal(1);
    expect(counts.broken[0]).to.include('swapoff: ENOMEM: /dev/ramzswap1');
  });

  it('leaves nothing on the device under an exact policy, or that is an error', () => {
    const { run, area } = halfRun('notify');
    area.change();
    // As if the driver had never been told of this area.
    const type = run.kernel.swap.report.swaps().find(({ device }) => device === SPARE)?.type ?? -1;
    run.view.setSwapFreeNotify(type, null);
    run.runToCheckpoint(6);
    area.change();
    const { broken, brokenCount } = area.finish();
    expect(brokenCount).to.equal(1);
    expect(broken[0]).to.match(/^after a swapoff of \/dev\/ramzswap1 \d+ slot\(s\) are stored still$/);
  });

  it('may leave stale slots where nobody tells the device', () => {
    const { run, area } = halfRun('none');
    area.change();
    run.runToCheckpoint(6);
    area.change();
    expect(area.finish().broken).to.deep.equal([]);
    expect(ramzswapOf(run.view).device(SPARE).readStats().pagesStored).to.be.greaterThan(0);
  });
});
