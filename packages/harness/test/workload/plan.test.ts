import { expect } from 'chai';
import fc from 'fast-check';

import { CHECKPOINTS, opsOfSwapper, planWorkload, WORKLOAD_NAMES } from '#src/workload/plan.js';

describe('the plan of a workload', () => {
  const parameters = fc.record({
    workload: fc.constantFrom(...WORKLOAD_NAMES),
    pages: fc.integer({ min: 1, max: 5000 }),
    ops: fc.integer({ min: 0, max: 100_000 }),
  });

  it('divides all ops, without gap or overlap', () => {
    fc.assert(
      fc.property(parameters, ({ workload, pages, ops }) => {
        let next = 0;
        for (const phase of planWorkload(workload, pages, ops).phases) {
          expect(phase.start).to.equal(next);
          expect(phase.ops).to.be.at.least(0);
          next += phase.ops;
        }
        expect(next).to.equal(ops);
      }),
      { seed: 2 },
    );
  });

  it('has twenty checkpoints in order, one at the end of each phase, the last after the last op', () => {
    fc.assert(
      fc.property(parameters, ({ workload, pages, ops }) => {
        const plan = planWorkload(workload, pages, ops);
        expect(plan.checkpoints).to.have.length(CHECKPOINTS);
        expect(CHECKPOINTS).to.equal(20);
        for (const [index, checkpoint] of plan.checkpoints.entries()) {
          expect(checkpoint.op).to.be.at.least(plan.checkpoints[index - 1]?.op ?? 0);
        }
        const ends = plan.checkpoints.filter((checkpoint) => checkpoint.endsPhase);
        expect(ends.map((checkpoint) => [checkpoint.phase, checkpoint.op])).to.deep.equal(
          plan.phases.map((phase) => [phase.name, phase.start + phase.ops]),
        );
        expect(plan.checkpoints.at(-1)).to.include({ op: ops, endsPhase: true });
      }),
      { seed: 3 },
    );
  });

  it('has the same checkpoints in the same phases for swappers with different numbers of ops', () => {
    fc.assert(
      fc.property(parameters, fc.integer({ min: 0, max: 9 }), ({ workload, pages, ops }, more) => {
        const names = (count: number): string[] =>
          planWorkload(workload, pages, count).checkpoints.map((checkpoint) => checkpoint.phase);
        expect(names(ops)).to.deep.equal(names(ops + more));
      }),
      { seed: 4 },
    );
  });

  it('gives each phase of the default size what it needs', () => {
    const plan = planWorkload('phased', 960, 15_000);
    const ops = Object.fromEntries(plan.phases.map((phase) => [phase.name, phase.ops]));
    expect(plan.phases.map((phase) => phase.name)).to.deep.equal([
      'fill',
      'read',
      'rewrite',
      'free chunks',
      'free singly',
      'churn',
      'read again',
      'free half',
      'free the rest',
    ]);
    expect(ops).to.include({ fill: 960, 'free chunks': 4, 'free singly': 240, 'free half': 240 });
    expect(ops['free the rest']).to.equal(240);
    for (const name of ['read', 'rewrite', 'churn', 'read again']) expect(ops[name]).to.be.above(2000);
  });

  it('shares the ops of a run among the swappers without a rest', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 1, max: 32 }), (ops, swappers) => {
        const shares = Array.from({ length: swappers }, (_, swapper) => opsOfSwapper(ops, swappers, swapper));
        expect(shares.reduce((sum, share) => sum + share, 0)).to.equal(ops);
        expect(Math.max(...shares) - Math.min(...shares)).to.be.at.most(1);
      }),
      { seed: 5 },
    );
  });
});
