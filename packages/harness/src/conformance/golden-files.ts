/**
 * Finding and reading golden data.
 *
 * Promise: whatever is missing, unreadable or damaged ends in one sentence that names the file, as an {@link EnvironmentError}; a file that
 * was cut short is damaged too. Nothing here knows what the lines of a set mean.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { EnvironmentError } from '../errors.js';
import { GOLDEN_SETS, isGoldenSet, type GoldenSet } from './document.js';

/** Largest file after decompression, in bytes: far above any real one, low enough not to exhaust memory. */
const FILE_BYTES_MAX = 256 << 20;

/** The selection that comes with the package; the path is the same from `src/` and from `dist/`. */
export const COMMITTED_SELECTION = fileURLToPath(new URL('../../golden', import.meta.url));

/** A set folder that was found. */
export interface SetFolder {
  readonly set: GoldenSet;
  readonly path: string;
}

/**
 * Finds the sets in some directories.
 * @param directories - each the folder of one set, or a folder that has such folders; other folders in it are ignored
 * @throws {@link EnvironmentError} when a directory does not exist or holds no set
 */
export function findSets(directories: readonly string[]): SetFolder[] {
  const found: SetFolder[] = [];
  for (const directory of directories) {
    const path = resolve(directory);
    const entries = listDirectory(path);
    const name = basename(path);
    if (isGoldenSet(name)) {
      found.push({ set: name, path });
      continue;
    }
    const sets = GOLDEN_SETS.filter((set) => entries.includes(set) && isDirectory(join(path, set)));
    if (sets.length === 0) {
      throw new EnvironmentError(
        `The directory '${directory}' holds no golden data: it should have a folder named ${GOLDEN_SETS.join(', ')}, or be one.`,
      );
    }
    for (const set of sets) found.push({ set, path: join(path, set) });
  }
  return found;
}

/**
 * The trace files of a folder in order of their names.
 * @param folder - path
 * @throws {@link EnvironmentError} when there are none
 */
export function traceFilesOf(folder: string): string[] {
  const files = listDirectory(folder)
    .filter((name) => name.endsWith('.jsonl.gz') || name.endsWith('.jsonl'))
    .sort();
  if (files.length === 0) throw new EnvironmentError(`The folder '${folder}' holds no trace (*.jsonl.gz).`);
  return files.map((name) => join(folder, name));
}

/**
 * The lines of a file, decompressed if its name ends in `.gz`, without the end of the last one.
 * @param file - path
 * @throws {@link EnvironmentError} when it is missing, unreadable, damaged or empty
 */
export function readLines(file: string): string[] {
  const text = readBytes(file).toString('utf8');
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw damaged(file, 'it is empty');
  return lines;
}

/**
 * One line as JSON.
 * @param file - path, for the message
 * @param lines - from {@link readLines}
 * @param index - from 0
 * @throws {@link EnvironmentError} when it is no JSON
 */
export function parseLine(file: string, lines: readonly string[], index: number): unknown {
  try {
    return JSON.parse(lines[index] ?? '') as unknown;
  } catch (error) {
    throw damaged(file, `line ${index + 1} is no JSON`, error);
  }
}

/**
 * The error for a file that is not what it should be.
 * @param file - path
 * @param what - `'line 3 is no JSON'`
 * @param cause - the error behind it, if there is one
 */
export function damaged(file: string, what: string, cause?: unknown): EnvironmentError {
  return new EnvironmentError(
    `The golden file '${file}' is damaged: ${what}.`,
    cause === undefined ? {} : { cause },
  );
}

/**
 * The bytes of a file, decompressed if its name ends in `.gz`.
 * @param file - path
 * @throws {@link EnvironmentError} when it is missing, unreadable or damaged
 */
export function readBytes(file: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new EnvironmentError(`The golden file '${file}' cannot be read: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
  if (!file.endsWith('.gz')) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: FILE_BYTES_MAX });
  } catch (error) {
    throw damaged(file, `it cannot be decompressed (${reasonOf(error)})`, error);
  }
}

function listDirectory(path: string): string[] {
  if (!existsSync(path))
    throw new EnvironmentError(`The directory '${path}' with golden data does not exist.`);
  try {
    return readdirSync(path);
  } catch (error) {
    throw new EnvironmentError(
      `The directory '${path}' with golden data cannot be read: ${reasonOf(error)}.`,
      { cause: error },
    );
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
}
