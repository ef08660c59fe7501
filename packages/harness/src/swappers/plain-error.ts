/**
 * Errors as plain data: on the way between threads an error loses its class and code.
 */
import { RunStopped } from './control.js';
import type { PlainError } from './task.js';

/**
 * An error as plain data.
 *
 * @param thrown - whatever was thrown
 */
export function plainError(thrown: unknown): PlainError {
  if (thrown instanceof RunStopped)
    return { name: thrown.name, code: 'ERR_RUN_STOPPED', message: thrown.message, stack: '' };
  if (!(thrown instanceof Error)) return { name: 'Error', code: '', message: String(thrown), stack: '' };
  const code = 'code' in thrown ? String(thrown.code) : '';
  return { name: thrown.name, code, message: thrown.message, stack: thrown.stack ?? '' };
}
