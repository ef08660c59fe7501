/**
 * Runs in which transfers to and from the disks fail: what may be lost is told of, and nothing else is.
 */
import { expect } from 'chai';

import { renderRun } from '#src/report/table.js';
import type { PolicyResult } from '#src/run/document.js';
import { formatIoErrors, parseIoErrors } from '#src/run/io-errors.js';
import { completeRunOptions, UsageError, type RunPolicy, type RunScenario } from '#src/run/options.js';
import { runWorkload } from '#src/run/run-workload.js';
import type { WorkloadName } from '#src/workload/plan.js';
import { randomSeed, SoloRun, swaplab } from './support.js';

/** All checkpoints of a run. */
const ALL = 20;
/** A checkpoint after which the pages of the one process are read. */
const WHILE_READING = 3;

function expectSound(result: PolicyResult): void {
  expect(result.reports).to.deep.equal([]);
  expect([result.integrityErrors, result.invariantErrors, result.statDrift, result.vm.kills]).to.deep.equal([
    0, 0, 0, 0,
  ]);
}

describe('rates of errors', () => {
  it('are read as they are written', () => {
    const read: readonly [string, { read: number; write: number }, string][] = [
      ['0.001', { read: 0.001, write: 0.001 }, '0.001'],
      ['.5', { read: 0.5, write: 0.5 }, '0.5'],
      ['1', { read: 1, write: 1 }, '1'],
      ['0', { read: 0, write: 0 }, '0'],
      ['1e-6', { read: 0.000_001, write: 0.000_001 }, '0.000001'],
      ['read:0.0005,write:0.01', { read: 0.0005, write: 0.01 }, 'read:0.0005,write:0.01'],
      ['write:0.01, read:0.0005', { read: 0.0005, write: 0.01 }, 'read:0.0005,write:0.01'],
      ['WRITE:0.01', { read: 0, write: 0.01 }, 'read:0,write:0.01'],
    ];
    for (const [text, rates, written] of read) {
      expect(parseIoErrors(text), text).to.deep.equal(rates);
      expect(formatIoErrors(rates)).to.equal(written);
      expect(parseIoErrors(written)).to.deep.equal(rates);
    }
  });

  it('are refused when they are none', () => {
    for (const text of [
      '',
      'often',
      '2',
      '-0.1',
      '0.1,0.2',
      'read:0.1,read:0.2',
      'discard:0.1',
      '0.00000001',
    ]) {
      expect(() => parseIoErrors(text), text).to.throw(
        UsageError,
        `io-errors "${text}" is not possible; allowed: a share of all requests from 0 to 1`,
      );
    }
    expect(() => completeRunOptions({ ioErrors: { read: 3, write: 0 } })).to.throw(
      UsageError,
      'read:3,write:0',
    );
    expect(completeRunOptions({ ioErrors: { read: 0, write: 0 } }).options.ioErrors).to.equal(null);
    expect(completeRunOptions().options.ioErrors).to.equal(null);
  });
});

describe('a swapper whose pages cannot always be read', () => {
  it('replaces each process that gets SIGBUS, and finds everything else as it was', () => {
    const run = new SoloRun({ workload: 'churn', ops: 6000, seed: 5, ioErrors: { read: 0.01, write: 0.02 } });
    run.runToCheckpoint(ALL);
    const end = run.finish();
    const events = run.kernel.vm.events.sums();
    expect(events.busErrors).to.be.greaterThan(1);
    expect(events.ioErrors).to.be.greaterThan(events.busErrors);
    expect([run.swapper.ops, run.swapper.integrityErrors, events.kills]).to.deep.equal([6000, 0, 0]);
    expect([end.broken, end.drift]).to.deep.equal([[], []]);
    expect(end.final.live).to.equal(0);
  });

  it('takes an error that nobody has put there for a lost page', () => {
    const run = new SoloRun({ ops: 6000, seed: 5 });
    run.runToCheckpoint(8);
    run.view.injectIoFaults('/dev/ramzswap0', { read: 1_000_000, times: 2 });
    run.runToEnd();
    expect(run.swapper.integrityErrors).to.be.at.least(2);
    expect(run.swapper.integrityReports[0]).to.match(/^swapper 0: read: EIO: /);
  });

  it('sees a page that comes back wrong without an error as an integrity error all the same', () => {
    const run = new SoloRun({ codec: 'none', ioErrors: { read: 0, write: 0.01 } });
    run.runToCheckpoint(WHILE_READING);
    const { cells } = run.kernel.core;
    for (const entry of run.storedEntries())
      cells.arena.u8[run.frames.addressOf(cells.ldu32(entry)) + 100]! ^= 1;
    run.runToEnd();
    expect(run.swapper.integrityErrors).to.be.greaterThan(3);
  });

  it('does the same with the same seed', () => {
    const counts = (seed: number): unknown => {
      const run = new SoloRun({ ops: 3000, seed, ioErrors: { read: 0.01, write: 0.01 } });
      run.runToCheckpoint(ALL);
      const { busErrors, ioErrors, swapIns, swapOuts, faults } = run.kernel.vm.events.sums();
      return { busErrors, ioErrors, swapIns, swapOuts, faults };
    };
    expect(counts(3)).to.deep.equal(counts(3));
    expect(counts(3)).to.not.deep.equal(counts(4));
  });

  it('never has the leader hit by an error of the run', () => {
    const run = new SoloRun({ ops: 1500, ioErrors: { read: 1, write: 1 } });
    run.runToCheckpoint(ALL);
    const { devices } = run.kernel.block;
    const injected = (): number => devices.stats(run.device.bdev()).injected;
    expect(injected()).to.be.greaterThan(10);
    run.swapper.exit();
    const before = injected();
    const end = run.leader.finish();
    expect(injected()).to.equal(before);
    expect(end.broken).to.deep.equal([]);
  });
});

describe('runs with errors', () => {
  for (const [workload, scenario, swappers, seed, policies] of [
    ['phased', null, 2, 1, ['none', 'notify']],
    ['phased', null, 4, randomSeed, ['address-space', 'discard-slot']],
    ['fork', null, 3, randomSeed, ['none', 'chain']],
    ['churn', 'swapoff-under-load', 2, randomSeed, ['notify', 'discard-cluster']],
  ] as const satisfies readonly (readonly [
    WorkloadName,
    RunScenario | null,
    number,
    number,
    readonly RunPolicy[],
  ])[]) {
    it(`lose nothing that is not told of: ${String(swappers)} swappers, workload ${workload}, ${scenario ?? 'no scenario'}, ${policies.join(' and ')}, seed ${String(seed)}`, async () => {
      const ops = 12_000;
      const document = await runWorkload({
        policies,
        swappers,
        ops,
        workload,
        scenario,
        seed,
        pages: 'synthetic',
        codec: 'none',
        ioErrors: { read: 0.005, write: 0.01 },
      });
      expect(document.command).to.include(' --io-errors read:0.005,write:0.01 ');
      for (const result of document.policies) {
        expectSound(result);
        expect(result.ops).to.equal(ops);
        expect(result.vm.ioErrors).to.be.greaterThan(0);
        expect(result.final.live).to.equal(0);
      }
      expect(document.policies.some(({ vm }) => (vm.busErrors ?? 0) > 0)).to.equal(true);
      const text = renderRun(document, { colour: false, unicode: false });
      expect(text).to.match(/transfers that failed +[1-9]/);
    }).timeout(60_000);
  }

  it('can be asked for on the command line', async () => {
    const { code, out, err } = await swaplab(
      'run --policy notify --swappers 1 --ops 3000 --codec none --io-errors write:0.02 --page-cluster 2 --seed 3 --json -q'.split(
        ' ',
      ),
    );
    expect([code, err]).to.deep.equal([0, '']);
    const document = JSON.parse(out) as {
      command: string;
      options: { ioErrors: unknown; pageCluster: number };
      policies: { vm: Record<string, number> }[];
    };
    expect(document.options).to.deep.include({ ioErrors: { read: 0, write: 0.02 }, pageCluster: 2 });
    expect(document.command).to.include('--page-cluster 2 --io-errors read:0,write:0.02');
    const vm = document.policies[0]?.vm;
    expect([vm?.['ioErrors'], vm?.['readAhead']].every((count) => (count ?? 0) > 0)).to.equal(true);
    expect(vm?.['busErrors']).to.equal(0);
    const refused = await swaplab(['run', '--io-errors', 'now and then']);
    expect(refused.code).to.equal(2);
    expect(refused.err).to.include('io-errors "now and then" is not possible');
  }).timeout(60_000);
});
