/**
 * Long runs: laps until the time is over, what is kept of them, and the memory of the process. Times are never asserted, but that a run does not
 * end before its time.
 */
import { expect } from 'chai';
import fc from 'fast-check';

import { EXIT_FINE, UsageError } from '#src/errors.js';
import { renderReport } from '#src/report/html/report.js';
import { withLastLaps } from '#src/report/last-lap.js';
import { renderRun } from '#src/report/table.js';
import type { MemorySample, RunDocument, RunProgress, Sample } from '#src/run/document.js';
import { formatDuration, parseDuration } from '#src/run/duration.js';
import { completeRunOptions, repeatCommand } from '#src/run/options.js';
import { MemorySeries } from '#src/run/process-memory.js';
import { runWorkload } from '#src/run/run-workload.js';
import { RunControl } from '#src/swappers/control.js';
import { KeptLaps, LAPS_KEPT, SAMPLES_KEPT } from '#src/swappers/laps.js';
import { CHECKPOINTS, planWorkload } from '#src/workload/plan.js';
import { sampleAnatomy, sampleDocument, sampleResult } from '../cli/sample-document.js';
import { quiescentSamples, randomSeed, SoloRun, swaplab } from './support.js';

describe('a duration', () => {
  it('is read as a person types it, and written so that it is read again', () => {
    expect(
      ['90', '90s', '10m', '1h', '0.5', '1.5m'].map((text) => parseDuration(text, 'duration')),
    ).to.deep.equal([90, 90, 600, 3600, 0.5, 90]);
    expect([90, 600, 3600, 5400, 0.5].map(formatDuration)).to.deep.equal(['90s', '10m', '1h', '90m', '0.5s']);
    for (const text of ['', 'long', '-1', '1d', '1 h 2 m', '1e3', 'm'])
      expect(() => parseDuration(text, 'duration'), text).to.throw(UsageError, 'such as 90s, 10m or 1h');
  });

  it('makes the time limit, which must be longer when it is given', () => {
    const limitOf = (more: object): number =>
      completeRunOptions({ policies: ['none', 'notify'], seed: 1, ...more }).options.timeLimit;
    expect(limitOf({})).to.equal(300);
    expect(limitOf({ duration: 600 })).to.equal(1500);
    expect(limitOf({ duration: 60, timeLimit: 130 })).to.equal(130);
    expect(() => limitOf({ duration: 60, timeLimit: 120 })).to.throw(
      UsageError,
      'time limit 120 is too short; allowed: more than 120 seconds, for a duration of 1m for each of 2 policies',
    );
    expect(() => limitOf({ duration: 0 })).to.throw(UsageError, 'allowed: 0.1 to 43050 seconds');
    expect(() => limitOf({ duration: 86_400 })).to.throw(UsageError, 'allowed: 0.1 to 43050 seconds');
  });

  it('is part of the command that repeats the run, the time limit that follows from it is not', () => {
    const { options } = completeRunOptions({ duration: 600, seed: 1 });
    expect(repeatCommand(options)).to.match(/ --duration 10m --seed 1$/);
    const { options: limited } = completeRunOptions({ duration: 600, timeLimit: 4000, seed: 1 });
    expect(repeatCommand(limited)).to.include(' --duration 10m --time-limit 4000 ');
  });
});

describe('what is kept of many laps', () => {
  it('is the first lap, the one under way, and some between, each whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 3 }), (laps, rest) => {
        const kept = new KeptLaps<string>();
        for (let lap = 0; lap < laps; lap++) {
          for (let item = 0; item < 3; item++) kept.push(`${String(lap)}.${String(item)}`);
          kept.endLap();
        }
        for (let item = 0; item < rest; item++) kept.push(`${String(laps)}.${String(item)}`);
        const items = kept.items();
        expect(items.length).to.be.at.most(3 * (LAPS_KEPT + 1));
        const numbers = [...new Set(items.map((item) => Number(item.split('.')[0])))];
        const whole = numbers.filter((lap) => lap < laps);
        expect(items).to.deep.equal([
          ...whole.flatMap((lap) => [0, 1, 2].map((item) => `${String(lap)}.${String(item)}`)),
          ...Array.from({ length: rest }, (_, item) => `${String(laps)}.${String(item)}`),
        ]);
        const stride = whole.length < 2 ? 1 : (whole[1] ?? 0);
        expect(whole).to.deep.equal(Array.from({ length: whole.length }, (_, index) => index * stride));
        if (laps > 0) expect(whole.length).to.be.at.least(Math.min(laps, LAPS_KEPT / 2));
        expect((whole.at(-1) ?? -1) + stride).to.be.at.least(laps);
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  it('fits the block that all threads share, and a run of one lap is published as it comes', () => {
    const control = new RunControl(1, SAMPLES_KEPT);
    const kept = new KeptLaps<Parameters<RunControl['publishSample']>[0]>();
    const counts = {
      stored: 1,
      stale: 0,
      comprBytes: 0,
      poolPages: 0,
      freeFrames: 0,
      residentPages: 0,
      kills: 0,
    };
    for (let lap = 0; lap < 100; lap++) {
      for (let checkpoint = 0; checkpoint < CHECKPOINTS; checkpoint++) {
        const sample = { t: lap + checkpoint / 100, lap, live: checkpoint, ...counts };
        kept.push(sample);
        control.publishSample(sample);
        expect(control.passedOfLap()).to.equal(checkpoint + 1);
      }
      const all = Array.from({ length: control.sampleCount() }, (_, index) => control.sample(index));
      expect(all.map(({ t }) => t)).to.deep.equal(kept.items().map(({ t }) => t));
      expect(all.at(-1)?.lap).to.equal(lap);
      kept.endLap();
      control.beginLap(kept.items());
      expect([control.lap(), control.passedOfLap()]).to.deep.equal([lap + 1, 0]);
    }
  });
});

describe('the memory of the process', () => {
  const seriesOf = (samples: readonly MemorySample[]): MemorySeries => {
    const series = new MemorySeries();
    for (const sample of samples) series.add(sample);
    return series;
  };

  it('is told from the first minute on, with the largest values of all samples', () => {
    const rss = (t: number): number => (t < 60 ? 500 - t : t === 61 ? 450 : 440);
    const samples = Array.from({ length: 100 }, (_, t) => ({ t, rss: rss(t), heap: t === 7 ? 99 : 10 }));
    expect(seriesOf(samples).result()).to.deep.include({
      rssAfterFirstMinute: 440,
      rssMaxAfterFirstMinute: 450,
      rssMax: 500,
      rssEnd: 440,
      heapMax: 99,
    });
    expect(seriesOf(samples.slice(0, 60)).result()).to.deep.include({
      rssAfterFirstMinute: null,
      rssMaxAfterFirstMinute: null,
      rssEnd: 441,
    });
  });

  it('takes no more room however long a run is, and the samples stay evenly spread', () => {
    const day = Array.from({ length: 86_400 }, (_, t) => ({ t, rss: t === 70_001 ? 9 : 1, heap: 1 }));
    const { samples, rssMax } = seriesOf(day).result();
    expect(samples.length).to.be.within(100, 240);
    const step = (samples[1]?.t ?? 0) - (samples[0]?.t ?? 0);
    expect(samples.map(({ t }) => t)).to.deep.equal(samples.map((_, index) => index * step));
    expect(rssMax).to.equal(9);
  });
});

describe('a swapper that begins a lap', () => {
  it('has new processes, and what it reads is checked as before', () => {
    const run = new SoloRun({ codec: 'none', ops: 1500, duration: 3600 });
    run.runToCheckpoint(CHECKPOINTS);
    expect([run.control.lap(), run.control.wasLastCheckpoint()]).to.deep.equal([1, false]);
    run.swapper.beginLap(1);
    expect(run.swapper.ops).to.equal(1500);
    const [, , third] = run.swapper.checkpoints();
    run.swapper.runUntil(third?.op ?? 0);
    run.leader.checkpoint();
    expect(run.control.opsDone()).to.equal(1500 + (third?.op ?? 0));
    for (const entry of run.storedEntries()) run.kernel.core.cells.arena.u8.fill(0, entry, entry + 8);
    run.runToEnd();
    expect(run.swapper.integrityErrors).to.be.greaterThan(0);
  });

  it('goes on without an end while there is time, and ends at the first checkpoint after it', () => {
    const ends = new SoloRun({ codec: 'none', ops: 1500, duration: 0.1 });
    const until = performance.now() + 120;
    while (performance.now() < until);
    ends.runToCheckpoint(1);
    expect(ends.control.wasLastCheckpoint()).to.equal(true);
    const { laps, broken } = ends.finish();
    expect([laps, broken]).to.deep.equal([0, []]);
  });
});

describe('a run with a duration', function () {
  this.timeout(60_000);
  const OPS = 303;
  const told: RunProgress[] = [];
  let document: RunDocument;

  before(async () => {
    document = await runWorkload(
      {
        policies: ['none', 'notify'],
        swappers: 2,
        ops: OPS,
        duration: 3,
        codec: 'none',
        workload: 'fork',
        pages: 'synthetic',
        seed: randomSeed,
      },
      { onProgress: (progress) => told.push(progress) },
    );
  });

  it(`does the steps over and over, and is sound (seed ${String(randomSeed)})`, () => {
    for (const { laps, ops, seconds, reports, final, areas, policy, vm } of document.policies) {
      expect(reports).to.deep.equal([]);
      expect(seconds).to.be.at.least(3);
      expect(ops).to.be.within(OPS * laps, OPS * (laps + 1));
      expect(final.live).to.equal(0);
      if (policy === 'notify') expect(final.stored).to.equal(0);
      for (const area of areas) expect(area.freed).to.equal(area.allocated);
      expect(vm.forks).to.be.above(0);
      expect(vm.forkFailures).to.equal(0);
    }
  });

  it('keeps whole laps and the last one, in order, with what the anatomy saw at the same moments', () => {
    const names = planWorkload('fork', 64, 400).checkpoints.map(({ phase }) => phase);
    for (const result of document.policies) {
      const exact = quiescentSamples(result);
      expect(exact.length).to.be.at.most(SAMPLES_KEPT);
      expect(exact.map(({ phase }) => phase)).to.deep.equal(
        exact.map((_, index) => names[index % CHECKPOINTS]),
      );
      expect(exact[0]?.lap).to.equal(0);
      expect(exact.at(-1)?.lap).to.be.within(result.laps - 1, result.laps);
      expect(result.anatomy?.checkpoints.map(({ t }) => t)).to.deep.equal(exact.map(({ t }) => t));
      const kept = new Set(exact.map(({ lap }) => lap));
      for (const [index, { t, lap }] of result.samples.entries()) {
        expect(t).to.be.at.least(result.samples[index - 1]?.t ?? 0);
        expect(kept.has(lap)).to.equal(true);
      }
    }
  });

  it('tells of its progress by time, never backwards', () => {
    expect(told.length).to.be.above(2);
    for (const [index, { policy, duration, sample, checkpoint, lap }] of told.entries()) {
      expect(duration).to.equal(3);
      expect(checkpoint).to.be.within(1, CHECKPOINTS);
      const before = told[index - 1];
      if (before?.policy !== policy) continue;
      expect(sample.t).to.be.above(before.sample.t);
      expect(lap).to.be.at.least(before.lap);
    }
  });

  it('says how much memory the process had', () => {
    for (const { memory } of document.policies) {
      expect(memory.rssMax).to.be.at.least(memory.rssEnd);
      expect(memory.rssEnd).to.be.above(10 << 20);
      expect(memory.heapMax).to.be.within(1 << 20, memory.rssMax);
      expect(memory.samples.length).to.be.at.least(3);
      expect(memory.rssAfterFirstMinute).to.equal(null);
    }
  });

  it('is drawn by its last whole lap, and says so', () => {
    for (const shown of withLastLaps(document).policies) {
      const exact = quiescentSamples(shown);
      // On a machine that is very busy there may not be one whole lap.
      expect(exact.length).to.be.within(1, CHECKPOINTS);
      expect(new Set(exact.map(({ lap }) => lap)).size).to.equal(1);
      expect(shown.anatomy?.checkpoints.map(({ t }) => t)).to.deep.equal(exact.map(({ t }) => t));
    }
    const text = renderRun(document, { colour: false, unicode: true, columns: 96 }).replace(/\s+/g, ' ');
    expect(text).to.include(
      '303 steps, over and over for 3s under each policy; the curves are those of the last lap',
    );
    if (document.policies.some(({ laps }) => laps > 1)) expect(text).to.match(/laps done +\d/);
    expect(text).to.include('--duration 3s');
    expect(renderReport(document)).to.include('over and over for 3s, of which the last lap is drawn');
  });

  it('shows its memory in words once there is more than a minute of it', () => {
    const MEBIBYTE = 1 << 20;
    const long: RunDocument = {
      ...document,
      policies: document.policies.map((result) => ({
        ...result,
        memory: {
          ...result.memory,
          rssAfterFirstMinute: 250 * MEBIBYTE,
          rssMaxAfterFirstMinute: 260 * MEBIBYTE,
          rssEnd: 240 * MEBIBYTE,
        },
      })),
    };
    expect(renderRun(long, { colour: false, unicode: true, columns: 96 }).replace(/\s+/g, ' ')).to.include(
      'none: this process had 250.0 MiB of resident memory after the first minute, 240.0 MiB at the end, ' +
        'and never more than 260.0 MiB in between.',
    );
  });
});

describe('the part of a long run that is drawn', () => {
  const samplesOf = (laps: readonly (readonly [lap: number, checkpoints: number])[]): Sample[] => {
    const [model = expect.fail('no sample')] = sampleResult('none').samples;
    let t = 0;
    return laps.flatMap(([lap, checkpoints]) =>
      Array.from({ length: checkpoints }, () => ({ ...model, lap, t: t++ })),
    );
  };
  const drawn = (laps: readonly (readonly [lap: number, checkpoints: number])[]): number[] => {
    const samples = samplesOf(laps);
    const result = sampleResult('none', {
      samples,
      anatomy: sampleAnatomy(samples, sampleResult('none').final),
    });
    const [shown] = withLastLaps(sampleDocument([result])).policies;
    expect(shown?.anatomy?.checkpoints.map(({ t }) => t)).to.deep.equal(shown?.samples.map(({ t }) => t));
    return [...new Set(shown?.samples.map(({ lap = -1 }) => lap))];
  };

  it('is the last lap that is whole', () => {
    expect(
      drawn([
        [0, 20],
        [4, 20],
        [8, 20],
      ]),
    ).to.deep.equal([8]);
    expect(
      drawn([
        [0, 20],
        [4, 20],
        [9, 7],
      ]),
    ).to.deep.equal([4]);
    expect(
      drawn([
        [0, 20],
        [1, 1],
      ]),
    ).to.deep.equal([0]);
  });

  it('is everything of a run of one lap, whole or not', () => {
    expect(drawn([[0, 20]])).to.deep.equal([0]);
    expect(drawn([[0, 3]])).to.deep.equal([0]);
    const document = sampleDocument([sampleResult('none')]);
    expect(withLastLaps(document)).to.deep.equal(document);
  });
});

describe('swaplab run --duration', () => {
  it('runs for so long and ends in the ordinary way', async () => {
    const { code, out } = await swaplab([
      ...['run', '--policy', 'notify', '--swappers', '2', '--ops', '2000', '--duration', '1.5s'],
      ...['--codec', 'none', '--pages', 'synthetic', '--seed', '3', '--json', '-q'],
    ]);
    expect(code).to.equal(EXIT_FINE);
    const { policies, options } = JSON.parse(out) as RunDocument;
    expect(options.duration).to.equal(1.5);
    expect(policies[0]?.seconds).to.be.at.least(1.5);
    expect(policies[0]?.final.stored).to.equal(0);
  }).timeout(30_000);

  it('refuses a time that is none', async () => {
    const { code, err } = await swaplab(['run', '--duration', 'soon']);
    expect(code).to.equal(2);
    expect(err).to.include('duration "soon" is not a time');
  });
});
