import { expect } from 'chai';
import fc from 'fast-check';

import { PageRoom, Reservoir, spreadChoice } from '#src/pages/gathering.js';
import { Random } from '#src/random.js';

const seed = Math.floor(Math.random() * 2 ** 32);

describe('a choice of pages', () => {
  it('takes one from each equal stretch, all when there are few', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 45 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (total, wanted, chance) => {
          const chosen = spreadChoice(total, wanted, new Random(chance));
          expect(chosen).to.have.length(Math.min(total, wanted));
          for (const [index, value] of chosen.entries()) {
            expect(value).to.be.at.least(Math.floor((index * total) / chosen.length));
            expect(value).to.be.below(Math.floor(((index + 1) * total) / chosen.length));
          }
        },
      ),
      { seed: 41 },
    );
    expect(spreadChoice(5, 9, new Random(1))).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it('is another one for another seed', () => {
    const choice = (chance: number): string => spreadChoice(100_000, 50, new Random(chance)).join();
    expect(choice(1)).to.equal(choice(1));
    expect(choice(1)).not.to.equal(choice(2));
  });

  it(`keeps each of what arrives with the same probability (seed ${String(seed)})`, () => {
    const [offered, room, rounds] = [20, 5, 4000];
    const kept = new Array<number>(offered).fill(0);
    const first = new Array<number>(offered).fill(0);
    for (let round = 0; round < rounds; round++) {
      const reservoir = new Reservoir(room, new Random(seed).fork(round));
      for (let value = 0; value < offered; value++) reservoir.offer(value);
      const values = reservoir.shuffled();
      expect(new Set(values).size).to.equal(room);
      for (const value of values) kept[value] = (kept[value] ?? 0) + 1;
      first[values[0] ?? 0] = (first[values[0] ?? 0] ?? 0) + 1;
    }
    // Expected are 1000 and 200; the bounds are more than six standard deviations away.
    for (const count of kept) expect(count).to.be.within(820, 1180);
    for (const count of first) expect(count).to.be.within(110, 290);
  });

  it('keeps the order where nothing is left out', () => {
    const reservoir = new Reservoir(4, new Random(1));
    for (const value of [9, 8, 7]) reservoir.offer(value);
    expect(reservoir.shuffled()).to.deep.equal([9, 8, 7]);
    expect(reservoir.seen).to.equal(3);
  });
});

describe('the room for pages', () => {
  it('gives exactly the pages that were put there, and takes no more than fit', () => {
    const room = new PageRoom(2);
    const page = new Uint8Array(4096).fill(7);
    room.add(page);
    page.fill(8);
    expect(room.bytes()).to.have.length(4096);
    expect(room.bytes().buffer.byteLength).to.equal(4096);
    expect(room.bytes().every((byte) => byte === 7)).to.equal(true);
    room.add(page);
    expect(room.bytes()[4096]).to.equal(8);
    expect(() => {
      room.add(page);
    }).to.throw(RangeError);
  });
});
