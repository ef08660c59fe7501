import { expect } from 'chai';
import fc from 'fast-check';
import { CHOICE_END, type Decision } from '#src/core/decisions.js';
import { formatToken, parseToken, TokenError, type Token } from '#src/token.js';
import { PROPERTY_SEEDS } from './support/seeds.js';

const word = fc.nat(0xffff_ffff);
const decisions = fc
  .array(
    fc.record(
      { step: fc.nat(0x7fff_fffe), choice: fc.nat(CHOICE_END - 1), site: fc.nat(0xffff) },
      { noNullPrototype: true },
    ),
    { maxLength: 40 },
  )
  .map((list): Decision[] =>
    list
      .sort((one, other) => one.step - other.step)
      .filter(({ step }, index) => index === 0 || step !== list[index - 1]!.step),
  );
const dropped = fc
  .array(fc.oneof(fc.nat(0x7fff_ffff), fc.constantFrom(0, 0x7fff_ffff)), { maxLength: 8 })
  .filter((masks) => masks.at(-1) !== 0);
const token: fc.Arbitrary<Token> = fc.record(
  { scenario: word, seed: word, traceHash: word, decisions, dropped },
  { noNullPrototype: true },
);

/** The code of the error a text gives, or undefined when it is a token. */
function codeOf(text: string): string | undefined {
  try {
    parseToken(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    expect(error.message).to.match(/^[A-Z].*\.$/);
    return error.code;
  }
}

const example = formatToken({
  scenario: 0x1234_5678,
  seed: 7,
  traceHash: 0x9abc_def0,
  dropped: [0b101, 0, 0x7fff_ffff, 0],
  decisions: [
    { step: 17, choice: 2, site: 301 },
    { step: 60, choice: 33, site: 0 },
    { step: 300, choice: 0, site: 65_535 },
  ],
});

describe('token', () => {
  for (const seed of PROPERTY_SEEDS) {
    it(`is read as what was written (seed ${seed})`, () => {
      fc.assert(
        fc.property(token, (original) => {
          const text = formatToken(original);
          expect(text).to.match(/^sl1\.[A-Za-z0-9_-]+$/);
          expect(parseToken(text)).to.deep.equal(original);
          expect(formatToken(parseToken(` ${text}\n`))).to.equal(text);
        }),
        { seed, numRuns: 300 },
      );
    });

    it(`is refused when any character of it is changed, lost or added (seed ${seed})`, () => {
      const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. é';
      const damage = fc.record({
        place: fc.nat(),
        letter: fc.constantFrom(...Array.from(letters)),
        how: fc.nat(2),
      });
      fc.assert(
        fc.property(token, damage, (original, { place, letter, how }) => {
          const text = formatToken(original);
          const at = place % text.length;
          const changed =
            text.slice(0, at) + (how === 0 ? '' : letter) + text.slice(at + (how === 2 ? 0 : 1));
          if (changed.trim() === text) return;
          expect(codeOf(changed)).to.be.oneOf(['ERR_NOT_A_TOKEN', 'ERR_TOKEN_VERSION', 'ERR_TOKEN_DAMAGED']);
        }),
        { seed, numRuns: 2000 },
      );
    });

    it(`is refused when it is any other text (seed ${seed})`, () => {
      fc.assert(
        fc.property(fc.string(), fc.base64String(), (text, payload) => {
          expect(codeOf(text)).to.not.equal(undefined);
          expect(codeOf(`sl1.${payload}`)).to.not.equal(undefined);
        }),
        { seed, numRuns: 500 },
      );
    });
  }

  it('has a fixed form, so that tokens of today are read tomorrow', () => {
    expect(example).to.equal('sl1.QWBDWHhWNBIHAAAA8N68mgMKAAEDEQItASohAADvAQD__w');
    expect(parseToken(example).decisions[1]).to.deep.equal({ step: 60, choice: 33, site: 0 });
    expect(parseToken(example).dropped).to.deep.equal([0b101, 0, 0x7fff_ffff]);
  });

  it('is refused at every length it can be cut to', () => {
    for (let length = 0; length < example.length; length++) {
      const code = codeOf(example.slice(0, length));
      expect(code, `${length}`).to.equal(length < 4 ? 'ERR_NOT_A_TOKEN' : 'ERR_TOKEN_DAMAGED');
    }
  });

  it('says what is wrong with a text', () => {
    expect(() => parseToken('91021000904')).to.throw(
      TokenError,
      'not a token of a schedule: those begin with "sl1."',
    );
    expect(() => parseToken('sl2.AAAA')).to.throw(TokenError, 'has version 2; this program reads version 1');
    expect(() => parseToken(example.replace('.', '.!'))).to.throw(
      TokenError,
      'Character 5 of the token, "!", cannot be in one',
    );
    expect(() => parseToken(example.slice(0, -4))).to.throw(TokenError, 'its checksum is wrong');
    expect(() => parseToken('sl1.AAAA')).to.throw(TokenError, 'too short');
    expect(codeOf('')).to.equal('ERR_NOT_A_TOKEN');
    expect(codeOf('sl1.')).to.equal('ERR_TOKEN_DAMAGED');
  });

  it('leaves nothing out when nothing is said of that', () => {
    const whole: Token = { scenario: 1, seed: 1, traceHash: 1, decisions: [] };
    expect(parseToken(formatToken(whole)).dropped).to.deep.equal([]);
    expect(formatToken({ ...whole, dropped: [0, 0] })).to.equal(formatToken(whole));
  });

  it('stays below 200 characters for 30 decisions', () => {
    const list = Array.from({ length: 30 }, (_, index) => ({ step: index * 100, choice: 31, site: 0xffff }));
    expect(formatToken({ scenario: 1, seed: 1, traceHash: 1, decisions: list })).to.have.length.at.most(200);
  });

  it('is not written for what is no schedule', () => {
    const whole: Token = { scenario: 1, seed: 1, traceHash: 1, decisions: [] };
    const decision: Decision = { step: 1, choice: 1, site: 1 };
    expect(() => formatToken({ ...whole, seed: -1 })).to.throw(RangeError, 'seed');
    expect(() => formatToken({ ...whole, scenario: 2 ** 32 })).to.throw(RangeError, 'scenario');
    expect(() => formatToken({ ...whole, dropped: [-1] })).to.throw(RangeError, 'dropped');
    expect(() => formatToken({ ...whole, decisions: [decision, decision] })).to.throw(
      RangeError,
      'must rise',
    );
    expect(() => formatToken({ ...whole, decisions: [{ ...decision, choice: CHOICE_END }] })).to.throw(
      RangeError,
      'choice',
    );
    expect(() => formatToken({ ...whole, decisions: [{ ...decision, site: 0x1_0000 }] })).to.throw(
      RangeError,
      'site',
    );
  });
});
