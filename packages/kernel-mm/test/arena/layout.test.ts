import { expect } from 'chai';
import fc from 'fast-check';
import { MisuseError } from '#src/errno.js';
import { Layout, hashText, type Section } from '#src/arena/layout.js';
import { ARENA_BYTES_MAX, createArena, PAGE_SIZE, viewArena } from '#src/arena/memory.js';
import { alignUp, struct } from '#src/arena/struct.js';

const SEED = Math.floor(Math.random() * 2 ** 31);
const SECTIONS: readonly Section[] = ['hot', 'cold', 'frames', 'scratch'];

describe('struct', () => {
  it('lays fields out in order, each aligned to its width', () => {
    const shape = struct('swap_info_struct', {
      flags: 'u8',
      priority: 'u16',
      type: 'u8',
      pages: 'u32',
      last: 'u8',
      since: 'f64',
      name: ['bytes', 5],
      words: ['i32', 3],
      times: ['f64', 2],
      end: 'i32',
    });
    expect({ ...shape }).to.deep.equal({
      flags: 0,
      priority: 2,
      type: 4,
      pages: 8,
      last: 12,
      since: 16,
      name: 24,
      words: 32,
      times: 48,
      end: 64,
      $bytes: 72,
      $name: 'swap_info_struct',
      $fields: ['flags', 'priority', 'type', 'pages', 'last', 'since', 'name', 'words', 'times', 'end'],
    });
    expect(Object.isFrozen(shape)).to.be.true;
  });

  it('rounds the size up to the alignment asked for', () => {
    expect(struct('lock', { word: 'i32' }).$bytes).to.equal(8);
    expect(struct('lock', { word: 'i32' }, 64).$bytes).to.equal(64);
    expect([0, 1, 8, 9].map((value) => alignUp(value, 8))).to.deep.equal([0, 8, 8, 16]);
  });
});

describe('layout', () => {
  const lock = struct('lock', { word: 'i32' }, 64);
  const info = struct('swap_info_struct', { flags: 'i32', pages: 'i32', name: ['bytes', 24] });

  it('puts the sections one after the other, whatever the order of the regions', () => {
    const layout = new Layout();
    const rings = layout.bytes('scratch', 'rings', 100);
    const frames = layout.bytes('frames', 'frames', 3 * PAGE_SIZE);
    const pages = layout.structs('cold', 'mem_map', info, 3);
    const swapLock = layout.structs('hot', 'swap_lock', lock, 1);
    const areas = layout.structs('hot', 'swap_info', info, 4);
    layout.seal();
    expect([swapLock.base, areas.base]).to.deep.equal([64, 128]);
    expect(pages.base).to.equal(PAGE_SIZE);
    expect(frames.base).to.equal(2 * PAGE_SIZE);
    expect(rings.base).to.equal(5 * PAGE_SIZE);
    expect(layout.totalBytes()).to.equal(6 * PAGE_SIZE);
    expect(layout.extent('hot')).to.deep.equal({ base: 0, bytes: 128 + 4 * 32 });
    expect(layout.extent('cold')).to.deep.equal({ base: PAGE_SIZE, bytes: 96 });
    expect(layout.extent('frames')).to.deep.equal({ base: 2 * PAGE_SIZE, bytes: 3 * PAGE_SIZE });
    expect(layout.extent('scratch')).to.deep.equal({ base: 5 * PAGE_SIZE, bytes: 100 });
  });

  it(`never lets regions overlap, leave their section or lie at 0 (seed ${SEED})`, () => {
    const property = fc.property(
      fc.array(
        fc.record({ section: fc.constantFrom(...SECTIONS), bytes: fc.integer({ min: 1, max: 20_000 }) }),
        {
          minLength: 1,
          maxLength: 20,
        },
      ),
      (pieces) => {
        const layout = new Layout();
        const regions = pieces.map((piece, index) =>
          layout.bytes(piece.section, `region ${index}`, piece.bytes),
        );
        layout.seal();
        const sorted = regions.toSorted((a, b) => a.base - b.base);
        let end = 1;
        for (const region of sorted) {
          expect(region.base).to.be.at.least(end);
          expect(region.base % (region.stride >= PAGE_SIZE ? PAGE_SIZE : 64)).to.equal(0);
          const { base, bytes } = layout.extent(region.section);
          end = region.base + region.stride;
          expect(region.base).to.be.at.least(base);
          expect(end).to.be.at.most(base + bytes);
        }
        expect(layout.totalBytes()).to.be.at.least(end);
      },
    );
    fc.assert(property, { seed: 1 });
    fc.assert(property, { seed: SEED });
  });

  it('has a fingerprint that every difference changes', () => {
    const print = (build: (layout: Layout) => void): number => {
      const layout = new Layout();
      build(layout);
      layout.seal();
      return layout.fingerprint();
    };
    const base = (layout: Layout): void => void layout.structs('hot', 'area', info, 2);
    const reordered = struct('swap_info_struct', { pages: 'i32', flags: 'i32', name: ['bytes', 24] });
    const prints = [
      print(base),
      print((layout) => layout.structs('hot', 'areas', info, 2)),
      print((layout) => layout.structs('hot', 'area', info, 3)),
      print((layout) => layout.structs('cold', 'area', info, 2)),
      print((layout) => layout.structs('hot', 'area', lock, 2)),
      print((layout) => layout.structs('hot', 'area', reordered, 2)),
      print((layout) => layout.bytes('hot', 'area', 64)),
    ];
    expect(new Set(prints).size).to.equal(prints.length);
    expect(print(base)).to.equal(prints[0]);
    for (const value of prints) expect(value).to.be.within(0, 0x7fff_ffff);
  });

  it('names what lies at an address', () => {
    const layout = new Layout();
    const areas = layout.structs('hot', 'swap_info', info, 4);
    const one = layout.structs('hot', 'nr_swap_pages', info, 1);
    const bytes = layout.bytes('hot', 'swap_map', 100);
    layout.seal();
    expect(layout.describe(areas.base)).to.equal('swap_info[0]');
    expect(layout.describe(areas.base + 2 * areas.stride + info.pages)).to.equal('swap_info[2].pages');
    expect(layout.describe(areas.base + info.name + 3)).to.equal('swap_info[0].name+3');
    expect(layout.describe(one.base + info.pages)).to.equal('nr_swap_pages.pages');
    expect(layout.describe(bytes.base + 17)).to.equal('swap_map+17');
    expect(layout.describe(bytes.base + 100)).to.equal(`0x${(bytes.base + 100).toString(16)}`);
    expect(layout.describe(0)).to.equal('0x0');
  });

  it('refuses what cannot be laid out', () => {
    const layout = new Layout();
    layout.bytes('hot', 'swap_map', 100);
    expect(() => layout.bytes('cold', 'swap_map', 1)).to.throw(MisuseError, "'swap_map' is laid out twice");
    expect(() => layout.bytes('cold', 'bad', -1))
      .to.throw(MisuseError)
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(() => layout.bytes('cold', 'half', 0.5))
      .to.throw(MisuseError)
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(() => layout.extent('hot')).to.throw(MisuseError, 'not sealed');
    layout.bytes('frames', 'frames', ARENA_BYTES_MAX);
    expect(() => layout.seal())
      .to.throw(MisuseError)
      .with.property('code', 'ERR_OUT_OF_RANGE');
  });

  it('is closed once it is sealed', () => {
    const layout = new Layout();
    layout.bytes('hot', 'swap_map', 100);
    layout.seal();
    expect(() => layout.bytes('hot', 'late', 1)).to.throw(MisuseError, 'sealed');
    expect(() => layout.seal()).to.throw(MisuseError, 'sealed');
  });

  it('hashes texts by FNV-1a', () => {
    expect(hashText('')).to.equal(0x811c9dc5);
    expect(hashText('a')).to.equal(0xe40c292c);
    expect(hashText('foobar')).to.equal(0xbf9cf968);
  });
});

describe('memory', () => {
  it('is zeroed, of full size, and seen through all views', () => {
    for (const shared of [true, false]) {
      const arena = createArena(100_000, shared);
      expect(arena.bytes).to.equal(2 * 65_536);
      expect(arena.memory.buffer instanceof SharedArrayBuffer).to.equal(shared);
      expect(arena.i32.every((word) => word === 0)).to.be.true;
      viewArena(arena.memory, shared).i32[16] = 0x0102_0304;
      expect([arena.u8[64], arena.u16[33]]).to.deep.equal([4, 0x0102]);
    }
  });

  it('is refused in sizes that cannot be', () => {
    for (const bytes of [0, -1, 1.5, NaN, ARENA_BYTES_MAX + 1]) {
      expect(() => createArena(bytes, false))
        .to.throw(MisuseError)
        .with.property('code', 'ERR_OUT_OF_RANGE');
    }
  });
});
