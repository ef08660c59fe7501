/**
 * The report in a real browser: every chart is there and can be seen, nothing is asked for, nothing sticks out and no label covers another.
 *
 * Skipped where there is no Chromium: `$CHROMIUM`, else /usr/bin/chromium.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect } from 'chai';
import { chromium, type Browser, type Page } from 'playwright-core';

import { renderReport } from '#src/report/html/report.js';

import { sampleDocument, sampleResult } from '../cli/sample-document.js';
import { GOLDEN_POLICIES, goldenDocument } from './golden-shapes.js';
import { squeezeDocument } from './squeeze-shapes.js';

const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const PAGES = {
  'eight policies': { document: goldenDocument(), policies: GOLDEN_POLICIES },
  'two policies': {
    document: sampleDocument([sampleResult('none'), sampleResult('notify')]),
    policies: ['none', 'notify'],
  },
  'a scenario': { document: squeezeDocument(), policies: ['none', 'notify'] },
  'a scenario under five policies': {
    document: squeezeDocument(['notify', 'chain', 'bdev-op', 'address-space']),
    policies: ['none', 'notify', 'chain', 'bdev-op', 'address-space'],
  },
} as const;

/** Run in the page: pairs of texts in one chart whose boxes cover each other, and texts outside of the page. */
const LABEL_ERRORS = `(() => {
  const errors = [];
  for (const chart of document.querySelectorAll('svg.chart')) {
    if (chart.getClientRects().length === 0) continue;
    const texts = [...chart.querySelectorAll('text')].map((node) => ({ text: node.textContent, box: node.getBoundingClientRect() }));
    for (const [index, a] of texts.entries()) {
      if (a.box.left < 0 || a.box.right > innerWidth) errors.push(a.text + ' is outside');
      for (const b of texts.slice(index + 1)) {
        const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        // The box of a text is a little higher than its letters.
        if (wide > 0.5 && high > 3) errors.push(a.text + ' covers ' + b.text);
      }
    }
  }
  return errors;
})()`;

/** Run in the page: boxes of the charts of one kind and policy that can be seen. */
const chartsSeen = (
  kind: string,
  policy: string,
): string => `[...document.querySelectorAll('svg[data-chart="${kind}"][data-policy="${policy}"]')]
  .map((chart) => ({ box: chart.getBoundingClientRect(), lines: [...chart.querySelectorAll('.line')].filter((line) => line.getTotalLength() > 50).length }))
  .filter(({ box }) => box.width > 250 && box.height > 100)
  .map(({ lines }) => lines)`;

describe('the report of a run in a browser', function () {
  this.timeout(60_000);
  if (!existsSync(EXECUTABLE)) {
    it.skip(`is not looked at: there is no Chromium at ${EXECUTABLE} (CHROMIUM says where another one is)`);
    return;
  }

  const folder = mkdtempSync(join(tmpdir(), 'swaplab-report-'));
  let browser: Browser | undefined;

  before(async () => {
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS, timeout: 30_000 });
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens a page, does something with it, and gives what it complained of and asked for. */
  async function open(
    name: keyof typeof PAGES,
    look: { readonly width: number; readonly colorScheme: 'light' | 'dark' },
    inspect: (page: Page) => Promise<void>,
  ): Promise<{ readonly complaints: string[]; readonly requests: string[]; readonly url: string }> {
    const file = join(folder, `${name}.html`);
    writeFileSync(file, renderReport(PAGES[name].document));
    const url = pathToFileURL(file).href;
    const page = await browser!.newPage({
      viewport: { width: look.width, height: 900 },
      colorScheme: look.colorScheme,
    });
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    try {
      await page.goto(url, { timeout: 20_000 });
      await inspect(page);
    } finally {
      await page.close();
    }
    return { complaints, requests, url };
  }

  for (const name of Object.keys(PAGES) as (keyof typeof PAGES)[]) {
    for (const width of [390, 1440]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        it(`shows every chart of ${name} at ${String(width)} pixels, ${colorScheme}, and asks for nothing`, async () => {
          const { complaints, requests, url } = await open(name, { width, colorScheme }, async (page) => {
            for (const policy of PAGES[name].policies) {
              const [slots, memory] = [
                await page.evaluate(chartsSeen('slots', policy)),
                await page.evaluate(chartsSeen('memory', policy)),
              ];
              expect(slots, `lines in the chart of slots under ${policy}`).to.deep.equal([3]);
              expect(memory, `lines in the chart of memory under ${policy}`).to.deep.equal([2]);
              const pages = await page.evaluate(chartsSeen('pages', policy));
              expect(pages, `lines in the chart of pages under ${policy}`).to.deep.equal([4]);
              const frames = await page.evaluate(chartsSeen('frames', policy));
              expect(frames, `bands in the chart of frames under ${policy}`).to.deep.equal(
                name.startsWith('a scenario') ? [4] : [],
              );
            }
            expect(await page.evaluate(chartsSeen('overlay', ''))).to.deep.equal([
              PAGES[name].policies.length,
            ]);
            const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
            expect(await page.evaluate(overflow), 'pixels that stick out').to.equal(0);
            expect(await page.evaluate(LABEL_ERRORS)).to.deep.equal([]);
            const dark =
              'getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((part) => part < 60)';
            expect(await page.evaluate(dark), 'dark ground').to.equal(colorScheme === 'dark');
          });
          expect(complaints).to.deep.equal([]);
          expect(requests).to.deep.equal([url]);
        });
      }
    }
  }

  it('keeps its tables inside the page when they are unfolded at 390 pixels', async () => {
    await open('eight policies', { width: 390, colorScheme: 'light' }, async (page) => {
      await page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })");
      const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await page.evaluate(overflow)).to.equal(0);
      expect(await page.evaluate("document.querySelectorAll('details table').length")).to.be.greaterThan(
        GOLDEN_POLICIES.length,
      );
    });
  });

  it('is light on paper, whatever the screen likes', async () => {
    await open('two policies', { width: 800, colorScheme: 'dark' }, async (page) => {
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).to.equal(
        'rgb(255, 255, 255)',
      );
      expect(await page.evaluate(chartsSeen('slots', 'none'))).to.deep.equal([3]);
    });
  });
});
