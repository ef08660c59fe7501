/**
 * `swaplab run --report FILE`: where the page goes, and what happens when it cannot be written.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { renderReport } from '#src/report/html/report.js';
import type { RunDocument } from '#src/run/document.js';

import { swaplab } from '../run/support.js';

const SMALL = [
  'run',
  '--swappers',
  '1',
  '--ops',
  '600',
  '--codec',
  'none',
  '--pages',
  'synthetic',
  '--seed',
  '1',
];

describe('swaplab run --report', function () {
  this.timeout(45_000);
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-report-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('writes the page of the document that it prints, and nothing else', async () => {
    const file = join(folder, 'r.html');
    const { code, out, err } = await swaplab([
      ...SMALL,
      '--policy',
      'none,notify',
      '--json',
      '--report',
      file,
    ]);
    expect(code, err).to.equal(0);
    expect(readFileSync(file, 'utf8')).to.equal(renderReport(JSON.parse(out) as RunDocument));
    expect(readdirSync(folder)).to.deep.equal(['r.html']);
  });

  it('exits with 3 and one sentence before it runs when the page cannot be written', async () => {
    const file = join(folder, 'missing', 'r.html');
    const { code, out, err } = await swaplab([...SMALL, '--report', file]);
    expect(code).to.equal(3);
    expect(out).to.equal('');
    expect(err).to.match(/^swaplab: the report cannot be written to .*r\.html: .*\(ENOENT\)\n$/);
  });
});
