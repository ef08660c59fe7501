/**
 * What notifier callbacks answer, and errnos wrapped up as answers.
 */

/** Not interested. @kernel NOTIFY_DONE, 2.6.34 */
export const NOTIFY_DONE = 0x0000;
/** Suits me. @kernel NOTIFY_OK, 2.6.34 */
export const NOTIFY_OK = 0x0001;
/** An answer with all of these bits ends the call. @kernel NOTIFY_STOP_MASK, 2.6.34 */
export const NOTIFY_STOP_MASK = 0x8000;
/** Bad: ends the call. @kernel NOTIFY_BAD, 2.6.34 */
export const NOTIFY_BAD = NOTIFY_STOP_MASK | 0x0002;
/** Fine, and nobody else needs to know: ends the call. @kernel NOTIFY_STOP, 2.6.34 */
export const NOTIFY_STOP = NOTIFY_STOP_MASK | NOTIFY_OK;

/**
 * Wraps an errno up as the answer of a callback. In 2.6.34 *every* wrapped value ends the call, also that of success.
 * @param errno - 0 or a negative errno
 * @returns 0x8001 for 0, 0x8002 for -1, 0x800d for -12
 * @kernel include/linux/notifier.h notifier_from_errno, 2.6.34
 */
export function notifierFromErrno(errno: number): number {
  return NOTIFY_STOP_MASK | (NOTIFY_OK - errno);
}

/**
 * Wraps an errno up as the answer of a callback; success lets the call go on.
 * @param errno - 0 or a negative errno
 * @returns {@link NOTIFY_OK} for 0, else as {@link notifierFromErrno}
 * @kernel include/linux/notifier.h notifier_from_errno, 2.6.35 (commit b957e043ee5)
 */
export function notifierFromErrnoOrOk(errno: number): number {
  return errno === 0 ? NOTIFY_OK : notifierFromErrno(errno);
}

/**
 * The errno in the answer of a callback or of a whole call.
 * @param answer - a `NOTIFY_` value or a wrapped errno
 * @returns 0 or a negative errno
 * @kernel include/linux/notifier.h notifier_to_errno, 2.6.34
 */
export function notifierToErrno(answer: number): number {
  const rest = answer & ~NOTIFY_STOP_MASK;
  return rest > NOTIFY_OK ? NOTIFY_OK - rest : 0;
}
