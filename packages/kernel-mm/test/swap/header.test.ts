import { expect } from 'chai';
import fc from 'fast-check';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { MisuseError } from '#src/errno.js';
import { buildSwapHeader, MAX_SWAP_BADPAGES, parseSwapHeader } from '#src/swap/header.js';
import { createSwapMachine, DISK_PAGES } from './machine.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);

describe('a swap header', () => {
  it('has its fields where the format wants them', () => {
    const bytes = buildSwapHeader({ lastPage: 255, badpages: [7, 9], label: 'lab' });
    const view = new DataView(bytes.buffer);
    expect(bytes).to.have.length(PAGE_SIZE);
    expect([1024, 1028, 1032, 1536, 1540].map((at) => view.getUint32(at, true))).to.deep.equal([
      1, 255, 2, 7, 9,
    ]);
    expect(String.fromCharCode(...bytes.subarray(1052, 1055))).to.equal('lab');
    expect(String.fromCharCode(...bytes.subarray(4086))).to.equal('SWAPSPACE2');
  });

  for (const seed of [3, RANDOM_SEED]) {
    it(`is read as it was written, in either byte order (seed ${seed})`, () => {
      const word = fc.integer({ min: 0, max: 0xffff_ffff });
      const fields = fc.record({
        lastPage: word,
        badpages: fc.array(word, { maxLength: MAX_SWAP_BADPAGES }),
        bigEndian: fc.boolean(),
      });
      fc.assert(
        fc.property(fields, (wanted) => {
          expect(parseSwapHeader(buildSwapHeader(wanted))).to.deep.equal({
            version: 1,
            lastPage: wanted.lastPage,
            nrBadpages: wanted.badpages.length,
            badpages: wanted.badpages,
            swapped: wanted.bigEndian,
          });
        }),
        { seed },
      );
    });

    it(`with flipped bits or of garbage neither crashes swapon nor leaves anything behind (seed ${seed})`, () => {
      const machine = createSwapMachine();
      const before = machine.footprint();
      const flips = fc.array(fc.integer({ min: 1024 * 8, max: PAGE_SIZE * 8 - 1 }), {
        minLength: 1,
        maxLength: 6,
      });
      const start = fc.record({
        lastPage: fc.integer({ min: 0, max: DISK_PAGES + 1 }),
        badpages: fc.array(fc.integer({ min: 0, max: DISK_PAGES + 1 }), { maxLength: 4 }),
        bigEndian: fc.boolean(),
      });
      fc.assert(
        fc.property(start, flips, (fields, bits) => {
          const bytes = buildSwapHeader(fields);
          for (const bit of bits) bytes[bit >> 3]! ^= 1 << (bit & 7);
          machine.writeFirstPage('ram0', bytes);
          const type = machine.swap.on.swapon('/dev/ram0', 0);
          if (type >= 0) {
            const max = machine.field(type, 'max');
            expect(max).to.be.within(2, DISK_PAGES);
            expect(machine.broken()).to.deep.equal([]);
            expect(machine.swap.off.swapoff('/dev/ram0')).to.equal(0);
          } else {
            expect(type).to.equal(-22);
          }
          expect(machine.footprint()).to.deep.equal(before);
          machine.log();
        }),
        { seed, numRuns: 150 },
      );
    });
  }

  it('is not read from anything but a page with the signature', () => {
    expect(parseSwapHeader(new Uint8Array(PAGE_SIZE))).to.equal(null);
    expect(parseSwapHeader(buildSwapHeader({ lastPage: 9 }).subarray(1))).to.equal(null);
    const old = buildSwapHeader({ lastPage: 9 });
    for (const [index, letter] of Array.from('SWAP-SPACE').entries())
      old[4086 + index] = letter.charCodeAt(0);
    expect(parseSwapHeader(old)).to.equal(null);
  });

  it('with more bad pages than fit has none of them read', () => {
    for (const littleEndian of [true, false]) {
      const bytes = buildSwapHeader({ lastPage: 9, bigEndian: !littleEndian });
      new DataView(bytes.buffer).setUint32(1032, MAX_SWAP_BADPAGES + 1, littleEndian);
      expect(parseSwapHeader(bytes)).to.deep.include({ nrBadpages: 638, badpages: [] });
    }
  });

  it('cannot be built from what does not fit', () => {
    const tooMany = Array.from({ length: 638 }, () => 1);
    expect(() => buildSwapHeader({ lastPage: -1 })).to.throw(MisuseError, 'last page');
    expect(() => buildSwapHeader({ lastPage: 1, badpages: [1.5] })).to.throw(MisuseError, 'bad page');
    expect(() => buildSwapHeader({ lastPage: 1, badpages: tooMany })).to.throw(MisuseError, '638');
    expect(() => buildSwapHeader({ lastPage: 1, label: 'seventeen letters' })).to.throw(MisuseError, '17');
  });
});
