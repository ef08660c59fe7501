/**
 * Pages of a file, or of all regular files below a directory.
 *
 * A file is cut into pages of 4096 bytes; the last one is filled up with zeros. When there are more pages than the corpus has room for, one is
 * taken from each of as many equal stretches as there is room. Otherwise all are taken, in order, so that a file that was written from a corpus
 * gives the same corpus again.
 *
 * A directory is walked in the order of names, which makes the choice repeatable. Symbolic links below it are not followed, so there are no
 * loops; what may not be read is left out and counted. It is walked twice, to count and to take, instead of keeping a list of what is there.
 */
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs';
import type { Dirent, Stats } from 'node:fs';
import { join } from 'node:path';

import { EnvironmentError } from '../errors.js';
import { reasonOf } from '../files.js';
import type { Random } from '../random.js';
import { counted, PAGES_PER_TURN, spreadChoice, type Gathering, type PageRoom } from './gathering.js';
import { PAGE_BYTES } from './generate.js';

/**
 * Takes pages of a file or of a directory.
 *
 * @param path - of either
 * @param room - where they go
 * @param random - chooses when there are too many
 * @returns one line for people: what was taken
 * @throws EnvironmentError when there is nothing to take, with the reason
 */
export function* gatherPath(path: string, room: PageRoom, random: Random): Gathering<string> {
  const status = statusOf(path);
  if (status.isDirectory()) return yield* gatherDirectory(path, room, random);
  if (!status.isFile()) {
    throw new EnvironmentError(`pages cannot be read from ${path}: it is neither a file nor a directory`);
  }
  return yield* gatherFile(path, room, random);
}

function statusOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

function* gatherFile(path: string, room: PageRoom, random: Random): Gathering<string> {
  const taker = new PageTaker(room);
  let total: number;
  try {
    const descriptor = openSync(path, 'r');
    try {
      total = pagesIn(fstatSync(descriptor).size);
      for (const [turn, page] of spreadChoice(total, room.capacity, random).entries()) {
        if (turn % PAGES_PER_TURN === 0) yield;
        taker.take(descriptor, page);
      }
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw cannotRead(path, cause);
  }
  if (room.pages === 0) throw new EnvironmentError(`pages cannot be read from ${path}: it is empty`);
  return `${takenOf(room.pages, total)} of the file ${path}`;
}

function* gatherDirectory(path: string, room: PageRoom, random: Random): Gathering<string> {
  try {
    readdirSync(path);
  } catch (cause) {
    // Below, directories that may not be read are only counted.
    throw cannotRead(path, cause);
  }
  const count = new Walk();
  let total = 0;
  let files = 0;
  for (const file of count.files(path)) {
    if (file === null) {
      yield;
      continue;
    }
    total += pagesIn(file.size);
    files += 1;
  }
  if (total === 0) {
    throw new EnvironmentError(
      `pages cannot be read from ${path}: no file below it can be read and has contents${count.leftOut()}`,
    );
  }
  const chosen = spreadChoice(total, room.capacity, random);
  const taker = new PageTaker(room);
  let next = 0;
  let firstPage = 0;
  for (const file of new Walk().files(path)) {
    if (file === null) {
      yield;
      continue;
    }
    const end = firstPage + pagesIn(file.size);
    const first = next;
    while (next < chosen.length && (chosen[next] as number) < end) next += 1;
    if (next > first) {
      const pages = chosen.slice(first, next).map((page) => page - firstPage);
      yield* takeFrom(file.path, pages, taker, count);
    }
    if (next === chosen.length) break;
    firstPage = end;
  }
  if (room.pages === 0) {
    throw new EnvironmentError(`pages cannot be read from ${path}: its files vanished while they were read`);
  }
  return `${takenOf(room.pages, total)} of ${counted(files, 'file')} below ${path}${count.leftOut()}`;
}

function* takeFrom(path: string, pages: readonly number[], taker: PageTaker, walk: Walk): Gathering<void> {
  let descriptor: number;
  try {
    // Whatever may have taken the place of the file since: never wait for the writer of a pipe.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    walk.unreadable += 1;
    return;
  }
  try {
    for (const [turn, page] of pages.entries()) {
      if (turn % PAGES_PER_TURN === 0) yield;
      if (!taker.tryTake(descriptor, page)) {
        walk.unreadable += 1;
        return;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Reads single pages of open files into the room. */
class PageTaker {
  readonly #room: PageRoom;
  readonly #buffer = new Uint8Array(PAGE_BYTES);

  constructor(room: PageRoom) {
    this.#room = room;
  }

  /** Takes a page, filled up with zeros; none when the file has become shorter. */
  take(descriptor: number, page: number): void {
    let length = 0;
    for (;;) {
      const read = readSync(
        descriptor,
        this.#buffer,
        length,
        PAGE_BYTES - length,
        page * PAGE_BYTES + length,
      );
      length += read;
      if (read === 0 || length === PAGE_BYTES) break;
    }
    if (length === 0) return;
    this.#buffer.fill(0, length);
    this.#room.add(this.#buffer);
  }

  /** The same; false when the file cannot be read after all. */
  tryTake(descriptor: number, page: number): boolean {
    try {
      this.take(descriptor, page);
      return true;
    } catch {
      return false;
    }
  }
}

/** A regular file that can be read and has contents. */
interface FoundFile {
  readonly path: string;
  /** In bytes, at least 1. */
  readonly size: number;
}

/** Entries of directories looked at between two yields. */
const ENTRIES_PER_TURN = 128;

/** A walk over a directory. */
class Walk {
  /** Files and directories that may not be read. */
  unreadable = 0;
  /** Symbolic links, pipes, sockets and devices. */
  special = 0;
  #entries = 0;

  /** The files below a directory, in the order of names; null when somebody else may have a turn. */
  *files(directory: string): Generator<FoundFile | null, void, undefined> {
    for (const entry of this.#sortedEntries(directory)) {
      this.#entries += 1;
      if (this.#entries % ENTRIES_PER_TURN === 0) yield null;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) yield* this.files(path);
      else if (!entry.isFile()) this.special += 1;
      else {
        const size = this.#readableSize(path);
        if (size > 0) yield { path, size };
      }
    }
  }

  /** What was left out, as the end of a sentence. */
  leftOut(): string {
    const parts: string[] = [];
    if (this.unreadable > 0)
      parts.push(`${counted(this.unreadable, 'entry', 'entries')} that cannot be read`);
    if (this.special > 0)
      parts.push(counted(this.special, 'link or special file', 'links and special files'));
    return parts.length === 0 ? '' : `; left out: ${parts.join(', ')}`;
  }

  #sortedEntries(directory: string): Dirent[] {
    try {
      const entries = readdirSync(directory, { withFileTypes: true });
      return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    } catch {
      this.unreadable += 1;
      return [];
    }
  }

  #readableSize(path: string): number {
    try {
      accessSync(path, constants.R_OK);
      return statSync(path).size;
    } catch {
      this.unreadable += 1;
      return 0;
    }
  }
}

function pagesIn(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

function takenOf(taken: number, total: number): string {
  return taken === total
    ? counted(total, 'page')
    : `${taken.toLocaleString('en-US')} of ${counted(total, 'page')}`;
}

function cannotRead(path: string, cause: unknown): EnvironmentError {
  if (cause instanceof EnvironmentError) return cause;
  return new EnvironmentError(`pages cannot be read from ${path}: ${reasonOf(cause)}`, { cause });
}
