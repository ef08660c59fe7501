import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';

import { expect } from 'chai';

import { EnvironmentError } from '#src/errors.js';
import { harvestPages, type PageCorpus } from '#src/pages/corpus.js';
import { PAGE_BYTES } from '#src/pages/generate.js';
import { parsePagesSpec } from '#src/pages/spec.js';

function pagesOf(corpus: PageCorpus): Uint8Array[] {
  return Array.from({ length: corpus.pages }, (_, index) =>
    corpus.bytes.slice(index * PAGE_BYTES, (index + 1) * PAGE_BYTES),
  );
}

const isZero = (page: Uint8Array): boolean => page.every((byte) => byte === 0);
const isSameFilled = (page: Uint8Array): boolean =>
  !isZero(page) && page.every((byte, at) => at < 4 || byte === page[at - 4]);

describe('the corpus of pages', () => {
  it('is shared memory of the size asked for, with its hash', () => {
    for (const spec of ['default', 'synthetic']) {
      const corpus = harvestPages(parsePagesSpec(spec), 1, 100);
      expect(corpus.bytes.buffer).to.be.instanceOf(SharedArrayBuffer);
      expect(corpus.bytes).to.have.length(100 * PAGE_BYTES);
      expect(corpus.hash).to.equal(createHash('sha256').update(corpus.bytes.slice()).digest('hex'));
    }
  });

  it('is the same for the same seed, and another for another', () => {
    for (const spec of ['default', 'synthetic:ratio=0.3,zero=0.1']) {
      const hash = (seed: number): string => harvestPages(parsePagesSpec(spec), seed, 64).hash;
      expect(hash(1)).to.equal(hash(1));
      expect(hash(1)).not.to.equal(hash(2));
    }
  });

  it('never changes what a seed gives for a synthetic specification', () => {
    const corpus = harvestPages(parsePagesSpec('synthetic:ratio=0.4,zero=0.1,same=0.1'), 1, 32);
    expect(corpus.hash).to.equal('acecdcfc8cdfefb45399a38413861c0466c7e7601b5c4b26df175c649939530c');
  });

  it('has the shares of zero and same-filled pages that were asked for', () => {
    const pages = pagesOf(harvestPages(parsePagesSpec('synthetic:zero=0.25,same=0.125'), 5, 200));
    expect(pages.filter(isZero)).to.have.length(50);
    expect(pages.filter(isSameFilled)).to.have.length(25);
    expect(pagesOf(harvestPages(parsePagesSpec('synthetic:zero=1'), 5, 10)).every(isZero)).to.equal(true);
  });

  for (const ratio of [0.1, 0.3, 0.5, 0.75, 1]) {
    it(`compresses to about ${String(ratio)} of its size when that was asked for`, () => {
      const pages = pagesOf(harvestPages(parsePagesSpec(`synthetic:ratio=${String(ratio)}`), 3, 100));
      const bytes = pages.reduce((sum, page) => sum + deflateRawSync(page, { level: 1 }).length, 0);
      expect(bytes / (100 * PAGE_BYTES)).to.be.within(ratio - 0.04, ratio + 0.04);
    });
  }

  it('mixes pages of a file with all sorts of generated ones', () => {
    const folder = mkdtempSync(join(tmpdir(), 'swaplab-corpus-'));
    try {
      // Every second page of this file is zero; the others carry a mark and their number.
      const file = Buffer.alloc(400 * PAGE_BYTES);
      for (let page = 0; page < 400; page += 2) file.write(`mark ${String(page)} `, page * PAGE_BYTES);
      writeFileSync(join(folder, 'executable'), file);
      const corpus = harvestPages({ kind: 'default' }, 1, 200, join(folder, 'executable'));
      expect(corpus.hash, 'never changes for a seed and a file').to.equal(
        'b6d297c78eb12ba8f14d9636b0c464480360539d915148c6b31225585a5effb5',
      );
      const pages = pagesOf(corpus);
      const marks = pages.map((page) => /^mark \d+/.exec(Buffer.from(page).toString('latin1'))?.[0]);
      const found = marks.filter((mark) => mark !== undefined);
      expect(found.length).to.be.within(80, 90);
      expect(new Set(found).size, 'no page comes twice').to.equal(found.length);
      expect(corpus.description).to.contain(`${String(found.length)} pages of the Node executable`);
      expect(pages.filter(isZero), 'the share of zero pages is not larger').to.have.length(14);
      expect(pages.filter(isSameFilled)).to.have.length(6);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('fills up with generated pages when the file is too small', () => {
    const folder = mkdtempSync(join(tmpdir(), 'swaplab-corpus-'));
    try {
      writeFileSync(join(folder, 'executable'), Buffer.alloc(3 * PAGE_BYTES + 17, 'abcde'));
      const corpus = harvestPages({ kind: 'default' }, 1, 100, join(folder, 'executable'));
      expect(corpus.description).to.match(/^3 pages of the Node executable.* 42 more text$/);
      expect(pagesOf(corpus).filter(isZero)).to.have.length(7);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says what is missing when the file cannot be read', () => {
    expect(() => harvestPages({ kind: 'default' }, 1, 100, '/nonexistent/node'))
      .to.throw(EnvironmentError, /\/nonexistent\/node cannot be read.*--pages synthetic/)
      .with.property('exitCode', 3);
    expect(() => harvestPages({ kind: 'default' }, 1, 0)).to.throw(RangeError);
  });
});
