import { expect } from 'chai';
import { runBench, type BenchProgress } from '#src/bench/bench.js';
import { comparedRow, measuredRow, skippedRow } from '#src/bench/document.js';
import { BENCH_GROUPS } from '#src/bench/groups.js';
import { UsageError } from '#src/errors.js';

const plan = { name: 'sync.x', unit: 'ns', goal: { op: '<=', value: 30 } } as const;

describe('benchmarks', () => {
  it('measure the locks and give a document with a verdict on each row', async function () {
    // It measures, and the contended runs check mutual exclusion; whether goals are met is not for a test to say.
    this.timeout(60_000);
    const progress: BenchProgress[] = [];
    const document = await runBench({ only: ['sync'] }, { onProgress: (event) => progress.push(event) });
    expect(document.schema).to.equal('swaplab.bench/1');
    expect(document.rows.map((row) => [row.name, row.unit, row.goal])).to.deep.equal([
      ['sync.lock-unlock', 'ns', { op: '<=', value: 30 }],
      ['sync.null-point', 'ns', { op: '<=', value: 1 }],
      ['sync.tracepoint-off', 'ns', { op: '<=', value: 1 }],
      ['sync.lock-8-over-2', 'ratio', { op: '>=', value: 0.6 }],
    ]);
    for (const row of document.rows) {
      expect(row).to.include({ peer: null, peerValue: null, ratio: null });
      expect(row.value).to.be.at.least(0);
      expect(row.value).to.be.below(Infinity);
      const { op, value } = row.goal;
      expect(row.holds).to.equal(op === '<=' ? row.value! <= value : row.value! >= value);
    }
    expect(progress.map((event) => [event.done, event.total])).to.deep.equal([
      [1, 4],
      [2, 4],
      [3, 4],
      [4, 4],
    ]);
    expect(document.notes).to.have.length(1);
    expect(document.notes[0]).to.match(/ticket lock \d+ and \d+ \(ratio .*\), adaptive lock \d+ and \d+/);
    expect(JSON.parse(JSON.stringify(document))).to.deep.equal(document);
  });

  it('skip what is not measured when they are interrupted', async function () {
    this.timeout(30_000);
    const early = await runBench({}, { signal: AbortSignal.abort() });
    const groups = new Set(early.rows.map((row) => row.name.split('.')[0]));
    expect([...groups]).to.deep.equal([...BENCH_GROUPS]);
    expect(BENCH_GROUPS).to.have.members([
      'sync',
      'slots',
      'path',
      'codec',
      'xvmalloc',
      'policies',
      'engines',
    ]);
    for (const row of early.rows)
      expect(row).to.include({ value: null, holds: null, skipped: 'interrupted' });

    const controller = new AbortController();
    const late = await runBench(
      { only: ['sync'] },
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    expect(late.rows).to.have.length(4);
    expect(late.rows[0]?.value).to.be.above(0);
    expect(late.rows[3]).to.include({ value: null, holds: null, skipped: 'interrupted' });
  });

  it('refuse a group that does not exist', async () => {
    const error: unknown = await runBench({ only: ['sync', 'zram'] }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(UsageError);
    expect(error)
      .to.have.property('message')
      .that.matches(/"zram".*allowed now: sync/);
  });
});

describe('rows of a benchmark', () => {
  it('hold their goal on the right side of it, the goal itself included', () => {
    expect(measuredRow(plan, 30).holds).to.be.true;
    expect(measuredRow(plan, 30.1).holds).to.be.false;
    const atLeast = { ...plan, goal: { op: '>=', value: 0.6 } } as const;
    expect(measuredRow(atLeast, 0.6).holds).to.be.true;
    expect(measuredRow(atLeast, 0.59).holds).to.be.false;
  });

  it('hold their goal by the ratio where there is a peer', () => {
    const faster = { ...plan, goal: { op: '>=', value: 0.5 } } as const;
    expect(comparedRow(faster, 40, 'C', 80)).to.include({
      ratio: 0.5,
      peer: 'C',
      peerValue: 80,
      holds: true,
    });
    expect(comparedRow(faster, 39, 'C', 80).holds).to.be.false;
    expect(comparedRow(plan, 31, 'C', 1).holds).to.be.false;
    expect(comparedRow(plan, 30, 'C', 1).holds).to.be.true;
  });

  it('say why they were skipped', () => {
    expect(skippedRow(plan, 'no compiler')).to.deep.equal({
      ...plan,
      value: null,
      peer: null,
      peerValue: null,
      ratio: null,
      holds: null,
      skipped: 'no compiler',
    });
  });
});
