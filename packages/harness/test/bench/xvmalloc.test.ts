import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchThread } from '#src/bench/bench-thread.js';
import { COMPILER_DEFAULT, startTwin, type CTwin } from '#src/bench/c-twin.js';
import { storedSizes, xvmallocTwinArguments } from '#src/bench/xvmalloc-bench.js';
import type { XvmallocOrder, XvmallocState, XvmallocTrial } from '#src/bench/xvmalloc-worker.js';

describe('the allocator of the driver and its twin in C', () => {
  for (const [title, sizes] of [
    ['of compressed pages', storedSizes(64)],
    ['of all kinds', Int32Array.from({ length: 500 }, (_, index) => 1 + ((index * 2657) % 4088))],
    ['that are small', Int32Array.from({ length: 64 }, (_, index) => index + 1)],
  ] as const) {
    it(`put objects ${title} to the same places, trial after trial`, async function () {
      this.timeout(60_000);
      const folder = mkdtempSync(join(tmpdir(), 'swaplab-test-'));
      const thread = new BenchThread<XvmallocOrder>('xvmalloc-worker');
      const shape = { sizes, live: 300, batches: 3, pairs: 700 };
      let twin: CTwin | string = 'not started';
      try {
        const file = join(folder, 'sizes');
        writeFileSync(file, new Uint8Array(sizes.buffer));
        twin = await startTwin('xvmalloc', xvmallocTwinArguments(shape, file), COMPILER_DEFAULT, undefined);
        if (typeof twin === 'string') {
          // Where there is a compiler that does not compile it, the twin is broken.
          expect(twin).to.equal(`there is no ${COMPILER_DEFAULT} to compile the C twin`);
          return this.skip();
        }
        const ours = (await thread.ask({ kind: 'prepare', shape }, undefined)) as XvmallocState;
        expect(await twin.answer(undefined)).to.deep.equal({ ready: 1, ...ours });
        expect(ours.pages).to.be.above(0);
        for (let trial = 0; trial < 3; trial++) {
          const mine = (await thread.ask({ kind: 'trial' }, undefined)) as XvmallocTrial;
          const theirs = (await twin.ask('trial', undefined)) as XvmallocTrial;
          expect([mine.pages, mine.sum]).to.deep.equal([theirs.pages, theirs.sum]);
          expect([mine.ns.length, theirs.ns.length]).to.deep.equal([3, 3]);
        }
      } finally {
        if (typeof twin !== 'string') twin.end();
        await thread.end();
        rmSync(folder, { recursive: true });
      }
    });
  }
});
