/**
 * `swaplab explore` as a process of its own: what it finds, what it says and writes, what it exits with, and how it takes an interrupt.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'chai';

import { swaplab } from '../run/support.js';
import { explored, ROOT, scenarioFile, withFolder } from './support.js';

const SMALL = ['--schedules', '200', '--groups', '1', '--seed', '1'];

describe('swaplab explore', function () {
  this.timeout(60_000);

  it('finds the bug of a scenario of the museum, and exits with 1', async () => {
    const { code, out, err } = await swaplab(['explore', 'counting', ...SMALL]);
    expect(code).to.equal(1);
    expect(err).to.equal('');
    expect(out).to.match(/^Data race on counter: /);
    expect(out).to.match(/counting\.ts:\d+ add/);
    expect(out).to.match(/^Replay: npx swaplab replay sl1\.[\w-]+$/m);
    expect(out).to.match(/^On real threads: 10 of 10 replays fail alike/m);
    expect(out).to.match(/^counting: found after 1 schedule /m);
    expect(out).to.match(/npx swaplab explore counting --engine stepped --groups 1 --seed 1$/m);
  });

  it('prints one document', async () => {
    const { code, document, err } = await explored('counting', ...SMALL);
    expect(code).to.equal(1);
    expect(err).to.equal('');
    const { finding, ...search } = document;
    expect(search).to.deep.include({
      schema: 'swaplab.explore/1',
      scenario: 'counting',
      file: null,
      engine: 'stepped',
      strategy: 'portfolio',
      seed: 1,
      groups: 1,
      schedules: 1,
      detectors: true,
      interrupted: false,
    });
    expect(search.seconds).to.be.a('number');
    expect(finding).to.deep.include({ kind: 'data race', threads: 2, switches: 1, confirmed: 100 });
    expect(finding?.onThreads).to.deep.equal({ confirmed: 10, difference: null });
    expect(finding?.token).to.match(/^sl1\.[\w-]{1,196}$/);
    expect(finding?.sentence).to.equal(finding?.report.sentence);
    expect(finding?.report.schema).to.equal('swaplab.schedule/1');
  });

  it('finds the same with the same seed on either engine', async () => {
    const words = ['counting', '--no-detectors', ...SMALL];
    const [stepped, threads] = [
      await explored(...words, '--engine', 'stepped'),
      await explored(...words, '--engine', 'threads'),
    ];
    const [one, other] = [stepped.document.finding, threads.document.finding];
    expect(one?.kind).to.equal('check');
    expect(one?.token).to.equal(other?.token);
    expect(one?.schedule).to.equal(other?.schedule);
    expect(stepped.document.schedules).to.equal(threads.document.schedules);
    expect([one?.onThreads?.confirmed, other?.onThreads]).to.deep.equal([10, null]);
  });

  it('finds the same with the same seed and groups, whichever group is faster', async () => {
    const words = ['counting', '--no-detectors', '--schedules', '400', '--groups', '3', '--seed', '7'];
    const [one, other] = [await explored(...words), await explored(...words)];
    expect(one.document.groups).to.equal(3);
    expect(one.document.finding?.token).to.be.a('string');
    expect(one.document.finding?.token).to.equal(other.document.finding?.token);
    expect(one.document.finding?.group).to.equal(other.document.finding?.group);
  });

  it('exits with 0 over a scenario in which nothing is wrong', async () => {
    const { code, out } = await swaplab(['explore', scenarioFile('fine'), ...SMALL]);
    expect(code).to.equal(0);
    expect(out).to.match(/^fine: clean over 200 schedules \(\d+ distinct\) in .*, threads engine/);
    const { document } = await explored(scenarioFile('fine'), ...SMALL);
    expect(document.finding).to.equal(null);
    expect(document.engine).to.equal('threads');
    expect(document.file).to.equal(scenarioFile('fine'));
  });

  it('says what a search was complete for', async () => {
    const words = ['explore', scenarioFile('fine'), '--strategy', 'search'];
    const whole = await swaplab(words);
    expect(whole.code).to.equal(0);
    expect(whole.out).to.match(/^Complete: all schedules \(\d+\)$/m);
    const some = await swaplab([...words, '--depth', '1']);
    expect(some.out).to.match(/^Complete for <= 1 preemption \(\d+ schedules\)$/m);
  });

  it('finds the planted bug in somebody else’s ring buffer, and names his lines', async () => {
    const example = join(ROOT, 'docs', 'examples', 'ring-buffer.js');
    const lines = readFileSync(example, 'utf8').split('\n');
    const unlocked = lines.findIndex((line) => line.includes('Is it full?')) + 1;
    const race = await explored(example, ...SMALL);
    expect(race.code).to.equal(1);
    expect(race.document.finding?.kind).to.equal('data race');
    expect(race.document.finding?.sentence).to.contain(`ring-buffer.js:${String(unlocked)} Ring.put`);
    const check = await explored(example, '--no-detectors', ...SMALL);
    expect(check.document.finding).to.deep.include({ kind: 'check', preemptions: 1, minimal: true });
    const { segments, steps, places } = check.document.finding?.report ?? { segments: [] };
    const place = places?.[steps?.[segments[0]?.last ?? 0]?.place ?? -1];
    expect(place?.line, 'the thread is interrupted after it has looked').to.equal(unlocked);
    expect(place?.source).to.equal(lines[unlocked - 1]?.trim());
  });

  it('reports a deadlock with who waits for whom', async () => {
    const { code, out } = await swaplab(['explore', scenarioFile('deadlock'), '--no-detectors', ...SMALL]);
    expect(code).to.equal(1);
    expect(out).to.match(/^Deadlock: /);
    expect(out).to.match(
      /one waits for (?:red|blue) at deadlock\.js:\d+, held by two since step \d+ \(deadlock\.js:\d+\)/,
    );
  });

  it('writes what it has found into files', () =>
    withFolder(async (folder) => {
      const file = (name: string): string => join(folder, name);
      const words = [
        '--save',
        'a.json',
        '--html',
        'a.html',
        '--trace-out',
        'a.trace.json',
        '--shiviz',
        'a.log',
      ];
      const paths = words.map((word) => (word.startsWith('--') ? word : file(word)));
      const { code } = await swaplab(['explore', 'counting', ...SMALL, ...paths]);
      expect(code).to.equal(1);
      const text = (name: string): string => readFileSync(file(name), 'utf8');
      expect(JSON.parse(text('a.json'))).to.have.nested.property('finding.token');
      expect(text('a.html')).to.match(/^<!doctype html>/i);
      expect(text('a.html')).not.to.match(/(?:src|href)="https?:/);
      expect(JSON.parse(text('a.trace.json'))).to.have.property('traceEvents');
      expect(text('a.log')).to.match(/first .*\{"first":1\}/);
    }));

  it('lists the scenarios', async () => {
    const { code, out } = await swaplab(['explore', '--list']);
    expect(code).to.equal(0);
    expect(out).to.match(/^counting +Two threads add to one counter\.$/m);
    expect(out).to.match(/^swap-storm /m);
    const json = await swaplab(['explore', '--list', '--json']);
    expect(JSON.parse(json.out)).to.have.property('scenarios').that.is.an('array').with.length.above(4);
  });

  it('ends with what was done when it is interrupted', async () => {
    const { code, out, err } = await swaplab(
      ['explore', scenarioFile('fine'), '--seconds', '30', '--json'],
      (child) => setTimeout(() => child.kill('SIGINT'), 2500),
    );
    expect(code).to.equal(130);
    expect(err).to.match(/swaplab: interrupted/);
    // Nothing when it had not begun by then.
    if (out !== '') expect(JSON.parse(out)).to.deep.include({ interrupted: true, finding: null });
  });

  it('ends with what was done when its time is over', async () => {
    const { code, out, err } = await swaplab([
      'explore',
      scenarioFile('fine'),
      '--seconds',
      '30',
      '--time-limit',
      '1',
    ]);
    expect(code).to.equal(124);
    expect(err).to.equal('swaplab: the time limit of 1 s was reached\n');
    expect(out).to.match(/^fine: clean over [\d,]+ schedules, when it was ended/);
  });

  it('says so when a failure does not repeat itself', async () => {
    const { code, out, err } = await swaplab(['explore', scenarioFile('chance'), ...SMALL]);
    expect(code).to.equal(1);
    expect(out).to.equal('');
    expect(err).to.match(/^swaplab: the failure does not repeat itself: .* no Math\.random/);
    expect(err).not.to.match(/\n {4}at /);
  });

  it('names the thread that loops where no point is, and ends', async () => {
    const { code, err } = await swaplab(['explore', scenarioFile('loops'), ...SMALL]);
    expect(code).to.equal(1);
    expect(err).to.match(/^swaplab: no step was done for 10 s: a thread loops or waits where no point is/);
    expect(err).to.match(/^ {2}looper runs, and does not come to a point/m);
    expect(err).to.match(/^ {2}other has not begun$/m);
  });

  const wrong: readonly (readonly [string[], RegExp])[] = [
    [['explore'], /^swaplab: which scenario\? /],
    [['explore', 'swapstorm'], /scenario "swapstorm" is not known; did you mean "swap-storm"\? allowed: /],
    [['explore', 'zzz'], /scenario "zzz" is not known; allowed: .*counting, /],
    [['explore', './nothing.js'], /the scenario \.\/nothing\.js is no file that is there/],
    [
      ['explore', scenarioFile('no-scenario')],
      /has no scenario: the default export of its module must be made by/,
    ],
    [
      ['explore', scenarioFile('fine'), '--engine', 'stepped'],
      /is not woven: only the engine threads can play it/,
    ],
    [['explore', 'counting', '--engine', 'thread'], /engine "thread" is not known; did you mean "threads"\?/],
    [['explore', 'counting', '--strategy', 'pcd'], /strategy "pcd" is not known; did you mean "pct"\?/],
    [
      ['explore', 'counting', '--faults', 'ion'],
      /fault "ion" is not known; did you mean "io"\? allowed: allocation/,
    ],
    [
      ['explore', 'counting', '--variant', 'd01'],
      /has a memory of its own and no kernel: there are no variants/,
    ],
    [['explore', 'swap-storm', '--variant', 'zz'], /there is no variant 'zz'; choose from /],
    [['explore', 'counting', '--depth', '3'], /--depth says nothing to the strategy portfolio/],
    [
      ['explore', 'counting', '--strategy', 'pct', '--depth', '0'],
      /depth 0 is not possible for pct; allowed: 1 to/,
    ],
    [['explore', 'counting', '--schedules', '0'], /A whole number, at least 1, is needed/],
    [['explore', 'counting', '--strategy', 'search', '--groups', '2'], /it has one group/],
  ];
  for (const [words, sentence] of wrong) {
    const shown = words.map((word) => word.replace(/^.*\//, '')).join(' ');
    it(`answers "swaplab ${shown}" with a sentence and exit code 2`, async () => {
      const { code, out, err } = await swaplab(words);
      expect(err).to.match(sentence);
      expect(err, 'no stack trace').not.to.match(/\n {4}at /);
      expect(out).to.equal('');
      expect(code).to.equal(2);
    });
  }

  it('looks whether its files can be written before it begins', async () => {
    const { code, err } = await swaplab(['explore', 'counting', '--html', '/nonexistent/a.html']);
    expect(code).to.equal(3);
    expect(err).to.match(
      /^swaplab: the page cannot be written to \/nonexistent\/a\.html: there is no such file/,
    );
  });
});
