/**
 * Two tasks, one switch: while one task is in an operation, another one does a whole operation at every point there is, one after the other.
 *
 * Where the second task would have to wait for a lock, that order of things cannot happen, and it is left out. All others must leave contents,
 * statistics and pool as if the two operations had been done one after the other. A lock that is missing, or dropped too early, shows here
 * without any luck.
 */
import { MisuseError, PAGE_SIZE } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import { statDrift, walkTable } from '#src/driver/walk.js';
import { createTestMachine, fillPage, TestMachine, type TestPage } from '../support/machine.js';

/** What the slots hold before: bytes of noise, by slot. */
const BEFORE: readonly (readonly [slot: number, noise: number])[] = [
  [3, 700],
  [4, 900],
  [5, 600],
  [6, 4096],
];

/** Every noise that is written to any slot, before or later. */
const NOISES = [-1, 100, 500, 600, 700, 800, 900, 1200, 1500, 4096];

/** Slots whose contents are looked at afterwards. */
const SLOTS = 9;

interface Operation {
  readonly name: string;
  /** Slots it writes or frees. */
  readonly changes: readonly number[];
  run(machine: TestMachine, page: TestPage): void;
}

function write(slot: number, noise: number): Operation {
  return {
    name: `writes ${noise < 0 ? 'zeros' : `${noise} bytes of noise`} to slot ${slot}`,
    changes: [slot],
    run: (machine, page) => {
      fill(page.bytes, slot, noise, 'new');
      if (machine.transfer('write', slot, page) !== 0) throw new Error(`slot ${slot} could not be written`);
    },
  };
}

function free(slot: number): Operation {
  return {
    name: `frees slot ${slot}`,
    changes: [slot],
    run: (machine) => machine.device.slotFreeNotify(slot),
  };
}

function both(first: Operation, second: Operation): Operation {
  return {
    name: `${first.name} and ${second.name}`,
    changes: [...first.changes, ...second.changes],
    run: (machine, page) => {
      first.run(machine, page);
      second.run(machine, page);
    },
  };
}

const readOfThree: Operation = {
  name: 'reads slot 3',
  changes: [],
  run: (machine, page) => {
    page.bytes.fill(0xee);
    if (machine.transfer('read', 3, page) !== 0) throw new Error('slot 3 could not be read');
    if (!isWhole(page.bytes, 3)) throw new Error('slot 3 was read neither as it was written nor as empty');
  },
};

/** In each pair the second must be possible at some points, and have to wait at others. */
const PAIRS: readonly (readonly [first: Operation, second: Operation])[] = [
  [write(3, 500), free(4)],
  [write(3, 500), free(3)],
  [write(3, 4096), free(6)],
  [write(3, -1), free(5)],
  [write(3, 800), readOfThree],
  [write(3, 500), write(4, 1500)],
  [write(3, 500), write(3, 1500)],
  [write(7, 1200), both(free(4), free(5))],
  [free(3), write(4, 100)],
  [free(4), free(5)],
  [free(6), write(3, 4096)],
  [readOfThree, both(free(3), write(8, 1500))],
  [readOfThree, write(3, 4096)],
];

describe('ramzswap with one switch between two tasks', () => {
  for (const [first, second] of PAIRS) {
    it(`one ${first.name}; at any point of it another ${second.name}`, () => {
      let [whole, blocked] = [0, 0];
      for (let point = 0; ; point++) {
        const end = tryAt(point, first, second);
        if (end === 'no such point') break;
        if (end === 'whole') whole++;
        else blocked++;
      }
      expect(whole).to.be.greaterThan(5);
      expect(blocked).to.be.greaterThan(0);
    });
  }
});

/** Does the second operation at a point of the first one. */
function tryAt(point: number, first: Operation, second: Operation): 'whole' | 'blocked' | 'no such point' {
  const owner = createTestMachine({ diskPages: 16, ramBytes: 1 << 20 });
  const pages = [owner.takePage(), owner.takePage()] as const;
  for (const [slot, noise] of BEFORE) {
    fill(pages[0].bytes, slot, noise, 'old');
    expect(owner.transfer('write', slot, pages[0])).to.equal(0);
  }
  const other = new TestMachine(owner.machine, owner.machine.attach({ name: 'second', mayWait: false }));
  const state: { points: number; end: 'whole' | 'blocked' | 'no such point' } = {
    points: -1,
    end: 'no such point',
  };
  const hook = (): void => {
    if (state.points < 0 || state.points++ !== point) return;
    try {
      second.run(other, pages[1]);
      state.end = 'whole';
    } catch (error) {
      if (!(error instanceof MisuseError) || error.code !== 'ERR_WOULD_BLOCK') throw error;
      state.end = 'blocked';
    }
  };
  const one = new TestMachine(owner.machine, owner.machine.attach({ name: 'first', mayWait: true, hook }));
  state.points = 0;
  // A task that would have blocked has done its operation in part: that is no run of the machine, so nothing is asked of it.
  try {
    first.run(one, pages[0]);
  } catch (error) {
    if (state.end !== 'blocked') throw error;
  }
  if (state.end === 'whole') expectSerial(owner, pages[0], first, second, point);
  return state.end;
}

/** The machine is as if the operations had been done one after the other. */
function expectSerial(
  machine: TestMachine,
  page: TestPage,
  first: Operation,
  second: Operation,
  point: number,
): void {
  const walk = walkTable(machine.device);
  expect(walk.problems, `point ${point}`).to.deep.equal([]);
  expect(statDrift(machine.device, walk), `point ${point}`).to.deep.equal([]);
  const changed = new Set([...first.changes, ...second.changes]);
  for (let slot = 1; slot < SLOTS; slot++) {
    page.bytes.fill(0xee);
    expect(machine.transfer('read', slot, page)).to.equal(0);
    if (changed.has(slot)) {
      expect(isWhole(page.bytes, slot), `slot ${slot} at point ${point}`).to.equal(true);
      continue;
    }
    const wanted = new Uint8Array(PAGE_SIZE).fill(0xee);
    const noise = new Map(BEFORE).get(slot);
    if (noise !== undefined) fill(wanted, slot, noise, 'old');
    expect(Buffer.compare(wanted, page.bytes), `slot ${slot} at point ${point}`).to.equal(0);
  }
}

/** Whether a page that held 0xee was left alone, or received one of the pages that are ever written to a slot. */
function isWhole(bytes: Uint8Array, slot: number): boolean {
  const wanted = new Uint8Array(PAGE_SIZE).fill(0xee);
  if (Buffer.compare(wanted, bytes) === 0) return true;
  for (const noise of NOISES) {
    for (const age of ['old', 'new'] as const) {
      fill(wanted, slot, noise, age);
      if (Buffer.compare(wanted, bytes) === 0) return true;
    }
  }
  return false;
}

/** A page; zeros for a noise below 0. */
function fill(bytes: Uint8Array, slot: number, noise: number, age: 'old' | 'new'): void {
  if (noise < 0) bytes.fill(0);
  else fillPage(bytes, slot + (age === 'old' ? 0 : 100), noise);
}
