import { KEEP_HASHES, openScenario, PCT, RANDOM_WALK, WATCH_ALL, type SearchReport } from '@swaplab/explore';
import { expect } from 'chai';
import { BenchThread } from '#src/bench/bench-thread.js';
import { ENGINES_GROUP, workload } from '#src/bench/engines-bench.js';
import { LOOM, PEER_BUGS, PEER_RATES, PEER_SEARCHES, SHUTTLE } from '#src/bench/engines-peers.js';
import { threadsWindows } from '#src/bench/engines-threads.js';
import {
  bestWindow,
  measureWindows,
  millionStepsPerSecond,
  schedulesPerSecond,
  type EnginesWindow,
} from '#src/bench/engines-window.js';
import type { EnginesHeap, EnginesOrder, EnginesSwitches } from '#src/bench/engines-worker.js';
import type { PromisesAnswer } from '#src/bench/fast-check-peer.js';
import { weaveRefusal } from '#src/bench/weave-copy.js';

const IS_LONG = process.env['SWAPLAB_LONG'] === '1';
const LIMIT_MS = 60_000;
const SHORT = { warmUpMs: 5, windows: 3, windowMs: 5 };
const PCT_3 = { strategy: PCT, parameter: 3, flags: 0 };
const WALK = { strategy: RANDOM_WALK, parameter: 0, flags: 0 };
const MIB = 1 << 20;

async function withThread<T>(
  use: (ask: (order: EnginesOrder) => Promise<unknown>) => Promise<T>,
): Promise<T> {
  const thread = new BenchThread<EnginesOrder>('engines-worker');
  try {
    return await use((order) => thread.ask(order, undefined));
  } finally {
    await thread.end();
  }
}

describe('the engines of the benchmarks', function () {
  this.timeout(LIMIT_MS);

  it('have the rows that are promised, each with its goal', () => {
    const goals = Object.fromEntries(
      ENGINES_GROUP.plans.map(({ name, unit, goal }) => [
        name.replace('engines.', ''),
        [unit, goal.op, goal.value],
      ]),
    );
    expect(goals).to.deep.include({
      'pct-threads': ['schedules/s', '>=', 15_000],
      'pct-stepped': ['schedules/s', '>=', 80_000],
      'walk-threads': ['M steps/s', '>=', 0.15],
      'walk-stepped': ['M steps/s', '>=', 5],
      'hand-over': ['us', '<=', 6],
      'detectors-threads': ['ratio', '<=', 4],
      'detectors-stepped': ['ratio', '<=', 4],
      heap: ['bytes', '<=', 1],
      weave: ['s', '<=', 15],
      'w1-pct-stepped': ['schedules/s', '>=', 2],
      'w1-pct-threads': ['schedules/s', '>=', 0.5],
      'w2-search-4': ['schedules', '<=', 1],
      'find-lost-w1-pct-3': ['schedules', '<=', 1.5],
      'find-abba-w1-walk': ['schedules', '<=', 1.5],
      'promises-threads': ['schedules/s', '>=', 1],
      'promises-find-stepped': ['ms', '<=', 1],
    });
    expect(new Set(ENGINES_GROUP.plans.map(({ name }) => name)).size).to.equal(ENGINES_GROUP.plans.length);
    for (const { name } of ENGINES_GROUP.plans) expect(name).to.match(/^engines\.[a-z0-9-]+$/);
  });

  it('have peers whose workloads exist', async () => {
    const names = [...PEER_BUGS, ...PEER_RATES].map((peer) => peer.workload);
    for (const name of new Set(names)) {
      const { engine, scenario } = await openScenario(workload(name), { engine: 'stepped' });
      expect(scenario.name).to.equal(name);
      await engine.close();
    }
    expect(PEER_SEARCHES.map(({ bound }) => bound)).to.deep.equal([2, 3, 4]);
    expect([SHUTTLE, LOOM].every((name) => name.includes('recorded'))).to.equal(true);
  });

  it('play windows of schedules in both engines', async () => {
    const module = workload('sums-4x25');
    const stepped = await withThread((ask) => ask({ kind: 'windows', module, run: PCT_3, span: SHORT }));
    const threads = await threadsWindows(module, PCT_3, SHORT);
    for (const windows of [stepped as EnginesWindow[], threads]) {
      expect(windows.length).to.be.within(1, SHORT.windows);
      for (const { schedules, steps, cpuUs, wallUs } of windows) {
        expect(schedules).to.be.at.least(1);
        expect(steps).to.be.at.least(schedules * 204);
        expect(cpuUs).to.be.above(0);
        expect(wallUs).to.be.above(0);
      }
    }
  });

  it('count the best window', () => {
    const slow = { schedules: 10, steps: 100, cpuUs: 20, wallUs: 20 };
    const fast = { schedules: 5, steps: 60, cpuUs: 5, wallUs: 50 };
    expect(bestWindow([slow, fast, slow])).to.equal(fast);
    expect(schedulesPerSecond(fast)).to.equal(1e6);
    expect(millionStepsPerSecond(fast)).to.equal(12);
  });

  it('are not measured with a workload that fails', async () => {
    const { engine } = await openScenario(workload('lost-update-2'), { engine: 'stepped' });
    const error: unknown = await measureWindows(engine, WALK, SHORT).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(Error).with.property('message').that.includes('Sum 0 is 1');
  });

  it('find a bug for each seed, the same in both engines', async () => {
    const module = workload('sums-with-gap');
    const order = { kind: 'find', module, run: PCT_3, seeds: 6, limit: 10_000 } as const;
    const found = (await withThread((ask) => ask(order))) as (number | null)[];
    expect(found).to.have.length(6);
    for (const schedule of found) expect(schedule).to.be.at.least(2);
    expect(new Set(found).size).to.be.above(1);
    const { engine } = await openScenario(module, { engine: 'threads' });
    try {
      const job = { ...PCT_3, seed: 7919, first: 0, schedules: 10_000, milliseconds: 0 };
      expect((await engine.run(job)).failure?.schedule).to.equal(found[0]! - 1);
    } finally {
      await engine.close();
    }
  });

  it('say so when they do not find a bug', async () => {
    const order = { kind: 'find', module: workload('sums-2x10'), run: WALK, seeds: 2, limit: 20 } as const;
    expect(await withThread((ask) => ask(order))).to.deep.equal([null, null]);
  });

  it('search a workload to the end of each bound, and say so', async () => {
    await withThread(async (ask) => {
      const module = workload('sums-2x10');
      for (const bound of [1, 2]) {
        const report = (await ask({ kind: 'search', module, bound, limit: 10_000 })) as SearchReport;
        expect(report).to.include({ completed: bound, overflowed: false, limited: 0, diverged: 0 });
      }
      const cut = (await ask({ kind: 'search', module, bound: 2, limit: 30 })) as SearchReport;
      expect(cut.completed).to.equal(1);
    });
  });

  it('count switches', async () => {
    await withThread(async (ask) => {
      const order = { kind: 'switches', module: workload('own-words-4x50'), schedules: 20 } as const;
      const walk = (await ask({ ...order, run: WALK })) as EnginesSwitches;
      const rare = (await ask({ ...order, run: { ...PCT_3, parameter: 1 } })) as EnginesSwitches;
      expect(walk.points).to.equal(200);
      expect(rare.points).to.equal(200);
      // Each point is the last of a stay with a chance of three in four.
      expect(walk.switches).to.be.within(120, 170);
      expect(rare.switches).to.be.within(4, 5);
    });
  });

  it('use no heap of JavaScript, schedule after schedule', async () => {
    const parts = IS_LONG ? 10 : 1;
    const schedules = IS_LONG ? 100_000 : 20_000;
    const order = { kind: 'heap', module: workload('slot-turnover'), before: 10_000, schedules } as const;
    let bytes = 0;
    await withThread(async (ask) => {
      for (let part = 0; part < parts; part++)
        bytes += ((await ask({ ...order, run: PCT_3 })) as EnginesHeap).bytes;
    });
    // A small object each would be much more; what there is belongs to the compiler.
    expect(bytes / (parts * schedules)).to.be.at.most(IS_LONG ? 1 : 8);
  }).timeout(IS_LONG ? 600_000 : LIMIT_MS);

  it('use no memory of the process, schedule after schedule, on real threads', async function () {
    if (!IS_LONG) this.skip();
    this.timeout(1_200_000);
    const { engine } = await openScenario(workload('sums-4x25'), { engine: 'threads' });
    try {
      const job = { ...PCT_3, seed: 1, milliseconds: 0 };
      // Until then the young generation of each thread grows to its full size, some ten MiB in all. A leak would go on.
      await engine.run({ ...job, first: 0, schedules: 500_000 });
      const before = process.memoryUsage().rss;
      await engine.run({ ...job, first: 500_000, schedules: 1_000_000 });
      expect((process.memoryUsage().rss - before) / MIB).to.be.at.most(4);
    } finally {
      await engine.close();
    }
  });

  it('have a peer that plays the same lost updates', async function () {
    const order = { kind: 'promises', windows: 1, schedules: 5, seeds: 3, limit: 100 } as const;
    const answer = (await withThread((ask) => ask(order))) as PromisesAnswer | null;
    if (answer === null) this.skip();
    expect(answer.name).to.match(/^fast-check \d/);
    expect(answer.windows.map(({ schedules, steps }) => [schedules, steps])).to.deep.equal([[5, 1000]]);
    expect(answer.found).to.have.length(3);
    for (const schedule of answer.found) expect(schedule).to.be.at.least(1);
  });

  it('find nothing more with detectors or hashes on', async () => {
    const { engine } = await openScenario(workload('slot-turnover'), { engine: 'stepped' });
    for (const flags of [WATCH_ALL, KEEP_HASHES]) {
      const job = { ...PCT_3, flags, seed: 3, first: 0, schedules: 100, milliseconds: 0 };
      expect((await engine.run(job)).failure).to.equal(null);
    }
  });

  it('are woven in a copy where this is a working copy of the repository', () => {
    expect(weaveRefusal()).to.equal(null);
  });
});
