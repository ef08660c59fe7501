import { expect } from 'chai';

import { renderBench } from '#src/cli/bench-command.js';
import { renderConformance } from '#src/cli/conformance-command.js';
import { runCommandLine } from '#src/cli/program.js';
import { runOptionsOf } from '#src/cli/run-command.js';
import { RUN_POLICIES } from '#src/run/options.js';

interface Outcome {
  code: number;
  out: string;
  err: string;
}

async function swaplab(...words: string[]): Promise<Outcome> {
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
  outcome.code = await runCommandLine(words, terminal, new AbortController().signal);
  return outcome;
}

describe('the command line', () => {
  it('explains itself, with an example and the exit codes, for each command', async () => {
    for (const words of [
      ['--help'],
      ['run', '--help'],
      ['bench', '-h'],
      ['conformance', '--help'],
      ['explore', '--help'],
      ['replay', '--help'],
      ['museum', '--help'],
      ['zramctl', '--help'],
    ]) {
      const { code, out, err } = await swaplab(...words);
      expect(code, words.join(' ')).to.equal(0);
      expect(err).to.equal('');
      expect(out).to.match(/Example:\n {2}\$ swaplab /);
      expect(out).to.contain('124  the time limit was reached');
    }
    expect((await swaplab('run', '--help')).out).to.match(/--policy <list>.*none, discard/);
  });

  it('tells its version', async () => {
    const { code, out } = await swaplab('--version');
    expect(code).to.equal(0);
    expect(out).to.match(/^\d+\.\d+\.\d+\n$/);
  });

  const wrong: readonly (readonly [string[], RegExp])[] = [
    [[], /^swaplab: no command is given; allowed: run, bench, conformance/],
    [['walk'], /^swaplab: command "walk" is not known; allowed: run, bench, conformance/],
    [['walk', 'home'], /^swaplab: command "walk" is not known/],
    [['--nonsense'], /^swaplab: unknown option '--nonsense'/],
    [['run', '--nonsense'], /^swaplab: unknown option '--nonsense'/],
    [['run', 'extra'], /^swaplab: too many arguments/],
    [['run', '--ops', 'many'], /^swaplab: option '--ops <n>' argument 'many' is invalid\. A whole number/],
    [['run', '--seed', '-1'], /argument '-1' is invalid\. Allowed: 0 to 4294967295\./],
    [['run', '--seed', '4294967296'], /Allowed: 0 to 4294967295\./],
    [['run', '--time-limit', '0'], /Allowed: 0\.1 to 86400 seconds\./],
    [['run', '--policy', 'frontswap'], /^swaplab: policy "frontswap" is not known; allowed now: none, disc/],
    [['run', '--policy', ''], /^swaplab: no policy is given/],
    [
      ['run', '--profile', '2.6.33'],
      /^swaplab: profile "2\.6\.33" is not known; allowed now: sound, 2\.6\.34, /,
    ],
    [
      ['run', '--codec', 'zip'],
      /^swaplab: codec "zip" is not known; allowed now: lzo1x-2010, lzo1x-current, lzo-rle, lz4, deflate, none\n$/,
    ],
    [['run', '--swappers', '1000'], /^swaplab: swappers 1000 is more than is sensible; allowed: 1 to 32\n$/],
    [['run', '--ram', 'lots'], /^swaplab: ram "lots" is not a size/],
    [['run', '--limit', '1G'], /^swaplab: limit 1G is too large; allowed: 64K to 15M/],
    [['run', '--pages', 'pid:me'], /^swaplab: pages "pid:me" name no process; allowed: pid:N/],
    [['run', '--pages', ''], /^swaplab: pages "" are not possible; allowed: FILE, DIR, pid:N/],
    [
      ['bench', '--only', 'nothing'],
      /^swaplab: group "nothing" is not known; allowed now: sync(, [a-z]+)*\n$/,
    ],
    [['conformance', '--only', ','], /At least one name is needed\./],
  ];
  for (const [words, sentence] of wrong) {
    it(`answers "${['swaplab', ...words].join(' ')}" with a sentence and exit code 2`, async () => {
      const { code, out, err } = await swaplab(...words);
      expect(code).to.equal(2);
      expect(out).to.equal('');
      expect(err).to.match(sentence);
      expect(err, 'no stack trace').not.to.match(/\n {4}at /);
    });
  }

  it('turns flags into options', () => {
    const options = runOptionsOf({
      policy: 'all',
      swappers: 2,
      ops: 5000,
      limit: '1M',
      mapped: '2M',
      codec: 'none',
      seed: 3,
      lockStats: false,
      spinlock: 'ticket',
    });
    expect(options.policies).to.deep.equal([...RUN_POLICIES]);
    expect(options).to.include({
      swappers: 2,
      disks: 2,
      ops: 5000,
      limit: 1 << 20,
      mapped: 2 << 20,
      codec: 'none',
      seed: 3,
      lockStats: false,
      spinlock: 'ticket',
    });
  });
});

describe('the tables of the other commands', () => {
  it('show what was replayed and the first difference', () => {
    const passed = { total: 19, passed: 19, failed: 0, skipped: 0 };
    const good = renderConformance({ ok: true, sets: { xvmalloc: passed } });
    expect(good).to.match(/^xvmalloc +19 +19 +0 +0$/m);
    expect(good).to.contain('Every result is as the original code gave it.');
    const bad = renderConformance({
      ok: false,
      sets: { xvmalloc: { ...passed, passed: 18, failed: 1, firstDifference: { line: 3 } } },
    });
    expect(bad).to.contain('first difference in xvmalloc:\n{\n  "line": 3\n}');
    expect(bad).to.contain('1 replay differs from the original code.');
    expect(renderConformance({ ok: false, sets: {} })).to.contain('Nothing was replayed');
  });

  it('show each value beside its goal', () => {
    const table = renderBench([
      { name: 'sync.a', value: 21.04, unit: 'ns', ratio: null, goal: { op: '<=', value: 30 }, holds: true },
      { name: 'sync.b', value: 0.5, unit: '', ratio: 0.5, goal: { op: '>=', value: 0.6 }, holds: false },
      {
        name: 'sync.c',
        value: null,
        unit: 'ns',
        ratio: null,
        goal: { op: '<=', value: 1 },
        holds: null,
        skipped: 'one core only',
      },
    ]);
    expect(table).to.match(/^sync\.a +21 +ns +- +<= 30 +yes$/m);
    expect(table).to.match(/^sync\.b +0\.5 +0\.5 +>= 0\.6 +NO$/m);
    expect(table).to.match(/^sync\.c +- +ns +- +<= 1 +skipped: one core only$/m);
  });
});
