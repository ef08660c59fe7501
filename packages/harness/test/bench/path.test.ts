import { expect } from 'chai';
import { MisuseError, PAGE_SIZE } from '@swaplab/kernel-mm';
import { createCodec } from '@swaplab/ramzswap';
import { benchPages } from '#src/bench/bench-pages.js';
import { BenchThread } from '#src/bench/bench-thread.js';
import { CpuClock, cpuClockRefusal } from '#src/bench/cpu-clock.js';
import { createPathMachine } from '#src/bench/path-bench.js';
import type { PathBatches, PathHeap, PathOrder, PathVerified, PathWindow } from '#src/bench/path-worker.js';
import { BestBatches } from '#src/bench/session.js';
import { renderBench } from '#src/cli/bench-command.js';

const SLOTS = 100;
const PAGES = 16;
const HEAP_PAGES = 100_000;

describe('the path of the benchmarks', () => {
  for (const codec of ['lzo1x-2010', 'none'] as const) {
    it(`keeps every page through two threads at once: ${codec}`, async function () {
      this.timeout(60_000);
      if (cpuClockRefusal() !== null) this.skip();
      const machine = createPathMachine('notify', codec, 2);
      const { bytes: corpus } = benchPages(PAGES);
      const threads = [0, 1].map(() => new BenchThread<PathOrder>('path-worker'));
      try {
        for (const [index, thread] of threads.entries()) {
          const name = `t${String(index)}`;
          await thread.ask(
            { kind: 'open', name, machine: machine.handle, corpus, slots: SLOTS, measured: false },
            undefined,
          );
        }
        const [first] = threads;
        const { cpuNs } = (await first!.ask({ kind: 'batches', pages: 4 }, undefined)) as PathBatches;
        expect(cpuNs).to.have.length(PAGES / 4);
        const order = { kind: 'window', milliseconds: 5 } as const;
        for (const answer of await Promise.all(threads.map((thread) => thread.ask(order, undefined)))) {
          expect((answer as PathWindow).pages).to.be.above(0);
        }
        const freed = (await first!.ask({ kind: 'free', slots: 50 }, undefined)) as PathWindow;
        expect(freed.pages).to.equal(50);
        for (const thread of threads) {
          const verified = (await thread.ask({ kind: 'verify' }, undefined)) as PathVerified;
          expect(verified).to.deep.equal({ slots: SLOTS, wrong: 0 });
        }
        // Only what the threads hold is in use: nothing leaks, cycle after cycle.
        const { table } = machine.attach().kernel.swap;
        expect(table.totalSwapPages() - table.nrSwapPages()).to.equal(2 * SLOTS);
      } finally {
        await Promise.all(threads.map((thread) => thread.end()));
      }
    });
  }

  it('uses no heap of JavaScript, page after page', async function () {
    this.timeout(120_000);
    if (cpuClockRefusal() !== null) this.skip();
    const machine = createPathMachine('notify', 'lzo1x-current', 1);
    const { bytes: corpus } = benchPages(PAGES);
    const thread = new BenchThread<PathOrder>('path-worker');
    try {
      const open = { kind: 'open', name: 't', machine: machine.handle, corpus, slots: SLOTS } as const;
      await thread.ask({ ...open, measured: false }, undefined);
      let least = Infinity;
      // The smallest object has 16 bytes. The first runs also see what the compiler uses.
      for (let run = 0; run < 3 && least > HEAP_PAGES; run++) {
        const { bytes } = (await thread.ask({ kind: 'heap', pages: HEAP_PAGES }, undefined)) as PathHeap;
        least = Math.min(least, bytes);
      }
      expect(least / HEAP_PAGES).to.be.at.most(1);
    } finally {
      await thread.end();
    }
  });

  it('sees a page that is not what was written', async function () {
    this.timeout(30_000);
    if (cpuClockRefusal() !== null) this.skip();
    const machine = createPathMachine('notify', 'none', 1);
    const { bytes: corpus } = benchPages(PAGES);
    const thread = new BenchThread<PathOrder>('path-worker');
    try {
      await thread.ask(
        { kind: 'open', name: 't', machine: machine.handle, corpus, slots: SLOTS, measured: true },
        undefined,
      );
      // All frames of the machine, the stored pages among them: one byte of one page is no longer the same.
      const u8 = machine.attach().kernel.core.cells.arena.u8;
      const needle = Buffer.from(corpus.subarray(0, PAGE_SIZE));
      const last = Buffer.from(u8.buffer, u8.byteOffset, u8.byteLength).lastIndexOf(needle);
      u8[last]! ^= 1;
      const verified = (await thread.ask({ kind: 'verify' }, undefined)) as PathVerified;
      expect(verified.wrong).to.be.at.least(1);
    } finally {
      await thread.end();
    }
  });

  it('is not there for a policy that does not exist', () => {
    expect(() => createPathMachine('telepathy' as 'none', 'none', 1)).to.throw(MisuseError, 'telepathy');
  });
});

describe('the pages of the benchmarks', () => {
  it('are the same each time, none of them zero, and compress as much as they should', () => {
    const pages = benchPages(128);
    expect(Buffer.compare(pages.bytes, benchPages(128).bytes)).to.equal(0);
    expect(pages.meanRatio).to.be.within(0.434, 0.474);
    const codec = createCodec('lzo1x-2010');
    const out = new Uint8Array(codec.maxCompressedBytes(PAGE_SIZE));
    let total = 0;
    for (let at = 0; at < pages.bytes.length; at += PAGE_SIZE) {
      const work = new Int32Array(codec.workBytes / 4);
      const size = codec.compress(pages.bytes, at, PAGE_SIZE, out, 0, out.length, work, 0);
      expect(size).to.be.above(64);
      total += size;
    }
    expect(total / pages.bytes.length).to.be.closeTo(pages.meanRatio, 1e-9);
  });
});

describe('what the benchmarks count with', () => {
  it('is the best of each batch', () => {
    const best = new BestBatches();
    expect(best.sum()).to.equal(0);
    best.add([5, 7, 9]);
    best.add([6, 3, 9]);
    expect(best.sum()).to.equal(5 + 3 + 9);
  });

  it('is time on a processor, which passes with work', function () {
    if (cpuClockRefusal() !== null) this.skip();
    const clock = new CpuClock();
    const before = clock.now();
    let value = 1;
    for (let turn = 0; turn < 5_000_000; turn++) value = (Math.imul(value, 1664525) + turn) | 0;
    expect(clock.since(before)).to.be.above(0);
    expect(value).to.be.a('number');
  });

  it('is shown with its notes below', () => {
    const text = renderBench([], ['ticket locks wait in order']);
    expect(text).to.match(/^name +value.*\n\nNote: ticket locks wait in order\.\n$/);
  });
});
