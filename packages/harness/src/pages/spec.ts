/**
 * What `--pages` may say: where the contents of the pages of a run come from.
 *
 * Pure: it reads no file. What it accepts, `harvestPages` can produce.
 */
import { UsageError } from '../errors.js';

/** A share or ratio that is left out of a `synthetic:` specification. */
const SYNTHETIC_DEFAULTS = { ratio: 0.45, zero: 0, same: 0 } as const;

/** The smallest ratio that can be aimed at: below it the tokens of the compressed stream alone are longer. */
const RATIO_MIN = 0.05;

/** A mix of pages of the running Node executable and generated pages. */
export interface DefaultPagesSpec {
  readonly kind: 'default';
}

/** Generated pages with chosen properties. */
export interface SyntheticPagesSpec {
  readonly kind: 'synthetic';
  /** Aimed at: mean compressed bytes over bytes, 0.05 to 1, of the pages that are neither zero nor same-filled. */
  readonly ratio: number;
  /** Share of pages that are all zero, 0 to 1. */
  readonly zero: number;
  /** Share of pages that repeat one 32-bit word, 0 to 1; together with `zero` at most 1. */
  readonly same: number;
}

/** Pages of a file, or of all files below a directory. */
export interface PathPagesSpec {
  readonly kind: 'path';
  /** As it was typed; a relative one starts at the working directory. */
  readonly path: string;
}

/** Pages of the memory of a running process. */
export interface ProcessPagesSpec {
  readonly kind: 'process';
  /** Its number. */
  readonly pid: number;
}

/** Where the contents of the pages of a run come from. */
export type PagesSpec = DefaultPagesSpec | SyntheticPagesSpec | PathPagesSpec | ProcessPagesSpec;

/** What a person can type after `--pages`, for messages and help. */
export const PAGES_SPEC_FORMS = 'FILE, DIR, pid:N, default, synthetic:ratio=R,zero=Z,same=S';

/** More than any system gives out. */
const PID_MAX = 2 ** 31 - 1;

/**
 * Reads the text of `--pages`.
 *
 * @param text - `default`, `synthetic`, `synthetic:` with any of `ratio=`, `zero=`, `same=`, separated by commas, `pid:` and a number, or the
 * path of a file or a directory; a path that looks like one of the others needs `./` before it
 * @throws UsageError for a text that is none of these, with the value and what is allowed
 */
export function parsePagesSpec(text: string): PagesSpec {
  if (text === 'default') return { kind: 'default' };
  if (text === 'synthetic') return { kind: 'synthetic', ...SYNTHETIC_DEFAULTS };
  if (text.startsWith('synthetic:')) return parseSynthetic(text, text.slice('synthetic:'.length));
  if (text.startsWith('pid:')) return { kind: 'process', pid: parsePid(text, text.slice('pid:'.length)) };
  if (text === '' || text.includes('\0')) {
    throw new UsageError(`pages ${JSON.stringify(text)} are not possible; allowed: ${PAGES_SPEC_FORMS}`);
  }
  return { kind: 'path', path: text };
}

/**
 * Writes a path so that `parsePagesSpec` takes it for one.
 *
 * @param path - of a file or a directory, not empty
 */
export function pagesSpecOfPath(path: string): string {
  return /^(?:default$|synthetic$|synthetic:|pid:)/.test(path) ? `./${path}` : path;
}

function parsePid(whole: string, digits: string): number {
  const pid = /^\d{1,10}$/.test(digits) ? Number(digits) : Number.NaN;
  if (pid >= 1 && pid <= PID_MAX) return pid;
  throw new UsageError(
    `pages "${whole}" name no process; allowed: pid:N with N from 1 to ${String(PID_MAX)}`,
  );
}

function parseSynthetic(whole: string, list: string): SyntheticPagesSpec {
  const values: { ratio: number; zero: number; same: number } = { ...SYNTHETIC_DEFAULTS };
  const seen = new Set<string>();
  for (const item of list.split(',')) {
    const match = /^(ratio|zero|same)=(\d+(?:\.\d+)?|\.\d+)$/.exec(item);
    if (match === null) {
      throw new UsageError(
        `"${item}" in pages "${whole}" is not understood; allowed: ratio=R, zero=Z, same=S`,
      );
    }
    const name = match[1] as keyof typeof values;
    if (seen.has(name)) throw new UsageError(`${name} is given twice in pages "${whole}"`);
    seen.add(name);
    values[name] = Number(match[2]);
    const smallest = name === 'ratio' ? RATIO_MIN : 0;
    if (values[name] < smallest || values[name] > 1) {
      throw new UsageError(
        `${name}=${String(match[2])} in pages "${whole}" is out of range; allowed: ${String(smallest)} to 1`,
      );
    }
  }
  if (values.zero + values.same > 1) {
    throw new UsageError(
      `zero and same in pages "${whole}" add up to ${String(values.zero + values.same)}; allowed: at most 1 together`,
    );
  }
  return { kind: 'synthetic', ...values };
}
