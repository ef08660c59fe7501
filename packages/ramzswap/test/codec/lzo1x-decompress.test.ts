import { expect } from 'chai';

import { createCodec } from '#src/codec/codec.js';

import { GuardedWindow, PAGE_BYTES, fromHex, toHex } from './inputs.js';

const codec = createCodec('lzo1x-2010');

/** Decodes a stream given as hex; the result is `[bytes or code, bytes written, output as hex]`. */
function decode(hex: string, capacity = PAGE_BYTES): [number, number, string] {
  const stream = fromHex(hex);
  const window = new GuardedWindow(capacity);
  const progress = new Int32Array(1);
  const result = codec.decompressSafe(
    stream,
    0,
    stream.length,
    window.array,
    window.offset,
    capacity,
    progress,
    0,
  );
  expect(window.intact()).to.equal(true);
  expect(codec.decompress(stream, 0, stream.length, window.array, window.offset, capacity)).to.equal(result);
  return [result, progress[0]!, toHex(window.bytes(progress[0]!))];
}

/** The stream of a page of 0x61. */
const CONSTANT = `02 ${'61'.repeat(5)} 20 ${'00'.repeat(15)} e9 00 00 11 00 00`.replaceAll(' ', '');
const CONSTANT_PAGE = '61'.repeat(PAGE_BYTES);
const A = '61';

describe('lzo1x-2010: results of the decoder', () => {
  const cases: [string, string, number, [number, number, string]][] = [
    ['the whole stream', CONSTANT, 4096, [4096, 4096, CONSTANT_PAGE]],
    ['more room than needed', CONSTANT, 5000, [4096, 4096, CONSTANT_PAGE]],
    ['one byte of room missing', CONSTANT, 4095, [-5, 5, A.repeat(5)]],
    ['no room for the first literals', CONSTANT, 4, [-5, 0, '']],
    ['the last byte cut', CONSTANT.slice(0, -2), 4096, [-4, 4096, CONSTANT_PAGE]],
    ['the last two bytes cut', CONSTANT.slice(0, -4), 4096, [-4, 4096, CONSTANT_PAGE]],
    ['the end marker cut', CONSTANT.slice(0, -6), 4096, [-7, 4096, CONSTANT_PAGE]],
    ['cut to ten bytes', CONSTANT.slice(0, 20), 4096, [-4, 5, A.repeat(5)]],
    ['one byte too many', `${CONSTANT}00`, 4096, [-8, 4096, CONSTANT_PAGE]],
    ['the empty stream', '110000', 0, [0, 0, '']],
    ['no bytes at all', '', 10, [-7, 0, '']],
    // One literal, then a match at distance 9: 01 L DDD SS with L = 0, D = 0, H = 1.
    ['a match before the start', `12 61 40 01 110000`, 4096, [-6, 1, A]],
    ['a match as the first instruction', '11 0400 110000', 4096, [-6, 0, '']],
    ['literals that are not all there', '1e 61 61', 4096, [-4, 0, '']],
    ['literals with nothing after them', `16 ${A.repeat(5)}`, 4096, [-4, 0, '']],
    ['a match without its operand byte', `16 ${A.repeat(5)} 40`, 4096, [-4, 5, A.repeat(5)]],
    ['a match without its second operand byte', `16 ${A.repeat(5)} 21 00`, 4096, [-4, 5, A.repeat(5)]],
    ['a match too far whatever its missing operand', `16 ${A.repeat(5)} 5c`, 4096, [-6, 5, A.repeat(5)]],
    ['a far match without operands', `16 ${A.repeat(5)} 19`, 4096, [-6, 5, A.repeat(5)]],
    ['what may be an end marker, cut', `16 ${A.repeat(5)} 11`, 4096, [-4, 5, A.repeat(5)]],
    [
      'free literals with a single byte after them',
      `16 ${A.repeat(5)} 41 00 62 11`,
      4096,
      [-7, 9, `${A.repeat(8)}62`],
    ],
    ['one to three first literals with a single byte after them', '12 61 11', 4096, [-7, 1, A]],
    ['free literals that do not fit', `16 ${A.repeat(5)} 41 00 62 110000`, 8, [-5, 8, A.repeat(8)]],
    ['an extension without end', '00 00 00 00', 4096, [-4, 0, '']],
    ['a match extension without end', `16 ${A.repeat(5)} 20 00 00`, 4096, [-4, 5, A.repeat(5)]],
  ];
  for (const [what, hex, capacity, expected] of cases) {
    it(`${what} -> ${String(expected[0])} with ${String(expected[1])} bytes written`, () => {
      expect(decode(hex, capacity)).to.deep.equal(expected);
    });
  }
});

describe('lzo1x-2010: instructions of the decoder', () => {
  /** Twenty different literals in a plain run: byte i is i + 1. */
  const LITERALS = Array.from({ length: 20 }, (_, i) => (i + 1).toString(16).padStart(2, '0')).join('');
  const RUN = `25 ${LITERALS}`;

  function decoded(hex: string): string {
    const [result, written, output] = decode(hex, 1 << 17);
    expect(result).to.equal(written);
    return output;
  }

  it('first byte 18..255: a run of literals', () => {
    expect(decoded('12 aa 110000')).to.equal('aa');
    expect(decoded('14 aabbcc 110000')).to.equal('aabbcc');
    expect(decoded(`ff ${'5a'.repeat(238)} 110000`)).to.equal('5a'.repeat(238));
  });

  it('literal runs of 4..18 bytes and longer ones with an extension', () => {
    expect(decoded('01 aabbccdd 110000')).to.equal('aabbccdd');
    expect(decoded(`0f ${'5a'.repeat(18)} 110000`)).to.equal('5a'.repeat(18));
    expect(decoded(`00 01 ${'5a'.repeat(19)} 110000`)).to.equal('5a'.repeat(19));
    expect(decoded(`00 00 02 ${'5a'.repeat(275)} 110000`)).to.equal('5a'.repeat(275));
  });

  it('M2: lengths 3..8, both forms of the length, three bits of distance in the first byte', () => {
    expect(decoded(`${RUN} 40 00 110000`)).to.equal(`${LITERALS}141414`);
    expect(decoded(`${RUN} 6c 01 110000`)).to.equal(`${LITERALS}090a0b0c`);
    expect(decoded(`${RUN} 8c 01 110000`)).to.equal(`${LITERALS}090a0b0c0d`);
    expect(decoded(`${RUN} e0 01 110000`)).to.equal(`${LITERALS}0c0d0e0f10111213`);
  });

  it('M3: short and extended lengths, a match that runs into its own output', () => {
    expect(decoded(`${RUN} 21 0400 110000`)).to.equal(`${LITERALS}131413`);
    expect(decoded(`${RUN} 20 01 0000 110000`)).to.equal(LITERALS + '14'.repeat(34));
    expect(decoded(`${RUN} 20 00 01 0400 110000`)).to.equal(LITERALS + '1314'.repeat(144) + '13');
  });

  it('a match at distance 1..3 after 1..3 literals, and at 2049 and beyond after four or more', () => {
    expect(decoded('14 aabbcc 04 00 110000')).to.equal('aabbccbbcc');
    expect(decoded(`${RUN} 41 00 ee 00 00 110000`)).to.equal(`${LITERALS}141414eeeeee`);
    // 2100 literals: 18 + 255 * 8 + 42; then distance 2049 + 4 * 0 + 0 and three bytes.
    const many = Array.from({ length: 2100 }, (_, i) => (i % 251).toString(16).padStart(2, '0'));
    const far = `00 ${'00'.repeat(8)} 2a ${many.join('')} 00 00 110000`;
    expect(decoded(far)).to.equal(many.join('') + many.slice(51, 54).join(''));
  });

  it('M4: distances beyond 16384, with the high bit too', () => {
    // 40,000 bytes: five literals 01..05 and one long match at distance 5.
    const length = 40_000 - 5 - 33;
    const zeros = Math.floor((length - 1) / 255);
    const rest = (length - 255 * zeros).toString(16).padStart(2, '0');
    const base = `16 0102030405 20 ${'00'.repeat(zeros)} ${rest} 1000`;
    const start = '0102030405'.repeat(8000);
    // Distance 16384 + 1: position 40000 - 16385 = 23615, a multiple of 5.
    expect(decoded(`${base} 11 0400 110000`)).to.equal(`${start}010203`);
    // Distance 16384 + 16384 + 2: position 7230, a multiple of 5; nine bytes and five from the extension.
    expect(decoded(`${base} 18 05 0800 110000`)).to.equal(`${start}0102030405010203040501020304`);
    // The same with two free literals.
    expect(decoded(`${base} 19 0a00 eeff 110000`)).to.equal(`${start}010203eeff`);
  });
});
