/**
 * The lines of a text file, plain or compressed by gzip, read as a stream: however long the file is, one piece of it is in memory at a time.
 *
 * Promise: lines come in order, without their line feed and a carriage return before it; a last line without a line feed counts. The event loop
 * gets its turn between pieces, so that an interrupt is heard. Whatever is wrong with the file ends in one sentence that names it, and the line.
 */
import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';

import { EnvironmentError } from '../../errors.js';
import { reasonOf } from '../../files.js';

/** What is done with a line; `false` ends the reading. */
export type LineVisitor = (line: string, number: number) => boolean;

/** Bytes that are read at a time, compressed or not. */
const PIECE_BYTES = 1 << 16;
/** No format has longer lines: beyond it the file is something else. */
const LINE_CHARACTERS_MAX = 1 << 16;
/** So many characters of a bad line are shown. */
const SHOWN_CHARACTERS = 60;

/**
 * The error for a line that is not what it should be.
 *
 * @param path - of the file
 * @param number - of the line, from 1 on
 * @param what - what is wrong with it, as the rest of a sentence
 */
export function badLine(path: string, number: number, what: string): EnvironmentError {
  return new EnvironmentError(`${path}:${String(number)}: ${what}`);
}

/**
 * A line as it is quoted in a message: in quotes, on one line, cut when it is long.
 *
 * @param line - any text
 */
export function quoteLine(line: string): string {
  const cut = line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}...` : line;
  return JSON.stringify(cut);
}

/**
 * Visits each line of a file.
 *
 * @param path - of a regular file, since traces are read several times
 * @param signal - ends it between two pieces
 * @param visit - gets each line and its number, from 1 on
 * @throws EnvironmentError when the file cannot be read or decompressed, the reason of the signal, and what `visit` throws
 */
export async function forEachLine(
  path: string,
  signal: AbortSignal | undefined,
  visit: LineVisitor,
): Promise<void> {
  const handle = await openRegular(path);
  let lines = 0;
  try {
    const raw = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: PIECE_BYTES });
    const text: Readable = (await isCompressed(handle)) ? decompressed(raw) : raw;
    const decoder = new StringDecoder('utf8');
    let rest = '';
    const visitAll = (piece: string): boolean => {
      let start = 0;
      for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', start)) {
        const line = piece.slice(start, piece.charCodeAt(end - 1) === 13 && end > start ? end - 1 : end);
        start = end + 1;
        if (!visit(line, ++lines)) return false;
      }
      rest = start === 0 ? piece : piece.slice(start);
      return true;
    };
    for await (const bytes of text as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      if (!visitAll(rest + decoder.write(bytes))) return;
      if (rest.length > LINE_CHARACTERS_MAX)
        throw badLine(path, lines + 1, `a line of more than ${String(LINE_CHARACTERS_MAX)} characters`);
      // What was decompressed before is handed over without a turn of the event loop.
      await setImmediate();
    }
    rest += decoder.end();
    if (rest !== '') visitAll(`${rest}\n`);
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw badLine(path, lines + 1, `the file cannot be decompressed from here on (${error.message})`);
  } finally {
    await handle.close();
  }
}

async function openRegular(path: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    throw new EnvironmentError(`${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new EnvironmentError(`${path} is no regular file; one is needed, because it is read several times`);
}

/** Whether a file begins as gzip does, whatever its name is. */
async function isCompressed(handle: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer.readUInt16BE(0) === 0x1f8b;
}

function decompressed(raw: Readable): Readable {
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  raw.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => raw.destroy());
  return raw.pipe(gunzip);
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}
