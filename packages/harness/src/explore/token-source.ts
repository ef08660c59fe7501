/**
 * What a token belongs to: read from a file that `explore --save` has written, or found among the scenarios of the museum, since a token carries a
 * hash of its scenario and of everything that changes its steps.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { parseToken, scenarioHash, TokenError, type Token } from '@swaplab/explore';
import { VARIANTS } from '@swaplab/kernel-mm';
import { ROOMS } from '@swaplab/museum';
import { DRIVER_VARIANTS } from '@swaplab/ramzswap';

import { UsageError } from '../errors.js';
import { findScenario, museumScenarios, type ListedScenario } from './catalogue.js';
import { FAULT_MASKS, typedFaults } from './faults.js';

/** What the person says about a token. */
export interface TokenHints {
  /** A scenario, or the file of its module. */
  readonly scenario?: string;
  readonly variants?: readonly string[];
  /** Kinds of faults, as they were typed. */
  readonly faults?: readonly string[];
  readonly stepLimit?: number;
  readonly detectors?: boolean;
}

/** A token, and all that is needed to play it. */
export interface TokenSource {
  /** As it is written. */
  readonly text: string;
  readonly token: Token;
  readonly scenario: ListedScenario;
  readonly variants: readonly string[];
  /** Kinds of faults, as bits. */
  readonly faults: number;
  readonly stepLimit: number;
  readonly detectors: boolean;
}

const STEP_LIMIT = 20_000;

/** What a saved document says. */
interface Saved {
  readonly file?: string | null;
  readonly scenario?: string;
  readonly variants?: readonly string[];
  readonly faults?: readonly string[];
  readonly stepLimit?: number;
  readonly detectors?: boolean;
  readonly finding?: { readonly token?: string } | null;
}

/**
 * Finds what a token belongs to.
 *
 * @param word - the token, or the file of a saved failure
 * @param hints - what the person says; it goes before what a file says
 * @throws UsageError for what is no token, with the reason, and for one whose scenario is not here
 */
export async function findTokenSource(word: string, hints: TokenHints): Promise<TokenSource> {
  if (!isFile(word)) {
    if (/[\\/]|\.json$/.test(word)) throw new UsageError(`${word} is no file that is there`);
    return sourceOf(word, hints);
  }
  const saved = readSaved(word);
  const text = saved.finding?.token;
  if (text === undefined) throw new UsageError(`${word} tells of no failure: there is no token in it`);
  const scenario = hints.scenario ?? savedScenario(word, saved);
  return sourceOf(text, {
    ...(scenario === undefined ? {} : { scenario }),
    ...pick('variants', hints.variants ?? saved.variants),
    ...pick('faults', hints.faults ?? saved.faults),
    ...pick('stepLimit', hints.stepLimit ?? saved.stepLimit),
    // False is what a flag says, true what no flag says.
    ...pick('detectors', hints.detectors === false ? false : saved.detectors),
  });
}

async function sourceOf(text: string, hints: TokenHints): Promise<TokenSource> {
  const token = readToken(text);
  const scenarios =
    hints.scenario === undefined ? await museumScenarios() : [await findScenario(hints.scenario)];
  const masks = hints.faults === undefined ? FAULT_MASKS : [typedFaults(hints.faults)];
  const { stepLimit = STEP_LIMIT, detectors = true } = hints;
  for (const scenario of scenarios) {
    for (const variants of hints.variants === undefined ? variantSets() : [hints.variants]) {
      for (const faults of masks) {
        const hash = scenarioHash({ name: scenario.name, variants, faults, stepLimit });
        if (hash === token.scenario)
          return { text: text.trim(), token, scenario, variants, faults, stepLimit, detectors };
      }
    }
  }
  const [only] = scenarios;
  throw new UsageError(
    hints.scenario === undefined || only === undefined
      ? 'the scenario of this token is not here: say which with --scenario, and --variant, --faults and --step-limit if it was found with them'
      : `the token was not found with the scenario ${only.word} and these variants, faults and steps: see --variant, --faults and --step-limit`,
  );
}

/** None, those of each room of the museum, and each known one alone. */
function variantSets(): readonly (readonly string[])[] {
  const ids = [...VARIANTS, ...DRIVER_VARIANTS].map(({ id }) => id);
  return [[], ...ROOMS.map(({ variants }) => variants), ...ids.map((id) => [id])];
}

function readToken(text: string): Token {
  try {
    return parseToken(text);
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause;
    throw new UsageError(cause.message.replace(/\.$/, ''), { cause });
  }
}

function readSaved(path: string): Saved {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`${path} is no failure that was saved: it is not JSON`, { cause });
  }
  if (typeof value !== 'object' || value === null)
    throw new UsageError(`${path} is no failure that was saved: there is no object in it`);
  return value;
}

/** Names of files are as they were typed, maybe in another folder. */
function savedScenario(path: string, { file, scenario }: Saved): string | undefined {
  if (file === undefined || file === null) return scenario;
  const beside = resolve(dirname(path), file);
  return !isFile(file) && isFile(beside) ? beside : file;
}

function pick<Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Partial<Record<Key, Value>>);
}

function isFile(word: string): boolean {
  return existsSync(word) && statSync(word).isFile();
}
