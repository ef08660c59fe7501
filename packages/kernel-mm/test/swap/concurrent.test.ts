import { expect } from 'chai';
import { checkSwapInvariants } from '#src/swap/invariants.js';
import { siblingModule, valuesOf, withThreads, type Outcome } from '../support/threads.js';
import type { SwitchInput, TradeInput, TradeResult } from './concurrent-scenarios.js';
import { createSwapMachine, type SwapMachine } from './machine.js';

const SCENARIOS = siblingModule('concurrent-scenarios', import.meta.url).href;
const LIMIT_MS = 30_000;
const THREADS = 3;
const ROUNDS = 6000;
const BOARD = 8;
/** Priorities of the areas that are there all the time. */
const PRIORITIES = [1, 1, 0];

/** Looks for broken invariants that hold at every moment, while the others run. */
function brokenNow({ swap }: SwapMachine): string[] {
  swap.table.swapLock.lock();
  try {
    return checkSwapInvariants(swap, false);
  } finally {
    swap.table.swapLock.unlock();
  }
}

/** Watches until all threads have ended. @returns their outcomes, and how often it has looked */
async function watch(machine: SwapMachine, ended: Promise<Outcome[]>): Promise<[Outcome[], number]> {
  const state = { over: false };
  const outcomes = ended.finally(() => (state.over = true));
  let looks = 0;
  while (!state.over) {
    expect(brokenNow(machine)).to.deep.equal([]);
    looks++;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return [await outcomes, looks];
}

describe('references to slots that threads hand to each other', () => {
  for (const slotSummary of [false, true]) {
    for (const switched of [false, true]) {
      const scan = slotSummary ? 'with the summary structure' : 'with the plain scan';
      const also = switched ? ', while areas come and go' : '';
      it(`keep every invariant at every moment, ${scan}${also}`, async () => {
        const machine = createSwapMachine({}, undefined, undefined, slotSummary);
        machine.reader.record([]);
        const areas = PRIORITIES.length;
        const free = machine.frames.info().free;
        for (const prio of PRIORITIES) machine.area(60, { prio });
        const { freeNotify, counts, off, report } = machine.swap;
        const seen = { notified: 0 };
        const symbol = freeNotify.functions.define('traded', () => seen.notified++);
        for (let type = 0; type < areas; type++) freeNotify.setSwapFreeNotify(type, symbol);
        const board = new SharedArrayBuffer(4 * BOARD);
        const [outcomes, looks] = await withThreads(SCENARIOS, async (threads) => {
          const { handle } = machine.test;
          for (let seed = 0; seed < THREADS; seed++) {
            const input: TradeInput = { handle, slotSummary, seed, rounds: ROUNDS, holds: 40, areas, board };
            threads.start('trade', input);
          }
          if (switched) {
            const input: SwitchInput = { handle, slotSummary, rounds: 60 };
            threads.start('switchAreas', input);
          }
          return watch(machine, threads.allEnded(LIMIT_MS));
        });
        const traders = valuesOf<TradeResult>(outcomes.slice(0, THREADS));
        valuesOf(outcomes);
        const sum = (field: keyof TradeResult) => traders.reduce((total, one) => total + one[field], 0);
        expect(sum('clashes')).to.equal(0);
        expect(sum('refused')).to.equal(0);
        expect(sum('taken')).to.be.greaterThan(1000);
        expect(sum('traded')).to.be.greaterThan(100);
        expect(looks).to.be.greaterThan(3);
        for (const entry of new Uint32Array(board)) if (entry !== 0) counts.swapFree(entry);
        const rows = report.swaps();
        expect(
          rows.map((row) => [row.inusePages, row.freed === row.allocated, row.freedUnreported]),
        ).to.deep.equal(rows.map(() => [0, true, 0]));
        if (!switched) {
          const freed = rows.reduce((total, row) => total + row.freed, 0);
          expect([freed, sum('notified') + seen.notified]).to.deep.equal([sum('taken'), freed]);
        }
        expect(machine.swap.continuations.livePages()).to.be.greaterThan(0);
        expect(machine.broken()).to.deep.equal([]);
        for (const { type } of rows) expect(off.swapoffType(type)).to.equal(0);
        expect(machine.vmalloc.pagesInUse()).to.equal(0);
        expect(machine.frames.info().free).to.equal(free);
      }).timeout(2 * LIMIT_MS);
    }
  }
});
