/**
 * Files that a command writes: whole or not at all.
 *
 * Promise: at its path there is what was there before or all of the new contents, never a part, however the process ends; nothing else is left
 * in the folder unless the process is killed in the very moment. Writing is synchronous, so that no interrupt is handled half way. What goes
 * wrong is one sentence for the person at the terminal (`EnvironmentError`).
 */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { EnvironmentError } from './errors.js';

/** How a file is written. */
export interface FileOptions {
  /** What the file is to the person at the terminal, for messages, such as `the report`. */
  readonly what: string;
  /** Permission bits of the new file, before the umask takes some away; 0o666 when left out. */
  readonly mode?: number;
}

/** A place where a file can be written. */
interface Target {
  readonly path: string;
  /** A pipe or a device: it cannot be replaced, only written into. */
  readonly special: boolean;
}

const PERMISSIONS = 0o666;

/** A reader of a pipe may need some time: so often, so long. */
const FULL_PIPE_TRIES = 1000;
const FULL_PIPE_PAUSE_MS = 5;

/**
 * Writes a file: into a temporary one beside it, which then takes its place. A symbolic link is followed and stays; a pipe or a device is
 * written into.
 *
 * @param path - where
 * @param contents - text, as UTF-8, or bytes; bytes of shared memory are allowed
 * @param options - what it is, and its permissions
 * @throws EnvironmentError when it cannot be written, with the reason; what was there before is then untouched
 */
export function writeFileAtomically(path: string, contents: string | Uint8Array, options: FileOptions): void {
  const bytes = typeof contents === 'string' ? Buffer.from(contents, 'utf8') : contents;
  try {
    const target = targetOf(path);
    if (target.special) writeThrough(target.path, bytes);
    else replaceFile(target.path, bytes, options.mode ?? PERMISSIONS);
  } catch (cause) {
    throw cannotWrite(path, options, cause);
  }
}

/**
 * A file that is written piece by piece, in the same way: until {@link AtomicFile.commit} nothing is at its path but what was there before. Only a pipe
 * or a device has each piece at once.
 */
export class AtomicFile {
  readonly #path: string;
  readonly #options: FileOptions;
  readonly #target: Target;
  readonly #temporary: string | null;
  readonly #descriptor: number;
  readonly #onExit = (): void => {
    this.discard();
  };
  #open = true;

  /**
   * @param path - where
   * @param options - what it is, and its permissions
   * @throws EnvironmentError when it cannot be written, with the reason
   */
  constructor(path: string, options: FileOptions) {
    this.#path = path;
    this.#options = options;
    try {
      this.#target = targetOf(path);
      this.#temporary = this.#target.special ? null : temporaryBeside(this.#target.path);
      this.#descriptor =
        this.#temporary === null
          ? openSync(this.#target.path, constants.O_WRONLY | constants.O_NONBLOCK)
          : openSync(this.#temporary, 'wx', options.mode ?? PERMISSIONS);
    } catch (cause) {
      throw cannotWrite(path, options, cause);
    }
    // Whoever leaves at once leaves nothing behind.
    process.once('exit', this.#onExit);
  }

  /**
   * Writes the next bytes.
   *
   * @throws EnvironmentError when they cannot be written; the file is discarded then
   */
  write(bytes: Uint8Array): void {
    try {
      writeAll(this.#descriptor, bytes);
    } catch (cause) {
      this.discard();
      throw cannotWrite(this.#path, this.#options, cause);
    }
  }

  /**
   * Ends the file and puts it in its place.
   *
   * @throws EnvironmentError when that cannot be done; the file is discarded then
   */
  commit(): void {
    try {
      if (this.#temporary !== null) {
        fsyncSync(this.#descriptor);
        renameSync(this.#temporary, this.#target.path);
      }
      this.#close();
    } catch (cause) {
      this.discard();
      throw cannotWrite(this.#path, this.#options, cause);
    }
  }

  /** Ends the file and leaves nothing of it; does nothing when it has ended. */
  discard(): void {
    if (!this.#open) return;
    this.#close();
    if (this.#temporary !== null) rmSync(this.#temporary, { force: true });
  }

  #close(): void {
    this.#open = false;
    process.removeListener('exit', this.#onExit);
    closeSync(this.#descriptor);
  }
}

/**
 * Makes sure that a file can be written, before long work is done whose result goes into it. Leaves nothing behind.
 *
 * @param path - where
 * @param options - what it is, for the message
 * @throws EnvironmentError when it cannot be written, with the reason
 */
export function assertFileWritable(path: string, options: FileOptions): void {
  try {
    const target = targetOf(path);
    if (target.special) {
      // Not to be opened on trial: a pipe would see its writer come and go.
      return;
    }
    const trial = temporaryBeside(target.path);
    closeSync(openSync(trial, 'wx', options.mode ?? PERMISSIONS));
    unlinkSync(trial);
  } catch (cause) {
    throw cannotWrite(path, options, cause);
  }
}

/**
 * Says in words why the system refused something.
 *
 * @param error - what a function of `node:fs` threw, or the stream of a file emitted
 * @returns part of a sentence, with the name of the error behind it
 */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const words = REASONS[code];
  if (words !== undefined) return `${words} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

/**
 * The name of a system error.
 *
 * @param error - anything that was thrown
 * @returns such as `ENOENT`; empty when it has none
 */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EPERM: 'it is not permitted',
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of its path is not a directory',
  EISDIR: 'it is a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'there is no space left on the device',
  EDQUOT: 'the quota is used up',
  EFBIG: 'it would be too large',
  EIO: 'the device reports an error',
  ELOOP: 'there are too many symbolic links',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'its name is too long',
  ENXIO: 'nobody reads from it',
  EPIPE: 'nobody reads from it any more',
  EAGAIN: 'its reader does not read',
};

/** Where the contents really go: behind symbolic links, unless they lead nowhere. */
function targetOf(path: string): Target {
  const whole = resolve(path);
  const status = statSync(whole, { throwIfNoEntry: false });
  if (status === undefined) {
    const folder = realpathSync(dirname(whole));
    return { path: join(folder, basename(whole)), special: false };
  }
  if (status.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
  // The real path of a pipe that is only known by a number is no path at all.
  return status.isFile() ? { path: realpathSync(whole), special: false } : { path: whole, special: true };
}

function temporaryBeside(path: string): string {
  return join(dirname(path), `.swaplab-${String(process.pid)}-${randomBytes(6).toString('hex')}.tmp`);
}

function replaceFile(path: string, bytes: Uint8Array, mode: number): void {
  const temporary = temporaryBeside(path);
  const descriptor = openSync(temporary, 'wx', mode);
  try {
    try {
      writeAll(descriptor, bytes);
      // The name must not be there before the contents are, or a crash of the machine would leave an empty file.
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}

function writeThrough(path: string, bytes: Uint8Array): void {
  // Without O_NONBLOCK a pipe that nobody reads from would hold the process, interrupts and all.
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    writeAll(descriptor, bytes);
  } finally {
    closeSync(descriptor);
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  let patience = FULL_PIPE_TRIES;
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at);
      patience = FULL_PIPE_TRIES;
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN' || --patience === 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_PAUSE_MS);
    }
  }
}

function cannotWrite(path: string, { what }: FileOptions, cause: unknown): EnvironmentError {
  return new EnvironmentError(`${what} cannot be written to ${path}: ${reasonOf(cause)}`, { cause });
}
