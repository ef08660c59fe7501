import { expect } from 'chai';
import fc from 'fast-check';

import {
  OP_COUNT,
  OP_DROP,
  OP_END,
  OP_EXIT,
  OP_FORK,
  OP_KIND,
  OP_PAGE,
  OP_PROCESS,
  OP_READ,
  OP_RECORD_WORDS,
  OP_WRITE,
  WorkloadGenerator,
  type WorkloadParameters,
} from '#src/workload/generator.js';
import { WORKLOAD_NAMES, type WorkloadName } from '#src/workload/plan.js';

const RANDOM_SEED = Math.floor(Math.random() * 0x7fffffff);

interface Step {
  kind: number;
  page: number;
  count: number;
  process: number;
  phase: string;
}

/** A plain check: an assertion object for each of the many steps would take longer than the steps. */
function mustHold(condition: boolean, what: string): void {
  if (!condition) expect.fail(`does not hold: ${what}`);
}

/** All steps, each checked against plain sets of mapped pages, one a process; returns what all map after the last one, too. */
function carryOut(
  parameters: WorkloadParameters,
  killAt: ReadonlySet<number> = new Set(),
  forkFails = false,
): { steps: Step[]; mapped: number; mappedAtPhaseEnd: Map<string, number> } {
  const generator = new WorkloadGenerator(parameters);
  const record = new Int32Array(OP_RECORD_WORDS);
  const { pages, processes, startsWith } = generator.plan;
  const family = new Map<number, Set<number>>();
  for (let place = 0; place < startsWith; place++) family.set(place, new Set());
  const mappedOfAll = (): number => [...family.values()].reduce((sum, mapped) => sum + mapped.size, 0);
  const steps: Step[] = [];
  const mappedAtPhaseEnd = new Map<string, number>();
  for (const phase of generator.plan.phases) {
    for (let number = 0; number < phase.ops; number++) {
      if (killAt.has(steps.length)) {
        const living = [...family.keys()];
        const killed = living[steps.length % living.length] ?? 0;
        family.set(killed, new Set());
        generator.processReplaced(killed);
      }
      mustHold(generator.next(record), 'there are as many steps as planned');
      const kind = record[OP_KIND] ?? -1;
      const page = record[OP_PAGE] ?? -1;
      const count = record[OP_COUNT] ?? -1;
      const process = record[OP_PROCESS] ?? -1;
      steps.push({ kind, page, count, process, phase: phase.name });
      const inside = kind === OP_FORK || page + count <= pages;
      mustHold(count >= 0 && page >= 0 && inside, 'a step stays in the process');
      const mapped = family.get(process);
      mustHold(mapped !== undefined, 'only a process that is there does steps');
      if (mapped === undefined) continue;
      if (kind === OP_READ) {
        mustHold(count === 1 && mapped.has(page), 'a page is read only while it is mapped');
      } else if (kind === OP_WRITE) {
        mustHold(count === 1, 'a write is of one page');
        mapped.add(page);
      } else if (kind === OP_DROP) {
        const before = mapped.size;
        for (let covered = page; covered < page + count; covered++) mapped.delete(covered);
        mustHold(mapped.size < before, 'a drop unmaps something');
      } else if (kind === OP_FORK) {
        mustHold(page < processes && !family.has(page), 'a child takes a free place');
        if (forkFails) generator.forkFailed(page);
        else family.set(page, new Set(mapped));
      } else if (kind === OP_END) {
        family.delete(process);
        mustHold(family.size > 0, 'a process is left');
      } else {
        mustHold(kind === OP_EXIT, 'there is no other kind');
        mapped.clear();
      }
      mustHold(generator.mappedPages === mappedOfAll(), 'the generator knows what is mapped');
      mustHold(generator.done === steps.length, 'the generator counts its steps');
    }
    mappedAtPhaseEnd.set(phase.name, mappedOfAll());
  }
  expect(generator.next(record), 'no step beyond the plan').to.equal(false);
  return { steps, mapped: mappedOfAll(), mappedAtPhaseEnd };
}

const parametersOf = (pages: number, ops: number): fc.Arbitrary<WorkloadParameters> =>
  fc.record({
    workload: fc.constantFrom<WorkloadName>(...WORKLOAD_NAMES),
    pages: fc.integer({ min: 1, max: pages }),
    ops: fc.integer({ min: 0, max: ops }),
    seed: fc.integer({ min: 0, max: 0xffffffff }),
    swapper: fc.integer({ min: 0, max: 31 }),
  });

describe('the steps of a swapper', () => {
  for (const seed of [11, RANDOM_SEED]) {
    it(`are exactly as many as asked for, and each is possible (seed ${String(seed)})`, () => {
      fc.assert(
        fc.property(parametersOf(200, 1500), (parameters) => {
          const { steps, mapped } = carryOut(parameters);
          expect(steps).to.have.length(parameters.ops);
          if (parameters.workload === 'phased' && parameters.ops > 0) expect(mapped).to.equal(0);
        }),
        { seed, numRuns: 60 },
      );
    });

    it(`stay possible when the process is killed at any time (seed ${String(seed)})`, () => {
      fc.assert(
        fc.property(parametersOf(100, 600), fc.array(fc.nat({ max: 599 })), (parameters, kills) => {
          expect(carryOut(parameters, new Set(kills)).steps).to.have.length(parameters.ops);
        }),
        { seed, numRuns: 60 },
      );
    });
  }

  it('are the same for the same parameters, and differ between seeds and swappers', () => {
    const base: WorkloadParameters = { workload: 'phased', pages: 128, ops: 2000, seed: 1, swapper: 0 };
    for (const workload of WORKLOAD_NAMES) {
      const { steps } = carryOut({ ...base, workload });
      expect(carryOut({ ...base, workload }).steps).to.deep.equal(steps);
      expect(carryOut({ ...base, workload, seed: 2 }).steps).not.to.deep.equal(steps);
      expect(carryOut({ ...base, workload, swapper: 1 }).steps).not.to.deep.equal(steps);
    }
  });

  it('fill, free and refill as the phases say', () => {
    const pages = 960;
    const { steps, mappedAtPhaseEnd } = carryOut({
      workload: 'phased',
      pages,
      ops: 15_000,
      seed: 1,
      swapper: 0,
    });
    const of = (phase: string): Step[] => steps.filter((step) => step.phase === phase);
    expect(new Set(of('fill').map((step) => step.page)).size).to.equal(pages);
    expect(of('fill').every((step) => step.kind === OP_WRITE)).to.equal(true);
    for (const phase of ['read', 'read again']) {
      expect(of(phase).every((step) => step.kind === OP_READ)).to.equal(true);
    }
    expect(of('rewrite').every((step) => step.kind === OP_WRITE)).to.equal(true);
    expect(of('free chunks').map((step) => [step.kind, step.count, step.page % 64])).to.deep.equal([
      [OP_DROP, 60, 0],
      [OP_DROP, 60, 0],
      [OP_DROP, 60, 0],
      [OP_DROP, 60, 0],
    ]);
    expect(of('free singly').every((step) => step.kind === OP_DROP && step.count === 1)).to.equal(true);
    const churn = of('churn');
    expect(churn.filter((step) => step.kind === OP_DROP).length).to.be.above(1000);
    expect(churn.filter((step) => step.kind === OP_WRITE).length).to.be.above(1000);
    expect(churn.some((step) => step.count > 1)).to.equal(true);
    expect(mappedAtPhaseEnd.get('fill')).to.equal(pages);
    expect(mappedAtPhaseEnd.get('rewrite')).to.equal(pages);
    expect(mappedAtPhaseEnd.get('free chunks')).to.equal((3 * pages) / 4);
    expect(mappedAtPhaseEnd.get('free singly')).to.equal(pages / 2);
    expect(mappedAtPhaseEnd.get('churn')).to.be.within(pages / 2 - 64, pages / 2);
    const before = mappedAtPhaseEnd.get('read again') ?? 0;
    expect(mappedAtPhaseEnd.get('free half')).to.equal(before - Math.floor(before / 2));
    expect(mappedAtPhaseEnd.get('free the rest')).to.equal(0);
  });

  it('touch a third of the pages only while the workload hot-cold works, and all of them later', () => {
    const pages = 300;
    const { steps, mappedAtPhaseEnd } = carryOut({
      workload: 'hot-cold',
      pages,
      ops: 6000,
      seed: 1,
      swapper: 0,
    });
    const of = (phase: string): Step[] => steps.filter((step) => step.phase === phase);
    const work = of('work');
    expect(Math.min(...work.map((step) => step.page))).to.equal(200);
    expect(new Set(work.map((step) => step.page)).size).to.equal(100);
    expect(work.filter((step) => step.kind === OP_READ).length / work.length).to.be.within(0.55, 0.65);
    expect(work.every((step) => step.kind === OP_READ || step.kind === OP_WRITE)).to.equal(true);
    expect(of('read again').some((step) => step.page < 200)).to.equal(true);
    expect(mappedAtPhaseEnd.get('work')).to.equal(pages);
    expect(mappedAtPhaseEnd.get('free half')).to.equal(pages / 2);
    expect(mappedAtPhaseEnd.get('free the rest')).to.equal(0);
  });

  it('mix everything in the churn workload', () => {
    const { steps } = carryOut({ workload: 'churn', pages: 500, ops: 30_000, seed: 1, swapper: 0 });
    const share = (kind: number): number => steps.filter((step) => step.kind === kind).length / steps.length;
    expect(share(OP_READ)).to.be.within(0.25, 0.6);
    expect(share(OP_WRITE)).to.be.within(0.3, 0.7);
    expect(share(OP_DROP)).to.be.within(0.05, 0.2);
    expect(share(OP_EXIT)).to.be.above(0);
  });

  it('end all processes behind each checkpoint of the exit storm, one right after the other', () => {
    const parameters = { workload: 'exit-storm', pages: 160, ops: 4000, seed: 1, swapper: 0 } as const;
    const { steps } = carryOut(parameters);
    const { checkpoints, processes } = new WorkloadGenerator(parameters).plan;
    const ends = checkpoints.slice(0, -1).map(({ op }) => op);
    const exits = steps.flatMap(({ kind }, index) => (kind === OP_EXIT ? [index] : []));
    expect(processes).to.equal(8);
    expect(exits).to.deep.equal(ends.flatMap((op) => Array.from({ length: processes }, (_, n) => op + n)));
    for (const op of ends)
      expect(new Set(steps.slice(op, op + processes).map((step) => step.process)).size).to.equal(processes);
    // In between each of them writes most of its twenty pages.
    const written = new Set(
      steps
        .slice((ends[0] ?? 0) + processes, ends[1])
        .filter(({ kind }) => kind === OP_WRITE)
        .map(({ process, page }) => process * 160 + page),
    );
    expect(written.size).to.be.above(0.6 * 160);
  });

  it('grow a family to 72 processes and end it, over and over, in the fork storm', () => {
    const { steps } = carryOut({ workload: 'fork-storm', pages: 576, ops: 12_000, seed: 1, swapper: 0 });
    let living = 1;
    const peaks: number[] = [];
    for (const { kind } of steps) {
      if (kind === OP_FORK) living++;
      if (kind !== OP_END) continue;
      if (living === 72) peaks.push(living);
      living--;
    }
    // A storm behind each checkpoint but the last one.
    expect(peaks).to.have.length(19);
    expect(steps.filter(({ kind }) => kind === OP_FORK)).to.have.length(20 * 71);
    // The first child comes when all sixteen pages are there, so that all of the family share them.
    const first = steps.findIndex(({ kind }) => kind === OP_FORK);
    expect(new Set(steps.slice(0, first).map(({ page }) => page)).size).to.equal(16);
  });

  it('begin again in each lap, with the same phases and other pages', () => {
    for (const workload of WORKLOAD_NAMES) {
      const parameters = { workload, pages: 64, ops: 900, seed: 5, swapper: 1 };
      const lap = (generator: WorkloadGenerator): number[][] => {
        const record = new Int32Array(OP_RECORD_WORDS);
        const steps: number[][] = [];
        while (generator.next(record)) steps.push([...record]);
        return steps;
      };
      const one = new WorkloadGenerator(parameters);
      const other = new WorkloadGenerator(parameters);
      const first = lap(one);
      expect(lap(other), workload).to.deep.equal(first);
      one.beginLap(1);
      other.beginLap(1);
      expect([one.done, one.mappedPages], workload).to.deep.equal([0, 0]);
      const second = lap(one);
      expect(second, workload).to.have.length(900);
      expect(second, workload).to.not.deep.equal(first);
      expect(lap(other), workload).to.deep.equal(second);
      one.beginLap(2);
      expect(lap(one), workload).to.not.deep.equal(second);
    }
  });

  it('fork often in the fork workload, up to four processes, and mix everything else', () => {
    const pages = 500;
    const { steps } = carryOut({ workload: 'fork', pages, ops: 30_000, seed: 1, swapper: 0 });
    const forked = steps.filter((step) => step.phase === 'fork');
    const share = (kind: number): number =>
      forked.filter((step) => step.kind === kind).length / forked.length;
    expect(share(OP_FORK)).to.be.within(0.005, 0.02);
    expect(share(OP_END)).to.be.within(0.005, 0.02);
    expect(share(OP_READ)).to.be.within(0.25, 0.6);
    expect(share(OP_WRITE)).to.be.within(0.3, 0.7);
    expect(share(OP_DROP)).to.be.within(0.05, 0.2);
    for (const process of [0, 1, 2, 3])
      expect(forked.filter((step) => step.process === process).length).to.be.above(1000);
    expect(Math.max(...steps.map((step) => step.page + step.count))).to.equal(pages / 2);
    // The first process ends like any other.
    expect(forked.some((step) => step.kind === OP_END && step.process === 0)).to.equal(true);
  });

  it('go on in the fork workload when no fork succeeds', () => {
    const { steps } = carryOut(
      { workload: 'fork', pages: 100, ops: 5000, seed: 3, swapper: 1 },
      new Set(),
      true,
    );
    expect(steps).to.have.length(5000);
    expect(steps.filter((step) => step.kind === OP_FORK).length).to.be.above(30);
    expect(steps.some((step) => step.process !== 0)).to.equal(false);
  });

  it('are in the other workloads those of one process', () => {
    for (const workload of ['phased', 'churn'] as const) {
      const { steps } = carryOut({ workload, pages: 128, ops: 3000, seed: 1, swapper: 0 });
      expect(steps.every((step) => step.process === 0 && step.kind <= OP_EXIT)).to.equal(true);
    }
  });
});
