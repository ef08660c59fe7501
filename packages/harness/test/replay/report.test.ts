/**
 * The page of a replay: what it says, and, where there is a Chromium, that everything on it can be seen.
 */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { expect } from 'chai';
import { chromium, type Browser } from 'playwright-core';

import type { ReplayDocument } from '#src/replay/document.js';
import { renderReplayReport } from '#src/report/html/replay-report.js';
import { RUN_POLICIES } from '#src/run/options.js';

import { FIXTURES, replay, TraceFolder } from './support.js';

const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-sync',
];

/** Run in the page: texts of one chart that cover each other, and texts outside of the page. */
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
        if (wide > 0.5 && high > 3) errors.push(a.text + ' covers ' + b.text);
      }
    }
  }
  return errors;
})()`;

/** Run in the page: lines of the charts of a kind that can be seen. */
const linesOf = (kind: string): string => `[...document.querySelectorAll('svg[data-chart="${kind}"]')]
  .filter((chart) => chart.getBoundingClientRect().width > 250)
  .map((chart) => [...chart.querySelectorAll('.line')].filter((line) => line.getTotalLength() > 50).length)`;

describe('the page of a replay', function () {
  this.timeout(60_000);
  const folder = new TraceFolder();
  const documents: Record<string, ReplayDocument> = {};
  let browser: Browser | undefined;

  before(async () => {
    documents['with samples'] = await replay(`${FIXTURES}swap-churn-zram-head.csv.gz`, {});
    documents['eight policies'] = await replay(`${FIXTURES}swap-churn-zram-slots.csv.gz`, {
      policies: RUN_POLICIES,
    });
    documents['three times'] = await replay(`${FIXTURES}swap-churn-zram-slots.csv.gz`, { repeat: 3 });
    documents['no times'] = await replay(
      folder.write('x.log', 'fio version 2 iolog\n/d write 0 81920\n/d read 0 8192\n'),
      {},
    );
    if (existsSync(EXECUTABLE))
      browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS, timeout: 30_000 });
  });
  after(async () => {
    await browser?.close();
    folder.remove();
  });

  it('says what was seen, with the numbers of the document', () => {
    const page = renderReplayReport(documents['eight policies']!);
    expect(page).to.contain('Told of every freed slot, the device needs at most');
    expect(page).to.contain('Every check passed');
    expect(page.match(/data-chart="slots"/g)).to.have.length(RUN_POLICIES.length);
    expect(page).to.contain('How large the pages are after compression');
    expect(page).to.not.contain('kernel pool');
    expect(renderReplayReport(documents['with samples']!)).to.contain('kernel pool');
  });

  it('tells of errors, of an interrupt, and of nothing at all', () => {
    const [result] = documents['with samples']!.policies;
    const broken = { ...result!, integrityErrors: 2, reports: ['slot 3 <b>is</b> wrong'] };
    const page = renderReplayReport({ ...documents['with samples']!, policies: [broken], interrupted: true });
    expect(page).to.contain('2 checks failed').and.to.contain('slot 3 &lt;b&gt;is&lt;/b&gt; wrong');
    expect(page).to.contain('Interrupted: 1 of 2 policies ended');
    const empty = {
      ...documents['with samples']!,
      policies: [],
      trace: null,
      kernelSamples: [],
      interrupted: true,
    };
    expect(renderReplayReport(empty)).to.contain('No policy ran to its end');
  });

  for (const name of ['with samples', 'eight policies', 'three times', 'no times']) {
    for (const width of [390, 1440]) {
      it(`shows every chart of ${name} at ${String(width)} pixels, and asks for nothing`, async function () {
        if (browser === undefined) {
          process.stdout.write(`      skipped: there is no Chromium at ${EXECUTABLE}\n`);
          return this.skip();
        }
        const url = pathToFileURL(folder.write(`${name}.html`, renderReplayReport(documents[name]!))).href;
        const page = await browser.newPage({ viewport: { width, height: 900 } });
        const heard: string[] = [];
        page.on('console', (message) => heard.push(message.text()));
        page.on('pageerror', (error) => heard.push(error.message));
        page.on('request', (request) => heard.push(request.url()));
        try {
          await page.goto(url, { timeout: 20_000 });
          const { policies, kernelSamples } = documents[name]!;
          const kernel = kernelSamples.length > 0;
          expect(await page.evaluate(linesOf('slots'))).to.deep.equal(policies.map(() => (kernel ? 4 : 3)));
          expect(await page.evaluate(linesOf('memory'))).to.deep.equal(policies.map(() => (kernel ? 4 : 2)));
          expect(await page.evaluate(linesOf('overlay'))).to.deep.equal([policies.length + (kernel ? 1 : 0)]);
          expect(await page.evaluate(LABEL_ERRORS)).to.deep.equal([]);
          const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
          expect(await page.evaluate(overflow)).to.equal(0);
          await page.evaluate(
            "document.querySelectorAll('details').forEach((part) => { part.open = true; })",
          );
          expect(await page.evaluate(overflow), 'with tables unfolded').to.equal(0);
          expect(heard).to.deep.equal([url]);
        } finally {
          await page.close();
        }
      });
    }
  }
});
