import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchPages } from '#src/bench/bench-pages.js';
import { BenchThread } from '#src/bench/bench-thread.js';
import { COMPILER_DEFAULT, CTwin, startTwin, type CProgram } from '#src/bench/c-twin.js';
import type { CodecOrder, CodecTrial } from '#src/bench/codec-worker.js';
import type { SlotsOrder, SlotsPrepared, SlotsShape, SlotsTrial } from '#src/bench/slots-worker.js';

/** Starts a twin; skips the test where there is no compiler. */
async function twinOr(context: Mocha.Context, name: CProgram, args: readonly string[]): Promise<CTwin> {
  const twin = await startTwin(name, args, COMPILER_DEFAULT, undefined);
  if (twin instanceof CTwin) return twin;
  // Where there is a compiler that does not compile them, the twins are broken.
  expect(twin).to.equal(`there is no ${COMPILER_DEFAULT} to compile the C twin`);
  return context.skip();
}

const SHAPES: readonly (SlotsShape & { readonly title: string })[] = [
  { title: 'an empty area', slots: 1000, level: 0, batches: 2, pairs: 3000 },
  { title: 'an area that is almost free', slots: 5000, level: 3, batches: 3, pairs: 700 },
  { title: 'an area that is half full', slots: 4096, level: 50, batches: 4, pairs: 1000 },
  { title: 'an area that is almost full', slots: 3001, level: 97, batches: 3, pairs: 500 },
  { title: 'an area that is full', slots: 777, level: 100, batches: 2, pairs: 300 },
];

describe('the slot allocator and its twin in C', () => {
  for (const { title, ...shape } of SHAPES) {
    it(`hand out the same slots of ${title}, in each trial`, async function () {
      this.timeout(60_000);
      const args = [shape.slots, shape.level, shape.batches, shape.pairs].map(String);
      const twin = await twinOr(this, 'slots', args);
      const thread = new BenchThread<SlotsOrder>('slots-worker');
      try {
        const ours = (await thread.ask({ kind: 'prepare', shape }, undefined)) as SlotsPrepared;
        expect(await twin.answer(undefined)).to.deep.equal({ ready: 1, ...ours });
        // Of a full area the last turn of the preparation frees one.
        const used = Math.min(shape.slots - 1, Math.floor((shape.slots * shape.level) / 100));
        expect(ours.used).to.equal(used);
        const sums = new Set<number>();
        for (let trial = 0; trial < 2; trial++) {
          const mine = (await thread.ask({ kind: 'trial' }, undefined)) as SlotsTrial;
          const theirs = (await twin.ask('trial', undefined)) as SlotsTrial;
          expect(mine.sum).to.equal(theirs.sum);
          expect([mine.ns.length, theirs.ns.length]).to.deep.equal([shape.batches, shape.batches]);
          sums.add(mine.sum);
        }
        expect(sums.size).to.equal(1, 'each trial starts from the same state');
      } finally {
        twin.end();
        await thread.end();
      }
    });
  }
});

describe('the codec and its twin in C', () => {
  it('make the same streams of the pages of the benchmarks, and the pages of the streams', async function () {
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), 'swaplab-test-'));
    const file = join(folder, 'pages');
    const { bytes: corpus } = benchPages(32);
    writeFileSync(file, corpus);
    const thread = new BenchThread<CodecOrder>('codec-worker');
    let twin: CTwin | undefined;
    try {
      twin = await twinOr(this, 'lzo1x', [file, '4']);
      expect(await twin.answer(undefined)).to.deep.equal({ ready: 1, pages: 32 });
      for (const wasm of [false, true]) {
        const opened = await thread.ask({ kind: 'open', wasm, corpus, batches: 4 }, undefined);
        expect(opened).to.deep.equal({ available: true });
        for (const kind of ['compress', 'decompress'] as const) {
          const mine = (await thread.ask({ kind }, undefined)) as CodecTrial;
          const theirs = (await twin.ask(kind, undefined)) as CodecTrial;
          expect([mine.bytes, mine.sum]).to.deep.equal([theirs.bytes, theirs.sum]);
          expect(mine.ns).to.have.length(4);
        }
      }
    } finally {
      twin?.end();
      await thread.end();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a twin in C', () => {
  it('is not there without a compiler, and that is a reason and no error', async () => {
    const missing = await startTwin('slots', [], 'no-such-compiler', undefined);
    expect(missing).to.equal('there is no no-such-compiler to compile the C twin');
    const failing = await startTwin('slots', [], 'false', undefined);
    expect(failing).to.match(/^false could not compile the C twin: /);
  });

  it('that ends early gives an error instead of an answer', async function () {
    this.timeout(30_000);
    const twin = await twinOr(this, 'slots', ['wrong']);
    const error: unknown = await twin.answer(undefined).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(Error).with.property('message').that.includes('it ended with code 2');
  });

  it('that is interrupted gives the reason', async function () {
    this.timeout(30_000);
    const twin = await twinOr(this, 'slots', ['1000', '0', '1', '1']);
    try {
      await twin.answer(undefined);
      const controller = new AbortController();
      // No command was given, so no answer will come.
      const waiting = twin.answer(controller.signal).catch((reason: unknown) => reason);
      controller.abort(new Error('enough'));
      expect(await waiting).to.have.property('message', 'enough');
    } finally {
      twin.end();
    }
  });
});
