import { expect } from 'chai';
import { MisuseError } from '#src/errno.js';
import { Layout } from '#src/arena/layout.js';
import { createArena, PAGE_SIZE } from '#src/arena/memory.js';
import { restoreSnapshot, takeSnapshot } from '#src/arena/snapshot.js';

function machine(shared: boolean, frames = 6) {
  const layout = new Layout();
  const hot = layout.bytes('hot', 'swap_map', 500);
  const cold = layout.bytes('cold', 'mem_map', 2 * PAGE_SIZE + 40);
  const frame = layout.bytes('frames', 'frames', frames * PAGE_SIZE);
  const scratch = layout.bytes('scratch', 'rings', 300);
  layout.seal();
  const arena = createArena(layout.totalBytes(), shared);
  return { layout, arena, hot, cold, frame, scratch };
}

describe('snapshot', () => {
  for (const shared of [true, false]) {
    it(`brings hot, cold and the used frames back, and leaves the rest alone (shared: ${shared})`, () => {
      const { layout, arena, hot, cold, frame, scratch } = machine(shared);
      const { u8 } = arena;
      const fill = (salt: number): void => {
        for (let address = 64; address < layout.totalBytes(); address++)
          u8[address] = (address * 7 + (address >> 8) + salt) & 0xff;
      };
      fill(1);
      const before = u8.slice();
      const used = [1, 4];
      const snapshot = takeSnapshot(arena, layout, (index) => used.includes(index));
      expect(Array.from(snapshot.frameIndices)).to.deep.equal(used);
      expect(snapshot.frames.length).to.equal(2 * PAGE_SIZE);

      for (const salt of [99, 180]) {
        fill(salt);
        const changed = u8.slice();
        restoreSnapshot(arena, layout, snapshot);
        const same = (base: number, bytes: number, than: Uint8Array): boolean =>
          Buffer.compare(u8.slice(base, base + bytes), than.slice(base, base + bytes)) === 0;
        expect(same(hot.base, 500, before)).to.be.true;
        expect(same(cold.base, 2 * PAGE_SIZE + 40, before)).to.be.true;
        for (let index = 0; index < 6; index++) {
          const expected = used.includes(index) ? before : changed;
          expect(same(frame.base + index * PAGE_SIZE, PAGE_SIZE, expected), `frame ${index}`).to.be.true;
        }
        expect(same(scratch.base, 300, changed)).to.be.true;
      }
    });
  }

  it('asks for each frame once, by its number in the section', () => {
    const { layout, arena } = machine(false);
    const asked: number[] = [];
    takeSnapshot(arena, layout, (index) => asked.push(index) < 0);
    expect(asked).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });

  it('is its own copy', () => {
    const { layout, arena, hot } = machine(true);
    const snapshot = takeSnapshot(arena, layout, () => false);
    arena.u8[hot.base] = 9;
    restoreSnapshot(arena, layout, snapshot);
    expect(arena.u8[hot.base]).to.equal(0);
  });

  it('of another machine is refused before anything changes', () => {
    const { layout, arena, hot } = machine(false);
    const other = machine(false, 7);
    const snapshot = takeSnapshot(other.arena, other.layout, () => true);
    arena.u8[hot.base] = 9;
    expect(() => restoreSnapshot(arena, layout, snapshot))
      .to.throw(MisuseError)
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(arena.u8[hot.base]).to.equal(9);
  });
});
