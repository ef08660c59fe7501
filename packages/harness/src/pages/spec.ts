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

/** Where the contents of the pages of a run come from. */
export type PagesSpec = DefaultPagesSpec | SyntheticPagesSpec;

/** What a person can type after `--pages`, for messages and help. */
export const PAGES_SPEC_FORMS = 'default, synthetic:ratio=R,zero=Z,same=S';

/**
 * Reads the text of `--pages`.
 *
 * @param text - `default`, `synthetic`, or `synthetic:` with any of `ratio=`, `zero=`, `same=`, separated by commas
 * @throws UsageError for every other text, with the value and what is allowed
 */
export function parsePagesSpec(text: string): PagesSpec {
  if (text === 'default') return { kind: 'default' };
  if (text === 'synthetic') return { kind: 'synthetic', ...SYNTHETIC_DEFAULTS };
  if (text.startsWith('synthetic:')) return parseSynthetic(text, text.slice('synthetic:'.length));
  throw new UsageError(
    `pages "${text}" are not available: pages of files, directories and processes come later; ` +
      `allowed now: ${PAGES_SPEC_FORMS}`,
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
