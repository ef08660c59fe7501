/**
 * Random traces, oddities included, against a model of a few lines.
 */
import { expect } from 'chai';
import fc from 'fast-check';

import { RUN_POLICIES, type RunPolicy } from '#src/run/options.js';
import { POLICY_FACTS } from '#src/run/policies.js';

import { replay, TraceFolder } from './support.js';

interface Row {
  readonly op: 'W' | 'R' | 'F' | 'D';
  readonly slot: number;
  readonly n: number;
}

const ROWS = fc.array(
  fc.record({
    op: fc.constantFrom<Row['op'][]>('W', 'W', 'W', 'R', 'F', 'F', 'D'),
    slot: fc.integer({ min: 0, max: 40 }),
    n: fc.oneof(
      { weight: 4, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }) },
    ),
  }),
  { minLength: 1, maxLength: 120 },
);

/** What is in use, and what the device with the numbers of the trace stores. */
class Model {
  /** Slots in use, and whether their contents are there. */
  readonly live = new Map<number, boolean>();
  readonly stored = new Set<number>();
  readonly counts = { writes: 0, rewrites: 0, reads: 0, skippedReads: 0, frees: 0, skippedFrees: 0 };
  private readonly exact: boolean;
  private readonly ownerTrims: boolean;
  private readonly recorded: boolean;

  constructor(policy: RunPolicy, ownerTrims: boolean, recorded: boolean) {
    this.exact = POLICY_FACTS[policy].exact;
    this.ownerTrims = ownerTrims;
    this.recorded = recorded;
  }

  do({ op, slot, n }: Row): void {
    for (let each = slot; each < slot + n; each++) this.one(op, each);
  }

  private one(op: Row['op'], slot: number): void {
    const { live, stored, counts } = this;
    if (op === 'W') {
      counts.writes++;
      if (live.has(slot)) counts.rewrites++;
      live.set(slot, true);
      stored.add(slot);
    } else if (op === 'R') {
      if (live.get(slot) === true) counts.reads++;
      else counts.skippedReads++;
    } else if (op === 'F' || this.ownerTrims) {
      if (!live.has(slot)) counts.skippedFrees++;
      else counts.frees++;
      if (live.delete(slot) && this.exact) stored.delete(slot);
    }
    if (op === 'D' && this.recorded) {
      stored.delete(slot);
      if (live.has(slot)) live.set(slot, false);
    }
  }
}

function textOf(rows: readonly Row[], format: 'csv' | 'fio'): string {
  if (format === 'csv')
    return `t_us,op,slot,n\n${rows.map(({ op, slot, n }, at) => `${String(at)},${op},${String(slot)},${String(n)}\n`).join('')}`;
  const actions = { W: 'write', R: 'read', F: 'trim', D: 'trim' };
  const lines = rows.map(
    ({ op, slot, n }) => `/d ${actions[op]} ${String(slot * 4096)} ${String(n * 4096)}\n`,
  );
  return `fio version 2 iolog\n${lines.join('')}`;
}

describe('random traces', function () {
  this.timeout(120_000);
  const folder = new TraceFolder();
  after(() => folder.remove());
  const fresh = Math.floor(Math.random() * 2 ** 31);

  for (const seed of [1, fresh]) {
    for (const format of ['csv', 'fio'] as const) {
      it(`leave what a small model says, in ${format}, under every policy, seed ${String(seed)}`, async () => {
        await fc.assert(
          fc.asyncProperty(
            ROWS,
            fc.constantFrom(...RUN_POLICIES),
            fc.constantFrom('ours', 'recorded'),
            async (rows, policy, slots) => {
              const read =
                format === 'csv'
                  ? rows
                  : rows.map((row) => (row.op === 'F' ? { ...row, op: 'D' as const } : row));
              const recorded = slots === 'recorded';
              const model = new Model(policy, format === 'fio', recorded);
              for (const row of read) model.do(row);
              const file = folder.write('random', textOf(rows, format));
              const { policies } = await replay(file, {
                policies: [policy],
                slots: recorded ? 'recorded' : 'ours',
                seed: 7,
              });
              const result = policies[0]!;
              expect(result.reports).to.deep.equal([]);
              expect(result.invariantErrors + result.integrityErrors + result.statDrift).to.equal(0);
              const { counts, final } = result;
              expect(counts).to.include(model.counts);
              expect(final.live).to.equal(model.live.size);
              const held = [...model.live.values()].filter(Boolean).length;
              expect(final.stored - final.stale).to.equal(held);
              // Which of our slots a page goes to is the allocator's business; none of them is discarded, unless it says so.
              if (recorded) expect(final.stored).to.equal(model.stored.size);
              else if (POLICY_FACTS[policy].exact) expect(final.stale).to.equal(0);
              else if (policy === 'none') expect(final.stored).to.equal(result.distinctSlots);
            },
          ),
          { numRuns: 40, seed },
        );
      });
    }
  }
});
