import { expect } from 'chai';
import { siblingModule, valuesOf, withThreads, type Threads } from '../support/threads.js';
import type { FamilyInput, FamilyResult } from './fork-scenarios.js';
import { createVmMachine, NOTHING_LEFT, type VmMachine, type VmOptions } from './machine.js';
import type { SwapperInput, SwapperResult } from './scenarios.js';
import type { SwitcherInput, SwitcherResult } from './unuse-scenarios.js';

const SCENARIOS = siblingModule('unuse-scenarios', import.meta.url).href;
const LIMIT_MS = 30_000;
const RUN_MS = 2000;
const RANDOM_SEED = Math.trunc(Math.random() * 100_000);

/** A machine on which only the first disk is switched on yet; nobody drains its events. */
function machineWithSpares(options: VmOptions, spares: number): VmMachine {
  const [slots = 255] = options.slots ?? [];
  const vm = createVmMachine({ ...options, slots: Array.from({ length: spares + 1 }, () => slots) });
  for (let spare = 1; spare <= spares; spare++) vm.view.swapoff(`/dev/ram${spare}`);
  vm.machine.record();
  return vm;
}

function startSwitchers(
  threads: Threads,
  vm: VmMachine,
  count: number,
  order: Partial<SwitcherInput> = {},
): void {
  for (let spare = 1; spare <= count; spare++) {
    const input: SwitcherInput = {
      handle: vm.machine.handle,
      name: `switcher ${spare}`,
      path: `/dev/ram${spare}`,
      priority: 10,
      milliseconds: RUN_MS,
      pauseMs: 3 * spare,
      ...order,
    };
    threads.start('switcher', input);
  }
}

function startFamilies(
  threads: Threads,
  vm: VmMachine,
  count: number,
  seed: number,
  order: Partial<FamilyInput> = {},
): void {
  for (let thread = 0; thread < count; thread++) {
    const input: FamilyInput = {
      handle: vm.machine.handle,
      seed: seed + thread,
      milliseconds: RUN_MS,
      pages: 16,
      processes: 4,
      mayBeKilled: false,
      ...order,
    };
    threads.start('family', input);
  }
}

function sum<Result>(results: readonly Result[], value: (result: Result) => number): number {
  return results.reduce((total, result) => total + value(result), 0);
}

function expectSwitched(vm: VmMachine, results: readonly SwitcherResult[], least: number): void {
  for (const { swapons, swapoffs } of results) expect(swapoffs).to.equal(swapons);
  expect(sum(results, ({ swapoffs }) => swapoffs)).to.be.at.least(least);
  // The areas were in use, and some of their pages had to be brought home.
  expect(sum(results, ({ allocated }) => allocated)).to.be.greaterThan(50);
  expect(vm.count('broughtHome')).to.be.greaterThan(10);
}

function expectNothingLeft(vm: VmMachine): void {
  expect(vm.broken()).to.deep.equal([]);
  // A slot whose page was just locked when its process went is freed by reclaim.
  vm.view.reclaimPages(1000);
  expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  expect(vm.broken()).to.deep.equal([]);
}

describe('an area that comes and goes', () => {
  for (const [families, switchers, seed] of [
    [2, 1, 1],
    [3, 1, RANDOM_SEED],
    [3, 2, RANDOM_SEED],
    [7, 1, RANDOM_SEED],
  ] as const) {
    it(`is not noticed by families that fork, write and end: ${families} threads, ${switchers} area(s), seed ${seed}`, async () => {
      const vm = machineWithSpares(
        { limitPages: 6 * families, slots: [64 * families], addressSpaces: 48 },
        switchers,
      );
      const values = await withThreads(SCENARIOS, async (threads) => {
        startSwitchers(threads, vm, switchers);
        startFamilies(threads, vm, families, seed);
        return valuesOf<unknown>(await threads.allEnded(LIMIT_MS));
      });
      const switched = values.slice(0, switchers) as SwitcherResult[];
      const results = values.slice(switchers) as FamilyResult[];
      expect(sum(results, ({ wrong }) => wrong)).to.equal(0);
      expect(sum(results, ({ forks }) => forks)).to.be.greaterThan(20);
      expect(vm.count('kills')).to.equal(0);
      for (const { errors } of switched) expect(errors).to.deep.equal({});
      expectSwitched(vm, switched, 5);
      expectNothingLeft(vm);
    }).timeout(2 * LIMIT_MS);
  }

  it(`is not noticed by processes that come and go in the same places: seed ${RANDOM_SEED}`, async () => {
    const count = 3;
    const vm = machineWithSpares({ limitPages: 4 * count, slots: [255], addressSpaces: count + 2 }, 1);
    const values = await withThreads(SCENARIOS, async (threads) => {
      startSwitchers(threads, vm, 1);
      for (let thread = 0; thread < count; thread++) {
        const input: SwapperInput = {
          handle: vm.machine.handle,
          seed: RANDOM_SEED + thread,
          ops: 4000,
          pages: 24,
          mayBeKilled: false,
          exits: true,
          stays: false,
        };
        threads.start('swapper', input);
      }
      return valuesOf<unknown>(await threads.allEnded(LIMIT_MS));
    });
    const results = values.slice(1) as SwapperResult[];
    expect(sum(results, ({ wrong }) => wrong)).to.equal(0);
    expect(sum(results, ({ overLimit }) => overLimit)).to.equal(0);
    expect(vm.count('kills')).to.equal(0);
    expectSwitched(vm, [values[0] as SwitcherResult], 5);
    expectNothingLeft(vm);
  }).timeout(2 * LIMIT_MS);

  it('stays when a signal comes, and loses nothing', async () => {
    const vm = machineWithSpares({ limitPages: 18, slots: [192], addressSpaces: 40 }, 1);
    const values = await withThreads(SCENARIOS, async (threads) => {
      startSwitchers(threads, vm, 1);
      startFamilies(threads, vm, 3, 5);
      const timer = setInterval(() => {
        if (vm.machine.tasks().some(({ name }) => name === 'switcher 1')) vm.machine.signal('switcher 1');
      }, 2);
      try {
        return valuesOf<unknown>(await threads.allEnded(LIMIT_MS));
      } finally {
        clearInterval(timer);
      }
    });
    const [switched, ...results] = values as [SwitcherResult, ...FamilyResult[]];
    expect(switched.errors['EINTR']).to.be.greaterThan(0);
    expect(Object.keys(switched.errors)).to.deep.equal(['EINTR']);
    expect(sum(results, ({ wrong }) => wrong)).to.equal(0);
    expect(vm.count('kills')).to.equal(0);
    expectNothingLeft(vm);
  }).timeout(2 * LIMIT_MS);

  it('stays when the others have no room for its pages: memory runs out, but no page is lost', async () => {
    const vm = machineWithSpares({ limitPages: 12, slots: [40], addressSpaces: 40 }, 1);
    const values = await withThreads(SCENARIOS, async (threads) => {
      startSwitchers(threads, vm, 1, { pauseMs: 20 });
      startFamilies(threads, vm, 3, 9, { mayBeKilled: true });
      return valuesOf<unknown>(await threads.allEnded(LIMIT_MS));
    });
    const [switched, ...results] = values as [SwitcherResult, ...FamilyResult[]];
    expect(Object.keys(switched.errors)).to.have.length.greaterThan(0);
    for (const code of Object.keys(switched.errors)) expect(code).to.be.oneOf(['ENOMEM', 'EINTR']);
    expect(sum(results, ({ wrong }) => wrong)).to.equal(0);
    expect(vm.count('kills')).to.equal(sum(results, ({ kills }) => kills));
    expectNothingLeft(vm);
  }).timeout(2 * LIMIT_MS);
});
