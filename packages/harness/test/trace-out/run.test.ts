/**
 * The trace of whole runs: a strict reader finds nothing wrong with it, and what was counted in other ways is counted in it, too.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { KERNEL_EVENT_TYPES } from '@swaplab/kernel-mm';
import { expect } from 'chai';

import type { PolicyResult, RunDocument } from '#src/run/document.js';
import { RUN_POLICIES, type PartialRunOptions } from '#src/run/options.js';
import { runWorkload } from '#src/run/run-workload.js';
import { writeChromeTrace, type TraceOptions, type TraceSummary } from '#src/trace-out/chrome-trace.js';
import { randomSeed } from '../run/support.js';
import {
  complaintsAbout,
  countsByName,
  processesOf,
  readTrace,
  type Trace,
  type TraceEvent,
  type TracedProcess,
} from './checker.js';

describe('the trace of a run', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-trace-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Runs with a trace. */
  async function traced(
    options: PartialRunOptions,
    trace: Partial<TraceOptions> = {},
    signal?: AbortSignal,
  ): Promise<{ document: RunDocument; trace: Trace; summary: TraceSummary }> {
    const path = trace.path ?? join(folder, 'trace.json');
    const writer = writeChromeTrace({ ...trace, path }, options.policies?.length ?? 2);
    let summary: TraceSummary | null = null;
    try {
      const document = await runWorkload(options, {
        trace: writer,
        ...(signal === undefined ? {} : { signal }),
      });
      summary = writer.end();
      return { document, trace: readTrace(path), summary };
    } finally {
      if (summary === null) writer.discard();
    }
  }

  function expectEqualCounts(result: PolicyResult, process: TracedProcess): void {
    const { policy, vm, areas, locks } = result;
    const own = process.events.filter(({ cat }) => cat !== 'lock');
    const counts = countsByName(own);
    const sum = (name: 'allocated' | 'freed' | 'notified'): number =>
      areas.reduce((total, area) => total + area[name], 0);
    const faults = own.filter(({ name }) => name.startsWith('fault, '));
    const seen = {
      allocs: counts.get('slot alloc') ?? 0,
      frees: counts.get('slot free') ?? 0,
      swapOuts: counts.get('swap out') ?? 0,
      swapIns: counts.get('swap in') ?? 0,
      faults: faults.length,
      kills: counts.get('process killed') ?? 0,
      swapons: counts.get('swapon') ?? 0,
      swapoffs: counts.get('swapoff') ?? 0,
    };
    expect(seen, policy).to.deep.equal({
      allocs: sum('allocated'),
      frees: sum('freed'),
      swapOuts: vm.swapOuts,
      swapIns: vm.swapIns,
      faults: vm.faults,
      kills: vm.kills,
      swapons: areas.length,
      swapoffs: areas.length,
    });
    if (policy !== 'discard-slot') expect(counts.get('notify') ?? 0, policy).to.equal(sum('notified'));
    const freed = own.filter(({ name }) => name.startsWith('reclaim, '));
    expect(
      freed.reduce((total, { args }) => total + Number(args['freed']), 0),
      policy,
    ).to.equal(vm.reclaimed);
    const scanned = freed.reduce((total, { args }) => total + Number(args['scanned']), 0);
    expect(scanned, policy).to.equal(vm.scanned);
    const held = countsByName(process.events.filter(({ track }) => / holds /.test(track)));
    const waited = countsByName(process.events.filter(({ track }) => track.endsWith(' waits for')));
    for (const lock of locks) {
      expect([lock.class, held.get(lock.class) ?? 0], policy).to.deep.equal([lock.class, lock.acquisitions]);
      expect([lock.class, waited.get(lock.class) ?? 0], policy).to.deep.equal([lock.class, lock.contended]);
    }
  }

  for (const [seed, swappers] of [
    [1, 1],
    [randomSeed, 3],
  ] as const) {
    it(`is well formed and has all that was counted, with ${String(swappers)} swappers (seed ${String(seed)})`, async () => {
      const { document, trace, summary } = await traced({
        policies: ['none', 'notify', 'chain', 'discard-slot'],
        swappers,
        ops: 1500,
        seed,
        codec: 'none',
        pages: 'synthetic',
      });
      expect(complaintsAbout(trace)).to.deep.equal([]);
      expect(summary.machines.map(({ dropped, leftOut }) => [dropped, leftOut])).to.deep.equal(
        document.policies.map(() => [0, 0]),
      );
      const processes = processesOf(trace);
      expect(processes.map(({ name }) => name)).to.deep.equal([
        'policy none',
        'policy notify',
        'policy chain',
        'policy discard-slot',
      ]);
      for (const [index, result] of document.policies.entries()) {
        const process = processes[index];
        if (process === undefined) throw new Error('a process is missing');
        expectEqualCounts(result, process);
        const names = new Set(process.tracks.values());
        for (let swapper = 0; swapper < swappers; swapper++) {
          expect(names).to.include(`swapper ${String(swapper)}`);
          expect(names).to.include(`swapper ${String(swapper)} holds swap_lock`);
        }
        expectCurves(result, process);
      }
    }).timeout(60_000);
  }

  /** The curves go through the samples of the document, and the notified slot is told of inside of what freed it. */
  function expectCurves(result: PolicyResult, process: TracedProcess): void {
    expect([...process.counters.keys()].sort()).to.deep.equal([
      'compressed bytes',
      'free frames',
      'live slots',
      'pool pages',
      'stale slots',
      'stored slots',
    ]);
    const stored = process.counters.get('stored slots') ?? [];
    expect(stored.map(({ value }) => value)).to.deep.equal(result.samples.map((sample) => sample.stored));
    const [first] = stored;
    const last = stored.at(-1);
    const seconds = ((last?.ts ?? 0) - (first?.ts ?? 0)) / 1e6;
    const times = result.samples.map(({ t }) => t);
    expect(seconds).to.be.closeTo((times.at(-1) ?? 0) - (times[0] ?? 0), 1e-6);
  }

  it('puts what lies in a fault into it, and a free slot before its notification', async () => {
    const { trace } = await traced({
      policies: ['chain'],
      swappers: 1,
      ops: 1500,
      seed: 7,
      codec: 'none',
      pages: 'synthetic',
    });
    const [process] = processesOf(trace);
    const events = process?.events.filter(({ track }) => track === 'swapper 0') ?? [];
    const isIn = (inner: TraceEvent, outer: TraceEvent): boolean =>
      (outer.ts ?? 0) <= (inner.ts ?? 0) &&
      (inner.ts ?? 0) + (inner.dur ?? 0) <= (outer.ts ?? 0) + (outer.dur ?? 0);
    const majors = events.filter(({ name }) => name === 'fault, major');
    const reads = events.filter(({ name }) => name === 'swap in');
    expect(majors.length).to.be.greaterThan(20);
    for (const read of reads) expect(majors.some((fault) => isIn(read, fault))).to.equal(true);
    const reclaims = events.filter(({ name }) => name === 'reclaim, direct');
    for (const write of events.filter(({ name }) => name === 'swap out'))
      expect(reclaims.some((reclaim) => isIn(write, reclaim))).to.equal(true);
    const notified = events.filter(({ name }) => name === 'notify');
    const calls = events.filter(({ name }) => name.startsWith('slot_free_notify_list'));
    expect(calls).to.have.length(notified.length);
    for (const [index, call] of calls.entries()) {
      const notify = notified[index];
      expect(notify !== undefined && isIn(call, notify)).to.equal(true);
      expect(call.args['action']).to.equal(notify?.args['slot']);
    }
    for (const [index, event] of events.entries()) {
      if (event.name !== 'notify') continue;
      expect(events[index - 1]).to.deep.include({ name: 'slot free', args: event.args });
    }
  });

  it('is there under every policy', async () => {
    const { document, trace } = await traced({
      policies: RUN_POLICIES,
      swappers: 2,
      ops: 800,
      seed: 3,
      codec: 'none',
      pages: 'synthetic',
    });
    expect(complaintsAbout(trace)).to.deep.equal([]);
    const processes = processesOf(trace);
    expect(processes).to.have.length(RUN_POLICIES.length);
    for (const [index, result] of document.policies.entries()) {
      const process = processes[index];
      const notified = result.areas.reduce((sum, area) => sum + area.notified, 0);
      const told = countsByName(process?.events ?? []).get('notify') ?? 0;
      if (!result.policy.startsWith('discard')) expect(told, result.policy).to.equal(notified);
    }
  }).timeout(60_000);

  it('has a track for kswapd, and tells of every kill, where memory is short', async () => {
    const { document, trace } = await traced(
      {
        policies: ['none', 'notify'],
        scenario: 'memory-squeeze',
        swappers: 2,
        ops: 3000,
        seed: 1,
        codec: 'none',
        pages: 'synthetic',
      },
      { events: KERNEL_EVENT_TYPES.filter((type) => !type.startsWith('lock')) },
    );
    expect(complaintsAbout(trace)).to.deep.equal([]);
    const processes = processesOf(trace);
    let passes = 0;
    for (const [index, result] of document.policies.entries()) {
      const process = processes[index];
      if (process === undefined) throw new Error('a process is missing');
      expectEqualCounts({ ...result, locks: [] }, process);
      const ofKswapd = process.events.filter(({ name }) => name === 'reclaim, kswapd');
      expect(ofKswapd, result.policy).to.have.length(result.vm.pageoutrun ?? 0);
      for (const { track } of ofKswapd) expect(track).to.equal('kswapd');
      passes += ofKswapd.length;
    }
    expect(document.policies[0]?.vm.kills).to.be.greaterThan(0);
    expect(passes).to.be.greaterThan(0);
  }).timeout(60_000);

  it('has lock events without lock statistics, too, and repeats nothing of the run', async () => {
    const options = {
      policies: ['notify'],
      swappers: 1,
      ops: 600,
      seed: 9,
      codec: 'none',
      pages: 'synthetic',
      lockStats: false,
    } as const;
    const { document, trace } = await traced(options);
    expect(document.policies[0]?.locks).to.deep.equal([]);
    const names = [...(processesOf(trace)[0]?.tracks.values() ?? [])];
    expect(names).to.include('swapper 0 holds swap_lock');
    const plain = await runWorkload(options);
    expect(plain.policies[0]?.vm).to.deep.equal(document.policies[0]?.vm);
    expect(plain.policies[0]?.areas).to.deep.equal(document.policies[0]?.areas);
  });

  it('has only the events asked for', async () => {
    const { document, trace } = await traced(
      { policies: ['notify'], swappers: 1, ops: 600, seed: 9, codec: 'none', pages: 'synthetic' },
      { events: ['slotFree', 'lockContended'] },
    );
    const [process] = processesOf(trace);
    const counts = countsByName(process?.events.filter(({ cat }) => cat !== 'lock') ?? []);
    const freed = document.policies[0]?.areas.reduce((sum, area) => sum + area.freed, 0);
    expect([...counts]).to.deep.equal([['slot free', freed]]);
    expect(complaintsAbout(trace)).to.deep.equal([]);
  });

  it('counts what is over the limit, of each policy alike', async () => {
    const options = { swappers: 1, ops: 600, seed: 9, codec: 'none', pages: 'synthetic' } as const;
    const { summary: whole } = await traced({ ...options, policies: ['none', 'notify'] });
    const { trace, summary } = await traced({ ...options, policies: ['none', 'notify'] }, { limit: 1000 });
    expect(complaintsAbout(trace)).to.deep.equal([]);
    expect(summary.limitOfEach).to.equal(500);
    expect(summary.machines.map(({ events }) => events)).to.deep.equal([500, 500]);
    for (const [index, machine] of summary.machines.entries())
      expect(machine.leftOut).to.equal((whole.machines[index]?.events ?? 0) - 500);
    expect(trace.otherData.machines).to.deep.equal(summary.machines);
  });

  it('of a run that was interrupted is whole as far as it goes', async () => {
    const controller = new AbortController();
    const path = join(folder, 'trace.json.gz');
    const writer = writeChromeTrace({ path }, 2);
    const document = await runWorkload(
      { policies: ['none', 'notify'], swappers: 2, ops: 4000, seed: 1, codec: 'none', pages: 'synthetic' },
      {
        trace: writer,
        signal: controller.signal,
        onProgress: ({ policyIndex, checkpoint }) => {
          if (policyIndex === 1 && checkpoint >= 3) controller.abort();
        },
      },
    );
    expect(document.interrupted).to.equal(true);
    expect(readdirSync(folder).filter((name) => name === 'trace.json.gz')).to.deep.equal([]);
    writer.end({ interrupted: true });
    const trace = readTrace(path);
    expect(complaintsAbout(trace)).to.deep.equal([]);
    expect(trace.otherData).to.include({ interrupted: true, program: 'swaplab' });
    const [first, second] = processesOf(trace);
    const counts = countsByName(first?.events ?? []);
    expect(counts.get('swap out')).to.equal(document.policies[0]?.vm.swapOuts);
    expect(second?.events.length).to.be.greaterThan(100);
    expect(readdirSync(folder)).to.deep.equal(['trace.json.gz']);
  }).timeout(60_000);
});
