import { expect } from 'chai';
import fc from 'fast-check';
import { MODEL_SCHEMA } from '#src/report/model.js';
import { textReport } from '#src/report/text.js';
import { PROPERTY_SEEDS } from '../support/seeds.js';
import {
  CHOICES,
  deadlock,
  failure,
  LOST_SITES,
  lostUpdate,
  report,
  sampleOfTwo,
  simulate,
} from './support.js';
import { SiteTable } from '#src/report/sites.js';

const DEADLOCK = `Deadlock: owner, dd wait, and nobody can run.

  owner waits for table_lock[2] at counts.ts:122, held by dd since step 2 (disk.ts:40).
  dd waits for swap_lock at disk.ts:44, held by owner since step 1 (counts.ts:120).

The schedule: 6 steps, 2 switches, 1 preemption
  step  owner                              dd                                 where
     1  lock swap_lock                                                        counts.ts:120 swapFree
          | table.swapLock.lock();
        -- owner is interrupted before 'lock table_lock[2]' at counts.ts:122, holding swap_lock
           (since step 1, counts.ts:120)
     2                                     lock table_lock[2]                 disk.ts:40 write
     3                                     lock swap_lock                     disk.ts:44 write
     4                                     wait for swap_lock (held by        disk.ts:44 write
                                            owner)
        -- dd waits, holding table_lock[2] (since step 2, disk.ts:40)
     5  lock table_lock[2]                                                    counts.ts:122 swapFree
     6  wait for table_lock[2] (held by                                       counts.ts:122 swapFree
         dd)

The threads at the end
  owner  waits for table_lock[2] at counts.ts:122; holds swap_lock (since step 1, counts.ts:120)
  dd     waits for swap_lock at disk.ts:44; holds table_lock[2] (since step 2, disk.ts:40)
  spare  is left out: the failure does not need it

Found in schedule 12 by PCT d=3, seed 7, on the stepped engine. Played again 100 times, each time
  the same.
Minimal: the search is complete for <= 0 preemptions (2 schedules) and finds nothing.
Token:  sl1.AAAA
Replay: npx swaplab replay sl1.AAAA
`;

const DEADLOCK_WITHOUT_SITES = `Deadlock: owner, dd wait, and nobody can run.

  owner waits for table_lock[2], held by dd since step 2.
  dd waits for swap_lock, held by owner since step 1.

The schedule: 6 steps, 2 switches, 1 preemption
  step  owner                                dd
     1  lock swap_lock
        -- owner is interrupted before 'lock table_lock[2]', holding swap_lock (since step 1)
     2                                       lock table_lock[2]
     3                                       lock swap_lock
     4                                       wait for swap_lock (held by owner)
        -- dd waits, holding table_lock[2] (since step 2)
     5  lock table_lock[2]
     6  wait for table_lock[2] (held by dd)

The threads at the end
  owner  waits for table_lock[2]; holds swap_lock (since step 1)
  dd     waits for swap_lock; holds table_lock[2] (since step 2)
  spare  is left out: the failure does not need it

Found in schedule 12 by PCT d=3, seed 7, on the stepped engine. Played again 100 times, each time
  the same.
Minimal: the search is complete for <= 0 preemptions (2 schedules) and finds nothing.
Token:  sl1.AAAA
Replay: npx swaplab replay sl1.AAAA
`;

const LOST_UPDATE = `The sum is 1, not 2.

  Thrown in Object.check (me/sum.js:22).

The schedule: 4 steps, 2 switches, 1 preemption
  step  first              second             where
     1  load swap_map[3]                      counts.ts:60 count
        -- first is interrupted before 'store swap_map[3]' at counts.ts:61
     2                     load swap_map[3]   counts.ts:60 count
     3                     store swap_map[3]  counts.ts:61 count
        -- second has ended
     4  store swap_map[3]                     counts.ts:61 count

The threads at the end
  first   has ended
  second  has ended

Touched by several threads near a switch; the last step of each with it
  swap_map[3]
    step 4: store by first at counts.ts:61 SwapMap.count
    step 3: store by second at counts.ts:61 SwapMap.count

Found in schedule 12 by PCT d=3, seed 7, on the stepped engine. Played again 100 times, each time
  the same.
Minimal: the search is complete for <= 0 preemptions (2 schedules) and finds nothing.
Token:  sl1.BBBB
Replay: npx swaplab replay sl1.BBBB
`;

const LOST_UPDATE_WITHOUT_SITES = `The sum is 1, not 2.

  Thrown in Object.check (me/sum.js:22).

The schedule: 4 steps, 2 switches, 1 preemption
  step  first              second
     1  load swap_map[3]
        -- first is interrupted before 'store swap_map[3]'
     2                     load swap_map[3]
     3                     store swap_map[3]
        -- second has ended
     4  store swap_map[3]

The threads at the end
  first   has ended
  second  has ended

Touched by several threads near a switch; the last step of each with it
  swap_map[3]
    step 4: store by first
    step 3: store by second

Found in schedule 12 by PCT d=3, seed 7, on the stepped engine. Played again 100 times, each time
  the same.
Minimal: the search is complete for <= 0 preemptions (2 schedules) and finds nothing.
Token:  sl1.BBBB
Replay: npx swaplab replay sl1.BBBB
`;

/** What may be wider than the width: the token and the command stay in one piece. */
const ONE_PIECE = /^(?:Token: |Replay:) /;

describe('the report of a failing schedule as text', () => {
  it('of a deadlock says who waits for whom, who holds what since where, and how to play it again', () => {
    expect(textReport(deadlock(true))).to.equal(DEADLOCK);
  });

  it('of a deadlock in code without sites says kinds and objects', () => {
    expect(textReport(deadlock(false))).to.equal(DEADLOCK_WITHOUT_SITES);
  });

  it('of a lost update shows what was touched on both sides of the switch', () => {
    expect(textReport(lostUpdate(true))).to.equal(LOST_UPDATE);
  });

  it('of a lost update in code without sites says kinds and objects', () => {
    expect(textReport(lostUpdate(false))).to.equal(LOST_UPDATE_WITHOUT_SITES);
  });

  it('has the colours that are asked for, and the same text under them', () => {
    const mark =
      (name: string) =>
      (text: string): string =>
        `<${name}>${text}</${name}>`;
    const coloured = textReport(deadlock(true), {
      bold: mark('b'),
      dim: mark('d'),
      bad: mark('r'),
      thread: (index, text) => mark(`t${index}`)(text),
    });
    expect(coloured).to.include('<r>Deadlock: owner, dd wait, and nobody can run.</r>');
    expect(coloured).to.match(/<t1>lock table_lock\[2\] *<\/t1>/);
    expect(coloured.replace(/<\/?[a-z]\d?>/g, '')).to.equal(DEADLOCK);
  });

  it('folds a long run of steps that nobody else minds, and keeps both ends of each switch', () => {
    const noise = Array.from({ length: 300 }, (_, index) => ({
      task: 0,
      kind: 1,
      object: 4096 + 4 * index,
      site: 0,
      note: 0,
    }));
    const { trace, ...rest } = sampleOfTwo();
    const text = textReport(report({ ...rest, trace: [...noise, ...trace] }, ['first', 'second']));
    expect(text).to.match(/\.\.\. 29\d steps more of first/);
    expect(text).to.include('   301  load swap_map[3]');
    expect(text).to.include("first is interrupted before 'store swap_map[3]'");
    expect(text.split('\n').length).to.be.below(60);
  });

  it('of a schedule with thousands of switches stays readable', () => {
    const trace = Array.from({ length: 6000 }, (_, index) => ({
      task: index % 2,
      kind: 2,
      object: 192,
      site: 0,
      note: 0,
    }));
    const { trace: _, ...rest } = sampleOfTwo();
    const text = textReport(report({ ...rest, trace }, ['first', 'second']));
    expect(text.split('\n').length).to.be.below(300);
    expect(text).to.match(/\.\.\. \d+ steps more, with \d+ switches/);
    expect(text).to.include('  6000  ');
  });

  it('tells the lines of sites that a detector names by number, and faults that were injected', () => {
    const model = deadlock(true);
    expect(model.schema).to.equal(MODEL_SCHEMA);
    const { trace, ...rest } = sampleOfTwo('Data race: one stores at site 5.');
    const text = textReport(
      report({ ...rest, trace }, ['first', 'second'], { sites: new SiteTable([LOST_SITES]) }),
    );
    expect(text).to.include('Data race: one stores at counts.ts:60 SwapMap.count.');
    expect(text).to.include('Injected: a page frame is not to be had (decision 9).');
  });

  for (const seed of PROPERTY_SEEDS) {
    it(`is never wider than asked for, whatever the schedule (seed ${seed})`, () => {
      fc.assert(
        fc.property(
          CHOICES,
          fc.integer({ min: 2, max: 6 }),
          fc.integer({ min: 80, max: 160 }),
          (list, tasks, width) => {
            const { trace, threads } = simulate(list, tasks);
            const finding = {
              failure: failure('check', 'wrong', { threads }),
              trace,
              dropped: [],
              token: 'sl1.F',
            };
            const model = report(
              finding,
              threads.map(({ name }) => name),
            );
            // What survives JSON is all there is.
            expect(JSON.parse(JSON.stringify(model))).to.deep.equal(model);
            for (const line of textReport(model, { width }).split('\n'))
              if (!ONE_PIECE.test(line)) expect(line.length, line).to.be.at.most(width);
          },
        ),
        { seed, numRuns: 40 },
      );
    });
  }
});
