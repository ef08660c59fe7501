/**
 * Tokens: a schedule as a string that can be pasted.
 *
 * `sl1.` and, in base64url without padding, these bytes: a checksum of all that follows (4 bytes); hash of the scenario (4); seed (4); trace
 * hash (4); number of threads up to the last one of which something is left out, and for each what that is: twice its bits, or 1 for all of them;
 * number of decisions; then for each decision the steps since the one before, the choice, and the site (2 bytes). Numbers without a size are
 * varints: 7 bits a byte, the lowest first, the high bit set on all bytes but the last. Numbers with a size have the lowest byte first.
 *
 * Promise: a token is parsed to what it was made of, or not at all. Each schedule has one token: what was written in another way is refused, too.
 */
import { CHOICE_END, type Decision } from './core/decisions.js';

/** What a token says. */
export interface Token {
  /** Hash of the scenario it belongs to, 32 bits. */
  readonly scenario: number;
  /** Seed of the schedule, 32 bits: for what goes on after the decisions. */
  readonly seed: number;
  /** The decisions that differ from the default, by rising steps. */
  readonly decisions: readonly Decision[];
  /** Hash of the trace that the schedule had, 32 bits. */
  readonly traceHash: number;
  /** For each thread, which of its operations are left out, as 31 bits; none when not given. All bits: the whole thread. */
  readonly dropped?: readonly number[];
}

/** What is wrong with a token. */
export type TokenErrorCode = 'ERR_NOT_A_TOKEN' | 'ERR_TOKEN_VERSION' | 'ERR_TOKEN_DAMAGED';

/** A string cannot be read as a token, or a token cannot be written. */
export class TokenError extends Error {
  readonly code: TokenErrorCode;

  /**
   * @param code - what is wrong
   * @param message - the same for people
   */
  constructor(code: TokenErrorCode, message: string) {
    super(message);
    this.name = 'TokenError';
    this.code = code;
  }
}

const FAMILY = 'sl';
const VERSION = 1;
const PREFIX = `${FAMILY}${VERSION}.`;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const HEAD_BYTES = 16;
const CHECKSUM_BYTES = 4;
/** All operations of a thread. */
const DROPPED_ALL = 0x7fff_ffff;
const STEP_END = 0x7fff_ffff;
const SITE_END = 0x1_0000;
const CRC_POLYNOMIAL = 0xedb8_8320;

/** CRC-32, which sees every burst of up to 32 damaged bits. */
function checksum(bytes: Uint8Array, from: number): number {
  let crc = -1;
  for (let index = from; index < bytes.length; index++) {
    crc ^= bytes[index]!;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (CRC_POLYNOMIAL & -(crc & 1));
  }
  return ~crc >>> 0;
}

function toText(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 3) {
    const group = (bytes[index]! << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    const letters = Math.min(bytes.length - index, 3) + 1;
    for (let letter = 0; letter < letters; letter++)
      text += ALPHABET.charAt((group >>> (18 - 6 * letter)) & 63);
  }
  return text;
}

function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    const value = ALPHABET.indexOf(text.charAt(index));
    if (value < 0) {
      const place = PREFIX.length + index + 1;
      throw new TokenError(
        'ERR_NOT_A_TOKEN',
        `Character ${place} of the token, ${JSON.stringify(text.charAt(index))}, cannot be in one.`,
      );
    }
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[length] = (bits >>> held) & 0xff;
      length++;
      bits &= (1 << held) - 1;
    }
  }
  if (held >= 6 || bits !== 0) throw damaged('its last character is cut or changed');
  return bytes;
}

function damaged(how: string): TokenError {
  return new TokenError('ERR_TOKEN_DAMAGED', `The token is damaged: ${how}. Copy the whole of it.`);
}

/** Reads numbers from bytes. */
class Reader {
  private readonly bytes: Uint8Array;
  private at = CHECKSUM_BYTES;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  fixed(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) value |= this.next() << (8 * index);
    return value >>> 0;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.next();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw damaged('a number is longer than it need be');
        return value;
      }
    }
    throw damaged('a number is too long');
  }

  hasEnded(): boolean {
    return this.at === this.bytes.length;
  }

  private next(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw damaged('it is too short');
    this.at++;
    return byte;
  }
}

function pushFixed(bytes: number[], value: number, count: number): void {
  for (let index = 0; index < count; index++) bytes.push((value >>> (8 * index)) & 0xff);
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

function checkWhole(name: string, value: number, end: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= end) {
    throw new RangeError(`${name} must be a whole number from 0 to ${end - 1}, not ${value}.`);
  }
}

/**
 * Writes a token.
 * @param token - what it is to say
 * @throws RangeError when that is no schedule: numbers out of range, steps that do not rise
 */
export function formatToken(token: Token): string {
  checkWhole('scenario', token.scenario, 2 ** 32);
  checkWhole('seed', token.seed, 2 ** 32);
  checkWhole('traceHash', token.traceHash, 2 ** 32);
  const bytes: number[] = [];
  pushFixed(bytes, 0, CHECKSUM_BYTES);
  pushFixed(bytes, token.scenario, 4);
  pushFixed(bytes, token.seed, 4);
  pushFixed(bytes, token.traceHash, 4);
  const dropped = trimmed(token.dropped ?? []);
  pushVarint(bytes, dropped.length);
  for (const mask of dropped) {
    checkWhole('dropped', mask, DROPPED_ALL + 1);
    pushVarint(bytes, mask === DROPPED_ALL ? 1 : mask * 2);
  }
  pushVarint(bytes, token.decisions.length);
  let before = -1;
  for (const { step, choice, site } of token.decisions) {
    checkWhole('step', step, STEP_END);
    checkWhole('choice', choice, CHOICE_END);
    checkWhole('site', site, SITE_END);
    if (step <= before) throw new RangeError(`Steps must rise, but ${step} comes after ${before}.`);
    pushVarint(bytes, step - before - 1);
    pushVarint(bytes, choice);
    pushFixed(bytes, site, 2);
    before = step;
  }
  const all = Uint8Array.from(bytes);
  all.set(Uint8Array.of(...fixedBytes(checksum(all, CHECKSUM_BYTES))), 0);
  return PREFIX + toText(all);
}

function fixedBytes(value: number): number[] {
  const bytes: number[] = [];
  pushFixed(bytes, value, CHECKSUM_BYTES);
  return bytes;
}

/**
 * Reads a token. White space around it does not matter.
 * @param text - as it was pasted
 * @throws {@link TokenError} saying what is wrong with it
 */
export function parseToken(text: string): Token {
  const bytes = toBytes(payloadOf(text.trim()));
  if (bytes.length <= HEAD_BYTES) throw damaged('it is too short');
  const reader = new Reader(bytes);
  const isWhole =
    checksum(bytes, CHECKSUM_BYTES) ===
    (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
  if (!isWhole) throw damaged('its checksum is wrong');
  const scenario = reader.fixed(4);
  const seed = reader.fixed(4);
  const traceHash = reader.fixed(4);
  const dropped = readDropped(reader, bytes.length);
  const count = reader.varint();
  // Each decision has at least four bytes: a count out of all proportion must not make us wait.
  if (count * 4 > bytes.length) throw damaged('it is too short');
  const decisions: Decision[] = [];
  let before = -1;
  for (let index = 0; index < count; index++) {
    const step = before + 1 + reader.varint();
    const choice = reader.varint();
    if (step >= STEP_END || choice >= CHOICE_END) throw damaged('it has a decision that cannot be');
    decisions.push({ step, choice, site: reader.fixed(2) });
    before = step;
  }
  if (!reader.hasEnded()) throw damaged('something follows its last decision');
  return { scenario, seed, decisions, traceHash, dropped };
}

function readDropped(reader: Reader, length: number): number[] {
  const count = reader.varint();
  if (count > length) throw damaged('it is too short');
  const dropped: number[] = [];
  for (let thread = 0; thread < count; thread++) {
    const value = reader.varint();
    if ((value !== 1 && value % 2 === 1) || value >= 2 * DROPPED_ALL) {
      throw damaged('it leaves out what cannot be');
    }
    dropped.push(value === 1 ? DROPPED_ALL : value / 2);
  }
  if (dropped[count - 1] === 0) throw damaged('it says nothing about its last thread');
  return dropped;
}

/** Without the threads at the end of which nothing is left out. */
function trimmed(dropped: readonly number[]): readonly number[] {
  let length = dropped.length;
  while (length > 0 && dropped[length - 1] === 0) length--;
  return dropped.slice(0, length);
}

/** What follows the prefix. */
function payloadOf(text: string): string {
  if (text.startsWith(PREFIX)) return text.slice(PREFIX.length);
  const version = /^sl(\d{1,4})\./.exec(text);
  if (version !== null) {
    throw new TokenError(
      'ERR_TOKEN_VERSION',
      `This token has version ${version[1]!}; this program reads version ${VERSION} only.`,
    );
  }
  throw new TokenError('ERR_NOT_A_TOKEN', `This is not a token of a schedule: those begin with "${PREFIX}".`);
}
