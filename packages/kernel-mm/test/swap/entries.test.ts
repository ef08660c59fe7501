import { expect } from 'chai';
import fc from 'fast-check';
import {
  formatEntry,
  isSwapPte,
  maxPagesOfPte,
  pteToSwpEntry,
  SWP_OFFSET_MASK,
  swpEntry,
  swpEntryToPte,
  swpOffset,
  swpType,
} from '#src/swap/entries.js';
import { layoutSwap } from '#src/swap/swap-core.js';
import { Layout } from '#src/arena/layout.js';
import { LockClasses } from '#src/sync/lock-classes.js';
import { MisuseError } from '#src/errno.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);

describe('swap entries', () => {
  it('have the type in bits 27 to 31 and the slot below', () => {
    expect(swpEntry(0, 1)).to.equal(1);
    expect(swpEntry(1, 0)).to.equal(0x0800_0000);
    expect(swpEntry(31, SWP_OFFSET_MASK)).to.equal(0xffff_ffff);
    expect(swpEntry(2, 2 ** 27 + 5)).to.equal(swpEntry(2, 5));
  });

  it('become ptes with the type in bits 1 to 5 and the slot from bit 9 on', () => {
    expect(swpEntryToPte(swpEntry(1, 1))).to.equal(0x202);
    expect(swpEntryToPte(swpEntry(31, 2 ** 23 - 1))).to.equal(0xffff_fe3e);
  });

  it('fit 2^23 slots of an area into a pte', () => {
    expect(maxPagesOfPte()).to.equal(2 ** 23);
  });

  for (const seed of [7, RANDOM_SEED]) {
    it(`survive the way through both forms (seed ${seed})`, () => {
      const type = fc.integer({ min: 0, max: 31 });
      const slot = fc.integer({ min: 1, max: 2 ** 23 - 1 });
      fc.assert(
        fc.property(type, slot, (aType, aSlot) => {
          const entry = swpEntry(aType, aSlot);
          expect([swpType(entry), swpOffset(entry)]).to.deep.equal([aType, aSlot]);
          const pte = swpEntryToPte(entry);
          expect(pteToSwpEntry(pte)).to.equal(entry);
          expect(isSwapPte(pte)).to.equal(true);
        }),
        { seed },
      );
    });
  }

  it('are not confused with empty, present or file ptes', () => {
    expect(isSwapPte(0)).to.equal(false);
    expect(isSwapPte(0x203)).to.equal(false);
    expect(isSwapPte(0x242)).to.equal(false);
  });

  it('are logged in hexadecimal with at least 8 digits', () => {
    expect(formatEntry(0x2a)).to.equal('0000002a');
    expect(formatEntry(swpEntry(31, 1))).to.equal('f8000001');
  });
});

describe('the table of areas', () => {
  for (const maxSwapfiles of [28, 33, 29.5]) {
    it(`cannot have ${maxSwapfiles} entries`, () => {
      expect(() => layoutSwap(new Layout(), new LockClasses(), { maxSwapfiles })).to.throw(
        MisuseError,
        '29 to 32',
      );
    });
  }
});
