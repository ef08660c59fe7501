/**
 * The stepped engine in a real browser: the woven twin of the kernel runs there without shared memory, and makes the same schedules as in Node.
 *
 * Skipped where there is no Chromium: `$CHROMIUM`, else /usr/bin/chromium.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { KEEP_HASHES, PCT, SteppedEngine, type DefinedScenario, type Job } from '@swaplab/explore';
import { expect } from 'chai';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';

const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
const SCENARIO = 'slot-churn';
const SCHEDULES = 40;

const JOB: Job = {
  seed: 11,
  first: 0,
  schedules: SCHEDULES,
  milliseconds: 0,
  strategy: PCT,
  parameter: 3,
  flags: KEEP_HASHES,
};

/** What the page runs. */
function entry(module: string): string {
  return `
    import scenario from ${JSON.stringify(module)};
    import { SteppedEngine } from '@swaplab/explore';
    globalThis.play = (job) => {
      const result = new SteppedEngine(scenario).runNow(job);
      return { schedules: result.schedules, steps: result.steps, failure: result.failure, hashes: [...result.hashes] };
    };
    globalThis.isolated = globalThis.crossOriginIsolated;`;
}

describe('the stepped engine in a browser', () => {
  let browser: Browser | undefined;
  let page: Page;
  const module = new URL(`../dist-stepped/scenarios/${SCENARIO}.js`, import.meta.url).href;

  before(async function () {
    if (!existsSync(EXECUTABLE)) {
      console.log(`      (no Chromium at ${EXECUTABLE})`);
      this.skip();
    }
    const bundled = await build({
      stdin: {
        contents: entry(fileURLToPath(module)),
        resolveDir: fileURLToPath(new URL('.', import.meta.url)),
      },
      bundle: true,
      write: false,
      format: 'iife',
      platform: 'browser',
      // What only Node has is behind imports that nobody makes here.
      external: ['node:*'],
      supported: { 'dynamic-import': true },
      logLevel: 'silent',
    });
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });
    page = await browser.newPage();
    await page.goto('about:blank');
    await page.addScriptTag({ content: bundled.outputFiles[0]!.text });
  });

  after(async () => {
    await browser?.close();
  });

  it('makes the same schedules as in Node, without shared memory', async () => {
    const { default: scenario } = (await import(module)) as { default: DefinedScenario<unknown, unknown> };
    const here = new SteppedEngine(scenario).runNow(JOB);
    const there = await page.evaluate(`play(${JSON.stringify(JOB)})`);
    expect(await page.evaluate('isolated')).to.equal(false);
    expect(here.hashes).to.have.lengthOf(2 * SCHEDULES);
    expect(there).to.deep.equal({
      schedules: SCHEDULES,
      steps: here.steps,
      failure: null,
      hashes: [...here.hashes],
    });
  });
});
