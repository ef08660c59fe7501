/**
 * Errors that end a command: each carries one sentence for the person at the terminal and the exit code that goes
 * with it. They are expected, so the command prints no stack trace for them. A broken invariant is never one of
 * these: that is a bug of ours and stops with a full report.
 */

/** Exit code: everything was fine. */
export const EXIT_FINE = 0;
/** Exit code: a check failed or a bug was found. */
export const EXIT_FAILED = 1;
/** Exit code: wrong usage. */
export const EXIT_USAGE = 2;
/** Exit code: the environment lacks something. */
export const EXIT_ENVIRONMENT = 3;
/** Exit code: the command's own time limit was reached. */
export const EXIT_TIME_LIMIT = 124;
/** Exit code: interrupted by SIGINT. */
export const EXIT_INTERRUPTED = 130;

/** Exit code: ended by SIGTERM. */
export const EXIT_TERMINATED = 143;

/** Base of the expected errors of the harness. */
export class HarnessError extends Error {
  override readonly name: string = 'HarnessError';
  /** A stable name for programs, `ERR_…`. */
  readonly code: string;
  /** What a command that ends with this error exits with. */
  readonly exitCode: number;

  /**
   * @param message - one sentence: what was wrong with which value, and what is allowed
   * @param code - a stable name for programs
   * @param exitCode - what a command that ends with this error exits with
   * @param options - the usual `cause`
   */
  constructor(message: string, code: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** An option has an impossible value, or two options contradict each other. */
export class UsageError extends HarnessError {
  override readonly name = 'UsageError';

  /** @param message - one sentence with the value and the allowed range */
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ERR_USAGE', EXIT_USAGE, options);
  }
}

/** A file, a memory or a feature that the work needs is not there. */
export class EnvironmentError extends HarnessError {
  override readonly name = 'EnvironmentError';

  /** @param message - one sentence that names what is missing and what to do */
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ERR_ENVIRONMENT', EXIT_ENVIRONMENT, options);
  }
}

/** The time limit of a command or a run was reached. */
export class TimeLimitError extends HarnessError {
  override readonly name = 'TimeLimitError';

  /** @param message - one sentence with the limit in seconds; a report may follow on further lines */
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ERR_TIME_LIMIT', EXIT_TIME_LIMIT, options);
  }
}

/** The person at the terminal, or another process, ended the command by a signal. It is the reason of an aborted `AbortSignal`. */
export class InterruptedError extends HarnessError {
  override readonly name = 'InterruptedError';

  /** @param cause - which signal it was */
  constructor(cause: 'SIGINT' | 'SIGTERM') {
    if (cause === 'SIGINT') super('interrupted', 'ERR_INTERRUPTED', EXIT_INTERRUPTED);
    else super('terminated', 'ERR_TERMINATED', EXIT_TERMINATED);
  }
}
