import { expect } from 'chai';
import fc from 'fast-check';

import { mix32, Random, UINT32_RANGE } from '#src/random.js';

describe('the seeded random numbers', () => {
  it('never change what a seed gives', () => {
    const first = (seed: number): number[] => {
      const random = new Random(seed);
      return [random.next(), random.next(), random.next(), random.next()];
    };
    expect(first(0)).to.deep.equal([0x77daffa4, 0xe5854a1d, 0xc9c22311, 0x85cc5ab1]);
    expect(first(1)).to.deep.equal([0xff899142, 0x437ac0f6, 0xb7c40110, 0x7d480cec]);
    expect(first(0xffffffff)).to.deep.equal([0x43b35cc7, 0x6043699a, 0x9bcc5734, 0x3a97b619]);
    expect(new Random(1).fork('pages').next()).to.equal(0xb1a67413);
  });

  it('give every value below a bound, and no other, about equally often', () => {
    for (const bound of [1, 2, 3, 10, 97]) {
      const random = new Random(bound);
      const seen = new Array<number>(bound).fill(0);
      for (let draw = 0; draw < 1000 * bound; draw++) {
        const value = random.below(bound);
        seen[value] = (seen[value] ?? Number.NaN) + 1;
      }
      for (const times of seen) expect(times, `bound ${String(bound)}`).to.be.within(800, 1200);
    }
  });

  it('keep the bound where a plain remainder would be skewed', () => {
    // Two thirds of the range: a remainder would make the lower half of the values twice as likely.
    const bound = Math.floor((UINT32_RANGE / 3) * 2);
    const random = new Random(7);
    let low = 0;
    for (let draw = 0; draw < 10_000; draw++) if (random.below(bound) < bound / 2) low++;
    expect(low).to.be.within(4700, 5300);
  });

  it('are true as often as a chance says', () => {
    const random = new Random(3);
    let hits = 0;
    for (let draw = 0; draw < 10_000; draw++) if (random.chance(1, 4)) hits++;
    expect(hits).to.be.within(2300, 2700);
    expect(random.chance(0, 5)).to.equal(false);
    expect(random.chance(5, 5)).to.equal(true);
  });

  it('fork by label, whatever was drawn before', () => {
    const used = new Random(9);
    for (let draw = 0; draw < 10; draw++) used.next();
    expect(used.fork('a').next()).to.equal(new Random(9).fork('a').next());
    expect(used.fork('a').next()).not.to.equal(used.fork('b').next());
    expect(used.fork(0).next()).not.to.equal(used.fork(1).next());
    expect(new Random(1).fork('a').next()).not.to.equal(new Random(2).fork('a').next());
  });

  it('refuse what is not a seed or a bound', () => {
    for (const seed of [-1, 0.5, UINT32_RANGE, Number.NaN])
      expect(() => new Random(seed)).to.throw(RangeError);
    for (const bound of [0, -1, 1.5, UINT32_RANGE + 1, Number.NaN]) {
      expect(() => new Random(1).below(bound)).to.throw(RangeError);
    }
    expect(new Random(1).below(UINT32_RANGE)).to.be.within(0, UINT32_RANGE - 1);
  });

  it('mix without collisions', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (left, right) => left === right || mix32(left) !== mix32(right)),
      { seed: 1 },
    );
  });
});
