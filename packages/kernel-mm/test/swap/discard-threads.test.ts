import { expect } from 'chai';
import type { Machine } from '#src/machine/machine.js';
import type { FreeSlotPolicy } from '#src/swap/policy.js';
import { siblingModule, until, valuesOf, withThreads, type Threads } from '../support/threads.js';
import type { ContentsInput, ContentsResult } from './discard-scenarios.js';
import { discardView, SOLID_DISCARD, type DiscardView } from './discard-machine.js';

const SCENARIOS = siblingModule('discard-scenarios', import.meta.url).href;
const LIMIT_MS = 15_000;
const PAGES = 3000;

interface Run {
  readonly results: readonly ContentsResult[];
  /** Clusters the worker discarded. */
  readonly served: number;
  readonly hands: DiscardView;
}

/** Lets threads take, write, read and free slots under a policy, with a worker where the policy has one. */
async function churn(policy: FreeSlotPolicy, count: number, delayMs: number, holds: number): Promise<Run> {
  const { machine, hands } = discardView(policy, { pages: PAGES, flags: SOLID_DISCARD });
  machine.record();
  const { clusters, table } = hands.view.kernel.swap;
  const area = table.infoOf(0);
  const [served, results] = await withThreads(SCENARIOS, async (threads) => {
    const worker = policy === 'discard-cluster' ? startWorker(threads, machine, delayMs) : -1;
    const churners: number[] = [];
    for (let seed = 0; seed < count; seed++) {
      const rounds = Math.floor((delayMs === 0 ? 24_000 : 6000) / count);
      const input: ContentsInput = { handle: machine.handle, seed, rounds, holds, delayMs };
      churners.push(threads.start('churnContents', input));
    }
    for (const churner of churners) await threads.ended(churner, LIMIT_MS);
    // With all slots free the last clusters have died; without a worker nothing waits.
    await until('nothing waits for its discard', () => !clusters.hasHeld(area));
    clusters.stopWorker();
    const values = valuesOf<unknown>(await threads.allEnded(LIMIT_MS));
    return [worker < 0 ? 0 : Number(values[0]), values.slice(worker < 0 ? 0 : 1) as ContentsResult[]];
  });
  return { results, served, hands };
}

function startWorker(threads: Threads, machine: Machine, delayMs: number): number {
  return threads.start('kdiscardd', { handle: machine.handle, delayMs });
}

function sum(results: readonly ContentsResult[], field: keyof ContentsResult): number {
  return results.reduce((total, result) => total + result[field], 0);
}

describe('pages in slots of a device that takes discards', () => {
  for (const policy of ['discard', 'discard-cluster', 'discard-slot'] as const) {
    for (const [count, delayMs] of [
      [2, 0],
      [4, 1],
      [8, 1],
    ] as const) {
      it(`are not lost under ${policy}: ${count} threads, discards delayed by ${delayMs} ms`, async () => {
        const holds = Math.floor(2200 / count);
        const { results, served, hands } = await churn(policy, count, delayMs, holds);
        expect(sum(results, 'lost')).to.equal(0);
        expect(sum(results, 'refused')).to.equal(0);
        const [discards] = hands.discards();
        expect(discards).to.be.greaterThan(4);
        const [row] = hands.view.kernel.swap.report.swaps();
        expect(row).to.include({
          freed: sum(results, 'taken'),
          inusePages: 0,
          missed: 0,
          discardFailures: 0,
        });
        expect(hands.field('lowestAlloc')).to.equal(0);
        if (policy === 'discard-slot') expect(discards).to.equal(1 + sum(results, 'taken'));
        if (policy === 'discard-cluster') {
          expect(served).to.be.greaterThan(0);
          expect(discards).to.be.at.least(1 + served);
        }
        expect(hands.broken()).to.deep.equal([]);
        hands.view.swapoff('/dev/disk0');
      }).timeout(2 * LIMIT_MS);
    }
  }

  it('are not lost under discard-cluster when slots are short, and nobody goes without while some are held back', async () => {
    // Four threads may hold all slots but a few: allocation has to wait for discards.
    const { results, hands } = await churn('discard-cluster', 4, 1, Math.floor((PAGES - 10) / 4));
    expect(sum(results, 'lost')).to.equal(0);
    expect(sum(results, 'refused')).to.equal(0);
    hands.view.flushDiscards();
    expect(hands.broken()).to.deep.equal([]);
  }).timeout(2 * LIMIT_MS);
});

describe('a task that takes a slot while a cluster is being discarded', () => {
  it('does not have it before the discard was issued', async () => {
    const { machine, hands } = discardView('discard', { pages: PAGES });
    const signals = new Int32Array(new SharedArrayBuffer(16));
    const input = { handle: machine.handle, signals: signals.buffer };
    const [[first, issued], ...waiters] = await withThreads(SCENARIOS, async (threads) => {
      threads.start('discardSlowly', input);
      await until('the discard begins', () => Atomics.load(signals, 0) === 1);
      for (let waiter = 0; waiter < 3; waiter++) threads.start('takeMeanwhile', input);
      const { tasks } = hands.view.kernel.core.context;
      const ended = hands.view.kernel.swap.discard.ended.address;
      await until('three wait', () => tasks.list().filter((task) => task.waitAddress === ended).length === 3);
      expect(hands.field('inusePages')).to.equal(4);
      expect(Atomics.load(signals, 2)).to.equal(0);
      Atomics.store(signals, 1, 1);
      Atomics.notify(signals, 1);
      return valuesOf<[number, number]>(await threads.allEnded(LIMIT_MS)) as [
        [number, number],
        ...[number, number][],
      ];
    });
    expect([first, issued]).to.deep.equal([1, 1]);
    expect(waiters.map(([slot]) => slot).sort()).to.deep.equal([2, 3, 4]);
    expect(waiters.map(([, event]) => event).sort()).to.deep.equal([2, 3, 4]);
    expect(hands.field('lowestAlloc')).to.equal(0);
  }).timeout(2 * LIMIT_MS);
});
