/**
 * Signals at any moment: the command keeps what it has, says so, exits with 130 or 143, and leaves nothing behind.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { Random } from '#src/random.js';
import { randomSeed, swaplab, type CommandOutcome } from './support.js';

const RUN = ['run', '--swappers', '4', '--codec', 'none', '--pages', 'synthetic', '--seed', '1'];

/** Many moments take most of a minute. */
const MOMENTS = (process.env['SWAPLAB_LONG'] ?? '') === '' ? 5 : 20;
/** The command lives about so long when nobody interrupts it. */
const LIFE_MS = 1500;

const CORPUS_BYTES = 1024 * 4096;

/** Neither the child nor anything that it started is there any more. */
function expectNobodyLeft(pid: number | undefined): void {
  if (pid === undefined) throw new Error('the command did not start');
  // The child leads a group of its own, and whatever it starts is in it.
  expect(() => process.kill(-pid, 0)).to.throw('ESRCH');
}

/** Sends signals to the command, each so many milliseconds after the one before. */
async function signalled(
  words: readonly string[],
  signals: readonly (readonly [NodeJS.Signals, number])[],
): Promise<CommandOutcome> {
  let pid: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const outcome = await swaplab(words, (child) => {
    pid = child.pid;
    const send = (index: number): void => {
      const next = signals[index];
      if (next === undefined) return;
      timer = setTimeout(() => {
        child.kill(next[0]);
        send(index + 1);
      }, next[1]);
    };
    send(0);
  });
  clearTimeout(timer);
  expectNobodyLeft(pid);
  return outcome;
}

/** Nothing, or one whole document. */
function documentOf(out: string): { interrupted: boolean; policies: unknown[] } | null {
  return out === '' ? null : (JSON.parse(out) as { interrupted: boolean; policies: unknown[] });
}

describe(`Ctrl-C at ${String(MOMENTS)} random moments (seed ${String(randomSeed)})`, () => {
  const random = new Random(randomSeed).fork('moments');
  const seen = { before: 0, interrupted: 0, after: 0 };
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-interrupt-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  for (let moment = 1; moment <= MOMENTS; moment++) {
    // One in each stretch of the command's life, so that the first and the last steps have their turn.
    const stretch = LIFE_MS / MOMENTS;
    const delay = Math.round((moment - 1) * stretch + random.below(Math.ceil(stretch)));
    it(`leaves one whole document or none, and no half file, after ${String(delay)} ms`, async () => {
      const words = [...RUN, '--policy', 'none,notify', '--ops', '20001', '--json'];
      const outcome = await signalled([...words, '--pages-out', join(folder, 'pages')], [['SIGINT', delay]]);
      const { code, signal, out, err } = outcome;
      const document = documentOf(out);
      for (const name of readdirSync(folder)) {
        expect(name).to.equal('pages');
        expect(statSync(join(folder, name)).size).to.equal(CORPUS_BYTES);
      }
      if (signal !== null) {
        // Node itself was not up yet. A shell shows 130 for it.
        expect({ signal, out, err }).to.deep.equal({ signal: 'SIGINT', out: '', err: '' });
        seen.before += 1;
      } else if (code === 0) {
        expect(document).to.have.property('interrupted', false);
        expect(document).to.have.nested.property('policies.length', 2);
        seen.after += 1;
      } else {
        expect(code, err).to.equal(130);
        expect(err).to.match(/^swaplab: interrupted/m);
        expect(err).to.not.match(/^\s+at /m);
        seen.interrupted += 1;
      }
    }).timeout(45_000);
  }

  after(() => {
    // Otherwise the moments are badly chosen, and nothing was tested.
    expect(seen.interrupted, JSON.stringify(seen)).to.be.at.least(1);
  });
});

describe('other ends of a run', () => {
  // The time limit is for a child whose parent does not live to end it.
  const LONG = [
    ...RUN,
    '--policy',
    'none',
    '--ops',
    '20000000',
    '--mapped',
    '1M',
    '--time-limit',
    '40',
    '--json',
  ];
  const untilSampled = 1500;

  it('is 143 after SIGTERM, with what was finished', async () => {
    const { code, signal, out, err } = await signalled(LONG, [['SIGTERM', untilSampled]]);
    expect(signal).to.equal(null);
    expect(code, err).to.equal(143);
    expect(documentOf(out)).to.deep.include({ interrupted: true, policies: [] });
    expect(err).to.equal('swaplab: terminated; what was finished before is in the output\n');
  }).timeout(45_000);

  it('is at once after a second SIGINT, without a document', async () => {
    // The second one comes while the threads are asked to leave.
    const { code, signal, out, err } = await signalled(LONG, [
      ['SIGINT', untilSampled],
      ['SIGINT', 1],
    ]);
    if (signal === null) {
      // The command was quicker.
      expect(code, err).to.equal(130);
      documentOf(out);
    } else {
      expect({ signal, out, err }).to.deep.equal({ signal: 'SIGINT', out: '', err: '' });
    }
  }).timeout(45_000);

  it('is soon while a directory is being read', async () => {
    const words = ['run', '--policy', 'none', '--pages', '/', '--ops', '100', '--json', '--seed', '1'];
    const { code, signal, out, err } = await signalled([...words, '--time-limit', '40'], [['SIGINT', 600]]);
    expect(signal).to.equal(null);
    expect(code, err).to.equal(130);
    expect(documentOf(out)).to.have.property('interrupted', true);
  }).timeout(45_000);
});
