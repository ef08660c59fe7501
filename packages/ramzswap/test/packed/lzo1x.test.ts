/**
 * `@swaplab/ramzswap/lzo1x` from the packed package, in Node and in a browser, in both alone: no other package is there.
 *
 * The browser is skipped where there is no Chromium: `$CHROMIUM`, else /usr/bin/chromium. Nothing is asked for over a network: what a page asks for
 * is answered from the package.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { chromium } from 'playwright-core';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const ORIGIN = 'http://lzo1x.test';
const LIMIT_MS = 60_000;

/** Works in any of them: `lzo1x` is the module. Gives the lengths of the streams, whether all came back, and the code of a fault. */
const EXERCISE = `(lzo1x) => {
  const page = Uint8Array.from({ length: 4096 }, (_, index) => (index >> 5) * (index & 3));
  const packed = new Uint8Array(lzo1x.maxCompressedBytes(page.length));
  const lengths = [];
  let same = true;
  for (const options of [{}, { algorithm: 'current' }, { dictionary: 'kept', work: lzo1x.createWorkArea() }]) {
    const length = lzo1x.compress(page, packed, options);
    const back = new Uint8Array(4096);
    same &&= lzo1x.decompress(packed.subarray(0, length), back) === 4096 && back.every((byte, at) => byte === page[at]);
    lengths.push(length);
  }
  let code = 'none';
  try {
    lzo1x.decompress(packed.subarray(0, 5), new Uint8Array(4096));
  } catch (error) {
    code = error.code;
  }
  return { lengths, same, code };
}`;

interface Answer {
  readonly lengths: readonly number[];
  readonly same: boolean;
  readonly code: string;
}

function expectRight({ lengths, same, code }: Answer): void {
  expect(lengths).to.have.length(3);
  for (const length of lengths) expect(length).to.be.within(100, 2000);
  expect(same).to.equal(true);
  expect(code).to.be.oneOf(['LZO_E_INPUT_OVERRUN', 'LZO_E_EOF_NOT_FOUND']);
}

describe('@swaplab/ramzswap/lzo1x, packed', function () {
  this.timeout(2 * LIMIT_MS);
  if (!existsSync(join(PACKAGE, 'dist/codec/lzo1x.js'))) {
    it.skip('is not looked at: nothing is built');
    return;
  }

  const folder = mkdtempSync(join(tmpdir(), 'swaplab-lzo1x-'));
  const installed = join(folder, 'node_modules/@swaplab/ramzswap');

  before(async () => {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const windows = process.platform === 'win32';
    const { stdout } = await run('npm', args, { cwd: PACKAGE, timeout: LIMIT_MS, shell: windows });
    const [packed] = Object.values(JSON.parse(stdout) as Record<string, { readonly filename: string }>);
    // Relative names: a tar that knows no drives takes "C:" for the name of a computer.
    await run('tar', ['-xzf', packed?.filename ?? ''], { cwd: folder, timeout: LIMIT_MS });
    mkdirSync(join(folder, 'node_modules/@swaplab'), { recursive: true });
    renameSync(join(folder, 'package'), installed);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('works in Node', async () => {
    const file = join(folder, 'exercise.mjs');
    writeFileSync(
      file,
      `import * as lzo1x from '@swaplab/ramzswap/lzo1x';\nconsole.log(JSON.stringify((${EXERCISE})(lzo1x)));\n`,
    );
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder, timeout: LIMIT_MS });
    expectRight(JSON.parse(stdout) as Answer);
    expect(stderr).to.equal('');
  });

  it('works in Chromium, without a complaint', async function () {
    // Which file a browser is given is for the package to say.
    const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      readonly exports: Readonly<Record<string, { readonly default: string }>>;
    };
    const entry = exports['./lzo1x']?.default.replace('./', '/') ?? '';
    if (!existsSync(EXECUTABLE)) return this.skip();
    const browser = await chromium.launch({
      executablePath: EXECUTABLE,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
      timeout: 30_000,
    });
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.route('**/*', async (route) => {
        const path = new URL(route.request().url()).pathname;
        if (path === '/')
          return route.fulfill({
            contentType: 'text/html',
            body: '<!doctype html><link rel="icon" href="data:,">',
          });
        return route.fulfill({
          contentType: 'text/javascript',
          body: readFileSync(join(installed, path), 'utf8'),
        });
      });
      await page.goto(`${ORIGIN}/`, { timeout: 20_000 });
      const answer = await page.evaluate(`import('${ORIGIN}${entry}').then(${EXERCISE})`);
      expectRight(answer as Answer);
      expect(complaints).to.deep.equal([]);
    } finally {
      await browser.close();
    }
  });
});
