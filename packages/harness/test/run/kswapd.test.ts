/**
 * kswapd in whole runs: it is there, it sleeps as long as there is enough memory, it works when there is not, and it ends with the run.
 */
import { expect } from 'chai';

import { runWorkload, type PolicyResult } from '@swaplab/harness';

import type { PartialRunOptions } from '#src/run/options.js';
import { kernelThreadsUnder } from '#src/swappers/kernel-thread.js';
import { randomSeed, SoloRun } from './support.js';

const PAGE = 4096;
/** Pages that may stay, and that each swapper maps. */
const LIMIT_PAGES = 1536;
const MAPPED_PAGES = 2048;

/** Two swappers that map far more than may stay, in a machine with little more than that. */
const SHORT: PartialRunOptions = {
  policies: ['notify'],
  swappers: 2,
  ops: 16_001,
  codec: 'lzo1x-2010',
  pages: 'synthetic:ratio=0.3,zero=0,same=0',
  mapped: MAPPED_PAGES * PAGE,
  limit: LIMIT_PAGES * PAGE,
  ram: (LIMIT_PAGES + 512 + 2 * 64) * PAGE,
};

function expectSound(result: PolicyResult): void {
  expect(result.reports).to.deep.equal([]);
  expect(result.integrityErrors + result.invariantErrors + result.statDrift).to.equal(0);
}

function expectNoThreadLeft(): void {
  expect(process.getActiveResourcesInfo()).to.not.include.members(['MessagePort', 'Worker']);
}

describe('kswapd in a run', () => {
  it('is there under every policy, beside the thread that discards clusters', () => {
    expect(kernelThreadsUnder('none')).to.deep.equal(['kswapd']);
    expect(kernelThreadsUnder('notify')).to.deep.equal(['kswapd']);
    expect(kernelThreadsUnder('discard-cluster')).to.deep.equal(['kswapd', 'kdiscardd']);
  });

  it('sleeps all the time when there is enough memory, though processes are at their limit', async () => {
    const { policies } = await runWorkload({
      policies: ['none', 'discard-cluster'],
      swappers: 2,
      ops: 2001,
      codec: 'none',
      pages: 'synthetic',
      seed: 3,
    });
    for (const result of policies) {
      expectSound(result);
      const { pageoutrun, pgscanKswapd, pgstealKswapd, pgscanDirect, allocstall, ...vm } = result.vm;
      expect([pageoutrun, pgscanKswapd, pgstealKswapd, pgscanDirect, allocstall]).to.deep.equal([
        0, 0, 0, 0, 0,
      ]);
      expect(vm.swapOuts).to.be.greaterThan(0);
      // New pages are active, so those that were swapped out became inactive before.
      expect(vm.pgdeactivate).to.be.greaterThan(0);
      expect(vm.pgrefill).to.equal(vm.pgdeactivate);
      expect(vm.pgactivate).to.be.at.least(0);
    }
    expectNoThreadLeft();
  }).timeout(40_000);

  for (const seed of [11, randomSeed]) {
    it(`frees pages when memory is short, beside tasks that reclaim for themselves, and nothing breaks: seed ${String(seed)}`, async () => {
      const { policies } = await runWorkload({ ...SHORT, seed });
      const [result] = policies;
      if (result === undefined) throw new Error('the policy has no result');
      expectSound(result);
      expect(result.vm.pageoutrun).to.be.greaterThan(0);
      expect(result.vm.pgstealKswapd).to.be.greaterThan(0);
      expect(result.vm.pgscanKswapd).to.be.at.least(result.vm.pgstealKswapd ?? 0);
      expect(result.vm.kills).to.equal(0);
      expect(result.final).to.deep.include({ live: 0, stored: 0 });
      expectNoThreadLeft();
    }).timeout(40_000);
  }

  it('ends also when a swapper dies', async () => {
    let failed = false;
    try {
      await runWorkload({ ...SHORT, seed: 4, ops: 3001 }, { fault: 'die-holding-lock' });
    } catch (error) {
      failed = String(error).includes('swapper 1 ended while holding swap_lock');
    }
    expect(failed).to.equal(true);
    expectNoThreadLeft();
  }).timeout(40_000);
});

describe('the leader', () => {
  it('lets kswapd stand still while it looks, lets it go on, and tells it to end', () => {
    const solo = new SoloRun();
    const { kswapd } = solo.kernel.vm;
    const calls: string[] = [];
    for (const name of ['freeze', 'thaw', 'stop'] as const) {
      const original = kswapd[name].bind(kswapd);
      kswapd[name] = () => {
        calls.push(name);
        original();
      };
    }
    solo.runToCheckpoint(2);
    expect(calls).to.deep.equal(['freeze', 'thaw', 'freeze', 'thaw']);
    expect(kswapd.shouldStop()).to.equal(false);
    solo.runToEnd();
    expect(solo.finish().broken).to.deep.equal([]);
    expect(calls.slice(4)).to.deep.equal(['freeze', 'stop']);
    expect(kswapd.shouldStop()).to.equal(true);
  });
});
