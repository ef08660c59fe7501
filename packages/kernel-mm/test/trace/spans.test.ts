import { expect } from 'chai';
import type { Clock } from '#src/sync/point.js';
import {
  KERNEL_EVENT_TYPES,
  KERNEL_EVENT_TYPES_DEFAULT,
  PAGE_FAULT_COPY_ON_WRITE,
  PAGE_FAULT_MAJOR,
  type KernelEvent,
} from '#src/trace/events.js';
import { TraceReader, type TraceSink } from '#src/trace/reader.js';
import { layoutTrace, type TraceRegions } from '#src/trace/rings.js';
import { NOT_TRACED, Trace } from '#src/trace/trace.js';
import { createTestCore, type TestCore } from '../support/core.js';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import { buildTrace, type SpansInput } from './scenarios.js';

const RECORDS = 32;
const SEED = 20100522;
const RANDOM_SEED = (Math.random() * 0x7fff_ffff) | 0;

interface Fixture {
  readonly machine: TestCore<TraceRegions>;
  readonly trace: Trace;
  readonly reader: TraceReader;
}

/** A machine that records everything. */
function setUp(clock: Clock | null = null): Fixture {
  const machine = createTestCore((layout) => layoutTrace(layout, RECORDS), { clock });
  const reader = new TraceReader(machine.arena, machine.regions);
  reader.record(KERNEL_EVENT_TYPES);
  return { machine, trace: new Trace(machine.core, machine.regions), reader };
}

/** Keeps what it is given, and checks that nothing comes after it was said to be there. */
class StrictSink implements TraceSink {
  readonly events: KernelEvent[] = [];
  readonly settled: number[] = [];
  /** Events that began before a time up to which all was said to be told. */
  late = 0;
  readonly #lastBegin: number[] = [];

  take(event: KernelEvent): void {
    const begin = 'since' in event ? event.since : event.time;
    if (begin < (this.settled[event.task] ?? -1)) this.late++;
    this.#lastBegin[event.task] = Math.max(begin, this.#lastBegin[event.task] ?? -1);
    this.events.push(event);
  }

  settle(task: number, until: number): void {
    // Where nothing is under way that is said of what was told, and of nothing that comes.
    const time = until === Infinity ? (this.#lastBegin[task] ?? -1) : until;
    this.settled[task] = Math.max(time, this.settled[task] ?? -1);
  }
}

describe('spans', () => {
  it('are told with their fields, numbered at both ends where there is no clock', () => {
    const { machine, trace, reader } = setUp();
    const { task } = machine;
    const fault = trace.beginFault();
    const swapIn = trace.beginSwapIn();
    trace.swapIn(swapIn, 3, 77, -5);
    const reclaim = trace.beginReclaim();
    const swapOut = trace.beginSwapOut();
    trace.swapOut(swapOut, 2, 0x0012_3456, 0);
    const notify = trace.beginNotify();
    const call = trace.beginNotifierCall();
    trace.notifierCall(call, 4096, 8192, 12, 0x8001);
    trace.notify(notify, 1, 9, true);
    trace.reclaim(reclaim, true, 32, 40, 31);
    trace.fault(fault, PAGE_FAULT_MAJOR, 64_000, 17, true, -12);
    trace.slotAlloc(1, 10);
    trace.duplicate(1, 10, 63);
    trace.processKilled(64_064);
    expect(reader.drain()).to.deep.equal([
      { type: 'swapIn', task, since: 2, time: 3, swapType: 3, slot: 77, error: -5 },
      { type: 'swapOut', task, since: 5, time: 6, swapType: 2, slot: 0x0012_3456, error: 0 },
      { type: 'notifierCall', task, since: 8, time: 9, chain: 4096, block: 8192, action: 12, result: 0x8001 },
      { type: 'notify', task, since: 7, time: 10, swapType: 1, slot: 9 },
      { type: 'reclaim', task, since: 4, time: 11, by: 'kswapd', target: 32, scanned: 40, freed: 31 },
      {
        type: 'fault',
        task,
        since: 1,
        time: 12,
        kind: 'major',
        space: 64_000,
        vpn: 17,
        write: true,
        error: -12,
      },
      { type: 'slotAlloc', task, time: 13, swapType: 1, slot: 10 },
      { type: 'duplicate', task, time: 14, swapType: 1, slot: 10, count: 63 },
      { type: 'processKilled', task, time: 15, space: 64_064 },
    ]);
  });

  it('take both times from the clock', () => {
    let now = 1000.5;
    const { trace, reader } = setUp(() => (now += 0.25));
    trace.fault(trace.beginFault(), PAGE_FAULT_COPY_ON_WRITE, 64, 0, false, 0);
    trace.lockHeld(64, 3, 900, 950.25);
    trace.lockContended(128, 4, 901, 902);
    const [contended, held, fault] = reader.drain();
    expect(fault).to.deep.include({ since: 1000.75, time: 1001, kind: 'copyOnWrite', write: false });
    expect(held).to.deep.include({ type: 'lockHeld', since: 900, time: 950.25, address: 64, lockClass: 3 });
    expect(contended).to.deep.include({
      type: 'lockContended',
      since: 901,
      time: 902,
      address: 128,
      lockClass: 4,
    });
  });

  it('of a free that nobody was told of leave no event', () => {
    const { trace, reader } = setUp();
    trace.notify(trace.beginNotify(), 0, 1, false);
    expect(reader.drain()).to.deep.equal([]);
    const sink = new StrictSink();
    trace.slotFree(0, 1);
    reader.drainTo(sink);
    // And are not open for ever.
    expect(sink.events).to.have.length(1);
    expect(sink.settled).to.deep.equal([sink.events[0]!.time]);
  });

  it('and all other new events are off until they are asked for', () => {
    const { trace, reader } = setUp();
    reader.record(KERNEL_EVENT_TYPES_DEFAULT);
    expect(reader.recorded()).to.deep.equal(['slotFree', 'swapon', 'swapoff', 'printk']);
    const begins = [
      trace.beginFault(),
      trace.beginNotifierCall(),
      trace.beginNotify(),
      trace.beginReclaim(),
      trace.beginSwapIn(),
      trace.beginSwapOut(),
    ];
    expect(new Set(begins)).to.deep.equal(new Set([NOT_TRACED]));
    expect(trace.wantsDuplicate()).to.equal(false);
    trace.slotAlloc(0, 1);
    trace.duplicate(0, 1, 2);
    trace.processKilled(1);
    trace.lockContended(64, 0, 1, 2);
    trace.lockHeld(64, 0, 1, 2);
    trace.slotFree(0, 1);
    expect(reader.drain().map(({ type }) => type)).to.deep.equal(['slotFree']);
  });

  for (const type of KERNEL_EVENT_TYPES) {
    it(`are recorded when ${type} is asked for, and nothing else is`, () => {
      const { trace, reader } = setUp();
      reader.record([type]);
      expect(reader.recorded()).to.deep.equal([type]);
      tellEverything(trace);
      expect(reader.drain().map((event) => event.type)).to.deep.equal([type]);
    });
  }

  it('are told whole when the choice changes in the middle', () => {
    const { trace, reader } = setUp();
    const since = trace.beginSwapIn();
    reader.record([]);
    trace.swapIn(since, 0, 1, 0);
    expect(trace.beginSwapIn()).to.equal(NOT_TRACED);
    expect(reader.drain()).to.deep.equal([
      { type: 'swapIn', task: 0, since: 1, time: 2, swapType: 0, slot: 1, error: 0 },
    ]);
  });

  it('are dropped whole by a full ring, and counted', () => {
    const { trace, reader } = setUp();
    const outer = trace.beginFault();
    for (let slot = 0; slot < RECORDS + 3; slot++) trace.swapIn(trace.beginSwapIn(), 0, slot, 0);
    trace.fault(outer, PAGE_FAULT_MAJOR, 64, 0, false, 0);
    expect(trace.pending()).to.equal(RECORDS);
    const sink = new StrictSink();
    reader.drainTo(sink);
    expect(sink.events.map(({ type }) => type)).to.deep.equal(
      Array.from({ length: RECORDS }, () => 'swapIn'),
    );
    expect(reader.dropped()).to.equal(4);
    expect(trace.pending()).to.equal(0);
    // The lost one is not waited for.
    trace.slotFree(0, 1);
    reader.drainTo(sink);
    expect(sink.settled).to.deep.equal([sink.events.at(-1)!.time]);
  });

  it('that are under way hold back what began after them, and nothing else', () => {
    const { trace, reader } = setUp();
    trace.slotFree(0, 1);
    const outer = trace.beginFault();
    trace.swapIn(trace.beginSwapIn(), 0, 5, 0);
    const sink = new StrictSink();
    reader.drainTo(sink);
    expect(sink.settled).to.deep.equal([outer]);
    expect(sink.events.map(({ type }) => type)).to.deep.equal(['slotFree', 'swapIn']);
    trace.fault(outer, PAGE_FAULT_MAJOR, 64, 0, false, 0);
    reader.drainTo(sink);
    expect(sink.late).to.equal(0);
    expect(sink.events.map(({ type }) => type)).to.deep.equal(['slotFree', 'swapIn', 'fault']);
  });

  it('announce no points', () => {
    let points = 0;
    const machine = createTestCore((layout) => layoutTrace(layout, RECORDS), { hook: () => points++ });
    const reader = new TraceReader(machine.arena, machine.regions);
    reader.record(KERNEL_EVENT_TYPES);
    tellEverything(new Trace(machine.core, machine.regions));
    reader.drainTo(new StrictSink());
    expect(points).to.equal(0);
  });

  for (const seed of [SEED, RANDOM_SEED]) {
    it(`never begin before a time up to which a reader beside them has all (seed ${seed})`, async () => {
      await withThreads(siblingModule('scenarios', import.meta.url).href, async (threads) => {
        const machine = createTestCore(buildTrace);
        const reader = new TraceReader(machine.arena, machine.regions);
        reader.record(KERNEL_EVENT_TYPES);
        const rounds = 4000;
        for (let writer = 0; writer < 2; writer++) {
          const input: SpansInput = { handle: machine.handle, rounds, seed: seed + writer };
          threads.start('nestSpans', input);
        }
        const sink = new StrictSink();
        const timer = setInterval(() => {
          for (let turn = 0; turn < 50; turn++) reader.drainTo(sink);
        }, 0);
        const outcomes = await threads.allEnded(20_000).finally(() => {
          clearInterval(timer);
        });
        const told = valuesOf<number>(outcomes).reduce((sum, spans) => sum + spans, 0);
        reader.drainTo(sink);
        expect(sink.late).to.equal(0);
        expect(sink.events.length + reader.dropped()).to.equal(told);
      });
    }).timeout(30_000);
  }
});

/** One event of each type, in the order of their numbers. */
function tellEverything(trace: Trace): void {
  trace.slotFree(0, 1);
  trace.swapon(0, '/dev/ram0', 1, 1);
  trace.swapoff(0, '/dev/ram0');
  trace.printk('x');
  trace.slotAlloc(0, 1);
  trace.duplicate(0, 1, 2);
  const spans: readonly [number, (since: number) => void][] = [
    [trace.beginNotify(), (since) => trace.notify(since, 0, 1, true)],
    [trace.beginSwapOut(), (since) => trace.swapOut(since, 0, 1, 0)],
    [trace.beginSwapIn(), (since) => trace.swapIn(since, 0, 1, 0)],
    [trace.beginReclaim(), (since) => trace.reclaim(since, false, 1, 1, 1)],
    [trace.beginFault(), (since) => trace.fault(since, PAGE_FAULT_MAJOR, 64, 0, false, 0)],
    [trace.beginNotifierCall(), (since) => trace.notifierCall(since, 64, 128, 0, 0)],
  ];
  for (const [since, tell] of spans) if (since !== NOT_TRACED) tell(since);
  trace.lockContended(64, 0, 1, 2);
  trace.lockHeld(64, 0, 1, 2);
  trace.processKilled(64);
}
