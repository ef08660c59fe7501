/**
 * How the image of a machine lies in a file.
 *
 *   bytes   what
 *   8       magic: 0x89 "SWAPLAB"
 *   4       version of this format, 1
 *   4       length of the description
 *   32      SHA-256 of everything else: the 16 bytes before it, and all that follows
 *   ...     the description, JSON in UTF-8: configuration, drivers, size of the memory, pages kept
 *   ...     chunks until the end: their count of pages and length (4 bytes each), then the length in bytes of the deflated chunk: the numbers
 *           of the pages (4 bytes each), then the pages
 *
 * All numbers are little-endian. Promise: the same image gives the same file with the same zlib; a file that is damaged in any byte, cut or
 * longer than it was is refused, before anything in it is believed.
 */
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

import { PAGE_SIZE, type MachineImage } from '@swaplab/kernel-mm';

/** Why bytes are no machine; the text says what is wrong with them, as the end of a sentence. */
export class MachineFormatError extends Error {
  override readonly name = 'MachineFormatError';
}

const MAGIC = Buffer.from('\x89SWAPLAB', 'latin1');
const VERSION = 1;
const VERSION_AT = MAGIC.length;
const DESCRIPTION_BYTES_AT = VERSION_AT + 4;
const HASH_AT = DESCRIPTION_BYTES_AT + 4;
const HASH_BYTES = 32;
const BODY_AT = HASH_AT + HASH_BYTES;

/** Pages in a chunk: 4 MiB, so that packing never needs the room of a whole machine. */
const CHUNK_PAGES = 1024;
const CHUNK_HEADER_BYTES = 8;
/** Speed before size: most of what is not zero does not shrink much, being compressed already. */
const DEFLATE_LEVEL = 1;

/** The description in the file. */
interface Description {
  readonly format: MachineImage['format'];
  readonly config: MachineImage['config'];
  readonly drivers: MachineImage['drivers'];
  /** Bytes of the memory. */
  readonly bytes: number;
  /** Pages that are kept. */
  readonly pages: number;
}

/**
 * Packs an image.
 *
 * @param image - from `machine.image()`
 * @returns the bytes of the file
 */
export function packMachine(image: MachineImage): Buffer {
  const { format, config, drivers, bytes, indices } = image;
  const description: Description = { format, config, drivers, bytes, pages: indices.length };
  const text = Buffer.from(JSON.stringify(description), 'utf8');
  const head = Buffer.alloc(BODY_AT);
  MAGIC.copy(head);
  head.writeUInt32LE(VERSION, VERSION_AT);
  head.writeUInt32LE(text.length, DESCRIPTION_BYTES_AT);
  const parts: Buffer[] = [head, text];
  for (let first = 0; first < indices.length; first += CHUNK_PAGES)
    parts.push(...packChunk(image, first, Math.min(first + CHUNK_PAGES, indices.length)));
  const file = Buffer.concat(parts);
  hashOf(file).copy(file, HASH_AT);
  return file;
}

/**
 * Unpacks an image.
 *
 * @param file - the bytes of the file, whatever they are
 * @returns the image as it was; whether this version of the code can make a machine of it is another question
 * @throws MachineFormatError when the bytes are not exactly those of an image
 */
export function unpackMachine(file: Buffer): MachineImage {
  if (file.length === 0) throw new MachineFormatError('it is empty');
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) throw new MachineFormatError('it holds no machine');
  if (file.length < BODY_AT) throw new MachineFormatError('it is cut off');
  const version = file.readUInt32LE(VERSION_AT);
  if (version !== VERSION)
    throw new MachineFormatError(`it has version ${String(version)} of the format, not ${String(VERSION)}`);
  if (!hashOf(file).equals(file.subarray(HASH_AT, BODY_AT)))
    throw new MachineFormatError('it is damaged: its bytes are not those that were written');
  try {
    return unpackBody(file);
  } catch (cause) {
    if (cause instanceof MachineFormatError) throw cause;
    // The hash is right, so nobody damaged it: it was written like that.
    throw new MachineFormatError(`its contents make no sense (${String(cause)})`, { cause });
  }
}

function unpackBody(file: Buffer): MachineImage {
  const chunksAt = BODY_AT + file.readUInt32LE(DESCRIPTION_BYTES_AT);
  const description: unknown = JSON.parse(file.toString('utf8', BODY_AT, chunksAt));
  if (!isDescription(description)) throw new MachineFormatError('its description is none');
  const { format, config, drivers, bytes, pages } = description;
  const image = {
    format,
    config,
    drivers,
    bytes,
    indices: new Int32Array(pages),
    pages: new Uint8Array(pages * PAGE_SIZE),
  };
  let done = 0;
  for (let at = chunksAt; at < file.length;) {
    const count = file.readUInt32LE(at);
    const end = at + CHUNK_HEADER_BYTES + file.readUInt32LE(at + 4);
    unpackChunk(image, done, count, file.subarray(at + CHUNK_HEADER_BYTES, end));
    done += count;
    at = end;
  }
  if (done !== pages) throw new MachineFormatError(`it has ${String(done)} of ${String(pages)} pages`);
  return image;
}

/** Whether the outlines are right; what is in the configuration is checked by whoever makes the machine. */
function isDescription(value: unknown): value is Description {
  if (typeof value !== 'object' || value === null) return false;
  const { config, drivers, pages } = value as Partial<Record<keyof Description, unknown>>;
  return (
    typeof config === 'object' &&
    config !== null &&
    Array.isArray(drivers) &&
    drivers.every((driver) => typeof driver === 'object' && driver !== null) &&
    typeof pages === 'number'
  );
}

/** Pages `first` up to `end` of those that are kept. */
function packChunk({ indices, pages }: MachineImage, first: number, end: number): [Buffer, Buffer] {
  const count = end - first;
  const plain = Buffer.alloc(count * (4 + PAGE_SIZE));
  for (const [page, index] of indices.subarray(first, end).entries()) plain.writeUInt32LE(index, 4 * page);
  plain.set(pages.subarray(first * PAGE_SIZE, end * PAGE_SIZE), 4 * count);
  const packed = deflateRawSync(plain, { level: DEFLATE_LEVEL });
  const header = Buffer.alloc(CHUNK_HEADER_BYTES);
  header.writeUInt32LE(count, 0);
  header.writeUInt32LE(packed.length, 4);
  return [header, packed];
}

function unpackChunk(
  image: { readonly indices: Int32Array; readonly pages: Uint8Array },
  done: number,
  count: number,
  packed: Buffer,
): void {
  if (count > CHUNK_PAGES || done + count > image.indices.length)
    throw new MachineFormatError(`it has a chunk of ${String(count)} pages where there is no room for it`);
  const bytes = count * (4 + PAGE_SIZE);
  const plain = inflateRawSync(packed, { maxOutputLength: bytes });
  if (plain.length !== bytes) throw new MachineFormatError('it has a chunk that is too short');
  for (let page = 0; page < count; page++) image.indices[done + page] = plain.readUInt32LE(4 * page);
  image.pages.set(plain.subarray(4 * count), done * PAGE_SIZE);
}

/** Of everything but the place where the hash itself stands. */
function hashOf(file: Buffer): Buffer {
  return createHash('sha256').update(file.subarray(0, HASH_AT)).update(file.subarray(BODY_AT)).digest();
}
