/**
 * What scenarios assume, expect and say: without a machine.
 */
import { expect } from 'chai';
import fc from 'fast-check';

import { completeRunOptions, RUN_SCENARIOS } from '#src/run/options.js';
import { deviceFull } from '#src/scenarios/device-full.js';
import { framesStory, stalePages } from '#src/scenarios/frames-story.js';
import { memorySqueeze } from '#src/scenarios/memory-squeeze.js';
import { scenarioOf, SCENARIOS } from '#src/scenarios/registry.js';
import { share, type Scenario, type ScenarioSight } from '#src/scenarios/scenario.js';
import { twoTiers } from '#src/scenarios/two-tiers.js';

import { KILL, sight } from './sights.js';

const PAGE = 4096;

const verdicts = (scenario: Scenario, seen: ScenarioSight): boolean[] =>
  (scenario.expects?.(seen) ?? []).map(({ holds }) => holds);

describe('the scenarios', () => {
  it('have names of their own, and words without a full stop or with one', () => {
    expect(new Set(RUN_SCENARIOS).size).to.equal(SCENARIOS.length);
    for (const scenario of SCENARIOS) {
      expect(scenario.name).to.match(/^[a-z]+(-[a-z]+)*$/);
      expect(scenarioOf(scenario.name)).to.equal(scenario);
      expect(scenario.description, scenario.name).to.match(/^[a-z].*[^.]$/);
      expect(scenario.meaning, scenario.name).to.match(/^[A-Z].*\.$/);
    }
    expect(scenarioOf(null)).to.equal(null);
  });

  it('assume what is possible, for every number of swappers and steps, and only then have a shape of their own', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...RUN_SCENARIOS),
        fc.option(fc.integer({ min: 1, max: 28 }), { nil: undefined }),
        fc.option(fc.integer({ min: 500, max: 2_000_000 }), { nil: undefined }),
        (scenario, swappers, ops) => {
          const { options, plan } = completeRunOptions({ scenario, swappers, ops, seed: 1 });
          expect(plan.ownShape).to.equal(true);
          if (swappers !== undefined) expect(options.swappers).to.equal(swappers);
          if (ops !== undefined) expect(options.ops).to.equal(ops);
          // Given in words, the same sizes are the same shape.
          const { mapped, limit, ram, disksize } = options;
          const again = completeRunOptions({
            scenario,
            swappers,
            ops,
            mapped,
            limit,
            ram,
            disksize,
            seed: 1,
          });
          expect(again.plan.ownShape).to.equal(true);
          expect(completeRunOptions({ ...options, ram: options.ram + PAGE }).plan.ownShape).to.equal(false);
        },
      ),
      { seed: 61 },
    );
  });

  it('leave to the user what the user says', () => {
    for (const scenario of RUN_SCENARIOS) {
      const { options, plan } = completeRunOptions({
        scenario,
        seed: 1,
        mapped: 256 * PAGE,
        disksize: 5000 * PAGE,
        ram: 60_000 * PAGE,
        codec: 'deflate',
        workload: 'churn',
      });
      expect(options, scenario).to.include({
        mapped: 256 * PAGE,
        disksize: 5000 * PAGE,
        ram: 60_000 * PAGE,
        codec: 'deflate',
        workload: 'churn',
      });
      expect(plan.ownShape, scenario).to.equal(false);
    }
  });

  it('still refuse what cannot be', () => {
    const refused =
      (asked: object): (() => void) =>
      () =>
        void completeRunOptions({ seed: 1, ...asked });
    expect(refused({ scenario: 'device-full', disksize: 9 * PAGE })).to.throw('disksize 36K is too small');
    expect(refused({ scenario: 'memory-squeeze', limit: 400 * PAGE, ram: 399 * PAGE })).to.throw(
      /^ram 1596K is too small; allowed: 1600K to 1536M: at least the limit of 1600K$/,
    );
    expect(refused({ disksize: 100 * PAGE, mapped: 200 * PAGE })).to.throw('too small');
  });
});

describe('memory-squeeze', () => {
  it('has RAM for what is live, and for less than half of the slots', () => {
    for (const swappers of [1, 2, 4, 8, 32]) {
      const { options, plan } = completeRunOptions({ scenario: 'memory-squeeze', swappers, seed: 1 });
      expect(options.ram).to.be.lessThan((options.mapped * swappers * 3) / 2);
      expect(plan.slotsPerDisk * options.disks).to.be.at.least(10 * plan.mappedPages);
      expect(plan.ramPages).to.be.above(plan.limitPages + plan.mappedPages / 2);
    }
  });

  it('expects kills where nobody tells the device, and none where somebody does', () => {
    const vm = { ...sight().vm, kills: 7 };
    expect(verdicts(memorySqueeze, sight())).to.deep.equal([false]);
    expect(verdicts(memorySqueeze, sight({ vm }))).to.deep.equal([true]);
    for (const policy of ['notify', 'chain', 'bdev-op', 'address-space'] as const) {
      expect(verdicts(memorySqueeze, sight({ policy }))).to.deep.equal([true]);
      expect(verdicts(memorySqueeze, sight({ policy, vm }))).to.deep.equal([false]);
    }
    expect(verdicts(memorySqueeze, sight({ policy: 'discard' }))).to.deep.equal([]);
    expect(memorySqueeze.expects?.(sight({ vm }))[0]?.sentence).to.equal(
      'processes are killed under none: 7 were',
    );
  });

  it('expects nothing of a machine with other sizes, nor where transfers fail on purpose', () => {
    expect(verdicts(memorySqueeze, sight({ ownShape: false }))).to.deep.equal([]);
    expect(verdicts(memorySqueeze, sight({ faultsInjected: true }))).to.deep.equal([]);
    // Nor of one with hardly a step for each page.
    const options = { ...sight().options, ops: 5000 };
    expect(verdicts(memorySqueeze, sight({ options }))).to.deep.equal([]);
    expect(verdicts(deviceFull, sight({ options }))).to.deep.equal([]);
  });
});

describe('the story of the page frames', () => {
  it('names the frames for stale slots at the first kill', () => {
    const vm = { ...sight().vm, kills: 3 };
    const final = { live: 0, stored: 1600, stale: 1600, poolPages: 800 };
    const said = framesStory(sight({ vm, firstKill: KILL, final }));
    expect(said).to.have.length(3);
    expect(said[0]).to.equal(
      '3 processes were killed because no page frame could be had. Right after the first kill, 1.50 s after the start, the devices had 800 of ' +
        '1,000 frames, about 600 of them (60\u00a0% of the RAM) for stale slots: 1,600 slots were stored for 400 live ones. ' +
        'Processes and swap cache had 180 pages; 20 frames were free, kept for reclaim itself.',
    );
    expect(said[1]).to.match(/^to kill did not help: .* still had 800 frames, all of them for nobody\.$/);
    expect(said[2]).to.equal(
      'reclaim looked at 1,500 pages to free 500, 3.0 for each; 500 pages went out. 3 times a task found no free frame.',
    );
  });

  it('does not say that killing did not help where it did', () => {
    const vm = { ...sight().vm, kills: 3 };
    expect(framesStory(sight({ vm, firstKill: KILL })).join(' ')).not.to.include('did not help');
  });

  it('names the tightest moment where nobody was killed', () => {
    expect(framesStory(sight())[0]).to.equal(
      'no process was killed. When memory was shortest, 2.00 s after the start, 350 of 1,000 frames were free; the devices had 400, about 25 of them ' +
        'for stale slots. 1,234 slots were given out in the whole run.',
    );
  });

  it('says little where little is known', () => {
    const vm = { ...sight().vm, kills: 1, scanned: 0 };
    expect(framesStory(sight({ vm }))).to.deep.equal([
      '1 process was killed because no page frame could be had.',
    ]);
    expect(framesStory(sight({ samples: [], vm: { ...vm, kills: 0 } }))).to.deep.equal([
      'no process was killed.',
    ]);
  });

  it('shares the pages of a pool among its slots', () => {
    expect(stalePages({ stored: 0, stale: 0, poolPages: 7 })).to.equal(0);
    expect(stalePages({ stored: 10, stale: 5, poolPages: 7 })).to.equal(4);
    expect(stalePages({ stored: 10, stale: 10, poolPages: 7 })).to.equal(7);
    expect([share(1, 0), share(1, 1000), share(1, 2), share(3, 3)]).to.deep.equal(
      ['0', '0.1', '50', '100'].map((text) => `${text}\u00a0%`),
    );
  });
});

describe('device-full', () => {
  it('has fewer slots than pages, but room for all of them', () => {
    for (const swappers of [1, 2, 4, 8]) {
      const { plan, options } = completeRunOptions({ scenario: 'device-full', swappers, seed: 1 });
      const slots = plan.slotsPerDisk * options.disks;
      expect(slots).to.be.lessThan(plan.mappedPages);
      expect(slots + plan.limitPages).to.be.above(plan.mappedPages);
    }
  });

  it('expects that there was no slot at some time', () => {
    expect(verdicts(deviceFull, sight())).to.deep.equal([false]);
    expect(verdicts(deviceFull, sight({ facts: { noSlot: 1 } }))).to.deep.equal([true]);
    expect(verdicts(deviceFull, sight({ ownShape: false }))).to.deep.equal([]);
    expect(deviceFull.explain(sight({ facts: { noSlot: 1 } }))).to.deep.equal([
      'swap has 800 slots for 1,000 pages; at most 750 were in use. 1 time a page that was to go out found none and stayed in memory; no process was killed.',
    ]);
  });
});

describe('two-tiers', () => {
  it('has a slow device below the fast ones, with room for all pages', () => {
    const { plan, options } = completeRunOptions({ scenario: 'two-tiers', seed: 1 });
    expect(options.workload).to.equal('hot-cold');
    expect(plan.slotsPerDisk * options.disks).to.be.lessThan(plan.mappedPages / 2);
    const [slow] = plan.ramDisks;
    expect(plan.ramDisks).to.have.length(1);
    expect(slow?.priority).to.be.lessThan(plan.diskPriority);
    expect(slow?.bytes).to.be.above(plan.mappedPages * PAGE);
  });

  it('says how much of the fast tier is cold, how much was stale, and who reads from the slow one', () => {
    const areas = [
      { type: 'ramzswap', device: '/dev/ramzswap0', allocated: 1, freed: 1, bytesIn: 100 * PAGE },
      { type: 'ram', device: '/dev/ram0', allocated: 1, freed: 1, bytesIn: 300 * PAGE },
    ];
    const facts = { fastLive: 800, fastCold: 600, slowLive: 200, slowCold: 50 };
    expect(twoTiers.explain(sight({ areas, facts }))).to.deep.equal([
      'when the work was done, 600 of the 800 slots of the fast tier (75\u00a0%) held cold pages, which nobody had touched since they were first written. ' +
        'Of the 200 pages that were out in the slow tier 150 (75\u00a0%) were in use.',
      'up to 100 slots of the fast tier (13\u00a0%) were stale, in the phase "churn".',
      'of 400 pages that came in, 300 (75\u00a0%) came from the slow tier.',
    ]);
  });
});
