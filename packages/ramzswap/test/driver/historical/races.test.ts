/**
 * The races of the driver of 2.6.34, one switch of two tasks each: there is a point in the first operation at which the second one does the damage, and
 * in the sound driver there is none.
 *
 * While one task is in an operation, another does a whole operation, at each point there is, one after the other. Where the second would have to wait for a
 * lock, that order of things cannot happen, and it is left out.
 */
import { KernelBug, MisuseError, PAGE_SIZE, SWAP_INFO, swpOffset, type Profile } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import { RAMZSWAP } from '#src/driver/places.js';
import { ioctlNumbers, parseStats, STATS_BYTES_2_6_34 } from '#src/driver/ioctl.js';
import { statDrift, walkTable } from '#src/driver/walk.js';
import {
  createTestMachine,
  fillPage,
  TestMachine,
  type TestMachineOptions,
  type TestPage,
} from '../../support/machine.js';

type Step = (machine: TestMachine, page: TestPage) => void;

/** What one order of things left behind. */
interface Seen {
  readonly point: number;
  /** Why the machine stopped, empty when it did not. */
  readonly stop: string;
  readonly problems: readonly string[];
  readonly drift: readonly string[];
  /** Whatever else the race looks at. */
  readonly extra: unknown;
}

interface Race {
  readonly options?: TestMachineOptions;
  /** What comes before. */
  readonly setup?: Step;
  readonly first: Step;
  readonly second: Step;
  /** Looks at what is left. */
  readonly look?: (machine: TestMachine, page: TestPage) => unknown;
}

const IOCTL = ioctlNumbers('2.6.34');

function write(slot: number, noise: number, seed = slot): Step {
  return (machine, page) => {
    if (noise < 0) page.bytes.fill(0);
    else fillPage(page.bytes, seed, noise);
    machine.transfer('write', slot, page);
  };
}

function free(slot: number): Step {
  return (machine) => {
    machine.device.slotFreeNotify(slot);
  };
}

function all(...steps: readonly Step[]): Step {
  return (machine, page) => {
    for (const step of steps) step(machine, page);
  };
}

/** Contents of a slot, as a number; -1 when it cannot be read. */
function contentsOf(machine: TestMachine, page: TestPage, slot: number): number {
  page.bytes.fill(0xee);
  if (machine.transfer('read', slot, page) !== 0) return -1;
  return page.bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 7);
}

/** Every order of the two operations that can happen. */
function explore(profile: Profile, race: Race): Seen[] {
  const seen: Seen[] = [];
  for (let point = 0; ; point++) {
    const end = tryAt(profile, race, point);
    if (end === 'no such point') return seen;
    if (end !== 'blocked') seen.push(end);
  }
}

function tryAt(profile: Profile, race: Race, point: number): Seen | 'blocked' | 'no such point' {
  const owner = createTestMachine({ diskPages: 16, ramBytes: 1 << 20, ...race.options, profile });
  const pages = [owner.takePage(), owner.takePage(), owner.takePage()] as const;
  race.setup?.(owner, pages[0]);
  const other = new TestMachine(owner.machine, owner.machine.attach({ name: 'second', mayWait: false }));
  const state: { points: number; end: 'done' | 'blocked' | 'no such point' } = {
    points: -1,
    end: 'no such point',
  };
  const hook = (): void => {
    if (state.points < 0 || state.points++ !== point) return;
    try {
      race.second(other, pages[2]);
      state.end = 'done';
    } catch (error) {
      if (!(error instanceof MisuseError) || error.code !== 'ERR_WOULD_BLOCK') throw error;
      state.end = 'blocked';
    }
  };
  const one = new TestMachine(owner.machine, owner.machine.attach({ name: 'first', mayWait: true, hook }));
  state.points = 0;
  let stop = '';
  try {
    race.first(one, pages[1]);
  } catch (error) {
    if (state.end !== 'blocked') {
      if (!(error instanceof KernelBug)) throw error;
      stop = error.message;
    }
  }
  // An operation that would have waited was done in part: that is no run of the machine. One that stopped the machine in the hook has not come to its end.
  if (state.end === 'blocked') return 'blocked';
  if (stop === '' && state.end === 'no such point') return 'no such point';
  if (stop !== '') return { point, stop, problems: [], drift: [], extra: null };
  const walk = walkTable(owner.device);
  const drift = statDrift(owner.device, walk);
  return { point, stop, problems: walk.problems, drift, extra: race.look?.(owner, pages[0]) };
}

function isHarmless({ stop, problems, drift }: Seen): boolean {
  return stop === '' && problems.length === 0 && drift.length === 0;
}

/** Nothing of the kind in the sound driver, with some orders that can happen at all. */
function expectSound(race: Race): Seen[] {
  const seen = explore('sound', race);
  expect(seen.length).to.be.greaterThan(0);
  for (const end of seen)
    expect(isHarmless(end), `point ${end.point}: ${JSON.stringify(end)}`).to.equal(true);
  return seen;
}

describe('the races of the driver of 2.6.34, and the sound one without them', () => {
  it('X1: counts are lost between a writer under the mutex and a callback for another slot', () => {
    const race: Race = { setup: write(4, 500), first: write(3, 700), second: free(4) };
    for (const profile of ['2.6.34', '2.6.34+series', '2.6.35'] as const) {
      const drift = explore(profile, race).flatMap((end) => end.drift);
      for (const counter of ['comprDataSize', 'pagesStored', 'goodCompress'])
        expect(
          drift.some((sentence) => sentence.startsWith(`ramzswap0: ${counter} is `)),
          counter,
        ).to.equal(true);
    }
    expectSound(race);
  });

  it('X1: so are those of RAW and of ZERO slots, and one can pass below zero', () => {
    const raw: Race = { setup: write(4, 4096), first: write(3, 4096), second: free(4) };
    expect(
      explore('2.6.34', raw)
        .flatMap(({ drift }) => drift)
        .join(),
    ).to.include('pagesExpand is ');
    const zero: Race = { setup: write(4, -1), first: write(3, -1), second: free(4) };
    expect(
      explore('2.6.34', zero)
        .flatMap(({ drift }) => drift)
        .join(),
    ).to.include('pagesZero is ');
    // The count of the write is lost in that of the free; to free what was written takes off what is not there.
    const below: Race = {
      setup: write(4, 500),
      first: free(4),
      second: write(6, 500),
      look: (machine) => {
        machine.device.slotFreeNotify(6);
        return machine.device.readStats().pagesStored;
      },
    };
    expect(explore('2.6.34', below).map(({ extra }) => extra)).to.include(2 ** 32 - 1);
    for (const { extra } of expectSound(below)) expect(extra).to.equal(0);
  });

  it('X2: the number of pages of the pool drifts', () => {
    const race: Race = { setup: write(4, 2900), first: write(3, 2900), second: free(4) };
    const drift = explore('2.6.34', race).flatMap((end) => end.drift);
    expect(drift.some((sentence) => sentence.startsWith('ramzswap0: poolPages is '))).to.equal(true);
    expectSound(race);
  });

  it('X3: ZERO is set after the mutex was dropped, and so on a slot that holds a page by now', () => {
    const race: Race = { first: write(3, -1), second: write(3, 500) };
    const problems = explore('2.6.34', race).flatMap((end) => end.problems);
    expect(
      problems.some((sentence) => /^Slot 3 has an object at offset \d+ with flags 2/.test(sentence)),
    ).to.equal(true);
    expectSound(race);
  });

  it('X4: two writers of one slot free its old content twice', () => {
    const race: Race = { setup: write(3, 500), first: write(3, 700), second: write(3, 900) };
    const stops = explore('2.6.34', race).map(({ stop }) => stop);
    expect(stops.some((stop) => /is freed, but it is free already/.test(stop))).to.equal(true);
    expectSound(race);
    // In 2.6.35 a write frees nothing: the first content is lost instead, whatever the order.
    for (const end of explore('2.6.35', race))
      expect(end.problems.join(), `${end.point}`).to.match(/nobody owns it/);
  });

  it('X5: a reader without a reference to its slot decodes what has been freed and given to another', () => {
    const read: number[] = [];
    const wholes = (machine: TestMachine, page: TestPage): number[] => {
      const hashes = [];
      for (const [slot, noise] of [
        [3, 500],
        [9, 500],
      ] as const) {
        fillPage(page.bytes, slot, noise);
        hashes.push(page.bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 7));
      }
      page.bytes.fill(0xee);
      hashes.push(page.bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 7));
      return hashes;
    };
    const race: Race = {
      setup: write(3, 500),
      first: (machine, page) => {
        read.push(contentsOf(machine, page, 3));
      },
      second: all(free(3), write(9, 500)),
      look: (machine, page) => {
        const [of3, , ofNothing] = wholes(machine, page);
        const got = read[read.length - 1];
        return got === of3 || got === ofNothing;
      },
    };
    const historical = explore('2.6.34', race);
    expect(historical.some(({ extra, stop }) => extra === false || /null pointer/.test(stop))).to.equal(true);
    expect(historical.some(({ extra }) => extra === false)).to.equal(true);
    for (const { extra, point } of expectSound(race)) expect(extra, `point ${point}`).to.equal(true);
  });

  it('X6: a RESET takes table and pool away from a request that is under way', () => {
    const race: Race = {
      setup: write(4, 500),
      first: write(3, 700),
      second: (machine) => {
        machine.device.reset();
      },
      look: ({ frames, kernel }) => [frames.info().free, kernel.vmalloc.pagesInUse()],
    };
    const clean = explore('sound', race).map(({ extra }) => JSON.stringify(extra));
    expect(new Set(clean).size).to.equal(1);
    const historical = explore('2.6.34', race);
    expect(historical.some(({ stop }) => /null pointer/.test(stop))).to.equal(true);
    expect(historical.some(({ stop, extra }) => stop === '' && JSON.stringify(extra) !== clean[0])).to.equal(
      true,
    );
    expectSound(race);
  });

  it('X7: of two INITs at one time one leaves its table and its header behind', () => {
    const race: Race = {
      options: { initialise: false },
      setup: (machine) => {
        machine.device.setDisksize(16 * PAGE_SIZE);
      },
      first: (machine) => {
        machine.device.init();
      },
      second: (machine) => {
        machine.device.init();
      },
      look: ({ device, frames, kernel }) => {
        device.reset();
        return [frames.info().free, kernel.vmalloc.pagesInUse()];
      },
    };
    const clean = new Set(explore('sound', race).map(({ extra }) => JSON.stringify(extra)));
    expect(clean.size).to.equal(1);
    const left = explore('2.6.34', race).filter(({ extra }) => !clean.has(JSON.stringify(extra)));
    expect(left.length).to.be.greaterThan(0);
  });

  it('X7: a size that is chosen during INIT is one that the table does not have', () => {
    const race: Race = {
      options: { initialise: false },
      setup: (machine) => {
        machine.device.setDisksize(16 * PAGE_SIZE);
      },
      first: (machine) => {
        machine.device.init();
      },
      second: (machine) => {
        machine.device.setDisksize(32 * PAGE_SIZE);
      },
      look: ({ device }) => device.disksize() / PAGE_SIZE - device.slots(),
    };
    for (const { extra } of expectSound(race)) expect(extra).to.equal(0);
    expect(explore('2.6.34', race).some(({ extra }) => extra === 16)).to.equal(true);
  });

  it('X8: a hook that is removed without swap_lock is called once more', () => {
    const called: boolean[] = [];
    let entry = 0;
    const race = (variants: readonly string[]): Race => ({
      options: { variants },
      setup: (machine, page) => {
        machine.view.swapon('/dev/ramzswap0');
        entry = machine.kernel.swap.allocator.getSwapPage();
        write(swpOffset(entry), 300)(machine, page);
      },
      first: (machine) => {
        machine.kernel.swap.counts.swapcacheFree(entry);
      },
      second: (machine) => {
        const before = machine.device.readStats().notifyFree;
        machine.driver.functions.swapoffNotify(0, machine.device.bdev());
        called.push(before === 0);
      },
      look: ({ device, kernel }) => {
        const area = kernel.swap.table.infoOf(0);
        expect(kernel.core.cells.ld32(area + SWAP_INFO.freeNotify)).to.equal(0);
        // Told although it was removed before: the slot was not yet free then.
        return called[called.length - 1] === true && device.readStats().notifyFree === 1;
      },
    });
    for (const profile of ['2.6.34+series', 'sound'] as const)
      expect(explore(profile, race([])).some(({ extra }) => extra === true)).to.equal(false);
    expect(explore('2.6.34+series', race(['d13'])).some(({ extra }) => extra === true)).to.equal(true);
  });

  it('X9: the statistics are no snapshot, so a share can be more than all', () => {
    const shares: number[] = [];
    const race: Race = {
      setup: all(write(3, 500), write(4, 500), write(5, 500)),
      first: (machine) => {
        const bytes = new Uint8Array(STATS_BYTES_2_6_34);
        expect(machine.device.ioctl(IOCTL.RZSIO_GET_STATS, bytes)).to.equal(0);
        shares.push(parseStats(bytes, '2.6.34').good_compress_pct);
      },
      second: all(free(3), free(4)),
      look: () => shares[shares.length - 1],
    };
    const historical = explore('2.6.34', race).map(({ extra }) => extra as number);
    expect(Math.max(...historical)).to.equal(300);
    for (const { extra } of expectSound(race)) expect(extra).to.equal(100);
  });

  it('are not there with one request at a time', () => {
    for (const profile of ['2.6.34', '2.6.34+series', '2.6.35'] as const) {
      const machine = createTestMachine({ diskPages: 16, profile });
      const page = machine.takePage();
      for (const [slot, noise] of [-1, 0, 500, 2900, 4096].entries()) write(slot + 1, noise)(machine, page);
      expect(statDrift(machine.device)).to.deep.equal([]);
      expect(walkTable(machine.device).problems).to.deep.equal([]);
      for (let slot = 1; slot < 16; slot++) machine.device.slotFreeNotify(slot);
      expect(statDrift(machine.device)).to.deep.equal([]);
      expect(machine.device.readStats()).to.include({ pagesStored: 0, pagesZero: 0, poolPages: 0 });
      expect(machine.arena.i32[(machine.device.address + RAMZSWAP.initDone) >> 2]).to.equal(1);
    }
  });
});
