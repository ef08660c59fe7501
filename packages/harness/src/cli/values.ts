/**
 * Values of options, as they are typed, and the time limit that commands share.
 */
import { InvalidArgumentError } from 'commander';

import { TimeLimitError } from '../errors.js';
import { UINT32_RANGE } from '../random.js';
import type { CommandContext } from './terminal.js';

/** Seconds after which a command ends when nothing else is said. */
const TIME_LIMIT = 300;

/**
 * Runs a command with a signal that is aborted, with a `TimeLimitError`, when the limit is reached.
 *
 * @param seconds - the limit; 300 when not given
 * @param context - of the command
 * @param command - gets a context with that signal
 * @returns what the command returns
 */
export async function withTimeLimit(
  seconds = TIME_LIMIT,
  context: CommandContext,
  command: (context: CommandContext) => Promise<number>,
): Promise<number> {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new TimeLimitError(`the time limit of ${String(seconds)} s was reached`));
  }, seconds * 1000);
  try {
    const code = await command({ ...context, signal: AbortSignal.any([context.signal, limit.signal]) });
    // Work that answers an abort with what it has so far, instead of rejecting, must not pass as complete.
    limit.signal.throwIfAborted();
    return code;
  } catch (error) {
    // Work may reject with an error of its own when it is aborted: the limit is the reason all the same.
    limit.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** A whole number. */
export function parseInteger(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('A whole number is needed.');
  return Number(text);
}

/** A whole number, at least 1. */
export function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= 1 && Number.isSafeInteger(count)))
    throw new InvalidArgumentError('A whole number, at least 1, is needed.');
  return count;
}

/** A seed: 32 bits. */
export function parseSeed(text: string): number {
  const seed = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(seed < UINT32_RANGE)) {
    throw new InvalidArgumentError(`Allowed: 0 to ${String(UINT32_RANGE - 1)}.`);
  }
  return seed;
}

/** A time in seconds. */
export function parseSeconds(text: string): number {
  const seconds = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= 0.1 && seconds <= 86_400)) {
    throw new InvalidArgumentError('Allowed: 0.1 to 86400 seconds.');
  }
  return seconds;
}

/** Names, separated by commas. */
export function splitList(text: string): string[] {
  const names = text.split(',').filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('At least one name is needed.');
  return names;
}

/** An option that may be given several times: collects its values. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), ...splitList(text)];
}
