import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchPages } from '#src/bench/bench-pages.js';
import { BenchThread } from '#src/bench/bench-thread.js';
import { COMPILER_DEFAULT, CTwin, startTwin, type CProgram } from '#src/bench/c-twin.js';
import type { CodecOrder, CodecTrial } from '#src/bench/codec-worker.js';
import { twinArguments } from '#src/bench/slots-bench.js';
import type {
  SlotsArea,
  SlotsOrder,
  SlotsPrepared,
  SlotsShape,
  SlotsTrial,
} from '#src/bench/slots-worker.js';

/** Starts a twin; skips the test where there is no compiler. */
async function twinOr(context: Mocha.Context, name: CProgram, args: readonly string[]): Promise<CTwin> {
  const twin = await startTwin(name, args, COMPILER_DEFAULT, undefined);
  if (twin instanceof CTwin) return twin;
  // Where there is a compiler that does not compile them, the twins are broken.
  expect(twin).to.equal(`there is no ${COMPILER_DEFAULT} to compile the C twin`);
  return context.skip();
}

const ALLOCATE = { calls: 'allocate', disk: 'rotating', summary: false } as const;
const SHAPES: readonly (SlotsShape & { readonly title: string })[] = [
  { title: 'an empty area', ...ALLOCATE, slots: 1000, level: 0, batches: 2, pairs: 3000 },
  { title: 'an area that is almost free', ...ALLOCATE, slots: 5000, level: 3, batches: 3, pairs: 700 },
  { title: 'an area that is half full', ...ALLOCATE, slots: 4096, level: 50, batches: 4, pairs: 1000 },
  { title: 'an area that is almost full', ...ALLOCATE, slots: 3001, level: 97, batches: 3, pairs: 500 },
  { title: 'an area that is full', ...ALLOCATE, slots: 777, level: 100, batches: 2, pairs: 300 },
  {
    title: 'a solid-state area',
    ...ALLOCATE,
    disk: 'solid-state',
    slots: 70_000,
    level: 12,
    batches: 4,
    pairs: 1500,
  },
];

describe('the slot allocator and its twin in C', () => {
  for (const { title, ...base } of SHAPES) {
    for (const summary of [false, true]) {
      const how = summary ? 'with a summary' : 'without a summary';
      it(`hand out the same slots of ${title} ${how}, in each trial`, async function () {
        this.timeout(60_000);
        const shape = { ...base, summary };
        const used = await compareTwins(this, shape);
        // Of a full area the last turn of the preparation frees one.
        expect(used).to.equal(Math.min(shape.slots - 1, Math.floor((shape.slots * shape.level) / 100)));
      });
    }
  }

  it('give the same slots one more user each, and take it away', async function () {
    this.timeout(60_000);
    const shape = { ...ALLOCATE, calls: 'share', slots: 4096, level: 50, batches: 3, pairs: 500 } as const;
    expect(await compareTwins(this, shape)).to.equal(2048);
  });

  it('measure what an area costs to be there', async function () {
    this.timeout(60_000);
    const thread = new BenchThread<SlotsOrder>('slots-worker');
    try {
      const area = (await thread.ask({ kind: 'area', slots: 100_000, times: 2 }, undefined)) as SlotsArea;
      // The map and its summary in whole pages, and the heads of the continuation pages.
      expect(area.bytes % 4096).to.equal(0);
      expect(area.bytes).to.be.within(100_001 * 1.25, 100_001 * 1.3 + 3 * 4096);
      expect(area.ns).to.be.above(0);
    } finally {
      await thread.end();
    }
  });
});

/** Lets both sides go through a shape and compares all they say; gives the number of slots in use. */
async function compareTwins(context: Mocha.Context, shape: SlotsShape): Promise<number> {
  const twin = await twinOr(context, 'slots', twinArguments(shape));
  const thread = new BenchThread<SlotsOrder>('slots-worker');
  try {
    const ours = (await thread.ask({ kind: 'prepare', shape }, undefined)) as SlotsPrepared;
    expect(await twin.answer(undefined)).to.deep.equal({ ready: 1, ...ours });
    const sums = new Set<number>();
    for (let trial = 0; trial < 2; trial++) {
      const mine = (await thread.ask({ kind: 'trial' }, undefined)) as SlotsTrial;
      const theirs = (await twin.ask('trial', undefined)) as SlotsTrial;
      expect(mine.sum).to.equal(theirs.sum);
      expect([mine.ns.length, theirs.ns.length]).to.deep.equal([shape.batches, shape.batches]);
      sums.add(mine.sum);
    }
    expect(sums.size).to.equal(1, 'each trial starts from the same state');
    return ours.used;
  } finally {
    twin.end();
    await thread.end();
  }
}

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
        const opened = await thread.ask(
          { kind: 'open', codec: 'lzo1x-2010', wasm, corpus, batches: 4 },
          undefined,
        );
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
    const twin = await twinOr(this, 'slots', ['allocate', 'rotating', '1000', '0', '1', '1']);
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
