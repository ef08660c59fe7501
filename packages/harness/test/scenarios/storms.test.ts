/**
 * Exit storm, fork storm, a swapoff that cannot succeed, and data that cannot be compressed: what they say and expect, without a machine.
 */
import { expect } from 'chai';

import { completeRunOptions } from '#src/run/options.js';
import { exitStorm } from '#src/scenarios/exit-storm.js';
import { forkStorm } from '#src/scenarios/fork-storm.js';
import { incompressible } from '#src/scenarios/incompressible.js';
import type { Scenario, ScenarioSight } from '#src/scenarios/scenario.js';
import { swapoffLittleRam } from '#src/scenarios/swapoff-little-ram.js';

import { sample, sight } from './sights.js';

const PAGE = 4096;

const verdicts = (scenario: Scenario, seen: ScenarioSight): boolean[] =>
  (scenario.expects?.(seen) ?? []).map(({ holds }) => holds);

/** The options and plan of a scenario, and how many slots its disks have for how many mapped pages. */
function shapeOf(
  scenario: string,
  more: object = {},
): ReturnType<typeof completeRunOptions> & { perPage: number } {
  const complete = completeRunOptions({ scenario: scenario as 'exit-storm', seed: 1, ...more });
  const { plan, options } = complete;
  return { ...complete, perPage: (plan.slotsPerDisk * options.disks) / plan.mappedPages };
}

describe('exit-storm', () => {
  it('keeps little resident, so that processes exit with most of their pages in swap', () => {
    const { options, plan, perPage } = shapeOf('exit-storm');
    expect(options.workload).to.equal('exit-storm');
    expect(plan.limitPages / plan.mappedPages).to.be.closeTo(1 / 8, 0.01);
    expect(perPage).to.be.at.least(1);
  });

  it('says how many exited with how much in swap, and expects that something was there and nobody was killed', () => {
    const facts = { storms: 20, exits: 640, slotsAtExit: 40_000 };
    const seen = sight({ facts });
    expect(exitStorm.explain(seen)).to.deep.equal([
      '640 processes exited in 20 storms, 2 threads at a time, with 40,000 pages in swap, 62.5 each. ' +
        '1,234 slots were freed in the whole run.',
    ]);
    expect(exitStorm.explain(sight())).to.deep.equal(['no process exited with anything mapped.']);
    expect(verdicts(exitStorm, seen)).to.deep.equal([true, true]);
    expect(verdicts(exitStorm, sight())).to.deep.equal([false, true]);
    expect(verdicts(exitStorm, { ...seen, vm: { ...seen.vm, kills: 1 } })).to.deep.equal([true, false]);
    expect(
      verdicts(exitStorm, { ...seen, faultsInjected: true, vm: { ...seen.vm, kills: 1 } }),
    ).to.deep.equal([true]);
    expect(verdicts(exitStorm, { ...seen, ownShape: false })).to.deep.equal([]);
  });
});

describe('fork-storm', () => {
  it('has families larger than a byte of the map can count, and fewer resident pages than one of them has', () => {
    for (const swappers of [1, 4, 32]) {
      const { options, plan } = shapeOf('fork-storm', { swappers });
      expect(options.workload).to.equal('fork-storm');
      expect(plan.pagesPerSwapper).to.equal((72 * 32) / 2);
      expect(plan.limitPages).to.equal(16 * swappers);
      // Each process may need a slot for each of its pages.
      expect(plan.slotsPerDisk * options.disks).to.be.at.least(72 * 32 * swappers);
    }
  });

  it('says how many users a slot had, and expects more than a byte counts of a run that is long enough', () => {
    const seen = sight({
      ops: 1000,
      facts: { mostUsers: 71, continuedSlots: 87 },
      vm: { ...sight().vm, forks: 5680, forkFailures: 2 },
    });
    expect(forkStorm.explain(seen)).to.deep.equal([
      '5,680 forks of processes with 13 pages each, 2 forks failed for want of memory. A slot had up to 71 users; ' +
        'at one checkpoint 87 slots had more than the 62 that a byte of the map counts.',
    ]);
    expect(forkStorm.explain(sight())[0]).to.match(/none failed.* none had more than the 62 /);
    expect(verdicts(forkStorm, seen)).to.deep.equal([true, true]);
    expect(verdicts(forkStorm, { ...seen, facts: { mostUsers: 62 } })).to.deep.equal([true, false]);
    expect(verdicts(forkStorm, { ...seen, vm: { ...seen.vm, kills: 1 } })).to.deep.equal([false, true]);
    expect(verdicts(forkStorm, { ...seen, ops: 499, facts: {} })).to.deep.equal([true]);
    expect(verdicts(forkStorm, { ...seen, faultsInjected: true, facts: {} })).to.deep.equal([]);
  });
});

describe('swapoff-little-ram', () => {
  it('has slots for everything with the area that is to go, and not without it', () => {
    for (const swappers of [1, 4, 8]) {
      const { options, plan, perPage } = shapeOf('swapoff-little-ram', { swappers });
      expect(plan.spareDisks).to.equal(1);
      expect(options.disks).to.equal(1);
      expect(2 * perPage).to.be.above(1);
      expect(perPage + plan.limitPages / plan.mappedPages).to.be.below(0.9);
      // Nor is there RAM for the rest as it is.
      expect(plan.ramPages).to.be.below(plan.mappedPages * 1.2 + 256 + 16 * swappers);
    }
  });

  it('says how far the swapoffs came, and expects that some failed and nobody was killed', () => {
    const seen = sight({
      ops: 4000,
      swapoffErrors: { ENOMEM: 6, EINTR: 1 },
      facts: { succeeded: 1, refused: 3, halfWay: 4, homeInVain: 512 },
    });
    expect(swapoffLittleRam.explain(seen)).to.deep.equal([
      'an area of 400 slots, of 1,200 for 1,000 pages, was to go while the threads ran. 1 swapoff succeeded, ' +
        'and there failed 6 with ENOMEM, 1 with EINTR: 3 before anything had come home, 4 when 512 pages had. ' +
        'No process was killed for it.',
    ]);
    expect(swapoffLittleRam.explain(sight())[0]).to.include(
      '0 swapoffs succeeded, and none failed. No process',
    );
    expect(verdicts(swapoffLittleRam, seen)).to.deep.equal([true, true]);
    expect(verdicts(swapoffLittleRam, { ...seen, swapoffErrors: {} })).to.deep.equal([true, false]);
    expect(verdicts(swapoffLittleRam, { ...seen, vm: { ...seen.vm, kills: 2 } })).to.deep.equal([
      false,
      true,
    ]);
    expect(verdicts(swapoffLittleRam, { ...seen, ops: 3999, swapoffErrors: {} })).to.deep.equal([true]);
    expect(verdicts(swapoffLittleRam, { ...seen, ownShape: false, swapoffErrors: {} })).to.deep.equal([]);
  });
});

describe('incompressible', () => {
  it('has random pages, and a disk as large as the first device behind it, but for the profile that knows of none', () => {
    const { options, plan } = shapeOf('incompressible');
    expect(options.pages).to.equal('synthetic:ratio=1,zero=0,same=0');
    expect(plan.backing).to.deep.equal({ name: 'ram0', bytes: options.disksize });
    expect(shapeOf('incompressible', { profile: '2.6.35' }).plan.backing).to.equal(null);
    expect(completeRunOptions({ seed: 1 }).plan.backing).to.equal(null);
  });

  it('says what was stored in how many frames, and what was sent on, and expects a frame for each page', () => {
    const fullest = { ...sample(2, 400, 0), stored: 400, comprBytes: 400 * PAGE, live: 400 };
    const seen = sight({ samples: [sample(1, 20, 0), fullest], facts: { forwarded: 7 } });
    expect(incompressible.explain(seen)).to.deep.equal([
      'the devices stored up to 400 pages in 400 page frames, 4,096 bytes for each of 4,096: ' +
        'swapping to RAM won nothing, and took 40\u00a0% of the RAM. All of it was needed.',
      '7 pages were not kept in memory but sent on to the disk behind /dev/ramzswap0.',
    ]);
    const stale = { ...fullest, stale: 150 };
    expect(incompressible.explain(sight({ samples: [stale] }))).to.have.length(1);
    expect(incompressible.explain(sight({ samples: [stale] }))[0]).to.include(
      'For 150 pages of them that was for nobody',
    );
    expect(incompressible.explain(sight({ samples: [], facts: { forwarded: 1 } }))).to.deep.equal([
      'no device kept anything in memory; 1 page was not kept in memory but sent on to the disk behind /dev/ramzswap0.',
    ]);
    expect(verdicts(incompressible, seen)).to.deep.equal([true]);
    expect(verdicts(incompressible, { ...seen, samples: [{ ...fullest, poolPages: 399 }] })).to.deep.equal([
      false,
    ]);
    expect(verdicts(incompressible, { ...seen, samples: [] })).to.deep.equal([]);
    expect(verdicts(incompressible, { ...seen, ownShape: false })).to.deep.equal([]);
  });
});
