import { expect } from 'chai';

import { createCodec } from '#src/codec/codec.js';
import { Lzo1xError, compress, createWorkArea, decompress, maxCompressedBytes } from '#src/codec/lzo1x.js';

import { ByteGenerator, GuardedWindow, PAGE_BYTES, crc32, fromHex, generatedBytes, toHex } from './inputs.js';

/** The stream of an input, made with a fresh work area. */
function streamOf(input: Uint8Array): Uint8Array {
  const output = new Uint8Array(maxCompressedBytes(input.length));
  return output.slice(0, compress(input, output));
}

/** A page made byte by byte. */
function page(byteAt: (index: number) => number): Uint8Array {
  return Uint8Array.from({ length: PAGE_BYTES }, (_, index) => byteAt(index));
}

function halfNoisePage(): Uint8Array {
  const generator = new ByteGenerator(7);
  return page((i) => (i % 64 < 32 ? generator.next() : 0));
}

function pointerPage(): Uint8Array {
  const words = new Uint8Array(PAGE_BYTES);
  const view = new DataView(words.buffer);
  const generator = new ByteGenerator(3);
  for (let word = 0; word < PAGE_BYTES / 4; word++) {
    view.setUint32(4 * word, 0x08048000 + 16 * generator.next(), true);
  }
  return words;
}

const SENTENCE = 'the quick brown fox jumps over the lazy dog. ';

interface Vector {
  readonly id: string;
  readonly input: Uint8Array;
  readonly bytes: number;
  readonly crc: string;
}

const VECTORS: readonly Vector[] = [
  { id: 'V1', input: page(() => 0), bytes: 28, crc: '272b9c1d' },
  { id: 'V2', input: page(() => 0x61), bytes: 28, crc: '9004d059' },
  { id: 'V3', input: page((i) => i % 256), bytes: 283, crc: '5e2efccc' },
  { id: 'V4', input: page((i) => Math.floor(i / 16) % 256), bytes: 1032, crc: '90136839' },
  { id: 'V5', input: generatedBytes(1, PAGE_BYTES), bytes: 4116, crc: '389b5f32' },
  { id: 'V6', input: generatedBytes(1, PAGE_BYTES).map((b) => b & 15), bytes: 4055, crc: '490e8c42' },
  { id: 'V7', input: generatedBytes(1, PAGE_BYTES).map((b) => b & 3), bytes: 2154, crc: 'fedfc6d7' },
  { id: 'V8', input: halfNoisePage(), bytes: 2367, crc: '7ac6f8ac' },
  {
    id: 'V9',
    input: generatedBytes(7, PAGE_BYTES).map((b, i) => (i < 2048 ? b : 0)),
    bytes: 2072,
    crc: 'd9214129',
  },
  {
    id: 'V10',
    input: page((i) => SENTENCE.charCodeAt(i % SENTENCE.length)),
    bytes: 70,
    crc: '7ac77a8a',
  },
  { id: 'V11', input: pointerPage(), bytes: 2943, crc: '7ea94a4b' },
  { id: 'V12', input: Uint8Array.from({ length: 13 }, (_, i) => i), bytes: 17, crc: 'a6ef5380' },
  { id: 'V13', input: new Uint8Array(14).fill(0x78), bytes: 18, crc: '94ce1fd5' },
  { id: 'V14', input: Uint8Array.of(0x7a), bytes: 5, crc: 'c564ba40' },
];

describe('lzo1x-2010: the vectors of the original compressor', () => {
  for (const { id, input, bytes, crc } of VECTORS) {
    it(`${id}: ${String(input.length)} bytes become ${String(bytes)}`, () => {
      const stream = streamOf(input);
      expect(stream.length).to.equal(bytes);
      expect(crc32(stream)).to.equal(crc);
      const back = new Uint8Array(input.length);
      expect(decompress(stream, back)).to.equal(input.length);
      expect(toHex(back)).to.equal(toHex(input));
    });
  }

  it('V1, V2, V12, V13, V14 and the empty input give the exact bytes', () => {
    const constant = (byte: string): string =>
      `02 ${`${byte} `.repeat(5)}20 ${'00'.repeat(15)} e9 00 00 11 00 00`;
    const expected: [Uint8Array, string][] = [
      [page(() => 0), constant('00')],
      [page(() => 0x61), constant('61')],
      [Uint8Array.from({ length: 13 }, (_, i) => i), '1e 000102030405060708090a0b0c 110000'],
      [new Uint8Array(14).fill(0x78), `1f ${'78'.repeat(14)} 110000`],
      [Uint8Array.of(0x7a), '12 7a 110000'],
      [new Uint8Array(0), '110000'],
    ];
    for (const [input, hex] of expected) {
      expect(toHex(streamOf(input))).to.equal(toHex(fromHex(hex)));
    }
  });

  it('random data costs exactly the bytes of its literal runs', () => {
    const sizes: [number, number][] = [
      [238, 242],
      [239, 244],
      [256, 261],
      [512, 518],
      [784, 792],
      [4096, 4116],
    ];
    for (const [inputBytes, streamBytes] of sizes) {
      expect(streamOf(generatedBytes(1, inputBytes)).length, String(inputBytes)).to.equal(streamBytes);
    }
  });

  it('matches at distances that only blocks longer than a page can have are found and decoded', () => {
    // Recorded from this compressor, not from the original: it guards the far encodings against change.
    const input = new Uint8Array(60_000);
    input.set(generatedBytes(11, 20_000), 0);
    input.copyWithin(20_000, 0, 20_000);
    input.set(generatedBytes(12, 5_000), 40_000);
    input.copyWithin(45_000, 3_000, 18_000);
    const stream = streamOf(input);
    const back = new Uint8Array(input.length);
    expect(decompress(stream, back)).to.equal(input.length);
    expect(sameBytes(back, input)).to.equal(true);
    expect([stream.length, crc32(stream)]).to.deep.equal(FAR_STREAM);
  });
});

/** Length and CRC of the stream of the far-match test. */
const FAR_STREAM: readonly [number, string] = [25251, 'd6041f07'];

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

describe('lzo1x-2010: the work area', () => {
  const codec = createCodec('lzo1x-2010');

  /** Compresses on one shared array, between guards, with the given work area. */
  function compressShared(input: Uint8Array, work: Int32Array, workIndex: number): Uint8Array {
    const window = new GuardedWindow(maxCompressedBytes(input.length) + input.length);
    window.array.set(input, window.offset);
    const outputOffset = window.offset + input.length;
    const capacity = maxCompressedBytes(input.length);
    const result = codec.compress(
      window.array,
      window.offset,
      input.length,
      window.array,
      outputOffset,
      capacity,
      work,
      workIndex,
    );
    expect(result).to.be.greaterThan(0);
    expect(window.intact()).to.equal(true);
    return window.array.slice(outputOffset, outputOffset + result);
  }

  it('the stream of a page does not depend on the pages before it', () => {
    const work = new Int32Array(new SharedArrayBuffer(codec.workBytes));
    for (let round = 0; round < 3; round++) {
      for (const { id, input, crc } of VECTORS) {
        expect(crc32(compressShared(input, work, 0)), `${id}, round ${String(round)}`).to.equal(crc);
      }
    }
  });

  it('the stream stays the same when the stamps reach their end and the dictionary is cleared', () => {
    const work = new Int32Array(codec.workBytes / 4);
    const input = VECTORS[6]!.input;
    compressShared(input, work, 0);
    work[0] = 0x7fffffff - 2 * PAGE_BYTES;
    for (let call = 0; call < 5; call++) {
      expect(crc32(compressShared(input, work, 0)), `call ${String(call)}`).to.equal('fedfc6d7');
    }
    expect(work[0]).to.equal(3 * PAGE_BYTES);
  });

  it('an area in the middle of an array is used without touching its neighbours', () => {
    const words = codec.workBytes / 4;
    const work = new Int32Array(words + 20).fill(-559038737);
    work.fill(0, 10, 10 + words);
    expect(crc32(compressShared(VECTORS[6]!.input, work, 10))).to.equal('fedfc6d7');
    expect([...work.slice(0, 10), ...work.slice(10 + words)].every((word) => word === -559038737)).to.equal(
      true,
    );
  });

  it('bytes around the input window do not matter, not even when they would make a match longer', () => {
    const work = new Int32Array(codec.workBytes / 4);
    for (const surroundings of [0x00, 0x61, 0x78]) {
      for (const { id, input, bytes, crc } of VECTORS) {
        const array = new Uint8Array(input.length + 200).fill(surroundings);
        array.set(input, 100);
        const output = new Uint8Array(bytes);
        expect(codec.compress(array, 100, input.length, output, 0, bytes, work, 0), id).to.equal(bytes);
        expect(crc32(output), id).to.equal(crc);
      }
    }
  });

  it('a damaged area costs compression at most: the stream still decodes and nothing else is written', () => {
    const generator = new ByteGenerator(99);
    // Noise, then three equal bytes and a different one over and over: there, the first candidate is often far and
    // wrong, and the second one, before or after the current position, equal in three bytes.
    const nearMatches = page((i) =>
      i < 2100 ? generator.next() : i % 4 === 3 ? (i >> 2) & 255 : 0x40 + (i % 4),
    );
    const inputs = [
      ...VECTORS,
      { id: 'near matches', input: nearMatches, crc: crc32(streamOf(nearMatches)) },
    ];
    const noise = Int32Array.from(
      { length: codec.workBytes / 4 },
      () => (generator.next() << 24) | (generator.next() << 8) | generator.next(),
    );
    // Positions of a page, before and after the current one: what a dictionary that is never cleared holds.
    const positions = noise.map((value) => 1 + (value & (PAGE_BYTES - 1)));
    // Position 0, and in the slots of second probes one that is still to come.
    const secondAhead = noise.map((_, word) => (word > 0x2000 && word <= 0x2800 ? 1 + 3000 : 1));
    const constants = [-1, -2500, -0x80000000, 0x7fffffff, 1, 2000, 5000];
    for (const damage of [
      noise,
      positions,
      secondAhead,
      ...constants.map((value) => noise.map(() => value)),
    ]) {
      for (const header of [damage[0]!, 0, -5000, 0x7fffffff - PAGE_BYTES]) {
        for (const { id, input, crc } of inputs) {
          const work = damage.slice();
          work[0] = header;
          const back = new Uint8Array(input.length);
          const what = `${id}, entries like ${String(damage[1])}, header ${String(header)}`;
          const stream = compressShared(input, work, 0);
          expect(decompress(stream, back), what).to.equal(input.length);
          expect(sameBytes(back, input), what).to.equal(true);
          if (header < 0) {
            // No call leaves such a header word: the area is known to be damaged, and is cleared.
            expect(crc32(stream), what).to.equal(crc);
          }
        }
      }
    }
  });
});

describe('lzo1x-2010: the public functions', () => {
  it('a work area can be used again and gives the same streams', () => {
    const work = createWorkArea();
    const output = new Uint8Array(maxCompressedBytes(PAGE_BYTES));
    for (const { input, crc } of [...VECTORS, ...VECTORS]) {
      expect(crc32(output.subarray(0, compress(input, output, { work })))).to.equal(crc);
    }
  });

  it('the compressor of later kernels and the kept dictionary make streams that come back', () => {
    const output = new Uint8Array(maxCompressedBytes(PAGE_BYTES));
    const [current, kept] = [createWorkArea(), createWorkArea()];
    let different = 0;
    for (const { id, input, crc } of [...VECTORS, ...VECTORS]) {
      const back = new Uint8Array(input.length);
      const first = output.slice(0, compress(input, output, { algorithm: 'current' }));
      const again = output.slice(0, compress(input, output, { algorithm: 'current', work: current }));
      expect(sameBytes(first, again), id).to.equal(true);
      expect(decompress(again, back), id).to.equal(input.length);
      expect(sameBytes(back, input), id).to.equal(true);
      const stream = output.slice(0, compress(input, output, { dictionary: 'kept', work: kept }));
      if (crc32(stream) !== crc) different++;
      expect(decompress(stream, back.fill(0)), id).to.equal(input.length);
      expect(sameBytes(back, input), id).to.equal(true);
    }
    // What is kept shows, or it was not kept.
    expect(different).to.be.above(0);
  });

  it('an output one byte too short is refused, one that just fits is not', () => {
    for (const { id, input, bytes, crc } of VECTORS) {
      const exact = new Uint8Array(bytes);
      expect(compress(input, exact), id).to.equal(bytes);
      expect(crc32(exact), id).to.equal(crc);
      expect(() => compress(input, new Uint8Array(bytes - 1)), id)
        .to.throw(Lzo1xError)
        .that.includes({ code: 'LZO_E_OUTPUT_OVERRUN', result: -5 });
    }
  });

  it('a damaged stream throws an error that says what and how far', () => {
    expect(() => decompress(fromHex('12 7a 11 00'), new Uint8Array(10)))
      .to.throw(Lzo1xError, /4 bytes failed with LZO_E_INPUT_OVERRUN after 1 of at most 10 bytes/)
      .that.includes({ code: 'LZO_E_INPUT_OVERRUN', result: -4, bytesWritten: 1 });
  });

  it('a work area that is too short is refused before anything is written', () => {
    const output = new Uint8Array(100).fill(9);
    expect(() => compress(Uint8Array.of(1), output, { work: new Int32Array(100) })).to.throw(
      RangeError,
      'work',
    );
    expect(output.every((byte) => byte === 9)).to.equal(true);
  });
});
