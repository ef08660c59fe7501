import { deflateRawSync, inflateRawSync } from 'node:zlib';

import { expect } from 'chai';

import { CODEC_NAMES, codecErrorName, createCodec, isCodecName } from '#src/codec/codec.js';

import { GuardedWindow, PAGE_BYTES, fromHex, generatedBytes } from './inputs.js';

const NO_WORK = new Int32Array(0);

describe('codecs by name', () => {
  it('each name makes the codec of that name', () => {
    expect(CODEC_NAMES).to.deep.equal(['lzo1x-2010', 'lzo1x-current', 'lzo-rle', 'lz4', 'deflate', 'none']);
    for (const name of CODEC_NAMES) {
      expect(createCodec(name).name).to.equal(name);
    }
  });

  it('a name check accepts these names only', () => {
    expect(CODEC_NAMES.every(isCodecName)).to.equal(true);
    for (const text of ['', 'lzo', 'LZO1X-2010', 'none ', 'toString']) {
      expect(isCodecName(text), text).to.equal(false);
    }
  });

  it('work areas and longest results are what each codec needs', () => {
    expect(CODEC_NAMES.map((name) => createCodec(name).workBytes)).to.deep.equal([
      65540, 16384, 16384, 32772, 0, 0,
    ]);
    expect(CODEC_NAMES.map((name) => createCodec(name).maxCompressedBytes(PAGE_BYTES))).to.deep.equal([
      4419, 4419, 4421, 4128, 4106, 4096,
    ]);
  });

  it('error codes have names', () => {
    expect([-1, -4, -5, -6, -7, -8].map(codecErrorName)).to.deep.equal([
      'LZO_E_ERROR',
      'LZO_E_INPUT_OVERRUN',
      'LZO_E_OUTPUT_OVERRUN',
      'LZO_E_LOOKBEHIND_OVERRUN',
      'LZO_E_EOF_NOT_FOUND',
      'LZO_E_INPUT_NOT_CONSUMED',
    ]);
  });
});

for (const name of CODEC_NAMES) {
  describe(`codec ${name}: windows`, () => {
    const codec = createCodec(name);
    const work = new Int32Array(codec.workBytes / 4);
    const array = new Uint8Array(200);

    it('a window outside its array is refused by name', () => {
      const bad: [number, number][] = [
        [-1, 10],
        [195, 6],
        [0, 201],
        [10, -1],
        [1.5, 10],
        [0, Number.NaN],
      ];
      for (const [offset, length] of bad) {
        expect(() => codec.compress(array, offset, length, array, 0, 100, work, 0)).to.throw(
          RangeError,
          'input',
        );
        expect(() => codec.compress(array, 0, 10, array, offset, length, work, 0)).to.throw(
          RangeError,
          'output',
        );
        expect(() => codec.decompress(array, offset, length, array, 0, 100)).to.throw(RangeError, 'input');
        expect(() => codec.decompress(array, 0, 10, array, offset, length)).to.throw(RangeError, 'output');
      }
    });

    it('a result cell outside its array is refused before anything is decoded', () => {
      expect(() => codec.decompressSafe(array, 0, 3, array, 100, 50, new Int32Array(1), 1)).to.throw(
        RangeError,
        'progress',
      );
    });
  });
}

describe('codec deflate', () => {
  const codec = createCodec('deflate');

  function decode(stream: Uint8Array, capacity: number): [number, boolean] {
    const window = new GuardedWindow(capacity);
    const result = codec.decompress(stream, 0, stream.length, window.array, window.offset, capacity);
    expect(window.intact()).to.equal(true);
    return [result, window.bytes(capacity).every((byte) => byte === 0xa5)];
  }

  it('its streams are raw DEFLATE: zlib reads them, and it reads the streams of zlib', () => {
    for (const input of [generatedBytes(1, PAGE_BYTES), generatedBytes(1, PAGE_BYTES).map((b) => b & 3)]) {
      const window = new GuardedWindow(codec.maxCompressedBytes(PAGE_BYTES));
      const bytes = codec.compress(
        input,
        0,
        PAGE_BYTES,
        window.array,
        window.offset,
        window.capacity,
        NO_WORK,
        0,
      );
      expect(Buffer.compare(inflateRawSync(window.bytes(bytes)), input)).to.equal(0);
      for (const level of [0, 1, 9]) {
        const stream = deflateRawSync(input, { level });
        const back = new GuardedWindow(PAGE_BYTES);
        expect(codec.decompress(stream, 0, stream.length, back.array, back.offset, PAGE_BYTES)).to.equal(
          PAGE_BYTES,
        );
        expect(Buffer.compare(back.bytes(PAGE_BYTES), input)).to.equal(0);
      }
    }
  });

  it('a stream that is too long, stored or packed, is refused and nothing is written', () => {
    for (const level of [0, 9]) {
      const stream = deflateRawSync(generatedBytes(1, 5000), { level });
      expect(decode(stream, 5000)[0], `level ${String(level)}`).to.equal(5000);
      for (const capacity of [4999, 4096, 10, 0]) {
        expect(decode(stream, capacity), `level ${String(level)}`).to.deep.equal([-5, true]);
      }
    }
    // The same for long matches, which the decoder writes one by one.
    expect(decode(deflateRawSync(new Uint8Array(100_000)), 4096)).to.deep.equal([-5, true]);
  });

  it('damage has a code and nothing is written', () => {
    const stream = deflateRawSync(generatedBytes(1, 500).map((b) => b & 3));
    expect(decode(stream.subarray(0, 0), 500)).to.deep.equal([-4, true]);
    expect(decode(stream.subarray(0, 50), 500)).to.deep.equal([-4, true]);
    // A block of the reserved type 3.
    expect(decode(fromHex('07 00 00'), 500)).to.deep.equal([-1, true]);
    // A fixed block whose first symbol is a match of three bytes at distance 1: there is nothing before it.
    expect(decode(fromHex('03 02 00 00'), 500)).to.deep.equal([-6, true]);
  });

  it('a larger window after a smaller one is served', () => {
    const stream = deflateRawSync(generatedBytes(5, 9000));
    expect(decode(stream, 100)).to.deep.equal([-5, true]);
    expect(decode(stream, 9000)[0]).to.equal(9000);
  });
});

describe('codec none', () => {
  const codec = createCodec('none');

  it('copies between arrays and inside one array', () => {
    const input = generatedBytes(4, 300);
    const other = new Uint8Array(400);
    expect(codec.compress(input, 10, 200, other, 50, 200, NO_WORK, 0)).to.equal(200);
    expect(Buffer.compare(other.subarray(50, 250), input.subarray(10, 210))).to.equal(0);
    expect(codec.decompress(other, 50, 100, other, 280, 120)).to.equal(100);
    expect(Buffer.compare(other.subarray(280, 380), input.subarray(10, 110))).to.equal(0);
  });

  it('refuses an output that is too short and leaves it alone', () => {
    const output = new Uint8Array(10);
    expect(codec.compress(generatedBytes(4, 11), 0, 11, output, 0, 10, NO_WORK, 0)).to.equal(-5);
    expect(output.every((byte) => byte === 0)).to.equal(true);
  });
});
