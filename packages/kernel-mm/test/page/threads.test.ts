import { expect } from 'chai';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import { createPageMachine, FRAMES } from './machine.js';
import type { FramesInput, FramesResult } from './scenarios.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;
const LIMIT_MS = 15_000;
const THREADS = 4;

function sum(results: readonly FramesResult[], field: keyof FramesResult): number {
  return results.reduce((total, result) => total + result[field], 0);
}

describe('four threads that share page frames', () => {
  for (const [name, limit, holds] of [
    ['enough for all', 0, 10],
    ['too few for all', 0, 40],
    ['a limit that is too small for all', 12, 10],
  ] as const) {
    it(`never have the same one, and lose none: ${name}`, async () => {
      const machine = createPageMachine(limit);
      const results = await withThreads(SCENARIOS, async (threads) => {
        for (let seed = 0; seed < THREADS; seed++) {
          const input: FramesInput = { handle: machine.test.handle, seed, rounds: 30_000, holds };
          threads.start('churnFrames', input);
        }
        return valuesOf<FramesResult>(await threads.allEnded(LIMIT_MS));
      });
      expect(sum(results, 'clashes')).to.equal(0);
      expect(sum(results, 'allocated')).to.be.greaterThan(3000);
      expect(sum(results, 'isolated')).to.be.greaterThan(100);
      if (holds > FRAMES / THREADS) expect(sum(results, 'refused')).to.be.greaterThan(0);
      expect(sum(results, 'overLimit') > 0).to.equal(limit > 0);
      expect(machine.broken()).to.deep.equal([]);
      expect(machine.frames.info()).to.deep.include({ free: FRAMES, charged: 0 });
      expect(machine.list.count()).to.equal(0);
    }).timeout(2 * LIMIT_MS);
  }

  it('share table memory: each block is zeroed and has one owner', async () => {
    const machine = createPageMachine();
    const wrong = await withThreads(SCENARIOS, async (threads) => {
      for (let seed = 0; seed < THREADS; seed++) {
        threads.start('churnTables', { handle: machine.test.handle, seed, rounds: 5000, holds: 6 });
      }
      return valuesOf<number>(await threads.allEnded(LIMIT_MS));
    });
    expect(wrong).to.deep.equal([0, 0, 0, 0]);
    expect(machine.tables.pagesInUse()).to.equal(0);
  }).timeout(2 * LIMIT_MS);
});
