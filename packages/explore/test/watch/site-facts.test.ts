import { expect } from 'chai';
import {
  SITE_ATOMIC_LOAD,
  SITE_ATOMIC_STORE,
  SITE_RACY,
  siteFactsOf,
  SiteTable,
} from '#src/watch/site-facts.js';

describe('what is known about sites', () => {
  it('is gathered from the files of several packages', () => {
    const facts = siteFactsOf([
      { 11: { primitive: 'Cells.ld32', racy: 'a hint' }, 12: { primitive: 'Cells.atomicLoad' } },
      { 13: { primitive: 'Cells.atomicStore' }, 14: { primitive: 'WaitQueue.prepareToWait' } },
      { 15: { primitive: 'Cells.st32' }, 16: { primitive: 'Cells.atomicAdd' } },
    ]);
    expect(facts).to.deep.equal({ racy: [11], atomicLoads: [12, 14], atomicStores: [13], unsited: false });
  });

  it('is found again for each of many sites, and for no others', () => {
    const every = (step: number, from: number): number[] =>
      Array.from({ length: 400 }, (_, index) => from + index * step);
    const facts = { racy: every(3, 1), atomicLoads: every(1 << 20, 2), atomicStores: [2], unsited: false };
    const table = new SiteTable(facts);
    for (const site of facts.racy) expect(table.bitsOf(site) & SITE_RACY, String(site)).to.equal(SITE_RACY);
    for (const site of facts.atomicLoads)
      expect(table.bitsOf(site) & SITE_ATOMIC_LOAD).to.equal(SITE_ATOMIC_LOAD);
    expect(table.bitsOf(2)).to.equal(SITE_ATOMIC_LOAD | SITE_ATOMIC_STORE);
    for (const site of [0, 3, 5000, 1 << 29]) expect(table.bitsOf(site)).to.equal(0);
  });

  it('is nothing where there are no facts', () => {
    const table = new SiteTable({ racy: [], atomicLoads: [], atomicStores: [], unsited: true });
    expect(table.bitsOf(0)).to.equal(0);
    expect(table.bitsOf(17)).to.equal(0);
  });
});
