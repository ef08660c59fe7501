/**
 * The page of a failing schedule in a real browser: it goes forwards and backwards, says who holds what, asks for nothing, and nothing sticks out.
 *
 * Skipped where there is no Chromium: `$CHROMIUM`, else /usr/bin/chromium.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { chromium, type Browser, type Page } from 'playwright-core';
import { htmlReport } from '#src/report/html.js';
import type { ReportModel } from '#src/report/model.js';
import { deadlock, lostUpdate, report, sampleOfTwo, step } from './support.js';

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

/** A lost update behind many steps that nobody minds. */
function longSchedule(): ReportModel {
  const noise = Array.from({ length: 200 }, (_, index) => step(0, 1, 4096 + 4 * index));
  const { trace, ...rest } = sampleOfTwo();
  return report({ ...rest, trace: [...noise, ...trace] }, ['first', 'second']);
}

const MODELS = { deadlock: deadlock(true), 'lost update': lostUpdate(false), long: longSchedule() } as const;

/** Run in the page: the number of the highlighted step, and what the panel says. */
const NOW = `(() => ({
  rows: [...document.querySelectorAll('.row.now')].map((row) => Number(row.dataset.step)),
  count: document.getElementById('count').textContent,
  what: document.getElementById('what').textContent,
  states: [...document.querySelectorAll('#states li')].map((item) => item.textContent),
  isSeen: [...document.querySelectorAll('.row.now')].every((row) => {
    const [list, here] = [document.getElementById('list').getBoundingClientRect(), row.getBoundingClientRect()];
    return here.height > 0 && here.top >= list.top && here.bottom <= list.bottom + 1;
  }),
}))()`;

interface Now {
  readonly rows: readonly number[];
  readonly count: string;
  readonly what: string;
  readonly states: readonly string[];
  readonly isSeen: boolean;
}

describe('the page of a failing schedule in a browser', function () {
  this.timeout(60_000);
  if (!existsSync(EXECUTABLE)) {
    it.skip(`is not looked at: there is no Chromium at ${EXECUTABLE} (CHROMIUM says where another one is)`);
    return;
  }

  const folder = mkdtempSync(join(tmpdir(), 'swaplab-schedule-'));
  let browser: Browser | undefined;

  before(async () => {
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS, timeout: 30_000 });
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens a page, does something with it, and wants no complaint and no request besides the page. */
  async function open(
    name: keyof typeof MODELS,
    look: { readonly width: number; readonly colorScheme: 'light' | 'dark' },
    inspect: (page: Page) => Promise<void>,
  ): Promise<void> {
    const file = join(folder, `${name}.html`);
    writeFileSync(file, htmlReport(MODELS[name], { title: 'A room', paragraphs: ['Its story.'] }));
    const url = pathToFileURL(file).href;
    const context = await browser!.newContext({
      viewport: { width: look.width, height: 900 },
      colorScheme: look.colorScheme,
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    try {
      await page.goto(url, { timeout: 20_000 });
      await inspect(page);
    } finally {
      await context.close();
    }
    expect(complaints).to.deep.equal([]);
    expect(requests).to.deep.equal([url]);
  }

  async function now(page: Page): Promise<Now> {
    return page.evaluate(NOW);
  }

  for (const name of Object.keys(MODELS) as (keyof typeof MODELS)[]) {
    for (const width of [390, 1440]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        it(`shows the ${name} at ${String(width)} pixels, ${colorScheme}`, async () => {
          await open(name, { width, colorScheme }, async (page) => {
            const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
            expect(await page.evaluate(overflow), 'pixels that stick out').to.equal(0);
            const dark =
              'getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((part) => part < 60)';
            expect(await page.evaluate(dark), 'dark ground').to.equal(colorScheme === 'dark');
            const columns = "getComputedStyle(document.querySelector('.heads')).display !== 'none'";
            expect(await page.evaluate(columns), 'columns with heads').to.equal(width === 1440);
            await page.click('#last');
            const { rows, isSeen } = await now(page);
            expect(rows).to.deep.equal([MODELS[name].steps.length - 1]);
            expect(isSeen, 'the present step is seen in the list').to.equal(true);
          });
        });
      }
    }
  }

  it('goes forwards and backwards by buttons, keys, slider and clicks, and says who holds and waits', async () => {
    await open('deadlock', { width: 1440, colorScheme: 'light' }, async (page) => {
      expect((await now(page)).rows).to.deep.equal([0]);
      expect(await page.isDisabled('#back')).to.equal(true);
      await page.keyboard.press('ArrowRight');
      expect(await now(page)).to.deep.include({
        rows: [1],
        what: 'lock table_lock[2]',
        count: 'Step 2 of 6, dd',
      });
      await page.click('#forward');
      await page.click('#forward');
      expect(await now(page)).to.deep.include({
        rows: [3],
        states: [
          'owner stands before: lock table_lock[2] at counts.ts:122swap_lock since 1, counts.ts:120',
          'dd waits for swap_locktable_lock[2] since 2, disk.ts:40',
          'spare is left out: the failure does not need it',
        ],
      });
      await page.keyboard.press('ArrowLeft');
      expect((await now(page)).rows).to.deep.equal([2]);
      expect((await now(page)).states[1]).to.equal('dd runstable_lock[2] since 2, disk.ts:40');
      await page.keyboard.press('End');
      expect((await now(page)).rows).to.deep.equal([5]);
      expect(await page.isDisabled('#forward')).to.equal(true);
      await page.keyboard.press('Home');
      expect((await now(page)).rows).to.deep.equal([0]);
      expect((await now(page)).states[1]).to.equal('dd begins with: lock table_lock[2] at disk.ts:40');
      await page.fill('#slider', '4');
      expect((await now(page)).rows).to.deep.equal([4]);
      await page.click('[data-step="2"]');
      expect((await now(page)).rows).to.deep.equal([2]);
    });
  });

  it('folds what does not matter, says how much, and shows it when asked', async () => {
    await open('long', { width: 1440, colorScheme: 'light' }, async (page) => {
      const shown = "[...document.querySelectorAll('.row')].filter((row) => !row.hidden).length";
      const folds = "[...document.querySelectorAll('.fold')].map((item) => item.textContent)";
      const few = Number(await page.evaluate(shown));
      expect(few).to.be.below(60);
      const folded = (await page.evaluate<string[]>(folds)).map((text) => Number.parseInt(text, 10));
      expect(folded.reduce((sum, count) => sum + count, few)).to.equal(204);
      await page.check('input[name=level][value="3"]');
      expect(await page.evaluate(shown)).to.equal(204);
      expect(await page.evaluate(folds)).to.deep.equal([]);
      await page.fill('#slider', '100');
      expect(await now(page)).to.deep.include({ rows: [100], isSeen: true });
      await page.check('input[name=level][value="1"]');
      expect(await page.evaluate(shown)).to.equal(few);
      expect((await now(page)).rows).to.have.length(1);
    });
  });

  it('copies the token', async () => {
    await open('deadlock', { width: 390, colorScheme: 'dark' }, async (page) => {
      await page.click('button[data-copy="token"]');
      await page.waitForFunction(
        "document.querySelector('button[data-copy=token]').textContent === 'Copied'",
      );
      // Whatever was copied can be pasted; a field of our own is the place for it.
      await page.evaluate("document.body.insertAdjacentHTML('beforeend', '<textarea id=paste></textarea>')");
      await page.focus('#paste');
      await page.keyboard.press('Control+v');
      expect(await page.inputValue('#paste')).to.equal('sl1.AAAA');
    });
  });

  it('shows the whole schedule without its script', async () => {
    const context = await browser!.newContext({
      javaScriptEnabled: false,
      viewport: { width: 390, height: 900 },
    });
    const page = await context.newPage();
    try {
      await page.setContent(htmlReport(MODELS.deadlock));
      expect(await page.locator('.row:visible').count()).to.equal(6);
      expect(await page.locator('button:visible').count()).to.equal(0);
    } finally {
      await context.close();
    }
  });
});
