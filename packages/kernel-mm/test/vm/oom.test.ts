import { expect } from 'chai';
import { KernelError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { GFP_KERNEL } from '#src/page/page.js';
import { PF_OOM_ORIGIN } from '#src/sync/task.js';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from './machine.js';
import type { SwapperInput, SwapperResult } from './scenarios.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;
const LIMIT_MS = 30_000;

function errorOf(call: () => unknown): KernelError | null {
  try {
    call();
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
  return null;
}

/** The kernel log since the last look: level and text. */
function log(vm: VmMachine): string[] {
  const lines: string[] = [];
  for (const event of vm.machine.drain('printk'))
    if (event.type === 'printk') lines.push(`<${event.level}>${event.text}`);
  return lines;
}

/** A process of so many pages, all of them written. */
function written(vm: VmMachine, pages: number, seed: number): AddressSpace {
  const space = vm.process(pages);
  for (let vpn = 0; vpn < pages; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(seed + vpn));
  return space;
}

function expectContents(space: AddressSpace, pages: number, seed: number): void {
  for (let vpn = 0; vpn < pages; vpn++)
    expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE), `page ${vpn}`).to.deep.equal(bytesOf(seed + vpn));
}

function expectNothingLeft(vm: VmMachine, spaces: readonly AddressSpace[]): void {
  for (const space of spaces) space.exit();
  vm.view.reclaimPages(1000);
  expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
  expect(vm.broken()).to.deep.equal([]);
}

/** Three processes, of 10, 20 and 6 pages, under a limit of 16 pages and with 20 slots, so that there is no room for one page more. */
function squeezed() {
  const vm = createVmMachine({ limitPages: 17, slots: [20] });
  const small = written(vm, 10, 100);
  const large = written(vm, 20, 200);
  const asking = vm.process(20);
  for (let vpn = 0; vpn < 6; vpn++) asking.write(vpn * PAGE_SIZE, bytesOf(300 + vpn));
  while (vm.kernel.swap.table.nrSwapPages() > 0) vm.view.reclaimPages(1);
  let vpn = 6;
  while (vm.kernel.frames.info().charged < 17) asking.write(vpn * PAGE_SIZE, bytesOf(300 + vpn++));
  expect([vm.count('kills'), vm.kernel.swap.table.nrSwapPages()]).to.deep.equal([0, 0]);
  log(vm);
  return { vm, small, large, asking, pages: vpn };
}

describe('memory that runs out', () => {
  it('ends the largest process, not the one that asks, and both others keep what they wrote', () => {
    const { vm, small, large, asking, pages } = squeezed();
    asking.write(pages * PAGE_SIZE, bytesOf(300 + pages));
    expect([small, large, asking].map((space) => space.info().killed)).to.deep.equal([false, true, false]);
    expect(large.info()).to.deep.equal({ pages: 20, rss: 0, swapents: 0, killed: true });
    expect([vm.count('kills'), vm.kernel.vm.oom.killsSoFar()]).to.deep.equal([1, 1]);
    expectContents(small, 10, 100);
    expectContents(asking, pages + 1, 300);
    expect(vm.broken()).to.deep.equal([]);
    expectNothingLeft(vm, [small, large, asking]);
  });

  it('is reported as the kernel does', () => {
    const { vm, large, asking, pages } = squeezed();
    const { rss } = large.info();
    // A page of a driver.
    const held = vm.kernel.frames.allocPage(GFP_KERNEL);
    asking.write(pages * PAGE_SIZE, bytesOf(1));
    const lines = log(vm);
    expect(lines[0]).to.equal('<4>test invoked oom-killer: gfp_mask=0xd0, order=0, oom_adj=0');
    expect(lines[1]).to.equal('<4>memory: usage 68kB, limit 68kB');
    expect(lines[2]).to.equal('<4>Mem-Info:');
    expect(lines[3]).to.match(/^<4>active_anon:\d+ inactive_anon:\d+ isolated_anon:0$/);
    expect(lines[4]).to.equal('<4> free:238');
    expect(lines[5]).to.match(
      /^<4>Normal free:952kB min:\d+kB low:\d+kB high:\d+kB active_anon:\d+kB inactive_anon:\d+kB isolated\(anon\):0kB present:1024kB$/,
    );
    expect(lines[6]).to.match(/^<4>\d+ pages in swap cache$/);
    expect(lines[7]).to.match(/^<4>Swap cache stats: add \d+, delete \d+, find \d+\/\d+$/);
    expect(lines.slice(8, 10)).to.deep.equal(['<4>Free swap  = 0kB', '<4>Total swap = 80kB']);
    expect(lines.slice(10, 12)).to.deep.equal(['<4>256 pages RAM', '<4>1 pages held by drivers']);
    expect(lines.slice(12)).to.deep.equal([
      `<3>Memory cgroup out of memory: kill process ${large.id} (test) score 20 or a child`,
      `<3>Killed process ${large.id} (test) vsz:80kB, anon-rss:${4 * rss}kB, file-rss:0kB`,
    ]);
    vm.kernel.frames.freePage(held);
  });

  it('is told to the victim at whatever it does next, but for its end', () => {
    const { vm, small, large, asking, pages } = squeezed();
    asking.write(pages * PAGE_SIZE, bytesOf(1));
    for (const access of [
      () => large.read(0, 1),
      () => large.write(0, Uint8Array.of(1)),
      // Never written before, so that no page would be needed.
      () => large.read(19 * PAGE_SIZE, 1),
      () => large.fork(),
    ]) {
      const error = errorOf(access);
      expect(error?.code).to.equal('ENOMEM');
    }
    expect(errorOf(() => large.read(0, 1))?.message).to.include(
      'no page could be had, and the process was ended by the out-of-memory killer',
    );
    large.unmap(0, PAGE_SIZE);
    expect(large.isLive()).to.equal(true);
    expect([vm.count('kills'), large.info().rss]).to.deep.equal([1, 0]);
    large.exit();
    // The next process in its place is not marked.
    const next = vm.process();
    expect(next.id).to.equal(large.id);
    next.write(0, bytesOf(4));
    expectNothingLeft(vm, [small, asking, next]);
  });

  it('ends the process that asks when it is the largest, once', () => {
    const vm = createVmMachine({ limitPages: 8, slots: [10] });
    const other = written(vm, 2, 100);
    const hog = vm.process(40);
    let vpn = 0;
    const error = errorOf(() => {
      for (; vpn < 40; vpn++) hog.write(vpn * PAGE_SIZE, bytesOf(vpn));
    });
    expect([error?.code, error?.syscall]).to.deep.equal(['ENOMEM', 'write']);
    expect(vpn).to.be.greaterThan(10);
    expect([hog.info().killed, other.info().killed, vm.count('kills')]).to.deep.equal([true, false, 1]);
    expect(errorOf(() => hog.read(0, 1))?.code).to.equal('ENOMEM');
    expect(vm.count('kills')).to.equal(1);
    expectContents(other, 2, 100);
    expectNothingLeft(vm, [hog, other]);
  });

  it('comes of too few frames as well, and all of them come back', () => {
    const vm = createVmMachine({ ramPages: 64, slots: [20] });
    const spaces = [written(vm, 20, 100), written(vm, 30, 200)];
    const third = written(vm, 50, 300);
    expect([...spaces, third].map((space) => space.info().killed)).to.deep.equal([false, true, false]);
    expect(vm.count('kills')).to.equal(1);
    expectContents(spaces[0]!, 20, 100);
    expectContents(third, 50, 300);
    expectNothingLeft(vm, [...spaces, third]);
    expect(vm.kernel.frames.info().free).to.equal(64);
  });

  it('says so without a limit', () => {
    const vm = createVmMachine({ ramPages: 64, slots: [10] });
    const hog = vm.process(200);
    expect(errorOf(() => written(vm, 200, 1))?.code).to.equal('ENOMEM');
    const lines = log(vm);
    expect(lines.some((line) => line.startsWith('<3>Out of memory: kill process '))).to.equal(true);
    expect(lines.some((line) => line.includes('memory: usage'))).to.equal(false);
    expect(hog.info().killed).to.equal(false);
  });

  it('does not kill again for a fault that began before the last one was killed', () => {
    const { vm, small, large, asking } = squeezed();
    const { oom } = vm.kernel.vm;
    const before = oom.killsSoFar();
    oom.pagefaultOutOfMemory(asking.id, before, 0);
    oom.pagefaultOutOfMemory(small.id, before, 0);
    expect([small, large, asking].map((space) => space.info().killed)).to.deep.equal([false, true, false]);
    oom.pagefaultOutOfMemory(large.id, oom.killsSoFar(), 0);
    expect(vm.count('kills')).to.equal(1);
    // A fault of its own that finds no page kills the next largest.
    oom.pagefaultOutOfMemory(small.id, oom.killsSoFar(), 0);
    expect(vm.count('kills')).to.equal(2);
    expectNothingLeft(vm, [small, large, asking]);
  });

  it('chooses among equals the one in the first place, and with nobody to choose the one that asks', () => {
    const vm = createVmMachine();
    const spaces = [1, 2, 3].map(() => vm.process());
    const { oom } = vm.kernel.vm;
    oom.pagefaultOutOfMemory(spaces[1]!.id, 0, 0);
    expect(spaces.map((space) => space.info().killed)).to.deep.equal([false, true, false]);
    spaces[0]!.write(0, bytesOf(1));
    spaces[2]!.write(0, bytesOf(1));
    oom.pagefaultOutOfMemory(spaces[2]!.id, 1, 0);
    expect(spaces.map((space) => space.info().killed)).to.deep.equal([true, true, false]);
    expectNothingLeft(vm, spaces);
  });

  it('is told to a process that another thread is ending, and nobody else has to go', () => {
    const vm = createVmMachine();
    const { spaces, oom, zap } = vm.kernel.vm;
    const leaving = written(vm, 2, 1);
    vm.view.reclaimPages(1);
    // A swapoff uses it still, so it is not taken apart yet.
    expect(spaces.nextToSearch(0, 0)).to.equal(leaving.id);
    leaving.exit();
    expect(oom.pagefaultOutOfMemory(leaving.id, 0, 0)).to.equal(false);
    vm.kernel.frames.failNextRequests(1);
    expect(vm.kernel.vm.access.write(leaving.id, 0, Uint8Array.of(1))).to.equal(-12);
    zap.mmput(leaving.id);
    expect([vm.count('kills'), oom.killsSoFar()]).to.deep.equal([0, 0]);
    expectNothingLeft(vm, []);
  });

  it('counts pages in swap like those in memory, and a shared page for each who shares it', () => {
    const vm = createVmMachine();
    const first = vm.process(4);
    for (let vpn = 0; vpn < 3; vpn++) first.write(vpn * PAGE_SIZE, bytesOf(1 + vpn));
    const second = written(vm, 2, 10);
    vm.view.reclaimPages(5);
    const { oom } = vm.kernel.vm;
    expect([oom.badness(first.id), oom.badness(second.id)]).to.deep.equal([3, 2]);
    const child = first.fork();
    expect(oom.badness(child.id)).to.equal(3);
    child.write(3 * PAGE_SIZE, bytesOf(7));
    oom.pagefaultOutOfMemory(second.id, 0, 0);
    expect([first, second, child].map((space) => space.info().killed)).to.deep.equal([false, false, true]);
    expectContents(first, 3, 1);
    expectNothingLeft(vm, [first, second, child]);
  });

  it('stops a task that pulls in a swap area before any process', () => {
    const { vm, small, large, asking, pages } = squeezed();
    const other = vm.machine.attach({ name: 'other' });
    const { context } = other.kernel.core;
    context.setTaskFlags(PF_OOM_ORIGIN);
    const { oom } = vm.kernel.vm;
    oom.pagefaultOutOfMemory(asking.id, 0, 0);
    expect([context.signalPending(), vm.count('kills')]).to.deep.equal([true, 0]);
    context.setTaskFlags(0);
    asking.write(pages * PAGE_SIZE, bytesOf(1));
    expect(vm.count('kills')).to.equal(1);
    expectNothingLeft(vm, [small, large, asking]);
  });

  it('takes what a fault has mapped that was under way when the mark came', () => {
    const vm = createVmMachine();
    const space = written(vm, 2, 1);
    vm.swapOut(2);
    const { faults, spaces, oom } = vm.kernel.vm;
    const isStillPageOf = faults.isStillPageOf.bind(faults);
    faults.isStillPageOf = (page, entry) => {
      faults.isStillPageOf = isStillPageOf;
      expect(spaces.markKilled(space.id)).to.equal(true);
      expect(spaces.markKilled(space.id)).to.equal(false);
      return isStillPageOf(page, entry);
    };
    expect(errorOf(() => space.read(0, 1))?.code).to.equal('ENOMEM');
    expect(space.info()).to.deep.include({ rss: 1, swapents: 1 });
    oom.reap(space.id);
    expect(space.info()).to.deep.include({ rss: 0, swapents: 0 });
    // The mark is what counts a process.
    expect(vm.count('kills')).to.equal(0);
    expectNothingLeft(vm, [space]);
  });
});

describe('threads that run out of memory together', () => {
  it('kill one process, if that is enough for all of them', async () => {
    const vm = createVmMachine({ limitPages: 60, slots: [30] });
    const hog = written(vm, 64, 1000);
    vm.machine.record();
    const results = await withThreads(SCENARIOS, async (threads) => {
      for (let seed = 1; seed <= 4; seed++) {
        const input: SwapperInput = {
          handle: vm.machine.handle,
          seed,
          ops: 600,
          // All of them together, with the hog, are more than 60 pages and 30 slots; without it, fewer.
          pages: 16,
          mayBeKilled: true,
          exits: false,
          stays: false,
        };
        threads.start('swapper', input);
      }
      return valuesOf<SwapperResult>(await threads.allEnded(LIMIT_MS));
    });
    expect(hog.info().killed).to.equal(true);
    expect([vm.count('kills'), vm.kernel.vm.oom.killsSoFar()]).to.deep.equal([1, 1]);
    expect(results.map(({ wrong, kills, ops }) => [wrong, kills, ops])).to.deep.equal(
      [1, 2, 3, 4].map(() => [0, 0, 600]),
    );
    expectNothingLeft(vm, [hog]);
  }).timeout(2 * LIMIT_MS);

  it('come through when there is far too little: each process is counted once, and all frames come back', async () => {
    const vm = createVmMachine({ limitPages: 16, slots: [24] });
    const hog = written(vm, 8, 1000);
    vm.machine.record();
    const results = await withThreads(SCENARIOS, async (threads) => {
      for (let seed = 1; seed <= 4; seed++) {
        const input: SwapperInput = {
          handle: vm.machine.handle,
          seed,
          ops: 1500,
          pages: 24,
          mayBeKilled: true,
          exits: true,
          stays: false,
        };
        threads.start('swapper', input);
      }
      return valuesOf<SwapperResult>(await threads.allEnded(LIMIT_MS));
    });
    const kills = results.reduce((sum, result) => sum + result.kills, hog.info().killed ? 1 : 0);
    expect(kills).to.be.greaterThan(3);
    const ends = results.reduce((sum, result) => sum + result.ends, 0);
    expect(vm.count('kills')).to.be.within(kills, kills + ends);
    expect(vm.kernel.vm.oom.killsSoFar()).to.equal(vm.count('kills'));
    expect(results.map(({ wrong, overLimit }) => [wrong, overLimit])).to.deep.equal(
      [1, 2, 3, 4].map(() => [0, 0]),
    );
    expectNothingLeft(vm, [hog]);
  }).timeout(2 * LIMIT_MS);
});
