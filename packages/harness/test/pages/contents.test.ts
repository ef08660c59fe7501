import { expect } from 'chai';
import fc from 'fast-check';

import {
  PAGE_SAME_FILLED,
  PAGE_STAMPED,
  PAGE_ZERO,
  PageContents,
  pageIndexFor,
  readStamp,
  STAMP_BYTES,
} from '#src/pages/contents.js';
import { harvestPages } from '#src/pages/corpus.js';
import { PAGE_BYTES } from '#src/pages/generate.js';
import { parsePagesSpec } from '#src/pages/spec.js';

const corpus = harvestPages(parsePagesSpec('synthetic:ratio=0.4,zero=0.2,same=0.3'), 1, 60);
const contents = new PageContents(corpus.bytes);

function pageOf(owner: number, page: number, version: number): Uint8Array {
  const out = new Uint8Array(PAGE_BYTES).fill(0xa5);
  contents.fill(owner, page, version, out);
  return out;
}

/** A version of page 5 of process 3 whose contents are of a kind. */
function versionOfKind(kind: number): number {
  for (let version = 1; version < 1000; version++) if (contents.kind(3, 5, version) === kind) return version;
  throw new Error('the corpus has no such page');
}

describe('the contents that pages must have', () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });

  it('carry a stamp of their owner, page and version, over a page of the corpus', () => {
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 0xffffffff }), (owner, page, version) => {
        fc.pre(contents.kind(owner, page, version) === PAGE_STAMPED);
        const bytes = pageOf(owner, page, version);
        expect(readStamp(bytes)).to.deep.equal({ owner, page, version });
        const index = pageIndexFor(owner, page, version, corpus.pages);
        const source = corpus.bytes.slice(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
        expect(Buffer.compare(bytes.subarray(STAMP_BYTES), source.subarray(STAMP_BYTES))).to.equal(0);
      }),
      { seed: 21 },
    );
  });

  it('match themselves and nothing else, zero pages excepted', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word, word), { minLength: 2, maxLength: 8 }), (writes) => {
        for (const [owner, page, version] of writes) {
          const actual = pageOf(owner, page, version);
          for (const [otherOwner, otherPage, otherVersion] of writes) {
            const isSame = owner === otherOwner && page === otherPage && version === otherVersion;
            const areZero =
              contents.kind(owner, page, version) === PAGE_ZERO &&
              contents.kind(otherOwner, otherPage, otherVersion) === PAGE_ZERO;
            expect(contents.matches(otherOwner, otherPage, otherVersion, actual)).to.equal(isSame || areZero);
          }
        }
      }),
      { seed: 22 },
    );
  });

  it('see one wrong bit anywhere in a page', () => {
    for (const kind of [PAGE_STAMPED, PAGE_ZERO, PAGE_SAME_FILLED]) {
      const version = versionOfKind(kind);
      const actual = pageOf(3, 5, version);
      expect(contents.matches(3, 5, version, actual)).to.equal(true);
      for (let at = 0; at < PAGE_BYTES; at += 7) {
        actual[at] = (actual[at] ?? 0) ^ 1;
        expect(contents.matches(3, 5, version, actual), `byte ${String(at)}`).to.equal(false);
        actual[at] = (actual[at] ?? 0) ^ 1;
      }
    }
  });

  it('are pure where the page of the corpus is zero or same-filled, with another word for each write', () => {
    expect(pageOf(3, 5, versionOfKind(PAGE_ZERO)).every((byte) => byte === 0)).to.equal(true);
    const fillers = new Set<number>();
    let writes = 0;
    for (let version = 1; version <= 500; version++) {
      if (contents.kind(3, 5, version) !== PAGE_SAME_FILLED) continue;
      const words = new Uint32Array(pageOf(3, 5, version).buffer);
      expect(words.every((value) => value === words[0])).to.equal(true);
      expect(words[0]).not.to.equal(0);
      fillers.add(words[0] ?? 0);
      writes++;
    }
    expect(writes).to.be.within(100, 200);
    expect(fillers.size).to.equal(writes);
  });

  it('are zeros before the first write', () => {
    expect(contents.kind(1, 2, 0)).to.equal(PAGE_ZERO);
    expect(pageOf(1, 2, 0).every((byte) => byte === 0)).to.equal(true);
  });

  it('use all pages of the corpus about equally often', () => {
    const used = new Array<number>(60).fill(0);
    for (let owner = 0; owner < 10; owner++) {
      for (let page = 0; page < 100; page++) {
        for (let version = 1; version <= 12; version++) {
          const index = pageIndexFor(owner, page, version, 60);
          used[index] = (used[index] ?? Number.NaN) + 1;
        }
      }
    }
    for (const times of used) expect(times).to.be.within(120, 280);
  });

  it('are told apart in words', () => {
    const stamped = versionOfKind(PAGE_STAMPED);
    const describe = (actual: Uint8Array): string => contents.describeDifference(3, 5, stamped, actual);
    const where = `page 5 of process 3, version ${String(stamped)}: `;
    const damaged = pageOf(3, 5, stamped);
    damaged[4000] = (damaged[4000] ?? 0) ^ 0xff;
    expect(describe(pageOf(3, 5, stamped))).to.equal(`${where}as it must be`);
    expect(describe(damaged)).to.equal(
      `${where}found its own stamp, but 1 of 4096 bytes differ, the first at 4000`,
    );
    expect(describe(new Uint8Array(PAGE_BYTES))).to.equal(`${where}found zeros`);
    expect(describe(new Uint8Array(PAGE_BYTES).fill(0xab))).to.equal(
      `${where}found a page filled with the word 0xabababab`,
    );
    expect(describe(new Uint8Array(3))).to.equal(`${where}read 3 bytes instead of a page`);
    let older = stamped + 1;
    while (contents.kind(3, 5, older) !== PAGE_STAMPED) older++;
    expect(describe(pageOf(3, 5, older))).to.equal(`${where}found its own version ${String(older)}`);
    let version = 1;
    while (contents.kind(4, 6, version) !== PAGE_STAMPED) version++;
    expect(describe(pageOf(4, 6, version))).to.equal(
      `${where}found page 6 of process 4, version ${String(version)}, in its place`,
    );
  });

  it('refuse buffers that are not a page and a corpus that is not pages', () => {
    expect(() => {
      contents.fill(1, 1, 1, new Uint8Array(4095));
    }).to.throw(RangeError);
    expect(contents.matches(1, 1, 1, new Uint8Array(4095))).to.equal(false);
    expect(() => new PageContents(new Uint8Array(0))).to.throw(RangeError);
    expect(() => new PageContents(new Uint8Array(5000))).to.throw(RangeError);
    expect(readStamp(new Uint8Array(PAGE_BYTES))).to.equal(null);
  });
});
