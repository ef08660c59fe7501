import { resolve } from 'node:path';

import { expect } from 'chai';

import { UsageError } from '#src/errors.js';
import { pagesSpecOfPath, parsePagesSpec } from '#src/pages/spec.js';

describe('what --pages may say', () => {
  it('is default, or synthetic with what is left out assumed', () => {
    expect(parsePagesSpec('default')).to.deep.equal({ kind: 'default' });
    const assumed = { kind: 'synthetic', ratio: 0.45, zero: 0, same: 0 };
    expect(parsePagesSpec('synthetic')).to.deep.equal(assumed);
    expect(parsePagesSpec('synthetic:zero=0.5,same=.5')).to.deep.equal({ ...assumed, zero: 0.5, same: 0.5 });
    expect(parsePagesSpec('synthetic:ratio=1')).to.deep.equal({ ...assumed, ratio: 1 });
  });

  it('is a process by its number', () => {
    expect(parsePagesSpec('pid:1')).to.deep.equal({ kind: 'process', pid: 1 });
    expect(parsePagesSpec('pid:2147483647')).to.deep.equal({ kind: 'process', pid: 2 ** 31 - 1 });
  });

  it('is a path, unless it looks like something else', () => {
    for (const path of ['/tmp/pages', 'pages', './default', 'synthetics', 'a file', '-', 'pids:1']) {
      expect(parsePagesSpec(path)).to.deep.equal({ kind: 'path', path });
    }
    for (const path of ['pages', 'default', 'synthetic', 'synthetic:x', 'pid:1', 'pid:x', '/default']) {
      const spec = parsePagesSpec(pagesSpecOfPath(path));
      expect(spec.kind).to.equal('path');
      if (spec.kind === 'path') expect(resolve(spec.path)).to.equal(resolve(path));
    }
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['', /^pages "" are not possible; allowed: FILE, DIR, pid:N, default, synthetic:/],
    ['a\0b', /^pages "a\\u0000b" are not possible/],
    ['pid:', /^pages "pid:" name no process; allowed: pid:N with N from 1 to 2147483647$/],
    ['pid:0', /name no process/],
    ['pid:-1', /name no process/],
    ['pid:self', /name no process/],
    ['pid:2147483648', /name no process/],
    ['pid:1 ', /name no process/],
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
    it(`is not ${JSON.stringify(text)}`, () => {
      expect(() => parsePagesSpec(text))
        .to.throw(UsageError, sentence)
        .with.property('exitCode', 2);
    });
  }
});
