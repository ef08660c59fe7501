/**
 * `--trace-out` as a person uses it.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { swaplab } from '../run/support.js';
import { complaintsAbout, processesOf, readTrace } from './checker.js';

const SMALL = [
  'run',
  '--swappers',
  '2',
  '--ops',
  '801',
  '--codec',
  'none',
  '--pages',
  'synthetic',
  '--seed',
  '1',
  '--policy',
  'none,notify',
];

describe('swaplab run --trace-out', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-trace-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('writes a trace, and says where it is, but not on stdout', async () => {
    const path = join(folder, 'trace.json.gz');
    const { code, out, err } = await swaplab([...SMALL, '--json', '--trace-out', path]);
    expect(code, err).to.equal(0);
    expect(JSON.parse(out)).to.have.nested.property('policies.length', 2);
    expect(err).to.match(
      /^trace: [\d,]+ events in .*trace\.json\.gz; https:\/\/ui\.perfetto\.dev shows it$/m,
    );
    const trace = readTrace(path);
    expect(complaintsAbout(trace)).to.deep.equal([]);
    expect(processesOf(trace).map(({ name }) => name)).to.deep.equal(['policy none', 'policy notify']);
    expect(trace.otherData['command']).to.match(/^npx swaplab run --policy none,notify/);
    expect(readdirSync(folder)).to.deep.equal(['trace.json.gz']);
  }).timeout(30_000);

  it('says what is missing, also when it is to be quiet', async () => {
    const path = join(folder, 'trace.json');
    const words = [
      ...SMALL,
      '--quiet',
      '--trace-out',
      path,
      '--trace-limit',
      '100',
      '--trace-events',
      'fault,slotFree',
    ];
    const { code, err } = await swaplab(words);
    expect(code, err).to.equal(0);
    expect(err.trim().split('\n')).to.have.length(2);
    expect(err).to.match(
      /^trace: policy none: [\d,]+ events are not in it, being over its limit of 50; --trace-limit raises it/m,
    );
    expect(readTrace(path).otherData.machines.map(({ events }) => events)).to.deep.equal([50, 50]);
  }).timeout(30_000);

  it('refuses a path that cannot be written, and what makes no sense, before anything runs', async () => {
    const path = join(folder, 'trace.json');
    for (const [words, expected, sentence] of [
      [['--trace-out', join(folder, 'no', 'trace.json')], 3, /the trace cannot be written to .*ENOENT/],
      [
        ['--trace-out', path, '--trace-events', 'slotFree,nothing'],
        2,
        /there is no event "nothing"; allowed: slotFree/,
      ],
      [['--trace-out', path, '--trace-limit', '0'], 2, /the limit of the trace is 0 events; allowed: 1 to/],
      [['--trace-limit', '5'], 2, /--trace-limit and --trace-events need --trace-out/],
    ] as const) {
      const { code, out, err } = await swaplab([...SMALL, ...words]);
      expect(err).to.match(sentence);
      expect(code, err).to.equal(expected);
      expect(out).to.equal('');
      expect(readdirSync(folder)).to.deep.equal([]);
    }
  }).timeout(30_000);

  it('keeps the trace of a run that failed, which is when one needs it', async () => {
    const path = join(folder, 'trace.json');
    const { code, err } = await swaplab([
      ...SMALL,
      '--quiet',
      '--inject',
      'die-holding-lock',
      '--trace-out',
      path,
    ]);
    expect(code, err).to.equal(1);
    const trace = readTrace(path);
    expect(complaintsAbout(trace)).to.deep.equal([]);
    expect(trace.otherData['failed']).to.match(/swapper 1 ended while holding swap_lock/);
    expect(readdirSync(folder)).to.deep.equal(['trace.json']);
  }).timeout(30_000);

  it('leaves a whole trace when it is interrupted, and nothing half', async () => {
    const path = join(folder, 'trace.json');
    const words = [...SMALL, '--ops', '200001', '--mapped', '1M', '--json', '--trace-out', path];
    let timer: NodeJS.Timeout | undefined;
    const { code, err } = await swaplab(words, (child) => {
      timer = setInterval(() => {
        // Beside its place until it is whole.
        const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
        if (bytes > 1_000_000) child.kill('SIGINT');
        if (bytes > 1_000_000) clearInterval(timer);
      }, 20);
    });
    clearInterval(timer);
    expect(code, err).to.equal(130);
    const trace = readTrace(path);
    expect(complaintsAbout(trace)).to.deep.equal([]);
    expect(trace.otherData).to.include({ interrupted: true });
    expect(readdirSync(folder)).to.deep.equal(['trace.json']);
  }).timeout(45_000);
});
