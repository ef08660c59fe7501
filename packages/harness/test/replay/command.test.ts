import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'chai';

import { replayOptionsOf, replayProgressText } from '#src/cli/replay-trace-command.js';
import { runCommandLine } from '#src/cli/program.js';
import { InterruptedError, UsageError } from '#src/errors.js';
import type { ReplayDocument } from '#src/replay/document.js';
import { repeatReplayCommand } from '#src/replay/options.js';

import { FIXTURES, TraceFolder } from './support.js';

interface Outcome {
  code: number;
  out: string;
  err: string;
}

async function swaplab(words: readonly string[], signal = new AbortController().signal): Promise<Outcome> {
  const outcome = { code: -1, out: '', err: '' };
  const terminal = {
    out: (text: string): void => {
      outcome.out += text;
    },
    err: (text: string): void => {
      outcome.err += text;
    },
    colour: false,
    unicode: true,
    liveErr: false,
    columns: 80,
    debug: false,
  };
  outcome.code = await runCommandLine(['replay-trace', ...words], terminal, signal);
  return outcome;
}

describe('swaplab replay-trace', function () {
  this.timeout(60_000);
  const folder = new TraceFolder();
  after(() => folder.remove());
  const trace = `${FIXTURES}swap-churn-zram-slots.csv.gz`;

  it('explains itself, with an example and the exit codes', async () => {
    const { code, out } = await swaplab(['--help']);
    expect(code).to.equal(0);
    expect(out).to.match(/Example:\n {2}\$ swaplab replay-trace /);
    expect(out)
      .to.contain('124  the time limit was reached')
      .and.to.match(/--slots <whose>.*ours, recorded/);
  });

  it('prints one document, data on stdout and the rest on stderr', async () => {
    const { code, out, err } = await swaplab([trace, '--seed', '3', '--json']);
    expect(code).to.equal(0);
    const document = JSON.parse(out) as ReplayDocument;
    expect(document).to.include({
      schema: 'swaplab.replay-trace/1',
      seed: 3,
      swappers: 1,
      profile: 'sound',
      interrupted: false,
    });
    expect(
      document.policies.map(({ policy, final, liveVsSamples }) => [policy, final.live, liveVsSamples]),
    ).to.deep.equal([
      ['none', 0, null],
      ['notify', 0, null],
    ]);
    for (const name of [
      'ops',
      'seconds',
      'areas',
      'samples',
      'freeCost',
      'traffic',
      'locks',
      'vm',
      'statDrift',
    ])
      expect(document.policies[0], name).to.have.property(name);
    expect(document.policies[0]?.locks.map((row) => row.class)).to.include('swap_lock');
    expect(err).to.match(/^none: 6,562 rows replayed in .* s; 0 slots live, [\d,]+ stored/);
  });

  it('writes a report for a terminal and a page', async () => {
    const page = join(folder.path, 'page.html');
    const { code, out } = await swaplab([trace, '--seed', '1', '--report', page, '-q']);
    expect(code).to.equal(0);
    expect(out).to.match(/6,562 rows in 3\.79 s; 2,851 pages written, 2,851 slots freed/);
    expect(out).to.match(/stored \|[ ▁-█]+\| most/);
    expect(out).to.match(/notify: not one stale slot at any of 200 moments, nothing stored at the end/);
    expect(out).to.contain('Checks over 1,720 pages read: 0 read back wrong');
    expect(out).to.contain('npx swaplab replay-trace ');
    expect(out.split('\n').every((line) => line.length <= 96 || line.includes('npx'))).to.equal(true);
    expect(readFileSync(page, 'utf8')).to.match(/^<!doctype html>/);
  });

  it('compares with the samples it is given, and with none when told so', async () => {
    const head = `${FIXTURES}swap-churn-zram-head.csv.gz`;
    const shown = await swaplab([head, '--policy', 'notify', '-q']);
    expect(shown.out).to.match(/Against 14 samples of the real kernel: slots in use differ by a median of 0/);
    expect(shown.out).to.match(/ {2}kernel \|/);
    const without = await swaplab([head, '--policy', 'notify', '--no-samples', '-q']);
    expect(without.out).to.not.match(/kernel \||Against/);
  });

  const wrong: readonly (readonly [string[], number, RegExp])[] = [
    [[], 2, /missing required argument 'file'/],
    [['nowhere.csv'], 3, /^swaplab: nowhere\.csv cannot be read: there is no such file/],
    [[trace, '--policy', 'maybe'], 2, /policy "maybe" is not known/],
    [[trace, '--slots', 'theirs'], 2, /slots "theirs" is not known; allowed now: ours, recorded/],
    [[trace, '--format', 'pcap'], 2, /format "pcap" is not known; allowed now: csv, blkparse, fio/],
    [[trace, '--format', 'fio'], 3, /:1: "t_us,op,slot,n,task,why" is not the first line of an iolog/],
    [[trace, '--repeat', '0'], 2, /repeat 0 is not an integer in range; allowed: 1 to 10000/],
    [[trace, '--disksize', '1M', '--slots', 'recorded'], 2, /disksize cannot be given with recorded slots/],
    [[trace, '--disksize', '5000'], 2, /disksize 5000 is not possible/],
    [[trace, '--samples', 'nowhere.csv'], 3, /nowhere\.csv cannot be read/],
    [[trace, '--device', '8,0'], 2, /device 8,0 cannot be chosen/],
    [[trace, '--pages', 'synthetic:ratio=7'], 2, /ratio=7 in pages/],
  ];
  for (const [words, code, message] of wrong) {
    it(`exits with ${String(code)} and one sentence: ${words.map((word) => word.replace(FIXTURES, '')).join(' ')}`, async () => {
      const outcome = await swaplab(words);
      expect([outcome.code, outcome.out]).to.deep.equal([code, '']);
      expect(outcome.err).to.match(message);
    });
  }

  it('exits with 1 when a page could not be stored', async () => {
    // More different incompressible pages than the largest machine could hold cannot be had in a test; a page that was changed can be told of.
    const { replayIsSound } = await import('#src/report/replay-table.js');
    const { out } = await swaplab([trace, '--policy', 'notify', '--json', '-q']);
    const document = JSON.parse(out) as ReplayDocument;
    expect(replayIsSound(document)).to.equal(true);
    for (const part of [
      { integrityErrors: 1 },
      { invariantErrors: 1 },
      { statDrift: 1 },
      { vm: { ioErrors: 1 } },
    ]) {
      const policies = document.policies.map((result) => ({ ...result, ...part }));
      expect(replayIsSound({ ...document, policies } as unknown as ReplayDocument)).to.equal(false);
    }
  });

  it('keeps what was finished when it is interrupted', async () => {
    const abort = new AbortController();
    const outcome = { out: '', err: '' };
    const terminal = {
      out: (text: string): void => {
        outcome.out += text;
      },
      err: (text: string): void => {
        outcome.err += text;
        if (text.startsWith('none:')) abort.abort(new InterruptedError('SIGINT'));
      },
      colour: false,
      unicode: true,
      liveErr: false,
      columns: 80,
      debug: false,
    };
    const code = await runCommandLine(
      ['replay-trace', trace, '--json', '--policy', 'none,notify'],
      terminal,
      abort.signal,
    );
    expect(code).to.equal(130);
    const document = JSON.parse(outcome.out) as ReplayDocument;
    expect(document.interrupted).to.equal(true);
    expect(document.policies.map(({ policy }) => policy)).to.deep.equal(['none']);
    expect(outcome.err).to.contain('interrupted; what was finished before is in the output');
  });

  it('stops when its time is up, with what it has', async () => {
    const { code, out, err } = await swaplab([
      trace,
      '--repeat',
      '2000',
      '--time-limit',
      '0.5',
      '--policy',
      'none',
      '--json',
    ]);
    expect(code).to.equal(124);
    expect(err).to.contain('the time limit of 0.5 s was reached');
    expect((JSON.parse(out) as ReplayDocument).policies).to.deep.equal([]);
  });

  it('leaves no report where the options are wrong', async () => {
    const page = join(folder.path, 'never.html');
    expect((await swaplab([trace, '--report', page, '--codec', 'zip'])).code).to.equal(2);
    expect((await swaplab(['nowhere.csv', '--report', page])).code).to.equal(3);
    expect(existsSync(page)).to.equal(false);
  });

  it('gives the command that repeats it', () => {
    const options = replayOptionsOf("it's.csv", {
      policy: 'none,chain',
      slots: 'ours',
      samples: false,
      format: 'csv',
      device: '8,0',
      codec: 'lz4',
      repeat: 3,
      disksize: '64M',
      seed: 9,
      pages: 'synthetic',
      profile: '2.6.35',
      lockStats: false,
    });
    expect(repeatReplayCommand(options)).to.equal(
      "npx swaplab replay-trace 'it'\\''s.csv' --policy none,chain --format csv --device 8,0 --no-samples --profile 2.6.35 " +
        '--pages synthetic --codec lz4 --repeat 3 --disksize 64M --no-lock-stats --seed 9',
    );
    expect(repeatReplayCommand(replayOptionsOf('t.csv', { seed: 1, samples: 's.csv' }))).to.equal(
      'npx swaplab replay-trace t.csv --policy none,notify --samples s.csv --seed 1',
    );
    expect(() => replayOptionsOf('', {})).to.throw(UsageError);
  });

  it('shows how far it is', () => {
    const counts = { live: 1234, stored: 2345, stale: 1111, comprBytes: 0, poolPages: 0 };
    const progress = {
      policy: 'none',
      policyIndex: 0,
      policyCount: 2,
      rowsDone: 500,
      rows: 1000,
      counts,
    } as const;
    expect(replayProgressText(progress, true)).to.equal(
      'none 1/2 ██████░░░░░░ 1,234 live, 2,345 stored, 1,111 stale',
    );
    expect(replayProgressText(progress, false)).to.contain('######......');
  });
});
