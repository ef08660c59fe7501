import { createBareMachine } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import fc from 'fast-check';
import { Findings } from '#src/watch/findings.js';
import { Races, raceWords } from '#src/watch/races.js';
import { SiteTable } from '#src/watch/site-facts.js';
import { DetectedError } from '#src/watch/watch.js';
import { BY_CHANCE, findIn, IN_TURN, playForm } from '../support/detecting.js';
import { PROPERTY_SEEDS } from '../support/seeds.js';

const THREADS = ['first', 'second', 'third', 'fourth'];
const RACY = 7;

interface Event {
  readonly task: number;
  readonly kind: 'load' | 'store' | 'acquire' | 'release';
  readonly place: number;
  readonly site: number;
}

/** Cells and objects have addresses that do not meet, as cells and locks do; sites begin at 1. */
const event: fc.Arbitrary<Event> = fc.record({
  task: fc.nat(THREADS.length - 1),
  kind: fc.constantFrom('load', 'load', 'store', 'acquire', 'acquire', 'release', 'release'),
  place: fc.nat(2),
  site: fc.integer({ min: 1, max: 9 }),
});

/** What vector clocks kept whole say about a trace: where the first race is, and whose accesses race there. */
function oracle(trace: readonly Event[]): { readonly at: number; readonly with: readonly Event[] } | null {
  const clocks = THREADS.map((_, task) => THREADS.map((_other, index): number => (index === task ? 1 : 0)));
  const released = new Map<number, number[]>();
  const accesses: { readonly event: Event; readonly clock: number }[] = [];
  for (const [at, now] of trace.entries()) {
    const clock = clocks[now.task]!;
    if (now.kind === 'acquire') {
      for (const [task, value] of (released.get(now.place) ?? []).entries())
        clock[task] = Math.max(clock[task]!, value);
    } else if (now.kind === 'release') {
      const before = released.get(now.place) ?? [];
      released.set(
        now.place,
        clock.map((value, task) => Math.max(value, before[task] ?? 0)),
      );
      clock[now.task]! += 1;
    } else if (now.site !== RACY) {
      const others = accesses.filter(
        ({ event: { task, kind, place }, clock: then }) =>
          place === now.place && (kind === 'store' || now.kind === 'store') && then > clock[task]!,
      );
      if (others.length > 0) return { at, with: others.map(({ event: other }) => other) };
      accesses.push({ event: now, clock: clock[now.task]! });
    }
  }
  return null;
}

function createRaces(stepLimit: number): Races {
  const sizes = { tasks: THREADS.length, stepLimit };
  const core = createBareMachine((layout) => layout.bytes('hot', 'cells', 64), false).attach();
  const words = new Int32Array(raceWords(sizes) + 1);
  const sites = new SiteTable({ racy: [RACY], atomicLoads: [], atomicStores: [], unsited: true });
  return new Races(words.subarray(1), sizes, sites, new Findings(core, THREADS, words, 0));
}

function tell(races: Races, { task, kind, place, site }: Event): void {
  if (kind === 'load') races.load(task, 4 * place + 64, site);
  else if (kind === 'store') races.store(task, 4 * place + 64, site);
  else if (kind === 'acquire') races.acquire(task, 4 * place + 128);
  else races.release(task, 4 * place + 128);
}

/** Where the detector finds a race, and in which words. */
function detect(
  races: Races,
  trace: readonly Event[],
): { readonly at: number; readonly sentence: string } | null {
  races.begin();
  for (const [at, now] of trace.entries()) {
    try {
      tell(races, now);
    } catch (error) {
      if (!(error instanceof DetectedError) || error.kind !== 'data race') throw error;
      return { at, sentence: error.message };
    }
  }
  return null;
}

describe('the detector of data races', () => {
  for (const seed of PROPERTY_SEEDS) {
    it(`finds the first race of a trace where whole vector clocks find it, seed ${seed}`, () => {
      // One detector for all traces: what it knew of one must not be there in the next.
      const races = createRaces(1000);
      fc.assert(
        fc.property(fc.array(event, { maxLength: 60 }), (trace) => {
          const expected = oracle(trace);
          const found = detect(races, trace);
          expect(found?.at ?? -1).to.equal(expected?.at ?? -1);
          if (expected === null || found === null) return;
          const now = trace[found.at]!;
          const pairs = expected.with.map(
            ({ task, kind, site }) =>
              `${THREADS[task]} ${kind}s it at site ${site}, ${THREADS[now.task]} ${now.kind}s it at site ${now.site},`,
          );
          // A cell that is stored or loaded again is known by the first access after an edge: the site of that one is told.
          const who = (sentence: string): string => sentence.replace(/ at site \d+/g, '');
          expect(pairs.map(who).some((pair) => who(found.sentence).includes(pair))).to.equal(true);
        }),
        { numRuns: 2000, seed },
      );
    });
  }

  it('says nothing any more in a schedule that does not fit', () => {
    const races = createRaces(1);
    races.begin();
    races.store(0, 4, 1);
    // There is room for two clocks: the third release orders the two stores, but cannot be kept.
    for (const object of [100, 200, 300]) races.release(0, object);
    races.acquire(1, 300);
    races.store(1, 4, 2);
    races.begin();
    races.store(0, 4, 1);
    expect(() => races.store(1, 4, 2)).to.throw(DetectedError, /^Data race/);
  });
});

/** What orders two threads, by the forms of the scenario `orderings`. */
const ORDERED = [
  'spinlock',
  'mutex',
  'trylock',
  'writers',
  'readers and a writer',
  'atomic flag',
  'wait queue',
  'wake-up',
  'rcu',
  'srcu',
  'neighbouring bytes',
  'loads',
];
/** What does not; in each of them some schedule shows it. */
const UNORDERED = [
  'nothing',
  'one of two locks',
  'failed trylock',
  'readers that write',
  'plain flag',
  'late data',
  'rcu without waiting',
  'one byte',
];

describe('data races on real threads', () => {
  for (const form of ORDERED) {
    it(`are not seen in what is ordered: ${form}`, async () => {
      const [inTurn, byChance] = await playForm('orderings', form, [IN_TURN, BY_CHANCE]);
      expect(inTurn!.failure?.sentence).to.equal(undefined);
      expect(byChance!.failure?.sentence).to.equal(undefined);
      expect(byChance!.schedules).to.equal(BY_CHANCE.schedules);
    });
  }

  for (const form of UNORDERED) {
    it(`are seen in what is not: ${form}`, async () => {
      const failure = await findIn('orderings', form);
      expect(failure?.kind).to.equal('data race');
      expect(failure?.sentence).to.match(/^Data race on cells.*: \w+ \w+ it, \w+ \w+ it, and nothing orders/);
    });
  }

  it('are seen without any harm done, in a schedule that never switches in between', async () => {
    const [inTurn] = await playForm('orderings', 'nothing', [IN_TURN]);
    expect(inTurn!.failure?.kind).to.equal('data race');
    expect(inTurn!.failure?.preemptions).to.equal(0);
  });

  it('are not looked for when nobody asks', async () => {
    const [quiet] = await playForm('orderings', 'nothing', [{ ...IN_TURN, flags: 0 }]);
    expect(quiet!.failure).to.equal(null);
  });
});
