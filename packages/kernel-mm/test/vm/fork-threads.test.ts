import { expect } from 'chai';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import type { FamilyInput, FamilyResult } from './fork-scenarios.js';
import { createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';

const SCENARIOS = siblingModule('fork-scenarios', import.meta.url).href;
const LIMIT_MS = 30_000;
const RUN_MS = 2000;
const RANDOM_SEED = Math.trunc(Math.random() * 100_000);

function sum(results: readonly FamilyResult[], field: keyof FamilyResult): number {
  return results.reduce((total, result) => total + result[field], 0);
}

async function run(
  vm: VmMachine,
  count: number,
  scenario: string,
  inputOf: (thread: number) => unknown,
): Promise<FamilyResult[]> {
  // Nobody drains the rings here.
  vm.machine.record();
  return withThreads(SCENARIOS, async (threads) => {
    for (let thread = 0; thread < count; thread++) threads.start(scenario, inputOf(thread));
    return valuesOf<FamilyResult>(await threads.allEnded(LIMIT_MS));
  });
}

function runFamilies(
  vm: VmMachine,
  count: number,
  seed: number,
  order: Partial<FamilyInput> = {},
): Promise<FamilyResult[]> {
  return run(vm, count, 'family', (thread) => {
    const input: FamilyInput = {
      handle: vm.machine.handle,
      seed: seed + thread,
      milliseconds: RUN_MS,
      pages: 16,
      processes: 4,
      mayBeKilled: false,
      ...order,
    };
    return input;
  });
}

function expectNothingLeft(vm: VmMachine): void {
  expect(vm.broken()).to.deep.equal([]);
  // A slot whose page was just locked when its process went is freed by reclaim.
  vm.view.reclaimPages(1000);
  expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  expect(vm.broken()).to.deep.equal([]);
}

describe('families on threads of their own', () => {
  for (const count of [2, 4, 8]) {
    for (const seed of count === 4 ? [1, RANDOM_SEED] : [RANDOM_SEED]) {
      it(`find what they wrote or had at their fork: ${count} threads, seed ${seed}`, async () => {
        const vm = createVmMachine({
          limitPages: 5 * count,
          slots: [40 * count, 40 * count],
          addressSpaces: 40,
        });
        const results = await runFamilies(vm, count, seed);
        expect(sum(results, 'wrong')).to.equal(0);
        expect(sum(results, 'forks')).to.be.greaterThan(50);
        expect(vm.count('forks')).to.equal(sum(results, 'forks'));
        for (const event of ['swapOuts', 'swapIns', 'copies'] as const)
          expect(vm.count(event), event).to.be.greaterThan(100);
        expect(vm.count('kills')).to.equal(0);
        expectNothingLeft(vm);
      }).timeout(2 * LIMIT_MS);
    }
  }

  it('survive a swap space that is too small: some are ended, their relatives lose nothing', async () => {
    const vm = createVmMachine({ limitPages: 16, slots: [60], addressSpaces: 40 });
    const results = await runFamilies(vm, 4, 3, { mayBeKilled: true, milliseconds: 1000 });
    expect(sum(results, 'wrong')).to.equal(0);
    expect(sum(results, 'kills')).to.be.greaterThan(0);
    expect(vm.count('kills')).to.equal(sum(results, 'kills'));
    expectNothingLeft(vm);
  }).timeout(2 * LIMIT_MS);
});

describe('one process that four threads fork and write', () => {
  it('gives each child what it had, though it goes on', async () => {
    const pages = 16;
    const vm = createVmMachine({ limitPages: 24, slots: [160], addressSpaces: 16 });
    const parent = vm.process(pages);
    const results = await run(vm, 4, 'relatives', (seed) => ({
      handle: vm.machine.handle,
      seed,
      milliseconds: RUN_MS,
      id: parent.id,
      pages,
    }));
    expect(sum(results, 'wrong')).to.equal(0);
    expect(sum(results, 'forks')).to.be.greaterThan(40);
    expect(vm.count('copies')).to.be.greaterThan(100);
    expect(vm.count('kills')).to.equal(0);
    parent.exit();
    expectNothingLeft(vm);
  }).timeout(2 * LIMIT_MS);
});
