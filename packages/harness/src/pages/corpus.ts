/**
 * The corpus of a run: the pages that processes write, harvested once before the workers start.
 *
 * Promises: the same specification, seed, count and Node executable (or files) give the same bytes and so the same hash; the memory of a
 * process is another one each time. The bytes lie in one `SharedArrayBuffer`, so that all workers read the same copy; nobody writes to it
 * afterwards. What was kept in a file (`keepPages`) gives the same corpus when it is read.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

import { EnvironmentError } from '../errors.js';
import { writeFileAtomically } from '../files.js';
import { Random } from '../random.js';
import { gatherPath } from './file-pages.js';
import { PageRoom, PAGES_PER_TURN, type Gathering } from './gathering.js';
import {
  PAGE_BYTES,
  writeIncompressiblePage,
  writePageOfRatio,
  writePointerPage,
  writeSameFilledPage,
  writeSparsePage,
  writeTextPage,
  type PageWriter,
} from './generate.js';
import { gatherProcess } from './process-pages.js';
import type { PagesSpec, SyntheticPagesSpec } from './spec.js';

/** How many pages a corpus has when nobody asks for another number: 4 MiB, larger than the caches of a core. */
export const DEFAULT_CORPUS_PAGES = 1024;

/** So long at a time, then others have a turn: a person does not notice it. */
const TURN_MS = 10;

/** The pages that processes write. */
export interface PageCorpus {
  /** `pages * 4096` bytes, page after page, shared between workers and never written again. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** How many pages there are. */
  readonly pages: number;
  /** SHA-256 of `bytes`, 64 hexadecimal digits: two runs with equal hashes wrote from the same pages. */
  readonly hash: string;
  /** One line for people: what the pages are. */
  readonly description: string;
}

/** Shares, in parts of 100, of the default corpus; what is left over is taken from the Node executable. */
const GENERATED_SHARES: readonly (readonly [string, number, PageWriter])[] = [
  ['text', 15, writeTextPage],
  ['pointers', 15, writePointerPage],
  ['sparse', 10, writeSparsePage],
  ['zero', 7, writeZeroPage],
  ['same-filled', 3, writeSameFilledPage],
  ['incompressible', 5, writeIncompressiblePage],
];

/**
 * Makes the corpus of a run, in one go.
 *
 * @param spec - what `parsePagesSpec` gave
 * @param seed - an unsigned 32-bit integer
 * @param pages - how many pages, at least 1; files and processes that have fewer give fewer
 * @param executable - the file whose pages are the larger part of the default corpus
 * @throws RangeError when `pages` is not a positive integer
 * @throws EnvironmentError when the executable, the file, the directory or the process cannot be read
 */
export function harvestPages(
  spec: PagesSpec,
  seed: number,
  pages: number = DEFAULT_CORPUS_PAGES,
  executable: string = process.execPath,
): PageCorpus {
  const steps = harvest(spec, seed, pages, executable);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Makes the corpus of a run, and gives way to others on the way: a directory may take long.
 *
 * @param spec - what `parsePagesSpec` gave
 * @param seed - an unsigned 32-bit integer
 * @param pages - how many pages, at least 1; files and processes that have fewer give fewer
 * @param signal - ends it
 * @returns the same corpus that `harvestPages` gives
 * @throws the reason of the signal, and what `harvestPages` throws
 */
export async function harvestPagesInTurns(
  spec: PagesSpec,
  seed: number,
  pages: number = DEFAULT_CORPUS_PAGES,
  signal?: AbortSignal,
): Promise<PageCorpus> {
  const steps = harvest(spec, seed, pages, process.execPath);
  try {
    let turnEnds = performance.now() + TURN_MS;
    for (;;) {
      signal?.throwIfAborted();
      const step = steps.next();
      if (step.done === true) return step.value;
      if (performance.now() < turnEnds) continue;
      await setImmediate();
      turnEnds = performance.now() + TURN_MS;
    }
  } finally {
    // Files that are still open are closed here.
    steps.return(undefined as never);
  }
}

/**
 * Keeps the pages of a run in a file: page after page, nothing else. Only its owner may read it, since it may hold what a process had in memory.
 *
 * @param corpus - the pages
 * @param path - where; a file that is there is replaced
 * @throws EnvironmentError when it cannot be written; a file that was there is then untouched
 */
export function keepPages(corpus: PageCorpus, path: string): void {
  writeFileAtomically(path, corpus.bytes, { what: 'the pages', mode: 0o600 });
}

function* harvest(spec: PagesSpec, seed: number, pages: number, executable: string): Gathering<PageCorpus> {
  if (!Number.isInteger(pages) || pages < 1) {
    throw new RangeError(`a corpus of ${String(pages)} pages is impossible; allowed: 1 and more`);
  }
  const random = new Random(seed).fork('pages');
  if (spec.kind === 'path' || spec.kind === 'process') {
    const room = new PageRoom(pages);
    const description =
      spec.kind === 'path'
        ? yield* gatherPath(spec.path, room, random)
        : yield* gatherProcess(spec.pid, room, random);
    return corpusOf(room.bytes(), description);
  }
  const bytes = new Uint8Array(new SharedArrayBuffer(pages * PAGE_BYTES));
  const description =
    spec.kind === 'default'
      ? yield* fillDefault(bytes, pages, random, executable)
      : yield* fillSynthetic(bytes, pages, random, spec);
  return corpusOf(bytes, description);
}

function corpusOf(bytes: Uint8Array<SharedArrayBuffer>, description: string): PageCorpus {
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { bytes, pages: bytes.length / PAGE_BYTES, hash, description };
}

function* fillDefault(
  bytes: Uint8Array,
  pages: number,
  random: Random,
  executable: string,
): Gathering<string> {
  let page = 0;
  const parts: string[] = [];
  for (const [name, share, write] of GENERATED_SHARES) {
    const count = Math.floor((pages * share) / 100);
    const generator = random.fork(name);
    for (let end = page + count; page < end; page++) {
      if (page % PAGES_PER_TURN === 0) yield;
      write(generator, bytes, page * PAGE_BYTES);
    }
    parts.push(`${String(count)} ${name}`);
  }
  const wanted = pages - page;
  const harvested = yield* harvestFile(executable, bytes, page, wanted, random.fork('executable'));
  const filler = random.fork('filler');
  for (page += harvested; page < pages; page++) writeTextPage(filler, bytes, page * PAGE_BYTES);
  if (harvested < wanted) parts.push(`${String(wanted - harvested)} more text`);
  return `${String(harvested)} pages of the Node executable and generated pages: ${parts.join(', ')}`;
}

/**
 * Copies pages of a file that are not all zero: one from each of `wanted` equal stretches of the file, at a place
 * in it that the generator chooses, so that all sections of an executable are represented and no page comes twice.
 */
function* harvestFile(
  file: string,
  bytes: Uint8Array,
  firstPage: number,
  wanted: number,
  random: Random,
): Gathering<number> {
  if (wanted === 0) return 0;
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw new EnvironmentError(
      `the Node executable ${file} cannot be read for pages; --pages synthetic needs no file`,
      { cause },
    );
  }
  try {
    const filePages = Math.floor(fstatSync(descriptor).size / PAGE_BYTES);
    const stretches = Math.min(wanted, filePages);
    const buffer = new Uint8Array(PAGE_BYTES);
    let harvested = 0;
    for (let stretch = 0; stretch < stretches; stretch++) {
      if (stretch % PAGES_PER_TURN === 0) yield;
      const start = Math.floor((stretch * filePages) / stretches);
      const end = Math.floor(((stretch + 1) * filePages) / stretches);
      const chosen = random.below(end - start);
      for (let tried = 0; tried < end - start; tried++) {
        const at = start + ((chosen + tried) % (end - start));
        if (readSync(descriptor, buffer, 0, PAGE_BYTES, at * PAGE_BYTES) !== PAGE_BYTES) break;
        if (buffer.every((byte) => byte === 0)) continue;
        bytes.set(buffer, (firstPage + harvested) * PAGE_BYTES);
        harvested++;
        break;
      }
    }
    return harvested;
  } finally {
    closeSync(descriptor);
  }
}

function* fillSynthetic(
  bytes: Uint8Array,
  pages: number,
  random: Random,
  spec: SyntheticPagesSpec,
): Gathering<string> {
  const zeroEnd = Math.round(pages * spec.zero);
  const sameEnd = Math.round(pages * (spec.zero + spec.same));
  const same = random.fork('same-filled');
  const mixed = random.fork('ratio');
  // Sizes vary around the ratio, as real ones do: equal sizes would never fragment the pool.
  const spread = Math.max(0, Math.min(0.2, spec.ratio - 0.05, 1 - spec.ratio));
  for (let page = 0; page < pages; page++) {
    if (page % PAGES_PER_TURN === 0) yield;
    const offset = page * PAGE_BYTES;
    if (page < zeroEnd) {
      writeZeroPage(same, bytes, offset);
    } else if (page < sameEnd) {
      writeSameFilledPage(same, bytes, offset);
    } else {
      const ratio = spec.ratio + (spread * (mixed.below(2001) - 1000)) / 1000;
      writePageOfRatio(mixed, ratio, bytes, offset);
    }
  }
  return (
    `generated pages: ratio ${String(spec.ratio)}, ` +
    `${String(zeroEnd)} zero, ${String(sameEnd - zeroEnd)} same-filled of ${String(pages)}`
  );
}

function writeZeroPage(_random: Random, out: Uint8Array, offset: number): void {
  out.fill(0, offset, offset + PAGE_BYTES);
}
