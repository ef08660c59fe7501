import { Cells, createArena, createPageBytes, type Arena } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import fc from 'fast-check';
import { createCodec, type Codec } from '#src/codec/codec.js';
import {
  LZ4,
  LZO1X_2010,
  LZO1X_2010_KEPT,
  LZO1X_CURRENT,
  LZO_RLE,
  type StreamFormat,
} from '#src/codec/stream-format.js';
import { TwinCodec } from '#src/codec/twin-codec.js';
import { WasmCodec } from '#src/codec/wasm-codec.js';
import {
  type BlockLine,
  ByteGenerator,
  PAGE_BYTES,
  PROPERTY_SEEDS,
  type StreamLine,
  type VectorLine,
  fixtureBytes,
  fixtureLines,
  fromHex,
  memoryLike,
  sha256,
} from './inputs.js';

const ARENA_BYTES = 4 * 65_536;
const MAX_BYTES = 20_000;
const GUARD = 0xa5;
const GUARD_BYTES = 64;

/** Where things lie: two work areas, the input, and the outputs of the two codecs with guards around them. */
const WASM_WORK = 0;
const TWIN_WORK = 65_568;
const INPUT = 2 * 65_568;
const WASM_OUTPUT = INPUT + 24_000;
const TWIN_OUTPUT = WASM_OUTPUT + 28_000;
/** Some windows end where the memory ends: there a read or write behind them is a trap. */
const END = ARENA_BYTES;

/** Formats whose streams depend on nothing but the input. */
const FORMATS: readonly StreamFormat[] = [LZO1X_2010, LZO1X_CURRENT, LZO_RLE, LZ4];

/** The WASM codec of a format on a memory. */
function wasmCodec(arena: Arena, format: StreamFormat): Codec {
  const memory = new Cells(arena, createPageBytes(arena, true));
  return createCodec(format.name, memory, { dictionary: format === LZO1X_2010_KEPT ? 'kept' : 'cleared' });
}

/** A codec and its twin on one memory. */
class Pair {
  readonly arena: Arena;
  readonly wasm: Codec;
  readonly twin: TwinCodec;
  private readonly progress = new Int32Array(2);

  constructor(shared: boolean, format: StreamFormat = LZO1X_2010) {
    this.arena = createArena(ARENA_BYTES, shared);
    this.wasm = wasmCodec(this.arena, format);
    this.twin = new TwinCodec(format);
    expect(this.wasm).to.be.instanceOf(WasmCodec);
    expect(this.wasm.name).to.equal(format.name);
    expect(this.wasm.workBytes).to.equal(this.twin.workBytes);
  }

  /** Compresses with both into outputs of this capacity, compares results, streams and work areas; gives the result and the stream. */
  compress(input: Uint8Array, capacity = this.twin.maxCompressedBytes(input.length)): [number, Uint8Array] {
    const { u8, i32 } = this.arena;
    const from = END - input.length;
    u8.set(input, from);
    u8.fill(GUARD, WASM_OUTPUT - GUARD_BYTES, WASM_OUTPUT + capacity + GUARD_BYTES);
    const result = this.wasm.compress(u8, from, input.length, u8, WASM_OUTPUT, capacity, i32, WASM_WORK >> 2);
    const expected = this.twin.compress(
      u8,
      from,
      input.length,
      u8,
      TWIN_OUTPUT,
      capacity,
      i32,
      TWIN_WORK >> 2,
    );
    expect(result).to.equal(expected);
    this.expectGuards(WASM_OUTPUT, capacity);
    const stream = u8.slice(WASM_OUTPUT, WASM_OUTPUT + Math.max(result, 0));
    expect(Buffer.compare(stream, u8.slice(TWIN_OUTPUT, TWIN_OUTPUT + Math.max(result, 0)))).to.equal(0);
    const { workBytes } = this.twin;
    const wasmWork = u8.slice(WASM_WORK, WASM_WORK + workBytes);
    expect(Buffer.compare(wasmWork, u8.slice(TWIN_WORK, TWIN_WORK + workBytes))).to.equal(0);
    return [result, stream];
  }

  /** Decodes with both, compares results, counts and bytes; gives result, count and bytes. `atEnd`: the output, and not the stream, ends with the memory. */
  decompress(stream: Uint8Array, capacity: number, atEnd = false): [number, number, Uint8Array] {
    const { u8 } = this.arena;
    const from = atEnd ? INPUT : END - stream.length;
    u8.set(stream, from);
    const output = atEnd ? END - capacity : WASM_OUTPUT;
    u8.fill(GUARD, output - GUARD_BYTES, output + capacity + GUARD_BYTES);
    const { progress } = this;
    const result = this.wasm.decompressSafe(u8, from, stream.length, u8, output, capacity, progress, 0);
    this.expectGuards(output, capacity);
    expect(this.wasm.decompress(u8, from, stream.length, u8, output, capacity)).to.equal(result);
    const expected = this.twin.decompressSafe(
      u8,
      from,
      stream.length,
      u8,
      TWIN_OUTPUT,
      capacity,
      progress,
      1,
    );
    expect([result, progress[0]]).to.deep.equal([expected, progress[1]]);
    const count = progress[0] ?? 0;
    const bytes = u8.slice(output, output + count);
    expect(Buffer.compare(bytes, u8.slice(TWIN_OUTPUT, TWIN_OUTPUT + count))).to.equal(0);
    return [result, count, bytes];
  }

  private expectGuards(output: number, capacity: number): void {
    const { u8 } = this.arena;
    for (let at = 1; at <= GUARD_BYTES; at++) {
      if (u8[output - at] !== GUARD) expect.fail(`${String(at)} bytes before the output window were changed`);
      const after = output + capacity + at - 1;
      if (after < END && u8[after] !== GUARD)
        expect.fail(`${String(at)} bytes behind the output were changed`);
    }
  }
}

for (const shared of [true, false]) {
  describe(`lzo1x-2010 in WASM, ${shared ? 'shared' : 'private'} memory`, () => {
    it('every recorded page and block becomes the recorded stream, as with the twin, and comes back', () => {
      const pair = new Pair(shared);
      const pages = fixtureBytes('pages.bin.gz');
      for (const { i, clen, csha256 } of fixtureLines('vectors.jsonl.gz') as VectorLine[]) {
        const page = pages.slice(i * PAGE_BYTES, (i + 1) * PAGE_BYTES);
        const [result, stream] = pair.compress(page);
        expect([result, sha256(stream)], `page ${String(i)}`).to.deep.equal([clen, csha256]);
        expect(Buffer.compare(pair.decompress(stream, PAGE_BYTES, true)[2], page)).to.equal(0);
      }
      const blocks = fixtureBytes('blocks.bin.gz');
      for (const { i, off, len, clen, csha256 } of fixtureLines('blocks.jsonl.gz') as BlockLine[]) {
        const block = blocks.slice(off, off + len);
        const [result, stream] = pair.compress(block);
        expect([result, sha256(stream)], `block ${String(i)}`).to.deep.equal([clen, csha256]);
        expect(Buffer.compare(pair.decompress(stream, len, true)[2], block)).to.equal(0);
      }
    });

    it('every recorded damaged stream gives the recorded result, count and bytes', () => {
      const pair = new Pair(shared);
      for (const line of fixtureLines('decompress-errors.jsonl.gz') as StreamLine[]) {
        const [result, count, bytes] = pair.decompress(fromHex(line.in), line.max_out);
        const what = `stream ${String(line.i)}`;
        expect([result, count], what).to.deep.equal([line.ret === 0 ? line.out_len : line.ret, line.out_len]);
        expect(sha256(bytes), what).to.equal(line.out_sha256);
      }
    });
  });
}

for (const format of FORMATS) {
  for (const shared of [true, false]) {
    describe(`${format.name} in WASM, ${shared ? 'shared' : 'private'} memory`, () => {
      for (const seed of PROPERTY_SEEDS) {
        it(`compresses as the twin, into room that just fits and into less (seed ${String(seed)})`, () => {
          const pair = new Pair(shared, format);
          fc.assert(
            fc.property(memoryLike(MAX_BYTES), fc.integer({ min: 1, max: 40 }), (input, less) => {
              const [result, stream] = pair.compress(input);
              expect(pair.compress(input, result)[0]).to.equal(result);
              expect(pair.compress(input, Math.max(result - less, 0))[0]).to.equal(-5);
              expect(Buffer.compare(pair.decompress(stream, input.length, true)[2], input)).to.equal(0);
            }),
            { seed, numRuns: 100 },
          );
        });

        it(`decodes changed, cut and random streams as the twin (seed ${String(seed)})`, () => {
          const pair = new Pair(shared, format);
          const change = fc.record({ at: fc.nat(), byte: fc.oneof(fc.constant(0), fc.nat(255)) });
          const damage = fc.record({
            changes: fc.array(change, { maxLength: 4 }),
            cut: fc.oneof(fc.constant(0), fc.nat(8), fc.nat(2000)),
            capacity: fc.oneof(fc.constant(MAX_BYTES), fc.nat(MAX_BYTES)),
          });
          const streams = fc.oneof(
            memoryLike(6000).map((input) => pair.compress(input)[1]),
            fc.uint8Array({ maxLength: 300 }),
            fc
              .array(fc.constantFrom(0, 0, 0x10, 0x11, 0x20, 0x40, 0x03, 0xff, 0x15), { maxLength: 300 })
              .map((bytes) => Uint8Array.from(bytes)),
          );
          fc.assert(
            fc.property(streams, damage, fc.boolean(), (good, { changes, cut, capacity }, atEnd) => {
              const stream = good.slice(0, Math.max(good.length - cut, 0));
              for (const { at, byte } of changes) if (stream.length > 0) stream[at % stream.length] = byte;
              pair.decompress(stream, capacity, atEnd);
            }),
            { seed, numRuns: 400 },
          );
        });
      }
    });
  }
}

describe('codecs in WASM', () => {
  it('clears the dictionary when the stamps reach their end, as the twin does', () => {
    const pair = new Pair(true);
    const pages = fixtureBytes('pages.bin.gz');
    const lines = fixtureLines('vectors.jsonl.gz') as VectorLine[];
    // Each page leaves entries in other places: what is not cleared shows in the work area, which is compared.
    [0x7fffffff - PAGE_BYTES, 0x7fffffff - PAGE_BYTES + 1, -5, 0x7fffffff].forEach((greatest, index) => {
      pair.compress(pages.slice(0, PAGE_BYTES));
      for (const work of [WASM_WORK, TWIN_WORK]) pair.arena.i32[work >> 2] = greatest;
      const at = 20 + index * 9;
      const [result, stream] = pair.compress(pages.slice(at * PAGE_BYTES, (at + 1) * PAGE_BYTES));
      expect([result, sha256(stream)]).to.deep.equal([lines[at]?.clen, lines[at]?.csha256]);
    });
  });

  for (const format of FORMATS) {
    it(`${format.name} finds far matches as the twin does, and none beyond the farthest`, () => {
      const bytes = 120_000;
      const arena = createArena(8 * 65_536, true);
      const { u8, i32 } = arena;
      const wasm = wasmCodec(arena, format);
      const twin = new TwinCodec(format);
      const input = 65_568;
      const output = input + bytes;
      for (const distance of [
        16_383, 16_384, 16_385, 32_768, 49_150, 49_151, 49_152, 60_000, 65_535, 65_536,
      ]) {
        const noise = new ByteGenerator(distance);
        for (let at = 0; at < bytes; at++) {
          u8[input + at] =
            at >= distance && at % 1000 < 400 ? (u8[input + at - distance] ?? 0) : noise.next();
        }
        u8.fill(0, 0, twin.workBytes);
        const expectedBytes = twin.compress(u8, input, bytes, u8, output, 140_000, i32, 0);
        const expected = sha256(u8.slice(output, output + expectedBytes));
        u8.fill(0, 0, twin.workBytes);
        expect(wasm.compress(u8, input, bytes, u8, output, 140_000, i32, 0)).to.equal(expectedBytes);
        expect(sha256(u8.slice(output, output + expectedBytes)), `distance ${String(distance)}`).to.equal(
          expected,
        );
        const back = output + 140_000;
        expect(wasm.decompress(u8, output, expectedBytes, u8, back, bytes)).to.equal(bytes);
        expect(Buffer.compare(u8.slice(back, back + bytes), u8.slice(input, input + bytes))).to.equal(0);
        expect(twin.decompress(u8, output, expectedBytes, u8, back, bytes)).to.equal(bytes);
        expect(Buffer.compare(u8.slice(back, back + bytes), u8.slice(input, input + bytes))).to.equal(0);
      }
    });
  }

  it('lzo-rle keeps far matches and runs of zeros apart, whatever their length', () => {
    const arena = createArena(8 * 65_536, true);
    const { u8, i32 } = arena;
    const wasm = wasmCodec(arena, LZO_RLE);
    const twin = new TwinCodec(LZO_RLE);
    const input = 65_568;
    const output = input + 60_000;
    const back = output + 80_000;
    // Distances of a far match whose bytes look like the mark of a run when its length is 261 to 264.
    for (const distance of [0x803f, 0x807f, 0xb03f]) {
      for (const length of [4, 5, 11, 258, 259, 260, 261, 262, 263, 264, 265, 266, 2051, 2052, 2060, 4200]) {
        const noise = new ByteGenerator(distance + length);
        const bytes = distance + 5000;
        for (let at = 0; at < bytes; at++) u8[input + at] = noise.next();
        u8.fill(0, input + 300, input + 300 + length);
        u8.copyWithin(input + distance + 40, input + 40, input + 40 + length);
        const expected = twin.compress(u8, input, bytes, u8, output, 80_000, i32, 0);
        const stream = u8.slice(output, output + expected);
        expect(wasm.compress(u8, input, bytes, u8, output, 80_000, i32, 0)).to.equal(expected);
        expect(Buffer.compare(u8.slice(output, output + expected), stream)).to.equal(0);
        for (const codec of [wasm, twin]) {
          u8.fill(GUARD, back, back + bytes);
          expect(codec.decompress(u8, output, expected, u8, back, bytes)).to.equal(bytes);
          const same = Buffer.compare(u8.slice(back, back + bytes), u8.slice(input, input + bytes)) === 0;
          expect(same, `distance ${String(distance)}, length ${String(length)}`).to.equal(true);
        }
      }
    }
  });

  it('lzo1x-2010 with a kept dictionary sees earlier pages, and all the same loses nothing', () => {
    const pages = fixtureBytes('pages.bin.gz');
    const cleared = new Pair(true);
    const kept = new Pair(true, LZO1X_2010_KEPT);
    let different = 0;
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at + PAGE_BYTES <= pages.length; at += PAGE_BYTES) {
        const page = pages.slice(at, at + PAGE_BYTES);
        const [result, stream] = kept.compress(page);
        if (Buffer.compare(stream, cleared.compress(page)[1]) !== 0) different++;
        expect(result).to.equal(stream.length);
        expect(Buffer.compare(kept.decompress(stream, PAGE_BYTES)[2], page)).to.equal(0);
      }
    }
    // The pages lie all at one address, so what is kept does show.
    expect(different).to.be.greaterThan(0);
  });

  it('refuses lengths that do not fit in 32 bits', () => {
    const zeros = 8_430_000;
    const arena = createArena(10 << 20, false);
    const { u8 } = arena;
    const wasm = wasmCodec(arena, LZO1X_2010);
    const output = zeros + 100;
    const progress = new Int32Array(1);
    // One literal, then a match or, as the first instruction, a run of literals, with an extension of so many zeros.
    for (const start of [[0x12, 0x41, 0x20], [0x00]]) {
      u8.fill(0);
      u8.set(start, 0);
      u8.set([1, 0, 0, 0x11, 0, 0], start.length + zeros);
      const bytes = start.length + zeros + 6;
      expect(wasm.decompressSafe(u8, 0, bytes, u8, output, 1 << 20, progress, 0)).to.equal(-5);
      expect(progress[0]).to.equal(start.length === 1 ? 0 : 1);
      expect(u8.subarray(output + 32).every((byte) => byte === 0)).to.equal(true);
    }
  });

  it('lets the twin work where an array is not the view of the memory', () => {
    const pair = new Pair(true);
    const input = Uint8Array.from({ length: 3000 }, (_, index) => (index * index) >> 7);
    const expected = pair.compress(input)[1];
    const output = new Uint8Array(pair.wasm.maxCompressedBytes(input.length));
    const work = new Int32Array(pair.wasm.workBytes / 4);
    const count = pair.wasm.compress(input, 0, input.length, output, 0, output.length, work, 0);
    expect(Buffer.compare(output.slice(0, count), expected)).to.equal(0);
    const back = new Uint8Array(3000);
    expect(pair.wasm.decompress(output, 0, count, back, 0, 3000)).to.equal(3000);
    expect(Buffer.compare(back, input)).to.equal(0);
    const progress = new Int32Array(1);
    expect(pair.wasm.decompressSafe(output, 0, count, back, 0, 2999, progress, 0)).to.equal(-5);
  });

  it('a window outside the memory is refused by name', () => {
    const { arena, wasm } = new Pair(true);
    const { u8, i32 } = arena;
    const progress = new Int32Array(1);
    expect(() => wasm.compress(u8, END - 3, 4, u8, 0, 100, i32, 0)).to.throw(RangeError, 'input');
    expect(() => wasm.compress(u8, 0, 4, u8, END, 1, i32, 0)).to.throw(RangeError, 'output');
    expect(() => wasm.compress(u8, 0, 4, u8, 100, 100, i32, (END >> 2) - 16_384)).to.throw(
      RangeError,
      'work',
    );
    expect(() => wasm.decompress(u8, -1, 4, u8, 0, 100)).to.throw(RangeError, 'input');
    expect(() => wasm.decompress(u8, 0, 4, u8, 1.5, 100)).to.throw(RangeError, 'output');
    expect(() => wasm.decompressSafe(u8, 0, 4, u8, 0, 100, progress, 1)).to.throw(RangeError, 'progress');
  });

  it('is what a driver gets whose thread uses WASM, and no other', () => {
    const arena = createArena(65_536, true);
    expect(createCodec('lzo1x-2010').wasm).to.equal(false);
    expect(createCodec('lzo1x-2010', new Cells(arena)).wasm).to.equal(false);
    expect(createCodec('lzo1x-2010', new Cells(arena, createPageBytes(arena, true))).wasm).to.equal(true);
  });
});
