import { expect } from 'chai';
import { POINT_LOCK, POINT_STORE, POINT_UNLOCK, POINT_WAIT, POINT_WAKE } from '@swaplab/kernel-mm';
import fc from 'fast-check';
import { historyOf } from '#src/report/history.js';
import { shivizLog, SHIVIZ_EXPRESSION, vectorClocks } from '#src/report/shiviz.js';
import { PROPERTY_SEEDS } from '../support/seeds.js';
import { CHOICES, deadlock, failure, report, simulate, step, type Simulated } from './support.js';

const tasks = fc.integer({ min: 2, max: 4 });

function historyOfSimulated({ trace, threads }: Simulated): ReturnType<typeof historyOf> {
  return historyOf(trace, (task, lock) => threads[task]!.holds.some(({ address }) => address === lock));
}

function sorted<T extends { readonly from: number; readonly lock: number }>(list: readonly T[]): T[] {
  return [...list].sort((one, other) => one.from - other.from || one.lock - other.lock);
}

describe('what a trace says about locks and waits', () => {
  it('is that a lock nobody dropped was taken only if it was held at the end', () => {
    const trace = [step(0, POINT_LOCK, 64), step(1, POINT_LOCK, 64), step(1, POINT_STORE, 192)];
    const { holds, waits } = historyOf(trace, (task) => task === 0);
    expect(holds).to.deep.equal([{ task: 0, lock: 64, asked: 0, from: 0, dropped: -1 }]);
    expect(waits).to.deep.equal([]);
  });

  it('is that a task which waited has the lock from its next step on', () => {
    const trace = [
      step(0, POINT_LOCK, 64),
      step(1, POINT_LOCK, 64),
      step(1, POINT_WAIT, 64),
      step(0, POINT_UNLOCK, 64),
      step(1, POINT_STORE, 192),
      step(1, POINT_UNLOCK, 64),
    ];
    const { holds, waits, edges } = historyOf(trace, () => false);
    expect(holds[1]).to.deep.equal({ task: 1, lock: 64, asked: 1, from: 4, dropped: 5 });
    expect(waits).to.deep.equal([{ task: 1, object: 64, from: 2, until: 4 }]);
    expect(edges).to.deep.equal([{ from: 3, to: 4, why: 'lock' }]);
  });

  it('is that a wake comes before the next step of whom it wakes', () => {
    const trace = [
      step(0, POINT_WAIT, 256),
      step(0, POINT_WAIT, 256),
      step(1, POINT_WAKE, 256),
      step(0, POINT_STORE, 192),
      step(1, POINT_WAKE, 256),
    ];
    const { edges, waits } = historyOf(trace, () => false);
    expect(waits).to.deep.equal([{ task: 0, object: 256, from: 0, until: 3 }]);
    expect(edges).to.deep.equal([{ from: 2, to: 3, why: 'wake' }]);
  });

  for (const seed of PROPERTY_SEEDS) {
    it(`is who really held which lock from when to when (seed ${seed})`, () => {
      fc.assert(
        fc.property(CHOICES, tasks, (list, count) => {
          const simulated = simulate(list, count);
          const { holds } = historyOfSimulated(simulated);
          const seen = holds
            .filter(({ from }) => from < simulated.trace.length)
            .map(({ task, lock, from, dropped }) => ({ task, lock, from, dropped }));
          expect(sorted(seen)).to.deep.equal(sorted(simulated.holds));
        }),
        { seed, numRuns: 150 },
      );
    });
  }
});

describe('a log for ShiViz', () => {
  /** Events of a log, read as ShiViz reads them. */
  function parse(log: string): { event: string; host: string; clock: Record<string, number> }[] {
    return [...log.matchAll(new RegExp(SHIVIZ_EXPRESSION, 'g'))].map(({ groups }) => ({
      event: groups!['event']!,
      host: groups!['host']!,
      clock: JSON.parse(groups!['clock']!) as Record<string, number>,
    }));
  }

  it('has each step with its thread and its place', () => {
    const events = parse(shivizLog(deadlock(true)));
    expect(events).to.have.length(6);
    expect(events[0]).to.deep.equal({
      event: 'lock swap_lock at packages/kernel-mm/src/swap/counts.ts:120',
      host: 'owner',
      clock: { owner: 1 },
    });
    expect(events[3]!.clock).to.deep.equal({ dd: 3 });
  });

  it('has hosts without blanks, and never two alike', () => {
    const finding = {
      failure: failure('check', 'wrong', {}),
      trace: [step(0, POINT_STORE, 192), step(1, POINT_STORE, 192)],
      dropped: [],
      token: 'sl1.C',
    };
    const hosts = parse(shivizLog(report(finding, ['a b', 'a_b']))).map(({ host }) => host);
    expect(hosts).to.deep.equal(['a_b', 'a_b_2']);
  });

  for (const seed of PROPERTY_SEEDS) {
    it(`orders two steps exactly when locks, wakes and threads do (seed ${seed})`, () => {
      fc.assert(
        fc.property(CHOICES, tasks, (list, count) => {
          const simulated = simulate(list, count);
          const { trace, clocks, threads } = simulated;
          const { edges } = historyOfSimulated(simulated);
          const made = vectorClocks(
            trace.map(({ task }) => task),
            edges,
          );
          const asLists = made.map((clock) =>
            Array.from({ length: count }, (_, task) => clock.get(task) ?? 0),
          );
          expect(asLists).to.deep.equal(clocks);
          const finding = {
            failure: failure('check', 'wrong', { threads }),
            trace,
            dropped: [],
            token: 'sl1.D',
          };
          const events = parse(
            shivizLog(
              report(
                finding,
                threads.map(({ name }) => name),
              ),
            ),
          );
          const hosts = threads.map(({ name }) => name.replace(' ', '_'));
          expect(events.map(({ clock }) => hosts.map((host) => clock[host] ?? 0))).to.deep.equal(clocks);
          // ShiViz wants every host to count its own events from 1 without a gap.
          for (const [index, { host, clock }] of events.entries()) {
            const before = events.slice(0, index).filter((event) => event.host === host).length;
            expect(clock[host]).to.equal(before + 1);
          }
        }),
        { seed, numRuns: 100 },
      );
    });
  }
});
