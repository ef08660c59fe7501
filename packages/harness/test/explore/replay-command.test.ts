/**
 * `swaplab replay` as a process of its own: N of N on both engines, what differs, what a token cannot be, and what goes on behind a schedule.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseToken, formatToken } from '@swaplab/explore';
import { expect } from 'chai';

import type { ExploreDocument } from '#src/explore/document.js';
import { swaplab } from '../run/support.js';
import { explored, replayed, scenarioFile, withFolder } from './support.js';

/** A thousand takes minutes on a busy machine. */
const TIMES = (process.env['SWAPLAB_LONG'] ?? '') === '' ? 50 : 1000;

describe('swaplab replay', function () {
  this.timeout(TIMES > 100 ? 600_000 : 60_000);
  let found: ExploreDocument;
  let token = '';

  before(async () => {
    const words = ['counting', '--no-detectors', '--groups', '1', '--seed', '1'];
    found = (await explored(...words)).document;
    token = found.finding?.token ?? '';
  });

  it(`plays a token ${String(TIMES)} times on both engines, each time the same, and exits with 1`, async () => {
    const { code, document, err } = await replayed(token, '--no-detectors', '--times', String(TIMES));
    expect(err).to.equal('');
    expect(code, 'a bug was found').to.equal(1);
    expect(document).to.deep.include({ schema: 'swaplab.replay/1', scenario: 'counting', token });
    expect(document).to.deep.include({ reproduced: true, clean: false, variants: [], faults: [] });
    expect(document.engines.map(({ engine }) => engine)).to.deep.equal(['stepped', 'threads']);
    for (const one of document.engines) {
      expect(one).to.deep.include({
        times: TIMES,
        reproduced: TIMES,
        clean: 0,
        difference: null,
        kind: 'check',
      });
      expect(one.traceHash).to.equal(parseToken(token).traceHash.toString(16).padStart(8, '0'));
      expect(one.memoryHash).to.equal(document.engines[0]?.memoryHash);
    }
    expect(document.finding?.sentence).to.equal(found.finding?.sentence);
  });

  it('does so on one core and on all', async () => {
    for (const pin of [[], ['--no-pin']]) {
      const words = [token, '--no-detectors', '--engine', 'threads', '--times', '20', ...pin];
      const { document } = await replayed(...words);
      expect(document.engines).to.have.lengthOf(1);
      expect(document.engines[0]).to.deep.include({ engine: 'threads', reproduced: 20, difference: null });
      if (pin.length > 0) expect(document.engines[0]?.pinned).to.equal(false);
    }
  });

  it('finds the scenario and the variant of a bug of the museum by its token', async () => {
    const { document } = await explored('last-slot', '--variant', 'c01', '--groups', '1', '--seed', '1');
    expect(document.finding, 'c01 is found').not.to.equal(null);
    const again = await replayed(document.finding?.token ?? '', '--times', '5');
    expect(again.document).to.deep.include({ scenario: 'last-slot', variants: ['c01'], reproduced: true });
  });

  it('shows the report and how often it failed', async () => {
    const { code, out } = await swaplab(['replay', token, '--no-detectors', '--times', '3']);
    expect(code).to.equal(1);
    expect(out).to.contain(`Replay: npx swaplab replay ${token} --no-detectors\n`);
    expect(out).to.match(
      /^counting on the stepped engine: 3 of 3 replays fail alike; trace [0-9a-f]{8}, memory /m,
    );
    expect(out).to.match(/^counting on the threads engine, on .*: 3 of 3 replays fail alike; trace /m);
  });

  it('plays what explore has saved, and from another folder too', () =>
    withFolder(async (folder) => {
      const file = join(folder, 'finding.json');
      const scenario = scenarioFile('deadlock');
      await swaplab(['explore', scenario, '--no-detectors', '--seed', '1', '--groups', '1', '--save', file]);
      const saved = JSON.parse(readFileSync(file, 'utf8')) as ExploreDocument;
      const first = await replayed(file, '--times', '5');
      expect(first.document).to.deep.include({ scenario: 'two-orders', detectors: false, reproduced: true });
      // As if it had been saved beside the scenario and carried there.
      writeFileSync(join(folder, 'deadlock.js'), readFileSync(scenario));
      writeFileSync(file, JSON.stringify({ ...saved, file: 'deadlock.js' }));
      const beside = await swaplab(['replay', file, '--times', '5']);
      // Without packages beside it, it cannot be loaded; but it was found.
      expect(beside.err).to.match(/deadlock\.js cannot be loaded: Cannot find package '@swaplab\/explore'/);
    }));

  it('exits with 0 when the schedule does not fail any more', async () => {
    const words = ['--scenario', scenarioFile('fine')];
    const { document } = await explored(
      scenarioFile('deadlock'),
      '--no-detectors',
      '--seed',
      '1',
      '--groups',
      '1',
    );
    const old = parseToken(document.finding?.token ?? '');
    // The mended scenario has the name and so the hash of the broken one: here, that of another scenario that is right.
    const { scenarioHash } = await import('@swaplab/explore');
    const hash = scenarioHash({ name: 'fine', variants: [], faults: 0, stepLimit: 20_000 });
    const mended = formatToken({ ...old, scenario: hash, decisions: [], dropped: [] });
    const again = await replayed(mended, ...words, '--times', '4');
    expect(again.code).to.equal(0);
    expect(again.document).to.deep.include({ clean: true, reproduced: false, finding: null });
  });

  it('names the first point that is different', async () => {
    const parsed = parseToken(token);
    const [first] = parsed.decisions;
    if (first === undefined) throw new Error('the failure needs no decision');
    const wrong = { ...first, site: (first.site ^ 0x55) & 0xffff };
    const other = formatToken({ ...parsed, decisions: [wrong, ...parsed.decisions.slice(1)] });
    const { code, document } = await replayed(
      other,
      '--no-detectors',
      '--times',
      '10',
      '--engine',
      'stepped',
    );
    expect(code).to.equal(1);
    expect(document.reproduced).to.equal(false);
    expect(document.engines[0]?.difference).to.match(/^The replay diverges at step \d+: /);
  });

  it('says when a token was made with other steps', async () => {
    const parsed = parseToken(token);
    const other = formatToken({ ...parsed, traceHash: (parsed.traceHash ^ 1) >>> 0 });
    const { document } = await replayed(other, '--no-detectors', '--times', '10', '--engine', 'stepped');
    expect(document.engines[0]?.difference).to.match(
      /^The schedule does other steps than when its token was made/,
    );
    expect(document.engines[0]?.reproduced).to.equal(0);
  });

  it('makes a schedule smaller', async () => {
    const large = await explored('counting', '--no-detectors', '--no-shrink', '--groups', '1', '--seed', '5');
    const { token: long = '', switches = 0 } = large.document.finding ?? {};
    expect(large.document.finding?.minimality).to.equal('not made smaller');
    const { document } = await replayed(
      long,
      '--no-detectors',
      '--shrink',
      '--times',
      '5',
      '--engine',
      'stepped',
    );
    expect(document.finding).to.deep.include({ kind: 'check', minimal: true, confirmed: 5 });
    expect(document.finding?.switches).to.be.at.most(switches);
    expect(document.finding?.token.length).to.be.at.most(long.length);
    const again = await replayed(document.finding?.token ?? '', '--no-detectors', '--times', '5');
    expect(again.document.reproduced).to.equal(true);
  });

  it('goes on behind a schedule with another strategy', async () => {
    const words = [token, '--no-detectors', '--times', '2', '--engine', 'stepped', '--prefix', '0'];
    const { document } = await replayed(...words, '--then', 'random', '--schedules', '300', '--seed', '3');
    expect(document.schedules).to.be.within(1, 300);
    expect(document.finding?.kind).to.equal('check');
    const again = await replayed(document.finding?.token ?? '', '--no-detectors', '--times', '5');
    expect(again.document.reproduced).to.equal(true);
  });

  it('answers what is no token with what is wrong with it, and exit code 2', async () => {
    const other = formatToken({ ...parseToken(token), scenario: 12_345 });
    const wrong: readonly (readonly [string[], RegExp])[] = [
      [['hello'], /^swaplab: This is not a token of a schedule: those begin with "sl1\."\n$/],
      [
        [`${token.slice(0, 10)}*${token.slice(11)}`],
        /^swaplab: Character 11 of the token, "\*", cannot be in one\n$/,
      ],
      [[token.slice(0, -4)], /^swaplab: The token is damaged: /],
      [
        [token.replace('sl1', 'sl7')],
        /^swaplab: This token has version 7; this program reads version 1 only\n$/,
      ],
      [[other], /^swaplab: the scenario of this token is not here: say which with --scenario, /],
      [[token, '--scenario', 'swap-storm'], /was not found with the scenario swap-storm and these variants/],
      [[token, '--engine', 'none'], /engine "none" is not known; allowed: threads, stepped, both/],
      [[token, '--prefix', '1'], /--prefix needs --then/],
      [
        [token, '--then', 'random', '--prefix', '99'],
        /prefix 99 is not possible: the token has \d+ decision/,
      ],
      [[token, '--then', 'search'], /a search cannot go on behind a schedule/],
      [['./nothing.json'], /\.\/nothing\.json is no file that is there/],
      [[scenarioFile('fine')], /is no failure that was saved: it is not JSON/],
    ];
    for (const [words, sentence] of wrong) {
      const { code, out, err } = await swaplab(['replay', ...words]);
      expect(err).to.match(sentence);
      expect(out).to.equal('');
      expect(code).to.equal(2);
    }
  });
});
