import { expect } from 'chai';
import fc from 'fast-check';
import { chromeTrace, chromeTraceText, type TraceEvent } from '#src/report/chrome-trace.js';
import { PROPERTY_SEEDS } from '../support/seeds.js';
import { CHOICES, deadlock, failure, report, simulate } from './support.js';

/** The events of each track, by beginning. */
function tracks(events: readonly TraceEvent[]): TraceEvent[][] {
  const byTrack = new Map<number, TraceEvent[]>();
  for (const event of events.filter(({ ph }) => ph === 'X'))
    byTrack.set(event.tid, [...(byTrack.get(event.tid) ?? []), event]);
  return [...byTrack.values()].map((list) => list.sort((one, other) => one.ts - other.ts));
}

describe('a schedule as a Chrome trace', () => {
  it('has a track for each thread, a microsecond for each step, and each lock as an async event', () => {
    const { traceEvents, otherData } = chromeTrace(deadlock(true));
    expect(otherData['token']).to.equal('sl1.AAAA');
    const steps = traceEvents.filter(({ ph }) => ph === 'X');
    expect(steps.map(({ tid, ts, dur, name }) => [tid, ts, dur, name])).to.deep.equal([
      [1, 0, 1, 'lock swap_lock'],
      [2, 1, 1, 'lock table_lock[2]'],
      [2, 2, 1, 'lock swap_lock'],
      [2, 3, 3, 'wait for swap_lock'],
      [1, 4, 1, 'lock table_lock[2]'],
      [1, 5, 1, 'wait for table_lock[2]'],
    ]);
    expect(steps[0]!.args).to.include({
      place: 'packages/kernel-mm/src/swap/counts.ts:120',
      function: 'SlotCounts.swapFree',
    });
    const held = traceEvents
      .filter(({ ph }) => ph === 'b' || ph === 'e')
      .map(({ ph, ts, name }) => [ph, ts, name]);
    expect(held).to.deep.equal([
      ['b', 0, 'swap_lock'],
      ['e', 6, 'swap_lock'],
      ['b', 1, 'table_lock[2]'],
      ['e', 6, 'table_lock[2]'],
    ]);
    const names = traceEvents.filter(({ name }) => name === 'thread_name').map(({ args }) => args!['name']);
    expect(names).to.deep.equal(['owner', 'dd', 'spare']);
  });

  it('is a file that parses to the same', () => {
    const model = deadlock(true);
    expect(JSON.parse(chromeTraceText(model))).to.deep.equal(JSON.parse(JSON.stringify(chromeTrace(model))));
  });

  for (const seed of PROPERTY_SEEDS) {
    it(`has no steps of one thread that cross, and each lock begun is ended once (seed ${seed})`, () => {
      fc.assert(
        fc.property(CHOICES, fc.integer({ min: 2, max: 4 }), (list, tasks) => {
          const { trace, threads } = simulate(list, tasks);
          const finding = {
            failure: failure('check', 'wrong', { threads }),
            trace,
            dropped: [],
            token: 'sl1.E',
          };
          const { traceEvents } = chromeTrace(
            report(
              finding,
              threads.map(({ name }) => name),
            ),
          );
          for (const track of tracks(traceEvents)) {
            for (const [index, { ts, dur }] of track.entries()) {
              const next = track[index + 1];
              if (next !== undefined) expect(ts + dur!).to.be.at.most(next.ts);
            }
          }
          const begun = traceEvents.filter(({ ph }) => ph === 'b');
          expect(new Set(begun.map(({ id }) => id)).size).to.equal(begun.length);
          expect(traceEvents.filter(({ ph }) => ph === 'e')).to.have.length(begun.length);
          for (const { id, ts } of begun) {
            const ends = traceEvents.filter((event) => event.ph === 'e' && event.id === id);
            expect(ends).to.have.length(1);
            expect(ends[0]!.ts).to.be.at.least(ts);
          }
        }),
        { seed, numRuns: 100 },
      );
    });
  }
});
