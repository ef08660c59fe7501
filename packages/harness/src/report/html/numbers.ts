/**
 * Numbers for people: the same rules in sentences, tables and pictures.
 */

const KIB = 1024;
/** Between a number and its unit no line may be broken. */
const NBSP = '\u00a0';
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A unit of bytes. */
export interface ByteUnit {
  readonly name: string;
  /** Bytes of one. */
  readonly bytes: number;
}

/** A whole number with commas between thousands. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** A whole number and what it counts. */
export function plural(value: number, noun: string, nouns = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : nouns}`;
}

/** The largest unit of which there is at least one in so many bytes. */
export function byteUnit(bytes: number): ByteUnit {
  let index = 0;
  while (index < UNITS.length - 1 && bytes >= KIB ** (index + 1)) index++;
  return { name: UNITS[index] ?? 'B', bytes: KIB ** index };
}

/** Bytes with three significant digits. */
export function byteText(bytes: number): string {
  const unit = byteUnit(bytes);
  const value = bytes / unit.bytes;
  const digits = unit.bytes === 1 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${NBSP}${unit.name}`;
}

/** Seconds with three significant digits, in s, ms or us. */
export function secondText(seconds: number): string {
  if (seconds === 0) return `0${NBSP}s`;
  if (seconds >= 1) return `${significant(seconds)}${NBSP}s`;
  if (seconds >= 1e-3) return `${significant(seconds * 1e3)}${NBSP}ms`;
  return `${significant(seconds * 1e6)}${NBSP}µs`;
}

/** Microseconds of one thing. */
export function microText(micros: number): string {
  return `${significant(micros)}${NBSP}µs`;
}

/** A share of one in percent. */
export function percentText(share: number): string {
  const percent = share * 100;
  return `${percent >= 10 || percent === 0 ? percent.toFixed(0) : percent.toFixed(2)}${NBSP}%`;
}

/** How often one number is in another: `8.6`, `120`. */
export function ratioText(ratio: number): string {
  return ratio >= 10 ? count(Math.round(ratio)) : ratio.toFixed(1);
}

/** Names in a sentence: `a`, `a and b`, `a, b and c`. */
export function listText(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

function significant(value: number): string {
  if (value >= 100) return count(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2);
}
