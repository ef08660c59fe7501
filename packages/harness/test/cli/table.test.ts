import { expect } from 'chai';

import { renderRun, runIsSound, sparkline } from '#src/report/table.js';
import { sampleDocument, sampleResult } from './sample-document.js';

const PLAIN = { colour: false, unicode: true } as const;

describe('the report of a run', () => {
  // Sentences are broken at the margin; what they say is looked for without the breaks.
  const joined = (report: string): string => report.replace(/\n {4}(?=\S)/g, ' ');
  const text = renderRun(sampleDocument([sampleResult('none'), sampleResult('notify')]), PLAIN);

  it('says what each policy left behind, in figures and in words', () => {
    const rows = [
      /^ +none +notify$/,
      /^ +at the end: slots stored +5,510 +0$/,
      /^ +of them stale +5,510 +0$/,
      /^ +compressed data +9,148 KiB +0 KiB$/,
      /^ +pages of RAM for it +2,422 +0$/,
      /^ +pages swapped out +14,000 +14,000$/,
      /^ +pages swapped in +12,000 +12,000$/,
      /^ +steps per second +30,000 +30,000$/,
      /^ +telling the device of a free +0\.20 us +0\.20 us$/,
      /^ +swap_lock found taken +1,000 \(1\.25 %\) +1,000 \(1\.25 %\)$/,
    ];
    const lines = text.split('\n');
    const first = lines.findIndex((line) => rows[0]?.test(line));
    for (const [index, row] of rows.entries()) expect(lines[first + index]).to.match(row);
    expect(joined(text)).to.contain(
      'none: after all processes had exited, the device still kept 5,510 slots, all of them stale: ' +
        '9,148 KiB compressed in 2,422 pages of RAM; 10 of 20 checkpoints saw stale slots.',
    );
    expect(joined(text)).to.contain(
      'notify: not one stale slot at any of 20 checkpoints, and nothing stored after all processes had exited.',
    );
    expect(text).to.contain('npx swaplab run --policy none,notify --seed 42');
  });

  it('says other things when other things were seen', () => {
    const clean = sampleResult('notify').final;
    const samples = sampleResult('none').samples;
    const leaky = renderRun(
      sampleDocument([
        sampleResult('notify', {
          samples,
          final: clean,
          integrityErrors: 1,
          invariantErrors: 2,
          vm: {
            faults: 1,
            swapIns: 1,
            swapOuts: 1,
            kills: 3,
            cleanDrops: 0,
            ioErrors: 0,
            scanned: 61_000,
            reclaimed: 44_000,
            forks: 0,
            forkFailures: 0,
          },
        }),
      ]),
      PLAIN,
    );
    expect(joined(leaky)).to.contain(
      'notify: 10 of 20 checkpoints saw stale slots, at most 5,510 at once; after all processes had exited nothing was left.',
    );
    expect(joined(leaky)).to.contain(
      'Checks over 1 page swapped in: 1 page read back wrong, 2 invariants broken, 0 driver counters off, 3 processes killed.',
    );
  });

  it('draws curves as long as their ruler, to a scale that all policies share', () => {
    const curveOf = (policy: string, what: string): string =>
      new RegExp(`^${policy}: .*?^  ${what} +\\|(.*?)\\|`, 'ms').exec(text)?.[1] ?? '';
    const ruler = /^ {2}phase {3}(\d+)$/m.exec(text)?.[1] ?? '';
    expect(ruler).to.equal('1111222222333333445555' + '666666' + '7777' + '8888' + '9999'.slice(0, 4));
    expect(curveOf('none', 'stored')).to.have.length(ruler.length);
    expect(curveOf('none', 'stored').slice(-2)).to.equal('██');
    expect(Array.from(curveOf('notify', 'stored'))).not.to.include('█');
    expect(curveOf('notify', 'stale').trim()).to.equal('');
    expect(text).to.contain('1 fill, 2 read, 3 rewrite, 4 free chunks, 5 free singly\n');
    expect(text).to.contain('6 churn, 7 read again, 8 free half, 9 free the rest\n');
  });

  it('fits the terminal, but is never wider than is good to read', () => {
    const widest = (columns?: number): number => {
      const style = columns === undefined ? PLAIN : { ...PLAIN, columns };
      const document = sampleDocument([sampleResult('none', { reports: ['what is wrong '.repeat(20)] })]);
      return Math.max(
        ...renderRun(document, style)
          .split('\n')
          .map((line) => line.length),
      );
    };
    expect(widest()).to.be.at.most(80);
    expect(widest(80)).to.equal(widest());
    expect(widest(100)).to.be.within(85, 96);
    expect(widest(300)).to.be.within(85, 96);
  });

  it('says in words what went wrong, and under which policy', () => {
    expect(text).to.not.contain('What went wrong');
    const reports = [
      'swapper 2: page 7 of process 3, version 1: found zeros',
      '1 page frame(s) are not given back',
    ];
    const broken = renderRun(
      sampleDocument([sampleResult('none'), sampleResult('notify', { reports })]),
      PLAIN,
    );
    expect(broken).to.contain(
      'What went wrong\n  - notify: swapper 2: page 7 of process 3, version 1: found zeros\n' +
        '  - notify: 1 page frame(s) are not given back\n',
    );
    const many = Array.from({ length: 25 }, (_, index) => `report ${String(index)}`);
    const long = renderRun(sampleDocument([sampleResult('none', { reports: many })]), PLAIN);
    expect(long).to.contain('  - none: report 9\n  - none: 15 more, which --json shows\n');
  });

  it('writes escape sequences and block characters only where they are wanted', () => {
    const document = sampleDocument([sampleResult('none')]);
    const ascii = renderRun(document, { colour: false, unicode: false });
    expect(ascii).to.match(/^[\n\x20-\x7e]+$/);
    expect(renderRun(document, { colour: true, unicode: false })).to.contain('\u001b[');
    expect(text).not.to.contain('\u001b');
  });

  it('can be written when no policy ended, and when there is no lock and no sample', () => {
    const empty = { ...sampleDocument([]), interrupted: true };
    expect(renderRun(empty, PLAIN)).to.contain('No policy ran to its end.').and.to.contain('was interrupted');
    const bare = sampleResult('none', { locks: [], samples: [], seconds: 0 });
    expect(renderRun(sampleDocument([bare]), PLAIN)).to.contain('not counted');
  });

  it('is sound only without any error', () => {
    const sound = sampleResult('none');
    expect(runIsSound(sampleDocument([sound]))).to.equal(true);
    for (const change of [{ integrityErrors: 1 }, { invariantErrors: 1 }, { statDrift: 1 }]) {
      expect(runIsSound(sampleDocument([sound, sampleResult('notify', change)]))).to.equal(false);
    }
  });
});

describe('a curve', () => {
  it('has a blank for zero, its lowest level for the smallest value and its highest for the top', () => {
    expect(sparkline([0, 1, 4, 5, 8], 8, true)).to.equal(' ▁▄▅█');
    expect(sparkline([0, 1, 8], 8, false)).to.equal(' .@');
    expect(sparkline([0, 1, 999], 1000, true, 2)).to.equal('  ▁▁██');
    expect(sparkline([0, 0], 0, true)).to.equal('  ');
    expect(sparkline([20], 8, true)).to.equal('█');
  });
});
