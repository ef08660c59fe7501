/**
 * `await explore(...)` from tests: inside mocha, from `node:test` in plain JavaScript, and with a body that never ends.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { explore, ScheduleError } from '@swaplab/explore';
import { expect } from 'chai';

import { findScenario } from '#src/explore/catalogue.js';
import { exploreScenario } from '#src/explore/explore-scenario.js';
import { nearestName } from '#src/explore/words.js';
import { scenarioFile, withFolder } from './support.js';

const CHILD_LIMIT_MS = 40_000;

async function failureOf(work: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('it did not reject');
}

describe('await explore(module)', function () {
  this.timeout(60_000);

  it('resolves with what was done when no schedule fails', async () => {
    const result = await explore(pathToFileURL(scenarioFile('fine')), { schedules: 100, seed: 1 });
    expect(result).to.deep.include({ scenario: 'fine', engine: 'threads', schedules: 100, finding: null });
  });

  it('rejects with the report, the token and the command when one fails', async () => {
    const module = pathToFileURL(scenarioFile('deadlock'));
    const error = await failureOf(explore(module, { schedules: 1000, seed: 1, detectors: false }));
    expect(error).to.be.instanceOf(ScheduleError);
    if (!(error instanceof ScheduleError)) return;
    const { finding, command, report } = error;
    expect(error.code).to.equal('ERR_SCHEDULE_FAILED');
    expect(finding.kind).to.equal('deadlock');
    expect(command).to.equal(
      `npx swaplab replay ${finding.token} --scenario ${scenarioFile('deadlock')} --no-detectors`,
    );
    expect(error.message).to.match(/^Deadlock: /);
    expect(error.message).to.contain(command);
    expect(error.message).to.match(/one waits for (?:red|blue) .*, held by two/);
    expect(report.token).to.equal(finding.token);
  });

  it('plays the woven twin when it is asked to', async () => {
    const { module } = await findScenario('counting');
    const error = await failureOf(explore(module, { engine: 'stepped', schedules: 1000, seed: 1 }));
    expect(error).to.be.instanceOf(ScheduleError);
    if (error instanceof ScheduleError) expect(error.exploration.engine).to.equal('stepped');
  });

  it('works in five lines of node:test, in plain JavaScript', () =>
    withFolder((folder) => {
      const file = join(folder, 'ring.test.mjs');
      const lines = [
        `import test from 'node:test';`,
        `import { explore } from ${JSON.stringify(import.meta.resolve('@swaplab/explore'))};`,
        `test('fine', () => explore(${JSON.stringify(scenarioFile('fine'))}, { schedules: 50 }));`,
        `test('broken', () => explore(${JSON.stringify(scenarioFile('deadlock'))}, { schedules: 500, seed: 1 }));`,
      ];
      writeFileSync(file, lines.join('\n'));
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--test', '--test-reporter=tap', file],
        {
          encoding: 'utf8',
          timeout: CHILD_LIMIT_MS,
          env: { PATH: process.env['PATH'] },
        },
      );
      expect(stderr).to.equal('');
      expect(status).to.equal(1);
      expect(stdout).to.match(/^ *ok \d+ - fine$/m);
      expect(stdout).to.match(/^ *not ok \d+ - broken$/m);
      expect(stdout).to.match(/code: 'ERR_SCHEDULE_FAILED'/);
      expect(stdout).to.match(/npx swaplab replay sl1\.[\w-]+ --scenario /);
      return Promise.resolve();
    }));

  it('names a thread that never comes to a point, ends it, and leaves the process usable', async () => {
    const loops = scenarioFile('loops');
    const error = await failureOf(explore(loops, { schedules: 10, seed: 1, hangLimitMs: 1500 }));
    expect(error.code).to.equal('ERR_THREAD_HANGS');
    expect(error.message).to.match(
      /^No step was done for 2 s: a thread loops or waits where no point is\.\n/,
    );
    expect(error.message).to.match(/^ {2}looper runs, and does not come to a point/m);
    const after = await explore(scenarioFile('fine'), { schedules: 20, seed: 1 });
    expect(after.schedules).to.equal(20);
  });

  it('refuses a module without a scenario', async () => {
    const error = await failureOf(explore(scenarioFile('no-scenario')));
    expect(error.code).to.equal('ERR_INVALID_ARGUMENT');
    expect(error.message).to.match(/has no scenario: its default export must be made by defineScenario/);
  });
});

describe('exploreScenario', function () {
  this.timeout(60_000);

  it('tells how far it is, and stops when it is told to', async () => {
    const scenario = await findScenario('swap-storm');
    const stop = new AbortController();
    const seen: number[] = [];
    const document = await exploreScenario(
      { scenario, seed: 1, seconds: 30, groups: 1 },
      {
        signal: stop.signal,
        onProgress: ({ schedules, strategyNow }) => {
          seen.push(schedules);
          expect(strategyNow).to.be.a('string').that.is.not.equal('');
          if (seen.length === 2) stop.abort();
        },
      },
    );
    expect(document).to.deep.include({ interrupted: true, finding: null, schedules: seen.at(-1) });
    expect(seen).to.have.lengthOf(2);
  });
});

describe('nearestName', () => {
  it('finds a similar name, and none for anything else', () => {
    const names = ['swap-storm', 'slot-reads', 'pct'];
    expect(nearestName('swapstorm', names)).to.equal('swap-storm');
    expect(nearestName('SLOT-READ', names)).to.equal('slot-reads');
    expect(nearestName('pcd', names)).to.equal('pct');
    expect(nearestName('x', names)).to.equal(null);
    expect(nearestName('something', names)).to.equal(null);
  });
});
