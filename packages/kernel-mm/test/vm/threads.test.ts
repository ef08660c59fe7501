import { expect } from 'chai';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import { createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';
import type { SwapperInput, SwapperResult } from './scenarios.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;
const LIMIT_MS = 30_000;
const RANDOM_SEED = Math.trunc(Math.random() * 100_000);

function sum(results: readonly SwapperResult[], field: keyof SwapperResult): number {
  return results.reduce((total, result) => total + result[field], 0);
}

async function runSwappers(
  vm: VmMachine,
  count: number,
  seed: number,
  order: Partial<SwapperInput>,
): Promise<SwapperResult[]> {
  // Nobody drains the rings here.
  vm.machine.record();
  return withThreads(SCENARIOS, async (threads) => {
    for (let swapper = 0; swapper < count; swapper++) {
      const input: SwapperInput = {
        handle: vm.machine.handle,
        seed: seed + swapper,
        ops: 8000 / count,
        pages: 24,
        mayBeKilled: false,
        exits: true,
        stays: false,
        ...order,
      };
      threads.start('swapper', input);
    }
    return valuesOf<SwapperResult>(await threads.allEnded(LIMIT_MS));
  });
}

describe('processes on threads of their own', () => {
  for (const count of [2, 4, 8]) {
    for (const seed of [1, RANDOM_SEED]) {
      it(`find what they wrote: ${count} threads, seed ${seed}`, async () => {
        const vm = createVmMachine({ limitPages: 4 * count, slots: [255, 255] });
        const results = await runSwappers(vm, count, seed, {});
        expect(sum(results, 'wrong')).to.equal(0);
        expect(sum(results, 'overLimit')).to.equal(0);
        expect(sum(results, 'ops')).to.equal(8000);
        expect(vm.count('swapOuts')).to.be.greaterThan(1000);
        expect(vm.count('swapIns')).to.be.greaterThan(1000);
        expect(vm.count('kills')).to.equal(0);
        expect(vm.broken()).to.deep.equal([]);
        // A slot whose page was just locked when its process went is freed by reclaim.
        vm.view.reclaimPages(1000);
        expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
        expect(vm.broken()).to.deep.equal([]);
      }).timeout(2 * LIMIT_MS);
    }
  }

  for (const [count, limitPages] of [
    [4, 1],
    [8, 2],
  ] as const) {
    it(`are not ended while others have all the pages in hand: ${count} threads, ${limitPages} page(s)`, async () => {
      const vm = createVmMachine({ limitPages, slots: [255] });
      const results = await runSwappers(vm, count, 5, { ops: 2400 / count, mayBeKilled: true, exits: false });
      expect(sum(results, 'wrong')).to.equal(0);
      expect(sum(results, 'kills')).to.equal(0);
      expect(sum(results, 'overLimit')).to.equal(0);
      vm.view.reclaimPages(1000);
      expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
      expect(vm.broken()).to.deep.equal([]);
    }).timeout(2 * LIMIT_MS);
  }

  it('agree with the swap maps while they stay alive', async () => {
    const vm = createVmMachine({ limitPages: 10, slots: [127] });
    const results = await runSwappers(vm, 4, 7, { exits: false, stays: true });
    expect(sum(results, 'wrong')).to.equal(0);
    const { spaces } = vm.kernel.vm;
    expect(spaces.list()).to.have.members(results.map((result) => result.id));
    const swapped = spaces.list().reduce((total, mm) => total + spaces.info(mm).swapents, 0);
    expect(swapped).to.be.greaterThan(50);
    expect(vm.inuse()).to.be.at.least(swapped);
    expect(vm.broken()).to.deep.equal([]);
  }).timeout(2 * LIMIT_MS);

  it('survive a swap space that is too small: some are ended, the machine stays sound', async () => {
    const vm = createVmMachine({ limitPages: 12, slots: [40] });
    const results = await runSwappers(vm, 4, 11, { mayBeKilled: true, ops: 1500, exits: false });
    expect(sum(results, 'wrong')).to.equal(0);
    expect(sum(results, 'overLimit')).to.equal(0);
    expect(sum(results, 'kills')).to.be.greaterThan(0);
    expect(vm.count('kills')).to.equal(sum(results, 'kills'));
    vm.view.reclaimPages(1000);
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
    expect(vm.broken()).to.deep.equal([]);
  }).timeout(2 * LIMIT_MS);

  it('come and go without leaving anything', async () => {
    const vm = createVmMachine({ limitPages: 10, slots: [127] });
    vm.machine.record();
    const wrong = await withThreads(SCENARIOS, async (threads) => {
      for (let seed = 1; seed <= 4; seed++)
        threads.start('comeAndGo', { handle: vm.machine.handle, seed, rounds: 150 });
      return valuesOf<number>(await threads.allEnded(LIMIT_MS));
    });
    expect(wrong).to.deep.equal([0, 0, 0, 0]);
    vm.view.reclaimPages(1000);
    expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
    expect(vm.broken()).to.deep.equal([]);
  }).timeout(2 * LIMIT_MS);
});
