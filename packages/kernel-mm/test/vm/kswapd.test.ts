import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { GFP_KERNEL } from '#src/page/page.js';
import { PF_KSWAPD, PF_MEMALLOC } from '#src/sync/task.js';
import {
  siblingModule,
  until,
  valuesOf,
  withThreads,
  type Outcome,
  type Threads,
} from '../support/threads.js';
import type { KswapdInput, LookInput, LookResult, SwapperInput, SwapperResult } from './scenarios.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;
const LIMIT_MS = 30_000;
const RANDOM_SEED = Math.trunc(Math.random() * 100_000);

/** A machine with 256 frames (min 32, low 40, high 48), a process that wrote so many pages, and so many frames left. */
function pressed(pages: number, free: number): { vm: VmMachine; space: AddressSpace; held: number[] } {
  const vm = createVmMachine();
  const space = vm.process(pages + 8);
  for (let vpn = 0; vpn < pages; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
  const { frames, core } = vm.kernel;
  const held: number[] = [];
  core.context.setTaskFlags(PF_MEMALLOC);
  while (frames.freePages() > free) held.push(frames.allocPage(GFP_KERNEL));
  core.context.setTaskFlags(0);
  return { vm, space, held };
}

function expectContents(space: AddressSpace, pages: number): void {
  for (let vpn = 0; vpn < pages; vpn++)
    expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE)).to.deep.equal(bytesOf(vpn));
}

describe('kswapd', () => {
  it('frees pages until more than high frames are free, and no more than a batch beyond', () => {
    const { vm, space } = pressed(150, 20);
    const { kswapd } = vm.kernel.vm;
    const { frames } = vm.kernel;
    let turns = 0;
    for (; kswapd.sleepingPrematurely() && turns < 50; turns++) kswapd.balancePgdat();
    expect(frames.freePages()).to.be.within(frames.info().high + 1, frames.info().high + 32);
    expect(vm.count('pageoutrun')).to.equal(turns);
    const freed = vm.count('reclaimed');
    expect([vm.count('pgstealKswapd'), vm.count('pgscanDirect'), vm.count('allocstall')]).to.deep.equal([
      freed,
      0,
      0,
    ]);
    expect(vm.count('pgscanKswapd')).to.equal(vm.count('scanned'));
    expect(vm.broken()).to.deep.equal([]);
    expect(space.info().rss).to.equal(150 - freed);
  });

  it('leaves everything as it is when enough is free, but for a batch that grows old', () => {
    const { vm, space } = pressed(150, 49);
    const { kswapd } = vm.kernel.vm;
    expect(kswapd.sleepingPrematurely()).to.equal(false);
    expect(kswapd.balancePgdat()).to.equal(0);
    expect([space.info().rss, vm.count('scanned'), vm.count('pgdeactivate')]).to.deep.equal([150, 0, 32]);
    expect(vm.kernel.frames.freePages()).to.equal(49);
  });

  it('may use the reserve and is known as what it is, and only while it frees pages', () => {
    const { vm } = pressed(60, 30);
    const { core, vm: floors } = vm.kernel;
    const seen: number[] = [];
    const shrinkPage = floors.shrinkPage.shrinkPage.bind(floors.shrinkPage);
    floors.shrinkPage.shrinkPage = (page) => {
      seen.push(core.context.taskFlags());
      return shrinkPage(page);
    };
    expect(floors.kswapd.balancePgdat()).to.be.greaterThan(0);
    expect(new Set(seen)).to.deep.equal(new Set([PF_MEMALLOC | PF_KSWAPD]));
    expect(core.context.taskFlags()).to.equal(0);
  });

  it('forgets its flags also when it ends with an error', () => {
    const { vm } = pressed(60, 30);
    vm.kernel.vm.io.swapWritepage = () => {
      throw new Error('the device is on fire');
    };
    expect(() => vm.kernel.vm.kswapd.balancePgdat()).to.throw('on fire');
    expect(vm.kernel.core.context.taskFlags()).to.equal(0);
  });

  it('gives up when it has looked at everything time and again, until a frame is freed', () => {
    const { vm, space, held } = pressed(60, 30);
    const { kswapd, shrinkPage } = vm.kernel.vm;
    const honest = shrinkPage.shrinkPage.bind(shrinkPage);
    shrinkPage.shrinkPage = () => 0;
    let turns = 0;
    for (; kswapd.sleepingPrematurely(); turns++) {
      expect(kswapd.balancePgdat()).to.equal(0);
      expect(turns).to.be.lessThan(20);
    }
    expect(vm.count('scanned')).to.be.within(60, 60 * 12);
    shrinkPage.shrinkPage = honest;
    expect(kswapd.sleepingPrematurely()).to.equal(false);
    vm.kernel.frames.freePage(held.pop()!);
    expect(kswapd.sleepingPrematurely()).to.equal(true);
    expect(kswapd.balancePgdat()).to.be.greaterThan(0);
    expectContents(space, 60);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('does not look at pages that can go nowhere', () => {
    const vm = createVmMachine({ slots: [10] });
    const space = vm.process(60);
    for (let vpn = 0; vpn < 60; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(10);
    while (vm.kernel.frames.freePages() > 40) vm.kernel.frames.allocPage(GFP_KERNEL);
    const before = vm.count('scanned');
    expect(vm.kernel.vm.kswapd.sleepingPrematurely()).to.equal(false);
    expect(vm.count('scanned')).to.equal(before);
  });

  it('stands still at once when it is asked to while it does nothing, and a thread that is none need not be waited for', () => {
    const { vm } = pressed(60, 30);
    const { kswapd } = vm.kernel.vm;
    kswapd.freeze();
    kswapd.freeze();
    kswapd.thaw();
    expect(vm.count('pageoutrun')).to.equal(0);
    kswapd.thaw();
    kswapd.stop();
    expect(kswapd.shouldStop()).to.equal(true);
    expect(kswapd.serve(1000)).to.equal(0);
  });
});

describe('without kswapd', () => {
  it('tasks reclaim for themselves, and that is counted', () => {
    const vm = createVmMachine({ ramPages: 64 });
    const space = vm.process(150);
    for (let vpn = 0; vpn < 150; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    expectContents(space, 150);
    expect(vm.count('allocstall')).to.be.greaterThan(0);
    expect(vm.count('pgscanDirect')).to.equal(vm.count('scanned'));
    expect([vm.count('pgscanKswapd'), vm.count('pgstealKswapd'), vm.count('pageoutrun')]).to.deep.equal([
      0, 0, 0,
    ]);
    expect(vm.count('kills')).to.equal(0);
    expect(vm.broken()).to.deep.equal([]);
  });

  it('a task at the limit stalls nobody', () => {
    const vm = createVmMachine({ limitPages: 8 });
    const space = vm.process(40);
    for (let vpn = 0; vpn < 40; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    expect(vm.count('reclaimed')).to.be.greaterThan(30);
    expect([vm.count('allocstall'), vm.count('pgscanDirect'), vm.count('pgscanKswapd')]).to.deep.equal([
      0, 0, 0,
    ]);
  });
});

describe('kswapd on a thread of its own', () => {
  /** Runs threads beside it, then tells it to end. */
  async function beside(
    vm: VmMachine,
    start: (threads: Threads) => number[],
  ): Promise<{ freed: number; outcomes: Outcome[] }> {
    vm.machine.record();
    return withThreads(SCENARIOS, async (threads) => {
      const daemon = threads.start('kswapd', { handle: vm.machine.handle } satisfies KswapdInput);
      const outcomes: Outcome[] = [];
      for (const thread of start(threads)) outcomes.push(await threads.ended(thread, LIMIT_MS));
      vm.kernel.vm.kswapd.stop();
      const [freed] = valuesOf<number>([await threads.ended(daemon, LIMIT_MS)]);
      return { freed: freed!, outcomes };
    });
  }

  function swappers(
    vm: VmMachine,
    count: number,
    seed: number,
    pages: number,
  ): (threads: Threads) => number[] {
    return (threads) =>
      Array.from({ length: count }, (_, swapper) => {
        const input: SwapperInput = {
          handle: vm.machine.handle,
          seed: seed + swapper,
          ops: 6000 / count,
          pages,
          mayBeKilled: false,
          // So that memory stays short all the time.
          exits: false,
          stays: false,
        };
        return threads.start('swapper', input);
      });
  }

  for (const seed of [1, RANDOM_SEED]) {
    it(`frees pages beside two swappers under real shortage, and nothing is lost: seed ${seed}`, async () => {
      const vm = createVmMachine({ ramPages: 256, slots: [300, 300] });
      const { freed, outcomes } = await beside(vm, swappers(vm, 2, seed, 260));
      expect(valuesOf<SwapperResult>(outcomes).map(({ wrong, kills }) => [wrong, kills])).to.deep.equal([
        [0, 0],
        [0, 0],
      ]);
      expect(freed).to.equal(vm.count('pgstealKswapd'));
      expect(vm.count('pgstealKswapd')).to.be.greaterThan(0);
      expect(vm.count('pageoutrun')).to.be.greaterThan(0);
      expect(vm.count('scanned')).to.equal(vm.count('pgscanKswapd') + vm.count('pgscanDirect'));
      expect(vm.count('swapOuts')).to.be.greaterThan(200);
      expect(vm.broken()).to.deep.equal([]);
      vm.view.reclaimPages(1000);
      expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
      expect(vm.broken()).to.deep.equal([]);
    }).timeout(2 * LIMIT_MS);
  }

  it('wakes at the first request that finds no more than low frames, and sleeps again when more than high are free', async () => {
    const { vm, space, held } = pressed(150, 41);
    vm.machine.record();
    const { frames } = vm.kernel;
    expect([frames.info().low, frames.info().high]).to.deep.equal([40, 48]);
    const sleeps = (): boolean => vm.machine.tasks().some(({ waitAddress }) => waitAddress !== 0);
    await withThreads(SCENARIOS, async (threads) => {
      const daemon = threads.start('kswapd', { handle: vm.machine.handle } satisfies KswapdInput);
      // It looks once when it begins, and frees what is missing to high.
      await until('kswapd has done what there was to do', () => sleeps() && frames.freePages() > 48);
      const turns = vm.count('pageoutrun');
      while (frames.freePages() > 40) held.push(frames.allocPage(GFP_KERNEL));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect([vm.count('pageoutrun'), frames.freePages()]).to.deep.equal([turns, 40]);
      held.push(frames.allocPage(GFP_KERNEL));
      await until('kswapd was called', () => vm.count('pageoutrun') > turns);
      await until('kswapd is done', () => sleeps() && frames.freePages() > 48);
      vm.kernel.vm.kswapd.stop();
      const [freed] = valuesOf<number>([await threads.ended(daemon, LIMIT_MS)]);
      expect(freed).to.equal(vm.count('reclaimed'));
    });
    expect(vm.count('allocstall')).to.equal(0);
    expect(held).to.not.include(0);
    expectContents(space, 150);
    expect(vm.broken()).to.deep.equal([]);
  }).timeout(2 * LIMIT_MS);

  it('sleeps all the time while there is enough memory', async () => {
    const vm = createVmMachine({ ramPages: 1024, limitPages: 100, slots: [600] });
    const { freed, outcomes } = await beside(vm, swappers(vm, 2, 5, 200));
    expect(valuesOf<SwapperResult>(outcomes).map(({ wrong }) => wrong)).to.deep.equal([0, 0]);
    expect([freed, vm.count('pageoutrun'), vm.count('pgscanKswapd')]).to.deep.equal([0, 0, 0]);
    expect(vm.count('swapOuts')).to.be.greaterThan(200);
  }).timeout(2 * LIMIT_MS);

  it('stands still while somebody looks at the lists, time after time', async () => {
    const vm = createVmMachine({ ramPages: 256, slots: [600] });
    const { outcomes } = await beside(vm, (threads) => {
      const input: LookInput = { handle: vm.machine.handle, rounds: 60, pages: 300 };
      return [threads.start('lookWhileFrozen', input)];
    });
    expect(valuesOf<LookResult>(outcomes)).to.deep.equal([{ broken: [], disturbed: 0 }]);
    expect(vm.count('pgstealKswapd')).to.be.greaterThan(0);
  }).timeout(2 * LIMIT_MS);

  it('ends when the machine stops, with the report', async () => {
    const vm = createVmMachine({ ramPages: 256 });
    vm.machine.record();
    const [outcome] = await withThreads(SCENARIOS, async (threads) => {
      threads.start('kswapd', { handle: vm.machine.handle } satisfies KswapdInput);
      await until('kswapd sleeps', () => vm.machine.tasks().some(({ waitAddress }) => waitAddress !== 0));
      vm.machine.stop('somebody broke it');
      return threads.allEnded(LIMIT_MS);
    });
    expect(outcome).to.deep.include({ kind: 'threw', code: 'ERR_MACHINE_STOPPED' });
  }).timeout(2 * LIMIT_MS);
});
