import { expect } from 'chai';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import { AREA_TABLES, createSwapMachine } from './machine.js';
import type { ChurnInput, ChurnResult, FileResult } from './thread-scenarios.js';

const SCENARIOS = siblingModule('thread-scenarios', import.meta.url).href;
const LIMIT_MS = 15_000;
const THREADS = 4;

function sum(results: readonly ChurnResult[], field: keyof ChurnResult): number {
  return results.reduce((total, result) => total + result[field], 0);
}

describe('slots taken and freed by four threads', () => {
  for (const [name, areas] of [
    ['one area', [300]],
    ['two areas of equal priority', [150, 150]],
    ['one area that is too small for all', [40]],
  ] as const) {
    it(`have one owner at a time, and each free is reported once: ${name}`, async () => {
      const machine = createSwapMachine();
      machine.reader.record([]);
      const slots = areas[0] + 1;
      for (const usable of areas) machine.area(usable + 1, { prio: 1 });
      const owners = new SharedArrayBuffer(4 * slots * areas.length);
      const results = await withThreads(SCENARIOS, async (threads) => {
        for (let seed = 0; seed < THREADS; seed++) {
          const { handle } = machine.test;
          const input: ChurnInput = { handle, seed, rounds: 40_000, holds: 60, owners, slots };
          threads.start('churn', input);
        }
        return valuesOf<ChurnResult>(await threads.allEnded(LIMIT_MS));
      });
      expect(sum(results, 'clashes')).to.equal(0);
      expect(sum(results, 'allocated')).to.be.greaterThan(10_000);
      expect(sum(results, 'refused') > 0).to.equal(areas[0] === 40);
      const rows = machine.swap.report.swaps();
      const freed = rows.reduce((total, row) => total + row.freed, 0);
      const unreported = rows.reduce((total, row) => total + row.freedUnreported, 0);
      expect([freed, unreported]).to.deep.equal([sum(results, 'allocated'), 0]);
      expect(sum(results, 'notified')).to.equal(freed);
      expect(new Int32Array(owners).every((owner) => owner === 0)).to.equal(true);
      expect(rows.map((row) => row.inusePages)).to.deep.equal(areas.map(() => 0));
      expect(machine.broken()).to.deep.equal([]);
    }).timeout(2 * LIMIT_MS);
  }
});

describe('areas switched on and off while others take slots', () => {
  it('lose no slot and no table memory', async () => {
    const machine = createSwapMachine();
    machine.reader.record([]);
    machine.area(64, { prio: 1 });
    const { handle } = machine.test;
    const [errors, ...taken] = await withThreads(SCENARIOS, async (threads) => {
      threads.start('toggle', { handle, rounds: 300 });
      for (let thread = 0; thread < 2; thread++) threads.start('borrow', { handle, rounds: 30_000 });
      return valuesOf<unknown>(await threads.allEnded(LIMIT_MS));
    });
    expect(errors).to.deep.equal([]);
    expect(taken.every((count) => Number(count) > 0)).to.equal(true);
    expect(machine.vmalloc.pagesInUse()).to.equal(AREA_TABLES);
    expect(machine.swap.report.siSwapinfo()).to.deep.equal({ totalPages: 63, freePages: 63 });
    expect(machine.broken()).to.deep.equal([]);
  }).timeout(2 * LIMIT_MS);
});

describe('a file switched on and off by three threads', () => {
  it('is one area at a time, and free at the end', async () => {
    const extents = [
      [100, 12],
      [20, 12],
    ] as const;
    const files = [{ path: '/swapfile', disk: 'ram2', extents }];
    const machine = createSwapMachine({}, undefined, undefined, undefined, files);
    machine.reader.record([]);
    machine.makeSwap.mkswap('/swapfile');
    const { handle } = machine.test;
    const before = machine.footprint();
    const owners = new SharedArrayBuffer(4);
    const results = await withThreads(SCENARIOS, async (threads) => {
      for (let thread = 0; thread < 3; thread++)
        threads.start('toggleFile', { handle, rounds: 300, files, owners });
      return valuesOf<FileResult>(await threads.allEnded(LIMIT_MS));
    });
    expect(results.map(({ clashes }) => clashes)).to.deep.equal([0, 0, 0]);
    expect(results.reduce((total, { owned }) => total + owned, 0)).to.be.greaterThan(0);
    expect(machine.footprint()).to.deep.equal(before);
    expect(machine.broken()).to.deep.equal([]);
  }).timeout(2 * LIMIT_MS);
});
