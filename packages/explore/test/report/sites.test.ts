import { expect } from 'chai';
import { relativePath, SiteTable } from '#src/report/sites.js';
import { site } from './support.js';

describe('the sites of a report', () => {
  it('are those of all packages, with paths that are true everywhere', () => {
    const table = new SiteTable([
      { '17': site(123, 'SlotCounts.swapFree', 'Cells.st8') },
      { '-5': site(9, '', 'Cells.ld32', '/home/somebody/lab/packages/mine/src/ring.ts') },
    ]);
    expect(table.size).to.equal(2);
    expect(table.place(17)).to.equal('packages/kernel-mm/src/swap/counts.ts:123 SlotCounts.swapFree');
    expect(table.place(-5)).to.equal('packages/mine/src/ring.ts:9');
    expect(table.lookup(17)!.primitive).to.equal('Cells.st8');
  });

  it('have no place for a site that no table knows', () => {
    expect(new SiteTable().place(0)).to.equal('');
    expect(new SiteTable().lookup(4)).to.equal(undefined);
  });

  it('never name a folder of this machine', () => {
    expect(relativePath('src/a.ts')).to.equal('src/a.ts');
    expect(relativePath('./src/a.ts')).to.equal('src/a.ts');
    expect(relativePath('/tmp/x/y/a.mjs')).to.equal('y/a.mjs');
    expect(relativePath('file:///tmp/x/packages/p/a.ts')).to.equal('packages/p/a.ts');
    expect(relativePath('C:\\work\\lab\\a.ts')).to.equal('lab/a.ts');
    expect(relativePath('../../elsewhere/b/a.ts')).to.equal('b/a.ts');
  });
});
