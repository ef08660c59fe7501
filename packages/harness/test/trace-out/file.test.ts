import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { createMachine, type Machine } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import fc from 'fast-check';

import { EnvironmentError, UsageError } from '#src/errors.js';
import { traceSummaryLines, writeChromeTrace } from '#src/trace-out/chrome-trace.js';
import { GzipPieces } from '#src/trace-out/gzip.js';
import { TraceFile } from '#src/trace-out/trace-file.js';
import { Tracks } from '#src/trace-out/tracks.js';
import { clockNs } from '#src/swappers/control.js';
import { randomSeed } from '../run/support.js';
import { complaintsAbout, countsByName, processesOf, readTrace } from './checker.js';

const SEED = 20100517;

describe('a gzip file made of pieces', () => {
  for (const seed of [SEED, randomSeed]) {
    it(`is read as what was put in (seed ${String(seed)})`, () => {
      const piece = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(70_000).fill(65)));
      fc.assert(
        fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
          const out: Uint8Array[] = [];
          const gzip = new GzipPieces((bytes) => {
            out.push(Uint8Array.from(bytes));
          });
          for (const bytes of pieces) gzip.push(bytes);
          gzip.end();
          expect(gunzipSync(Buffer.concat(out))).to.deep.equal(Buffer.concat(pieces));
        }),
        { seed, numRuns: 50 },
      );
    });
  }
});

describe('the file of a trace', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-trace-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('writes nanoseconds as microseconds, exactly', () => {
    const path = join(folder, 'trace.json');
    const times = [
      0,
      1,
      9,
      10,
      999,
      1000,
      1001,
      1010,
      123_456_789,
      999_999_999_999,
      1_000_000_000_001,
      2 ** 52,
    ];
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat(), { maxLength: 20 }), (more) => {
        const file = new TraceFile(path);
        for (const ns of [...times, ...more]) file.addSpan('{"ts":', ns, ns, ',"x":1}');
        file.end({});
        const text = readFileSync(path, 'utf8');
        const found = [...text.matchAll(/"ts":(\d+)(?:\.(\d{3}))?,"dur":(\d+)(?:\.(\d{3}))?,/g)];
        const back = found.map(([, whole, rest = '000']) => BigInt(`${whole ?? ''}${rest}`));
        expect(back).to.deep.equal([...times, ...more].map((ns) => BigInt(ns)));
        expect(
          found.every(([, whole, rest, wholeToo, restToo]) => whole === wholeToo && rest === restToo),
        ).to.equal(true);
        JSON.parse(text);
      }),
      { seed: SEED, numRuns: 20 },
    );
  });

  it('is valid without any event, and with more than fits into memory at once', () => {
    for (const [name, count] of [
      ['empty.json', 0],
      ['long.json.gz', 30_000],
    ] as const) {
      const path = join(folder, name);
      const file = new TraceFile(path);
      for (let event = 0; event < count; event++)
        file.add(`{"n":${String(event)},"text":"${'-'.repeat(event % 50)}"}`);
      file.end({ note: 'caf\u00e9' });
      const trace = readTrace(path);
      expect(trace.otherData).to.deep.equal({ note: 'caf\u00e9' });
      expect(trace.traceEvents.map((event) => (event as unknown as { n: number }).n)).to.deep.equal(
        Array.from({ length: count }, (_, event) => event),
      );
    }
  });

  it('leaves what was at its path until it is ended, and when it is discarded', () => {
    const path = join(folder, 'trace.json');
    writeFileSync(path, 'before');
    const discarded = new TraceFile(path);
    discarded.add('{}');
    discarded.discard();
    discarded.discard();
    expect(readdirSync(folder)).to.deep.equal(['trace.json']);
    const file = new TraceFile(path);
    file.add('{}');
    expect(readFileSync(path, 'utf8')).to.equal('before');
    file.end({});
    expect(JSON.parse(readFileSync(path, 'utf8')))
      .to.have.property('traceEvents')
      .with.length(1);
    expect(readdirSync(folder)).to.deep.equal(['trace.json']);
  });

  it('that cannot be written is refused at once', () => {
    for (const [path, reason] of [
      [join(folder, 'no', 'trace.json'), 'ENOENT'],
      [folder, 'EISDIR'],
    ] as const) {
      expect(() => writeChromeTrace({ path }), path)
        .to.throw(EnvironmentError, 'the trace cannot be written')
        .with.property('message')
        .that.includes(reason);
    }
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('that cannot be written any more is said at its end, not before', function () {
    if (!existsSync('/dev/full')) this.skip();
    const file = new TraceFile('/dev/full');
    for (let event = 0; event < 30_000; event++) file.add(`{"n":${String(event)}}`);
    expect(() => {
      file.end({});
    }).to.throw(EnvironmentError, 'no space left');
  });

  it('is refused for events and limits that make no sense', () => {
    const path = join(folder, 'trace.json');
    expect(() => writeChromeTrace({ path, events: ['slotFree', 'slotfree' as never] })).to.throw(
      UsageError,
      'no event "slotfree"; allowed: slotFree, swapon',
    );
    for (const limit of [0, -1, 1.5, Number.NaN, 2e9])
      expect(() => writeChromeTrace({ path, limit }), String(limit)).to.throw(
        UsageError,
        'the limit of the trace',
      );
    expect(readdirSync(folder)).to.deep.equal([]);
  });
});

describe('tracks of locks', () => {
  for (const seed of [SEED, randomSeed]) {
    it(`have locks on them that are held one after the other, whatever is dropped first (seed ${String(seed)})`, () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(7)), { maxLength: 60 }), (steps) => {
          const tracks = new Tracks(1, () => undefined);
          tracks.assign(0, 'swapper 0');
          const ends = new Map<string, number>();
          const held: number[] = [];
          let now = 0;
          const drop = (place: number): void => {
            const [since = 0] = held.splice(place % held.length, 1);
            const head = tracks.holds(0, 5, 'page_lock', since, now);
            expect(ends.get(head) ?? 0).to.be.at.most(since);
            ends.set(head, now);
          };
          let most = 1;
          for (const [takes, place] of steps) {
            now++;
            if (takes || held.length === 0) held.push(now);
            else drop(place);
            most = Math.max(most, held.length);
          }
          while (held.length > 0) {
            now++;
            drop(0);
          }
          expect(ends.size).to.be.at.most(most);
        }),
        { seed, numRuns: 100 },
      );
    });
  }
});

describe('the trace of a machine without threads', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-trace-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Makes and frees slots. */
  function work(machine: Machine, pages: number): void {
    const view = machine.attach({ name: 'worker', clock: clockNs, lockEvents: true });
    const space = view.createAddressSpace({ bytes: pages * 4096 });
    for (let page = 0; page < pages; page++) space.write(page * 4096, Uint8Array.of(page));
    view.reclaimPages(pages);
    space.exit();
    view.detach();
  }

  function newMachine(traceRecords: number): Machine {
    const machine = createMachine({
      ramBytes: 1 << 20,
      traceRecords,
      ramDisks: [{ name: 'ram0', bytes: 1 << 20 }],
    });
    const view = machine.attach({ name: 'boot' });
    view.mkswap('/dev/ram0');
    view.swapon('/dev/ram0');
    view.detach();
    return machine;
  }

  it('has all that is drained by hand, a track for each thread that had the same place, and nothing below 0', () => {
    const path = join(folder, 'trace.json');
    const trace = writeChromeTrace({ path });
    const machine = newMachine(4096);
    const traced = trace.begin('by hand', machine);
    work(machine, 20);
    traced.drain();
    const other = machine.attach({ name: 'other', clock: clockNs });
    other.kernel.trace.printk('caf\u00e9 "quoted" \\ \t');
    other.detach();
    expect(trace.end({ by: 'hand' }).machines).to.deep.equal([
      {
        name: 'by hand',
        events: readTrace(path).traceEvents.filter(({ ph }) => ph !== 'M').length,
        dropped: 0,
        leftOut: 0,
      },
    ]);
    const written = readTrace(path);
    expect(complaintsAbout(written)).to.deep.equal([]);
    const [process] = processesOf(written);
    const names = [...(process?.tracks.values() ?? [])];
    expect(names).to.include.members(['boot', 'worker', 'worker holds swap_lock', 'other']);
    expect(countsByName(process?.events ?? []).get('slot free')).to.equal(20);
    const texts = process?.events.filter(({ track, name }) => track === 'other' && name === 'printk');
    expect(texts?.map(({ args }) => args['text'])).to.deep.equal(['caf? "quoted" \\ \t']);
  });

  it('counts what a full ring has dropped, and is well formed all the same', () => {
    const path = join(folder, 'trace.json');
    const trace = writeChromeTrace({ path });
    const machine = newMachine(32);
    trace.begin('too fast', machine);
    work(machine, 20);
    const summary = trace.end();
    expect(summary.machines[0]?.dropped).to.be.greaterThan(50);
    expect(complaintsAbout(readTrace(path))).to.deep.equal([]);
    expect(traceSummaryLines(summary)[1]).to.match(/^trace: too fast: \d+ events were dropped/);
  });
});
