import { expect } from 'chai';

import { UsageError } from '#src/errors.js';
import { parsePagesSpec } from '#src/pages/spec.js';

describe('what --pages may say', () => {
  it('is default, or synthetic with what is left out assumed', () => {
    expect(parsePagesSpec('default')).to.deep.equal({ kind: 'default' });
    const assumed = { kind: 'synthetic', ratio: 0.45, zero: 0, same: 0 };
    expect(parsePagesSpec('synthetic')).to.deep.equal(assumed);
    expect(parsePagesSpec('synthetic:zero=0.5,same=.5')).to.deep.equal({ ...assumed, zero: 0.5, same: 0.5 });
    expect(parsePagesSpec('synthetic:ratio=1')).to.deep.equal({ ...assumed, ratio: 1 });
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['', /pages "" are not available.*allowed now: default, synthetic/],
    ['pid:1', /pages "pid:1" are not available: .*come later/],
    ['/tmp/pages', /come later/],
    ['synthetic:', /not understood; allowed: ratio=R/],
    ['synthetic:ratio', /"ratio" .* not understood/],
    ['synthetic:ratio=-1', /not understood/],
    ['synthetic:ratio=1e9', /not understood/],
    ['synthetic:size=1', /"size=1" .* not understood/],
    ['synthetic:ratio=0.01', /ratio=0\.01 .* allowed: 0\.05 to 1/],
    ['synthetic:zero=1.5', /zero=1\.5 .* allowed: 0 to 1/],
    ['synthetic:zero=0.1,zero=0.2', /zero is given twice/],
    ['synthetic:zero=0.6,same=0.5', /add up to 1\.1; allowed: at most 1/],
  ];
  for (const [text, sentence] of refused) {
    it(`is not "${text}"`, () => {
      expect(() => parsePagesSpec(text))
        .to.throw(UsageError, sentence)
        .with.property('exitCode', 2);
    });
  }
});
