import { expect } from 'chai';
import fc from 'fast-check';
import { KERN_DEBUG, KERN_WARNING, type KernelEvent, type KernelEventType } from '#src/trace/events.js';
import { TraceReader } from '#src/trace/reader.js';
import {
  layoutTrace,
  TRACE_CONTROL,
  TRACE_RING,
  TRACE_TEXT_BYTES_MAX,
  type TraceRegions,
} from '#src/trace/rings.js';
import { Trace } from '#src/trace/trace.js';
import { Layout } from '#src/arena/layout.js';
import { MisuseError } from '#src/errno.js';
import type { Clock } from '#src/sync/point.js';
import { createTestCore, type TestCore } from '../support/core.js';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import { buildTrace, type WriterInput } from './scenarios.js';

const SEED = 20100517;
const RANDOM_SEED = (Math.random() * 0x7fff_ffff) | 0;
const RECORDS = 32;

function setUp(clock: Clock | null = null): {
  machine: TestCore<TraceRegions>;
  trace: Trace;
  reader: TraceReader;
} {
  const machine = createTestCore((layout) => layoutTrace(layout, RECORDS), { clock });
  return {
    machine,
    trace: new Trace(machine.core, machine.regions),
    reader: new TraceReader(machine.arena, machine.regions),
  };
}

/** The same events, as a model: what fits is kept whole, what does not is counted. */
function modelRing(texts: readonly string[]): { kept: string[]; dropped: number } {
  const kept: string[] = [];
  let used = 0;
  for (const text of texts) {
    const needed = text.length <= 32 ? 1 : 1 + Math.ceil((text.length - 32) / 64);
    if (used + needed > RECORDS) continue;
    used += needed;
    kept.push(text);
  }
  return { kept, dropped: texts.length - kept.length };
}

describe('trace', () => {
  it('tells each type of event with its values, numbered where there is no clock', () => {
    const { machine, trace, reader } = setUp();
    const { task } = machine;
    trace.swapon(3, '/dev/ramzswap0', 8191, -1);
    trace.slotFree(3, 0x0012_3456);
    trace.printk('Adding 32764k swap', KERN_DEBUG);
    trace.printk('no level');
    trace.swapoff(3, '/dev/ramzswap0');
    expect(reader.drain()).to.deep.equal([
      { type: 'swapon', task, time: 1, swapType: 3, device: '/dev/ramzswap0', pages: 8191, priority: -1 },
      { type: 'slotFree', task, time: 2, swapType: 3, slot: 0x0012_3456 },
      { type: 'printk', task, time: 3, level: KERN_DEBUG, text: 'Adding 32764k swap' },
      { type: 'printk', task, time: 4, level: KERN_WARNING, text: 'no level' },
      { type: 'swapoff', task, time: 5, swapType: 3, device: '/dev/ramzswap0' },
    ]);
    expect(reader.drain()).to.deep.equal([]);
  });

  it('takes times from the clock', () => {
    let now = 100.5;
    const { trace, reader } = setUp(() => (now += 0.25));
    trace.slotFree(0, 1);
    trace.slotFree(0, 2);
    expect(reader.drain().map((event) => event.time)).to.deep.equal([100.75, 101]);
  });

  it('merges the rings by time, then by task, and keeps the order within a task', () => {
    let now = 0;
    const clock = (): number => now;
    const { machine, trace, reader } = setUp(clock);
    const other = machine.attach({ name: 'other', clock });
    const otherTrace = new Trace(other.core, other.regions);
    const tell = (writer: Trace, time: number, slot: number): void => {
      now = time;
      writer.slotFree(0, slot);
    };
    tell(otherTrace, 1, 10);
    tell(otherTrace, 5, 11);
    tell(otherTrace, 5, 12);
    tell(trace, 2, 20);
    tell(trace, 5, 21);
    tell(trace, 5, 22);
    tell(trace, 9, 23);
    const slots = reader.drain(['slotFree']).map((event) => (event.type === 'slotFree' ? event.slot : -1));
    expect(machine.task).to.be.lessThan(other.task);
    expect(slots).to.deep.equal([10, 20, 21, 22, 11, 12, 23]);
  });

  it('writes into the ring of the task that runs now', () => {
    const { machine, trace, reader } = setUp();
    const other = machine.attach({ name: 'logical' });
    trace.slotFree(0, 1);
    machine.context.switchTo(other.task);
    trace.slotFree(0, 2);
    machine.context.switchTo(machine.task);
    trace.slotFree(0, 3);
    const seen = reader
      .drain()
      .map((event) => [event.task, event.time, event.type === 'slotFree' ? event.slot : -1]);
    expect(seen).to.deep.equal([
      [machine.task, 1, 1],
      [other.task, 1, 2],
      [machine.task, 2, 3],
    ]);
  });

  it('drops the newest events of a full ring, counts them, and goes on after a drain', () => {
    const { machine, trace, reader } = setUp();
    for (let slot = 0; slot < RECORDS + 5; slot++) trace.slotFree(0, slot);
    expect(reader.dropped()).to.equal(5);
    const events = reader.drain();
    expect(events.map((event) => event.time)).to.deep.equal(
      Array.from({ length: RECORDS }, (_, index) => index + 1),
    );
    trace.slotFree(0, 99);
    // The dropped events have had their numbers.
    expect(reader.drain()).to.deep.include({
      type: 'slotFree',
      task: machine.task,
      time: RECORDS + 6,
      swapType: 0,
      slot: 99,
    });
    expect(reader.dropped()).to.equal(5);
  });

  it('wraps around many times without losing or mixing anything', () => {
    const { trace, reader } = setUp();
    let next = 0;
    let expected = 0;
    for (let round = 0; round < 200; round++) {
      const burst = 1 + (round % 3);
      for (let count = 0; count < burst; count++) trace.printk(`${next++} ${'x'.repeat(round)}`);
      for (const event of reader.drain()) {
        expect(event).to.deep.include({ type: 'printk', text: `${expected++} ${'x'.repeat(round)}` });
      }
    }
    expect(expected).to.equal(next);
    expect(reader.dropped()).to.equal(0);
  });

  it('goes on when the running number of records passes 2^31 and 2^32', () => {
    for (const start of [0x7fff_fff0, 0xffff_fff0]) {
      const { machine, trace, reader } = setUp();
      const ring = machine.regions.rings.base;
      const written = (ring + TRACE_RING.written) >> 2;
      const read = (ring + TRACE_RING.read) >> 2;
      machine.arena.i32[written] = start;
      machine.arena.i32[read] = start;
      const texts: string[] = [];
      for (let index = 0; index < 30; index++) {
        trace.printk(`line ${index} ${'y'.repeat(100)}`);
        for (const event of reader.drain()) if (event.type === 'printk') texts.push(event.text);
      }
      expect(texts).to.deep.equal(
        Array.from({ length: 30 }, (_, index) => `line ${index} ${'y'.repeat(100)}`),
      );
      expect(machine.arena.i32[written] >>> 0).to.equal((start + 90) >>> 0);
      for (let slot = 0; slot <= RECORDS; slot++) trace.slotFree(0, slot);
      expect(reader.dropped()).to.equal(1);
    }
  });

  for (const length of [0, 1, 31, 32, 33, 95, 96, 97, 160, 161, 999, 1000]) {
    it(`puts a text of ${length} bytes together again`, () => {
      const { trace, reader } = setUp();
      const text = Array.from({ length }, (_, index) => String.fromCharCode(33 + (index % 94))).join('');
      trace.printk(text);
      const [event] = reader.drain();
      expect(event).to.deep.include({ type: 'printk', text });
    });
  }

  it('cuts a longer text off and makes foreign characters question marks', () => {
    const { trace, reader } = setUp();
    trace.printk('z'.repeat(TRACE_TEXT_BYTES_MAX + 500));
    trace.printk('caf\u00e9 \u20ac');
    const texts = reader.drain().map((event) => (event.type === 'printk' ? event.text : ''));
    expect(texts).to.deep.equal(['z'.repeat(TRACE_TEXT_BYTES_MAX), 'caf? ?']);
  });

  it('returns the types asked for and leaves nothing behind', () => {
    const { trace, reader } = setUp();
    trace.slotFree(0, 1);
    trace.printk('hello '.repeat(20));
    trace.swapoff(0, '/dev/ram0');
    trace.slotFree(0, 2);
    const events = reader.drain(['swapoff', 'slotFree']);
    expect(events.map((event) => event.type)).to.deep.equal(['slotFree', 'swapoff', 'slotFree']);
    expect(reader.drain()).to.deep.equal([]);
  });

  it('records only the chosen types, in all threads', () => {
    const { machine, trace, reader } = setUp();
    const other = machine.attach({ name: 'other' });
    const otherTrace = new Trace(other.core, other.regions);
    expect(reader.recorded()).to.deep.equal(['slotFree', 'swapon', 'swapoff', 'printk']);
    const chosen: KernelEventType[] = ['printk', 'swapon'];
    reader.record(chosen);
    expect(reader.recorded()).to.have.members(chosen);
    for (const writer of [trace, otherTrace]) {
      writer.slotFree(0, 1);
      writer.swapon(0, '/dev/ram0', 1, 1);
      writer.swapoff(0, '/dev/ram0');
      writer.printk('x');
    }
    expect(reader.drain().map((event) => event.type)).to.deep.equal(['swapon', 'swapon', 'printk', 'printk']);
    reader.record(['slotFree']);
    trace.slotFree(0, 1);
    trace.printk('x');
    expect(reader.drain().map((event) => event.type)).to.deep.equal(['slotFree']);
    expect(reader.dropped()).to.equal(0);
  });

  it('refuses a second reader while one drains', () => {
    const { machine, trace, reader } = setUp();
    trace.slotFree(0, 1);
    const draining = (machine.regions.control.base + TRACE_CONTROL.draining) >> 2;
    machine.arena.i32[draining] = 1;
    expect(() => reader.drain())
      .to.throw(MisuseError, 'Another thread is draining')
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    machine.arena.i32[draining] = 0;
    expect(reader.drain()).to.have.length(1);
  });

  it('announces no points', () => {
    let points = 0;
    const machine = createTestCore((layout) => layoutTrace(layout, RECORDS), { hook: () => points++ });
    new Trace(machine.core, machine.regions).printk('a'.repeat(200));
    new TraceReader(machine.arena, machine.regions).drain();
    expect(points).to.equal(0);
  });

  it('refuses ring sizes that are no power of two or cannot hold a long text', () => {
    for (const size of [0, 16, 33, 1000, 2 ** 21, Number.NaN, -64, 64.5]) {
      expect(() => layoutTrace(new Layout(), size), String(size))
        .to.throw(MisuseError)
        .with.property('code', 'ERR_OUT_OF_RANGE');
    }
    expect(layoutTrace(new Layout()).recordsPerTask).to.equal(4096);
  });

  for (const seed of [SEED, RANDOM_SEED]) {
    it(`keeps what fits and counts the rest, like a model (seed ${seed})`, () => {
      const text = fc
        .integer({ min: 0, max: 1000 })
        .map((length) => 'abcdefghij'.repeat(100).slice(0, length));
      fc.assert(
        fc.property(fc.array(fc.array(text, { maxLength: 12 }), { maxLength: 8 }), (bursts) => {
          const { trace, reader } = setUp();
          let dropped = 0;
          for (const burst of bursts) {
            for (const line of burst) trace.printk(line);
            const model = modelRing(burst);
            dropped += model.dropped;
            expect(textsOf(reader.drain())).to.deep.equal(model.kept);
            expect(reader.dropped()).to.equal(dropped);
          }
        }),
        { seed, numRuns: 60 },
      );
    });
  }

  it('loses nothing but what it counts while other threads write', async () => {
    await withThreads(siblingModule('scenarios', import.meta.url).href, async (threads) => {
      const machine = createTestCore(buildTrace);
      const reader = new TraceReader(machine.arena, machine.regions);
      const input: WriterInput = { handle: machine.handle, events: 20_000 };
      for (let writer = 0; writer < 2; writer++) threads.start('writeEvents', input);
      const events: KernelEvent[] = [];
      const timer = setInterval(() => events.push(...reader.drain()), 1);
      const tasks = valuesOf<number>(await threads.allEnded(10_000).finally(() => clearInterval(timer)));
      events.push(...reader.drain());
      expect(events.length + reader.dropped()).to.equal(2 * input.events);
      for (const task of tasks) {
        let last = 0;
        for (const event of events) {
          if (event.task !== task) continue;
          expect(event.time).to.be.greaterThan(last);
          last = event.time;
          // Without a clock the time is the number of the event, and the writer puts the same number into the text.
          if (event.type !== 'printk') expect.fail(`${event.type} was never written`);
          expect(event.text).to.equal(`${event.time} ${'-'.repeat(event.time % 200)}`);
        }
        expect(last).to.be.greaterThan(0);
      }
    });
  });
});

function textsOf(events: readonly KernelEvent[]): string[] {
  const texts: string[] = [];
  for (const event of events) if (event.type === 'printk') texts.push(event.text);
  return texts;
}
