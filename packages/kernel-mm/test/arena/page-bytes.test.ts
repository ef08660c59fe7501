import { expect } from 'chai';
import fc from 'fast-check';
import { createArena, PAGE_SIZE, type Arena } from '#src/arena/memory.js';
import { createPageBytes, TypeScriptPageBytes, type PageBytes } from '#src/arena/page-bytes.js';
import { decodeBase64, instantiateOn } from '#src/arena/wasm.js';
import { PAGE_BYTES_WASM } from '#src/arena/page-bytes-wasm.js';
import { createMachine } from '#src/machine/machine.js';

const SEED = Math.floor(Math.random() * 2 ** 31);
const PAGES = 16;
const GUARD = 0xa5;

/** Fills an arena with bytes that are never those of a neighbour by chance. */
function fillArena(arena: Arena): void {
  for (let at = 0; at < PAGES * PAGE_SIZE; at++) arena.u8[at] = (Math.imul(at, 0x9e3779b1) >>> 24) | 1;
}

/** Everything but a range must still be as {@link fillArena} left it. */
function expectUntouchedOutside(arena: Arena, from: number, bytes: number): void {
  for (let at = 0; at < PAGES * PAGE_SIZE; at++) {
    if (at >= from && at < from + bytes) continue;
    if (arena.u8[at] !== ((Math.imul(at, 0x9e3779b1) >>> 24) | 1)) expect.fail(`byte ${at} was changed`);
  }
}

function describeOperations(what: string, shared: boolean, wasm: boolean): void {
  describe(`page bytes, ${what}, ${shared ? 'shared' : 'private'} memory`, () => {
    let arena: Arena;
    let bytes: PageBytes;

    beforeEach(() => {
      arena = createArena(PAGES * PAGE_SIZE, shared);
      bytes = createPageBytes(arena, wasm);
      fillArena(arena);
    });

    it('are the implementation that was asked for', () => {
      expect(bytes.wasm).to.equal(wasm);
    });

    it('copy a page and nothing beside it, also the last one', () => {
      bytes.copyPage(15 * PAGE_SIZE, 3 * PAGE_SIZE);
      expectUntouchedOutside(arena, 15 * PAGE_SIZE, PAGE_SIZE);
      const copied = arena.u8.slice(15 * PAGE_SIZE, 16 * PAGE_SIZE);
      expect(Buffer.compare(copied, arena.u8.slice(3 * PAGE_SIZE, 4 * PAGE_SIZE))).to.equal(0);
    });

    it('clear a page and nothing beside it, also the first and the last one', () => {
      for (const page of [0, 7, 15]) {
        fillArena(arena);
        bytes.clearPage(page * PAGE_SIZE);
        expectUntouchedOutside(arena, page * PAGE_SIZE, PAGE_SIZE);
        expect(arena.u8.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE).every((byte) => byte === 0)).to.be
          .true;
      }
    });

    it('find a single bit anywhere in a page of zeros, and none in the neighbours', () => {
      const page = 5 * PAGE_SIZE;
      bytes.clearPage(page);
      expect(bytes.isZeroPage(page)).to.equal(true);
      for (let at = page; at < page + PAGE_SIZE; at++) {
        arena.u8[at] = 1 << (at & 7);
        if (bytes.isZeroPage(page)) expect.fail(`byte ${at - page} was overlooked`);
        arena.u8[at] = 0;
      }
      expect(bytes.isZeroPage(page)).to.equal(true);
    });

    it('find a single different bit anywhere in two pages, and none in the neighbours', () => {
      const page = 2 * PAGE_SIZE;
      const other = 9 * PAGE_SIZE;
      bytes.copyPage(other, page);
      expect(bytes.isSamePage(page, other)).to.equal(true);
      for (let at = other; at < other + PAGE_SIZE; at++) {
        arena.u8[at] = (arena.u8[at] ?? 0) ^ (1 << (at & 7));
        if (bytes.isSamePage(page, other)) expect.fail(`byte ${at - other} was overlooked`);
        arena.u8[at] = (arena.u8[at] ?? 0) ^ (1 << (at & 7));
      }
      expect(bytes.isSamePage(page, other)).to.equal(true);
    });

    it(`copy any bytes anywhere, overlapping or not (seed ${SEED})`, () => {
      const place = fc.nat({ max: PAGES * PAGE_SIZE - 1 });
      fc.assert(
        fc.property(place, place, fc.nat({ max: 5000 }), (to, from, wanted) => {
          const count = Math.min(wanted, PAGES * PAGE_SIZE - Math.max(to, from));
          fillArena(arena);
          const expected = arena.u8.slice(from, from + count);
          bytes.copyBytes(to, from, count);
          expect(Buffer.compare(arena.u8.slice(to, to + count), expected)).to.equal(0);
          expectUntouchedOutside(arena, to, count);
        }),
        { seed: SEED, numRuns: 40 },
      );
    });
  });
}

for (const shared of [true, false]) {
  describeOperations('TypeScript', shared, false);
  describeOperations('WASM', shared, true);
}

describe('WASM on the arena', () => {
  it('base64 is decoded as by the platform, with every length of padding', () => {
    for (let count = 0; count < 70; count++) {
      const bytes = Uint8Array.from({ length: count }, (_, index) => (index * 89 + GUARD) & 0xff);
      expect([...decodeBase64(Buffer.from(bytes).toString('base64'))]).to.deep.equal([...bytes]);
    }
  });

  it('a machine uses it unless told not to, and then says so', () => {
    const inWasm = createMachine({ ramBytes: 1 << 20 });
    const inTypeScript = createMachine({ ramBytes: 1 << 20, wasm: false });
    expect(inWasm.attach().kernel.core.cells.bytes.wasm).to.equal(true);
    expect(inTypeScript.attach().kernel.core.cells.bytes.wasm).to.equal(false);
    expect(inTypeScript.handle.config.wasm).to.equal(false);
  });

  it('where the platform forbids or lacks it, the twin takes its place', () => {
    const arena = createArena(PAGE_SIZE, false);
    const real = (globalThis as { WebAssembly?: unknown }).WebAssembly;
    const platforms = [
      undefined,
      { validate: () => false },
      {
        validate: () => true,
        Module: function refuse() {
          throw new Error('refused by the security policy of the page');
        },
      },
    ];
    for (const platform of platforms) {
      try {
        Object.defineProperty(globalThis, 'WebAssembly', {
          value: platform,
          configurable: true,
          writable: true,
        });
        expect(instantiateOn(PAGE_BYTES_WASM, arena)).to.equal(null);
        expect(createPageBytes(arena, true)).to.be.instanceOf(TypeScriptPageBytes);
      } finally {
        Object.defineProperty(globalThis, 'WebAssembly', { value: real, configurable: true, writable: true });
      }
    }
    expect(createPageBytes(arena, true).wasm).to.equal(true);
  });
});
