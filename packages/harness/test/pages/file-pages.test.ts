import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { EnvironmentError } from '#src/errors.js';
import { harvestPages, harvestPagesInTurns, keepPages, type PageCorpus } from '#src/pages/corpus.js';
import { PAGE_BYTES } from '#src/pages/generate.js';
import { parsePagesSpec } from '#src/pages/spec.js';

/** A page whose every byte is the same. */
const pageOf = (value: number): Buffer => Buffer.alloc(PAGE_BYTES, value);

function firstBytes(corpus: PageCorpus): number[] {
  return Array.from({ length: corpus.pages }, (_, page) => corpus.bytes[page * PAGE_BYTES] ?? -1);
}

describe('pages of files', () => {
  let folder = '';
  const path = (...names: string[]): string => join(folder, ...names);
  const harvest = (name: string, pages = 8, seed = 1): PageCorpus =>
    harvestPages(parsePagesSpec(path(name)), seed, pages);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-files-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('are all pages in order, the last one filled up with zeros, when there is room', () => {
    writeFileSync(path('file'), Buffer.concat([pageOf(0), pageOf(1), Buffer.alloc(17, 3)]));
    const corpus = harvest('file');
    expect(corpus.pages).to.equal(3);
    expect(corpus.bytes.buffer).to.be.instanceOf(SharedArrayBuffer);
    expect(Buffer.from(corpus.bytes)).to.deep.equal(
      Buffer.concat([pageOf(0), pageOf(1), Buffer.alloc(17, 3), Buffer.alloc(PAGE_BYTES - 17)]),
    );
    expect(corpus.description).to.equal(`3 pages of the file ${path('file')}`);
  });

  it('are spread over a file that is larger, by the seed', () => {
    writeFileSync(path('file'), Buffer.concat(Array.from({ length: 200 }, (_, page) => pageOf(page))));
    const corpus = harvest('file', 20);
    const chosen = firstBytes(corpus);
    for (const [index, page] of chosen.entries()) expect(page).to.be.within(index * 10, index * 10 + 9);
    expect(corpus.description).to.match(/^20 of 200 pages of the file /);
    expect(harvest('file', 20).hash).to.equal(corpus.hash);
    expect(harvest('file', 20, 2).hash).not.to.equal(corpus.hash);
  });

  it('are read from anywhere in a huge file, in no more memory than the corpus has', () => {
    writeFileSync(path('file'), '');
    truncateSync(path('file'), 2 ** 40);
    const corpus = harvest('file', 4);
    expect(corpus.pages).to.equal(4);
    expect(corpus.description).to.match(/^4 of 268,435,456 pages/);
  });

  it('come from all files below a directory, in the order of names, each file in pages of its own', () => {
    mkdirSync(path('d', 'b'), { recursive: true });
    writeFileSync(path('d', 'c'), pageOf(3));
    writeFileSync(path('d', 'a'), Buffer.concat([pageOf(1), Buffer.alloc(1, 9)]));
    writeFileSync(path('d', 'b', 'x'), pageOf(2));
    writeFileSync(path('d', 'empty'), '');
    const corpus = harvest('d');
    expect(firstBytes(corpus)).to.deep.equal([1, 9, 2, 3]);
    expect(corpus.description).to.equal(`4 pages of 3 files below ${path('d')}`);
    const two = firstBytes(harvest('d', 2));
    expect([1, 9]).to.include(two[0]);
    expect([2, 3]).to.include(two[1]);
  });

  it('do not come through links, so that a loop is no trap, nor from pipes', function () {
    if (process.platform === 'win32') this.skip();
    mkdirSync(path('d'));
    writeFileSync(path('d', 'file'), pageOf(1));
    symlinkSync('..', path('d', 'up'));
    symlinkSync('file', path('d', 'again'));
    execFileSync('mkfifo', [path('d', 'pipe')]);
    symlinkSync('d', path('link'));
    const corpus = harvest('link');
    expect(corpus.pages).to.equal(1);
    expect(corpus.description).to.match(/^1 page of 1 file below .*; left out: 3 links and special files$/);
  });

  it('leave out what may not be read, and count it', function () {
    if (process.platform === 'win32' || process.getuid?.() === 0) this.skip();
    mkdirSync(path('d', 'closed'), { recursive: true, mode: 0o000 });
    writeFileSync(path('d', 'secret'), pageOf(1), { mode: 0o000 });
    writeFileSync(path('d', 'file'), pageOf(2));
    expect(harvest('d').description).to.match(
      /^1 page of 1 file .*; left out: 2 entries that cannot be read$/,
    );
  });

  it('are the same in one go and in turns', async () => {
    writeFileSync(path('file'), Buffer.concat(Array.from({ length: 200 }, (_, page) => pageOf(page))));
    for (const text of [path('file'), folder, 'default', 'synthetic:zero=0.5']) {
      const spec = parsePagesSpec(text);
      expect((await harvestPagesInTurns(spec, 5, 100)).hash, text).to.equal(harvestPages(spec, 5, 100).hash);
    }
  });

  it('are not read any further once that is interrupted', async () => {
    const reason = new Error('enough');
    const asked = harvestPagesInTurns(parsePagesSpec('/'), 1, 100, AbortSignal.abort(reason));
    expect(await asked.catch((error: unknown) => error)).to.equal(reason);
    const interrupt = new AbortController();
    const started = harvestPagesInTurns(parsePagesSpec('/'), 1, 100, interrupt.signal);
    interrupt.abort(reason);
    expect(await started.catch((error: unknown) => error)).to.equal(reason);
  });

  it('can be kept in a file, and give the same corpus again', () => {
    const corpus = harvestPages(parsePagesSpec('synthetic:zero=0.1,same=0.1'), 3, 30);
    keepPages(corpus, path('kept'));
    expect(statSync(path('kept')).size).to.equal(30 * PAGE_BYTES);
    if (process.platform !== 'win32') expect(statSync(path('kept')).mode & 0o777).to.equal(0o600);
    expect(harvest('kept', 30, 99).hash).to.equal(corpus.hash);
    expect(harvest('kept', 1024, 99).hash).to.equal(corpus.hash);
  });

  const impossible: readonly (readonly [string, () => void, RegExp])[] = [
    ['a file that is not there', () => {}, /no such file or directory \(ENOENT\)$/],
    ['an empty file', () => writeFileSync(path('x'), ''), /: it is empty$/],
    ['an empty directory', () => mkdirSync(path('x')), /no file below it can be read and has contents$/],
  ];
  for (const [what, make, sentence] of impossible) {
    it(`cannot be had from ${what}`, () => {
      make();
      expect(() => harvest('x'))
        .to.throw(EnvironmentError, sentence)
        .with.property('exitCode', 3);
      expect(() => harvest('x')).to.throw(`pages cannot be read from ${path('x')}: `);
    });
  }

  it('cannot be had from a device', function () {
    if (process.platform === 'win32') this.skip();
    expect(() => harvestPages(parsePagesSpec('/dev/zero'), 1, 8)).to.throw(
      EnvironmentError,
      'pages cannot be read from /dev/zero: it is neither a file nor a directory',
    );
  });
});
