import { createCodec } from '@swaplab/ramzswap';
import { expect } from 'chai';

import { bankOfSizes } from '#src/replay/page-bank.js';
import type { KernelSample } from '#src/replay/samples.js';
import { SizeDistribution } from '#src/replay/size-distribution.js';
import type { RunCodec } from '#src/run/options.js';

const DRAWS = 20_000;

function sample(tUs: number, pages: number, meanBytes: number, same = 0, raw = 0): KernelSample {
  return {
    tUs,
    live: pages,
    comprBytes: (pages - same) * meanBytes,
    memBytes: null,
    stored: pages,
    same,
    raw,
  };
}

describe('the sizes of pages that a trace has', () => {
  /** Bytes of a page on average, and shares, over evenly spread draws. */
  function drawn(
    sizes: SizeDistribution,
    tUs = 0,
  ): { mean: number; raw: number; same: number; most: number } {
    let [bytes, pages, raw, same, most] = [0, 0, 0, 0, 0];
    for (let index = 0; index < DRAWS; index++) {
      const page = sizes.draw(Math.floor((index / DRAWS) * 2 ** 32), tUs);
      if (page.kind === 'same-filled') same++;
      else pages++;
      if (page.kind === 'raw') raw++;
      if (page.kind === 'raw') bytes += 4096;
      if (page.kind === 'compressed') bytes += page.bytes;
      if (page.kind === 'compressed') most = Math.max(most, page.bytes);
    }
    return { mean: bytes / pages, raw: raw / pages, same: same / DRAWS, most };
  }

  it('are those of real programs where nothing else is known', () => {
    const { mean, raw, same, most } = drawn(new SizeDistribution('lzo1x-2010', null));
    expect(mean).to.be.closeTo(1910, 40);
    expect(raw).to.be.closeTo(0.081, 0.001);
    expect(same).to.be.closeTo(0.02, 0.001);
    expect(most).to.equal(3072);
    expect(drawn(new SizeDistribution('lz4', null)).mean).to.be.greaterThan(mean + 50);
  });

  it('have the mean and the shares of the samples', () => {
    for (const wanted of [700, 1500, 2400]) {
      const samples = [sample(0, 100, wanted, 10, 9), sample(100, 1000, wanted, 100, 90)];
      const { mean, raw, same } = drawn(new SizeDistribution('lzo1x-2010', samples), 50);
      expect(mean).to.be.closeTo(wanted, wanted / 50);
      expect(raw).to.be.closeTo(0.1, 0.002);
      expect(same).to.be.closeTo(0.1, 0.002);
    }
  });

  it('follow the samples over time', () => {
    const sizes = new SizeDistribution('lzo1x-2010', [sample(0, 1000, 1500), sample(100, 1000, 1800)]);
    expect(drawn(sizes, -5).mean).to.be.closeTo(1500, 40);
    expect(drawn(sizes, 1).mean).to.be.closeTo(1800, 40);
    expect(drawn(sizes, 500).mean).to.be.closeTo(1800, 40);
  });

  it('come from programs when samples say nothing of bytes', () => {
    const bare = { ...sample(0, 10, 0), comprBytes: null, stored: null, same: null, raw: null };
    expect(new SizeDistribution('lzo1x-2010', [bare]).fromSamples).to.equal(false);
  });

  for (const codec of ['lzo1x-2010', 'lzo-rle', 'lz4', 'deflate'] as const satisfies readonly RunCodec[]) {
    it(`are had by the pages of a bank when ${codec} compresses them`, function () {
      this.timeout(30_000);
      const sizes = new SizeDistribution(codec, [sample(0, 1000, 1700, 20, 80)]);
      const bank = bankOfSizes(sizes, codec, 3);
      const compressor = createCodec(codec);
      const work = new Int32Array(compressor.workBytes / 4);
      const output = new Uint8Array(compressor.maxCompressedBytes(4096));
      const sizeOf = Array.from({ length: bank.pages }, (_, page) => {
        const bytes = compressor.compress(bank.bytes, page * 4096, 4096, output, 0, output.length, work, 0);
        return bytes > 3072 ? 4096 : bytes;
      });
      let total = 0;
      for (let write = 1; write <= 4000; write++) total += sizeOf[bank.choose(write, 0)] ?? 0;
      expect(total / 4000).to.be.closeTo(1700, 40);
      // Each short stretch of writes has about the same mean, not only all of them together.
      for (let first = 1; first < 4000; first += 200) {
        let stretch = 0;
        for (let write = first; write < first + 200; write++) stretch += sizeOf[bank.choose(write, 0)] ?? 0;
        expect(stretch / 200).to.be.closeTo(1700, 120);
      }
    });
  }
});
