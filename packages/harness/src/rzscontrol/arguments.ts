/**
 * The command line of rzscontrol: a device, then options, read as `getopt_long` reads them.
 *
 * Promise: the words are those of the original tool, with its limits: fewer than three (the name of the tool counts) ask for the usage; the path
 * of the device is cut to 31 bytes; a number has at most 10 digits, or is `EOVERFLOW`. Beyond the original, a number that is none is `EINVAL`.
 * Short options may be bundled (`-is`) or have their value attached (`-d1024`), long ones may be cut short as long as they stay
 * unambiguous, and an option that is said twice counts as said last. Words that are neither are passed over.
 */
import { UsageError } from '../errors.js';

/** Longest path of a device, in bytes. */
export const DEVICE_NAME_BYTES_MAX = 31;
/** Most digits of a number. */
export const VALUE_DIGITS_MAX = 10;

/** What rzscontrol is asked to do; its order of work is fixed, whatever the order of the options. */
export interface RzscontrolRequest {
  /** Path of the device, at most {@link DEVICE_NAME_BYTES_MAX} bytes. */
  readonly device: string;
  /** Path of the backing swap; null: not asked for. */
  readonly backingSwap: string | null;
  /** Memory limit in KB; null: not asked for. */
  readonly memlimitKb: number | null;
  /** Size of the disk in KB; null: not asked for. */
  readonly disksizeKb: number | null;
  readonly init: boolean;
  readonly reset: boolean;
  readonly stats: boolean;
  /** Whether each step is told. */
  readonly verbose: boolean;
}

/** What a command line says: work to do, a question for the usage, or a value that cannot be. */
export type RzscontrolWords =
  | { readonly kind: 'request'; readonly request: RzscontrolRequest }
  | { readonly kind: 'usage' }
  | { readonly kind: 'error'; readonly what: string; readonly errno: 'EOVERFLOW' | 'EINVAL' };

type OptionName =
  'backing_swap' | 'memlimit_kb' | 'disksize_kb' | 'init' | 'reset' | 'stats' | 'verbose' | 'help';

const OPTIONS: readonly {
  readonly long: OptionName;
  readonly short: string;
  readonly hasValue: boolean;
}[] = [
  { long: 'backing_swap', short: 'b', hasValue: true },
  { long: 'memlimit_kb', short: 'm', hasValue: true },
  { long: 'disksize_kb', short: 'd', hasValue: true },
  { long: 'init', short: 'i', hasValue: false },
  { long: 'reset', short: 'r', hasValue: false },
  { long: 'stats', short: 's', hasValue: false },
  { long: 'verbose', short: 'v', hasValue: false },
  { long: 'help', short: 'h', hasValue: false },
];

/**
 * Reads a command line.
 *
 * @param words - without the name of the tool: the device, then options
 * @throws UsageError for an option that does not exist, is ambiguous, lacks its value or has one it must not have
 */
export function parseRzscontrol(words: readonly string[]): RzscontrolWords {
  const [device, ...rest] = words;
  if (device === undefined || rest.length === 0) return { kind: 'usage' };
  const given = readOptions(rest);
  if (given.has('help')) return { kind: 'usage' };
  for (const what of ['memlimit_kb', 'disksize_kb'] as const) {
    const text = given.get(what);
    if (text === undefined) continue;
    if (text.length > VALUE_DIGITS_MAX) return { kind: 'error', what, errno: 'EOVERFLOW' };
    if (!/^\d+$/.test(text)) return { kind: 'error', what, errno: 'EINVAL' };
  }
  const number = (name: OptionName): number | null => {
    const text = given.get(name);
    return text === undefined ? null : Number(text);
  };
  return {
    kind: 'request',
    request: {
      device: Buffer.from(device, 'utf8').subarray(0, DEVICE_NAME_BYTES_MAX).toString('utf8'),
      backingSwap: given.get('backing_swap') ?? null,
      memlimitKb: number('memlimit_kb'),
      disksizeKb: number('disksize_kb'),
      init: given.has('init'),
      reset: given.has('reset'),
      stats: given.has('stats'),
      verbose: given.has('verbose'),
    },
  };
}

/** The options in words, with their values, `''` for those that have none. */
function readOptions(words: readonly string[]): Map<OptionName, string> {
  const given = new Map<OptionName, string>();
  let taken = 0;
  for (const [at, word] of words.entries()) {
    if (taken > 0) {
      taken--;
      continue;
    }
    if (word === '--') break;
    const next = words[at + 1];
    if (word.startsWith('--')) taken = readLong(word.slice(2), next, given);
    else if (word.startsWith('-') && word !== '-') taken = readShort(word, next, given);
  }
  return given;
}

/** Reads a long option; gives how many further words it took. */
function readLong(text: string, next: string | undefined, given: Map<OptionName, string>): 0 | 1 {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const matching = OPTIONS.filter(({ long }) => long.startsWith(name) && name !== '');
  const option = matching.find(({ long }) => long === name) ?? matching[0];
  if (option === undefined) throw new UsageError(`rzscontrol: unrecognized option '--${name}'`);
  if (matching.length > 1 && option.long !== name) {
    const possible = matching.map(({ long }) => `'--${long}'`).join(' ');
    throw new UsageError(`rzscontrol: option '--${name}' is ambiguous; possibilities: ${possible}`);
  }
  if (!option.hasValue) {
    if (equals >= 0) throw new UsageError(`rzscontrol: option '--${option.long}' doesn't allow an argument`);
    given.set(option.long, '');
    return 0;
  }
  const value = equals < 0 ? next : text.slice(equals + 1);
  if (value === undefined) throw new UsageError(`rzscontrol: option '--${option.long}' requires an argument`);
  given.set(option.long, value);
  return equals < 0 ? 1 : 0;
}

/** Reads a word of short options; gives how many further words it took. */
function readShort(word: string, next: string | undefined, given: Map<OptionName, string>): 0 | 1 {
  for (let index = 1; index < word.length; index++) {
    const letter = word.charAt(index);
    const option = OPTIONS.find(({ short }) => short === letter);
    if (option === undefined) throw new UsageError(`rzscontrol: invalid option -- '${letter}'`);
    if (!option.hasValue) {
      given.set(option.long, '');
      continue;
    }
    const attached = word.slice(index + 1);
    const value = attached === '' ? next : attached;
    if (value === undefined) throw new UsageError(`rzscontrol: option requires an argument -- '${letter}'`);
    given.set(option.long, value);
    return attached === '' ? 1 : 0;
  }
  return 0;
}
